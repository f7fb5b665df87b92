/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cross-entropy of softmax(f) against the label: log sum_k e^{f_k} - f_y, with the largest output
 * taken out of the sum so that nothing overflows. Gradient: softmax(f) - onehot(y).
 */
#include "config.h"

#include <advntk/plugin.h>
#include <math.h>

static void cross_entropy_value(const void *config, ptrdiff_t n, ptrdiff_t c, const double *f,
                                const int32_t *labels, const int32_t *targets, double *loss,
                                double *df)
{
    const double sign = targets ? -1 : 1; /* up the targeted loss is towards the target */

    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double *row = f + i * c;
        ptrdiff_t one = targets ? targets[i] : labels[i];
        double top = row[0], sum = 0, others = 0;

        for (ptrdiff_t k = 1; k < c; k++) {
            top = row[k] > top ? row[k] : top;
        }
        for (ptrdiff_t k = 0; k < c; k++) {
            double e = exp(row[k] - top);
            sum += e;
            others += k == one ? 0 : e;
        }
        /* log1p keeps the digits of a loss near 0, where the label has nearly all of the mass */
        loss[i] = sign * (row[one] == top ? log1p(others) : log(sum) + (top - row[one]));
        for (ptrdiff_t k = 0; df && k < c; k++) {
            double p = exp(row[k] - top) / sum;
            df[i * c + k] = sign * (k == one ? -others / sum : p);
        }
    }
}

static const struct advntk_loss_ops cross_entropy_ops = {
    .min_classes = 2, .value = cross_entropy_value, .too_few_classes = "mse"};

ADVNTK_PLUGIN(LOSS, cross_entropy_ops, .name = "cross_entropy", .version = "1.0.0",
              .licence = "GPL-3.0-or-later",
              .summary = "cross-entropy of the softmax of the outputs",
              .doc = "Minus the log of the label's softmax probability, computed without overflow. "
                     "Its gradient dies where the outputs are scaled up. The targeted form is the "
                     "log of the target's probability.",
              .source = "Goodfellow, Shlens, Szegedy 2015; Madry et al. 2018");
