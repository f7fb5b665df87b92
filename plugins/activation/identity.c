/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/identity: x: no activation, a linear network. Dual moments: advntk/duals.h. */
#include "config.h"

#include <advntk/duals.h>
#include <advntk/plugin.h>

static enum advntk_activation_family identity_family(const void *config, double parameters[3])
{
    (void)config;
    parameters[0] = 1;
    parameters[1] = 1;
    return ADVNTK_FAMILY_AB_RELU;
}

static void identity_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = u[i];
    }
    for (ptrdiff_t i = 0; dy && i < n; i++) {
        dy[i] = 1;
    }
}

static void identity_diagonal(const void *config, double q, double *k, double *kd)
{
    (void)config;
    *k = 1.0 * q;
    *kd = 1.0;
}

ADVNTK_ISA_INLINE void identity_dual32(const void *config, const struct advntk_pairs32 *p,
                                       const struct advntk_duals32 *out)
{
    (void)config;
    advntk_ab_relu_dual32(1, 1, p, out);
}
ADVNTK_ISA_VARIANTS(identity_dual32,
                    (const void *config, const struct advntk_pairs32 *p,
                     const struct advntk_duals32 *out),
                    (config, p, out))

ADVNTK_ISA_INLINE void identity_dual64(const void *config, const struct advntk_pairs64 *p,
                                       const struct advntk_duals64 *out)
{
    (void)config;
    advntk_ab_relu_dual64(1, 1, p, out);
}
ADVNTK_ISA_VARIANTS(identity_dual64,
                    (const void *config, const struct advntk_pairs64 *p,
                     const struct advntk_duals64 *out),
                    (config, p, out))

static const struct advntk_activation_ops identity_ops = {
    .family = identity_family,
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .kink_count = 0,
    .phi = identity_phi,
    .diagonal = identity_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(identity_dual32),
    .dual64 = ADVNTK_ISA_TABLE(identity_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, identity_ops, .name = "identity", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "x: no activation, a linear network",
              .source = "Lee et al. 2019");
