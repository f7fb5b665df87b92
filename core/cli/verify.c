/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rerun and verify: a stored run once more, from the recipe that lies in its folder. */
#include "config.h"

#include "cli/cli.h"
#include "cli/summary.h"

#include "base/files.h"
#include "base/try.h"
#include "report/verify.h"
#include "run/record.h"
#include "run/runner.h"
#include "run/study.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *rerun_into = "rerun";

static const struct cli_option rerun_options[] = {
    {CLI_TEXT, "into", 0, "DIR", &rerun_into,
     "results folder of the new computation (default: rerun)"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

static void keep_outcome(void *context, const struct advntk__outcome *outcome)
{
    json_array_append(context, outcome->object);
}

/* Computes the stored run again, all of it, in another results folder. *outcome: the caller's. */
static int run_again(const struct cli *cli, const struct advntk__folder *stored, const char *into,
                     json_t **outcomes)
{
    const struct advntk__recipe_options recipe = {0};
    struct advntk__runner_options options = {
        .results = into, .fresh = true, .cache_limit = -1, .report = keep_outcome};
    char *file = advntk__folder_file(stored, "recipe.yaml", NULL);
    struct cli_work work = {0};
    struct advntk_error err;
    int code = file ? cli_work_open(cli, &work) : cli_fail("no memory for a path");

    *outcomes = json_array();
    options.context = *outcomes;
    if (code == CLI_DONE) {
        code = cli_work_load(&work, file, &recipe);
    }
    if (code == CLI_DONE &&
        advntk__study_run(work.host, work.registry, work.study, &options, &err) != ADVNTK_OK) {
        const json_t *why = json_object_get(json_array_get(*outcomes, 0), "error");
        code = json_is_string(why) && err.status != ADVNTK_ECANCELLED
                   ? cli_fail("run %s: %s", stored->id, json_string_value(why))
                   : cli_error(&err);
    }
    cli_work_release(&work);
    free(file);
    return code;
}

static int rerun_main(struct cli *cli)
{
    struct advntk__folder stored = {.lock = -1};
    struct advntk_error err;
    json_t *outcomes = NULL;
    char *own = realpath(cli->results, NULL), *other;
    int code;

    if (advntk__store_find(cli->results, cli->words[0], &stored, &err) != ADVNTK_OK) {
        free(own);
        return cli_error(&err);
    }
    other = realpath(rerun_into, NULL);
    if (own && other && strcmp(own, other) == 0) {
        code = cli_misuse(cli, "--into %s: that is where the stored run is", rerun_into);
    } else {
        code = run_again(cli, &stored, rerun_into, &outcomes);
    }
    if (code == CLI_DONE && cli->json) {
        json_dumpf(json_array_get(outcomes, 0), stdout, JSON_REAL_PRECISION(17));
        putchar('\n');
    } else if (code == CLI_DONE) {
        code = cli_summary_table(outcomes, cli->sheet);
        cli_summary_folders(outcomes);
    }
    json_decref(outcomes);
    advntk__folder_close(&stored);
    free(own);
    free(other);
    return code;
}

/* ---- verify ---- */

static void print_list(const char *title, const json_t *list)
{
    json_t *line;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, line)
    {
        printf("%s%s\n", title, json_string_value(line));
    }
}

static int print_result(const struct cli *cli, const json_t *result)
{
    bool equal = json_is_true(json_object_get(result, "equal"));
    const json_t *reasons = json_object_get(result, "reasons");

    if (cli->json) {
        json_dumpf(result, stdout, JSON_REAL_PRECISION(17));
        putchar('\n');
        return equal ? CLI_DONE : CLI_FAILED;
    }
    printf("run %s: %s\n", json_string_value(json_object_get(result, "id")),
           equal ? "bit-equal" : "differs");
    print_list("  ", json_object_get(result, "differences"));
    print_list(equal ? "  although " : "  because of ", reasons);
    if (!equal && json_array_size(reasons) == 0) {
        printf("  nothing that was recorded explains it: program, plugins, data, BLAS and machine "
               "are the same\n");
    }
    print_list("  not checked, as its recipe does not have it: evaluation ",
               json_object_get(result, "unchecked"));
    return equal ? CLI_DONE : CLI_FAILED;
}

static int verify_one(const struct cli *cli, const char *word, const char *scratch)
{
    struct advntk__folder stored = {.lock = -1}, again = {.lock = -1};
    struct advntk_error err;
    json_t *outcomes = NULL, *result = NULL;
    const char *id;
    int code;

    if (advntk__store_find(cli->results, word, &stored, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    if (advntk__folder_state(&stored) != ADVNTK__RUN_FINISHED) {
        code = cli_fail("run %s is not finished: there is nothing to verify", stored.id);
        goto out;
    }
    code = run_again(cli, &stored, scratch, &outcomes);
    id = json_string_value(json_object_get(json_array_get(outcomes, 0), "id"));
    if (code != CLI_DONE || !id) {
        goto out;
    }
    if (advntk__folder_init(&again, scratch, id, &err) != ADVNTK_OK ||
        advntk__verify(&stored, &again, &result, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    } else {
        code = print_result(cli, result);
    }
out:
    json_decref(outcomes);
    json_decref(result);
    advntk__folder_close(&stored);
    advntk__folder_close(&again);
    return code;
}

static int verify_main(struct cli *cli)
{
    static const char *const parts[] = {"runs", "studies", "cache"};
    const char *base = getenv("TMPDIR");
    struct advntk__text path = {0};
    struct advntk__folder scratch = {.lock = -1};
    struct advntk_error err;
    int code = CLI_DONE, one;

    advntk__text_printf(&path, "%s/advntk-verify.XXXXXX", base && *base ? base : "/tmp");
    if (path.failed || !mkdtemp(path.bytes)) {
        code = cli_fail("%s: cannot create a folder: %s", advntk__text_get(&path), strerror(errno));
        advntk__text_release(&path);
        return code;
    }
    scratch.path = path.bytes;
    for (ptrdiff_t i = 0; i < cli->count && code != CLI_INTERRUPTED; i++) {
        one = verify_one(cli, cli->words[i], path.bytes);
        code = one == CLI_DONE ? code : one;
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        if (advntk__folder_remove(&scratch, parts[i], &err) != ADVNTK_OK) {
            code = cli_error(&err);
        }
    }
    rmdir(path.bytes);
    advntk__text_release(&path);
    return code;
}

const struct cli_command cli_rerun = {
    .name = "rerun",
    .words = "RUN",
    .summary = "Computes a stored run again, beside it",
    .text = "From the recipe that is stored with it. The stored run stays as it is; nothing is "
            "taken from a cache.\nRUN is an id, a unique beginning of one, or a folder.",
    .example = "advntk rerun 3f2a --into again",
    .options = rerun_options,
    .least = 1,
    .most = 1,
    .tables = true,
    .run = rerun_main,
};

const struct cli_command cli_verify = {
    .name = "verify",
    .words = "RUN...",
    .summary = "Computes stored runs again and compares every bit",
    .text = "Says that a run is bit-equal (exit status 0), or what differs, by how much, and what "
            "has changed since\nit was stored: program, plugins, data, BLAS, instruction set "
            "(exit status 1).",
    .example = "advntk verify 3f2a",
    .least = 1,
    .most = -1,
    .run = verify_main,
};
