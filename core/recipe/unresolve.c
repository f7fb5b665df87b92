/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From config structs back to a tree in which every value stands: the inverse of configure.c. */
#include "config.h"

#include "base/text.h"
#include "base/try.h"
#include "recipe/configure.h"
#include "registry/registry.h"

#include <advntk/plugin.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const struct advntk__place resolved_place = {
    .text = "resolved recipe", .line = 1, .column = 1};

static advntk_status real_tree(struct advntk__study_memory *memory, double value,
                               struct advntk_node **node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__text text = {0};
    advntk__text_real(&text, value);
    if (text.failed) {
        FAIL(err, ENOMEM, "no memory for a recipe");
    }
    TRY(advntk__node_text(memory, text.bytes, &resolved_place, node, err));
out:
    advntk__text_release(&text);
    return rc;
}

static advntk_status text_tree(struct advntk__study_memory *memory, const char *text,
                               struct advntk_node **node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    *node = NULL;
    if (text) {
        TRY(advntk__node_text(memory, text, &resolved_place, node, err));
        (*node)->plain = false;
    }
out:
    return rc;
}

static advntk_status list_tree(struct advntk__study_memory *memory, const struct advntk_param *row,
                               const struct advntk_list *list, struct advntk_node **node,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_param element = *row;
    struct advntk_node *item;
    element.type = row->element;
    TRY(advntk__node_new(memory, ADVNTK_NODE_LIST, &resolved_place, node, err));
    for (ptrdiff_t i = 0; i < list->count; i++) {
        const char *at = (const char *)list->items + (size_t)i * advntk__param_bytes(row->element);
        TRY(advntk__value_tree(memory, &element, at, &item, err));
        if (item) {
            TRY(advntk__node_add(*node, NULL, &resolved_place, item, err));
        }
    }
out:
    return rc;
}

static advntk_status pair_tree(struct advntk__study_memory *memory, const struct advntk_pair *pair,
                               struct advntk_node **node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const double values[2] = {pair->first, pair->second};
    struct advntk_node *item;
    TRY(advntk__node_new(memory, ADVNTK_NODE_LIST, &resolved_place, node, err));
    for (int i = 0; i < 2; i++) {
        TRY(real_tree(memory, values[i], &item, err));
        TRY(advntk__node_add(*node, NULL, &resolved_place, item, err));
    }
out:
    return rc;
}

advntk_status advntk__value_tree(struct advntk__study_memory *memory,
                                 const struct advntk_param *row, const char *member,
                                 struct advntk_node **node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    union {
        bool b;
        int64_t i;
        double r;
        const char *s;
        int c;
        struct advntk_slot slot;
        struct advntk_list list;
        struct advntk_pair pair;
        const struct advntk_node *node;
    } value;
    char digits[32];
    *node = NULL;
#define MEMBER(field) memcpy(&value.field, member, sizeof(value.field))
    switch ((int)row->type) {
    case ADVNTK_PARAM_BOOL:
        MEMBER(b);
        TRY(advntk__node_text(memory, value.b ? "true" : "false", &resolved_place, node, err));
        break;
    case ADVNTK_PARAM_INT:
        MEMBER(i);
        snprintf(digits, sizeof(digits), "%" PRId64, value.i);
        TRY(advntk__node_text(memory, digits, &resolved_place, node, err));
        break;
    case ADVNTK_PARAM_REAL:
        MEMBER(r);
        if (!isnan(value.r)) {
            TRY(real_tree(memory, value.r, node, err));
        }
        break;
    case ADVNTK_PARAM_STRING:
    case ADVNTK_PARAM_PATH:
        MEMBER(s);
        TRY(text_tree(memory, value.s, node, err));
        break;
    case ADVNTK_PARAM_CHOICE:
        MEMBER(c);
        TRY(advntk__node_text(memory, row->choices[value.c], &resolved_place, node, err));
        break;
    case ADVNTK_PARAM_SLOT:
        MEMBER(slot);
        if (value.slot.plugin) {
            TRY(advntk__slot_tree(memory, &value.slot, node, err));
        }
        break;
    case ADVNTK_PARAM_LIST:
        MEMBER(list);
        TRY(list_tree(memory, row, &value.list, node, err));
        break;
    case ADVNTK_PARAM_PAIR:
        MEMBER(pair);
        TRY(pair_tree(memory, &value.pair, node, err));
        break;
    case ADVNTK_PARAM_NODE:
        MEMBER(node);
        if (value.node) {
            TRY(advntk__node_copy(memory, value.node, node, err));
        }
        break;
    default:
        break;
    }
#undef MEMBER
out:
    return rc;
}

advntk_status advntk__config_tree(const struct advntk_param *rows, const void *config,
                                  struct advntk_node *map, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *value;
    for (const struct advntk_param *row = rows; row && row->name; row++) {
        TRY(advntk__value_tree(map->memory, row, (const char *)config + row->offset, &value, err));
        if (value) {
            TRY(advntk__node_add(map, row->name, &resolved_place, value, err));
        }
    }
out:
    return rc;
}

advntk_status advntk__slot_tree(struct advntk__study_memory *memory, const struct advntk_slot *slot,
                                struct advntk_node **map, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *name;
    TRY(advntk__node_new(memory, ADVNTK_NODE_MAP, &resolved_place, map, err));
    TRY(advntk__node_text(memory, slot->plugin->name, &resolved_place, &name, err));
    TRY(advntk__node_add(*map, "plugin", &resolved_place, name, err));
    TRY(advntk__config_tree(slot->plugin->params, slot->config, *map, err));
    if (slot->host_config) {
        TRY(advntk__config_tree(advntk__slot_host_params(slot->plugin->kind), slot->host_config,
                                *map, err));
    }
out:
    return rc;
}
