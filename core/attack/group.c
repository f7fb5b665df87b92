/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A group of images under attack, worked off unit by unit: the clean images, then attack by attack
 * and restart by restart those that are left, packed into full panels, then the audit.
 */
#include "config.h"

#include "attack/panel.h"
#include "attack/result.h"
#include "base/memory.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

/* ---- a group ---- */

/* Where the work stands. Parts count from 0; before them the clean images, after them the audit. */
struct position {
    bool alone; /* the second look: the part on images that had fallen before its turn */
    ptrdiff_t part, restart;
    ptrdiff_t next;   /* the first image, or place in the list, that this restart has not done */
    ptrdiff_t listed; /* images of this restart; -1: the list is yet to be made */
};
enum { CLEAN = -1 };

struct advntk__group {
    struct advntk__attack_target target;
    struct advntk_images images; /* pixels and labels borrowed; index never NULL */
    ptrdiff_t n, d, classes;
    struct advntk__attack_plan plan;
    struct advntk__audit *audit;   /* borrowed; NULL: none */
    struct advntk__record *record; /* borrowed; NULL: none */
    struct position at;
    struct advntk_arena *arena, *scratch;
    int64_t *own_index; /* n */
    struct advntk__row *rows;
    ptrdiff_t *list; /* images of this restart, ascending */
    double *clean_outputs;
    bool *stood; /* robust before this part */
    struct advntk__attack_result result;
    struct advntk__attack_result second; /* of the second look; its members NULL: there is none */
    int64_t *tried;                      /* n: bit k: part k has attacked it; NULL without second */
    struct advntk__clean_pass *clean;    /* borrowed; NULL: none */
    ptrdiff_t first_clean;               /* of the pass, the group's first image */
    /* spent when each composite began: composites x n */
    int64_t *outputs_before, *gradients_before;
};

static advntk_status check_images(const struct advntk__group *g, struct advntk_error *err)
{
    const struct advntk_images *x = &g->images;
    const char *where = g->plan.count > 0 ? g->plan.parts[0].where : "clean images";
    advntk_status rc = ADVNTK_OK;

    if (g->n > ADVNTK__GROUP) {
        FAIL(err, ESHAPE, "%s: %td images at once, expected at most %d", where, g->n,
             ADVNTK__GROUP);
    }
    if (!x->labels && g->n > 0) {
        FAIL(err, EINVALID, "%s: the images have no labels", where);
    }
    for (ptrdiff_t i = 0; i < g->n; i++) {
        if (x->labels[i] < 0 || x->labels[i] >= g->classes) {
            FAIL(err, EINVALID, "%s: label of row %td is %d, expected 0 to %td", where, i,
                 (int)x->labels[i], g->classes - 1);
        }
    }
out:
    return rc;
}

