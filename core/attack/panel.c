/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An attack on one panel: checks what it needs, evaluates the clean images, runs the restarts.
 *
 * A restart: start points, open, then step and evaluation in turn until every row is done, has
 * fallen or has spent its budget, close. All memory is taken before the first restart.
 */
#include "config.h"

#include "attack/panel.h"
#include "base/memory.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>
#include <time.h>

enum { STEP_LIMIT = 1 << 24, RESTART_LIMIT = 256 }; /* what a stream's address has room for */

double advntk__attack_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static advntk_status check_norm(const struct advntk__panel *p, struct advntk_error *err)
{
    const struct advntk_attack_settings *s = &p->settings;
    const char *norm = s->norm.plugin ? s->norm.plugin->name : NULL, *lacks = NULL;
    advntk_status rc = ADVNTK_OK;
    bool in_ball = p->attack->goal == ADVNTK_GOAL_RADIUS;

    if (!p->norm) {
        FAIL(err, EINVALID, "attack %s: no norm given", p->name);
    }
    if (in_ball && isnan(s->radius)) {
        FAIL(err, EINVALID, "attack %s: no radius given", p->name);
    }
    if (!isnan(s->radius) && !(s->radius >= 0 && isfinite(s->radius))) {
        FAIL(err, EINVALID, "attack %s: radius is %g, expected a number of at least 0", p->name,
             s->radius);
    }
    if (s->radius > p->norm->radius_max) {
        FAIL(err, EINVALID, "attack %s: radius is %g, at most %g makes sense in norm %s (unit: %s)",
             p->name, s->radius, p->norm->radius_max, norm, p->norm->unit);
    }
    if (!p->norm->distance) {
        lacks = "distance";
    } else if (in_ball && s->projection == ADVNTK_PROJECT_EXACT && !p->norm->project_ball_box) {
        lacks = "projection on ball and box (projection: sequential may do)";
    } else if (in_ball && s->projection != ADVNTK_PROJECT_EXACT && !(s->projection_guard > 0) &&
               !p->norm->project_ball) {
        lacks = "projection on the ball";
    } else if (s->random_start && !(s->random_start_cube > 0) && !p->norm->random) {
        lacks = "random point (random_start: false may do)";
    }
    if (lacks) {
        FAIL(err, EUNSUPPORTED, "attack %s: norm %s offers no %s", p->name, norm, lacks);
    }
    if (s->random_start && !(s->random_start_cube > 0) && isnan(s->radius)) {
        FAIL(err, EINVALID, "attack %s: random_start needs a radius", p->name);
    }
out:
    return rc;
}

static advntk_status check_loss(const struct advntk__panel *p, struct advntk_error *err)
{
    const struct advntk_loss_ops *loss = p->loss;
    advntk_status rc = ADVNTK_OK;

    if (!loss) {
        if (p->attack->needs & ADVNTK_NEEDS_GRADIENTS) {
            FAIL(err, EINVALID, "attack %s: no loss given", p->name);
        }
        goto out;
    }
    if (p->classes < loss->min_classes) {
        FAIL(err, EUNSUPPORTED, "attack %s: loss %s needs at least %td classes, there are %td%s%s",
             p->name, p->settings.loss.plugin->name, loss->min_classes, p->classes,
             loss->too_few_classes ? "; use " : "",
             loss->too_few_classes ? loss->too_few_classes : "");
    }
    if (loss->targeted && !p->settings.targeted) {
        FAIL(err, EINVALID, "attack %s: loss %s needs targets, set targeted: true", p->name,
             p->settings.loss.plugin->name);
    }
out:
    return rc;
}

static advntk_status check_images(const struct advntk__panel *p, struct advntk_error *err)
{
    const struct advntk_images *x = &p->images;
    advntk_status rc = ADVNTK_OK;

    if (p->n > ADVNTK_PANEL) {
        FAIL(err, ESHAPE, "attack %s: %td images at once, a panel holds at most %d", p->name, p->n,
             ADVNTK_PANEL);
    }
    if (!x->labels) {
        FAIL(err, EINVALID, "attack %s: the images have no labels", p->name);
    }
    for (ptrdiff_t i = 0; i < p->n; i++) {
        if (x->labels[i] < 0 || x->labels[i] >= p->classes) {
            FAIL(err, EINVALID, "attack %s: label of row %td is %d, expected 0 to %td", p->name, i,
                 (int)x->labels[i], p->classes - 1);
        }
    }
    if (p->settings.targeted && p->classes < 2) {
        FAIL(err, EUNSUPPORTED, "attack %s: targeted, but there is only one class", p->name);
    }
out:
    return rc;
}

