/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The l2 attack of Carlini, Wagner 2017 (arXiv 1608.04644), section VI.A:
 *
 *     minimise |x - c|_2^2 + const max(-L(x), -kappa),     x = middle + half tanh(w),
 *
 * by Adam in w, which needs no projection on the box [middle - half, middle + half]; L is the loss,
 * margin (f_6 of the paper with its sign turned) where none is given. const is found by bisection,
 * for each image: smaller where a round fooled, ten times larger until one does.
 *
 * Notation: c clean image, kappa confidence, const weight of the loss, n,d images, values. A round
 * is its start and `steps` steps of Adam (Kingma, Ba 2015: decays 0.9 and 0.999); none ends early,
 * so that what an image costs does not depend on the others.
 */
#include "config.h"

#include "arrays.h"
#include "success.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct cw_config {
    int64_t steps, search_steps;
    double rate, initial_const, confidence;
};

static const struct advntk_param cw_params[] = {
    ADVNTK_INT(struct cw_config, steps, 1000, 1, 1000000, .help = "steps of Adam in a round",
               .source = "Carlini, Wagner 2017, section VI.A"),
    ADVNTK_INT(struct cw_config, search_steps, 9, 1, 64,
               .help = "rounds of the search for the weight",
               .source = "Carlini, Wagner 2017, released code"),
    ADVNTK_REAL(struct cw_config, rate, 0.01, 0, INFINITY, .flags = ADVNTK_P_MIN_OPEN,
                .help = "learning rate of Adam", .source = "Carlini, Wagner 2017, released code"),
    ADVNTK_REAL(struct cw_config, initial_const, 0.001, 0, INFINITY, .flags = ADVNTK_P_MIN_OPEN,
                .symbol = "c", .help = "weight of the loss in the first round",
                .source = "Carlini, Wagner 2017, released code"),
    ADVNTK_REAL(struct cw_config, confidence, 0.0, 0, INFINITY, .symbol = "kappa",
                .help = "loss that is enough; more makes points that fool other models too",
                .source = "Carlini, Wagner 2017, section VI.A"),
    ADVNTK_PARAM_END};

struct cw_state {
    struct cw_config config;
    ptrdiff_t n, d;
    double *weight, *low, *high, *fooled; /* n: const, its bracket, whether this round fooled */
    double *w, *mean, *square;            /* n,d: variables, and Adam's moments */
};

static const struct state_array cw_arrays[] = {
    STATE_ARRAY(struct cw_state, weight, false), STATE_ARRAY(struct cw_state, low, false),
    STATE_ARRAY(struct cw_state, high, false),   STATE_ARRAY(struct cw_state, fooled, false),
    STATE_ARRAY(struct cw_state, w, true),       STATE_ARRAY(struct cw_state, mean, true),
    STATE_ARRAY(struct cw_state, square, true),  STATE_ARRAY_END};

static const char *cw_unsupported(const void *config, const char *norm, ptrdiff_t classes)
{
    (void)config;
    (void)classes;
    return strcmp(norm, "l2") == 0 ? NULL : "works in norm l2 only; fmn takes linf, l2 and l1";
}

static void cw_close(void *state)
{
    arrays_free(state, cw_arrays);
    free(state);
}

static advntk_status cw_open(const void *config, struct advntk_host *host,
                             const struct advntk_attack_view *view, void **state,
                             struct advntk_error *err)
{
    struct cw_state *s = calloc(1, sizeof(*s));
    advntk_status rc = arrays_new(s, cw_arrays, view, err);

    (void)host;
    if (rc != ADVNTK_OK) {
        cw_close(s);
        return rc;
    }
    s->config = *(const struct cw_config *)config;
    s->n = view->n;
    s->d = view->d;
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->weight[i] = s->config.initial_const;
        s->high[i] = (double)INFINITY;
    }
    *state = s;
    return ADVNTK_OK;
}

/* What a round found decides the weight of the next. */
static void next_weight(struct cw_state *s, ptrdiff_t i)
{
    if (s->fooled[i] > 0) {
        s->high[i] = fmin(s->high[i], s->weight[i]);
    } else {
        s->low[i] = fmax(s->low[i], s->weight[i]);
    }
    s->weight[i] = s->high[i] < (double)INFINITY ? (s->low[i] + s->high[i]) / 2 : 10 * s->weight[i];
}

/* Where tanh(w) is, kept off the ends of the box, where its slope would be 0. */
static const double widest = 0.999999;

