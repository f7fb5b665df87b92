/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"
#include "cli/stored.h"
#include "cli/summary.h"

#include "store/folder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *runs_sort;

static const struct cli_option runs_options[] = {
    {CLI_TEXT, "sort", 0, "KEY", &runs_sort, "order by a key, as in WHERE; -KEY: falling"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

/* WHERE: KEY OPERATOR VALUE. */
struct condition {
    char key[128];
    const char *value;
    char operator_text[3];
};

static bool parse_condition(const char *text, struct condition *c)
{
    size_t length = strcspn(text, "=<>!"), operators = strspn(text + length, "=<>!");
    static const char *const known[] = {"=", "<", ">", "<=", ">=", "!="};

    if (length == 0 || length >= sizeof(c->key) || operators == 0 || operators > 2) {
        return false;
    }
    memcpy(c->key, text, length);
    c->key[length] = '\0';
    memcpy(c->operator_text, text + length, operators);
    c->operator_text[operators] = '\0';
    c->value = text + length + operators;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (strcmp(c->operator_text, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* metrics.pgd10; a key with dots of its own (overrides.let.radius) is tried whole at each level. */
static const json_t *lookup(const json_t *object, const char *key)
{
    const json_t *whole = json_object_get(object, key);
    const char *dot = strchr(key, '.');
    char head[128];

    while (!whole && dot && (size_t)(dot - key) < sizeof(head)) {
        memcpy(head, key, (size_t)(dot - key));
        head[dot - key] = '\0';
        object = json_object_get(object, head);
        key = dot + 1;
        whole = json_object_get(object, key);
        dot = strchr(key, '.');
    }
    return whole;
}

static bool holds(const struct condition *c, const json_t *value)
{
    char text[256], *end = NULL;
    double wanted = strtod(c->value, &end), got;
    bool number = json_is_number(value) && end != c->value && *end == '\0';
    int order;

    if (number) {
        got = json_number_value(value);
        order = got < wanted ? -1 : got > wanted;
    } else {
        cli_summary_value(value, text, sizeof(text));
        order = strcmp(text, c->value);
    }
    switch (c->operator_text[0]) {
    case '<':
        return order < 0 || (c->operator_text[1] == '=' && order == 0);
    case '>':
        return order > 0 || (c->operator_text[1] == '=' && order == 0);
    case '!':
        return order != 0;
    default:
        return order == 0;
    }
}

/* run.json, or for a run that is not done what can be said of it; NULL: unreadable, said so. */
static json_t *load_run(const char *results, const char *id)
{
    struct advntk__folder folder;
    struct advntk_error err;
    json_t *object = NULL;
    char *path = NULL;

    if (advntk__folder_init(&folder, results, id, &err) != ADVNTK_OK) {
        cli_error(&err);
        return NULL;
    }
    path = advntk__folder_file(&folder, "run.json", NULL);
    if (advntk__folder_state(&folder) == ADVNTK__RUN_INTERRUPTED) {
        if (cli_stored_interrupted(&folder, &object, &err) != ADVNTK_OK) {
            cli_error(&err);
        }
    } else if (path && advntk__folder_state(&folder) == ADVNTK__RUN_FINISHED &&
               advntk__json_read(path, &object, &err) != ADVNTK_OK) {
        cli_error(&err);
    }
    if (object) {
        json_object_set_new(object, "folder", json_string(folder.path));
    }
    free(path);
    advntk__folder_close(&folder);
    return object;
}

static bool is_wanted(const struct cli *cli, const json_t *object, bool *seen)
{
    struct condition c;
    bool good = true;

    for (ptrdiff_t i = 0; i < cli->count; i++) {
        const json_t *value = parse_condition(cli->words[i], &c) ? lookup(object, c.key) : NULL;
        seen[i] |= value != NULL;
        good = good && value && holds(&c, value);
    }
    return good;
}

static int compare_runs(const void *a, const void *b)
{
    const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
    bool falling = runs_sort[0] == '-';
    const json_t *u = lookup(x, runs_sort + falling), *v = lookup(y, runs_sort + falling);
    char s[256], t[256];
    int order;

    if (json_is_number(u) && json_is_number(v)) {
        order = json_number_value(u) < json_number_value(v)
                    ? -1
                    : json_number_value(u) > json_number_value(v);
    } else if (!u || !v) {
        return (u == NULL) - (v == NULL); /* those without the key come last */
    } else {
        cli_summary_value(u, s, sizeof(s));
        cli_summary_value(v, t, sizeof(t));
        order = strcmp(s, t);
    }
    return falling ? -order : order;
}

static json_t *sorted(json_t *objects)
{
    size_t n = json_array_size(objects);
    json_t **list = calloc(n + 1, sizeof(json_t *)), *all = json_array();

    for (size_t i = 0; list && i < n; i++) {
        list[i] = json_array_get(objects, i);
    }
    if (list && n > 1) {
        qsort(list, n, sizeof(json_t *), compare_runs);
    }
    for (size_t i = 0; list && i < n; i++) {
        json_array_append(all, list[i]);
    }
    free(list);
    json_decref(objects);
    return all;
}

static void print_runs(const struct cli *cli, const json_t *objects)
{
    json_t *object;
    size_t i;

    if (cli->json) {
        json_array_foreach(objects, i, object)
        {
            json_dumpf(object, stdout, JSON_REAL_PRECISION(17));
            putchar('\n');
        }
    } else if (json_array_size(objects)) {
        cli_summary_table(objects);
    }
}

static int runs_main(struct cli *cli)
{
    char(*ids)[ADVNTK__ID] = NULL;
    ptrdiff_t count = 0;
    struct condition c;
    struct advntk_error err;
    json_t *objects = json_array();
    bool *seen = calloc((size_t)cli->count + 1, sizeof(*seen));
    int code = CLI_DONE;

    for (ptrdiff_t i = 0; i < cli->count; i++) {
        if (!parse_condition(cli->words[i], &c)) {
            code = cli_misuse(cli, "'%s': expected KEY=VALUE, or <, >, <=, >=, !=", cli->words[i]);
            goto out;
        }
    }
    if (!seen || advntk__store_list(cli->results, &ids, &count, &err) != ADVNTK_OK) {
        code = seen ? cli_error(&err) : cli_fail("no memory for the list");
        goto out;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        json_t *object = load_run(cli->results, ids[i]);
        if (object && is_wanted(cli, object, seen)) {
            json_array_append(objects, object);
        }
        json_decref(object);
    }
    for (ptrdiff_t i = 0; i < cli->count && count; i++) {
        if (!seen[i]) {
            code = cli_fail(
                "'%s': no run has this key; 'advntk show RUN --format json' lists the keys",
                cli->words[i]);
        }
    }
    objects = runs_sort ? sorted(objects) : objects;
    print_runs(cli, objects);
    if (count == 0 && !cli->quiet) {
        cli_fail("no runs in %s", cli->results);
    }
out:
    free(seen);
    free(ids);
    json_decref(objects);
    return code;
}

const struct cli_command cli_runs = {
    .name = "runs",
    .words = "[WHERE...]",
    .summary = "The stored runs as a table",
    .text =
        "WHERE is KEY=VALUE (or <, >, <=, >=, !=) of the run's record: method, name, seed, state,\n"
        "metrics.NAME, overrides.KEY, numerics.NAME, images.train and what 'show --format json' "
        "prints.",
    .example = "advntk runs method=advntk 'metrics.pgd10>0.2' --sort -metrics.clean",
    .options = runs_options,
    .most = -1,
    .run = runs_main,
};
