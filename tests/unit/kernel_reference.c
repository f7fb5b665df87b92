/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tiles and panels of the kernel engine against the plain twin, on odd sizes; same bits for any
 * number of threads; positive semi-definite matrices. */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "plugin.h"
#include "reference.h"

#include <float.h>
#include <gsl/gsl_eigen.h>

enum { N = 700, D = 13, ROWS = 5 };

static double x[N * D], want[N * N], got[N * N];
static char raw[N * N * sizeof(double)];

/* flatten, dense, residual {main: erf, dense, leaky relu, dense}, relu, dense */
static struct advntk_graph *residual(struct advntk_slot relu, struct advntk_slot erf_slot,
                                     struct advntk_slot leaky)
{
    struct advntk_error err = {0};
    struct advntk_graph *g = NULL;
    struct advntk_affine w = {1.3, 0.4}, narrow = {0.7, 0};
    ptrdiff_t branch[2], at;

    must(advntk__graph_new(1, 1, D, &g, &err), &err);
    branch[0] = advntk_graph_dense(g, advntk_graph_flatten(g, advntk_graph_input(g)), w);
    at = advntk_graph_dense(g, advntk_graph_activation(g, branch[0], erf_slot), narrow);
    branch[1] = advntk_graph_dense(g, advntk_graph_activation(g, at, leaky), w);
    at = advntk_graph_activation(g, advntk_graph_sum(g, 2, branch), relu);
    advntk_graph_output(g, advntk_graph_dense(g, at, w));
    must(advntk__graph_finish(g, &err), &err);
    return g;
}

static void *points_of(const struct advntk_kernel_ops *ops, void *state, ptrdiff_t n)
{
    struct advntk_error err = {0};
    void *points;
    must(ops->points_new(state, n, &points, &err), &err);
    must(ops->points_put(state, points, 0, n, x, &err), &err);
    return points;
}

/* float64: a few eps each layer, times 1/h of the angle's derivative. float32: the same, where
 * correlations of 1 - 2^-24 are angles of 3e-4; these random images stay away from 1. */
static double tolerance(enum advntk_precision precision)
{
    return precision == ADVNTK_PRECISION_FLOAT32 ? 4e-6 : 1e-14;
}

static void test_tiles(struct advntk_host *host, const struct advntk_kernel_ops *ops,
                       const struct advntk_graph *graph, bool tangent,
                       enum advntk_precision precision, const char *name)
{
    static const ptrdiff_t sizes[] = {1, 7, 130, 513, N};
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {graph, 1, 1, D, precision};
    void *state;
    char text[128];

    must(ops->open(NULL, host, &setup, &state, &err), &err);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        ptrdiff_t n = sizes[s], rows = n < ROWS ? n : ROWS;
        void *all = points_of(ops, state, n), *few = points_of(ops, state, rows);
        ref_gram(graph, tangent, n, n, D, x, x, want);
        for (int lower = 0; lower <= 1; lower++) {
            must(ops->tile(state, all, 0, n, all, 0, n, lower, raw, n, host->arenas[0], &err),
                 &err);
            widen(n * n, raw, precision, got);
            for (ptrdiff_t i = 0; lower && i < n; i++) {
                memcpy(got + i * n + i + 1, want + i * n + i + 1,
                       (size_t)(n - i - 1) * sizeof(*got));
            }
            snprintf(text, sizeof(text), "%s, %td images, %s tile", name, n,
                     lower ? "lower" : "full");
            is_close(n * n, got, want, tolerance(precision), text);
        }
        /* a part in the middle of the matrix, across its diagonal */
        must(ops->tile(state, all, n / 2, n - n / 2, all, n / 3, n - n / 3, false, raw, N,
                       host->arenas[0], &err),
             &err);
        widen(N * (n - n / 2), raw, precision, got);
        for (ptrdiff_t i = 0; i < n - n / 2; i++) {
            memmove(got + i * (n - n / 3), got + i * N, (size_t)(n - n / 3) * sizeof(*got));
            memmove(want + i * (n - n / 3), want + (n / 2 + i) * n + n / 3,
                    (size_t)(n - n / 3) * sizeof(*got));
        }
        snprintf(text, sizeof(text), "%s, %td images, part of the matrix", name, n);
        is_close((n - n / 2) * (n - n / 3), got, want, tolerance(precision), text);
        ops->points_free(state, few);
        ops->points_free(state, all);
    }
    ops->close(state);
}

/* Panels have no diagonal of their own: images differ from those of the set here. */
static void test_panels(struct advntk_host *host, const struct advntk_kernel_ops *ops,
                        const struct advntk_graph *graph, bool tangent,
                        enum advntk_precision precision, const char *name)
{
    static const ptrdiff_t sizes[] = {1, 7, 128};
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {graph, 1, 1, D, precision};
    void *state, *all;
    char text[128];