static void begin_row(struct cw_state *s, const struct advntk_attack_view *view, ptrdiff_t i,
                      double *next)
{
    for (ptrdiff_t k = 0; k < s->d; k++) {
        ptrdiff_t at = i * s->d + k;
        double half = (view->box_hi[k] - view->box_lo[k]) / 2;
        double middle = view->box_lo[k] + half;
        double u = half > 0 ? widest * ((view->clean[at] - middle) / half) : 0;
        s->w[at] = atanh(u);
        s->mean[at] = s->square[at] = 0;
        next[k] = middle + half * u;
    }
    s->fooled[i] = 0;
}

/* Step `time` of Adam from x(w) to x of the next w. */
static void move_row(struct cw_state *s, const struct advntk_attack_view *view,
                     const struct advntk_attack_seen *seen, ptrdiff_t i, double time, double *next)
{
    static const double decay = 0.9, square_decay = 0.999, tiny = 1e-8;
    double shrunk = 1 - pow(decay, time), square_shrunk = 1 - pow(square_decay, time);
    bool enough = seen->loss[i] >= s->config.confidence;

    for (ptrdiff_t k = 0; k < s->d; k++) {
        ptrdiff_t at = i * s->d + k;
        double half = (view->box_hi[k] - view->box_lo[k]) / 2, u = tanh(s->w[at]), g;
        g = 2 * (seen->point[at] - view->clean[at]) -
            (enough ? 0 : s->weight[i] * seen->gradient[at]);
        g *= half * (1 - u * u);
        s->mean[at] = decay * s->mean[at] + (1 - decay) * g;
        s->square[at] = square_decay * s->square[at] + (1 - square_decay) * g * g;
        s->w[at] -=
            s->config.rate * (s->mean[at] / shrunk) / (sqrt(s->square[at] / square_shrunk) + tiny);
        next[k] = view->box_lo[k] + half + half * tanh(s->w[at]);
    }
}

struct row_job {
    struct cw_state *s;
    const struct advntk_attack_view *view;
    const struct advntk_attack_seen *seen;
    double *next; /* n,d */
    int64_t round, time;
};

static advntk_status move_one(void *context, ptrdiff_t i, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    const struct row_job *job = context;
    struct cw_state *s = job->s;

    (void)arena;
    (void)err;
    if (!job->view->active[i]) {
        return ADVNTK_OK;
    }
    if (job->view->step > 0 &&
        success_fools(job->view, job->seen->outputs + i * job->view->classes, i) &&
        job->seen->loss[i] >= s->config.confidence) {
        s->fooled[i] = 1;
    }
    if (job->time > 0) {
        move_row(s, job->view, job->seen, i, (double)job->time, job->next + i * s->d);
        return ADVNTK_OK;
    }
    if (job->round > 0) {
        next_weight(s, i);
    }
    begin_row(s, job->view, i, job->next + i * s->d);
    return ADVNTK_OK;
}

static advntk_status cw_step(void *state, const struct advntk_attack_view *view,
                             const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                             struct advntk_error *err)
{
    struct cw_state *s = state;
    int64_t length = s->config.steps + 1;
    struct row_job job = {s, view, seen, ask->point, view->step / length, view->step % length};

    if (job.round >= s->config.search_steps) {
        success_all_done(view, ask);
        return ADVNTK_OK;
    }
    ask->gradient = job.time < s->config.steps;
    return advntk_parallel_for(view->host, view->n, move_one, &job, err);
}

static advntk_status cw_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct cw_state *s = state;
    return arrays_save(s, cw_arrays, s->n, s->d, w, err);
}

static advntk_status cw_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct cw_state *s = state;
    return arrays_load(s, cw_arrays, s->n, s->d, r, err);
}

static const struct advntk_attack_ops cw_ops = {
    .goal = ADVNTK_GOAL_MIN_NORM,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .min_classes = 2,
    .loss = "margin",
    .preset = success_preset,
    .unsupported = cw_unsupported,
    .open = cw_open,
    .step = cw_step,
    .save = cw_save,
    .load = cw_load,
    .close = cw_close,
};

ADVNTK_PLUGIN(
    ATTACK, cw_ops, .name = "cw", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "l2: distance and margin minimised together by Adam",
    .doc = "Slow and thorough: search_steps rounds of steps + 1 evaluations, each with a gradient "
           "but the last of a round. Without a loss of its own it takes margin. ddn and "
           "fmn find like distances at a hundredth of the cost. For distances beyond the "
           "radius set early_stop: false.",
    .source = "Carlini, Wagner 2017 (arXiv 1608.04644), section VI.A", .params = cw_params,
    .config_bytes = sizeof(struct cw_config));
