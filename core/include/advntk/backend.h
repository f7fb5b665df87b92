/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kind backend: dense linear algebra. All matrices are row-major with explicit leading dimensions
 * (ld: distance between rows); every function runs on the calling thread alone and is called by
 * several at once. Lengths are ptrdiff_t and checked against the BLAS's integer inside.
 *
 * The last group works on a whole symmetric matrix; NULL there means that the core's own tiled
 * algorithms, built from the dense functions, are used. Of them advntk_sym_apply alone asks the
 * backend today; the others are reserved, and are not called, for backends that keep the matrix on
 * several machines.
 */
#ifndef ADVNTK_BACKEND_H
#define ADVNTK_BACKEND_H

#include <advntk/host.h>
#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_sym; /* a symmetric matrix: lower triangle of 512x512 row-major tiles; opaque here */

struct advntk_backend_ops {
    advntk_status (*open)(const void *config, void **state, struct advntk_error *err);
    void (*close)(void *state);
    /* "OpenBLAS 0.3.21 Haswell": recorded with every run. Valid until close. */
    const char *(*describe)(void *state);

    /* c (m,n) <- alpha op(a) op(b) + beta c; op(a) (m,k), op(b) (k,n); transposed: that operand is stored the other way round */
    void (*gemm32)(void *state, bool transpose_a, bool transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, float alpha, const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, float beta, float *c, ptrdiff_t ldc);
    void (*gemm64)(void *state, bool transpose_a, bool transpose_b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, double alpha, const double *a, ptrdiff_t lda, const double *b, ptrdiff_t ldb, double beta, double *c, ptrdiff_t ldc);
    /* lower triangle of c (n,n) <- alpha a a' + beta c; a (n,k) */
    void (*syrk32)(void *state, ptrdiff_t n, ptrdiff_t k, float alpha, const float *a, ptrdiff_t lda, float beta, float *c, ptrdiff_t ldc);
    void (*syrk64)(void *state, ptrdiff_t n, ptrdiff_t k, double alpha, const double *a, ptrdiff_t lda, double beta, double *c, ptrdiff_t ldc);
    /* x (m,n): right: x <- x l^-T (transpose) or x l^-1; left: x <- l^-1 x or l^-T x (transpose); l lower triangular */
    void (*trsm64)(void *state, bool right, bool transpose, ptrdiff_t m, ptrdiff_t n, const double *l, ptrdiff_t ldl, double *x, ptrdiff_t ldx);
    /* lower triangle of a (n,n) <- its Cholesky factor. ENUMERIC names the pivot (0-based) in *bad_pivot. */
    advntk_status (*potrf64)(void *state, ptrdiff_t n, double *a, ptrdiff_t lda, ptrdiff_t *bad_pivot, struct advntk_error *err);
    /* a (n,k), n >= k: a <- q with orthonormal columns, r (k,k) upper; a = q r. Rank-deficient columns give zero rows in r. */
    advntk_status (*qr64)(void *state, ptrdiff_t n, ptrdiff_t k, double *a, ptrdiff_t lda, double *r, ptrdiff_t ldr, struct advntk_error *err);
    /* symmetric a (n,n), lower triangle read: values ascending, rows of a <- eigenvectors (a[i] belongs to values[i]) */
    advntk_status (*syev64)(void *state, ptrdiff_t n, double *a, ptrdiff_t lda, double *values, struct advntk_error *err);

    /* whole matrices; any may be NULL. Called today: sym_apply. */
    advntk_status (*sym_put_tile)(void *state, struct advntk_sym *a, ptrdiff_t i, ptrdiff_t j, const void *tile, struct advntk_error *err);
    advntk_status (*sym_apply)(void *state, const struct advntk_sym *a, ptrdiff_t k, const double *x, double *y, struct advntk_error *err);
    advntk_status (*sym_cholesky)(void *state, struct advntk_sym *a, double ridge, struct advntk_error *err);
    advntk_status (*sym_solve)(void *state, const struct advntk_sym *a, ptrdiff_t k, double *x, double *residual, struct advntk_error *err);
    advntk_status (*sym_eigen)(void *state, struct advntk_sym *a, double *values, double *vectors, struct advntk_error *err);
};

#ifdef __cplusplus
}
#endif
#endif