    must(ops->open(NULL, host, &setup, &state, &err), &err);
    all = points_of(ops, state, N);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        ptrdiff_t n = sizes[s];
        static double moved[128 * D];
        void *few;
        for (ptrdiff_t i = 0; i < n * D; i++) {
            moved[i] = 0.8 * x[i] + 0.3 * x[i + 128 * D];
        }
        must(ops->points_new(state, n, &few, &err), &err);
        must(ops->points_put(state, few, 0, n, moved, &err), &err);
        must(ops->panel(state, few, all, raw, NULL, &err), &err);
        widen(n * N, raw, precision, got);
        ref_gram(graph, tangent, n, N, D, moved, x, want);
        snprintf(text, sizeof(text), "%s, panel of %td images", name, n);
        is_close(n * N, got, want, tolerance(precision), text);
        memcpy(want, got, sizeof(*got) * (size_t)(n * N));
        must(ops->tile(state, few, 0, n, all, 0, N, false, raw, N, host->arenas[0], &err), &err);
        widen(n * N, raw, precision, got);
        snprintf(text, sizeof(text), "%s, panel and tile of %td images", name, n);
        is_close(n * N, got, want, tolerance(precision), text);
        ops->points_free(state, few);
    }
    ops->points_free(state, all);
    ops->close(state);
}

struct outcome {
    char k[128 * N * sizeof(double)];
    double dx[128 * D];
};

static void panel_on(int threads, const struct advntk_kernel_ops *ops,
                     const struct advntk_graph *graph, enum advntk_precision precision,
                     struct outcome *out)
{
    struct advntk_error err = {0};
    struct advntk_host *host = host_open(threads, -1);
    struct advntk_kernel_setup setup = {graph, 1, 1, D, precision};
    void *state, *all, *few, *tape;

    memset(out, 0, sizeof(*out));
    must(ops->open(NULL, host, &setup, &state, &err), &err);
    all = points_of(ops, state, N);
    few = points_of(ops, state, 128);
    must(ops->panel(state, few, all, out->k, &tape, &err), &err);
    must(ops->panel_vjp(state, tape, 1, out->k, out->dx, &err), &err);
    ops->tape_free(state, tape);
    ops->points_free(state, few);
    ops->points_free(state, all);
    ops->close(state);
    host_close(host);
}

static void test_threads(const struct advntk_kernel_ops *ops, const struct advntk_graph *graph,
                         enum advntk_precision precision, const char *name)
{
    static struct outcome one, two;
    panel_on(1, ops, graph, precision, &one);
    panel_on(2, ops, graph, precision, &two);
    ok(memcmp(one.k, two.k, sizeof(one.k)) == 0, "%s: same panel with 1 and 2 threads", name);
    ok(memcmp(one.dx, two.dx, sizeof(one.dx)) == 0, "%s: same gradient with 1 and 2 threads", name);
}

/* The smallest eigenvalue is not below 0 by more than rounding: n eps times the mean of the
 * diagonal, with images that nearly coincide among the others. */
static void test_definite(struct advntk_host *host, const struct advntk_kernel_ops *ops,
                          const struct advntk_graph *graph, const char *name)
{
    enum { SIZE = 130 };
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {graph, 1, 1, D, ADVNTK_PRECISION_FLOAT64};
    gsl_eigen_symm_workspace *w = gsl_eigen_symm_alloc(SIZE);
    gsl_matrix *k = gsl_matrix_alloc(SIZE, SIZE);
    gsl_vector *values = gsl_vector_alloc(SIZE);
    double trace = 0, smallest;
    void *state, *all;

    must(ops->open(NULL, host, &setup, &state, &err), &err);
    all = points_of(ops, state, SIZE);
    must(ops->tile(state, all, 0, SIZE, all, 0, SIZE, false, k->data, SIZE, host->arenas[0], &err),
         &err);
    for (size_t i = 0; i < SIZE; i++) {
        trace += gsl_matrix_get(k, i, i);
    }
    gsl_eigen_symm(k, values, w);
    smallest = gsl_vector_min(values);
    ok(smallest >= -DBL_EPSILON * SIZE * trace / SIZE, "%s: smallest eigenvalue %.3g of trace %.3g",
       name, smallest, trace);
    ops->points_free(state, all);
    ops->close(state);
    gsl_eigen_symm_free(w);
    gsl_matrix_free(k);
    gsl_vector_free(values);
}

static struct advntk_graph *two_layers(struct advntk_slot activation)
{
    struct advntk_error err = {0};
    struct advntk_graph *g = NULL;
    struct advntk_affine w = {1.5, 0};
    ptrdiff_t at;

    must(advntk__graph_new(1, 1, D, &g, &err), &err);
    at = advntk_graph_dense(g, advntk_graph_flatten(g, advntk_graph_input(g)), w);
    at = advntk_graph_activation(g, at, activation);
    advntk_graph_output(g, advntk_graph_dense(g, at, w));
    must(advntk__graph_finish(g, &err), &err);
    return g;
}

