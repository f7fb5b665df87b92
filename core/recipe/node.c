/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/node.h"

#include "base/memory.h"
#include "base/try.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 16, CHUNK = 64 * 1024 };

advntk_status advntk__pool_new(const struct advntk__registry *registry,
                               struct advntk__study_memory **memory, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__study_memory *m = calloc(1, sizeof(*m));
    if (!m || !(m->arena = advntk__arena_new())) {
        FAIL(err, ENOMEM, "no memory for a recipe");
    }
    m->registry = registry;
    *memory = m;
    m = NULL;
out:
    free(m);
    return rc;
}

void advntk__pool_free(struct advntk__study_memory *memory)
{
    if (memory) {
        advntk__arena_free(memory->arena);
        free(memory);
    }
}

void advntk__pool_clear(struct advntk__study_memory *memory)
{
    advntk__arena_clear(memory->arena);
    memory->chunk = NULL;
    memory->left = 0;
    memory->nodes = 0;
}

advntk_status advntk__pool_get(struct advntk__study_memory *memory, ptrdiff_t count, size_t size,
                               void *out, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    void *got = NULL;
    size_t bytes;
    if (count < 0 || (size && (size_t)count > (SIZE_MAX / 2) / size)) {
        FAIL(err, ENOMEM, "a recipe asks for %td values of %zu bytes", count, size);
    }
    bytes = ((size_t)count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (bytes > CHUNK / 4) {
        got = advntk_arena_get(memory->arena, (ptrdiff_t)bytes, 1);
    } else {
        if (bytes > memory->left) {
            memory->chunk = advntk_arena_get(memory->arena, CHUNK, 1);
            memory->left = memory->chunk ? CHUNK : 0;
        }
        if (memory->chunk) {
            got = memory->chunk;
            memory->chunk += bytes;
            memory->left -= bytes;
        }
    }
    if (!got) {
        FAIL(err, ENOMEM, "no memory for a recipe (%zu bytes)", bytes);
    }
    memset(got, 0, bytes);
    memcpy(out, &got, sizeof(got));
out:
    return rc;
}

advntk_status advntk__pool_text(struct advntk__study_memory *memory, const char *text,
                                size_t length, const char **out, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *copy;
    TRY(advntk__pool_get(memory, (ptrdiff_t)length + 1, 1, &copy, err));
    memcpy(copy, text, length);
    *out = copy;
out:
    return rc;
}

advntk_status advntk__node_new(struct advntk__study_memory *memory, enum advntk_node_kind kind,
                               const struct advntk__place *place, struct advntk_node **node,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (memory->nodes++ >= ADVNTK__TREE_NODES) {
        FAIL(err, ELIMIT, "more than %d values once aliases and references are expanded",
             ADVNTK__TREE_NODES);
    }
    TRY(advntk__pool_get(memory, 1, sizeof(**node), node, err));
    (*node)->kind = kind;
    (*node)->place = place;
    (*node)->memory = memory;
out:
    return rc;
}

advntk_status advntk__node_text(struct advntk__study_memory *memory, const char *text,
                                const struct advntk__place *place, struct advntk_node **node,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    TRY(advntk__node_new(memory, ADVNTK_NODE_SCALAR, place, node, err));
    (*node)->plain = true;
    TRY(advntk__pool_text(memory, text, strlen(text), &(*node)->text, err));
out:
    return rc;
}

advntk_status advntk__node_add(struct advntk_node *node, const char *key,
                               const struct advntk__place *place, struct advntk_node *value,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (node->count == node->room) {
        struct advntk__entry *entries;
        ptrdiff_t room = node->room ? 2 * node->room : 4;
        TRY(advntk__pool_get(node->memory, room, sizeof(*entries), &entries, err));
        if (node->count > 0) {
            memcpy(entries, node->entries, (size_t)node->count * sizeof(*entries));
        }
        node->entries = entries;
        node->room = room;
    }
    node->entries[node->count++] = (struct advntk__entry){key, place, value};
out:
    return rc;
}

static advntk_status copy_at(struct advntk__study_memory *memory, const struct advntk_node *node,
                             int depth, struct advntk_node **copy, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *made = NULL;
    if (depth > ADVNTK__COPY_DEPTH) {
        FAIL(err, ELIMIT, "nested deeper than %d once references are expanded", ADVNTK__COPY_DEPTH);
    }
    TRY(advntk__node_new(memory, node->kind, node->place, &made, err));
    made->plain = node->plain;
    made->text = node->text;
    if (node->count > 0) {
        TRY(advntk__pool_get(memory, node->count, sizeof(*made->entries), &made->entries, err));
        made->room = node->count;
        for (ptrdiff_t i = 0; i < node->count; i++) {
            made->entries[i] = node->entries[i];
            TRY(copy_at(memory, node->entries[i].value, depth + 1, &made->entries[i].value, err));
        }
        made->count = node->count;
    }
    *copy = made;
out:
    return rc;
}

advntk_status advntk__node_copy(struct advntk__study_memory *memory, const struct advntk_node *node,
                                struct advntk_node **copy, struct advntk_error *err)
{
    return copy_at(memory, node, 0, copy, err);
}

struct advntk__entry *advntk__node_find(const struct advntk_node *map, const char *key)
{
    if (map && map->kind == ADVNTK_NODE_MAP) {
        for (ptrdiff_t i = 0; i < map->count; i++) {
            if (strcmp(map->entries[i].key, key) == 0) {
                return &map->entries[i];
            }
        }
    }
    return NULL;
}

void advntk__node_remove(struct advntk_node *node, ptrdiff_t i)
{
    memmove(node->entries + i, node->entries + i + 1,
            (size_t)(node->count - i - 1) * sizeof(*node->entries));
    node->count--;
}

/* ---- the view of plugins ---- */

enum advntk_node_kind advntk_node_kind(const struct advntk_node *node)
{
    return node ? node->kind : ADVNTK_NODE_NULL;
}

const char *advntk_node_scalar(const struct advntk_node *node)
{
    return node && node->kind == ADVNTK_NODE_SCALAR ? node->text : NULL;
}

ptrdiff_t advntk_node_count(const struct advntk_node *node)
{
    return node ? node->count : 0;
}

const struct advntk_node *advntk_node_item(const struct advntk_node *node, ptrdiff_t i)
{
    return node && i >= 0 && i < node->count ? node->entries[i].value : NULL;
}

const char *advntk_node_key(const struct advntk_node *node, ptrdiff_t i)
{
    return node && i >= 0 && i < node->count ? node->entries[i].key : NULL;
}

const struct advntk_node *advntk_node_get(const struct advntk_node *map, const char *key)
{
    struct advntk__entry *entry = advntk__node_find(map, key);
    return entry ? entry->value : NULL;
}

const char *advntk_node_place(const struct advntk_node *node)
{
    return node && node->place ? node->place->text : "recipe";
}
