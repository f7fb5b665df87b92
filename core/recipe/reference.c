/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/reference.h"

#include "base/try.h"
#include "recipe/compose.h"
#include "recipe/resolve.h"
#include "registry/registry.h"

#include <string.h>

enum { CHAIN = 100 };

struct referrer {
    struct advntk__configurer *c;
    struct advntk_node *root;
    int chain;
};

static advntk_status replace_in(struct referrer *r, struct advntk_node *node,
                                const struct advntk__way *way, struct advntk_error *err);

static bool is_reference(const struct advntk_node *node)
{
    return node->kind == ADVNTK_NODE_MAP && node->ref_state != ADVNTK__REF_DONE &&
           advntk_node_get(node, "ref") != NULL;
}

/* ---- which parameter stands where ---- */

/* What the names below a value are: keys of tables, or items of a list. */
struct level {
    bool top, list;
    const struct advntk_param *tables[2]; /* NULL: not known, or there are none */
    const struct advntk_param *row;       /* of the value; of a list's items; NULL: none */
};

static const struct advntk_param slot_of_method = {
    .name = "method", .type = ADVNTK_PARAM_SLOT, .slot_kind = ADVNTK_KIND_METHOD};

static const struct advntk_param *section_rows(const char *name)
{
    for (const struct advntk__section *s = advntk__recipe_sections(); s->name; s++) {
        if (strcmp(s->name, name) == 0) {
            return s->rows;
        }
    }
    return NULL;
}

