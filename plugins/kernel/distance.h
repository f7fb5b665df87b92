/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernels of the distance of two images, k = f(v), v = |x - x'|^2 / d the mean squared difference
 * of their values. A plugin says what f is: `struct distance_config {double length;}` is its
 * config, `static double distance_value(double v, double length, double *slope)` gives f(v) and
 * df/dv, 0 for a derivative that is infinite. Included once a plugin; the rest of the kernel is
 * here.
 *
 * Differences, not products: |x|^2 + |x'|^2 - 2 x.x' loses what near images differ by.
 * Cost of a pair: 3 d flops; with gradients twice that.
 */
#ifndef ADVNTK_KERNEL_DISTANCE_H
#define ADVNTK_KERNEL_DISTANCE_H

#include <advntk/model.h>
#include <advntk/plugin.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

struct distance_config {
    double length;
};

static double distance_value(double v, double length, double *slope);

enum { LANES = 16, SPAN = 1024, COLUMNS = 64 }; /* SPAN: differences summed in the precision */

struct distance_points {
    ptrdiff_t n;
    void *x; /* n,d of the precision */
};

struct distance_tape {
    const struct distance_points *a, *b; /* borrowed */
};

struct distance_state {
    struct advntk_host *host;
    bool narrow;
    size_t real;
    ptrdiff_t d;
    double length;
    int isa;
};

