/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Adv-NTK coefficients and their gradient, against dense exponentials (GSL) and finite differences.
 */
#include "config.h"
#include "tap.h"

#include "linalg/phi.h"
#include "linalg/sym.h"
#include "plugin.h"

#include <advntk/linear.h>
#include <float.h>
#include <gsl/gsl_linalg.h>

enum { N = 36, C = 4 };

/* like a kernel: a constant, a smooth part and something on the diagonal */
static double theta(ptrdiff_t i, ptrdiff_t j)
{
    return 2 + exp(-fabs((double)(i - j)) / 6) + 0.3 * cos((double)i) * cos((double)j) +
           (i == j ? 0.05 : 0);
}

static struct advntk_sym *matrix(ptrdiff_t n, enum advntk_precision precision)
{
    struct advntk_sym *a = NULL;
    struct advntk_error err;
    if (advntk__sym_new(n, precision, &a, &err) != ADVNTK_OK) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t j = 0; j <= i; j++) {
            advntk__sym_set(a, i, j, theta(i, j));
        }
    }
    return a;
}

/*
 * alpha (n,c) by the exponential of [[-D Theta, D Y], [0, 0]], whose upper right block is the
 * solution of alpha' = D (Y - Theta alpha) at time 1. Needs no inverse; any sign of D.
 */
static void dense(const struct advntk_sym *a, ptrdiff_t c, const double *speed, ptrdiff_t stride,
                  const double *y, ptrdiff_t ldy, double *alpha)
{
    size_t n = (size_t)advntk_sym_size(a), all = n + (size_t)c;
    gsl_matrix *m = gsl_matrix_calloc(all, all), *e = gsl_matrix_alloc(all, all);
    for (size_t i = 0; i < n; i++) {
        double d = speed[i * (size_t)stride];
        for (size_t j = 0; j < n; j++) {
            gsl_matrix_set(m, i, j, -d * advntk__sym_entry(a, (ptrdiff_t)i, (ptrdiff_t)j));
        }
        for (size_t j = 0; j < (size_t)c; j++) {
            gsl_matrix_set(m, i, n + j, d * y[i * (size_t)ldy + j]);
        }
    }
    gsl_linalg_exponential_ss(m, e, GSL_PREC_DOUBLE);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < (size_t)c; j++) {
            alpha[i * (size_t)ldy + j] = gsl_matrix_get(e, i, n + j);
        }
    }
    gsl_matrix_free(m);
    gsl_matrix_free(e);
}

static void dense_all(const struct advntk_sym *a, bool per_column, const double *speed,
                      const double *y, double *alpha)
{
    if (!per_column) {
        dense(a, C, speed, 1, y, C, alpha);
    }
    for (ptrdiff_t c = 0; per_column && c < C; c++) {
        dense(a, 1, speed + c, C, y + c, C, alpha + c);
    }
}

static double dot(ptrdiff_t n, const double *x, const double *y)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        sum += x[i] * y[i];
    }
    return sum;
}

struct flow_case {
    const char *name;
    double size; /* of the speeds */
    int zeros;   /* every zeros-th speed is 0 */
    bool per_column, one_hot;
    double tolerance; /* of alpha against the dense one */
};

/* alpha's entries suffer epsilon times the spectral radius in both ways of computing; Lanczos
 * itself stops below 1e-13 here; GSL's exponential is right to 1e-12 of its largest entry, 1, which
 * is much where alpha is small. The gradient's finite differences (step 1e-4 of the speeds' size,
 * fourth order) leave 1e-9. */
static const struct flow_case cases[] = {
    {"slow", 0.01, 0, false, false, 1e-10},
    {"usual", 1, 0, false, false, 1e-12},
    {"zeros among the speeds", 1, 3, false, false, 1e-12},
    {"one-hot labels, an absent class, equal columns", 1, 0, false, true, 1e-12},
    {"spectral radius 2000", 25, 0, false, false, 1e-10},
    {"a speed for each column", 1, 0, true, false, 1e-12},
    {"a speed for each column, some zero, one-hot", 1, 3, true, true, 1e-12},
};

static void test_gradient(const struct flow_case *t, const struct advntk_sym *a,
                          struct advntk_flow *flow, double *speed, const double *y, const double *g)
{
    static double got[N * C], want[N * C], alpha[N * C];
    ptrdiff_t count = t->per_column ? N * C : N;
    struct advntk_flow_report report;
    struct advntk_error err = {.status = ADVNTK_OK};

    ok(advntk_flow_gradient(flow, g, got, &report, &err) == ADVNTK_OK, "gradient, %s", t->name);
    for (ptrdiff_t i = 0; i < count; i++) {
        static const double at[] = {-2, -1, 1, 2}, weight[] = {1, -8, 8, -1};
        double kept = speed[i], step = 1e-3 * fmin(t->size, 1), sum = 0;
        for (int s = 0; s < 4; s++) {
            speed[i] = kept + at[s] * step;
            dense_all(a, t->per_column, speed, y, alpha);
            sum += weight[s] * dot(N * C, g, alpha);
        }
        speed[i] = kept;
        want[i] = sum / (12 * step);
    }
    is_close(count, got, want, 1e-7, "against finite differences of dense exponentials");
}

