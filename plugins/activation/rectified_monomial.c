/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * activation/rectified_monomial: x^degree for x > 0, else 0.
 *
 * Its dual is a^n b^n M(n,n), M(i,j) = E u+^i v+^j for unit variances and correlation c.
 * Integration by parts gives, with h = sqrt(1 - c^2) and half moments g_j = E z+^j, M(i,j) = (i-1)
 * M(i-2,j) + c j M(i-1,j-1)             i >= 2, j >= 1 M(1,j) = h^j g_j/sqrt(2 pi) + c j M(0,j-1)
 * j >= 1 M(i,0) = (i-1) M(i-2,0) + c h^(i-1) g_(i-1)/sqrt(2 pi)   i >= 2 M(0,0) = (pi - acos c)/(2
 * pi),   M(1,0) = (1 + c)/(2 sqrt(2 pi)),   M(i,j) = M(j,i) and Stein's identities the partials,
 * from moments of lower degree: nothing is divided by h but for degree 1, the relu.
 */
#include "config.h"

#include "pairwise.h"

#include <advntk/plugin.h>

enum { RECTIFIED_DEGREE_MAX = 12, RECTIFIED_SIDE = RECTIFIED_DEGREE_MAX + 1 };

struct rectified_monomial_config {
    int64_t degree;
};

static const struct advntk_param rectified_monomial_params[] = {
    ADVNTK_INT(struct rectified_monomial_config, degree, 2, 1, RECTIFIED_DEGREE_MAX,
               .help = "power; 1 is relu"),
    ADVNTK_PARAM_END};

static const double rectified_monomial_kinks[] = {0};

static double power(double x, int n)
{
    double y = 1;
    for (int i = 0; i < n; i++) {
        y *= x;
    }
    return y;
}

static void rectified_monomial_phi(const void *config, ptrdiff_t n, const double *u, double *y,
                                   double *dy)
{
    const struct rectified_monomial_config *cfg = config;
    int degree = (int)cfg->degree;

    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = u[i] > 0 ? power(u[i], degree) : 0;
        if (dy) {
            double at_kink = degree == 1 && !(u[i] < 0) ? 0.5 : 0;
            dy[i] = u[i] > 0 ? degree * power(u[i], degree - 1) : at_kink;
        }
    }
}

static void rectified_monomial_diagonal(const void *config, double q, double *k, double *kd)
{
    const struct rectified_monomial_config *cfg = config;
    int n = (int)cfg->degree;
    double value = 0.5, slope; /* E u^2n / 2 = (2n-1)!! q^n / 2 */

    slope = 0.5 * n * n;
    for (int i = 1; i <= n; i++) {
        value *= (2 * i - 1) * q;
        slope *= i < n ? (2 * i - 1) * q : 1;
    }
    *k = value;
    *kd = slope;
}

struct rectified_monomial_constants {
    int n;
    double half[RECTIFIED_SIDE + 1]; /* g_j / sqrt(2 pi) */
};

static struct rectified_monomial_constants rectified_monomial_prepare(const void *config)
{
    const struct rectified_monomial_config *cfg = config;
    struct rectified_monomial_constants c = {.n = (int)cfg->degree};
    double root = sqrt(2 * ADVNTK_DUAL_PI);

    c.half[0] = 0.5 / root;
    c.half[1] = 1 / (root * root);
    for (int j = 2; j <= RECTIFIED_SIDE; j++) {
        c.half[j] = (j - 1) * c.half[j - 2];
    }
    return c;
}

