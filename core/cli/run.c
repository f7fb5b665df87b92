/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"
#include "cli/summary.h"

#include "run/record.h"
#include "run/runner.h"

#include <advntk/node.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cli_words run_overrides, run_sweeps;
static int64_t run_memory;
static bool run_fresh, run_fail_fast;

static const struct cli_option run_options[] = {
    {CLI_WORDS, "set", 's', "KEY=VALUE", &run_overrides,
     "replaces a value of the recipe (repeatable)"},
    {CLI_WORDS, "sweep", 0, "KEY=[A,B]", &run_sweeps,
     "runs every value (repeatable: all combinations)"},
    {CLI_SIZE, "memory", 0, "SIZE", &run_memory,
     "refuse runs that need more (default: what is free)"},
    {CLI_FLAG, "fresh", 0, NULL, &run_fresh, "run again what is done or interrupted"},
    {CLI_FLAG, "fail-fast", 0, NULL, &run_fail_fast, "stop at the first run that fails"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

struct reporter {
    const struct cli *cli;
    json_t *objects; /* outcomes, in order */
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
    json_array_append(reporter->objects, outcome->object);
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

static int finish(const struct cli *cli, const struct reporter *reporter, advntk_status rc,
                  const struct advntk_error *err)
{
    if (!cli->json && json_array_size(reporter->objects)) {
        (void)cli_summary_table(reporter->objects, ADVNTK__SHEET_TEXT);
        cli_summary_folders(reporter->objects);
    }
    if (rc == ADVNTK_ECANCELLED) {
        fflush(stdout);
        say_how_to_go_on(cli);
        return CLI_INTERRUPTED;
    }
    return rc == ADVNTK_OK ? CLI_DONE : cli_error(err);
}

static int run_main(struct cli *cli)
{
    const struct advntk__recipe_options recipe = {.override_count = run_overrides.count,
                                                  .overrides = run_overrides.items,
                                                  .sweep_count = run_sweeps.count,
                                                  .sweeps = run_sweeps.items};
    struct reporter reporter = {.cli = cli, .objects = json_array()};
    const struct advntk__runner_options options = {.results = cli->results,
                                                   .fresh = run_fresh,
                                                   .fail_fast = run_fail_fast,
                                                   .memory_limit = run_memory,
                                                   .report = report,
                                                   .context = &reporter};
    struct cli_work work;
    struct advntk_error err = {0};
    int code = cli_work_open(cli, &work);
    advntk_status rc;

    if (code == CLI_DONE) {
        code = cli_work_load(&work, cli->words[0], &recipe);
    }
    if (code == CLI_DONE) {
        rc = advntk__study_run(work.host, work.registry, work.study, &options, &err);
        cli_progress_clear();
        code = finish(cli, &reporter, rc, &err);
    }
    cli_work_release(&work);
    json_decref(reporter.objects);
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
        "Ends with a table and the folders. With --format json a line a run.\n"
        "'advntk describe recipe' is the language of recipes on a page.",
    .example = "advntk run experiments/quickstart.yaml -s seed=2",
    .options = run_options,
    .least = 1,
    .most = 1,
    .run = run_main,
};
