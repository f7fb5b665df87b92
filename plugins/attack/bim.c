/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Basic iterative method: steps of length alpha along the norm's steepest direction from the clean
 * image, each projected: Kurakin, Goodfellow, Bengio 2017 (arXiv 1607.02533), section 2.2. It is
 * pgd without a random start, with a step that reaches the radius in all steps together.
 */
#include "config.h"

#include "momentum.h"

struct bim_config {
    int64_t steps;
    double step;
};

static const struct advntk_param bim_params[] = {
    ADVNTK_INT(struct bim_config, steps, 10, 0, 1000000, .symbol = "T",
               .help = "gradient steps of a restart; 0: the clean image alone"),
    ADVNTK_REAL(struct bim_config, step, 0.0, 0, INFINITY, .unit = "as radius", .symbol = "alpha",
                .help = "length of a step in the attack's norm; 0: radius / steps"),
    ADVNTK_PARAM_END};

/* The published attack starts at the clean image. */
static void bim_preset(const void *config, struct advntk_attack_settings *settings)
{
    (void)config;
    settings->random_start = false;
    settings->random_start_cube = 0;
}

static advntk_status bim_open(const void *config, struct advntk_host *host,
                              const struct advntk_attack_view *view, void **state,
                              struct advntk_error *err)
{
    const struct bim_config *cfg = config;
    struct momentum_state *s = NULL;
    advntk_status rc = momentum_new(view, cfg->steps, cfg->step, 0, &s, err);

    (void)host;
    *state = s;
    return rc;
}

static const struct advntk_attack_ops bim_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .preset = bim_preset,
    .open = bim_open,
    .step = momentum_step,
    .save = momentum_save,
    .load = momentum_load,
    .close = momentum_close,
};

ADVNTK_PLUGIN(ATTACK, bim_ops, .name = "bim", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "iterated gradient steps from the clean image",
              .doc = "Starts at the clean image, whatever random_start says. One restart costs "
                     "steps + 1 outputs and steps gradients; more restarts change nothing.",
              .source = "Kurakin, Goodfellow, Bengio 2017 (arXiv 1607.02533), section 2.2",
              .params = bim_params, .config_bytes = sizeof(struct bim_config));
