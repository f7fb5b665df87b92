/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One thread and two give the same bits: Gram matrix (tiles and diagonal), panel and its
 * reverse, of every engine and of the kernels without a network, in both precisions.
 */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "linalg/gram.h"
#include "plugin.h"

enum { N = 700, ROWS = 30, M = 2, D_MAX = 4 * 4 * 2 };

static double x[N * D_MAX];

enum network { MLP, PIXEL, POSITION, NONE };

static struct advntk_graph *network(enum network which, const struct advntk_slot *relu,
                                    const struct advntk_slot *erf_slot)
{
    struct advntk_error err = {0};
    struct advntk_graph *g = NULL;
    struct advntk_affine w = {1.4, 0.3};
    struct advntk_window window = {{3, 3}, {1, 1}, ADVNTK_PADDING_SAME};
    ptrdiff_t side = which == POSITION ? 2 : 4, at;

    if (which == MLP) {
        return mlp_graph(4, 4, 2, 4, *relu);
    }
    must(advntk__graph_new(side, side, 2, &g, &err), &err);
    at = advntk_graph_conv(g, advntk_graph_input(g), window, w);
    at = advntk_graph_activation(g, at, *relu);
    at = advntk_graph_activation(g, advntk_graph_conv(g, at, window, w), *erf_slot);
    if (which == POSITION) {
        struct advntk_window all = {{side, side}, {1, 1}, ADVNTK_PADDING_VALID};
        at = advntk_graph_pool(g, at, ADVNTK_POOLING_AVERAGE, all);
    }
    at = advntk_graph_dense(g, advntk_graph_flatten(g, at), w);
    advntk_graph_output(g, at);
    must(advntk__graph_finish(g, &err), &err);
    return g;
}

/* What one number of threads gives; all of it as bytes. */
struct outcome {
    struct advntk_sym *gram;
    char *panel; /* ROWS,n */
    double *dx;  /* ROWS,M,d */
};

static void free_outcome(struct outcome *o)
{
    advntk__sym_free(o->gram);
    free(o->panel);
    free(o->dx);
}

static void run(int threads, const struct advntk_slot *kernel,
                const struct advntk_kernel_setup *setup, ptrdiff_t n, struct outcome *o)
{
    const struct advntk_kernel_ops *ops = kernel->plugin->ops;
    struct advntk_error err = {0};
    struct advntk_host *host = host_open(threads, -1);
    ptrdiff_t d = setup->height * setup->width * setup->channels;
    size_t real = setup->precision == ADVNTK_PRECISION_FLOAT32 ? sizeof(float) : sizeof(double);
    char *g = malloc((size_t)(M * ROWS * n) * real);
    void *state, *all, *few, *tape = NULL;

    o->panel = calloc((size_t)(ROWS * n), real);
    o->dx = calloc((size_t)(ROWS * M * d), sizeof(double));
    for (ptrdiff_t i = 0; i < M * ROWS * n; i++) {
        double value = sin((double)i);
        if (real == sizeof(float)) {
            ((float *)(void *)g)[i] = (float)value;
        } else {
            ((double *)(void *)g)[i] = value;
        }
    }
    must(ops->open(kernel->config, host, setup, &state, &err), &err);
    must(ops->points_new(state, n, &all, &err), &err);
    must(ops->points_put(state, all, 0, n, x, &err), &err);
    must(ops->points_new(state, ROWS, &few, &err), &err);
    must(ops->points_put(state, few, 0, ROWS, x + 7 * d, &err), &err);
    must(advntk__gram_compute(host, ops, state, all, n, setup->precision, NULL, false, &o->gram,
                              NULL, &err),
         &err);
    must(ops->panel(state, few, all, o->panel, &tape, &err), &err);
    must(ops->panel_vjp(state, tape, M, g, o->dx, &err), &err);
    ops->tape_free(state, tape);
    ops->points_free(state, few);
    ops->points_free(state, all);
    ops->close(state);
    host_close(host);
    free(g);
}

static bool same_matrix(struct advntk_sym *a, struct advntk_sym *b, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t j = 0; j <= i; j++) {
            double u = advntk__sym_entry(a, i, j), v = advntk__sym_entry(b, i, j);
            if (!(u <= v && v <= u)) {
                return false;
            }
        }
    }
    return true;
}

static void compare(const char *name, const struct advntk_slot *kernel,
                    const struct advntk_kernel_setup *setup, ptrdiff_t n)
{
    int bits = setup->precision == ADVNTK_PRECISION_FLOAT32 ? 32 : 64;
    ptrdiff_t d = setup->height * setup->width * setup->channels;
    struct outcome one = {0}, two = {0};

    run(1, kernel, setup, n, &one);
    run(2, kernel, setup, n, &two);
    ok(same_matrix(one.gram, two.gram, n), "%s, float%d: matrix", name, bits);
    ok(memcmp(one.panel, two.panel, (size_t)(ROWS * n * bits / 8)) == 0, "%s, float%d: panel", name,
       bits);
    ok(memcmp(one.dx, two.dx, (size_t)(ROWS * M * d) * sizeof(double)) == 0,
       "%s, float%d: gradient", name, bits);
    free_outcome(&two);
    free_outcome(&one);
}

int main(void)
{
    /* so many images that threads share tiles, panels and columns, and the last ones are odd */
    static const struct {
        const char *kernel;
        enum network network;
        ptrdiff_t side, n;
    } cases[] = {
        {"ntk", MLP, 4, N},        {"ntk", PIXEL, 4, N},    {"nngp", PIXEL, 4, N},
        {"ntk", POSITION, 2, 530}, {"laplace", NONE, 4, N}, {"gaussian_rbf", NONE, 4, N},
    };
    static const char *const names[] = {"mlp", "cnn", "cnn with pooling", "no network"};
    struct advntk_slot relu = slot_open("activation/relu"), erf_slot = slot_open("activation/erf");

    for (ptrdiff_t i = 0; i < N * D_MAX; i++) {
        x[i] = sin((double)(i * i % 7919)) + 0.2;
    }
    for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
        char identity[64], name[64];
        struct advntk_slot kernel;
        struct advntk_graph *graph = NULL;
        snprintf(identity, sizeof(identity), "kernel/%s", cases[c].kernel);
        snprintf(name, sizeof(name), "%s, %s", cases[c].kernel, names[cases[c].network]);
        kernel = slot_open(identity);
        if (cases[c].network != NONE) {
            graph = network(cases[c].network, &relu, &erf_slot);
        }
        for (int p = 0; p < 2; p++) {
            struct advntk_kernel_setup setup = {graph, cases[c].side, cases[c].side, 2,
                                                p ? ADVNTK_PRECISION_FLOAT64
                                                  : ADVNTK_PRECISION_FLOAT32};
            compare(name, &kernel, &setup, cases[c].n);
        }
        advntk__graph_free(graph);
        slot_close(&kernel);
    }
    slot_close(&relu);
    slot_close(&erf_slot);
    return done_testing();
}
