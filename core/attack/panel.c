/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One restart of an attack on one panel: start points, open, then step and evaluation in turn until
 * every row is done, has fallen or has spent its budget, close. All memory is taken before.
 */
#include "config.h"

#include "attack/panel.h"
#include "base/memory.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { STEP_LIMIT = 1 << 24 }; /* what a stream's address has room for */

double advntk__attack_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *take(struct advntk__panel *p, ptrdiff_t each, size_t size, bool *missing)
{
    ptrdiff_t count = p->n * each;
    void *memory = advntk_arena_get(p->arena, count, size);
    if (memory) {
        memset(memory, 0, (size_t)count * size);
    }
    *missing = *missing || !memory;
    return memory;
}

static advntk_status make_room(struct advntk__panel *p, struct advntk_error *err)
{
    ptrdiff_t d = p->d, c = p->classes;
    bool missing = false;

    /* the largest products below: n d and n c c */
    if (d > PTRDIFF_MAX / 16 / ADVNTK_PANEL || c > PTRDIFF_MAX / 16 / ADVNTK_PANEL / (c + d)) {
        return ADVNTK_FAIL(err, ESHAPE, "%s: %td values and %td classes are too many",
                           p->part->where, d, c);
    }
    p->active = take(p, 1, sizeof(bool), &missing);
    p->done = take(p, 1, sizeof(bool), &missing);
    p->targets = p->settings->targeted ? take(p, 1, sizeof(int32_t), &missing) : NULL;
    p->point = take(p, d, sizeof(double), &missing);
    p->asked = take(p, d, sizeof(double), &missing);
    p->own_centre = p->settings->ball_centre == ADVNTK_CENTRE_START
                        ? take(p, d, sizeof(double), &missing)
                        : NULL;
    p->centre = p->own_centre ? p->own_centre : p->images.pixels;
    p->outputs = take(p, c, sizeof(double), &missing);
    p->raw = take(p, c, sizeof(double), &missing);
    p->loss_values = take(p, 1, sizeof(double), &missing);
    p->loss_gradient = take(p, c, sizeof(double), &missing);
    p->cotangent = take(p, c * c, sizeof(double), &missing);
    if (p->record) {
        p->point_before = take(p, d, sizeof(double), &missing);
        p->gradient_before = take(p, d, sizeof(double), &missing);
        p->had_gradient = take(p, 1, sizeof(bool), &missing);
    }
    if (missing) {
        return ADVNTK_FAIL(err, ENOMEM, "%s: no memory for %td images of %td values",
                           p->part->where, p->n, d);
    }
    return ADVNTK_OK;
}

advntk_status advntk__panel_clean(struct advntk__panel *p, const double *known,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(make_room(p, err));
    memset(p->active, true, (size_t)p->n * sizeof(bool));
    memcpy(p->point, p->images.pixels, (size_t)(p->n * p->d) * sizeof(double));
    TRY(advntk_cancelled(p->target->host, err));
    if (known) {
        memcpy(p->outputs, known, (size_t)(p->n * p->classes) * sizeof(double));
    } else {
        TRY(advntk__panel_forward(p, false, err));
    }
    for (ptrdiff_t i = 0; i < p->n; i++) {
        p->result->clean_right[i] =
            advntk__attack_predict(p->classes, p->outputs + i * p->classes) == p->images.labels[i];
    }
    advntk__panel_choose_targets(p);
    TRY(advntk__panel_losses(p, err));
    advntk__panel_settle_clean(p);
out:
    return rc;
}

static bool any_active(const struct advntk__panel *p)
{
    for (ptrdiff_t i = 0; i < p->n; i++) {
        if (p->active[i]) {
            return true;
        }
    }
    return false;
}

static void look_at_clock(struct advntk__panel *p)
{
    if (p->deadline > 0 && advntk__attack_clock() >= p->deadline) {
        for (ptrdiff_t i = 0; i < p->n; i++) {
            p->rows[i].late = p->rows[i].late || p->active[i];
            p->rows[i].exhausted = p->rows[i].exhausted || p->active[i];
            p->active[i] = false;
        }
    }
}

/* One evaluation of `asked` and its consequences. m: cotangents, 0 for the loss's gradient. */
static advntk_status evaluate(struct advntk__panel *p, bool gradient, ptrdiff_t m,
                              struct advntk_error *err)
{
    bool at_start = p->step == 0;
    bool box_only = p->attack->goal == ADVNTK_GOAL_MIN_NORM || (at_start && p->own_centre);
    bool known = at_start && p->restart == 0 && p->clean_known && !gradient &&
                 advntk__starts_clean(p->settings);
    advntk_status rc = ADVNTK_OK;

    TRY(advntk_cancelled(p->target->host, err));
    advntk__panel_charge(p, gradient ? (m > 0 ? m : 1) : 0, !at_start);
    if (!any_active(p)) {
        goto out;
    }
    p->has_gradient = false;
    TRY(advntk__panel_project(p, box_only, err));
    if (!known) {
        TRY(advntk__panel_forward(p, gradient, err));
        TRY(advntk__panel_losses(p, err));
    }
    if (gradient) {
        TRY(advntk__panel_gradients(p, m, err));
    }
    if (p->record) {
        TRY(advntk__panel_record(p, gradient && m == 0, err));
    }
    if (at_start && p->own_centre) {
        memcpy(p->own_centre, p->point, (size_t)(p->n * p->d) * sizeof(double));
    }
    advntk__panel_keep(p);
    look_at_clock(p);
out:
    return rc;
}

