/* SPDX-License-Identifier: GPL-3.0-or-later */
/* f(x) = sum_j k(x, X_j) alpha_j as a model; the public part is in advntk/method.h. */
#ifndef ADVNTK_INFINITE_PREDICTOR_H
#define ADVNTK_INFINITE_PREDICTOR_H

#include <advntk/method.h>

struct advntk__predictor_setup {
    struct advntk_host *host;
    const struct advntk_kernel_ops *kernel;
    void *kernel_state;
    const void
        *train_points; /* prepared by kernel->points_put; borrowed for the predictor's life */
    ptrdiff_t train, classes, height, width, channels;
    enum advntk_precision precision;
    const double *shift, *scale; /* channels each */
};

/* Starts with alpha = 0. Free with advntk_predictor_free. */
ADVNTK_MUST_CHECK advntk_status advntk__predictor_make(const struct advntk__predictor_setup *setup,
                                                       struct advntk_predictor **predictor,
                                                       struct advntk_error *err);
const double *advntk__predictor_alpha(const struct advntk_predictor *predictor); /* train,classes */

#endif
