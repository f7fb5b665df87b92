/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Points, tiles, panels and gradients (pixel.h). A set of points holds pixels and self values
 * alone; standard deviations of a block of images are computed again wherever the block is used,
 * once for the hundreds of images that it meets there.
 */
#include "config.h"

#include "base/memory.h"
#include "base/try.h"
#include "infinite/maps.h"
#include "infinite/pixel.h"
#include "infinite/variance.h"

#include <advntk/model.h>
#include <math.h>
#include <string.h>

enum {
    COLUMNS = 32,          /* of a panel that one thread works on at once */
    BLOCK = 64,            /* columns of a panel whose gradients are summed before the next ones */
    NARROW = 16,           /* pairs that are summed in the precision, before float64 */
    CACHE = 1 << 18,       /* bytes of images that stay in the second-level cache */
    PREPARED = 1 << 24,    /* bytes of images that a tile has ready */
    DERIVATIVES = 1 << 26, /* bytes of gradients that are summed at a time */
    IMAGES_MAX = 512       /* images of a tile ready at once */
};

struct points {
    ptrdiff_t n;
    void *x;       /* n,channels,pixels of the precision */
    double *value; /* outputs,n: kernel of an image with itself */
};

/* Reverse mode starts again from the images; those of the panel are kept ready. */
struct tape {
    const struct points *a, *b; /* borrowed */
    void *images;               /* a->n prepared images */
};

struct advntk__pixel {
    struct advntk_host *host;
    const struct advntk_graph *graph;
    struct advntk__pixel_net net;
    struct advntk__pixel_code code;
    enum advntk_precision precision;
    size_t real;
    ptrdiff_t height, width, d;
};

static bool narrow(const struct advntk__pixel *e)
{
    return e->precision == ADVNTK_PRECISION_FLOAT32;
}

static void *at(const void *base, ptrdiff_t index, size_t real)
{
    return (char *)(uintptr_t)base + (size_t)index * real;
}

static ptrdiff_t between(ptrdiff_t low, ptrdiff_t n, ptrdiff_t high)
{
    return n < low ? low : (n > high ? high : n);
}

static ptrdiff_t image_bytes(const struct advntk__pixel *e)
{
    return e->net.image * (ptrdiff_t)e->real;
}

static void pixel_close(void *engine)
{
    struct advntk__pixel *e = engine;

    if (e) {
        advntk__pixel_release(&e->net);
        advntk_free(e);
    }
}

static advntk_status pixel_open(struct advntk_host *host, const struct advntk_kernel_setup *setup,
                                enum advntk_infinite_kind kind, bool keep, void **engine,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__pixel *e = advntk_alloc_zero(1, sizeof(*e));
    int isa = advntk_host_isa(host);

    if (!e) {
        FAIL(err, ENOMEM, "no memory for the kernel engine");
    }
    e->host = host;
    e->graph = setup->graph;
    e->precision = setup->precision;
    e->real = narrow(e) ? sizeof(float) : sizeof(double);
    e->height = setup->height;
    e->width = setup->width;
    e->d = setup->height * setup->width * setup->channels;
    e->code = advntk__pixel_code(isa);
    TRY(advntk__pixel_compile(e->graph, isa, e->precision, kind == ADVNTK_INFINITE_NTK, keep,
                              &e->net, err));
    *engine = e;
    e = NULL;
out:
    pixel_close(e);
    return rc;
}

/* ---- points ---- */

static void pixel_points_free(void *points)
{
    struct points *p = points;

    if (p) {
        advntk_free(p->x);
        advntk_free(p->value);
        advntk_free(p);
    }
}

static advntk_status pixel_points_new(void *engine, ptrdiff_t n, void **points,
                                      struct advntk_error *err)
{
    const struct advntk__pixel *e = engine;
    advntk_status rc = ADVNTK_OK;
    struct points *p = advntk_alloc_zero(1, sizeof(*p));

    if (!p) {
        FAIL(err, ENOMEM, "no memory for %td images", n);
    }
    if (n < 0 || n > PTRDIFF_MAX / (ptrdiff_t)sizeof(double) / e->d) {
        FAIL(err, ENOMEM, "%td images of %td pixels are too many", n, e->d);
    }
    p->n = n;
    p->x = advntk_alloc_zero(n * e->d, e->real);
    p->value = advntk_alloc_zero(n * e->net.output_count, sizeof(double));
    if (!p->x || !p->value) {
        FAIL(err, ENOMEM, "no memory for %td images (%.1f MiB)", n,
             (double)n * (double)e->d * (double)e->real / 1048576);
    }
    *points = p;
    p = NULL;
out:
    pixel_points_free(p);
    return rc;
}

