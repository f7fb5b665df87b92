/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The engine for networks of convolutions that end in flatten. Nothing mixes pixels of one image
 * with other pixels of the other, so a pair is a map of P = height*width numbers at each layer, not
 * P^2 (numerics.md, section 1: pixel-diagonal). Values are computed pair by pair; gradients in
 * reverse mode, pair by pair, and what reaches the variances of an image is summed over all pairs
 * before it is pushed back through them.
 *
 * Notation: K, T: nngp and tangent kernel behind a layer, a number a pixel; gK, gT: the derivatives
 * of the result with respect to them; q: variances, K of an image with itself; a, b: standard
 * deviations of the pair's images, ia, ib: their inverses.
 *
 * Maps. A line of a map is `pitch` numbers, its last pitch - width a margin that holds zeros where
 * a convolution reads it, so that a window sum is one loop over the whole map (`span` numbers) with
 * neither edges nor remainders. A map's neighbour in memory is the next: K, then T `room` numbers
 * later. Layers share a few such places ("registers"): what a pair needs stays in the first-level
 * cache, whatever the depth.
 *
 * Files: pixel_plan.c, the graph as steps and their places; pixel_pass.c, the loops over one pair;
 * pixel_image.c, what a single image needs (variances and their reverse); pixel.c, points, tiles,
 * panels: the functions of struct advntk_kernel_ops (advntk/kernel.h).
 */
#ifndef ADVNTK_INFINITE_PIXEL_H
#define ADVNTK_INFINITE_PIXEL_H

#include "graph/graph.h"
#include "infinite/weights.h"

#include <advntk/activation.h>
#include <advntk/infinite.h>

struct advntk__pixel_net;
struct advntk__pixel_pair32;
struct advntk__pixel_pair64;
/* An activation of the relu family: step i of a pair. */
typedef void (*advntk__pixel_bend32_fn)(const struct advntk__pixel_net *net, ptrdiff_t i,
                                        const struct advntk__pixel_pair32 *pair);
typedef void (*advntk__pixel_bend64_fn)(const struct advntk__pixel_net *net, ptrdiff_t i,
                                        const struct advntk__pixel_pair64 *pair);

/* One axis of a window: output o covers the inputs o * stride - low + (0 .. filter-1). */
struct advntk__axis {
    ptrdiff_t in, out, filter, stride, low;
};
/* Numbers of a line of the padded image, all of the image among them. */
static inline ptrdiff_t advntk__axis_padded(const struct advntk__axis *axis)
{
    ptrdiff_t reach = (axis->out - 1) * axis->stride + axis->filter, image = axis->low + axis->in;
    return reach > image ? reach : image;
}

struct advntk__pixel_step {
    enum advntk__layer_kind kind;
    ptrdiff_t layer; /* of the graph */
    ptrdiff_t from_count;
    const ptrdiff_t *from; /* steps */
    ptrdiff_t height, width, pitch, span;
    ptrdiff_t at;             /* its register */
    ptrdiff_t last;           /* the last step that reads it */
    bool clean;               /* a step that reads it needs zeros in the margins */
    struct advntk__axis y, x; /* CONV */
    bool wraps;               /* CONV: the image's far side stands beyond its edge, not zeros */
    bool flat;                /* CONV: stride 1, zeros beyond the edge: one loop over the map */
    bool fused;               /* CONV: the activation behind it does the vertical sums */
    bool bare;                /* CONV: flat, and T of what it reads, the images' products, is zero;
                               * INPUT: nothing but such convolutions reads it, T is never set */
    bool positive;            /* K is no less than 0 for all images, but for rounding */
    double w2, b2;            /* CONV, DENSE: K' = w2 A(K) + b2 */
    double t_k, t_1;          /* T' = w2 A(T) + t_k A(K) + t_1 */
    ptrdiff_t slot;           /* ACTIVATION: its place among the standard deviations */
    bool bends;               /* ACTIVATION: of the relu family, */
    double line, bend;        /* K' = line s + bend (sqrt(p^2 - s^2) + angle s), p = a b */
    double half;              /* K' = half q of an image with itself */
    advntk__pixel_bend32_fn bend32;
    advntk__pixel_bend64_fn bend64;
    const struct advntk_activation_ops *ops;
    const void *config;
    advntk_dual32_fn dual32;
    advntk_dual64_fn dual64;
};

