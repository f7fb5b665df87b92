/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/configure.h"

#include "base/try.h"
#include "recipe/parse.h"
#include "recipe/resolved.h"
#include "recipe/value.h"
#include "registry/registry.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOT_DEPTH = 50 };

static const char *const selections[] = {"last", "best_validation_robust", NULL};
static const struct advntk_param method_rows[] = {
    ADVNTK_CHOICE(struct advntk__method_settings, select, "last", selections,
                  .help = "which step's model counts: the last, or the best by validation accuracy "
                          "under the training attack"),
    ADVNTK_PARAM_END};

const struct advntk_param *advntk__slot_host_params(uint32_t kind)
{
    return kind == ADVNTK_KIND_METHOD ? method_rows : advntk__host_params(kind);
}

static size_t host_bytes(uint32_t kind)
{
    return kind == ADVNTK_KIND_METHOD   ? sizeof(struct advntk__method_settings)
           : kind == ADVNTK_KIND_ATTACK ? sizeof(struct advntk_attack_settings)
                                        : 0;
}

void advntk__mistake(struct advntk__configurer *c, const struct advntk__place *place,
                     const struct advntk__way *way, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    c->mistakes++;
    advntk__fault(c->faults, place, way, "%s", message);
}

/* ---- values made of others ---- */

static struct advntk_param element_row(const struct advntk_param *row)
{
    struct advntk_param element = *row;
    element.type = row->element;
    element.def = (union advntk_param_value){.s = NULL};
    return element;
}

static advntk_status set_value(struct advntk__configurer *c, const struct advntk_param *row,
                               const struct advntk_node *node, const struct advntk__way *way,
                               void *member, struct advntk_error *err);

static advntk_status set_list(struct advntk__configurer *c, const struct advntk_param *row,
                              const struct advntk_node *node, const struct advntk__way *way,
                              struct advntk_list *list, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_param element = element_row(row);
    size_t size = advntk__param_bytes(row->element);
    char *items;
    if (node->kind != ADVNTK_NODE_LIST) {
        advntk__value_wrong(c, row, node, way);
        goto out;
    }
    TRY(advntk__pool_get(c->memory, node->count, size, &items, err));
    for (ptrdiff_t i = 0; i < node->count; i++) {
        struct advntk__way at = {.up = way, .index = i};
        const struct advntk_node *item = node->entries[i].value;
        if (item->kind == ADVNTK_NODE_NULL) {
            advntk__value_wrong(c, &element, item, &at);
        } else {
            TRY(set_value(c, &element, item, &at, items + (size_t)i * size, err));
        }
    }
    list->count = node->count;
    list->items = node->count > 0 ? items : NULL;
out:
    return rc;
}

static advntk_status set_pair(struct advntk__configurer *c, const struct advntk_param *row,
                              const struct advntk_node *node, const struct advntk__way *way,
                              struct advntk_pair *pair, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_param number = *row;
    double values[2] = {0, 0};
    number.type = ADVNTK_PARAM_REAL;
    if (node->kind == ADVNTK_NODE_LIST && node->count == 2) {
        for (ptrdiff_t i = 0; i < 2; i++) {
            struct advntk__way at = {.up = way, .index = i};
            TRY(advntk__value_scalar(c, &number, node->entries[i].value, &at, &values[i], err));
        }
    } else if (node->kind == ADVNTK_NODE_SCALAR) {
        TRY(advntk__value_scalar(c, &number, node, way, &values[0], err));
        values[1] = values[0];
    } else {
        advntk__value_wrong(c, row, node, way);
    }
    *pair = (struct advntk_pair){values[0], values[1]};
out:
    return rc;
}

