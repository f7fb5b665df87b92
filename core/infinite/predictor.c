/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/try.h"
#include "infinite/predictor.h"

#include <advntk/backend.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { COLUMNS = 512, ROWS_AT_ONCE = 16 };

/* What a forward pass leaves behind; kept for reuse, as its arrays are large. */
struct advntk_tape {
    struct advntk_tape *next;
    ptrdiff_t n;       /* images */
    void *points;      /* n of them, prepared */
    void *k;           /* ADVNTK_PANEL,train: kernel values, the rows behind n zero */
    void *kernel_tape; /* NULL: no vjp can follow */
};

struct advntk_predictor {
    struct advntk__predictor_setup setup; /* shift and scale point into `norm` */
    double *norm;                         /* 2 * channels */
    ptrdiff_t d;
    size_t real;
    double *alpha;   /* train,classes */
    float *alpha32;  /* the same rounded; NULL in float64 */
    double *partial; /* column blocks, ADVNTK_PANEL, classes */
    double *rows;    /* ADVNTK_PANEL,d: normalised images, or a gradient */
    void *cotangent; /* ADVNTK_PANEL,train of the precision: gradient in the kernel values */
    void *outward;   /* ADVNTK_PANEL,classes of the precision: gradient in the outputs */
    struct advntk_tape *unused;
};

static ptrdiff_t blocks_of(const struct advntk_predictor *p)
{
    return (p->setup.train + COLUMNS - 1) / COLUMNS;
}

static bool is_float(const struct advntk_predictor *p)
{
    return p->setup.precision == ADVNTK_PRECISION_FLOAT32;
}

static void tape_delete(const struct advntk_predictor *p, struct advntk_tape *tape)
{
    const struct advntk_kernel_ops *kernel = p->setup.kernel;

    if (tape->kernel_tape) {
        kernel->tape_free(p->setup.kernel_state, tape->kernel_tape);
    }
    kernel->points_free(p->setup.kernel_state, tape->points);
    advntk_free(tape->k);
    advntk_free(tape);
}

static void tape_free(void *model, struct advntk_tape *tape)
{
    struct advntk_predictor *p = model;

    if (!tape) {
        return;
    }
    if (tape->kernel_tape) {
        p->setup.kernel->tape_free(p->setup.kernel_state, tape->kernel_tape);
        tape->kernel_tape = NULL;
    }
    tape->next = p->unused;
    p->unused = tape;
}

/* A tape with room for n images; NULL: *rc says why not. */
static struct advntk_tape *tape_take(struct advntk_predictor *p, ptrdiff_t n, advntk_status *rc,
                                     struct advntk_error *err)
{
    size_t row = (size_t)p->setup.train * p->real;
    struct advntk_tape *t = p->unused;

    if (t) {
        p->unused = t->next;
    } else {
        t = advntk_alloc_zero(1, sizeof(*t));
        if (t) {
            t->k = advntk_alloc_zero((ptrdiff_t)ADVNTK_PANEL * p->setup.train, p->real);
        }
        if (!t || !t->k) {
            advntk_free(t);
            *rc = ADVNTK_FAIL(err, ENOMEM, "no memory for %d x %td kernel values", ADVNTK_PANEL,
                              p->setup.train);
            return NULL;
        }
    }
    if (t->n == n && t->points) {
        return t;
    }
    p->setup.kernel->points_free(p->setup.kernel_state, t->points);
    t->points = NULL;
    t->n = n;
    memset((char *)t->k + (size_t)n * row, 0, (size_t)(ADVNTK_PANEL - n) * row);
    *rc = p->setup.kernel->points_new(p->setup.kernel_state, n, &t->points, err);
    if (*rc != ADVNTK_OK) {
        t->points = NULL;
        tape_free(p, t);
        return NULL;
    }
    return t;
}