struct advntk__pixel_net {
    struct advntk__pixel_step *steps;
    ptrdiff_t count, channels;
    ptrdiff_t output_count;
    ptrdiff_t *outputs; /* steps; owned */
    ptrdiff_t slots;    /* numbers in the standard deviations of all activations */
    ptrdiff_t lead;     /* of a register, before its first pixel */
    ptrdiff_t room;     /* numbers from K to T of a register */
    ptrdiff_t work;     /* numbers in all registers */
    ptrdiff_t rows;     /* lines of zeros above and below what a flat convolution sums */
    ptrdiff_t sums;     /* numbers in one of its two arrays of sums */
    ptrdiff_t scratch;  /* numbers that a pass needs besides */
    ptrdiff_t period;   /* of shifted pairs; 0: pixels meet those at the same place alone */
    ptrdiff_t image;    /* numbers of a prepared image: x (channels,span), a (slots), ia (slots) */
    enum advntk_precision precision;
    bool tangent;
    bool keep; /* every step has a register of its own, and no convolution is fused: after a pass
                * work holds the maps behind all layers, after its reverse their derivatives */
};

/* What the reverse needs of an activation, for each of its slots: gT_in = gT kd, gK_in = gK kd + gT
 * kd_s, q += gK k_q + gT kd_q (the last two kd with T as a factor). */
enum { ADVNTK__PARTIALS = 4 };

/*
 * Shifted pairs (position.h): pixel p of the first image meets p + o of the second, modulo
 * `period`, which has zeros at the end of each line and below the last. Arrays of the second image
 * hold period + span numbers a channel or slot; the pair's begin o numbers later. Places of the
 * first image whose partner is no pixel: as many as a margin has from `column` in each line, and
 * `count` from `first`.
 */
struct advntk__pixel_gap {
    ptrdiff_t column, first, count;
};

/* One pair. x, a, ia and y, b, ib: prepared images (x NULL: the first map is there already, and
 * gets its derivatives alone); gap: NULL if not shifted; work, scratch: the net's; partials:
 * ADVNTK__PARTIALS times slots, NULL where no reverse follows; dx (channels,span), q (slots): what
 * reverse adds to. */
struct advntk__pixel_pair32 {
    const float *x, *a, *ia, *y, *b, *ib;
    const struct advntk__pixel_gap *gap;
    float *work, *scratch, *partials, *dx, *q;
};
struct advntk__pixel_pair64 {
    const double *x, *a, *ia, *y, *b, *ib;
    const struct advntk__pixel_gap *gap;
    double *work, *scratch, *partials, *dx, *q;
};
/* Forward: the values of all outputs, and the partials. Backward, after it, any number of times, of
 * a network with one output: g is the derivative with respect to the value; work holds nothing
 * before nor after, but in shifted pairs the derivatives of the output's maps before. */
typedef void (*advntk__pixel_forward32_fn)(const struct advntk__pixel_net *net,
                                           const struct advntk__pixel_pair32 *pair, double *values);
typedef void (*advntk__pixel_forward64_fn)(const struct advntk__pixel_net *net,
                                           const struct advntk__pixel_pair64 *pair, double *values);
typedef void (*advntk__pixel_backward32_fn)(const struct advntk__pixel_net *net,
                                            const struct advntk__pixel_pair32 *pair, double g);
typedef void (*advntk__pixel_backward64_fn)(const struct advntk__pixel_net *net,
                                            const struct advntk__pixel_pair64 *pair, double g);
/* n variances to standard deviations and inverses (0 for a variance of 0) */
typedef void (*advntk__pixel_deviations32_fn)(ptrdiff_t n, const double *q, float *a, float *ia);
typedef void (*advntk__pixel_deviations64_fn)(ptrdiff_t n, const double *q, double *a, double *ia);
/* A convolution of maps K, T into others (or, if it is flat, the same ones) and its reverse: gK, gT
 * to the derivatives by its input, which is added to unless `first`. */
typedef void (*advntk__pixel_conv_fn)(const struct advntk__pixel_net *net, ptrdiff_t i,
                                      double *work, double *scratch);
