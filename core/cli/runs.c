/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"
#include "cli/summary.h"

#include "base/host.h"
#include "report/select.h"

#include <stdio.h>

static const char *runs_sort, *runs_since;

static const struct cli_option runs_options[] = {
    {CLI_TEXT, "sort", 0, "KEY", &runs_sort, "order by a key, as in WHERE; -KEY: falling"},
    {CLI_TEXT, "since", 0, "DATE|AGE", &runs_since,
     "finished since: 2026-11-23, 2026-11-23T10:30, 30m, 12h, 7d"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

static int print_runs(const struct cli *cli, const json_t *objects)
{
    json_t *object;
    size_t i;

    if (!cli->json) {
        return json_array_size(objects) ? cli_summary_table(objects, cli->sheet) : CLI_DONE;
    }
    json_array_foreach((json_t *)(uintptr_t)objects, i, object)
    {
        json_dumpf(object, stdout, JSON_REAL_PRECISION(17));
        putchar('\n');
    }
    return CLI_DONE;
}

static int runs_main(struct cli *cli)
{
    struct advntk__selection selection = {0};
    struct advntk__text warnings = {0};
    struct advntk_host *host = NULL;
    struct advntk_error err;
    json_t *sorted = NULL;
    int code = CLI_DONE;

    if (advntk__host_new(cli->threads, &host, &err) != ADVNTK_OK ||
        advntk__select(host, cli->results, cli->count, cli->words, runs_since,
                       advntk__detail_for(cli->json ? ADVNTK__DETAIL_ALL : ADVNTK__DETAIL_LIST,
                                          cli->count, cli->words, runs_sort),
                       &selection, &warnings, &err) != ADVNTK_OK) {
        code = cli_error(&err);
        goto out;
    }
    cli_warnings(&warnings);
    sorted =
        runs_sort ? advntk__runs_sorted(selection.runs, runs_sort) : json_incref(selection.runs);
    code = sorted ? print_runs(cli, sorted) : cli_fail("no memory for the list");
    if (code == CLI_DONE && json_array_size(sorted) == 0 && !cli->quiet) {
        cli_fail("no runs%s in %s", cli->count || runs_since ? " like that" : "", cli->results);
    }
out:
    advntk__text_release(&warnings);
    advntk__selection_release(&selection);
    json_decref(sorted);
    advntk__host_free(host);
    return code;
}

const struct cli_command cli_runs = {
    .name = "runs",
    .words = "[STUDY|RUN|WHERE...]",
    .summary = "The stored runs as a table",
    .text =
        "WHERE is KEY=VALUE (or <, >, <=, >=, !=) of the run's record: method, name, seed, state, "
        "the name\nof an evaluation, a parameter (method.attack.radius, VALUE may be 8/255), what "
        "a sweep set\n(let.radius), and all else that 'show --format json' prints. A study stands "
        "for its runs.",
    .example = "advntk runs method=advntk 'metrics.pgd10>0.2' --sort -metrics.clean",
    .options = runs_options,
    .most = -1,
    .tables = true,
    .run = runs_main,
};
