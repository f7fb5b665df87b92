/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an attack slot comes to: composites within composites become one list of attacks, each with
 * complete settings, and each is checked against norm, loss, classes and model before anything is
 * evaluated.
 */
#include "config.h"

#include "attack/panel.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RESTART_LIMIT = 256, DEPTH_LIMIT = 8 }; /* a stream's address has room for 256 restarts */

static advntk_status check_norm(const struct advntk__part *p, struct advntk_error *err)
{
    const struct advntk_attack_settings *s = &p->settings;
    const char *norm = s->norm.plugin ? s->norm.plugin->name : NULL, *lacks = NULL;
    advntk_status rc = ADVNTK_OK;
    bool in_ball = p->attack->goal == ADVNTK_GOAL_RADIUS;
    bool needs_radius = in_ball || (s->random_start && !(s->random_start_cube > 0));

    if (!p->norm) {
        FAIL(err, EINVALID, "%s: no norm given", p->where);
    }
    if (needs_radius && isnan(s->radius)) {
        FAIL(err, EINVALID, "%s: no radius given", p->where);
    }
    if (!isnan(s->radius) && !(s->radius >= 0 && isfinite(s->radius))) {
        FAIL(err, EINVALID, "%s: radius is %g, expected a number of at least 0", p->where,
             s->radius);
    }
    if (s->radius > p->norm->radius_max) {
        FAIL(err, EINVALID, "%s: radius is %g, at most %g makes sense in norm %s (unit: %s)",
             p->where, s->radius, p->norm->radius_max, norm, p->norm->unit);
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
        FAIL(err, EUNSUPPORTED, "%s: norm %s offers no %s", p->where, norm, lacks);
    }
out:
    return rc;
}

static advntk_status check_loss(const struct advntk__part *p, ptrdiff_t classes,
                                struct advntk_error *err)
{
    const struct advntk_loss_ops *loss = p->loss;
    advntk_status rc = ADVNTK_OK;

    if (!loss) {
        if (p->attack->needs & ADVNTK_NEEDS_GRADIENTS) {
            FAIL(err, EINVALID, "%s: no loss given", p->where);
        }
        goto out;
    }
    if (classes < loss->min_classes) {
        FAIL(err, EUNSUPPORTED, "%s: loss %s needs at least %td classes, there are %td%s%s",
             p->where, p->settings.loss.plugin->name, loss->min_classes, classes,
             loss->too_few_classes ? "; use " : "",
             loss->too_few_classes ? loss->too_few_classes : "");
    }
    if (loss->targeted && !p->settings.targeted) {
        FAIL(err, EINVALID, "%s: loss %s needs targets, set targeted: true", p->where,
             p->settings.loss.plugin->name);
    }
out:
    return rc;
}

static advntk_status check_part(const struct advntk__attack_target *target,
                                const struct advntk__part *p, struct advntk_error *err)
{
    const struct advntk_attack_settings *s = &p->settings;
    const struct advntk_attack_ops *a = p->attack;
    const char *norm = s->norm.plugin ? s->norm.plugin->name : "", *reason = NULL;
    advntk_status rc = ADVNTK_OK;

    if (s->targeted && target->classes < 2) {
        FAIL(err, EUNSUPPORTED, "%s: targeted, but there is only one class", p->where);
    }
    if (s->each_alone) {
        FAIL(err, EINVALID,
             "%s: each_alone is for the outermost attack of several parts (autoattack, ensemble)",
             p->where);
    }
    if (a->goal == ADVNTK_GOAL_NONE) {
        goto out;
    }
    if (!a->open || !a->step || !a->close) {
        FAIL(err, EUNSUPPORTED, "%s: the plugin lacks open, step or close", p->where);
    }
    if (target->classes < a->min_classes) {
        FAIL(err, EUNSUPPORTED, "%s: needs at least %td classes, there are %td", p->where,
             a->min_classes, target->classes);
    }
    TRY(check_norm(p, err));
    TRY(check_loss(p, target->classes, err));
    if (s->restarts < 1 || s->restarts > RESTART_LIMIT) {
        FAIL(err, EINVALID, "%s: %lld restarts, expected 1 to %d", p->where, (long long)s->restarts,
             RESTART_LIMIT);
    }
    if ((a->needs & ADVNTK_NEEDS_GRADIENTS) && !target->ops->vjp) {
        FAIL(err, EUNSUPPORTED, "%s: needs gradients, which the model does not offer", p->where);
    }
    reason = a->unsupported ? a->unsupported(p->slot->config, norm, target->classes) : NULL;
    if (reason) {
        FAIL(err, EUNSUPPORTED, "%s: %s", p->where, reason);
    }
out:
    return rc;
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
        s.each_alone = false;
        s.budget_outputs = 0; /* shared by the parts: what is left of them is a limit already */
        s.budget_gradients = 0;
    }
    return s;
}

/* A place in the tree of composites. */
struct spot {
    const struct advntk_slot *slot;
    struct advntk_attack_settings settings;
    ptrdiff_t composite; /* -1 at the top */
    uint32_t purpose;
    int depth;
    char where[120]; /* "attack autoattack, stage 2: ", empty at the top */
};

static advntk_status add_part(const struct advntk__attack_target *target, const struct spot *at,
                              struct advntk__attack_plan *plan, struct advntk_error *err)
{
    const struct advntk_attack_settings *s = &at->settings;
    const char *loss = s->loss.plugin ? s->loss.plugin->name : "";
    struct advntk__part *p = NULL;
    advntk_status rc = ADVNTK_OK;
    bool inside = at->composite >= 0;

