/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Krylov spaces of S = h Theta h, h diagonal, by block Lanczos with full reorthogonalisation.
 *
 * Notation: q (m,n) orthonormal rows; z = Theta h q (m,n); t (m,m) = q S q'; start (block,c): the
 * first block's rows in terms of which the vectors that the space was begun with are start' q.
 */
#ifndef ADVNTK_LINALG_KRYLOV_H
#define ADVNTK_LINALG_KRYLOV_H

#include "linalg/sym.h"

/* Ritz values and vectors of a space, and the begun-with vectors in their basis. */
struct advntk__krylov {
    struct advntk_host *host;  /* borrowed */
    ptrdiff_t n, columns, cap; /* cap: most rows of q */
    ptrdiff_t m;               /* rows of q whose products are known */
    ptrdiff_t first, width;    /* the last block among those: rows [first, first+width) */
    ptrdiff_t next;            /* rows from m on that are orthonormal but not yet multiplied */
    double scale;              /* largest length of a product S q so far */
    double *q, *z;             /* (cap + columns, n) */
    double *t;                 /* (cap,cap) */
    double *start;             /* (columns,columns): rows of the first block */
    double *r;                 /* (columns,columns): products of the last block leave r' q_next */
    double *vectors, *values;  /* (cap,cap) rows; (cap): Ritz pairs, values >= 0 */
    double *b;                 /* (cap,columns): the begun-with vectors in the Ritz basis */
    double *parts;             /* partial sums of projections */
    double *c;                 /* (cap + columns, columns) */
};

ADVNTK_MUST_CHECK advntk_status advntk__krylov_new(struct advntk_host *host, ptrdiff_t n,
                                                   ptrdiff_t columns, ptrdiff_t cap,
                                                   struct advntk__krylov **space,
                                                   struct advntk_error *err);
void advntk__krylov_free(struct advntk__krylov *space);

/* Begins with the rows of v (columns,n): dependent ones and those that are zero are left out. */
ADVNTK_MUST_CHECK advntk_status advntk__krylov_begin(struct advntk__krylov *space, const double *v,
                                                     struct advntk_error *err);

/*
 * Takes in Theta h q for the `next` rows from m on, which the caller has put into z, and makes the
 * next block from it. noise: relative rounding of a product; what is shorter than it counts as
 * zero. space->next == 0 afterwards: the space is invariant.
 */
ADVNTK_MUST_CHECK advntk_status advntk__krylov_extend(struct advntk__krylov *space, const double *h,
                                                      double noise, struct advntk_error *err);

/* Ritz pairs and b for the present m. */
ADVNTK_MUST_CHECK advntk_status advntk__krylov_ritz(struct advntk__krylov *space,
                                                    struct advntk_error *err);

#endif
