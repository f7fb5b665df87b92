/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Projected gradient ascent with a line search along the projection arc (Bertsekas 1976, "On the
 * Goldstein-Levitin-Polyak gradient projection method", section 2, with the maximum instead of
 * Armijo's rule):
 *
 *     x_{k+1} = x(t_k),   x(t) = P(x_k + t steepest(grad L(x_k))),   t_k = argmax_t L(x(t)).
 *
 * The best length is found from outputs alone, which for kernel predictors cost less than half a
 * gradient: a ladder t = 2 radius 2^-j brackets it, golden sections (Kiefer 1953) narrow the
 * bracket. Where no length raises the loss, the image is at a local maximum along its steepest
 * direction and done.
 *
 * Notation: t length, n,d images, values. An iteration is rungs + sections outputs and one
 * evaluation of x_{k+1} with its gradient.
 */
#include "config.h"

#include "arrays.h"
#include "success.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct line_config {
    int64_t steps, rungs, sections;
};

static const struct advntk_param line_params[] = {
    ADVNTK_INT(struct line_config, steps, 10, 1, 1000000, .symbol = "K",
               .help = "gradient steps of a restart"),
    ADVNTK_INT(struct line_config, rungs, 8, 1, 60, .unit = "outputs a step",
               .help = "lengths tried first, from twice the radius, each half the one before"),
    ADVNTK_INT(struct line_config, sections, 6, 0, 200, .unit = "outputs a step",
               .help = "golden sections that narrow the best of them"),
    ADVNTK_PARAM_END};

struct line_state {
    struct line_config config;
    ptrdiff_t n, d;
    double *base, *direction;        /* n,d: x_k, and where it goes */
    double *best, *best_loss;        /* n: best length and its loss */
    double *low, *high;              /* n: bracket */
    double *inner, *outer;           /* n: the two lengths inside it */
    double *tried;                   /* n: the length asked for last */
    double *inner_loss, *outer_loss; /* n */
};

static const struct state_array line_arrays[] = {STATE_ARRAY(struct line_state, best, false),
                                                 STATE_ARRAY(struct line_state, best_loss, false),
                                                 STATE_ARRAY(struct line_state, low, false),
                                                 STATE_ARRAY(struct line_state, high, false),
                                                 STATE_ARRAY(struct line_state, inner, false),
                                                 STATE_ARRAY(struct line_state, outer, false),
                                                 STATE_ARRAY(struct line_state, inner_loss, false),
                                                 STATE_ARRAY(struct line_state, outer_loss, false),
                                                 STATE_ARRAY(struct line_state, tried, false),
                                                 STATE_ARRAY(struct line_state, base, true),
                                                 STATE_ARRAY(struct line_state, direction, true),
                                                 STATE_ARRAY_END};

static void line_close(void *state)
{
    arrays_free(state, line_arrays);
    free(state);
}

static advntk_status line_open(const void *config, struct advntk_host *host,
                               const struct advntk_attack_view *view, void **state,
                               struct advntk_error *err)
{
    struct line_state *s = calloc(1, sizeof(*s));
    advntk_status rc = arrays_new(s, line_arrays, view, err);

    (void)host;
    if (rc != ADVNTK_OK) {
        line_close(s);
        return rc;
    }
    s->config = *(const struct line_config *)config;
    s->n = view->n;
    s->d = view->d;
    *state = s;
    return ADVNTK_OK;
}

/* The part of the longer bracket that a golden section leaves. */
static double golden(void)
{
    return (sqrt(5.0) - 1) / 2;
}

/* A new point with its gradient: where the line begins. */
static advntk_status begin_lines(struct line_state *s, const struct advntk_attack_view *view,
                                 const struct advntk_attack_seen *seen, struct advntk_error *err)
{
    memcpy(s->base, seen->point, (size_t)(s->n * s->d) * sizeof(double));
    memcpy(s->best_loss, seen->loss, (size_t)s->n * sizeof(double));
    memset(s->best, 0, (size_t)s->n * sizeof(double));
    return advntk_attack_steepest(view, seen->gradient, s->direction, err);
}

static double rung(const struct advntk_attack_view *view, int64_t j)
{
    return ldexp(2 * view->radius, (int)-j);
}

/* Golden section number k (from 0) of row i; its length. The losses of both lengths inside are
 * known from k = 2 on; a section then replaces one. */
