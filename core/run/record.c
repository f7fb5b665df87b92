/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/record.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/host.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/graph.h"
#include "registry/registry.h"
#include "run/evaluate.h"
#include "run/services.h"
#include "run/slots.h"

#include <advntk/node.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static json_t *scalar_json(const char *text)
{
    char *end = NULL;
    double value;

    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        return json_boolean(*text == 't');
    }
    value = strtod(text, &end);
    if (end == text || *end || !isfinite(value)) {
        return json_string(text);
    }
    if (!strpbrk(text, ".eE") && fabs(value) < 0x1p53) {
        return json_integer((json_int_t)value);
    }
    return json_real(value);
}

json_t *advntk__node_json(const struct advntk_node *node)
{
    json_t *all;

    switch (advntk_node_kind(node)) {
    case ADVNTK_NODE_SCALAR:
        return scalar_json(advntk_node_scalar(node));
    case ADVNTK_NODE_LIST:
        all = json_array();
        for (ptrdiff_t i = 0; i < advntk_node_count(node); i++) {
            json_array_append_new(all, advntk__node_json(advntk_node_item(node, i)));
        }
        return all;
    case ADVNTK_NODE_MAP:
        all = json_object();
        for (ptrdiff_t i = 0; i < advntk_node_count(node); i++) {
            json_object_set_new(all, advntk_node_key(node, i),
                                advntk__node_json(advntk_node_item(node, i)));
        }
        return all;
    case ADVNTK_NODE_NULL:
        break;
    }
    return json_null();
}

static void add_settings(json_t *all, const struct advntk_node *node, const char *path)
{
    char key[256];

    if (advntk_node_kind(node) != ADVNTK_NODE_MAP) {
        json_object_set_new(all, path, advntk__node_json(node));
        return;
    }
    for (ptrdiff_t i = 0; i < advntk_node_count(node); i++) {
        snprintf(key, sizeof(key), "%s.%s", path, advntk_node_key(node, i));
        add_settings(all, advntk_node_item(node, i), key);
    }
}

json_t *advntk__settings_json(const struct advntk_node *tree)
{
    static const char *const sections[] = {"data", "model", "method", "precision", "backend"};
    json_t *all = json_object();

    for (size_t i = 0; all && i < sizeof(sections) / sizeof(*sections); i++) {
        const struct advntk_node *section = advntk_node_get(tree, sections[i]);
        if (section) {
            add_settings(all, section, sections[i]);
        }
    }
    return all;
}

/* So that a results folder that may only be read serves what is finished. */
static bool holds_already(const char *path, const struct advntk__text *text)
{
    char *bytes = NULL;
    size_t count = 0;
    bool same = advntk__files_read(path, ADVNTK__JSON_BYTES, &bytes, &count, NULL) == ADVNTK_OK &&
                count == text->length && memcmp(bytes, text->bytes, count) == 0;

    free(bytes);
    return same;
}

advntk_status advntk__json_write(const json_t *object, const char *path, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__text out = {0};
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));

    if (text) {
        advntk__text_printf(&out, "%s\n", text);
    }
    if (!text || out.failed) {
        FAIL(err, ENOMEM, "%s: no memory for its text", path);
    }
    if (!holds_already(path, &out)) {
        TRY(advntk__files_replace(path, out.bytes, out.length, err));
    }
out:
    free(text);
    advntk__text_release(&out);
    return rc;
}

advntk_status advntk__json_parse(const char *path, const char *bytes, size_t count, json_t **object,
                                 struct advntk_error *err)
{
    json_error_t where;

    *object = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &where);
    if (!*object) {
        return ADVNTK_FAIL(err, EFORMAT, "%s:%d:%d: %s", path, where.line, where.column,
                           where.text);
    }
    if (!json_is_object(*object)) {
        json_decref(*object);
        *object = NULL;
        return ADVNTK_FAIL(err, EFORMAT, "%s: expected a JSON object", path);
    }
    return ADVNTK_OK;
}

