/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/gabor: exp(-x^2) sin(x).  */
#include "config.h"

#include "pairwise.h"

#include <advntk/plugin.h>

static void gabor_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        double envelope = exp(-u[i] * u[i]);
        y[i] = envelope * sin(u[i]);
        if (dy) {
            dy[i] = envelope * (cos(u[i]) - 2 * u[i] * sin(u[i]));
        }
    }
}

static void gabor_diagonal(const void *config, double q, double *k, double *kd)
{
    (void)config;
    double N = 1 + 4 * q, z = q / N, W = q / N, h = N + 8 * q * q, g = 8 * q * (3 * q + 1);

    *k = exp(-W) * sinh(z) / sqrt(N);
    *kd = exp(-W) * (h * cosh(z) + g * sinh(z)) / (N * N * sqrt(N));
}

struct gabor_constants {
    int none;
};

static struct gabor_constants gabor_prepare(const void *config)
{
    (void)config;
    return (struct gabor_constants){0};
}

ADVNTK_ISA_INLINE void gabor_pair(const struct gabor_constants *c, struct pair p, struct moments *m)
{
    (void)c;
    /* N, W as in the closed form; z = s/N is at most 1/4 */
    double sum = p.q + p.r, e = 4 * p.gap * p.reach, N = 1 + 2 * sum + e, iN = 1 / N;
    double W = 0.5 * (sum + e) * iN, z = p.s * iN, root = sqrt(iN);
    double E = pairwise_exp(-W) * root, S = pairwise_sinh_small(z), C = sqrt(1 + S * S);
    double h = 1 + 2 * sum + 4 * (p.s * p.s + p.q * p.r), f = e + 3 * sum + 2, g = 4 * p.s * f;
    double U = E * iN * iN, d = h * C + g * S, t = h * S + g * C;
    double N_q = 2 + 4 * p.r, N_r = 2 + 4 * p.q;
    double W_s = -4 * p.s * (1 - 2 * W) * iN, z_s = (1 + 8 * p.s * z) * iN;
    double W_q = 0.5 * (1 + 4 * p.r - 2 * W * N_q) * iN,
           W_r = 0.5 * (1 + 4 * p.q - 2 * W * N_r) * iN;

    m->k = E * S;
    m->kd = U * d;
    m->k_q = -E * ((W_q + 0.5 * N_q * iN) * S + z * N_q * iN * C);
    m->k_r = -E * ((W_r + 0.5 * N_r * iN) * S + z * N_r * iN * C);
    m->kd_s = U * ((20 * z - W_s) * d + 8 * p.s * C + (4 * f - 32 * p.s * p.s) * S + z_s * t);
    m->kd_q = U * ((-W_q - 2.5 * N_q * iN) * d + N_q * C + 4 * p.s * (4 * p.r + 3) * S -
                   z * N_q * iN * t);
    m->kd_r = U * ((-W_r - 2.5 * N_r * iN) * d + N_r * C + 4 * p.s * (4 * p.q + 3) * S -
                   z * N_r * iN * t);
}

PAIRWISE(gabor)

static const struct advntk_activation_ops gabor_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .phi = gabor_phi,
    .diagonal = gabor_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(gabor_dual32),
    .dual64 = ADVNTK_ISA_TABLE(gabor_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, gabor_ops, .name = "gabor", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "exp(-x^2) sin(x)",
              .source = "Tsuchida et al. 2021; neural-tangents");
