/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/exp: a exp(b x).  */
#include "config.h"

#include "pairwise.h"

#include <advntk/plugin.h>

struct exp_config {
    double a, b;
};

static const struct advntk_param exp_params[] = {
    ADVNTK_REAL(struct exp_config, a, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the output"),
    ADVNTK_REAL(struct exp_config, b, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the input"),
    ADVNTK_PARAM_END};

static void exp_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    const struct exp_config *cfg = config;

    for (ptrdiff_t i = 0; i < n; i++) {
        double value = cfg->a * exp(cfg->b * u[i]);
        y[i] = value;
        if (dy) {
            dy[i] = cfg->b * value;
        }
    }
}

static void exp_diagonal(const void *config, double q, double *k, double *kd)
{
    const struct exp_config *cfg = config;

    double b2 = cfg->b * cfg->b;

    *k = cfg->a * cfg->a * exp(2 * b2 * q); /* infinite where the variance is too large */
    *kd = b2 * *k;
}

struct exp_constants {
    double a2, b2;
};

static struct exp_constants exp_prepare(const void *config)
{
    const struct exp_config *cfg = config;

    return (struct exp_constants){cfg->a * cfg->a, cfg->b * cfg->b};
}

ADVNTK_ISA_INLINE void exp_pair(const struct exp_constants *c, struct pair p, struct moments *m)
{
    double b2 = c->b2, k = c->a2 * pairwise_exp(b2 * (0.5 * (p.q + p.r) + p.s));

    m->k = k;
    m->kd = b2 * k;
    m->k_q = 0.5 * b2 * k;
    m->k_r = 0.5 * b2 * k;
    m->kd_s = b2 * b2 * k;
    m->kd_q = 0.5 * b2 * b2 * k;
    m->kd_r = 0.5 * b2 * b2 * k;
}

PAIRWISE(exp)

static const struct advntk_activation_ops exp_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = exp_phi,
    .diagonal = exp_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(exp_dual32),
    .dual64 = ADVNTK_ISA_TABLE(exp_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, exp_ops, .name = "exp", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "a exp(b x)", .params = exp_params,
              .config_bytes = sizeof(struct exp_config),
              .source = "Mairal et al. 2014; Tsuchida et al. 2021");
