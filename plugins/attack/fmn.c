/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FMN, fast minimum-norm attack: Pintor, Roli, Brendel, Biggio 2021 (arXiv 2102.12827),
 * algorithm 1. The constraint epsilon is moved to the boundary while the point moves inside it:
 *
 *     not fooled yet:  epsilon = |delta| + |L| / |grad L|_*            (distance to the linearised
 * boundary) fooled before:   epsilon <- (1 + gamma_k) epsilon fools now:       epsilon <- min((1 -
 * gamma_k) epsilon, least distance that fooled) delta <- P_epsilon(delta + alpha_k grad L / |grad
 * L|_2),   x = box(c + delta),
 *
 * (at least (1 + gamma_k) |delta| in the first case: else a linear boundary is met and never
 * crossed), alpha_k and gamma_k falling along half a cosine. L is the loss, zero at the boundary
 * where it is margin, the paper's; |.|_* the dual norm.
 *
 * Notation: c clean image, n,d images, values.
 */
#include "config.h"

#include "arrays.h"
#include "descent.h"

#include <advntk/plugin.h>
#include <stdlib.h>
#include <string.h>

struct fmn_config {
    int64_t steps;
    double alpha, alpha_last, gamma, gamma_last;
};

static const struct advntk_param fmn_params[] = {
    ADVNTK_INT(struct fmn_config, steps, 100, 1, 1000000, .symbol = "K",
               .help = "gradient steps of a restart", .source = "Pintor et al. 2021, algorithm 1"),
    ADVNTK_REAL(struct fmn_config, alpha, 1.0, 0, INFINITY, .flags = ADVNTK_P_MIN_OPEN,
                .unit = "pixel value, Euclidean", .symbol = "alpha_0",
                .help = "length of the first step", .source = "Pintor et al. 2021, algorithm 1"),
    ADVNTK_REAL(struct fmn_config, alpha_last, 0.01, 0, INFINITY, .unit = "pixel value, Euclidean",
                .symbol = "alpha_K", .help = "length that steps fall to",
                .source = "Pintor et al. 2021, algorithm 1"),
    ADVNTK_REAL(struct fmn_config, gamma, 0.05, 0, 1,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .symbol = "gamma_0",
                .help = "share that the constraint changes by in the first step",
                .source = "Pintor et al. 2021, section 3.1"),
    ADVNTK_REAL(struct fmn_config, gamma_last, 0.001, 0, 1, .flags = ADVNTK_P_MAX_OPEN,
                .symbol = "gamma_K", .help = "share that it changes by in the last",
                .source = "Pintor et al. 2021, section 3.1"),
    ADVNTK_PARAM_END};

struct fmn_state {
    struct fmn_config config;
    ptrdiff_t n, d;
    double *epsilon, *least; /* n; least distance that fooled, infinite before */
};

static const struct state_array fmn_arrays[] = {STATE_ARRAY(struct fmn_state, epsilon, false),
                                                STATE_ARRAY(struct fmn_state, least, false),
                                                STATE_ARRAY_END};

static const char *fmn_unsupported(const void *config, const char *norm, ptrdiff_t classes)
{
    (void)config;
    (void)classes;
    return strcmp(norm, "l0") == 0 ? "its constraint moves continuously, l0 counts; use pgd" : NULL;
}

static void fmn_close(void *state)
{
    arrays_free(state, fmn_arrays);
    free(state);
}

static advntk_status fmn_open(const void *config, struct advntk_host *host,
                              const struct advntk_attack_view *view, void **state,
                              struct advntk_error *err)
{
    const struct advntk_plugin *norm = view->settings->norm.plugin;
    const struct advntk_norm_ops *ops = norm->ops;
    struct fmn_state *s = NULL;
    advntk_status rc = ADVNTK_OK;

