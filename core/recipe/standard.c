/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table's default of a slot, a list or a tree is YAML text: it is read, and the member is
 * compared with the tree, value by value, as configure.c would have filled it.
 */
#include "config.h"

#include "recipe/standard.h"

#include "base/try.h"
#include "recipe/configure.h"
#include "recipe/parse.h"
#include "registry/registry.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The same value, sign of zero included; NaN (not given) is like NaN. */
static bool same_real(double a, double b)
{
    return (isnan(a) && isnan(b)) || (a == b && signbit(a) == signbit(b));
}

static bool real_is(double value, const char *text)
{
    double wanted;
    return text && advntk__expression(text, NULL, &wanted, NULL) == ADVNTK_OK &&
           same_real(value, wanted);
}

static bool trees_agree(const struct advntk_node *a, const struct advntk_node *b)
{
    bool agree = advntk_node_kind(a) == advntk_node_kind(b) &&
                 advntk_node_count(a) == advntk_node_count(b) &&
                 same_text(advntk_node_scalar(a), advntk_node_scalar(b));
    for (ptrdiff_t i = 0; agree && i < advntk_node_count(a); i++) {
        agree = same_text(advntk_node_key(a, i), advntk_node_key(b, i)) &&
                trees_agree(advntk_node_item(a, i), advntk_node_item(b, i));
    }
    return agree;
}

/* Whether the member of `type` is what configuring `node` would have made of it. */
static advntk_status agrees(const struct advntk_param *row, enum advntk_param_type type,
                            const char *member, const struct advntk_node *node, bool *is,
                            struct advntk_error *err);

static advntk_status table_agrees(const struct advntk_param *rows, const void *config,
                                  const struct advntk_node *map, bool *is, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    for (const struct advntk_param *row = rows; *is && row && row->name; row++) {
        const char *member = (const char *)config + row->offset;
        const struct advntk_node *value = advntk_node_get(map, row->name);
        if (advntk_node_kind(value) != ADVNTK_NODE_NULL) {
            TRY(agrees(row, row->type, member, value, is, err));
        } else {
            TRY(advntk__param_is_default(row, member, is, err));
        }
    }
out:
    return rc;
}

static advntk_status slot_agrees(const struct advntk_slot *slot, const struct advntk_node *node,
                                 bool *is, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *name = advntk_node_scalar(node);
    name = name ? name : advntk_node_scalar(advntk_node_get(node, "plugin"));
    *is = name && slot->plugin && strcmp(slot->plugin->name, name) == 0;
    if (*is) {
        TRY(table_agrees(slot->plugin->params, slot->config, node, is, err));
    }
    if (*is && slot->host_config) {
        TRY(table_agrees(advntk__slot_host_params(slot->plugin->kind), slot->host_config, node, is,
                         err));
    }
out:
    return rc;
}

static advntk_status list_agrees(const struct advntk_param *row, const struct advntk_list *list,
                                 const struct advntk_node *node, bool *is, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const size_t bytes = advntk__param_bytes(row->element);
    *is = list->count == advntk_node_count(node);
    for (ptrdiff_t i = 0; *is && i < list->count; i++) {
        TRY(agrees(row, row->element, (const char *)list->items + (size_t)i * bytes,
                   advntk_node_item(node, i), is, err));
    }
out:
    return rc;
}

static bool pair_agrees(const struct advntk_pair *pair, const struct advntk_node *node)
{
    const char *first = advntk_node_scalar(node), *second = first;
    if (advntk_node_count(node) == 2) {
        first = advntk_node_scalar(advntk_node_item(node, 0));
        second = advntk_node_scalar(advntk_node_item(node, 1));
    }
    return real_is(pair->first, first) && real_is(pair->second, second);
}

