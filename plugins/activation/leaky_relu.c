/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/leaky_relu: x where positive, negative_slope x elsewhere. Dual moments:
 * advntk/duals.h. */
#include "config.h"

#include <advntk/duals.h>
#include <advntk/plugin.h>

struct leaky_relu_config {
    double negative_slope;
};

static const struct advntk_param leaky_relu_params[] = {
    ADVNTK_REAL(struct leaky_relu_config, negative_slope, 0.01, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN,
                .help = "slope for negative inputs"),
    ADVNTK_PARAM_END};

static double slope_of(const void *config)
{
    return ((const struct leaky_relu_config *)config)->negative_slope;
}

static const double leaky_relu_kinks[] = {0};

static enum advntk_activation_family leaky_relu_family(const void *config, double parameters[3])
{
    parameters[0] = slope_of(config);
    parameters[1] = 1;
    return ADVNTK_FAMILY_AB_RELU;
}

static void leaky_relu_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    double slope = slope_of(config);

    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = u[i] > 0 ? u[i] : slope * u[i];
    }
    for (ptrdiff_t i = 0; dy && i < n; i++) {
        dy[i] = u[i] > 0 ? 1 : (u[i] < 0 ? slope : 0.5 * (1 + slope));
    }
}

static void leaky_relu_diagonal(const void *config, double q, double *k, double *kd)
{
    double slope = slope_of(config);

    *kd = 0.5 * (1 + slope * slope);
    *k = *kd * q;
}

ADVNTK_ISA_INLINE void leaky_relu_dual32(const void *config, const struct advntk_pairs32 *p,
                                         const struct advntk_duals32 *out)
{
    advntk_ab_relu_dual32(slope_of(config), 1, p, out);
}
ADVNTK_ISA_VARIANTS(leaky_relu_dual32,
                    (const void *config, const struct advntk_pairs32 *p,
                     const struct advntk_duals32 *out),
                    (config, p, out))

ADVNTK_ISA_INLINE void leaky_relu_dual64(const void *config, const struct advntk_pairs64 *p,
                                         const struct advntk_duals64 *out)
{
    advntk_ab_relu_dual64(slope_of(config), 1, p, out);
}
ADVNTK_ISA_VARIANTS(leaky_relu_dual64,
                    (const void *config, const struct advntk_pairs64 *p,
                     const struct advntk_duals64 *out),
                    (config, p, out))

static const struct advntk_activation_ops leaky_relu_ops = {
    .family = leaky_relu_family,
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .kinks = leaky_relu_kinks,
    .kink_count = 1,
    .phi = leaky_relu_phi,
    .diagonal = leaky_relu_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(leaky_relu_dual32),
    .dual64 = ADVNTK_ISA_TABLE(leaky_relu_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, leaky_relu_ops, .name = "leaky_relu", .version = "1.0.0",
              .licence = "GPL-3.0-or-later",
              .summary = "x where positive, negative_slope x elsewhere",
              .params = leaky_relu_params, .config_bytes = sizeof(struct leaky_relu_config),
              .doc = "Derivatives of E phi'phi' are singular where two images coincide; there "
                     "1 - c^2, c the correlation, is taken as at least 16 eps of the precision.",
              .source = "Cho and Saul 2009");