/* M(i,j) for i, j <= n */
ADVNTK_ISA_INLINE void rectified_table(const struct rectified_monomial_constants *k, double c,
                                       double h, double M[RECTIFIED_SIDE][RECTIFIED_SIDE])
{
    double h_power = h; /* h^i */

    M[0][0] = advntk_dual_supplement64(c, h) / (2 * ADVNTK_DUAL_PI);
    M[1][0] = M[0][1] = (1 + c) * k->half[0];
    for (int i = 2; i <= k->n; i++) {
        M[i][0] = M[0][i] = (i - 1) * M[i - 2][0] + c * h_power * k->half[i - 1];
        h_power *= h;
    }
    h_power = h;
    for (int j = 1; j <= k->n; j++) {
        M[1][j] = M[j][1] = h_power * k->half[j] + c * j * M[0][j - 1];
        h_power *= h;
    }
    for (int i = 2; i <= k->n; i++) {
        for (int j = i; j <= k->n; j++) {
            M[i][j] = M[j][i] = (i - 1) * M[i - 2][j] + c * j * M[i - 1][j - 1];
        }
    }
}

ADVNTK_ISA_INLINE void rectified_monomial_pair(const struct rectified_monomial_constants *k,
                                               struct pair p, struct moments *m)
{
    double M[RECTIFIED_SIDE][RECTIFIED_SIDE], ratio = p.s * p.ia * p.ib;
    double c = ratio < -1 ? -1 : (ratio > 1 ? 1 : ratio), h2 = (1 - c) * (1 + c), h = sqrt(h2);
    int n = k->n;
    double ab = p.a * p.b, second = 0.5 * n * (n - 1), n4 = (double)n * n * (n - 1) * (n - 1);
    double ab1 = power(ab, n - 1), ab2 = n > 1 ? power(ab, n - 2) : 0;

    rectified_table(k, c, h, M);
    m->k = ab1 * ab * M[n][n];
    m->kd = n * n * ab1 * M[n - 1][n - 1];
    if (n == 1) {
        double u = 1 / (4 * ADVNTK_DUAL_PI * sqrt(h2 < p.clamp ? p.clamp : h2));
        m->k_q = p.b * p.ia * h / (4 * ADVNTK_DUAL_PI);
        m->k_r = p.a * p.ib * h / (4 * ADVNTK_DUAL_PI);
        m->kd_s = 2 * u * p.ia * p.ib;
        m->kd_q = -u * c * p.ia * p.ia;
        m->kd_r = -u * c * p.ib * p.ib;
        return;
    }
    m->k_q = second * ab2 * p.r * M[n - 2][n];
    m->k_r = second * ab2 * p.q * M[n][n - 2];
    m->kd_s = n4 * ab2 * M[n - 2][n - 2];
    if (n == 2) {
        m->kd_q = p.b * p.ia * h / ADVNTK_DUAL_PI;
        m->kd_r = p.a * p.ib * h / ADVNTK_DUAL_PI;
        return;
    }
    second = 0.5 * n * n * (n - 1) * (n - 2) * power(ab, n - 3);
    m->kd_q = second * p.r * M[n - 3][n - 1];
    m->kd_r = second * p.q * M[n - 1][n - 3];
}

PAIRWISE(rectified_monomial)

static const struct advntk_activation_ops rectified_monomial_ops = {
    .variance_min = 0,
    .variance_max = HUGE_VAL,
    .kinks = rectified_monomial_kinks,
    .kink_count = 1,
    .phi = rectified_monomial_phi,
    .diagonal = rectified_monomial_diagonal,
    .dual32 = ADVNTK_ISA_TABLE(rectified_monomial_dual32),
    .dual64 = ADVNTK_ISA_TABLE(rectified_monomial_dual64),
};

ADVNTK_PLUGIN(
    ACTIVATION, rectified_monomial_ops, .name = "rectified_monomial", .version = "1.0.0",
    .licence = "GPL-3.0-or-later", .summary = "x^degree for x > 0, else 0",
    .doc = "Degree 1 is the relu: derivatives of E phi'phi' are singular where two images "
           "coincide; there 1 - c^2, c the correlation, is taken as at least 16 eps of "
           "the precision.",
    .params = rectified_monomial_params, .config_bytes = sizeof(struct rectified_monomial_config),
    .source = "Cho and Saul 2009");
