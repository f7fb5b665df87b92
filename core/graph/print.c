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

static void row_text(const struct advntk_graph *graph, ptrdiff_t i, char cell[COLUMNS][CELL])
{
    static const char *const names[] = {"input", "flatten", "dense", "activation", "sum", "conv"};
    const struct advntk__layer *layer = advntk__graph_layer(graph, i);
    bool flat = layer->shape.height == 1 && layer->shape.width == 1;
    size_t used = 0;

    memset(cell, 0, COLUMNS * sizeof(cell[0]));
    snprintf(cell[0], CELL, "%td", i);
    snprintf(cell[1], CELL, "%s", names[layer->kind]);
    for (ptrdiff_t b = 0; b < layer->from_count && used < CELL - 32; b++) {
        used +=
            (size_t)snprintf(cell[2] + used, CELL - used, "%s%td", b ? ", " : "", layer->from[b]);
    }
    shape_text(layer->shape, cell[3]);
    if (layer->kind == ADVNTK__LAYER_DENSE) {
        snprintf(cell[4], CELL, "w_std %g, b_std %g", layer->affine.w_std, layer->affine.b_std);
    } else if (layer->kind == ADVNTK__LAYER_CONV) {
        static const char *const paddings[] = {"", "same", "valid", "circular"};
        snprintf(cell[4], CELL, "filter %td x %td, stride %td x %td, %s, w_std %g, b_std %g",
                 layer->window.filter[0], layer->window.filter[1], layer->window.stride[0],
                 layer->window.stride[1], paddings[layer->window.padding], layer->affine.w_std,
                 layer->affine.b_std);
    } else if (layer->kind == ADVNTK__LAYER_ACTIVATION) {
        snprintf(cell[4], CELL, "%s", layer->activation.plugin->name);
    }
    snprintf(cell[5], CELL, "%s", flat ? "one number a pair" : "pixel-diagonal");
}

static void cost_lines(const struct advntk_graph *graph, struct advntk__text *out)
{
    struct advntk__shape image = advntk__graph_layer(graph, 0)->shape;
    long long d = (long long)image.height * image.width * image.channels, flops = 0, stored = d;
    bool maps = advntk__graph_has_maps(graph);

    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        long long pixels = (long long)layer->shape.height * layer->shape.width;
        switch (layer->kind) {
        case ADVNTK__LAYER_CONV: /* separable sums of both kernels */
            flops +=
                pixels * (FLOPS_DENSE + 2 * (layer->window.filter[0] + layer->window.filter[1]));
            break;
        case ADVNTK__LAYER_DENSE:
            flops += FLOPS_DENSE;
            break;
        case ADVNTK__LAYER_ACTIVATION:
            flops += pixels * FLOPS_ACTIVATION;
            stored += (maps ? 2 : 3) *
                      pixels; /* standard deviation, its inverse, derivative of the variance */
            break;
        case ADVNTK__LAYER_SUM:
            flops += pixels * FLOPS_BRANCH * (layer->from_count - 1);
            break;
        case ADVNTK__LAYER_INPUT:
        case ADVNTK__LAYER_FLATTEN:
            break;
        }
    }
    advntk__text_printf(out, "cost: %lld flops a pair for the inner product, %lld for the layers\n",
                        2 * d, flops);
    advntk__text_printf(out,
                        "memory for n images: %lld n + 2 n^2 bytes in float32, %lld n + 4 n^2 "
                        "in float64\n",
                        4 * stored, 8 * stored);
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