static advntk_status make_room(struct advntk__group *g, struct advntk_error *err)
{
    ptrdiff_t n = g->n, composites = g->plan.composites;
    advntk_status rc = ADVNTK_OK;

    if (g->d < 0 || g->d > PTRDIFF_MAX / 64 / ADVNTK__GROUP ||
        g->classes > PTRDIFF_MAX / 64 / ADVNTK__GROUP) {
        FAIL(err, ESHAPE, "%td values and %td classes are too many", g->d, g->classes);
    }
    g->own_index = advntk_arena_get(g->arena, n, sizeof(int64_t));
    g->rows = advntk_arena_get(g->arena, n, sizeof(*g->rows));
    g->list = advntk_arena_get(g->arena, n, sizeof(*g->list));
    g->stood = advntk_arena_get(g->arena, n, sizeof(bool));
    g->clean_outputs = advntk_arena_get(g->arena, n * g->classes, sizeof(double));
    g->outputs_before = advntk_arena_get(g->arena, composites * n, sizeof(int64_t));
    g->gradients_before = advntk_arena_get(g->arena, composites * n, sizeof(int64_t));
    if (!g->own_index || !g->rows || !g->list || !g->stood || !g->clean_outputs ||
        !g->outputs_before || !g->gradients_before ||
        !advntk__result_take(&g->result, g->arena, n, g->d, g->classes)) {
        FAIL(err, ENOMEM, "no memory for an attack on %td images of %td values", n, g->d);
    }
    if (g->plan.each_alone && g->audit) {
        g->tried = advntk_arena_get(g->arena, n, sizeof(int64_t));
        if (!g->tried || !advntk__result_take(&g->second, g->arena, n, g->d, g->classes)) {
            FAIL(err, ENOMEM, "no memory for a second look at %td images of %td values", n, g->d);
        }
        memset(g->tried, 0, (size_t)n * sizeof(int64_t));
    }
    memset(g->rows, 0, (size_t)n * sizeof(*g->rows));
    memset(g->list, 0, (size_t)n * sizeof(*g->list));
    memset(g->stood, 0, (size_t)n * sizeof(bool));
    memset(g->clean_outputs, 0, (size_t)(n * g->classes) * sizeof(double));
    memset(g->outputs_before, 0, (size_t)(composites * n) * sizeof(int64_t));
    memset(g->gradients_before, 0, (size_t)(composites * n) * sizeof(int64_t));
    for (ptrdiff_t i = 0; i < n; i++) {
        g->own_index[i] = i;
    }
    if (!g->images.index) {
        g->images.index = g->own_index;
    }
out:
    return rc;
}

/* Do the points that come out depend on what the clean images give? Each restart's last point
 * replaces what was there, so only through targets, early stops or nearest successes. */
static bool clean_matters(const struct advntk__part *p)
{
    const struct advntk_attack_settings *s = &p->settings;
    return p->attack->goal != ADVNTK_GOAL_RADIUS || s->score != ADVNTK_SCORE_LAST || s->targeted ||
           s->early_stop;
}

/* What stands for an image until its first restart ends, where nothing is evaluated. */
static void assume_clean(struct advntk__group *g)
{
    struct advntk__attack_result *r = &g->result;

    memcpy(r->point, g->images.pixels, (size_t)(g->n * g->d) * sizeof(double));
    for (ptrdiff_t i = 0; i < g->n; i++) {
        r->clean_right[i] = true;
        r->first_success[i] = -1;
        r->fooled_by[i] = -1;
        r->outputs_to_fool[i] = -1;
        r->gradients_to_fool[i] = -1;
        r->nearest[i] = (double)INFINITY;
    }
}

static advntk_status group_new(const struct advntk__attack_target *target,
                               const struct advntk_slot *attack,
                               const struct advntk_attack_settings *settings,
                               const struct advntk_images *images, struct advntk__audit *audit,
                               struct advntk__group **group, struct advntk_error *err)
{
    struct advntk__group *g = advntk_alloc_zero(1, sizeof(*g));
    advntk_status rc = ADVNTK_OK;

