/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/verify.h"

#include "base/files.h"
#include "base/text.h"
#include "base/try.h"
#include "report/stored.h"
#include "store/npz.h"

#include <advntk/host.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_LIMIT = 64 << 20 };

struct verification {
    const struct advntk__folder *stored, *again;
    json_t *before, *after; /* their records */
    json_t *result;
    bool equal;
};

static void add_line(struct verification *v, const char *list, const char *format, ...)
    ADVNTK_PRINTF(3, 4);
static void add_line(struct verification *v, const char *list, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    json_array_append_new(json_object_get(v->result, list), json_string(line));
}

/* ---- how far apart ---- */

struct gap {
    ptrdiff_t count, differ;
    double largest, scale; /* |a - b|, |a| */
};

static void add_gap(struct gap *g, double a, double b)
{
    double apart = fabs(a - b);

    g->count++;
    g->scale = fmax(g->scale, fabs(a));
    if (a == b || (isnan(a) && isnan(b))) {
        return;
    }
    g->differ++;
    g->largest = isnan(apart) ? (double)INFINITY : fmax(g->largest, apart);
}

static void compare_array(struct verification *v, const char *file, const char *name,
                          struct advntk__npz_reader *a, struct advntk__npz_reader *b)
{
    ptrdiff_t shape[8], other[8], count = 1, count_b = 1;
    int rank, rank_b;
    struct gap gap = {0};
    double *x = NULL, *y = NULL;

    if (!advntk__npz_find(a, name, NULL, &rank, shape) ||
        !advntk__npz_find(b, name, NULL, &rank_b, other)) {
        add_line(v, "differences", "%s: array %s is not in both", file, name);
        return;
    }
    for (int k = 0; k < rank; k++) {
        count *= shape[k];
    }
    for (int k = 0; k < rank_b; k++) {
        count_b *= other[k];
    }
    if (count != count_b) {
        add_line(v, "differences", "%s: array %s has %td values, had %td", file, name, count_b,
                 count);
        return;
    }
    x = advntk_alloc(count + 1, sizeof(*x));
    y = advntk_alloc(count + 1, sizeof(*y));
    if (x && y && advntk__npz_read(a, name, ADVNTK_FLOAT64, count, x, NULL) == ADVNTK_OK &&
        advntk__npz_read(b, name, ADVNTK_FLOAT64, count, y, NULL) == ADVNTK_OK) {
        for (ptrdiff_t i = 0; i < count; i++) {
            add_gap(&gap, x[i], y[i]);
        }
        if (gap.differ) {
            add_line(v, "differences",
                     "%s: array %s: %td of %td values, the largest gap is %.3g (values up to %.3g)",
                     file, name, gap.differ, gap.count, gap.largest, gap.scale);
        }
    } else {
        add_line(v, "differences", "%s: array %s cannot be read", file, name);
    }
    advntk_free(x);
    advntk_free(y);
}

static void compare_archives(struct verification *v, const char *file, const char *before,
                             const char *after)
{
    struct advntk__npz_reader *a = NULL, *b = NULL;
    struct advntk_error err;

    if (advntk__npz_open(before, &a, &err) != ADVNTK_OK ||
        advntk__npz_open(after, &b, &err) != ADVNTK_OK) {
        add_line(v, "differences", "%.480s", err.text);
    }
    for (ptrdiff_t i = 0; a && b && i < advntk__npz_count(b); i++) {
        compare_array(v, file, advntk__npz_name(b, i), a, b);
    }
    advntk__npz_close(a);
    advntk__npz_close(b);
}

/* The first line of metrics.jsonl with a number that differs. */
static void compare_lines(struct verification *v, const char *file, const char *before,
                          const char *after)
{
    char *a = NULL, *b = NULL, *x, *y, *rest_a = NULL, *rest_b = NULL;
    size_t count;
    ptrdiff_t line = 0;
    const char *key;
    json_t *value;
    bool found = false;

    if (advntk__files_read(before, LINES_LIMIT, &a, &count, NULL) != ADVNTK_OK ||
        advntk__files_read(after, LINES_LIMIT, &b, &count, NULL) != ADVNTK_OK) {
        add_line(v, "differences", "%s cannot be read", file);
        goto out;
    }
    x = strtok_r(a, "\n", &rest_a);
    y = strtok_r(b, "\n", &rest_b);
    for (; x && y && !found; x = strtok_r(NULL, "\n", &rest_a), y = strtok_r(NULL, "\n", &rest_b)) {
        json_t *p = json_loads(x, 0, NULL), *q = json_loads(y, 0, NULL);
        line++;
        json_object_foreach(q, key, value)
        {
            const json_t *was = json_object_get(p, key);
            if (!found && !json_equal(was, value)) {
                add_line(v, "differences", "%s: first in line %td: %s was %.17g, is %.17g", file,
                         line, key, json_number_value(was), json_number_value(value));
                found = true;
            }
        }
        json_decref(p);
        json_decref(q);
    }
    if (!found) {
        add_line(v, "differences", "%s: another number of lines", file);
    }
out:
    free(a);
    free(b);
}

