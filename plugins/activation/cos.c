/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/cos: a cos(b x + c). Dual moments: wave.h. */
#include "config.h"

#include "wave.h"

#include <advntk/plugin.h>

struct cos_config {
    double a, b, c;
};

static const struct advntk_param cos_params[] = {
    ADVNTK_REAL(struct cos_config, a, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the output"),
    ADVNTK_REAL(struct cos_config, b, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the input"),
    ADVNTK_REAL(struct cos_config, c, 0, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "phase"),
    ADVNTK_PARAM_END};

static void cos_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    const struct cos_config *cfg = config;

    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = cfg->a * cos(cfg->b * u[i] + cfg->c);
        if (dy) {
            dy[i] = -cfg->a * cfg->b * sin(cfg->b * u[i] + cfg->c);
        }
    }
}

static void cos_diagonal(const void *config, double q, double *k, double *kd)
{
    const struct cos_config *cfg = config;

    struct wave_constants c = wave_constants(cfg->a, cfg->b, sin(cfg->c), cos(cfg->c));

    wave_diagonal(&c, q, k, kd);
}

#define cos_constants wave_constants
static struct wave_constants cos_prepare(const void *config)
{
    const struct cos_config *cfg = config;

    return wave_constants(cfg->a, cfg->b, sin(cfg->c), cos(cfg->c));
}

ADVNTK_ISA_INLINE void cos_pair(const struct wave_constants *c, struct pair p, struct moments *m)
{
    wave_pair(c, p, m);
}

PAIRWISE(cos)

static const struct advntk_activation_ops cos_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = cos_phi,
    .diagonal = cos_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(cos_dual32),
    .dual64 = ADVNTK_ISA_TABLE(cos_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, cos_ops, .name = "cos", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "a cos(b x + c)", .params = cos_params,
              .config_bytes = sizeof(struct cos_config),
              .source = "Pearce et al. 2019; Tsuchida et al. 2021");
