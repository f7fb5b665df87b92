/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The checks of an audit that ask the model: a few panels for a group of images, whatever the
 * attack cost.
 *
 * Gradients are checked against central differences along two kinds of random signs u in {-1,1}^d:
 * plain ones, which see a gradient that is wrong anywhere, and ones that agree with the gradient's
 * signs in three coordinates of four, whose signal stands far above the rounding of a float32
 * model.
 *
 * Points that were found are evaluated once more: a model that answers otherwise draws at random or
 * has a memory.
 *
 * Where the loss still rose at the end, or never rose, some of the images that stand are pushed on
 * by steepest steps up the margin. How many of them fall says what the robust accuracy is worth.
 */
#include "config.h"

#include "attack/panel.h"
#include "base/memory.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

enum { CHECKED = 32, DIRECTIONS = 2, PUSHED = 32, PUSHES = 10 };

/* Half the width of a central difference, as a share of the box: half a grey level of 255. Smaller
 * drowns in the rounding of float32 outputs, larger meets the curvature. */
static const double probe = 0.5 / 255;
/* Allowed: 5 % of the derivative, and outputs that are right to 5e-6 of their size (the differences
 * of float32 outputs at neighbouring points; their common error cancels). */
static const double relative_tolerance = 0.05, output_rounding = 5e-6;
/* Outputs at a point, once more, in another row of another panel: float32 predictors give them
 * again to 1e-4 of the largest, ten times less than this. */
static const double repeat_tolerance = 1e-3;
/* A push's step, over the radius: crosses the ball in PUSHES / 4 diameters. */
static const double push_length = 0.25;

/* Some images of the group, packed, and what was computed there. */
struct sample {
    const struct advntk__audit_job *job;
    ptrdiff_t n, d, classes;
    ptrdiff_t place[ADVNTK_PANEL];
    int32_t labels[ADVNTK_PANEL], targets[ADVNTK_PANEL];
    int64_t index[ADVNTK_PANEL];
    double loss[ADVNTK_PANEL];
    double *point, *outputs, *df, *gradient; /* ADVNTK_PANEL rows */
    double *base, *direction;                /* CHECKED rows, of d; directions DIRECTIONS times */
    double slope[DIRECTIONS * CHECKED];
    struct advntk_tape *tape;
};

/* At most `most` of the images that are wanted, spread evenly over them. */
static void sample_choose(struct sample *s, const bool *wanted, ptrdiff_t most)
{
    const struct advntk_images *x = s->job->images;
    ptrdiff_t all = 0, seen = 0;

    for (ptrdiff_t i = 0; i < x->n; i++) {
        all += wanted[i];
    }
    s->n = 0;
    for (ptrdiff_t i = 0; i < x->n && s->n < most; i++) {
        if (wanted[i] && (all <= most || seen++ * most / all >= s->n)) {
            s->place[s->n++] = i;
        }
    }
    for (ptrdiff_t j = 0; j < s->n; j++) {
        ptrdiff_t i = s->place[j];
        s->labels[j] = x->labels[i];
        s->index[j] = x->index[i];
        memcpy(s->point + j * s->d, s->job->result->point + i * s->d,
               (size_t)s->d * sizeof(double));
    }
}

static advntk_status sample_forward(struct sample *s, ptrdiff_t n, const double *points, bool tape,
                                    struct advntk_error *err)
{
    const struct advntk__attack_target *t = s->job->target;
    struct advntk_images x = *s->job->images;
    advntk_status rc = ADVNTK_OK;

    x.n = n;
    x.pixels = points;
    x.labels = s->labels;
    x.index = s->index;
    TRY(advntk_cancelled(t->host, err));
    TRY(t->ops->forward(t->model, &x, s->outputs, tape ? &s->tape : NULL, err));
out:
    return rc;
}

static void sample_tape_free(struct sample *s)
{
    const struct advntk__attack_target *t = s->job->target;
    t->ops->tape_free(t->model, s->tape);
    s->tape = NULL;
}

