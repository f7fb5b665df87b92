/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/files.h"
#include "base/try.h"
#include "report/parts.h"
#include "report/select.h"
#include "report/stored.h"
#include "run/record.h"
#include "store/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECIPE_LIMIT = 16 << 20 };

static const char *member(const json_t *object, const char *key, char *text, size_t size)
{
    advntk__value_text(json_object_get(object, key), text, size);
    return text;
}

static void print_group(const char *title, const json_t *group)
{
    const char *key;
    json_t *value;
    char text[512];
    int width = 22;

    if (json_object_size(group) == 0) {
        return;
    }
    printf("\n%s\n", title);
    json_object_foreach((json_t *)(uintptr_t)group, key, value)
    {
        width = (int)strlen(key) > width ? (int)strlen(key) : width;
    }
    json_object_foreach((json_t *)(uintptr_t)group, key, value)
    {
        if (!json_is_array(value)) {
            advntk__value_text(value, text, sizeof(text));
            printf("  %-*s %s\n", width, key, text);
        }
    }
}

/* Of a composite: the table of its parts, indented. */
static void print_parts(const json_t *evaluation)
{
    struct advntk__sheet sheet = {0};
    struct advntk__text text = {0};
    const char *at;

    if (advntk__parts_sheet(evaluation, &sheet) &&
        advntk__sheet_write(&sheet, ADVNTK__SHEET_TEXT, &text, NULL) == ADVNTK_OK) {
        for (at = advntk__text_get(&text); *at; at += strcspn(at, "\n"), at += *at == '\n') {
            printf("    %.*s\n", (int)strcspn(at, "\n"), at);
        }
    }
    advntk__sheet_release(&sheet);
    advntk__text_release(&text);
}

static void print_evaluation(const struct advntk__folder *folder, const char *name, const char *id)
{
    char file[ADVNTK__ID + 8], text[128];
    char *path;
    json_t *e = NULL, *reason;
    const json_t *low, *high, *audit;
    size_t i;

    snprintf(file, sizeof(file), "%s.json", id);
    path = advntk__folder_file(folder, "evaluations", file);
    if (!path || advntk__json_read(path, &e, NULL) != ADVNTK_OK) {
        printf("  %-22s cannot be read\n", name);
        free(path);
        return;
    }
    low = json_array_get(json_object_get(e, "interval"), 0);
    high = json_array_get(json_object_get(e, "interval"), 1);
    audit = json_object_get(e, "audit");
    printf("  %-22s %.4f [%.4f, %.4f] of %s images", name,
           json_number_value(json_object_get(e, "accuracy")), json_number_value(low),
           json_number_value(high), member(e, "images", text, sizeof(text)));
    if (!json_is_null(json_object_get(e, "attack"))) {
        printf(", %s", member(audit, "verdict", text, sizeof(text)));
    }
    putchar('\n');
    print_parts(e);
    json_array_foreach(json_object_get(audit, "reasons"), i, reason)
    {
        printf("  %-22s   %s\n", "", json_string_value(reason));
    }
    json_decref(e);
    free(path);
}

static void print_plugins(const json_t *list)
{
    json_t *p;
    size_t i;

    if (json_array_size(list)) {
        printf("\nplugins (file's digest)\n");
    }
    json_array_foreach(list, i, p)
    {
        char name[160];
        snprintf(name, sizeof(name), "%s/%s", json_string_value(json_object_get(p, "kind")),
                 json_string_value(json_object_get(p, "name")));
        printf("  %-22s %s (%.8s)\n", name, json_string_value(json_object_get(p, "version")),
               json_string_value(json_object_get(p, "digest")));
    }
}

static void print_record(const struct advntk__folder *folder, const json_t *record,
                         const char *recipe)
{
    static const char *const keys[] = {"name",  "state",   "method",  "seed",    "precision",
                                       "steps", "seconds", "started", "finished"};
    const char *key;
    json_t *value;
    const json_t *images;
    char text[512];

    printf("run %s\n  %-22s %s\n", folder->id, "folder", folder->path);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (json_object_get(record, keys[i])) {
            printf("  %-22s %s\n", keys[i], member(record, keys[i], text, sizeof(text)));
        }
    }
    images = json_object_get(record, "images");
    if (images) {
        printf("  %-22s %lld train, %lld validation, %lld test\n", "images",
               (long long)json_integer_value(json_object_get(images, "train")),
               (long long)json_integer_value(json_object_get(images, "validation")),
               (long long)json_integer_value(json_object_get(images, "test")));
    }
    print_group("changed by the sweep", json_object_get(record, "overrides"));
    if (json_object_size(json_object_get(record, "evaluations"))) {
        printf("\nevaluations (accuracy, 95 %% interval, audit)\n");
    }
    json_object_foreach(json_object_get(record, "evaluations"), key, value)
    {
        print_evaluation(folder, key, json_string_value(value));
    }
    print_group("figures of the last step", json_object_get(record, "numerics"));
    print_group("identity", json_object_get(record, "identity"));
    print_plugins(json_object_get(json_object_get(record, "identity"), "plugins"));
    print_group("environment", json_object_get(record, "environment"));
    print_group("files (XXH3-128)", json_object_get(record, "files"));
    printf("\nrecipe\n");
    for (const char *at = recipe; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        printf("  %.*s\n", (int)strcspn(at, "\n"), at);
    }
}

static advntk_status show(const struct cli *cli, const struct advntk__folder *folder,
                          struct advntk_error *err)
{
    char *recipe_path = advntk__folder_file(folder, "recipe.yaml", NULL), *recipe = NULL;
    json_t *record = NULL;
    size_t length;
    advntk_status rc = ADVNTK_OK;

    if (!recipe_path) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    TRY(advntk__files_read(recipe_path, RECIPE_LIMIT, &recipe, &length, err));
    TRY(advntk__stored_read(folder, ADVNTK__DETAIL_ALL, &record, err));
    if (!record) {
        FAIL(err, ENOTFOUND, "run %s: nothing was stored of it yet", folder->id);
    }
    if (cli->json) {
        json_object_set_new(record, "recipe", json_string(recipe));
        json_dumpf(record, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        putchar('\n');
    } else {
        print_record(folder, record, recipe);
    }
    if (!cli->json && advntk__folder_state(folder) != ADVNTK__RUN_FINISHED) {
        printf("\nTo go on: advntk run %s\n", recipe_path);
    }
out:
    json_decref(record);
    free(recipe_path);
    free(recipe);
    return rc;
}

static int show_main(struct cli *cli)
{
    struct advntk__folder folder = {.lock = -1};
    struct advntk_error err;
    int code = CLI_DONE;

    if (advntk__store_find(cli->results, cli->words[0], &folder, &err) != ADVNTK_OK ||
        show(cli, &folder, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    }
    advntk__folder_close(&folder);
    return code;
}

const struct cli_command cli_show = {
    .name = "show",
    .words = "RUN",
    .summary = "One stored run: recipe, identity, results, numerical figures, audit",
    .text = "RUN is an id, a unique beginning of one, or a folder.",
    .example = "advntk show 3f2a",
    .least = 1,
    .most = 1,
    .run = show_main,
};