advntk_status advntk__predictor_make(const struct advntk__predictor_setup *setup,
                                     struct advntk_predictor **predictor, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t n = setup->train, c = setup->classes;
    struct advntk_predictor *p = advntk_alloc_zero(1, sizeof(*p));

    *predictor = NULL;
    if (!p) {
        FAIL(err, ENOMEM, "no memory for a predictor");
    }
    p->setup = *setup;
    p->d = setup->height * setup->width * setup->channels;
    p->real = is_float(p) ? sizeof(float) : sizeof(double);
    if (n < 1 || c < 1 || n > PTRDIFF_MAX / 1024 / c || n > PTRDIFF_MAX / 1024 / ADVNTK_PANEL) {
        FAIL(err, ESHAPE, "a predictor of %td images and %td classes", n, c);
    }
    p->norm = advntk_alloc(2 * setup->channels, sizeof(double));
    p->alpha = advntk_alloc_zero(n * c, sizeof(double));
    p->alpha32 = is_float(p) ? advntk_alloc_zero(n * c, sizeof(float)) : NULL;
    p->partial = advntk_alloc(blocks_of(p) * ADVNTK_PANEL * c, sizeof(double));
    p->rows = advntk_alloc((ptrdiff_t)ADVNTK_PANEL * p->d, sizeof(double));
    p->cotangent = advntk_alloc((ptrdiff_t)ADVNTK_PANEL * n, p->real);
    p->outward = advntk_alloc(ADVNTK_PANEL * c, p->real);
    if (!p->norm || !p->alpha || (is_float(p) && !p->alpha32) || !p->partial || !p->rows ||
        !p->cotangent || !p->outward) {
        FAIL(err, ENOMEM, "no memory for a predictor of %td images and %td classes", n, c);
    }
    memcpy(p->norm, setup->shift, (size_t)setup->channels * sizeof(double));
    memcpy(p->norm + setup->channels, setup->scale, (size_t)setup->channels * sizeof(double));
    p->setup.shift = p->norm;
    p->setup.scale = p->norm + setup->channels;
    *predictor = p;
    p = NULL;
out:
    advntk_predictor_free(p);
    return rc;
}

void advntk_predictor_free(void *predictor)
{
    struct advntk_predictor *p = predictor;

    if (!p) {
        return;
    }
    while (p->unused) {
        struct advntk_tape *next = p->unused->next;
        tape_delete(p, p->unused);
        p->unused = next;
    }
    advntk_free(p->norm);
    advntk_free(p->alpha);
    advntk_free(p->alpha32);
    advntk_free(p->partial);
    advntk_free(p->rows);
    advntk_free(p->cotangent);
    advntk_free(p->outward);
    advntk_free(p);
}

const double *advntk__predictor_alpha(const struct advntk_predictor *predictor)
{
    return predictor->alpha;
}

void advntk_predictor_set(struct advntk_predictor *predictor, const double *alpha)
{
    ptrdiff_t count = predictor->setup.train * predictor->setup.classes;

    memcpy(predictor->alpha, alpha, (size_t)count * sizeof(*alpha));
    for (ptrdiff_t i = 0; predictor->alpha32 && i < count; i++) {
        predictor->alpha32[i] = (float)alpha[i];
    }
}

/* ---- forward ---- */

struct put_task {
    struct advntk_predictor *p;
    const struct advntk_images *x;
    void *points;
};

/* Rows [16 index, ...): what the model sees, (pixel - shift) * scale, prepared for the kernel. */
static advntk_status put_rows(void *context, ptrdiff_t index, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    const struct put_task *t = context;
    struct advntk_predictor *p = t->p;
    ptrdiff_t first = index * ROWS_AT_ONCE, channels = p->setup.channels;
    ptrdiff_t count = t->x->n - first < ROWS_AT_ONCE ? t->x->n - first : ROWS_AT_ONCE;
    const double *from = t->x->pixels + first * p->d;
    double *to = p->rows + first * p->d;

    (void)arena;
    for (ptrdiff_t i = 0; i < count * p->d; i += channels) {
        for (ptrdiff_t c = 0; c < channels; c++) {
            to[i + c] = (from[i + c] - p->setup.shift[c]) * p->setup.scale[c];
        }
    }
    return p->setup.kernel->points_put(p->setup.kernel_state, t->points, first, count, to, err);
}

/* Columns [j0, j0+n) of the kernel values as float64 rows of length COLUMNS; all rows of a panel.
 */
static double *widen_columns(const struct advntk_predictor *p, const void *k, ptrdiff_t j0,
                             ptrdiff_t n, struct advntk_arena *arena)
{
    double *wide = advntk_arena_get(arena, (ptrdiff_t)ADVNTK_PANEL * COLUMNS, sizeof(*wide));

    for (ptrdiff_t i = 0; wide && i < ADVNTK_PANEL; i++) {
        ptrdiff_t from = i * p->setup.train + j0;
        for (ptrdiff_t j = 0; j < n; j++) {
            wide[i * COLUMNS + j] =
                is_float(p) ? (double)((const float *)k)[from + j] : ((const double *)k)[from + j];
        }
    }
    return wide;
}

