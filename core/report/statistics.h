/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The statistics of comparisons. All tests are two-sided; a p-value or limit that cannot be had
 * from so few numbers is NaN, never 0. Pure functions of their arguments.
 */
#ifndef ADVNTK_REPORT_STATISTICS_H
#define ADVNTK_REPORT_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct advntk__moments {
    ptrdiff_t n;
    double mean; /* NaN for n = 0 */
    double sd;   /* with n-1; NaN for n < 2 */
};
struct advntk__moments advntk__moments(ptrdiff_t n, const double *x);
/* A 95 % interval of the mean by Student's t; NaN for n < 2. */
void advntk__moments_interval(const struct advntk__moments *m, double *low, double *high);

/*
 * Two classifiers on the same n images: only_a and only_b, the images that one alone gets right.
 * Exact (binomial) form of McNemar, Psychometrika 12 (1947) 153. No such images: 1.
 */
double advntk__mcnemar(int64_t only_a, int64_t only_b);
/* A 95 % interval of accuracy b - accuracy a: half an image added to each of the four cells, then
 * Wald's (Agresti and Min, Statistics in Medicine 24 (2005) 729). n = 0: NaN. */
void advntk__paired_interval(int64_t n, int64_t only_a, int64_t only_b, double *low, double *high);

/* Whether differences d of pairs have mean 0, by Student's t. n < 2, or all alike: NaN (all 0: 1).
 */
double advntk__paired_t(ptrdiff_t n, const double *d);
/* The same by all 2^n changes of sign (Fisher's randomisation): no assumption but symmetry, and
 * never below 2/2^n. 1 <= n <= 20, else NaN. Cost: 2^n. */
double advntk__sign_flips(ptrdiff_t n, const double *d);
/* Whether two samples have one mean, their variances unequal (Welch, Biometrika 34 (1947) 28). NaN
 * where one has fewer than 2 or both have no spread. low, high: 95 % interval of mean b - mean a.
 */
double advntk__welch(const struct advntk__moments *a, const struct advntk__moments *b, double *low,
                     double *high);

/* Raises n p-values so that of all true null hypotheses none is rejected with the chance of one
 * test (Holm, Scandinavian Journal of Statistics 6 (1979) 65). NaNs stay and do not count. false:
 * no memory. */
bool advntk__holm(ptrdiff_t n, const double *p, double *adjusted);

#endif
