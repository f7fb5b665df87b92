/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/monomial: x^degree. Dual moments: polynomial.h. */
#include "config.h"

#include "polynomial.h"

#include <advntk/plugin.h>

struct monomial_config {
    int64_t degree;
};

static const struct advntk_param monomial_params[] = {
    ADVNTK_INT(struct monomial_config, degree, 2, 1, POLYNOMIAL_DEGREE_MAX, .help = "power"),
    ADVNTK_PARAM_END};

#define monomial_constants polynomial_constants
static struct polynomial_constants monomial_prepare(const void *config)
{
    const struct monomial_config *cfg = config;
    double c[POLYNOMIAL_TERMS] = {0};
    struct polynomial_constants constants;

    c[cfg->degree] = 1;
    polynomial_constants(c, (int)cfg->degree, &constants);
    return constants;
}

static void monomial_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    struct polynomial_constants constants = monomial_prepare(config);

    polynomial_phi(&constants, n, u, y, dy);
}

static void monomial_diagonal(const void *config, double q, double *k, double *kd)
{
    struct polynomial_constants constants = monomial_prepare(config);

    polynomial_diagonal(&constants, q, k, kd);
}

ADVNTK_ISA_INLINE void monomial_pair(const struct polynomial_constants *c, struct pair p,
                                     struct moments *m)
{
    polynomial_pair(c, p, m);
}

PAIRWISE(monomial)

static const struct advntk_activation_ops monomial_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = monomial_phi,
    .diagonal = monomial_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(monomial_dual32),
    .dual64 = ADVNTK_ISA_TABLE(monomial_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, monomial_ops, .name = "monomial", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "x^degree", .params = monomial_params,
              .config_bytes = sizeof(struct monomial_config),
              .source = "Cho and Saul 2009; Isserlis 1918");
