/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What makes a robust accuracy believable, and what speaks against it.
 *
 * Gradients are checked against central differences along two kinds of random signs u in {-1,1}^d:
 * plain ones, which see a gradient that is wrong anywhere, and ones that agree with the gradient's
 * signs in three coordinates of four, whose signal stands far above the rounding of a float32
 * model.
 */
#include "config.h"

#include "attack/panel.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

enum { CHECKED_IMAGES = 4, DIRECTIONS = 2 };

/* Half the width of a central difference, as a share of the box: half a grey level of 255. Smaller
 * drowns in the rounding of float32 outputs, larger meets the curvature. */
static const double probe = 0.5 / 255;
/* Allowed: 5 % of the derivative, and outputs that are right to 5e-6 of their size (the differences
 * of float32 outputs at neighbouring points; their common error cancels). */
static const double relative_tolerance = 0.05, output_rounding = 5e-6;

/* Shares from which a finding changes the verdict. */
static const double suspect_mismatch = 0.05, failed_mismatch = 0.5;
static const double failed_zero = 0.1, suspect_rising = 0.1;

struct probe_room {
    ptrdiff_t n;
    double *base, *moved, *direction; /* n,d */
    double *outputs, *gradient;       /* n,classes; n,d */
    double *loss, *slope;             /* n */
    double *df;                       /* n,classes */
};

static advntk_status probe_make(struct probe_room *r, const struct advntk__panel *p,
                                struct advntk_arena *arena, struct advntk_error *err)
{
    r->n = p->n < CHECKED_IMAGES ? p->n : CHECKED_IMAGES;
    r->base = advntk_arena_get(arena, r->n * p->d, sizeof(double));
    r->moved = advntk_arena_get(arena, r->n * p->d, sizeof(double));
    r->direction = advntk_arena_get(arena, r->n * p->d, sizeof(double));
    r->gradient = advntk_arena_get(arena, r->n * p->d, sizeof(double));
    r->outputs = advntk_arena_get(arena, r->n * p->classes, sizeof(double));
    r->df = advntk_arena_get(arena, r->n * p->classes, sizeof(double));
    r->loss = advntk_arena_get(arena, r->n, sizeof(double));
    r->slope = advntk_arena_get(arena, r->n, sizeof(double));
    if (!r->base || !r->moved || !r->direction || !r->gradient || !r->outputs || !r->df ||
        !r->loss || !r->slope) {
        return ADVNTK_FAIL(err, ENOMEM, "attack %s: no memory for the check of gradients", p->name);
    }
    return ADVNTK_OK;
}

/* Loss and its gradient by the outputs at points (n,d); the tape where it is wanted. */
static advntk_status probe_loss(struct advntk__panel *p, struct probe_room *r, const double *points,
                                bool with_tape, struct advntk_error *err)
{
    struct advntk_images x = p->images;
    advntk_status rc = ADVNTK_OK;

    x.n = r->n;
    x.pixels = points;
    TRY(p->target->ops->forward(p->target->model, &x, r->outputs, with_tape ? &p->tape : NULL,
                                err));
    p->loss->value(p->settings.loss.config, r->n, p->classes, r->outputs, p->images.labels,
                   p->targets, r->loss, r->df);
out:
    return rc;
}

/* A generic point beside the clean image: on the training set itself relu kernels have a kink. All
 * points looked at stay inside the box. */
static void probe_points(const struct advntk__panel *p, struct probe_room *r)
{
    for (ptrdiff_t i = 0; i < r->n; i++) {
        struct advntk_stream s;
        advntk_stream_init(&s, p->target->seed, advntk__attack_purpose(p->target, "attack audit"),
                           p->images.index[i], 0, p->target->first_step);
        for (ptrdiff_t k = 0; k < p->d; k++) {
            double lo = p->target->box_lo[k], hi = p->target->box_hi[k], h = probe * (hi - lo);
            double x = p->images.pixels[i * p->d + k] + h * (2 * advntk_random_uniform(&s) - 1);
            r->base[i * p->d + k] = fmin(fmax(x, lo + h), hi - h);
        }
    }
}