/* Pixels of image i, channels last, to planes of the precision. */
static advntk_status put_image(const struct advntk__pixel *e, struct points *points, ptrdiff_t i,
                               const double *pixels, struct advntk_error *err)
{
    ptrdiff_t channels = e->net.channels, count = e->d / channels;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t j = 0; j < e->d && rc == ADVNTK_OK; j++) {
        ptrdiff_t to = i * e->d + j % channels * count + j / channels;
        double value = narrow(e) ? (double)(float)pixels[j] : pixels[j];
        rc = advntk__value_check(i, j, pixels[j], value, err);
        if (narrow(e)) {
            ((float *)points->x)[to] = (float)value;
        } else {
            ((double *)points->x)[to] = value;
        }
    }
    return rc;
}

/* Image i as the network's first map has it: x (channels,span), whose margins are zero already. */
static void load_image(const struct advntk__pixel *e, const struct points *points, ptrdiff_t i,
                       double *x)
{
    const struct advntk__pixel_step *first = &e->net.steps[0];
    ptrdiff_t from = i * e->d;

    for (ptrdiff_t c = 0; c < e->net.channels; c++) {
        for (ptrdiff_t y = 0; y < e->height; y++) {
            double *line = x + c * first->span + y * first->pitch;
            for (ptrdiff_t p = 0; p < e->width; p++, from++) {
                line[p] = narrow(e) ? (double)((const float *)points->x)[from]
                                    : ((const double *)points->x)[from];
            }
        }
    }
}

static advntk_status pixel_points_put(void *engine, void *points, ptrdiff_t first, ptrdiff_t count,
                                      const double *pixels, struct advntk_error *err)
{
    const struct advntk__pixel *e = engine;
    advntk_status rc = ADVNTK_OK;
    struct points *p = points;
    struct advntk__pixel_self self;
    struct advntk_arena *arena = advntk__arena_new();

    if (!arena) {
        FAIL(err, ENOMEM, "no memory for the variances of a network");
    }
    if (first < 0 || count < 0 || first > p->n - count) {
        FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    TRY(advntk__pixel_self_room(&e->net, arena, &self, err));
    for (ptrdiff_t i = first; i < first + count; i++) {
        TRY(put_image(e, p, i, pixels + (i - first) * e->d, err));
        load_image(e, p, i, self.x);
        rc = advntk__pixel_self(&e->net, &e->code, e->graph, &self, false, err);
        if (rc != ADVNTK_OK) {
            (void)advntk_error_prefix(err, "image %td: ", i);
            goto out;
        }
        for (ptrdiff_t f = 0; f < e->net.output_count; f++) {
            p->value[f * p->n + i] = self.values[f];
        }
    }
out:
    advntk__arena_free(arena);
    return rc;
}

static advntk_status pixel_diagonals(void *engine, const void *a, ptrdiff_t first, ptrdiff_t count,
                                     double *const *k, struct advntk_error *err)
{
    const struct advntk__pixel *e = engine;
    const struct points *p = a;

    if (first < 0 || count < 0 || first > p->n - count) {
        return ADVNTK_FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    for (ptrdiff_t f = 0; count > 0 && f < e->net.output_count; f++) {
        memcpy(k[f], p->value + f * p->n + first, (size_t)count * sizeof(*k[f]));
    }
    return ADVNTK_OK;
}

/* Image i with its standard deviations, as a pair takes it (net.image numbers). */
static advntk_status prepare(const struct advntk__pixel *e, const struct points *points,
                             ptrdiff_t i, struct advntk__pixel_self *self, void *image,
                             struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t n = e->net.channels * e->net.steps[0].span, slots = e->net.slots;
    void *a = at(image, n, e->real);

    load_image(e, points, i, self->x);
    TRY(advntk__pixel_self(&e->net, &e->code, NULL, self, false, err));
    if (narrow(e)) {
        float *to = image;
        for (ptrdiff_t p = 0; p < n; p++) {
            to[p] = (float)self->x[p];
        }
        e->code.deviations32(slots, self->q, a, at(a, slots, e->real));
    } else {
        memcpy(image, self->x, (size_t)n * sizeof(double));
        e->code.deviations64(slots, self->q, a, at(a, slots, e->real));
    }
out:
    return rc;
}

static advntk_status prepare_block(const struct advntk__pixel *e, const struct points *points,
                                   ptrdiff_t first, ptrdiff_t n, struct advntk__pixel_self *self,
                                   void *images, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t i = 0; i < n; i++) {
        TRY(prepare(e, points, first + i, self, at(images, i * e->net.image, e->real), err));
    }
out:
    return rc;
}

struct prepare_task {
    const struct advntk__pixel *e;
    const struct points *points;
    ptrdiff_t first;
    void *images;
};

static advntk_status prepare_one(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct prepare_task *t = context;
    struct advntk__pixel_self self;

    TRY(advntk__pixel_self_room(&t->e->net, arena, &self, err));
    TRY(prepare_block(t->e, t->points, t->first + i, 1, &self,
                      at(t->images, i * t->e->net.image, t->e->real), err));
out:
    return rc;
}

static advntk_status prepare_all(const struct advntk__pixel *e, const struct points *points,
                                 ptrdiff_t first, ptrdiff_t n, void *images,
                                 struct advntk_error *err)
{
    struct prepare_task task = {e, points, first, images};

    return advntk_parallel_for(e->host, n, prepare_one, &task, err);
}

/* ---- pairs ---- */

struct room {
    void *work, *scratch;
    void *partials; /* NULL: values alone */
    double *values; /* of the outputs */
};

static advntk_status room_get(const struct advntk__pixel *e, struct advntk_arena *arena,
                              bool derivatives, struct room *room, struct advntk_error *err)
{
    const struct advntk__pixel_net *net = &e->net;

    room->work = advntk_arena_get(arena, net->work, e->real);
    room->scratch = advntk_arena_get(arena, net->scratch, e->real);
    room->partials =
        derivatives ? advntk_arena_get(arena, ADVNTK__PARTIALS * net->slots, e->real) : NULL;
    room->values = advntk_arena_get(arena, e->net.output_count, sizeof(*room->values));
    if (!room->work || !room->scratch || !room->values || (derivatives && !room->partials)) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a pair of images");
    }
    memset(room->work, 0, (size_t)net->work * e->real);
    memset(room->scratch, 0, (size_t)net->scratch * e->real);
    return ADVNTK_OK;
}

