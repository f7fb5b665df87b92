/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An attack of one's own: ten steps along the signs of the gradient, each a tenth of the radius.
 * The host evaluates the points that `step` asks for, projects them onto ball and box, keeps the
 * worst for each image, counts and stops; so a wrong attack may be weak, but never leaves the ball.
 *
 *     make && advntk describe attack/drift --plugin-path .
 */
#include <advntk/plugin.h>

/* This attack remembers nothing from step to step. */
static advntk_status drift_open(const void *config, struct advntk_host *host,
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

static void drift_close(void *state)
{
    (void)state;
}

static advntk_status drift_step(void *state, const struct advntk_attack_view *view,
                                const struct advntk_attack_seen *seen,
                                struct advntk_attack_ask *ask, struct advntk_error *err)
{
    (void)state;
    (void)err;
    for (ptrdiff_t i = 0; i < view->n * view->d; i++) {
        ask->point[i] = seen->point[i] + view->radius / 10 * (seen->gradient[i] > 0 ? 1 : -1);
    }
    for (ptrdiff_t i = 0; i < view->n; i++) {
        ask->done[i] = view->step >= 10;
    }
    ask->gradient = true;
    return ADVNTK_OK;
}

static const struct advntk_attack_ops drift_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_GRADIENTS,
    .open = drift_open,
    .step = drift_step,
    .close = drift_close,
};

ADVNTK_PLUGIN(ATTACK, drift_ops, .name = "drift", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "ten sign steps of a tenth of the radius",
              .doc = "The example of the documentation. Use pgd for real work.");
