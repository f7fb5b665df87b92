/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Derivatives by w_std and b_std of a layer from what a pass over pairs and its reverse leave
 * behind, of whichever engine.
 *
 * K' = w2 A(K) + b2 gives dL/dw2 = <gK', A(K)> and dL/db2 = <gK', 1>, and A(K) = (K' - b2)/w2 is
 * known from the layer's output alone: no convolution is computed again. Alike for
 * T' = w2 A(T) + t_k A(K) + t_1, where
 *     ntk:       t_k = w2, t_1 = b2             T' - b2 = w2 (A(T) + A(K))
 *     standard:  t_k = fan-in, t_1 = 1          neither changes with w2 and b2
 */
#ifndef ADVNTK_INFINITE_WEIGHTS_H
#define ADVNTK_INFINITE_WEIGHTS_H

#include "graph/graph.h"

/* Of one affine layer: sums over the entries of its output (and over pairs) of derivatives times
 * values, <gK', K'>, <gK', 1>, <gT', T'>, <gT', 1>, <gT', K'>. */
struct advntk__affine_sums {
    double kk, k, tt, t, tk;
};

bool advntk__is_affine(const struct advntk__layer *layer);
/* sums += those of an entry. */
static inline void advntk__affine_add(double K, double T, double gK, double gT,
                                      struct advntk__affine_sums *sums)
{
    sums->kk += gK * K;
    sums->k += gK;
    sums->tt += gT * T;
    sums->t += gT;
    sums->tk += gT * K;
}
/* Of n entries; gT NULL: derivatives by T are 0. */
void advntk__affine_sum(ptrdiff_t n, const double *K, const double *T, const double *gK,
                        const double *gT, struct advntk__affine_sums *sums);
/* Derivatives by w_std and b_std of an affine layer, added to *w_std and *b_std, from the sums
 * sums[0], sums[stride], .. of n images, in this order. w_std > 0. */
void advntk__affine_back(const struct advntk__layer *layer, ptrdiff_t n, ptrdiff_t stride,
                         const struct advntk__affine_sums *sums, double *w_std, double *b_std);

#endif