static void test_case(struct advntk_host *host, struct advntk_host *two, const struct flow_case *t)
{
    static double speed[N * C], y[N * C], g[N * C], want[N * C], got[N * C], other[N * C],
        slope[N * C];
    ptrdiff_t count = t->per_column ? N * C : N;
    struct advntk_sym *a = matrix(N, ADVNTK_PRECISION_FLOAT64);
    struct advntk_flow *flow = NULL, *second = NULL;
    struct advntk_flow_report report;
    struct advntk_error err = {.status = ADVNTK_OK};
    bool same;

    test_normal(1, count, speed);
    test_normal(2, N * C, y);
    test_normal(3, N * C, g);
    for (ptrdiff_t i = 0; i < count; i++) {
        speed[i] = t->zeros && i % t->zeros == 0 ? 0 : t->size * fabs(speed[i]);
    }
    for (ptrdiff_t i = 0; t->one_hot && i < N; i++) { /* class 1 is absent, column 3 is column 0 */
        for (ptrdiff_t c = 0; c < C; c++) {
            y[i * C + c] = (double)(c == 2 ? i % 2 : c == 1 ? 0 : 1 - i % 2);
        }
    }
    dense_all(a, t->per_column, speed, y, want);
    ok(advntk_flow_new(host, a, C, t->per_column, 1e-13, 0, &flow, &err) == ADVNTK_OK &&
           advntk_flow_new(two, a, C, t->per_column, 1e-13, 0, &second, &err) == ADVNTK_OK,
       "flow, %s", t->name);
    if (!ok(advntk_flow_coefficients(flow, speed, y, got, &report, &err) == ADVNTK_OK,
            "coefficients")) {
        return;
    }
    is_close(N * C, got, want, t->tolerance, "against the dense exponential");
    ok((report.stop == ADVNTK_FLOW_CONVERGED || report.stop == ADVNTK_FLOW_FULL) &&
           report.spectral_radius > 0,
       "%lld blocks, residual %.2g, radius %.3g", (long long)report.blocks, report.residual,
       report.spectral_radius);
    test_gradient(t, a, flow, speed, y, g);
    /* once more with two threads, and a second time in the same memory: the same bits */
    same = advntk_flow_coefficients(second, speed, g, other, NULL, &err) == ADVNTK_OK &&
           advntk_flow_coefficients(second, speed, y, other, NULL, &err) == ADVNTK_OK &&
           memcmp(got, other, sizeof(got)) == 0;
    same &= advntk_flow_gradient(flow, g, slope, NULL, &err) == ADVNTK_OK &&
            advntk_flow_gradient(second, g, other, NULL, &err) == ADVNTK_OK &&
            memcmp(slope, other, (size_t)count * sizeof(double)) == 0;
    ok(same, "the same bits with two threads and in used memory");
    advntk_flow_free(flow);
    advntk_flow_free(second);
    advntk__sym_free(a);
}

static void test_no_speed(struct advntk_host *host)
{
    static double speed[N], y[N * C], g[N * C], alpha[N * C], got[N], want[N], none[N * C];
    struct advntk_sym *a = matrix(N, ADVNTK_PRECISION_FLOAT32);
    struct advntk_flow *flow = NULL;
    struct advntk_flow_report report;
    struct advntk_error err = {.status = ADVNTK_OK};

    test_normal(2, N * C, y);
    test_normal(3, N * C, g);
    ok(advntk_flow_new(host, a, C, false, 0, 0, &flow, &err) == ADVNTK_OK, "flow without speed");
    ok(advntk_flow_gradient(flow, g, got, NULL, &err) == ADVNTK_EINVALID,
       "no gradient before coefficients");
    ok(advntk_flow_coefficients(flow, speed, y, alpha, &report, &err) == ADVNTK_OK &&
           report.stop == ADVNTK_FLOW_FULL && memcmp(alpha, none, sizeof(alpha)) == 0,
       "speed 0: coefficients 0");
    ok(advntk_flow_gradient(flow, g, got, &report, &err) == ADVNTK_OK, "gradient at speed 0");
    for (ptrdiff_t i = 0; i < N; i++) { /* alpha = D Y to first order */
        want[i] = dot(C, y + i * C, g + i * C);
    }
    is_close(N, got, want, 4 * DBL_EPSILON, "is the product of labels and cotangent");
    speed[5] = -1;
    ok(advntk_flow_coefficients(flow, speed, y, alpha, NULL, &err) == ADVNTK_EINVALID &&
           strstr(err.text, "the speed of sample 5 is -1"),
       "a negative speed is refused: %s", err.text);
    speed[5] = (double)NAN;
    ok(advntk_flow_coefficients(flow, speed, y, alpha, NULL, &err) == ADVNTK_EINVALID,
       "NaN is refused");
    speed[5] = 1;
    y[0] = (double)NAN;
    speed[0] = 1;
    ok(advntk_flow_coefficients(flow, speed, y, alpha, NULL, &err) == ADVNTK_ENUMERIC,
       "NaN among the labels is found");
    advntk_flow_free(flow);
    ok(advntk_flow_new(host, a, C, false, 2, 0, &flow, &err) == ADVNTK_EINVALID &&
           advntk_flow_new(host, a, 0, false, 0, 0, &flow, &err) == ADVNTK_ESHAPE,
       "bad tolerances and shapes are refused");
    advntk__sym_free(a);
}