/* Two prepared images; dx, q: what reverse adds to, NULL where it does not follow. */
static struct advntk__pixel_pair32 pair32(const struct advntk__pixel *e, const void *a,
                                          const void *b, const struct room *room, void *dx, void *q)
{
    const float *x = a, *y = b;
    ptrdiff_t n = e->net.channels * e->net.steps[0].span, slots = e->net.slots;

    return (struct advntk__pixel_pair32){.x = x,
                                         .a = x + n,
                                         .ia = x + n + slots,
                                         .y = y,
                                         .b = y + n,
                                         .ib = y + n + slots,
                                         .work = room->work,
                                         .scratch = room->scratch,
                                         .partials = room->partials,
                                         .dx = dx,
                                         .q = q};
}

static struct advntk__pixel_pair64 pair64(const struct advntk__pixel *e, const void *a,
                                          const void *b, const struct room *room, void *dx, void *q)
{
    const double *x = a, *y = b;
    ptrdiff_t n = e->net.channels * e->net.steps[0].span, slots = e->net.slots;

    return (struct advntk__pixel_pair64){.x = x,
                                         .a = x + n,
                                         .ia = x + n + slots,
                                         .y = y,
                                         .b = y + n,
                                         .ib = y + n + slots,
                                         .work = room->work,
                                         .scratch = room->scratch,
                                         .partials = room->partials,
                                         .dx = dx,
                                         .q = q};
}

/* To room->values. */
static void forward_pair(const struct advntk__pixel *e, const void *a, const void *b,
                         const struct room *room)
{
    if (narrow(e)) {
        struct advntk__pixel_pair32 pair = pair32(e, a, b, room, NULL, NULL);
        e->code.forward32(&e->net, &pair, room->values);
    } else {
        struct advntk__pixel_pair64 pair = pair64(e, a, b, room, NULL, NULL);
        e->code.forward64(&e->net, &pair, room->values);
    }
}

