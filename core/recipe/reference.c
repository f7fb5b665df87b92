/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/reference.h"

#include "base/try.h"
#include "recipe/compose.h"

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

/* Walks from the top along a dotted path, replacing the references that it meets. */
static advntk_status find_target(struct referrer *r, const struct advntk_node *ref,
                                 const struct advntk__way *way, struct advntk_node **target,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *node = r->root;
    const char *rest = ref->text;
    char name[256];
    *target = NULL;
    while (node) {
        size_t length = strcspn(rest, ".");
        struct advntk__entry *entry = NULL;
        if (length < sizeof(name)) {
            memcpy(name, rest, length);
            name[length] = '\0';
            entry = advntk__step(node, name);
        }
        if (!entry || entry->value->kind == ADVNTK_NODE_NULL) {
            struct advntk__text hint = {0};
            advntk__step_hint(node, length < sizeof(name) ? name : "", &hint);
            advntk__mistake(r->c, ref->place, way, "'%.100s': nothing is written at '%.*s'%s",
                            ref->text, (int)length, rest, advntk__text_get(&hint));
            advntk__text_release(&hint);
            goto out;
        }
        node = entry->value;
        if (rest[length] == '\0') {
            break;
        }
        if (is_reference(node)) {
            ptrdiff_t before = r->c->mistakes;
            TRY(replace_in(r, node, way, err));
            if (r->c->mistakes != before) {
                goto out;
            }
        }
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
