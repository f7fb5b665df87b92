/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What follows from an evaluation for each image: what it cost, the point that is kept, who fell.
 */
#include "config.h"

#include "attack/panel.h"

#include <math.h>
#include <string.h>

ptrdiff_t advntk__attack_predict(ptrdiff_t c, const double *outputs)
{
    ptrdiff_t best = 0;
    for (ptrdiff_t k = 1; k < c; k++) {
        best = outputs[k] > outputs[best] ? k : best;
    }
    return best;
}

void advntk__panel_charge(struct advntk__panel *p, int64_t gradients, bool is_step)
{
    int64_t steps = p->settings->budget_steps;

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
        row->outputs++;
        row->gradients += gradients;
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

static bool is_success(const struct advntk__panel *p, ptrdiff_t i)
{
    ptrdiff_t predicted = advntk__attack_predict(p->classes, p->outputs + i * p->classes);
    bool aimed = p->targets && p->settings->success == ADVNTK_SUCCESS_TARGET;
    return aimed ? predicted == p->targets[i] : predicted != p->images.labels[i];
}

void advntk__panel_settle_clean(struct advntk__panel *p)
{
    struct advntk__attack_result *r = p->result;

    memcpy(r->point, p->images.pixels, (size_t)(p->n * p->d) * sizeof(double));
    memcpy(r->outputs, p->outputs, (size_t)(p->n * p->classes) * sizeof(double));
    memcpy(r->loss, p->loss_values, (size_t)p->n * sizeof(double));
    for (ptrdiff_t i = 0; i < p->n; i++) {
        bool success = is_success(p, i);

        r->distance[i] = 0;
        r->first_success[i] = success ? 0 : -1;
        r->nearest[i] = success ? 0 : (double)INFINITY;
        r->robust[i] = r->clean_right[i];
        r->fooled_by[i] = success ? -2 : -1;
        r->outputs_to_fool[i] = success ? 0 : -1;
        r->gradients_to_fool[i] = success ? 0 : -1;
        p->rows[i].fell = !r->clean_right[i];
    }
}

/* Smallest success first; while there is none, the highest loss. No slack: distance <= radius. */
static void keep_nearest(struct advntk__panel *p, ptrdiff_t i, bool success)
{
    struct advntk__row *row = &p->rows[i];
    double *nearest = &p->result->nearest[i];
    bool found = *nearest < (double)INFINITY;

    if (success ? row->distance < *nearest : !found && p->loss_values[i] > p->result->loss[i]) {
        store_point(p, i);
    }
    if (success && row->distance < *nearest) {
        *nearest = row->distance;
    }
    row->fell = row->fell || *nearest <= p->settings->radius;
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

/* A loss still rises if its last step added so much of it, or so much of all it rose by: steps that
 * are too short by far add little each, but alike. */
static const double last_rise = 0.01, last_share = 0.05;

/* What the audit wants to know of the loss along the way. */
static void watch_loss(struct advntk__panel *p, ptrdiff_t i)
{
    struct advntk__row *row = &p->rows[i];
    double loss = p->loss_values[i], before = row->restart_loss;

    if (p->step == 0) {
        row->start_loss = loss;
    }
    row->stepped = row->stepped || p->step > 0;
    row->rose = row->rose || loss > row->start_loss;
    row->rising =
        p->step > 0 && (loss - before > last_rise * fabs(before) ||
                        (loss > before && loss - before > last_share * (loss - row->start_loss)));
    row->restart_loss = fmax(before, loss);
}

static void note_success(struct advntk__panel *p, ptrdiff_t i)
{
    struct advntk__attack_result *r = p->result;

    r->first_success[i] = (int32_t)p->step;
    r->outputs_to_fool[i] = r->outputs_spent[i];
    r->gradients_to_fool[i] = r->gradients_spent[i];
    r->fooled_by[i] = (int32_t)p->number;
}

void advntk__panel_keep(struct advntk__panel *p)
{
    for (ptrdiff_t i = 0; i < p->n; i++) {
        struct advntk__row *row = &p->rows[i];
        bool success, fell = row->fell;

        if (!p->active[i]) {
            continue;
        }
        row->attacked = true;
        row->in_restart = true;
        if (!row->counts) {
            continue;
        }
        success = is_success(p, i);
        watch_loss(p, i);
        if (success && p->result->first_success[i] < 0) {
            note_success(p, i);
        }
        if (p->settings->score == ADVNTK_SCORE_LAST) {
            continue; /* nothing falls before the restart ends */
        }
        if (p->attack->goal == ADVNTK_GOAL_MIN_NORM) {
            keep_nearest(p, i, success);
        } else {
            keep_worst(p, i, success);
        }
        row->fell_in = !fell && row->fell ? (int32_t)p->restart : row->fell_in;
        p->active[i] = !(p->settings->early_stop && row->fell);
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
        success = is_success(p, i);
        higher = p->loss_values[i] > p->result->loss[i];
        if (!row->recorded || (success && !row->fell) || (success == row->fell && higher)) {
            store_point(p, i);
        }
        if (p->attack->goal == ADVNTK_GOAL_MIN_NORM) {
            success = success && row->distance <= p->settings->radius;
        }
        row->fell = (row->recorded && row->fell) || success;
        row->recorded = true;
    }
}
