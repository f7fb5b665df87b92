/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/page.h"

#include "base/files.h"
#include "base/try.h"
#include "report/compare.h"
#include "report/curves.h"
#include "report/parts.h"
#include "report/picture.h"
#include "report/style.h"
#include "report/variants.h"
#include "run/runner.h"
#include "store/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECIPE_LIMIT = 16 << 20, TIMING_LIMIT = 64 << 20, LOG_LIMIT = 16 << 20, OPEN_ROWS = 24 };

struct report {
    const struct advntk__page *page;
    json_t *comparison, *done, *variants, *keys;
    struct advntk__text *out;
};

static void put(const struct report *r, const char *text)
{
    advntk__sheet_escape(ADVNTK__SHEET_HTML, text ? text : "-", r->out);
}

static const char *member(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* What the study, or the first of them, says of its page: name, question, curves, tables. */
static const json_t *asked(const struct report *r, const char *key)
{
    return json_object_get(json_array_get(r->page->selection->studies, 0), key);
}

static bool shows(const struct report *r, const char *table)
{
    return advntk__is_wanted(asked(r, "tables"), table);
}

/* A table, in a box that is scrolled sideways, by the keyboard too. */
static advntk_status put_sheet(const struct report *r, struct advntk__sheet *sheet,
                               const char *class, struct advntk_error *err)
{
    advntk_status rc;

    advntk__text_printf(r->out, "<div class=\"scroll %s\" tabindex=\"0\">", class);
    rc = advntk__sheet_write(sheet, ADVNTK__SHEET_HTML, r->out, err);
    advntk__text_puts(r->out, "</div>\n");
    advntk__sheet_release(sheet);
    return rc;
}

/* The same behind a line that unfolds it; a long one is folded at first. */
static advntk_status put_folded(const struct report *r, struct advntk__sheet *sheet,
                                const char *class, const char *summary, struct advntk_error *err)
{
    ptrdiff_t rows = sheet->cell_count / sheet->column_count;
    advntk_status rc;

    advntk__text_printf(r->out, "<details%s><summary>", rows > OPEN_ROWS ? "" : " open");
    put(r, summary);
    advntk__text_puts(r->out, "</summary>\n");
    rc = put_sheet(r, sheet, class, err);
    advntk__text_puts(r->out, "</details>\n");
    return rc;
}

static void section(const struct report *r, const char *id, const char *title)
{
    advntk__text_printf(r->out, "<h2 id=\"%s\">%s</h2>\n", id, title);
}

/* ---- the recipe ---- */

/* The text of the first study that was named, or the first run's resolved recipe; free(). */
static char *recipe_text(const struct report *r, bool *as_written)
{
    const char *written = member(json_array_get(r->page->selection->studies, 0), "recipe");
    const char *folder = member(json_array_get(r->done, 0), "folder");
    char *path = NULL, *text = NULL;
    size_t count;

    *as_written = written && *written;
    if (*as_written) {
        return strdup(written);
    }
    path = folder ? advntk__files_join(folder, "recipe.yaml") : NULL;
    if (path && advntk__files_read(path, RECIPE_LIMIT, &text, &count, NULL) != ADVNTK_OK) {
        text = NULL;
    }
    free(path);
    return text;
}

/* ---- sections ---- */

static void write_head(const struct report *r, const char *title, const char *question)
{
    static const struct {
        const char *id, *title, *table; /* table: NULL: always there */
    } links[] = {{"results", "What came out", "final"},
                 {"curves", "Curves", NULL},
                 {"examples", "Examples", NULL},
                 {"audit", "Audit", NULL},
                 {"recipe", "Recipe", NULL},
                 {"settings", "Settings", "settings"},
                 {"provenance", "Provenance", NULL},
                 {"cost", "Cost", "cost"}};

    advntk__text_puts(r->out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                              "<meta name=\"viewport\" content=\"width=device-width, "
                              "initial-scale=1\">\n<title>");
    put(r, title);
    advntk__text_printf(r->out, "</title>\n<style>\n%s</style></head>\n<body>\n<h1>", page_style);
    put(r, title);
    advntk__text_puts(r->out, "</h1>\n");
    if (question && *question) {
        advntk__text_puts(r->out, "<p class=\"question\">");
        put(r, question);
        advntk__text_puts(r->out, "</p>\n");
    }
    advntk__text_puts(r->out, "<nav>");
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
        if (!links[i].table || shows(r, links[i].table)) {
            advntk__text_printf(r->out, "<a href=\"#%s\">%s</a>\n", links[i].id, links[i].title);
        }
    }
    advntk__text_puts(r->out, "</nav>\n<main>\n");
}

