/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Derivatives by w_std and b_std of the layers of a pixel map (weights.h). */
#include "config.h"

#include "infinite/pixel.h"

void advntk__pixel_sum_affine(const struct advntk__pixel_net *net, const double *values,
                              const double *derivatives, struct advntk__affine_sums *sums)
{
    for (ptrdiff_t i = 0; i < net->count; i++) {
        const struct advntk__pixel_step *step = &net->steps[i];
        const double *K = values + step->at, *T = K + net->room;
        const double *gK = derivatives + step->at, *gT = gK + net->room;
        struct advntk__affine_sums *s = &sums[i];
        bool affine = step->kind == ADVNTK__LAYER_CONV || step->kind == ADVNTK__LAYER_DENSE;
        for (ptrdiff_t y = 0; affine && y < step->height; y++) {
            for (ptrdiff_t p = y * step->pitch; p < y * step->pitch + step->width; p++) {
                double k = gK[p], t = gT[p];
                if (!step->flat) { /* the reverse left behind w2 gK + t_k gT and w2 gT */
                    t /= step->w2;
                    k = (k - step->t_k * t) / step->w2;
                }
                advntk__affine_add(K[p], T[p], k, t, s);
            }
        }
    }
}
