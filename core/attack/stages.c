/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Composite attacks: each stage runs on the images that still stand, repacked in index order (the
 * order they came in), so that what a stage finds does not depend on who fell when, only on who
 * fell.
 */
#include "config.h"

#include "attack/panel.h"
#include "base/memory.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

/* The images that stand, packed, and what a stage found for them. Arrays of n. */
struct stage {
    ptrdiff_t n, d, classes;
    ptrdiff_t *place; /* row in the whole panel */
    double *pixels;
    int32_t *labels;
    int64_t *index;
    int64_t *outputs_left, *gradients_left;
    struct advntk__attack_result result;
};

static advntk_status stage_make_room(struct stage *s, struct advntk_arena *arena, ptrdiff_t n,
                                     struct advntk_error *err)
{
    struct advntk__attack_result *r = &s->result;
    ptrdiff_t d = s->d, c = s->classes;

    if (d > PTRDIFF_MAX / 16 / ADVNTK_PANEL || c > PTRDIFF_MAX / 16 / ADVNTK_PANEL) {
        return ADVNTK_FAIL(err, ESHAPE, "%td values and %td classes are too many", d, c);
    }
    s->place = advntk_arena_get(arena, n, sizeof(*s->place));
    s->pixels = advntk_arena_get(arena, n * d, sizeof(double));
    s->labels = advntk_arena_get(arena, n, sizeof(int32_t));
    s->index = advntk_arena_get(arena, n, sizeof(int64_t));
    s->outputs_left = advntk_arena_get(arena, n, sizeof(int64_t));
    s->gradients_left = advntk_arena_get(arena, n, sizeof(int64_t));
    r->clean_right = advntk_arena_get(arena, n, sizeof(bool));
    r->robust = advntk_arena_get(arena, n, sizeof(bool));
    r->point = advntk_arena_get(arena, n * d, sizeof(double));
    r->outputs = advntk_arena_get(arena, n * c, sizeof(double));
    r->loss = advntk_arena_get(arena, n, sizeof(double));
    r->distance = advntk_arena_get(arena, n, sizeof(double));
    r->outputs_spent = advntk_arena_get(arena, n, sizeof(int64_t));
    r->gradients_spent = advntk_arena_get(arena, n, sizeof(int64_t));
    r->first_success = advntk_arena_get(arena, n, sizeof(int32_t));
    if (!s->place || !s->pixels || !s->labels || !s->index || !s->outputs_left ||
        !s->gradients_left || !r->clean_right || !r->robust || !r->point || !r->outputs ||
        !r->loss || !r->distance || !r->outputs_spent || !r->gradients_spent || !r->first_success) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the stages of an attack on %td images", n);
    }
    return ADVNTK_OK;
}

static int64_t left(int64_t own, int64_t spent, const int64_t *parents, ptrdiff_t i)
{
    int64_t limit = own > 0 ? own : INT64_MAX;
    limit = parents && parents[i] < limit ? parents[i] : limit;
    return limit == INT64_MAX ? limit : limit > spent ? limit - spent : 0;
}

/* robust: who stands; NULL before the first stage: all. */
static void pack(struct stage *s, const struct advntk_images *images, const bool *robust,
                 const struct advntk__attack_result *whole,
                 const struct advntk_attack_settings *settings,
                 const struct advntk__attack_limits *limits)
{
    s->n = 0;
    for (ptrdiff_t i = 0; i < images->n; i++) {
        if (robust && !robust[i]) {
            continue;
        }
        memcpy(s->pixels + s->n * s->d, images->pixels + i * s->d, (size_t)s->d * sizeof(double));
        s->place[s->n] = i;
        s->labels[s->n] = images->labels[i];
        s->index[s->n] = images->index ? images->index[i] : i;
        s->outputs_left[s->n] = left(settings->budget_outputs, whole->outputs_spent[i],
                                     limits ? limits->outputs : NULL, i);
        s->gradients_left[s->n] = left(settings->budget_gradients, whole->gradients_spent[i],
                                       limits ? limits->gradients : NULL, i);
        s->n++;
    }
}

/* The first success stays; until there is one, the latest stage's point stands. */
static void unpack(const struct stage *s, bool first, struct advntk__attack_result *whole)
{
    const struct advntk__attack_result *r = &s->result;

    for (ptrdiff_t j = 0; j < s->n; j++) {
        ptrdiff_t i = s->place[j];
        whole->clean_right[i] = first ? r->clean_right[j] : whole->clean_right[i];
        whole->robust[i] = r->robust[j];
        memcpy(whole->point + i * s->d, r->point + j * s->d, (size_t)s->d * sizeof(double));
        memcpy(whole->outputs + i * s->classes, r->outputs + j * s->classes,
               (size_t)s->classes * sizeof(double));
        whole->loss[i] = r->loss[j];
        whole->distance[i] = r->distance[j];
        whole->outputs_spent[i] += r->outputs_spent[j];
        whole->gradients_spent[i] += r->gradients_spent[j];
        whole->first_success[i] = r->first_success[j];
    }
}