/* direction: random signs times h; slope: what the model's gradient says of it. */
static void probe_directions(const struct advntk__panel *p, struct probe_room *r, uint32_t number)
{
    for (ptrdiff_t i = 0; i < r->n; i++) {
        struct advntk_stream s;
        advntk_stream_init(&s, p->target->seed, advntk__attack_purpose(p->target, "attack audit"),
                           p->images.index[i], 1 + number, p->target->first_step);
        r->slope[i] = 0;
        for (ptrdiff_t k = i * p->d; k < (i + 1) * p->d; k++) {
            double g = r->gradient[k], sign = advntk_random_below(&s, 2) ? 1 : -1;
            double h = probe * (p->target->box_hi[k - i * p->d] - p->target->box_lo[k - i * p->d]);
            if (number > 0 && g != 0) {
                sign = copysign(advntk_random_below(&s, 4) ? 1.0 : -1.0, g);
            }
            r->direction[k] = sign * h;
            r->slope[i] += g * r->direction[k];
        }
    }
}

/* rise (n): (L(base + direction) - L(base - direction)) / 2; noise: what rounding may add to it. */
static advntk_status probe_rise(struct advntk__panel *p, struct probe_room *r,
                                double rise[CHECKED_IMAGES], double noise[CHECKED_IMAGES],
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (int side = 1; side >= -1; side -= 2) {
        for (ptrdiff_t k = 0; k < r->n * p->d; k++) {
            r->moved[k] = r->base[k] + side * r->direction[k];
        }
        TRY(probe_loss(p, r, r->moved, false, err));
        for (ptrdiff_t i = 0; i < r->n; i++) {
            rise[i] = (side > 0 ? 0 : rise[i]) + 0.5 * side * r->loss[i];
            noise[i] = 0;
            for (ptrdiff_t k = i * p->classes; k < (i + 1) * p->classes; k++) {
                noise[i] += fabs(r->df[k]) * output_rounding * (1 + fabs(r->outputs[k]));
            }
        }
    }
out:
    return rc;
}

advntk_status advntk__panel_check_gradient(struct advntk__panel *p, struct advntk__audit *audit,
                                           struct advntk_error *err)
{
    struct advntk_arena *arena = advntk__arena_new();
    struct probe_room r = {0};
    double rise[CHECKED_IMAGES] = {0}, noise[CHECKED_IMAGES] = {0};
    advntk_status rc = ADVNTK_OK;

    if (!arena) {
        FAIL(err, ENOMEM, "attack %s: no memory for the check of gradients", p->name);
    }
    TRY(probe_make(&r, p, arena, err));
    probe_points(p, &r);
    TRY(probe_loss(p, &r, r.base, true, err));
    TRY(p->target->ops->vjp(p->target->model, p->tape, 1, r.df, r.gradient, err));
    for (uint32_t number = 0; number < DIRECTIONS; number++) {
        probe_directions(p, &r, number);
        TRY(probe_rise(p, &r, rise, noise, err));
        for (ptrdiff_t i = 0; i < r.n; i++) {
            double gap = fabs(rise[i] - r.slope[i]), size = fmax(fabs(rise[i]), fabs(r.slope[i]));
            double excess = fmax(gap - noise[i], 0);
            double error = excess > 0 ? excess / size : 0;

            audit->checked_gradients++;
            audit->gradient_mismatch += !(error <= relative_tolerance);
            audit->worst_gradient_error = fmax(audit->worst_gradient_error, error);
        }
    }
out:
    p->target->ops->tape_free(p->target->model, p->tape);
    p->tape = NULL;
    advntk__arena_free(arena);
    return rc;
}