advntk_status advntk__json_read(const char *path, json_t **object, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *bytes = NULL;
    size_t count = 0;

    TRY(advntk__files_read(path, ADVNTK__JSON_BYTES, &bytes, &count, err));
    TRY(advntk__json_parse(path, bytes, count, object, err));
out:
    free(bytes);
    return rc;
}

void advntk__record_result(json_t *object, const char *name, const json_t *evaluation)
{
    json_t *metrics = json_object_get(object, "metrics"),
           *intervals = json_object_get(object, "intervals"),
           *audit = json_object_get(object, "audit"), *samples = json_object_get(object, "samples");

    json_object_set(metrics, name, json_object_get(evaluation, "accuracy"));
    json_object_set(intervals, name, json_object_get(evaluation, "interval"));
    json_object_set(samples, name, json_object_get(evaluation, "images"));
    if (!json_is_null(json_object_get(evaluation, "attack"))) {
        json_object_set(audit, name,
                        json_object_get(json_object_get(evaluation, "audit"), "verdict"));
    }
}

/* ---- what is in the folder ---- */

enum advntk__run_state advntk__record_state(const struct advntk__folder *folder, json_t **record,
                                            struct advntk_error *damage)
{
    enum advntk__run_state state = advntk__folder_state(folder);
    char *path =
        state == ADVNTK__RUN_FINISHED ? advntk__folder_file(folder, "run.json", NULL) : NULL;
    const char *id;
    advntk_status rc;

    *record = NULL;
    damage->status = ADVNTK_OK;
    if (!path) {
        return state;
    }
    rc = advntk__json_read(path, record, damage);
    id = json_string_value(json_object_get(*record, "id"));
    if (rc == ADVNTK_OK && (!id || strcmp(id, folder->id) != 0)) {
        rc = ADVNTK_FAIL(damage, EFORMAT, "%s: is the record of run %s, expected that of %s", path,
                         id ? id : "(no id)", folder->id);
        json_decref(*record);
        *record = NULL;
    }
    free(path);
    if (rc != ADVNTK_EFORMAT) { /* what may not be read may be good */
        damage->status = ADVNTK_OK;
        return state;
    }
    return ADVNTK__RUN_INTERRUPTED;
}

advntk_status advntk__record_holds(const struct advntk__folder *folder,
                                   const struct advntk__evaluation *evaluation,
                                   const uint8_t digest[16], bool *held, struct advntk_error *err)
{
    const char *const wanted[] = {".json",
                                  advntk__evaluation_keeps(evaluation) ? ".adversarial.npz" : NULL,
                                  advntk__evaluation_records(evaluation) ? ".record.npz" : NULL};
    char id[ADVNTK__ID], name[ADVNTK__ID + 24], *path = NULL;
    advntk_status rc = ADVNTK_OK;

    *held = true;
    advntk__id_of(digest, id);
    for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]) && *held; k++) {
        if (!wanted[k]) {
            continue;
        }
        snprintf(name, sizeof(name), "%s%s", id, wanted[k]);
        path = advntk__folder_file(folder, "evaluations", name);
        if (!path) {
            FAIL(err, ENOMEM, "no memory for a path");
        }
        *held = access(path, F_OK) == 0;
        free(path);
    }
out:
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of a folder's files, sorted; free each and the list. */
static advntk_status file_names(const char *path, char ***names, size_t *count,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    DIR *dir = opendir(path);
    struct dirent *entry;
    char **grown;

    *names = NULL;
    *count = 0;
    if (!dir) {
        FAIL(err, EIO, "%s: cannot open the folder: %s", path, strerror(errno));
    }
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        grown = realloc(*names, (*count + 1) * sizeof(*grown));
        if (!grown) {
            FAIL(err, ENOMEM, "%s: no memory for its list", path);
        }
        *names = grown;
        grown[*count] = strdup(entry->d_name);
        if (!grown[*count]) {
            FAIL(err, ENOMEM, "%s: no memory for its list", path);
        }
        ++*count;
    }
    if (*count > 1) {
        qsort(*names, *count, sizeof(**names), by_name);
    }