/* ---- points once more ---- */

static advntk_status verify_points(struct sample *s, struct advntk__audit *audit,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    sample_choose(s, s->job->attacked, ADVNTK_PANEL);
    if (s->n == 0) {
        goto out;
    }
    TRY(sample_forward(s, s->n, s->point, false, err));
    for (ptrdiff_t j = 0; j < s->n; j++) {
        const double *stored = s->job->result->outputs + s->place[j] * s->classes;
        double largest = 0, gap = 0;
        for (ptrdiff_t k = 0; k < s->classes; k++) {
            largest = fmax(largest, fabs(stored[k]));
            gap = fmax(gap, fabs(stored[k] - s->outputs[j * s->classes + k]));
        }
        audit->verified++;
        audit->unverified += !(gap <= repeat_tolerance * largest);
    }
out:
    return rc;
}

/* ---- gradients ---- */

static void sample_loss(struct sample *s, ptrdiff_t n)
{
    const struct advntk__part *part = s->job->part;
    part->loss->value(part->settings.loss.config, n, s->classes, s->outputs, s->labels,
                      part->settings.targeted ? s->targets : NULL, s->loss, s->df);
}

static void probe_stream(const struct sample *s, ptrdiff_t j, uint32_t number,
                         struct advntk_stream *stream)
{
    const struct advntk__attack_target *t = s->job->target;
    advntk_stream_init(stream, t->seed, advntk__attack_purpose(t->purpose, "attack audit"),
                       s->index[j], number, t->first_step);
}

/* A generic point beside the one that was found: on the training set itself relu kernels have a
 * kink. All points looked at stay inside the box. */
static void probe_points(struct sample *s)
{
    const struct advntk__attack_target *t = s->job->target;

    for (ptrdiff_t j = 0; j < s->n; j++) {
        struct advntk_stream stream;
        probe_stream(s, j, 0, &stream);
        for (ptrdiff_t k = 0; k < s->d; k++) {
            double lo = t->box_lo[k], hi = t->box_hi[k], h = probe * (hi - lo);
            double x = s->point[j * s->d + k] + h * (2 * advntk_random_uniform(&stream) - 1);
            s->base[j * s->d + k] = fmin(fmax(x, lo + h), hi - h);
        }
        /* any wrong class serves as the target of a targeted loss */
        s->targets[j] = (int32_t)((s->labels[j] + 1) % s->classes);
    }
}

/* direction: random signs times h, one kind behind the other; slope: what the model's gradient says
 * of each. */
static void probe_directions(struct sample *s)
{
    const struct advntk__attack_target *t = s->job->target;

    for (ptrdiff_t r = 0; r < DIRECTIONS * s->n; r++) {
        ptrdiff_t j = r % s->n;
        bool along = r >= s->n;
        struct advntk_stream stream;
        probe_stream(s, j, 1 + (uint32_t)along, &stream);
        s->slope[r] = 0;
        for (ptrdiff_t k = 0; k < s->d; k++) {
            double g = s->gradient[j * s->d + k], sign = advntk_random_below(&stream, 2) ? 1 : -1;
            double h = probe * (t->box_hi[k] - t->box_lo[k]);
            if (along && g != 0) {
                sign = copysign(advntk_random_below(&stream, 4) ? 1.0 : -1.0, g);
            }
            s->direction[r * s->d + k] = sign * h;
            s->slope[r] += g * sign * h;
        }
    }
}

/* rise: (L(base + direction) - L(base - direction)) / 2; noise: what rounding may add to it. Both
 * sides of a difference lie in the same row of their panel. */
