/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dense linear algebra by OpenBLAS, on one thread: the core runs several tiles at once instead, and
 * keeps its bits whatever the number of threads. A row-major matrix is the transpose of a
 * column-major one, so LAPACK's "upper" is our "lower" and its LQ our QR.
 *
 * The BLAS counts in ints. Where a length or leading dimension does not fit one, the plain loops
 * below do the work: slow, but right.
 */
#include "config.h"

#include "base/try.h"

#include <advntk/plugin.h>
#include <cblas.h> /* only for openblas_*() */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <openblas_config.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * BLAS and LAPACK in Fortran's names. Not cblas_*: GSL brings a plain cblas of its own into the
 * program, whose symbols would be taken instead of OpenBLAS's. And Debian's has no LAPACKE.
 */
void sgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
            const float *alpha, const float *a, const int *lda, const float *b, const int *ldb,
            const float *beta, float *c, const int *ldc, size_t, size_t);
void dgemm_(const char *ta, const char *tb, const int *m, const int *n, const int *k,
            const double *alpha, const double *a, const int *lda, const double *b, const int *ldb,
            const double *beta, double *c, const int *ldc, size_t, size_t);
void ssyrk_(const char *uplo, const char *trans, const int *n, const int *k, const float *alpha,
            const float *a, const int *lda, const float *beta, float *c, const int *ldc, size_t,
            size_t);
void dsyrk_(const char *uplo, const char *trans, const int *n, const int *k, const double *alpha,
            const double *a, const int *lda, const double *beta, double *c, const int *ldc, size_t,
            size_t);
void dtrsm_(const char *side, const char *uplo, const char *trans, const char *diag, const int *m,
            const int *n, const double *alpha, const double *a, const int *lda, double *b,
            const int *ldb, size_t, size_t, size_t, size_t);
double ddot_(const int *n, const double *x, const int *incx, const double *y, const int *incy);
void daxpy_(const int *n, const double *a, const double *x, const int *incx, double *y,
            const int *incy);
double dnrm2_(const int *n, const double *x, const int *incx);
void dscal_(const int *n, const double *a, double *x, const int *incx);
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);
void dgelqf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work,
             const int *lwork, int *info);
void dorglq_(const int *m, const int *n, const int *k, double *a, const int *lda, const double *tau,
             double *work, const int *lwork, int *info);
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t,
             size_t);

struct openblas_state {
    char text[256];
};

static bool fits(ptrdiff_t a, ptrdiff_t b, ptrdiff_t c)
{
    return a <= INT_MAX && b <= INT_MAX && c <= INT_MAX;
}

static advntk_status openblas_open(const void *config, void **state, struct advntk_error *err)
{
    struct openblas_state *s = calloc(1, sizeof(*s));
    (void)config;
    if (!s) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the backend openblas");
    }
    openblas_set_num_threads(1);
    /* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ... MAX_THREADS=64": name, version and the core in
     * use */
    if (snprintf(s->text, sizeof(s->text), "%s; kernels of %s", openblas_get_config(),
                 openblas_get_corename()) < 0) {
        s->text[0] = '\0';
    }
    *state = s;
    return ADVNTK_OK;
}

static void openblas_close(void *state)
{
    free(state);
}

static const char *openblas_describe(void *state)
{
    return ((struct openblas_state *)state)->text;
}

/* ---- products ---- */
#define PLAIN_GEMM(name, real)                                                                     \
    static void name(bool ta, bool tb, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, real alpha,          \
                     const real *a, ptrdiff_t lda, const real *b, ptrdiff_t ldb, real beta,        \
                     real *c, ptrdiff_t ldc)                                                       \
    {                                                                                              \
        for (ptrdiff_t i = 0; i < m; i++) {                                                        \
            for (ptrdiff_t j = 0; j < n; j++) {                                                    \
                real sum = 0;                                                                      \
                for (ptrdiff_t l = 0; l < k; l++) {                                                \
                    sum += (ta ? a[l * lda + i] : a[i * lda + l]) *                                \
                           (tb ? b[j * ldb + l] : b[l * ldb + j]);                                 \
                }                                                                                  \
                /* beta 0 overwrites, whatever was there */                                        \
                c[i * ldc + j] = alpha * sum + (beta == 0 ? 0 : beta * c[i * ldc + j]);            \
            }                                                                                      \
        }                                                                                          \
    }
PLAIN_GEMM(plain_gemm32, float)
PLAIN_GEMM(plain_gemm64, double)