    *group = NULL;
    if (!g) {
        FAIL(err, ENOMEM, "no memory for an attack");
    }
    g->arena = advntk__arena_new();
    g->scratch = advntk__arena_new();
    if (!g->arena || !g->scratch) {
        FAIL(err, ENOMEM, "no memory for an attack");
    }
    g->target = *target;
    g->target.started = target->started > 0 ? target->started : advntk__attack_clock();
    g->images = *images;
    g->n = images->n;
    g->d = images->height * images->width * images->channels;
    g->classes = target->classes;
    g->audit = audit;
    if (attack && g->n > 0) {
        TRY(advntk__attack_plan_make(&g->target, attack, settings, &g->plan, err));
    }
    for (ptrdiff_t k = 0; audit && k < g->plan.count; k++) {
        struct advntk__part *part = &g->plan.parts[k];
        TRY(advntk__measure_make(&part->settings.norm, g->d, g->arena, &part->measure, err));
    }
    TRY(check_images(g, err));
    TRY(make_room(g, err));
    g->at = (struct position){.part = CLEAN};
    if (target->points_only && g->plan.count == 1 && !clean_matters(&g->plan.parts[0])) {
        assume_clean(g);
        g->at = (struct position){.listed = -1};
    }
    if (audit) {
        audit->images += g->n;
        audit->part_count = g->plan.count;
        audit->each_alone = g->plan.each_alone;
    }
    *group = g;
    g = NULL;
out:
    advntk__group_free(g);
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

advntk_status advntk__group_new(const struct advntk__attack_target *target,
                                const struct advntk_slot *attack,
                                const struct advntk_images *images, struct advntk__audit *audit,
                                struct advntk__group **group, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    *group = NULL;
    if (attack) {
        TRY(check_slot(attack, err));
    }
    TRY(group_new(target, attack, attack ? attack->host_config : NULL, images, audit, group, err));
out:
    return rc;
}

void advntk__group_free(struct advntk__group *group)
{
    if (group) {
        advntk__arena_free(group->arena);
        advntk__arena_free(group->scratch);
        advntk_free(group);
    }
}

void advntk__group_share_clean(struct advntk__group *group, struct advntk__clean_pass *pass,
                               ptrdiff_t first)
{
    group->clean = pass;
    group->first_clean = first;
}

bool advntk__group_at_clean(const struct advntk__group *group)
{
    return group->at.part == CLEAN && group->n > 0;
}

void advntk__group_record(struct advntk__group *group, struct advntk__record *record)
{
    group->record = record;
}

const struct advntk__attack_result *advntk__group_result(const struct advntk__group *group)
{
    return &group->result;
}

double advntk__group_share(const struct advntk__group *group)
{
    const struct advntk__group *g = group;
    double all = (double)g->plan.count, done = (double)g->at.part, restart = (double)g->at.restart;
    double within = g->at.listed > 0 ? (double)g->at.next / (double)g->at.listed : 0;

    done += g->at.alone ? all - 1 : 0; /* the first part has no second look */
    all += g->tried ? all - 1 : 0;

    if (g->at.part < 0 || g->at.part >= g->plan.count) {
        return g->at.part < 0 ? 0 : 1;
    }
    return (done + (restart + within) / (double)g->plan.parts[g->at.part].restarts) / all;
}

ptrdiff_t advntk__group_parts(const struct advntk__group *group)
{
    return group->plan.count;
}

const char *advntk__group_part_name(const struct advntk__group *group, ptrdiff_t part)
{
    return group->plan.parts[part].name;
}

ptrdiff_t advntk__group_save(struct advntk__group *g,
                             struct advntk__group_block blocks[ADVNTK__GROUP_BLOCKS])
{
    ptrdiff_t count = 0, n = g->n, whole = g->plan.composites * n;
    const struct advntk__group_block own[] = {
        {"position", &g->at, sizeof(g->at)},
        {"rows", g->rows, n * (ptrdiff_t)sizeof(*g->rows)},
        {"list", g->list, n * (ptrdiff_t)sizeof(*g->list)},
        {"stood", g->stood, n * (ptrdiff_t)sizeof(bool)},
        {"clean_outputs", g->clean_outputs, n * g->classes * (ptrdiff_t)sizeof(double)},
        {"outputs_before", g->outputs_before, whole * (ptrdiff_t)sizeof(int64_t)},
        {"gradients_before", g->gradients_before, whole * (ptrdiff_t)sizeof(int64_t)},
        {"tried", g->tried, n * (ptrdiff_t)sizeof(int64_t)},
    };
    _Static_assert(sizeof(own) / sizeof(own[0]) + 2 * ADVNTK__RESULT_MEMBERS <=
                       ADVNTK__GROUP_BLOCKS,
                   "ADVNTK__GROUP_BLOCKS is too small");

