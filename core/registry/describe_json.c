/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The JSON forms of describe.h. Keys that have nothing to say are left out. */
#include "config.h"

#include "base/files.h"
#include "registry/describe.h"
#include "registry/internal.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* Sets a text, unless it is NULL. A failed allocation is told by the caller's final dump being
 * short of it, so it is kept in `failed`. */
static void put_text(json_t *object, const char *key, const char *text, bool *failed)
{
    if (text && json_object_set_new(object, key, json_string(text)) != 0) {
        *failed = true;
    }
}

static void put(json_t *object, const char *key, json_t *value, bool *failed)
{
    if (json_object_set_new(object, key, value) != 0) {
        *failed = true;
    }
}

static void put_real(json_t *object, const char *key, double value, bool *failed)
{
    if (isfinite(value)) { /* JSON has no others; absent: no bound, no default */
        put(object, key, json_real(value), failed);
    }
}

static void put_default(json_t *object, const struct advntk_param *row, bool *failed)
{
    if (row->flags & ADVNTK_P_REQUIRED) {
        return;
    }
    switch (row->type) {
    case ADVNTK_PARAM_BOOL:
        put(object, "default", json_boolean(row->def.b), failed);
        break;
    case ADVNTK_PARAM_INT:
        put(object, "default", json_integer(row->def.i), failed);
        break;
    case ADVNTK_PARAM_REAL:
    case ADVNTK_PARAM_PAIR:
        put_real(object, "default", row->def.r, failed);
        break;
    case ADVNTK_PARAM_STRING:
    case ADVNTK_PARAM_PATH:
    case ADVNTK_PARAM_CHOICE:
    case ADVNTK_PARAM_SLOT:
    case ADVNTK_PARAM_LIST:
        put_text(object, "default", row->def.s, failed);
        break;
    case ADVNTK_PARAM_NODE:
    case ADVNTK_PARAM_TYPE_END:
        break;
    }
}

static void put_range(json_t *object, const struct advntk_param *row, bool *failed)
{
    enum advntk_param_type type = row->type == ADVNTK_PARAM_LIST ? row->element : row->type;

    if (type == ADVNTK_PARAM_INT) {
        put(object, "min", json_integer(row->min.i), failed);
        put(object, "max", json_integer(row->max.i), failed);
    } else if (type == ADVNTK_PARAM_REAL || type == ADVNTK_PARAM_PAIR) {
        put_real(object, "min", row->min.r, failed);
        put_real(object, "max", row->max.r, failed);
    } else if (type == ADVNTK_PARAM_SLOT) {
        put_text(object, "slot", advntk__kind_name(row->slot_kind), failed);
    } else if (type == ADVNTK_PARAM_CHOICE) {
        json_t *choices = json_array();
        for (ptrdiff_t i = 0; row->choices[i]; i++) {
            *failed = json_array_append_new(choices, json_string(row->choices[i])) != 0 || *failed;
        }
        put(object, "choices", choices, failed);
    }
    if (row->flags & ADVNTK_P_MIN_OPEN) {
        put(object, "min_open", json_true(), failed);
    }
    if (row->flags & ADVNTK_P_MAX_OPEN) {
        put(object, "max_open", json_true(), failed);
    }
}

static json_t *row_object(const struct advntk_param *row, bool *failed)
{
    json_t *object = json_object();
    put_text(object, "name", row->name, failed);
    put_text(object, "type", advntk__param_type_name(row->type), failed);
    if (row->type == ADVNTK_PARAM_LIST) {
        put_text(object, "element", advntk__param_type_name(row->element), failed);
    }
    put(object, "required", json_boolean(row->flags & ADVNTK_P_REQUIRED), failed);
    put_default(object, row, failed);
    put_range(object, row, failed);
    put_text(object, "unit", row->unit, failed);
    put_text(object, "symbol", row->symbol, failed);
    put_text(object, "help", row->help, failed);
    put_text(object, "source", row->source, failed);
    put_text(object, "since", row->since, failed);
    put(object, "identity", json_boolean(!(row->flags & ADVNTK_P_NO_IDENTITY)), failed);
    return object;
}

static json_t *table_array(const struct advntk_param *rows, bool *failed)
{
    json_t *array = json_array();
    for (; rows && rows->name; rows++) {
        *failed = json_array_append_new(array, row_object(rows, failed)) != 0 || *failed;
    }
    return array;
}

static json_t *plugin_object(const struct advntk__plugin_record *record, bool *failed)
{
    const struct advntk_plugin *plugin = &record->plugin;
    json_t *object = json_object();
    char digest[33];

    advntk__hash_hex(record->digest, digest);
    put_text(object, "kind", advntk__kind_name(plugin->kind), failed);
    put_text(object, "name", plugin->name, failed);
    put_text(object, "version", plugin->version, failed);
    put_text(object, "licence", plugin->licence, failed);
    put_text(object, "summary", plugin->summary, failed);
    put_text(object, "file", record->file, failed);
    put_text(object, "digest", digest, failed);
    put_text(object, "shadowed_by", record->shadowed_by, failed);
    return object;
}

/* Adds the dump and lets go of the value. */
static void dump(json_t *value, bool failed, struct advntk__text *out)
{
    char *text = failed ? NULL : json_dumps(value, JSON_INDENT(2));
    if (text) {
        advntk__text_puts(out, text);
        advntk__text_puts(out, "\n");
    } else {
        out->failed = true;
    }
    free(text);
    json_decref(value);
}

void advntk__describe_json(const struct advntk__plugin_record *record, const char *example,
                           struct advntk__text *out)
{
    bool failed = false;
    json_t *object = plugin_object(record, &failed);

    put_text(object, "doc", record->plugin.doc, &failed);
    put_text(object, "source", record->plugin.source, &failed);
    put(object, "parameters", table_array(record->plugin.params, &failed), &failed);
    put(object, "host_parameters", table_array(advntk__host_params(record->plugin.kind), &failed),
        &failed);
    put_text(object, "example", example, &failed);
    dump(object, failed, out);
}

void advntk__list_json(const struct advntk__registry *registry, uint32_t kind, bool all,
                       struct advntk__text *out)
{
    bool failed = false;
    json_t *object = json_object(), *plugins = json_array(), *refused = json_array();

    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk__plugin_record *r = advntk__registry_get(registry, i);
        if ((kind == 0 || r->plugin.kind == kind) && (all || !r->shadowed_by)) {
            failed = json_array_append_new(plugins, plugin_object(r, &failed)) != 0 || failed;
        }
    }
    put(object, "plugins", plugins, &failed);
    for (ptrdiff_t i = 0; i < advntk__registry_refusal_count(registry); i++) {
        const struct advntk__refusal *r = advntk__registry_refusal(registry, i);
        if (all && advntk__refusal_concerns(r, kind)) {
            json_t *item = json_object();
            put_text(item, "file", r->file, &failed);
            put_text(item, "reason", r->reason, &failed);
            failed = json_array_append_new(refused, item) != 0 || failed;
        }
    }
    if (all) {
        put(object, "refused", refused, &failed);
    } else {
        json_decref(refused);
    }
    dump(object, failed, out);
}
