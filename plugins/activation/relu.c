/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/relu: max(x, 0). Dual moments: advntk/duals.h. */
#include "config.h"

#include <advntk/duals.h>
#include <advntk/plugin.h>

static const double relu_kinks[] = {0};

static enum advntk_activation_family relu_family(const void *config, double parameters[3])
{
    (void)config;
    parameters[0] = 0;
    parameters[1] = 1;
    return ADVNTK_FAMILY_AB_RELU;
}

static void relu_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = u[i] > 0 ? u[i] : 0;
    }
    for (ptrdiff_t i = 0; dy && i < n; i++) {
        dy[i] = u[i] > 0 ? 1 : (u[i] < 0 ? 0 : 0.5);
    }
}

static void relu_diagonal(const void *config, double q, double *k, double *kd)
{
    (void)config;
    *k = 0.5 * q;
    *kd = 0.5;
}

ADVNTK_ISA_INLINE void relu_dual32(const void *config, const struct advntk_pairs32 *p,
                                   const struct advntk_duals32 *out)
{
    (void)config;
    advntk_ab_relu_dual32(0, 1, p, out);
}
ADVNTK_ISA_VARIANTS(relu_dual32,
                    (const void *config, const struct advntk_pairs32 *p,
                     const struct advntk_duals32 *out),
                    (config, p, out))

ADVNTK_ISA_INLINE void relu_dual64(const void *config, const struct advntk_pairs64 *p,
                                   const struct advntk_duals64 *out)
{
    (void)config;
    advntk_ab_relu_dual64(0, 1, p, out);
}
ADVNTK_ISA_VARIANTS(relu_dual64,
                    (const void *config, const struct advntk_pairs64 *p,
                     const struct advntk_duals64 *out),
                    (config, p, out))

static const struct advntk_activation_ops relu_ops = {
    .family = relu_family,
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .kinks = relu_kinks,
    .kink_count = 1,
    .phi = relu_phi,
    .diagonal = relu_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(relu_dual32),
    .dual64 = ADVNTK_ISA_TABLE(relu_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, relu_ops, .name = "relu", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "max(x, 0)",
              .doc = "Derivatives of E phi'phi' are singular where two images coincide; there "
                     "1 - c^2, c the correlation, is taken as at least 16 eps of the precision.",
              .source = "Cho and Saul 2009");