    for (size_t k = 0; k < sizeof(own) / sizeof(own[0]); k++) {
        blocks[count] = own[k];
        count += own[k].bytes != NULL;
    }
    for (int k = 0; k < ADVNTK__RESULT_MEMBERS; k++) {
        blocks[count++] = advntk__result_block(&g->result, k, false, n, g->d, g->classes);
    }
    for (int k = 0; g->tried && k < ADVNTK__RESULT_MEMBERS; k++) {
        blocks[count++] = advntk__result_block(&g->second, k, true, n, g->d, g->classes);
    }
    return count;
}

/* ---- units ---- */

/* Where this part's findings go. */
static struct advntk__attack_result *current(struct advntk__group *g)
{
    return g->at.alone ? &g->second : &g->result;
}

/* A panel of `n` images, packed from `place`. Memory: the scratch arena, which is cleared. */
static advntk_status pack(struct advntk__group *g, const struct advntk__part *part, ptrdiff_t n,
                          const ptrdiff_t *place, struct advntk__panel *p,
                          struct advntk__attack_result *result, double **clean_outputs,
                          struct advntk_error *err)
{
    struct advntk_arena *a = g->scratch;
    double *pixels, *outputs;
    int32_t *labels;
    int64_t *index;
    struct advntk__row *rows;
    ptrdiff_t d = g->d, c = g->classes;

    advntk__arena_clear(a);
    pixels = advntk_arena_get(a, n * d, sizeof(double));
    labels = advntk_arena_get(a, n, sizeof(int32_t));
    index = advntk_arena_get(a, n, sizeof(int64_t));
    rows = advntk_arena_get(a, n, sizeof(*rows));
    outputs = advntk_arena_get(a, n * c, sizeof(double));
    if (!pixels || !labels || !index || !rows || !outputs ||
        !advntk__result_take(result, a, n, d, c)) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a panel of %td images of %td values", n, d);
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        ptrdiff_t i = place[j];
        memcpy(pixels + j * d, g->images.pixels + i * d, (size_t)d * sizeof(double));
        memcpy(outputs + j * c, g->clean_outputs + i * c, (size_t)c * sizeof(double));
        labels[j] = g->images.labels[i];
        index[j] = g->images.index[i];
        rows[j] = g->rows[i];
    }
    advntk__result_copy(result, current(g), n, place, false, d, c);
    *clean_outputs = outputs;
    *p = (struct advntk__panel){.target = &g->target,
                                .part = part,
                                .number = part - g->plan.parts,
                                .attack = part->attack,
                                .name = part->slot->plugin->name,
                                .settings = &part->settings,
                                .norm = part->norm,
                                .loss = part->loss,
                                .images = g->images,
                                .n = n,
                                .d = d,
                                .classes = c,
                                .restart = g->at.restart,
                                .result = result,
                                .rows = rows,
                                .record = part->settings.record && !g->at.alone ? g->record : NULL,
                                .arena = a};
    p->images.n = n;
    p->images.pixels = pixels;
    p->images.labels = labels;
    p->images.index = index;
    if (part->settings.budget_seconds > 0) {
        p->deadline = g->target.started + part->settings.budget_seconds;
    }
    return ADVNTK_OK;
}

static void unpack(struct advntk__group *g, const struct advntk__panel *p, const ptrdiff_t *place)
{
    advntk__result_copy(current(g), p->result, p->n, place, true, g->d, g->classes);
    for (ptrdiff_t j = 0; j < p->n; j++) {
        g->rows[place[j]] = p->rows[j];
    }
}

/* Without an attack: predictions and nothing else. */
static advntk_status predict_clean(struct advntk__group *g, ptrdiff_t n, const double *known,
                                   struct advntk_error *err)
{
    struct advntk__attack_result *r = &g->result;
    ptrdiff_t first = g->at.next, d = g->d, c = g->classes;
    struct advntk_images x = g->images;
    double *f = r->outputs + first * c;
    advntk_status rc = ADVNTK_OK;

