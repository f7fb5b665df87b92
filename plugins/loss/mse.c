/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Squared error against one-hot targets: 1/2 sum_k (f_k - y_k)^2, or the mean over the outputs of
 * (f_k - y_k)^2. Notation: f outputs (c), y one-hot (c).
 */
#include "config.h"

#include <advntk/plugin.h>

enum { REDUCE_HALF_SUM, REDUCE_MEAN };

struct mse_config {
    int reduction;
};

static const char *const reductions[] = {"half_sum", "mean", NULL};

static const struct advntk_param mse_params[] = {
    ADVNTK_CHOICE(struct mse_config, reduction, "half_sum", reductions,
                  .help = "half_sum: half the sum over the outputs of the squared errors; mean: "
                          "their mean, as finite networks are trained",
                  .source = "Fu, Wang 2024, section 4 (half_sum); their finite networks (mean)"),
    ADVNTK_PARAM_END};

static void mse_value(const void *config, ptrdiff_t n, ptrdiff_t c, const double *f,
                      const int32_t *labels, const int32_t *targets, double *loss, double *df)
{
    const struct mse_config *cfg = config;
    const double sign = targets ? -1 : 1; /* up the targeted loss is towards the target */
    const double scale = sign * (cfg->reduction == REDUCE_MEAN ? 2.0 / (double)c : 1.0);

    for (ptrdiff_t i = 0; i < n; i++) {
        ptrdiff_t one = targets ? targets[i] : labels[i];
        double sum = 0;
        for (ptrdiff_t k = 0; k < c; k++) {
            double gap = f[i * c + k] - (k == one ? 1.0 : 0.0);
            sum += gap * gap;
            if (df) {
                df[i * c + k] = scale * gap;
            }
        }
        loss[i] = 0.5 * scale * sum;
    }
}

static const struct advntk_loss_ops mse_ops = {.min_classes = 1, .value = mse_value};

ADVNTK_PLUGIN(LOSS, mse_ops, .name = "mse", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "squared error against one-hot targets",
              .doc = "The loss of the kernel methods. An attack that climbs it may gain by scaling "
                     "the outputs instead of changing the prediction, so it can be far weaker than "
                     "with cross_entropy: check both. The targeted form is minus the squared error "
                     "against the target's one-hot vector.",
              .source = "Fu, Wang 2024 (arXiv 2310.06112), section 4", .params = mse_params,
              .config_bytes = sizeof(struct mse_config));
