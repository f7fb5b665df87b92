/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "infinite/maps.h"
#include "infinite/position.h"

#include "base/try.h"

#include "infinite/hermite.h"
#include "infinite/variance.h"

#include <advntk/model.h>
#include <stdatomic.h>
#include <string.h>

enum { COLUMNS = 8 }; /* of a panel that one thread works on at once */

struct points {
    ptrdiff_t n;
    void *x;                      /* n,channels,pixels of the precision */
    double *value;                /* n: kernel of an image with itself */
    void *std, *inverse, *series; /* n,slots and n,series */
};

/* Reverse mode starts again from the images, so that a tape holds nothing else. */
struct tape {
    const struct points *a, *b; /* borrowed */
};

struct advntk__position {
    struct advntk_host *host;
    const struct advntk_graph *graph;
    struct advntk__position_net net;
    struct advntk__position_code code;
    enum advntk_precision precision;
    size_t real;
    ptrdiff_t d;
    bool tangent;
    atomic_flag told; /* the log has what the Hermite series leave out */
};

static bool narrow(const struct advntk__position *e)
{
    return e->precision == ADVNTK_PRECISION_FLOAT32;
}

static void *at(const void *base, ptrdiff_t index, size_t real)
{
    return (char *)(uintptr_t)base + (size_t)index * real;
}

static double get_value(const struct advntk__position *e, const void *base, ptrdiff_t index)
{
    return narrow(e) ? (double)((const float *)base)[index] : ((const double *)base)[index];
}

static void put_value(const struct advntk__position *e, void *base, ptrdiff_t index, double value)
{
    if (narrow(e)) {
        ((float *)base)[index] = (float)value;
    } else {
        ((double *)base)[index] = value;
    }
}

static void position_close(void *engine)
{
    struct advntk__position *e = engine;

    if (e) {
        advntk__position_release(&e->net);
        advntk_free(e);
    }
}

static advntk_status position_open(struct advntk_host *host,
                                   const struct advntk_kernel_setup *setup,
                                   enum advntk_infinite_kind kind, bool keep, void **engine,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__position *e = advntk_alloc_zero(1, sizeof(*e));

    if (!e) {
        FAIL(err, ENOMEM, "no memory for the kernel engine");
    }
    e->host = host;
    e->graph = setup->graph;
    e->precision = setup->precision;
    e->real = narrow(e) ? sizeof(float) : sizeof(double);
    e->d = setup->height * setup->width * setup->channels;
    e->tangent = kind == ADVNTK_INFINITE_NTK;
    e->code = advntk__position_code(advntk_host_isa(host));
    atomic_flag_clear(&e->told);
    TRY(advntk__position_compile(e->graph, advntk_host_isa(host), e->precision, keep, &e->net,
                                 err));
    *engine = e;
    e = NULL;
out:
    position_close(e);
    return rc;
}

/* ---- points ---- */

static void position_points_free(void *points)
{
    struct points *p = points;

    if (p) {
        advntk_free(p->x);
        advntk_free(p->value);
        advntk_free(p->std);
        advntk_free(p->inverse);
        advntk_free(p->series);
        advntk_free(p);
    }
}

static advntk_status position_points_new(void *engine, ptrdiff_t n, void **points,
                                         struct advntk_error *err)
{
    const struct advntk__position *e = engine;
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t per_row = e->d + 2 * e->net.slots + e->net.series;
    struct points *p = advntk_alloc_zero(1, sizeof(*p));

    if (!p) {
        FAIL(err, ENOMEM, "no memory for %td images", n);
    }
    if (n < 0 || n > PTRDIFF_MAX / (ptrdiff_t)sizeof(double) / per_row) {
        FAIL(err, ENOMEM, "%td images of %td pixels are too many", n, e->d);
    }
    p->n = n;
    p->x = advntk_alloc_zero(n * e->d, e->real);
    p->value = advntk_alloc_zero(n, sizeof(double));
    p->std = advntk_alloc_zero(n * e->net.slots, e->real);
    p->inverse = advntk_alloc_zero(n * e->net.slots, e->real);
    p->series = advntk_alloc_zero(n * e->net.series, e->real);
    if (!p->x || !p->value || !p->std || !p->inverse || !p->series) {
        FAIL(err, ENOMEM, "no memory for %td images, their variances and series (%.1f MiB)", n,
             (double)n * (double)per_row * (double)e->real / 1048576);
    }
    *points = p;
    p = NULL;
out:
    position_points_free(p);
    return rc;
}