static advntk_status check_attack(const struct advntk__panel *p, struct advntk_error *err)
{
    const struct advntk_attack_settings *s = &p->settings;
    const struct advntk_attack_ops *a = p->attack;
    const char *norm = s->norm.plugin ? s->norm.plugin->name : "", *reason = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(check_images(p, err));
    if (a->goal == ADVNTK_GOAL_NONE) {
        goto out;
    }
    if (!a->open || !a->step || !a->close) {
        FAIL(err, EUNSUPPORTED, "attack %s: the plugin lacks open, step or close", p->name);
    }
    if (p->classes < a->min_classes) {
        FAIL(err, EUNSUPPORTED, "attack %s: needs at least %td classes, there are %td", p->name,
             a->min_classes, p->classes);
    }
    TRY(check_norm(p, err));
    TRY(check_loss(p, err));
    if (s->restarts < 1 || s->restarts > RESTART_LIMIT) {
        FAIL(err, EINVALID, "attack %s: %lld restarts, expected 1 to %d", p->name,
             (long long)s->restarts, RESTART_LIMIT);
    }
    if ((a->needs & ADVNTK_NEEDS_GRADIENTS) && !p->target->ops->vjp) {
        FAIL(err, EUNSUPPORTED, "attack %s: needs gradients, which the model does not offer",
             p->name);
    }
    reason = a->unsupported ? a->unsupported(p->slot->config, norm, p->classes) : NULL;
    if (reason) {
        FAIL(err, EUNSUPPORTED, "attack %s: %s", p->name, reason);
    }
out:
    return rc;
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
        return ADVNTK_FAIL(err, ESHAPE, "attack %s: %td values and %td classes are too many",
                           p->name, d, c);
    }
    p->arena = advntk__arena_new();
    if (!p->arena) {
        return ADVNTK_FAIL(err, ENOMEM, "attack %s: no memory for a panel", p->name);
    }
    p->rows = take(p, 1, sizeof(*p->rows), &missing);
    p->active = take(p, 1, sizeof(bool), &missing);
    p->done = take(p, 1, sizeof(bool), &missing);
    p->targets = p->settings.targeted ? take(p, 1, sizeof(int32_t), &missing) : NULL;
    p->clean_outputs = p->settings.targeted && p->settings.targets == ADVNTK_TARGET_EACH
                           ? take(p, c, sizeof(double), &missing)
                           : NULL;
    p->own_index = take(p, 1, sizeof(int64_t), &missing);
    p->point = take(p, d, sizeof(double), &missing);
    p->asked = take(p, d, sizeof(double), &missing);
    p->own_centre = p->settings.ball_centre == ADVNTK_CENTRE_START
                        ? take(p, d, sizeof(double), &missing)
                        : NULL;
    p->centre = p->own_centre ? p->own_centre : p->images.pixels;
    p->outputs = take(p, c, sizeof(double), &missing);
    p->raw = take(p, c, sizeof(double), &missing);
    p->loss_values = take(p, 1, sizeof(double), &missing);
    p->loss_gradient = take(p, c, sizeof(double), &missing);
    p->cotangent = take(p, c * c, sizeof(double), &missing);
    if (missing) {
        return ADVNTK_FAIL(err, ENOMEM, "attack %s: no memory for %td images of %td values",
                           p->name, p->n, d);
    }
    return ADVNTK_OK;
}

static int64_t smaller_limit(int64_t own, const int64_t *parents, ptrdiff_t i)
{
    int64_t limit = own > 0 ? own : INT64_MAX;
    return parents && parents[i] < limit ? parents[i] : limit;
}