/* gradient of the sum of k^2/2 of one image against the others, and the values */
static void one_row(struct advntk_host *host, const struct advntk_kernel_ops *ops,
                    const struct advntk_graph *graph, ptrdiff_t n, double *k, double *dx)
{
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {graph, 1, 1, D, ADVNTK_PRECISION_FLOAT64};
    void *state, *all, *one, *tape;

    must(ops->open(NULL, host, &setup, &state, &err), &err);
    all = points_of(ops, state, n);
    must(ops->points_new(state, 1, &one, &err), &err);
    must(ops->points_put(state, one, 0, 1, x + n * D, &err), &err);
    must(ops->panel(state, one, all, k, &tape, &err), &err);
    must(ops->panel_vjp(state, tape, 1, k, dx, &err), &err);
    ops->tape_free(state, tape);
    ops->points_free(state, all);
    ops->points_free(state, one);
    ops->close(state);
}

/*
 * relu without its closed forms: the Hermite series, whose integrals are split at its kink, at
 * images of very different size. What 128 terms leave out of a correlation of 0.8 is 0.8^128 =
 * 4e-13; the random images here stay below.
 */
static void test_series(struct advntk_host *host, struct advntk_slot relu)
{
    enum { SIZE = 30 };
    const struct advntk_activation_ops *closed = relu.plugin->ops;
    struct advntk_activation_ops ops = {.variance_max = HUGE_VAL,
                                        .phi = closed->phi,
                                        .kinks = closed->kinks,
                                        .kink_count = closed->kink_count};
    struct advntk_plugin plugin = {.kind = ADVNTK_KIND_ACTIVATION, .name = "series", .ops = &ops};
    struct advntk_slot series = {.plugin = &plugin};
    struct advntk_graph *graphs[2] = {two_layers(relu), two_layers(series)};
    const struct advntk_kernel_ops *kernel = plugin_open("kernel/ntk")->ops;
    double k[2][SIZE], dx[2][D];

    for (double scale = 1e-4; scale < 1e5; scale *= 1e4) {
        char name[64];
        for (int i = 0; i < D; i++) {
            x[SIZE * D + i] = scale * x[(SIZE + 1) * D + i];
        }
        for (int g = 0; g < 2; g++) {
            one_row(host, kernel, graphs[g], SIZE, k[g], dx[g]);
        }
        snprintf(name, sizeof(name), "Hermite series of relu, an image of size %g", scale);
        is_close(SIZE, k[1], k[0], 1e-10, name);
        is_close(D, dx[1], dx[0], 1e-9, "and its gradient");
    }
    memset(x + (ptrdiff_t)SIZE * D, 0, D * sizeof(*x));
    one_row(host, kernel, graphs[1], SIZE, k[1], dx[1]);
    memset(k[0], 0, sizeof(k[0]));
    is_close(SIZE, k[1], k[0], 0, "a black image has nothing in common with any");
    ok(isfinite(dx[1][0]) && isfinite(dx[1][D - 1]), "and a finite gradient");
    advntk__graph_free(graphs[0]);
    advntk__graph_free(graphs[1]);
}

int main(void)
{
    struct advntk_host *host = host_open(1, -1);
    struct advntk_slot relu = slot_open("activation/relu"), erf_slot = slot_open("activation/erf");
    struct advntk_slot leaky = slot_open("activation/leaky_relu");
    struct advntk_graph *graphs[] = {mlp_graph(1, 1, D, 5, relu), residual(relu, erf_slot, leaky)};
    const char *names[] = {"mlp", "residual"}, *kernels[] = {"nngp", "ntk"};
    const char *identities[] = {"kernel/nngp", "kernel/ntk"};
    char name[64];

    test_normal(1, (ptrdiff_t)N * D, x);
    for (int g = 0; g < 2; g++) {
        for (int k = 0; k < 2; k++) {
            const struct advntk_kernel_ops *ops = plugin_open(identities[k])->ops;
            for (int p = ADVNTK_PRECISION_FLOAT32; p <= ADVNTK_PRECISION_FLOAT64; p++) {
                enum advntk_precision precision = (enum advntk_precision)p;
                snprintf(name, sizeof(name), "%s, %s, float%d", names[g], kernels[k], 32 * p);
                test_tiles(host, ops, graphs[g], k == 1, precision, name);
                test_panels(host, ops, graphs[g], k == 1, precision, name);
                test_threads(ops, graphs[g], precision, name);
            }
        }
    }
    test_series(host, relu);
    for (int i = 0; i < 10 * D; i++) {
        x[60 * D + i] = x[i] + 1e-9 * x[i + 40 * D];
    }
    for (int g = 0; g < 2; g++) {
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof(name), "%s, %s", names[g], kernels[k]);
            test_definite(host, plugin_open(identities[k])->ops, graphs[g], name);
        }
    }
    for (int g = 0; g < 2; g++) {
        advntk__graph_free(graphs[g]);
    }
    slot_close(&relu);
    slot_close(&erf_slot);
    slot_close(&leaky);
    host_close(host);
    return done_testing();
}
