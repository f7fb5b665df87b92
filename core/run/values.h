/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernel values between arrays of images, and their gradient, to files; what was interrupted goes
 * on. */
#ifndef ADVNTK_RUN_VALUES_H
#define ADVNTK_RUN_VALUES_H

#include "base/text.h"
#include "recipe/resolved.h"
#include "run/identity.h"

struct advntk__values {
    const struct advntk__registry *registry;
    const struct advntk__run_config *config; /* model, precision and backend count */
    struct advntk__array x1, x2;             /* x2.n 0: x1 with itself */
    struct advntk__array weights;            /* x1.n x 1 x n2 x 1; n 0: no gradient */
    const char *output;                      /* K (n1,n2) in the precision; NULL: not wanted */
    const char *gradient_output; /* D[i] = sum_j weights[i,j] dk(x1_i, x2_j)/dx1_i, float64 */
    int gradient_rank;           /* n1 images in this shape, */
    ptrdiff_t gradient_shape[4]; /* as their file has it */
};

/*
 * Writes both, block by block: the matrix may be larger than the memory. Finished blocks are kept
 * beside the files until both are there (store/part.h), and not computed again, to the same bits.
 * Both files are begun before anything is computed. Memory: a block of 512 x 512 values a thread, a
 * panel of the gradient. Progress: "kernel matrix", "gradient". *kept: after a failure, what is
 * kept for the next time; empty: nothing. Fails: ENUMERIC (a value is no number), EIO, EBUSY,
 * ECANCELLED, ENOMEM, as the plugins do.
 */
ADVNTK_MUST_CHECK advntk_status advntk__values_write(struct advntk_host *host,
                                                     const struct advntk__values *values,
                                                     struct advntk__text *kept,
                                                     struct advntk_error *err);

#endif