static void prepare_rows(struct advntk__panel *p, const struct advntk__attack_limits *limits)
{
    struct advntk__attack_result *r = p->result;

    for (ptrdiff_t i = 0; i < p->n; i++) {
        struct advntk__row *row = &p->rows[i];
        row->nearest = (double)INFINITY;
        row->counts = true; /* the clean image */
        row->outputs_left =
            smaller_limit(p->settings.budget_outputs, limits ? limits->outputs : NULL, i);
        row->gradients_left =
            smaller_limit(p->settings.budget_gradients, limits ? limits->gradients : NULL, i);
        p->own_index[i] = i;
        p->active[i] = true;
        r->outputs_spent[i] = 0;
        r->gradients_spent[i] = 0;
        r->first_success[i] = -1;
    }
    if (!p->images.index) {
        p->images.index = p->own_index;
    }
}

/* The clean images: outputs, who is right, targets, and the result until something worse is found.
 */
static advntk_status evaluate_clean(struct advntk__panel *p, struct advntk_error *err)
{
    bool gradients = (p->attack->needs & ADVNTK_NEEDS_GRADIENTS) && advntk__panel_starts_clean(p);
    struct advntk__attack_result *r = p->result;
    ptrdiff_t c = p->classes;
    advntk_status rc = ADVNTK_OK;

    memcpy(p->point, p->images.pixels, (size_t)(p->n * p->d) * sizeof(double));
    TRY(advntk__panel_forward(p, gradients, err));
    if (p->clean_outputs) {
        memcpy(p->clean_outputs, p->outputs, (size_t)(p->n * c) * sizeof(double));
    }
    advntk__panel_choose_targets(p);
    TRY(advntk__panel_losses(p, err));
    if (gradients) {
        TRY(advntk__panel_gradients(p, 0, err));
    }
    memcpy(r->point, p->images.pixels, (size_t)(p->n * p->d) * sizeof(double));
    memcpy(r->outputs, p->outputs, (size_t)(p->n * c) * sizeof(double));
    memcpy(r->loss, p->loss_values, (size_t)p->n * sizeof(double));
    for (ptrdiff_t i = 0; i < p->n; i++) {
        struct advntk__row *row = &p->rows[i];
        ptrdiff_t predicted = advntk__attack_predict(c, p->outputs + i * c);

        r->clean_right[i] = predicted == p->images.labels[i];
        r->distance[i] = 0;
        row->fell = !r->clean_right[i];
        if (advntk__panel_is_success(p, i)) {
            r->first_success[i] = 0;
            row->nearest = 0;
        }
    }
out:
    return rc;
}

/*
 * Do the points that come out depend on what the clean images give? Each restart's last point
 * replaces what was there, so only through targets, early stops, nearest successes, or as start
 * points.
 */
static bool clean_matters(const struct advntk__panel *p)
{
    const struct advntk_attack_settings *s = &p->settings;
    return p->attack->goal != ADVNTK_GOAL_RADIUS || s->score != ADVNTK_SCORE_LAST || s->targeted ||
           s->early_stop || advntk__panel_starts_clean(p);
}

/* What stands for an image until its first restart ends, where nothing was evaluated. */
static void assume_clean(struct advntk__panel *p)
{
    struct advntk__attack_result *r = p->result;

    memcpy(r->point, p->images.pixels, (size_t)(p->n * p->d) * sizeof(double));
    memset(r->outputs, 0, (size_t)(p->n * p->classes) * sizeof(double));
    for (ptrdiff_t i = 0; i < p->n; i++) {
        r->clean_right[i] = true;
        r->loss[i] = 0;
        r->distance[i] = 0;
    }
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
    advntk_status rc = ADVNTK_OK;

    TRY(advntk_cancelled(p->target->host, err));
    advntk__panel_charge(p, gradient ? (m > 0 ? m : 1) : 0, !at_start);
    if (!any_active(p)) {
        goto out;
    }
    p->has_gradient = p->has_gradient && at_start && p->restart == 0;
    if (at_start && p->restart == 0 && advntk__panel_starts_clean(p)) {
        /* the start points are the clean images, which have just been evaluated */
    } else {
        TRY(advntk__panel_project(p, box_only, err));
        TRY(advntk__panel_forward(p, gradient, err));
        TRY(advntk__panel_losses(p, err));
        if (gradient) {
            TRY(advntk__panel_gradients(p, m, err));
        }
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
             "attack %s, restart %td, step %td: asks for %td cotangents, expected 0 "
             "to %td",
             p->name, p->restart, p->step, ask->m, p->classes);
    }
    if ((ask->gradient || ask->m > 0) && !(p->attack->needs & ADVNTK_NEEDS_GRADIENTS)) {
        FAIL(err, EINVALID,
             "attack %s, restart %td, step %td: asks for gradients but does not declare that it "
             "needs them",
             p->name, p->restart, p->step);
    }
    if (!(ask->reach >= 1 && isfinite(ask->reach))) {
        FAIL(err, EINVALID, "attack %s, restart %td, step %td: reach is %g, expected at least 1",
             p->name, p->restart, p->step, ask->reach);
    }
    if (p->step + 1 >= STEP_LIMIT) {
        FAIL(err, ELIMIT, "attack %s, restart %td: asks for more than %d steps", p->name,
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
        .radius = p->settings.radius,
        .settings = &p->settings,
        .seed = p->target->seed,
        .purpose = p->target->purpose,
        .first_step = p->target->first_step,
        .host = p->target->host,
    };
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
            (void)advntk_error_prefix(err, "attack %s, restart %td, step %td: ", p->name,
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
        TRY(evaluate(p, ask.gradient || ask.m > 0, ask.m, err));
    }
out:
    return rc;
}

