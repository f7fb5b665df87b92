/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One round of evaluation: project what was asked for, one forward pass, losses, one vjp, and what
 * follows for each image. Work on rows runs in parallel; a row touches only its own entries.
 */
#include "config.h"

#include "attack/panel.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

/* Rounding allowed before a point counts as outside: distances are sums over up to some 1e5 pixels.
 */
static const double ball_slack = 1e-9, absolute_slack = 1e-12;

ptrdiff_t advntk__attack_predict(ptrdiff_t c, const double *outputs)
{
    ptrdiff_t best = 0;
    for (ptrdiff_t k = 1; k < c; k++) {
        best = outputs[k] > outputs[best] ? k : best;
    }
    return best;
}

/* The index of the first value that is not finite; -1: all are. */
static ptrdiff_t not_finite(ptrdiff_t count, const double *values)
{
    for (ptrdiff_t k = 0; k < count; k++) {
        if (!isfinite(values[k])) {
            return k;
        }
    }
    return -1;
}

static advntk_status bad_value(const struct advntk__panel *p, ptrdiff_t i, const char *what,
                               ptrdiff_t k, double value, struct advntk_error *err)
{
    return ADVNTK_FAIL(err, ENUMERIC,
                       "attack %s, restart %td, step %td: %s %td of image %lld (row %td) is %g, "
                       "expected a finite number",
                       p->name, p->restart, p->step, what, k, (long long)p->images.index[i], i,
                       value);
}

/* point <- centre + d min(|d|, radius) / (|d| + guard): the form of the Adv-NTK paper's code. */
static void scale_with_guard(const struct advntk__panel *p, const double *centre, double *point)
{
    double length = p->norm->distance(p->settings.norm.config, p->d, point, centre);
    double scale =
        fmin(length, p->reach * p->settings.radius) / (length + p->settings.projection_guard);
    for (ptrdiff_t k = 0; k < p->d; k++) {
        point[k] = centre[k] + scale * (point[k] - centre[k]);
    }
}

static void project_row(const struct advntk__panel *p, const double *centre, double *point,
                        bool box_only)
{
    const struct advntk_attack_settings *s = &p->settings;
    const double *lo = p->target->box_lo, *hi = p->target->box_hi;

    if (!box_only && s->projection == ADVNTK_PROJECT_EXACT) {
        p->norm->project_ball_box(s->norm.config, p->d, centre, p->reach * s->radius, lo, hi,
                                  point);
        return;
    }
    if (!box_only && s->projection_guard > 0) {
        scale_with_guard(p, centre, point);
    } else if (!box_only) {
        p->norm->project_ball(s->norm.config, p->d, centre, p->reach * s->radius, point);
    }
    for (ptrdiff_t k = 0; k < p->d; k++) {
        point[k] = fmin(fmax(point[k], lo[k]), hi[k]);
    }
}

/* Recomputes from the point itself whether it lies in ball and box. */
static void inspect_row(struct advntk__panel *p, ptrdiff_t i, bool box_only)
{
    struct advntk__row *row = &p->rows[i];
    const double *point = p->point + i * p->d, *clean = p->images.pixels + i * p->d;
    const void *config = p->settings.norm.config;
    double radius = p->settings.radius, limit = radius * (1 + ball_slack) + absolute_slack;

    row->distance = p->norm->distance(config, p->d, point, clean);
    row->counts = p->reach <= 1 || row->distance <= radius;
    if (!box_only && p->reach <= 1) {
        double from_centre = !p->own_centre
                                 ? row->distance
                                 : p->norm->distance(config, p->d, point, p->centre + i * p->d);
        double excess = radius > 0 ? row->distance / radius : 0;
        row->outside_ball = row->outside_ball || !(from_centre <= limit);
        row->excess = excess > row->excess ? excess : row->excess;
    }
    for (ptrdiff_t k = 0; k < p->d; k++) {
        if (!(point[k] >= p->target->box_lo[k] && point[k] <= p->target->box_hi[k])) {
            row->outside_box = true;
        }
    }
}

struct project_job {
    struct advntk__panel *p;
    bool box_only;
};

static advntk_status project_one(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    const struct project_job *job = context;
    struct advntk__panel *p = job->p;
    double *asked = p->asked + i * p->d;
    ptrdiff_t bad;

    (void)arena;
    if (!p->active[i]) {
        return ADVNTK_OK;
    }
    bad = not_finite(p->d, asked);
    if (bad >= 0) {
        return bad_value(p, i, "asked-for pixel", bad, asked[bad], err);
    }
    project_row(p, p->centre + i * p->d, asked, job->box_only);
    bad = not_finite(p->d, asked);
    if (bad >= 0) {
        return bad_value(p, i, "projected pixel", bad, asked[bad], err);
    }
    memcpy(p->point + i * p->d, asked, (size_t)p->d * sizeof(double));
    inspect_row(p, i, job->box_only);
    return ADVNTK_OK;
}

