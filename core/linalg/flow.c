/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Adv-NTK's coefficients and their gradient (paper, algorithm 1) by Krylov spaces.
 *
 * Notation: D = Diag(speed), h = D^1/2, S = h Theta h. A group is the columns that share a D: all
 * of them, or one each (per_column). With rows q of a Krylov space of S begun with hY (hY = q'
 * start), t = q S q' = E' diag(lambda) E and b = E start:
 *
 *     u(t) = q' E' t phi1(-t lambda) b,   alpha(t) = h u(t),   alpha = alpha(1)
 *     r(t) = e^(-Theta D t) Y = Y - Theta alpha(t) = Y - z' E' t phi1(-t lambda) b,   z = Theta h q
 *
 * and likewise p(t) = e^(-Theta D t) g with mu, E_p, z_p, b_p from a space begun with hg. The
 * gradient
 *
 *     d<g,alpha>/dD_k = sum_c integral_0^1 p(1-t)_kc r(t)_kc dt
 *
 * needs no division by h, so that zero and tiny speeds are as exact as others, and its integrals
 * are integral t phi1(-t lambda) dt = phi2(-lambda), integral (1-t) phi1(-(1-t) mu) t phi1(-t
 * lambda) dt = exp[0,0,-mu,-lambda] = phi2[-mu,-lambda] (divided differences: e^-x is convolved
 * with 1 to give t phi1(-tx), with itself to give the second).
 *
 * Error: u_m' = hY - S u_m + d(t), d(t) = q_next' r last rows of E' t phi1(-t lambda) b. As S >= 0,
 * the error at time 1 is at most the integral of |d(t)|.
 */
#include "config.h"

#include "base/try.h"
#include "linalg/krylov.h"
#include "linalg/phi.h"

#include <advntk/backend.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_DEFAULT = 60, BLOCKS_DEFAULT_PER_COLUMN = 300, PIECE = 1024 };
enum { OF_Y, OF_G, SIDES };

struct advntk_flow {
    struct advntk_host *host;       /* borrowed */
    const struct advntk_sym *theta; /* borrowed */
    struct advntk__apply *apply;
    ptrdiff_t n, columns, groups, width; /* width: columns of a group */
    int64_t blocks_max;
    double tolerance, noise; /* noise: of a product with theta, relative */
    bool ready;              /* coefficients were computed */
    double *h;               /* (groups,n) */
    double *right[SIDES];    /* (columns,n): Y and g, as rows */
    double *x, *y;           /* (columns,n): in and out of a product */
    double *small, *mixed;   /* (cap,cap): of the gradient */
    double *weights[SIDES];  /* (columns,cap) */
    double *result;          /* (columns,n) */
    ptrdiff_t cap;
    struct advntk__krylov **spaces[SIDES]; /* groups */
};

static advntk_status flow_memory(struct advntk_flow *f, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    size_t row = (size_t)f->n * sizeof(double);

    TRY(advntk__apply_new(f->theta, f->columns, &f->apply, err));
    f->h = advntk_alloc(f->groups, row);
    f->x = advntk_alloc(f->columns, row);
    f->y = advntk_alloc(f->columns, row);
    f->result = advntk_alloc(f->columns, row);
    f->small = advntk_alloc(f->cap, (size_t)f->cap * sizeof(double));
    f->mixed = advntk_alloc(f->cap, (size_t)f->cap * sizeof(double));
    if (!f->h || !f->x || !f->y || !f->result || !f->small || !f->mixed) {
        FAIL(err, ENOMEM, "no memory for a gradient flow of %td x %td", f->n, f->columns);
    }
    for (int side = 0; side < SIDES; side++) {
        f->right[side] = advntk_alloc(f->columns, row);
        f->weights[side] = advntk_alloc(f->columns, (size_t)f->cap * sizeof(double));
        f->spaces[side] = calloc((size_t)f->groups, sizeof(*f->spaces[side]));
        if (!f->right[side] || !f->weights[side] || !f->spaces[side]) {
            FAIL(err, ENOMEM, "no memory for a gradient flow of %td x %td", f->n, f->columns);
        }
        for (ptrdiff_t g = 0; g < f->groups; g++) {
            TRY(advntk__krylov_new(f->host, f->n, f->width, f->cap, &f->spaces[side][g], err));
        }
    }
out:
    return rc;
}

