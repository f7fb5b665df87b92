/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random points of the ball: no gradients, no search. A model that falls to it needs no adversary;
 * robust accuracy under it bounds what any attack may claim from above. Baseline of Ford et al.
 * 2019 (arXiv 1901.10513), section 4, with points uniform in the ball of any norm.
 */
#include "config.h"

#include <advntk/plugin.h>

struct noise_config {
    int64_t points;
};

static const struct advntk_param noise_params[] = {
    ADVNTK_INT(struct noise_config, points, 10, 1, 1000000, .unit = "points an image",
               .help = "random points evaluated in a restart, besides its start"),
    ADVNTK_PARAM_END};

static advntk_status noise_open(const void *config, struct advntk_host *host,
                                const struct advntk_attack_view *view, void **state,
                                struct advntk_error *err)
{
    const struct advntk_slot *norm = &view->settings->norm;

    (void)host;
    if (!((const struct advntk_norm_ops *)norm->plugin->ops)->random) {
        return ADVNTK_FAIL(err, EUNSUPPORTED, "norm %s offers no random point", norm->plugin->name);
    }
    *state = (void *)(uintptr_t)config; /* it has no other state, and never writes this */
    return ADVNTK_OK;
}

static void noise_close(void *state)
{
    (void)state;
}

static advntk_status noise_step(void *state, const struct advntk_attack_view *view,
                                const struct advntk_attack_seen *seen,
                                struct advntk_attack_ask *ask, struct advntk_error *err)
{
    const struct noise_config *cfg = state;
    const struct advntk_slot *norm = &view->settings->norm;
    const struct advntk_norm_ops *ops = norm->plugin->ops;

    (void)seen;
    (void)err;
    for (ptrdiff_t i = 0; i < view->n; i++) {
        struct advntk_stream stream;
        ask->done[i] = view->step >= cfg->points;
        if (view->active[i] && !ask->done[i]) {
            advntk_attack_stream(view, i, &stream);
            ops->random(norm->config, view->d, view->clean + i * view->d, view->radius, &stream,
                        ask->point + i * view->d);
        }
    }
    return ADVNTK_OK;
}

static const struct advntk_attack_ops noise_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS,
    .open = noise_open,
    .step = noise_step,
    .close = noise_close,
};

ADVNTK_PLUGIN(ATTACK, noise_ops, .name = "noise", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "random points of the ball",
              .doc = "The baseline that every attack must beat: points drawn uniformly from the "
                     "ball, projected into the pixel box. Costs points + 1 outputs, no gradients, "
                     "and needs no loss.",
              .source = "Ford et al. 2019 (arXiv 1901.10513), section 4", .params = noise_params,
              .config_bytes = sizeof(struct noise_config));
