/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gradients of a kernel matrix by the w_std and b_std of every layer against differences, layer by
 * layer, for tests that say which networks and whose values the differences are of. */
#ifndef TESTS_WEIGHTS_H
#define TESTS_WEIGHTS_H

#include "engine.h"
#include "plugin.h"
#include "tap.h"

#include <advntk/kernel.h>

enum { WEIGHTS_LAYERS_MAX = 40 };

/* n images of side x side x channels and the symmetric matrix g (n,n). */
struct weights_images {
    ptrdiff_t n, side, channels;
    const double *x, *g;
};

struct weights_case {
    const char *kernel, *name;
    const struct weights_images *images;
    /* The network, with weights of its own for each of its layers; of layer `which` (counted from 0
     * among those that have weights; -1: none) they are moved by (dw, db). */
    struct advntk_graph *(*build)(const void *network, ptrdiff_t which, double dw, double db);
    const void *network;
    /* sum g_ij k(x_i, x_j) */
    double (*total)(const struct weights_case *c, const struct advntk_graph *graph);
    double tolerance; /* relative to the largest derivative */
};

__attribute__((unused)) static void *weights_open(const struct weights_case *c,
                                                  struct advntk_host *host,
                                                  const struct advntk_graph *graph,
                                                  enum advntk_precision precision,
                                                  const struct advntk_kernel_ops **ops)
{
    struct advntk_error err = {0};
    struct advntk_slot slot = slot_open(c->kernel);
    const struct weights_images *images = c->images;
    struct advntk_kernel_setup setup = {graph, images->side, images->side, images->channels,
                                        precision};
    void *state;

    *ops = slot.plugin->ops;
    must((*ops)->open(slot.config, host, &setup, &state, &err), &err);
    slot_close(&slot);
    return state;
}

static void weights_get(const struct weights_case *c, int threads, const struct advntk_graph *graph,
                        enum advntk_precision precision, double *d_w, double *d_b)
{
    struct advntk_error err = {0};
    struct advntk_host *host = host_open(threads, -1);
    const struct advntk_kernel_ops *ops;
    void *state = weights_open(c, host, graph, precision, &ops);

    must(ops->weights(state, c->images->n, c->images->x, c->images->g, d_w, d_b, &err), &err);
    ops->close(state);
    host_close(host);
}

/* Five-point difference of the total by the layer's w_std or b_std. */
static double weights_difference(const struct weights_case *c, ptrdiff_t which, bool by_b)
{
    static const double h = 1e-4, offset[4] = {-2, -1, 1, 2};
    double f[4];

    for (int s = 0; s < 4; s++) {
        double step = h * offset[s];
        struct advntk_graph *moved = c->build(c->network, which, by_b ? 0 : step, by_b ? step : 0);
        f[s] = c->total(c, moved);
        advntk__graph_free(moved);
    }
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
}

/* layers: how many have weights. */
__attribute__((unused)) static void weights_test(const struct weights_case *c, ptrdiff_t layers)
{
    struct advntk_graph *graph = c->build(c->network, -1, 0, 0);
    double d_w[WEIGHTS_LAYERS_MAX], d_b[WEIGHTS_LAYERS_MAX];
    double again_w[WEIGHTS_LAYERS_MAX], again_b[WEIGHTS_LAYERS_MAX];
    double worst = 0, scale = 0, elsewhere = 0;
    ptrdiff_t count = advntk__graph_count(graph), which = 0;
    size_t bytes = (size_t)count * sizeof(*d_w);

    weights_get(c, 1, graph, ADVNTK_PRECISION_FLOAT64, d_w, d_b);
    weights_get(c, 2, graph, ADVNTK_PRECISION_FLOAT32, again_w, again_b);
    ok(memcmp(d_w, again_w, bytes) == 0 && memcmp(d_b, again_b, bytes) == 0,
       "%s, %s: two threads and a float32 engine give the same bits", c->kernel, c->name);
    for (ptrdiff_t i = 0; i < count; i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        double by_w, by_b;
        if (layer->kind != ADVNTK__LAYER_CONV && layer->kind != ADVNTK__LAYER_DENSE) {
            elsewhere = fmax(elsewhere, fabs(d_w[i]) + fabs(d_b[i]));
            continue;
        }
        by_w = weights_difference(c, which, false);
        by_b = weights_difference(c, which, true);
        worst = fmax(worst, fmax(fabs(by_w - d_w[i]), fabs(by_b - d_b[i])));
        worst = isnan(d_w[i] + d_b[i]) ? (double)INFINITY : worst;
        scale = fmax(scale, fmax(fabs(by_w), fabs(by_b)));
        which++;
    }
    ok(which == layers, "%s, %s: %td layers of weights", c->kernel, c->name, layers);
    ok(worst <= c->tolerance * scale, "%s, %s: differences (%.2g)", c->kernel, c->name,
       worst / scale);
    ok(elsewhere <= 0, "%s, %s: nothing for layers without weights", c->kernel, c->name);
    advntk__graph_free(graph);
}

#endif
