/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine for every network that the faster ones leave over (engine.c chooses): pools, which mix
 * pixels; layer norm, products and the standard parameterisation; activations without dual moments
 * on maps. A pair is a map at each layer, of one number a pixel, or, where a later layer asks for
 * it (graph.h: full), of one number a pair of positions. Values are computed pair by pair;
 * gradients in reverse mode, pair by pair, and what reaches the variances of an image is summed
 * over all pairs before it is pushed back through the image's own covariances.
 *
 * Notation: K, T: nngp and tangent kernel behind a layer; gK, gT: the derivatives of the result
 * with respect to them; q: variances, K of a position with itself. A full map of H x W positions
 * has the order [y][y'][x][x'], (y,x) a position of the first image, (y',x') of the second: the
 * windows of both axes are sums of shifted blocks.
 *
 * Cost of a pair of images: for steps in sections (below), 2 to 2.5 times their multiplications at
 * the speed of a matrix product a number and layer (3x3, relu, float32, AVX2: bench/conv_kernel.c),
 * forward and reverse together 3.5 times forward. What bounds it is what bounds pixel_pass.c, and
 * 1.1 (32 x 32) to 1.2 (16 x 16) times as many places as numbers, as shifts meet margins. For other
 * steps about three times as much, and the time that maps take through memory.
 * Memory of a thread: a few pixel maps a section; full maps at their ends and of other steps.
 * Tried, and slower: each step over a whole full map, in blocks of lines [y][y'][x][x'] (7.2 ns
 * where this takes 1.5, all time spent on maps that leave the second-level cache). Not tried:
 * blocks [y][y'] that follow each other along y' - y through all layers; they save the margins and
 * need loops of their own over short lines. Functions are those of struct advntk_kernel_ops
 * (advntk/kernel.h).
 */
#ifndef ADVNTK_INFINITE_POSITION_H
#define ADVNTK_INFINITE_POSITION_H

#include "graph/graph.h"
#include "infinite/pixel.h"
#include "infinite/weights.h"

#include <advntk/activation.h>
#include <advntk/infinite.h>

struct advntk__hermite_table;
struct advntk__position_section;

enum advntk__position_kind {
    ADVNTK__POSITION_INPUT,
    ADVNTK__POSITION_AFFINE, /* dense is a window of one pixel */
    ADVNTK__POSITION_MEAN,   /* flatten */
    ADVNTK__POSITION_ACTIVATION,
    ADVNTK__POSITION_NORM,
    ADVNTK__POSITION_SUM,
    ADVNTK__POSITION_PRODUCT,
    ADVNTK__POSITION_POOL,
    ADVNTK__POSITION_DIAGONAL /* of a full map, each position with itself */
};

/* One axis of a window: output o covers the inputs o * stride - low + (0 .. filter-1). */
struct advntk__position_axis {
    ptrdiff_t in, out, filter, stride, low;
};

struct advntk__position_step {
    enum advntk__position_kind kind;
    ptrdiff_t layer, from_count;
    ptrdiff_t *from; /* steps; owned */
    ptrdiff_t height, width, pixels, entries;
    bool full;
    const struct advntk__position_section *section; /* that does it; NULL: none */
    ptrdiff_t last_use;                             /* the last step that reads it */
    struct advntk__position_axis y, x;              /* AFFINE, POOL */
    bool wraps;              /* the image's far side stands beyond its edge, not zeros */
    double scale;            /* POOL: of a window's sum */
    double w2, b2, mix, one; /* AFFINE: K' = w2 A K + b2, T' = w2 A T + mix A K + one */
    ptrdiff_t slot;          /* ACTIVATION, NORM: its place among the deviations */
    ptrdiff_t series;        /* ACTIVATION: its place among the series; -1: it has duals */
    struct advntk__hermite_table *table; /* of them; NULL: it has duals */
    double eps;                          /* NORM */
    bool whole_image;                    /* NORM */
    const struct advntk_activation_ops *ops;
    const void *config;
    advntk_dual32_fn dual32;
    advntk_dual64_fn dual64;
};

/*
 * Steps of full maps that run shift by shift: convolutions of stride 1 with zeros beyond the edge,
 * activations and sums take the covariances of all positions p with p + o to others of the same o.
 * So they are networks of pixel maps, one a shift, that pixel_pass.c runs in the first-level cache;
 * full maps stand at their ends alone, and none where the ends are images and a global pool. A pool
 * of small windows that share no pixel belongs to the section before it: shifts are added up in its
 * windows, and the larger map is never there.
 *
 * A shift is one number, as lines follow each other: p + o modulo `period`, the second image with a
 * margin at the end of each line (and lines of them at its end). That no position is met twice and
 * none left out is why one loop over `period` shifts is enough. Step k of `net` is step source + k.
 */
struct advntk__position_section {
    ptrdiff_t source;      /* whose map it reads */
    ptrdiff_t first, last; /* the steps that it does; only the last has a map */
    bool images;           /* the source is the products of images, and no map */
    bool pools;            /* the last is a global pool */
    bool windows;          /* the last is a pool whose windows are small and share no pixel */
    ptrdiff_t *columns;    /* windows: the one that a column of pixels is in; owned */
    struct advntk__pixel_net net;
    struct advntk__pixel_code code;
    ptrdiff_t *numbers; /* owned */
    const ptrdiff_t **from;
};

/* Where the maps are: at[step]. Maps share memory when they are not needed at the same time. */
struct advntk__position_plan {
    ptrdiff_t *at;
    ptrdiff_t size; /* numbers in all */
};

struct advntk__position_net {
    struct advntk__position_step *steps;
    ptrdiff_t count;
    ptrdiff_t slots;         /* numbers in the deviations of an image */
    ptrdiff_t series;        /* numbers in its Hermite series */
    ptrdiff_t scratch, wide; /* numbers that a run needs besides maps */
    ptrdiff_t channels, most_pixels;
    struct advntk__position_section *sections;
    ptrdiff_t section_count;
    ptrdiff_t self;        /* numbers that they need of an image with itself */
    ptrdiff_t last_curved; /* the last step that is not linear, or asks for variances */
    struct advntk__position_plan forward; /* values, when nothing follows */
    struct advntk__position_plan kept;    /* values that reverse mode reads stay */
    struct advntk__position_plan reverse; /* derivatives */
    bool replays;                         /* reverse mode reads values of the forward run */
};

/*
 * One pair. x, y: channels,pixels; a, ia, b, ib: slots, standard deviations and inverses before an
 * activation, 1/sqrt(eps + variance) (twice) of a layer norm; series: number t of pixel p of a
 * series is at series + t * pixels + p. K, T, gK, gT: maps of a plan; T, gT NULL: not wanted. q:
 * slots, the derivatives with respect to the first image's variances are added to it; dx
 * (channels,pixels): those with respect to its pixels, by sections. same: of an image with itself,
 * K of a section's output at shift 0, and T behind it, which are known better than a pair would
 * give them; reverse leaves that shift out; NULL: another pair. scratch, wide: net's.
 */
struct advntk__position_pair32 {
    const float *x, *y, *a, *ia, *b, *ib, *series_a, *series_b;
    const ptrdiff_t *at, *g_at;
    float *K, *T, *gK, *gT, *scratch;
    const float *same;
    double *wide, *q, *dx;
};
struct advntk__position_pair64 {
    const double *x, *y, *a, *ia, *b, *ib, *series_a, *series_b;
    const ptrdiff_t *at, *g_at;
    double *K, *T, *gK, *gT, *scratch;
    const double *same;
    double *wide, *q, *dx;
};

/* Steps first .. last, in this order; in reverse from last down to first. The caller sets the
 * derivative of the last step; that of step 0 is what is left. */
typedef void (*advntk__position_run32_fn)(const struct advntk__position_net *net,
                                          const struct advntk__position_pair32 *pair,
                                          ptrdiff_t first, ptrdiff_t last);
typedef void (*advntk__position_run64_fn)(const struct advntk__position_net *net,
                                          const struct advntk__position_pair64 *pair,
                                          ptrdiff_t first, ptrdiff_t last);
/* After the reverse run: dx (channels,pixels) += the derivatives of the first map times y. */
typedef void (*advntk__position_pixels32_fn)(const struct advntk__position_net *net,
                                             const struct advntk__position_pair32 *pair,
                                             double *dx);
typedef void (*advntk__position_pixels64_fn)(const struct advntk__position_net *net,
                                             const struct advntk__position_pair64 *pair,
                                             double *dx);
struct advntk__position_code {
    advntk__position_run32_fn forward32, reverse32;
    advntk__position_run64_fn forward64, reverse64;
    advntk__position_pixels32_fn pixels32;
    advntk__position_pixels64_fn pixels64;
};
struct advntk__position_code advntk__position_code(int isa);
/* Sets net->scratch and net->wide. */
void advntk__position_measure(struct advntk__position_net *net);

/* Graph to steps and plans (position_net.c). keep: no sections, and the maps behind affine steps
 * stay for reverse mode, to be summed for weights. Fails: ENOMEM, ELIMIT (a map too large to
 * address), EUNSUPPORTED. Release in every case. */
ADVNTK_MUST_CHECK advntk_status advntk__position_compile(const struct advntk_graph *graph, int isa,
                                                         enum advntk_precision precision, bool keep,
                                                         struct advntk__position_net *net,
                                                         struct advntk_error *err);
/* The window that input i is in, of an axis whose windows share none; < -out^2 where there is none,
 * so that the place of a pair of windows, o out + o', is negative if either is. */
ptrdiff_t advntk__position_window(const struct advntk__position_axis *axis, ptrdiff_t i);
/* Finds the sections, before plans are made (position_section.c). */
ADVNTK_MUST_CHECK advntk_status advntk__position_sections(struct advntk__position_net *net,
                                                          const struct advntk_graph *graph, int isa,
                                                          enum advntk_precision precision,
                                                          struct advntk_error *err);
void advntk__position_section_release(struct advntk__position_section *section);
void advntk__position_release(struct advntk__position_net *net);

/* One image in float64 (position_image.c): its covariances with itself. */
struct advntk__position_image {
    double *x;                      /* channels,pixels: filled by the caller */
    double *std, *inverse, *series; /* slots, slots, series */
    double *K, *T, *gK;             /* T NULL: no tangent kernel; gK NULL: no gradient */
    double *scratch, *wide, *own, *self;
    double *q; /* slots; NULL: no gradient */
};
/* Numbers of all arrays but x, std, inverse and series; the image's arrays are set in `room`. */
ptrdiff_t advntk__position_image_room(const struct advntk__position_net *net, bool tangent,
                                      bool gradient, double *room,
                                      struct advntk__position_image *image);
/* Runs the image through the net: fills std, inverse, series; kernel: that of the image with
 * itself, nngp and ntk (0 without T), where no gradient follows; *tail: the largest part that a
 * series leaves out, relative. Fails: ENUMERIC, naming the layer; ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__position_image_run(
    const struct advntk__position_net *net, const struct advntk__position_code *code,
    const struct advntk_graph *graph, enum advntk_precision precision,
    const struct advntk__position_image *image, double kernel[2], double *tail,
    struct advntk_error *err);
/* After the run with a gradient: q (slots), derivatives with respect to the variances, to those
 * with respect to x: dx += them; sums (a step each; NULL: not wanted): += those of affine steps, of
 * a net that keeps. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__position_image_push(
    const struct advntk__position_net *net, const struct advntk__position_code *code,
    const struct advntk__position_image *image, const double *q, double *dx,
    struct advntk__affine_sums *sums, struct advntk_error *err);

#endif
