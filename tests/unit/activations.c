/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dual moments of activations: k and kd against two-dimensional quadrature of the activation
 * itself, partials against differences of k and kd, float32 against float64, every instruction set,
 * and the edges: correlation +-1, zero variance.
 */
#include "config.h"
#include "tap.h"

#include "activation_kind.h"
#include "engine.h"
#include "isa.h"

#include <gsl/gsl_integration.h>

enum { NODES = 24, PANELS = 16, POINTS = NODES * PANELS };
static const double REACH = 12; /* standard deviations: exp(-72) is below eps^4 */

static const struct kind kinds[] = {
    {.name = "ab_relu", .parameter = {"a", "b"}, .value = {-0.5, 1.2}},
    {.name = "gelu"},
    {.name = "sin", .parameter = {"a", "b", "c"}, .value = {1.1, 0.7, 0.3}},
    {.name = "cos", .parameter = {"a", "b", "c"}, .value = {0.9, 0.8, -0.2}},
    {.name = "rbf", .parameter = {"gamma"}, .value = {0.4}},
    {.name = "gaussian", .parameter = {"a", "b"}, .value = {1.2, -0.3}},
    {.name = "exp", .parameter = {"a", "b"}, .value = {0.5, 0.3}},
    {.name = "gabor"},
    {.name = "sign", .flat = true},
    {.name = "monomial", .degree = 1},
    {.name = "monomial", .degree = 5},
    {.name = "rectified_monomial", .degree = 1},
    {.name = "rectified_monomial", .degree = 2},
    {.name = "rectified_monomial", .degree = 3},
    {.name = "rectified_monomial", .degree = 4},
    {.name = "hermite", .degree = 4},
    {.name = "polynomial"},
    {.name = "exp_normalized",
     .parameter = {"gamma", "shift"},
     .value = {0.6, -1},
     .unit_only = true},
};

/* variances and correlation */
static const double cases[][3] = {{1, 1, 0.3},    {0.7, 2.1, -0.6}, {3.1, 0.2, 0.95},
                                  {1, 1, -0.8},   {0.05, 1.3, 0.1}, {1.7, 1.7, 0},
                                  {2.5, 0.9, 0.5}};

/* All seven moments of one pair in float64, order: k, kd, k_q, k_r, kd_s, kd_q, kd_r. */
static void dual(const struct advntk_slot *slot, int isa, double q, double r, double s,
                 double out[7])
{
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    double a = sqrt(q), b = sqrt(r), ia = q > 0 ? 1 / a : 0, ib = r > 0 ? 1 / b : 0;
    struct advntk_pairs64 p = {1, &s, &a, &b, &ia, &ib};
    struct advntk_duals64 d = {&out[0], &out[1], &out[2], &out[3], &out[4], &out[5], &out[6]};

    ops->dual64[isa](slot->config, &p, &d);
}

static void dual_narrow(const struct advntk_slot *slot, int isa, double q, double r, double s,
                        double out[7])
{
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    float a = (float)sqrt(q), b = (float)sqrt(r), t = (float)s, o[7];
    float ia = q > 0 ? 1 / a : 0, ib = r > 0 ? 1 / b : 0;
    struct advntk_pairs32 p = {1, &t, &a, &b, &ia, &ib};
    struct advntk_duals32 d = {&o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &o[6]};

    ops->dual32[isa](slot->config, &p, &d);
    for (int i = 0; i < 7; i++) {
        out[i] = (double)o[i];
    }
}

/* Gauss-Legendre nodes on [-REACH, split] and [split, REACH], with the normal density in the
 * weights. */
static void rule(const gsl_integration_glfixed_table *table, double split, double *x, double *w)
{
    double middle = split < -REACH + 1 ? 0 : (split > REACH - 1 ? 0 : split);
    int half = PANELS / 2;

    for (int p = 0; p < PANELS; p++) {
        double low = p < half ? -REACH : middle, high = p < half ? middle : REACH;
        double step = (high - low) / half, from = low + step * (p % half);
        for (int i = 0; i < NODES; i++) {
            int n = p * NODES + i;
            gsl_integration_glfixed_point(from, from + step, (size_t)i, &x[n], &w[n], table);
            w[n] *= exp(-0.5 * x[n] * x[n]) / sqrt(2 * acos(-1));
        }
    }
}

