/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/sign: -1, 0 or 1. The dual is the arc-cosine kernel of degree 0, shifted. */
#include "config.h"

#include "pairwise.h"

#include <advntk/plugin.h>

static const double sign_kinks[] = {0};

static void sign_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = u[i] > 0 ? 1 : (u[i] < 0 ? -1 : 0);
        if (dy) {
            dy[i] = 0;
        }
    }
}

static void sign_diagonal(const void *config, double q, double *k, double *kd)
{
    (void)config;
    *k = q > 0 ? 1 : 0;
    *kd = 0;
}

struct sign_constants {
    int none;
};

static struct sign_constants sign_prepare(const void *config)
{
    (void)config;
    return (struct sign_constants){0};
}

ADVNTK_ISA_INLINE void sign_pair(const struct sign_constants *c, struct pair p, struct moments *m)
{
    (void)c;
    double ratio = p.s * p.ia * p.ib;
    double cosine = ratio < -1 ? -1 : (ratio > 1 ? 1 : ratio);
    double h = sqrt((1 - cosine) * (1 + cosine));

    m->k = 2 / ADVNTK_DUAL_PI * advntk_dual_supplement64(cosine, h) - 1;
    m->kd = 0;
    m->k_q = 0;
    m->k_r = 0;
    m->kd_s = 0;
    m->kd_q = 0;
    m->kd_r = 0;
}

PAIRWISE(sign)

static const struct advntk_activation_ops sign_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .kinks = sign_kinks,
    .kink_count = 1,
    .phi = sign_phi,
    .diagonal = sign_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(sign_dual32),
    .dual64 = ADVNTK_ISA_TABLE(sign_dual64),
};

ADVNTK_PLUGIN(
    ACTIVATION, sign_ops, .name = "sign", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "sign of x: -1, 0 or 1",
    .doc = "Its derivative is taken as 0, as a gradient-based training or attack sees it: the "
           "tangent kernel is that of the layers behind it, and the input gradient is 0.",
    .source = "Cho and Saul 2009");
