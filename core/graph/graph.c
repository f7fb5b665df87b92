/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "graph/graph.h"

#include "base/text.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS_MAX = 100000, NAME_MAX_BYTES = 160, WINDOW_MAX = 10000 };

struct node {
    struct advntk__layer layer;
    ptrdiff_t *from; /* owned; layer.from points here */
    char *place;     /* owned; layer.place points here */
};

struct advntk_graph {
    struct advntk__shape image;
    struct node *nodes;
    ptrdiff_t count, room, output;
    char *place;               /* of the layers to come; owned */
    struct advntk_error fault; /* the first one; status OK: none yet */
};

static const char *kind_name(enum advntk__layer_kind kind)
{
    static const char *const names[] = {"input", "flatten", "dense", "activation", "sum", "conv"};
    return names[kind];
}

static void layer_name(const struct advntk__layer *layer, ptrdiff_t i, char *name, size_t room)
{
    const char *activation = layer->activation.plugin ? layer->activation.plugin->name : "";
    bool is_activation = layer->kind == ADVNTK__LAYER_ACTIVATION;

    snprintf(name, room, "%s%slayer %td (%s%s%s)", layer->place ? layer->place : "",
             layer->place ? ": " : "", i, kind_name(layer->kind),
             is_activation && *activation ? " " : "", is_activation ? activation : "");
}

/* Keeps the first fault; returns -1 so that layer functions can return it. */
static ptrdiff_t fault(struct advntk_graph *graph, const struct advntk__layer *layer,
                       advntk_status status, const char *format, ...) ADVNTK_PRINTF(4, 5);
static ptrdiff_t fault(struct advntk_graph *graph, const struct advntk__layer *layer,
                       advntk_status status, const char *format, ...)
{
    char name[NAME_MAX_BYTES], text[300];
    va_list args;

    if (graph->fault.status != ADVNTK_OK) {
        return -1;
    }
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    layer_name(layer, graph->count, name, sizeof(name));
    (void)advntk_error_set(&graph->fault, __FILE__, __LINE__, __func__, status, "%s: %s", name,
                           text);
    return -1;
}

advntk_status advntk__graph_new(ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels,
                                struct advntk_graph **graph, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_graph *g = NULL;

    if (height < 1 || width < 1 || channels < 1 || height > PTRDIFF_MAX / width / channels) {
        FAIL(err, ESHAPE, "images of %td x %td x %td pixels have no network", height, width,
             channels);
    }
    g = calloc(1, sizeof(*g));
    if (!g) {
        FAIL(err, ENOMEM, "no memory for a layer graph");
    }
    g->image = (struct advntk__shape){height, width, channels};
    g->output = -1;
    *graph = g;
out:
    return rc;
}

void advntk__graph_free(struct advntk_graph *graph)
{
    if (!graph) {
        return;
    }
    for (ptrdiff_t i = 0; i < graph->count; i++) {
        free(graph->nodes[i].from);
        free(graph->nodes[i].place);
    }
    free(graph->nodes);
    free(graph->place);
    free(graph);
}

static ptrdiff_t no_memory(struct advntk_graph *graph, const struct advntk__layer *layer)
{
    return fault(graph, layer, ADVNTK_ENOMEM, "no memory for this layer");
}

/* Appends a layer that has been checked; returns its number. */
static ptrdiff_t append(struct advntk_graph *graph, const struct advntk__layer *layer)
{
    struct node node = {.layer = *layer};

    if (graph->count >= LAYERS_MAX) {
        return fault(graph, layer, ADVNTK_ELIMIT, "more than %d layers", LAYERS_MAX);
    }
    if (graph->count == graph->room) {
        ptrdiff_t room = graph->room ? 2 * graph->room : 16;
        struct node *nodes = realloc(graph->nodes, (size_t)room * sizeof(*nodes));
        if (!nodes) {
            return no_memory(graph, layer);
        }
        graph->nodes = nodes;
        graph->room = room;
    }
    if (layer->from_count > 0) {
        size_t bytes = (size_t)layer->from_count * sizeof(*layer->from);
        node.from = malloc(bytes);
        if (!node.from) {
            return no_memory(graph, layer);
        }
        memcpy(node.from, layer->from, bytes);
    }
    if (layer->place) {
        node.place = strdup(layer->place);
        if (!node.place) {
            free(node.from);
            return no_memory(graph, layer);
        }
    }
    node.layer.from = node.from;
    node.layer.place = node.place;
    graph->nodes[graph->count] = node;
    return graph->count++;
}