#define DISTANCE(bits, type)                                                                       \
    /* |x - y|^2, LANES partial sums over SPAN values at a time */                                 \
    ADVNTK_ISA_INLINE void square##bits(ptrdiff_t d, const type *x, const type *y, double *sum)    \
    {                                                                                              \
        double all = 0;                                                                            \
        for (ptrdiff_t at = 0; at < d; at += SPAN) {                                               \
            ptrdiff_t n = d - at < SPAN ? d - at : SPAN, i = 0;                                    \
            type lane[LANES] = {0};                                                                \
            for (; i + LANES <= n; i += LANES) {                                                   \
                for (int l = 0; l < LANES; l++) {                                                  \
                    type gap = x[at + i + l] - y[at + i + l];                                      \
                    lane[l] += gap * gap;                                                          \
                }                                                                                  \
            }                                                                                      \
            for (int l = 0; i < n; i++, l++) {                                                     \
                type gap = x[at + i] - y[at + i];                                                  \
                lane[l] += gap * gap;                                                              \
            }                                                                                      \
            for (int l = 0; l < LANES; l++) {                                                      \
                all += (double)lane[l];                                                            \
            }                                                                                      \
        }                                                                                          \
        *sum = all;                                                                                \
    }                                                                                              \
    ADVNTK_ISA_VARIANTS(square##bits, (ptrdiff_t d, const type *x, const type *y, double *sum),    \
                        (d, x, y, sum))                                                            \
    static void (*const squares##bits[])(ptrdiff_t d, const type *x, const type *y, double *sum) = \
        ADVNTK_ISA_TABLE(square##bits);
DISTANCE(32, float)
DISTANCE(64, double)

static const void *distance_row(const struct distance_state *s, const struct distance_points *p,
                                ptrdiff_t i)
{
    return (const char *)p->x + (size_t)(i * s->d) * s->real;
}

static double distance_get(const struct distance_state *s, const void *base, ptrdiff_t i)
{
    return s->narrow ? (double)((const float *)base)[i] : ((const double *)base)[i];
}

static void distance_put(const struct distance_state *s, void *base, ptrdiff_t i, double value)
{
    if (s->narrow) {
        ((float *)base)[i] = (float)value;
    } else {
        ((double *)base)[i] = value;
    }
}

static double distance_pair(const struct distance_state *s, const struct distance_points *a,
                            ptrdiff_t i, const struct distance_points *b, ptrdiff_t j,
                            double *slope)
{
    double sum;

    if (s->narrow) {
        squares32[s->isa](s->d, distance_row(s, a, i), distance_row(s, b, j), &sum);
    } else {
        squares64[s->isa](s->d, distance_row(s, a, i), distance_row(s, b, j), &sum);
    }
    return distance_value(sum / (double)s->d, s->length, slope);
}

static advntk_status distance_open(const void *config, struct advntk_host *host,
                                   const struct advntk_kernel_setup *setup, void **state,
                                   struct advntk_error *err)
{
    const struct distance_config *cfg = config;
    struct distance_state *s = advntk_alloc_zero(1, sizeof(*s));

    if (!s) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a kernel");
    }
    s->host = host;
    s->narrow = setup->precision == ADVNTK_PRECISION_FLOAT32;
    s->real = s->narrow ? sizeof(float) : sizeof(double);
    s->d = setup->height * setup->width * setup->channels;
    s->length = cfg->length;
    s->isa = advntk_host_isa(host);
    *state = s;
    return ADVNTK_OK;
}

static void distance_close(void *state)
{
    advntk_free(state);
}

static void distance_points_free(void *state, void *points)
{
    struct distance_points *p = points;

    (void)state;
    if (p) {
        advntk_free(p->x);
        advntk_free(p);
    }
}

static advntk_status distance_points_new(void *state, ptrdiff_t n, void **points,
                                         struct advntk_error *err)
{
    const struct distance_state *s = state;
    struct distance_points *p = NULL;

    if (n < 0 || n > PTRDIFF_MAX / s->d / (ptrdiff_t)sizeof(double)) {
        return ADVNTK_FAIL(err, ENOMEM, "%td images of %td values are too many", n, s->d);
    }
    p = advntk_alloc_zero(1, sizeof(*p));
    if (p) {
        p->n = n;
        p->x = advntk_alloc_zero(n * s->d, s->real);
    }
    if (!p || !p->x) {
        distance_points_free(state, p);
        return ADVNTK_FAIL(err, ENOMEM, "no memory for %td images of %td values", n, s->d);
    }
    *points = p;
    return ADVNTK_OK;
}

static advntk_status distance_points_put(void *state, void *points, ptrdiff_t first,
                                         ptrdiff_t count, const double *pixels,
                                         struct advntk_error *err)
{
    const struct distance_state *s = state;
    struct distance_points *p = points;
    /* beyond it the square of a difference is not a finite number of the precision */
    double limit = s->narrow ? 1e18 / sqrt((double)s->d) : 1e153 / sqrt((double)s->d);

    if (first < 0 || count < 0 || first > p->n - count) {
        return ADVNTK_FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    for (ptrdiff_t i = 0; i < count * s->d; i++) {
        if (!(fabs(pixels[i]) <= limit)) {
            return ADVNTK_FAIL(err, ENUMERIC, "image %td: value %td is %g, at most %g",
                               first + i / s->d, i % s->d, pixels[i], limit);
        }
        distance_put(s, p->x, first * s->d + i, pixels[i]);
    }
    return ADVNTK_OK;
}

static advntk_status distance_diagonal(void *state, const void *a, ptrdiff_t first, ptrdiff_t count,
                                       double *k, struct advntk_error *err)
{
    const struct distance_state *s = state;
    const struct distance_points *p = a;
    double slope;

    if (first < 0 || count < 0 || first > p->n - count) {
        return ADVNTK_FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        k[i] = distance_value(0, s->length, &slope);
    }
    return ADVNTK_OK;
}

static advntk_status distance_tile(void *state, const void *a, ptrdiff_t i0, ptrdiff_t m,
                                   const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower, void *k,
                                   ptrdiff_t ld, struct advntk_arena *arena,
                                   struct advntk_error *err)
{
    const struct distance_state *s = state;
    const struct distance_points *pa = a, *pb = b;
    double slope;

    (void)arena;
    if (m < 0 || n < 0 || i0 < 0 || j0 < 0 || i0 > pa->n - m || j0 > pb->n - n) {
        return ADVNTK_FAIL(err, ESHAPE, "tile of %td x %td at %td, %td of %td x %td points", m, n,
                           i0, j0, pa->n, pb->n);
    }
    lower = lower && pa == pb && i0 == j0;
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t j = 0; j < (lower && i + 1 < n ? i + 1 : n); j++) {
            distance_put(s, k, i * ld + j, distance_pair(s, pa, i0 + i, pb, j0 + j, &slope));
        }
    }
    return ADVNTK_OK;
}

