/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "attack/scan.h"

#include <float.h>
#include <math.h>

/* Sums and maxima go over LANES values side by side: one after the other each would wait for the
 * last. */
enum { LANES = 8, BLOCK = 512 };

ptrdiff_t advntk__scan_not_finite(ptrdiff_t count, const double *values)
{
    for (ptrdiff_t at = 0; at < count; at += BLOCK) {
        ptrdiff_t end = count - at < BLOCK ? count : at + BLOCK;
        int bad = 0;
        for (ptrdiff_t k = at; k < end; k++) {
            bad |= !(fabs(values[k]) <= DBL_MAX);
        }
        for (ptrdiff_t k = at; bad && k < end; k++) {
            if (!isfinite(values[k])) {
                return k;
            }
        }
    }
    return -1;
}

bool advntk__scan_all_zero(ptrdiff_t count, const double *values)
{
    int other = 0;
    for (ptrdiff_t at = 0; at < count && !other; at += BLOCK) {
        ptrdiff_t end = count - at < BLOCK ? count : at + BLOCK;
        for (ptrdiff_t k = at; k < end; k++) {
            other |= values[k] != 0;
        }
    }
    return !other;
}

bool advntk__scan_inside(ptrdiff_t count, const double *x, const double *lo, const double *hi)
{
    int outside = 0;
    for (ptrdiff_t k = 0; k < count; k++) {
        outside |= !(x[k] >= lo[k]) | !(x[k] <= hi[k]);
    }
    return !outside;
}

double advntk__scan_linf(ptrdiff_t d, const double *a, const double *b)
{
    double most[LANES] = {0}, worst = 0;
    int unordered = 0;
    ptrdiff_t k = 0;

    for (; k + LANES <= d; k += LANES) {
        for (int j = 0; j < LANES; j++) {
            double gap = fabs(a[k + j] - b[k + j]);
            unordered |= gap != gap;
            most[j] = gap > most[j] ? gap : most[j];
        }
    }
    for (; k < d; k++) {
        double gap = fabs(a[k] - b[k]);
        unordered |= gap != gap;
        worst = gap > worst ? gap : worst;
    }
    for (int j = 0; j < LANES; j++) {
        worst = most[j] > worst ? most[j] : worst;
    }
    return unordered ? (double)NAN : worst;
}

double advntk__scan_l2(ptrdiff_t d, const double *a, const double *b)
{
    double sums[LANES] = {0}, sum = 0;
    ptrdiff_t k = 0;

    for (; k + LANES <= d; k += LANES) {
        for (int j = 0; j < LANES; j++) {
            double gap = a[k + j] - b[k + j];
            sums[j] += gap * gap;
        }
    }
    for (; k < d; k++) {
        sum += (a[k] - b[k]) * (a[k] - b[k]);
    }
    for (int j = 0; j < LANES; j++) {
        sum += sums[j];
    }
    return sqrt(sum);
}

double advntk__scan_l1(ptrdiff_t d, const double *a, const double *b)
{
    double sums[LANES] = {0}, sum = 0;
    ptrdiff_t k = 0;

    for (; k + LANES <= d; k += LANES) {
        for (int j = 0; j < LANES; j++) {
            sums[j] += fabs(a[k + j] - b[k + j]);
        }
    }
    for (; k < d; k++) {
        sum += fabs(a[k] - b[k]);
    }
    for (int j = 0; j < LANES; j++) {
        sum += sums[j];
    }
    return sum;
}

double advntk__scan_l0(ptrdiff_t d, ptrdiff_t group, const double *a, const double *b)
{
    ptrdiff_t changed = 0, last = -1;

    for (ptrdiff_t k = 0; k < d; k++) {
        if (a[k] != b[k] && k / group != last) {
            last = k / group;
            changed++;
        }
    }
    return (double)changed;
}

double advntk__scan_metric(ptrdiff_t d, const double *weight, ptrdiff_t weight_step,
                           const double *may, ptrdiff_t may_step, const double *a, const double *b)
{
    double sum = 0;

    for (ptrdiff_t k = 0; k < d; k++) {
        double gap = a[k] - b[k];
        if (may && may[k / may_step] == 0 && gap != 0) {
            return (double)INFINITY;
        }
        sum += (weight ? weight[k / weight_step] : 1) * gap * gap;
    }
    return sqrt(sum);
}