/* The columns' names are the last words of the keys: which ones. */
static void tell_keys(const struct report *r)
{
    json_t *entry;
    bool begun = false;
    size_t i;

    json_array_foreach(r->keys, i, entry)
    {
        const char *title = member(entry, "title"), *key = member(entry, "key");
        if (title && key && strcmp(title, key) != 0) {
            advntk__text_puts(r->out, begun ? ", " : "<p class=\"soft\">");
            put(r, title);
            advntk__text_puts(r->out, " is <code>");
            put(r, key);
            advntk__text_puts(r->out, "</code>");
            begun = true;
        }
    }
    advntk__text_puts(r->out, begun ? ".</p>\n" : "");
}

/* The last line of a run's log: of one that failed, why. */
static void last_words(const json_t *run, struct advntk__text *out)
{
    char *path = advntk__files_join(member(run, "folder") ? member(run, "folder") : "", "log.txt");
    char *bytes = NULL, *last;
    size_t count = 0;

    if (path && advntk__files_read(path, LOG_LIMIT, &bytes, &count, NULL) == ADVNTK_OK) {
        while (count && bytes[count - 1] == '\n') {
            bytes[--count] = '\0';
        }
        last = strrchr(bytes, '\n');
        advntk__text_puts(out, last ? last + 1 : bytes);
    }
    free(bytes);
    free(path);
}

static advntk_status write_unfinished(const struct report *r, struct advntk_error *err)
{
    struct advntk__sheet sheet = {0};
    char text[160];
    json_t *run, *value;
    const char *key;
    size_t i, missing = 0;

    advntk__sheet_column(&sheet, 'l', "run");
    advntk__sheet_column(&sheet, 'l', "of");
    advntk__sheet_column(&sheet, 'l', "state");
    advntk__sheet_column(&sheet, 'l', "last line of its log");
    json_array_foreach(r->page->selection->runs, i, run)
    {
        struct advntk__text of = {0}, words = {0};
        const char *state = member(run, "state"), *id = member(run, "id");
        if (state && strcmp(state, "done") == 0) {
            continue;
        }
        missing++;
        json_object_foreach(json_object_get(run, "overrides"), key, value)
        {
            advntk__value_text(value, text, sizeof(text));
            advntk__text_printf(&of, "%s%s %s", of.length ? ", " : "", key, text);
        }
        last_words(run, &words);
        advntk__sheet_add(&sheet, "%.8s", id ? id : "-");
        advntk__sheet_add(&sheet, "%s", advntk__text_get(&of));
        advntk__sheet_add(&sheet, "%s", state ? state : "-");
        advntk__sheet_add(&sheet, "%s", advntk__text_get(&words));
        sheet.failed = sheet.failed || of.failed || words.failed;
        advntk__text_release(&of);
        advntk__text_release(&words);
    }
    if (missing == 0) {
        advntk__sheet_release(&sheet);
        return ADVNTK_OK;
    }
    snprintf(text, sizeof(text), "%zu of %zu runs are unfinished", missing,
             json_array_size(r->page->selection->runs));
    return put_folded(r, &sheet, "wrap", text, err);
}