static advntk_status probe_rises(struct sample *s, double *rise, double *noise,
                                 struct advntk_error *err)
{
    ptrdiff_t rows = DIRECTIONS * s->n;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t r = s->n; r < rows; r++) {
        s->labels[r] = s->labels[r - s->n];
        s->targets[r] = s->targets[r - s->n];
        s->index[r] = s->index[r - s->n];
    }
    for (int side = 1; side >= -1; side -= 2) {
        for (ptrdiff_t k = 0; k < rows * s->d; k++) {
            s->point[k] = s->base[k % (s->n * s->d)] + side * s->direction[k];
        }
        TRY(sample_forward(s, rows, s->point, false, err));
        sample_loss(s, rows);
        for (ptrdiff_t r = 0; r < rows; r++) {
            rise[r] = (side > 0 ? 0 : rise[r]) + 0.5 * side * s->loss[r];
            noise[r] = 0;
            for (ptrdiff_t k = r * s->classes; k < (r + 1) * s->classes; k++) {
                noise[r] += fabs(s->df[k]) * output_rounding * (1 + fabs(s->outputs[k]));
            }
        }
    }
out:
    return rc;
}

static advntk_status check_gradients(struct sample *s, struct advntk__audit *audit,
                                     struct advntk_error *err)
{
    const struct advntk__attack_target *t = s->job->target;
    double rise[DIRECTIONS * CHECKED] = {0}, noise[DIRECTIONS * CHECKED] = {0};
    advntk_status rc = ADVNTK_OK;

    sample_choose(s, s->job->attacked, CHECKED);
    if (s->n == 0) {
        goto out;
    }
    probe_points(s);
    TRY(sample_forward(s, s->n, s->base, true, err));
    sample_loss(s, s->n);
    TRY(t->ops->vjp(t->model, s->tape, 1, s->df, s->gradient, err));
    probe_directions(s);
    TRY(probe_rises(s, rise, noise, err));
    for (ptrdiff_t r = 0; r < DIRECTIONS * s->n; r++) {
        double gap = fabs(rise[r] - s->slope[r]), size = fmax(fabs(rise[r]), fabs(s->slope[r]));
        double excess = fmax(gap - noise[r], 0), error = excess > 0 ? excess / size : 0;

        audit->checked_gradients++;
        audit->gradient_mismatch += !(error <= relative_tolerance);
        audit->worst_gradient_error = fmax(audit->worst_gradient_error, error);
    }
out:
    sample_tape_free(s);
    return rc;
}

/* ---- pushing on ---- */

/* Marks the rows whose prediction is wrong; df <- the gradient of the margin in the outputs. */
static void push_look(struct sample *s, bool *over)
{
    memset(s->df, 0, (size_t)(s->n * s->classes) * sizeof(double));
    for (ptrdiff_t j = 0; j < s->n; j++) {
        const double *f = s->outputs + j * s->classes;
        ptrdiff_t label = s->labels[j], other = label == 0 ? 1 : 0;
        for (ptrdiff_t k = 0; k < s->classes; k++) {
            other = k != label && f[k] > f[other] ? k : other;
        }
        over[j] = over[j] || advntk__attack_predict(s->classes, f) != label;
        s->df[j * s->classes + other] = 1;
        s->df[j * s->classes + label] = -1;
    }
}

static void push_rows(struct sample *s)
{
    const struct advntk__part *part = s->job->part;
    const struct advntk__attack_target *t = s->job->target;
    const void *norm = part->settings.norm.config;
    double radius = part->settings.radius;

    for (ptrdiff_t j = 0; j < s->n; j++) {
        double *x = s->point + j * s->d, *g = s->gradient + j * s->d;
        part->norm->steepest(norm, s->d, g, 0, g);
        for (ptrdiff_t k = 0; k < s->d; k++) {
            x[k] += push_length * radius * g[k];
        }
        part->norm->project_ball_box(norm, s->d, s->job->images->pixels + s->place[j] * s->d,
                                     radius, t->box_lo, t->box_hi, x);
    }
}

