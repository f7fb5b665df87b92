/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/stored.h"

#include "base/files.h"
#include "base/try.h"
#include "recipe/parse.h"
#include "report/skim.h"
#include "run/record.h"

#include <advntk/host.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { METRICS_LIMIT = 64 << 20 };

/* Gives the resolved recipe's tree to `use`. */
static advntk_status with_recipe(const struct advntk__folder *folder, json_t *object,
                                 advntk_status (*use)(const struct advntk_node *root,
                                                      const char *path, json_t *object,
                                                      struct advntk_error *err),
                                 struct advntk_error *err)
{
    char *path = advntk__folder_file(folder, "recipe.yaml", NULL);
    const struct advntk__source source = {.file = path, .folder = "/"};
    struct advntk__study_memory *memory = NULL;
    struct advntk__faults faults = {0};
    struct advntk_node *root = NULL;
    char *bytes = NULL;
    size_t count = 0;
    advntk_status rc = ADVNTK_OK;

    if (!path) {
        FAIL(err, ENOMEM, "no memory for run %s", folder->id);
    }
    TRY(advntk__files_read(path, ADVNTK__RECIPE_BYTES, &bytes, &count, err));
    TRY(advntk__pool_new(NULL, &memory, err));
    TRY(advntk__parse(memory, &source, bytes, count, &faults, &root, err));
    if (!root || advntk__faults_any(&faults)) {
        FAIL(err, EFORMAT, "%s: is no recipe", path);
    }
    TRY(use(root, path, object, err));
out:
    advntk__faults_release(&faults);
    advntk__pool_free(memory);
    free(bytes);
    free(path);
    return rc;
}

static advntk_status put_settings(const struct advntk_node *root, const char *path, json_t *object,
                                  struct advntk_error *err)
{
    json_t *settings = advntk__settings_json(root);

    if (!settings) {
        return ADVNTK_FAIL(err, ENOMEM, "%s: no memory for its settings", path);
    }
    json_object_set_new(object, "settings", settings);
    return ADVNTK_OK;
}

/* What tables show of a resolved recipe: name, method, seed, precision, and the settings. */
static advntk_status put_recipe(const struct advntk_node *root, const char *path, json_t *object,
                                struct advntk_error *err)
{
    const char *name, *method, *seed, *precision;
    advntk_status rc = ADVNTK_OK;

    name = advntk_node_scalar(advntk_node_get(root, "name"));
    method = advntk_node_scalar(advntk_node_get(advntk_node_get(root, "method"), "plugin"));
    seed = advntk_node_scalar(advntk_node_get(root, "seed"));
    precision = advntk_node_scalar(advntk_node_get(root, "precision"));
    if (!name || !method || !seed || !precision) {
        FAIL(err, EFORMAT, "%s: lacks name, method, seed or precision", path);
    }
    json_object_set_new(object, "name", json_string(name));
    json_object_set_new(object, "method", json_string(method));
    json_object_set_new(object, "seed", json_integer(strtoll(seed, NULL, 10)));
    json_object_set_new(object, "precision", json_string(precision));
    TRY(put_settings(root, path, object, err));
out:
    return rc;
}

/* The whole lines of metrics.jsonl, and the numbers of the last one. */
static advntk_status put_steps(const char *path, json_t *object, struct advntk_error *err)
{
    json_t *row, *value, *numerics = json_object();
    json_int_t steps = 0;
    char *bytes = NULL, *at, *end;
    const char *key;
    size_t count = 0;
    advntk_status rc = ADVNTK_OK;

    if (advntk__files_read(path, METRICS_LIMIT, &bytes, &count, NULL) != ADVNTK_OK) {
        goto out; /* none was written yet */
    }
    for (at = bytes; (end = strchr(at, '\n')); at = end + 1) {
        row = json_loadb(at, (size_t)(end - at), 0, NULL);
        if (!row) {
            FAIL(err, EFORMAT, "%s: line %lld is no JSON", path, (long long)steps + 1);
        }
        steps++;
        json_object_foreach(row, key, value)
        {
            if (json_is_number(value) && strcmp(key, "step") != 0) {
                json_object_set(numerics, key, value);
            }
        }
        json_decref(row);
    }
out:
    json_object_set_new(object, "steps", json_integer(steps));
    json_object_set_new(object, "numerics", numerics);
    free(bytes);
    return rc;
}

