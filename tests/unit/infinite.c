/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel engine where its formulas are singular, and its gradient by central differences. */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "plugin.h"

enum { N = 700, D = 13 }; /* more than one block of columns, an odd number of pixels */

static double x[N * D], k[N], dx[D], g[N];

/* k(row, all of x), and with dx the gradient of its sum weighted by g. */
static void row(const struct advntk_kernel_ops *ops, void *state, const void *all,
                const double *image, bool gradient)
{
    struct advntk_error err = {0};
    void *a, *tape = NULL;
    must(ops->points_new(state, 1, &a, &err), &err);
    must(ops->points_put(state, a, 0, 1, image, &err), &err);
    must(ops->panel(state, a, all, k, gradient ? &tape : NULL, &err), &err);
    if (gradient) {
        must(ops->panel_vjp(state, tape, 1, g, dx, &err), &err);
        ops->tape_free(state, tape);
    }
    ops->points_free(state, a);
}

static bool all_finite(ptrdiff_t n, const double *v)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        sum += v[i] * 0;
    }
    return sum == 0;
}

int main(void)
{
    struct advntk_error err = {0};
    struct advntk_host *host = host_open(2, -1);
    struct advntk_slot relu = slot_open("activation/relu");
    struct advntk_graph *graph = mlp_graph(1, 1, D, 3, relu);
    const struct advntk_kernel_ops *ops = plugin_open("kernel/ntk")->ops;
    struct advntk_kernel_setup setup = {graph, 1, 1, D, ADVNTK_PRECISION_FLOAT64};
    void *state, *all;
    double point[D], difference[D], saved[D];

    test_normal(1, N * D, x);
    test_normal(2, N, g);
    memset(x + D, 0, D * sizeof(*x)); /* image 1 is black */
    must(ops->open(NULL, host, &setup, &state, &err), &err);
    must(ops->points_new(state, N, &all, &err), &err);
    must(ops->points_put(state, all, 0, N, x, &err), &err);

    row(ops, state, all, x, true);
    ok(all_finite(N, k) && all_finite(D, dx), "finite at an image of the set");
    row(ops, state, all, x + D, true);
    ok(all_finite(N, k) && all_finite(D, dx), "finite at a black image of the set");

    test_normal(3, D, point);
    row(ops, state, all, point, true);
    memcpy(saved, dx, sizeof(dx));
    for (int c = 0; c < D; c++) {
        double h = 1e-5, up = 0, down = 0, middle = point[c];
        point[c] = middle + h;
        row(ops, state, all, point, false);
        for (int j = 0; j < N; j++) {
            up += g[j] * k[j];
        }
        point[c] = middle - h;
        row(ops, state, all, point, false);
        for (int j = 0; j < N; j++) {
            down += g[j] * k[j];
        }
        point[c] = middle;
        difference[c] = (up - down) / (2 * h);
    }
    /* h^2 of truncation and eps/h of rounding, times sums of 700 terms of size 10 */
    is_close(D, saved, difference, 1e-6, "gradient by central differences");
    ops->points_free(state, all);
    ops->close(state);
    advntk__graph_free(graph);
    slot_close(&relu);
    host_close(host);
    return done_testing();
}