advntk_status advntk__panel_project(struct advntk__panel *p, bool box_only,
                                    struct advntk_error *err)
{
    struct project_job job = {p, box_only};
    return advntk_parallel_for(p->target->host, p->n, project_one, &job, err);
}

advntk_status advntk__panel_forward(struct advntk__panel *p, bool with_tape,
                                    struct advntk_error *err)
{
    struct advntk_images x = p->images;
    advntk_status rc = ADVNTK_OK;

    x.pixels = p->point;
    rc = p->target->ops->forward(p->target->model, &x, p->raw, with_tape ? &p->tape : NULL, err);
    if (rc != ADVNTK_OK) {
        (void)advntk_error_prefix(err, "attack %s, restart %td, step %td: ", p->name, p->restart,
                                  p->step);
        goto out;
    }
    for (ptrdiff_t i = 0; i < p->n; i++) {
        const double *raw = p->raw + i * p->classes;
        ptrdiff_t bad = p->active[i] ? not_finite(p->classes, raw) : -1;
        if (bad >= 0) {
            TRY(bad_value(p, i, "output", bad, raw[bad], err));
        }
        if (p->active[i]) {
            memcpy(p->outputs + i * p->classes, raw, (size_t)p->classes * sizeof(double));
        }
    }
out:
    return rc;
}

static advntk_status loss_one(void *context, ptrdiff_t i, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    struct advntk__panel *p = context;
    double *df = p->loss_gradient + i * p->classes;
    ptrdiff_t bad;

    (void)arena;
    if (!p->active[i]) {
        memset(df, 0, (size_t)p->classes * sizeof(double));
        return ADVNTK_OK;
    }
    p->loss->value(p->settings.loss.config, 1, p->classes, p->outputs + i * p->classes,
                   p->images.labels + i, p->targets ? p->targets + i : NULL, p->loss_values + i,
                   df);
    if (!isfinite(p->loss_values[i])) {
        return bad_value(p, i, "loss", 0, p->loss_values[i], err);
    }
    bad = not_finite(p->classes, df);
    return bad < 0 ? ADVNTK_OK : bad_value(p, i, "loss gradient", bad, df[bad], err);
}

advntk_status advntk__panel_losses(struct advntk__panel *p, struct advntk_error *err)
{
    if (!p->loss) {
        return ADVNTK_OK; /* loss_values stay 0 */
    }
    return advntk_parallel_for(p->target->host, p->n, loss_one, p, err);
}

struct gradient_job {
    struct advntk__panel *p;
    ptrdiff_t m;
};

static advntk_status check_gradient_one(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                        struct advntk_error *err)
{
    const struct gradient_job *job = context;
    struct advntk__panel *p = job->p;
    ptrdiff_t count = job->m * p->d;
    const double *g = p->gradient + i * count;
    bool zero = true;

    (void)arena;
    if (!p->active[i]) {
        return ADVNTK_OK;
    }
    for (ptrdiff_t k = 0; k < count; k++) {
        if (!isfinite(g[k])) {
            return bad_value(p, i, "gradient entry", k, g[k], err);
        }
        zero = zero && g[k] == 0;
    }
    p->rows[i].zero_gradient = p->rows[i].zero_gradient || zero;
    return ADVNTK_OK;
}

/* Room for m cotangents: grows when an attack first asks for more, not in each step. */
static advntk_status make_gradient_room(struct advntk__panel *p, ptrdiff_t m,
                                        struct advntk_error *err)
{
    if (m > p->gradient_room) {
        p->gradient = advntk_arena_get(p->arena, p->n * p->d * m, sizeof(double));
        p->gradient_room = p->gradient ? m : 0;
        if (!p->gradient) {
            return ADVNTK_FAIL(err, ENOMEM,
                               "no memory for %td gradients of %td images of %td values", m, p->n,
                               p->d);
        }
    }
    return ADVNTK_OK;
}

advntk_status advntk__panel_gradients(struct advntk__panel *p, ptrdiff_t m,
                                      struct advntk_error *err)
{
    struct gradient_job job = {p, m > 0 ? m : 1};
    const double *g = m > 0 ? p->cotangent : p->loss_gradient;
    ptrdiff_t stride = m * p->classes;
    advntk_status rc = ADVNTK_OK;

    TRY(make_gradient_room(p, job.m, err));
    for (ptrdiff_t i = 0; m > 0 && i < p->n; i++) {
        double *row = p->cotangent + i * stride;
        ptrdiff_t bad = p->active[i] ? not_finite(stride, row) : -1;
        if (bad >= 0) {
            TRY(bad_value(p, i, "asked-for cotangent entry", bad, row[bad], err));
        }
        if (!p->active[i]) {
            memset(row, 0, (size_t)stride * sizeof(double));
        }
    }
    rc = p->target->ops->vjp(p->target->model, p->tape, job.m, g, p->gradient, err);
    if (rc != ADVNTK_OK) {
        (void)advntk_error_prefix(err, "attack %s, restart %td, step %td: ", p->name, p->restart,
                                  p->step);
        goto out;
    }
    TRY(advntk_parallel_for(p->target->host, p->n, check_gradient_one, &job, err));
    p->has_gradient = true;
out:
    p->target->ops->tape_free(p->target->model, p->tape);
    p->tape = NULL;
    return rc;
}

