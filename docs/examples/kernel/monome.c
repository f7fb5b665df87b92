/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A kernel of one's own, without an architecture: k(x, y) = (offset + <x, y> / d)^degree. A set of
 * points is copied once and then used for tiles of the kernel matrix and for panels with gradients.
 * `real` is float or double by the recipe's precision; here all is kept as double and rounded at
 * the end.
 */
#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

struct monome_config {
    int64_t degree;
    double offset;
};

static const struct advntk_param monome_params[] = {
    ADVNTK_INT(struct monome_config, degree, 3, 1, 10, .help = "what the product is raised to"),
    ADVNTK_REAL(struct monome_config, offset, 1, 0, HUGE_VAL, .flags = ADVNTK_P_MAX_OPEN,
                .help = "added to the mean product of two images' values"),
    ADVNTK_PARAM_END};

struct monome_state {
    const struct monome_config *config; /* borrowed */
    struct advntk_host *host;           /* borrowed */
    bool narrow;                        /* real is float */
    ptrdiff_t d;
};

struct monome_points {
    ptrdiff_t n;
    double *x; /* n,d */
};

struct monome_tape {
    const struct monome_points *a, *b; /* borrowed */
};

static double real_get(const struct monome_state *s, const void *base, ptrdiff_t i)
{
    return s->narrow ? (double)((const float *)base)[i] : ((const double *)base)[i];
}

static void real_put(const struct monome_state *s, void *base, ptrdiff_t i, double value)
{
    if (s->narrow) {
        ((float *)base)[i] = (float)value;
    } else {
        ((double *)base)[i] = value;
    }
}

/* offset + <x, y> / d */
static double mean_product(const struct monome_state *s, const double *x, const double *y)
{
    double sum = 0;

    for (ptrdiff_t k = 0; k < s->d; k++) {
        sum += x[k] * y[k];
    }
    return s->config->offset + sum / (double)s->d;
}

static double kernel_value(const struct monome_state *s, const double *x, const double *y)
{
    return pow(mean_product(s, x, y), (double)s->config->degree);
}

static advntk_status monome_open(const void *config, struct advntk_host *host,
                                 const struct advntk_kernel_setup *setup, void **state,
                                 struct advntk_error *err)
{
    struct monome_state *s = advntk_alloc_zero(1, sizeof(*s));

    if (!s) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a kernel");
    }
    s->config = config;
    s->host = host;
    s->narrow = setup->precision == ADVNTK_PRECISION_FLOAT32;
    s->d = setup->height * setup->width * setup->channels;
    *state = s;
    return ADVNTK_OK;
}

static void monome_close(void *state)
{
    advntk_free(state);
}

static void monome_points_free(void *state, void *points)
{
    struct monome_points *p = points;

    (void)state;
    if (p) {
        advntk_free(p->x);
        advntk_free(p);
    }
}

static advntk_status monome_points_new(void *state, ptrdiff_t n, void **points,
                                       struct advntk_error *err)
{
    const struct monome_state *s = state;
    struct monome_points *p = advntk_alloc_zero(1, sizeof(*p));

    if (p) {
        p->n = n;
        p->x = advntk_alloc_zero(n, (size_t)s->d * sizeof(*p->x));
    }
    if (!p || !p->x) {
        monome_points_free(state, p);
        return ADVNTK_FAIL(err, ENOMEM, "no memory for %td images of %td values", n, s->d);
    }
    *points = p;
    return ADVNTK_OK;
}

static advntk_status monome_points_put(void *state, void *points, ptrdiff_t first, ptrdiff_t count,
                                       const double *pixels, struct advntk_error *err)
{
    const struct monome_state *s = state;
    struct monome_points *p = points;

    for (ptrdiff_t i = 0; i < count * s->d; i++) {
        /* a value above leaves the range of float where two of them are multiplied and raised */
        if (!(fabs(pixels[i]) <= 1e3)) {
            return ADVNTK_FAIL(err, ENUMERIC, "image %td: value %td is %g, at most 1000",
                               first + i / s->d, i % s->d, pixels[i]);
        }
    }
    memcpy(p->x + first * s->d, pixels, (size_t)(count * s->d) * sizeof(*pixels));
    return ADVNTK_OK;
}

static advntk_status monome_diagonal(void *state, const void *a, ptrdiff_t first, ptrdiff_t count,
                                     double *k, struct advntk_error *err)
{
    const struct monome_state *s = state;
    const struct monome_points *p = a;

    (void)err;
    for (ptrdiff_t i = 0; i < count; i++) {
        const double *x = p->x + (first + i) * s->d;
        k[i] = kernel_value(s, x, x);
    }
    return ADVNTK_OK;
}