    if (plan->count == ADVNTK__PARTS) {
        FAIL(err, ELIMIT, "%sat most %d attacks in one evaluation", at->where, ADVNTK__PARTS);
    }
    p = &plan->parts[plan->count];
    *p = (struct advntk__part){.slot = at->slot,
                               .attack = at->slot->plugin->ops,
                               .norm = s->norm.plugin ? s->norm.plugin->ops : NULL,
                               .loss = s->loss.plugin ? s->loss.plugin->ops : NULL,
                               .settings = *s,
                               .purpose = at->purpose,
                               .composite = at->composite,
                               .restarts = s->restarts};
    snprintf(p->where, sizeof(p->where), "%sattack %s", at->where, at->slot->plugin->name);
    snprintf(p->name, sizeof(p->name), "%s%s%s%s", at->slot->plugin->name,
             inside && *loss ? " " : "", inside ? loss : "",
             inside && s->targeted ? " targeted" : "");
    TRY(check_part(target, p, err));
    if (s->targeted && s->targets == ADVNTK_TARGET_EACH && s->restarts <= s->target_classes &&
        s->restarts > target->classes - 1) {
        p->restarts = target->classes - 1; /* a wrong class each, and there are no more */
    }
    plan->count++;
out:
    return rc;
}

static advntk_status add(const struct advntk__attack_target *target, struct spot *at,
                         struct advntk__attack_plan *plan, struct advntk_error *err);

static advntk_status add_children(const struct advntk__attack_target *target, const struct spot *at,
                                  struct advntk__attack_plan *plan, struct advntk_error *err)
{
    const struct advntk_attack_ops *ops = at->slot->plugin->ops;
    const char *norm = at->settings.norm.plugin ? at->settings.norm.plugin->name : "";
    const char *name = at->slot->plugin->name, *reason;
    struct spot below = {.composite = plan->composites, .depth = at->depth + 1};
    const struct advntk_slot *child = NULL;
    advntk_status rc = ADVNTK_OK;

    reason = ops->unsupported ? ops->unsupported(at->slot->config, norm, target->classes) : NULL;
    if (reason) {
        FAIL(err, EUNSUPPORTED, "%sattack %s: %s", at->where, name, reason);
    }
    if (at->depth == DEPTH_LIMIT || plan->composites == ADVNTK__COMPOSITES) {
        FAIL(err, ELIMIT, "%sattack %s: composites within composites, at most %d", at->where, name,
             DEPTH_LIMIT);
    }
    if (at->settings.each_alone && at->depth > 0) {
        FAIL(err, EINVALID, "%sattack %s: each_alone is for the outermost attack", at->where, name);
    }
    plan->each_alone = plan->each_alone || at->settings.each_alone;
    plan->composite[plan->composites++] = (struct advntk__composite){
        at->composite, plan->count, at->settings.budget_outputs, at->settings.budget_gradients};
    for (ptrdiff_t number = 0;; number++) {
        TRY(ops->stages(at->slot->config, target->classes, norm, number, &child, err));
        if (!child) {
            break;
        }
        if (!child->plugin || child->plugin->kind != ADVNTK_KIND_ATTACK) {
            FAIL(err, EINVALID, "%sattack %s: stage %td is %s, expected an attack", at->where, name,
                 number, child->plugin ? child->plugin->name : "empty");
        }
        snprintf(below.where, sizeof(below.where), "%.50sattack %.30s, stage %td: ", at->where,
                 name, number);
        below.slot = child;
        below.settings = inherit(child, &at->settings);
        below.purpose = at->purpose + (uint32_t)number * advntk_random_purpose("attack stage");
        TRY(add(target, &below, plan, err));
    }
    if (plan->count == plan->composite[below.composite].first_part) {
        FAIL(err, EINVALID, "%sattack %s: has no stage", at->where, name);
    }
out:
    return rc;
}

static advntk_status add(const struct advntk__attack_target *target, struct spot *at,
                         struct advntk__attack_plan *plan, struct advntk_error *err)
{
    const struct advntk_attack_ops *ops = at->slot->plugin->ops;

    if (ops->preset) {
        ops->preset(at->slot->config, &at->settings);
    }
    return ops->stages ? add_children(target, at, plan, err) : add_part(target, at, plan, err);
}

advntk_status advntk__attack_plan_make(const struct advntk__attack_target *target,
                                       const struct advntk_slot *attack,
                                       const struct advntk_attack_settings *settings,
                                       struct advntk__attack_plan *plan, struct advntk_error *err)
{
    struct spot top = {
        .slot = attack, .settings = *settings, .composite = -1, .purpose = target->purpose};
    advntk_status rc = ADVNTK_OK;

    plan->each_alone = false;
    plan->count = 0;
    plan->composites = 0;
    TRY(add(target, &top, plan, err));
    for (ptrdiff_t k = 0; plan->each_alone && k < plan->count; k++) {
        if (plan->parts[k].settings.budget_seconds > 0) {
            FAIL(err, EINVALID,
                 "%s: each_alone with budget_seconds: what an attack finds alone is known only if "
                 "it comes to its end; limit steps, gradients or outputs instead",
                 plan->parts[k].where);
        }
    }
out:
    return rc;
}