static advntk_status push_on(struct sample *s, struct advntk__audit *audit,
                             struct advntk_error *err)
{
    const struct advntk__part *part = s->job->part;
    const struct advntk__attack_target *t = s->job->target;
    bool over[PUSHED] = {false};
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t i = 0; i < s->job->images->n; i++) {
        audit->doubtful += s->job->doubtful[i];
    }
    if (!part->norm->steepest || !part->norm->project_ball_box || s->classes < 2 ||
        (part->settings.targeted && part->settings.success == ADVNTK_SUCCESS_TARGET)) {
        goto out;
    }
    sample_choose(s, s->job->doubtful, PUSHED);
    for (int step = 0; s->n > 0 && step < PUSHES; step++) {
        TRY(sample_forward(s, s->n, s->point, true, err));
        push_look(s, over);
        TRY(t->ops->vjp(t->model, s->tape, 1, s->df, s->gradient, err));
        sample_tape_free(s);
        push_rows(s);
    }
    if (s->n > 0) {
        TRY(sample_forward(s, s->n, s->point, false, err));
        push_look(s, over);
    }
    for (ptrdiff_t j = 0; j < s->n; j++) {
        audit->pushed++;
        audit->pushed_over += over[j];
    }
out:
    sample_tape_free(s);
    return rc;
}

/* ---- the box ---- */

static void look_at_box(const struct advntk__audit_job *job, struct advntk__audit *audit)
{
    const struct advntk_images *x = job->images;
    ptrdiff_t d = x->height * x->width * x->channels;

    for (ptrdiff_t i = 0; i < x->n; i++) {
        double lowest = (double)INFINITY, highest = -(double)INFINITY, width = 0;
        bool outside = false;
        for (ptrdiff_t k = 0; k < d; k++) {
            double lo = job->target->box_lo[k], hi = job->target->box_hi[k];
            double pixel = x->pixels[i * d + k];
            outside = outside || !(pixel >= lo && pixel <= hi);
            lowest = fmin(lowest, pixel);
            highest = fmax(highest, pixel);
            width = fmax(width, hi - lo);
        }
        audit->clean_outside_box += outside;
        if (width > 0) {
            audit->box_used = fmax(audit->box_used, (highest - lowest) / width);
        }
    }
}

advntk_status advntk__audit_spend(const struct advntk__audit_job *job, struct advntk__audit *audit,
                                  struct advntk_error *err)
{
    const struct advntk_images *x = job->images;
    ptrdiff_t d = x->height * x->width * x->channels, c = job->target->classes;
    bool gradients = (job->part->attack->needs & ADVNTK_NEEDS_GRADIENTS) && job->part->loss;
    struct advntk_arena *arena = advntk__arena_new();
    struct sample *s = arena ? advntk_arena_get(arena, 1, sizeof(*s)) : NULL;
    advntk_status rc = ADVNTK_OK;

    if (s) {
        *s = (struct sample){.job = job, .d = d, .classes = c};
        s->point = advntk_arena_get(arena, ADVNTK_PANEL * d, sizeof(double));
        s->outputs = advntk_arena_get(arena, ADVNTK_PANEL * c, sizeof(double));
        s->df = advntk_arena_get(arena, ADVNTK_PANEL * c, sizeof(double));
        s->gradient = advntk_arena_get(arena, PUSHED * d, sizeof(double));
        s->base = advntk_arena_get(arena, CHECKED * d, sizeof(double));
        s->direction = advntk_arena_get(arena, DIRECTIONS * CHECKED * d, sizeof(double));
    }
    if (!s || !s->point || !s->outputs || !s->df || !s->gradient || !s->base || !s->direction) {
        FAIL(err, ENOMEM, "%s: no memory for the audit", job->part->where);
    }
    look_at_box(job, audit);
    TRY(verify_points(s, audit, err));
    if (gradients) {
        TRY(check_gradients(s, audit, err));
        TRY(push_on(s, audit, err));
    }
out:
    advntk__arena_free(arena);
    return rc;
}
