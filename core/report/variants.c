/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/variants.h"

#include "base/text.h"
#include "base/try.h"
#include "report/select.h"

#include <advntk/host.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURE = 33, LABEL = 128 };

/* ---- which runs are one variant ---- */

/* Adds the digest of one key with its value: a sum, so that the order of keys does not matter. */
static void add_entry(uint64_t sum[2], struct advntk__text *room, const char *key,
                      const json_t *value)
{
    uint8_t digest[16];
    uint64_t parts[2];
    double number = json_number_value(value);
    char *dumped = NULL;

    room->length = 0;
    advntk__text_add(room, key, strlen(key) + 1);
    if (json_is_number(value)) {
        advntk__text_add(room, (const char *)&number, sizeof(number));
    } else if (json_is_string(value)) {
        advntk__text_puts(room, json_string_value(value));
    } else {
        dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
        advntk__text_puts(room, dumped ? dumped : "");
        free(dumped);
    }
    advntk_hash_bytes(room->bytes, room->length, digest);
    memcpy(parts, digest, sizeof(parts));
    sum[0] += parts[0];
    sum[1] += parts[1];
}

/* The data set is told by its content, so that the same images in two places are the same. */
static bool is_of_variant(const char *key, bool content)
{
    static const char dataset[] = "data.dataset.";

    return strcmp(key, "data.seed") != 0 &&
           (!content || strncmp(key, dataset, sizeof(dataset) - 1) != 0);
}

/* Two runs have one signature if they differ in the seed alone. room: scratch. */
static void signature_of(const json_t *run, struct advntk__text *room, char text[SIGNATURE])
{
    const json_t *content = json_object_get(json_object_get(run, "identity"), "data_content");
    uint64_t sum[2] = {0};
    json_t *value;
    const char *key;

    if (content) {
        add_entry(sum, room, "", content);
    }
    json_object_foreach(json_object_get(run, "settings"), key, value)
    {
        if (is_of_variant(key, content != NULL)) {
            add_entry(sum, room, key, value);
        }
    }
    json_object_foreach(json_object_get(run, "evaluations"), key, value)
    {
        add_entry(sum, room, key, value);
    }
    snprintf(text, SIGNATURE, "%016llx%016llx", (unsigned long long)sum[0],
             (unsigned long long)sum[1]);
}

static bool has_run(const json_t *cases, const json_t *run)
{
    json_t *other;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)cases, i, other)
    {
        if (json_equal(json_object_get(other, "id"), json_object_get(run, "id"))) {
            return true;
        }
    }
    return false;
}

/* by_seed: each run by itself. */
static advntk_status group(const json_t *runs, bool by_seed, json_t *variants,
                           struct advntk_error *err)
{
    json_t *known = json_object(), *run, *variant;
    struct advntk__text room = {0};
    char signature[SIGNATURE + 24];
    size_t i;
    advntk_status rc = ADVNTK_OK;

    json_array_foreach((json_t *)(uintptr_t)runs, i, run)
    {
        signature_of(run, &room, signature);
        if (by_seed) {
            snprintf(signature + SIGNATURE - 1, 24, "%lld",
                     (long long)json_integer_value(json_object_get(run, "seed")));
        }
        variant = json_object_get(known, signature);
        if (!variant) {
            variant = json_pack("{s:{}, s:[]}", "values", "cases");
            json_object_set(known, signature, variant);
            json_array_append_new(variants, variant);
        }
        if (!variant || room.failed) {
            FAIL(err, ENOMEM, "no memory for %zu runs", json_array_size(runs));
        }
        if (!has_run(json_object_get(variant, "cases"), run)) {
            json_array_append(json_object_get(variant, "cases"), run);
        }
    }
out:
    advntk__text_release(&room);
    json_decref(known);
    return rc;
}

/* ---- which keys tell them apart ---- */

/* Variants with equal values of the keys so far have one number in `part`. */
struct naming {
    json_t *variants, *keys;
    size_t count, parts;
    size_t *part, *next;
};

static const json_t *first_case(const struct naming *n, size_t i)
{
    return json_array_get(json_object_get(json_array_get(n->variants, i), "cases"), 0);
}