static void openblas_gemm32(void *state, bool ta, bool tb, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                            float alpha, const float *a, ptrdiff_t lda, const float *b,
                            ptrdiff_t ldb, float beta, float *c, ptrdiff_t ldc)
{
    (void)state;
    if (m == 0 || n == 0) {
        return;
    }
    if (k == 0 || !fits(m, n, k) ||
        !fits(lda, ldb, ldc)) { /* k 0: leading dimensions may be 0 too */
        plain_gemm32(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    sgemm_(tb ? "T" : "N", ta ? "T" : "N", &(int){(int)n}, &(int){(int)m}, &(int){(int)k}, &alpha,
           b, &(int){(int)ldb}, a, &(int){(int)lda}, &beta, c, &(int){(int)ldc}, 1, 1);
}

static void openblas_gemm64(void *state, bool ta, bool tb, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                            double alpha, const double *a, ptrdiff_t lda, const double *b,
                            ptrdiff_t ldb, double beta, double *c, ptrdiff_t ldc)
{
    (void)state;
    if (m == 0 || n == 0) {
        return;
    }
    if (k == 0 || !fits(m, n, k) ||
        !fits(lda, ldb, ldc)) { /* k 0: leading dimensions may be 0 too */
        plain_gemm64(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    dgemm_(tb ? "T" : "N", ta ? "T" : "N", &(int){(int)n}, &(int){(int)m}, &(int){(int)k}, &alpha,
           b, &(int){(int)ldb}, a, &(int){(int)lda}, &beta, c, &(int){(int)ldc}, 1, 1);
}

static void openblas_syrk32(void *state, ptrdiff_t n, ptrdiff_t k, float alpha, const float *a,
                            ptrdiff_t lda, float beta, float *c, ptrdiff_t ldc)
{
    (void)state;
    if (n == 0) {
        return;
    }
    if (!fits(n, k, lda) || !fits(ldc, 0, 0)) {
        for (ptrdiff_t i = 0; i < n; i++) {
            plain_gemm32(false, true, 1, i + 1, k, alpha, a + i * lda, lda, a, lda, beta,
                         c + i * ldc, ldc);
        }
        return;
    }
    ssyrk_("U", "T", &(int){(int)n}, &(int){(int)k}, &alpha, a, &(int){(int)lda}, &beta, c,
           &(int){(int)ldc}, 1, 1);
}

static void openblas_syrk64(void *state, ptrdiff_t n, ptrdiff_t k, double alpha, const double *a,
                            ptrdiff_t lda, double beta, double *c, ptrdiff_t ldc)
{
    (void)state;
    if (n == 0) {
        return;
    }
    if (!fits(n, k, lda) || !fits(ldc, 0, 0)) {
        for (ptrdiff_t i = 0; i < n; i++) {
            plain_gemm64(false, true, 1, i + 1, k, alpha, a + i * lda, lda, a, lda, beta,
                         c + i * ldc, ldc);
        }
        return;
    }
    dsyrk_("U", "T", &(int){(int)n}, &(int){(int)k}, &alpha, a, &(int){(int)lda}, &beta, c,
           &(int){(int)ldc}, 1, 1);
}

/* ---- triangular systems ---- */

/* one vector x of n entries, `step` apart: x <- l^-1 x, or l^-T x */
static void plain_trsv(bool transpose, ptrdiff_t n, const double *l, ptrdiff_t ldl, double *x,
                       ptrdiff_t step)
{
    for (ptrdiff_t at = 0; at < n; at++) {
        ptrdiff_t i = transpose ? n - 1 - at : at;
        double sum = x[i * step];
        for (ptrdiff_t j = transpose ? i + 1 : 0; j < (transpose ? n : i); j++) {
            sum -= (transpose ? l[j * ldl + i] : l[i * ldl + j]) * x[j * step];
        }
        x[i * step] = sum / l[i * ldl + i];
    }
}

static void openblas_trsm64(void *state, bool right, bool transpose, ptrdiff_t m, ptrdiff_t n,
                            const double *l, ptrdiff_t ldl, double *x, ptrdiff_t ldx)
{
    (void)state;
    if (m == 0 || n == 0) {
        return;
    }
    if (fits(m, n, ldl) && fits(ldx, 0, 0)) {
        dtrsm_(right ? "L" : "R", "U", transpose ? "T" : "N", "N", &(int){(int)n}, &(int){(int)m},
               &(double){1}, l, &(int){(int)ldl}, x, &(int){(int)ldx}, 1, 1, 1, 1);
    } else if (right) { /* row r of x: r l^-T is l^-1 r', and r l^-1 is l^-T r' */
        for (ptrdiff_t i = 0; i < m; i++) {
            plain_trsv(!transpose, n, l, ldl, x + i * ldx, 1);
        }
    } else {
        for (ptrdiff_t j = 0; j < n; j++) {
            plain_trsv(transpose, m, l, ldl, x + j, ldx);
        }
    }
}

/* ---- factorisations ---- */
static advntk_status openblas_potrf64(void *state, ptrdiff_t n, double *a, ptrdiff_t lda,
                                      ptrdiff_t *bad_pivot, struct advntk_error *err)
{
    int order = (int)n, ld = (int)lda, info = 0;
    (void)state;
    *bad_pivot = -1;
    if (!fits(n, lda, 0)) {
        return ADVNTK_FAIL(err, ELIMIT, "dpotrf: %td rows, the BLAS counts to %d", n, INT_MAX);
    }
    if (n == 0) {
        return ADVNTK_OK;
    }
    dpotrf_("U", &order, a, &ld, &info, 1);
    if (info < 0) {
        return ADVNTK_FAIL(err, EINTERNAL, "dpotrf: argument %d (n %td, lda %td)", -info, n, lda);
    }
    if (info > 0) {
        *bad_pivot = info - 1;
    }
    /* OpenBLAS lets NaN pass: it asks whether a pivot is <= 0 */
    for (ptrdiff_t i = 0; *bad_pivot < 0 && i < n; i++) {
        if (!(a[i * lda + i] > 0) || !isfinite(a[i * lda + i])) {
            *bad_pivot = i;
        }
    }
    if (*bad_pivot >= 0) {
        return ADVNTK_FAIL(err, ENUMERIC, "dpotrf: pivot %td of %td is %g, not positive",
                           *bad_pivot, n, a[*bad_pivot * lda + *bad_pivot]);
    }
    return ADVNTK_OK;
}

/* Takes from column j of q its part along the first `count` columns, twice (Kahan: twice is
 * enough); r[i] grows by the part along column i (NULL: not wanted). Returns what is left of its
 * length. */
static double take_out(ptrdiff_t n, ptrdiff_t count, ptrdiff_t j, double *q, ptrdiff_t ld,
                       double *r, ptrdiff_t step)
{
    const int length = (int)n, stride = (int)ld;
    for (int pass = 0; pass < 2; pass++) {
        for (ptrdiff_t i = 0; i < count; i++) {
            if (i != j) {
                double dot = ddot_(&length, q + i, &stride, q + j, &stride), back = -dot;
                daxpy_(&length, &back, q + i, &stride, q + j, &stride);
                if (r) {
                    r[i * step] += dot;
                }
            }
        }
    }
    return dnrm2_(&length, q + j, &stride);
}

/*
 * Gram-Schmidt, for what Householder does not promise: a column that depends on those before it
 * gets a zero row in r, and in q some direction orthogonal to all others.
 */
static void gram_schmidt(ptrdiff_t n, ptrdiff_t k, double *a, ptrdiff_t lda, double *r,
                         ptrdiff_t ldr)
{
    const int length = (int)n, stride = (int)lda;
    ptrdiff_t unit = 0; /* the next unit vector to try as a filler */
    for (ptrdiff_t j = 0; j < k; j++) {
        double before = dnrm2_(&length, a + j, &stride), norm, inverse;
        for (ptrdiff_t i = 0; i < k; i++) {
            r[i * ldr + j] = 0;
        }
        norm = take_out(n, j, j, a, lda, r + j, ldr);
        if (!(norm > (double)n * DBL_EPSILON * before)) {
            norm = 0; /* a zero column takes nothing out of those that follow */
        }
        r[j * ldr + j] = norm;
        inverse = norm > 0 ? 1 / norm : 0;
        dscal_(&length, &inverse, a + j, &stride);
    }
    for (ptrdiff_t j = 0; j < k; j++) {
        double norm = r[j * ldr + j];
        if (norm > 0) {
            continue;
        }
        /* the squares of what is left of all n unit vectors sum to n less the other columns: one
         * has 1/n at least */
        while (norm * norm * (double)n < 0.5 && unit < n) {
            for (ptrdiff_t i = 0; i < n; i++) {
                a[i * lda + j] = i == unit;
            }
            unit++;
            norm = take_out(n, k, j, a, lda, NULL, 0);
        }
        dscal_(&length, &(double){1 / norm}, a + j, &stride);
    }
}

/* Is r's diagonal far from zero, measured by its columns' lengths? Then no column depends on
 * others. */
static bool full_rank(ptrdiff_t n, ptrdiff_t k, const double *r, ptrdiff_t ldr)
{
    for (ptrdiff_t j = 0; j < k; j++) {
        double length = 0;
        for (ptrdiff_t i = 0; i <= j; i++) {
            length = hypot(length, r[i * ldr + j]);
        }
        if (!(fabs(r[j * ldr + j]) > (double)n * DBL_EPSILON * length)) {
            return false;
        }
    }
    return true;
}

static advntk_status openblas_qr64(void *state, ptrdiff_t n, ptrdiff_t k, double *a, ptrdiff_t lda,
                                   double *r, ptrdiff_t ldr, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    int rows = (int)k, columns = (int)n, ld = (int)lda, info = 0, lwork;
    double *tau = NULL, *work = NULL, *kept = NULL;
    (void)state;

    if (n < k) {
        FAIL(err, ESHAPE, "QR of %td rows and %td columns: needs at least as many rows", n, k);
    }
    if (!fits(n, k * 64, lda)) {
        FAIL(err, ELIMIT, "dgelqf: %td x %td, the BLAS counts to %d", n, k, INT_MAX);
    }
    if (k == 0) {
        goto out;
    }
    lwork = rows * 64;
    tau = advntk_alloc(k, sizeof(*tau));
    work = advntk_alloc(lwork, sizeof(*work));
    kept = advntk_alloc(n, (size_t)k * sizeof(*kept));
    if (!tau || !work || !kept) {
        FAIL(err, ENOMEM, "no memory for the QR of %td x %td", n, k);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t j = 0; j < k; j++) {
            kept[i * k + j] = a[i * lda + j];
        }
    }
    dgelqf_(&rows, &columns, a, &ld, tau, work, &lwork, &info);
    for (ptrdiff_t i = 0; i < k; i++) {
        for (ptrdiff_t j = 0; j < k; j++) {
            r[i * ldr + j] = j >= i ? a[i * lda + j] : 0;
        }
    }
    if (info == 0 && full_rank(n, k, r, ldr)) {
        dorglq_(&rows, &columns, &rows, a, &ld, tau, work, &lwork, &info);
    } else if (info == 0) {
        for (ptrdiff_t i = 0; i < n; i++) {
            for (ptrdiff_t j = 0; j < k; j++) {
                a[i * lda + j] = kept[i * k + j];
            }
        }
        gram_schmidt(n, k, a, lda, r, ldr);
    }
    if (info != 0) {
        FAIL(err, EINTERNAL, "dgelqf, dorglq: argument %d (%td x %td, lda %td)", -info, n, k, lda);
    }
out:
    advntk_free(tau);
    advntk_free(work);
    advntk_free(kept);
    return rc;
}

static advntk_status openblas_syev64(void *state, ptrdiff_t n, double *a, ptrdiff_t lda,
                                     double *values, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    int order = (int)n, ld = (int)lda, info = 0, lwork, liwork;
    double *work = NULL;
    int *iwork = NULL;
    (void)state;

    if (n == 0) {
        goto out;
    }
    /* dsyevd's workspace of 1 + 6n + 2n^2 numbers is counted in an int */
    if (!fits(n, lda, 0) || n > 32766) {
        FAIL(err, ELIMIT, "dsyevd: order %td, at most 32766 with the BLAS's 32-bit lengths", n);
    }
    lwork = 1 + 6 * order + 2 * order * order;
    liwork = 3 + 5 * order;
    work = advntk_alloc(lwork, sizeof(*work));
    iwork = advntk_alloc(liwork, sizeof(*iwork));
    if (!work || !iwork) {
        FAIL(err, ENOMEM, "no memory for the eigenvalues of a matrix of order %td", n);
    }
    dsyevd_("V", "U", &order, a, &ld, values, work, &lwork, iwork, &liwork, &info, 1, 1);
    if (info < 0) {
        FAIL(err, EINTERNAL, "dsyevd: argument %d (n %td, lda %td)", -info, n, lda);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        if (info > 0 || !isfinite(values[i])) {
            FAIL(err, ENUMERIC,
                 "dsyevd: no convergence for order %td (info %d, eigenvalue %td is %g)", n, info, i,
                 values[i]);
        }
    }
out:
    advntk_free(work);
    advntk_free(iwork);
    return rc;
}

static const struct advntk_backend_ops openblas_ops = {
    .open = openblas_open,
    .close = openblas_close,
    .describe = openblas_describe,
    .gemm32 = openblas_gemm32,
    .gemm64 = openblas_gemm64,
    .syrk32 = openblas_syrk32,
    .syrk64 = openblas_syrk64,
    .trsm64 = openblas_trsm64,
    .potrf64 = openblas_potrf64,
    .qr64 = openblas_qr64,
    .syev64 = openblas_syev64,
};

ADVNTK_PLUGIN(BACKEND, openblas_ops, .name = "openblas", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "Dense linear algebra by OpenBLAS",
              .doc = "Matrices in this machine's memory. OpenBLAS runs on one thread; the program "
                     "works on several tiles at once. OPENBLAS_CORETYPE chooses its kernels.",
              .source = "Wang, Zhang, Zhang, Yi 2013 (OpenBLAS); Anderson et al. 1999 (LAPACK)");