static advntk_status read_interrupted(const struct advntk__folder *folder, json_t **object,
                                      struct advntk_error *err)
{
    char *metrics = advntk__folder_file(folder, "metrics.jsonl", NULL);
    char *predictor = advntk__folder_file(folder, "predictor.npz", NULL);
    advntk_status rc = ADVNTK_OK;

    *object = json_pack("{s:s, s:s}", "id", folder->id, "state", "interrupted");
    if (!metrics || !predictor || !*object) {
        FAIL(err, ENOMEM, "no memory for run %s", folder->id);
    }
    TRY(with_recipe(folder, *object, put_recipe, err));
    TRY(put_steps(metrics, *object, err));
    json_object_set_new(*object, "trained", json_boolean(access(predictor, F_OK) == 0));
out:
    free(metrics);
    free(predictor);
    return rc;
}

/* What tables need of run.json: the members that they never show are skipped unparsed, and settings
 * kept as text until somebody asks for one. */
static advntk_status read_part(const char *path, json_t **object, struct advntk_error *err)
{
    enum { IDENTITY, ITS_PLUGINS, SETTINGS, UNSEEN, MEMBERS = UNSEEN + 3 };
    struct advntk__skimmed members[MEMBERS] = {
        [IDENTITY] = {.name = "identity"},      [ITS_PLUGINS] = {.name = "plugins"},
        [SETTINGS] = {.name = "settings"},      [UNSEEN] = {.name = "files"},
        [UNSEEN + 1] = {.name = "environment"}, [UNSEEN + 2] = {.name = "numerics"},
    };
    struct advntk__skimmed plugins = members[ITS_PLUGINS];
    const struct advntk__skimmed *settings = &members[SETTINGS];
    char *bytes = NULL, *packed = NULL;
    size_t count = 0, length;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__files_read(path, ADVNTK__JSON_BYTES, &bytes, &count, err));
    advntk__skim(bytes, 0, count, MEMBERS, members);
    advntk__skim(bytes, members[IDENTITY].from, members[IDENTITY].to, 1, &plugins);
    members[ITS_PLUGINS] = plugins;
    packed = advntk__skim_pack(bytes, count, MEMBERS - ITS_PLUGINS, members + ITS_PLUGINS, &length);
    if (!packed || advntk__json_parse(path, packed, length, object, NULL) != ADVNTK_OK) {
        TRY(advntk__json_parse(path, bytes, count, object, err)); /* for the place of the mistake */
        goto out;
    }
    for (size_t i = UNSEEN; i < MEMBERS; i++) {
        json_object_del(*object, members[i].name);
    }
    if (settings->to) {
        json_object_set_new(*object, settings->name,
                            json_stringn(bytes + settings->from, settings->to - settings->from));
    }
out:
    free(packed);
    free(bytes);
    return rc;
}

advntk_status advntk__stored_read(const struct advntk__folder *folder, enum advntk__detail detail,
                                  json_t **object, struct advntk_error *err)
{
    enum advntk__run_state state = advntk__folder_state(folder);
    char *path = advntk__folder_file(folder, "run.json", NULL);
    advntk_status rc = ADVNTK_OK;

    *object = NULL;
    if (!path) {
        FAIL(err, ENOMEM, "no memory for run %s", folder->id);
    }
    if (state == ADVNTK__RUN_NONE) {
        goto out;
    }
    if (state == ADVNTK__RUN_INTERRUPTED) {
        TRY(read_interrupted(folder, object, err));
    } else {
        TRY(detail == ADVNTK__DETAIL_ALL ? advntk__json_read(path, object, err)
                                         : read_part(path, object, err));
        if (!json_object_get(*object, "settings")) { /* a record of an older program */
            TRY(with_recipe(folder, *object, put_settings, err));
        }
    }
    json_object_set_new(*object, "folder", json_string(folder->path));
out:
    if (rc != ADVNTK_OK) {
        json_decref(*object);
        *object = NULL;
    }
    free(path);
    return rc;
}

/* ---- all of them ---- */

struct reading {
    const char *results;
    enum advntk__detail detail;
    char (*ids)[ADVNTK__ID];
    json_t **objects;
    struct advntk_error *errors; /* of each; status OK: none */
};

static advntk_status read_one(void *context, ptrdiff_t i, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    struct reading *r = context;
    struct advntk__folder folder = {.lock = -1};

    (void)arena;
    (void)err;
    if (advntk__folder_init(&folder, r->results, r->ids[i], &r->errors[i]) == ADVNTK_OK &&
        advntk__stored_read(&folder, r->detail, &r->objects[i], &r->errors[i]) == ADVNTK_OK) {
        r->errors[i].status = ADVNTK_OK;
    }
    advntk__folder_close(&folder);
    return ADVNTK_OK;
}