    x.n = n;
    x.pixels += first * d;
    x.labels += first;
    x.index += first;
    TRY(advntk_cancelled(g->target.host, err));
    if (known) {
        memcpy(f, known, (size_t)(n * c) * sizeof(double));
    } else {
        TRY(g->target.ops->forward(g->target.model, &x, f, NULL, err));
    }
    memcpy(r->point + first * d, x.pixels, (size_t)(n * d) * sizeof(double));
    for (ptrdiff_t i = first; i < first + n; i++) {
        bool right = advntk__attack_predict(c, r->outputs + i * c) == g->images.labels[i];
        r->clean_right[i] = r->robust[i] = right;
        r->first_success[i] = right ? -1 : 0;
        r->fooled_by[i] = right ? -1 : -2;
        r->outputs_to_fool[i] = r->gradients_to_fool[i] = right ? -1 : 0;
        r->nearest[i] = right ? (double)INFINITY : 0;
    }
out:
    return rc;
}

static advntk_status clean_unit(struct advntk__group *g, struct advntk_error *err)
{
    ptrdiff_t place[ADVNTK_PANEL] = {0}, left = g->n - g->at.next;
    ptrdiff_t n = left < ADVNTK_PANEL ? left : ADVNTK_PANEL;
    struct advntk__attack_result result;
    ptrdiff_t first = g->first_clean + g->at.next;
    const double *known = advntk__clean_pass_get(g->clean, first, n);
    struct advntk__panel p;
    double *outputs;
    advntk_status rc = ADVNTK_OK;

    if (g->plan.count == 0) {
        TRY(predict_clean(g, n, known, err));
        outputs = g->result.outputs + g->at.next * g->classes;
    } else {
        for (ptrdiff_t j = 0; j < n; j++) {
            place[j] = g->at.next + j;
        }
        TRY(pack(g, &g->plan.parts[0], n, place, &p, &result, &outputs, err));
        TRY(advntk__panel_clean(&p, known, err));
        outputs = g->clean_outputs + g->at.next * g->classes;
        memcpy(outputs, p.outputs, (size_t)(n * g->classes) * sizeof(double));
        unpack(g, &p, place);
    }
    if (!known) {
        advntk__clean_pass_put(g->clean, first, n, outputs);
    }
    g->at.next += n;
    if (g->at.next == g->n) {
        g->at = (struct position){.listed = -1};
    }
out:
    return rc;
}

/* What a part may spend on image i: its own budget, or what its composites have left. */
static int64_t allowance(const struct advntk__group *g, const struct advntk__part *part,
                         ptrdiff_t i, bool gradients)
{
    const struct advntk__attack_result *r = g->at.alone ? &g->second : &g->result;
    const int64_t *spent = gradients ? r->gradients_spent : r->outputs_spent;
    const int64_t *before = gradients ? g->gradients_before : g->outputs_before;
    int64_t own = gradients ? part->settings.budget_gradients : part->settings.budget_outputs;
    int64_t limit = own > 0 ? own : INT64_MAX;

    for (ptrdiff_t c = part->composite; c >= 0; c = g->plan.composite[c].parent) {
        const struct advntk__composite *above = &g->plan.composite[c];
        int64_t budget = gradients ? above->budget_gradients : above->budget_outputs;
        int64_t used = spent[i] - before[c * g->n + i], left = budget > used ? budget - used : 0;
        limit = budget > 0 && left < limit ? left : limit;
    }
    return limit;
}

static int64_t bit_of(ptrdiff_t part)
{
    return (int64_t)(UINT64_C(1) << part);
}

/* Did a composite's budget leave the part less than it has alone? */
static bool is_rationed(const struct advntk__group *g, const struct advntk__part *part)
{
    for (ptrdiff_t c = part->composite; c >= 0; c = g->plan.composite[c].parent) {
        if (g->plan.composite[c].budget_outputs > 0 || g->plan.composite[c].budget_gradients > 0) {
            return true;
        }
    }
    return false;
}