/* float32 stops at its floor, and a limit of blocks is respected and told */
static void test_stops(struct advntk_host *host)
{
    enum { M = 700 };
    struct advntk_sym *a = matrix(M, ADVNTK_PRECISION_FLOAT32),
                      *exact = matrix(M, ADVNTK_PRECISION_FLOAT64);
    struct advntk_flow *flow = NULL;
    struct advntk_flow_report report;
    struct advntk_error err = {.status = ADVNTK_OK};
    double *speed = test_reals(M), *y = test_reals(M * C), *got = test_reals(M * C),
           *want = test_reals(M * C);

    test_normal(1, M, speed);
    test_normal(2, M * C, y);
    for (ptrdiff_t i = 0; i < M; i++) {
        speed[i] = fabs(speed[i]);
        for (ptrdiff_t j = 0; j <= i; j++) { /* the same numbers in both */
            advntk__sym_set(exact, i, j, advntk__sym_entry(a, i, j));
        }
    }
    ok(advntk_flow_new(host, exact, C, false, 1e-13, 0, &flow, &err) == ADVNTK_OK &&
           advntk_flow_coefficients(flow, speed, y, want, &report, &err) == ADVNTK_OK,
       "float64");
    advntk_flow_free(flow);
    ok(advntk_flow_new(host, a, C, false, 1e-12, 0, &flow, &err) == ADVNTK_OK &&
           advntk_flow_coefficients(flow, speed, y, got, &report, &err) == ADVNTK_OK,
       "float32");
    ok(report.stop == ADVNTK_FLOW_STAGNATED && report.residual < 1e-4,
       "float32 stops at its floor: %lld blocks, residual %.2g, radius %.3g",
       (long long)report.blocks, report.residual, report.spectral_radius);
    is_close(M * C, got, want, 4 * report.residual, "and is as right as it says");
    advntk_flow_free(flow);
    ok(advntk_flow_new(host, a, C, false, 0, 2, &flow, &err) == ADVNTK_OK &&
           advntk_flow_coefficients(flow, speed, y, got, &report, &err) == ADVNTK_OK &&
           report.stop == ADVNTK_FLOW_LIMIT && report.blocks == 2,
       "two blocks at most");
    is_close(M * C, got, want, 20 * report.residual, "with an error that it knows");
    advntk_flow_free(flow);
    advntk__sym_free(a);
    advntk__sym_free(exact);
    advntk_free(speed);
    advntk_free(y);
    advntk_free(got);
    advntk_free(want);
}

/* phi2 and its slope against Simpson sums of their integrals, 40000 panels: error (50/40000)^4/180
 */
static void test_phi(void)
{
    static const double points[] = {0, -1e-9, -1e-3, -0.5, -1.9999, -2.0001, -7, -50};
    enum { COUNT = sizeof(points) / sizeof(points[0]), PANELS = 40000 };
    for (int i = 0; i < COUNT; i++) {
        for (int j = 0; j < COUNT; j++) {
            /* phi2[x,y]: integral of (1-s) s^... : mean over v of phi2' at the points between */
            double sum = 0, value = 0,
                   got[2] = {advntk__phi2(points[i]), advntk__phi2_slope(points[i], points[j])},
                   want[2];
            for (int k = 0; k <= PANELS; k++) {
                double s = (double)k / PANELS, w = k == 0 || k == PANELS ? 1 : k % 2 ? 4 : 2;
                double gap = s * (points[i] - points[j]);
                /* (e^(sx) - e^(sy))/(x - y) = s e^(sy) (e^(s(x-y)) - 1)/(s(x-y)) */
                sum += w * (1 - s) * s * exp(s * points[j]) * (gap == 0 ? 1 : expm1(gap) / gap);
                value += w * (1 - s) * exp(s * points[i]);
            }
            want[0] = value / (3 * PANELS);
            want[1] = sum / (3 * PANELS);
            ok(fabs(got[0] / want[0] - 1) < 1e-11 && fabs(got[1] / want[1] - 1) < 1e-9,
               "phi2 and its slope at %g, %g (%.2g, %.2g)", points[i], points[j],
               got[0] / want[0] - 1, got[1] / want[1] - 1);
        }
    }
}

int main(void)
{
    struct advntk_host *host = test_host(1), *two = test_host(2);
    test_phi();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_case(host, two, &cases[i]);
    }
    test_no_speed(host);
    test_stops(two);
    test_host_free(host);
    test_host_free(two);
    return done_testing();
}
