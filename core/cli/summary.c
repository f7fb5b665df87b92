/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/summary.h"

#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* The keys that any of the objects has in its member `of`, in order of appearance. */
static json_t *keys_of(const json_t *objects, const char *of)
{
    json_t *keys = json_object(), *object, *value;
    const char *key;
    size_t i;

    json_array_foreach(objects, i, object)
    {
        json_object_foreach(json_object_get(object, of), key, value)
        {
            json_object_set_new(keys, key, json_true());
        }
    }
    return keys;
}

void cli_summary_value(const json_t *value, char *text, size_t size)
{
    const json_t *plugin = json_object_get(value, "plugin");
    char *dumped;

    if (json_is_string(plugin)) {
        value = plugin;
    }
    if (json_is_string(value)) {
        snprintf(text, size, "%s", json_string_value(value));
    } else if (json_is_real(value)) {
        snprintf(text, size, "%.6g", json_real_value(value));
    } else if (!value || json_is_null(value)) {
        snprintf(text, size, "-");
    } else {
        dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        snprintf(text, size, "%s", dumped ? dumped : "");
        free(dumped);
    }
}

/* "0.215 [0.190, 0.242]" */
static void add_accuracy(struct cli_table *table, const json_t *object, const char *name)
{
    const json_t *accuracy = json_object_get(json_object_get(object, "metrics"), name);
    const json_t *interval = json_object_get(json_object_get(object, "intervals"), name);

    if (!accuracy) {
        cli_table_add(table, "-");
        return;
    }
    cli_table_add(table, "%.3f [%.3f, %.3f]", json_number_value(accuracy),
                  json_number_value(json_array_get(interval, 0)),
                  json_number_value(json_array_get(interval, 1)));
}

/* The worst verdict of all its evaluations. */
static const char *worst_audit(const json_t *object)
{
    static const char *const order[] = {"failed", "suspect", "trusted"};
    json_t *audit = json_object_get(object, "audit"), *value;
    const char *key;

    for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++) {
        json_object_foreach(audit, key, value)
        {
            if (strcmp(json_string_value(value), order[i]) == 0) {
                return order[i];
            }
        }
    }
    return "-";
}

static void add_head(struct cli_table *table, json_t *overrides, json_t *metrics, char *align)
{
    const char *key;
    json_t *value;
    size_t at = 0;

    cli_table_add(table, "run");
    cli_table_add(table, "name");
    cli_table_add(table, "method");
    while (at < 3) {
        align[at++] = 'l';
    }
    json_object_foreach(overrides, key, value)
    {
        const char *dot = strrchr(key, '.');
        cli_table_add(table, "%s", dot ? dot + 1 : key);
        align[at++] = 'l';
    }
    json_object_foreach(metrics, key, value)
    {
        cli_table_add(table, "%s", key);
        align[at++] = 'l';
    }
    cli_table_add(table, "audit");
    cli_table_add(table, "seconds");
    cli_table_add(table, "state");
    align[at++] = 'l';
    align[at++] = 'r';
    align[at] = 'l';
}

static void add_row(struct cli_table *table, const json_t *object, json_t *overrides,
                    json_t *metrics)
{
    const char *id = json_string_value(json_object_get(object, "id")), *key;
    json_t *value;
    char text[256];

    cli_table_add(table, "%.8s", id ? id : "-");
    cli_summary_value(json_object_get(object, "name"), text, sizeof(text));
    cli_table_add(table, "%s", text);
    cli_summary_value(json_object_get(object, "method"), text, sizeof(text));
    cli_table_add(table, "%s", text);
    json_object_foreach(overrides, key, value)
    {
        cli_summary_value(json_object_get(json_object_get(object, "overrides"), key), text,
                          sizeof(text));
        cli_table_add(table, "%s", text);
    }
    json_object_foreach(metrics, key, value)
    {
        add_accuracy(table, object, key);
    }
    cli_table_add(table, "%s", worst_audit(object));
    if (json_is_number(json_object_get(object, "seconds"))) {
        cli_table_add(table, "%.1f", json_number_value(json_object_get(object, "seconds")));
    } else {
        cli_table_add(table, "-");
    }
    cli_summary_value(json_object_get(object, "state"), text, sizeof(text));
    cli_table_add(table, "%s", text);
}

void cli_summary_table(const json_t *objects)
{
    json_t *overrides = keys_of(objects, "overrides"), *metrics = keys_of(objects, "metrics"),
           *object;
    struct cli_table table = {0};
    size_t i, columns;
    char *align;

    json_object_del(overrides, "method"); /* has a column already */
    columns = json_object_size(overrides) + json_object_size(metrics) + 6;
    table.columns = (ptrdiff_t)columns;
    align = calloc(columns + 1, 1);
    if (align) {
        add_head(&table, overrides, metrics, align);
        json_array_foreach(objects, i, object)
        {
            add_row(&table, object, overrides, metrics);
        }
        if (!cli_table_print(&table, align)) {
            cli_fail("no memory for the table");
        }
    }
    free(align);
    json_decref(overrides);
    json_decref(metrics);
}

void cli_summary_folders(const json_t *objects)
{
    json_t *object, *said = json_object();
    size_t i;

    putchar('\n');
    json_array_foreach(objects, i, object)
    {
        const char *folder = json_string_value(json_object_get(object, "folder"));
        if (folder && !json_object_get(said, folder)) { /* two evaluations may share a fit */
            printf("%s\n", folder);
            json_object_set_new(said, folder, json_true());
        }
    }
    json_decref(said);
}
