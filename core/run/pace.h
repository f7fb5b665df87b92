/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How fast a network's kernel is on this machine, by a measurement of a second. */
#ifndef ADVNTK_RUN_PACE_H
#define ADVNTK_RUN_PACE_H

#include "run/runner.h"

#include <advntk/kernel.h>

/* Seconds. A matrix of n images takes pair * advntk__matrix_units(n, threads); values and gradients
 * of m images against n take image * m + gradient * m * n. */
struct advntk__pace {
    double pair;     /* of a kernel matrix, on one of the threads that are all busy */
    double image;    /* of an attacked image, whatever it is compared with */
    double gradient; /* value and input gradient of a pair, with all threads */
};

/*
 * Times tiles on all threads and panels with their reverse, of images of noise, growing until each
 * took a fifth of a second. host: has its backend. Fails: as the kernel would.
 */
ADVNTK_MUST_CHECK advntk_status advntk__pace_measure(struct advntk_host *host,
                                                     const struct advntk_slot *kernel,
                                                     const struct advntk_kernel_setup *setup,
                                                     struct advntk__pace *pace,
                                                     struct advntk_error *err);

#endif
