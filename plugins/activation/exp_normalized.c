/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/exp_normalized: the activation whose dual is a a' exp(gamma (c + shift)), a and a' the
 * standard deviations and c the correlation.  */
#include "config.h"

#include "pairwise.h"

#include <advntk/plugin.h>

struct exp_normalized_config {
    double gamma, shift;
};

static const struct advntk_param exp_normalized_params[] = {
    ADVNTK_REAL(struct exp_normalized_config, gamma, 1, 0, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor in the exponent"),
    ADVNTK_REAL(struct exp_normalized_config, shift, -1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN,
                .help = "added to the correlation; -1: a layer keeps variances"),
    ADVNTK_PARAM_END};

static void exp_normalized_phi(const void *config, ptrdiff_t n, const double *u, double *y,
                               double *dy)
{
    const struct exp_normalized_config *cfg = config;

    double root = sqrt(cfg->gamma);

    for (ptrdiff_t i = 0; i < n; i++) {
        double value = exp(root * u[i] + 0.5 * cfg->gamma * (cfg->shift - 1));
        y[i] = value;
        if (dy) {
            dy[i] = root * value;
        }
    }
}

static void exp_normalized_diagonal(const void *config, double q, double *k, double *kd)
{
    const struct exp_normalized_config *cfg = config;

    double e = exp(cfg->gamma * (1 + cfg->shift));

    *k = q * e;
    *kd = cfg->gamma * e;
}

struct exp_normalized_constants {
    double gamma, shift;
};

static struct exp_normalized_constants exp_normalized_prepare(const void *config)
{
    const struct exp_normalized_config *cfg = config;

    return (struct exp_normalized_constants){cfg->gamma, cfg->shift};
}

ADVNTK_ISA_INLINE void exp_normalized_pair(const struct exp_normalized_constants *c, struct pair p,
                                           struct moments *m)
{
    double g = c->gamma, ratio = p.s * p.ia * p.ib;
    double cosine = ratio < -1 ? -1 : (ratio > 1 ? 1 : ratio);
    double e = pairwise_exp(g * (cosine + c->shift));

    m->k = p.a * p.b * e;
    m->kd = g * e;
    m->k_q = 0.5 * (p.b * p.ia) * e * (1 - g * cosine);
    m->k_r = 0.5 * (p.a * p.ib) * e * (1 - g * cosine);
    m->kd_s = g * g * e * p.ia * p.ib;
    m->kd_q = -0.5 * g * g * cosine * e * p.ia * p.ia;
    m->kd_r = -0.5 * g * g * cosine * e * p.ib * p.ib;
}

PAIRWISE(exp_normalized)

static const struct advntk_activation_ops exp_normalized_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = exp_normalized_phi,
    .diagonal = exp_normalized_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(exp_normalized_dual32),
    .dual64 = ADVNTK_ISA_TABLE(exp_normalized_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, exp_normalized_ops, .name = "exp_normalized", .version = "1.0.0",
              .licence = "GPL-3.0-or-later",
              .summary = "exponential of the correlation, times both standard deviations",
              .doc = "a exp(sqrt(gamma) u/a + gamma (shift - 1)/2) for an input u of standard "
                     "deviation a; finite networks take a as 1.",
              .params = exp_normalized_params, .config_bytes = sizeof(struct exp_normalized_config),
              .source = "Mairal et al. 2014; neural-tangents");
