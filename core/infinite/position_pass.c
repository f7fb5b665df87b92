/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One pair of images through the steps of a net, forward and in reverse (position.h). */
#include "config.h"

#include "infinite/hermite.h"
#include "infinite/loops.h"
#include "infinite/position.h"

#include <advntk/isa.h>
#include <math.h>
#include <string.h>

/* Numbers that an activation works on at once, and the arrays of that length that it needs. */
enum { CHUNK = 1024, CHUNK_ARRAYS = 10 };

/* The input under place t of output o's window; -1: a zero. */
static inline ptrdiff_t input_at(const struct advntk__position_axis *axis, bool wraps, ptrdiff_t o,
                                 ptrdiff_t t)
{
    ptrdiff_t i = o * axis->stride - axis->low + t;

    if (wraps) {
        i %= axis->in;
        return i < 0 ? i + axis->in : i;
    }
    return i >= 0 && i < axis->in ? i : -1;
}

/* to (size) += the slabs of `size` values of from that the window of output o covers. */
static inline void gather_window(const struct advntk__position_axis *axis, bool wraps, ptrdiff_t o,
                                 ptrdiff_t size, const double *from, double *to)
{
    for (ptrdiff_t t = 0; t < axis->filter; t++) {
        ptrdiff_t place = input_at(axis, wraps, o, t);
        for (ptrdiff_t i = 0; place >= 0 && i < size; i++) {
            to[i] += from[place * size + i];
        }
    }
}

/* Its adjoint: each slab of to that the window covers += from (size). */
static inline void spread_window(const struct advntk__position_axis *axis, bool wraps, ptrdiff_t o,
                                 ptrdiff_t size, const double *from, double *to)
{
    for (ptrdiff_t t = 0; t < axis->filter; t++) {
        ptrdiff_t place = input_at(axis, wraps, o, t);
        for (ptrdiff_t i = 0; place >= 0 && i < size; i++) {
            to[place * size + i] += from[i];
        }
    }
}

/* The outputs first .. last-1 whose place t is an input without wrapping. */
static inline void inner_outputs(const struct advntk__position_axis *axis, ptrdiff_t t,
                                 ptrdiff_t *first, ptrdiff_t *last)
{
    ptrdiff_t before = axis->low - t, room = axis->in - 1 + before;

    *first = before > 0 ? (before + axis->stride - 1) / axis->stride : 0;
    *last = room < 0 ? 0 : room / axis->stride + 1;
    *last = *last < axis->out ? *last : axis->out;
    *first = *first < *last ? *first : *last;
}

/* A part of a map that an activation takes at once. Of a full map: rows x .. of block (y,y'), each
 * with columns x' .. of it. */
struct chunk {
    ptrdiff_t y, y2, x, x2, rows, columns;
    ptrdiff_t at, n;
};

static inline bool first_chunk(const struct advntk__position_step *step, struct chunk *c)
{
    ptrdiff_t w = step->width;

    *c = (struct chunk){.n = step->entries < CHUNK ? step->entries : CHUNK};
    if (step->full) {
        c->columns = w < CHUNK ? w : CHUNK;
        c->rows = w < CHUNK ? CHUNK / w : 1;
        c->rows = c->rows < w ? c->rows : w;
        c->n = c->rows * c->columns;
    }
    return true;
}

static inline bool next_chunk(const struct advntk__position_step *step, struct chunk *c)
{
    ptrdiff_t w = step->width;

    c->at += c->n;
    if (!step->full) {
        ptrdiff_t left = step->entries - c->at;
        c->n = left < CHUNK ? left : CHUNK;
        return left > 0;
    }
    c->x2 += c->columns;
    if (c->x2 >= w) {
        c->x2 = 0;
        c->x += c->rows;
    }
    if (c->x >= w) {
        c->x = 0;
        c->y2++;
    }
    if (c->y2 >= step->height) {
        c->y2 = 0;
        c->y++;
    }
    c->columns = w - c->x2 < CHUNK ? w - c->x2 : CHUNK;
    c->rows = w < CHUNK ? CHUNK / w : 1;
    c->rows = c->rows < w - c->x ? c->rows : w - c->x;
    c->n = c->rows * c->columns;
    return c->y < step->height;
}

#define RUN(name, bits)                                                                            \
    ADVNTK_ISA_VARIANTS(name##bits,                                                                \
                        (const struct advntk__position_net *net,                                   \
                         const struct advntk__position_pair##bits *pair, ptrdiff_t first,          \
                         ptrdiff_t last),                                                          \
                        (net, pair, first, last))
#define PIXELS(bits)                                                                               \
    ADVNTK_ISA_VARIANTS(pixels##bits,                                                              \
                        (const struct advntk__position_net *net,                                   \
                         const struct advntk__position_pair##bits *pair, double *dx),              \
                        (net, pair, dx))

#define REAL float
#define SQRT sqrtf
#define NAME(name) name##32
#include "infinite/series.inc"
#include "infinite/position_pass.inc"
#include "infinite/position_back.inc"
RUN(forward, 32)
RUN(reverse, 32)
PIXELS(32)
#undef REAL
#undef SQRT
#undef NAME

#define REAL double
#define SQRT sqrt
#define NAME(name) name##64
#include "infinite/series.inc"
#include "infinite/position_pass.inc"
#include "infinite/position_back.inc"
RUN(forward, 64)
RUN(reverse, 64)
PIXELS(64)
#undef REAL
#undef SQRT
#undef NAME

struct advntk__position_code advntk__position_code(int isa)
{
    static const advntk__position_run32_fn f32[] = ADVNTK_ISA_TABLE(forward32);
    static const advntk__position_run64_fn f64[] = ADVNTK_ISA_TABLE(forward64);
    static const advntk__position_run32_fn r32[] = ADVNTK_ISA_TABLE(reverse32);
    static const advntk__position_run64_fn r64[] = ADVNTK_ISA_TABLE(reverse64);
    static const advntk__position_pixels32_fn p32[] = ADVNTK_ISA_TABLE(pixels32);
    static const advntk__position_pixels64_fn p64[] = ADVNTK_ISA_TABLE(pixels64);

    return (struct advntk__position_code){f32[isa], r32[isa], f64[isa],
                                          r64[isa], p32[isa], p64[isa]};
}

void advntk__position_measure(struct advntk__position_net *net)
{
    net->scratch = CHUNK_ARRAYS * CHUNK;
    net->wide = 0;
    for (ptrdiff_t i = 0; i < net->count; i++) {
        const struct advntk__position_step *step = &net->steps[i];
        ptrdiff_t row = step->x.in, block = step->full ? row * row : row;
        if (step->kind == ADVNTK__POSITION_AFFINE) {
            net->scratch = net->scratch > block ? net->scratch : block;
        } else if (step->kind == ADVNTK__POSITION_POOL) {
            ptrdiff_t wide = (step->y.in + 1) * row * row + row;
            net->wide = net->wide > wide ? net->wide : wide;
        }
    }
}
