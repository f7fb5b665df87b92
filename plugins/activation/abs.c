/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/abs: |x|. Dual moments: advntk/duals.h. */
#include "config.h"

#include <advntk/duals.h>
#include <advntk/plugin.h>

static const double abs_kinks[] = {0};

static enum advntk_activation_family abs_family(const void *config, double parameters[3])
{
    (void)config;
    parameters[0] = -1;
    parameters[1] = 1;
    return ADVNTK_FAMILY_AB_RELU;
}

static void abs_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = u[i] > 0 ? u[i] : -u[i];
    }
    for (ptrdiff_t i = 0; dy && i < n; i++) {
        dy[i] = u[i] > 0 ? 1 : (u[i] < 0 ? -1 : 0);
    }
}

static void abs_diagonal(const void *config, double q, double *k, double *kd)
{
    (void)config;
    *k = 1.0 * q;
    *kd = 1.0;
}

ADVNTK_ISA_INLINE void abs_dual32(const void *config, const struct advntk_pairs32 *p,
                                  const struct advntk_duals32 *out)
{
    (void)config;
    advntk_ab_relu_dual32(-1, 1, p, out);
}
ADVNTK_ISA_VARIANTS(abs_dual32,
                    (const void *config, const struct advntk_pairs32 *p,
                     const struct advntk_duals32 *out),
                    (config, p, out))

ADVNTK_ISA_INLINE void abs_dual64(const void *config, const struct advntk_pairs64 *p,
                                  const struct advntk_duals64 *out)
{
    (void)config;
    advntk_ab_relu_dual64(-1, 1, p, out);
}
ADVNTK_ISA_VARIANTS(abs_dual64,
                    (const void *config, const struct advntk_pairs64 *p,
                     const struct advntk_duals64 *out),
                    (config, p, out))

static const struct advntk_activation_ops abs_ops = {
    .family = abs_family,
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .kinks = abs_kinks,
    .kink_count = 1,
    .phi = abs_phi,
    .diagonal = abs_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(abs_dual32),
    .dual64 = ADVNTK_ISA_TABLE(abs_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, abs_ops, .name = "abs", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "|x|",
              .doc = "Derivatives of E phi'phi' are singular where two images coincide; there "
                     "1 - c^2, c the correlation, is taken as at least 16 eps of the precision.",
              .source = "Cho and Saul 2009");
