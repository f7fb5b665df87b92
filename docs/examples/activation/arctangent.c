/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An activation of one's own: atan(slope x). The function and its derivative are enough: the kernel
 * of a network of infinite width comes from their Hermite series, which are refused at variances
 * for which they would be wrong by a thousandth (here, of more than about 4). Where the dual
 * moments have a closed form, `diagonal`, `dual32` and `dual64` give it, which is faster and exact
 * (advntk/activation.h).
 */
#include <advntk/plugin.h>
#include <math.h>

struct arctangent_config {
    double slope;
};

static const struct advntk_param arctangent_params[] = {
    ADVNTK_REAL(struct arctangent_config, slope, 1, 0, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .help = "factor of the input"),
    ADVNTK_PARAM_END};

static void arctangent_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    const double slope = ((const struct arctangent_config *)config)->slope;

    for (ptrdiff_t i = 0; i < n; i++) {
        double x = slope * u[i];
        y[i] = atan(x);
        if (dy) {
            dy[i] = slope / (1 + x * x);
        }
    }
}

static const struct advntk_activation_ops arctangent_ops = {
    .variance_min = 0, .variance_max = HUGE_VAL, .phi = arctangent_phi};

ADVNTK_PLUGIN(ACTIVATION, arctangent_ops, .name = "arctangent", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "atan(slope x)",
              .doc = "Bounded and odd. Its kernels come from Hermite series.",
              .params = arctangent_params, .config_bytes = sizeof(struct arctangent_config));
