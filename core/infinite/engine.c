/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/try.h"
#include "graph/graph.h"
#include "infinite/engine.h"
#include "infinite/maps.h"
#include "infinite/pixel.h"
#include "infinite/variance.h"

#include <advntk/backend.h>
#include <advntk/model.h>
#include <advntk/plugin.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

/* A set of prepared images. Rows are padded with zeros to whole panels, so that a panel is always a
 * product of ADVNTK_PANEL rows: a row's bits depend on the shape of the product that it is part of.
 */
struct points {
    ptrdiff_t n, rows, ld;       /* rows: n rounded up to panels */
    void *x;                     /* rows,ld of the precision */
    double *value;               /* outputs,n: kernel of an image with itself */
    void *std, *inverse, *slope; /* slots,rows: at each activation (engine.h) */
    void *series;                /* series,ADVNTK__SERIES,rows */
};

struct tape {
    struct tape *next;          /* in the engine's store of unused ones */
    const struct points *a, *b; /* borrowed */
    void *value_s, *value_q;    /* a->n,b->n: derivatives of the kernel */
    ptrdiff_t room;             /* pairs */
};

struct engine {
    const struct advntk__maps_ops *maps; /* of networks with maps, and of those that the program */
    void *inner;                         /* does not know: does all the work, the rest is unused */
    struct advntk_host *host;
    const struct advntk_graph *graph;
    struct advntk__program program;
    advntk__pass32_fn pass32;
    advntk__pass64_fn pass64;
    enum advntk_infinite_kind kind;
    enum advntk_precision precision;
    size_t real; /* bytes of a number */
    ptrdiff_t d;
    struct tape *unused;
    void *weights;     /* ADVNTK_PANEL,n: cotangent times derivative, for panel_vjp */
    double *sums;      /* ADVNTK_PANEL,column blocks */
    ptrdiff_t columns; /* that weights and sums have room for */
    atomic_flag told;  /* the log has what the Hermite series leave out */
};

static ptrdiff_t blocks_of(ptrdiff_t n, ptrdiff_t block)
{
    return (n + block - 1) / block;
}

static void *at(const void *base, ptrdiff_t index, size_t real)
{
    return (char *)(uintptr_t)base + (size_t)index * real;
}

static void product(const struct engine *e, bool transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                    double alpha, const void *a, ptrdiff_t lda, const void *b, ptrdiff_t ldb,
                    void *c, ptrdiff_t ldc)
{
    const struct advntk_backend_ops *ops = advntk_host_backend(e->host);
    void *state = advntk_host_backend_state(e->host);

    if (e->precision == ADVNTK_PRECISION_FLOAT32) {
        ops->gemm32(state, false, transpose_b, m, n, k, (float)alpha, a, lda, b, ldb, 0, c, ldc);
    } else {
        ops->gemm64(state, false, transpose_b, m, n, k, alpha, a, lda, b, ldb, 0, c, ldc);
    }
}

static bool has_series(const struct advntk__layer *layer)
{
    const struct advntk_activation_ops *ops =
        layer->kind == ADVNTK__LAYER_ACTIVATION ? layer->activation.plugin->ops : NULL;

    return ops && !ops->dual64[ADVNTK_ISA_PORTABLE] && !ops->dual32[ADVNTK_ISA_PORTABLE];
}

/* Whether a graph has more than the pixel engine knows or, for `flat` ones, the program (pass.c).
 */
static bool is_beyond(const struct advntk_graph *graph, bool flat)
{
    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        if (layer->full || layer->kind >= ADVNTK__LAYER_POOL ||
            (flat ? layer->width > 0 : has_series(layer))) {
            return true;
        }
    }
    return false;
}

/* The engine of a graph with maps; NULL: the program is enough. */
static const struct advntk__maps_ops *maps_for(const struct advntk_graph *graph)
{
    bool flat = advntk__graph_layout(graph) == ADVNTK__LAYOUT_FLAT;

    if (is_beyond(graph, flat)) {
        return &advntk__position_ops;
    }
    return flat ? NULL : &advntk__pixel_ops;
}

int64_t advntk_infinite_kinship(const struct advntk_kernel_setup *setup)
{
    const struct advntk__maps_ops *maps = maps_for(setup->graph);

    if (maps == &advntk__position_ops) {
        return 0;
    }
    return maps ? 2 + advntk__pixel_margin(setup->graph) : 1;
}

