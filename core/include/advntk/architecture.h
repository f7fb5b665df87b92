/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kind architecture: builds the layer graph of a network through the functions below. The graph is
 * what the infinite-width engine (and later the finite networks) work on.
 *
 * A layer function takes the number of the layer that it stands on and returns its own. Faults (a
 * wrong value, shapes that differ) are kept in the graph and returned by the host after `build`, so
 * a plugin need not check each call; after a fault the functions return -1 and accept -1.
 */
#ifndef ADVNTK_ARCHITECTURE_H
#define ADVNTK_ARCHITECTURE_H

#include <advntk/param.h>
#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_graph;

/* Weights are N(0, w_std^2 / fan_in), biases N(0, b_std^2), in NTK parameterisation. */
struct advntk_affine {
    double w_std, b_std;
};

enum advntk_padding {
    ADVNTK_PADDING_SAME = 1,    /* zeros around the image, as many outputs as inputs (over the stride) */
    ADVNTK_PADDING_VALID = 2,   /* windows that lie inside */
    ADVNTK_PADDING_CIRCULAR = 3 /* as same, with the image's far side beyond its edge */
};

enum advntk_pooling { ADVNTK_POOLING_AVERAGE = 1, ADVNTK_POOLING_SUM = 2 };

/* [height, width] each, in pixels. */
struct advntk_window {
    ptrdiff_t filter[2], stride[2];
    enum advntk_padding padding;
};

ptrdiff_t advntk_graph_input(struct advntk_graph *graph);                /* the image, height x width x channels */
ptrdiff_t advntk_graph_flatten(struct advntk_graph *graph, ptrdiff_t from);
ptrdiff_t advntk_graph_dense(struct advntk_graph *graph, ptrdiff_t from, struct advntk_affine affine);
ptrdiff_t advntk_graph_conv(struct advntk_graph *graph, ptrdiff_t from, struct advntk_window window, struct advntk_affine affine); /* fan-in: channels times filter, at the edges too */
ptrdiff_t advntk_graph_activation(struct advntk_graph *graph, ptrdiff_t from, struct advntk_slot activation); /* needs Gaussian input: a dense layer, or a sum of such, before it */
/* Branches of one shape that share no weights; at most one of them not Gaussian, so that they do not correlate. */
ptrdiff_t advntk_graph_sum(struct advntk_graph *graph, ptrdiff_t count, const ptrdiff_t *from);
ptrdiff_t advntk_graph_product(struct advntk_graph *graph, ptrdiff_t count, const ptrdiff_t *from); /* entry by entry; the same, any number not Gaussian */
/* Mean (or sum) over windows; with padding the divisor stays the window's size. It mixes pixels: what
 * comes before it needs the covariances of all pairs of positions. */
ptrdiff_t advntk_graph_pool(struct advntk_graph *graph, ptrdiff_t from, enum advntk_pooling pooling, struct advntk_window window);
ptrdiff_t advntk_graph_global_pool(struct advntk_graph *graph, ptrdiff_t from, enum advntk_pooling pooling); /* one window, the whole image */
/* Over the channels of a pixel, or of the whole image; needs Gaussian input. */
ptrdiff_t advntk_graph_layer_norm(struct advntk_graph *graph, ptrdiff_t from, bool whole_image, double eps);
ptrdiff_t advntk_graph_dropout(struct advntk_graph *graph, ptrdiff_t from, double rate); /* kept with probability rate; kernels: as at test time, nothing */
void advntk_graph_output(struct advntk_graph *graph, ptrdiff_t from);    /* once, last */

/* Layers built after this call have the standard parameterisation with hidden layers of `width` channels:
 * weights and biases themselves are trained, so that the tangent kernel of a layer is fan_in K + w_std^2 T + 1
 * (no 1 where b_std is 0: no bias). 0: NTK parameterisation again. Source: Sohl-Dickstein et al. 2020. */
void advntk_graph_standard(struct advntk_graph *graph, ptrdiff_t width);

/* Names the place (recipe line) of the layers built after this call, for messages; NULL: none. Copied. */
void advntk_graph_place(struct advntk_graph *graph, const char *place);

struct advntk_architecture_ops {
    /* Builds from input to output; the last layer is a dense layer with `classes` outputs. */
    advntk_status (*build)(const void *config, struct advntk_graph *graph, ptrdiff_t classes,
                           struct advntk_error *err);
};

#ifdef __cplusplus
}
#endif
#endif
