/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/schema.h"

#include "base/try.h"
#include "recipe/configure.h"
#include "recipe/resolve.h"
#include "registry/registry.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Arithmetic as text: something that a number's type would refuse. */
#define EXPRESSION "^[-+(. 0-9A-Za-z_*/^,)]+$"

/* ---- small schemas; jansson turns a failed part into a failed whole ---- */

static json_t *reference(const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/$defs/%s", name));
}

/* A NULL part makes the list NULL. */
static json_t *any_of(json_t *a, json_t *b, json_t *c)
{
    return c ? json_pack("{s:[o,o,o]}", "anyOf", a, b, c) : json_pack("{s:[o,o]}", "anyOf", a, b);
}

static json_t *with_reference(json_t *schema)
{
    return any_of(schema, reference("ref"), NULL);
}

static json_t *bounded(const struct advntk_param *row, bool whole)
{
    json_t *number = json_pack("{s:s}", "type", whole ? "integer" : "number");
    const char *low = row->flags & ADVNTK_P_MIN_OPEN ? "exclusiveMinimum" : "minimum";
    const char *high = row->flags & ADVNTK_P_MAX_OPEN ? "exclusiveMaximum" : "maximum";
    int failed = 0;
    if (whole && row->min.i > INT64_MIN) {
        failed |= json_object_set_new(number, low, json_integer(row->min.i));
    } else if (!whole && isfinite(row->min.r)) {
        failed |= json_object_set_new(number, low, json_real(row->min.r));
    }
    if (whole && row->max.i < INT64_MAX) {
        failed |= json_object_set_new(number, high, json_integer(row->max.i));
    } else if (!whole && isfinite(row->max.r)) {
        failed |= json_object_set_new(number, high, json_real(row->max.r));
    }
    if (failed) {
        json_decref(number);
        return NULL;
    }
    return any_of(number, reference("expression"), NULL);
}

