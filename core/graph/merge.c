/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several networks as one graph (graph.h): layers are told apart by a digest of what they are and
 * of the digests of those that they stand on.
 */
#include "config.h"

#include "base/hash.h"
#include "base/try.h"
#include "graph/build.h"

#include <stdlib.h>
#include <string.h>

enum { DIGEST = 16 };

struct merger {
    struct advntk_graph *merged;
    uint8_t (*digest)[DIGEST]; /* of the merged layers */
    uint8_t (*own)[DIGEST];    /* of the layers of the network that is added */
    ptrdiff_t *at;             /* their numbers in the merged graph */
    ptrdiff_t *readers;        /* how many layers read them */
    ptrdiff_t *from;           /* room for the inputs of one */
};

/* The activation right behind layer i that alone reads it; NULL: there is none. */
static const struct advntk__layer *its_activation(const struct merger *m,
                                                  const struct advntk_graph *graph, ptrdiff_t i)
{
    const struct advntk__layer *next = i + 1 < graph->count ? &graph->nodes[i + 1].layer : NULL;
    bool reads = next && next->kind == ADVNTK__LAYER_ACTIVATION && next->from[0] == i;

    return reads && m->readers[i] == 1 ? next : NULL;
}

static advntk_status digest_layer(const struct merger *m, const struct advntk_graph *graph,
                                  ptrdiff_t i, struct advntk_error *err)
{
    const struct advntk__layer *layer = &graph->nodes[i].layer;
    const struct advntk__layer *activation = its_activation(m, graph, i);
    struct advntk__hash *hash = advntk__hash_new();
    advntk_status rc = ADVNTK_OK;

    if (!hash) {
        FAIL(err, ENOMEM, "no memory for a digest");
    }
    TRY(advntk__layer_identity(layer, hash, err));
    for (ptrdiff_t b = 0; b < layer->from_count; b++) {
        advntk__hash_add(hash, m->own[layer->from[b]], DIGEST);
    }
    if (activation) {
        TRY(advntk__layer_identity(activation, hash, err));
    }
    advntk__hash_end(hash, m->own[i]);
out:
    advntk__hash_free(hash);
    return rc;
}

/* The merged layer, below `count`, that layer i is; -1: none. The search begins at `hint`, where
 * networks that differ in their ends alone have it. */
static ptrdiff_t find(const struct merger *m, ptrdiff_t i, ptrdiff_t count, ptrdiff_t hint)
{
    for (ptrdiff_t k = 0; k < count; k++) {
        ptrdiff_t at = (hint + k) % count;
        if (memcmp(m->digest[at], m->own[i], DIGEST) == 0) {
            return at;
        }
    }
    return -1;
}

/* Appends layer i, whose inputs are there. */
static advntk_status append(struct merger *m, const struct advntk_graph *graph, ptrdiff_t i,
                            struct advntk_error *err)
{
    struct advntk__layer layer = graph->nodes[i].layer;

    for (ptrdiff_t b = 0; b < layer.from_count; b++) {
        m->from[b] = m->at[layer.from[b]];
    }
    layer.from = m->from;
    m->at[i] = advntk__graph_append(m->merged, &layer);
    if (m->at[i] < 0) {
        if (err) {
            *err = m->merged->fault;
        }
        return m->merged->fault.status;
    }
    memcpy(m->digest[m->at[i]], m->own[i], DIGEST);
    return ADVNTK_OK;
}

static void count_readers(struct merger *m, const struct advntk_graph *graph)
{
    memset(m->readers, 0, (size_t)graph->count * sizeof(*m->readers));
    for (ptrdiff_t i = 0; i < graph->count; i++) {
        const struct advntk__layer *layer = &graph->nodes[i].layer;
        for (ptrdiff_t b = 0; b < layer->from_count; b++) {
            m->readers[layer->from[b]]++;
        }
    }
}

advntk_status advntk__graph_digests(const struct advntk_graph *graph, uint8_t (*digest)[DIGEST],
                                    double *flops, struct advntk_error *err)
{
    struct merger m = {.own = digest, .readers = calloc((size_t)graph->count, sizeof(*m.readers))};
    advntk_status rc = ADVNTK_OK;

    if (!m.readers) {
        FAIL(err, ENOMEM, "no memory for a graph of %td layers", graph->count);
    }
    count_readers(&m, graph);
    for (ptrdiff_t i = 0; i < graph->count; i++) {
        TRY(digest_layer(&m, graph, i, err));
        flops[i] = advntk__layer_flops(graph, i);
    }
out:
    free(m.readers);
    return rc;
}

static advntk_status add_network(struct merger *m, const struct advntk_graph *graph,
                                 struct advntk_error *err)
{
    const ptrdiff_t before = m->merged->count;
    ptrdiff_t hint = 0;
    advntk_status rc = ADVNTK_OK;

    count_readers(m, graph);
    for (ptrdiff_t i = 0; i < graph->count; i++) {
        const struct advntk__layer *layer = &graph->nodes[i].layer;
        bool shared = before > 0;
        for (ptrdiff_t b = 0; b < layer->from_count; b++) {
            shared = shared && m->at[layer->from[b]] < before;
        }
        TRY(digest_layer(m, graph, i, err));
        m->at[i] = shared ? find(m, i, before, hint) : -1;
        if (m->at[i] >= 0) {
            hint = m->at[i] + 1;
        } else {
            TRY(append(m, graph, i, err));
        }
    }
    m->merged->outputs[m->merged->output_count++] = m->at[graph->output];
out:
    return rc;
}

static void merger_release(struct merger *m)
{
    free(m->digest);
    free(m->own);
    free(m->at);
    free(m->readers);
    free(m->from);
    advntk__graph_free(m->merged);
}

advntk_status advntk__graph_merge(ptrdiff_t count, const struct advntk_graph *const *graphs,
                                  struct advntk_graph **merged, struct advntk_error *err)
{
    const struct advntk__shape *image = &graphs[0]->image;
    struct merger m = {0};
    ptrdiff_t layers = 0, most = 1, inputs = 1;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t g = 0; g < count; g++) {
        layers += graphs[g]->count;
        most = graphs[g]->count > most ? graphs[g]->count : most;
        for (ptrdiff_t i = 0; i < graphs[g]->count; i++) {
            ptrdiff_t its = graphs[g]->nodes[i].layer.from_count;
            inputs = its > inputs ? its : inputs;
        }
    }
    TRY(advntk__graph_new(image->height, image->width, image->channels, &m.merged, err));
    m.digest = calloc((size_t)layers, sizeof(*m.digest));
    m.own = calloc((size_t)most, sizeof(*m.own));
    m.at = calloc((size_t)most, sizeof(*m.at));
    m.readers = calloc((size_t)most, sizeof(*m.readers));
    m.from = calloc((size_t)inputs, sizeof(*m.from));
    m.merged->outputs = calloc((size_t)count, sizeof(*m.merged->outputs));
    if (!m.digest || !m.own || !m.at || !m.readers || !m.from || !m.merged->outputs) {
        FAIL(err, ENOMEM, "no memory for a graph of %td layers", layers);
    }
    for (ptrdiff_t g = 0; g < count; g++) {
        TRY(add_network(&m, graphs[g], err));
    }
    m.merged->output = m.merged->outputs[0];
    *merged = m.merged;
    m.merged = NULL;
out:
    merger_release(&m);
    return rc;
}