/* "4 differences: 1 higher, 3 not distinguishable" */
static void count_verdicts(const json_t *differences, char *text, size_t size)
{
    json_t *counts = json_object(), *difference, *count;
    const char *verdict;
    size_t i, used;

    json_array_foreach((json_t *)(uintptr_t)differences, i, difference)
    {
        verdict = member(difference, "verdict");
        if (verdict) {
            json_int_t before = json_integer_value(json_object_get(counts, verdict));
            json_object_set_new(counts, verdict, json_integer(before + 1));
        }
    }
    snprintf(text, size, "%zu difference%s", json_array_size(differences),
             json_array_size(differences) == 1 ? "" : "s");
    i = 0;
    json_object_foreach(counts, verdict, count)
    {
        used = strlen(text);
        snprintf(text + used, size - used, "%s%lld %s", i++ ? ", " : ": ",
                 (long long)json_integer_value(count), verdict);
    }
    json_decref(counts);
}

static advntk_status write_differences(const struct report *r, struct advntk_error *err)
{
    const json_t *differences = json_object_get(r->comparison, "differences");
    struct advntk__sheet sheet = {0};
    char text[200];

    if (json_array_size(differences) == 0) {
        return ADVNTK_OK;
    }
    count_verdicts(differences, text, sizeof(text));
    advntk__text_puts(
        r->out,
        "<h3>Differences</h3>\n<p class=\"soft\">Each with its own 95 % interval. p (seeds): "
        "paired t test over seeds; p (images): McNemar's test on the same images, over several "
        "seeds a paired t test of the images' means; p (Holm): the first of them, corrected for "
        "all differences of the metric. Where it is below 0.05 a difference is called one; so an "
        "interval may exclude 0 and the verdict still be that it is not distinguishable.</p>\n");
    advntk__compare_differences(r->comparison, &sheet);
    return put_folded(r, &sheet, "", text, err);
}

static bool is_trusted(const json_t *verdict)
{
    const char *text = json_string_value(verdict);

    return text && strcmp(text, "trusted") == 0;
}

static size_t count_attacked(const struct report *r, size_t *trusted)
{
    json_t *run, *verdict;
    const char *name;
    size_t i, all = 0;

    *trusted = 0;
    json_array_foreach(r->done, i, run)
    {
        json_object_foreach(json_object_get(run, "audit"), name, verdict)
        {
            all++;
            *trusted += is_trusted(verdict);
        }
    }
    return all;
}

static advntk_status write_results(const struct report *r, struct advntk_error *err)
{
    struct advntk__sheet variants = {0};
    json_t *line;
    size_t i, all, trusted;
    advntk_status rc = ADVNTK_OK;

    section(r, "results", "What came out");
    advntk__text_puts(r->out,
                      "<p class=\"soft\">Accuracy: mean over seeds &#177; standard deviation "
                      "[Wilson's 95 % interval over the test images].</p>\n");
    tell_keys(r);
    advntk__compare_variants(r->comparison, &variants);
    TRY(put_sheet(r, &variants, "", err));
    all = count_attacked(r, &trusted);
    if (trusted < all) {
        advntk__text_printf(r->out,
                            "<p>Note: of %zu attacked evaluations %zu are not trusted: see the "
                            "<a href=\"#audit\">audit</a>.</p>\n",
                            all, all - trusted);
    }
    json_array_foreach(json_object_get(r->comparison, "notes"), i, line)
    {
        advntk__text_puts(r->out, "<p>Note: ");
        put(r, json_string_value(line));
        advntk__text_puts(r->out, ".</p>\n");
    }
    TRY(write_unfinished(r, err));
    TRY(write_differences(r, err));
out:
    return rc;
}

static void write_curves(const struct report *r)
{
    int count;

    section(r, "curves", "Curves");
    advntk__text_puts(r->out,
                      "<p class=\"soft\">Points are means over seeds; bars reach a standard "
                      "deviation to either side, or, of a single run, over Wilson's 95 % "
                      "interval. Where bars would hide each other they stand side by "
                      "side.</p>\n<div class=\"charts\">\n");
    count =
        advntk__curves_write(r->page->registry, r->variants, r->keys,
                             json_object_get(r->comparison, "metrics"), asked(r, "curves"), r->out);
    advntk__text_puts(r->out, "</div>\n");
    if (count == 0) {
        advntk__text_puts(r->out, "<p>These runs have no data for a curve: sweep a number, give an "
                                  "attack several radii, or train.</p>\n");
    }
}

