/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Difference of logits ratio, Croce, Hein 2020 (arXiv 2003.01690), equation 6:
 *
 *     -(z_y - max_{k != y} z_k) / (z_p1 - z_p3),       z_p1 >= z_p2 >= z_p3 the largest outputs,
 *
 * which does not change when the outputs are shifted or scaled. The label among the two largest: in
 * [-1,1]. Ranked lower, the published form is unbounded, and ranked third it is 1 with no gradient
 * but what a guard of 1e-12 in the public code leaves behind. Here the denominator is z_p1 -
 * min(z_p3, z_y): the same where the label is among the three largest, and 1 from there on. All
 * three largest equal: 0. `reference: autoattack` computes what the public code does.
 */
#include "config.h"

#include "ranking.h"

#include <advntk/plugin.h>
#include <string.h>

enum { REFERENCE_OFF, REFERENCE_AUTOATTACK };

struct dlr_config {
    int reference;
};

static const char *const references[] = {"off", "autoattack", NULL};

static const struct advntk_param dlr_params[] = {
    ADVNTK_CHOICE(struct dlr_config, reference, "off", references,
                  .help = "autoattack: as the public AutoAttack code, unbounded where the label is "
                          "ranked fourth or lower and with 1e-12 added to the denominator",
                  .source = "Croce, Hein 2020 (arXiv 2003.01690), released code"),
    ADVNTK_PARAM_END};

static void dlr_value(const void *config, ptrdiff_t n, ptrdiff_t c, const double *f,
                      const int32_t *labels, const int32_t *targets, double *loss, double *df)
{
    const bool published = ((const struct dlr_config *)config)->reference == REFERENCE_AUTOATTACK;
    const double sign = targets ? -1 : 1; /* up the targeted loss is towards the target */

    for (ptrdiff_t i = 0; i < n; i++) {
        const double *z = f + i * c;
        ptrdiff_t one = targets ? targets[i] : labels[i], other = ranking_other(c, z, one);
        ptrdiff_t rank[3] = {0}, low;
        double width, value;

        ranking_top(c, z, 3, rank);
        low = !published && z[one] < z[rank[2]] ? one : rank[2];
        width = z[rank[0]] - z[low] + (published ? 1e-12 : 0);
        value = width > 0 ? (z[other] - z[one]) / width : 0;
        loss[i] = sign * value;
        if (!df) {
            continue;
        }
        memset(df + i * c, 0, (size_t)c * sizeof(double));
        if (width > 0) {
            df[i * c + other] += sign / width;
            df[i * c + one] -= sign / width;
            df[i * c + rank[0]] -= sign * value / width;
            df[i * c + low] += sign * value / width;
        }
    }
}

static const struct advntk_loss_ops dlr_ops = {
    .min_classes = 3, .value = dlr_value, .too_few_classes = "margin or cross_entropy"};

ADVNTK_PLUGIN(LOSS, dlr_ops, .name = "dlr", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "difference of logits ratio: a margin free of scale",
              .doc =
                  "Cross-entropy's gradient dies where outputs are scaled up; this loss does not "
                  "change with their scale. Positive exactly where the prediction is wrong, at "
                  "most 1, and without a gradient once the label is ranked third or lower, where "
                  "the image fell long ago. Needs three classes.",
              .source = "Croce, Hein 2020 (arXiv 2003.01690), equation 6", .params = dlr_params,
              .config_bytes = sizeof(struct dlr_config));