advntk_status advntk_flow_new(struct advntk_host *host, const struct advntk_sym *theta,
                              ptrdiff_t columns, bool per_column, double tolerance,
                              int64_t blocks_max, struct advntk_flow **flow,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_flow *f = calloc(1, sizeof(*f));
    bool single = advntk__sym_precision(theta) == ADVNTK_PRECISION_FLOAT32;

    *flow = NULL;
    if (!f) {
        FAIL(err, ENOMEM, "no memory for a gradient flow");
    }
    if (columns < 1 || columns > 1 << 20) {
        FAIL(err, ESHAPE, "a gradient flow of %td columns: expected 1 to 2^20", columns);
    }
    if (!(tolerance >= 0 && tolerance < 1) || blocks_max < 0) {
        FAIL(err, EINVALID,
             "gradient flow: tolerance %g, at most %lld blocks: expected 0 <= tolerance < 1 and 0 "
             "or "
             "more blocks",
             tolerance, (long long)blocks_max);
    }
    f->host = host;
    f->theta = theta;
    f->n = advntk_sym_size(theta);
    f->columns = columns;
    f->groups = per_column ? columns : 1;
    f->width = per_column ? 1 : columns;
    f->tolerance = tolerance > 0 ? tolerance : single ? 1e-6 : 1e-10;
    /* Half an ulp. Rounding errors of entries and products are random and mostly cancel: against
     * exact products the error of alpha stayed near 1/8 of it times the spectral radius. That is a
     * fit, not a bound: it only tells where further blocks cannot help. */
    f->noise = (single ? (double)FLT_EPSILON : DBL_EPSILON) / 2;
    f->blocks_max = blocks_max > 0 ? blocks_max
                    : per_column   ? BLOCKS_DEFAULT_PER_COLUMN
                                   : BLOCKS_DEFAULT;
    f->cap = f->blocks_max < f->n / f->width + 1 ? (ptrdiff_t)f->blocks_max * f->width : f->n;
    f->cap = f->cap < f->n ? f->cap : f->n;
    TRY(flow_memory(f, err));
    *flow = f;
    f = NULL;
out:
    advntk_flow_free(f);
    return rc;
}

void advntk_flow_free(struct advntk_flow *flow)
{
    if (!flow) {
        return;
    }
    for (int side = 0; side < SIDES; side++) {
        for (ptrdiff_t g = 0; flow->spaces[side] && g < flow->groups; g++) {
            advntk__krylov_free(flow->spaces[side][g]);
        }
        free(flow->spaces[side]);
        advntk_free(flow->right[side]);
        advntk_free(flow->weights[side]);
    }
    advntk__apply_free(flow->apply);
    advntk_free(flow->h);
    advntk_free(flow->x);
    advntk_free(flow->y);
    advntk_free(flow->result);
    advntk_free(flow->small);
    advntk_free(flow->mixed);
    free(flow);
}

/* Length of what the space leaves out at time t: r times the last block's rows of E' t phi1 b. */
static double defect(const struct advntk__krylov *s, double t)
{
    double sum = 0;
    for (ptrdiff_t c = 0; c < s->columns; c++) {
        for (ptrdiff_t i = 0; i < s->next; i++) {
            double left = 0;
            for (ptrdiff_t l = 0; l < s->m; l++) {
                double part = 0;
                for (ptrdiff_t j = 0; j < s->width; j++) {
                    part += s->r[i * s->width + j] * s->vectors[l * s->m + s->first + j];
                }
                left += part * t * advntk__phi1(-t * s->values[l]) * s->b[l * s->columns + c];
            }
            sum += left * left;
        }
    }
    return sqrt(sum);
}

/* The integral of the defect (Simpson, four panels) relative to |u(1)|. */
static double error_bound(const struct advntk__krylov *s)
{
    double size = 0;
    for (ptrdiff_t l = 0; l < s->m; l++) {
        for (ptrdiff_t c = 0; c < s->columns; c++) {
            double u = advntk__phi1(-s->values[l]) * s->b[l * s->columns + c];
            size += u * u;
        }
    }
    if (s->next == 0 || size == 0) {
        return 0;
    }
    return (4 * defect(s, 0.25) + 2 * defect(s, 0.5) + 4 * defect(s, 0.75) + defect(s, 1)) / 12 /
           sqrt(size);
}