/* Opens a stored run by its recipe, with the plugins that are there now. */
static advntk_status show_examples(const struct report *r, const json_t *run,
                                   struct advntk_error *err)
{
    const struct advntk__recipe_options options = {0};
    struct advntk__folder folder = {.lock = -1};
    struct advntk__study *study = NULL;
    struct advntk__opened opened = {0};
    struct advntk__text messages = {0};
    char *recipe = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__store_find(r->page->results, member(run, "folder"), &folder, err));
    recipe = advntk__folder_file(&folder, "recipe.yaml", NULL);
    if (!recipe) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    TRY(advntk__study_load(r->page->registry, recipe, &options, &study, &messages, err));
    TRY(advntk__opened_init(&opened, r->page->host, &study->runs[0], &folder, err));
    TRY(advntk__examples_write(&opened, &study->runs[0], r->page->examples, r->out, err));
out:
    advntk__opened_release(&opened);
    advntk__study_free(study);
    advntk__text_release(&messages);
    advntk__folder_close(&folder);
    free(recipe);
    return rc;
}

/* The first run of the first and of the last variant. */
static advntk_status write_examples(const struct report *r, struct advntk_error *err)
{
    size_t count = json_array_size(r->variants), step = count > 1 ? count - 1 : 1;
    struct advntk_error why;
    advntk_status rc = ADVNTK_OK;

    section(r, "examples", "Examples");
    if (r->page->examples < 1) {
        advntk__text_puts(r->out, "<p>None were asked for.</p>\n");
        return rc;
    }
    for (size_t i = 0; i < count; i += step) {
        const json_t *variant = json_array_get(r->variants, i);
        const json_t *run = json_array_get(json_object_get(variant, "cases"), 0);
        json_t *value;
        const char *key;
        advntk__text_puts(r->out, "<h3>Run ");
        put(r, member(run, "id"));
        json_object_foreach(json_object_get(variant, "values"), key, value)
        {
            advntk__text_puts(r->out, ", ");
            put(r, key);
            advntk__text_puts(r->out, " ");
            put(r, json_string_value(value));
        }
        advntk__text_puts(r->out, "</h3>\n");
        rc = show_examples(r, run, &why);
        if (rc == ADVNTK_ECANCELLED || rc == ADVNTK_ENOMEM) {
            if (err) {
                *err = why;
            }
            return rc;
        }
        if (rc != ADVNTK_OK) {
            advntk__text_puts(r->out, "<p>No examples: ");
            put(r, why.text);
            advntk__text_puts(r->out, "</p>\n");
        }
    }
    return ADVNTK_OK;
}

static json_t *read_evaluation(const json_t *run, const char *id)
{
    struct advntk__text path = {0};
    json_t *object = NULL;

    advntk__text_printf(&path, "%s/evaluations/%s.json", member(run, "folder"), id);
    object = path.failed ? NULL : json_load_file(path.bytes, 0, NULL);
    advntk__text_release(&path);
    return object;
}

/* Attacks of several parts: what each of them found in the first run of each variant. */
static advntk_status write_parts(const struct report *r, struct advntk_error *err)
{
    json_t *variant, *evaluation, *run, *its_id;
    const char *name;
    size_t i;
    bool begun = false;
    advntk_status rc = ADVNTK_OK;

    json_array_foreach(r->variants, i, variant)
    {
        run = json_array_get(json_object_get(variant, "cases"), 0);
        json_object_foreach(json_object_get(run, "evaluations"), name, its_id)
        {
            struct advntk__sheet sheet = {0};
            const char *id = json_string_value(its_id);
            evaluation = id ? read_evaluation(run, id) : NULL;
            if (advntk__parts_sheet(evaluation, &sheet)) {
                advntk__text_puts(r->out, begun ? "" : "<h3>What each attack found</h3>\n");
                begun = true;
                advntk__text_printf(r->out, "<p>Run %.8s, evaluation ", member(run, "id"));
                put(r, name);
                advntk__text_puts(r->out, ":</p>\n");
                rc = put_sheet(r, &sheet, "", err);
            }
            json_decref(evaluation);
            TRY(rc);
        }
    }
out:
    return rc;
}