static const struct advntk_param *row_named(const struct level *level, const char *name)
{
    for (int t = 0; t < 2; t++) {
        for (const struct advntk_param *row = level->tables[t]; row && row->name; row++) {
            if (strcmp(row->name, name) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

/* The level below `name`, as far as it does not depend on the value there. */
static struct level below(const struct level *level, const char *name)
{
    struct level next = {.row = NULL};
    if (level->list) {
        return (struct level){.tables = {level->tables[0], NULL}, .row = level->row};
    }
    if (level->top && section_rows(name)) {
        next.tables[0] = section_rows(name);
        next.list = strcmp(name, "evaluate") == 0;
    } else if (level->top && strcmp(name, slot_of_method.name) == 0) {
        next.row = &slot_of_method;
    } else {
        next.row = row_named(level, name);
    }
    next.list = next.list || (next.row && next.row->type == ADVNTK_PARAM_LIST);
    return next;
}

/* The tables of the plugin in a slot. */
static void enter(struct referrer *r, struct level *level, const struct advntk_node *value)
{
    const struct advntk__plugin_record *record = NULL;
    const char *name = advntk_node_scalar(value);
    if (!level->row || level->list || level->row->slot_kind == 0) {
        return;
    }
    name = name ? name : advntk_node_scalar(advntk_node_get(value, "plugin"));
    name = name ? name : level->row->def.s;
    if (name) {
        record = advntk__registry_find(r->c->memory->registry, level->row->slot_kind, name);
    }
    if (record) {
        level->tables[0] = record->plugin.params;
        level->tables[1] = advntk__slot_host_params(record->plugin.kind);
    }
}

/* ---- the value at a path ---- */

/* Notes why there is no value at the name that begins at `rest`. */
static void nothing_there(struct referrer *r, const struct advntk_node *node,
                          const struct advntk_node *ref, const char *name, size_t length,
                          const struct advntk_param *row, const struct advntk__way *way)
{
    struct advntk__text hint = {0};
    if (row) {
        advntk__text_printf(&hint, ", and %s has no default", row->name);
    } else {
        advntk__step_hint(node, name, &hint);
    }
    advntk__mistake(r->c, ref->place, way, "'%.100s': nothing is written at '%.*s'%s", ref->text,
                    (int)length, name, advntk__text_get(&hint));
    advntk__text_release(&hint);
}

/* One step of a path: what is written there, or the default of the parameter of that name. */
static advntk_status step(struct referrer *r, const struct advntk_node *ref, const char *name,
                          struct level *level, struct advntk_node **node,
                          const struct advntk__way *way, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__entry *entry = advntk__step(*node, name);
    struct advntk_node *value = entry ? entry->value : NULL;
    struct level next = below(level, name);
    if (advntk_node_kind(value) == ADVNTK_NODE_NULL) {
        value = NULL;
        if (next.row && !level->list && !(next.row->flags & ADVNTK_P_REQUIRED)) {
            TRY(advntk__default_tree(r->c, next.row, ref->place, way, &value, err));
        }
        if (!value) {
            nothing_there(r, *node, ref, name, strlen(name), next.row, way);
        }
    }
    *node = value;
    *level = next;
out:
    return rc;
}

/* Walks from the top along a dotted path, replacing the references that it meets. */
static advntk_status find_target(struct referrer *r, const struct advntk_node *ref,
                                 const struct advntk__way *way, struct advntk_node **target,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *node = r->root;
    struct level level = {.top = true, .tables = {section_rows(""), NULL}};
    const char *rest = ref->text;
    char name[256];
    *target = NULL;
    for (;;) {
        size_t length = strcspn(rest, ".");
        if (length >= sizeof(name)) {
            nothing_there(r, node, ref, rest, length, NULL, way);
            goto out;
        }
        memcpy(name, rest, length);
        name[length] = '\0';
        TRY(step(r, ref, name, &level, &node, way, err));
        if (!node || rest[length] == '\0') {
            break;
        }
        if (is_reference(node)) {
            ptrdiff_t before = r->c->mistakes;
            TRY(replace_in(r, node, way, err));
            if (r->c->mistakes != before) {
                goto out;
            }
        }
        enter(r, &level, node);
        rest += length + 1;
    }
    *target = node;
out:
    return rc;
}

/* node <- copy of target with node's other keys on top */
static advntk_status become(struct advntk_node *node, const struct advntk_node *target,
                            struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *copy, *over;
    struct advntk__entry *ref;
    TRY(advntk__node_copy(node->memory, target, &copy, err));
    TRY(advntk__node_copy(node->memory, node, &over, err));
    ref = advntk__node_find(over, "ref");
    advntk__node_remove(over, ref - over->entries);
    if (over->count > 0) { /* as a key of a map, so that the rules of merging hold */
        struct advntk_node *map, *patch;
        TRY(advntk__node_new(node->memory, ADVNTK_NODE_MAP, node->place, &map, err));
        TRY(advntk__node_new(node->memory, ADVNTK_NODE_MAP, node->place, &patch, err));
        TRY(advntk__node_add(map, "value", node->place, copy, err));
        TRY(advntk__node_add(patch, "value", node->place, over, err));
        TRY(advntk__merge(map, patch, err));
        copy = map->entries[0].value;
    }
    *node = *copy;
    node->ref_state = ADVNTK__REF_DONE;
out:
    return rc;
}

static advntk_status replace(struct referrer *r, struct advntk_node *node,
                             const struct advntk__way *way, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_node *ref = advntk_node_get(node, "ref");
    struct advntk_node *target;
    ptrdiff_t before = r->c->mistakes;
    if (!advntk_node_scalar(ref) || *advntk_node_scalar(ref) == '\0') {
        advntk__mistake(r->c, ref->place, way, "ref: expected the dotted path of another value");
        goto out;
    }
    if (r->chain >= CHAIN) {
        advntk__mistake(r->c, ref->place, way, "references follow each other more than %d deep",
                        CHAIN);
        goto out;
    }
    TRY(find_target(r, ref, way, &target, err));
    if (target) {
        TRY(replace_in(r, target, way, err));
    }
    if (target && r->c->mistakes == before) {
        TRY(become(node, target, err));
    }
out:
    return rc;
}

static advntk_status replace_in(struct referrer *r, struct advntk_node *node,
                                const struct advntk__way *way, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (node->ref_state == ADVNTK__REF_OPEN) {
        const struct advntk_node *ref = advntk_node_get(node, "ref");
        advntk__mistake(r->c, ref->place, way, "reference to '%.100s' leads back to itself",
                        ref->text);
        goto out;
    }
    if (is_reference(node)) {
        node->ref_state = ADVNTK__REF_OPEN;
        r->chain++;
        rc = replace(r, node, way, err);
        r->chain--;
        node->ref_state = ADVNTK__REF_DONE;
        TRY(rc);
        goto out;
    }
    for (ptrdiff_t i = 0; i < node->count; i++) {
        const struct advntk__entry *entry = &node->entries[i];
        const char *name =
            entry->key ? entry->key : advntk_node_scalar(advntk_node_get(entry->value, "name"));
        struct advntk__way at = {.up = way, .name = name, .index = i};
        TRY(replace_in(r, entry->value, &at, err));
    }
out:
    return rc;
}

advntk_status advntk__references(struct advntk__configurer *c, struct advntk_node *root,
                                 struct advntk_error *err)
{
    struct referrer r = {.c = c, .root = root};
    return replace_in(&r, root, NULL, err);
}
