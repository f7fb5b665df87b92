/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/sweep.h"

#include "base/try.h"
#include "recipe/condition.h"

#include <string.h>

static const struct advntk__way way_sweep = {.name = "sweep"};

struct runs {
    ptrdiff_t count, room;
    const struct advntk__setting **items;
};

struct expander {
    const struct advntk__sweep *sweep;
    struct advntk__study_memory *memory;
    struct advntk__faults *faults;
    struct advntk__conditions conditions;
    const struct advntk__axis *more; /* the axis of --sweep that is being expanded; or NULL */
    bool full;                       /* too many runs, which was noted */
};

/* One part of a node for one run that the parts before it made. */
struct part {
    const struct advntk_node *value;
    const struct advntk__way *way;
    const struct advntk__setting *run; /* the run that it takes the place of */
    struct runs *out;
};

static advntk_status expand_node(struct expander *x, const struct part *part, bool top,
                                 struct advntk_error *err);

static ptrdiff_t mistakes(const struct expander *x)
{
    return x->faults->count + x->faults->hidden;
}

/* ---- runs ---- */

static advntk_status add_run(struct expander *x, struct runs *runs,
                             const struct advntk__setting *run, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (runs->count >= ADVNTK__RUNS_MAX) {
        if (!x->full) {
            static const struct advntk__place start = {.text = "--sweep", .order = 2000};
            const struct advntk_node *node = x->sweep->node;
            advntk__fault(x->faults, node ? node->place : &start, &way_sweep,
                          "expands to more than %d runs", ADVNTK__RUNS_MAX);
        }
        x->full = true;
        goto out;
    }
    if (runs->count == runs->room) {
        const struct advntk__setting **items;
        ptrdiff_t room = runs->room ? 2 * runs->room : 8;
        TRY(advntk__pool_get(x->memory, room, sizeof(*items), &items, err));
        if (runs->count > 0) {
            memcpy(items, runs->items, (size_t)runs->count * sizeof(*items));
        }
        runs->items = items;
        runs->room = room;
    }
    runs->items[runs->count++] = run;
out:
    return rc;
}

/* *run <- the run with one override more. */
static advntk_status extend(struct expander *x, const struct advntk__entry *key,
                            const struct advntk_node *value, const struct advntk__setting **run,
                            struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__setting *made;
    TRY(advntk__pool_get(x->memory, 1, sizeof(*made), &made, err));
    *made = (struct advntk__setting){.up = *run,
                                     .count = (*run ? (*run)->count : 0) + 1,
                                     .key = key->key,
                                     .place = key->place,
                                     .value = value};
    *run = made;
out:
    return rc;
}

/* ---- keys ---- */

bool advntk__key_below(const char *key, const char *of)
{
    size_t length = strlen(of);
    return strncmp(key, of, length) == 0 && (key[length] == '\0' || key[length] == '.');
}

