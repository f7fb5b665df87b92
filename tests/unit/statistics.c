/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statistics of comparisons against scipy 1.10.1 (numpy 1.24.2): binomtest, ttest_1samp,
 * t.interval, permutation_test, ttest_ind(equal_var=False), norm.ppf; and what needs no program.
 * Tolerance 1e-12: both sides are double precision functions of a few operations.
 */
#include "config.h"

#include "report/statistics.h"
#include "tap.h"

static const double tolerance = 1e-12;

static void test_mcnemar(void)
{
    static const struct {
        int64_t a, b;
        double p;
    } rows[] = {{0, 0, 1},
                {3, 3, 1},
                {1, 9, 0.021484375},
                {40, 22, 0.030015864349067285},
                {22, 40, 0.030015864349067285},
                {0, 6, 0.03125},
                {500, 400, 0.0009564441369189373}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        double p = advntk__mcnemar(rows[i].a, rows[i].b);
        is_close(1, &p, &rows[i].p, tolerance, "McNemar's exact test");
    }
}

static void test_paired_interval(void)
{
    static const struct {
        int64_t n, a, b;
        double limits[2];
    } rows[] = {{500, 40, 22, {-0.06668693107352357, -0.005026216336835008}},
                {100, 0, 0, {-0.019215333181765236, 0.019215333181765236}},
                {10, 9, 0, {-1, -0.4555520564865886}}}; /* cut at -1 */
    double got[2];

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        advntk__paired_interval(rows[i].n, rows[i].a, rows[i].b, &got[0], &got[1]);
        is_close(2, got, rows[i].limits, tolerance, "interval of a paired difference");
    }
    advntk__paired_interval(0, 0, 0, &got[0], &got[1]);
    ok(isnan(got[0]) && isnan(got[1]), "no images, no interval");
}

static void test_seeds(void)
{
    static const double d[] = {0.031, 0.012, 0.05, -0.004, 0.027}, zeros[3] = {0};
    static const double alike[] = {0.1 + 0.2 - 0.3 + 0.02, 0.02, 0.02};
    static const double want[] = {
        0.0232, 0.02036418424587639, -0.00208547443089303, 0.04848547443089303, 0.06347677049236658,
        0.125};
    struct advntk__moments m = advntk__moments(5, d);
    double got[6] = {m.mean, m.sd, 0, 0, advntk__paired_t(5, d), advntk__sign_flips(5, d)};

    advntk__moments_interval(&m, &got[2], &got[3]);
    is_close(6, got, want, tolerance, "mean, sd, interval, paired t, sign flips");
    ok(isnan(advntk__paired_t(1, d)), "one pair: no t test");
    ok(advntk__paired_t(3, zeros) == 1, "no differences at all: p = 1");
    ok(isnan(advntk__paired_t(3, alike)), "differences without spread: t says nothing, not p = 0");
    ok(advntk__sign_flips(3, alike) == 0.25, "sign flips say 2 of 8, rounding or not");
    ok(advntk__sign_flips(3, zeros) == 1, "and 1 for zeros");
    ok(isnan(advntk__sign_flips(21, d)) && isnan(advntk__sign_flips(0, d)), "within its range");
    m = advntk__moments(1, d);
    advntk__moments_interval(&m, &got[0], &got[1]);
    ok(m.mean == d[0] && isnan(m.sd) && isnan(got[0]) && isnan(got[1]), "one value has no spread");
    ok(isnan(advntk__moments(0, d).mean), "and none has no mean");
}

static void test_welch(void)
{
    static const double a[] = {0.91, 0.93, 0.90, 0.94}, b[] = {0.95, 0.955, 0.948};
    static const double same[] = {0.5, 0.5},
                        want[] = {0.03932110303977176, 0.0027066997816309023, 0.05929330021836893};
    struct advntk__moments ma = advntk__moments(4, a), mb = advntk__moments(3, b),
                           one = advntk__moments(1, a), flat = advntk__moments(2, same);
    double got[3];

    got[0] = advntk__welch(&ma, &mb, &got[1], &got[2]);
    is_close(3, got, want, tolerance, "Welch's test and interval");
    ok(isnan(advntk__welch(&one, &mb, &got[1], &got[2])) && isnan(got[1]), "needs two of each");
    ok(isnan(advntk__welch(&flat, &flat, &got[1], &got[2])), "and some spread");
}

static void test_holm(void)
{
    /* R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") */
    static const double p[] = {0.01, 0.04, 0.03, 0.005}, want[] = {0.03, 0.06, 0.06, 0.02};
    static const double gaps[] = {0.02, (double)NAN, 0.9, 0.9};
    double got[4];

    ok(advntk__holm(4, p, got), "Holm's correction");
    is_close(4, got, want, tolerance, "of four p-values");
    ok(advntk__holm(4, gaps, got) && fabs(got[0] - 0.06) < tolerance && isnan(got[1]) &&
           got[2] == 1 && got[3] == 1,
       "a test that could not be made does not count, and none is above 1");
}

int main(void)
{
    test_mcnemar();
    test_paired_interval();
    test_seeds();
    test_welch();
    test_holm();
    return done_testing();
}
