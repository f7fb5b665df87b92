/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gradients by the w_std and b_std of every layer of networks that mix pixels, or have layer norms,
 * products or activations by series, against differences of the same kernel's values, whose truth
 * are other tests (map_reference.h, oracle/kernels): every kind of pool, padding and stride, skips,
 * dropout, both parameterisations; images twice in the set, zeros.
 */
#include "config.h"
#include "tap.h"

#include "weights.h"

enum { N = 3, SIDE = 4, CHANNELS = 2, D = SIDE * SIDE * CHANNELS };
enum { GLOBAL, WINDOWS, NORMS, PRODUCT, RESIDUAL, FLAT, NETS };
static const char *const names[NETS] = {"global pool", "windows",  "layer norms",
                                        "product",     "residual", "dense, norm and product"};

static double x[N * D], g[N * N];
static const struct weights_images images = {N, SIDE, CHANNELS, x, g};

struct network {
    int net;
    bool standard;
    struct advntk_slot first, second;
};

/* A network on its way: where it is, its activations, and the weights of the layers to come. */
struct builder {
    struct advntk_graph *graph;
    ptrdiff_t at, layer, moved;
    double dw, db;
    struct advntk_slot first, second;
};

static struct advntk_affine next_weights(struct builder *b)
{
    static const struct advntk_affine w[] = {{1.4, 0.3}, {1.1, 0.2}, {0.8, 0.5}, {1.7, 0.1}};
    struct advntk_affine own = w[b->layer % 4];

    if (b->layer++ == b->moved) {
        own.w_std += b->dw;
        own.b_std += b->db;
    }
    return own;
}

static ptrdiff_t conv(struct builder *b, ptrdiff_t from, int side, int stride,
                      enum advntk_padding padding)
{
    struct advntk_window window = {{side, 3}, {stride, 1}, padding};
    return advntk_graph_conv(b->graph, from, window, next_weights(b));
}

/* The layers of one kind of network, up to the last dense one. */
static void add_layers(struct builder *b, int net)
{
    const enum advntk_padding same = ADVNTK_PADDING_SAME, circular = ADVNTK_PADDING_CIRCULAR;
    const struct advntk_window wide = {{3, 2}, {2, 1}, same}, small = {{2, 2}, {1, 1}, circular};
    struct advntk_graph *graph = b->graph;
    ptrdiff_t at = b->at, branch[2];

    if (net == GLOBAL) {
        at = advntk_graph_activation(graph, conv(b, at, 3, 1, same), b->first);
        at = advntk_graph_activation(graph, conv(b, at, 3, 1, same), b->second);
        at = advntk_graph_global_pool(graph, at, ADVNTK_POOLING_AVERAGE);
    } else if (net == WINDOWS) {
        at = advntk_graph_activation(graph, conv(b, at, 2, 1, ADVNTK_PADDING_VALID), b->first);
        at = advntk_graph_pool(graph, at, ADVNTK_POOLING_AVERAGE, wide);
        at = advntk_graph_activation(graph, conv(b, at, 3, 1, same), b->second);
        at = advntk_graph_pool(graph, at, ADVNTK_POOLING_SUM, small);
        at = advntk_graph_activation(graph, conv(b, at, 2, 1, circular), b->first);
    } else if (net == NORMS) {
        at = advntk_graph_layer_norm(graph, conv(b, at, 3, 1, same), false, 1e-3);
        at = conv(b, advntk_graph_activation(graph, at, b->first), 3, 2, circular);
        at = advntk_graph_activation(graph, advntk_graph_layer_norm(graph, at, true, 1e-3),
                                     b->second);
        at = advntk_graph_global_pool(graph, at, ADVNTK_POOLING_SUM);
    } else if (net == PRODUCT) {
        branch[0] = conv(b, at, 3, 1, same);
        branch[1] = advntk_graph_activation(graph, conv(b, at, 3, 1, same), b->first);
        at = conv(b, advntk_graph_product(graph, 2, branch), 3, 1, same);
        at = advntk_graph_dropout(graph, advntk_graph_activation(graph, at, b->second), 0.8);
    } else if (net == RESIDUAL) {
        branch[0] = conv(b, at, 3, 1, same);
        at = conv(b, advntk_graph_activation(graph, branch[0], b->first), 3, 1, same);
        branch[1] = conv(b, advntk_graph_activation(graph, at, b->second), 3, 1, same);
        at = advntk_graph_dropout(graph, advntk_graph_sum(graph, 2, branch), 0.5);
        at = advntk_graph_global_pool(graph, advntk_graph_activation(graph, at, b->first),
                                      ADVNTK_POOLING_AVERAGE);
    } else {
        at = advntk_graph_dense(graph, advntk_graph_flatten(graph, at), next_weights(b));
        branch[0] = advntk_graph_activation(graph, at, b->first);
        branch[0] = advntk_graph_dense(graph, branch[0], next_weights(b));
        branch[1] = advntk_graph_layer_norm(graph, at, false, 1e-3);
        branch[1] = advntk_graph_activation(graph, branch[1], b->second);
        at = advntk_graph_product(graph, 2, branch);
    }
    b->at = net == FLAT ? at : advntk_graph_flatten(graph, at);
}

static struct advntk_graph *build(const void *network, ptrdiff_t which, double dw, double db)
{
    const struct network *of = network;
    struct advntk_error err = {0};
    struct builder b = {
        .moved = which, .dw = dw, .db = db, .first = of->first, .second = of->second};

