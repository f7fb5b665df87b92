/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One round of evaluation: project what was asked for, one forward pass, losses, one vjp. Work on
 * rows runs in parallel; a row touches only its own entries.
 */
#include "config.h"

#include "attack/panel.h"
#include "attack/scan.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

/* Rounding allowed before a point counts as outside: distances are sums over up to some 1e5 pixels.
 */
static const double ball_slack = 1e-9, absolute_slack = 1e-12;

static advntk_status bad_value(const struct advntk__panel *p, ptrdiff_t i, const char *what,
                               ptrdiff_t k, double value, struct advntk_error *err)
{
    return ADVNTK_FAIL(err, ENUMERIC,
                       "%s, restart %td, step %td: %s %td of image %lld (row %td) is %g, "
                       "expected a finite number",
                       p->part->where, p->restart, p->step, what, k, (long long)p->images.index[i],
                       i, value);
}

/* point <- centre + d min(|d|, radius) / (|d| + guard): the form of the Adv-NTK paper's code. */
static void scale_with_guard(const struct advntk__panel *p, const double *centre, double *point)
{
    double length = p->norm->distance(p->settings->norm.config, p->d, point, centre);
    double scale =
        fmin(length, p->reach * p->settings->radius) / (length + p->settings->projection_guard);
    for (ptrdiff_t k = 0; k < p->d; k++) {
        point[k] = centre[k] + scale * (point[k] - centre[k]);
    }
}

static void project_row(const struct advntk__panel *p, const double *centre, double *point,
                        bool box_only)
{
    const struct advntk_attack_settings *s = p->settings;
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
    const void *config = p->settings->norm.config;
    double own, radius = p->settings->radius, limit = radius * (1 + ball_slack) + absolute_slack;

    row->distance = p->norm->distance(config, p->d, point, clean);
    own = advntk__measure(&p->part->measure, p->d, point, clean);
    if (!isnan(own) && own != row->distance &&
        !(fabs(own - row->distance) <= ball_slack * own + absolute_slack)) {
        row->wrong_distance = true;
        row->distance = own;
    }
    row->counts = p->reach <= 1 || row->distance <= radius;
    if (!box_only && p->reach <= 1) {
        double from_centre = !p->own_centre
                                 ? row->distance
                                 : p->norm->distance(config, p->d, point, p->centre + i * p->d);
        double excess = radius > 0 ? row->distance / radius : 0;
        row->outside_ball = row->outside_ball || !(from_centre <= limit);
        row->excess = excess > row->excess ? excess : row->excess;
    }
    row->outside_box =
        row->outside_box || !advntk__scan_inside(p->d, point, p->target->box_lo, p->target->box_hi);
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
    bad = advntk__scan_not_finite(p->d, asked);
    if (bad >= 0) {
        return bad_value(p, i, "asked-for pixel", bad, asked[bad], err);
    }
    project_row(p, p->centre + i * p->d, asked, job->box_only);
    bad = advntk__scan_not_finite(p->d, asked);
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
        (void)advntk_error_prefix(err, "%s, restart %td, step %td: ", p->part->where, p->restart,
                                  p->step);
        goto out;
    }
    for (ptrdiff_t i = 0; i < p->n; i++) {
        const double *raw = p->raw + i * p->classes;
        ptrdiff_t bad = p->active[i] ? advntk__scan_not_finite(p->classes, raw) : -1;
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
    p->loss->value(p->settings->loss.config, 1, p->classes, p->outputs + i * p->classes,
                   p->images.labels + i, p->targets ? p->targets + i : NULL, p->loss_values + i,
                   df);
    if (!isfinite(p->loss_values[i])) {
        return bad_value(p, i, "loss", 0, p->loss_values[i], err);
    }
    bad = advntk__scan_not_finite(p->classes, df);
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
    ptrdiff_t count = job->m * p->d, bad;
    const double *g = p->gradient + i * count;

    (void)arena;
    if (!p->active[i]) {
        return ADVNTK_OK;
    }
    bad = advntk__scan_not_finite(count, g);
    if (bad >= 0) {
        return bad_value(p, i, "gradient entry", bad, g[bad], err);
    }
    p->rows[i].zero_gradient = p->rows[i].zero_gradient || advntk__scan_all_zero(count, g);
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
        ptrdiff_t bad = p->active[i] ? advntk__scan_not_finite(stride, row) : -1;
        if (bad >= 0) {
            TRY(bad_value(p, i, "asked-for cotangent entry", bad, row[bad], err));
        }
        if (!p->active[i]) {
            memset(row, 0, (size_t)stride * sizeof(double));
        }
    }
    rc = p->target->ops->vjp(p->target->model, p->tape, job.m, g, p->gradient, err);
    if (rc != ADVNTK_OK) {
        (void)advntk_error_prefix(err, "%s, restart %td, step %td: ", p->part->where, p->restart,
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
