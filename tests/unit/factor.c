/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Products with symmetric tiled matrices and their Cholesky factors, against plain loops and GSL.
 */
#include "config.h"
#include "tap.h"

#include "isa.h"
#include "linalg/sym.h"
#include "plugin.h"

#include <float.h>
#include <gsl/gsl_linalg.h>

static const ptrdiff_t sizes[] = {1, 5, 511, 512, 513, 1100};

/* exp(-|i-j|/40) (positive definite: Ornstein and Uhlenbeck's covariance) + 3, as deep kernels are
 */
static double entry(ptrdiff_t i, ptrdiff_t j)
{
    return 3 + exp(-fabs((double)(i - j)) / 40);
}

static struct advntk_sym *matrix(ptrdiff_t n, enum advntk_precision precision,
                                 double (*value)(ptrdiff_t, ptrdiff_t))
{
    struct advntk_sym *a = NULL;
    struct advntk_error err;
    if (advntk__sym_new(n, precision, &a, &err) != ADVNTK_OK) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t j = 0; j <= i; j++) {
            advntk__sym_set(a, i, j, value(i, j));
        }
    }
    return a;
}

static void plain_product(const struct advntk_sym *a, ptrdiff_t k, const double *x, double *y)
{
    ptrdiff_t n = advntk_sym_size(a);
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t c = 0; c < k; c++) {
            long double sum = 0;
            for (ptrdiff_t j = 0; j < n; j++) {
                sum += (long double)advntk__sym_entry(a, i, j) * (long double)x[j * k + c];
            }
            y[i * k + c] = (double)sum;
        }
    }
}

static void test_product(struct advntk_host *one, struct advntk_host *two, ptrdiff_t n, ptrdiff_t k,
                         enum advntk_precision precision)
{
    struct advntk_sym *a = matrix(n, precision, entry);
    double *x = test_reals(n * k), *want = test_reals(n * k), *got = test_reals(n * k),
           *other = test_reals(n * k);
    double epsilon = precision == ADVNTK_PRECISION_FLOAT32 ? (double)FLT_EPSILON : DBL_EPSILON;
    int best = one->isa;
    struct advntk_error err = {.status = ADVNTK_OK};

    test_normal(3, n * k, x);
    plain_product(a, k, x, want);
    for (int isa = test_first_isa(best); isa <= best; isa++) {
        one->isa = two->isa = isa;
        ok(advntk_sym_apply(one, a, k, x, got, &err) == ADVNTK_OK, "product, n = %td, k = %td, %s",
           n, k, advntk__isa_name(isa));
        /* entries of x are near 1, and the largest of y near 4 sqrt(n); n products of size 1 with
         * random errors of half an epsilon each add up to sqrt(n) epsilon; a margin of 8 for
         * partial sums */
        is_close(n * k, got, want, 8 * epsilon, "against a plain sum");
        ok(advntk_sym_apply(two, a, k, x, other, &err) == ADVNTK_OK &&
               memcmp(got, other, (size_t)(n * k) * sizeof(*got)) == 0,
           "the same bits with two threads");
    }
    one->isa = two->isa = best;
    ok(advntk__apply_exact(one, a, k, x, got, &err) == ADVNTK_OK, "product in float64");
    is_close(n * k, got, want, 4 * DBL_EPSILON * sqrt((double)n), "against a plain sum");
    advntk__sym_free(a);
    advntk_free(x);
    advntk_free(want);
    advntk_free(got);
    advntk_free(other);
}

/* x <- A^-1 x by GSL, smallest and condition: of the 1-norm, from the whole inverse */
static void dense_solve(const struct advntk_sym *a, double ridge, ptrdiff_t k, double *x,
                        double *smallest, double *condition)
{
    size_t n = (size_t)advntk_sym_size(a);
    gsl_matrix *m = gsl_matrix_alloc(n, n);
    double norm = 0, inverse = 0;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            double value = advntk__sym_entry(a, (ptrdiff_t)i, (ptrdiff_t)j) + (i == j ? ridge : 0);
            gsl_matrix_set(m, i, j, value);
            sum += fabs(value);
        }
        norm = fmax(norm, sum);
    }
    gsl_linalg_cholesky_decomp1(m);
    *smallest = (double)INFINITY;
    for (size_t i = 0; i < n; i++) {
        *smallest = fmin(*smallest, gsl_matrix_get(m, i, i) * gsl_matrix_get(m, i, i));
    }
    for (ptrdiff_t c = 0; c < k; c++) {
        gsl_vector_view column = gsl_vector_view_array_with_stride(x + c, (size_t)k, n);
        gsl_linalg_cholesky_svx(m, &column.vector);
    }
    gsl_linalg_cholesky_invert(m);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            sum += fabs(gsl_matrix_get(m, i, j));
        }
        inverse = fmax(inverse, sum);
    }
    *condition = norm * inverse;
    gsl_matrix_free(m);
}

