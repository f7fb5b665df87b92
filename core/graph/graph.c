/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "graph/build.h"

#include "base/text.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS_MAX = 100000, NAME_MAX_BYTES = ADVNTK__LAYER_NAME_BYTES, PLACE_MAX = 80 };

const char *advntk__layer_kind_name(const struct advntk__layer *layer)
{
    static const char *const names[] = {"input", "flatten", "dense",      "activation", "sum",
                                        "conv",  "pool",    "layer_norm", "dropout",    "product"};

    if (layer->kind == ADVNTK__LAYER_POOL) {
        return layer->sums ? "sum_pool" : "average_pool";
    }
    return names[layer->kind];
}

static void layer_name(const struct advntk__layer *layer, ptrdiff_t i, char *name, size_t room)
{
    const char *activation = layer->activation.plugin ? layer->activation.plugin->name : "";
    bool is_activation = layer->kind == ADVNTK__LAYER_ACTIVATION;
    const char *place = layer->place ? layer->place : "";
    /* of a whole network on the command line ("-s model.architecture=...") the beginning */
    bool is_long = strlen(place) > PLACE_MAX;

    snprintf(name, room, "%.*s%s%slayer %td (%s%s%s)", PLACE_MAX, place, is_long ? "..." : "",
             *place ? ": " : "", i, advntk__layer_kind_name(layer),
             is_activation && *activation ? " " : "", is_activation ? activation : "");
}

ptrdiff_t advntk__graph_fault(struct advntk_graph *graph, const struct advntk__layer *layer,
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
    free(graph->outputs);
    free(graph->place);
    free(graph);
}

ptrdiff_t advntk__graph_no_memory(struct advntk_graph *graph, const struct advntk__layer *layer)
{
    return advntk__graph_fault(graph, layer, ADVNTK_ENOMEM, "no memory for this layer");
}

ptrdiff_t advntk__graph_append(struct advntk_graph *graph, const struct advntk__layer *layer)
{
    struct advntk__node node = {.layer = *layer};

    if (graph->count >= LAYERS_MAX) {
        return advntk__graph_fault(graph, layer, ADVNTK_ELIMIT, "more than %d layers", LAYERS_MAX);
    }
    if (graph->count == graph->room) {
        ptrdiff_t room = graph->room ? 2 * graph->room : 16;
        struct advntk__node *nodes = realloc(graph->nodes, (size_t)room * sizeof(*nodes));
        if (!nodes) {
            return advntk__graph_no_memory(graph, layer);
        }
        graph->nodes = nodes;
        graph->room = room;
    }
    if (layer->from_count > 0) {
        size_t bytes = (size_t)layer->from_count * sizeof(*layer->from);
        node.from = malloc(bytes);
        if (!node.from) {
            return advntk__graph_no_memory(graph, layer);
        }
        memcpy(node.from, layer->from, bytes);
    }
    if (layer->place) {
        node.place = strdup(layer->place);
        if (!node.place) {
            free(node.from);
            return advntk__graph_no_memory(graph, layer);
        }
    }
    node.layer.from = node.from;
    node.layer.place = node.place;
    graph->nodes[graph->count] = node;
    return graph->count++;
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

/* Pools read all pairs of positions of what they stand on; other layers hand down what is asked of
 * them, flatten asks for each position with itself. */
static void find_full(struct advntk_graph *graph)
{
    for (ptrdiff_t i = graph->count - 1; i > 0; i--) {
        const struct advntk__layer *layer = &graph->nodes[i].layer;
        bool wanted = layer->kind == ADVNTK__LAYER_POOL ||
                      (layer->full && layer->kind != ADVNTK__LAYER_FLATTEN);
        for (ptrdiff_t b = 0; wanted && b < layer->from_count; b++) {
            struct advntk__layer *in = &graph->nodes[layer->from[b]].layer;
            in->full = in->full || in->shape.height * in->shape.width > 1;
        }
    }
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
    find_full(graph);
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

enum advntk__layout advntk__graph_layout(const struct advntk_graph *graph)
{
    bool maps = false;

    for (ptrdiff_t i = 0; i < graph->count; i++) {
        const struct advntk__layer *layer = &graph->nodes[i].layer;
        if (layer->full) {
            return ADVNTK__LAYOUT_FULL;
        }
        maps = maps || (i > 0 && layer->shape.height * layer->shape.width > 1) ||
               layer->kind == ADVNTK__LAYER_CONV;
    }
    return maps ? ADVNTK__LAYOUT_DIAGONAL : ADVNTK__LAYOUT_FLAT;
}

ptrdiff_t advntk__graph_output(const struct advntk_graph *graph)
{
    return graph->output;
}

ptrdiff_t advntk__graph_outputs(const struct advntk_graph *graph, const ptrdiff_t **outputs)
{
    *outputs = graph->outputs ? graph->outputs : &graph->output;
    return graph->outputs ? graph->output_count : 1;
}

void advntk__graph_name(const struct advntk_graph *graph, ptrdiff_t i, struct advntk__text *out)
{
    char name[NAME_MAX_BYTES];
    layer_name(&graph->nodes[i].layer, i, name, sizeof(name));
    advntk__text_puts(out, name);
}