/* The part's second look: at images that fell before its turn, or at all with a full budget. */
static void begin_alone(struct advntk__group *g)
{
    const struct advntk__part *part = &g->plan.parts[g->at.part];
    bool anew = is_rationed(g, part), none = part->attack->goal == ADVNTK_GOAL_NONE;

    for (ptrdiff_t i = 0; i < g->n; i++) {
        bool due = g->result.clean_right[i] && (anew || !(g->tried[i] & bit_of(g->at.part)));
        g->second.clean_right[i] = g->result.clean_right[i];
        for (ptrdiff_t c = 0; c < g->plan.composites; c++) {
            g->outputs_before[c * g->n + i] = g->second.outputs_spent[i];
            g->gradients_before[c * g->n + i] = g->second.gradients_spent[i];
        }
        g->rows[i] = (struct advntk__row){.in_part = due && !none,
                                          .fell = !g->result.clean_right[i],
                                          .fell_in = -1,
                                          .outputs_left = allowance(g, part, i, false),
                                          .gradients_left = allowance(g, part, i, true)};
    }
}

static void begin_part(struct advntk__group *g)
{
    const struct advntk__part *part = &g->plan.parts[g->at.part];
    bool single = g->plan.count == 1;

    for (ptrdiff_t c = 0; c < g->plan.composites; c++) {
        if (g->plan.composite[c].first_part == g->at.part) {
            for (ptrdiff_t i = 0; i < g->n; i++) {
                g->outputs_before[c * g->n + i] = g->result.outputs_spent[i];
                g->gradients_before[c * g->n + i] = g->result.gradients_spent[i];
            }
        }
    }
    for (ptrdiff_t i = 0; i < g->n; i++) {
        bool stands = g->at.part == 0 ? g->result.clean_right[i] : g->result.robust[i];
        g->stood[i] = stands;
        g->rows[i] =
            (struct advntk__row){.in_part = (single && !part->settings.early_stop) || stands,
                                 .fell = !stands,
                                 .fell_in = -1,
                                 .outputs_left = allowance(g, part, i, false),
                                 .gradients_left = allowance(g, part, i, true)};
        if (part->attack->goal == ADVNTK_GOAL_NONE) {
            g->rows[i].in_part = false;
        }
    }
}

static void list_images(struct advntk__group *g)
{
    const struct advntk__part *part = &g->plan.parts[g->at.part];

    g->at.listed = 0;
    g->at.next = 0;
    for (ptrdiff_t i = 0; i < g->n; i++) {
        const struct advntk__row *row = &g->rows[i];
        if (row->in_part && !row->exhausted && !(part->settings.early_stop && row->fell)) {
            g->list[g->at.listed++] = i;
        }
    }
}

static bool needs_gradients(const struct advntk__part *part)
{
    return part->attack->needs & ADVNTK_NEEDS_GRADIENTS;
}

static bool after_white_box(const struct advntk__group *g)
{
    for (ptrdiff_t k = 0; k < g->at.part; k++) {
        if (needs_gradients(&g->plan.parts[k])) {
            return true;
        }
    }
    return false;
}

/* Does the attack go up its loss, so that a loss that did not rise says something? */
static bool climbs(const struct advntk__part *part)
{
    return needs_gradients(part) && part->loss && part->attack->goal == ADVNTK_GOAL_RADIUS &&
           part->settings.radius > 0;
}

static void note_bounds(struct advntk__audit *a, const struct advntk__row *row)
{
    a->outside_ball += row->outside_ball;
    a->outside_box += row->outside_box;
    a->wrong_distance += row->wrong_distance;
    a->worst_distance = fmax(a->worst_distance, row->excess);
}

/* Sums of what the rows of this part noticed. */
static void note_part(struct advntk__group *g)
{
    const struct advntk__part *part = &g->plan.parts[g->at.part];
    bool black_box = !needs_gradients(part) && after_white_box(g), up = climbs(part);
    struct advntk__audit *a = g->audit;
    struct advntk__part_count *count = &a->parts[g->at.part];

    a->outside_by_request =
        a->outside_by_request || part->settings.ball_centre == ADVNTK_CENTRE_START;
    for (ptrdiff_t i = 0; i < g->n; i++) {
        const struct advntk__row *row = &g->rows[i];
        bool stands = row->attacked && !row->fell, fell = g->stood[i] && !g->result.robust[i];

        a->attacked += row->attacked;
        a->standing += stands;
        a->zero_gradients += stands && row->zero_gradient;
        a->still_rising += stands && up && row->rising;
        a->never_rose += stands && up && row->stepped && !row->rose;
        a->fell_late += fell && part->restarts > 1 && row->fell_in == part->restarts - 1;
        note_bounds(a, row);
        a->out_of_time += row->late;
        a->black_box_fell += fell && black_box;
        count->attacked += row->in_part;
        count->fell += fell;
        count->outputs += row->outputs;
        count->gradients += row->gradients;
    }
}

