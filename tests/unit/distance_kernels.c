/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels of a distance: values by their definition, gradients by central differences, equal
 * images, what is refused. */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "isa.h"
#include "plugin.h"

enum {
    N = 70,
    ROWS = 5,
    D = 7 * 5 * 3
}; /* more than a block of columns; an odd number of values */

static double x[N * D], g[2 * ROWS * N], k[ROWS * N], dx[2 * ROWS * D], raw[N * N];
static float narrow[2 * ROWS * N];

static double expected(bool laplace, const double *a, const double *b)
{
    double v = 0;
    for (int i = 0; i < D; i++) {
        v += (a[i] - b[i]) * (a[i] - b[i]) / D;
    }
    return laplace ? exp(-sqrt(v) / 0.9) : exp(-v / (2 * 0.9 * 0.9));
}

/* images: ROWS of them; k, and dx of both cotangents, the second minus twice the first */
static void run(const struct advntk_kernel_ops *ops, void *state, const void *all,
                const double *images, enum advntk_precision precision)
{
    struct advntk_error err = {0};
    void *few, *tape;

    must(ops->points_new(state, ROWS, &few, &err), &err);
    must(ops->points_put(state, few, 0, ROWS, images, &err), &err);
    must(ops->panel(state, few, all, raw, &tape, &err), &err);
    widen(ROWS * N, raw, precision, k);
    must(ops->panel_vjp(state, tape, 2,
                        precision == ADVNTK_PRECISION_FLOAT32 ? (void *)narrow : (void *)g, dx,
                        &err),
         &err);
    ops->tape_free(state, tape);
    ops->points_free(state, few);
}

/* d/dx of sum_j g_0j k(x, X_j) in one direction for image 0 of `images`. */
static double difference(bool laplace, const double *images, int pixel)
{
    double moved[D], sum = 0, h = 1e-6;

    for (int j = 0; j < N; j++) {
        memcpy(moved, images, sizeof(moved));
        moved[pixel] += h;
        sum += g[j] * expected(laplace, moved, x + j * D);
        moved[pixel] -= 2 * h;
        sum -= g[j] * expected(laplace, moved, x + j * D);
    }
    return sum / (2 * h);
}

static void test_kernel(struct advntk_host *host, const char *name, enum advntk_precision precision)
{
    struct advntk_error err = {0};
    bool laplace = strstr(name, "laplace") != NULL, wide = precision == ADVNTK_PRECISION_FLOAT64;
    struct advntk_slot slot = slot_open(name);
    const struct advntk_kernel_ops *ops = slot.plugin->ops;
    struct advntk_kernel_setup setup = {NULL, 7, 5, 3, precision};
    double images[ROWS * D], want[N * N], diagonal[N], slopes[D], bad = (double)NAN;
    void *state, *all;
    char text[128];

    slot_real(&slot, "length", 0.9);
    must(ops->open(slot.config, host, &setup, &state, &err), &err);
    must(ops->points_new(state, N, &all, &err), &err);
    must(ops->points_put(state, all, 0, N, x, &err), &err);
    for (int i = 0; i < ROWS * D; i++) {
        images[i] = 0.8 * x[i] + 0.3 * x[i + 9 * D];
    }
    run(ops, state, all, images, precision);
    for (int i = 0; i < ROWS * N; i++) {
        want[i] = expected(laplace, images + i / N * D, x + i % N * D);
    }
    snprintf(text, sizeof(text), "%s, float%d, %s", name, wide ? 64 : 32,
             advntk__isa_name(host->isa));
    is_close(ROWS * N, k, want, wide ? 1e-15 : 3e-7, text); /* a few eps of the sum of squares */
    for (int p = 0; p < D; p++) {
        slopes[p] = difference(laplace, images, p);
    }
    /* h^2 of truncation, eps/h of rounding */
    is_close(D, dx, slopes, wide ? 1e-8 : 1e-5, "gradient by central differences");
    for (int p = 0; p < D; p++) {
        slopes[p] = -2 * slopes[p];
    }
    is_close(D, dx + D, slopes, wide ? 1e-8 : 1e-5, "and of a second cotangent");
    must(ops->tile(state, all, 0, N, all, 0, N, false, raw, N, host->arenas[0], &err), &err);
    for (int i = 0; i < N * N; i++) {
        want[i] = expected(laplace, x + i / N * D, x + i % N * D);
    }
    widen(N * N, raw, precision, raw);
    is_close(N * N, raw, want, wide ? 1e-15 : 3e-7, "tile");
    must(ops->diagonal(state, all, 0, N, diagonal, &err), &err);
    ok(diagonal[0] >= 1 && diagonal[N - 1] <= 1, "diagonal is 1");
    run(ops, state, all, x, precision);
    ok(isfinite(dx[0]) && isfinite(dx[2 * ROWS * D - 1]) && k[0] >= 1, "finite at equal images");
    ok(ops->points_put(state, all, 0, 1, &bad, &err) == ADVNTK_ENUMERIC, "NaN is refused");
    ops->points_free(state, all);
    ops->close(state);
    slot_close(&slot);
}

int main(void)
{
    struct advntk_host *host = host_open(2, -1);
    int best = host->isa;

    test_normal(1, (ptrdiff_t)N * D, x);
    test_normal(2, (ptrdiff_t)ROWS * N, g);
    for (int i = 0; i < ROWS * N; i++) {
        g[ROWS * N + i] = -2 * g[i];
    }
    for (int i = 0; i < 2 * ROWS * N; i++) {
        narrow[i] = (float)g[i];
    }
    for (host->isa = test_first_isa(best); host->isa <= best; host->isa++) {
        for (int p = ADVNTK_PRECISION_FLOAT32; p <= ADVNTK_PRECISION_FLOAT64; p++) {
            test_kernel(host, "kernel/laplace", (enum advntk_precision)p);
            test_kernel(host, "kernel/gaussian_rbf", (enum advntk_precision)p);
        }
    }
    host_close(host);
    return done_testing();
}
