/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What attacks that look for the boundary ask of outputs and vectors. */
#ifndef PLUGINS_ATTACK_SUCCESS_H
#define PLUGINS_ATTACK_SUCCESS_H

#include <advntk/plugin.h>
#include <math.h>

/* Whether one class has to be reached, and not any wrong one. */
static inline bool success_is_aimed(const struct advntk_attack_view *view)
{
    return view->targets && view->settings->success == ADVNTK_SUCCESS_TARGET;
}

/* Whether outputs (classes) of row i are what the attack looks for. */
static inline bool success_fools(const struct advntk_attack_view *view, const double *outputs,
                                 ptrdiff_t i)
{
    ptrdiff_t best = 0;
    for (ptrdiff_t k = 1; k < view->classes; k++) {
        best = outputs[k] > outputs[best] ? k : best;
    }
    return success_is_aimed(view) ? best == view->targets[i] : best != view->labels[i];
}

/* Euclidean length; scaled, as gradients may be so small that their squares vanish. */
static inline double success_length(ptrdiff_t d, const double *x)
{
    double largest = 0, sum = 0;
    for (ptrdiff_t k = 0; k < d; k++) {
        largest = fmax(largest, fabs(x[k]));
    }
    for (ptrdiff_t k = 0; largest > 0 && k < d; k++) {
        sum += x[k] / largest * (x[k] / largest);
    }
    return largest * sqrt(sum);
}

/* From first to last along half a cosine: at step 0 first, at steps last. */
static inline double success_anneal(double first, double last, ptrdiff_t step, int64_t steps)
{
    static const double pi = 3.14159265358979323846;
    return last + (first - last) * (1 + cos(pi * (double)step / (double)steps)) / 2;
}

/* A preset: distances are from the clean image, so it is the start. */
static inline void success_preset(const void *config, struct advntk_attack_settings *settings)
{
    (void)config;
    settings->random_start = false;
    settings->random_start_cube = 0;
}

static inline void success_all_done(const struct advntk_attack_view *view,
                                    struct advntk_attack_ask *ask)
{
    for (ptrdiff_t i = 0; i < view->n; i++) {
        ask->done[i] = true;
    }
}

#endif