/* One pass over theta for the open blocks of all groups that are not done. */
static advntk_status one_pass(struct advntk_flow *f, struct advntk__krylov **spaces,
                              const bool *done, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t rows = 0;

    TRY(advntk_cancelled(f->host, err));
    for (ptrdiff_t g = 0; g < f->groups; g++) {
        struct advntk__krylov *s = spaces[g];
        for (ptrdiff_t i = 0; !done[g] && i < s->next; i++, rows++) {
            const double *q = s->q + (s->m + i) * f->n, *h = f->h + g * f->n;
            for (ptrdiff_t k = 0; k < f->n; k++) {
                f->x[rows * f->n + k] = h[k] * q[k];
            }
        }
    }
    TRY(advntk__apply_rows(f->host, f->theta, f->apply, rows, f->x, f->n, f->y, f->n, err));
    rows = 0;
    for (ptrdiff_t g = 0; g < f->groups; g++) {
        struct advntk__krylov *s = spaces[g];
        if (done[g]) {
            continue;
        }
        memcpy(s->z + s->m * f->n, f->y + rows * f->n, (size_t)(s->next * f->n) * sizeof(*f->y));
        rows += s->next;
        TRY(advntk__krylov_extend(s, f->h + g * f->n, f->noise, err));
        TRY(advntk__krylov_ritz(s, err));
    }
out:
    return rc;
}

/* Is the group's space good enough? Folds its state into the report. */
static bool judge(const struct advntk_flow *f, const struct advntk__krylov *s,
                  struct advntk_flow_report *report)
{
    double radius = s->m > 0 ? s->values[s->m - 1] : 0;
    double floor_ = f->noise / 8 * (1 + radius), bound = error_bound(s);
    int stop = ADVNTK_FLOW_CONVERGED;

    if (s->next == 0) {
        stop = ADVNTK_FLOW_FULL;
    } else if (bound <= floor_ && f->tolerance < floor_) {
        stop = ADVNTK_FLOW_STAGNATED;
    } else if (bound > f->tolerance && bound > floor_) {
        if (s->m + s->next <= f->cap) {
            return false;
        }
        stop = ADVNTK_FLOW_LIMIT;
    }
    report->residual = fmax(report->residual, fmax(bound, s->m > 0 ? floor_ : 0));
    report->spectral_radius = fmax(report->spectral_radius, radius);
    /* the report tells the least good of the groups: limit, stagnated, converged, full */
    if (report->stop == ADVNTK_FLOW_FULL || (stop != ADVNTK_FLOW_FULL && stop > report->stop)) {
        report->stop = stop;
    }
    return true;
}

/* Grows the spaces of one side until all are good enough. */
static advntk_status grow(struct advntk_flow *f, int side, struct advntk_flow_report *report,
                          struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__krylov **spaces = f->spaces[side];
    bool *done = calloc((size_t)f->groups, sizeof(*done));
    bool all = true;

    *report = (struct advntk_flow_report){.stop = ADVNTK_FLOW_FULL};
    if (!done) {
        FAIL(err, ENOMEM, "no memory for a gradient flow of %td groups", f->groups);
    }
    for (ptrdiff_t g = 0; g < f->groups; g++) {
        for (ptrdiff_t c = g * f->width; c < (g + 1) * f->width; c++) {
            for (ptrdiff_t k = 0; k < f->n; k++) {
                f->x[c * f->n + k] = f->h[g * f->n + k] * f->right[side][c * f->n + k];
            }
        }
        TRY(advntk__krylov_begin(spaces[g], f->x + g * f->width * f->n, err));
        done[g] = spaces[g]->next == 0;
        all &= done[g];
    }
    while (!all) {
        TRY(one_pass(f, spaces, done, err));
        report->blocks++;
        all = true;
        for (ptrdiff_t g = 0; g < f->groups; g++) {
            done[g] = done[g] || judge(f, spaces[g], report);
            all &= done[g];
        }
    }
out:
    free(done);
    return rc;
}