/* false: this variant has no such key. */
static bool value_of(const struct naming *n, size_t i, const char *key, char text[LABEL])
{
    const json_t *run = first_case(n, i);
    const json_t *value = json_object_get(json_object_get(run, "overrides"), key);

    value = value ? value : advntk__run_value(run, key);
    advntk__value_text(value, text, LABEL);
    return value != NULL;
}

/* Whether variants that have the key differ in it; a slot that some lack differs too. */
static bool varies(const struct naming *n, const char *key)
{
    static const char plugin[] = ".plugin";
    size_t length = strlen(key), have = 0;
    bool differ = false;
    char first[LABEL] = "", text[LABEL];

    for (size_t i = 0; i < n->count; i++) {
        if (!value_of(n, i, key, text)) {
            continue;
        }
        if (have++ == 0) {
            memcpy(first, text, sizeof(first));
        }
        differ = differ || strcmp(first, text) != 0;
    }
    return differ || (have < n->count && length >= sizeof(plugin) &&
                      strcmp(key + length - (sizeof(plugin) - 1), plugin) == 0);
}

/* Splits the parts further by a key; how many there would be. */
static size_t split(struct naming *n, const char *key)
{
    json_t *known = json_object();
    char text[LABEL + 24];
    size_t parts = 0;

    for (size_t i = 0; known && i < n->count; i++) {
        char value[LABEL];
        const json_t *seen;
        value_of(n, i, key, value);
        snprintf(text, sizeof(text), "%zu %s", n->part[i], value);
        seen = json_object_get(known, text);
        n->next[i] = seen ? (size_t)json_integer_value(seen) : parts;
        if (!seen) {
            json_object_set_new(known, text, json_integer((json_int_t)parts++));
        }
    }
    json_decref(known);
    return parts;
}

static void take(struct naming *n, const char *key)
{
    size_t *next = n->next, parts = split(n, key);
    char text[LABEL];

    n->next = n->part;
    n->part = next;
    n->parts = parts;
    json_array_append_new(n->keys, json_pack("{s:s, s:s}", "key", key, "title", key));
    for (size_t i = 0; i < n->count; i++) {
        value_of(n, i, key, text);
        json_object_set_new(json_object_get(json_array_get(n->variants, i), "values"), key,
                            json_string(text));
    }
}

/* Takes the keys of a member of the runs that vary; needed: only if they tell apart what was not.
 */
static void take_group(struct naming *n, const char *group, bool needed)
{
    json_t *seen = json_object(), *value;
    const char *key;

    for (size_t i = 0; i < n->count && !(needed && n->parts == n->count); i++) {
        json_object_foreach(json_object_get((json_t *)(uintptr_t)first_case(n, i), group), key,
                            value)
        {
            if (json_object_get(seen, key)) {
                continue;
            }
            json_object_set_new(seen, key, json_true());
            if (strcmp(key, "seed") == 0 || !is_of_variant(key, false) || !varies(n, key) ||
                (needed && split(n, key) == n->parts)) {
                continue;
            }
            take(n, key);
        }
    }
    json_decref(seen);
}

/* A parameter as the sweep gives it together with its slot; NULL: not. path: below the slot. */
static const json_t *written(const struct naming *n, size_t i, const char *slot, const char *path)
{
    const json_t *value = json_object_get(json_object_get(first_case(n, i), "overrides"), slot);

    for (size_t length; value && *path; path += length + (path[length] == '.')) {
        char name[LABEL];
        length = strcspn(path, ".");
        snprintf(name, sizeof(name), "%.*s", (int)length, path);
        value = json_object_get(value, name);
    }
    return value;
}

/* Whether variants that have the parameter were given it differently: an expression of what was
 * swept beside it is none more to tell. */
static bool written_varies(const struct naming *n, const char *slot, const char *path,
                           const char *key)
{
    const json_t *first = NULL;
    bool any = false;
    char text[LABEL];

    for (size_t i = 0; i < n->count; i++) {
        const json_t *value = written(n, i, slot, path);
        if (!value_of(n, i, key, text)) {
            continue;
        }
        if (any && value != first && !(value && first && json_equal(value, first))) {
            return true;
        }
        first = value;
        any = true;
    }
    return false;
}

/* Of a slot that was swept together with parameters of its own: those that vary. path: below the
 * slot, "" at first. */