advntk_status advntk_infinite_open(struct advntk_host *host,
                                   const struct advntk_kernel_setup *setup,
                                   enum advntk_infinite_kind kind, void **state,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct engine *e = advntk_alloc_zero(1, sizeof(*e));
    struct advntk__shape image;
    const ptrdiff_t *outputs;

    if (!e) {
        FAIL(err, ENOMEM, "no memory for the kernel engine");
    }
    if (!advntk_host_backend(host)) {
        FAIL(err, EUNSUPPORTED, "the kernel engine needs a backend for its matrix products");
    }
    image = advntk__graph_layer(setup->graph, 0)->shape;
    if (image.height != setup->height || image.width != setup->width ||
        image.channels != setup->channels) {
        FAIL(err, ESHAPE, "images are %td x %td x %td, the network takes %td x %td x %td",
             setup->height, setup->width, setup->channels, image.height, image.width,
             image.channels);
    }
    atomic_flag_clear(&e->told);
    e->host = host;
    e->graph = setup->graph;
    e->kind = kind;
    e->precision = setup->precision;
    e->real = setup->precision == ADVNTK_PRECISION_FLOAT32 ? sizeof(float) : sizeof(double);
    e->d = image.height * image.width * image.channels;
    e->pass32 = advntk__pass32(advntk_host_isa(host));
    e->pass64 = advntk__pass64(advntk_host_isa(host));
    e->maps = maps_for(setup->graph);
    if (e->maps == &advntk__position_ops && advntk__graph_outputs(setup->graph, &outputs) > 1) {
        FAIL(err, EUNSUPPORTED, "networks of this kind have their kernels one by one");
    }
    if (e->maps) {
        TRY(e->maps->open(host, setup, kind, false, &e->inner, err));
    } else {
        TRY(advntk__program_compile(setup->graph, advntk_host_isa(host), setup->precision,
                                    kind == ADVNTK_INFINITE_NTK, &e->program, err));
    }
    *state = e;
    e = NULL;
out:
    advntk_free(e);
    return rc;
}

static void tape_delete(struct tape *tape)
{
    advntk_free(tape->value_s);
    advntk_free(tape->value_q);
    advntk_free(tape);
}

void advntk_infinite_close(void *state)
{
    struct engine *e = state;

    if (!e) {
        return;
    }
    while (e->unused) {
        struct tape *next = e->unused->next;
        tape_delete(e->unused);
        e->unused = next;
    }
    if (e->maps) {
        e->maps->close(e->inner);
    }
    advntk_free(e->weights);
    advntk_free(e->sums);
    advntk__program_release(&e->program);
    advntk_free(e);
}

/* ---- points ---- */

void advntk_infinite_points_free(void *state, void *points)
{
    const struct engine *e = state;
    struct points *p = points;

    if (e->maps) {
        e->maps->points_free(points);
        return;
    }
    if (!p) {
        return;
    }
    advntk_free(p->x);
    advntk_free(p->value);
    advntk_free(p->std);
    advntk_free(p->inverse);
    advntk_free(p->slope);
    advntk_free(p->series);
    advntk_free(p);
}

advntk_status advntk_infinite_points_new(void *state, ptrdiff_t n, void **points,
                                         struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct engine *e = state;
    ptrdiff_t line = (ptrdiff_t)(64 / e->real), per_row, slots = e->program.slots;
    ptrdiff_t series = e->program.series * ADVNTK__SERIES;
    struct points *p = NULL;

    if (e->maps) {
        return e->maps->points_new(e->inner, n, points, err);
    }
    p = advntk_alloc_zero(1, sizeof(*p));
    if (!p) {
        FAIL(err, ENOMEM, "no memory for %td images", n);
    }
    p->n = n;
    p->rows = blocks_of(n, ADVNTK_PANEL) * ADVNTK_PANEL;
    p->ld = blocks_of(e->d, line) * line;
    per_row = p->ld > slots ? p->ld : slots;
    per_row = per_row > series ? per_row : series;
    if (n < 0 || p->rows > PTRDIFF_MAX / (ptrdiff_t)sizeof(double) / per_row) {
        FAIL(err, ENOMEM, "%td images of %td pixels are too many", n, e->d);
    }
    p->x = advntk_alloc_zero(p->rows * p->ld, e->real);
    p->value = advntk_alloc_zero(n * e->program.outputs, sizeof(double));
    p->std = advntk_alloc_zero(slots * p->rows, e->real);
    p->inverse = advntk_alloc_zero(slots * p->rows, e->real);
    p->slope = advntk_alloc_zero(slots * p->rows, e->real);
    p->series = advntk_alloc_zero(series * p->rows, e->real);
    if (!p->x || !p->value || !p->std || !p->inverse || !p->slope || !p->series) {
        FAIL(err, ENOMEM, "no memory for %td images of %td pixels (%.1f MiB)", n, e->d,
             (double)p->rows * (double)p->ld * (double)e->real / 1048576);
    }
    *points = p;
    p = NULL;
out:
    advntk_infinite_points_free(state, p);
    return rc;
}

