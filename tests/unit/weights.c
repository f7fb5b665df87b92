/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gradients of a kernel matrix by the w_std and b_std of every layer against differences of the
 * plain twin (map_reference.h), layer by layer: dense networks, convolutions with strides and every
 * padding, blocks, the standard parameterisation, activations with and without kinks; images twice
 * in the set; the same bits for any number of threads; refusals.
 */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "map_reference.h"
#include "plugin.h"

#include <advntk/kernel.h>

enum { N = 3, SIDE = 3, CHANNELS = 2, D = SIDE * SIDE * CHANNELS, LAYERS_MAX = 24 };
enum { DENSE, PLAIN, STRIDED, BLOCKS, STANDARD, NETS };
static const char *const names[NETS] = {"dense", "convolutions", "strides", "blocks", "standard"};

static double x[N * D], g[N * N];

static ptrdiff_t conv(struct advntk_graph *graph, ptrdiff_t at, int side, int stride,
                      enum advntk_padding padding, struct advntk_affine w)
{
    struct advntk_window window = {{side, 3}, {stride, 1}, padding};
    return advntk_graph_conv(graph, at, window, w);
}

/* Layers have weights of their own; layer `which` has them moved by (dw, db). */
static struct advntk_graph *build(int net, struct advntk_slot bend, struct advntk_slot smooth,
                                  ptrdiff_t which, double dw, double db)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = NULL;
    struct advntk_affine w[4] = {{1.4, 0.3}, {1.1, 0.2}, {0.8, 0.5}, {1.7, 0.1}};
    ptrdiff_t at, branch[2];

    must(advntk__graph_new(SIDE, SIDE, CHANNELS, &graph, &err), &err);
    if (which >= 0) {
        w[which].w_std += dw;
        w[which].b_std += db;
    }
    if (net == STANDARD) {
        advntk_graph_standard(graph, 64);
    }
    at = advntk_graph_input(graph);
    if (net == DENSE) {
        at = advntk_graph_dense(graph, advntk_graph_flatten(graph, at), w[0]);
        branch[0] = at = advntk_graph_activation(graph, at, bend);
        branch[0] = advntk_graph_dense(graph, at, w[1]);
        branch[1] = advntk_graph_dense(graph, at, w[2]);
        at = advntk_graph_activation(graph, advntk_graph_sum(graph, 2, branch), smooth);
    } else if (net == BLOCKS) {
        branch[0] = conv(graph, at, 3, 1, ADVNTK_PADDING_SAME, w[0]);
        at = conv(graph, advntk_graph_activation(graph, branch[0], bend), 3, 1, ADVNTK_PADDING_SAME,
                  w[1]);
        branch[1] = conv(graph, advntk_graph_activation(graph, at, smooth), 3, 1,
                         ADVNTK_PADDING_SAME, w[2]);
        at = advntk_graph_activation(graph, advntk_graph_sum(graph, 2, branch), bend);
        at = advntk_graph_flatten(graph, at);
    } else {
        bool strided = net == STRIDED;
        at = conv(graph, at, 3, 1, ADVNTK_PADDING_SAME, w[0]);
        at = conv(graph, advntk_graph_activation(graph, at, bend), 3, strided ? 2 : 1,
                  strided ? ADVNTK_PADDING_CIRCULAR : ADVNTK_PADDING_SAME, w[1]);
        at = conv(graph, advntk_graph_activation(graph, at, bend), strided ? 1 : 2, 1,
                  strided ? ADVNTK_PADDING_VALID : ADVNTK_PADDING_SAME, w[2]);
        at = advntk_graph_flatten(graph, advntk_graph_activation(graph, at, smooth));
    }
    advntk_graph_output(graph, advntk_graph_dense(graph, at, w[3]));
    must(advntk__graph_finish(graph, &err), &err);
    return graph;
}

/* sum g_ij k(x_i, x_j) of the twin */
static double total(const struct advntk_graph *graph, bool tangent)
{
    double sum = 0, value[2], own;

    for (ptrdiff_t i = 0; i < N; i++) {
        for (ptrdiff_t j = 0; j <= i; j++) {
            map_kernel(graph, x + i * D, x + j * D, value, &own);
            sum += (i == j ? 1 : 2) * g[i * N + j] * value[tangent];
        }
    }
    return sum;
}

static void weights(int threads, const char *kernel, const struct advntk_graph *graph,
                    enum advntk_precision precision, double *d_w, double *d_b)
{
    struct advntk_error err = {0};
    struct advntk_host *host = host_open(threads, -1);
    struct advntk_slot slot = slot_open(kernel);
    const struct advntk_kernel_ops *ops = slot.plugin->ops;
    struct advntk_kernel_setup setup = {graph, SIDE, SIDE, CHANNELS, precision};
    void *state;

    must(ops->open(slot.config, host, &setup, &state, &err), &err);
    must(ops->weights(state, N, x, g, d_w, d_b, &err), &err);
    ops->close(state);
    slot_close(&slot);
    host_close(host);
}

