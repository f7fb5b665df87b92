/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DeepFool: Moosavi-Dezfooli, Fawzi, Frossard 2016 (arXiv 1511.04599), algorithm 2, and section 2.4
 * for norms other than l2. The classifier is taken for linear at each point, and the point moved
 * onto the nearest of the hyperplanes f_k = f_y:
 *
 *     l = argmin_k |f_k - f_y| / |w_k|_*,   w_k = grad (f_k - f_y),   |.|_* the dual norm,
 *     r <- r + |f_l - f_y| / |w_l|_* steepest(w_l),    x = c + (1 + overshoot) r,
 *
 * until x fools. The overshoot carries each point beyond the boundary, as in the authors' code.
 *
 * Notation: f outputs, y label, c clean image, n,d images, values.
 */
#include "config.h"

#include "arrays.h"
#include "success.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct deepfool_config {
    int64_t steps;
    double overshoot;
};

static const struct advntk_param deepfool_params[] = {
    ADVNTK_INT(struct deepfool_config, steps, 50, 1, 1000000, .help = "most linearisations",
               .source = "Moosavi-Dezfooli et al. 2016, released code"),
    ADVNTK_REAL(struct deepfool_config, overshoot, 0.02, 0, INFINITY, .symbol = "eta",
                .help = "how far beyond the boundary points go, as a share of their distance",
                .source = "Moosavi-Dezfooli et al. 2016, section 2.1"),
    ADVNTK_PARAM_END};

struct deepfool_state {
    struct deepfool_config config;
    ptrdiff_t n, d;
    double *moved; /* n,d: r */
};

static const struct state_array deepfool_arrays[] = {
    STATE_ARRAY(struct deepfool_state, moved, true), STATE_ARRAY_END};

static const char *deepfool_unsupported(const void *config, const char *norm, ptrdiff_t classes)
{
    (void)config;
    (void)classes;
    return strcmp(norm, "l0") == 0 ? "its steps have no meaning in norm l0, use pgd" : NULL;
}

static void deepfool_close(void *state)
{
    arrays_free(state, deepfool_arrays);
    free(state);
}

static advntk_status deepfool_open(const void *config, struct advntk_host *host,
                                   const struct advntk_attack_view *view, void **state,
                                   struct advntk_error *err)
{
    const struct advntk_plugin *norm = view->settings->norm.plugin;
    const struct advntk_norm_ops *ops = norm->ops;
    struct deepfool_state *s = NULL;
    advntk_status rc = ADVNTK_OK;

    (void)host;
    if (success_is_aimed(view)) {
        return ADVNTK_FAIL(err, EUNSUPPORTED,
                           "goes to the nearest wrong class; for a target use fab");
    }
    if (!ops->steepest || !ops->dual_norm) {
        return ADVNTK_FAIL(err, EUNSUPPORTED, "norm %s offers no steepest direction or dual norm",
                           norm->name);
    }
    s = calloc(1, sizeof(*s));
    rc = arrays_new(s, deepfool_arrays, view, err);
    if (rc != ADVNTK_OK) {
        deepfool_close(s);
        return rc;
    }
    s->config = *(const struct deepfool_config *)config;
    s->n = view->n;
    s->d = view->d;
    *state = s;
    return ADVNTK_OK;
}

/* Onto the nearest hyperplane; false: none can be reached, all gradients are zero. */
static bool move_row(struct deepfool_state *s, const struct advntk_attack_view *view,
                     const struct advntk_attack_seen *seen, ptrdiff_t i, double *next)
{
    const void *config = view->settings->norm.config;
    const struct advntk_norm_ops *norm = view->settings->norm.plugin->ops;
    const double *f = seen->outputs + i * view->classes, *clean = view->clean + i * view->d;
    const double *normals = seen->gradient + i * (view->classes - 1) * view->d;
    double least = (double)INFINITY, *moved = s->moved + i * view->d;
    ptrdiff_t nearest = -1, label = view->labels[i];

    for (ptrdiff_t k = 0; k < view->classes - 1; k++) {
        double size = norm->dual_norm(config, view->d, normals + k * view->d);
        double far = fabs(f[k + (k >= label)] - f[label]) / size;
        nearest = far < least ? k : nearest;
        least = far < least ? far : least;
    }
    if (nearest < 0) {
        return false;
    }
    norm->steepest(config, view->d, normals + nearest * view->d, 0, next);
    for (ptrdiff_t k = 0; k < view->d; k++) {
        moved[k] += least * next[k];
        next[k] = clean[k] + (1 + s->config.overshoot) * moved[k];
    }
    return true;
}

static advntk_status deepfool_step(void *state, const struct advntk_attack_view *view,
                                   const struct advntk_attack_seen *seen,
                                   struct advntk_attack_ask *ask, struct advntk_error *err)
{
    struct deepfool_state *s = state;
    ptrdiff_t c = view->classes, planes = c - 1;

    (void)err;
    for (ptrdiff_t i = 0; i < view->n; i++) {
        double *cotangent = ask->cotangent + i * planes * c;
        if (!view->active[i]) {
            continue;
        }
        ask->done[i] = success_fools(view, seen->outputs + i * c, i) ||
                       view->step > s->config.steps ||
                       (view->step > 0 && !move_row(s, view, seen, i, ask->point + i * view->d));
        memset(cotangent, 0, (size_t)(planes * c) * sizeof(double));
        for (ptrdiff_t k = 0; k < planes; k++) {
            cotangent[k * c + k + (k >= view->labels[i])] = 1;
            cotangent[k * c + view->labels[i]] = -1;
        }
    }
    ask->gradient = view->step < s->config.steps;
    ask->m = ask->gradient ? planes : 0;
    return ADVNTK_OK;
}

static advntk_status deepfool_save(const void *state, struct advntk_writer *w,
                                   struct advntk_error *err)
{
    const struct deepfool_state *s = state;
    return arrays_save(s, deepfool_arrays, s->n, s->d, w, err);
}

static advntk_status deepfool_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct deepfool_state *s = state;
    return arrays_load(s, deepfool_arrays, s->n, s->d, r, err);
}

static const struct advntk_attack_ops deepfool_ops = {
    .goal = ADVNTK_GOAL_MIN_NORM,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .min_classes = 2,
    .loss = "margin",
    .preset = success_preset,
    .unsupported = deepfool_unsupported,
    .open = deepfool_open,
    .step = deepfool_step,
    .save = deepfool_save,
    .load = deepfool_load,
    .close = deepfool_close,
};

ADVNTK_PLUGIN(
    ATTACK, deepfool_ops, .name = "deepfool", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "steps onto the nearest boundary of the linearised model",
    .doc = "Quick and rough: a few steps give a small perturbation that fools, with no radius to "
           "aim at and nothing to tune; an image falls if it is within the radius. It "
           "stops at its first success, so fab and fmn find smaller ones. A step costs one "
           "output and classes - 1 gradients.",
    .source = "Moosavi-Dezfooli, Fawzi, Frossard 2016 (arXiv 1511.04599), algorithm 2",
    .params = deepfool_params, .config_bytes = sizeof(struct deepfool_config));