static advntk_status run_restart(struct advntk__panel *p, struct advntk_error *err)
{
    bool gradients = p->attack->needs & ADVNTK_NEEDS_GRADIENTS, opened = false;
    struct advntk_attack_view view = make_view(p);
    void *state = NULL;
    advntk_status rc = ADVNTK_OK;

    p->step = 0;
    p->reach = 1;
    for (ptrdiff_t i = 0; i < p->n; i++) {
        struct advntk__row *row = &p->rows[i];
        p->active[i] = !row->exhausted && !(p->settings.early_stop && row->fell);
        row->in_restart = false;
        row->restart_loss = -(double)INFINITY;
    }
    if (!any_active(p)) {
        goto out;
    }
    if (p->clean_outputs) {
        advntk__panel_choose_targets(p);
    }
    advntk__panel_start(p);
    TRY(evaluate(p, gradients, 0, err));
    rc = p->attack->open(p->slot->config, p->target->host, &view, &state, err);
    if (rc != ADVNTK_OK) {
        (void)advntk_error_prefix(err, "attack %s, restart %td: ", p->name, p->restart);
        goto out;
    }
    opened = true;
    TRY(iterate(p, state, &view, err));
    if (p->settings.score == ADVNTK_SCORE_LAST) {
        advntk__panel_keep_last(p);
    }
out:
    if (opened) {
        p->attack->close(state);
    }
    return rc;
}

static advntk_status run_plain(struct advntk__panel *p, const struct advntk__attack_limits *limits,
                               struct advntk__audit *audit, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(check_attack(p, err));
    TRY(make_room(p, err));
    prepare_rows(p, limits);
    if (p->target->points_only && !clean_matters(p)) {
        assume_clean(p);
    } else {
        TRY(evaluate_clean(p, err));
    }
    if (p->attack->goal != ADVNTK_GOAL_NONE) {
        for (p->restart = 0; p->restart < p->settings.restarts; p->restart++) {
            TRY(run_restart(p, err));
        }
    }
    for (ptrdiff_t i = 0; i < p->n; i++) {
        p->result->robust[i] = !p->rows[i].fell;
    }
    if (audit && p->attack->goal != ADVNTK_GOAL_NONE) {
        advntk__panel_note(p, audit);
        if (p->attack->needs & ADVNTK_NEEDS_GRADIENTS) {
            TRY(advntk__panel_check_gradient(p, audit, err));
        }
    }
out:
    return rc;
}

advntk_status advntk__attack_run(const struct advntk__attack_target *target,
                                 const struct advntk_slot *attack,
                                 const struct advntk_attack_settings *settings,
                                 const struct advntk__attack_limits *limits,
                                 const struct advntk_images *images,
                                 struct advntk__attack_result *result, struct advntk__audit *audit,
                                 struct advntk_error *err)
{
    struct advntk__panel p = {
        .target = target,
        .slot = attack,
        .attack = attack->plugin->ops,
        .name = attack->plugin->name,
        .settings = *settings,
        .images = *images,
        .n = images->n,
        .d = images->height * images->width * images->channels,
        .classes = target->classes,
        .result = result,
    };
    advntk_status rc = ADVNTK_OK;