static double section(struct line_state *s, ptrdiff_t i, int64_t k)
{
    double width;

    if (k == 0) { /* rungs are powers of two: the neighbours of the best one enclose it */
        s->low[i] = s->best[i] / 2;
        s->high[i] = 2 * s->best[i];
        width = s->high[i] - s->low[i];
        s->inner[i] = s->high[i] - golden() * width;
        s->outer[i] = s->low[i] + golden() * width;
        return s->inner[i];
    }
    if (k == 1) {
        return s->outer[i];
    }
    if (s->inner_loss[i] >= s->outer_loss[i]) {
        s->high[i] = s->outer[i];
        s->outer[i] = s->inner[i];
        s->outer_loss[i] = s->inner_loss[i];
        s->inner[i] = s->high[i] - golden() * (s->high[i] - s->low[i]);
        return s->inner[i];
    }
    s->low[i] = s->inner[i];
    s->inner[i] = s->outer[i];
    s->inner_loss[i] = s->outer_loss[i];
    s->outer[i] = s->low[i] + golden() * (s->high[i] - s->low[i]);
    return s->outer[i];
}

/* What the length tried last gave. */
static void note(struct line_state *s, ptrdiff_t i, bool in_sections, double loss)
{
    if (loss > s->best_loss[i]) {
        s->best_loss[i] = loss;
        s->best[i] = s->tried[i];
    }
    if (in_sections) {
        *(s->tried[i] == s->inner[i] ? &s->inner_loss[i] : &s->outer_loss[i]) = loss;
    }
}

struct row_job {
    struct line_state *s;
    const struct advntk_attack_view *view;
    const struct advntk_attack_seen *seen;
    struct advntk_attack_ask *ask;
    int64_t turn; /* evaluations since the line began */
};

static advntk_status move_row(void *context, ptrdiff_t i, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    const struct row_job *job = context;
    struct line_state *s = job->s;
    int64_t rungs = s->config.rungs, last = rungs + s->config.sections;
    double *next = job->ask->point + i * s->d;

    (void)arena;
    (void)err;
    if (!job->view->active[i]) {
        return ADVNTK_OK;
    }
    if (job->turn > 0) {
        note(s, i, job->turn > rungs, job->seen->loss[i]);
    }
    if (job->turn >= rungs && !(s->best[i] > 0)) {
        job->ask->done[i] = true;
        return ADVNTK_OK;
    }
    s->tried[i] = job->turn == last    ? s->best[i]
                  : job->turn >= rungs ? section(s, i, job->turn - rungs)
                                       : rung(job->view, job->turn);
    for (ptrdiff_t k = 0; k < s->d; k++) {
        next[k] = s->base[i * s->d + k] + s->tried[i] * s->direction[i * s->d + k];
    }
    return ADVNTK_OK;
}

static advntk_status line_step(void *state, const struct advntk_attack_view *view,
                               const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                               struct advntk_error *err)
{
    struct line_state *s = state;
    int64_t turns = s->config.rungs + s->config.sections + 1, line = view->step / turns;
    struct row_job job = {s, view, seen, ask, view->step % turns};
    advntk_status rc = ADVNTK_OK;

    if (line >= s->config.steps) {
        success_all_done(view, ask);
        return ADVNTK_OK;
    }
    if (job.turn == 0) {
        rc = begin_lines(s, view, seen, err);
    }
    ask->gradient = job.turn == turns - 1 && line + 1 < s->config.steps;
    return rc != ADVNTK_OK ? rc : advntk_parallel_for(view->host, view->n, move_row, &job, err);
}

static advntk_status line_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct line_state *s = state;
    return arrays_save(s, line_arrays, s->n, s->d, w, err);
}

static advntk_status line_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct line_state *s = state;
    return arrays_load(s, line_arrays, s->n, s->d, r, err);
}

static const struct advntk_attack_ops line_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .open = line_open,
    .step = line_step,
    .save = line_save,
    .load = line_load,
    .close = line_close,
};

ADVNTK_PLUGIN(
    ATTACK, line_ops, .name = "line_search_pgd", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "projected gradient steps of the best length",
    .doc = "No step length to tune: each step goes as far along the projected steepest direction "
           "as the loss rises, found from rungs + sections outputs. It never goes down, so it "
           "ends at the first local maximum; give it restarts. One restart costs at most "
           "steps gradients and 1 + steps (rungs + sections + 1) outputs.",
    .source = "Bertsekas 1976, IEEE Transactions on Automatic Control 21, section II; "
              "Kiefer 1953",
    .params = line_params, .config_bytes = sizeof(struct line_config));
