/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/hash.h"
#include "base/try.h"
#include "graph/build.h"
#include "recipe/resolved.h"

enum { ENCODING = 2 }; /* grows when what is hashed changes */

static void affine_identity(const struct advntk__layer *layer, struct advntk__hash *hash)
{
    advntk__hash_real(hash, layer->affine.w_std);
    advntk__hash_real(hash, layer->affine.b_std);
    advntk__hash_int(hash, layer->width);
}

static void window_identity(const struct advntk__layer *layer, struct advntk__hash *hash)
{
    for (int j = 0; j < 2; j++) {
        advntk__hash_int(hash, layer->window.filter[j]);
        advntk__hash_int(hash, layer->window.stride[j]);
    }
    advntk__hash_int(hash, (int64_t)layer->window.padding);
}

static advntk_status parameters_identity(const struct advntk__layer *layer,
                                         struct advntk__hash *hash, struct advntk_error *err)
{
    switch (layer->kind) {
    case ADVNTK__LAYER_DENSE:
        affine_identity(layer, hash);
        break;
    case ADVNTK__LAYER_CONV:
        window_identity(layer, hash);
        affine_identity(layer, hash);
        break;
    case ADVNTK__LAYER_POOL:
        window_identity(layer, hash);
        advntk__hash_int(hash, layer->sums);
        break;
    case ADVNTK__LAYER_NORM:
        advntk__hash_int(hash, layer->whole_image);
        advntk__hash_real(hash, layer->eps);
        break;
    case ADVNTK__LAYER_DROPOUT:
        advntk__hash_real(hash, layer->rate);
        break;
    case ADVNTK__LAYER_ACTIVATION:
        return advntk__slot_identity(&layer->activation, hash, err);
    case ADVNTK__LAYER_INPUT:
    case ADVNTK__LAYER_FLATTEN:
    case ADVNTK__LAYER_SUM:
    case ADVNTK__LAYER_PRODUCT:
        break;
    }
    return ADVNTK_OK;
}

static void kind_identity(const struct advntk__layer *layer, struct advntk__hash *hash)
{
    advntk__hash_int(hash, (int64_t)layer->kind);
    advntk__hash_int(hash, layer->shape.height);
    advntk__hash_int(hash, layer->shape.width);
    advntk__hash_int(hash, layer->shape.channels);
    advntk__hash_int(hash, layer->from_count);
}

advntk_status advntk__layer_identity(const struct advntk__layer *layer, struct advntk__hash *hash,
                                     struct advntk_error *err)
{
    kind_identity(layer, hash);
    return parameters_identity(layer, hash, err);
}

advntk_status advntk__graph_identity(const struct advntk_graph *graph, struct advntk__hash *hash,
                                     struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    advntk__hash_int(hash, ENCODING);
    advntk__hash_int(hash, advntk__graph_count(graph));
    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        kind_identity(layer, hash);
        for (ptrdiff_t b = 0; b < layer->from_count; b++) {
            advntk__hash_int(hash, layer->from[b]);
        }
        TRY(parameters_identity(layer, hash, err));
    }
    advntk__hash_int(hash, advntk__graph_output(graph));
out:
    return rc;
}