    if (images->n == 0) {
        goto out;
    }
    if (p.attack->preset) {
        p.attack->preset(attack->config, &p.settings);
    }
    if (p.attack->stages) {
        TRY(advntk__stages_run(target, attack, &p.settings, limits, images, result, audit, err));
        goto out;
    }
    p.norm = p.settings.norm.plugin ? p.settings.norm.plugin->ops : NULL;
    p.loss = p.settings.loss.plugin ? p.settings.loss.plugin->ops : NULL;
    if (p.settings.budget_seconds > 0) {
        p.deadline = target->started + p.settings.budget_seconds;
    }
    TRY(run_plain(&p, limits, audit, err));
out:
    if (p.tape) {
        target->ops->tape_free(target->model, p.tape);
    }
    advntk__arena_free(p.arena);
    return rc;
}

static advntk_status check_slot(const struct advntk_slot *attack, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (!attack->plugin || attack->plugin->kind != ADVNTK_KIND_ATTACK) {
        FAIL(err, EINVALID, "attack: the slot holds %s, expected a plugin of kind attack",
             attack->plugin ? attack->plugin->name : "nothing");
    }
    if (!attack->host_config) {
        FAIL(err, EINVALID, "attack %s: the slot has no settings of the host",
             attack->plugin->name);
    }
out:
    return rc;
}

advntk_status advntk__attack_panel(const struct advntk__attack_target *target,
                                   const struct advntk_slot *attack,
                                   const struct advntk_images *images,
                                   struct advntk__attack_result *result,
                                   struct advntk__audit *audit, struct advntk_error *err)
{
    struct advntk__attack_target timed = *target;
    advntk_status rc = ADVNTK_OK;

    TRY(check_slot(attack, err));
    if (!(timed.started > 0)) {
        timed.started = advntk__attack_clock();
    }
    TRY(advntk__attack_run(&timed, attack, attack->host_config, NULL, images, result, audit, err));
    if (audit) {
        audit->images += images->n;
        advntk__audit_judge(audit);
    }
out:
    return rc;
}

advntk_status advntk__attack_points(const struct advntk__attack_target *target,
                                    const struct advntk_slot *attack,
                                    const struct advntk_images *images, double *points,
                                    struct advntk_error *err)
{
    struct advntk__attack_target timed = *target;
    struct advntk__attack_result r = {.point = points};
    struct advntk_attack_settings settings;
    struct advntk_arena *arena = NULL;
    const struct advntk_attack_ops *ops = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(check_slot(attack, err));
    ops = attack->plugin->ops;
    if (ops->stages) {
        FAIL(err, EUNSUPPORTED,
             "attack %s: composite attacks can not be used inside training, take one of its parts",
             attack->plugin->name);
    }
    arena = advntk__arena_new();
    if (arena) {
        r.clean_right = advntk_arena_get(arena, images->n, sizeof(bool));
        r.robust = advntk_arena_get(arena, images->n, sizeof(bool));
        r.outputs = advntk_arena_get(arena, images->n, (size_t)target->classes * sizeof(double));
        r.loss = advntk_arena_get(arena, images->n, sizeof(double));
        r.distance = advntk_arena_get(arena, images->n, sizeof(double));
        r.outputs_spent = advntk_arena_get(arena, images->n, sizeof(int64_t));
        r.gradients_spent = advntk_arena_get(arena, images->n, sizeof(int64_t));
        r.first_success = advntk_arena_get(arena, images->n, sizeof(int32_t));
    }
    if (!arena || !r.clean_right || !r.robust || !r.outputs || !r.loss || !r.distance ||
        !r.outputs_spent || !r.gradients_spent || !r.first_success) {
        FAIL(err, ENOMEM, "attack %s: no memory for %td images", attack->plugin->name, images->n);
    }
    settings = *(const struct advntk_attack_settings *)attack->host_config;
    settings.early_stop = false;
    settings.score = ADVNTK_SCORE_LAST;
    timed.started = advntk__attack_clock();
    timed.points_only = true;
    TRY(advntk__attack_run(&timed, attack, &settings, NULL, images, &r, NULL, err));
out:
    advntk__arena_free(arena);
    return rc;
}
