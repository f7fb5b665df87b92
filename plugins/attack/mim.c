/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Momentum iterative method: Dong et al. 2018 (arXiv 1710.06081), algorithm 1. The step goes along
 * the steepest direction of a velocity that gathers gradients of l1 length 1.
 */
#include "config.h"

#include "momentum.h"

struct mim_config {
    int64_t steps;
    double step, decay;
};

static const struct advntk_param mim_params[] = {
    ADVNTK_INT(struct mim_config, steps, 10, 0, 1000000, .symbol = "T",
               .help = "gradient steps of a restart; 0: the clean image alone"),
    ADVNTK_REAL(struct mim_config, step, 0.0, 0, INFINITY, .unit = "as radius", .symbol = "alpha",
                .help = "length of a step in the attack's norm; 0: radius / steps"),
    ADVNTK_REAL(struct mim_config, decay, 1.0, 0, INFINITY, .symbol = "mu",
                .help = "what is left of the velocity after a step",
                .source = "Dong et al. 2018 (arXiv 1710.06081), equation 6"),
    ADVNTK_PARAM_END};

/* The published attack starts at the clean image. */
static void mim_preset(const void *config, struct advntk_attack_settings *settings)
{
    (void)config;
    settings->random_start = false;
    settings->random_start_cube = 0;
}

static advntk_status mim_open(const void *config, struct advntk_host *host,
                              const struct advntk_attack_view *view, void **state,
                              struct advntk_error *err)
{
    const struct mim_config *cfg = config;
    struct momentum_state *s = NULL;
    advntk_status rc = momentum_new(view, cfg->steps, cfg->step, cfg->decay, &s, err);

    (void)host;
    *state = s;
    return rc;
}

static const struct advntk_attack_ops mim_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .preset = mim_preset,
    .open = mim_open,
    .step = momentum_step,
    .save = momentum_save,
    .load = momentum_load,
    .close = momentum_close,
};

ADVNTK_PLUGIN(
    ATTACK, mim_ops, .name = "mim", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "iterated gradient steps with momentum",
    .doc = "Starts at the clean image, whatever random_start says. Momentum helps points to fool "
           "other models too. One restart costs steps + 1 outputs and steps gradients.",
    .source = "Dong et al. 2018 (arXiv 1710.06081), algorithm 1", .params = mim_params,
    .config_bytes = sizeof(struct mim_config));
