/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/sin: a sin(b x + c). Dual moments: wave.h. */
#include "config.h"

#include "wave.h"

#include <advntk/plugin.h>

struct sin_config {
    double a, b, c;
};

static const struct advntk_param sin_params[] = {
    ADVNTK_REAL(struct sin_config, a, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the output"),
    ADVNTK_REAL(struct sin_config, b, 1, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the input"),
    ADVNTK_REAL(struct sin_config, c, 0, -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "phase"),
    ADVNTK_PARAM_END};

static void sin_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    const struct sin_config *cfg = config;

    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = cfg->a * sin(cfg->b * u[i] + cfg->c);
        if (dy) {
            dy[i] = cfg->a * cfg->b * cos(cfg->b * u[i] + cfg->c);
        }
    }
}

static void sin_diagonal(const void *config, double q, double *k, double *kd)
{
    const struct sin_config *cfg = config;

    struct wave_constants c = wave_constants(cfg->a, cfg->b, cos(cfg->c), sin(cfg->c));

    wave_diagonal(&c, q, k, kd);
}

#define sin_constants wave_constants
static struct wave_constants sin_prepare(const void *config)
{
    const struct sin_config *cfg = config;

    return wave_constants(cfg->a, cfg->b, cos(cfg->c), sin(cfg->c));
}

ADVNTK_ISA_INLINE void sin_pair(const struct wave_constants *c, struct pair p, struct moments *m)
{
    wave_pair(c, p, m);
}

PAIRWISE(sin)

static const struct advntk_activation_ops sin_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = sin_phi,
    .diagonal = sin_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(sin_dual32),
    .dual64 = ADVNTK_ISA_TABLE(sin_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, sin_ops, .name = "sin", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "a sin(b x + c)", .params = sin_params,
              .config_bytes = sizeof(struct sin_config),
              .source = "Pearce et al. 2019; Tsuchida et al. 2021");
