/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Choosing an architecture's w_std and b_std from the training images: by the marginal likelihood
 * of a Gaussian process with the kernel as its covariance, or by the leave-one-out error of kernel
 * regression, both in closed form and with exact gradients.
 *
 * Sources: Rasmussen and Williams 2006, sections 2.2, 5.4.1 and 5.4.2 (equations 5.8, 5.9, 5.12).
 */
#ifndef ADVNTK_RUN_TUNE_H
#define ADVNTK_RUN_TUNE_H

#include "run/data.h"

#include <advntk/host.h>

enum advntk__tune_by {
    ADVNTK__TUNE_LIKELIHOOD, /* minus the log marginal likelihood of the one-hot labels, an image */
    ADVNTK__TUNE_LEAVE_ONE_OUT /* squared error, summed over the classes, mean over the images */
};

struct advntk__tune_setup {
    const struct advntk__run_config *config;
    const struct advntk__split *split;
    ptrdiff_t images; /* the first so many that are trained on */
    enum advntk__tune_by by;
    double ridge;     /* added to the diagonal: the variance of the labels' noise */
    double tolerance; /* of the gradient by the logarithms of the parameters */
    int iterations;   /* at most */
};

enum { ADVNTK__TUNED = 2 };
struct advntk__tune_result {
    int count; /* parameters that are chosen: those that are there and not 0 */
    const char *name[ADVNTK__TUNED]; /* "w_std", "b_std"; static */
    double start[ADVNTK__TUNED], end[ADVNTK__TUNED];
    double gradient[ADVNTK__TUNED]; /* at the end, by the logarithm of each */
    double value_start, value_end;
    int iterations;
    bool converged;
};

/*
 * BFGS over the logarithms of the parameters (GSL), in float64 whatever the recipe's precision.
 * Memory: 4 n^2 numbers; cost of an iteration: a kernel matrix, 5 n^3 / 3 multiply-adds on one
 * thread, and the reverse of all pairs. Fails: EUNSUPPORTED (the architecture has no w_std; the
 * kernel gives no gradients by weights), ENUMERIC (not positive definite: a ridge helps), ENOMEM,
 * ECANCELLED.
 */
ADVNTK_MUST_CHECK advntk_status advntk__tune(struct advntk_host *host,
                                             const struct advntk__tune_setup *setup,
                                             struct advntk__tune_result *result,
                                             struct advntk_error *err);

#endif