static void test_net(int net, bool tangent, struct advntk_slot bend, struct advntk_slot smooth,
                     const char *activation)
{
    static const double h = 1e-4;
    const char *kernel = tangent ? "kernel/ntk" : "kernel/nngp";
    struct advntk_graph *graph = build(net, bend, smooth, -1, 0, 0);
    double d_w[LAYERS_MAX], d_b[LAYERS_MAX], again_w[LAYERS_MAX], again_b[LAYERS_MAX];
    double worst = 0, scale = 0, elsewhere = 0;
    ptrdiff_t count = advntk__graph_count(graph), which = 0;
    size_t bytes = (size_t)count * sizeof(*d_w);

    weights(1, kernel, graph, ADVNTK_PRECISION_FLOAT64, d_w, d_b);
    weights(2, kernel, graph, ADVNTK_PRECISION_FLOAT32, again_w, again_b);
    ok(memcmp(d_w, again_w, bytes) == 0 && memcmp(d_b, again_b, bytes) == 0,
       "%s, %s, %s: two threads and a float32 engine give the same bits", kernel, names[net],
       activation);
    for (ptrdiff_t i = 0; i < count; i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        double fd[2];
        if (layer->kind != ADVNTK__LAYER_CONV && layer->kind != ADVNTK__LAYER_DENSE) {
            elsewhere = fmax(elsewhere, fabs(d_w[i]) + fabs(d_b[i]));
            continue;
        }
        for (int by_b = 0; by_b < 2; by_b++) {
            static const double offset[4] = {-2, -1, 1, 2};
            double f[4];
            for (int s = 0; s < 4; s++) {
                struct advntk_graph *moved = build(
                    net, bend, smooth, which, by_b ? 0 : h * offset[s], by_b ? h * offset[s] : 0);
                f[s] = total(moved, tangent);
                advntk__graph_free(moved);
            }
            fd[by_b] = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
        }
        worst = fmax(worst, fmax(fabs(fd[0] - d_w[i]), fabs(fd[1] - d_b[i])));
        worst = isnan(d_w[i] + d_b[i]) ? (double)INFINITY : worst;
        scale = fmax(scale, fmax(fabs(fd[0]), fabs(fd[1])));
        which++;
    }
    ok(which == 4, "%s, %s, %s: four layers of weights", kernel, names[net], activation);
    /* five-point differences: rounding 1e-15/h; at images that coincide the twin's acos is off by
     * the root of eps, 1e-8/h of a part of the sum */
    ok(worst <= 2e-6 * scale, "%s, %s, %s: differences (%.2g)", kernel, names[net], activation,
       worst / scale);
    ok(elsewhere <= 0, "%s, %s, %s: nothing for layers without weights", kernel, names[net],
       activation);
    advntk__graph_free(graph);
}

static void test_refusals(struct advntk_slot relu)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = NULL;
    struct advntk_host *host = host_open(1, -1);
    struct advntk_slot ntk = slot_open("kernel/ntk"), laplace = slot_open("kernel/laplace");
    const struct advntk_kernel_ops *ops = ntk.plugin->ops, *other = laplace.plugin->ops;
    struct advntk_kernel_setup setup = {NULL, SIDE, SIDE, CHANNELS, ADVNTK_PRECISION_FLOAT64};
    struct advntk_window all = {{SIDE, SIDE}, {1, 1}, ADVNTK_PADDING_VALID};
    double d_w[LAYERS_MAX], d_b[LAYERS_MAX];
    ptrdiff_t at;
    void *state;

    must(advntk__graph_new(SIDE, SIDE, CHANNELS, &graph, &err), &err);
    at = conv(graph, advntk_graph_input(graph), 3, 1, ADVNTK_PADDING_SAME,
              (struct advntk_affine){1, 0});
    at = advntk_graph_pool(graph, advntk_graph_activation(graph, at, relu), ADVNTK_POOLING_AVERAGE,
                           all);
    at = advntk_graph_dense(graph, advntk_graph_flatten(graph, at), (struct advntk_affine){1, 0});
    advntk_graph_output(graph, at);
    must(advntk__graph_finish(graph, &err), &err);
    setup.graph = graph;
    must(ops->open(ntk.config, host, &setup, &state, &err), &err);
    ok(ops->weights(state, N, x, g, d_w, d_b, &err) == ADVNTK_EUNSUPPORTED &&
           strstr(err.text, "pools"),
       "a pool is refused: %s", err.text);
    ok(!other->weights, "kernels without a network have none");
    ops->close(state);
    advntk__graph_free(graph);
    slot_close(&ntk);
    slot_close(&laplace);
    host_close(host);
}

int main(void)
{
    struct advntk_slot relu = slot_open("activation/relu"), erf_slot = slot_open("activation/erf");
    struct advntk_slot gelu = slot_open("activation/gelu");

    for (ptrdiff_t i = 0; i < N * D; i++) {
        x[i] = sin((double)(i * i % 7919)) + 0.2;
    }
    memcpy(x + 2 * D, x + 1 * D, D * sizeof(*x)); /* twice the same image */
    for (ptrdiff_t i = 0; i < N; i++) {
        for (ptrdiff_t j = 0; j <= i; j++) {
            g[i * N + j] = g[j * N + i] = i == 2 && j == 0 ? 0 : cos((double)(3 * i + 5 * j));
        }
    }
    for (int net = 0; net < NETS; net++) {
        test_net(net, true, relu, erf_slot, "relu and erf");
        test_net(net, net == BLOCKS, gelu, relu, "gelu and relu");
    }
    test_refusals(relu);
    slot_close(&relu);
    slot_close(&erf_slot);
    slot_close(&gelu);
    return done_testing();
}