/* ---- file by file ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);

    return length > tail && strcmp(name + length - tail, end) == 0;
}

static void explain(struct verification *v, const char *name, const char *before, const char *after)
{
    json_t *a, *b;

    if (ends_with(name, ".npz")) {
        compare_archives(v, name, before, after);
    } else if (ends_with(name, ".jsonl")) {
        compare_lines(v, name, before, after);
    } else if (ends_with(name, ".json")) {
        a = json_load_file(before, 0, NULL);
        b = json_load_file(after, 0, NULL);
        add_line(v, "differences", "%s (%s): accuracy was %.6g, is %.6g", name,
                 json_string_value(json_object_get(b, "name")),
                 json_number_value(json_object_get(a, "accuracy")),
                 json_number_value(json_object_get(b, "accuracy")));
        json_decref(a);
        json_decref(b);
    } else {
        add_line(v, "differences", "%s differs", name);
    }
}

static advntk_status check_file(struct verification *v, const char *name, const char *recorded,
                                struct advntk_error *err)
{
    char *before = advntk__folder_file(v->stored, name, NULL);
    char *after = advntk__folder_file(v->again, name, NULL), hex[33];
    const char *state = "equal", *fresh;
    uint8_t digest[16];
    advntk_status rc = ADVNTK_OK;

    if (!before || !after) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    fresh = json_string_value(json_object_get(json_object_get(v->after, "files"), name));
    if (access(before, F_OK) != 0) {
        add_line(v, "differences", "%s was not stored", name);
        state = "missing";
    } else {
        TRY(advntk__files_digest(before, digest, err));
        advntk__hash_hex(digest, hex);
        if (recorded && strcmp(recorded, hex) != 0) {
            add_line(v, "differences", "%s was changed after it was written", name);
            state = "differs";
        }
        if (!fresh || strcmp(fresh, hex) != 0) {
            explain(v, name, before, after);
            state = "differs";
        }
    }
    json_object_set_new(json_object_get(v->result, "files"), name, json_string(state));
    v->equal = v->equal && strcmp(state, "equal") == 0;
out:
    free(before);
    free(after);
    return rc;
}

/* ---- why ---- */

static void compare_fact(struct verification *v, const char *what, const json_t *a, const json_t *b)
{
    const char *was = json_string_value(a), *is = json_string_value(b);

    if (was && is && strcmp(was, is) != 0) {
        add_line(v, "reasons", "%s: was %s, is %s", what, was, is);
    }
}

static const json_t *find_plugin(const json_t *list, const json_t *wanted)
{
    json_t *plugin;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, plugin)
    {
        if (json_equal(json_object_get(plugin, "kind"), json_object_get(wanted, "kind")) &&
            json_equal(json_object_get(plugin, "name"), json_object_get(wanted, "name"))) {
            return plugin;
        }
    }
    return NULL;
}

static void find_reasons(struct verification *v)
{
    static const char *const surroundings[] = {"instruction_set", "backend", "compiler"};
    const json_t *a = json_object_get(v->before, "identity");
    const json_t *b = json_object_get(v->after, "identity");
    json_t *plugin;
    char what[160];
    size_t i;

    compare_fact(v, "program", json_object_get(a, "program"), json_object_get(b, "program"));
    compare_fact(v, "data (digest of the content)", json_object_get(a, "data_content"),
                 json_object_get(b, "data_content"));
    for (i = 0; i < sizeof(surroundings) / sizeof(*surroundings); i++) {
        compare_fact(v, surroundings[i],
                     json_object_get(json_object_get(v->before, "environment"), surroundings[i]),
                     json_object_get(json_object_get(v->after, "environment"), surroundings[i]));
    }
    json_array_foreach(json_object_get(b, "plugins"), i, plugin)
    {
        const json_t *was = find_plugin(json_object_get(a, "plugins"), plugin);
        snprintf(what, sizeof(what), "plugin %s/%s, version",
                 json_string_value(json_object_get(plugin, "kind")),
                 json_string_value(json_object_get(plugin, "name")));
        compare_fact(v, what, json_object_get(was, "version"), json_object_get(plugin, "version"));
        snprintf(what, sizeof(what), "plugin %s/%s, digest of the file",
                 json_string_value(json_object_get(plugin, "kind")),
                 json_string_value(json_object_get(plugin, "name")));
        compare_fact(v, what, json_object_get(was, "digest"), json_object_get(plugin, "digest"));
    }
    if (strcmp(v->stored->id, v->again->id) != 0) {
        add_line(v, "reasons",
                 "the stored recipe is now run %s: data, a plugin's major version or "
                 "the recipe changed",
                 v->again->id);
        v->equal = false;
    }
}

advntk_status advntk__verify(const struct advntk__folder *stored,
                             const struct advntk__folder *again, json_t **result,
                             struct advntk_error *err)
{
    struct verification v = {.stored = stored, .again = again, .equal = true};
    json_t *value;
    const char *name;
    advntk_status rc = ADVNTK_OK;

    v.result = json_pack("{s:s, s:{}, s:[], s:[], s:[]}", "id", stored->id, "files", "differences",
                         "reasons", "unchecked");
    if (!v.result) {
        FAIL(err, ENOMEM, "no memory for a comparison");
    }
    TRY(advntk__stored_read(stored, ADVNTK__DETAIL_ALL, &v.before, err));
    TRY(advntk__stored_read(again, ADVNTK__DETAIL_ALL, &v.after, err));
    json_object_foreach(json_object_get(v.after, "files"), name, value)
    {
        const json_t *recorded = json_object_get(json_object_get(v.before, "files"), name);
        if (strcmp(name, "recipe.yaml") != 0) { /* it was run from this one */
            TRY(check_file(&v, name, json_string_value(recorded), err));
        }
    }
    find_reasons(&v);
    json_object_foreach(json_object_get(v.before, "evaluations"), name, value)
    {
        json_t *other;
        const char *its;
        bool there = false;
        json_object_foreach(json_object_get(v.after, "evaluations"), its, other)
        {
            there = there || json_equal(other, value);
        }
        if (!there) {
            add_line(&v, "unchecked", "%s", name);
        }
    }
    json_object_set_new(v.result, "equal", json_boolean(v.equal));
    *result = json_incref(v.result);
out:
    json_decref(v.before);
    json_decref(v.after);
    json_decref(v.result);
    return rc;
}
