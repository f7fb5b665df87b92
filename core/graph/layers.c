/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layer functions of advntk/architecture.h: shapes, and whether a step has a closed-form limit.
 */
#include "config.h"

#include "graph/build.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW_MAX = 10000 };

/* The layer that `from` names; NULL after a fault. */
static const struct advntk__layer *input_of(struct advntk_graph *graph,
                                            const struct advntk__layer *layer, ptrdiff_t from)
{
    if (graph->fault.status != ADVNTK_OK) {
        return NULL;
    }
    if (from < 0 || from >= graph->count) {
        advntk__graph_fault(graph, layer, ADVNTK_EINVALID,
                            "stands on layer %td, but the graph has the layers 0 to %td", from,
                            graph->count - 1);
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
        .kind = ADVNTK__LAYER_INPUT, .shape = graph->image, .folded = 1, .place = graph->place};

    if (graph->fault.status != ADVNTK_OK) {
        return -1;
    }
    if (graph->count > 0) {
        return advntk__graph_fault(graph, &layer, ADVNTK_EINVALID,
                                   "the input comes once, as the first layer");
    }
    return advntk__graph_append(graph, &layer);
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
    layer.folded = in->folded * in->shape.height * in->shape.width;
    layer.gaussian = in->gaussian && is_flat(in->shape);
    return advntk__graph_append(graph, &layer);
}

void advntk_graph_standard(struct advntk_graph *graph, ptrdiff_t width)
{
    if (width < 0 && graph->fault.status == ADVNTK_OK) {
        (void)ADVNTK_FAIL(&graph->fault, EINVALID, "width is %td, expected a number >= 0", width);
    }
    graph->width = width;
}

/* Weights that a unit of the layer has, in the standard parameterisation. */
static double fan_in(const struct advntk__layer *layer, const struct advntk__layer *in)
{
    double channels = in->shape.channels > 0 ? (double)in->shape.channels
                                             : (double)layer->width * (double)in->folded;

    return channels * (double)layer->window.filter[0] * (double)layer->window.filter[1];
}

static bool affine_is_good(struct advntk_graph *graph, const struct advntk__layer *layer)
{
    if (!(layer->affine.w_std >= 0 && layer->affine.w_std < HUGE_VAL)) {
        advntk__graph_fault(graph, layer, ADVNTK_EINVALID, "w_std is %g, expected a number >= 0",
                            layer->affine.w_std);
        return false;
    }
    if (!(layer->affine.b_std >= 0 && layer->affine.b_std < HUGE_VAL)) {
        advntk__graph_fault(graph, layer, ADVNTK_EINVALID, "b_std is %g, expected a number >= 0",
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

/* Checks the layer's windows and sets its height and width. */
static bool place_windows(struct advntk_graph *graph, struct advntk__layer *layer,
                          struct advntk__shape in)
{
    const struct advntk_window *w = &layer->window;
    const char *what = layer->kind == ADVNTK__LAYER_CONV ? "filter" : "window";
    ptrdiff_t size[2] = {in.height, in.width}, out[2], before;

    if (w->padding < ADVNTK_PADDING_SAME || w->padding > ADVNTK_PADDING_CIRCULAR) {
        advntk__graph_fault(graph, layer, ADVNTK_EINVALID,
                            "its padding is number %d, expected same, valid or circular",
                            (int)w->padding);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        if (w->filter[i] < 1 || w->filter[i] > WINDOW_MAX || w->stride[i] < 1 ||
            w->stride[i] > WINDOW_MAX) {
            advntk__graph_fault(graph, layer, ADVNTK_EINVALID,
                                "%s %td x %td and stride %td x %td, expected 1 to %d", what,
                                w->filter[0], w->filter[1], w->stride[0], w->stride[1], WINDOW_MAX);
            return false;
        }
        out[i] = advntk__graph_positions(size[i], w->filter[i], w->stride[i], w->padding, &before);
    }
    if (out[0] < 1 || out[1] < 1) {
        advntk__graph_fault(graph, layer, ADVNTK_ESHAPE,
                            "a %s of %td x %td does not fit into %td x %td pixels without padding",
                            what, w->filter[0], w->filter[1], size[0], size[1]);
        return false;
    }
    layer->shape = (struct advntk__shape){out[0], out[1], in.channels};
    return true;
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
                                  .width = graph->width,
                                  .folded = 1,
                                  .place = graph->place};
    const struct advntk__layer *in = input_of(graph, &layer, from);

    if (!in || !affine_is_good(graph, &layer) || !place_windows(graph, &layer, in->shape)) {
        return -1;
    }
    layer.shape.channels = 0;
    layer.fan_in = fan_in(&layer, in);
    return advntk__graph_append(graph, &layer);
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
                                  .window = {.filter = {1, 1}},
                                  .width = graph->width,
                                  .folded = 1,
                                  .place = graph->place};
    const struct advntk__layer *in = input_of(graph, &layer, from);

    if (!in || !affine_is_good(graph, &layer)) {
        return -1;
    }
    if (!is_flat(in->shape)) {
        return advntk__graph_fault(
            graph, &layer, ADVNTK_EINVALID,
            "its input is an image of %td x %td pixels: put flatten before it", in->shape.height,
            in->shape.width);
    }
    layer.fan_in = fan_in(&layer, in);
    return advntk__graph_append(graph, &layer);
}

static bool is_gaussian(struct advntk_graph *graph, const struct advntk__layer *layer,
                        const struct advntk__layer *in)
{
    if (!in->gaussian) {
        advntk__graph_fault(graph, layer, ADVNTK_EINVALID,
                            "its input is not Gaussian: put a %s layer before it",
                            is_flat(in->shape) ? "dense" : "convolution");
    }
    return in->gaussian;
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
        return advntk__graph_fault(graph, &layer, ADVNTK_EINVALID, "%s is no activation",
                                   activation.plugin ? activation.plugin->name : "an empty slot");
    }
    if (!is_gaussian(graph, &layer, in)) {
        return -1;
    }
    layer.shape = in->shape;
    layer.folded = in->folded;
    return advntk__graph_append(graph, &layer);
}