/* Row i of x in the precision, and |x|^2/d of what was stored. */
static advntk_status put_row(const struct engine *e, struct points *p, ptrdiff_t i,
                             const double *pixels, double *q, struct advntk_error *err)
{
    double sum = 0;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t c = 0; c < e->d && rc == ADVNTK_OK; c++) {
        double x = pixels[c];
        if (e->precision == ADVNTK_PRECISION_FLOAT32) {
            float rounded = (float)x;
            ((float *)p->x)[i * p->ld + c] = rounded;
            x = (double)rounded;
        } else {
            ((double *)p->x)[i * p->ld + c] = x;
        }
        rc = advntk__value_check(i, c, pixels[c], x, err);
        sum += x * x;
    }
    *q = sum / (double)e->d;
    return rc;
}

static void put_value(const struct engine *e, void *k, ptrdiff_t index, double value)
{
    if (e->precision == ADVNTK_PRECISION_FLOAT32) {
        ((float *)k)[index] = (float)value;
    } else {
        ((double *)k)[index] = value;
    }
}

static void put_slot(const struct engine *e, struct points *p, ptrdiff_t index, double variance,
                     double slope)
{
    double std = sqrt(variance), inverse = variance > 0 ? 1 / std : 0;

    if (e->precision == ADVNTK_PRECISION_FLOAT32) {
        ((float *)p->std)[index] = (float)std;
        ((float *)p->inverse)[index] = (float)inverse;
        ((float *)p->slope)[index] = (float)slope;
    } else {
        ((double *)p->std)[index] = std;
        ((double *)p->inverse)[index] = inverse;
        ((double *)p->slope)[index] = slope;
    }
}