static bool is_pinned(const struct expander *x, const char *key)
{
    for (ptrdiff_t i = 0; i < x->sweep->pinned_count; i++) {
        if (strcmp(x->sweep->pinned[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* What decides how a recipe is read, or names the study, is the same for all runs. */
static bool sweepable(const char *key)
{
    static const char *const no[] = {"sweep", "extends", "advntk", "name"};
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (advntk__key_below(key, no[i])) {
            return false;
        }
    }
    return true;
}

/* How the command line changes the values that a part of the recipe's sweep gives a key. */
static void replacement_hint(const struct expander *x, const char *key, struct advntk__text *out)
{
    static const char *const parts[] = {"product", "zip"};
    for (size_t i = 0; x->more && i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (advntk_node_get(advntk_node_get(x->sweep->node, parts[i]), key)) {
            const char *values = strchr(x->more->place->text, '=');
            advntk__text_printf(out, "; to replace its values: -s 'sweep.%s.%s%s'", parts[i], key,
                                values);
        }
    }
}

/* Whether the run may get this key; notes why not. */
static bool key_is_free(struct expander *x, const struct advntk__setting *run,
                        const struct advntk__entry *key, const struct advntk__way *way)
{
    if (!sweepable(key->key)) {
        advntk__fault(x->faults, key->place, way, "'%.60s' cannot be swept", key->key);
        return false;
    }
    if (run && run->count >= ADVNTK__SWEPT_KEYS_MAX) {
        advntk__fault(x->faults, key->place, way, "more than %d keys are swept",
                      ADVNTK__SWEPT_KEYS_MAX);
        return false;
    }
    for (; run; run = run->up) {
        if (strcmp(run->key, key->key) == 0) {
            struct advntk__text hint = {0};
            replacement_hint(x, key->key, &hint);
            advntk__fault(x->faults, key->place, way, "swept twice, first at %s%s",
                          run->place->text, advntk__text_get(&hint));
            advntk__text_release(&hint);
            return false;
        }
    }
    return true;
}

/* Whether it is a list of at least one value; notes why not. */
static bool is_axis(struct expander *x, const struct advntk_node *values,
                    const struct advntk__way *way)
{
    if (values->kind == ADVNTK_NODE_LIST && values->count == 0) {
        advntk__fault(x->faults, values->place, way, "an empty list: there would be no run");
    } else if (values->kind == ADVNTK_NODE_SCALAR) {
        advntk__fault(x->faults, values->place, way, "expected a list of values, like [%.60s]",
                      values->text);
    } else if (values->kind == ADVNTK_NODE_MAP && values->count > 0 && way->name) {
        advntk__fault(x->faults, values->place, way,
                      "expected a list of values; what lies deeper has a dotted key: %.60s.%.60s",
                      way->name, values->entries[0].key);
    } else if (values->kind != ADVNTK_NODE_LIST) {
        advntk__fault(x->faults, values->place, way, "expected a list of values");
    }
    return values->kind == ADVNTK_NODE_LIST && values->count > 0;
}

static bool is_map(struct expander *x, const struct advntk_node *node, const char *expected,
                   const struct advntk__way *way)
{
    if (node->kind == ADVNTK_NODE_MAP && node->count > 0) {
        return true;
    }
    advntk__fault(x->faults, node->place, way, "expected %s", expected);
    return false;
}

/* ---- parts ---- */

/* Each run of `from`, once with each value of the key. */
static advntk_status multiply(struct expander *x, const struct runs *from,
                              const struct advntk__entry *axis, struct runs *out,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    for (ptrdiff_t i = 0; i < from->count && !x->full; i++) {
        for (ptrdiff_t k = 0; k < axis->value->count && !x->full; k++) {
            const struct advntk__setting *run = from->items[i];
            TRY(extend(x, axis, axis->value->entries[k].value, &run, err));
            TRY(add_run(x, out, run, err));
        }
    }
out:
    return rc;
}

static advntk_status expand_axis(struct expander *x, const struct advntk__entry *axis,
                                 const struct advntk__way *way, struct runs *runs,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__way at = {.up = way, .name = axis->key};
    struct runs next = {0, 0, NULL};
    bool free = true;
    for (ptrdiff_t i = 0; i < runs->count && free; i++) {
        free = key_is_free(x, runs->items[i], axis, &at);
    }
    if (is_axis(x, axis->value, &at) && free) {
        TRY(multiply(x, runs, axis, &next, err));
        *runs = next;
    }
out:
    return rc;
}

static advntk_status add_all(struct expander *x, const struct runs *from, struct runs *out,
                             struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    for (ptrdiff_t i = 0; i < from->count && !x->full; i++) {
        TRY(add_run(x, out, from->items[i], err));
    }
out:
    return rc;
}

static advntk_status expand_product(struct expander *x, const struct part *part,
                                    struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct runs runs = {0, 0, NULL};
    TRY(add_run(x, &runs, part->run, err));
    if (!is_map(x, part->value, "a map of dotted keys to lists of values", part->way)) {
        goto out;
    }
    for (ptrdiff_t k = 0; k < part->value->count && !x->full; k++) {
        const struct advntk__entry *axis = &part->value->entries[k];
        if (!is_pinned(x, axis->key)) {
            TRY(expand_axis(x, axis, part->way, &runs, err));
        }
    }
    TRY(add_all(x, &runs, part->out, err));
out:
    return rc;
}

/* Whether all axes are lists of one length, on free keys; pinned ones count too. */
static bool is_zip(struct expander *x, const struct part *part)
{
    ptrdiff_t before = mistakes(x);
    const struct advntk__entry *first = NULL;
    if (!is_map(x, part->value, "a map of dotted keys to lists of one length", part->way)) {
        return false;
    }
    for (ptrdiff_t k = 0; k < part->value->count; k++) {
        const struct advntk__entry *axis = &part->value->entries[k];
        struct advntk__way at = {.up = part->way, .name = axis->key};
        if (!is_axis(x, axis->value, &at) || !key_is_free(x, part->run, axis, &at)) {
            continue;
        }
        first = first ? first : axis;
        if (axis->value->count != first->value->count) {
            advntk__fault(x->faults, axis->value->place, &at,
                          "%td values, but %.60s has %td: lists that are zipped have one length",
                          axis->value->count, first->key, first->value->count);
        }
    }
    return mistakes(x) == before;
}

static advntk_status expand_zip(struct expander *x, const struct part *part,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t length = 0, kept = 0;
    if (!is_zip(x, part)) {
        goto out;
    }
    length = part->value->entries[0].value->count;
    for (ptrdiff_t k = 0; k < part->value->count; k++) {
        kept += !is_pinned(x, part->value->entries[k].key);
    }
    length = kept > 0 ? length : 1;
    for (ptrdiff_t i = 0; i < length && !x->full; i++) {
        const struct advntk__setting *run = part->run;
        for (ptrdiff_t k = 0; k < part->value->count; k++) {
            const struct advntk__entry *axis = &part->value->entries[k];
            if (!is_pinned(x, axis->key)) {
                TRY(extend(x, axis, axis->value->entries[i].value, &run, err));
            }
        }
        TRY(add_run(x, part->out, run, err));
    }
out:
    return rc;
}

/* *run <- the run with all overrides of a map but `skip`. */
static advntk_status extend_map(struct expander *x, const struct advntk_node *map,
                                const struct advntk__way *way, const char *skip,
                                const struct advntk__setting **run, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    for (ptrdiff_t k = 0; k < advntk_node_count(map); k++) {
        const struct advntk__entry *entry = &map->entries[k];
        struct advntk__way at = {.up = way, .name = entry->key};
        if ((skip && strcmp(skip, entry->key) == 0) || is_pinned(x, entry->key)) {
            continue;
        }
        if (key_is_free(x, *run, entry, &at)) {
            TRY(extend(x, entry, entry->value, run, err));
        }
    }
out:
    return rc;
}

static const char *const words[] = {"product", "zip", "list", "ablate", "when", "except", NULL};

static bool is_word(const char *key)
{
    for (const char *const *word = words; *word; word++) {
        if (strcmp(*word, key) == 0) {
            return true;
        }
    }
    return false;
}

static advntk_status expand_list(struct expander *x, const struct part *part,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (!is_axis(x, part->value, part->way)) {
        goto out;
    }
    for (ptrdiff_t i = 0; i < part->value->count && !x->full; i++) {
        const struct advntk_node *item = part->value->entries[i].value;
        struct advntk__way at = {.up = part->way, .index = i};
        struct part inner = {item, &at, part->run, part->out};
        if (item->kind == ADVNTK_NODE_MAP && item->count > 0 && is_word(item->entries[0].key)) {
            TRY(expand_node(x, &inner, false, err));
        } else if (item->kind == ADVNTK_NODE_MAP) { /* {}: the recipe as it is */
            const struct advntk__setting *run = part->run;
            TRY(extend_map(x, item, &at, NULL, &run, err));
            TRY(add_run(x, part->out, run, err));
        } else {
            advntk__fault(x->faults, item->place, &at,
                          "expected a map of dotted keys to values, or a node like {product: ..}");
        }
    }
out:
    return rc;
}

static bool is_ablation(struct expander *x, const struct part *part)
{
    static const char *const keys[] = {"base", "vary"};
    const struct advntk_node *base = advntk_node_get(part->value, "base");
    const struct advntk_node *vary = advntk_node_get(part->value, "vary");
    struct advntk__way at_base = {.up = part->way, .name = "base"};
    struct advntk__way at_vary = {.up = part->way, .name = "vary"};
    ptrdiff_t before = mistakes(x);
    if (!is_map(x, part->value, "a map: {base: {key: value}, vary: {key: [values]}}", part->way)) {
        return false;
    }
    for (ptrdiff_t k = 0; k < part->value->count; k++) {
        const struct advntk__entry *entry = &part->value->entries[k];
        struct advntk__way at = {.up = part->way, .name = entry->key};
        struct advntk__text hint = {0};
        if (strcmp(entry->key, keys[0]) != 0 && strcmp(entry->key, keys[1]) != 0) {
            advntk__names_hint(entry->key, 2, keys, &hint);
            advntk__fault(x->faults, entry->place, &at, "unknown key%s", advntk__text_get(&hint));
        }
        advntk__text_release(&hint);
    }
    if (base && base->kind != ADVNTK_NODE_NULL) {
        (void)is_map(x, base, "a map of dotted keys to values", &at_base);
    }
    if (!vary) {
        advntk__fault(x->faults, part->value->place, &at_vary,
                      "missing; expected a map of dotted keys to lists of values");
    } else if (is_map(x, vary, "a map of dotted keys to lists of values", &at_vary)) {
        for (ptrdiff_t k = 0; k < vary->count; k++) {
            struct advntk__way at = {.up = &at_vary, .name = vary->entries[k].key};
            (void)is_axis(x, vary->entries[k].value, &at);
            (void)key_is_free(x, part->run, &vary->entries[k], &at);
        }
    }
    return mistakes(x) == before;
}

/* The base, then each value of each key by itself, the rest as in the base. */
static advntk_status expand_ablate(struct expander *x, const struct part *part,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_node *base, *vary;
    struct advntk__way at = {.up = part->way, .name = "base"};
    const struct advntk__setting *run = part->run;
    if (!is_ablation(x, part)) {
        goto out;
    }
    base = advntk_node_get(part->value, "base");
    vary = advntk_node_get(part->value, "vary");
    TRY(extend_map(x, base, &at, NULL, &run, err));
    TRY(add_run(x, part->out, run, err));
    for (ptrdiff_t k = 0; k < vary->count; k++) {
        const struct advntk__entry *axis = &vary->entries[k];
        const struct advntk__setting *rest = part->run;
        if (is_pinned(x, axis->key)) {
            continue;
        }
        TRY(extend_map(x, base, &at, axis->key, &rest, err));
        for (ptrdiff_t i = 0; i < axis->value->count && !x->full; i++) {
            run = rest;
            TRY(extend(x, axis, axis->value->entries[i].value, &run, err));
            TRY(add_run(x, part->out, run, err));
        }
    }
out:
    return rc;
}

/* ---- conditions ---- */

static bool is_when(struct expander *x, const struct advntk_node *item,
                    const struct advntk__way *way)
{
    const struct advntk_node *when = advntk_node_get(item, "if");
    const struct advntk_node *then = advntk_node_get(item, "then");
    if (!when || !then || advntk_node_count(item) != 2) {
        advntk__fault(x->faults, item->place, way,
                      "expected a map with two keys: {if: {key: value}, then: {product: ..}}");
        return false;
    }
    return true;
}

/* A node in place of each run that fulfils the condition. */
static advntk_status expand_when(struct expander *x, const struct advntk_node *item,
                                 const struct advntk__way *way, struct runs *runs,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_node *condition = advntk_node_get(item, "if");
    struct advntk__way at_if = {.up = way, .name = "if"}, at_then = {.up = way, .name = "then"};
    struct runs next = {0, 0, NULL};
    ptrdiff_t before = mistakes(x);
    if (!is_when(x, item, way) || !is_map(x, condition, "a map of dotted keys to values", &at_if)) {
        goto out;
    }
    for (ptrdiff_t i = 0; i < runs->count && !x->full && mistakes(x) == before; i++) {
        struct part part = {advntk_node_get(item, "then"), &at_then, runs->items[i], &next};
        bool holds;
        TRY(advntk__condition(&x->conditions, condition, runs->items[i], &holds, err));
        if (holds) {
            TRY(expand_node(x, &part, false, err));
        } else {
            TRY(add_run(x, &next, runs->items[i], err));
        }
    }
    if (mistakes(x) == before) {
        *runs = next;
    }
out:
    return rc;
}

/* Takes out the runs that fulfil the condition. */
static advntk_status expand_except(struct expander *x, const struct advntk_node *condition,
                                   const struct advntk__way *way, struct runs *runs,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t kept = 0;
    if (!is_map(x, condition, "a map of dotted keys to values", way)) {
        goto out;
    }
    for (ptrdiff_t i = 0; i < runs->count; i++) {
        bool holds;
        TRY(advntk__condition(&x->conditions, condition, runs->items[i], &holds, err));
        if (!holds) {
            runs->items[kept++] = runs->items[i];
        }
    }
    runs->count = kept;
out:
    return rc;
}

/* `when` or `except`: lists, an item after the other. */
static advntk_status expand_conditions(struct expander *x, const struct advntk_node *node,
                                       const char *key, const struct advntk__way *way,
                                       struct runs *runs, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_node *list = advntk_node_get(node, key);
    struct advntk__way at = {.up = way, .name = key};
    bool when = strcmp(key, "when") == 0;
    if (!list) {
        goto out;
    }
    if (list->kind != ADVNTK_NODE_LIST || list->count == 0) {
        advntk__fault(x->faults, list->place, &at, "expected a list%s",
                      when ? ": [{if: {key: value}, then: {product: ..}}]"
                           : " of maps of dotted keys to values: [{seed: 3}]");
        goto out;
    }
    for (ptrdiff_t i = 0; i < list->count && !x->full; i++) {
        struct advntk__way here = {.up = &at, .index = i};
        const struct advntk_node *item = list->entries[i].value;
        TRY(when ? expand_when(x, item, &here, runs, err)
                 : expand_except(x, item, &here, runs, err));
    }
out:
    return rc;
}

/* ---- nodes ---- */

/* Each run of `runs` through one part. */
static advntk_status expand_part(struct expander *x, const struct advntk__entry *entry,
                                 const struct advntk__way *way, struct runs *runs,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__way at = {.up = way, .name = entry->key};
    struct runs next = {0, 0, NULL};
    ptrdiff_t before = mistakes(x);
    for (ptrdiff_t i = 0; i < runs->count && !x->full && mistakes(x) == before; i++) {
        struct part part = {entry->value, &at, runs->items[i], &next};
        if (strcmp(entry->key, "product") == 0) {
            TRY(expand_product(x, &part, err));
        } else if (strcmp(entry->key, "zip") == 0) {
            TRY(expand_zip(x, &part, err));
        } else if (strcmp(entry->key, "list") == 0) {
            TRY(expand_list(x, &part, err));
        } else {
            TRY(expand_ablate(x, &part, err));
        }
    }
    if (mistakes(x) == before) {
        *runs = next;
    }
out:
    return rc;
}

static void unknown_word(struct expander *x, const struct advntk__entry *entry,
                         const struct advntk__way *way)
{
    struct advntk__way at = {.up = way, .name = entry->key};
    const char *near = advntk__text_nearest(entry->key, 6, words);
    if (near) {
        advntk__fault(x->faults, entry->place, &at, "unknown key; did you mean '%s'?", near);
    } else {
        advntk__fault(x->faults, entry->place, &at,
                      "unknown key; dotted keys to sweep stand under product:, zip: or list:");
    }
}

static advntk_status expand_more(struct expander *x, struct runs *runs, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    static const struct advntk__way way = {.up = &way_sweep, .name = "product"};
    for (ptrdiff_t i = 0; i < x->sweep->more_count && !x->full; i++) {
        const struct advntk__axis *axis = &x->sweep->more[i];
        struct advntk_node values;
        x->more = axis;
        if (axis->values) {
            values = *axis->values;
            TRY(expand_axis(x, &(struct advntk__entry){axis->key, axis->place, &values}, &way, runs,
                            err));
        }
    }
out:
    x->more = NULL;
    return rc;
}

static advntk_status expand_node(struct expander *x, const struct part *part, bool top,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct runs runs = {0, 0, NULL};
    const struct advntk_node *node = part->value;
    TRY(add_run(x, &runs, part->run, err));
    if (node && !is_map(x, node, "a map with product, zip, list or ablate", part->way)) {
        goto out;
    }
    for (ptrdiff_t i = 0; node && i < advntk_node_count(node) && !x->full; i++) {
        const struct advntk__entry *entry = &node->entries[i];
        if (!is_word(entry->key)) {
            unknown_word(x, entry, part->way);
        } else if (strcmp(entry->key, "when") != 0 && strcmp(entry->key, "except") != 0) {
            TRY(expand_part(x, entry, part->way, &runs, err));
        }
    }
    if (top) {
        TRY(expand_more(x, &runs, err));
    }
    TRY(expand_conditions(x, node, "when", part->way, &runs, err));
    TRY(expand_conditions(x, node, "except", part->way, &runs, err));
    TRY(add_all(x, &runs, part->out, err));
out:
    return rc;
}

advntk_status advntk__sweep_expand(const struct advntk__sweep *sweep, struct advntk__expansion *out,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct expander x = {.sweep = sweep,
                         .memory = sweep->composer->memory,
                         .faults = sweep->composer->faults,
                         .conditions = {.composer = sweep->composer,
                                        .root = sweep->root,
                                        .scratch = sweep->scratch}};
    struct runs runs = {0, 0, NULL};
    bool none = advntk_node_kind(sweep->node) == ADVNTK_NODE_NULL;
    struct part part = {none ? NULL : sweep->node, &way_sweep, NULL, &runs};
    ptrdiff_t before = mistakes(&x);
    *out = (struct advntk__expansion){0};
    TRY(expand_node(&x, &part, true, err));
    if (mistakes(&x) == before) {
        advntk__conditions_check(&x.conditions);
    }
    if (mistakes(&x) == before && runs.count == 0) {
        advntk__fault(x.faults, sweep->node->place, &way_sweep, "no run is left by 'except'");
    }
    if (mistakes(&x) == before) {
        *out = (struct advntk__expansion){runs.count, runs.items};
    }
out:
    return rc;
}

static int depth_of(const char *key)
{
    int dots = 0;
    for (; *key; key++) {
        dots += *key == '.';
    }
    return dots;
}

/* Those of one depth in written order; *deepest: of all. */
static advntk_status apply_depth(struct advntk__composer *composer,
                                 const struct advntk__setting *last, int depth, int *deepest,
                                 struct advntk_node *root, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__setting *order[ADVNTK__SWEPT_KEYS_MAX];
    ptrdiff_t count = 0;
    for (; last; last = last->up) {
        int own = depth_of(last->key);
        *deepest = own > *deepest ? own : *deepest;
        if (own == depth) {
            order[count++] = last;
        }
    }
    while (count-- > 0) {
        TRY(advntk__override(composer, root, order[count]->key, order[count]->place,
                             order[count]->value, false, err));
    }
out:
    return rc;
}

advntk_status advntk__sweep_apply(struct advntk__composer *composer,
                                  const struct advntk__setting *last, struct advntk_node *root,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    int deepest = 0;
    for (int depth = 0; depth <= deepest && depth <= ADVNTK__PATH_DEPTH; depth++) {
        TRY(apply_depth(composer, last, depth, &deepest, root, err));
    }
out:
    return rc;
}