static void backward_pair(const struct advntk__pixel *e, const void *a, const void *b,
                          const struct room *room, double g, void *dx, void *q)
{
    if (narrow(e)) {
        struct advntk__pixel_pair32 pair = pair32(e, a, b, room, dx, q);
        e->code.backward32(&e->net, &pair, g);
    } else {
        struct advntk__pixel_pair64 pair = pair64(e, a, b, room, dx, q);
        e->code.backward64(&e->net, &pair, g);
    }
}

static void put_value(const struct advntk__pixel *e, void *k, ptrdiff_t index, double value)
{
    if (narrow(e)) {
        ((float *)k)[index] = (float)value;
    } else {
        ((double *)k)[index] = value;
    }
}

/* Prepared images a, rows i0 .. i0+m-1 of a matrix k, against b, columns j0 .. j0+n-1. same: rows
 * and columns are these points, whose diagonal is known; lower: nothing above it is wanted. */
struct rectangle {
    const void *a, *b;
    ptrdiff_t i0, m, j0, n;
    const struct points *same;
    bool lower;
};

/* k[f][place + i * ld + j] is entry i0+i, j0+j of output f. */
static void fill_rectangle(const struct advntk__pixel *e, const struct rectangle *r,
                           const struct room *room, void *const *k, ptrdiff_t place, ptrdiff_t ld)
{
    for (ptrdiff_t j = 0; j < r->n; j++) {
        const void *b = at(r->b, j * e->net.image, e->real);
        for (ptrdiff_t i = 0; i < r->m; i++) {
            const void *a = at(r->a, i * e->net.image, e->real);
            ptrdiff_t row = r->i0 + i, column = r->j0 + j;
            if (r->lower && column > row) {
                continue;
            }
            if (!r->same || row != column) {
                forward_pair(e, a, b, room);
            }
            for (ptrdiff_t f = 0; f < e->net.output_count; f++) {
                put_value(e, k[f], place + i * ld + j,
                          r->same && row == column ? r->same->value[f * r->same->n + row]
                                                   : room->values[f]);
            }
        }
    }
}

/* Rows at a time, so that their images stay in the second-level cache while all columns pass. */
static ptrdiff_t cached_rows(const struct advntk__pixel *e)
{
    return between(1, CACHE / image_bytes(e), 16);
}

static advntk_status tile_columns(const struct advntk__pixel *e, const struct points *a,
                                  ptrdiff_t i0, ptrdiff_t m, struct rectangle *r,
                                  struct advntk__pixel_self *self, const struct room *room,
                                  void *rows, void *const *k, ptrdiff_t place, ptrdiff_t ld,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t step = cached_rows(e);

    for (ptrdiff_t i = r->lower ? r->j0 - i0 : 0; i < m; i += step) {
        r->i0 = i0 + i;
        r->m = m - i < step ? m - i : step;
        r->a = rows;
        TRY(prepare_block(e, a, r->i0, r->m, self, rows, err));
        fill_rectangle(e, r, room, k, place + i * ld, ld);
    }
out:
    return rc;
}

static advntk_status pixel_tiles(void *engine, const void *a, ptrdiff_t i0, ptrdiff_t m,
                                 const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower,
                                 void *const *k, ptrdiff_t ld, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    const struct advntk__pixel *e = engine;
    advntk_status rc = ADVNTK_OK;
    const struct points *pa = a, *pb = b;
    ptrdiff_t ready = between(16, PREPARED / image_bytes(e), n < IMAGES_MAX ? n : IMAGES_MAX);
    struct rectangle r = {.same = pa == pb ? pa : NULL, .lower = lower && pa == pb && i0 == j0};
    struct advntk__pixel_self self;
    struct room room;
    void *rows, *columns;

    if (m < 0 || n < 0 || i0 < 0 || j0 < 0 || i0 > pa->n - m || j0 > pb->n - n) {
        FAIL(err, ESHAPE, "tile of %td x %td at %td, %td of %td x %td points", m, n, i0, j0, pa->n,
             pb->n);
    }
    rows = advntk_arena_get(arena, cached_rows(e) * e->net.image, e->real);
    columns = advntk_arena_get(arena, ready * e->net.image, e->real);
    if (!rows || !columns) {
        FAIL(err, ENOMEM, "no memory for the images of a tile");
    }
    TRY(room_get(e, arena, false, &room, err));
    TRY(advntk__pixel_self_room(&e->net, arena, &self, err));
    for (ptrdiff_t j = 0; j < n; j += ready) {
        r.j0 = j0 + j;
        r.n = n - j < ready ? n - j : ready;
        r.b = columns;
        TRY(prepare_block(e, pb, r.j0, r.n, &self, columns, err));
        TRY(tile_columns(e, pa, i0, m, &r, &self, &room, rows, k, j, ld, err));
    }
out:
    return rc;
}

