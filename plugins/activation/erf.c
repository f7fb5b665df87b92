/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/erf: a erf(b x) + c. Dual moments: advntk/duals.h. */
#include "config.h"

#include <advntk/duals.h>
#include <advntk/plugin.h>

struct erf_config {
    double a, b, c;
};

static const struct advntk_param erf_params[] = {
    ADVNTK_REAL(struct erf_config, a, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the output"),
    ADVNTK_REAL(struct erf_config, b, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the input"),
    ADVNTK_REAL(struct erf_config, c, 0, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "added to the output"),
    ADVNTK_PARAM_END};

static enum advntk_activation_family erf_family(const void *config, double parameters[3])
{
    const struct erf_config *cfg = config;

    parameters[0] = cfg->a;
    parameters[1] = cfg->b;
    parameters[2] = cfg->c;
    return ADVNTK_FAMILY_ERF;
}

static void erf_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    const struct erf_config *cfg = config;

    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = cfg->a * erf(cfg->b * u[i]) + cfg->c;
    }
    for (ptrdiff_t i = 0; dy && i < n; i++) {
        double v = cfg->b * u[i];
        dy[i] = cfg->a * cfg->b * 2 / sqrt(ADVNTK_DUAL_PI) * exp(-v * v);
    }
}

static void erf_diagonal(const void *config, double q, double *k, double *kd)
{
    const struct erf_config *cfg = config;

    double b2 = cfg->b * cfg->b, root = sqrt(1 + 4 * b2 * q);
    double out = cfg->a * cfg->a * 2 / ADVNTK_DUAL_PI;
    *k = out * atan2(2 * b2 * q, root) + cfg->c * cfg->c;
    *kd = 2 * out * b2 / root;
}

ADVNTK_ISA_INLINE void erf_dual32(const void *config, const struct advntk_pairs32 *p,
                                  const struct advntk_duals32 *out)
{
    const struct erf_config *cfg = config;

    advntk_erf_dual32(cfg->a, cfg->b, cfg->c, p, out);
}
ADVNTK_ISA_VARIANTS(erf_dual32,
                    (const void *config, const struct advntk_pairs32 *p,
                     const struct advntk_duals32 *out),
                    (config, p, out))

ADVNTK_ISA_INLINE void erf_dual64(const void *config, const struct advntk_pairs64 *p,
                                  const struct advntk_duals64 *out)
{
    const struct erf_config *cfg = config;

    advntk_erf_dual64(cfg->a, cfg->b, cfg->c, p, out);
}
ADVNTK_ISA_VARIANTS(erf_dual64,
                    (const void *config, const struct advntk_pairs64 *p,
                     const struct advntk_duals64 *out),
                    (config, p, out))

static const struct advntk_activation_ops erf_ops = {
    .family = erf_family,
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = erf_phi,
    .diagonal = erf_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(erf_dual32),
    .dual64 = ADVNTK_ISA_TABLE(erf_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, erf_ops, .name = "erf", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "a erf(b x) + c", .params = erf_params,
              .config_bytes = sizeof(struct erf_config), .source = "Williams 1997");