/* Runs that differ in the seed alone have one text of settings: it is parsed once for all of them.
 */
static void share_settings(json_t *objects)
{
    json_t *by_text = json_object(), *object, *known;
    const char *id, *text;

    json_object_foreach(objects, id, object)
    {
        text = json_string_value(json_object_get(object, "settings"));
        known = text ? json_object_get(by_text, text) : NULL;
        if (known) {
            json_object_set(object, "settings", known);
        } else if (text) {
            known = json_loads(text, 0, NULL);
            json_object_set(by_text, text, known);
            json_object_set_new(object, "settings", known);
        }
    }
    json_decref(by_text);
}

advntk_status advntk__stored_some(struct advntk_host *host, const char *results, ptrdiff_t count,
                                  char (*ids)[ADVNTK__ID], enum advntk__detail detail,
                                  json_t *known, struct advntk__text *warnings,
                                  struct advntk_error *err)
{
    struct reading r = {.results = results,
                        .detail = detail,
                        .ids = calloc((size_t)count + 1, sizeof(*r.ids)),
                        .objects = calloc((size_t)count + 1, sizeof(*r.objects)),
                        .errors = calloc((size_t)count + 1, sizeof(*r.errors))};
    json_t *asked = json_object();
    ptrdiff_t n = 0;
    advntk_status rc = ADVNTK_OK;

    if (!r.ids || !r.objects || !r.errors || !asked) {
        FAIL(err, ENOMEM, "%s: no memory for %td runs", results, count);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!json_object_get(known, ids[i]) && !json_object_get(asked, ids[i])) {
            json_object_set_new(asked, ids[i], json_true());
            memcpy(r.ids[n++], ids[i], ADVNTK__ID);
        }
    }
    TRY(advntk_parallel_for(host, n, read_one, &r, err));
    for (ptrdiff_t i = 0; i < n; i++) {
        if (r.errors[i].status != ADVNTK_OK) {
            advntk__text_printf(warnings, "%s\n", r.errors[i].text);
        } else if (r.objects[i]) {
            json_object_set(known, r.ids[i], r.objects[i]);
        }
    }
    if (detail == ADVNTK__DETAIL_COMPARE) {
        share_settings(known);
    }
out:
    for (ptrdiff_t i = 0; r.objects && i < n; i++) {
        json_decref(r.objects[i]);
    }
    json_decref(asked);
    free(r.objects);
    free(r.errors);
    free(r.ids);
    return rc;
}

advntk_status advntk__stored_all(struct advntk_host *host, const char *results,
                                 enum advntk__detail detail, json_t **objects,
                                 struct advntk__text *warnings, struct advntk_error *err)
{
    json_t *known = json_object(), *object;
    char(*ids)[ADVNTK__ID] = NULL;
    ptrdiff_t count = 0;
    const char *id;
    advntk_status rc = ADVNTK_OK;

    *objects = json_array();
    if (!known || !*objects) {
        FAIL(err, ENOMEM, "%s: no memory for its runs", results);
    }
    TRY(advntk__store_list(results, &ids, &count, err));
    TRY(advntk__stored_some(host, results, count, ids, detail, known, warnings, err));
    json_object_foreach(known, id, object)
    {
        json_array_append(*objects, object);
    }
out:
    json_decref(known);
    free(ids);
    return rc;
}

json_t *advntk__stored_settings(json_t *object)
{
    const char *text = json_string_value(json_object_get(object, "settings"));
    json_t *parsed = text ? json_loads(text, 0, NULL) : NULL;

    if (parsed) {
        json_object_set_new(object, "settings", parsed);
    }
    return json_object_get(object, "settings");
}

advntk_status advntk__stored_study(const char *results, const char *name, json_t **object,
                                   struct advntk_error *err)
{
    struct advntk__text path = {0};
    advntk_status rc = ADVNTK_OK;

    *object = NULL;
    advntk__text_printf(&path, "%s/studies/%s.json", results, name);
    if (path.failed) {
        FAIL(err, ENOMEM, "no memory for study %s", name);
    }
    if (!strchr(name, '/') && access(path.bytes, F_OK) == 0) {
        TRY(advntk__json_read(path.bytes, object, err));
    }
out:
    advntk__text_release(&path);
    return rc;
}