    (void)host;
    if (!ops->dual_norm || !ops->project_ball) {
        return ADVNTK_FAIL(err, EUNSUPPORTED,
                           "norm %s offers no dual norm or projection on the ball", norm->name);
    }
    s = calloc(1, sizeof(*s));
    rc = arrays_new(s, fmn_arrays, view, err);
    if (rc != ADVNTK_OK) {
        fmn_close(s);
        return rc;
    }
    s->config = *(const struct fmn_config *)config;
    s->n = view->n;
    s->d = view->d;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->least[i] = (double)INFINITY;
    }
    *state = s;
    return ADVNTK_OK;
}

static void set_constraint(struct fmn_state *s, const struct advntk_attack_view *view,
                           const struct advntk_attack_seen *seen, ptrdiff_t i)
{
    const void *config = view->settings->norm.config;
    const struct advntk_norm_ops *norm = view->settings->norm.plugin->ops;
    const double *g = seen->gradient + i * view->d;
    double gamma =
        success_anneal(s->config.gamma, s->config.gamma_last, view->step, s->config.steps);
    double far =
        norm->distance(config, view->d, seen->point + i * view->d, view->clean + i * view->d);
    double size;

    if (success_fools(view, seen->outputs + i * view->classes, i)) {
        s->epsilon[i] = s->least[i] < (double)INFINITY ? s->epsilon[i] : far;
        s->least[i] = fmin(s->least[i], far);
        s->epsilon[i] = fmin((1 - gamma) * s->epsilon[i], s->least[i]);
    } else if (s->least[i] < (double)INFINITY) {
        s->epsilon[i] *= 1 + gamma;
    } else {
        size = norm->dual_norm(config, view->d, g);
        s->epsilon[i] = fmax(far + (size > 0 ? fabs(seen->loss[i]) / size : 0), (1 + gamma) * far);
    }
}

static void move_row(void *state, const struct advntk_attack_view *view,
                     const struct advntk_attack_seen *seen, ptrdiff_t i, double *next)
{
    struct fmn_state *s = state;
    const struct advntk_norm_ops *norm = view->settings->norm.plugin->ops;
    const double *g = seen->gradient + i * view->d;
    double alpha =
        success_anneal(s->config.alpha, s->config.alpha_last, view->step, s->config.steps);
    double size = success_length(view->d, g);

    set_constraint(s, view, seen, i);
    for (ptrdiff_t k = 0; k < view->d; k++) {
        next[k] += size > 0 ? alpha * (g[k] / size) : 0;
    }
    norm->project_ball(view->settings->norm.config, view->d, view->clean + i * view->d,
                       s->epsilon[i], next);
}

static advntk_status fmn_step(void *state, const struct advntk_attack_view *view,
                              const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                              struct advntk_error *err)
{
    const struct fmn_state *s = state;

    (void)err;
    return descent_step(state, move_row, s->config.steps, view, seen, ask);
}

static advntk_status fmn_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct fmn_state *s = state;
    return arrays_save(s, fmn_arrays, s->n, s->d, w, err);
}

static advntk_status fmn_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct fmn_state *s = state;
    return arrays_load(s, fmn_arrays, s->n, s->d, r, err);
}

static const struct advntk_attack_ops fmn_ops = {
    .goal = ADVNTK_GOAL_MIN_NORM,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .min_classes = 2,
    .loss = "margin",
    .preset = success_preset,
    .unsupported = fmn_unsupported,
    .open = fmn_open,
    .step = fmn_step,
    .save = fmn_save,
    .load = fmn_load,
    .close = fmn_close,
};

ADVNTK_PLUGIN(
    ATTACK, fmn_ops, .name = "fmn", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "smallest perturbation, with a constraint that follows the boundary",
    .doc = "Finds small perturbations in linf, l2 and l1 with one gradient a step. Without a loss "
           "of its own it takes margin, whose zero is the boundary; with another the "
           "first constraints are guesses. One restart costs steps + 1 outputs and steps "
           "gradients. For distances beyond the radius set early_stop: false.",
    .source = "Pintor, Roli, Brendel, Biggio 2021 (arXiv 2102.12827), algorithm 1",
    .params = fmn_params, .config_bytes = sizeof(struct fmn_config));
