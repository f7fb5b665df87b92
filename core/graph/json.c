/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/try.h"
#include "graph/graph.h"

#include <advntk/plugin.h>
#include <jansson.h>

static const char *layout_name(enum advntk__layout layout)
{
    static const char *const names[] = {"flat", "diagonal", "full"};

    return names[layout];
}

static enum advntk__layout layout_of(const struct advntk__layer *layer)
{
    bool flat = layer->shape.height == 1 && layer->shape.width == 1;

    return flat ? ADVNTK__LAYOUT_FLAT : layer->full ? ADVNTK__LAYOUT_FULL : ADVNTK__LAYOUT_DIAGONAL;
}

static json_t *pair_json(const ptrdiff_t pair[2])
{
    return json_pack("[I, I]", (json_int_t)pair[0], (json_int_t)pair[1]);
}

static void add_window(json_t *parameters, const struct advntk__layer *layer)
{
    static const char *const paddings[] = {"", "same", "valid", "circular"};
    const struct advntk_window *w = &layer->window;
    const char *extent = layer->kind == ADVNTK__LAYER_CONV ? "filter" : "window";

    json_object_set_new(parameters, extent, pair_json(w->filter));
    json_object_set_new(parameters, "stride", pair_json(w->stride));
    json_object_set_new(parameters, "padding", json_string(paddings[w->padding]));
}

static json_t *parameters_json(const struct advntk__layer *layer)
{
    json_t *parameters = json_object();

    switch (layer->kind) {
    case ADVNTK__LAYER_CONV:
    case ADVNTK__LAYER_DENSE:
        if (layer->kind == ADVNTK__LAYER_CONV) {
            add_window(parameters, layer);
        }
        json_object_set_new(parameters, "w_std", json_real(layer->affine.w_std));
        json_object_set_new(parameters, "b_std", json_real(layer->affine.b_std));
        if (layer->width > 0) {
            json_object_set_new(parameters, "fan_in", json_real(layer->fan_in));
        }
        break;
    case ADVNTK__LAYER_POOL:
        add_window(parameters, layer);
        break;
    case ADVNTK__LAYER_ACTIVATION:
        json_object_set_new(parameters, "plugin", json_string(layer->activation.plugin->name));
        break;
    case ADVNTK__LAYER_NORM:
        json_object_set_new(parameters, "axes",
                            json_string(layer->whole_image ? "all" : "channel"));
        json_object_set_new(parameters, "eps", json_real(layer->eps));
        break;
    case ADVNTK__LAYER_DROPOUT:
        json_object_set_new(parameters, "rate", json_real(layer->rate));
        break;
    case ADVNTK__LAYER_INPUT:
    case ADVNTK__LAYER_FLATTEN:
    case ADVNTK__LAYER_SUM:
    case ADVNTK__LAYER_PRODUCT:
        break;
    }
    return parameters;
}

static json_t *layer_json(const struct advntk_graph *graph, ptrdiff_t i)
{
    const struct advntk__layer *layer = advntk__graph_layer(graph, i);
    json_t *from = json_array();

    for (ptrdiff_t b = 0; b < layer->from_count; b++) {
        json_array_append_new(from, json_integer((json_int_t)layer->from[b]));
    }
    return json_pack("{s:I, s:s, s:o, s:[I, I, o], s:o, s:s, s:f}", "number", (json_int_t)i,
                     "layer", advntk__layer_kind_name(layer), "from", from, "shape",
                     (json_int_t)layer->shape.height, (json_int_t)layer->shape.width,
                     layer->shape.channels ? json_integer((json_int_t)layer->shape.channels)
                                           : json_null(),
                     "parameters", parameters_json(layer), "layout", layout_name(layout_of(layer)),
                     "flops", advntk__layer_flops(graph, i));
}

/* Bytes of so many reals in both precisions. */
static json_t *bytes_json(double reals)
{
    return json_pack("{s:f, s:f}", "float32", 4 * reals, "float64", 8 * reals);
}

advntk_status advntk__graph_json(const struct advntk_graph *graph, struct json_t **object,
                                 struct advntk_error *err)
{
    const struct advntk__graph_cost cost = advntk__graph_cost(graph);
    struct advntk__hash *hash = advntk__hash_new();
    json_t *layers = json_array();
    uint8_t digest[16];
    char content[33];
    advntk_status rc = ADVNTK_OK;

    *object = NULL;
    if (!hash || !layers) {
        FAIL(err, ENOMEM, "no memory for the layers");
    }
    TRY(advntk__graph_identity(graph, hash, err));
    advntk__hash_end(hash, digest);
    advntk__hash_hex(digest, content);
    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        json_array_append_new(layers, layer_json(graph, i));
    }
    *object = json_pack("{s:s, s:s, s:O, s:{s:f, s:f}, s:{s:o, s:{s:f, s:f}, s:o, s:o}}", "content",
                        content, "layout", layout_name(advntk__graph_layout(graph)), "layers",
                        layers, "flops_of_a_pair", "product", cost.product, "layers", cost.layers,
                        "bytes", "image", bytes_json(cost.stored), "pair", "float32", 2.0,
                        "float64", 4.0, "image_at_work", bytes_json(cost.at_work), "thread_at_most",
                        bytes_json(cost.thread));
    if (!*object) {
        FAIL(err, ENOMEM, "no memory for the layers as JSON");
    }
out:
    json_decref(layers);
    advntk__hash_free(hash);
    return rc;
}