/* Who fooled what alone: once all parts have looked at all images. */
static void count_alone(struct advntk__group *g)
{
    for (ptrdiff_t i = 0; i < g->n; i++) {
        int64_t by = g->result.fooled_alone[i];
        for (ptrdiff_t k = 0; k < g->plan.count; k++) {
            g->audit->parts[k].fell_alone += (by & bit_of(k)) != 0;
            g->audit->parts[k].only += by == bit_of(k);
        }
    }
}

/* What the rows of a part say of it alone. */
static void note_alone(struct advntk__group *g)
{
    struct advntk__part_count *count = &g->audit->parts[g->at.part];
    const int64_t bit = bit_of(g->at.part);
    bool final = g->at.alone || g->at.part == 0 || !is_rationed(g, &g->plan.parts[g->at.part]);

    for (ptrdiff_t i = 0; i < g->n; i++) {
        const struct advntk__row *row = &g->rows[i];
        int64_t *by = &g->result.fooled_alone[i];
        if (row->in_part) {
            g->tried[i] |= bit;
            *by = row->fell ? *by | bit : *by & ~bit;
        }
        if (row->in_part && final) {
            count->outputs_alone += row->outputs;
            count->gradients_alone += row->gradients;
        }
        if (row->in_part && g->at.alone) {
            g->audit->second_outputs += row->outputs;
            g->audit->second_gradients += row->gradients;
            note_bounds(g->audit, row);
        }
    }
}

/* After the last part comes the second look of all but the first, then the audit. */
static void next_part(struct advntk__group *g)
{
    ptrdiff_t next = g->at.part + 1;
    bool alone = g->at.alone;

    if (g->tried && next == g->plan.count && !alone && next > 1) {
        alone = true;
        next = 1;
    } else if (g->tried && next == g->plan.count) {
        count_alone(g);
        alone = false;
    }
    g->at = (struct position){.alone = alone, .part = next, .listed = -1};
}

static void end_part(struct advntk__group *g)
{
    if (g->tried) {
        note_alone(g);
    }
    for (ptrdiff_t i = 0; i < g->n && !g->at.alone; i++) {
        if (g->rows[i].in_part) {
            g->result.robust[i] = !g->rows[i].fell;
        } else if (g->at.part == 0) {
            g->result.robust[i] = g->result.clean_right[i];
        }
    }
    if (g->audit && !g->at.alone) {
        note_part(g);
    }
    next_part(g);
}

static advntk_status attack_unit(struct advntk__group *g, struct advntk_error *err)
{
    const struct advntk__part *part = &g->plan.parts[g->at.part];
    struct advntk__attack_result result;
    struct advntk__panel p;
    double *outputs;
    ptrdiff_t n, *place, recorded = -1;
    advntk_status rc = ADVNTK_OK;

    if (g->at.listed < 0) {
        if (g->at.restart == 0 && g->at.alone) {
            begin_alone(g);
        } else if (g->at.restart == 0) {
            begin_part(g);
        }
        list_images(g);
    }
    n = g->at.listed - g->at.next < ADVNTK_PANEL ? g->at.listed - g->at.next : ADVNTK_PANEL;
    if (n > 0) {
        recorded = g->record ? g->record->count : 0;
        place = g->list + g->at.next;
        TRY(pack(g, part, n, place, &p, &result, &outputs, err));
        TRY(advntk__panel_restart(
            &p, g->target.points_only && !clean_matters(part) ? NULL : outputs, err));
        unpack(g, &p, place);
        g->at.next += n;
    }
    if (g->at.next == g->at.listed) {
        g->at.listed = -1;
        g->at.restart++;
        if (g->at.restart == part->restarts) {
            end_part(g);
        }
    }
out:
    if (rc != ADVNTK_OK && g->record && recorded >= 0) {
        g->record->count = recorded;
    }
    return rc;
}