static void add_reasons(const json_t *run, const char *name, const json_t *verdict,
                        struct advntk__sheet *sheet)
{
    const char *id = member(json_object_get(run, "evaluations"), name);
    json_t *evaluation = id ? read_evaluation(run, id) : NULL, *reason;
    struct advntk__text why = {0};
    size_t k;

    json_array_foreach(json_object_get(json_object_get(evaluation, "audit"), "reasons"), k, reason)
    {
        advntk__text_printf(&why, "%s%s", k ? "; " : "", json_string_value(reason));
    }
    advntk__sheet_add(sheet, "%.8s", member(run, "id"));
    advntk__sheet_add(sheet, "%s", name);
    advntk__sheet_add(sheet, "%s", json_is_string(verdict) ? json_string_value(verdict) : "-");
    advntk__sheet_add(sheet, "%s", advntk__text_get(&why));
    advntk__text_release(&why);
    json_decref(evaluation);
}

static advntk_status write_audit(const struct report *r, struct advntk_error *err)
{
    struct advntk__sheet sheet = {0};
    json_t *run, *verdict;
    const char *name;
    char text[80];
    size_t i, trusted, all = count_attacked(r, &trusted);

    section(r, "audit", "Audit");
    if (all == 0) {
        advntk__text_puts(r->out, "<p>No evaluation attacks.</p>\n");
        return ADVNTK_OK;
    }
    advntk__text_printf(r->out, "<p>%zu of %zu attacked evaluations are trusted.</p>\n", trusted,
                        all);
    if (trusted == all) {
        return ADVNTK_OK;
    }
    advntk__sheet_column(&sheet, 'l', "run");
    advntk__sheet_column(&sheet, 'l', "evaluation");
    advntk__sheet_column(&sheet, 'l', "verdict");
    advntk__sheet_column(&sheet, 'l', "why");
    json_array_foreach(r->done, i, run)
    {
        json_object_foreach(json_object_get(run, "audit"), name, verdict)
        {
            if (!is_trusted(verdict)) {
                add_reasons(run, name, verdict, &sheet);
            }
        }
    }
    snprintf(text, sizeof(text), "the other %zu, and why", all - trusted);
    return put_folded(r, &sheet, "wrap", text, err);
}

static void write_recipe(const struct report *r, const char *recipe, bool as_written)
{
    section(r, "recipe", "Recipe");
    advntk__text_printf(r->out, "<p class=\"soft\">%s</p>\n<pre>",
                        as_written ? "As it was written."
                                   : "Of the first run, every default filled in.");
    put(r, recipe);
    advntk__text_puts(r->out, "</pre>\n");
}

/* Every setting, with all its values over the runs; and the results as LaTeX for an appendix. */
static advntk_status write_settings(const struct report *r, struct advntk_error *err)
{
    struct advntk__sheet sheet = {0}, variants = {0};
    struct advntk__text latex = {0};
    json_t *values = json_object(), *run, *value;
    const char *key;
    char text[200];
    size_t i;
    advntk_status rc = ADVNTK_OK;

    section(r, "settings", "Settings");
    json_array_foreach(r->done, i, run)
    {
        json_object_foreach(json_object_get(run, "settings"), key, value)
        {
            json_t *seen = json_object_get(values, key);
            if (!seen) {
                seen = json_object();
                json_object_set_new(values, key, seen);
            }
            advntk__value_text(value, text, sizeof(text));
            json_object_set_new(seen, text, json_true());
        }
    }
    advntk__sheet_column(&sheet, 'l', "parameter");
    advntk__sheet_column(&sheet, 'l', "value");
    json_object_foreach(values, key, value)
    {
        struct advntk__text list = {0};
        const char *one;
        json_t *unused;
        json_object_foreach(value, one, unused)
        {
            advntk__text_printf(&list, "%s%s", list.length ? ", " : "", one);
        }
        advntk__sheet_add(&sheet, "%s", key);
        advntk__sheet_add(&sheet, "%s", advntk__text_get(&list));
        advntk__text_release(&list);
    }
    advntk__text_puts(r->out, "<details><summary>every parameter and its values</summary>\n");
    TRY(put_sheet(r, &sheet, "wrap", err));
    advntk__text_puts(r->out, "</details>\n<details><summary>the results as a LaTeX table "
                              "(booktabs)</summary>\n<pre>");
    advntk__compare_variants(r->comparison, &variants);
    TRY(advntk__sheet_write(&variants, ADVNTK__SHEET_LATEX, &latex, err));
    put(r, advntk__text_get(&latex));
    advntk__text_puts(r->out, "</pre></details>\n");
out:
    advntk__sheet_release(&sheet);
    advntk__sheet_release(&variants);
    advntk__text_release(&latex);
    json_decref(values);
    return rc;
}