advntk_status advntk_infinite_points_put(void *state, void *points, ptrdiff_t first,
                                         ptrdiff_t count, const double *pixels,
                                         struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct engine *e = state;
    struct points *p = points;
    ptrdiff_t numbers = e->program.series * ADVNTK__SERIES;
    const ptrdiff_t outputs = e->program.outputs;
    double *work = NULL, *slots, *series, *values, q = 0, tail;

    if (e->maps) {
        return e->maps->points_put(e->inner, points, first, count, pixels, err);
    }
    work = advntk_alloc(3 * e->program.registers + 2 * e->program.slots + numbers + outputs,
                        sizeof(*work));
    slots = work ? work + 3 * e->program.registers : NULL;
    series = work ? slots + 2 * e->program.slots : NULL;
    values = work ? series + numbers : NULL;
    if (!work) {
        FAIL(err, ENOMEM, "no memory for the variances of a network");
    }
    if (first < 0 || count < 0 || first > p->n - count) {
        FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    for (ptrdiff_t i = first; i < first + count; i++) {
        TRY(put_row(e, p, i, pixels + (i - first) * e->d, &q, err));
        rc = advntk__program_variance(&e->program, e->graph, q, work, slots, series, &tail, values,
                                      err);
        if (rc != ADVNTK_OK) {
            (void)advntk_error_prefix(err, "image %td: ", i);
            goto out;
        }
        for (ptrdiff_t f = 0; f < outputs; f++) {
            p->value[f * p->n + i] = values[f];
        }
        for (ptrdiff_t v = 0; v < e->program.slots; v++) {
            put_slot(e, p, v * p->rows + i, slots[2 * v], slots[2 * v + 1]);
        }
        for (ptrdiff_t v = 0; v < numbers; v++) {
            put_value(e, p->series, v * p->rows + i, series[v]);
        }
        if (numbers > 0 && !atomic_flag_test_and_set(&e->told)) {
            advntk__hermite_tell(e->host, tail, i);
        }
    }
out:
    advntk_free(work);
    return rc;
}

/* What is for one network alone. */
static advntk_status check_single(const struct engine *e, struct advntk_error *err)
{
    const ptrdiff_t *outputs;
    ptrdiff_t count = advntk__graph_outputs(e->graph, &outputs);

    return count == 1 ? ADVNTK_OK
                      : ADVNTK_FAIL(err, EUNSUPPORTED,
                                    "the kernel of %td networks at once has tiles and diagonals, "
                                    "not this",
                                    count);
}

advntk_status advntk_infinite_diagonal(void *state, const void *a, ptrdiff_t first, ptrdiff_t count,
                                       double *k, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(check_single(state, err));
    TRY(advntk_infinite_diagonals(state, a, first, count, &k, err));
out:
    return rc;
}

advntk_status advntk_infinite_diagonals(void *state, const void *a, ptrdiff_t first,
                                        ptrdiff_t count, double *const *k, struct advntk_error *err)
{
    const struct engine *e = state;
    const struct points *p = a;

    if (e->maps) {
        return e->maps->diagonals(e->inner, a, first, count, k, err);
    }
    if (first < 0 || count < 0 || first > p->n - count) {
        return ADVNTK_FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    for (ptrdiff_t f = 0; count > 0 && f < e->program.outputs; f++) {
        memcpy(k[f], p->value + f * p->n + first, (size_t)count * sizeof(*k[f]));
    }
    return ADVNTK_OK;
}

/* ---- tiles ---- */

/* One row i of a against columns j0 .. j0+n-1 of b, block by block: s holds the products. The row
 * of the values of output f stands at values[f] + place; value_s, value_q: engine.h. */
static void pass_row(const struct engine *e, const struct points *a, ptrdiff_t i,
                     const struct points *b, ptrdiff_t j0, ptrdiff_t n, const void *s,
                     void *const *values, ptrdiff_t place, void *value_s, void *value_q, void *work)
{
    size_t real = e->real;

    for (ptrdiff_t j = 0; j < n; j += ADVNTK__BLOCK) {
        ptrdiff_t count = n - j < ADVNTK__BLOCK ? n - j : ADVNTK__BLOCK;
        void *d_s = value_s ? at(value_s, j, real) : NULL;
        void *d_q = value_q ? at(value_q, j, real) : NULL;
        if (e->precision == ADVNTK_PRECISION_FLOAT32) {
            struct advntk__block32 block = {count,
                                            at(s, j, real),
                                            at(a->std, i, real),
                                            at(a->inverse, i, real),
                                            at(a->slope, i, real),
                                            at(b->std, j0 + j, real),
                                            at(b->inverse, j0 + j, real),
                                            at(a->series, i, real),
                                            at(b->series, j0 + j, real),
                                            a->rows,
                                            b->rows,
                                            values,
                                            place + j,
                                            d_s,
                                            d_q,
                                            work};
            e->pass32(&e->program, &block);
        } else {
            struct advntk__block64 block = {count,
                                            at(s, j, real),
                                            at(a->std, i, real),
                                            at(a->inverse, i, real),
                                            at(a->slope, i, real),
                                            at(b->std, j0 + j, real),
                                            at(b->inverse, j0 + j, real),
                                            at(a->series, i, real),
                                            at(b->series, j0 + j, real),
                                            a->rows,
                                            b->rows,
                                            values,
                                            place + j,
                                            d_s,
                                            d_q,
                                            work};
            e->pass64(&e->program, &block);
        }
    }
}

static void symmetric_product(const struct engine *e, ptrdiff_t n, const void *x, ptrdiff_t ldx,
                              void *k, ptrdiff_t ld)
{
    const struct advntk_backend_ops *ops = advntk_host_backend(e->host);
    void *state = advntk_host_backend_state(e->host);

    if (e->precision == ADVNTK_PRECISION_FLOAT32) {
        ops->syrk32(state, n, e->d, 1.0f / (float)e->d, x, ldx, 0, k, ld);
    } else {
        ops->syrk64(state, n, e->d, 1.0 / (double)e->d, x, ldx, 0, k, ld);
    }
}

advntk_status advntk_infinite_tile(void *state, const void *a, ptrdiff_t i0, ptrdiff_t m,
                                   const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower, void *k,
                                   ptrdiff_t ld, struct advntk_arena *arena,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(check_single(state, err));
    TRY(advntk_infinite_tiles(state, a, i0, m, b, j0, n, lower, &k, ld, arena, err));
out:
    return rc;
}

advntk_status advntk_infinite_tiles(void *state, const void *a, ptrdiff_t i0, ptrdiff_t m,
                                    const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower,
                                    void *const *k, ptrdiff_t ld, struct advntk_arena *arena,
                                    struct advntk_error *err)
{
    const struct engine *e = state;
    const struct points *pa = a, *pb = b;
    void *work;

    if (e->maps) {
        return e->maps->tiles(e->inner, a, i0, m, b, j0, n, lower, k, ld, arena, err);
    }
    work = advntk_arena_get(arena, advntk__pass_work(&e->program), e->real);
    if (!work) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a tile's scratch");
    }
    if (m < 0 || n < 0 || i0 < 0 || j0 < 0 || i0 > pa->n - m || j0 > pb->n - n) {
        return ADVNTK_FAIL(err, ESHAPE, "tile of %td x %td at %td, %td of %td x %td points", m, n,
                           i0, j0, pa->n, pb->n);
    }
    lower = lower && pa == pb && i0 == j0;
    if (lower && m == n) { /* the products stand where the first network's values will */
        symmetric_product(e, n, at(pb->x, j0 * pb->ld, e->real), pb->ld, k[0], ld);
    } else {
        product(e, true, m, n, e->d, 1.0 / (double)e->d, at(pa->x, i0 * pa->ld, e->real), pa->ld,
                at(pb->x, j0 * pb->ld, e->real), pb->ld, k[0], ld);
    }
    for (ptrdiff_t i = 0; i < m; i++) {
        ptrdiff_t self = i0 + i - j0;
        pass_row(e, pa, i0 + i, pb, j0, lower && i + 1 < n ? i + 1 : n, at(k[0], i * ld, e->real),
                 k, i * ld, NULL, NULL, work);
        for (ptrdiff_t f = 0; pa == pb && self >= 0 && self < n && f < e->program.outputs; f++) {
            put_value(e, k[f], i * ld + self, pa->value[f * pa->n + i0 + i]);
        }
    }
    return ADVNTK_OK;
}

/* ---- panels ---- */

static struct tape *tape_take(struct engine *e, ptrdiff_t pairs)
{
    struct tape *tape = e->unused;

    if (tape) {
        e->unused = tape->next;
        if (tape->room >= pairs) {
            return tape;
        }
        tape_delete(tape);
    }
    tape = advntk_alloc_zero(1, sizeof(*tape));
    if (!tape) {
        return NULL;
    }
    tape->value_s = advntk_alloc(pairs, e->real);
    tape->value_q = advntk_alloc(pairs, e->real);
    tape->room = pairs;
    if (!tape->value_s || !tape->value_q) {
        tape_delete(tape);
        return NULL;
    }
    return tape;
}

void advntk_infinite_tape_free(void *state, void *tape)
{
    struct engine *e = state;
    struct tape *t = tape;

    if (e->maps) {
        e->maps->tape_free(tape);
    } else if (t) {
        t->next = e->unused;
        e->unused = t;
    }
}

struct panel_task {
    const struct engine *e;
    const struct points *a, *b;
    void *k;
    const struct tape *tape; /* NULL: values only */
};

/* Column block `index`: the product of all ADVNTK_PANEL rows, then the pass over those that are
 * there. */
static advntk_status panel_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    const struct panel_task *t = context;
    const struct engine *e = t->e;
    ptrdiff_t j0 = index * ADVNTK__COLUMNS, ld = t->b->n;
    ptrdiff_t n = ld - j0 < ADVNTK__COLUMNS ? ld - j0 : ADVNTK__COLUMNS;
    void *s = advntk_arena_get(arena, (ptrdiff_t)ADVNTK_PANEL * ADVNTK__COLUMNS, e->real);
    void *work = advntk_arena_get(arena, advntk__pass_work(&e->program), e->real);

    if (!s || !work) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a panel's scratch");
    }
    product(e, true, ADVNTK_PANEL, n, e->d, 1.0 / (double)e->d, t->a->x, t->a->ld,
            at(t->b->x, j0 * t->b->ld, e->real), t->b->ld, s, ADVNTK__COLUMNS);
    for (ptrdiff_t i = 0; i < t->a->n; i++) {
        ptrdiff_t pair = i * ld + j0;
        pass_row(e, t->a, i, t->b, j0, n, at(s, i * ADVNTK__COLUMNS, e->real), &t->k, pair,
                 t->tape ? at(t->tape->value_s, pair, e->real) : NULL,
                 t->tape ? at(t->tape->value_q, pair, e->real) : NULL, work);
    }
    return ADVNTK_OK;
}

