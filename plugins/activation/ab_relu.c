/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/ab_relu: a min(x, 0) + b max(x, 0). Dual moments: advntk/duals.h. */
#include "config.h"

#include <advntk/duals.h>
#include <advntk/plugin.h>

struct ab_relu_config {
    double a, b;
};

static const struct advntk_param ab_relu_params[] = {
    ADVNTK_REAL(struct ab_relu_config, a, 0, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN,
                .help = "slope for negative inputs"),
    ADVNTK_REAL(struct ab_relu_config, b, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN,
                .help = "slope for positive inputs"),
    ADVNTK_PARAM_END};

static const double ab_relu_kinks[] = {0};

static enum advntk_activation_family ab_relu_family(const void *config, double parameters[3])
{
    const struct ab_relu_config *cfg = config;

    parameters[0] = cfg->a;
    parameters[1] = cfg->b;
    return ADVNTK_FAMILY_AB_RELU;
}

static void ab_relu_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    const struct ab_relu_config *cfg = config;

    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = u[i] > 0 ? cfg->b * u[i] : cfg->a * u[i];
    }
    for (ptrdiff_t i = 0; dy && i < n; i++) {
        dy[i] = u[i] > 0 ? cfg->b : (u[i] < 0 ? cfg->a : 0.5 * (cfg->a + cfg->b));
    }
}

static void ab_relu_diagonal(const void *config, double q, double *k, double *kd)
{
    const struct ab_relu_config *cfg = config;

    *kd = 0.5 * (cfg->a * cfg->a + cfg->b * cfg->b);
    *k = *kd * q;
}

ADVNTK_ISA_INLINE void ab_relu_dual32(const void *config, const struct advntk_pairs32 *p,
                                      const struct advntk_duals32 *out)
{
    const struct ab_relu_config *cfg = config;

    advntk_ab_relu_dual32(cfg->a, cfg->b, p, out);
}
ADVNTK_ISA_VARIANTS(ab_relu_dual32,
                    (const void *config, const struct advntk_pairs32 *p,
                     const struct advntk_duals32 *out),
                    (config, p, out))

ADVNTK_ISA_INLINE void ab_relu_dual64(const void *config, const struct advntk_pairs64 *p,
                                      const struct advntk_duals64 *out)
{
    const struct ab_relu_config *cfg = config;

    advntk_ab_relu_dual64(cfg->a, cfg->b, p, out);
}
ADVNTK_ISA_VARIANTS(ab_relu_dual64,
                    (const void *config, const struct advntk_pairs64 *p,
                     const struct advntk_duals64 *out),
                    (config, p, out))

static const struct advntk_activation_ops ab_relu_ops = {
    .family = ab_relu_family,
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .kinks = ab_relu_kinks,
    .kink_count = 1,
    .phi = ab_relu_phi,
    .diagonal = ab_relu_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(ab_relu_dual32),
    .dual64 = ADVNTK_ISA_TABLE(ab_relu_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, ab_relu_ops, .name = "ab_relu", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "a min(x, 0) + b max(x, 0)",
              .params = ab_relu_params, .config_bytes = sizeof(struct ab_relu_config),
              .doc = "Derivatives of E phi'phi' are singular where two images coincide; there "
                     "1 - c^2, c the correlation, is taken as at least 16 eps of the precision.",
              .source = "Cho and Saul 2009");
