/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kullback-Leibler divergence KL(q || softmax(f/T)) = sum_k q_k (log q_k - log p_k) from the
 * smoothed label q = (1-s) onehot(y) + s/c. With s = 0, T = 1 it is the cross-entropy. Gradient:
 * (softmax(f/T) - q)/T.
 */
#include "config.h"

#include <advntk/plugin.h>
#include <math.h>

struct kl_config {
    double smoothing, temperature;
};

static const struct advntk_param kl_params[] = {
    ADVNTK_REAL(struct kl_config, smoothing, 0.0, 0, 1, .flags = ADVNTK_P_MAX_OPEN,
                .symbol = "epsilon",
                .help = "share of the label's mass that is spread evenly over all classes",
                .source = "Szegedy et al. 2016 (arXiv 1512.00567), section 7"),
    ADVNTK_REAL(struct kl_config, temperature, 1.0, 0, INFINITY,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .symbol = "T",
                .help = "divides the outputs before the softmax",
                .source = "Hinton, Vinyals, Dean 2015 (arXiv 1503.02531), equation 1"),
    ADVNTK_PARAM_END};

static void kl_value(const void *config, ptrdiff_t n, ptrdiff_t c, const double *f,
                     const int32_t *labels, const int32_t *targets, double *loss, double *df)
{
    const struct kl_config *cfg = config;
    const double sign = targets ? -1 : 1; /* up the targeted loss is towards the target */
    const double even = cfg->smoothing / (double)c, t = cfg->temperature;

    for (ptrdiff_t i = 0; i < n; i++) {
        const double *row = f + i * c;
        ptrdiff_t one = targets ? targets[i] : labels[i], best = 0;
        double rest = 0, value = 0, log_sum;

        for (ptrdiff_t k = 1; k < c; k++) {
            best = row[k] > row[best] ? k : best;
        }
        for (ptrdiff_t k = 0; k < c; k++) {
            rest += k == best ? 0 : exp((row[k] - row[best]) / t);
        }
        log_sum = log1p(rest); /* keeps the digits where one class has nearly all of the mass */
        for (ptrdiff_t k = 0; k < c; k++) {
            double q = even + (k == one ? 1 - cfg->smoothing : 0);
            double log_p = (row[k] - row[best]) / t - log_sum;
            value += q > 0 ? q * (log(q) - log_p) : 0;
            if (df) {
                df[i * c + k] = sign * (exp(log_p) - q) / t;
            }
        }
        loss[i] = sign * value;
    }
}

static const struct advntk_loss_ops kl_ops = {
    .min_classes = 2, .value = kl_value, .too_few_classes = "mse"};

ADVNTK_PLUGIN(LOSS, kl_ops, .name = "kl", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "divergence of the softmax of the outputs from the smoothed label",
              .doc =
                  "Cross-entropy with label smoothing and a temperature, less the entropy of the "
                  "smoothed label, so that 0 is its smallest value. A high temperature keeps the "
                  "gradient alive where outputs are large.",
              .source = "Szegedy et al. 2016 (arXiv 1512.00567), section 7", .params = kl_params,
              .config_bytes = sizeof(struct kl_config));
