/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A graph that is being built: what graph.c gives the layer functions (layers.c). */
#ifndef ADVNTK_GRAPH_BUILD_H
#define ADVNTK_GRAPH_BUILD_H

#include "graph/graph.h"

enum { ADVNTK__LAYER_NAME_BYTES = 160 };

struct advntk__node {
    struct advntk__layer layer;
    ptrdiff_t *from; /* owned; layer.from points here */
    char *place;     /* owned; layer.place points here */
};

struct advntk_graph {
    struct advntk__shape image;
    struct advntk__node *nodes;
    ptrdiff_t count, room;
    ptrdiff_t output;          /* -1: none yet; of several the first */
    ptrdiff_t output_count;    /* of several: */
    ptrdiff_t *outputs;        /* owned; NULL: there is one */
    ptrdiff_t width;           /* of the layers to come: standard parameterisation; 0: NTK */
    char *place;               /* of the layers to come; owned */
    struct advntk_error fault; /* the first one; status OK: none yet */
};

/* Keeps the first fault, after the layer's name; returns -1 so that layer functions can return it.
 */
ptrdiff_t advntk__graph_fault(struct advntk_graph *graph, const struct advntk__layer *layer,
                              advntk_status status, const char *format, ...) ADVNTK_PRINTF(4, 5);
ptrdiff_t advntk__graph_no_memory(struct advntk_graph *graph, const struct advntk__layer *layer);

/* Adds to a hash what a layer is: kind, shape, parameters, activation; not what it stands on. */
ADVNTK_MUST_CHECK advntk_status advntk__layer_identity(const struct advntk__layer *layer,
                                                       struct advntk__hash *hash,
                                                       struct advntk_error *err);

/* Appends a layer that has been checked; returns its number. */
ptrdiff_t advntk__graph_append(struct advntk_graph *graph, const struct advntk__layer *layer);

#endif
