/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine for networks of convolutions that end in flatten. Nothing mixes pixels of one image
 * with other pixels of the other, so a pair is a map of P = height*width numbers at each layer, not
 * P^2 (numerics.md, section 1: pixel-diagonal). Values are computed pair by pair; gradients in
 * reverse mode, pair by pair, and what reaches the variances of an image is summed over all pairs
 * before it is pushed back through them.
 *
 * Notation: K, T: nngp and tangent kernel behind a layer, a number a pixel; gK, gT: the derivatives
 * of the result with respect to them; q: variances, K of an image with itself.
 *
 * Functions are those of struct advntk_kernel_ops (advntk/kernel.h).
 */
#ifndef ADVNTK_INFINITE_PIXEL_H
#define ADVNTK_INFINITE_PIXEL_H

#include "graph/graph.h"

#include <advntk/activation.h>
#include <advntk/infinite.h>

/* One axis of a window: output o covers the inputs o * stride - low + (0 .. filter-1). */
struct advntk__axis {
    ptrdiff_t in, out, filter, stride, low;
};

struct advntk__pixel_step {
    enum advntk__layer_kind kind;
    ptrdiff_t from_count;
    const ptrdiff_t *from;    /* layers; the graph's */
    ptrdiff_t at, pixels;     /* its map: numbers at .. at+pixels-1 of each array of maps */
    struct advntk__axis y, x; /* CONV */
    bool wraps;               /* CONV: the image's far side stands beyond its edge, not zeros */
    double w2, b2;            /* CONV, DENSE */
    ptrdiff_t slot;           /* ACTIVATION: its place among the standard deviations */
    const struct advntk_activation_ops *ops;
    const void *config;
    advntk_dual32_fn dual32;
    advntk_dual64_fn dual64;
};

struct advntk__pixel_net {
    struct advntk__pixel_step *steps;
    ptrdiff_t count, output;
    ptrdiff_t maps;            /* numbers in the maps of all layers */
    ptrdiff_t slots;           /* numbers in the standard deviations of all activations */
    ptrdiff_t largest, padded; /* most pixels of a map; longest padded row */
    ptrdiff_t channels;
    bool tangent;
};

/* One pair. K, T, gK, gT: maps; x, y: channels,pixels; a, ia, b, ib: slots; q: slots, the
 * derivatives with respect to the first image's variances are added to it; scratch:
 * advntk__pixel_scratch(). */
struct advntk__pixel_pair32 {
    const float *x, *y, *a, *ia, *b, *ib;
    float *K, *T, *gK, *gT, *scratch;
    double *q;
};
struct advntk__pixel_pair64 {
    const double *x, *y, *a, *ia, *b, *ib;
    double *K, *T, *gK, *gT, *scratch;
    double *q;
};
/* Forward: fills K and T; the value. Backward, after it: g is the derivative with respect to the
 * value; leaves in gK the derivative with respect to the first map. */
typedef void (*advntk__pixel_forward32_fn)(const struct advntk__pixel_net *net,
                                           const struct advntk__pixel_pair32 *pair, double *value);
typedef void (*advntk__pixel_forward64_fn)(const struct advntk__pixel_net *net,
                                           const struct advntk__pixel_pair64 *pair, double *value);
typedef void (*advntk__pixel_backward32_fn)(const struct advntk__pixel_net *net,
                                            const struct advntk__pixel_pair32 *pair, double g);
typedef void (*advntk__pixel_backward64_fn)(const struct advntk__pixel_net *net,
                                            const struct advntk__pixel_pair64 *pair, double g);
struct advntk__pixel_code {
    advntk__pixel_forward32_fn forward32;
    advntk__pixel_forward64_fn forward64;
    advntk__pixel_backward32_fn backward32;
    advntk__pixel_backward64_fn backward64;
};
struct advntk__pixel_code advntk__pixel_code(int isa);
ptrdiff_t advntk__pixel_scratch(const struct advntk__pixel_net *net);

/* out <- the mean of `in` over the step's windows, and its adjoint: in += the same weights of out.
 */
void advntk__pixel_window(const struct advntk__pixel_step *step, const double *in, double *out,
                          double *scratch);
void advntk__pixel_spread(const struct advntk__pixel_step *step, const double *out, double *in,
                          double *scratch);

struct advntk__pixel;
ADVNTK_MUST_CHECK advntk_status advntk__pixel_open(struct advntk_host *host,
                                                   const struct advntk_kernel_setup *setup,
                                                   enum advntk_infinite_kind kind,
                                                   struct advntk__pixel **engine,
                                                   struct advntk_error *err);
void advntk__pixel_close(struct advntk__pixel *e);
ADVNTK_MUST_CHECK advntk_status advntk__pixel_points_new(const struct advntk__pixel *e, ptrdiff_t n,
                                                         void **points, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__pixel_points_put(const struct advntk__pixel *e,
                                                         void *points, ptrdiff_t first,
                                                         ptrdiff_t count, const double *pixels,
                                                         struct advntk_error *err);
void advntk__pixel_points_free(void *points);
ADVNTK_MUST_CHECK advntk_status advntk__pixel_diagonal(const void *a, ptrdiff_t first,
                                                       ptrdiff_t count, double *k,
                                                       struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__pixel_tile(const struct advntk__pixel *e, const void *a,
                                                   ptrdiff_t i0, ptrdiff_t m, const void *b,
                                                   ptrdiff_t j0, ptrdiff_t n, bool lower, void *k,
                                                   ptrdiff_t ld, struct advntk_arena *arena,
                                                   struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__pixel_panel(const struct advntk__pixel *e, const void *a,
                                                    const void *b, void *k, void **tape,
                                                    struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__pixel_panel_vjp(const struct advntk__pixel *e,
                                                        const void *tape, ptrdiff_t m,
                                                        const void *g, double *dx,
                                                        struct advntk_error *err);
void advntk__pixel_tape_free(void *tape);

#endif
