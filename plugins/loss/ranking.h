/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The largest outputs of a row in order, for the losses that are ratios of their differences. */
#ifndef PLUGINS_LOSS_RANKING_H
#define PLUGINS_LOSS_RANKING_H

#include <stdbool.h>
#include <stddef.h>

/* rank[r], r < count: the index of the (r+1)-th largest of c >= count outputs; of equal ones the
 * lowest index first. */
static inline void ranking_top(ptrdiff_t c, const double *f, ptrdiff_t count, ptrdiff_t *rank)
{
    ptrdiff_t found = 0;

    for (ptrdiff_t k = 0; k < c; k++) {
        ptrdiff_t place = found;
        while (place > 0 && f[k] > f[rank[place - 1]]) {
            place--;
        }
        if (place >= count) {
            continue;
        }
        found += found < count;
        for (ptrdiff_t r = found - 1; r > place; r--) {
            rank[r] = rank[r - 1];
        }
        rank[place] = k;
    }
}

/* The largest output but that of class `not_this`; the lowest index of equal ones. c >= 2. */
static inline ptrdiff_t ranking_other(ptrdiff_t c, const double *f, ptrdiff_t not_this)
{
    ptrdiff_t best = not_this == 0 ? 1 : 0;
    for (ptrdiff_t k = best + 1; k < c; k++) {
        best = k != not_this && f[k] > f[best] ? k : best;
    }
    return best;
}

#endif