/* One row for each different value; in how many runs. */
static void count_value(json_t *counts, const char *what, const char *value)
{
    struct advntk__text key = {0};
    json_int_t seen;

    advntk__text_printf(&key, "%s\n%s", what, value ? value : "-");
    seen = json_integer_value(json_object_get(counts, advntk__text_get(&key)));
    json_object_set_new(counts, advntk__text_get(&key), json_integer(seen + 1));
    advntk__text_release(&key);
}

static void count_run(json_t *counts, const json_t *run)
{
    static const char *const surroundings[] = {"instruction_set", "backend", "compiler"};
    const json_t *identity = json_object_get(run, "identity");
    const json_t *environment = json_object_get(run, "environment");
    json_t *plugin;
    char text[256];
    size_t k;

    snprintf(text, sizeof(text), "%s (%.8s)", member(identity, "program"),
             member(identity, "program_digest") ? member(identity, "program_digest") : "");
    count_value(counts, "program", text);
    count_value(counts, "data (digest of the content)", member(identity, "data_content"));
    for (size_t i = 0; i < sizeof(surroundings) / sizeof(*surroundings); i++) {
        count_value(counts, surroundings[i], member(environment, surroundings[i]));
    }
    advntk__value_text(json_object_get(environment, "threads"), text, sizeof(text));
    count_value(counts, "threads", text);
    json_array_foreach(json_object_get(identity, "plugins"), k, plugin)
    {
        char name[160];
        snprintf(name, sizeof(name), "plugin %s/%s", member(plugin, "kind"),
                 member(plugin, "name"));
        snprintf(text, sizeof(text), "%s (%.8s)", member(plugin, "version"),
                 member(plugin, "digest") ? member(plugin, "digest") : "");
        count_value(counts, name, text);
    }
}

static advntk_status write_provenance(const struct report *r, struct advntk_error *err)
{
    struct advntk__sheet sheet = {0};
    json_t *counts = json_object(), *run, *count;
    const char *key, *first = NULL, *last = NULL; /* dates, which sort as text */
    size_t i;
    advntk_status rc;

    section(r, "provenance", "Provenance");
    json_array_foreach(r->done, i, run)
    {
        const char *started = member(run, "started"), *finished = member(run, "finished");
        count_run(counts, run);
        first = started && (!first || strcmp(started, first) < 0) ? started : first;
        last = finished && (!last || strcmp(finished, last) > 0) ? finished : last;
    }
    advntk__sheet_column(&sheet, 'l', "what");
    advntk__sheet_column(&sheet, 'l', "value");
    advntk__sheet_column(&sheet, 'r', "runs");
    json_object_foreach(counts, key, count)
    {
        advntk__sheet_add(&sheet, "%.*s", (int)strcspn(key, "\n"), key);
        advntk__sheet_add(&sheet, "%s", strchr(key, '\n') + 1);
        advntk__sheet_add(&sheet, "%lld", (long long)json_integer_value(count));
    }
    advntk__text_printf(r->out, "<p>Computed from %s to %s.</p>\n", first ? first : "?",
                        last ? last : "?");
    rc = put_sheet(r, &sheet, "wrap", err);
    json_decref(counts);
    return rc;
}