void advntk__panel_charge(struct advntk__panel *p, int64_t gradients, bool is_step)
{
    int64_t steps = p->settings.budget_steps;

    for (ptrdiff_t i = 0; i < p->n; i++) {
        struct advntk__row *row = &p->rows[i];
        if (!p->active[i]) {
            continue;
        }
        if (row->outputs_left < 1 || row->gradients_left < gradients ||
            (is_step && steps > 0 && row->steps >= steps)) {
            row->exhausted = true;
            p->active[i] = false;
            continue;
        }
        row->outputs_left -= row->outputs_left == INT64_MAX ? 0 : 1;
        row->gradients_left -= row->gradients_left == INT64_MAX ? 0 : gradients;
        row->steps += is_step;
        p->result->outputs_spent[i]++;
        p->result->gradients_spent[i] += gradients;
    }
}

static void store_point(struct advntk__panel *p, ptrdiff_t i)
{
    struct advntk__attack_result *r = p->result;
    memcpy(r->point + i * p->d, p->point + i * p->d, (size_t)p->d * sizeof(double));
    memcpy(r->outputs + i * p->classes, p->outputs + i * p->classes,
           (size_t)p->classes * sizeof(double));
    r->loss[i] = p->loss_values[i];
    r->distance[i] = p->rows[i].distance;
}

bool advntk__panel_is_success(const struct advntk__panel *p, ptrdiff_t i)
{
    ptrdiff_t predicted = advntk__attack_predict(p->classes, p->outputs + i * p->classes);
    bool aimed = p->targets && p->settings.success == ADVNTK_SUCCESS_TARGET;
    return aimed ? predicted == p->targets[i] : predicted != p->images.labels[i];
}

/* Smallest success first; while there is none, the highest loss. No slack: distance <= radius. */
static void keep_nearest(struct advntk__panel *p, ptrdiff_t i, bool success)
{
    struct advntk__row *row = &p->rows[i];
    bool found = row->nearest < (double)INFINITY;

    if (success ? row->distance < row->nearest : !found && p->loss_values[i] > p->result->loss[i]) {
        store_point(p, i);
    }
    if (success && row->distance < row->nearest) {
        row->nearest = row->distance;
    }
    row->fell = row->fell || row->nearest <= p->settings.radius;
}

/* A point that fools beats one that does not; among equals the higher loss, the first of equal
 * ones. */
static void keep_worst(struct advntk__panel *p, ptrdiff_t i, bool success)
{
    struct advntk__row *row = &p->rows[i];
    bool higher = p->loss_values[i] > p->result->loss[i];

    if ((success && !row->fell) || (success == row->fell && higher)) {
        store_point(p, i);
    }
    row->fell = row->fell || success;
}

void advntk__panel_keep(struct advntk__panel *p)
{
    for (ptrdiff_t i = 0; i < p->n; i++) {
        struct advntk__row *row = &p->rows[i];
        bool success;
        double loss = p->loss_values[i], before = row->restart_loss;

        if (!p->active[i]) {
            continue;
        }
        row->attacked = true;
        row->in_restart = true;
        if (!row->counts) {
            continue;
        }
        success = advntk__panel_is_success(p, i);
        row->rising = p->step > 0 && loss - before > 0.01 * fabs(before);
        row->restart_loss = fmax(before, loss);
        if (success && p->result->first_success[i] < 0) {
            p->result->first_success[i] = (int32_t)p->step;
        }
        if (p->settings.score == ADVNTK_SCORE_LAST) {
            continue; /* nothing falls before the restart ends */
        }
        if (p->attack->goal == ADVNTK_GOAL_MIN_NORM) {
            keep_nearest(p, i, success);
        } else {
            keep_worst(p, i, success);
        }
        p->active[i] = !(p->settings.early_stop && row->fell);
    }
}

/* Score last: the last point of each restart counts, the worst of them is kept. */
void advntk__panel_keep_last(struct advntk__panel *p)
{
    for (ptrdiff_t i = 0; i < p->n; i++) {
        struct advntk__row *row = &p->rows[i];
        bool success, higher;

        if (!row->in_restart || !row->counts) {
            continue;
        }
        success = advntk__panel_is_success(p, i);
        higher = p->loss_values[i] > p->result->loss[i];
        if (!row->recorded || (success && !row->fell) || (success == row->fell && higher)) {
            store_point(p, i);
        }
        if (p->attack->goal == ADVNTK_GOAL_MIN_NORM) {
            success = success && row->distance <= p->settings.radius;
        }
        row->fell = (row->recorded && row->fell) || success;
        row->recorded = true;
    }
}
