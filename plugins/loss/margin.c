/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How far the largest other output stands above the label's: max_{k != y} f_k - f_y, positive where
 * the prediction is wrong (Carlini, Wagner 2017, section IV.A, f_6 without its floor). Targeted:
 * how far the target's output stands above the others.
 */
#include "config.h"

#include "ranking.h"

#include <advntk/plugin.h>
#include <string.h>

static void margin_value(const void *config, ptrdiff_t n, ptrdiff_t c, const double *f,
                         const int32_t *labels, const int32_t *targets, double *loss, double *df)
{
    const double sign = targets ? -1 : 1; /* up the targeted loss is towards the target */

    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double *row = f + i * c;
        ptrdiff_t one = targets ? targets[i] : labels[i], other = ranking_other(c, row, one);

        loss[i] = sign * (row[other] - row[one]);
        if (df) {
            memset(df + i * c, 0, (size_t)c * sizeof(double));
            df[i * c + other] = sign;
            df[i * c + one] = -sign;
        }
    }
}

static const struct advntk_loss_ops margin_ops = {
    .min_classes = 2, .value = margin_value, .too_few_classes = "mse"};

ADVNTK_PLUGIN(LOSS, margin_ops, .name = "margin", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "largest other output minus the label's",
              .doc = "Positive exactly where the prediction is wrong. Its gradient never dies, but "
                     "its size says nothing where outputs are scaled: see dlr.",
              .source = "Carlini, Wagner 2017 (arXiv 1608.04644), section IV.A, f_6");