/* to (columns,n) <- from (n,columns), or back */
static void to_rows(ptrdiff_t n, ptrdiff_t columns, const double *from, double *to)
{
    for (ptrdiff_t k = 0; k < n; k++) {
        for (ptrdiff_t c = 0; c < columns; c++) {
            to[c * n + k] = from[k * columns + c];
        }
    }
}

static void to_columns(ptrdiff_t n, ptrdiff_t columns, const double *from, double *to)
{
    for (ptrdiff_t k = 0; k < n; k++) {
        for (ptrdiff_t c = 0; c < columns; c++) {
            to[k * columns + c] = from[c * n + k];
        }
    }
}

/* to (width,m) <- rows c: sum_l function(-lambda_l) b_lc E_l: a function of t applied to the start
 */
static void combine(const struct advntk__krylov *s, double (*function)(double), double *to)
{
    for (ptrdiff_t c = 0; c < s->columns; c++) {
        for (ptrdiff_t i = 0; i < s->m; i++) {
            to[c * s->m + i] = 0;
        }
        for (ptrdiff_t l = 0; l < s->m; l++) {
            double weight = function(-s->values[l]) * s->b[l * s->columns + c];
            for (ptrdiff_t i = 0; i < s->m; i++) {
                to[c * s->m + i] += weight * s->vectors[l * s->m + i];
            }
        }
    }
}

struct flow_piece {
    struct advntk_flow *f;
    ptrdiff_t group;
};

static advntk_status coefficients_piece(void *context, ptrdiff_t piece, struct advntk_arena *arena,
                                        struct advntk_error *err)
{
    const struct flow_piece *p = context;
    struct advntk_flow *f = p->f;
    const struct advntk__krylov *s = f->spaces[OF_Y][p->group];
    ptrdiff_t at = piece * PIECE, count = f->n - at < PIECE ? f->n - at : PIECE;
    double *to = f->result + p->group * f->width * f->n + at;

    (void)arena, (void)err;
    advntk_host_backend(f->host)->gemm64(advntk_host_backend_state(f->host), false, false, f->width,
                                         count, s->m, 1.0, f->weights[OF_Y], s->m, s->q + at, f->n,
                                         0.0, to, f->n);
    for (ptrdiff_t c = 0; c < f->width; c++) {
        for (ptrdiff_t k = 0; k < count; k++) {
            to[c * f->n + k] *= f->h[p->group * f->n + at + k];
        }
    }
    return ADVNTK_OK;
}

advntk_status advntk_flow_coefficients(struct advntk_flow *flow, const double *speed,
                                       const double *y, double *alpha,
                                       struct advntk_flow_report *report, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_flow *f = flow;
    struct advntk_flow_report own;
    struct flow_piece p = {f, 0};

    f->ready = false;
    for (ptrdiff_t i = 0; i < f->n * f->groups; i++) {
        double v = speed[i];
        if (!(v >= 0) || !isfinite(v)) {
            FAIL(err, EINVALID, "gradient flow: the speed of sample %td is %g, expected 0 or more",
                 i / f->groups, v);
        }
        f->h[i % f->groups * f->n + i / f->groups] = sqrt(v);
    }
    to_rows(f->n, f->columns, y, f->right[OF_Y]);
    TRY(grow(f, OF_Y, &own, err));
    for (p.group = 0; p.group < f->groups; p.group++) {
        combine(f->spaces[OF_Y][p.group], advntk__phi1, f->weights[OF_Y]);
        TRY(advntk_parallel_for(f->host, (f->n + PIECE - 1) / PIECE, coefficients_piece, &p, err));
    }
    to_columns(f->n, f->columns, f->result, alpha);
    f->ready = true;
    if (report) {
        *report = own;
    }
out:
    return rc;
}

