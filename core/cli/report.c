/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/files.h"
#include "report/page.h"

#include <stdio.h>

static const char *report_output = "report.html", *report_by;
static int report_examples = 6;
static bool report_no_examples;

static const struct cli_option report_options[] = {
    {CLI_TEXT, "output", 'o', "FILE", &report_output, "the page (default: report.html)"},
    {CLI_TEXT, "by", 0, "KEY", &report_by, "compare along this key, as in 'advntk compare'"},
    {CLI_COUNT, "examples", 0, "N", &report_examples,
     "images that are shown attacked (default: 6)"},
    {CLI_FLAG, "no-examples", 0, NULL, &report_no_examples, "attack nothing: only what is stored"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

static int write_page(const struct cli *cli, const struct cli_work *work,
                      const struct advntk__selection *selection)
{
    const struct advntk__page page = {.host = work->host,
                                      .registry = work->registry,
                                      .selection = selection,
                                      .results = cli->results,
                                      .by = report_by,
                                      .examples = report_no_examples ? 0 : report_examples};
    struct advntk__text out = {0};
    struct advntk_error err;
    int code = CLI_DONE;

    if (advntk__page_write(&page, &out, &err) != ADVNTK_OK ||
        advntk__files_replace(report_output, advntk__text_get(&out), out.length, &err) !=
            ADVNTK_OK) {
        code = cli_error(&err);
    } else {
        cli_progress_clear();
        printf("%s\n", report_output);
    }
    advntk__text_release(&out);
    return code;
}

static int report_main(struct cli *cli)
{
    struct advntk__selection selection = {0};
    struct advntk__text warnings = {0};
    struct cli_work work = {0};
    struct advntk_error err;
    int code = cli_work_open(cli, &work);

    if (code == CLI_DONE &&
        advntk__select(work.host, cli->results, cli->count, cli->words, NULL, ADVNTK__DETAIL_ALL,
                       &selection, &warnings, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    }
    cli_warnings(&warnings);
    if (code == CLI_DONE) {
        code = write_page(cli, &work, &selection);
    }
    advntk__selection_release(&selection);
    cli_work_release(&work);
    return code;
}

const struct cli_command cli_report = {
    .name = "report",
    .words = "STUDY|RUN|WHERE...",
    .summary = "One HTML page of a study: tables, curves, examples, audit, recipe, cost",
    .text = "The page needs no network and no server, follows the reader's light or dark setting "
            "and fits a\nphone. Its question is report.question of the recipe. Examples are "
            "attacked again for it.",
    .example = "advntk report quickstart -o quickstart.html",
    .options = report_options,
    .least = 1,
    .most = -1,
    .run = report_main,
};
