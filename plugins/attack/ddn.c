/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DDN, decoupled direction and norm: Rony, Hafemann, Oliveira, Ben Ayed, Sabourin, Granger 2019
 * (arXiv 1811.09600), algorithm 1. The direction follows the loss, the length only whether the
 * point fools:
 *
 *     delta   <- delta + alpha_k grad L / |grad L|_2
 *     epsilon <- (1 - gamma) epsilon  where x_k fools,  else  (1 + gamma) epsilon
 *     x_{k+1} = box(c + epsilon delta / |delta|_2),
 *
 * alpha_k falling from alpha along half a cosine. delta is what is left of the point after the box.
 * Points are not rounded to grey levels, as the paper does for comparisons.
 *
 * Notation: c clean image, n,d images, values.
 */
#include "config.h"

#include "arrays.h"
#include "descent.h"

#include <advntk/plugin.h>
#include <stdlib.h>
#include <string.h>

struct ddn_config {
    int64_t steps;
    double alpha, alpha_last, gamma, epsilon;
};

static const struct advntk_param ddn_params[] = {
    ADVNTK_INT(struct ddn_config, steps, 100, 1, 1000000, .symbol = "K",
               .help = "gradient steps of a restart", .source = "Rony et al. 2019, section 5"),
    ADVNTK_REAL(struct ddn_config, alpha, 1.0, 0, INFINITY, .flags = ADVNTK_P_MIN_OPEN,
                .unit = "pixel value, Euclidean", .symbol = "alpha",
                .help = "length of the first step", .source = "Rony et al. 2019, section 5"),
    ADVNTK_REAL(struct ddn_config, alpha_last, 0.01, 0, INFINITY, .unit = "pixel value, Euclidean",
                .help = "length that steps fall to", .source = "Rony et al. 2019, section 5"),
    ADVNTK_REAL(struct ddn_config, gamma, 0.05, 0, 1,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .symbol = "gamma",
                .help = "share that the distance changes by in a step",
                .source = "Rony et al. 2019, algorithm 1"),
    ADVNTK_REAL(struct ddn_config, epsilon, 1.0, 0, INFINITY, .flags = ADVNTK_P_MIN_OPEN,
                .unit = "pixel value, Euclidean", .symbol = "epsilon_0",
                .help = "distance of the first points", .source = "Rony et al. 2019, algorithm 1"),
    ADVNTK_PARAM_END};

struct ddn_state {
    struct ddn_config config;
    ptrdiff_t n, d;
    double *epsilon; /* n */
};

static const struct state_array ddn_arrays[] = {STATE_ARRAY(struct ddn_state, epsilon, false),
                                                STATE_ARRAY_END};

static const char *ddn_unsupported(const void *config, const char *norm, ptrdiff_t classes)
{
    (void)config;
    (void)classes;
    return strcmp(norm, "l2") == 0 ? NULL : "works in norm l2 only; fmn takes linf, l2 and l1";
}

static void ddn_close(void *state)
{
    arrays_free(state, ddn_arrays);
    free(state);
}

static advntk_status ddn_open(const void *config, struct advntk_host *host,
                              const struct advntk_attack_view *view, void **state,
                              struct advntk_error *err)
{
    struct ddn_state *s = calloc(1, sizeof(*s));
    advntk_status rc = arrays_new(s, ddn_arrays, view, err);

    (void)host;
    if (rc != ADVNTK_OK) {
        ddn_close(s);
        return rc;
    }
    s->config = *(const struct ddn_config *)config;
    s->n = view->n;
    s->d = view->d;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->epsilon[i] = s->config.epsilon;
    }
    *state = s;
    return ADVNTK_OK;
}

static void move_row(void *state, const struct advntk_attack_view *view,
                     const struct advntk_attack_seen *seen, ptrdiff_t i, double *next)
{
    struct ddn_state *s = state;
    const struct ddn_config *cfg = &s->config;
    const double *g = seen->gradient + i * view->d, *clean = view->clean + i * view->d;
    double alpha = success_anneal(cfg->alpha, cfg->alpha_last, view->step, cfg->steps);
    double size = success_length(view->d, g), length;
    bool fools = success_fools(view, seen->outputs + i * view->classes, i);

    s->epsilon[i] *= fools ? 1 - cfg->gamma : 1 + cfg->gamma;
    for (ptrdiff_t k = 0; k < view->d; k++) {
        next[k] += (size > 0 ? alpha * (g[k] / size) : 0) - clean[k];
    }
    length = success_length(view->d, next);
    for (ptrdiff_t k = 0; k < view->d; k++) {
        next[k] = clean[k] + (length > 0 ? s->epsilon[i] * (next[k] / length) : 0);
    }
}

static advntk_status ddn_step(void *state, const struct advntk_attack_view *view,
                              const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                              struct advntk_error *err)
{
    const struct ddn_state *s = state;

    (void)err;
    return descent_step(state, move_row, s->config.steps, view, seen, ask);
}

static advntk_status ddn_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct ddn_state *s = state;
    return arrays_save(s, ddn_arrays, s->n, s->d, w, err);
}

static advntk_status ddn_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct ddn_state *s = state;
    return arrays_load(s, ddn_arrays, s->n, s->d, r, err);
}

static const struct advntk_attack_ops ddn_ops = {
    .goal = ADVNTK_GOAL_MIN_NORM,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .min_classes = 2,
    .loss = "cross_entropy",
    .preset = success_preset,
    .unsupported = ddn_unsupported,
    .open = ddn_open,
    .step = ddn_step,
    .save = ddn_save,
    .load = ddn_load,
    .close = ddn_close,
};

ADVNTK_PLUGIN(ATTACK, ddn_ops, .name = "ddn", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "l2: direction by the loss, length by whether the point fools",
              .doc =
                  "Finds small l2 perturbations in few steps. Without a loss of its own it takes "
                  "cross_entropy. One restart costs steps + 1 outputs and steps gradients. For "
                  "distances beyond the radius set early_stop: false.",
              .source = "Rony et al. 2019 (arXiv 1811.09600), algorithm 1", .params = ddn_params,
              .config_bytes = sizeof(struct ddn_config));
