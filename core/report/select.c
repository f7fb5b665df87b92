/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/select.h"

#include "base/try.h"
#include "recipe/expression.h"
#include "report/stored.h"
#include "run/record.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- conditions ---- */

bool advntk__condition_parse(const char *text, struct advntk__condition *c)
{
    static const char *const known[] = {"=", "<", ">", "<=", ">=", "!="};
    size_t length = strcspn(text, "=<>!"), operators = strspn(text + length, "=<>!");

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

/* A member; "a.b" is looked for whole at each level. */
static const json_t *member(const json_t *object, const char *key)
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

const json_t *advntk__run_value(const json_t *object, const char *key)
{
    const json_t *value = member(object, key), *settings;
    const json_t *set = json_object_get(json_object_get(object, "overrides"), key);
    char slot[160];

    value = value ? value : json_object_get(json_object_get(object, "metrics"), key);
    if (!value && json_is_number(set)) {
        value = set;
    }
    if (!value) { /* a slot stands for its plugin */
        settings = advntk__stored_settings((json_t *)(uintptr_t)object);
        value = json_object_get(settings, key);
        value = value ? value : set;
        snprintf(slot, sizeof(slot), "%s.plugin", key);
        value = value ? value : json_object_get(settings, slot);
    }
    return value;
}

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

bool advntk__condition_holds(const struct advntk__condition *c, const json_t *value)
{
    double wanted = 0;
    char text[256];
    int order;

    if (json_is_number(value) && advntk__expression(c->value, NULL, &wanted, NULL) == ADVNTK_OK) {
        order = compare(json_number_value(value), wanted);
    } else {
        advntk__value_text(value, text, sizeof(text));
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

/* Radii are written as k/255, as the field does. */
static bool as_pixels(double value, char *text, size_t size)
{
    double steps = value * 255, whole = nearbyint(steps);

    if (value <= 0 || value >= 1 || fabs(steps - whole) > 1e-9 * steps) {
        return false;
    }
    snprintf(text, size, "%g/255", whole);
    return strlen(text) < 8;
}

void advntk__value_text(const json_t *value, char *text, size_t size)
{
    const json_t *plugin = json_object_get(value, "plugin");
    char *dumped, plain[32];

    if (json_is_string(plugin)) {
        value = plugin;
    }
    if (json_is_string(value)) {
        snprintf(text, size, "%s", json_string_value(value));
    } else if (json_is_real(value)) {
        /* 0.2 is 51/255, but nobody writes that */
        snprintf(plain, sizeof(plain), "%.6g", json_real_value(value));
        if (strlen(plain) < 6 || !as_pixels(json_real_value(value), text, size)) {
            snprintf(text, size, "%s", plain);
        }
    } else if (!value || json_is_null(value)) {
        snprintf(text, size, "-");
    } else {
        dumped = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        snprintf(text, size, "%s", dumped ? dumped : "");
        free(dumped);
    }
}

/* ---- dates ---- */

/* "2026-11-23T10:30:00Z" as run.json has it, from a date or an age. */
static advntk_status parse_since(const char *since, char date[32], struct advntk_error *err)
{
    static const char units[] = "smhdw";
    static const double seconds[] = {1, 60, 3600, 86400, 604800};
    char *end = NULL;
    double number = strtod(since, &end);
    const char *unit = end != since && *end && !end[1] ? strchr(units, *end) : NULL;
    time_t then;
    struct tm utc;

    if (unit && number >= 0 && number < 1e6) {
        then = (time_t)((double)time(NULL) - number * seconds[unit - units]);
        gmtime_r(&then, &utc);
        strftime(date, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
        return ADVNTK_OK;
    }
    if (strlen(since) < 20 + 1 && strspn(since, "0123456789-T:Z") == strlen(since) &&
        strlen(since) >= 10 && since[4] == '-' && since[7] == '-') {
        snprintf(date, 32, "%s", since);
        return ADVNTK_OK;
    }
    return ADVNTK_FAIL(err, EINVALID,
                       "'%s': expected a date (2026-11-23, 2026-11-23T10:30) or an age (30m, 12h, "
                       "7d)",
                       since);
}

/* ---- choosing ---- */

/* The results of one entry of a study: those evaluations that it asked for, by the names it gave.
 */
static json_t *study_case(const json_t *run, const json_t *entry)
{
    static const char *const groups[] = {"metrics", "intervals", "audit", "samples", "evaluations"};
    json_t *object = json_copy((json_t *)(uintptr_t)run), *wanted, *id, *value;
    const json_t *ids = json_object_get(run, "evaluations");
    const char *name, *its_name;

    wanted = json_object_get(entry, "evaluations");
    json_object_set(object, "name", json_object_get(entry, "name"));
    json_object_set(object, "overrides", json_object_get(entry, "overrides"));
    for (size_t i = 0; wanted && i < sizeof(groups) / sizeof(*groups); i++) {
        json_t *group = json_object();
        json_object_foreach(wanted, name, id)
        {
            json_object_foreach((json_t *)(uintptr_t)ids, its_name, value)
            {
                json_t *found = json_object_get(json_object_get(run, groups[i]), its_name);
                if (json_equal(value, id) && found) {
                    json_object_set(group, name, found);
                }
            }
        }
        json_object_set_new(object, groups[i], group);
    }
    return object;
}

/* known: records that were read already, by id. */
static advntk_status add_study(struct advntk_host *host, const char *results, const json_t *study,
                               enum advntk__detail detail, json_t *known, json_t *runs,
                               struct advntk__text *warnings, struct advntk_error *err)
{
    const char *name = json_string_value(json_object_get(study, "name"));
    const json_t *entries = json_object_get(study, "runs"), *object;
    char(*ids)[ADVNTK__ID] = calloc(json_array_size(entries) + 1, sizeof(*ids));
    json_t *entry;
    ptrdiff_t n = 0;
    size_t i;
    advntk_status rc = ADVNTK_OK;

    if (!ids) {
        FAIL(err, ENOMEM, "study %s: no memory for its runs", name ? name : "");
    }
    json_array_foreach((json_t *)(uintptr_t)entries, i, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "id"));
        if (id && strlen(id) == ADVNTK__ID - 1) { /* a run that failed early has none */
            memcpy(ids[n++], id, ADVNTK__ID);
        }
    }
    TRY(advntk__stored_some(host, results, n, ids, detail, known, warnings, err));
    json_array_foreach((json_t *)(uintptr_t)entries, i, entry)
    {
        const char *id = json_string_value(json_object_get(entry, "id"));
        object = id ? json_object_get(known, id) : NULL;
        if (object) {
            json_array_append_new(runs, study_case(object, entry));
        } else if (id) {
            advntk__text_printf(warnings, "study %s: run %s is not in %s/runs\n", name ? name : "",
                                id, results);
        }
    }
out:
    free(ids);
    return rc;
}

static advntk_status add_run(const char *results, const char *word, json_t *runs,
                             struct advntk_error *err)
{
    struct advntk__folder folder = {.lock = -1};
    json_t *object = NULL;
    advntk_status rc = advntk__store_find(results, word, &folder, err);

    if (rc == ADVNTK_ENOTFOUND && !strchr(word, '/')) {
        rc = ADVNTK_FAIL(err, ENOTFOUND,
                         "'%s': no study or run of that name in %s; a condition is KEY=VALUE", word,
                         results);
    }
    TRY(rc);
    TRY(advntk__stored_read(&folder, ADVNTK__DETAIL_ALL, &object, err));
    if (!object) {
        FAIL(err, ENOTFOUND, "run %s: nothing was stored of it yet", folder.id);
    }
    json_array_append(runs, object);
out:
    json_decref(object);
    advntk__folder_close(&folder);
    return rc;
}

/* Everything that the words name; whether any did. */
static advntk_status gather(struct advntk_host *host, const char *results, ptrdiff_t count,
                            const char *const *words, enum advntk__detail detail,
                            struct advntk__selection *s, bool *named, struct advntk__text *warnings,
                            struct advntk_error *err)
{
    json_t *known = json_object(), *study = NULL;
    struct advntk__condition c;
    advntk_status rc = ADVNTK_OK;

    *named = false;
    for (ptrdiff_t i = 0; i < count; i++) {
        if (advntk__condition_parse(words[i], &c)) {
            continue;
        }
        *named = true;
        TRY(advntk__stored_study(results, words[i], &study, err));
        if (study) {
            TRY(add_study(host, results, study, detail, known, s->runs, warnings, err));
            json_array_append_new(s->studies, study);
            study = NULL;
        } else {
            TRY(add_run(results, words[i], s->runs, err));
        }
    }
out:
    json_decref(known);
    json_decref(study);
    return rc;
}

static bool is_recent(const json_t *object, const char *date)
{
    const char *finished = json_string_value(json_object_get(object, "finished"));

    return finished && strcmp(finished, date) >= 0;
}

/* Leaves in `runs` what fulfils all conditions. */
static advntk_status filter(ptrdiff_t count, const char *const *words, const char *since,
                            json_t **runs, struct advntk_error *err)
{
    json_t *kept = json_array(), *object;
    struct advntk__condition c;
    bool *seen = calloc((size_t)count + 1, sizeof(*seen));
    char date[32] = "";
    size_t i;
    advntk_status rc = ADVNTK_OK;

    if (!seen || !kept) {
        FAIL(err, ENOMEM, "no memory for %zu runs", json_array_size(*runs));
    }
    if (since) {
        TRY(parse_since(since, date, err));
    }
    json_array_foreach(*runs, i, object)
    {
        bool good = !since || is_recent(object, date);
        for (ptrdiff_t w = 0; w < count; w++) {
            if (advntk__condition_parse(words[w], &c)) {
                const json_t *value = advntk__run_value(object, c.key);
                seen[w] |= value != NULL;
                good = good && value && advntk__condition_holds(&c, value);
            }
        }
        if (good) {
            json_array_append(kept, object);
        }
    }
    for (ptrdiff_t w = 0; w < count && json_array_size(*runs); w++) {
        if (!seen[w] && advntk__condition_parse(words[w], &c)) {
            FAIL(err, ENOTFOUND,
                 "'%s': no run has this key; 'advntk show RUN --format json' lists the keys",
                 words[w]);
        }
    }
    json_decref(*runs);
    *runs = kept;
    kept = NULL;
out:
    json_decref(kept);
    free(seen);
    return rc;
}

/* Whether a key begins with a member that only whole records have. */
static bool is_of_whole(const char *key)
{
    static const char *const heads[] = {"files", "environment", "numerics", "identity"};

    for (size_t i = 0; key && i < sizeof(heads) / sizeof(*heads); i++) {
        if (strncmp(key, heads[i], strlen(heads[i])) == 0) {
            return true;
        }
    }
    return false;
}

enum advntk__detail advntk__detail_for(enum advntk__detail least, ptrdiff_t count,
                                       const char *const *words, const char *sort)
{
    bool all = is_of_whole(sort ? sort + (*sort == '-') : NULL);
    struct advntk__condition c;

    for (ptrdiff_t i = 0; i < count; i++) {
        all = all || (advntk__condition_parse(words[i], &c) && is_of_whole(c.key));
    }
    return all ? ADVNTK__DETAIL_ALL : least;
}

advntk_status advntk__select(struct advntk_host *host, const char *results, ptrdiff_t count,
                             const char *const *words, const char *since,
                             enum advntk__detail detail, struct advntk__selection *s,
                             struct advntk__text *warnings, struct advntk_error *err)
{
    bool named = false;
    advntk_status rc = ADVNTK_OK;

    *s = (struct advntk__selection){.runs = json_array(), .studies = json_array()};
    if (!s->runs || !s->studies) {
        FAIL(err, ENOMEM, "no memory for a list of runs");
    }
    TRY(gather(host, results, count, words, detail, s, &named, warnings, err));
    if (!named) {
        json_decref(s->runs);
        s->runs = NULL;
        TRY(advntk__stored_all(host, results, detail, &s->runs, warnings, err));
    }
    TRY(filter(count, words, since, &s->runs, err));
out:
    return rc;
}

void advntk__selection_release(struct advntk__selection *s)
{
    json_decref(s->runs);
    json_decref(s->studies);
    *s = (struct advntk__selection){0};
}

/* ---- order ---- */

struct place {
    json_t *run;
    const json_t *value;
    size_t at;
    bool falling;
};

static int by_value(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    char s[256], t[256];
    int order;

    if (!x->value || !y->value) { /* those without the key come last */
        order = (x->value == NULL) - (y->value == NULL);
        return order ? order : (x->at > y->at) - (x->at < y->at);
    }
    if (json_is_number(x->value) && json_is_number(y->value)) {
        order = compare(json_number_value(x->value), json_number_value(y->value));
    } else {
        advntk__value_text(x->value, s, sizeof(s));
        advntk__value_text(y->value, t, sizeof(t));
        order = strcmp(s, t);
    }
    order = x->falling ? -order : order;
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

json_t *advntk__runs_sorted(const json_t *runs, const char *key)
{
    size_t n = json_array_size(runs);
    struct place *places = calloc(n + 1, sizeof(*places));
    json_t *all = json_array();
    bool falling = *key == '-';

    for (size_t i = 0; places && i < n; i++) {
        json_t *run = json_array_get(runs, i);
        places[i] = (struct place){run, advntk__run_value(run, key + falling), i, falling};
    }
    if (places && n > 1) {
        qsort(places, n, sizeof(*places), by_value);
    }
    for (size_t i = 0; places && i < n; i++) {
        json_array_append(all, places[i].run);
    }
    if (!places) {
        json_decref(all);
        all = NULL;
    }
    free(places);
    return all;
}