static void take_parameters(struct naming *n, json_t *seen, const char *slot, const char *path,
                            json_t *map)
{
    json_t *value;
    const char *name;

    json_object_foreach(map, name, value)
    {
        char below[LABEL], key[LABEL];
        if (snprintf(below, sizeof(below), "%s%s%s", path, *path ? "." : "", name) >= LABEL ||
            snprintf(key, sizeof(key), "%s.%s", slot, below) >= LABEL) {
            continue;
        }
        if (json_is_object(value)) {
            take_parameters(n, seen, slot, below, value);
        } else if (strcmp(name, "plugin") != 0 && !json_object_get(seen, key) && varies(n, key) &&
                   written_varies(n, slot, below, key)) {
            take(n, key);
        }
        json_object_set_new(seen, key, json_true());
    }
}

static void take_swept_parameters(struct naming *n)
{
    json_t *seen = json_object(), *entry, *value;
    const char *key;
    size_t k;

    json_array_foreach(n->keys, k, entry)
    {
        json_object_set_new(seen, json_string_value(json_object_get(entry, "key")), json_true());
    }
    for (size_t i = 0; i < n->count; i++) {
        json_object_foreach(json_object_get((json_t *)(uintptr_t)first_case(n, i), "overrides"),
                            key, value)
        {
            take_parameters(n, seen, key, "", value);
        }
    }
    json_decref(seen);
}

/* What tells runs apart that differ in the attack of an evaluation alone: the file's id. */
static void take_evaluations(struct naming *n)
{
    json_t *value;
    const char *name;
    char key[LABEL];

    json_object_foreach(json_object_get((json_t *)(uintptr_t)first_case(n, 0), "evaluations"), name,
                        value)
    {
        snprintf(key, sizeof(key), "evaluations.%s", name);
        if (n->parts < n->count && varies(n, key)) {
            take(n, key);
        }
    }
}

/* The last name of a key, "method" for "method.plugin"; all of it where two end alike. */
static void give_titles(json_t *keys)
{
    json_t *entry, *other;
    size_t i, j;

    json_array_foreach(keys, i, entry)
    {
        char key[LABEL];
        const char *dot;
        bool alone = true;
        snprintf(key, sizeof(key), "%s", json_string_value(json_object_get(entry, "key")));
        dot = strrchr(key, '.');
        if (dot && strcmp(dot, ".plugin") == 0) {
            key[dot - key] = '\0';
            dot = strrchr(key, '.');
        }
        dot = dot ? dot + 1 : key;
        json_array_foreach(keys, j, other)
        {
            const char *its = json_string_value(json_object_get(other, "key"));
            const char *end = its ? strrchr(its, '.') : NULL;
            alone = alone && (i == j || strcmp(end ? end + 1 : its ? its : "", dot) != 0);
        }
        json_object_set_new(entry, "title", json_string(alone ? dot : key));
    }
}

advntk_status advntk__variants(const json_t *runs, json_t **variants, json_t **keys,
                               struct advntk_error *err)
{
    struct naming n = {0};
    bool by_seed;
    advntk_status rc = ADVNTK_OK;

    *variants = json_array();
    *keys = json_array();
    if (!*variants || !*keys) {
        FAIL(err, ENOMEM, "no memory for %zu runs", json_array_size(runs));
    }
    TRY(group(runs, false, *variants, err));
    by_seed = json_array_size(*variants) == 1 && json_array_size(runs) > 1;
    if (by_seed) {
        json_array_clear(*variants);
        TRY(group(runs, true, *variants, err));
    }
    n = (struct naming){
        .variants = *variants, .keys = *keys, .count = json_array_size(*variants), .parts = 1};
    n.part = calloc(n.count + 1, sizeof(*n.part));
    n.next = calloc(n.count + 1, sizeof(*n.next));
    if (!n.part || !n.next) {
        FAIL(err, ENOMEM, "no memory for %zu variants", n.count);
    }
    if (by_seed) {
        take(&n, "seed");
    } else if (n.count > 1) {
        take_group(&n, "overrides", false);
        take_swept_parameters(&n);
        take_group(&n, "settings", true);
        take_evaluations(&n);
    }
    give_titles(*keys);
out:
    free(n.part);
    free(n.next);
    if (rc != ADVNTK_OK) {
        json_decref(*variants);
        json_decref(*keys);
        *variants = *keys = NULL;
    }
    return rc;
}
