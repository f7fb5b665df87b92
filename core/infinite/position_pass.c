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

static inline ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b)
{
    return a > b ? a : b;
}

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

/* ---- sections ---- */

/* Numbers of parts of a section's memory: pixels of either image, all that is prepared of them. */
struct section_sizes {
    ptrdiff_t x, y, a, b;
};

static inline struct section_sizes section_sizes(const struct advntk__position_section *s)
{
    ptrdiff_t channels = s->images ? s->net.channels : 0, span = s->net.steps[0].span;
    ptrdiff_t x = channels * span, y = channels * (span + s->net.period);

    return (struct section_sizes){x, y, x + 2 * s->net.slots, y + 2 * s->net.slots};
}

/* Position p of the first image and p + o of the second. */
struct shift {
    ptrdiff_t lines, columns, all_lines; /* all_lines: of the second's period */
    struct advntk__pixel_gap gap;
};

static inline struct shift shift_of(const struct advntk__pixel_net *net, ptrdiff_t o)
{
    const struct advntk__pixel_step *step = net->steps;
    ptrdiff_t pitch = step->pitch, margin = pitch - step->width, size = step->height * pitch;
    ptrdiff_t first = size - o, last = net->period - o;
    struct shift s = {o / pitch, o % pitch, net->period / pitch, {0, 0, 0}};

    s.gap.column = (pitch + step->width - s.columns) % pitch;
    if (s.gap.column > pitch - margin) { /* begins on the line before */
        s.gap.column -= pitch;
    }
    s.gap.first = first > 0 ? first : 0;
    last = last < size ? last : size;
    s.gap.count = last > s.gap.first ? last - s.gap.first : 0;
    s.gap.first = s.gap.count > 0 ? s.gap.first : 0;
    return s;
}

/* Positions that follow each other in a line of both images: places in a pixel map, entries of a
 * full map, these width + 1 apart. */
struct piece {
    ptrdiff_t place, entry, count;
};

/* Piece i of a shift, two a line of the first image: false if there is none. */
static inline bool piece_at(const struct advntk__pixel_step *step, const struct shift *shift,
                            ptrdiff_t i, struct piece *piece)
{
    ptrdiff_t w = step->width, y = i / 2, y2 = y + shift->lines + i % 2;
    ptrdiff_t x = i % 2 ? step->pitch - shift->columns : 0, x2 = i % 2 ? 0 : shift->columns;

    y2 -= y2 >= shift->all_lines ? shift->all_lines : 0;
    piece->place = y * step->pitch + x;
    piece->entry = ((y * step->height + y2) * w + x) * w + x2;
    piece->count = w - (x > x2 ? x : x2);
    return piece->count > 0 && y2 < step->height;
}

/* The first place of a piece in the output (full) of a pool, but for the columns of its windows,
 * x.. and x2..; false: its lines are in none. */
struct strip {
    ptrdiff_t at, x, x2;
};

static inline bool strip_at(const struct advntk__position_step *pool, const struct piece *piece,
                            struct strip *strip)
{
    const ptrdiff_t w = pool->x.in, h = pool->y.in, lines = piece->entry / w / w;
    const ptrdiff_t y = advntk__position_window(&pool->y, lines / h);
    const ptrdiff_t y2 = advntk__position_window(&pool->y, lines % h);

    strip->x = piece->entry / w % w;
    strip->x2 = piece->entry % w;
    strip->at = (y * pool->height + y2) * pool->width * pool->width;
    return y >= 0 && y2 >= 0;
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
#include "infinite/position_shift.inc"
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
#include "infinite/position_shift.inc"
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
            net->scratch = larger(net->scratch, block);
        } else if (step->kind == ADVNTK__POSITION_POOL) {
            net->wide = larger(net->wide, (step->y.in + 1) * row * row + row);
        }
    }
    for (ptrdiff_t i = 0; i < net->section_count; i++) {
        const struct advntk__pixel_net *part = &net->sections[i].net;
        struct section_sizes n = section_sizes(&net->sections[i]);
        ptrdiff_t room =
            part->work + part->scratch + n.a + n.b + n.x + (ADVNTK__PARTIALS + 1) * part->slots;
        net->scratch = larger(net->scratch, room);
        net->wide = larger(net->wide, n.x + part->slots);
        net->self = larger(net->self, advntk__pixel_self_numbers(part) + part->slots +
                                          part->steps[0].span + 2 * n.x);
    }
}
