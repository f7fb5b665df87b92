/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/text.h"
#include "graph/graph.h"

#include <advntk/plugin.h>
#include <stdio.h>
#include <string.h>

enum { COLUMNS = 6, CELL = 160 };

/* Floating-point operations a pair of images, value and tangent kernel together; activations: those
 * of the relu family (advntk/duals.h), a square root counted as one. */
enum { FLOPS_DENSE = 4, FLOPS_ACTIVATION = 40, FLOPS_BRANCH = 2 };

static void shape_text(struct advntk__shape s, char *text)
{
    char channels[32];

    snprintf(channels, sizeof(channels), "%td", s.channels);
    if (s.height == 1 && s.width == 1) {
        snprintf(text, CELL, "%s", s.channels ? channels : "inf");
    } else {
        snprintf(text, CELL, "%td x %td x %s", s.height, s.width, s.channels ? channels : "inf");
    }
}

static void window_text(const struct advntk__layer *layer, char *text)
{
    static const char *const paddings[] = {"", "same", "valid", "circular"};
    const struct advntk_window *w = &layer->window;

    snprintf(text, CELL, "%s %td x %td, stride %td x %td, %s",
             layer->kind == ADVNTK__LAYER_CONV ? "filter" : "window", w->filter[0], w->filter[1],
             w->stride[0], w->stride[1], paddings[w->padding]);
}

static void parameters_text(const struct advntk__layer *layer, char *text)
{
    size_t used;

    switch (layer->kind) {
    case ADVNTK__LAYER_CONV:
    case ADVNTK__LAYER_DENSE:
        if (layer->kind == ADVNTK__LAYER_CONV) {
            window_text(layer, text);
            strncat(text, ", ", CELL - strlen(text) - 1);
        }
        used = strlen(text);
        used += (size_t)snprintf(text + used, CELL - used, "w_std %g, b_std %g",
                                 layer->affine.w_std, layer->affine.b_std);
        if (layer->width > 0) {
            snprintf(text + used, CELL - used, ", fan-in %.0f", layer->fan_in);
        }
        break;
    case ADVNTK__LAYER_POOL:
        window_text(layer, text);
        break;
    case ADVNTK__LAYER_ACTIVATION:
        snprintf(text, CELL, "%s", layer->activation.plugin->name);
        break;
    case ADVNTK__LAYER_NORM:
        snprintf(text, CELL, "axes %s, eps %g", layer->whole_image ? "all" : "channel", layer->eps);
        break;
    case ADVNTK__LAYER_DROPOUT:
        snprintf(text, CELL, "rate %g, as at test time", layer->rate);
        break;
    case ADVNTK__LAYER_INPUT:
    case ADVNTK__LAYER_FLATTEN:
    case ADVNTK__LAYER_SUM:
    case ADVNTK__LAYER_PRODUCT:
        break;
    }
}

static void row_text(const struct advntk_graph *graph, ptrdiff_t i, char cell[COLUMNS][CELL])
{
    const struct advntk__layer *layer = advntk__graph_layer(graph, i);
    bool flat = layer->shape.height == 1 && layer->shape.width == 1;
    size_t used = 0;

    memset(cell, 0, COLUMNS * sizeof(cell[0]));
    snprintf(cell[0], CELL, "%td", i);
    snprintf(cell[1], CELL, "%s", advntk__layer_kind_name(layer));
    for (ptrdiff_t b = 0; b < layer->from_count && used < CELL - 32; b++) {
        used +=
            (size_t)snprintf(cell[2] + used, CELL - used, "%s%td", b ? ", " : "", layer->from[b]);
    }
    shape_text(layer->shape, cell[3]);
    parameters_text(layer, cell[4]);
    snprintf(cell[5], CELL, "%s",
             flat          ? "one number a pair"
             : layer->full ? "full"
                           : "pixel-diagonal");
}

/* Numbers that a layer's kernel of one pair has. */
static double entries_of(const struct advntk__layer *layer)
{
    double pixels = (double)layer->shape.height * (double)layer->shape.width;

    return layer->full ? pixels * pixels : pixels;
}

/* Flops of one layer for a pair: of a window, separable sums of both kernels. */
static double flops_of(const struct advntk_graph *graph, const struct advntk__layer *layer)
{
    double entries = entries_of(layer);
    double window = (double)(layer->window.filter[0] + layer->window.filter[1]);

    switch (layer->kind) {
    case ADVNTK__LAYER_CONV:
        return entries * (FLOPS_DENSE + 2 * window);
    case ADVNTK__LAYER_POOL:
        return 4 * entries_of(advntk__graph_layer(graph, layer->from[0]));
    case ADVNTK__LAYER_DENSE:
        return FLOPS_DENSE;
    case ADVNTK__LAYER_ACTIVATION:
        return entries * FLOPS_ACTIVATION;
    case ADVNTK__LAYER_NORM:
        return entries * FLOPS_DENSE;
    case ADVNTK__LAYER_SUM:
    case ADVNTK__LAYER_PRODUCT:
        return entries * FLOPS_BRANCH * (double)(layer->from_count - 1);
    case ADVNTK__LAYER_INPUT:
    case ADVNTK__LAYER_FLATTEN:
    case ADVNTK__LAYER_DROPOUT:
        break;
    }
    return 0;
}