/* E f(u) f(v) and E f'(u) f'(v); the inner rule is split where v = 0, so that kinks cost nothing.
 */
static void integrate(const struct advntk_slot *slot, double q, double r, double c, double *k,
                      double *kd)
{
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    gsl_integration_glfixed_table *table = gsl_integration_glfixed_table_alloc(NODES);
    static double x[POINTS], w[POINTS], y[POINTS], wy[POINTS], u[POINTS], fu[POINTS], du[POINTS];
    static double v[POINTS], fv[POINTS], dv[POINTS];
    double h = sqrt(1 - c * c);

    rule(table, 0, x, w);
    for (int i = 0; i < POINTS; i++) {
        u[i] = sqrt(q) * x[i];
    }
    ops->phi(slot->config, POINTS, u, fu, du);
    *k = *kd = 0;
    for (int i = 0; i < POINTS; i++) {
        double inner = 0, inner_d = 0;
        rule(table, -c * x[i] / h, y, wy);
        for (int j = 0; j < POINTS; j++) {
            v[j] = sqrt(r) * (c * x[i] + h * y[j]);
        }
        ops->phi(slot->config, POINTS, v, fv, dv);
        for (int j = 0; j < POINTS; j++) {
            inner += wy[j] * fv[j];
            inner_d += wy[j] * dv[j];
        }
        *k += w[i] * fu[i] * inner;
        *kd += w[i] * du[i] * inner_d;
    }
    gsl_integration_glfixed_table_free(table);
}

/* Derivative of moment `which` in q, r or s (direction 0, 1, 2) by five points: error h^4. */
static double difference(const struct advntk_slot *slot, const double at[3], int direction,
                         int which)
{
    double h = 1e-3 * (direction == 2 ? sqrt(at[0] * at[1]) : at[direction]), f[4];
    static const double offset[4] = {-2, -1, 1, 2};

    for (int i = 0; i < 4; i++) {
        double p[3] = {at[0], at[1], at[2]}, out[7];
        p[direction] += offset[i] * h;
        dual(slot, 0, p[0], p[1], p[2], out);
        f[i] = out[which];
    }
    return (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
}

static double worse(double worst, double error)
{
    return isnan(error) || error > worst ? error : worst;
}

/* 384 x 384 nodes, weights that sum to 1: 1e-12 of the moments at c = 1. */
static void test_moments(const struct kind *kind, const struct advntk_slot *slot)
{
    double worst = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double q = cases[i][0], r = cases[i][1], c = cases[i][2], k, kd, out[7], own[7], other[7];
        if (kind->unit_only && (q < 1 || q > 1 || r < 1 || r > 1)) {
            continue;
        }
        integrate(slot, q, r, c, &k, &kd);
        dual(slot, 0, q, r, c * sqrt(q * r), out);
        dual(slot, 0, q, q, q, own);
        dual(slot, 0, r, r, r, other);
        worst = worse(worst, fabs(out[0] - k) / sqrt(own[0] * other[0]));
        worst = worse(worst, fabs(out[1] - kd) / (sqrt(own[1] * other[1]) + 1e-300));
    }
    ok(worst < 1e-12, "%s %d: moments by quadrature (%.2g)", kind->name, (int)kind->degree, worst);
}

/* Differences: h^4 f^(5) and eps/h = 1e-13 of terms that the correlation 0.95 makes 100 times
 * larger. */
static void test_partials(const struct kind *kind, const struct advntk_slot *slot)
{
    static const int which[6] = {0, 0, 0, 1, 1, 1}, direction[6] = {0, 1, 2, 2, 0, 1};
    static const int partial[6] = {2, 3, 1, 4, 5, 6};
    double worst = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double at[3] = {cases[i][0], cases[i][1], cases[i][2] * sqrt(cases[i][0] * cases[i][1])};
        double out[7];
        dual(slot, 0, at[0], at[1], at[2], out);
        for (int j = 0; j < 6 && !kind->flat; j++) {
            double want = difference(slot, at, direction[j], which[j]);
            worst = worse(worst,
                          fabs(out[partial[j]] - want) / (fabs(want) + fabs(out[which[j]]) + 1e-3));
        }
        for (int j = 1; j < 7 && kind->flat; j++) {
            worst = worse(worst, fabs(out[j]));
        }
    }
    ok(worst < 1e-7, "%s %d: partials by differences (%.2g)", kind->name, (int)kind->degree, worst);
}