/* The layer that `from` names; NULL after a fault. */
static const struct advntk__layer *input_of(struct advntk_graph *graph,
                                            const struct advntk__layer *layer, ptrdiff_t from)
{
    if (graph->fault.status != ADVNTK_OK) {
        return NULL;
    }
    if (from < 0 || from >= graph->count) {
        fault(graph, layer, ADVNTK_EINVALID,
              "stands on layer %td, but the graph has the layers 0 to %td", from, graph->count - 1);
        return NULL;
    }
    return &graph->nodes[from].layer;
}

static bool is_flat(struct advntk__shape s)
{
    return s.height == 1 && s.width == 1;
}

ptrdiff_t advntk_graph_input(struct advntk_graph *graph)
{
    struct advntk__layer layer = {
        .kind = ADVNTK__LAYER_INPUT, .shape = graph->image, .place = graph->place};

    if (graph->fault.status != ADVNTK_OK) {
        return -1;
    }
    if (graph->count > 0) {
        return fault(graph, &layer, ADVNTK_EINVALID, "the input comes once, as the first layer");
    }
    return append(graph, &layer);
}

ptrdiff_t advntk_graph_flatten(struct advntk_graph *graph, ptrdiff_t from)
{
    struct advntk__layer layer = {
        .kind = ADVNTK__LAYER_FLATTEN, .from_count = 1, .from = &from, .place = graph->place};
    const struct advntk__layer *in = input_of(graph, &layer, from);

    if (!in) {
        return -1;
    }
    layer.shape =
        (struct advntk__shape){1, 1, in->shape.height * in->shape.width * in->shape.channels};
    layer.gaussian = in->gaussian && is_flat(in->shape);
    return append(graph, &layer);
}

static bool affine_is_good(struct advntk_graph *graph, const struct advntk__layer *layer)
{
    if (!(layer->affine.w_std >= 0 && layer->affine.w_std < HUGE_VAL)) {
        fault(graph, layer, ADVNTK_EINVALID, "w_std is %g, expected a number >= 0",
              layer->affine.w_std);
        return false;
    }
    if (!(layer->affine.b_std >= 0 && layer->affine.b_std < HUGE_VAL)) {
        fault(graph, layer, ADVNTK_EINVALID, "b_std is %g, expected a number >= 0",
              layer->affine.b_std);
        return false;
    }
    return true;
}

ptrdiff_t advntk__graph_positions(ptrdiff_t n, ptrdiff_t filter, ptrdiff_t stride,
                                  enum advntk_padding padding, ptrdiff_t *before)
{
    ptrdiff_t count = (n - 1) / stride + 1, missing;

    *before = 0;
    if (padding == ADVNTK_PADDING_VALID) {
        return n < filter ? 0 : (n - filter) / stride + 1;
    }
    missing = (count - 1) * stride + filter - n;
    *before = missing > 0 ? missing / 2 : 0;
    return count;
}

ptrdiff_t advntk_graph_conv(struct advntk_graph *graph, ptrdiff_t from, struct advntk_window window,
                            struct advntk_affine affine)
{
    struct advntk__layer layer = {.kind = ADVNTK__LAYER_CONV,
                                  .from_count = 1,
                                  .from = &from,
                                  .gaussian = true,
                                  .affine = affine,
                                  .window = window,
                                  .place = graph->place};
    const struct advntk__layer *in = input_of(graph, &layer, from);
    ptrdiff_t size[2], out[2], before;

    if (!in || !affine_is_good(graph, &layer)) {
        return -1;
    }
    if (window.padding < ADVNTK_PADDING_SAME || window.padding > ADVNTK_PADDING_CIRCULAR) {
        return fault(graph, &layer, ADVNTK_EINVALID,
                     "its padding is number %d, expected same, valid or circular",
                     (int)window.padding);
    }
    size[0] = in->shape.height;
    size[1] = in->shape.width;
    for (int i = 0; i < 2; i++) {
        if (window.filter[i] < 1 || window.filter[i] > WINDOW_MAX || window.stride[i] < 1 ||
            window.stride[i] > WINDOW_MAX) {
            return fault(graph, &layer, ADVNTK_EINVALID,
                         "filter %td x %td and stride %td x %td, expected 1 to %d",
                         window.filter[0], window.filter[1], window.stride[0], window.stride[1],
                         WINDOW_MAX);
        }
        out[i] = advntk__graph_positions(size[i], window.filter[i], window.stride[i],
                                         window.padding, &before);
    }
    if (out[0] < 1 || out[1] < 1) {
        return fault(graph, &layer, ADVNTK_ESHAPE,
                     "a filter of %td x %td does not fit into %td x %td pixels without padding",
                     window.filter[0], window.filter[1], size[0], size[1]);
    }
    layer.shape = (struct advntk__shape){out[0], out[1], 0};
    return append(graph, &layer);
}