advntk_status advntk_infinite_panel(void *state, const void *a, const void *b, void *k, void **tape,
                                    struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct engine *e = state;
    const struct points *pa = a, *pb = b;
    struct tape *kept = NULL;
    struct panel_task task = {e, pa, pb, k, NULL};

    TRY(check_single(e, err));
    if (e->maps) {
        return e->maps->panel(e->inner, a, b, k, tape, err);
    }
    if (pa->n > ADVNTK_PANEL) {
        FAIL(err, ESHAPE, "a panel of %td images, at most %d", pa->n, ADVNTK_PANEL);
    }
    if (tape) {
        kept = tape_take(e, pa->n * pb->n);
        if (!kept) {
            FAIL(err, ENOMEM, "no memory for the derivatives of %td x %td pairs", pa->n, pb->n);
        }
        kept->a = pa;
        kept->b = pb;
        task.tape = kept;
    }
    if (pa->n > 0) {
        TRY(advntk_parallel_for(e->host, blocks_of(pb->n, ADVNTK__COLUMNS), panel_block, &task,
                                err));
    }
    if (tape) {
        *tape = kept;
        kept = NULL;
    }
out:
    advntk_infinite_tape_free(e, kept);
    return rc;
}

struct vjp_task {
    const struct engine *e;
    const struct tape *tape;
    const void *g;      /* a->n,b->n: one cotangent */
    ptrdiff_t m, which; /* dx is (a->n, m, d), this is number `which` of m */
    ptrdiff_t blocks;   /* column blocks */
    double *dx;
};

