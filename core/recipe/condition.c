/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/condition.h"

#include "base/try.h"
#include "recipe/expression.h"

#include <string.h>

/* ---- equal values ---- */

static bool same_scalar(const char *a, const char *b)
{
    double x, y;
    if (strcmp(a, b) == 0) {
        return true;
    }
    return advntk__expression(a, NULL, &x, NULL) == ADVNTK_OK &&
           advntk__expression(b, NULL, &y, NULL) == ADVNTK_OK && !(x < y) && !(x > y);
}

static bool matches(const struct advntk_node *wanted, const struct advntk_node *value);

static bool matches_map(const struct advntk_node *wanted, const struct advntk_node *value)
{
    if (!value) {
        return false;
    }
    if (value->kind == ADVNTK_NODE_SCALAR) { /* short form of a slot */
        const char *name = advntk_node_scalar(advntk_node_get(wanted, "plugin"));
        return wanted->count == 1 && name && strcmp(name, value->text) == 0;
    }
    for (ptrdiff_t i = 0; i < wanted->count; i++) {
        if (!matches(wanted->entries[i].value, advntk_node_get(value, wanted->entries[i].key))) {
            return false;
        }
    }
    return value->kind == ADVNTK_NODE_MAP;
}

static bool matches_list(const struct advntk_node *wanted, const struct advntk_node *value)
{
    bool all = value && value->kind == ADVNTK_NODE_LIST && value->count == wanted->count;
    for (ptrdiff_t i = 0; value && i < wanted->count; i++) {
        if (value->kind != ADVNTK_NODE_LIST && matches(wanted->entries[i].value, value)) {
            return true;
        }
        all = all && matches(wanted->entries[i].value, value->entries[i].value);
    }
    return all;
}

static bool matches(const struct advntk_node *wanted, const struct advntk_node *value)
{
    const char *text = advntk_node_scalar(value);
    if (wanted->kind == ADVNTK_NODE_NULL || advntk_node_kind(value) == ADVNTK_NODE_NULL) {
        return wanted->kind == advntk_node_kind(value);
    }
    if (wanted->kind == ADVNTK_NODE_MAP) {
        return matches_map(wanted, value);
    }
    if (wanted->kind == ADVNTK_NODE_LIST) {
        return matches_list(wanted, value);
    }
    text = text ? text : advntk_node_scalar(advntk_node_get(value, "plugin"));
    return text && same_scalar(wanted->text, text);
}

/* ---- the value of a key in a run ---- */

/* What stands at a dotted key below a node; NULL: nothing. */
static const struct advntk_node *value_at(const struct advntk_node *node, const char *key)
{
    char name[256];
    for (;;) {
        size_t length = strcspn(key, ".");
        const struct advntk__entry *entry;
        if (length >= sizeof(name)) {
            return NULL;
        }
        memcpy(name, key, length);
        name[length] = '\0';
        if (node->kind == ADVNTK_NODE_SCALAR) {
            return strcmp(key, "plugin") == 0 ? node : NULL; /* short form of a slot */
        }
        entry = advntk__step(node, name);
        if (!entry) {
            return NULL;
        }
        node = entry->value;
        if (key[length] == '\0') {
            return node;
        }
        key += length + 1;
    }
}

/* The override of the key itself, or of what it lies in; *mixed: others lie below or above. */
static const struct advntk__setting *nearest(const struct advntk__setting *run, const char *key,
                                             bool *mixed)
{
    const struct advntk__setting *found = NULL;
    *mixed = false;
    for (; run; run = run->up) {
        if (advntk__key_below(key, run->key)) {
            *mixed = *mixed || found != NULL;
            found = !found || strlen(run->key) > strlen(found->key) ? run : found;
        } else if (advntk__key_below(run->key, key)) {
            *mixed = true;
        }
    }
    return found;
}

/* *value NULL: nothing is written there. It lives until the next call. */
static advntk_status look_up(struct advntk__conditions *c, const struct advntk__setting *run,
                             const char *key, const struct advntk_node **value,
                             struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *tree;
    bool mixed;
    const struct advntk__setting *setting = nearest(run, key, &mixed);
    *value = NULL;
    if (!setting && !mixed) {
        *value = value_at(c->root, key);
        goto out;
    }
    if (setting && !mixed && strcmp(setting->key, key) != 0) {
        *value = value_at(setting->value, key + strlen(setting->key) + 1);
    } else if (setting && !mixed && setting->value->kind != ADVNTK_NODE_MAP) {
        *value = setting->value;
    }
    if (*value) {
        goto out;
    }
    advntk__pool_clear(c->scratch); /* merged with what was there: as the run will be */
    TRY(advntk__node_copy(c->scratch, c->root, &tree, err));
    TRY(advntk__sweep_apply(c->composer, run, tree, err));
    *value = value_at(tree, key);
out:
    return rc;
}

/* ---- conditions ---- */

static advntk_status watch(struct advntk__conditions *c, const struct advntk_node *condition,
                           const struct advntk__setting *run, struct advntk__watched **watched,
                           struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__study_memory *memory = c->composer->memory;
    for (*watched = c->watched; *watched; *watched = (*watched)->next) {
        if ((*watched)->condition == condition) {
            goto out;
        }
    }
    TRY(advntk__pool_get(memory, 1, sizeof(**watched), watched, err));
    TRY(advntk__pool_get(memory, condition->count, sizeof(bool), &(*watched)->known, err));
    (*watched)->condition = condition;
    (*watched)->run = run;
    (*watched)->next = c->watched;
    c->watched = *watched;
out:
    return rc;
}

advntk_status advntk__condition(struct advntk__conditions *conditions,
                                const struct advntk_node *condition,
                                const struct advntk__setting *run, bool *holds,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__watched *watched;
    const struct advntk_node *value;
    *holds = true;
    TRY(watch(conditions, condition, run, &watched, err));
    for (ptrdiff_t i = 0; i < condition->count; i++) {
        const struct advntk__entry *entry = &condition->entries[i];
        if (!*holds && watched->known[i]) {
            continue;
        }
        TRY(look_up(conditions, run, entry->key, &value, err));
        watched->known[i] = watched->known[i] || value || entry->value->kind == ADVNTK_NODE_NULL;
        *holds = *holds && matches(entry->value, value);
    }
out:
    return rc;
}

void advntk__conditions_check(const struct advntk__conditions *conditions)
{
    for (const struct advntk__watched *w = conditions->watched; w; w = w->next) {
        for (ptrdiff_t i = 0; i < w->condition->count; i++) {
            const struct advntk__entry *entry = &w->condition->entries[i];
            struct advntk__way way = {.name = entry->key};
            const char *names[64];
            struct advntk__text hint = {0};
            ptrdiff_t n = 0;
            for (const struct advntk__setting *s = w->run; s && n < 64; s = s->up) {
                names[n++] = s->key;
            }
            if (!w->known[i]) {
                if (n > 0) {
                    advntk__names_hint(entry->key, n, names, &hint);
                }
                advntk__fault(conditions->composer->faults, entry->place, &way,
                              "neither swept nor written, so the condition never holds%s",
                              advntk__text_get(&hint));
            }
            advntk__text_release(&hint);
        }
    }
}