void advntk__panel_note(const struct advntk__panel *p, struct advntk__audit *audit)
{
    audit->outside_by_request = audit->outside_by_request || p->own_centre;
    for (ptrdiff_t i = 0; i < p->n; i++) {
        const struct advntk__row *row = &p->rows[i];
        bool stands = row->attacked && !row->fell;

        audit->attacked += row->attacked;
        audit->standing += stands;
        audit->zero_gradients += stands && row->zero_gradient;
        audit->still_rising += stands && row->rising;
        audit->outside_ball += row->outside_ball;
        audit->outside_box += row->outside_box;
        audit->out_of_time += row->late;
        audit->worst_distance = fmax(audit->worst_distance, row->excess);
    }
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

/* The one table of reasons: text NULL asks for the verdict alone. */
static int judge(const struct advntk__audit *a, struct advntk__text *text)
{
    double mismatch = share(a->gradient_mismatch, a->checked_gradients);
    double zero = share(a->zero_gradients, a->standing);
    double rising = share(a->still_rising, a->standing);
    int verdict = ADVNTK__TRUSTED;

#define REASON(level, ...)                                                                         \
    do {                                                                                           \
        verdict = (level) > verdict ? (level) : verdict;                                           \
        if (text) {                                                                                \
            advntk__text_printf(text, __VA_ARGS__);                                                \
        }                                                                                          \
    } while (0)
    if (a->outside_ball > 0) {
        REASON(ADVNTK__FAILED,
               "%lld images have points outside the ball: the norm's projection is wrong\n",
               (long long)a->outside_ball);
    }
    if (a->outside_box > 0) {
        REASON(ADVNTK__FAILED,
               "%lld images have points outside the pixel box: the norm's projection is wrong\n",
               (long long)a->outside_box);
    }
    if (mismatch > suspect_mismatch) {
        REASON(mismatch > failed_mismatch ? ADVNTK__FAILED : ADVNTK__SUSPECT,
               "gradients disagree with finite differences in %lld of %lld directions (up to %.2g "
               "relative)\n",
               (long long)a->gradient_mismatch, (long long)a->checked_gradients,
               a->worst_gradient_error);
    }
    if (zero > 0) {
        REASON(
            zero > failed_zero ? ADVNTK__FAILED : ADVNTK__SUSPECT,
            "%lld of %lld images that stand had an all-zero gradient: the attack was blind there\n",
            (long long)a->zero_gradients, (long long)a->standing);
    }
    if (rising > suspect_rising) {
        REASON(ADVNTK__SUSPECT,
               "the loss still rose by more than 1 %% in the last step for %lld of %lld images "
               "that stand: more steps may fool them\n",
               (long long)a->still_rising, (long long)a->standing);
    }
    if (a->out_of_time > 0) {
        REASON(ADVNTK__SUSPECT, "the time budget cut the attack short for %lld images\n",
               (long long)a->out_of_time);
    }
    if (a->outside_by_request) {
        REASON(ADVNTK__SUSPECT,
               "outside the radius by request (ball around the start point): up to %.3g times the "
               "radius\n",
               a->worst_distance);
    }
#undef REASON
    return verdict;
}

void advntk__audit_judge(struct advntk__audit *audit)
{
    audit->verdict = judge(audit, NULL);
}

void advntk__audit_reasons(const struct advntk__audit *audit, struct advntk__text *text)
{
    (void)judge(audit, text);
}

/* Wilson 1927: the set of p whose normal test is not rejected at 95 %. */
void advntk__wilson(int64_t right, int64_t count, double *low, double *high)
{
    const double z = 1.959963984540054; /* the normal distribution's 97.5 % point */
    double n = (double)count, k = (double)right, middle, half, scale;

    if (count <= 0) {
        *low = 0;
        *high = 1;
        return;
    }
    scale = n + z * z;
    middle = (k + 0.5 * z * z) / scale;
    half = z / scale * sqrt(k * (n - k) / n + 0.25 * z * z);
    *low = right <= 0 ? 0 : fmax(0, middle - half);
    *high = right >= count ? 1 : fmin(1, middle + half);
}
