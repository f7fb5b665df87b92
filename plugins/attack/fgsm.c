/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Fast gradient step: one step of the radius's length from the clean image along the norm's
 * steepest direction; for l-infinity x + rho sign(grad L(x)): Goodfellow, Shlens, Szegedy 2015,
 * section 4.
 */
#include "config.h"

#include <advntk/plugin.h>
#include <math.h>

/* The published attack starts at the clean image. */
static void fgsm_preset(const void *config, struct advntk_attack_settings *settings)
{
    (void)config;
    settings->random_start = false;
    settings->random_start_cube = 0;
}

/* No state: the only direction is that of the start point. */
static advntk_status fgsm_open(const void *config, struct advntk_host *host,
                               const struct advntk_attack_view *view, void **state,
                               struct advntk_error *err)
{
    (void)config;
    (void)host;
    (void)view;
    (void)err;
    *state = NULL;
    return ADVNTK_OK;
}

static void fgsm_close(void *state)
{
    (void)state;
}

static advntk_status fgsm_step(void *state, const struct advntk_attack_view *view,
                               const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    (void)state;
    rc = advntk_attack_steepest(view, seen->gradient, ask->point, err);
    for (ptrdiff_t i = 0; rc == ADVNTK_OK && i < view->n; i++) {
        ptrdiff_t row = i * view->d;
        for (ptrdiff_t k = row; view->active[i] && k < row + view->d; k++) {
            ask->point[k] = seen->point[k] + view->radius * ask->point[k];
        }
    }
    ask->last = true;
    return rc;
}

static const struct advntk_attack_ops fgsm_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .preset = fgsm_preset,
    .open = fgsm_open,
    .step = fgsm_step,
    .close = fgsm_close,
};

ADVNTK_PLUGIN(ATTACK, fgsm_ops, .name = "fgsm", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "one gradient step of the radius's length",
              .doc = "Starts at the clean image, whatever random_start says. One step says little "
                     "about robustness: the audit will usually find the loss still rising. Costs 2 "
                     "outputs and 1 gradient.",
              .source = "Goodfellow, Shlens, Szegedy 2015 (arXiv 1412.6572), section 4");
