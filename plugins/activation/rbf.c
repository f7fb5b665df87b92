/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/rbf: sqrt(2) sin(sqrt(2 gamma) x + pi/4), whose dual is exp(-gamma |x - x'|^2).  */
#include "config.h"

#include "pairwise.h"

#include <advntk/plugin.h>

struct rbf_config {
    double gamma;
};

static const struct advntk_param rbf_params[] = {
    ADVNTK_REAL(struct rbf_config, gamma, 1, 0, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN,
                .help = "inverse squared width of the Gaussian kernel"),
    ADVNTK_PARAM_END};

static void rbf_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    const struct rbf_config *cfg = config;

    double b = sqrt(2 * cfg->gamma);

    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = sqrt(2) * sin(b * u[i] + ADVNTK_DUAL_PI / 4);
        if (dy) {
            dy[i] = sqrt(2) * b * cos(b * u[i] + ADVNTK_DUAL_PI / 4);
        }
    }
}

static void rbf_diagonal(const void *config, double q, double *k, double *kd)
{
    const struct rbf_config *cfg = config;

    (void)q;
    *k = 1;
    *kd = 2 * cfg->gamma;
}

struct rbf_constants {
    double gamma;
};

static struct rbf_constants rbf_prepare(const void *config)
{
    const struct rbf_config *cfg = config;

    return (struct rbf_constants){cfg->gamma};
}

ADVNTK_ISA_INLINE void rbf_pair(const struct rbf_constants *c, struct pair p, struct moments *m)
{
    double g = c->gamma, apart = p.a - p.b;
    double k = pairwise_exp(-g * (apart * apart + 2 * p.gap)); /* q + r - 2 s */

    m->k = k;
    m->kd = 2 * g * k;
    m->k_q = -g * k;
    m->k_r = -g * k;
    m->kd_s = 4 * g * g * k;
    m->kd_q = -2 * g * g * k;
    m->kd_r = -2 * g * g * k;
}

PAIRWISE(rbf)

static const struct advntk_activation_ops rbf_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = rbf_phi,
    .diagonal = rbf_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(rbf_dual32),
    .dual64 = ADVNTK_ISA_TABLE(rbf_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, rbf_ops, .name = "rbf", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "sqrt(2) sin(sqrt(2 gamma) x + pi/4): its dual is the Gaussian kernel",
              .params = rbf_params, .config_bytes = sizeof(struct rbf_config),
              .source = "Rahimi and Recht 2007");
