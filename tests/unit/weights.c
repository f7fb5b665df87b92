/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gradients of a kernel matrix by the w_std and b_std of every layer against differences of the
 * plain twin (map_reference.h), layer by layer: dense networks, convolutions with strides and every
 * padding, blocks, the standard parameterisation, activations with and without kinks; images twice
 * in the set; the same bits for any number of threads; refusals.
 */
#include "config.h"
#include "tap.h"

#include "map_reference.h"
#include "weights.h"

enum { N = 3, SIDE = 3, CHANNELS = 2, D = SIDE * SIDE * CHANNELS };
enum { DENSE, PLAIN, STRIDED, BLOCKS, STANDARD, NETS };
static const char *const names[NETS] = {"dense", "convolutions", "strides", "blocks", "standard"};

static double x[N * D], g[N * N];
static const struct weights_images images = {N, SIDE, CHANNELS, x, g};

struct network {
    int net;
    struct advntk_slot bend, smooth;
};

static ptrdiff_t conv(struct advntk_graph *graph, ptrdiff_t at, int side, int stride,
                      enum advntk_padding padding, struct advntk_affine w)
{
    struct advntk_window window = {{side, 3}, {stride, 1}, padding};
    return advntk_graph_conv(graph, at, window, w);
}

static struct advntk_graph *build(const void *network, ptrdiff_t which, double dw, double db)
{
    const struct network *of = network;
    const struct advntk_slot bend = of->bend, smooth = of->smooth;
    const int net = of->net;
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
static double total(const struct weights_case *c, const struct advntk_graph *graph)
{
    bool tangent = strcmp(c->kernel, "kernel/ntk") == 0;
    double sum = 0, value[2], own;

    for (ptrdiff_t i = 0; i < N; i++) {
        for (ptrdiff_t j = 0; j <= i; j++) {
            map_kernel(graph, x + i * D, x + j * D, value, &own);
            sum += (i == j ? 1 : 2) * g[i * N + j] * value[tangent];
        }
    }
    return sum;
}

static void test_net(int net, bool tangent, struct advntk_slot bend, struct advntk_slot smooth,
                     const char *activations)
{
    struct network network = {net, bend, smooth};
    char name[80];
    /* five-point differences: rounding 1e-15/h; at images that coincide the twin's acos is off by
     * the root of eps, 1e-8/h of a part of the sum */
    struct weights_case c = {
        tangent ? "kernel/ntk" : "kernel/nngp", name, &images, build, &network, total, 2e-6};

    snprintf(name, sizeof(name), "%s, %s", names[net], activations);
    weights_test(&c, 4);
}

static void test_refusals(struct advntk_slot relu)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = NULL;
    struct advntk_host *host = host_open(1, -1);
    struct advntk_slot ntk = slot_open("kernel/ntk"), laplace = slot_open("kernel/laplace");
    const struct advntk_kernel_ops *ops = ntk.plugin->ops, *other = laplace.plugin->ops;
    struct advntk_kernel_setup setup = {NULL, SIDE, SIDE, CHANNELS, ADVNTK_PRECISION_FLOAT64};
    double d_w[WEIGHTS_LAYERS_MAX], d_b[WEIGHTS_LAYERS_MAX];
    ptrdiff_t at;
    void *state;

    must(advntk__graph_new(SIDE, SIDE, CHANNELS, &graph, &err), &err);
    at = conv(graph, advntk_graph_input(graph), 3, 1, ADVNTK_PADDING_SAME,
              (struct advntk_affine){0, 1});
    at = advntk_graph_flatten(graph, advntk_graph_activation(graph, at, relu));
    at = advntk_graph_dense(graph, at, (struct advntk_affine){1, 0});
    advntk_graph_output(graph, at);
    must(advntk__graph_finish(graph, &err), &err);
    setup.graph = graph;
    must(ops->open(ntk.config, host, &setup, &state, &err), &err);
    ok(ops->weights(state, N, x, g, d_w, d_b, &err) == ADVNTK_EUNSUPPORTED &&
           strstr(err.text, "layer 1 (conv): w_std is 0"),
       "a layer without weights is refused: %s", err.text);
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