static advntk_status agrees(const struct advntk_param *row, enum advntk_param_type type,
                            const char *member, const struct advntk_node *node, bool *is,
                            struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *text = advntk_node_scalar(node);
    int64_t whole;
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
    memcpy(&value, member, advntk__param_bytes(type));
    switch ((int)type) {
    case ADVNTK_PARAM_BOOL:
        *is = text && value.b == (text[0] == 't' || text[0] == 'T');
        break;
    case ADVNTK_PARAM_INT:
        *is = text && advntk__expression_int(text, NULL, &whole, NULL) == ADVNTK_OK &&
              whole == value.i;
        break;
    case ADVNTK_PARAM_REAL:
        *is = real_is(value.r, text);
        break;
    case ADVNTK_PARAM_CHOICE:
        *is = same_text(row->choices[value.c], text);
        break;
    case ADVNTK_PARAM_SLOT:
        TRY(slot_agrees(&value.slot, node, is, err));
        break;
    case ADVNTK_PARAM_LIST:
        TRY(list_agrees(row, &value.list, node, is, err));
        break;
    case ADVNTK_PARAM_PAIR:
        *is = pair_agrees(&value.pair, node);
        break;
    case ADVNTK_PARAM_NODE:
        *is = trees_agree(value.node, node);
        break;
    default: /* STRING, PATH */
        *is = same_text(value.s, text);
        break;
    }
out:
    return rc;
}

static bool is_empty(const struct advntk_param *row, const char *member)
{
    struct advntk_slot slot;
    struct advntk_list list;
    const struct advntk_node *node;
    switch ((int)row->type) {
    case ADVNTK_PARAM_SLOT:
        memcpy(&slot, member, sizeof(slot));
        return !slot.plugin;
    case ADVNTK_PARAM_LIST:
        memcpy(&list, member, sizeof(list));
        return list.count == 0;
    default:
        memcpy(&node, member, sizeof(node));
        return !node;
    }
}

/* SLOT, LIST, NODE: the default is YAML. */
static advntk_status is_default_tree(const struct advntk_param *row, const char *member, bool *is,
                                     struct advntk_error *err)
{
    static const struct advntk__place place = {.text = "default"};
    const struct advntk__source source = {.fixed = &place};
    advntk_status rc = ADVNTK_OK;
    struct advntk__study_memory *memory = NULL;
    struct advntk__faults faults = {0};
    struct advntk_node *node = NULL;
    if (!row->def.s) {
        *is = is_empty(row, member);
        goto out;
    }
    TRY(advntk__pool_new(NULL, &memory, err));
    TRY(advntk__parse(memory, &source, row->def.s, strlen(row->def.s), &faults, &node, err));
    TRY(agrees(row, row->type, member, node, is, err));
out:
    advntk__faults_release(&faults);
    advntk__pool_free(memory);
    return rc;
}

advntk_status advntk__param_is_default(const struct advntk_param *row, const char *member, bool *is,
                                       struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    union {
        bool b;
        int64_t i;
        double r;
        const char *s;
        int c;
        struct advntk_pair pair;
    } value;
    *is = false;
    if (row->flags & ADVNTK_P_REQUIRED) {
        goto out;
    }
#define MEMBER(field) memcpy(&value.field, member, sizeof(value.field))
    switch ((int)row->type) {
    case ADVNTK_PARAM_BOOL:
        MEMBER(b);
        *is = value.b == row->def.b;
        break;
    case ADVNTK_PARAM_INT:
        MEMBER(i);
        *is = value.i == row->def.i;
        break;
    case ADVNTK_PARAM_REAL:
        MEMBER(r);
        *is = same_real(value.r, row->def.r);
        break;
    case ADVNTK_PARAM_PAIR:
        MEMBER(pair);
        *is = same_real(value.pair.first, row->def.r) && same_real(value.pair.second, row->def.r);
        break;
    case ADVNTK_PARAM_CHOICE:
        MEMBER(c);
        *is = same_text(row->choices[value.c], row->def.s);
        break;
    case ADVNTK_PARAM_STRING:
    case ADVNTK_PARAM_PATH:
        MEMBER(s);
        *is = same_text(value.s, row->def.s);
        break;
    default:
        TRY(is_default_tree(row, member, is, err));
        break;
    }
#undef MEMBER
out:
    return rc;
}
