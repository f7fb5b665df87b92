/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "report/select.h"
#include "run/plan.h"
#include "run/services.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cli_words plan_overrides, plan_sweeps;
static int64_t plan_memory, plan_cache;
static int plan_jobs;
static bool plan_quick, plan_no_share;

static const struct cli_option plan_options[] = {
    {CLI_WORDS, "set", 's', "KEY=VALUE", &plan_overrides,
     "replaces a value of the recipe (repeatable)"},
    {CLI_WORDS, "sweep", 0, "KEY=[A,B]", &plan_sweeps, "adds a product axis (repeatable)"},
    {CLI_COUNT, "jobs", 0, "N", &plan_jobs, "as for run"},
    {CLI_SIZE, "memory", 0, "SIZE", &plan_memory, "as for run"},
    {CLI_SIZE, "cache", 0, "SIZE", &plan_cache, "as for run"},
    {CLI_FLAG, "no-share", 0, NULL, &plan_no_share, "as for run"},
    {CLI_FLAG, "quick", 0, NULL, &plan_quick,
     "no measurements: times only where earlier runs say them"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

static json_int_t count_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* "3.4 s", "12 min", "-" where it is not known */
static const char *time_text(const json_t *seconds, char text[48])
{
    double s = json_number_value(seconds);

    if (!json_is_number(seconds)) {
        snprintf(text, 48, "-");
    } else if (s < 100) {
        snprintf(text, 48, "%.1f s", s);
    } else if (s < 6000) {
        snprintf(text, 48, "%.0f min", s / 60);
    } else {
        snprintf(text, 48, "%.1f h", s / 3600);
    }
    return text;
}

/* "model of 3", "factor of 1" (and so the matrix), "matrix of 1", or "matrix with 1": another, from
 * the same pass */
static void add_shares(struct advntk__sheet *sheet, const json_t *row)
{
    json_int_t index = count_of(row, "index"), matrix = count_of(row, "matrix_of"),
               model = count_of(row, "model_of"), pass = count_of(row, "pass_of"),
               factor = count_of(row, "factor_of");

    if (model != index) {
        advntk__sheet_add(sheet, "model of %lld", (long long)model);
    } else if (factor != index) {
        advntk__sheet_add(sheet, "factor of %lld", (long long)factor);
    } else if (matrix != index) {
        advntk__sheet_add(sheet, "matrix of %lld", (long long)matrix);
    } else if (pass != index) {
        advntk__sheet_add(sheet, "matrix with %lld", (long long)pass);
    } else {
        advntk__sheet_add(sheet, "-");
    }
}

static json_t *swept_keys(const json_t *rows)
{
    json_t *keys = json_object(), *row, *value;
    const char *key;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        json_object_foreach(json_object_get(row, "overrides"), key, value)
        {
            json_object_set_new(keys, key, json_true());
        }
    }
    json_object_del(keys, "method"); /* has a column already */
    return keys;
}

static void add_row(struct advntk__sheet *sheet, const json_t *row, json_t *keys)
{
    const char *id = json_string_value(json_object_get(row, "id")),
               *state = json_string_value(json_object_get(row, "state")), *key;
    char text[256];
    json_t *value;

    advntk__sheet_add(sheet, "%lld", (long long)count_of(row, "index"));
    advntk__sheet_add(sheet, "%.8s", id ? id : "-");
    advntk__sheet_add(sheet, "%s", json_string_value(json_object_get(row, "method")));
    json_object_foreach(keys, key, value)
    {
        advntk__value_text(json_object_get(json_object_get(row, "overrides"), key), text,
                           sizeof(text));
        advntk__sheet_add(sheet, "%s", text);
    }
    advntk__sheet_add(sheet, "%s", state);
    add_shares(sheet, row);
    if (strcmp(state, "done") == 0 || strcmp(state, "impossible") == 0) {
        advntk__sheet_add(sheet, "-");
    } else {
        advntk__sheet_add(sheet, "%s", time_text(json_object_get(row, "seconds"), text));
    }
    advntk__sheet_add(sheet, "%s%s", advntk__size_text(count_of(row, "bytes"), text),
                      json_is_true(json_object_get(row, "matrix_on_disk")) ? " and disk" : "");
}

static int print_table(const json_t *rows)
{
    json_t *keys = swept_keys(rows), *row, *value;
    struct advntk__sheet sheet = {0};
    const char *key;
    size_t i;

    advntk__sheet_column(&sheet, 'r', "#");
    advntk__sheet_column(&sheet, 'l', "run");
    advntk__sheet_column(&sheet, 'l', "method");
    json_object_foreach(keys, key, value)
    {
        const char *dot = strrchr(key, '.');
        advntk__sheet_column(&sheet, 'l', "%s", dot ? dot + 1 : key);
    }
    advntk__sheet_column(&sheet, 'l', "state");
    advntk__sheet_column(&sheet, 'l', "shares");
    advntk__sheet_column(&sheet, 'r', "time");
    advntk__sheet_column(&sheet, 'r', "memory");
    json_array_foreach(rows, i, row)
    {
        add_row(&sheet, row, keys);
    }
    json_decref(keys);
    return cli_table_print(&sheet, ADVNTK__SHEET_TEXT);
}

/* "1 training", "2 trainings" */
static const char *counted(json_int_t count, const char *one, const char *more, char text[48])
{
    snprintf(text, 48, "%lld %s", (long long)count, count == 1 ? one : more);
    return text;
}

static void print_amounts(const json_t *totals)
{
    const json_int_t passes = count_of(totals, "passes"), matrices = count_of(totals, "matrices"),
                     read = count_of(totals, "matrices_read"),
                     clean = count_of(totals, "clean_passes"),
                     evaluations = count_of(totals, "evaluations"),
                     rejudged = count_of(totals, "evaluations_rejudged");
    char text[48];

    printf("to compute: %s", counted(matrices, "kernel matrix", "kernel matrices", text));
    if (passes < matrices) {
        printf(" in %s", counted(passes, "pass", "passes", text));
    }
    if (read > 0) {
        printf(" (%lld more %s in the cache)", (long long)read, read == 1 ? "is" : "are");
    }
    printf(", %s", counted(count_of(totals, "models"), "training", "trainings", text));
    printf(", %s", counted(evaluations, "evaluation", "evaluations", text));
    if (evaluations > clean || rejudged > 0) {
        printf(" (%s", counted(clean, "clean pass", "clean passes", text));
        if (rejudged > 0) {
            printf("; %lld follow%s from another radius", (long long)rejudged,
                   rejudged == 1 ? "s" : "");
        }
        printf(")");
    }
    printf("\n");
}

static void print_time(const json_t *totals)
{
    const json_t *alone = json_object_get(totals, "seconds_alone");
    const double shared = json_number_value(json_object_get(totals, "seconds"));
    char text[48];

    if (count_of(totals, "unknown") > 0) {
        printf("time: not known of %s\n",
               counted(count_of(totals, "unknown"), "run", "runs", text));
        return;
    }
    printf("time: about %s", time_text(json_object_get(totals, "seconds"), text));
    printf(" with %s", counted(count_of(totals, "jobs"), "job", "jobs", text));
    printf(" of %s", counted(count_of(totals, "threads"), "thread", "threads", text));
    if (shared > 0 && json_is_number(alone)) {
        const double factor = json_number_value(alone) / shared;
        printf("; without sharing %s (%.*f x)", time_text(alone, text), factor < 10 ? 2 : 1,
               factor);
    }
    printf("\n");
}

/* What is wrong with runs, or why nothing says how long they take: each reason once. */
static void print_reasons(const json_t *rows)
{
    json_t *reasons = json_object(), *row, *numbers; /* of the runs, by reason */
    const char *reason;
    char text[48];
    size_t i;

    json_array_foreach(rows, i, row)
    {
        const json_t *why = json_object_get(row, "error");
        why = why ? why : json_object_get(row, "unknown");
        if (!why) {
            continue;
        }
        numbers = json_object_get(reasons, json_string_value(why));
        if (!numbers) {
            numbers = json_array();
            json_object_set_new(reasons, json_string_value(why), numbers);
        }
        json_array_append(numbers, row);
    }
    json_object_foreach(reasons, reason, numbers)
    {
        row = json_array_get(numbers, 0);
        printf("run %lld", (long long)count_of(row, "index"));
        if (json_array_size(numbers) > 1) {
            printf(" and %s",
                   counted((json_int_t)json_array_size(numbers) - 1, "more", "more", text));
        }
        printf(": %s%s\n", json_object_get(row, "error") ? "" : "no estimate: ", reason);
    }
    json_decref(reasons);
}

static void print_totals(const json_t *plan)
{
    const json_t *totals = json_object_get(plan, "totals");
    char text[48];

    printf("\n%s: %lld done, %lld partly, %lld to do, %lld impossible\n",
           counted(count_of(totals, "runs"), "run", "runs", text),
           (long long)count_of(totals, "done"), (long long)count_of(totals, "partly"),
           (long long)count_of(totals, "to_do"), (long long)count_of(totals, "impossible"));
    if (count_of(totals, "to_do") + count_of(totals, "partly") > 0) {
        print_amounts(totals);
        print_time(totals);
        printf("memory: %s", advntk__size_text(count_of(totals, "bytes"), text));
        printf(" of %s\n", advntk__size_text(count_of(totals, "memory"), text));
    }
    if (count_of(totals, "other_builds") > 0) {
        printf("%s computed by another build of the program or its plugins\n",
               counted(count_of(totals, "other_builds"), "finished run was", "finished runs were",
                       text));
    }
    print_reasons(json_object_get(plan, "runs"));
}

static int plan_study(const struct cli *cli, const struct cli_work *work)
{
    const struct advntk__runner_options options = {.results = cli->results,
                                                   .no_share = plan_no_share,
                                                   .no_probe = plan_quick,
                                                   .cache_limit = plan_cache,
                                                   .jobs = plan_jobs,
                                                   .memory_limit = plan_memory};
    struct advntk_error err = {0};
    json_t *plan = NULL;
    int code = CLI_DONE;

    if (advntk__plan(work->host, work->registry, work->study, &options, &plan, &err) != ADVNTK_OK) {
        cli_progress_clear();
        return cli_error(&err);
    }
    cli_progress_clear();
    if (cli->json) {
        json_dumpf(plan, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        putchar('\n');
    } else {
        code = print_table(json_object_get(plan, "runs"));
        print_totals(plan);
    }
    json_decref(plan);
    return code;
}

static int plan_main(struct cli *cli)
{
    const struct advntk__recipe_options recipe = {.override_count = plan_overrides.count,
                                                  .overrides = plan_overrides.items,
                                                  .sweep_count = plan_sweeps.count,
                                                  .sweeps = plan_sweeps.items};
    struct cli_work work;
    int code = cli_work_open(cli, &work);

    if (code == CLI_DONE) {
        code = cli_work_load(&work, cli->words[0], &recipe);
    }
    if (code == CLI_DONE) {
        code = plan_study(cli, &work);
    }
    cli_work_release(&work);
    free(plan_overrides.items);
    free(plan_sweeps.items);
    return code;
}

const struct cli_command cli_plan = {
    .name = "plan",
    .words = "RECIPE",
    .summary = "What running a recipe would do and cost",
    .text =
        "The runs, what of them is done, what they share, and about how long they take: from\n"
        "earlier runs on this machine (RESULTS/cache/costs.jsonl), and where those say nothing\n"
        "from a short measurement. What is shared (a kernel matrix, its factor for one ridge, a\n"
        "model) is counted where it is computed first.",
    .example = "advntk plan experiments/quickstart.yaml --sweep 'seed=[1,2,3]'",
    .options = plan_options,
    .least = 1,
    .most = 1,
    .run = plan_main,
};
