/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Looking over the values of one image: what the host does with every point and gradient. All loops
 * are plain; compiled with the flags of kernels, as their time is the host's own. */
#ifndef ADVNTK_ATTACK_SCAN_H
#define ADVNTK_ATTACK_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* The index of the first value that is not finite; -1: all are. */
ptrdiff_t advntk__scan_not_finite(ptrdiff_t count, const double *values);
bool advntk__scan_all_zero(ptrdiff_t count, const double *values);
/* lo <= x <= hi everywhere; NaN is outside. */
bool advntk__scan_inside(ptrdiff_t count, const double *x, const double *lo, const double *hi);

double advntk__scan_linf(ptrdiff_t d, const double *a, const double *b);
double advntk__scan_l2(ptrdiff_t d, const double *a, const double *b);
double advntk__scan_l1(ptrdiff_t d, const double *a, const double *b);
/* Groups of neighbouring values of which some differ. */
double advntk__scan_l0(ptrdiff_t d, ptrdiff_t group, const double *a, const double *b);
/* sqrt(sum_k weight_k (a_k - b_k)^2), infinity where a value differs that may not: entry k / step
 * of each array, NULL: 1 everywhere. */
double advntk__scan_metric(ptrdiff_t d, const double *weight, ptrdiff_t weight_step,
                           const double *may, ptrdiff_t may_step, const double *a, const double *b);

#endif
