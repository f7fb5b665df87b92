/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Derivatives by w_std and b_std of a layer from what a pass and its reverse leave behind
 * (pixel.h).
 *
 * K' = w2 A(K) + b2 gives dL/dw2 = <gK', A(K)> and dL/db2 = <gK', 1>, and A(K) = (K' - b2)/w2 is
 * known from the layer's output alone: no convolution is computed again. Alike for
 * T' = w2 A(T) + t_k A(K) + t_1, where
 *     ntk:       t_k = w2, t_1 = b2             T' - b2 = w2 (A(T) + A(K))
 *     standard:  t_k = fan-in, t_1 = 1          neither changes with w2 and b2
 */
#include "config.h"

#include "infinite/pixel.h"

static bool is_affine(const struct advntk__pixel_step *step)
{
    return step->kind == ADVNTK__LAYER_CONV || step->kind == ADVNTK__LAYER_DENSE;
}

void advntk__pixel_sum_affine(const struct advntk__pixel_net *net, const double *values,
                              const double *derivatives, struct advntk__pixel_sums *sums)
{
    for (ptrdiff_t i = 0; i < net->count; i++) {
        const struct advntk__pixel_step *step = &net->steps[i];
        const double *K = values + step->at, *T = K + net->room;
        const double *gK = derivatives + step->at, *gT = gK + net->room;
        struct advntk__pixel_sums *s = &sums[i];
        for (ptrdiff_t y = 0; is_affine(step) && y < step->height; y++) {
            for (ptrdiff_t p = y * step->pitch; p < y * step->pitch + step->width; p++) {
                double k = gK[p], t = gT[p];
                if (!step->flat) { /* the reverse left behind w2 gK + t_k gT and w2 gT */
                    t /= step->w2;
                    k = (k - step->t_k * t) / step->w2;
                }
                s->kk += k * K[p];
                s->k += k;
                s->tt += t * T[p];
                s->t += t;
                s->tk += t * K[p];
            }
        }
    }
}

void advntk__pixel_affine_back(const struct advntk__layer *layer,
                               const struct advntk__pixel_step *step,
                               const struct advntk__pixel_sums *sums, double *w_std, double *b_std)
{
    bool standard = layer->width > 0;
    double by_w2, by_b2;

    *w_std = *b_std = 0;
    if (!is_affine(step)) {
        return;
    }
    by_w2 = (sums->kk - step->b2 * sums->k) / step->w2;
    by_b2 = sums->k;
    if (standard) {
        double of_K = (sums->tk - step->b2 * sums->t) / step->w2; /* <gT', A(K)> */
        by_w2 += (sums->tt - step->t_1 * sums->t - step->t_k * of_K) / step->w2;
    } else {
        by_w2 += (sums->tt - step->b2 * sums->t) / step->w2;
        by_b2 += sums->t;
    }
    *w_std = 2 * layer->affine.w_std * by_w2;
    *b_std = 2 * layer->affine.b_std * by_b2;
}