/* A tree as written, but numbers in place of `let` names, so that it stands alone. */
static advntk_status fill_tree(struct advntk__configurer *c, struct advntk_node *node,
                               const struct advntk__way *way, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__text number = {0};
    double value;
    for (ptrdiff_t i = 0; i < node->count; i++) {
        struct advntk__way at = {.up = way, .name = node->entries[i].key, .index = i};
        TRY(fill_tree(c, node->entries[i].value, &at, err));
    }
    if (node->kind == ADVNTK_NODE_SCALAR && strstr(node->text, "${")) {
        advntk__mistake(c, node->place, way, "got '%.60s', but only paths read the environment",
                        node->text);
    } else if (node->kind == ADVNTK_NODE_SCALAR && node->plain &&
               advntk__expression_uses(node->text, &c->scope)) {
        TRY(advntk__expression(node->text, &c->scope, &value, err));
        advntk__text_real(&number, value);
        if (number.failed) {
            FAIL(err, ENOMEM, "no memory for a recipe");
        }
        TRY(advntk__pool_text(c->memory, number.bytes, number.length, &node->text, err));
    }
out:
    advntk__text_release(&number);
    return rc;
}

static advntk_status set_tree(struct advntk__configurer *c, const struct advntk_param *row,
                              const struct advntk_node *node, const struct advntk__way *way,
                              const struct advntk_node **member, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *copy;
    if (node->kind != ADVNTK_NODE_LIST && node->kind != ADVNTK_NODE_MAP) {
        advntk__value_wrong(c, row, node, way);
        goto out;
    }
    TRY(advntk__node_copy(c->memory, node, &copy, err));
    TRY(fill_tree(c, copy, way, err));
    *member = copy;
out:
    return rc;
}

static advntk_status set_value(struct advntk__configurer *c, const struct advntk_param *row,
                               const struct advntk_node *node, const struct advntk__way *way,
                               void *member, struct advntk_error *err)
{
    switch ((int)row->type) {
    case ADVNTK_PARAM_SLOT:
        return advntk__configure_slot(c, row->slot_kind, node, row->def.s, way, member, err);
    case ADVNTK_PARAM_LIST:
        return set_list(c, row, node, way, member, err);
    case ADVNTK_PARAM_PAIR:
        return set_pair(c, row, node, way, member, err);
    case ADVNTK_PARAM_NODE:
        return set_tree(c, row, node, way, member, err);
    default:
        return advntk__value_scalar(c, row, node, way, member, err);
    }
}

/* ---- defaults ---- */

static bool is_name(const char *text)
{
    return *text != '\0' && strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(text);
}

/* The tree of a default written as YAML in the table. */
static advntk_status parse_default(struct advntk__configurer *c, const char *text,
                                   const struct advntk__place *place, struct advntk_node **node,
                                   struct advntk_error *err)
{
    const struct advntk__source source = {.fixed = place};
    if (is_name(text)) {
        return advntk__node_text(c->memory, text, place, node, err);
    }
    return advntk__parse(c->memory, &source, text, strlen(text), c->faults, node, err);
}

static advntk_status set_default(struct advntk__configurer *c, const struct advntk_param *row,
                                 const struct advntk__place *place, const struct advntk__way *way,
                                 void *member, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *node = NULL;
    switch ((int)row->type) {
    case ADVNTK_PARAM_BOOL:
        *(bool *)member = row->def.b;
        break;
    case ADVNTK_PARAM_INT:
        *(int64_t *)member = row->def.i;
        break;
    case ADVNTK_PARAM_REAL:
        *(double *)member = row->def.r;
        break;
    case ADVNTK_PARAM_PAIR:
        *(struct advntk_pair *)member = (struct advntk_pair){row->def.r, row->def.r};
        break;
    case ADVNTK_PARAM_STRING:
        *(const char **)member = row->def.s;
        break;
    case ADVNTK_PARAM_PATH:
        if (row->def.s) {
            struct advntk__place here = *place;
            here.folder = NULL; /* a table's relative path is not relative to any recipe */
            TRY(advntk__value_path(c, row->def.s, &here, way, member, err));
        }
        break;
    case ADVNTK_PARAM_CHOICE:
        for (int i = 0; row->choices[i]; i++) {
            if (row->def.s && strcmp(row->choices[i], row->def.s) == 0) {
                *(int *)member = i;
            }
        }
        break;
    default: /* SLOT, LIST, NODE */
        if (row->def.s) {
            TRY(parse_default(c, row->def.s, place, &node, err));
        }
        if (node) {
            TRY(set_value(c, row, node, way, member, err));
        }
        break;
    }
out:
    return rc;
}