ptrdiff_t advntk_graph_layer_norm(struct advntk_graph *graph, ptrdiff_t from, bool whole_image,
                                  double eps)
{
    struct advntk__layer layer = {.kind = ADVNTK__LAYER_NORM,
                                  .from_count = 1,
                                  .from = &from,
                                  .gaussian = true,
                                  .whole_image = whole_image,
                                  .eps = eps,
                                  .place = graph->place};
    const struct advntk__layer *in = input_of(graph, &layer, from);

    if (!in || !is_gaussian(graph, &layer, in)) {
        return -1;
    }
    if (!(eps > 0 && eps < HUGE_VAL)) {
        return advntk__graph_fault(graph, &layer, ADVNTK_EINVALID,
                                   "eps is %g, expected a number > 0", eps);
    }
    layer.shape = in->shape;
    layer.folded = in->folded;
    return advntk__graph_append(graph, &layer);
}

ptrdiff_t advntk_graph_dropout(struct advntk_graph *graph, ptrdiff_t from, double rate)
{
    struct advntk__layer layer = {.kind = ADVNTK__LAYER_DROPOUT,
                                  .from_count = 1,
                                  .from = &from,
                                  .rate = rate,
                                  .place = graph->place};
    const struct advntk__layer *in = input_of(graph, &layer, from);

    if (!in) {
        return -1;
    }
    if (!(rate > 0 && rate <= 1)) {
        return advntk__graph_fault(graph, &layer, ADVNTK_EINVALID,
                                   "rate, the part that is kept, is %g, expected 0 < rate <= 1",
                                   rate);
    }
    layer.shape = in->shape;
    layer.folded = in->folded;
    layer.gaussian = in->gaussian;
    return advntk__graph_append(graph, &layer);
}

ptrdiff_t advntk_graph_pool(struct advntk_graph *graph, ptrdiff_t from, enum advntk_pooling pooling,
                            struct advntk_window window)
{
    struct advntk__layer layer = {.kind = ADVNTK__LAYER_POOL,
                                  .from_count = 1,
                                  .from = &from,
                                  .sums = pooling == ADVNTK_POOLING_SUM,
                                  .window = window,
                                  .place = graph->place};
    const struct advntk__layer *in = input_of(graph, &layer, from);

    if (!in || !place_windows(graph, &layer, in->shape)) {
        return -1;
    }
    if (pooling < ADVNTK_POOLING_AVERAGE || pooling > ADVNTK_POOLING_SUM) {
        return advntk__graph_fault(graph, &layer, ADVNTK_EINVALID,
                                   "its pooling is number %d, expected average or sum",
                                   (int)pooling);
    }
    layer.folded = in->folded;
    layer.gaussian = in->gaussian;
    return advntk__graph_append(graph, &layer);
}

ptrdiff_t advntk_graph_global_pool(struct advntk_graph *graph, ptrdiff_t from,
                                   enum advntk_pooling pooling)
{
    struct advntk_window window = {{1, 1}, {1, 1}, ADVNTK_PADDING_VALID};

    if (graph->fault.status == ADVNTK_OK && from >= 0 && from < graph->count) {
        window.filter[0] = graph->nodes[from].layer.shape.height;
        window.filter[1] = graph->nodes[from].layer.shape.width;
    }
    return advntk_graph_pool(graph, from, pooling, window);
}

