/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The layer graph that an architecture builds (advntk/architecture.h): a list of layers in which
 * each comes after those that it stands on. A kind of layer is one row of the table in graph.c.
 */
#ifndef ADVNTK_GRAPH_GRAPH_H
#define ADVNTK_GRAPH_GRAPH_H

#include <advntk/architecture.h>
#include <stdbool.h>

struct advntk__hash;
struct advntk__text;
struct json_t;

/* The numbers are part of content hashes: never reuse one. */
enum advntk__layer_kind {
    ADVNTK__LAYER_INPUT = 0,
    ADVNTK__LAYER_FLATTEN = 1,
    ADVNTK__LAYER_DENSE = 2,
    ADVNTK__LAYER_ACTIVATION = 3,
    ADVNTK__LAYER_SUM = 4,
    ADVNTK__LAYER_CONV = 5,
    ADVNTK__LAYER_POOL = 6,
    ADVNTK__LAYER_NORM = 7,
    ADVNTK__LAYER_DROPOUT = 8,
    ADVNTK__LAYER_PRODUCT = 9
};

/* channels 0: infinitely many, the width of a hidden layer */
struct advntk__shape {
    ptrdiff_t height, width, channels;
};

struct advntk__layer {
    enum advntk__layer_kind kind;
    ptrdiff_t from_count;
    const ptrdiff_t *from;         /* from_count numbers of earlier layers */
    struct advntk__shape shape;    /* of its output */
    bool gaussian;                 /* its output is a zero-mean Gaussian process */
    bool full;                     /* covariances of all pairs of positions are needed of it */
    ptrdiff_t folded;              /* pixels that flatten put into its channels */
    struct advntk_affine affine;   /* DENSE, CONV */
    ptrdiff_t width;               /* DENSE, CONV: of the standard parameterisation; 0: NTK */
    double fan_in;                 /* DENSE, CONV in standard parameterisation */
    struct advntk_window window;   /* CONV, POOL */
    bool sums;                     /* POOL: the sum, not the average */
    bool whole_image;              /* NORM: over all pixels too */
    double eps;                    /* NORM */
    double rate;                   /* DROPOUT */
    struct advntk_slot activation; /* ACTIVATION; borrowed from the config that it came from */
    const char *place;             /* "recipe.yaml:12:7" or NULL */
};

/* An empty graph for images of height x width x channels. Fails: ENOMEM, ESHAPE (a size below 1).
 */
ADVNTK_MUST_CHECK advntk_status advntk__graph_new(ptrdiff_t height, ptrdiff_t width,
                                                  ptrdiff_t channels, struct advntk_graph **graph,
                                                  struct advntk_error *err);
void advntk__graph_free(struct advntk_graph *graph);

/* Ends the building: the first fault of any layer function, or of the whole (no output, an output
 * that is not a dense layer, layers whose output nobody uses); sets `full` of each layer. Fails:
 * EINVALID, ESHAPE, ENOMEM, ELIMIT. */
ADVNTK_MUST_CHECK advntk_status advntk__graph_finish(struct advntk_graph *graph,
                                                     struct advntk_error *err);

/* All three: the graph of an architecture slot, built and finished. The slot's config must outlive
 * it. */
ADVNTK_MUST_CHECK advntk_status advntk__graph_build(const struct advntk_slot *architecture,
                                                    ptrdiff_t height, ptrdiff_t width,
                                                    ptrdiff_t channels, ptrdiff_t classes,
                                                    struct advntk_graph **graph,
                                                    struct advntk_error *err);

ptrdiff_t advntk__graph_count(const struct advntk_graph *graph);
const struct advntk__layer *advntk__graph_layer(const struct advntk_graph *graph, ptrdiff_t i);
ptrdiff_t
advntk__graph_output(const struct advntk_graph *graph); /* number of the last layer; -1: none */
/* How many outputs there are, and their numbers: one, or after advntk__graph_merge one a network.
 */
ptrdiff_t advntk__graph_outputs(const struct advntk_graph *graph, const ptrdiff_t **outputs);

/*
 * Several networks for images of one shape as one graph that has an output for each, in their
 * order: layers that are the same and stand on the same layers stand in it once. A layer and the
 * activation right behind it that alone reads it count as one, so that engines which compute the
 * two together do so in the merged graph as in each. Borrows what the graphs borrow; they may be
 * freed. Cost: one look at each layer. Fails: ENOMEM, EIO (a PATH of an activation).
 */
ADVNTK_MUST_CHECK advntk_status advntk__graph_merge(ptrdiff_t count,
                                                    const struct advntk_graph *const *graphs,
                                                    struct advntk_graph **merged,
                                                    struct advntk_error *err);
/* digest[i], flops[i] of each layer i: what advntk__graph_merge tells it apart by, and the
 * operations for a pair, those of the pixels' product in the first one. */
ADVNTK_MUST_CHECK advntk_status advntk__graph_digests(const struct advntk_graph *graph,
                                                      uint8_t (*digest)[16], double *flops,
                                                      struct advntk_error *err);
double advntk__layer_flops(const struct advntk_graph *graph, ptrdiff_t i);

/* Floating-point operations for a pair of images, the product of their pixels included. */
double advntk__graph_flops(const struct advntk_graph *graph);

/* "layer 3 (activation relu)", with the place before it where known. */
void advntk__graph_name(const struct advntk_graph *graph, ptrdiff_t i, struct advntk__text *out);

/* Adds the graph's content to a hash: layers, edges, parameters and activations, not places. */
ADVNTK_MUST_CHECK advntk_status advntk__graph_identity(const struct advntk_graph *graph,
                                                       struct advntk__hash *hash,
                                                       struct advntk_error *err);

/* Positions of a window along an axis of n inputs, and the zeros (or wrapped inputs) before the
 * first: XLA's rule, the smaller half of the padding comes first. 0: the window does not fit. */
ptrdiff_t advntk__graph_positions(ptrdiff_t n, ptrdiff_t filter, ptrdiff_t stride,
                                  enum advntk_padding padding, ptrdiff_t *before);

/* What a pair of images is through the network. */
enum advntk__layout {
    ADVNTK__LAYOUT_FLAT,     /* one number a layer */
    ADVNTK__LAYOUT_DIAGONAL, /* one number a pixel */
    ADVNTK__LAYOUT_FULL      /* somewhere one number a pair of positions */
};
enum advntk__layout advntk__graph_layout(const struct advntk_graph *graph);

/* "conv", ...: as the recipe has it. */
const char *advntk__layer_kind_name(const struct advntk__layer *layer);

struct advntk__graph_cost {
    double product, layers; /* flops of a pair of images: of their pixels' product, of the rest */
    double stored;          /* reals kept of an image */
    double at_work;         /* reals of an image while its panel is at work; 0: no more than that */
    double thread;          /* reals that each thread has at most; 0: none */
};
struct advntk__graph_cost advntk__graph_cost(const struct advntk_graph *graph);

/* An object with content (the digest of advntk__graph_identity), layout ("flat", "diagonal",
 * "full"), layers (number, layer, from, shape with channels null where there are infinitely many,
 * parameters, layout, flops), flops_of_a_pair and bytes, in both precisions. The caller's. Fails:
 * ENOMEM, EIO. */
ADVNTK_MUST_CHECK advntk_status advntk__graph_json(const struct advntk_graph *graph,
                                                   struct json_t **object,
                                                   struct advntk_error *err);
/* A table of the layers and two lines on cost and memory. */
void advntk__graph_print(const struct advntk_graph *graph, struct advntk__text *out);

#endif