struct panel_task {
    const struct advntk__pixel *e;
    const struct points *a, *b;
    const void *images; /* a's */
    void *k;
};

static advntk_status panel_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct panel_task *t = context;
    const struct advntk__pixel *e = t->e;
    ptrdiff_t j0 = index * COLUMNS, step = cached_rows(e);
    struct rectangle r = {.j0 = j0, .n = t->b->n - j0 < COLUMNS ? t->b->n - j0 : COLUMNS};
    void *columns = advntk_arena_get(arena, COLUMNS * e->net.image, e->real);
    struct advntk__pixel_self self;
    struct room room;

    if (!columns) {
        FAIL(err, ENOMEM, "no memory for the images of a panel");
    }
    TRY(room_get(e, arena, false, &room, err));
    TRY(advntk__pixel_self_room(&e->net, arena, &self, err));
    TRY(prepare_block(e, t->b, j0, r.n, &self, columns, err));
    r.b = columns;
    for (ptrdiff_t i = 0; i < t->a->n; i += step) {
        r.a = at(t->images, i * e->net.image, e->real);
        r.i0 = i;
        r.m = t->a->n - i < step ? t->a->n - i : step;
        fill_rectangle(e, &r, &room, &t->k, i * t->b->n + j0, t->b->n);
    }
out:
    return rc;
}

static void pixel_tape_free(void *tape)
{
    struct tape *t = tape;

    if (t) {
        advntk_free(t->images);
        advntk_free(t);
    }
}

static advntk_status pixel_panel(void *engine, const void *a, const void *b, void *k, void **tape,
                                 struct advntk_error *err)
{
    const struct advntk__pixel *e = engine;
    advntk_status rc = ADVNTK_OK;
    struct panel_task task = {.e = e, .a = a, .b = b, .k = k};
    struct tape *kept = advntk_alloc_zero(1, sizeof(*kept));

    if (task.a->n > ADVNTK_PANEL) {
        FAIL(err, ESHAPE, "a panel of %td images, at most %d", task.a->n, ADVNTK_PANEL);
    }
    if (kept) {
        *kept = (struct tape){a, b, advntk_alloc(task.a->n * e->net.image, e->real)};
    }
    if (!kept || !kept->images) {
        FAIL(err, ENOMEM, "no memory for a panel of %td images", task.a->n);
    }
    TRY(prepare_all(e, a, 0, task.a->n, kept->images, err));
    task.images = kept->images;
    TRY(advntk_parallel_for(e->host, (task.b->n + COLUMNS - 1) / COLUMNS, panel_block, &task, err));
    if (tape) {
        *tape = kept;
        kept = NULL;
    }
out:
    pixel_tape_free(kept);
    return rc;
}

/* ---- gradients: rows in groups, columns in blocks, so that memory does not grow with either ----
 */

struct vjp_task {
    const struct advntk__pixel *e;
    const struct tape *tape;
    const void *g; /* m,a->n,b->n */
    ptrdiff_t m;
    double *dx;            /* a->n,m,d */
    ptrdiff_t first, rows; /* the group */
    ptrdiff_t j0, n;       /* the block */
    void *images;          /* its images */
    double *sums;          /* rows,m,sums_per: dx (channels,span) and q (slots), over the blocks */
};

/* numbers of one gradient */
static ptrdiff_t sums_per(const struct advntk__pixel *e)
{
    return e->net.channels * e->net.steps[0].span + e->net.slots;
}

static double weight_at(const struct vjp_task *t, ptrdiff_t c, ptrdiff_t i, ptrdiff_t j)
{
    ptrdiff_t entry = (c * t->tape->a->n + i) * t->tape->b->n + j;

    return narrow(t->e) ? (double)((const float *)t->g)[entry] : ((const double *)t->g)[entry];
}

/* sums += few, few <- 0 */
static void flush(const struct advntk__pixel *e, ptrdiff_t n, void *few, double *sums)
{
    for (ptrdiff_t p = 0; p < n; p++) {
        sums[p] += narrow(e) ? (double)((float *)few)[p] : ((double *)few)[p];
    }
    memset(few, 0, (size_t)n * e->real);
}