/*
 * K1 + K2 and K1 K2 hold for branches that share no random weights: through layers without weights
 * each leads to dense layers and convolutions of its own. Counts how often each is met; returns one
 * that is met twice, or -1.
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
        bool passes = layer->kind != ADVNTK__LAYER_DENSE && layer->kind != ADVNTK__LAYER_CONV;
        for (ptrdiff_t b = 0; passes && times[i] && b < layer->from_count; b++) {
            if (times[layer->from[b]]++) {
                return layer->from[b];
            }
        }
    }
    return -1;
}

static void shape_text(struct advntk__shape s, char text[ADVNTK__LAYER_NAME_BYTES])
{
    if (s.channels == 0 && is_flat(s)) {
        snprintf(text, ADVNTK__LAYER_NAME_BYTES, "infinitely wide");
    } else if (s.channels == 0) {
        snprintf(text, ADVNTK__LAYER_NAME_BYTES, "%td x %td of infinitely many channels", s.height,
                 s.width);
    } else if (is_flat(s)) {
        snprintf(text, ADVNTK__LAYER_NAME_BYTES, "%td numbers", s.channels);
    } else {
        snprintf(text, ADVNTK__LAYER_NAME_BYTES, "an image of %td x %td x %td", s.height, s.width,
                 s.channels);
    }
}

static bool same_shape(struct advntk__shape a, struct advntk__shape b)
{
    return a.height == b.height && a.width == b.width && a.channels == b.channels;
}

/* Branch b of a sum or product: a layer of the first one's shape; of a sum, Gaussian if one before
 * is not. */
static bool branch_is_good(struct advntk_graph *graph, struct advntk__layer *layer, ptrdiff_t b)
{
    const struct advntk__layer *in = input_of(graph, layer, layer->from[b]);
    char its[ADVNTK__LAYER_NAME_BYTES], first[ADVNTK__LAYER_NAME_BYTES];

    if (!in) {
        return false;
    }
    if (b == 0) {
        layer->shape = in->shape;
        layer->folded = in->folded;
        layer->gaussian = layer->kind == ADVNTK__LAYER_SUM;
    }
    if (!same_shape(in->shape, layer->shape)) {
        shape_text(in->shape, its);
        shape_text(layer->shape, first);
        advntk__graph_fault(graph, layer, ADVNTK_ESHAPE, "branch %td is %s, the first is %s", b + 1,
                            its, first);
        return false;
    }
    if (in->folded != layer->folded) {
        advntk__graph_fault(graph, layer, ADVNTK_ESHAPE,
                            "branch %td has %td flattened pixels, the first has %td", b + 1,
                            in->folded, layer->folded);
        return false;
    }
    if (layer->kind == ADVNTK__LAYER_SUM && !in->gaussian && !layer->gaussian && b > 0) {
        advntk__graph_fault(graph, layer, ADVNTK_EINVALID,
                            "branch %td is the second that is not Gaussian: end it with a %s layer",
                            b + 1, is_flat(in->shape) ? "dense" : "convolution");
        return false;
    }
    layer->gaussian = layer->gaussian && in->gaussian;
    return true;
}

static ptrdiff_t join(struct advntk_graph *graph, enum advntk__layer_kind kind, ptrdiff_t count,
                      const ptrdiff_t *from)
{
    struct advntk__layer layer = {
        .kind = kind, .from_count = count, .from = from, .place = graph->place};
    unsigned char *times;
    ptrdiff_t shared;

    if (graph->fault.status != ADVNTK_OK) {
        return -1;
    }
    if (count < 1) {
        return advntk__graph_fault(graph, &layer, ADVNTK_EINVALID, "it has no branches");
    }
    for (ptrdiff_t b = 0; b < count; b++) {
        if (!branch_is_good(graph, &layer, b)) {
            return -1;
        }
    }
    times = malloc((size_t)graph->count);
    if (!times) {
        return advntk__graph_no_memory(graph, &layer);
    }
    shared = shared_source(graph, count, from, times);
    free(times);
    if (shared >= 0) {
        return advntk__graph_fault(
            graph, &layer, ADVNTK_EINVALID,
            "its branches share the output of layer %td: put a %s layer into one", shared,
            is_flat(layer.shape) ? "dense" : "convolution");
    }
    return advntk__graph_append(graph, &layer);
}

ptrdiff_t advntk_graph_sum(struct advntk_graph *graph, ptrdiff_t count, const ptrdiff_t *from)
{
    return join(graph, ADVNTK__LAYER_SUM, count, from);
}

ptrdiff_t advntk_graph_product(struct advntk_graph *graph, ptrdiff_t count, const ptrdiff_t *from)
{
    return join(graph, ADVNTK__LAYER_PRODUCT, count, from);
}