/* Pixels of image i, channels last, to planes of the precision, and what was stored to x. */
static advntk_status put_image(const struct advntk__position *e, struct points *points, ptrdiff_t i,
                               const double *pixels, double *x, struct advntk_error *err)
{
    ptrdiff_t channels = e->net.channels, count = e->d / channels;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t j = 0; j < e->d && rc == ADVNTK_OK; j++) {
        ptrdiff_t to = j % channels * count + j / channels;
        put_value(e, points->x, i * e->d + to, pixels[j]);
        x[to] = get_value(e, points->x, i * e->d + to);
        rc = advntk__value_check(i, j, pixels[j], x[to], err);
    }
    return rc;
}

/* Runs an image whose x, std, inverse and series are set. */
static advntk_status run_image(struct advntk__position *e, ptrdiff_t i,
                               const struct advntk__position_image *image, double *value,
                               struct advntk_error *err)
{
    double kernel[2], tail;
    advntk_status rc = advntk__position_image_run(&e->net, &e->code, e->graph, e->precision, image,
                                                  kernel, &tail, err);

    if (rc != ADVNTK_OK) {
        (void)advntk_error_prefix(err, "image %td: ", i);
        return rc;
    }
    *value = kernel[e->tangent ? 1 : 0];
    if (e->net.series > 0 && !atomic_flag_test_and_set(&e->told)) {
        advntk__hermite_tell(e->host, tail, i);
    }
    return ADVNTK_OK;
}

/* Numbers that image_arrays sets. */
static ptrdiff_t image_numbers(const struct advntk__position *e)
{
    return e->d + 2 * e->net.slots + e->net.series;
}

static void image_arrays(const struct advntk__position *e, double *room,
                         struct advntk__position_image *image)
{
    image->x = room;
    image->std = image->x + e->d;
    image->inverse = image->std + e->net.slots;
    image->series = image->inverse + e->net.slots;
}

static advntk_status position_points_put(void *engine, void *points, ptrdiff_t first,
                                         ptrdiff_t count, const double *pixels,
                                         struct advntk_error *err)
{
    struct advntk__position *e = engine;
    advntk_status rc = ADVNTK_OK;
    struct points *p = points;
    struct advntk__position_image image;
    ptrdiff_t own = image_numbers(e), s = e->net.slots, t = e->net.series;
    ptrdiff_t maps = advntk__position_image_room(&e->net, e->tangent, false, NULL, NULL);
    double *room = advntk_alloc(own + maps, sizeof(*room));

    if (!room) {
        FAIL(err, ENOMEM, "no memory for the covariances of an image (%.1f MiB)",
             (double)maps * sizeof(*room) / 1048576);
    }
    if (first < 0 || count < 0 || first > p->n - count) {
        FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    image_arrays(e, room, &image);
    (void)advntk__position_image_room(&e->net, e->tangent, false, room + own, &image);
    for (ptrdiff_t i = first; i < first + count; i++) {
        TRY(put_image(e, p, i, pixels + (i - first) * e->d, image.x, err));
        TRY(run_image(e, i, &image, &p->value[i], err));
        for (ptrdiff_t v = 0; v < s; v++) {
            put_value(e, p->std, i * s + v, image.std[v]);
            put_value(e, p->inverse, i * s + v, image.inverse[v]);
        }
        for (ptrdiff_t v = 0; v < t; v++) {
            put_value(e, p->series, i * t + v, image.series[v]);
        }
    }
out:
    advntk_free(room);
    return rc;
}

static advntk_status position_diagonals(void *engine, const void *a, ptrdiff_t first,
                                        ptrdiff_t count, double *const *k, struct advntk_error *err)
{
    const struct points *p = a;

    (void)engine;
    if (first < 0 || count < 0 || first > p->n - count) {
        return ADVNTK_FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    if (count > 0) {
        memcpy(k[0], p->value + first, (size_t)count * sizeof(*k[0]));
    }
    return ADVNTK_OK;
}

/* ---- pairs ---- */

struct maps {
    void *K, *T, *gK, *gT, *scratch;
    double *wide;
    bool kept; /* values stay for the way back */
};

static advntk_status maps_room(const struct advntk__position *e, struct advntk_arena *arena,
                               bool backward, struct maps *maps, struct advntk_error *err)
{
    const struct advntk__position_net *net = &e->net;
    ptrdiff_t n = backward ? net->kept.size : net->forward.size;

    *maps = (struct maps){.kept = backward};
    maps->K = advntk_arena_get(arena, n, e->real);
    maps->T = e->tangent ? advntk_arena_get(arena, n, e->real) : NULL;
    maps->scratch = advntk_arena_get(arena, net->scratch, e->real);
    maps->wide = advntk_arena_get(arena, net->wide, sizeof(double));
    if (backward) {
        maps->gK = advntk_arena_get(arena, net->reverse.size, e->real);
        maps->gT = e->tangent ? advntk_arena_get(arena, net->reverse.size, e->real) : NULL;
    }
    if (!maps->K || (e->tangent && !maps->T) || !maps->scratch || !maps->wide ||
        (backward && (!maps->gK || (e->tangent && !maps->gT)))) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a pair of images (%.1f MiB)",
                           2.0 * (double)(n + (backward ? net->reverse.size : 0)) *
                               (double)e->real / 1048576);
    }
    return ADVNTK_OK;
}