static advntk_status audit_unit(struct advntk__group *g, struct advntk_error *err)
{
    bool attacked[ADVNTK__GROUP], doubtful[ADVNTK__GROUP];
    struct advntk__audit_job job = {.target = &g->target,
                                    .images = &g->images,
                                    .result = &g->result,
                                    .attacked = attacked,
                                    .doubtful = doubtful};
    struct advntk__audit found = *g->audit;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t k = 0; k < g->plan.count; k++) {
        const struct advntk__part *part = &g->plan.parts[k];
        if (part->attack->goal != ADVNTK_GOAL_NONE && (!job.part || needs_gradients(part))) {
            job.part = part;
        }
    }
    for (ptrdiff_t i = 0; i < g->n; i++) {
        const struct advntk__row *row = &g->rows[i];
        found.robust += g->result.robust[i];
        attacked[i] = g->result.outputs_spent[i] > 0;
        /* after a composite the last part's rows say little of the others: any may be pushed */
        doubtful[i] = g->result.robust[i] && attacked[i] && job.part && climbs(job.part) &&
                      (g->plan.count > 1 || row->rising || !row->rose);
    }
    if (job.part) {
        TRY(advntk__audit_spend(&job, &found, err));
    }
    *g->audit = found;
out:
    return rc;
}

advntk_status advntk__group_step(struct advntk__group *group, bool *finished,
                                 struct advntk_error *err)
{
    struct advntk__group *g = group;
    advntk_status rc = ADVNTK_OK;

    if (advntk__group_at_clean(g)) {
        TRY(clean_unit(g, err));
    } else if (g->at.part >= 0 && g->at.part < g->plan.count) {
        TRY(attack_unit(g, err));
    } else {
        if (g->audit && g->at.part == g->plan.count) {
            TRY(audit_unit(g, err));
        }
        g->at.part = g->plan.count + 1;
    }
out:
    *finished = rc == ADVNTK_OK && g->at.part > g->plan.count;
    return rc;
}

static advntk_status run_all(struct advntk__group *g, struct advntk_error *err)
{
    bool finished = false;
    advntk_status rc = ADVNTK_OK;

    while (!finished) {
        TRY(advntk__group_step(g, &finished, err));
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
    struct advntk__group *g = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__group_new(target, attack, images, audit, &g, err));
    TRY(run_all(g, err));
    advntk__result_copy(result, &g->result, g->n, NULL, false, g->d, g->classes);
    if (audit) {
        advntk__audit_judge(audit);
    }
out:
    advntk__group_free(g);
    return rc;
}

advntk_status advntk__attack_points(const struct advntk__attack_target *target,
                                    const struct advntk_slot *attack,
                                    const struct advntk_images *images, double *points,
                                    struct advntk_error *err)
{
    struct advntk__attack_target training = *target;
    struct advntk_attack_settings settings;
    struct advntk__group *g = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(check_slot(attack, err));
    if (((const struct advntk_attack_ops *)attack->plugin->ops)->stages) {
        FAIL(err, EUNSUPPORTED,
             "attack %s: composite attacks can not be used inside training, take one of its parts",
             attack->plugin->name);
    }
    settings = *(const struct advntk_attack_settings *)attack->host_config;
    settings.early_stop = false;
    settings.score = ADVNTK_SCORE_LAST;
    training.points_only = true;
    TRY(group_new(&training, attack, &settings, images, NULL, &g, err));
    TRY(run_all(g, err));
    memcpy(points, g->result.point, (size_t)(g->n * g->d) * sizeof(double));
out:
    advntk__group_free(g);
    return rc;
}