/* w <- g dv/ds; the sum of g dv/dq in float64 and in order. */
static double weigh32(ptrdiff_t n, const float *g, const float *v_s, const float *v_q, float *w)
{
    double sum = 0;
    for (ptrdiff_t j = 0; j < n; j++) {
        w[j] = g[j] * v_s[j];
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        sum += (double)g[j] * (double)v_q[j];
    }
    return sum;
}

static double weigh64(ptrdiff_t n, const double *g, const double *v_s, const double *v_q, double *w)
{
    double sum = 0;
    for (ptrdiff_t j = 0; j < n; j++) {
        w[j] = g[j] * v_s[j];
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        sum += g[j] * v_q[j];
    }
    return sum;
}

static advntk_status weigh_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    const struct vjp_task *t = context;
    const struct engine *e = t->e;
    ptrdiff_t ld = t->tape->b->n, j0 = index * ADVNTK__COLUMNS, rows = t->tape->a->n;
    ptrdiff_t n = ld - j0 < ADVNTK__COLUMNS ? ld - j0 : ADVNTK__COLUMNS;

    (void)arena;
    (void)err;
    for (ptrdiff_t i = 0; i < ADVNTK_PANEL; i++) {
        ptrdiff_t pair = i * ld + j0;
        double *sum = e->sums + i * t->blocks + index;
        if (i >= rows) {
            memset(at(e->weights, pair, e->real), 0, (size_t)n * e->real);
        } else if (e->precision == ADVNTK_PRECISION_FLOAT32) {
            *sum = weigh32(n, at(t->g, pair, 4), at(t->tape->value_s, pair, 4),
                           at(t->tape->value_q, pair, 4), at(e->weights, pair, 4));
        } else {
            *sum = weigh64(n, at(t->g, pair, 8), at(t->tape->value_s, pair, 8),
                           at(t->tape->value_q, pair, 8), at(e->weights, pair, 8));
        }
    }
    return ADVNTK_OK;
}