/* Diagonals, the other instruction sets, float32. */
static void test_variants(const struct kind *kind, const struct advntk_slot *slot, int best)
{
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    double diagonal = 0, wide = 0, narrow = 0;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double q = cases[i][0], r = cases[i][1], s = cases[i][2] * sqrt(q * r), k, kd;
        double own[7], want[7], got[7];
        dual(slot, 0, q, q, q, own);
        ops->diagonal(slot->config, q, &k, &kd);
        diagonal = worse(diagonal, fabs(k - own[0]) / k);
        diagonal = worse(diagonal, fabs(kd - own[1]) / (kd + 1e-300));
        dual(slot, 0, q, r, s, want);
        for (int isa = test_first_isa(best); isa <= best; isa++) {
            for (int j = 0; j < 7; j++) {
                dual(slot, isa, q, r, s, got);
                wide = worse(wide, fabs(got[j] - want[j]) / (fabs(want[j]) + 1e-3));
                dual_narrow(slot, isa, q, r, s, got);
                narrow = worse(narrow, fabs(got[j] - want[j]) / (fabs(want[j]) + 1e-1));
            }
        }
    }
    /* a few operations; where the angle enters, 1 - c of eps becomes an angle of sqrt(2 eps) */
    ok(diagonal < (ops->kink_count ? 1e-7 : 1e-13), "%s %d: diagonal (%.2g)", kind->name,
       (int)kind->degree, diagonal);
    ok(wide < 1e-12, "%s %d: instruction sets alike (%.2g)", kind->name, (int)kind->degree, wide);
    /* inputs rounded to 2^-24, times conditions of up to 50 (kd_s of relu at c = 0.95) */
    ok(narrow < 1e-5, "%s %d: float32 (%.2g)", kind->name, (int)kind->degree, narrow);
}

/* The derivative of a variance's moment is kd + k_q + k_r at u = v, although each of the three is
 * only known to sqrt(eps) there. Differences: h^4 f^(5) and eps/h. */
static void test_slopes(const struct kind *kind, const struct advntk_slot *slot)
{
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    static const double offset[4] = {-2, -1, 1, 2};
    double worst = 0;

    for (int i = 0; i < 200 && !kind->flat && !kind->unit_only; i++) {
        double q = 0.3 + 0.0137 * i, h = 1e-3 * q, f[4], unused, out[7], want;
        for (int j = 0; j < 4; j++) {
            ops->diagonal(slot->config, q + offset[j] * h, &f[j], &unused);
        }
        want = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * h);
        dual(slot, 0, q, q, q, out);
        worst = worse(worst, fabs(out[1] + out[2] + out[3] - want) / (fabs(want) + out[0] / q));
    }
    ok(worst < 1e-10, "%s %d: slopes of variances (%.2g)", kind->name, (int)kind->degree, worst);
}

static void test_edges(const struct kind *kind, const struct advntk_slot *slot)
{
    static const double edge[][3] = {{1, 1, 1}, {1, 1, -1}, {0, 1, 0},         {0, 0, 0},
                                     {2, 3, 3}, {1, 4, -3}, {1e-30, 1e-30, 0}, {1e-12, 1, 1e-7}};
    double sum = 0;

    for (size_t i = 0; i < sizeof(edge) / sizeof(edge[0]); i++) {
        double out[7], narrow[7];
        dual(slot, 0, edge[i][0], edge[i][1], edge[i][2], out);
        dual_narrow(slot, 0, edge[i][0], edge[i][1], edge[i][2], narrow);
        for (int j = 0; j < 7; j++) {
            sum += 0 * out[j];
            sum += edge[i][0] < 1e-29 && edge[i][0] > 0 ? 0 : 0 * narrow[j];
        }
    }
    ok(!isnan(sum), "%s %d: finite at the edges", kind->name, (int)kind->degree);
}

int main(void)
{
    struct advntk_host *host = host_open(1, -1);

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct advntk_slot slot = open_kind(&kinds[i]);
        test_moments(&kinds[i], &slot);
        test_partials(&kinds[i], &slot);
        test_variants(&kinds[i], &slot, host->isa);
        test_slopes(&kinds[i], &slot);
        test_edges(&kinds[i], &slot);
        slot_close(&slot);
    }
    host_close(host);
    return done_testing();
}
