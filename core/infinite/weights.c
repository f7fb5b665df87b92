/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "infinite/weights.h"

bool advntk__is_affine(const struct advntk__layer *layer)
{
    return layer->kind == ADVNTK__LAYER_CONV || layer->kind == ADVNTK__LAYER_DENSE;
}

void advntk__affine_sum(ptrdiff_t n, const double *K, const double *T, const double *gK,
                        const double *gT, struct advntk__affine_sums *sums)
{
    struct advntk__affine_sums s = *sums;

    for (ptrdiff_t i = 0; i < n; i++) {
        advntk__affine_add(K[i], gT ? T[i] : 0, gK[i], gT ? gT[i] : 0, &s);
    }
    *sums = s;
}

void advntk__affine_back(const struct advntk__layer *layer, ptrdiff_t n, ptrdiff_t stride,
                         const struct advntk__affine_sums *sums, double *w_std, double *b_std)
{
    const double w2 = layer->affine.w_std * layer->affine.w_std;
    const double b2 = layer->affine.b_std * layer->affine.b_std;
    struct advntk__affine_sums all = {0};
    double by_w2, by_b2;

    for (ptrdiff_t i = 0; i < n; i++) {
        const struct advntk__affine_sums *one = &sums[i * stride];
        all.kk += one->kk;
        all.k += one->k;
        all.tt += one->tt;
        all.t += one->t;
        all.tk += one->tk;
    }
    by_w2 = (all.kk - b2 * all.k) / w2;
    by_b2 = all.k;
    if (layer->width > 0) { /* standard */
        double one = layer->affine.b_std > 0 ? 1 : 0;
        double of_K = (all.tk - b2 * all.t) / w2; /* <gT', A(K)> */
        by_w2 += (all.tt - one * all.t - layer->fan_in * of_K) / w2;
    } else {
        by_w2 += (all.tt - b2 * all.t) / w2;
        by_b2 += all.t;
    }
    *w_std += 2 * layer->affine.w_std * by_w2;
    *b_std += 2 * layer->affine.b_std * by_b2;
}
