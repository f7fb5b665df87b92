/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"
#include "cli/summary.h"

#include "run/record.h"
#include "run/study.h"

#include <advntk/node.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cli_words run_overrides, run_sweeps;
static int64_t run_memory, run_cache;
static int run_jobs;
static bool run_fresh, run_fail_fast, run_no_share;

static const struct cli_option run_options[] = {
    {CLI_WORDS, "set", 's', "KEY=VALUE", &run_overrides,
     "replaces a value of the recipe (repeatable)"},
    {CLI_WORDS, "sweep", 0, "KEY=[A,B]", &run_sweeps,
     "runs every value (repeatable: all combinations)"},
    {CLI_COUNT, "jobs", 0, "N", &run_jobs, "runs at a time, which share the threads (default: 1)"},
    {CLI_SIZE, "memory", 0, "SIZE", &run_memory,
     "use no more; runs that need more are refused (default: what is free)"},
    {CLI_SIZE, "cache", 0, "SIZE", &run_cache,
     "of kernel matrices kept in RESULTS/cache (default: 16G)"},
    {CLI_FLAG, "no-share", 0, NULL, &run_no_share,
     "each run computes all of its own, and nothing is cached: to measure"},
    {CLI_FLAG, "fresh", 0, NULL, &run_fresh, "run again what is done or interrupted"},
    {CLI_FLAG, "fail-fast", 0, NULL, &run_fail_fast, "stop at the first run that fails"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

struct reporter {
    const struct cli *cli;
    json_t **objects; /* outcomes, in the order of the recipe; NULL: there is none yet */
    ptrdiff_t count;
};

static void report(void *context, const struct advntk__outcome *outcome)
{
    struct reporter *reporter = context;
    const char *id = json_string_value(json_object_get(outcome->object, "id"));
    const char *state = json_string_value(json_object_get(outcome->object, "state"));
    const char *error = json_string_value(json_object_get(outcome->object, "error"));
    const char *folder = json_string_value(json_object_get(outcome->object, "folder"));
    const bool logged = json_is_true(json_object_get(outcome->object, "logged"));

    cli_progress_clear();
    if (error && outcome->state == ADVNTK__OUTCOME_FAILED) {
        cli_fail("run %s (%s) failed: %s%s%s%s", outcome->config->name, id ? id : "no id yet",
                 error, logged ? "; its log: " : "", logged ? folder : "",
                 logged ? "/log.txt" : "");
    } else if (!reporter->cli->quiet) {
        fprintf(stderr, "advntk: run %s (%s) %s\n", outcome->config->name, id ? id : "no id yet",
                state);
    }
    json_object_set_new(outcome->object, "overrides",
                        advntk__node_json(outcome->config->overrides));
    json_object_set_new(outcome->object, "method",
                        json_string(outcome->config->method.plugin->name));
    if (outcome->index < reporter->count) {
        json_decref(reporter->objects[outcome->index]);
        reporter->objects[outcome->index] = json_incref(outcome->object);
    }
    if (reporter->cli->json) {
        json_dumpf(outcome->object, stdout, JSON_REAL_PRECISION(17));
        putchar('\n');
        fflush(stdout);
    }
}

/* "advntk run recipe.yaml -s seed=3": what to type again. */
static void say_how_to_go_on(const struct cli *cli)
{
    fprintf(stderr, "advntk: interrupted; what is done is kept. To go on: advntk run %s",
            cli->words[0]);
    for (ptrdiff_t i = 0; i < run_overrides.count; i++) {
        fprintf(stderr, " -s '%s'", run_overrides.items[i]);
    }
    for (ptrdiff_t i = 0; i < run_sweeps.count; i++) {
        fprintf(stderr, " --sweep '%s'", run_sweeps.items[i]);
    }
    if (strcmp(cli->results, "results") != 0) {
        fprintf(stderr, " --results %s", cli->results);
    }
    fputc('\n', stderr);
}

static void print_table(const struct reporter *reporter)
{
    json_t *list = json_array();

    for (ptrdiff_t i = 0; i < reporter->count; i++) {
        if (reporter->objects[i]) {
            json_array_append(list, reporter->objects[i]);
        }
    }
    if (json_array_size(list)) {
        (void)cli_summary_table(list, ADVNTK__SHEET_TEXT);
        cli_summary_folders(list);
    }
    json_decref(list);
}

static int finish(const struct cli *cli, const struct reporter *reporter, advntk_status rc,
                  const struct advntk_error *err)
{
    if (!cli->json) {
        print_table(reporter);
    }
    if (rc == ADVNTK_ECANCELLED) {
        fflush(stdout);
        say_how_to_go_on(cli);
        return CLI_INTERRUPTED;
    }
    return rc == ADVNTK_OK ? CLI_DONE : cli_error(err);
}

static int run_study(const struct cli *cli, const struct cli_work *work)
{
    struct reporter reporter = {.cli = cli,
                                .objects = calloc((size_t)work->study->count, sizeof(json_t *)),
                                .count = work->study->count};
    const struct advntk__runner_options options = {.results = cli->results,
                                                   .fresh = run_fresh,
                                                   .fail_fast = run_fail_fast,
                                                   .no_share = run_no_share,
                                                   .jobs = run_jobs,
                                                   .memory_limit = run_memory,
                                                   .cache_limit = run_cache,
                                                   .report = report,
                                                   .context = &reporter};
    struct advntk_error err = {0};
    advntk_status rc;
    int code;

    if (!reporter.objects) {
        return cli_fail("no memory for %td runs", reporter.count);
    }
    rc = advntk__study_run(work->host, work->registry, work->study, &options, &err);
    cli_progress_clear();
    code = finish(cli, &reporter, rc, &err);
    for (ptrdiff_t i = 0; i < reporter.count; i++) {
        json_decref(reporter.objects[i]);
    }
    free(reporter.objects);
    return code;
}

static int run_main(struct cli *cli)
{
    const struct advntk__recipe_options recipe = {.override_count = run_overrides.count,
                                                  .overrides = run_overrides.items,
                                                  .sweep_count = run_sweeps.count,
                                                  .sweeps = run_sweeps.items};
    struct cli_work work;
    int code = cli_work_open(cli, &work);

    if (code == CLI_DONE) {
        code = cli_work_load(&work, cli->words[0], &recipe);
    }
    if (code == CLI_DONE) {
        code = run_study(cli, &work);
    }
    cli_work_release(&work);
    free(run_overrides.items);
    free(run_sweeps.items);
    return code;
}

const struct cli_command cli_run = {
    .name = "run",
    .words = "RECIPE",
    .summary = "Runs what a recipe asks for and is not done yet",
    .text =
        "Each run has a folder RESULTS/runs/<id>; one that was interrupted goes on where it was.\n"
        "What runs have in common is computed once; 'advntk plan' shows what. Another process may\n"
        "work on the same folder at the same time.\n"
        "Ends with a table and the folders. With --format json a line a run.\n"
        "'advntk describe recipe' is the language of recipes on a page.",
    .example = "advntk run experiments/quickstart.yaml -s seed=2",
    .options = run_options,
    .least = 1,
    .most = 1,
    .run = run_main,
};