static advntk_status check_ask(const struct advntk__panel *p, const struct advntk_attack_ask *ask,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (ask->m < 0 || ask->m > p->classes) {
        FAIL(err, EINVALID,
             "%s, restart %td, step %td: asks for %td cotangents, expected 0 "
             "to %td",
             p->part->where, p->restart, p->step, ask->m, p->classes);
    }
    if ((ask->gradient || ask->m > 0) && !(p->attack->needs & ADVNTK_NEEDS_GRADIENTS)) {
        FAIL(
            err, EINVALID,
            "%s, restart %td, step %td: asks for gradients but does not declare that it needs them",
            p->part->where, p->restart, p->step);
    }
    if (!(ask->reach >= 1 && isfinite(ask->reach))) {
        FAIL(err, EINVALID, "%s, restart %td, step %td: reach is %g, expected at least 1",
             p->part->where, p->restart, p->step, ask->reach);
    }
    if (p->step + 1 >= STEP_LIMIT) {
        FAIL(err, ELIMIT, "%s, restart %td: asks for more than %d steps", p->part->where,
             p->restart, STEP_LIMIT - 1);
    }
out:
    return rc;
}

static struct advntk_attack_view make_view(const struct advntk__panel *p)
{
    return (struct advntk_attack_view){
        .n = p->n,
        .d = p->d,
        .classes = p->classes,
        .height = p->images.height,
        .width = p->images.width,
        .channels = p->images.channels,
        .restart = p->restart,
        .active = p->active,
        .labels = p->images.labels,
        .targets = p->targets,
        .index = p->images.index,
        .clean = p->images.pixels,
        .box_lo = p->target->box_lo,
        .box_hi = p->target->box_hi,
        .radius = p->settings->radius,
        .settings = p->settings,
        .seed = p->target->seed,
        .purpose = p->part->purpose,
        .first_step = p->target->first_step,
        .host = p->target->host,
    };
}

/* Does nobody look at what the last point gives? Then it is not evaluated: training wants the
 * points and evaluates them itself. */
static bool last_unseen(const struct advntk__panel *p, const struct advntk_attack_ask *ask)
{
    return ask->last && ask->reach <= 1 && p->target->points_only && p->part->restarts == 1 &&
           p->attack->goal == ADVNTK_GOAL_RADIUS && p->settings->score == ADVNTK_SCORE_LAST;
}

static advntk_status iterate(struct advntk__panel *p, void *state, struct advntk_attack_view *view,
                             struct advntk_error *err)
{
    struct advntk_attack_seen seen = {
        .point = p->point, .outputs = p->outputs, .loss = p->loss_values};
    advntk_status rc = ADVNTK_OK;

    while (any_active(p)) {
        struct advntk_attack_ask ask = {
            .point = p->asked, .cotangent = p->cotangent, .done = p->done, .reach = 1};
        memcpy(p->asked, p->point, (size_t)(p->n * p->d) * sizeof(double));
        memset(p->done, 0, (size_t)p->n * sizeof(bool));
        seen.gradient = p->has_gradient ? p->gradient : NULL;
        view->step = p->step;
        rc = p->attack->step(state, view, &seen, &ask, err);
        if (rc != ADVNTK_OK) {
            (void)advntk_error_prefix(err, "%s, restart %td, step %td: ", p->part->where,
                                      p->restart, p->step);
            goto out;
        }
        for (ptrdiff_t i = 0; i < p->n; i++) {
            p->active[i] = p->active[i] && !p->done[i];
        }
        if (!any_active(p)) {
            break;
        }
        TRY(check_ask(p, &ask, err));
        p->step++;
        p->reach = ask.reach;
        if (last_unseen(p, &ask)) {
            TRY(advntk__panel_project(p, false, err));
            break;
        }
        TRY(evaluate(p, ask.gradient || ask.m > 0, ask.m, err));
        if (ask.last) {
            break;
        }
    }
out:
    return rc;
}

static advntk_status open_and_iterate(struct advntk__panel *p, struct advntk_error *err)
{
    bool gradients = p->attack->needs & ADVNTK_NEEDS_GRADIENTS, opened = false;
    struct advntk_attack_view view = make_view(p);
    void *state = NULL;
    advntk_status rc = ADVNTK_OK;

    advntk__panel_start(p);
    TRY(evaluate(p, gradients, 0, err));
    rc = p->attack->open(p->part->slot->config, p->target->host, &view, &state, err);
    if (rc != ADVNTK_OK) {
        (void)advntk_error_prefix(err, "%s, restart %td: ", p->part->where, p->restart);
        goto out;
    }
    opened = true;
    TRY(iterate(p, state, &view, err));
    if (p->settings->score == ADVNTK_SCORE_LAST) {
        advntk__panel_keep_last(p);
    }
out:
    if (opened) {
        p->attack->close(state);
    }
    return rc;
}

advntk_status advntk__panel_restart(struct advntk__panel *p, const double *clean_outputs,
                                    struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(make_room(p, err));
    p->reach = 1;
    memset(p->active, true, (size_t)p->n * sizeof(bool));
    p->clean_known = clean_outputs != NULL;
    if (clean_outputs) {
        memcpy(p->outputs, clean_outputs, (size_t)(p->n * p->classes) * sizeof(double));
        advntk__panel_choose_targets(p);
        TRY(advntk__panel_losses(p, err));
    }
    if (clean_outputs && p->restart == 0) {
        advntk__panel_settle_clean(p);
    }
    for (ptrdiff_t i = 0; i < p->n; i++) {
        p->rows[i].in_restart = false;
        p->rows[i].restart_loss = -(double)INFINITY;
        p->active[i] = !p->rows[i].exhausted && !(p->settings->early_stop && p->rows[i].fell);
    }
    if (any_active(p)) {
        TRY(open_and_iterate(p, err));
    }
out:
    if (p->tape) {
        p->target->ops->tape_free(p->target->model, p->tape);
        p->tape = NULL;
    }
    return rc;
}
