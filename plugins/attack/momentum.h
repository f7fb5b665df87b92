/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the iterated gradient attacks of momentum share: a velocity for each image,
 *
 *     g_{k+1} = mu g_k + grad / |grad|_1,        x_{k+1} = P(x_k + alpha steepest(g_{k+1})),
 *
 * (Dong et al. 2018, equations 6 and 7). Notation: mu decay, alpha length of a step, n,d images,
 * values.
 */
#ifndef PLUGINS_ATTACK_MOMENTUM_H
#define PLUGINS_ATTACK_MOMENTUM_H

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct momentum_state {
    int64_t steps;
    double length, decay;
    ptrdiff_t count;              /* n*d */
    double *velocity, *direction; /* n,d */
};

static inline void momentum_close(void *state)
{
    struct momentum_state *s = state;
    if (s) {
        advntk_free(s->velocity);
        advntk_free(s->direction);
        free(s);
    }
}

static inline advntk_status momentum_new(const struct advntk_attack_view *view, int64_t steps,
                                         double step, double decay, struct momentum_state **made,
                                         struct advntk_error *err)
{
    struct momentum_state *s = calloc(1, sizeof(*s));

    if (s) {
        s->steps = steps;
        s->length = step > 0 ? step : steps > 0 ? view->radius / (double)steps : 0;
        s->decay = decay;
        s->count = view->n * view->d;
        s->velocity = advntk_alloc_zero(s->count, sizeof(double));
        s->direction = advntk_alloc_zero(s->count, sizeof(double));
    }
    if (!s || !s->velocity || !s->direction) {
        momentum_close(s);
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the velocities of %td images", view->n);
    }
    *made = s;
    return ADVNTK_OK;
}

/* velocity <- decay velocity + gradient / |gradient|_1, active rows; a zero gradient adds nothing.
 */
static inline void momentum_gather(struct momentum_state *s, const struct advntk_attack_view *view,
                                   const double *gradient)
{
    for (ptrdiff_t i = 0; i < view->n; i++) {
        double sum = 0;
        for (ptrdiff_t k = i * view->d; view->active[i] && k < (i + 1) * view->d; k++) {
            sum += fabs(gradient[k]);
        }
        for (ptrdiff_t k = i * view->d; view->active[i] && k < (i + 1) * view->d; k++) {
            s->velocity[k] = s->decay * s->velocity[k] + (sum > 0 ? gradient[k] / sum : 0);
        }
    }
}

static inline advntk_status momentum_save(const void *state, struct advntk_writer *w,
                                          struct advntk_error *err)
{
    const struct momentum_state *s = state;
    return advntk_write_reals(w, "velocity", s->count, s->velocity, err);
}

static inline advntk_status momentum_load(void *state, struct advntk_reader *r,
                                          struct advntk_error *err)
{
    struct momentum_state *s = state;
    return advntk_read_reals(r, "velocity", s->count, s->velocity, err);
}

static inline advntk_status momentum_step(void *state, const struct advntk_attack_view *view,
                                          const struct advntk_attack_seen *seen,
                                          struct advntk_attack_ask *ask, struct advntk_error *err)
{
    struct momentum_state *s = state;
    advntk_status rc = ADVNTK_OK;

    if (view->step >= s->steps) {
        for (ptrdiff_t i = 0; i < view->n; i++) {
            ask->done[i] = true;
        }
        return ADVNTK_OK;
    }
    momentum_gather(s, view, seen->gradient);
    rc = advntk_attack_steepest(view, s->velocity, s->direction, err);
    for (ptrdiff_t i = 0; rc == ADVNTK_OK && i < view->n; i++) {
        for (ptrdiff_t k = i * view->d; view->active[i] && k < (i + 1) * view->d; k++) {
            ask->point[k] = seen->point[k] + s->length * s->direction[k];
        }
    }
    ask->last = view->step + 1 >= s->steps;
    ask->gradient = !ask->last;
    return rc;
}

#endif
