/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Linear algebra with the kernel matrix, for methods. Vectors are float64; the matrix is stored in the
 * run's precision as the lower triangle of 512x512 tiles. Results have the same bits for any number
 * of threads.
 */
#ifndef ADVNTK_LINEAR_H
#define ADVNTK_LINEAR_H

#include <advntk/host.h>
#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_sym;    /* symmetric matrix */
struct advntk_factor; /* its Cholesky factor, float64 */
struct advntk_flow;   /* gradient flow in which every sample has its own speed */

ptrdiff_t advntk_sym_size(const struct advntk_sym *a);

/* y (n,k) <- A x (n,k), row-major. One pass over the stored triangle. Fails: ENUMERIC, ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk_sym_apply(struct advntk_host *host, const struct advntk_sym *a, ptrdiff_t k, const double *x, double *y, struct advntk_error *err);

/* L L' = A + ridge I in float64 (4 n^2 bytes). Fails: ENUMERIC with the pivot and its value; then a ridge is suggested. */
ADVNTK_MUST_CHECK advntk_status advntk_factor_new(struct advntk_host *host, const struct advntk_sym *a, double ridge, struct advntk_factor **factor, struct advntk_error *err);
void advntk_factor_free(struct advntk_factor *factor);
double advntk_factor_smallest_pivot(const struct advntk_factor *factor); /* smallest diagonal entry of L, squared */
double advntk_factor_condition(const struct advntk_factor *factor);      /* estimated 1-norm condition number (Hager 1984, Higham 1988) */
/* x (n,k) <- (A + ridge I)^-1 x; *residual (NULL: not wanted) <- max |b - A x| / max |b|, from the stored A. */
ADVNTK_MUST_CHECK advntk_status advntk_factor_solve(struct advntk_host *host, const struct advntk_factor *factor, const struct advntk_sym *a, ptrdiff_t k, double *x, double *residual, struct advntk_error *err);

/*
 * alpha = D phi1(-Theta D) Y = Theta^-1 (I - exp(-Theta D)) Y,  phi1(z) = (e^z - 1)/z,  D = Diag(speed) >= 0:
 * the solution at time 1 of alpha' = D (Y - Theta alpha), alpha(0) = 0 (paper, algorithm 1). By block Lanczos
 * on S = D^1/2 Theta D^1/2 with full reorthogonalisation, until the a-posteriori residual is below the
 * tolerance or stagnates at the floor of Theta's storage. No inverse, no dense exponential.
 */
enum advntk_flow_stop {
    ADVNTK_FLOW_CONVERGED, /* below the tolerance */
    ADVNTK_FLOW_STAGNATED, /* the tolerance lies below the floor; the floor was reached */
    ADVNTK_FLOW_FULL,      /* the space is invariant: exact but for rounding */
    ADVNTK_FLOW_LIMIT      /* blocks_max was reached first */
};
struct advntk_flow_report {
    int64_t blocks;          /* passes over Theta */
    double residual;         /* bound on the error of D^-1/2 alpha, relative to it; the floor at least */
    double spectral_radius;  /* largest Ritz value of S */
    int stop;                /* enum advntk_flow_stop */
};
/*
 * blocks_max 0: 60, or 300 with per_column. The speeds are finite and >= 0; where all are 0, alpha is 0.
 * Memory: blocks_max * columns * n * 32 bytes at most, as far as blocks are used. Fails: EINVALID (a speed
 * that is negative or no finite number, with its row), ENUMERIC, ENOMEM, ECANCELLED.
 */
/* columns: of Y. per_column: speed is (n,columns), the columns are independent; else (n). tolerance 0: 1e-6 for float32, 1e-10 for float64. */
ADVNTK_MUST_CHECK advntk_status advntk_flow_new(struct advntk_host *host, const struct advntk_sym *theta, ptrdiff_t columns, bool per_column, double tolerance, int64_t blocks_max, struct advntk_flow **flow, struct advntk_error *err);
void advntk_flow_free(struct advntk_flow *flow);
/* alpha (n,columns) for speed and y (n,columns); keeps the Krylov space for the gradient. */
ADVNTK_MUST_CHECK advntk_status advntk_flow_coefficients(struct advntk_flow *flow, const double *speed, const double *y, double *alpha, struct advntk_flow_report *report, struct advntk_error *err);
/* gradient (as speed) <- d<g, alpha>/d speed at the last coefficients; g (n,columns). Exact in the two Krylov spaces, entries with speed 0 included. */
ADVNTK_MUST_CHECK advntk_status advntk_flow_gradient(struct advntk_flow *flow, const double *g, double *gradient, struct advntk_flow_report *report, struct advntk_error *err);

#ifdef __cplusplus
}
#endif
#endif
