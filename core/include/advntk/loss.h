/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kind loss: per-sample value and gradient with respect to the outputs. Pure; called concurrently. */
#ifndef ADVNTK_LOSS_H
#define ADVNTK_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_loss_ops {
    ptrdiff_t min_classes;   /* fewer are refused before the run */
    bool targeted;           /* needs targets */
    /* loss (n) and df (n,c) (NULL: not wanted) of outputs f (n,c); targets NULL: untargeted.
     * Attacks go up the loss; a targeted loss grows as the output nears the target. */
    void (*value)(const void *config, ptrdiff_t n, ptrdiff_t c, const double *f, const int32_t *labels,
                  const int32_t *targets, double *loss, double *df);
    /* What to use instead where there are too few classes; may be NULL. */
    const char *too_few_classes;
};

#ifdef __cplusplus
}
#endif
#endif
