/* SPDX-License-Identifier: GPL-3.0-or-later */
/* activation/gelu: x Phi(x), Phi the normal distribution function. Closed form of its dual:
 * Tsuchida et al. 2021; the partial derivatives are those of the closed form. */
#include "config.h"

#include "pairwise.h"

#include <advntk/plugin.h>

static void gelu_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        double cdf = 0.5 * erfc(-u[i] / sqrt(2));
        y[i] = u[i] * cdf;
        if (dy) {
            dy[i] = cdf + u[i] * exp(-0.5 * u[i] * u[i]) / sqrt(2 * ADVNTK_DUAL_PI);
        }
    }
}

static void gelu_diagonal(const void *config, double q, double *k, double *kd)
{
    (void)config;
    double root = sqrt(1 + 2 * q), angle = atan2(q, root);
    double q1 = q + 1;

    *k = q * (q / (q1 * root) / ADVNTK_DUAL_PI + angle / (2 * ADVNTK_DUAL_PI) + 0.25);
    *kd = (q / root * (1 / (root * root) + 2 / q1) + angle) / (2 * ADVNTK_DUAL_PI) + 0.25;
}

struct gelu_constants {
    int none;
};

static struct gelu_constants gelu_prepare(const void *config)
{
    (void)config;
    return (struct gelu_constants){0};
}

ADVNTK_ISA_INLINE void gelu_pair(const struct gelu_constants *c, struct pair p, struct moments *m)
{
    (void)c;
    /* d^2 = (q+1)(r+1) - s^2, e = q r */
    const double unit = 1 / (2 * ADVNTK_DUAL_PI);
    double q1 = p.q + 1, r1 = p.r + 1, P = q1 * r1, e = p.q * p.r;
    double d2 = 1 + p.q + p.r + p.gap * p.reach, d = sqrt(d2), id = 1 / d, id2 = id * id;
    double s2 = p.s * p.s, root = sqrt(P), z = p.s / root, g = d / root;
    double size = z < 0 ? -z : z, y = size <= g ? size : g;
    double near = y * advntk_asin_ratio64(y * y);
    double angle = size <= g ? near : ADVNTK_DUAL_PI / 2 - near;
    double A = z < 0 ? -angle : angle;
    double F = id2 + (2 + p.q + p.r) / P; /* (1 - e)/P + 1, the large e cancelled by hand */
    double common = -s2 * id * (1 / P + 0.5 * id2) + 0.5 * (e - s2) * id;

    m->k = unit * (s2 * id / P + e * d / P + p.s * A) + 0.25 * p.s;
    m->kd = unit * (p.s * id * F + A) + 0.25;
    m->k_q = unit / q1 * (common + p.r * d / P);
    m->k_r = unit / r1 * (common + p.q * d / P);
    m->kd_s = unit * (P * id * id2 * F + 2 * s2 * id * id2 * id2 + id);
    m->kd_q = unit * p.s *
              (-0.5 * r1 * id * id2 * F - id * (r1 * id2 * id2 + 1 / (q1 * q1)) - 0.5 * id / q1);
    m->kd_r = unit * p.s *
              (-0.5 * q1 * id * id2 * F - id * (q1 * id2 * id2 + 1 / (r1 * r1)) - 0.5 * id / r1);
}

PAIRWISE(gelu)

static const struct advntk_activation_ops gelu_ops = {
    .variance_min = 0,
    .variance_max = 1e100, /* products of three are formed */
    .phi = gelu_phi,
    .diagonal = gelu_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(gelu_dual32),
    .dual64 = ADVNTK_ISA_TABLE(gelu_dual64),
};

ADVNTK_PLUGIN(ACTIVATION, gelu_ops, .name = "gelu", .version = "1.0.0",
              .licence = "GPL-3.0-or-later",
              .summary = "x Phi(x), Phi the normal distribution function",
              .source = "Hendrycks and Gimpel 2016; Tsuchida et al. 2021");