typedef void (*advntk__pixel_conv_back_fn)(const struct advntk__pixel_net *net, ptrdiff_t i,
                                           double *work, double *scratch, bool first);
struct advntk__pixel_code {
    advntk__pixel_forward32_fn forward32;
    advntk__pixel_forward64_fn forward64;
    advntk__pixel_backward32_fn backward32;
    advntk__pixel_backward64_fn backward64;
    advntk__pixel_bend32_fn bend32;
    advntk__pixel_bend64_fn bend64;
    advntk__pixel_deviations32_fn deviations32;
    advntk__pixel_deviations64_fn deviations64;
    advntk__pixel_conv_fn conv;
    advntk__pixel_conv_back_fn conv_back;
};
struct advntk__pixel_code advntk__pixel_code(int isa);
/* Zeros in the margins of step i's maps. */
void advntk__pixel_clean(const struct advntk__pixel_net *net, ptrdiff_t i, double *work);

/* Graph to steps. Fails: ENOMEM, EUNSUPPORTED (an activation without dual moments). */
ADVNTK_MUST_CHECK advntk_status advntk__pixel_compile(const struct advntk_graph *graph, int isa,
                                                      enum advntk_precision precision, bool tangent,
                                                      bool keep, struct advntk__pixel_net *net,
                                                      struct advntk_error *err);
/* Some layers of it as the steps of shifted pairs: step 0 is a map of layers[0], whatever that is;
 * from: what each step reads, steps; the caller's, must outlive the net. All have the same size. */
ADVNTK_MUST_CHECK advntk_status advntk__pixel_part(const struct advntk_graph *graph,
                                                   ptrdiff_t count, const ptrdiff_t *layers,
                                                   const ptrdiff_t *const *from, int isa,
                                                   enum advntk_precision precision,
                                                   struct advntk__pixel_net *net,
                                                   struct advntk_error *err);
void advntk__pixel_release(struct advntk__pixel_net *net);
/* Numbers between the lines of maps. Networks of one margin have the bits of their kernels whatever
 * other such networks stand in the same graph. */
ptrdiff_t advntk__pixel_margin(const struct advntk_graph *graph);
/* Whether step i is the first to write the derivatives of its branch b, in reverse order. */
bool advntk__pixel_first(const struct advntk__pixel_net *net, ptrdiff_t i, ptrdiff_t b);

/* ---- one image, in float64 ---- */

struct advntk__pixel_self {
    double *x; /* channels,span; margins zero; NULL: the first map is there already */
    double *work, *scratch;
    double *q, *slope; /* slots: variances before activations and dK/dvariance there */
    double *values;    /* of the outputs */
};
/* Numbers of all but x; sets them, but for those of x, in `room`. */
ptrdiff_t advntk__pixel_self_numbers(const struct advntk__pixel_net *net);
void advntk__pixel_self_set(const struct advntk__pixel_net *net, double *room,
                            struct advntk__pixel_self *self);
ADVNTK_MUST_CHECK advntk_status advntk__pixel_self_room(const struct advntk__pixel_net *net,
                                                        struct advntk_arena *arena,
                                                        struct advntk__pixel_self *self,
                                                        struct advntk_error *err);
/* From x: q, values, and where `slopes` slope. graph: names the layer of a variance that is not the
 * activation's to have or not finite (ENUMERIC); NULL: x was seen before, no checks. */
ADVNTK_MUST_CHECK advntk_status advntk__pixel_self(const struct advntk__pixel_net *net,
                                                   const struct advntk__pixel_code *code,
                                                   const struct advntk_graph *graph,
                                                   struct advntk__pixel_self *self, bool slopes,
                                                   struct advntk_error *err);
/* dx (channels,span) += the derivatives by x that those by the variances, g (slots), and by the
 * output's map, top (span; NULL: none), amount to; without x they stay in the first map. */
void advntk__pixel_self_back(const struct advntk__pixel_net *net,
                             const struct advntk__pixel_code *code,
                             const struct advntk__pixel_self *self, const double *g,
                             const double *top, double *dx);

/* ---- derivatives by weights ---- */

/* sums (a step each) += what the maps `values` and their derivatives give; a net that keeps. */
void advntk__pixel_sum_affine(const struct advntk__pixel_net *net, const double *values,
                              const double *derivatives, struct advntk__affine_sums *sums);

#endif
