/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Distances by plain loops, so that the audit need not believe a norm's plugin. */
#include "config.h"

#include "attack/panel.h"

#include <math.h>
#include <string.h>

double advntk__distance(const char *norm, ptrdiff_t d, const double *a, const double *b)
{
    double largest = 0, sum = 0, squares = 0;

    for (ptrdiff_t k = 0; k < d; k++) {
        double gap = fabs(a[k] - b[k]);
        largest = gap > largest ? gap : largest;
        sum += gap;
        squares += gap * gap;
    }
    if (strcmp(norm, "linf") == 0) {
        return largest;
    }
    if (strcmp(norm, "l1") == 0) {
        return sum;
    }
    return strcmp(norm, "l2") == 0 ? sqrt(squares) : (double)NAN;
}
