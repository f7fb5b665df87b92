/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/summary.h"

#include "cli/cli.h"

#include "report/select.h"

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

/* "0.215 [0.190, 0.242]" */
static void add_accuracy(struct advntk__sheet *sheet, const json_t *object, const char *name)
{
    const json_t *accuracy = json_object_get(json_object_get(object, "metrics"), name);
    const json_t *interval = json_object_get(json_object_get(object, "intervals"), name);
    const double numbers[ADVNTK__CELL_NUMBERS] = {json_number_value(accuracy),
                                                  json_number_value(json_array_get(interval, 0)),
                                                  json_number_value(json_array_get(interval, 1))};

    if (!accuracy) {
        advntk__sheet_add(sheet, "-");
        return;
    }
    advntk__sheet_add_numbers(sheet, numbers, "%.3f [%.3f, %.3f]", numbers[0], numbers[1],
                              numbers[2]);
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

static void add_head(struct advntk__sheet *sheet, json_t *overrides, json_t *metrics)
{
    static const char *const interval[] = {"low", "high", NULL};
    const char *key;
    json_t *value;

    advntk__sheet_column(sheet, 'l', "run");
    advntk__sheet_column(sheet, 'l', "name");
    advntk__sheet_column(sheet, 'l', "method");
    json_object_foreach(overrides, key, value)
    {
        const char *dot = strrchr(key, '.');
        advntk__sheet_column(sheet, 'l', "%s", dot ? dot + 1 : key);
    }
    json_object_foreach(metrics, key, value)
    {
        advntk__sheet_numbers(sheet, key, interval);
    }
    advntk__sheet_column(sheet, 'l', "audit");
    advntk__sheet_numbers(sheet, "seconds", &interval[2]);
    advntk__sheet_column(sheet, 'l', "state");
}

static void add_member(struct advntk__sheet *sheet, const json_t *value)
{
    char text[256];

    advntk__value_text(value, text, sizeof(text));
    advntk__sheet_add(sheet, "%s", text);
}

static void add_row(struct advntk__sheet *sheet, const json_t *object, json_t *overrides,
                    json_t *metrics)
{
    const char *id = json_string_value(json_object_get(object, "id")), *key;
    double seconds[ADVNTK__CELL_NUMBERS] = {0};
    json_t *value;

    advntk__sheet_add(sheet, "%.8s", id ? id : "-");
    add_member(sheet, json_object_get(object, "name"));
    add_member(sheet, json_object_get(object, "method"));
    json_object_foreach(overrides, key, value)
    {
        const json_t *own = json_object_get(json_object_get(object, "overrides"), key);
        add_member(sheet, own ? own : advntk__run_value(object, key));
    }
    json_object_foreach(metrics, key, value)
    {
        add_accuracy(sheet, object, key);
    }
    advntk__sheet_add(sheet, "%s", worst_audit(object));
    if (json_is_number(json_object_get(object, "seconds"))) {
        seconds[0] = json_number_value(json_object_get(object, "seconds"));
        advntk__sheet_add_numbers(sheet, seconds, "%.1f", seconds[0]);
    } else {
        advntk__sheet_add(sheet, "-");
    }
    add_member(sheet, json_object_get(object, "state"));
}

int cli_summary_table(const json_t *objects, enum advntk__sheet_format format)
{
    json_t *overrides = keys_of(objects, "overrides"), *metrics = keys_of(objects, "metrics"),
           *object;
    struct advntk__sheet sheet = {0};
    size_t i;

    json_object_del(overrides, "method"); /* has a column already */
    add_head(&sheet, overrides, metrics);
    json_array_foreach(objects, i, object)
    {
        add_row(&sheet, object, overrides, metrics);
    }
    json_decref(overrides);
    json_decref(metrics);
    return cli_table_print(&sheet, format);
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