static json_t *choice(const struct advntk_param *row)
{
    json_t *names = json_array();
    for (const char *const *name = row->choices; *name; name++) {
        if (json_array_append_new(names, json_string(*name)) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return json_pack("{s:o}", "enum", names);
}

static json_t *value_schema(const struct advntk_param *row, enum advntk_param_type type)
{
    json_t *item;
    switch ((int)type) {
    case ADVNTK_PARAM_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case ADVNTK_PARAM_INT:
        return bounded(row, true);
    case ADVNTK_PARAM_REAL:
        return bounded(row, false);
    case ADVNTK_PARAM_CHOICE:
        return choice(row);
    case ADVNTK_PARAM_SLOT:
        return reference(advntk__kind_name(row->slot_kind));
    case ADVNTK_PARAM_LIST:
        item = value_schema(row, row->element);
        return json_pack("{s:s, s:o}", "type", "array", "items", with_reference(item));
    case ADVNTK_PARAM_PAIR:
        item = bounded(row, false);
        return any_of(item,
                      json_pack("{s:s, s:O, s:i, s:i}", "type", "array", "items", item, "minItems",
                                2, "maxItems", 2),
                      NULL);
    case ADVNTK_PARAM_NODE:
        return json_pack("{s:[s,s]}", "type", "array", "object");
    default: /* STRING, PATH: YAML's other scalars are text too where text is wanted */
        return json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");
    }
}

/* The default as the language writes it. */
static json_t *default_of(const struct advntk_param *row)
{
    switch ((int)row->type) {
    case ADVNTK_PARAM_BOOL:
        return json_boolean(row->def.b);
    case ADVNTK_PARAM_INT:
        return json_integer(row->def.i);
    case ADVNTK_PARAM_REAL:
    case ADVNTK_PARAM_PAIR:
        return isfinite(row->def.r) ? json_real(row->def.r) : NULL;
    case ADVNTK_PARAM_STRING:
    case ADVNTK_PARAM_CHOICE:
        return row->def.s ? json_string(row->def.s) : NULL;
    default:
        return NULL;
    }
}

/* null removes a key, so it may stand anywhere. */
static json_t *row_schema(const struct advntk_param *row)
{
    json_t *schema =
        any_of(value_schema(row, row->type), reference("ref"), json_pack("{s:s}", "type", "null"));
    json_t *standard = row->flags & ADVNTK_P_REQUIRED ? NULL : default_of(row);
    struct advntk__text help = {0};
    advntk__text_printf(&help, "%s.\n\nExpected: ", row->help);
    advntk__param_expected(row, &help);
    if (row->symbol) {
        advntk__text_printf(&help, "; symbol %s", row->symbol);
    }
    if (help.failed ||
        json_object_set_new(schema, "description", json_string(advntk__text_get(&help))) != 0 ||
        (standard && json_object_set(schema, "default", standard) != 0)) {
        json_decref(schema);
        schema = NULL;
    }
    json_decref(standard);
    advntk__text_release(&help);
    return schema;
}

/* Adds the rows to the properties of a map; false: no memory. */
static bool add_rows(json_t *properties, const struct advntk_param *rows)
{
    for (const struct advntk_param *row = rows; row && row->name; row++) {
        if (json_object_set_new(properties, row->name, row_schema(row)) != 0) {
            return false;
        }
    }
    return true;
}

/* A map with these keys and no others, or a reference with such keys beside it. */
static json_t *map_schema(json_t *properties)
{
    return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
                     "additionalProperties", 0);
}

/* ---- slots ---- */

static json_t *plugin_map(const struct advntk_plugin *plugin)
{
    json_t *properties = json_pack("{s:{s:s, s:s}}", "plugin", "const", plugin->name, "description",
                                   plugin->summary);
    json_t *map;
    if (!add_rows(properties, plugin->params) ||
        !add_rows(properties, advntk__slot_host_params(plugin->kind))) {
        json_decref(properties);
        return NULL;
    }
    map = map_schema(properties);
    if (json_object_set_new(map, "required", json_pack("[s]", "plugin")) != 0 ||
        json_object_set_new(map, "title", json_string(plugin->name)) != 0 ||
        json_object_set_new(map, "description", json_string(plugin->summary)) != 0) {
        json_decref(map);
        return NULL;
    }
    return map;
}

/* A name, or a map by the name in `plugin`; a map without it belongs to what it is merged onto. */
static json_t *slot_schema(const struct advntk__registry *registry, uint32_t kind)
{
    json_t *choices = json_array();
    int failed = !choices;
    for (ptrdiff_t i = 0; i < advntk__registry_count(registry) && !failed; i++) {
        const struct advntk__plugin_record *record = advntk__registry_get(registry, i);
        if (record->plugin.kind == kind && !record->shadowed_by) {
            failed =
                json_array_append_new(choices, json_pack("{s:s, s:s}", "const", record->plugin.name,
                                                         "description", record->plugin.summary)) ||
                json_array_append_new(choices, plugin_map(&record->plugin));
        }
    }
    failed =
        failed || json_array_append_new(choices, json_pack("{s:s, s:{s:[{s:[s]},{s:[s]}]}}", "type",
                                                           "object", "not", "anyOf", "required",
                                                           "plugin", "required", "ref"));
    if (failed) {
        json_decref(choices);
        return NULL;
    }
    return json_pack("{s:o}", "oneOf", choices);
}

static json_t *definitions(const struct advntk__registry *registry)
{
    json_t *defs =
        json_pack("{s:{s:s, s:s, s:s}, s:{s:s, s:{s:{s:s, s:s}}, s:[s]}}", "expression", "type",
                  "string", "pattern", EXPRESSION, "description",
                  "Arithmetic with the names of let: 8/255, radius/5, min(2*depth+1, 9)", "ref",
                  "type", "object", "properties", "ref", "type", "string", "description",
                  "Dotted path of the value that this is, with the keys beside it merged over it",
                  "required", "ref");
    int failed = !defs;
    for (uint32_t kind = 1; kind < 32 && !failed; kind++) {
        if (advntk__kind_name(kind)) {
            failed =
                json_object_set_new(defs, advntk__kind_name(kind), slot_schema(registry, kind));
        }
    }
    if (failed) {
        json_decref(defs);
        return NULL;
    }
    return defs;
}

/* ---- sweeps ---- */

static bool add_sweep(json_t *defs)
{
    static const char text[] =
        "{\"axes\": {\"type\": \"object\", \"minProperties\": 1, \"additionalProperties\":"
        "  {\"type\": \"array\", \"minItems\": 1}},"
        " \"values\": {\"type\": \"object\"},"
        " \"node\": {\"type\": \"object\", \"minProperties\": 1, \"additionalProperties\": false,"
        "  \"properties\": {"
        "   \"product\": {\"$ref\": \"#/$defs/axes\","
        "    \"description\": \"Every combination, the first key slowest\"},"
        "   \"zip\": {\"$ref\": \"#/$defs/axes\","
        "    \"description\": \"Lists of one length, taken together\"},"
        "   \"list\": {\"type\": \"array\", \"minItems\": 1, \"items\": {\"$ref\":"
        "    \"#/$defs/values\"}, \"description\":"
        "    \"Maps of overrides, or nodes, one after the other\"},"
        "   \"ablate\": {\"type\": \"object\", \"required\": [\"vary\"],"
        "    \"additionalProperties\": false, \"properties\":"
        "    {\"base\": {\"$ref\": \"#/$defs/values\"}, \"vary\": {\"$ref\": \"#/$defs/axes\"}},"
        "    \"description\": \"The base, then each value of each key by itself\"},"
        "   \"when\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"required\":"
        "    [\"if\", \"then\"], \"additionalProperties\": false, \"properties\":"
        "    {\"if\": {\"$ref\": \"#/$defs/values\"}, \"then\": {\"$ref\": \"#/$defs/node\"}}},"
        "    \"description\": \"A node for the runs that fulfil a condition\"},"
        "   \"except\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/values\"},"
        "    \"description\": \"Takes out the runs that have all these values\"}}}}";
    json_t *more = json_loads(text, 0, NULL);
    bool added = more && json_object_update(defs, more) == 0;
    json_decref(more);
    return added;
}

/* ---- the whole ---- */

static const struct advntk__section *section(const char *name)
{
    const struct advntk__section *s = advntk__recipe_sections();
    while (s->name && strcmp(s->name, name) != 0) {
        s++;
    }
    return s;
}

static json_t *section_schema(const char *name)
{
    json_t *properties = json_object(), *map;
    if (!add_rows(properties, section(name)->rows)) {
        json_decref(properties);
        return NULL;
    }
    map = map_schema(properties);
    if (json_object_set_new(map, "description", json_string(section(name)->help)) != 0) {
        json_decref(map);
        return NULL;
    }
    return map;
}

/* An evaluation's radius may be a list; its other keys are those of any attack. */
static json_t *evaluation_schema(void)
{
    json_t *item = section_schema("evaluate");
    json_t *attack = json_object_get(json_object_get(item, "properties"), "attack");
    json_t *listed = json_pack("{s:s, s:[s], s:{s:{s:s, s:i}}}", "type", "object", "required",
                               "radius", "properties", "radius", "type", "array", "minItems", 1);
    if (json_array_append_new(json_object_get(attack, "anyOf"), listed) != 0 ||
        json_object_set_new(item, "required", json_pack("[s]", "name")) != 0) {
        json_decref(item);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:s}", "type", "array", "items", item, "description",
                     section("evaluate")->help);
}

