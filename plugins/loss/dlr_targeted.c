/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Targeted difference of logits ratio, Croce, Hein 2020 (arXiv 2003.01690), equation 7:
 *
 *     -(z_y - z_t) / (z_p1 - (z_p3 + z_p4)/2),       z_p1 >= z_p2 >= ... the largest outputs.
 *
 * As for dlr the published form is unbounded where the label falls below the third and fourth
 * output; here the denominator is at least z_p1 - z_y, so that the loss is at most 1. All four
 * largest equal: 0. `reference: autoattack` computes what the public code does.
 */
#include "config.h"

#include "ranking.h"

#include <advntk/plugin.h>
#include <string.h>

enum { REFERENCE_OFF, REFERENCE_AUTOATTACK };

struct dlr_targeted_config {
    int reference;
};

static const char *const references[] = {"off", "autoattack", NULL};

static const struct advntk_param dlr_targeted_params[] = {
    ADVNTK_CHOICE(struct dlr_targeted_config, reference, "off", references,
                  .help = "autoattack: as the public AutoAttack code, unbounded where the label is "
                          "ranked low and with 1e-12 added to the denominator",
                  .source = "Croce, Hein 2020 (arXiv 2003.01690), released code"),
    ADVNTK_PARAM_END};

static void dlr_targeted_value(const void *config, ptrdiff_t n, ptrdiff_t c, const double *f,
                               const int32_t *labels, const int32_t *targets, double *loss,
                               double *df)
{
    const bool published =
        ((const struct dlr_targeted_config *)config)->reference == REFERENCE_AUTOATTACK;

    for (ptrdiff_t i = 0; i < n; i++) {
        const double *z = f + i * c;
        ptrdiff_t y = labels[i], t = targets[i], rank[4] = {0}, low[2];
        double width, value;

        ranking_top(c, z, 4, rank);
        low[0] = rank[2];
        low[1] = rank[3];
        if (!published && z[y] < 0.5 * (z[low[0]] + z[low[1]])) {
            low[0] = low[1] = y;
        }
        width = z[rank[0]] - 0.5 * (z[low[0]] + z[low[1]]) + (published ? 1e-12 : 0);
        value = width > 0 ? (z[t] - z[y]) / width : 0;
        loss[i] = value;
        if (!df) {
            continue;
        }
        memset(df + i * c, 0, (size_t)c * sizeof(double));
        if (width > 0) {
            df[i * c + t] += 1 / width;
            df[i * c + y] -= 1 / width;
            df[i * c + rank[0]] -= value / width;
            df[i * c + low[0]] += 0.5 * value / width;
            df[i * c + low[1]] += 0.5 * value / width;
        }
    }
}

static const struct advntk_loss_ops dlr_targeted_ops = {.min_classes = 4,
                                                        .targeted = true,
                                                        .value = dlr_targeted_value,
                                                        .too_few_classes =
                                                            "margin or cross_entropy"};

ADVNTK_PLUGIN(
    LOSS, dlr_targeted_ops, .name = "dlr_targeted", .version = "1.0.0",
    .licence = "GPL-3.0-or-later", .summary = "difference of logits ratio towards a target",
    .doc = "The loss of AutoAttack's targeted APGD: the target's output against the "
           "label's, divided by a spread of the largest outputs, so that their scale does "
           "not count. Needs four classes and targeted: true.",
    .source = "Croce, Hein 2020 (arXiv 2003.01690), equation 7", .params = dlr_targeted_params,
    .config_bytes = sizeof(struct dlr_targeted_config));