static void test_factor(struct advntk_host *one, struct advntk_host *two, ptrdiff_t n,
                        enum advntk_precision precision, double ridge)
{
    enum { K = 3 };
    struct advntk_sym *a = matrix(n, precision, entry);
    struct advntk_factor *f = NULL, *g = NULL;
    struct advntk_error err = {.status = ADVNTK_OK};
    double *b = test_reals(n * K), *want = test_reals(n * K), *got = test_reals(n * K),
           *other = test_reals(n * K);
    double residual = -1, second = -1, smallest, condition;

    test_normal(4, n * K, b);
    memcpy(want, b, (size_t)(n * K) * sizeof(*b));
    memcpy(got, b, (size_t)(n * K) * sizeof(*b));
    memcpy(other, b, (size_t)(n * K) * sizeof(*b));
    dense_solve(a, ridge, K, want, &smallest, &condition);
    ok(advntk_factor_new(one, a, ridge, &f, &err) == ADVNTK_OK &&
           advntk_factor_new(two, a, ridge, &g, &err) == ADVNTK_OK,
       "factor of %td rows: %s", n, err.text);
    ok(advntk_factor_solve(one, f, a, K, got, &residual, &err) == ADVNTK_OK &&
           advntk_factor_solve(two, g, a, K, other, &second, &err) == ADVNTK_OK,
       "solution");
    /* forward error of a backward stable solve: condition times epsilon, both sides */
    is_close(n * K, got, want, 8 * condition * DBL_EPSILON, "against GSL");
    ok(memcmp(got, other, (size_t)(n * K) * sizeof(*got)) == 0 && residual == second,
       "the same bits with two threads");
    ok(residual >= 0 && residual < (double)n * condition * DBL_EPSILON, "residual %.2g", residual);
    /* a pivot is a difference of numbers near 4 */
    ok(fabs(advntk_factor_smallest_pivot(f) - smallest) < 100 * (double)n * DBL_EPSILON * 4,
       "smallest pivot %g", smallest);
    /* the estimate is a lower bound, and within a factor of three (Higham 1988) */
    ok(advntk_factor_condition(f) <= condition * (1 + 1e-6) &&
           advntk_factor_condition(f) >= condition / 3,
       "condition number %g, estimated %g", condition, advntk_factor_condition(f));
    advntk_factor_free(f);
    advntk_factor_free(g);
    advntk__sym_free(a);
    advntk_free(b);
    advntk_free(want);
    advntk_free(got);
    advntk_free(other);
}

/* row 700 is row 12 */
static double twice(ptrdiff_t i, ptrdiff_t j)
{
    return entry(i == 700 ? 12 : i, j == 700 ? 12 : j) - (i == 700 && j == 700 ? 1e-3 : 0);
}

int main(void)
{
    struct advntk_host *one = test_host(1), *two = test_host(2);
    struct advntk_sym *a = NULL;
    struct advntk_factor *f = NULL;
    struct advntk_error err = {.status = ADVNTK_OK};
    double x[5] = {1, 2, 3, 4, 5};

    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        static const ptrdiff_t ks[] = {1, 10, 3, 7, 12, 4};
        test_product(one, two, sizes[s], ks[s], ADVNTK_PRECISION_FLOAT32);
        test_product(one, two, sizes[s], ks[s], ADVNTK_PRECISION_FLOAT64);
        if (!test_best_isa_alone()) { /* the backend's work, without variants of ours */
            test_factor(one, two, sizes[s],
                        s % 2 ? ADVNTK_PRECISION_FLOAT32 : ADVNTK_PRECISION_FLOAT64,
                        s % 3 ? 0 : 0.25);
        }
    }
    a = matrix(800, ADVNTK_PRECISION_FLOAT64, twice);
    ok(advntk_factor_new(two, a, 0, &f, &err) == ADVNTK_ENUMERIC && !f,
       "an image that is there twice");
    ok(strstr(
           err.text,
           "the kernel matrix plus ridge 0 is not positive definite: pivot 700 of 800 is -0.0") &&
           strstr(err.text, "; try ridge: 0.01,"),
       "is named: %s", err.text);
    ok(advntk_factor_new(two, a, 0.01, &f, &err) == ADVNTK_OK, "and the ridge proposed helps");
    advntk_factor_free(f);
    ok(advntk_factor_new(two, a, -1, &f, &err) == ADVNTK_EINVALID && !f,
       "a negative ridge is refused");
    advntk__sym_free(a);
    a = matrix(5, ADVNTK_PRECISION_FLOAT64, entry);
    ok(advntk_factor_new(one, a, 0, &f, &err) == ADVNTK_OK &&
           advntk_factor_solve(one, f, a, 0, x, NULL, &err) == ADVNTK_OK && x[0] == 1,
       "no right-hand sides are no work");
    x[2] = (double)NAN;
    ok(advntk_factor_solve(one, f, a, 1, x, NULL, &err) == ADVNTK_ENUMERIC,
       "NaN in the right-hand side is found: %s", err.text);
    advntk_factor_free(f);
    advntk__sym_free(a);
    test_host_free(one);
    test_host_free(two);
    return done_testing();
}