advntk_status advntk__default_tree(struct advntk__configurer *c, const struct advntk_param *row,
                                   const struct advntk__place *place, const struct advntk__way *way,
                                   struct advntk_node **node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *member;
    TRY(advntk__pool_get(c->memory, 1, advntk__param_bytes(row->type), &member, err));
    TRY(set_default(c, row, place, way, member, err));
    TRY(advntk__value_tree(c->memory, row, member, node, err));
out:
    return rc;
}

/* ---- tables ---- */

static const struct advntk_param *row_of(int count, const struct advntk__table *tables,
                                         const char *key)
{
    for (int t = 0; t < count; t++) {
        for (const struct advntk_param *row = tables[t].rows; row && row->name; row++) {
            if (strcmp(row->name, key) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

static bool listed(const char *const *names, const char *name)
{
    for (; names && *names; names++) {
        if (strcmp(*names, name) == 0) {
            return true;
        }
    }
    return false;
}

static advntk_status unknown_key(struct advntk__configurer *c, int count,
                                 const struct advntk__table *tables, const char *const *others,
                                 const struct advntk__entry *entry, const struct advntk__way *way,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__text hint = {0};
    struct advntk__way at = {.up = way, .name = entry->key};
    const char *names[256];
    ptrdiff_t n = 0;
    for (int t = 0; t < count; t++) {
        for (const struct advntk_param *row = tables[t].rows; row && row->name && n < 200; row++) {
            names[n++] = row->name;
        }
    }
    for (; others && *others && n < 256; others++) {
        names[n++] = *others;
    }
    advntk__names_hint(entry->key, n, names, &hint);
    if (hint.failed) {
        FAIL(err, ENOMEM, "no memory for a message");
    }
    advntk__mistake(c, entry->place, &at, "unknown key%s", advntk__text_get(&hint));
out:
    advntk__text_release(&hint);
    return rc;
}

static advntk_status fill_table(struct advntk__configurer *c, const struct advntk__table *table,
                                const struct advntk_node *map, const struct advntk__place *place,
                                const struct advntk__way *way, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    for (const struct advntk_param *row = table->rows; row && row->name; row++) {
        const struct advntk_node *value = advntk_node_get(map, row->name);
        struct advntk__way at = {.up = way, .name = row->name};
        void *member = (char *)table->config + row->offset;
        if (advntk_node_get(value, "ref")) {
            c->mistakes++; /* a reference that could not be replaced; noted already */
        } else if (advntk_node_kind(value) != ADVNTK_NODE_NULL) {
            TRY(set_value(c, row, value, &at, member, err));
        } else if (row->flags & ADVNTK_P_REQUIRED) {
            struct advntk__text expected = {0};
            advntk__param_expected(row, &expected);
            advntk__mistake(c, value ? value->place : place, &at, "missing; expected %s",
                            advntk__text_get(&expected));
            advntk__text_release(&expected);
        } else {
            TRY(set_default(c, row, place, &at, member, err));
        }
    }
out:
    return rc;
}

advntk_status advntk__configure(struct advntk__configurer *c, int count,
                                const struct advntk__table *tables, const struct advntk_node *map,
                                const char *const *others, const struct advntk__place *place,
                                const struct advntk__way *way, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    for (ptrdiff_t i = 0; map && i < advntk_node_count(map); i++) {
        const struct advntk__entry *entry = &map->entries[i];
        if (!row_of(count, tables, entry->key) && !listed(others, entry->key)) {
            TRY(unknown_key(c, count, tables, others, entry, way, err));
        }
    }
    for (int t = 0; t < count; t++) {
        TRY(fill_table(c, &tables[t], map, place, way, err));
    }
out:
    return rc;
}

/* ---- slots ---- */

static advntk_status remember_loss(struct advntk__configurer *c,
                                   struct advntk_attack_settings *settings,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (c->no_loss_count == c->no_loss_room) {
        struct advntk_attack_settings **grown;
        ptrdiff_t room = c->no_loss_room ? 2 * c->no_loss_room : 8;
        TRY(advntk__pool_get(c->memory, room, sizeof(struct advntk_attack_settings *), &grown,
                             err));
        if (c->no_loss_count > 0) {
            memcpy(grown, c->no_loss, (size_t)c->no_loss_count * sizeof(*c->no_loss));
        }
        c->no_loss = grown;
        c->no_loss_room = room;
    }
    c->no_loss[c->no_loss_count++] = settings;
out:
    return rc;
}

static advntk_status remember_orphan(struct advntk__configurer *c,
                                     const struct advntk__orphan *orphan, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (c->orphan_count == c->orphan_room) {
        struct advntk__orphan *grown;
        ptrdiff_t room = c->orphan_room ? 2 * c->orphan_room : 8;
        TRY(advntk__pool_get(c->memory, room, sizeof(*grown), &grown, err));
        if (c->orphan_count > 0) {
            memcpy(grown, c->orphans, (size_t)c->orphan_count * sizeof(*grown));
        }
        c->orphans = grown;
        c->orphan_room = room;
    }
    c->orphans[c->orphan_count++] = *orphan;
out:
    return rc;
}

/* Norm, radius and loss pass from a composite to the attacks in it that have none of their own;
 * what it lacks itself they wait for with it. */
static advntk_status inherit(struct advntk__configurer *c, struct advntk_attack_settings *settings,
                             bool norm_written, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    int depth = c->attack_depth;
    bool last = depth == 0;
    ptrdiff_t kept = 0;
    for (ptrdiff_t i = 0; i < c->orphan_count; i++) {
        struct advntk__orphan o = c->orphans[i];
        if (o.depth == depth + 1) {
            if (o.norm && (norm_written || last)) {
                o.settings->norm = settings->norm;
                o.norm = false;
            }
            if (isnan(o.settings->radius)) {
                o.settings->radius = settings->radius;
            }
            if (!o.settings->loss.plugin) {
                o.settings->loss = settings->loss;
            }
            o.depth = depth;
        }
        if (!last) {
            c->orphans[kept++] = o;
        }
    }
    c->orphan_count = kept;
    if (!last && (!norm_written || isnan(settings->radius) || !settings->loss.plugin)) {
        const struct advntk__orphan own = {settings, depth, !norm_written};
        TRY(remember_orphan(c, &own, err));
    }
out:
    return rc;
}

/* What the host looks at in an attack: the preset, then radius and norm together. */
static advntk_status finish_attack(struct advntk__configurer *c, const struct advntk_plugin *plugin,
                                   const void *config, struct advntk_attack_settings *settings,
                                   const struct advntk_node *node, const struct advntk__way *way,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_attack_ops *ops = plugin->ops;
    const struct advntk_norm_ops *norm;
    const struct advntk_node *written = advntk_node_get(node, "radius");
    const struct advntk__place *place = written ? written->place : node->place;
    struct advntk__way at = {.up = way, .name = "radius"};
    if (ops->preset) {
        ops->preset(config, settings);
    }
    if (!settings->loss.plugin && ops->loss) {
        struct advntk__way own = {.up = way, .name = "loss"};
        struct advntk_node *name;
        TRY(advntk__node_text(c->memory, ops->loss, node->place, &name, err));
        TRY(advntk__configure_slot(c, ADVNTK_KIND_LOSS, name, NULL, &own, &settings->loss, err));
    } else if (!settings->loss.plugin) {
        TRY(remember_loss(c, settings, err));
    }
    TRY(inherit(c, settings, advntk_node_get(node, "norm") != NULL, err));
    if (ops->goal == ADVNTK_GOAL_NONE || !settings->norm.plugin) {
        goto out;
    }
    norm = settings->norm.plugin->ops;
    if (isnan(settings->radius)) {
        if (c->attack_depth == 0) {
            advntk__mistake(c, place, &at, "missing; attack %s needs a radius (%s)", plugin->name,
                            norm->unit ? norm->unit : "the norm's unit");
        }
    } else if (settings->radius > norm->radius_max) {
        struct advntk__text hint = {0};
        advntk__text_printf(&hint, "radius ");
        advntk__text_real(&hint, settings->radius);
        advntk__text_printf(&hint, " is larger than %s's ", settings->norm.plugin->name);
        advntk__text_real(&hint, norm->radius_max);
        advntk__text_printf(&hint, ": radii are in %s", norm->unit ? norm->unit : "its unit");
        if (settings->radius <= 255 && settings->radius == floor(settings->radius)) {
            advntk__text_printf(&hint, "; did you mean %g/255?", settings->radius);
        }
        advntk__mistake(c, place, &at, "%s", advntk__text_get(&hint));
        advntk__text_release(&hint);
    }
out:
    return rc;
}

/* The name of the plugin; NULL: a mistake was noted. */
static const char *plugin_name(struct advntk__configurer *c, uint32_t kind,
                               const struct advntk_node *node, const char *default_name,
                               const struct advntk__way *way, const struct advntk__place **place)
{
    const struct advntk_param row = {.type = ADVNTK_PARAM_SLOT, .slot_kind = kind};
    const struct advntk_node *name = advntk_node_get(node, "plugin");
    struct advntk__way at = {.up = way, .name = "plugin"};
    *place = node->place;
    if (node->kind == ADVNTK_NODE_SCALAR) {
        return node->text;
    }
    if (node->kind != ADVNTK_NODE_MAP) {
        advntk__value_wrong(c, &row, node, way);
        return NULL;
    }
    if (advntk_node_kind(name) == ADVNTK_NODE_SCALAR) {
        *place = name->place;
        return name->text;
    }
    if (!name && default_name && is_name(default_name)) {
        return default_name;
    }
    advntk__mistake(c, name ? name->place : node->place, &at,
                    "missing; expected the name of a plugin of kind %s", advntk__kind_name(kind));
    return NULL;
}

/* What follows "NAME: " at the beginning of a text; NULL: it does not begin so. */
static const char *behind(const char *text, const char *name)
{
    size_t length = name ? strlen(name) : 0;
    bool begins = length > 0 && strncmp(text, name, length) == 0 && text[length] == ':' &&
                  text[length + 1] == ' ';
    return begins ? text + length + 2 : NULL;
}

/* Where the text begins with the place: notes the rest there, less the name that the way ends with
 * and that a slot in the tree begins its way with. */
static bool note_at_place(struct advntk__configurer *c, const struct advntk__place *place,
                          const struct advntk__way *way, const char *text)
{
    const char *rest = behind(text, place ? place->text : NULL), *more;
    if (!rest) {
        return false;
    }
    more = behind(rest, "error");
    rest = more ? more : rest;
    more = behind(rest, way ? way->name : NULL);
    advntk__mistake(c, place, way, "%s", more ? more : rest);
    return true;
}

/*
 * Notes what a plugin's check says of its parameters: where the text begins with the place of a
 * node or key in the tree, there and by its way. false: no such place at or below this node.
 */
static bool note_at_node(struct advntk__configurer *c, const struct advntk_node *node,
                         const struct advntk__way *way, int depth, const char *text)
{
    bool noted = note_at_place(c, node->place, way, text);
    for (ptrdiff_t i = 0; !noted && depth < ADVNTK__COPY_DEPTH && i < node->count; i++) {
        const struct advntk__entry *entry = &node->entries[i];
        struct advntk__way at = {.up = way, .name = entry->key, .index = i};
        noted = note_at_node(c, entry->value, &at, depth + 1, text) ||
                note_at_place(c, entry->place, &at, text);
    }
    return noted;
}

static advntk_status fill_slot(struct advntk__configurer *c,
                               const struct advntk__plugin_record *record,
                               const struct advntk_node *node, const struct advntk__way *way,
                               struct advntk_slot *slot, struct advntk_error *err)
{
    static const char *const others[] = {"plugin", NULL};
    advntk_status rc = ADVNTK_OK;
    const struct advntk_plugin *plugin = &record->plugin;
    struct advntk_error why = {0};
    struct advntk__table tables[2] = {{plugin->params, NULL},
                                      {advntk__slot_host_params(plugin->kind), NULL}};
    ptrdiff_t before = c->mistakes;
    int attack = plugin->kind == ADVNTK_KIND_ATTACK;
    TRY(advntk__pool_get(c->memory, 1, plugin->config_bytes + 1, &tables[0].config, err));
    TRY(advntk__pool_get(c->memory, 1, host_bytes(plugin->kind) + 1, &tables[1].config, err));
    c->attack_depth += attack;
    rc = advntk__configure(c, 2, tables, node->kind == ADVNTK_NODE_MAP ? node : NULL, others,
                           node->place, way, err);
    c->attack_depth -= attack;
    TRY(rc);
    if (attack) {
        TRY(finish_attack(c, plugin, tables[0].config, tables[1].config, node, way, err));
    }
    if (c->mistakes == before && plugin->check &&
        plugin->check(tables[0].config, &why) != ADVNTK_OK &&
        !note_at_node(c, node, way, 0, why.text)) {
        advntk__mistake(c, node->place, way, "%s", why.text);
    }
    *slot = (struct advntk_slot){plugin, tables[0].config,
                                 host_bytes(plugin->kind) > 0 ? tables[1].config : NULL};
out:
    return rc;
}

/* Where a slot's default is a map and what is written is one without a plugin: the default, with
 * what is written over it. */
static advntk_status over_default(struct advntk__configurer *c, const struct advntk_node **node,
                                  const char *default_text, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_node *written = *node;
    struct advntk_node *merged = NULL;
    if (!default_text || is_name(default_text) || written->kind != ADVNTK_NODE_MAP ||
        advntk_node_get(written, "plugin")) {
        goto out;
    }
    TRY(parse_default(c, default_text, written->place, &merged, err));
    if (!merged || merged->kind != ADVNTK_NODE_MAP) {
        goto out;
    }
    for (ptrdiff_t i = 0; i < written->count; i++) {
        const struct advntk__entry *entry = &written->entries[i];
        struct advntk__entry *there = advntk__node_find(merged, entry->key);
        if (there) {
            *there = *entry;
        } else {
            TRY(advntk__node_add(merged, entry->key, entry->place, entry->value, err));
        }
    }
    *node = merged;
out:
    return rc;
}

advntk_status advntk__configure_slot(struct advntk__configurer *c, uint32_t kind,
                                     const struct advntk_node *node, const char *default_name,
                                     const struct advntk__way *way, struct advntk_slot *slot,
                                     struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__plugin_record *record;
    const struct advntk__place *place;
    const char *name;
    *slot = (struct advntk_slot){NULL, NULL, NULL};
    TRY(over_default(c, &node, default_name, err));
    name = plugin_name(c, kind, node, default_name, way, &place);
    if (!name) {
        goto out;
    }
    record = advntk__registry_find(c->memory->registry, kind, name);
    if (!record) {
        struct advntk_error why;
        rc = advntk__registry_missing(c->memory->registry, kind, name, &why);
        if (rc == ADVNTK_ENOMEM) {
            FAIL(err, ENOMEM, "%s", why.text);
        }
        rc = ADVNTK_OK;
        advntk__mistake(c, place, way, "%s", why.text);
        goto out;
    }
    if (c->depth >= SLOT_DEPTH) {
        advntk__mistake(c, place, way, "plugins nested deeper than %d", SLOT_DEPTH);
        goto out;
    }
    c->depth++;
    rc = fill_slot(c, record, node, way, slot, err);
    c->depth--;
out:
    return rc;
}

advntk_status advntk__configure_losses(struct advntk__configurer *c,
                                       const struct advntk_slot *method,
                                       const struct advntk__place *place, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_slot loss = {NULL, NULL, NULL};
    const struct advntk_param *row = method->plugin ? method->plugin->params : NULL;
    struct advntk_node *node;
    if (c->no_loss_count == 0) {
        goto out;
    }
    for (; row && row->name; row++) {
        if (strcmp(row->name, "loss") == 0 && row->type == ADVNTK_PARAM_SLOT &&
            row->slot_kind == ADVNTK_KIND_LOSS) {
            memcpy(&loss, (const char *)method->config + row->offset, sizeof(loss));
        }
    }
    if (!loss.plugin) {
        struct advntk__way attack = {.name = "attack"}, at = {.up = &attack, .name = "loss"};
        TRY(advntk__node_text(c->memory, "mse", place, &node, err));
        TRY(advntk__configure_slot(c, ADVNTK_KIND_LOSS, node, NULL, &at, &loss, err));
    }
    for (ptrdiff_t i = 0; i < c->no_loss_count; i++) {
        if (!c->no_loss[i]->loss.plugin) { /* not a composite's own in the meantime */
            c->no_loss[i]->loss = loss;
        }
    }
out:
    return rc;
}

/* A slot inside a tree that a plugin reads by itself. */
advntk_status advntk_node_slot(const struct advntk_node *node, uint32_t kind,
                               struct advntk_slot *slot, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__faults faults = {0};
    struct advntk__text lines = {0};
    struct advntk__configurer c = {.faults = &faults};
    if (!node || !node->memory) {
        FAIL(err, EINVALID, "no tree where a plugin of kind %u is expected", kind);
    }
    c.memory = node->memory;
    c.memory->nodes = 0;
    TRY(advntk__configure_slot(&c, kind, node, NULL, NULL, slot, err));
    if (c.mistakes > 0) {
        advntk__faults_print(&faults, &lines);
        FAIL(err, EINVALID, "%.*s", (int)strcspn(advntk__text_get(&lines), "\n"),
             advntk__text_get(&lines));
    }
out:
    advntk__text_release(&lines);
    advntk__faults_release(&faults);
    return rc;
}

advntk_status advntk_node_real(const struct advntk_node *node, double *value,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *text = advntk_node_scalar(node);
    if (!text) {
        FAIL(err, EINVALID, "%s: error: expected a number", advntk_node_place(node));
    }
    rc = advntk__expression(text, NULL, value, err);
    if (rc != ADVNTK_OK) {
        advntk_error_prefix(err, "%s: error: got '%.60s': ", advntk_node_place(node), text);
    }
out:
    return rc;
}

advntk_status advntk_node_int(const struct advntk_node *node, int64_t *value,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *text = advntk_node_scalar(node);
    if (!text) {
        FAIL(err, EINVALID, "%s: error: expected an integer", advntk_node_place(node));
    }
    rc = advntk__expression_int(text, NULL, value, err);
    if (rc != ADVNTK_OK) {
        advntk_error_prefix(err, "%s: error: got '%.60s': ", advntk_node_place(node), text);
    }
out:
    return rc;
}
