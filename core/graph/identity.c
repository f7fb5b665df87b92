/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/hash.h"
#include "base/try.h"
#include "graph/graph.h"
#include "recipe/resolved.h"

enum { ENCODING = 1 }; /* grows when what is hashed changes */

advntk_status advntk__graph_identity(const struct advntk_graph *graph, struct advntk__hash *hash,
                                     struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    advntk__hash_int(hash, ENCODING);
    advntk__hash_int(hash, advntk__graph_count(graph));
    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        advntk__hash_int(hash, (int64_t)layer->kind);
        advntk__hash_int(hash, layer->shape.height);
        advntk__hash_int(hash, layer->shape.width);
        advntk__hash_int(hash, layer->shape.channels);
        advntk__hash_int(hash, layer->from_count);
        for (ptrdiff_t b = 0; b < layer->from_count; b++) {
            advntk__hash_int(hash, layer->from[b]);
        }
        if (layer->kind == ADVNTK__LAYER_DENSE) {
            advntk__hash_real(hash, layer->affine.w_std);
            advntk__hash_real(hash, layer->affine.b_std);
        } else if (layer->kind == ADVNTK__LAYER_CONV) {
            for (int j = 0; j < 2; j++) {
                advntk__hash_int(hash, layer->window.filter[j]);
                advntk__hash_int(hash, layer->window.stride[j]);
            }
            advntk__hash_int(hash, (int64_t)layer->window.padding);
            advntk__hash_real(hash, layer->affine.w_std);
            advntk__hash_real(hash, layer->affine.b_std);
        } else if (layer->kind == ADVNTK__LAYER_ACTIVATION) {
            TRY(advntk__slot_identity(&layer->activation, hash, err));
        }
    }
    advntk__hash_int(hash, advntk__graph_output(graph));
out:
    return rc;
}
