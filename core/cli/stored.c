/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/stored.h"

#include "base/files.h"
#include "base/try.h"
#include "recipe/parse.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { METRICS_LIMIT = 64 << 20 };

/* What tables show of a resolved recipe: name, method, seed, precision. */
static advntk_status put_recipe(const char *path, json_t *object, struct advntk_error *err)
{
    const struct advntk__source source = {.file = path, .folder = "/"};
    struct advntk__study_memory *memory = NULL;
    struct advntk__faults faults = {0};
    struct advntk_node *root = NULL;
    const char *name, *method, *seed, *precision;
    char *bytes = NULL;
    size_t count = 0;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__files_read(path, ADVNTK__RECIPE_BYTES, &bytes, &count, err));
    TRY(advntk__pool_new(NULL, &memory, err));
    TRY(advntk__parse(memory, &source, bytes, count, &faults, &root, err));
    if (!root || advntk__faults_any(&faults)) {
        FAIL(err, EFORMAT, "%s: is no recipe", path);
    }
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
out:
    advntk__faults_release(&faults);
    advntk__pool_free(memory);
    free(bytes);
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

advntk_status cli_stored_interrupted(const struct advntk__folder *folder, json_t **object,
                                     struct advntk_error *err)
{
    char *recipe = advntk__folder_file(folder, "recipe.yaml", NULL);
    char *metrics = advntk__folder_file(folder, "metrics.jsonl", NULL);
    char *predictor = advntk__folder_file(folder, "predictor.npz", NULL);
    advntk_status rc = ADVNTK_OK;

    *object = json_pack("{s:s, s:s, s:s}", "id", folder->id, "state", "interrupted", "folder",
                        folder->path);
    if (!recipe || !metrics || !predictor || !*object) {
        FAIL(err, ENOMEM, "no memory for run %s", folder->id);
    }
    TRY(put_recipe(recipe, *object, err));
    TRY(put_steps(metrics, *object, err));
    json_object_set_new(*object, "trained", json_boolean(access(predictor, F_OK) == 0));
out:
    if (rc != ADVNTK_OK) {
        json_decref(*object);
        *object = NULL;
    }
    free(recipe);
    free(metrics);
    free(predictor);
    return rc;
}