static bool add_sections(json_t *properties)
{
    return add_rows(properties, section("")->rows) &&
           json_object_set_new(properties, "advntk",
                               json_pack("{s:i, s:s}", "const", ADVNTK__LANGUAGE, "description",
                                         "version of the language")) == 0 &&
           json_object_set_new(properties, "extends",
                               json_pack("{s:[{s:s},{s:s,s:{s:s}}], s:s}", "anyOf", "type",
                                         "string", "type", "array", "items", "type", "string",
                                         "description", section("extends")->help)) == 0 &&
           json_object_set_new(properties, "let",
                               json_pack("{s:s, s:{s:[s,s]}, s:s}", "type", "object",
                                         "additionalProperties", "type", "number", "string",
                                         "description", section("let")->help)) == 0 &&
           json_object_set_new(properties, "data", section_schema("data")) == 0 &&
           json_object_set_new(properties, "model", section_schema("model")) == 0 &&
           json_object_set_new(properties, "report", section_schema("report")) == 0 &&
           json_object_set_new(properties, "method", with_reference(reference("method"))) == 0 &&
           json_object_set_new(properties, "evaluate", evaluation_schema()) == 0 &&
           json_object_set_new(properties, "sweep", reference("node")) == 0;
}

advntk_status advntk__recipe_schema(const struct advntk__registry *registry,
                                    struct advntk__text *out, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    json_t *defs = definitions(registry), *properties = json_object(), *all = NULL;
    char *text = NULL;
    if (!defs || !add_sweep(defs) || !add_sections(properties)) {
        FAIL(err, ENOMEM, "no memory for a schema");
    }
    all =
        json_pack("{s:s, s:s, s:s, s:O, s:b, s:O}", "$schema",
                  "https://json-schema.org/draft/2020-12/schema", "title", "advntk recipe", "type",
                  "object", "properties", properties, "additionalProperties", 0, "$defs", defs);
    text = all ? json_dumps(all, JSON_INDENT(1)) : NULL;
    if (!text) {
        FAIL(err, ENOMEM, "no memory for a schema");
    }
    advntk__text_puts(out, text);
    advntk__text_puts(out, "\n");
    if (out->failed) {
        FAIL(err, ENOMEM, "no memory for a schema");
    }
out:
    free(text);
    json_decref(all);
    json_decref(properties);
    json_decref(defs);
    return rc;
}