/* What a child does not set itself it has from the composite. */
static struct advntk_attack_settings inherit(const struct advntk_slot *child,
                                             const struct advntk_attack_settings *parent)
{
    struct advntk_attack_settings s = *parent;

    if (child->host_config) {
        s = *(const struct advntk_attack_settings *)child->host_config;
        s.norm = s.norm.plugin ? s.norm : parent->norm;
        s.loss = s.loss.plugin ? s.loss : parent->loss;
        s.radius = isnan(s.radius) ? parent->radius : s.radius;
        s.budget_seconds = parent->budget_seconds > 0 && !(s.budget_seconds > 0)
                               ? parent->budget_seconds
                               : s.budget_seconds;
    } else {
        s.budget_outputs = 0; /* shared by the stages: what is left of them is a limit already */
        s.budget_gradients = 0;
    }
    return s;
}

static advntk_status run_child(const struct advntk__attack_target *target, const char *name,
                               const struct advntk_slot *child, ptrdiff_t number,
                               const struct advntk_attack_settings *settings, struct stage *s,
                               const struct advntk_images *images, struct advntk__audit *audit,
                               struct advntk_error *err)
{
    struct advntk__attack_target own = *target;
    struct advntk__attack_limits limits = {s->outputs_left, s->gradients_left};
    struct advntk_attack_settings completed = inherit(child, settings);
    struct advntk_images packed = *images;
    advntk_status rc = ADVNTK_OK;

    if (!child->plugin || child->plugin->kind != ADVNTK_KIND_ATTACK) {
        FAIL(err, EINVALID, "attack %s: stage %td is %s, expected an attack", name, number,
             child->plugin ? child->plugin->name : "empty");
    }
    packed.n = s->n;
    packed.pixels = s->pixels;
    packed.labels = s->labels;
    packed.index = s->index;
    own.purpose += (uint32_t)number * advntk_random_purpose("attack stage");
    rc = advntk__attack_run(&own, child, &completed, &limits, &packed, &s->result, audit, err);
    if (rc != ADVNTK_OK) {
        (void)advntk_error_prefix(err, "attack %s, stage %td: ", name, number);
    }
out:
    return rc;
}

advntk_status advntk__stages_run(const struct advntk__attack_target *target,
                                 const struct advntk_slot *attack,
                                 const struct advntk_attack_settings *settings,
                                 const struct advntk__attack_limits *limits,
                                 const struct advntk_images *images,
                                 struct advntk__attack_result *result, struct advntk__audit *audit,
                                 struct advntk_error *err)
{
    const struct advntk_attack_ops *ops = attack->plugin->ops;
    const char *name = attack->plugin->name;
    const char *norm = settings->norm.plugin ? settings->norm.plugin->name : "";
    struct advntk_arena *arena = advntk__arena_new();
    struct stage s = {.d = images->height * images->width * images->channels,
                      .classes = target->classes};
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t number = 0;

    if (!arena) {
        FAIL(err, ENOMEM, "attack %s: no memory for its stages", name);
    }
    if (images->n > ADVNTK_PANEL || !images->labels) {
        FAIL(err, EINVALID, "attack %s: %td images%s, expected at most %d with labels", name,
             images->n, images->labels ? "" : " without labels", ADVNTK_PANEL);
    }
    TRY(stage_make_room(&s, arena, images->n, err));
    memset(result->outputs_spent, 0, (size_t)images->n * sizeof(int64_t));
    memset(result->gradients_spent, 0, (size_t)images->n * sizeof(int64_t));
    for (;; number++) {
        const struct advntk_slot *child = NULL;
        TRY(ops->stages(attack->config, target->classes, norm, number, &child, err));
        if (!child) {
            break;
        }
        pack(&s, images, number > 0 ? result->robust : NULL, result, settings, limits);
        if (s.n == 0) {
            break;
        }
        TRY(run_child(target, name, child, number, settings, &s, images, audit, err));
        unpack(&s, number == 0, result);
    }
    if (number == 0) {
        FAIL(err, EINVALID, "attack %s: has no stage", name);
    }
out:
    advntk__arena_free(arena);
    return rc;
}