/* On the calling thread; several threads ask for tiles at once. */
static advntk_status monome_tile(void *state, const void *a, ptrdiff_t i0, ptrdiff_t m,
                                 const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower, void *k,
                                 ptrdiff_t ld, struct advntk_arena *arena, struct advntk_error *err)
{
    const struct monome_state *s = state;
    const struct monome_points *pa = a, *pb = b;

    (void)arena;
    (void)err;
    for (ptrdiff_t i = 0; i < m; i++) {
        const double *x = pa->x + (i0 + i) * s->d;
        for (ptrdiff_t j = 0; j < (lower && i < n ? i + 1 : n); j++) {
            real_put(s, k, i * ld + j, kernel_value(s, x, pb->x + (j0 + j) * s->d));
        }
    }
    return ADVNTK_OK;
}

struct monome_task {
    const struct monome_state *s;
    const struct monome_points *a, *b;
    void *k;       /* a->n, b->n */
    const void *g; /* m, a->n, b->n */
    ptrdiff_t m;
    double *dx; /* a->n, m, d */
};

static advntk_status panel_row(void *context, ptrdiff_t i, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    const struct monome_task *t = context;
    const struct monome_state *s = t->s;

    (void)arena;
    (void)err;
    for (ptrdiff_t j = 0; j < t->b->n; j++) {
        real_put(s, t->k, i * t->b->n + j, kernel_value(s, t->a->x + i * s->d, t->b->x + j * s->d));
    }
    return ADVNTK_OK;
}

/* Parallel inside, through the host. */
static advntk_status monome_panel(void *state, const void *a, const void *b, void *k, void **tape,
                                  struct advntk_error *err)
{
    struct monome_task task = {.s = state, .a = a, .b = b, .k = k};
    struct monome_tape *kept;

    if (tape) {
        kept = advntk_alloc(1, sizeof(*kept));
        if (!kept) {
            return ADVNTK_FAIL(err, ENOMEM, "no memory for a tape");
        }
        *kept = (struct monome_tape){a, b};
        *tape = kept;
    }
    return advntk_parallel_for(task.s->host, task.a->n, panel_row, &task, err);
}

static void monome_tape_free(void *state, void *tape)
{
    (void)state;
    advntk_free(tape);
}

/* dx_c = sum_j g_cij degree product^(degree-1) y_j / d for image i */
static advntk_status gradient_row(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                  struct advntk_error *err)
{
    const struct monome_task *t = context;
    const struct monome_state *s = t->s;
    const double degree = (double)s->config->degree, *x = t->a->x + i * s->d;

    (void)arena;
    (void)err;
    memset(t->dx + i * t->m * s->d, 0, (size_t)(t->m * s->d) * sizeof(*t->dx));
    for (ptrdiff_t j = 0; j < t->b->n; j++) {
        const double *y = t->b->x + j * s->d;
        double slope = degree * pow(mean_product(s, x, y), degree - 1) / (double)s->d;
        for (ptrdiff_t c = 0; c < t->m; c++) {
            double w = slope * real_get(s, t->g, (c * t->a->n + i) * t->b->n + j);
            for (ptrdiff_t k = 0; k < s->d; k++) {
                t->dx[(i * t->m + c) * s->d + k] += w * y[k];
            }
        }
    }
    return ADVNTK_OK;
}

static advntk_status monome_panel_vjp(void *state, const void *tape, ptrdiff_t m, const void *g,
                                      double *dx, struct advntk_error *err)
{
    const struct monome_tape *kept = tape;
    struct monome_task task = {.s = state, .a = kept->a, .b = kept->b, .g = g, .m = m, .dx = dx};

    return advntk_parallel_for(task.s->host, task.a->n, gradient_row, &task, err);
}

static const struct advntk_kernel_ops monome_ops = {
    .needs_architecture = false,
    .open = monome_open,
    .close = monome_close,
    .points_new = monome_points_new,
    .points_put = monome_points_put,
    .points_free = monome_points_free,
    .diagonal = monome_diagonal,
    .tile = monome_tile,
    .panel = monome_panel,
    .panel_vjp = monome_panel_vjp,
    .tape_free = monome_tape_free,
};

ADVNTK_PLUGIN(KERNEL, monome_ops, .name = "monome", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "(offset + <x, y> / d)^degree",
              .doc = "Needs no architecture. Written for reading, not for speed.",
              .params = monome_params, .config_bytes = sizeof(struct monome_config));