/* Images i of a and j of b with their maps: pair32 and pair64 from one text. */
#define PAIR(bits, bytes)                                                                          \
    static struct advntk__position_pair##bits pair##bits(                                          \
        const struct advntk__position *e, const struct points *a, ptrdiff_t i,                     \
        const struct points *b, ptrdiff_t j, const struct maps *maps, double *dx, double *q)       \
    {                                                                                              \
        ptrdiff_t s = e->net.slots, t = e->net.series;                                             \
        return (struct advntk__position_pair##bits){.x = at(a->x, i * e->d, bytes),                \
                                                    .y = at(b->x, j * e->d, bytes),                \
                                                    .a = at(a->std, i * s, bytes),                 \
                                                    .ia = at(a->inverse, i * s, bytes),            \
                                                    .b = at(b->std, j * s, bytes),                 \
                                                    .ib = at(b->inverse, j * s, bytes),            \
                                                    .series_a = at(a->series, i * t, bytes),       \
                                                    .series_b = at(b->series, j * t, bytes),       \
                                                    .at = maps->kept ? e->net.kept.at              \
                                                                     : e->net.forward.at,          \
                                                    .g_at = e->net.reverse.at,                     \
                                                    .K = maps->K,                                  \
                                                    .T = maps->T,                                  \
                                                    .gK = maps->gK,                                \
                                                    .gT = maps->gT,                                \
                                                    .scratch = maps->scratch,                      \
                                                    .wide = maps->wide,                            \
                                                    .q = q,                                        \
                                                    .dx = dx};                                     \
    }
PAIR(32, 4)
PAIR(64, 8)

static double forward_pair(const struct advntk__position *e, const struct points *a, ptrdiff_t i,
                           const struct points *b, ptrdiff_t j, const struct maps *maps)
{
    ptrdiff_t last = e->net.count - 1;
    ptrdiff_t out = maps->kept ? e->net.kept.at[last] : e->net.forward.at[last];

    if (narrow(e)) {
        struct advntk__position_pair32 pair = pair32(e, a, i, b, j, maps, NULL, NULL);
        e->code.forward32(&e->net, &pair, 0, last);
    } else {
        struct advntk__position_pair64 pair = pair64(e, a, i, b, j, maps, NULL, NULL);
        e->code.forward64(&e->net, &pair, 0, last);
    }
    return get_value(e, maps->T ? maps->T : maps->K, out);
}

/* The derivative of the pair's value, where reverse mode begins. */
static void start_back(const struct advntk__position *e, const struct maps *maps, double g)
{
    ptrdiff_t out = e->net.reverse.at[e->net.count - 1];

    put_value(e, maps->gK, out, maps->gT ? 0 : g);
    if (maps->gT) {
        put_value(e, maps->gT, out, g);
    }
}