/* mixed (m_p,m_r) <- E_p' M E_r, M_ij = phi2[-mu_i,-lambda_j] sum_c bp_ic br_jc */
static void mix(struct advntk_flow *f, const struct advntk__krylov *p,
                const struct advntk__krylov *r)
{
    const struct advntk_backend_ops *backend = advntk_host_backend(f->host);
    void *state = advntk_host_backend_state(f->host);

    for (ptrdiff_t i = 0; i < p->m; i++) {
        for (ptrdiff_t j = 0; j < r->m; j++) {
            double sum = 0;
            for (ptrdiff_t c = 0; c < f->width; c++) {
                sum += p->b[i * f->width + c] * r->b[j * f->width + c];
            }
            f->mixed[i * r->m + j] = sum * advntk__phi2_slope(-p->values[i], -r->values[j]);
        }
    }
    backend->gemm64(state, true, false, p->m, r->m, p->m, 1.0, p->vectors, p->m, f->mixed, r->m,
                    0.0, f->small, r->m);
    backend->gemm64(state, false, false, p->m, r->m, r->m, 1.0, f->small, r->m, r->vectors, r->m,
                    0.0, f->mixed, r->m);
}

/* result row `group` <- sum_c (g y - g w_r - y w_p) + column sums of z_p o (mixed z_r) */
static advntk_status gradient_piece(void *context, ptrdiff_t piece, struct advntk_arena *arena,
                                    struct advntk_error *err)
{
    const struct flow_piece *job = context;
    struct advntk_flow *f = job->f;
    const struct advntk_backend_ops *backend = advntk_host_backend(f->host);
    void *state = advntk_host_backend_state(f->host);
    const struct advntk__krylov *p = f->spaces[OF_G][job->group], *r = f->spaces[OF_Y][job->group];
    ptrdiff_t at = piece * PIECE, count = f->n - at < PIECE ? f->n - at : PIECE;
    ptrdiff_t offset = job->group * f->width * f->n + at;
    const double *y = f->right[OF_Y] + offset, *g = f->right[OF_G] + offset;
    double *to = f->result + job->group * f->n + at;
    double *wr = advntk_arena_get(arena, f->width * count, sizeof(double));
    double *wp = advntk_arena_get(arena, f->width * count, sizeof(double));
    double *zr = advntk_arena_get(arena, p->m * count, sizeof(double));

    if (!wr || !wp || !zr) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the gradient of %td x %td coefficients",
                           f->n, f->columns);
    }
    backend->gemm64(state, false, false, f->width, count, r->m, 1.0, f->weights[OF_Y], r->m,
                    r->z + at, f->n, 0.0, wr, count);
    backend->gemm64(state, false, false, f->width, count, p->m, 1.0, f->weights[OF_G], p->m,
                    p->z + at, f->n, 0.0, wp, count);
    backend->gemm64(state, false, false, p->m, count, r->m, 1.0, f->mixed, r->m, r->z + at, f->n,
                    0.0, zr, count);
    for (ptrdiff_t k = 0; k < count; k++) {
        double sum = 0;
        for (ptrdiff_t c = 0; c < f->width; c++) {
            double gk = g[c * f->n + k], yk = y[c * f->n + k];
            sum += gk * yk - gk * wr[c * count + k] - yk * wp[c * count + k];
        }
        to[k] = sum;
    }
    for (ptrdiff_t i = 0; i < p->m; i++) {
        for (ptrdiff_t k = 0; k < count; k++) {
            to[k] += p->z[i * f->n + at + k] * zr[i * count + k];
        }
    }
    return ADVNTK_OK;
}

advntk_status advntk_flow_gradient(struct advntk_flow *flow, const double *g, double *gradient,
                                   struct advntk_flow_report *report, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_flow *f = flow;
    struct advntk_flow_report own;
    struct flow_piece job = {f, 0};

    if (!f->ready) {
        FAIL(err, EINVALID, "the gradient of coefficients that were not computed");
    }
    to_rows(f->n, f->columns, g, f->right[OF_G]);
    TRY(grow(f, OF_G, &own, err));
    for (job.group = 0; job.group < f->groups; job.group++) {
        const struct advntk__krylov *p = f->spaces[OF_G][job.group];
        const struct advntk__krylov *r = f->spaces[OF_Y][job.group];
        combine(r, advntk__phi2, f->weights[OF_Y]);
        combine(p, advntk__phi2, f->weights[OF_G]);
        mix(f, p, r);
        TRY(advntk_parallel_for(f->host, (f->n + PIECE - 1) / PIECE, gradient_piece, &job, err));
    }
    to_columns(f->n, f->groups, f->result, gradient);
    if (report) {
        *report = own;
    }
out:
    return rc;
}
