/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/sigmoid_like: (1 + erf(x / 2.402...)) / 2, close to the logistic function. Dual
 * moments: advntk/duals.h. */
#include "config.h"

#include <advntk/duals.h>
#include <advntk/plugin.h>

#define SIGMOID_SLOPE                                                                              \
    (1 / 2.4020563531719796) /* where its distance from the logistic function is least */

static enum advntk_activation_family sigmoid_like_family(const void *config, double parameters[3])
{
    (void)config;

    parameters[0] = 0.5;
    parameters[1] = SIGMOID_SLOPE;
    parameters[2] = 0.5;
    return ADVNTK_FAMILY_ERF;
}

static void sigmoid_like_phi(const void *config, ptrdiff_t n, const double *u, double *y,
                             double *dy)
{
    (void)config;

    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = 0.5 * erf(SIGMOID_SLOPE * u[i]) + 0.5;
    }
    for (ptrdiff_t i = 0; dy && i < n; i++) {
        double v = SIGMOID_SLOPE * u[i];
        dy[i] = 0.5 * SIGMOID_SLOPE * 2 / sqrt(ADVNTK_DUAL_PI) * exp(-v * v);
    }
}

static void sigmoid_like_diagonal(const void *config, double q, double *k, double *kd)
{
    (void)config;

    double b2 = SIGMOID_SLOPE * SIGMOID_SLOPE, root = sqrt(1 + 4 * b2 * q);
    double out = 0.5 * 0.5 * 2 / ADVNTK_DUAL_PI;
    *k = out * atan2(2 * b2 * q, root) + 0.5 * 0.5;
    *kd = 2 * out * b2 / root;
}

ADVNTK_ISA_INLINE void sigmoid_like_dual32(const void *config, const struct advntk_pairs32 *p,
                                           const struct advntk_duals32 *out)
{
    (void)config;

    advntk_erf_dual32(0.5, SIGMOID_SLOPE, 0.5, p, out);
}
ADVNTK_ISA_VARIANTS(sigmoid_like_dual32,
                    (const void *config, const struct advntk_pairs32 *p,
                     const struct advntk_duals32 *out),
                    (config, p, out))

ADVNTK_ISA_INLINE void sigmoid_like_dual64(const void *config, const struct advntk_pairs64 *p,
                                           const struct advntk_duals64 *out)
{
    (void)config;

    advntk_erf_dual64(0.5, SIGMOID_SLOPE, 0.5, p, out);
}
ADVNTK_ISA_VARIANTS(sigmoid_like_dual64,
                    (const void *config, const struct advntk_pairs64 *p,
                     const struct advntk_duals64 *out),
                    (config, p, out))

static const struct advntk_activation_ops sigmoid_like_ops = {
    .family = sigmoid_like_family,
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = sigmoid_like_phi,
    .diagonal = sigmoid_like_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(sigmoid_like_dual32),
    .dual64 = ADVNTK_ISA_TABLE(sigmoid_like_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, sigmoid_like_ops, .name = "sigmoid_like", .version = "1.0.0",
              .licence = "GPL-3.0-or-later",
              .summary = "(1 + erf(x / 2.402...)) / 2, close to the logistic function",
              .source = "Williams 1997; scale as in neural-tangents");
