/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Speed of products with the kernel matrix and of its Cholesky factor, each beside what the machine
 * can do: usage: linear [n [threads]]. Medians of 5, for the factor one run.
 */
#include "config.h"

#include "../bench/row.h"

#include "base/host.h"
#include "linalg/sym.h"
#include "plugin.h"

#include <math.h>

enum { REPEATS = 5, MAIN_K = 10 };

static double now(void)
{
    return seconds_by(CLOCK_MONOTONIC);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *seconds)
{
    qsort(seconds, REPEATS, sizeof(*seconds), ascending);
    return seconds[REPEATS / 2];
}

static void check(advntk_status rc, const struct advntk_error *err)
{
    if (rc != ADVNTK_OK) {
        fprintf(stderr, "linear: %s\n", err->text);
        exit(1);
    }
}

/* A kernel that looks like one: exp(-|i-j|/n) + 1 on the diagonal. */
static advntk_status fill(void *context, ptrdiff_t index, struct advntk_arena *arena,
                          struct advntk_error *err)
{
    struct advntk_sym *a = context;
    ptrdiff_t i, j, rows, columns;
    (void)arena, (void)err;
    advntk__sym_tile_at(index, &i, &j);
    rows = advntk__sym_tile_rows(a, i);
    columns = advntk__sym_tile_rows(a, j);
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t c = 0; c < columns; c++) {
            double gap = fabs((double)(i * ADVNTK__TILE + r - j * ADVNTK__TILE - c));
            double value = exp(-gap / (double)a->n) + (gap == 0);
            if (a->precision == ADVNTK_PRECISION_FLOAT32) {
                ((float *)advntk__sym_tile(a, i, j))[r * ADVNTK__TILE + c] = (float)value;
            } else {
                ((double *)advntk__sym_tile(a, i, j))[r * ADVNTK__TILE + c] = value;
            }
        }
    }
    return ADVNTK_OK;
}

struct stream {
    const struct advntk_sym *a;
    ptrdiff_t pieces;
    uint64_t *sums;
};

/* reads a piece of the triangle and adds its words up: nothing but memory */
static advntk_status read_piece(void *context, ptrdiff_t piece, struct advntk_arena *arena,
                                struct advntk_error *err)
{
    struct stream *s = context;
    size_t words =
        (size_t)(s->a->tiles * (s->a->tiles + 1) / 2) * s->a->tile_bytes / sizeof(uint64_t);
    const uint64_t *from = (const uint64_t *)(const void *)s->a->memory;
    uint64_t sum[8] = {0};
    (void)arena, (void)err;
    for (size_t w = words * (size_t)piece / (size_t)s->pieces / 8 * 8;
         w + 8 <= words * (size_t)(piece + 1) / (size_t)s->pieces; w += 8) {
        for (size_t l = 0; l < 8; l++) {
            sum[l] += from[w + l];
        }
    }
    s->sums[piece] = sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
    return ADVNTK_OK;
}

static void bench_apply(struct advntk_host *host, ptrdiff_t n, enum advntk_precision precision)
{
    struct advntk_error err;
    struct advntk_sym *a = NULL;
    struct advntk__apply *w = NULL;
    double *x = test_reals(n * MAIN_K), *y = test_reals(n * MAIN_K), stream[REPEATS],
           apply[REPEATS];
    uint64_t sums[64];
    char work[128];
    struct stream s = {NULL, 64, sums};

    check(advntk__sym_new(n, precision, &a, &err), &err);
    check(advntk_parallel_for(host, a->tiles * (a->tiles + 1) / 2, fill, a, &err), &err);
    check(advntk__apply_new(a, MAIN_K, &w, &err), &err);
    test_normal(1, n * MAIN_K, x);
    s.a = a;
    for (int i = -1; i < REPEATS; i++) {
        double start = now(), middle;
        check(advntk_parallel_for(host, s.pieces, read_piece, &s, &err), &err);
        middle = now();
        check(advntk__apply_rows(host, a, w, MAIN_K, x, n, y, n, &err), &err);
        if (i >= 0) { /* the first time warms up */
            stream[i] = middle - start;
            apply[i] = now() - middle;
        }
    }
    snprintf(work, sizeof(work), "kernel matrix times %d vectors, n %td, float%d", MAIN_K, n,
             precision == ADVNTK_PRECISION_FLOAT32 ? 32 : 64);
    row("apply", work, "ms", 1e3 * median(apply), "reading the triangle", 1e3 * median(stream),
        precision == ADVNTK_PRECISION_FLOAT32 ? "<= 1.5" : "");
    advntk__apply_free(w);
    advntk__sym_free(a);
    advntk_free(x);
    advntk_free(y);
}

