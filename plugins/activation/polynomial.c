/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/polynomial: sum_i coefficients_i x^i. Dual moments: polynomial.h. */
#include "config.h"

#include "polynomial.h"

#include <advntk/plugin.h>

struct polynomial_config {
    struct advntk_list coefficients;
};

static const struct advntk_param polynomial_params[] = {
    ADVNTK_LIST(struct polynomial_config, coefficients, REAL, "[0, 1, 0.5]", -HUGE_VAL, HUGE_VAL,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN,
                .help = "of 1, x, x^2 and so on; at most 21"),
    ADVNTK_PARAM_END};

static struct polynomial_constants polynomial_prepare(const void *config)
{
    const struct polynomial_config *cfg = config;
    struct polynomial_constants constants;

    polynomial_constants(cfg->coefficients.items, (int)cfg->coefficients.count - 1, &constants);
    return constants;
}

static void coefficients_phi(const void *config, ptrdiff_t n, const double *u, double *y,
                             double *dy)
{
    struct polynomial_constants constants = polynomial_prepare(config);

    polynomial_phi(&constants, n, u, y, dy);
}

static void coefficients_diagonal(const void *config, double q, double *k, double *kd)
{
    struct polynomial_constants constants = polynomial_prepare(config);

    polynomial_diagonal(&constants, q, k, kd);
}

PAIRWISE(polynomial)

static advntk_status polynomial_check(const void *config, struct advntk_error *err)
{
    const struct polynomial_config *cfg = config;
    ptrdiff_t count = cfg->coefficients.count;

    if (count < 1 || count > POLYNOMIAL_DEGREE_MAX + 1) {
        return ADVNTK_FAIL(err, EINVALID, "%td coefficients, expected 1 to %d", count,
                           POLYNOMIAL_DEGREE_MAX + 1);
    }
    return ADVNTK_OK;
}

static const struct advntk_activation_ops polynomial_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = coefficients_phi,
    .diagonal = coefficients_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(polynomial_dual32),
    .dual64 = ADVNTK_ISA_TABLE(polynomial_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, polynomial_ops, .name = "polynomial", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "polynomial with given coefficients",
              .params = polynomial_params, .config_bytes = sizeof(struct polynomial_config),
              .check = polynomial_check, .source = "Daniely, Frostig, Singer 2016; Isserlis 1918");
