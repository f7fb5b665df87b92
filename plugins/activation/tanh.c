/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/tanh. Dual moments: logistic.h. */
#include "config.h"

#include "logistic.h"

#include <advntk/plugin.h>

static void tanh_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        double c = 1 / cosh(u[i]);
        y[i] = tanh(u[i]);
        if (dy) {
            dy[i] = c * c;
        }
    }
}

LOGISTIC(tanh, LOGISTIC_TANH)

static const struct advntk_activation_ops tanh_ops = {.variance_min = 0,
                                                      .variance_max = HUGE_VAL,
                                                      .phi = tanh_phi,
                                                      .dual32 = ADVNTK_ISA_TABLE(tanh_dual32),
                                                      .dual64 = ADVNTK_ISA_TABLE(tanh_dual64)};

ADVNTK_PLUGIN(
    ACTIVATION, tanh_ops, .name = "tanh", .version = "2.0.0", .licence = "GPL-3.0-or-later",
    .summary = "hyperbolic tangent",
    .doc = "Bounded, odd. Kernels by a mixture of error functions (ten in float64, eight in "
           "float32), for all variances: errors below 1e-7 of the moments in float64, 2e-5 in "
           "float32.",
    .source = "Monahan and Stefanski 1992");