struct gemm {
    struct advntk_host *host;
    double *memory; /* (GEMMS,3) tiles */
};

enum { GEMMS = 64, TILE = ADVNTK__TILE };

static advntk_status one_gemm(void *context, ptrdiff_t i, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    struct gemm *g = context;
    double *a = g->memory + i * 3 * TILE * TILE, *b = a + TILE * TILE, *c = b + TILE * TILE;
    (void)arena, (void)err;
    advntk_host_backend(g->host)->gemm64(advntk_host_backend_state(g->host), false, true, TILE,
                                         TILE, TILE, -1, a, TILE, b, TILE, 1, c, TILE);
    return ADVNTK_OK;
}

/* The Gflop/s of products of tiles, all threads together: what a factorisation is made of. */
static double gemm_speed(struct advntk_host *host)
{
    struct advntk_error err;
    struct gemm g = {host, test_reals((ptrdiff_t)GEMMS * 3 * TILE * TILE)};
    double seconds[REPEATS];

    for (int i = -1; i < REPEATS; i++) {
        double start = now();
        check(advntk_parallel_for(host, GEMMS, one_gemm, &g, &err), &err);
        seconds[i < 0 ? 0 : i] = now() - start;
    }
    advntk_free(g.memory);
    return 2e-9 * GEMMS * TILE * TILE * TILE / median(seconds);
}

static void bench_factor(struct advntk_host *host, ptrdiff_t n)
{
    struct advntk_error err;
    struct advntk_sym *a = NULL;
    struct advntk_factor *factor = NULL;
    double *x = test_reals(n * MAIN_K), start, middle, end, residual, products = gemm_speed(host);
    double flops = 1e-9 * (double)n * (double)n * (double)n / 3;
    char work[128];

    check(advntk__sym_new(n, ADVNTK_PRECISION_FLOAT32, &a, &err), &err);
    check(advntk_parallel_for(host, a->tiles * (a->tiles + 1) / 2, fill, a, &err), &err);
    test_normal(1, n * MAIN_K, x);
    start = now();
    check(advntk_factor_new(host, a, 0, &factor, &err), &err);
    middle = now();
    check(advntk_factor_solve(host, factor, a, MAIN_K, x, &residual, &err), &err);
    end = now();
    snprintf(work, sizeof(work), "Cholesky factor and condition number, n %td", n);
    row("factor", work, "s", middle - start, "its flops as dgemm of tiles", flops / products, "");
    snprintf(work, sizeof(work), "solve for %d right-hand sides with residual, n %td", MAIN_K, n);
    row("solve", work, "s", end - middle, "the factor's time", middle - start, "");
    advntk_factor_free(factor);
    advntk__sym_free(a);
    advntk_free(x);
}

int main(int argc, char **argv)
{
    ptrdiff_t n = argc > 1 ? (ptrdiff_t)strtol(argv[1], NULL, 10) : 10000;
    struct advntk_host *host = test_host(argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0);
    if (n < TILE) {
        fprintf(stderr, "usage: linear [n >= %d [threads]]\n", TILE);
        test_host_free(host);
        return 2;
    }
    bench_apply(host, n, ADVNTK_PRECISION_FLOAT32);
    bench_apply(host, n, ADVNTK_PRECISION_FLOAT64);
    if (n > 4000) {
        bench_factor(host, 4000);
    }
    bench_factor(host, n);
    test_host_free(host);
    return 0;
}