/* Adds the seconds of timing.jsonl by phase: the first key of a line. */
static void add_timing(const json_t *run, json_t *phases)
{
    char *path = advntk__files_join(member(run, "folder"), "timing.jsonl"), *bytes = NULL, *at,
         *end;
    size_t count;

    if (path && advntk__files_read(path, TIMING_LIMIT, &bytes, &count, NULL) == ADVNTK_OK) {
        for (at = bytes; (end = strchr(at, '\n')); at = end + 1) {
            json_t *row = json_loadb(at, (size_t)(end - at), 0, NULL);
            const char *phase = json_object_iter_key(json_object_iter(row));
            if (phase) {
                double sum = json_number_value(json_object_get(phases, phase));
                sum += json_number_value(json_object_get(row, "seconds"));
                json_object_set_new(phases, phase, json_real(sum));
            }
            json_decref(row);
        }
    }
    free(bytes);
    free(path);
}

static advntk_status write_cost(const struct report *r, struct advntk_error *err)
{
    struct advntk__sheet sheet = {0};
    json_t *phases = json_object(), *seen = json_object(), *run, *value;
    const char *key;
    double all = 0;
    size_t i;
    advntk_status rc;

    section(r, "cost", "Cost");
    json_array_foreach(r->done, i, run)
    {
        if (!json_object_get(seen, member(run, "id"))) { /* one fit may stand under two radii */
            json_object_set_new(seen, member(run, "id"), json_true());
            add_timing(run, phases);
            all += json_number_value(json_object_get(run, "seconds"));
        }
    }
    advntk__sheet_column(&sheet, 'l', "phase");
    advntk__sheet_column(&sheet, 'r', "seconds");
    json_object_foreach(phases, key, value)
    {
        advntk__sheet_add(&sheet, "%s", key);
        advntk__sheet_add(&sheet, "%.1f", json_number_value(value));
    }
    advntk__sheet_add(&sheet, "all of %zu fit%s", json_object_size(seen),
                      json_object_size(seen) == 1 ? "" : "s");
    advntk__sheet_add(&sheet, "%.1f", all);
    rc = put_sheet(r, &sheet, "", err);
    json_decref(phases);
    json_decref(seen);
    return rc;
}

advntk_status advntk__page_write(const struct advntk__page *page, struct advntk__text *out,
                                 struct advntk_error *err)
{
    const struct advntk__compare_options options = {.by = page->by, .results = page->results};
    struct report r = {.page = page, .out = out};
    json_t *metrics = json_array();
    const char *title = json_string_value(asked(&r, "name"));
    char *recipe = NULL;
    bool as_written = false;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__compare(page->host, page->selection->runs, &options, &r.comparison, err));
    r.done = advntk__runs_finished(page->selection->runs, metrics);
    TRY(advntk__variants(r.done, &r.variants, &r.keys, err));
    recipe = recipe_text(&r, &as_written);
    write_head(&r, title ? title : "advntk runs", json_string_value(asked(&r, "question")));
    if (shows(&r, "final")) {
        TRY(write_results(&r, err));
    }
    write_curves(&r);
    TRY(write_examples(&r, err));
    TRY(write_audit(&r, err));
    TRY(write_parts(&r, err));
    write_recipe(&r, recipe, as_written);
    if (shows(&r, "settings")) {
        TRY(write_settings(&r, err));
    }
    TRY(write_provenance(&r, err));
    if (shows(&r, "cost")) {
        TRY(write_cost(&r, err));
    }
    advntk__text_puts(out, "<p class=\"soft\">Written by advntk " PACKAGE_VERSION
                           ".</p>\n</main>\n</body></html>\n");
    if (out->failed) {
        FAIL(err, ENOMEM, "no memory for a report");
    }
out:
    json_decref(metrics);
    json_decref(r.comparison);
    json_decref(r.done);
    json_decref(r.variants);
    json_decref(r.keys);
    free(recipe);
    return rc;
}