out:
    if (dir) {
        closedir(dir);
    }
    return rc;
}

static void names_free(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

/* Where there are any: the reasons of an audit, and what each part of an attack found. */
static void add_details(json_t *record, const char *name, const json_t *evaluation)
{
    json_t *reasons = json_object_get(json_object_get(evaluation, "audit"), "reasons"),
           *parts = json_object_get(evaluation, "parts");

    if (json_array_size(reasons)) {
        json_object_set(json_object_get(record, "reasons"), name, reasons);
    }
    if (json_array_size(parts)) {
        json_object_set(json_object_get(record, "parts"), name, parts);
    }
}

/* Metrics, intervals and audit of all evaluations; two of one name are told apart by their ids. */
static advntk_status collect_evaluations(const struct advntk__folder *folder, json_t *record,
                                         struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = advntk__folder_file(folder, "evaluations", NULL), *file = NULL;
    char **names = NULL;
    size_t count = 0;
    json_t *evaluation = NULL, *all = json_object();

    json_object_set_new(record, "metrics", json_object());
    json_object_set_new(record, "intervals", json_object());
    json_object_set_new(record, "audit", json_object());
    json_object_set_new(record, "samples", json_object());
    json_object_set_new(record, "evaluations", all);
    json_object_set_new(record, "reasons", json_object());
    json_object_set_new(record, "parts", json_object());
    TRY(file_names(path, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(names[i]);
        const char *name;
        char unique[128];
        if (length < 6 || strcmp(names[i] + length - 5, ".json") != 0) {
            continue;
        }
        file = advntk__folder_file(folder, "evaluations", names[i]);
        if (!file) {
            FAIL(err, ENOMEM, "no memory for a path");
        }
        TRY(advntk__json_read(file, &evaluation, err));
        name = json_string_value(json_object_get(evaluation, "name"));
        snprintf(unique, sizeof(unique), "%s", name ? name : names[i]);
        if (json_object_get(all, unique)) {
            snprintf(unique, sizeof(unique), "%s@%.4s", name ? name : "", names[i]);
        }
        names[i][length - 5] = '\0';
        json_object_set_new(all, unique, json_string(names[i]));
        advntk__record_result(record, unique, evaluation);
        add_details(record, unique, evaluation);
        json_decref(evaluation);
        evaluation = NULL;
        free(file);
        file = NULL;
    }
out:
    json_decref(evaluation);
    names_free(names, count);
    free(path);
    free(file);
    return rc;
}

/* record[member] with the recipe's evaluations first, in its order. */
static void order_member(json_t *record, const char *member,
                         const struct advntk__run_config *config)
{
    json_t *old = json_object_get(record, member), *ordered = json_object();

    for (ptrdiff_t i = 0; i < config->evaluation_count; i++) {
        json_t *value = json_object_get(old, config->evaluations[i].name);
        if (value) {
            json_object_set(ordered, config->evaluations[i].name, value);
        }
    }
    json_object_update_missing(ordered, old);
    json_object_set_new(record, member, ordered);
}

/* The last value of each number in metrics.jsonl, and how many steps there were. */
static advntk_status collect_numerics(const struct advntk__folder *folder, json_t *record,
                                      struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = advntk__folder_file(folder, "metrics.jsonl", NULL), *bytes = NULL, *line, *rest;
    json_t *numerics = json_object(), *row, *value;
    json_int_t steps = 0;
    const char *key;
    size_t count = 0;

    if (!path) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    TRY(advntk__files_read(path, ADVNTK__JSON_BYTES, &bytes, &count, err));
    for (line = strtok_r(bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        row = json_loads(line, 0, NULL);
        if (!row) {
            FAIL(err, EFORMAT, "%s: line %lld is no JSON", path, (long long)steps + 1);
        }
        json_object_foreach(row, key, value)
        {
            if (json_is_number(value) && strcmp(key, "step") != 0) {
                json_object_set(numerics, key, value);
            }
        }
        json_decref(row);
        steps++;
    }
    json_object_set_new(record, "steps", json_integer(steps));
    json_object_set(record, "numerics", numerics);
out:
    json_decref(numerics);
    free(path);
    free(bytes);
    return rc;
}

static advntk_status sum_seconds(const struct advntk__folder *folder, json_t *record,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = advntk__folder_file(folder, "timing.jsonl", NULL), *bytes = NULL, *line, *rest;
    double seconds = 0;
    size_t count = 0;

    if (!path) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    TRY(advntk__files_read(path, ADVNTK__JSON_BYTES, &bytes, &count, err));
    for (line = strtok_r(bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_t *row = json_loads(line, 0, NULL);
        seconds += json_number_value(json_object_get(row, "seconds"));
        json_decref(row);
    }
    json_object_set_new(record, "seconds", json_real(seconds));
out:
    free(path);
    free(bytes);
    return rc;
}

/* Not times and talk, which differ between two runs alike. */
static bool is_result(const char *name)
{
    return strcmp(name, "recipe.yaml") == 0 || strcmp(name, "metrics.jsonl") == 0 ||
           strcmp(name, "predictor.npz") == 0;
}

static advntk_status add_digests(const struct advntk__folder *folder, const char *sub,
                                 json_t *files, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = sub ? advntk__folder_file(folder, sub, NULL) : strdup(folder->path), *file = NULL;
    char **names = NULL;
    size_t count = 0;

    if (!path) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    TRY(file_names(path, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        uint8_t digest[16];
        char hex[33], name[300];
        if (!sub && !is_result(names[i])) {
            continue;
        }
        file = advntk__files_join(path, names[i]);
        if (!file) {
            FAIL(err, ENOMEM, "no memory for a path");
        }
        TRY(advntk__files_digest(file, digest, err));
        advntk__hash_hex(digest, hex);
        snprintf(name, sizeof(name), "%s%s%s", sub ? sub : "", sub ? "/" : "", names[i]);
        json_object_set_new(files, name, json_string(hex));
        free(file);
        file = NULL;
    }
out:
    names_free(names, count);
    free(path);
    free(file);
    return rc;
}

/* ---- identity and surroundings ---- */

struct plugin_list {
    const struct advntk__registry *registry;
    json_t *list;
};

static advntk_status add_plugin(void *context, const struct advntk_slot *slot,
                                struct advntk_error *err)
{
    struct plugin_list *plugins = context;
    const struct advntk__plugin_record *record =
        advntk__registry_find(plugins->registry, slot->plugin->kind, slot->plugin->name);
    char hex[33] = "";
    json_t *entry, *other;
    size_t i;

    (void)err;
    if (record) {
        advntk__hash_hex(record->digest, hex);
    }
    entry = json_pack("{s:s, s:s, s:s, s:s}", "kind", advntk__kind_name(slot->plugin->kind), "name",
                      slot->plugin->name, "version", slot->plugin->version, "digest", hex);
    json_array_foreach(plugins->list, i, other)
    {
        if (json_equal(entry, other)) {
            json_decref(entry);
            return ADVNTK_OK;
        }
    }
    json_array_append_new(plugins->list, entry);
    return ADVNTK_OK;
}

static advntk_status describe_identity(const struct advntk__record_source *source, json_t *record,
                                       struct advntk_error *err)
{
    const struct advntk_graph *graph = source->host->services->memory->graph;
    struct plugin_list plugins = {source->registry, json_array()};
    char hex[33], program[33];
    json_t *identity = json_object();
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__run_slots_visit(source->config, add_plugin, &plugins, err));
    for (ptrdiff_t i = 0; graph && i < advntk__graph_count(graph); i++) {
        TRY(advntk__slots_visit(&advntk__graph_layer(graph, i)->activation, add_plugin, &plugins,
                                err));
    }
    advntk__hash_hex(source->split->source->digest, hex);
    json_object_set_new(identity, "program", json_string(PACKAGE_VERSION));
    advntk__hash_hex(source->host->program, program);
    json_object_set_new(identity, "program_digest", json_string(program));
    json_object_set_new(identity, "data_content", json_string(hex));
    json_object_set(identity, "plugins", plugins.list);
    json_object_set(record, "identity", identity);
out:
    json_decref(plugins.list);
    json_decref(identity);
    return rc;
}

static void describe_run(const struct advntk__record_source *source, json_t *record)
{
    const struct advntk__run_config *config = source->config;
    const struct advntk_host *host = source->host;
    const struct advntk_backend_ops *backend = host->backend;

    json_object_set_new(record, "format", json_integer(1));
    json_object_set_new(record, "id", json_string(source->folder->id));
    json_object_set_new(record, "name", json_string(config->name));
    json_object_set_new(record, "state", json_string("done"));
    json_object_set_new(record, "method", json_string(config->method.plugin->name));
    json_object_set_new(record, "seed", json_integer(config->seed));
    json_object_set_new(
        record, "precision",
        json_string(config->precision == ADVNTK_PRECISION_FLOAT32 ? "float32" : "float64"));
    json_object_set_new(record, "images",
                        json_pack("{s:I, s:I, s:I}", "train",
                                  (json_int_t)source->split->train.count, "validation",
                                  (json_int_t)source->split->validation.count, "test",
                                  (json_int_t)source->split->test.count));
    json_object_set_new(record, "overrides", advntk__node_json(config->overrides));
    json_object_set_new(record, "settings", advntk__settings_json(config->tree));
    json_object_set_new(record, "environment",
                        json_pack("{s:i, s:s, s:s, s:s}", "threads", host->threads,
                                  "instruction_set", advntk__isa_name(host->isa), "backend",
                                  backend ? backend->describe(host->backend_state) : "none",
                                  "compiler", COMPILER));
}

static json_t *date(double seconds)
{
    time_t whole = (time_t)seconds;
    struct tm utc;
    char text[32];

    gmtime_r(&whole, &utc);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    return json_string(text);
}

advntk_status advntk__record_write(const struct advntk__record_source *source, double started,
                                   struct advntk_error *err)
{
    static const char *const members[] = {"metrics", "intervals", "audit", "samples",
                                          "evaluations"};
    const struct advntk__folder *folder = source->folder;
    char *path = advntk__folder_file(folder, "run.json", NULL);
    json_t *record = json_object(), *earlier = NULL, *files = json_object();
    advntk_status rc = ADVNTK_OK;

    if (!path || !record || !files) {
        FAIL(err, ENOMEM, "no memory for run.json");
    }
    if (advntk__folder_state(folder) == ADVNTK__RUN_FINISHED) {
        TRY(advntk__json_read(path, &earlier, err));
    }
    describe_run(source, record);
    TRY(describe_identity(source, record, err));
    TRY(collect_evaluations(folder, record, err));
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        order_member(record, members[i], source->config);
    }
    TRY(collect_numerics(folder, record, err));
    TRY(sum_seconds(folder, record, err));
    json_object_set_new(record, "started", date(started));
    json_object_set_new(record, "finished", date((double)time(NULL)));
    if (earlier) {
        json_object_set(record, "started", json_object_get(earlier, "started"));
        json_object_set(record, "name", json_object_get(earlier, "name"));
        json_object_set(record, "overrides", json_object_get(earlier, "overrides"));
    }
    TRY(add_digests(folder, NULL, files, err));
    TRY(add_digests(folder, "evaluations", files, err));
    json_object_set(record, "files", files);
    TRY(advntk__json_write(record, path, err));
out:
    json_decref(record);
    json_decref(files);
    json_decref(earlier);
    free(path);
    return rc;
}