/* Of the product of two images' pixels; where the network mixes them, of all pairs of pixels. */
static double product_flops(const struct advntk_graph *graph)
{
    const struct advntk__layer *input = advntk__graph_layer(graph, 0);

    return 2 * entries_of(input) * (double)input->shape.channels;
}

double advntk__layer_flops(const struct advntk_graph *graph, ptrdiff_t i)
{
    return flops_of(graph, advntk__graph_layer(graph, i)) + (i == 0 ? product_flops(graph) : 0);
}

static double layers_flops(const struct advntk_graph *graph)
{
    double flops = 0;

    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        flops += flops_of(graph, advntk__graph_layer(graph, i));
    }
    return flops;
}

double advntk__graph_flops(const struct advntk_graph *graph)
{
    return product_flops(graph) + layers_flops(graph);
}

struct advntk__graph_cost advntk__graph_cost(const struct advntk_graph *graph)
{
    const struct advntk__shape image = advntk__graph_layer(graph, 0)->shape;
    enum advntk__layout layout = advntk__graph_layout(graph);
    const double d = (double)image.height * (double)image.width * (double)image.channels;
    double maps = 0, deviations = 0;
    bool again =
        layout == ADVNTK__LAYOUT_DIAGONAL; /* deviations are computed where they are used */

    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        maps += 2 * entries_of(layer);
        again = again && layer->kind < ADVNTK__LAYER_POOL;
        if (layer->kind == ADVNTK__LAYER_ACTIVATION) {
            /* standard deviation, its inverse; in flat networks the variance's derivative */
            deviations += (layout == ADVNTK__LAYOUT_FLAT ? 3 : 2) * (double)layer->shape.height *
                          (double)layer->shape.width;
        }
    }
    return (struct advntk__graph_cost){
        .product = product_flops(graph),
        .layers = layers_flops(graph),
        .stored = again ? d : d + deviations,
        .at_work = again ? d + deviations : 0,
        .thread = layout == ADVNTK__LAYOUT_FULL ? 2 * maps : 0,
    };
}

static void cost_lines(const struct advntk_graph *graph, struct advntk__text *out)
{
    const struct advntk__graph_cost cost = advntk__graph_cost(graph);

    advntk__text_printf(out, "cost: %.0f flops a pair for the inner product, %.0f for the layers\n",
                        cost.product, cost.layers);
    advntk__text_printf(out,
                        "memory for n images: %.0f n + 2 n^2 bytes in float32, %.0f n + 4 n^2 "
                        "in float64\n",
                        4 * cost.stored, 8 * cost.stored);
    if (cost.at_work > 0) {
        advntk__text_printf(
            out,
            "memory of an image while it is at work: %.0f bytes in float32, %.0f in "
            "float64; a panel has 128, a thread 16 MiB or at least 16\n",
            4 * cost.at_work, 8 * cost.at_work);
    }
    if (cost.thread > 0) {
        advntk__text_printf(out,
                            "memory for each thread: at most %.1f MiB in float32, %.1f MiB in "
                            "float64; layers that run shift by shift need none of it\n",
                            4 * cost.thread / 1048576, 8 * cost.thread / 1048576);
    }
}

void advntk__graph_print(const struct advntk_graph *graph, struct advntk__text *out)
{
    static const char *const heads[COLUMNS] = {"number", "layer",      "from",
                                               "shape",  "parameters", "layout"};
    char cell[COLUMNS][CELL];
    size_t width[COLUMNS];

    for (int c = 0; c < COLUMNS; c++) {
        width[c] = strlen(heads[c]);
    }
    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        row_text(graph, i, cell);
        for (int c = 0; c < COLUMNS; c++) {
            width[c] = strlen(cell[c]) > width[c] ? strlen(cell[c]) : width[c];
        }
    }
    for (ptrdiff_t i = -1; i < advntk__graph_count(graph); i++) {
        if (i >= 0) {
            row_text(graph, i, cell);
        }
        for (int c = 0; c < COLUMNS; c++) {
            bool last = c == COLUMNS - 1;
            advntk__text_printf(out, "%-*s%s", last ? 0 : (int)width[c], i < 0 ? heads[c] : cell[c],
                                last ? "\n" : "  ");
        }
    }
    cost_lines(graph, out);
}