/* After forward_pair: dx (channels,pixels) and q (slots) += g times the pair's derivatives. */
static void backward_pair(const struct advntk__position *e, const struct points *a, ptrdiff_t i,
                          const struct points *b, ptrdiff_t j, const struct maps *maps, double g,
                          double *dx, double *q)
{
    ptrdiff_t last = e->net.count - 1;

    start_back(e, maps, g);
    if (narrow(e)) {
        struct advntk__position_pair32 pair = pair32(e, a, i, b, j, maps, dx, q);
        e->code.reverse32(&e->net, &pair, 1, last);
        if (!e->net.steps[0].section) {
            e->code.pixels32(&e->net, &pair, dx);
        }
    } else {
        struct advntk__position_pair64 pair = pair64(e, a, i, b, j, maps, dx, q);
        e->code.reverse64(&e->net, &pair, 1, last);
        if (!e->net.steps[0].section) {
            e->code.pixels64(&e->net, &pair, dx);
        }
    }
}

static advntk_status position_tiles(void *engine, const void *a, ptrdiff_t i0, ptrdiff_t m,
                                    const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower,
                                    void *const *k, ptrdiff_t ld, struct advntk_arena *arena,
                                    struct advntk_error *err)
{
    const struct advntk__position *e = engine;
    advntk_status rc = ADVNTK_OK;
    const struct points *pa = a, *pb = b;
    struct maps maps;

    if (m < 0 || n < 0 || i0 < 0 || j0 < 0 || i0 > pa->n - m || j0 > pb->n - n) {
        FAIL(err, ESHAPE, "tile of %td x %td at %td, %td of %td x %td points", m, n, i0, j0, pa->n,
             pb->n);
    }
    TRY(maps_room(e, arena, false, &maps, err));
    lower = lower && pa == pb && i0 == j0;
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t j = 0; j < (lower && i + 1 < n ? i + 1 : n); j++) {
            bool self = pa == pb && i0 + i == j0 + j;
            put_value(e, k[0], i * ld + j,
                      self ? pa->value[i0 + i] : forward_pair(e, pa, i0 + i, pb, j0 + j, &maps));
        }
    }
out:
    return rc;
}

struct panel_task {
    const struct advntk__position *e;
    const struct points *a, *b;
    void *k;
};

static advntk_status panel_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    const struct panel_task *t = context;
    ptrdiff_t j0 = index * COLUMNS, n = t->b->n - j0 < COLUMNS ? t->b->n - j0 : COLUMNS;
    struct maps maps;
    advntk_status rc = maps_room(t->e, arena, false, &maps, err);

    for (ptrdiff_t i = 0; i < t->a->n && rc == ADVNTK_OK; i++) {
        for (ptrdiff_t j = j0; j < j0 + n; j++) {
            put_value(t->e, t->k, i * t->b->n + j, forward_pair(t->e, t->a, i, t->b, j, &maps));
        }
    }
    return rc;
}

static advntk_status position_panel(void *engine, const void *a, const void *b, void *k,
                                    void **tape, struct advntk_error *err)
{
    const struct advntk__position *e = engine;
    advntk_status rc = ADVNTK_OK;
    struct panel_task task = {e, a, b, k};
    struct tape *kept = tape ? advntk_alloc(1, sizeof(*kept)) : NULL;

    if (tape && !kept) {
        FAIL(err, ENOMEM, "no memory for a tape");
    }
    if (task.a->n > ADVNTK_PANEL) {
        FAIL(err, ESHAPE, "a panel of %td images, at most %d", task.a->n, ADVNTK_PANEL);
    }
    TRY(advntk_parallel_for(e->host, (task.b->n + COLUMNS - 1) / COLUMNS, panel_block, &task, err));
    if (tape) {
        *kept = (struct tape){a, b};
        *tape = kept;
        kept = NULL;
    }
out:
    advntk_free(kept);
    return rc;
}

static void position_tape_free(void *tape)
{
    advntk_free(tape);
}

/* ---- gradients ---- */

struct vjp_task {
    struct advntk__position *e;
    const struct tape *tape;
    const void *g; /* m,a->n,b->n */
    ptrdiff_t m;
    double *dx; /* a->n,m,d */
};

