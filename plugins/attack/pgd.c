/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Projected gradient descent (up the loss):  x <- P(x + alpha steepest(grad L(x))),
 * Madry et al. 2018, equation in section 2.1; Kurakin et al. 2017 for the sign form. P projects on
 * the ball around the clean image and on the box; the host does it.
 *
 * variant released-code: the attack that the code published with Fu, Wang 2024 runs. It takes the
 * gradient once, at the start point, and reuses it in each step; its ball is around the start
 * point, so that the perturbation may reach twice the radius; l2 rescales by
 * min(|d|,rho)/(|d|+1e-10); the random start of norms other than l-infinity is uniform in a cube of
 * half width rho/steps; only the last point counts.
 */
#include "config.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VARIANT_STANDARD, VARIANT_RELEASED_CODE };

struct pgd_config {
    int64_t steps;
    double step;
    int variant;
};

static const char *const variants[] = {"standard", "released-code", NULL};

static const struct advntk_param pgd_params[] = {
    ADVNTK_INT(struct pgd_config, steps, 10, 0, 1000000,
               .help = "gradient steps of a restart; 0: the start point alone"),
    ADVNTK_REAL(struct pgd_config, step, 0.0, 0, INFINITY, .unit = "as radius", .symbol = "alpha",
                .help = "length of a step in the attack's norm; 0: radius / 4",
                .source = "Madry et al. 2018, section 2.1"),
    ADVNTK_CHOICE(struct pgd_config, variant, "standard", variants,
                  .help =
                      "released-code: as the code published with the Adv-NTK paper (one gradient "
                      "for all steps, ball around the start point); the audit says so",
                  .source = "Fu, Wang 2024 (arXiv 2310.06112), released code"),
    ADVNTK_PARAM_END};

struct pgd_state {
    struct pgd_config config;
    double length;
    ptrdiff_t count;   /* n*d */
    double *direction; /* n,d */
};

static void pgd_preset(const void *config, struct advntk_attack_settings *settings)
{
    const struct pgd_config *cfg = config;
    bool cube = settings->norm.plugin && strcmp(settings->norm.plugin->name, "linf") == 0;

    if (cfg->variant != VARIANT_RELEASED_CODE) {
        return;
    }
    settings->ball_centre = ADVNTK_CENTRE_START;
    settings->projection = ADVNTK_PROJECT_SEQUENTIAL;
    settings->projection_guard = cube ? 0 : 1e-10;
    settings->score = ADVNTK_SCORE_LAST;
    settings->early_stop = false;
    if (settings->random_start) {
        double parts = cube || cfg->steps < 1 ? 1 : (double)cfg->steps;
        settings->random_start_cube = settings->radius / parts;
    }
}

static void pgd_close(void *state)
{
    struct pgd_state *s = state;
    if (s) {
        advntk_free(s->direction);
        free(s);
    }
}

static advntk_status pgd_open(const void *config, struct advntk_host *host,
                              const struct advntk_attack_view *view, void **state,
                              struct advntk_error *err)
{
    struct pgd_state *s = calloc(1, sizeof(*s));

    (void)host;
    if (s) {
        s->config = *(const struct pgd_config *)config;
        s->length = s->config.step > 0 ? s->config.step : view->radius / 4;
        s->count = view->n * view->d;
        s->direction = advntk_alloc_zero(s->count, sizeof(double));
    }
    if (!s || !s->direction) {
        pgd_close(s);
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the directions of %td images", view->n);
    }
    *state = s;
    return ADVNTK_OK;
}

static advntk_status pgd_step(void *state, const struct advntk_attack_view *view,
                              const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                              struct advntk_error *err)
{
    struct pgd_state *s = state;
    bool frozen = s->config.variant == VARIANT_RELEASED_CODE;
    advntk_status rc = ADVNTK_OK;

    if (view->step >= s->config.steps) {
        for (ptrdiff_t i = 0; i < view->n; i++) {
            ask->done[i] = true;
        }
        return ADVNTK_OK;
    }
    if (view->step == 0 || !frozen) {
        rc = advntk_attack_steepest(view, seen->gradient, s->direction, err);
    }
    for (ptrdiff_t i = 0; rc == ADVNTK_OK && i < view->n; i++) {
        ptrdiff_t row = i * view->d;
        for (ptrdiff_t k = row; view->active[i] && k < row + view->d; k++) {
            ask->point[k] = seen->point[k] + s->length * s->direction[k];
        }
    }
    ask->last = view->step + 1 >= s->config.steps;
    ask->gradient = !frozen && !ask->last;
    return rc;
}

/* Only the frozen direction outlives a step. */
static advntk_status pgd_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct pgd_state *s = state;
    return advntk_write_reals(w, "direction", s->count, s->direction, err);
}

static advntk_status pgd_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct pgd_state *s = state;
    return advntk_read_reals(r, "direction", s->count, s->direction, err);
}

static const struct advntk_attack_ops pgd_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .preset = pgd_preset,
    .open = pgd_open,
    .step = pgd_step,
    .save = pgd_save,
    .load = pgd_load,
    .close = pgd_close,
};

ADVNTK_PLUGIN(ATTACK, pgd_ops, .name = "pgd", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "projected gradient descent with fixed steps",
              .doc = "Steps of fixed length up the loss along the norm's steepest direction, each "
                     "projected back. The gradient is that of the current point and the ball is "
                     "around the clean image, unless variant released-code asks for what the code "
                     "of the Adv-NTK paper does. One restart costs steps + 1 outputs and steps "
                     "gradients.",
              .source = "Madry et al. 2018 (arXiv 1706.06083), section 2.1", .params = pgd_params,
              .config_bytes = sizeof(struct pgd_config));