/* Image first+i against the block's: sums += its gradients, in the order of the pairs. */
static advntk_status sum_block(void *context, ptrdiff_t i, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct vjp_task *t = context;
    const struct advntk__pixel *e = t->e;
    const void *a = at(t->tape->images, (t->first + i) * e->net.image, e->real);
    ptrdiff_t n = sums_per(e), x = e->net.channels * e->net.steps[0].span;
    void *few = advntk_arena_get(arena, t->m * n, e->real);
    struct room room;

    if (!few) {
        FAIL(err, ENOMEM, "no memory for the gradient of an image");
    }
    TRY(room_get(e, arena, true, &room, err));
    memset(few, 0, (size_t)(t->m * n) * e->real);
    for (ptrdiff_t j = 0; j < t->n; j++) {
        const void *b = at(t->images, j * e->net.image, e->real);
        bool forward = false;
        for (ptrdiff_t c = 0; c < t->m; c++) {
            double g = weight_at(t, c, t->first + i, t->j0 + j);
            void *dx = at(few, c * n, e->real);
            if (g < 0 || g > 0 || isnan(g)) {
                if (!forward) {
                    forward_pair(e, a, b, &room);
                    forward = true;
                }
                backward_pair(e, a, b, &room, g, dx, at(dx, x, e->real));
            }
        }
        if ((j + 1) % NARROW == 0 || j + 1 == t->n) {
            flush(e, t->m * n, few, t->sums + i * t->m * n);
        }
    }
out:
    return rc;
}

/* The sums of image first+i to derivatives by its pixels, channels last. */
static advntk_status finish_image(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct vjp_task *t = context;
    const struct advntk__pixel *e = t->e;
    const struct advntk__pixel_step *first = &e->net.steps[0];
    ptrdiff_t n = sums_per(e), channels = e->net.channels;
    struct advntk__pixel_self self;

    TRY(advntk__pixel_self_room(&e->net, arena, &self, err));
    load_image(e, t->tape->a, t->first + i, self.x);
    TRY(advntk__pixel_self(&e->net, &e->code, NULL, &self, true, err));
    for (ptrdiff_t c = 0; c < t->m; c++) {
        double *sums = t->sums + (i * t->m + c) * n;
        double *out = t->dx + ((t->first + i) * t->m + c) * e->d;
        advntk__pixel_self_back(&e->net, &e->code, &self, sums + channels * first->span, NULL,
                                sums);
        for (ptrdiff_t p = 0; p < e->d; p++) {
            ptrdiff_t pixel = p / channels;
            ptrdiff_t from = pixel / e->width * first->pitch + pixel % e->width;
            out[p] = sums[p % channels * first->span + from] / (double)channels;
        }
    }
out:
    return rc;
}

static advntk_status pixel_panel_vjp(void *engine, const void *tape, ptrdiff_t m, const void *g,
                                     double *dx, struct advntk_error *err)
{
    const struct advntk__pixel *e = engine;
    advntk_status rc = ADVNTK_OK;
    struct vjp_task t = {.e = e, .tape = tape, .g = g, .m = m, .dx = dx};
    ptrdiff_t rows = t.tape->a->n, columns = t.tape->b->n, per = m * sums_per(e);
    ptrdiff_t group =
        between(8, DERIVATIVES / (ptrdiff_t)sizeof(double) / (per > 0 ? per : 1), ADVNTK_PANEL);

    t.images = advntk_alloc(BLOCK * e->net.image, e->real);
    t.sums = advntk_alloc((rows < group ? rows : group) * per, sizeof(*t.sums));
    if (!t.images || !t.sums) {
        FAIL(err, ENOMEM, "no memory for %td gradients of %td images", m, rows);
    }
    for (t.first = 0; t.first < rows; t.first += group) {
        t.rows = rows - t.first < group ? rows - t.first : group;
        memset(t.sums, 0, (size_t)(t.rows * per) * sizeof(*t.sums));
        for (t.j0 = 0; t.j0 < columns; t.j0 += BLOCK) {
            t.n = columns - t.j0 < BLOCK ? columns - t.j0 : BLOCK;
            TRY(prepare_all(e, t.tape->b, t.j0, t.n, t.images, err));
            TRY(advntk_parallel_for(e->host, t.rows, sum_block, &t, err));
        }
        TRY(advntk_parallel_for(e->host, t.rows, finish_image, &t, err));
    }
out:
    advntk_free(t.images);
    advntk_free(t.sums);
    return rc;
}