    must(advntk__graph_new(SIDE, SIDE, CHANNELS, &b.graph, &err), &err);
    if (of->standard) {
        advntk_graph_standard(b.graph, 64);
    }
    b.at = advntk_graph_input(b.graph);
    add_layers(&b, of->net);
    advntk_graph_output(b.graph, advntk_graph_dense(b.graph, b.at, next_weights(&b)));
    must(advntk__graph_finish(b.graph, &err), &err);
    return b.graph;
}

static double total(const struct weights_case *c, const struct advntk_graph *graph)
{
    struct advntk_error err = {0};
    struct advntk_host *host = host_open(1, -1);
    const struct advntk_kernel_ops *ops;
    void *state = weights_open(c, host, graph, ADVNTK_PRECISION_FLOAT64, &ops), *points;
    double k[N * N], sum = 0;

    must(ops->points_new(state, N, &points, &err), &err);
    must(ops->points_put(state, points, 0, N, x, &err), &err);
    must(ops->tile(state, points, 0, N, points, 0, N, false, k, N, host->arenas[0], &err), &err);
    for (ptrdiff_t i = 0; i < N * N; i++) {
        sum += g[i] * k[i];
    }
    ops->points_free(state, points);
    ops->close(state);
    host_close(host);
    return sum;
}

static void test_net(int net, bool tangent, bool standard, struct advntk_slot first,
                     struct advntk_slot second, double tolerance)
{
    static const ptrdiff_t layers[NETS] = {3, 4, 3, 4, 4, 3};
    struct network network = {net, standard, first, second};
    char name[120];
    struct weights_case c = {
        tangent ? "kernel/ntk" : "kernel/nngp", name, &images, build, &network, total, tolerance};

    snprintf(name, sizeof(name), "%s, %s and %s%s", names[net], first.plugin->name,
             second.plugin->name, standard ? ", standard" : "");
    weights_test(&c, layers[net]);
}

/* The sine by its Hermite series against its closed form. */
static void test_series(void)
{
    struct advntk_slot closed = slot_open("activation/sin"), series = closed;
    const struct advntk_activation_ops *own = closed.plugin->ops;
    struct advntk_activation_ops ops = {.variance_max = HUGE_VAL, .phi = own->phi};
    struct advntk_plugin plugin = *closed.plugin;

    plugin.ops = &ops;
    series.plugin = &plugin;
    for (int net = 0; net < NETS; net++) {
        struct network networks[2] = {{net, false, closed, closed}, {net, false, series, series}};
        double d_w[2][WEIGHTS_LAYERS_MAX], d_b[2][WEIGHTS_LAYERS_MAX], worst = 0, scale = 0;
        ptrdiff_t count = 0;
        for (int s = 0; s < 2; s++) {
            struct weights_case c = {"kernel/ntk", "", &images, build, &networks[s], total, 0};
            struct advntk_graph *graph = build(&networks[s], -1, 0, 0);
            weights_get(&c, 1, graph, ADVNTK_PRECISION_FLOAT64, d_w[s], d_b[s]);
            count = advntk__graph_count(graph);
            advntk__graph_free(graph);
        }
        for (ptrdiff_t i = 0; i < count; i++) {
            double gap = fmax(fabs(d_w[0][i] - d_w[1][i]), fabs(d_b[0][i] - d_b[1][i]));
            worst = gap <= worst ? worst : gap; /* NaN too */
            scale = fmax(scale, fmax(fabs(d_w[0][i]), fabs(d_b[0][i])));
        }
        /* hermite.h: series from the table are right to about 1e-10 */
        ok(worst <= 1e-8 * scale && scale > 0, "%s: the sine by its series (%.2g)", names[net],
           worst / scale);
    }
    slot_close(&closed);
}

int main(void)
{
    /* five-point differences: rounding 1e-15/h, of values up to 100 times the derivative. With
     * kinks, E phi' phi' at images that coincide is off by the root of eps: 1e-8/h of a part of the
     * sum (with images that differ, 3e-9 of it). */
    static const double exact = 1e-9, kinked = 2e-6;
    struct advntk_slot relu = slot_open("activation/relu"), erf_slot = slot_open("activation/erf");
    struct advntk_slot tanh_slot = slot_open("activation/tanh"),
                       abs_slot = slot_open("activation/abs");

    for (ptrdiff_t i = 0; i < N * D; i++) {
        x[i] = sin((double)(i * i % 7919)) + 0.2;
    }
    memset(x, 0, D / 2 * sizeof(*x));             /* half an image of zeros */
    memcpy(x + 2 * D, x + 1 * D, D * sizeof(*x)); /* twice the same image */
    for (ptrdiff_t i = 0; i < N; i++) {
        for (ptrdiff_t j = 0; j <= i; j++) {
            g[i * N + j] = g[j * N + i] = i == 2 && j == 0 ? 0 : cos((double)(3 * i + 5 * j));
        }
    }
    for (int net = 0; net < NETS; net++) {
        test_net(net, false, false, relu, tanh_slot, exact);
        test_net(net, false, true, tanh_slot, abs_slot, exact);
        test_net(net, true, net % 2 == 0, erf_slot, tanh_slot, exact);
        test_net(net, true, false, relu, erf_slot, kinked);
        test_net(net, true, true, abs_slot, tanh_slot, kinked);
    }
    test_series();
    slot_close(&relu);
    slot_close(&erf_slot);
    slot_close(&tanh_slot);
    slot_close(&abs_slot);
    return done_testing();
}