/* All pairs of image i: dx (m; channels,pixels) and q (m; slots) in the order of the pairs. */
static void sum_pairs(const struct vjp_task *t, ptrdiff_t i, const struct maps *maps, double *dx,
                      double *q)
{
    const struct advntk__position *e = t->e;
    const struct points *a = t->tape->a, *b = t->tape->b;

    memset(dx, 0, (size_t)(t->m * e->d) * sizeof(*dx));
    memset(q, 0, (size_t)(t->m * e->net.slots) * sizeof(*q));
    for (ptrdiff_t j = 0; j < b->n; j++) {
        bool forward = !e->net.replays;
        for (ptrdiff_t c = 0; c < t->m; c++) {
            double g = get_value(e, t->g, (c * a->n + i) * b->n + j);
            if (!(g >= 0 && g <= 0)) { /* NaN too */
                if (!forward) {
                    (void)forward_pair(e, a, i, b, j, maps);
                    forward = true;
                }
                backward_pair(e, a, i, b, j, maps, g, dx + c * e->d, q + c * e->net.slots);
            }
        }
    }
}

/* Image i with itself, in float64: what its variances, q (m; slots), ask of its pixels, dx (m;
 * channels,pixels), and of the layers' weights, sums (NULL: not wanted). */
static advntk_status push_image(struct advntk__position *e, const struct points *points,
                                ptrdiff_t i, ptrdiff_t m, struct advntk_arena *arena,
                                const double *q, double *dx, struct advntk__affine_sums *sums,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__position_image image;
    ptrdiff_t own = image_numbers(e);
    ptrdiff_t maps = advntk__position_image_room(&e->net, false, true, NULL, NULL);
    double *room = advntk_arena_get(arena, own + maps, sizeof(*room)), value;

    if (!room) {
        FAIL(err, ENOMEM, "no memory for the covariances of an image (%.1f MiB)",
             (double)maps * sizeof(*room) / 1048576);
    }
    image_arrays(e, room, &image);
    (void)advntk__position_image_room(&e->net, false, true, room + own, &image);
    for (ptrdiff_t p = 0; p < e->d; p++) {
        image.x[p] = get_value(e, points->x, i * e->d + p);
    }
    TRY(run_image(e, i, &image, &value, err));
    for (ptrdiff_t c = 0; c < m; c++) {
        TRY(advntk__position_image_push(&e->net, &e->code, &image, q + c * e->net.slots,
                                        dx + c * e->d, sums, err));
    }
out:
    return rc;
}

static advntk_status vjp_image(void *context, ptrdiff_t i, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct vjp_task *t = context;
    const struct advntk__position *e = t->e;
    ptrdiff_t channels = e->net.channels, pixels = e->d / channels;
    double *dx = advntk_arena_get(arena, t->m * e->d, sizeof(*dx));
    double *q = advntk_arena_get(arena, t->m * e->net.slots, sizeof(*q));
    struct maps maps;

    if (!dx || !q) {
        FAIL(err, ENOMEM, "no memory for the gradient of an image");
    }
    TRY(maps_room(e, arena, true, &maps, err));
    sum_pairs(t, i, &maps, dx, q);
    TRY(push_image(t->e, t->tape->a, i, t->m, arena, q, dx, NULL, err));
    for (ptrdiff_t c = 0; c < t->m; c++) {
        double *out = t->dx + (i * t->m + c) * e->d;
        for (ptrdiff_t p = 0; p < e->d; p++) {
            out[p] = dx[c * e->d + p % channels * pixels + p / channels];
        }
    }
out:
    return rc;
}

static advntk_status position_panel_vjp(void *engine, const void *tape, ptrdiff_t m, const void *g,
                                        double *dx, struct advntk_error *err)
{
    struct advntk__position *e = engine;
    struct vjp_task task = {e, tape, g, m, dx};

    return advntk_parallel_for(e->host, task.tape->a->n, vjp_image, &task, err);
}

/* ---- derivatives by weights: a row of pairs at a time ---- */

struct weights_task {
    struct advntk__position *e;
    const struct points *points;
    const double *g;                  /* n,n, symmetric */
    struct advntk__affine_sums *sums; /* n,steps */
};

