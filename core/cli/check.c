/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "run/study.h"

#include <stdio.h>
#include <stdlib.h>

static struct cli_words check_overrides, check_sweeps;
static int64_t check_memory;

static const struct cli_option check_options[] = {
    {CLI_WORDS, "set", 's', "KEY=VALUE", &check_overrides,
     "replaces a value of the recipe (repeatable)"},
    {CLI_WORDS, "sweep", 0, "KEY=[A,B]", &check_sweeps, "adds a product axis (repeatable)"},
    {CLI_SIZE, "memory", 0, "SIZE", &check_memory,
     "refuse runs that need more (default: what is free)"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

static int check_one(const struct cli *cli, struct cli_work *work, const char *file)
{
    const struct advntk__recipe_options recipe = {.override_count = check_overrides.count,
                                                  .overrides = check_overrides.items,
                                                  .sweep_count = check_sweeps.count,
                                                  .sweeps = check_sweeps.items};
    const struct advntk__runner_options options = {.results = cli->results,
                                                   .memory_limit = check_memory};
    struct advntk__text faults = {0};
    struct advntk_error err = {0};
    int code = cli_work_load(work, file, &recipe);

    if (code != CLI_DONE) {
        return code;
    }
    if (advntk__study_check(work->host, work->registry, work->study, &options, &faults, &err) !=
        ADVNTK_OK) {
        cli_progress_clear();
        fputs(advntk__text_get(&faults), stderr);
        code = cli_error(&err);
    } else {
        printf("%s: good, %td run%s\n", file, work->study->count,
               work->study->count == 1 ? "" : "s");
    }
    advntk__text_release(&faults);
    return code;
}

static int check_main(struct cli *cli)
{
    struct cli_work work;
    int code = cli_work_open(cli, &work), one;

    for (ptrdiff_t i = 0;
         i < cli->count && (code == CLI_DONE || code == CLI_FAILED) && work.registry; i++) {
        one = check_one(cli, &work, cli->words[i]);
        code = one == CLI_DONE ? code : one;
    }
    cli_work_release(&work);
    free(check_overrides.items);
    free(check_sweeps.items);
    return code;
}

const struct cli_command cli_check = {
    .name = "check",
    .words = "RECIPE...",
    .summary = "Everything that can be found wrong with a recipe without running it",
    .text = "'advntk describe recipe' is the language of recipes on a page.",
    .example = "advntk check experiments/quickstart.yaml",
    .options = check_options,
    .least = 1,
    .most = -1,
    .run = check_main,
};
