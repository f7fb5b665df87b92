/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/gaussian: a exp(b x^2), b <= 0.  */
#include "config.h"

#include "pairwise.h"

#include <advntk/plugin.h>

struct gaussian_config {
    double a, b;
};

static const struct advntk_param gaussian_params[] = {
    ADVNTK_REAL(struct gaussian_config, a, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the output"),
    ADVNTK_REAL(struct gaussian_config, b, -1, -HUGE_VAL, 0, .flags = ADVNTK_P_MIN_OPEN,
                .help = "factor of the squared input, at most 0"),
    ADVNTK_PARAM_END};

static void gaussian_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    const struct gaussian_config *cfg = config;

    for (ptrdiff_t i = 0; i < n; i++) {
        double value = cfg->a * exp(cfg->b * u[i] * u[i]);
        y[i] = value;
        if (dy) {
            dy[i] = 2 * cfg->b * u[i] * value;
        }
    }
}

static void gaussian_diagonal(const void *config, double q, double *k, double *kd)
{
    const struct gaussian_config *cfg = config;

    double D2 = 1 - 4 * cfg->b * q, D = sqrt(D2);

    *k = cfg->a * cfg->a / D;
    *kd = 4 * cfg->b * cfg->b * q * *k / D2;
}

struct gaussian_constants {
    double a2, b;
};

static struct gaussian_constants gaussian_prepare(const void *config)
{
    const struct gaussian_config *cfg = config;

    return (struct gaussian_constants){cfg->a * cfg->a, cfg->b};
}

ADVNTK_ISA_INLINE void gaussian_pair(const struct gaussian_constants *c, struct pair p,
                                     struct moments *m)
{
    /* D^2 = (1 - 2 b q)(1 - 2 b r) - 4 b^2 s^2 with b <= 0: all terms positive */
    double b = c->b, u = 1 - 2 * b * p.q, v = 1 - 2 * b * p.r;
    double D2 = u - 2 * b * p.r + 4 * (b * p.gap) * (b * p.reach);
    double D = 1 / sqrt(D2), k = c->a2 * D, w = D * D, bs = b * p.s;

    m->k = k;
    m->kd = 4 * b * bs * k * w;
    m->k_q = b * v * k * w;
    m->k_r = b * u * k * w;
    m->kd_s = 4 * b * b * k * w * (1 + 12 * (bs * w) * bs);
    m->kd_q = 12 * b * b * bs * (v * w) * k * w;
    m->kd_r = 12 * b * b * bs * (u * w) * k * w;
}

PAIRWISE(gaussian)

static const struct advntk_activation_ops gaussian_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = gaussian_phi,
    .diagonal = gaussian_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(gaussian_dual32),
    .dual64 = ADVNTK_ISA_TABLE(gaussian_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, gaussian_ops, .name = "gaussian", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "a exp(b x^2), b <= 0",
              .params = gaussian_params, .config_bytes = sizeof(struct gaussian_config),
              .source = "Tsuchida et al. 2021");
