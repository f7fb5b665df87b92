/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symmetric tiled matrices, and how a kernel fills one. */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "linalg/sym.h"
#include "plugin.h"
#include "scratch.h"
#include "store/tiles.h"

#include <float.h>

/* A kernel that knows its entries: k(i,j) = 1/(1 + |i-j|) + i j / 1000, with a diagonal of its own.
 */
struct known {
    enum advntk_precision precision;
    ptrdiff_t bad_row, bad_column;
};

static double known_entry(ptrdiff_t i, ptrdiff_t j)
{
    return 1 / (1 + fabs((double)(i - j))) + (double)i * (double)j / 1000;
}

static advntk_status known_diagonal(void *state, const void *a, ptrdiff_t first, ptrdiff_t count,
                                    double *k, struct advntk_error *err)
{
    (void)state, (void)a, (void)err;
    for (ptrdiff_t i = 0; i < count; i++) {
        k[i] = -(double)(first + i); /* not what tile would give */
    }
    return ADVNTK_OK;
}

static advntk_status known_tile(void *state, const void *a, ptrdiff_t i0, ptrdiff_t m,
                                const void *b, ptrdiff_t j0, ptrdiff_t n, bool low, void *k,
                                ptrdiff_t ld, struct advntk_arena *arena, struct advntk_error *err)
{
    const struct known *s = state;
    (void)a, (void)b, (void)arena, (void)err;
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t j = 0; j < (low ? i + 1 : n); j++) {
            double value = known_entry(i0 + i, j0 + j);
            if (i0 + i == s->bad_row && j0 + j == s->bad_column) {
                value = (double)NAN;
            }
            if (s->precision == ADVNTK_PRECISION_FLOAT32) {
                ((float *)k)[i * ld + j] = (float)value;
            } else {
                ((double *)k)[i * ld + j] = value;
            }
        }
    }
    return ADVNTK_OK;
}

static const struct advntk_kernel_ops known_ops = {.diagonal = known_diagonal, .tile = known_tile};

static void test_gram(struct advntk_host *host, ptrdiff_t n, enum advntk_precision precision)
{
    struct known state = {precision, -1, -1};
    struct advntk_sym *a = NULL;
    struct advntk_error err = {.status = ADVNTK_OK};
    double worst = 0, *widened = test_reals(ADVNTK__TILE * ADVNTK__TILE);
    ptrdiff_t last = (n - 1) / ADVNTK__TILE, edge = n - last * ADVNTK__TILE;
    bool padded = true, mirrored = true;

    if (!ok(advntk__gram_compute(host, &known_ops, &state, NULL, n, precision, NULL, false, &a,
                                 NULL, &err) == ADVNTK_OK,
            "gram of %td images: %s", n, err.text)) {
        return;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t j = 0; j < n; j++) {
            double want = i == j ? -(double)i : known_entry(i, j);
            if (precision == ADVNTK_PRECISION_FLOAT32) {
                want = (double)(float)want;
            }
            worst = fmax(worst, fabs(advntk__sym_entry(a, i, j) - want));
        }
    }
    ok(worst == 0 && advntk_sym_size(a) == n && advntk__sym_precision(a) == precision,
       "n = %td: every entry is the kernel's, the diagonal its own", n);
    must(advntk__sym_tile_widen(a, last, last, NULL, widened, &err), &err);
    for (ptrdiff_t r = 0; r < ADVNTK__TILE; r++) {
        for (ptrdiff_t c = 0; c < ADVNTK__TILE; c++) {
            double value = widened[r * ADVNTK__TILE + c];
            padded &= (r < edge && c < edge) || value == 0;
            mirrored &= value == widened[c * ADVNTK__TILE + r];
        }
    }
    ok(padded && mirrored, "n = %td: the last tile is padded with zeros and holds both halves", n);
    advntk__sym_free(a);
    advntk_free(widened);
}

static struct advntk__tiles *tiles_open(struct advntk_host *host, const uint8_t *key, ptrdiff_t n,
                                        enum advntk_precision precision)
{
    const struct advntk__cache cache = {scratch_folder, (int64_t)1 << 30};
    const struct advntk__tiles_setup setup = {.key = key,
                                              .kind = "kernel matrix",
                                              .rows = n,
                                              .count = advntk__gram_tiles(n),
                                              .bytes = advntk__gram_tile_bytes(precision)};
    struct advntk__tiles *tiles = NULL;
    struct advntk_error err;
    must(advntk__tiles_open(host, &cache, &setup, &tiles, &err), &err);
    return tiles;
}