/* ---- derivatives by weights: a row of pairs at a time ---- */

struct weights_task {
    const struct advntk__pixel *e;
    const struct points *points;
    const void *images;               /* all, prepared */
    const double *g;                  /* n,n, symmetric */
    struct advntk__affine_sums *sums; /* n,steps */
};

/* What reaches the variances of image i from its pairs, q (slots), pushed back through them. */
static advntk_status weigh_image(const struct weights_task *t, ptrdiff_t i, const double *q,
                                 double *dx, struct advntk_arena *arena, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__pixel_net *net = &t->e->net;
    struct advntk__pixel_self self;
    double *values = advntk_arena_get(arena, net->work, sizeof(*values));

    if (!values) {
        FAIL(err, ENOMEM, "no memory for the variances of a network");
    }
    TRY(advntk__pixel_self_room(net, arena, &self, err));
    load_image(t->e, t->points, i, self.x);
    TRY(advntk__pixel_self(net, &t->e->code, NULL, &self, true, err));
    memcpy(values, self.work, (size_t)net->work * sizeof(*values));
    advntk__pixel_self_back(net, &t->e->code, &self, q, NULL, dx);
    advntk__pixel_sum_affine(net, values, self.work, t->sums + i * net->count);
out:
    return rc;
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
    const struct advntk__pixel *e = t->e;
    ptrdiff_t n = t->points->n, per = sums_per(e), x = e->net.channels * e->net.steps[0].span;
    const void *a = at(t->images, i * e->net.image, e->real);
    double *dx = advntk_arena_get(arena, per, sizeof(*dx)), *q = dx + x;
    struct room room, back;

    if (!dx) {
        FAIL(err, ENOMEM, "no memory for the gradient of an image");
    }
    TRY(room_get(e, arena, true, &room, err));
    TRY(room_get(e, arena, false, &back, err));
    back.partials = room.partials;
    memset(dx, 0, (size_t)per * sizeof(*dx));
    for (ptrdiff_t j = 0; j < n; j++) {
        const void *b = at(t->images, j * e->net.image, e->real);
        double g = t->g[i * n + j];
        if (g < 0 || g > 0 || isnan(g)) {
            (void)forward_pair(e, a, b, &room);
            backward_pair(e, a, b, &back, g, dx, q);
            advntk__pixel_sum_affine(&e->net, room.work, back.work, t->sums + i * e->net.count);
        }
    }
    for (ptrdiff_t s = 0; s < e->net.slots; s++) {
        q[s] *= 2;
    }
    TRY(weigh_image(t, i, q, dx, arena, err));
out:
    return rc;
}

static advntk_status pixel_weights(void *engine, const void *points, const double *g, double *d_w,
                                   double *d_b, struct advntk_error *err)
{
    const struct advntk__pixel *e = engine;
    advntk_status rc = ADVNTK_OK;
    struct weights_task t = {.e = e, .points = points, .g = g};
    ptrdiff_t n = t.points->n, count = e->net.count;
    void *images = advntk_alloc(n * e->net.image, e->real);

    t.sums = advntk_alloc_zero(n * count, sizeof(*t.sums));
    t.images = images;
    if (!images || !t.sums) {
        FAIL(err, ENOMEM, "no memory for %td prepared images (%.1f MiB)", n,
             (double)n * (double)image_bytes(e) / 1048576);
    }
    TRY(prepare_all(e, points, 0, n, images, err));
    TRY(advntk_parallel_for(e->host, n, weigh_row, &t, err));
    for (ptrdiff_t s = 0; s < count; s++) {
        const struct advntk__layer *layer = advntk__graph_layer(e->graph, s);
        d_w[s] = d_b[s] = 0;
        if (advntk__is_affine(layer)) {
            advntk__affine_back(layer, n, count, t.sums + s, &d_w[s], &d_b[s]);
        }
    }
out:
    advntk_free(images);
    advntk_free(t.sums);
    return rc;
}

const struct advntk__maps_ops advntk__pixel_ops = {
    .open = pixel_open,
    .close = pixel_close,
    .points_new = pixel_points_new,
    .points_put = pixel_points_put,
    .points_free = pixel_points_free,
    .diagonals = pixel_diagonals,
    .tiles = pixel_tiles,
    .panel = pixel_panel,
    .panel_vjp = pixel_panel_vjp,
    .tape_free = pixel_tape_free,
    .weights = pixel_weights,
};
