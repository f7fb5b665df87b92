/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One tile of a symmetric matrix times a few vectors, from both sides. The hot loop of adv-NTK.
 *
 *     yi[c][r] += sum_s tile[r][s] xj[c][s]        yj[c][s] += sum_r tile[r][s] xi[r][c]
 *
 * tile (512,512) row-major; xj (k,512); xi (512,k); yi, yj (k,512) float64; yj NULL: a diagonal
 * tile, the first line alone. Rows from `rows` on are zero and skipped. sum_i, sum_j (k): the sums
 * of the vectors' entries.
 *
 * Kernels of deep networks are a large constant plus small differences, so `centre` is taken off
 * every entry on the way (exact where the entry is within a factor of two of it) and comes back
 * through the float64 sums: less is rounded, at no cost that shows (a subtraction goes beside the
 * multiplications).
 *
 * Cost: 2 * 512^2 k multiply-adds. Measured on Zen 3 (AVX2, k = 10, n = 10,000, two threads): 46
 * Gmadd/s of the 100 that bare multiply-adds reach, 34 without the prefetch; reading the triangle
 * takes 0.4 of that time. Band by band from the second-level cache both loops run at 80 % of the
 * peak, so what is left is the way from memory. Other shapes (3 or 4 rows, one row with 10 vectors,
 * bands of 16, 32 and 128 rows, vectors packed side by side, the prefetch in the backward loop)
 * were slower or the same; OpenBLAS's sgemm on a tile made 16 a thread.
 */
#ifndef ADVNTK_LINALG_TILE_PRODUCT_H
#define ADVNTK_LINALG_TILE_PRODUCT_H

#include <advntk/isa.h>
#include <stddef.h>

struct advntk__tile_vectors {
    ptrdiff_t rows, k;
    const void *xj, *xi; /* of the tile's type */
    const double *sum_i, *sum_j;
    double *yi, *yj;
};

typedef void (*advntk__tile_product_fn)(const void *tile, const struct advntk__tile_vectors *v);

extern const advntk__tile_product_fn advntk__tile_product32[ADVNTK_ISA_COUNT];
extern const advntk__tile_product_fn advntk__tile_product64[ADVNTK_ISA_COUNT];

#endif
