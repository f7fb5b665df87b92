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
 * Cost: 2 * 512^2 k multiply-adds. With AVX2 the loops keep ten accumulators and load seven vectors
 * for ten multiply-adds, so the two FMA units are the bound, not memory, from k = 5 on.
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