ptrdiff_t advntk_graph_dense(struct advntk_graph *graph, ptrdiff_t from,
                             struct advntk_affine affine)
{
    struct advntk__layer layer = {.kind = ADVNTK__LAYER_DENSE,
                                  .from_count = 1,
                                  .from = &from,
                                  .shape = {1, 1, 0},
                                  .gaussian = true,
                                  .affine = affine,
                                  .place = graph->place};
    const struct advntk__layer *in = input_of(graph, &layer, from);

    if (!in) {
        return -1;
    }
    if (!affine_is_good(graph, &layer)) {
        return -1;
    }
    if (!is_flat(in->shape)) {
        return fault(graph, &layer, ADVNTK_EINVALID,
                     "its input is an image of %td x %td pixels: put flatten before it",
                     in->shape.height, in->shape.width);
    }
    return append(graph, &layer);
}

ptrdiff_t advntk_graph_activation(struct advntk_graph *graph, ptrdiff_t from,
                                  struct advntk_slot activation)
{
    struct advntk__layer layer = {.kind = ADVNTK__LAYER_ACTIVATION,
                                  .from_count = 1,
                                  .from = &from,
                                  .activation = activation,
                                  .place = graph->place};
    const struct advntk__layer *in = input_of(graph, &layer, from);

    if (!in) {
        return -1;
    }
    if (!activation.plugin || activation.plugin->kind != ADVNTK_KIND_ACTIVATION) {
        return fault(graph, &layer, ADVNTK_EINVALID, "%s is no activation",
                     activation.plugin ? activation.plugin->name : "an empty slot");
    }
    if (!in->gaussian) {
        return fault(graph, &layer, ADVNTK_EINVALID,
                     "its input is not Gaussian: put a dense layer before it");
    }
    layer.shape = in->shape;
    return append(graph, &layer);
}

/*
 * K1 + K2 holds for branches that are Gaussian and do not correlate: each ends in dense layers of
 * its own. Counts how often each layer enters through sums alone; returns one that enters twice, or
 * -1.
 */
static ptrdiff_t shared_source(const struct advntk_graph *graph, ptrdiff_t count,
                               const ptrdiff_t *from, unsigned char *times)
{
    memset(times, 0, (size_t)graph->count);
    for (ptrdiff_t b = 0; b < count; b++) {
        if (times[from[b]]++) {
            return from[b];
        }
    }
    for (ptrdiff_t i = graph->count - 1; i >= 0; i--) {
        const struct advntk__layer *layer = &graph->nodes[i].layer;
        bool passes = layer->kind == ADVNTK__LAYER_SUM || layer->kind == ADVNTK__LAYER_FLATTEN;
        for (ptrdiff_t b = 0; passes && times[i] && b < layer->from_count; b++) {
            if (times[layer->from[b]]++) {
                return layer->from[b];
            }
        }
    }
    return -1;
}

static void shape_text(struct advntk__shape s, char text[NAME_MAX_BYTES])
{
    if (s.channels == 0 && is_flat(s)) {
        snprintf(text, NAME_MAX_BYTES, "infinitely wide");
    } else if (s.channels == 0) {
        snprintf(text, NAME_MAX_BYTES, "%td x %td of infinitely many channels", s.height, s.width);
    } else if (is_flat(s)) {
        snprintf(text, NAME_MAX_BYTES, "%td numbers", s.channels);
    } else {
        snprintf(text, NAME_MAX_BYTES, "an image of %td x %td x %td", s.height, s.width,
                 s.channels);
    }
}