/* After forward_pair: q (slots) and sums (steps) += g times the pair's. */
static void weigh_pair(const struct advntk__position *e, const struct points *p, ptrdiff_t i,
                       ptrdiff_t j, const struct maps *maps, double g, double *q,
                       struct advntk__affine_sums *sums)
{
    const ptrdiff_t *values = e->net.kept.at, *derivatives = e->net.reverse.at;
    struct advntk__position_pair64 pair = pair64(e, p, i, p, j, maps, NULL, q);

    start_back(e, maps, g);
    for (ptrdiff_t s = e->net.count - 1; s > 0; s--) {
        const struct advntk__position_step *step = &e->net.steps[s];
        if (step->kind == ADVNTK__POSITION_AFFINE) {
            advntk__affine_sum(step->entries, pair.K + values[s],
                               pair.T ? pair.T + values[s] : NULL, pair.gK + derivatives[s],
                               pair.gT ? pair.gT + derivatives[s] : NULL, &sums[s]);
        }
        e->code.reverse64(&e->net, &pair, s, s);
    }
}

/*
 * All pairs of image i. d(sum g_ij k_ij) has three parts: through K and T of the pair, and through
 * the variances of either image. As g and k are symmetric, the second image's part of all pairs is
 * the first one's: it counts twice.
 */
static advntk_status weigh_row(void *context, ptrdiff_t i, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct weights_task *t = context;
    struct advntk__position *e = t->e;
    const struct points *p = t->points;
    struct advntk__affine_sums *sums = t->sums + i * e->net.count;
    double *dx = advntk_arena_get(arena, e->d, sizeof(*dx));
    double *q = advntk_arena_get(arena, e->net.slots, sizeof(*q));
    struct maps maps;

    if (!dx || !q) {
        FAIL(err, ENOMEM, "no memory for the gradient of an image");
    }
    TRY(maps_room(e, arena, true, &maps, err));
    memset(dx, 0, (size_t)e->d * sizeof(*dx));
    memset(q, 0, (size_t)e->net.slots * sizeof(*q));
    for (ptrdiff_t j = 0; j < p->n; j++) {
        double g = t->g[i * p->n + j];
        if (!(g >= 0 && g <= 0)) { /* NaN too */
            (void)forward_pair(e, p, i, p, j, &maps);
            weigh_pair(e, p, i, j, &maps, g, q, sums);
        }
    }
    for (ptrdiff_t s = 0; s < e->net.slots; s++) {
        q[s] *= 2;
    }
    TRY(push_image(e, p, i, 1, arena, q, dx, sums, err));
out:
    return rc;
}

static advntk_status position_weights(void *engine, const void *points, const double *g,
                                      double *d_w, double *d_b, struct advntk_error *err)
{
    struct advntk__position *e = engine;
    advntk_status rc = ADVNTK_OK;
    struct weights_task t = {.e = e, .points = points, .g = g};
    ptrdiff_t n = t.points->n, count = e->net.count;
    size_t bytes = (size_t)advntk__graph_count(e->graph) * sizeof(*d_w);

    t.sums = advntk_alloc_zero(n * count, sizeof(*t.sums));
    if (!t.sums) {
        FAIL(err, ENOMEM, "no memory for the sums of %td steps of %td images", count, n);
    }
    TRY(advntk_parallel_for(e->host, n, weigh_row, &t, err));
    memset(d_w, 0, bytes);
    memset(d_b, 0, bytes);
    for (ptrdiff_t s = 0; s < count; s++) {
        const struct advntk__position_step *step = &e->net.steps[s];
        if (step->kind == ADVNTK__POSITION_AFFINE) {
            advntk__affine_back(advntk__graph_layer(e->graph, step->layer), n, count, t.sums + s,
                                &d_w[step->layer], &d_b[step->layer]);
        }
    }
out:
    advntk_free(t.sums);
    return rc;
}

const struct advntk__maps_ops advntk__position_ops = {
    .open = position_open,
    .close = position_close,
    .points_new = position_points_new,
    .points_put = position_points_put,
    .points_free = position_points_free,
    .diagonals = position_diagonals,
    .tiles = position_tiles,
    .panel = position_panel,
    .panel_vjp = position_panel_vjp,
    .tape_free = position_tape_free,
    .weights = position_weights,
};