struct output_task {
    struct advntk_predictor *p;
    const void *k;
};

/* partial[index] = K alpha over one block of columns */
static advntk_status output_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                  struct advntk_error *err)
{
    const struct output_task *t = context;
    const struct advntk_predictor *p = t->p;
    struct advntk_host *host = p->setup.host;
    ptrdiff_t c = p->setup.classes, j0 = index * COLUMNS, train = p->setup.train;
    ptrdiff_t n = train - j0 < COLUMNS ? train - j0 : COLUMNS;
    double *wide = widen_columns(p, t->k, j0, n, arena);

    if (!wide) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a predictor's scratch");
    }
    advntk_host_backend(host)->gemm64(advntk_host_backend_state(host), false, false, ADVNTK_PANEL,
                                      c, n, 1, wide, COLUMNS, p->alpha + j0 * c, c, 0,
                                      p->partial + index * ADVNTK_PANEL * c, c);
    return ADVNTK_OK;
}

static advntk_status sum_outputs(const struct advntk_predictor *p, const struct advntk_images *x,
                                 double *f, struct advntk_error *err)
{
    ptrdiff_t c = p->setup.classes, blocks = blocks_of(p);

    for (ptrdiff_t i = 0; i < x->n * c; i++) {
        double sum = 0;
        for (ptrdiff_t b = 0; b < blocks; b++) {
            sum += p->partial[b * ADVNTK_PANEL * c + i];
        }
        if (!isfinite(sum)) {
            return ADVNTK_FAIL(err, ENUMERIC, "output %td of image %td (row %td) is %g", i % c,
                               x->index ? (ptrdiff_t)x->index[i / c] : i / c, i / c, sum);
        }
        f[i] = sum;
    }
    return ADVNTK_OK;
}

static advntk_status check_images(const struct advntk_predictor *p, const struct advntk_images *x,
                                  struct advntk_error *err)
{
    const struct advntk__predictor_setup *s = &p->setup;

    if (x->height != s->height || x->width != s->width || x->channels != s->channels) {
        return ADVNTK_FAIL(err, ESHAPE,
                           "images are %td x %td x %td, the predictor's %td x %td x %td", x->height,
                           x->width, x->channels, s->height, s->width, s->channels);
    }
    if (x->n < 0 || x->n > ADVNTK_PANEL) {
        return ADVNTK_FAIL(err, ESHAPE, "%td images at once, expected 0 to %d", x->n, ADVNTK_PANEL);
    }
    return ADVNTK_OK;
}

static advntk_status forward(void *model, const struct advntk_images *x, double *f,
                             struct advntk_tape **tape, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_predictor *p = model;
    struct advntk_tape *t = NULL;
    struct put_task put = {p, x, NULL};
    struct output_task output = {p, NULL};

    TRY(check_images(p, x, err));
    t = tape_take(p, x->n, &rc, err);
    if (!t) {
        goto out;
    }
    put.points = t->points;
    output.k = t->k;
    TRY(advntk_parallel_for(p->setup.host, (x->n + ROWS_AT_ONCE - 1) / ROWS_AT_ONCE, put_rows, &put,
                            err));
    TRY(p->setup.kernel->panel(p->setup.kernel_state, t->points, p->setup.train_points, t->k,
                               tape ? &t->kernel_tape : NULL, err));
    TRY(advntk_parallel_for(p->setup.host, blocks_of(p), output_block, &output, err));
    TRY(sum_outputs(p, x, f, err));
    if (tape) {
        *tape = t;
        t = NULL;
    }
out:
    tape_free(p, t);
    return rc;
}

/* ---- gradients ---- */

/* cotangent = g alpha' over one block of columns: the gradient in the kernel values. */
static advntk_status cotangent_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                     struct advntk_error *err)
{
    struct advntk_predictor *p = context;
    const struct advntk_backend_ops *ops = advntk_host_backend(p->setup.host);
    void *state = advntk_host_backend_state(p->setup.host);
    ptrdiff_t c = p->setup.classes, j0 = index * COLUMNS, train = p->setup.train;
    ptrdiff_t n = train - j0 < COLUMNS ? train - j0 : COLUMNS;

    (void)arena;
    (void)err;
    if (is_float(p)) {
        ops->gemm32(state, false, true, ADVNTK_PANEL, n, c, 1, p->outward, c, p->alpha32 + j0 * c,
                    c, 0, (float *)p->cotangent + j0, train);
    } else {
        ops->gemm64(state, false, true, ADVNTK_PANEL, n, c, 1, p->outward, c, p->alpha + j0 * c, c,
                    0, (double *)p->cotangent + j0, train);
    }
    return ADVNTK_OK;
}