static bool same_shape(struct advntk__shape a, struct advntk__shape b)
{
    return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

ptrdiff_t advntk_graph_sum(struct advntk_graph *graph, ptrdiff_t count, const ptrdiff_t *from)
{
    struct advntk__layer layer = {.kind = ADVNTK__LAYER_SUM,
                                  .from_count = count,
                                  .from = from,
                                  .gaussian = true,
                                  .place = graph->place};
    unsigned char *times;
    ptrdiff_t shared;

    if (graph->fault.status != ADVNTK_OK) {
        return -1;
    }
    if (count < 1) {
        return fault(graph, &layer, ADVNTK_EINVALID, "it has no branches");
    }
    for (ptrdiff_t b = 0; b < count; b++) {
        const struct advntk__layer *in = input_of(graph, &layer, from[b]);
        if (!in) {
            return -1;
        }
        if (b == 0) {
            layer.shape = in->shape;
        }
        if (!same_shape(in->shape, layer.shape)) {
            char its[NAME_MAX_BYTES], first[NAME_MAX_BYTES];
            shape_text(in->shape, its);
            shape_text(layer.shape, first);
            return fault(graph, &layer, ADVNTK_ESHAPE, "branch %td is %s, the first is %s", b + 1,
                         its, first);
        }
        if (!in->gaussian) {
            return fault(graph, &layer, ADVNTK_EINVALID,
                         "branch %td is not Gaussian: end it with a dense layer", b + 1);
        }
    }
    times = malloc((size_t)graph->count);
    if (!times) {
        return no_memory(graph, &layer);
    }
    shared = shared_source(graph, count, from, times);
    free(times);
    if (shared >= 0) {
        return fault(graph, &layer, ADVNTK_EINVALID,
                     "its branches share the output of layer %td: put a dense layer into one",
                     shared);
    }
    return append(graph, &layer);
}

void advntk_graph_output(struct advntk_graph *graph, ptrdiff_t from)
{
    if (graph->fault.status != ADVNTK_OK) {
        return;
    }
    if (graph->output >= 0) {
        (void)ADVNTK_FAIL(&graph->fault, EINVALID,
                          "the network has two outputs, layers %td and %td", graph->output, from);
    } else if (from < 0 || from >= graph->count) {
        (void)ADVNTK_FAIL(&graph->fault, EINVALID,
                          "the output is layer %td, but the graph has the layers 0 to %td", from,
                          graph->count - 1);
    } else {
        graph->output = from;
    }
}

void advntk_graph_place(struct advntk_graph *graph, const char *place)
{
    char *copy = NULL;

    if (place) {
        copy = strdup(place);
        if (!copy && graph->fault.status == ADVNTK_OK) {
            (void)ADVNTK_FAIL(&graph->fault, ENOMEM, "no memory for a layer graph");
        }
    }
    free(graph->place);
    graph->place = copy;
}

/* Every layer must lead to the output. */
static advntk_status check_used(const struct advntk_graph *graph, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char name[NAME_MAX_BYTES];
    bool *used = calloc((size_t)graph->count, sizeof(*used));

    if (!used) {
        FAIL(err, ENOMEM, "no memory for a layer graph");
    }
    used[graph->output] = true;
    for (ptrdiff_t i = graph->count - 1; i >= 0; i--) {
        const struct advntk__layer *layer = &graph->nodes[i].layer;
        if (!used[i]) {
            layer_name(layer, i, name, sizeof(name));
            FAIL(err, EINVALID, "%s: its output is not used", name);
        }
        for (ptrdiff_t b = 0; b < layer->from_count; b++) {
            used[layer->from[b]] = true;
        }
    }
out:
    free(used);
    return rc;
}

advntk_status advntk__graph_finish(struct advntk_graph *graph, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char name[NAME_MAX_BYTES];
    const struct advntk__layer *last;

    if (graph->fault.status != ADVNTK_OK) {
        rc = graph->fault.status;
        if (err) {
            *err = graph->fault;
        }
        goto out;
    }
    if (graph->output < 0) {
        FAIL(err, EINVALID, "the network has no output");
    }
    last = &graph->nodes[graph->output].layer;
    if (last->kind != ADVNTK__LAYER_DENSE) {
        layer_name(last, graph->output, name, sizeof(name));
        FAIL(err, EINVALID, "%s: the last layer must be a dense layer", name);
    }
    TRY(check_used(graph, err));
out:
    return rc;
}

advntk_status advntk__graph_build(const struct advntk_slot *architecture, ptrdiff_t height,
                                  ptrdiff_t width, ptrdiff_t channels, ptrdiff_t classes,
                                  struct advntk_graph **graph, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_graph *g = NULL;
    const struct advntk_architecture_ops *ops = architecture->plugin->ops;

    TRY(advntk__graph_new(height, width, channels, &g, err));
    rc = ops->build(architecture->config, g, classes, err);
    if (rc == ADVNTK_OK) {
        rc = advntk__graph_finish(g, err);
    }
    if (rc != ADVNTK_OK) {
        (void)advntk_error_prefix(err, "architecture %s: ", architecture->plugin->name);
        goto out;
    }
    *graph = g;
    g = NULL;
out:
    advntk__graph_free(g);
    return rc;
}

ptrdiff_t advntk__graph_count(const struct advntk_graph *graph)
{
    return graph->count;
}

const struct advntk__layer *advntk__graph_layer(const struct advntk_graph *graph, ptrdiff_t i)
{
    return &graph->nodes[i].layer;
}

bool advntk__graph_has_maps(const struct advntk_graph *graph)
{
    for (ptrdiff_t i = 0; i < graph->count; i++) {
        if (graph->nodes[i].layer.kind == ADVNTK__LAYER_CONV) {
            return true;
        }
    }
    return false;
}

ptrdiff_t advntk__graph_output(const struct advntk_graph *graph)
{
    return graph->output;
}

void advntk__graph_name(const struct advntk_graph *graph, ptrdiff_t i, struct advntk__text *out)
{
    char name[NAME_MAX_BYTES];
    layer_name(&graph->nodes[i].layer, i, name, sizeof(name));
    advntk__text_puts(out, name);
}
