/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/host.h"
#include "report/compare.h"
#include "report/select.h"

#include <stdio.h>

static const char *compare_by;

static const struct cli_option compare_options[] = {
    {CLI_TEXT, "by", 0, "KEY", &compare_by,
     "compare along this key, all else alike (default: method, else all with the first)"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

static void print_notes(const json_t *comparison)
{
    json_t *line;
    size_t i;

    json_array_foreach(json_object_get(comparison, "notes"), i, line)
    {
        fprintf(stderr, "advntk: note: %s\n", json_string_value(line));
    }
}

static int print_comparison(const struct cli *cli, const json_t *comparison)
{
    struct advntk__sheet variants = {0}, differences = {0};
    int code;

    if (cli->json) {
        json_dumpf(comparison, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
        putchar('\n');
        return CLI_DONE;
    }
    advntk__compare_variants(comparison, &variants);
    code = cli_table_print(&variants, cli->sheet);
    if (code == CLI_DONE && json_array_size(json_object_get(comparison, "differences"))) {
        putchar('\n');
        advntk__compare_differences(comparison, &differences);
        code = cli_table_print(&differences, cli->sheet);
    }
    fflush(stdout);
    print_notes(comparison);
    return code;
}

static int compare_main(struct cli *cli)
{
    const struct advntk__compare_options options = {.by = compare_by, .results = cli->results};
    struct advntk__selection selection = {0};
    struct advntk__text warnings = {0};
    struct advntk_host *host = NULL;
    struct advntk_error err;
    json_t *comparison = NULL;
    int code = CLI_DONE;

    if (advntk__host_new(cli->threads, &host, &err) != ADVNTK_OK ||
        advntk__select(host, cli->results, cli->count, cli->words, NULL,
                       advntk__detail_for(ADVNTK__DETAIL_COMPARE, cli->count, cli->words, NULL),
                       &selection, &warnings, &err) != ADVNTK_OK) {
        code = cli_error(&err);
        goto out;
    }
    cli_warnings(&warnings);
    if (advntk__compare(host, selection.runs, &options, &comparison, &err) != ADVNTK_OK) {
        code = cli_error(&err);
        goto out;
    }
    code = print_comparison(cli, comparison);
out:
    advntk__text_release(&warnings);
    advntk__selection_release(&selection);
    json_decref(comparison);
    advntk__host_free(host);
    return code;
}

const struct cli_command cli_compare = {
    .name = "compare",
    .words = "STUDY|RUN|WHERE...",
    .summary = "Runs side by side, with intervals and tests",
    .text =
        "Runs that differ in nothing but the seed are one row: mean, standard deviation over "
        "seeds, and\nWilson's 95 % interval over images. Then differences with their 95 % "
        "intervals: p (seeds) is the\npaired t test over seeds, p (images) McNemar's test on the "
        "same test images (over several seeds: a\npaired t test of the images' mean differences). "
        "The verdict takes the first of them that can be\nhad, corrected by Holm's method for "
        "all differences of a metric, at 0.05.",
    .example = "advntk compare quickstart --by method --format markdown",
    .options = compare_options,
    .least = 1,
    .most = -1,
    .tables = true,
    .run = compare_main,
};