/* Number `which` of m cotangents for each of n images, in the precision, padded to a panel. */
static void gather_outward(struct advntk_predictor *p, ptrdiff_t n, ptrdiff_t m, ptrdiff_t which,
                           const double *g)
{
    ptrdiff_t classes = p->setup.classes;

    for (ptrdiff_t i = 0; i < ADVNTK_PANEL; i++) {
        for (ptrdiff_t c = 0; c < classes; c++) {
            double value = i < n ? g[(i * m + which) * classes + c] : 0;
            if (is_float(p)) {
                ((float *)p->outward)[i * classes + c] = (float)value;
            } else {
                ((double *)p->outward)[i * classes + c] = value;
            }
        }
    }
}

/* Gradients in the normalised images to gradients in the pixels. */
static advntk_status scatter(const struct advntk_predictor *p, ptrdiff_t n, ptrdiff_t m,
                             ptrdiff_t which, double *dx, struct advntk_error *err)
{
    ptrdiff_t channels = p->setup.channels;

    for (ptrdiff_t i = 0; i < n; i++) {
        const double *from = p->rows + i * p->d;
        double *to = dx + (i * m + which) * p->d, check = 0;
        for (ptrdiff_t j = 0; j < p->d; j += channels) {
            for (ptrdiff_t c = 0; c < channels; c++) {
                to[j + c] = from[j + c] * p->setup.scale[c];
                check += to[j + c] * 0; /* NaN once anything is not finite */
            }
        }
        if (!isfinite(check)) {
            return ADVNTK_FAIL(err, ENUMERIC, "the gradient of row %td is not finite", i);
        }
    }
    return ADVNTK_OK;
}

static advntk_status vjp(void *model, const struct advntk_tape *tape, ptrdiff_t m, const double *g,
                         double *dx, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_predictor *p = model;

    for (ptrdiff_t k = 0; k < m; k++) {
        gather_outward(p, tape->n, m, k, g);
        TRY(advntk_parallel_for(p->setup.host, blocks_of(p), cotangent_block, p, err));
        TRY(p->setup.kernel->panel_vjp(p->setup.kernel_state, tape->kernel_tape, 1, p->cotangent,
                                       p->rows, err));
        TRY(scatter(p, tape->n, m, k, dx, err));
    }
out:
    return rc;
}

const struct advntk_model_ops *advntk_predictor_ops(void)
{
    static const struct advntk_model_ops ops = {
        .forward = forward, .vjp = vjp, .tape_free = tape_free};
    return &ops;
}

struct pullback_task {
    const struct advntk_predictor *p;
    const struct advntk_tape *tape;
    const double *df;
    double *g;
};

static advntk_status pullback_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                    struct advntk_error *err)
{
    const struct pullback_task *t = context;
    const struct advntk_predictor *p = t->p;
    struct advntk_host *host = p->setup.host;
    ptrdiff_t c = p->setup.classes, j0 = index * COLUMNS, train = p->setup.train;
    ptrdiff_t n = train - j0 < COLUMNS ? train - j0 : COLUMNS;
    double *wide = widen_columns(p, t->tape->k, j0, n, arena);

    if (!wide) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a predictor's scratch");
    }
    advntk_host_backend(host)->gemm64(advntk_host_backend_state(host), true, false, n, c,
                                      t->tape->n, 1, wide, COLUMNS, t->df, c, 0, t->g + j0 * c, c);
    return ADVNTK_OK;
}

advntk_status advntk_predictor_pullback(struct advntk_predictor *predictor,
                                        const struct advntk_tape *tape, const double *df, double *g,
                                        struct advntk_error *err)
{
    struct pullback_task task = {predictor, tape, df, g};

    if (tape->n == 0) {
        memset(g, 0, (size_t)(predictor->setup.train * predictor->setup.classes) * sizeof(*g));
        return ADVNTK_OK;
    }
    return advntk_parallel_for(predictor->setup.host, blocks_of(predictor), pullback_block, &task,
                               err);
}

advntk_status advntk_predictor_export(const struct advntk_predictor *predictor,
                                      struct advntk_writer *w, struct advntk_error *err)
{
    return advntk_write_matrix(w, "alpha", predictor->setup.train, predictor->setup.classes,
                               predictor->alpha, err);
}