struct distance_task {
    const struct distance_state *s;
    const struct distance_points *a, *b;
    void *k;
    const void *g; /* m, a->n, b->n */
    ptrdiff_t m;
    double *dx;
};

static advntk_status distance_columns(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                      struct advntk_error *err)
{
    const struct distance_task *t = context;
    ptrdiff_t j0 = index * COLUMNS, n = t->b->n - j0 < COLUMNS ? t->b->n - j0 : COLUMNS;
    double slope;

    (void)arena;
    (void)err;
    for (ptrdiff_t i = 0; i < t->a->n; i++) {
        for (ptrdiff_t j = j0; j < j0 + n; j++) {
            distance_put(t->s, t->k, i * t->b->n + j,
                         distance_pair(t->s, t->a, i, t->b, j, &slope));
        }
    }
    return ADVNTK_OK;
}

static advntk_status distance_panel(void *state, const void *a, const void *b, void *k, void **tape,
                                    struct advntk_error *err)
{
    const struct distance_state *s = state;
    struct distance_task task = {.s = s, .a = a, .b = b, .k = k};
    advntk_status rc;

    if (task.a->n > ADVNTK_PANEL) {
        return ADVNTK_FAIL(err, ESHAPE, "a panel of %td images, at most %d", task.a->n,
                           ADVNTK_PANEL);
    }
    rc = advntk_parallel_for(s->host, (task.b->n + COLUMNS - 1) / COLUMNS, distance_columns, &task,
                             err);
    if (rc == ADVNTK_OK && tape) {
        struct distance_tape *kept = advntk_alloc(1, sizeof(*kept));
        if (!kept) {
            return ADVNTK_FAIL(err, ENOMEM, "no memory for a tape");
        }
        *kept = (struct distance_tape){a, b};
        *tape = kept;
    }
    return rc;
}

static void distance_tape_free(void *state, void *tape)
{
    (void)state;
    advntk_free(tape);
}

/* Image i: dx_c = sum_j g_cij f'(v_ij) 2 (x_i - y_j) / d, in the order of the images j. */
static advntk_status distance_image(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                    struct advntk_error *err)
{
    const struct distance_task *t = context;
    const struct distance_state *s = t->s;
    const void *x = distance_row(s, t->a, i);

    (void)arena;
    (void)err;
    memset(t->dx + i * t->m * s->d, 0, (size_t)(t->m * s->d) * sizeof(*t->dx));
    for (ptrdiff_t j = 0; j < t->b->n; j++) {
        const void *y = distance_row(s, t->b, j);
        double slope;
        (void)distance_pair(s, t->a, i, t->b, j, &slope);
        for (ptrdiff_t c = 0; c < t->m; c++) {
            double g = distance_get(s, t->g, (c * t->a->n + i) * t->b->n + j);
            double w = 2 * g * slope / (double)s->d, *dx = t->dx + (i * t->m + c) * s->d;
            for (ptrdiff_t p = 0; p < s->d; p++) {
                dx[p] += w * (distance_get(s, x, p) - distance_get(s, y, p));
            }
        }
    }
    return ADVNTK_OK;
}

static advntk_status distance_panel_vjp(void *state, const void *tape, ptrdiff_t m, const void *g,
                                        double *dx, struct advntk_error *err)
{
    const struct distance_tape *kept = tape;
    struct distance_task task = {.s = state, .a = kept->a, .b = kept->b, .g = g, .m = m, .dx = dx};

    return advntk_parallel_for(task.s->host, task.a->n, distance_image, &task, err);
}

static const struct advntk_kernel_ops distance_ops = {
    .needs_architecture = false,
    .open = distance_open,
    .close = distance_close,
    .points_new = distance_points_new,
    .points_put = distance_points_put,
    .points_free = distance_points_free,
    .diagonal = distance_diagonal,
    .tile = distance_tile,
    .panel = distance_panel,
    .panel_vjp = distance_panel_vjp,
    .tape_free = distance_tape_free,
};

static const struct advntk_param distance_params[] = {
    ADVNTK_REAL(struct distance_config, length, 0.25, 0, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .unit = "pixel value",
                .symbol = "l",
                .help = "root mean squared difference of two images at which they are one length "
                        "apart"),
    ADVNTK_PARAM_END};

#endif
