/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/hermite: Hermite polynomial He_degree(x)/sqrt(degree!). Dual moments: polynomial.h. */
#include "config.h"

#include "polynomial.h"

#include <advntk/plugin.h>

struct hermite_config {
    int64_t degree;
};

static const struct advntk_param hermite_params[] = {ADVNTK_INT(struct hermite_config, degree, 3, 1,
                                                                POLYNOMIAL_DEGREE_MAX,
                                                                .help = "degree of the polynomial"),
                                                     ADVNTK_PARAM_END};

#define hermite_constants polynomial_constants
static struct polynomial_constants hermite_prepare(const void *config)
{
    const struct hermite_config *cfg = config;
    double last[POLYNOMIAL_TERMS] = {0}, c[POLYNOMIAL_TERMS] = {1}, norm = 1;
    struct polynomial_constants constants;

    for (int d = 1; d <= cfg->degree; d++) { /* He_d = x He_(d-1) - (d-1) He_(d-2) */
        for (int i = d; i >= 0; i--) {
            double next = (i > 0 ? c[i - 1] : 0) - (d - 1) * last[i];
            last[i] = c[i];
            c[i] = next;
        }
        norm *= d;
    }
    for (int i = 0; i <= cfg->degree; i++) {
        c[i] /= sqrt(norm);
    }
    polynomial_constants(c, (int)cfg->degree, &constants);
    return constants;
}

static void hermite_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    struct polynomial_constants constants = hermite_prepare(config);

    polynomial_phi(&constants, n, u, y, dy);
}

static void hermite_diagonal(const void *config, double q, double *k, double *kd)
{
    struct polynomial_constants constants = hermite_prepare(config);

    polynomial_diagonal(&constants, q, k, kd);
}

ADVNTK_ISA_INLINE void hermite_pair(const struct polynomial_constants *c, struct pair p,
                                    struct moments *m)
{
    polynomial_pair(c, p, m);
}

PAIRWISE(hermite)

static const struct advntk_activation_ops hermite_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = hermite_phi,
    .diagonal = hermite_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(hermite_dual32),
    .dual64 = ADVNTK_ISA_TABLE(hermite_dual64),
};

ADVNTK_PLUGIN(
    ACTIVATION, hermite_ops, .name = "hermite", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "normalised Hermite polynomial, whose dual at unit variance is c^degree",
    .doc = "He_degree(x)/sqrt(degree!), probabilists' convention; exact for every variance.",
    .params = hermite_params, .config_bytes = sizeof(struct hermite_config),
    .source = "Daniely, Frostig, Singer 2016");