/* A positive definite matrix in memory and on the disk: products and solutions of the same bits. */
static void test_on_disk(struct advntk_host *host, enum advntk_precision precision)
{
    enum { N = 1100, K = 3, SIZE = N * K };
    const uint8_t key[16] = {(uint8_t)precision};
    struct known state = {precision, -1, -1};
    struct advntk_kernel_ops ops = known_ops;
    struct advntk_error err = {.status = ADVNTK_OK};
    struct advntk__tiles *file = tiles_open(host, key, N, precision);
    struct advntk_sym *memory = NULL, *disk = NULL;
    struct advntk_factor *factors[2] = {NULL, NULL};
    double *x = test_reals(SIZE), *y[2] = {test_reals(SIZE), test_reals(SIZE)}, residuals[2];
    ptrdiff_t computed;

    must(advntk__gram_compute(host, &ops, &state, NULL, N, precision, NULL, false, &memory, NULL,
                              &err),
         &err);
    if (!ok(advntk__gram_compute(host, &ops, &state, NULL, N, precision, &file, true, &disk,
                                 &computed, &err) == ADVNTK_OK &&
                !file && computed == advntk__gram_tiles(N) && advntk__sym_bytes(disk) == 0,
            "a matrix on the disk: %s", err.text)) {
        goto out; /* the disk is full, say */
    }
    for (ptrdiff_t i = 0; i < SIZE; i++) {
        x[i] = sin((double)i);
    }
    must(advntk_sym_apply(host, memory, K, x, y[0], &err), &err);
    must(advntk_sym_apply(host, disk, K, x, y[1], &err), &err);
    ok(memcmp(y[0], y[1], SIZE * sizeof(double)) == 0, "products have the same bits");
    for (int which = 0; which < 2; which++) {
        const struct advntk_sym *a = which ? disk : memory;
        memcpy(y[which], x, SIZE * sizeof(double));
        /* the diagonal is -i: the ridge makes it dominate the rows, of which the sums are < 7e5 */
        must(advntk_factor_new(host, a, 1e6, &factors[which], &err), &err);
        must(advntk_factor_solve(host, factors[which], a, K, y[which], &residuals[which], &err),
             &err);
    }
    ok(memcmp(y[0], y[1], SIZE * sizeof(double)) == 0 && residuals[0] == residuals[1],
       "solutions and their residuals too");
    ok(advntk_factor_condition(factors[0]) == advntk_factor_condition(factors[1]),
       "and condition numbers");
    advntk__sym_free(disk);
    disk = NULL;
    file = tiles_open(host, key, N, precision);
    must(advntk__gram_compute(host, &ops, &state, NULL, N, precision, &file, true, &disk, &computed,
                              &err),
         &err);
    ok(computed == 0, "its tiles are used again");
out:
    advntk__tiles_close(file);
    advntk_factor_free(factors[0]);
    advntk_factor_free(factors[1]);
    advntk__sym_free(disk);
    advntk__sym_free(memory);
    advntk_free(x);
    advntk_free(y[0]);
    advntk_free(y[1]);
}

int main(void)
{
    static const ptrdiff_t sizes[] = {1, 5, 511, 512, 513, 1100};
    struct advntk_host *host = test_host(2);
    struct known state = {ADVNTK_PRECISION_FLOAT32, 700, 12};
    struct advntk_sym *a = NULL;
    struct advntk_error err = {.status = ADVNTK_OK};
    bool right = true;

    for (ptrdiff_t index = 0, i = 0; i < 200; i++) {
        for (ptrdiff_t j = 0; j <= i; j++, index++) {
            ptrdiff_t r, c;
            advntk__sym_tile_at(index, &r, &c);
            right &= r == i && c == j;
        }
    }
    ok(right, "tiles are numbered row by row");
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        test_gram(host, sizes[s], ADVNTK_PRECISION_FLOAT32);
        test_gram(host, sizes[s], ADVNTK_PRECISION_FLOAT64);
    }
    scratch_make();
    test_on_disk(host, ADVNTK_PRECISION_FLOAT32);
    test_on_disk(host, ADVNTK_PRECISION_FLOAT64);
    ok(advntk__gram_compute(host, &known_ops, &state, NULL, 800, state.precision, NULL, true, &a,
                            NULL, &err) == ADVNTK_ELIMIT,
       "on the disk without a place there: %s", err.text);
    scratch_remove();
    ok(advntk__gram_compute(host, &known_ops, &state, NULL, 800, state.precision, NULL, false, &a,
                            NULL, &err) == ADVNTK_ENUMERIC &&
           !a,
       "a NaN is an error");
    is_text(
        err.text,
        "kernel value (700, 12) is nan: too large for float32 on the way; use precision: float64",
        "that names the entry and what to change");
    ok(advntk__sym_new(0, ADVNTK_PRECISION_FLOAT32, &a, &err) == ADVNTK_ESHAPE && !a,
       "no rows are refused");
    ok(advntk__sym_new((ptrdiff_t)1 << 29, ADVNTK_PRECISION_FLOAT64, &a, &err) == ADVNTK_ENOMEM &&
           !a,
       "more than there is memory is refused");
    ok(strstr(err.text, "this kernel matrix needs 1073742848.0 GiB, ") &&
           strstr(err.text, "GiB are free: use fewer images"),
       "with both numbers and what to do: %s", err.text);
    test_host_free(host);
    return done_testing();
}
