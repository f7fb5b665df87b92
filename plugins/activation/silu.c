/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/silu. Dual moments: logistic.h. */
#include "config.h"

#include "logistic.h"

#include <advntk/plugin.h>

static void silu_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        double gate = 1 / (1 + exp(-u[i]));
        y[i] = u[i] * gate;
        if (dy) {
            dy[i] = gate * (1 + u[i] * (1 - gate));
        }
    }
}

LOGISTIC(silu, LOGISTIC_SILU)

static const struct advntk_activation_ops silu_ops = {.variance_min = 0,
                                                      .variance_max = 1e100, /* as gelu */
                                                      .phi = silu_phi,
                                                      .dual32 = ADVNTK_ISA_TABLE(silu_dual32),
                                                      .dual64 = ADVNTK_ISA_TABLE(silu_dual64)};

ADVNTK_PLUGIN(ACTIVATION, silu_ops, .name = "silu", .version = "2.0.0",
              .licence = "GPL-3.0-or-later", .summary = "x / (1 + exp(-x))",
              .doc = "Also called swish. Kernels by a mixture of gelus of several widths (ten in "
                     "float64, eight in float32), for variances up to 1e100: errors below 1e-7 of "
                     "the moments in float64, 1e-5 in float32.",
              .source = "Elfwing, Uchibe, Doya 2018; Monahan and Stefanski 1992");