/* Pixels [c0, c0+n) of dx_i = (1/d) sum_j w_ij X_j + (2/d) (sum_j g_ij dv_ij/dq) x_i. */
static advntk_status gradient_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                    struct advntk_error *err)
{
    const struct vjp_task *t = context;
    const struct engine *e = t->e;
    const struct points *a = t->tape->a, *b = t->tape->b;
    ptrdiff_t c0 = index * ADVNTK__BLOCK;
    ptrdiff_t n = e->d - c0 < ADVNTK__BLOCK ? e->d - c0 : ADVNTK__BLOCK;
    void *out = advntk_arena_get(arena, (ptrdiff_t)ADVNTK_PANEL * ADVNTK__BLOCK, e->real);

    if (!out) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a gradient's scratch");
    }
    product(e, false, ADVNTK_PANEL, n, b->n, 1.0 / (double)e->d, e->weights, b->n,
            at(b->x, c0, e->real), b->ld, out, ADVNTK__BLOCK);
    for (ptrdiff_t i = 0; i < a->n; i++) {
        double *dx = t->dx + (i * t->m + t->which) * e->d + c0, sum = 0;
        for (ptrdiff_t j = 0; j < t->blocks; j++) {
            sum += e->sums[i * t->blocks + j];
        }
        sum *= 2 / (double)e->d;
        for (ptrdiff_t c = 0; c < n; c++) {
            ptrdiff_t x = i * a->ld + c0 + c, o = i * ADVNTK__BLOCK + c;
            dx[c] = e->precision == ADVNTK_PRECISION_FLOAT32
                        ? (double)((float *)out)[o] + sum * (double)((float *)a->x)[x]
                        : ((double *)out)[o] + sum * ((double *)a->x)[x];
        }
    }
    return ADVNTK_OK;
}

static advntk_status weights_room(struct engine *e, ptrdiff_t columns, struct advntk_error *err)
{
    if (columns <= e->columns) {
        return ADVNTK_OK;
    }
    advntk_free(e->weights);
    advntk_free(e->sums);
    e->columns = 0;
    e->weights = advntk_alloc((ptrdiff_t)ADVNTK_PANEL * columns, e->real);
    e->sums = advntk_alloc(ADVNTK_PANEL * blocks_of(columns, ADVNTK__COLUMNS), sizeof(*e->sums));
    if (!e->weights || !e->sums) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the gradient of %d x %td pairs",
                           ADVNTK_PANEL, columns);
    }
    e->columns = columns;
    return ADVNTK_OK;
}

advntk_status advntk_infinite_panel_vjp(void *state, const void *tape, ptrdiff_t m, const void *g,
                                        double *dx, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct engine *e = state;
    const struct tape *t = tape;
    struct vjp_task task = {.e = e, .tape = t, .m = m, .dx = dx};

    if (e->maps) {
        return e->maps->panel_vjp(e->inner, tape, m, g, dx, err);
    }
    TRY(weights_room(e, t->b->n, err));
    task.blocks = blocks_of(t->b->n, ADVNTK__COLUMNS);
    for (ptrdiff_t c = 0; c < m; c++) {
        task.which = c;
        task.g = at(g, c * t->a->n * t->b->n, e->real);
        TRY(advntk_parallel_for(e->host, task.blocks, weigh_block, &task, err));
        TRY(advntk_parallel_for(e->host, blocks_of(e->d, ADVNTK__BLOCK), gradient_block, &task,
                                err));
    }
out:
    return rc;
}

/* Layers whose weights' derivatives nothing here computes. */
static advntk_status check_weights(const struct advntk_graph *graph, struct advntk_error *err)
{
    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        if (advntk__is_affine(layer) && !(layer->affine.w_std > 0)) {
            return ADVNTK_FAIL(
                err, EUNSUPPORTED,
                "layer %td (%s): w_std is %g, gradients by w_std need a positive one", i,
                advntk__layer_kind_name(layer), layer->affine.w_std);
        }
    }
    return ADVNTK_OK;
}

advntk_status advntk_infinite_weights(void *state, ptrdiff_t n, const double *pixels,
                                      const double *g, double *d_w, double *d_b,
                                      struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct engine *e = state;
    const struct advntk__maps_ops *maps =
        is_beyond(e->graph, false) ? &advntk__position_ops : &advntk__pixel_ops;
    struct advntk__shape image = advntk__graph_layer(e->graph, 0)->shape;
    struct advntk_kernel_setup setup = {e->graph, image.height, image.width, image.channels,
                                        ADVNTK_PRECISION_FLOAT64};
    void *inner = NULL, *points = NULL;

    TRY(check_weights(e->graph, err));
    TRY(maps->open(e->host, &setup, e->kind, true, &inner, err));
    TRY(maps->points_new(inner, n, &points, err));
    TRY(maps->points_put(inner, points, 0, n, pixels, err));
    TRY(maps->weights(inner, points, g, d_w, d_b, err));
out:
    maps->points_free(points);
    maps->close(inner);
    return rc;
}
