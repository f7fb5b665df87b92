/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/host.h"
#include "base/try.h"
#include "run/runner.h"
#include "run/tune.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cli_words tune_overrides;
static const char *tune_by, *tune_ridge;
static int tune_images, tune_iterations;

static const struct cli_option tune_options[] = {
    {CLI_TEXT, "by", 0, "likelihood|leave-one-out", &tune_by,
     "what is made best: the marginal likelihood of a Gaussian process (the default), or the "
     "leave-one-out error of kernel regression"},
    {CLI_COUNT, "images", 0, "N", &tune_images,
     "the first N images that the recipe trains on (default: all, at most 1000)"},
    {CLI_TEXT, "ridge", 0, "R", &tune_ridge,
     "added to the diagonal of the kernel matrix, the variance of the labels' noise (default 0)"},
    {CLI_COUNT, "iterations", 0, "N", &tune_iterations, "of BFGS, at most (default 50)"},
    {CLI_WORDS, "set", 's', "KEY=VALUE", &tune_overrides,
     "replaces a value of the recipe (repeatable)"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};
static const char *const by_names[] = {"likelihood", "leave-one-out"};
static const char *const objectives[] = {"minus log marginal likelihood, an image",
                                         "squared leave-one-out error, an image"};

static advntk_status tune(struct cli_work *work, enum advntk__tune_by by, double ridge,
                          struct advntk__tune_result *result, struct advntk_error *err)
{
    enum { IMAGES = 1000, ITERATIONS = 50 };
    const struct advntk__run_config *config = &work->study->runs[0];
    struct advntk__source source = {0};
    struct advntk__split split = {0};
    struct advntk__tune_setup setup = {.config = config,
                                       .split = &split,
                                       .images = tune_images,
                                       .by = by,
                                       .ridge = ridge,
                                       .tolerance = 1e-4,
                                       .iterations =
                                           tune_iterations ? tune_iterations : ITERATIONS};
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__backend_open(work->host, &config->backend, err));
    TRY(advntk__source_open(work->host, &config->data.dataset, &source, err));
    TRY(advntk__split_make(&source, &config->data, config->seed, &split, err));
    if (!tune_images) {
        setup.images = split.train.count < IMAGES ? split.train.count : IMAGES;
    }
    TRY(advntk__tune(work->host, &setup, result, err));
out:
    advntk__split_release(&split);
    advntk__source_close(&source);
    advntk__backend_close(work->host);
    return rc;
}

static int print_text(const struct advntk__tune_result *r, enum advntk__tune_by by)
{
    struct advntk__sheet sheet = {0};
    int code;

    advntk__sheet_column(&sheet, 'l', "parameter");
    advntk__sheet_column(&sheet, 'r', "start");
    advntk__sheet_column(&sheet, 'r', "end");
    advntk__sheet_column(&sheet, 'r', "gradient by its logarithm");
    for (int p = 0; p < r->count; p++) {
        advntk__sheet_add(&sheet, "%s", r->name[p]);
        advntk__sheet_add(&sheet, "%.6g", r->start[p]);
        advntk__sheet_add(&sheet, "%.6g", r->end[p]);
        advntk__sheet_add(&sheet, "%.1e", r->gradient[p]);
    }
    code = cli_table_print(&sheet, ADVNTK__SHEET_TEXT);
    printf("\n%s: %.8g, %.8g at the start; %d iterations%s\n", objectives[by], r->value_end,
           r->value_start, r->iterations,
           r->converged ? "" : ", and no minimum yet: it may lie at the end of the range");
    for (int p = 0; p < r->count; p++) {
        printf("%s-s model.architecture.%s=%.6g", p ? " " : "", r->name[p], r->end[p]);
    }
    putchar('\n');
    return code;
}

static int print_json(const struct advntk__tune_result *r, enum advntk__tune_by by)
{
    json_t *parameters = json_object(), *object;
    char *text;
    int code = CLI_DONE;

    for (int p = 0; p < r->count; p++) {
        json_object_set_new(parameters, r->name[p],
                            json_pack("{s:f, s:f, s:f}", "start", r->start[p], "end", r->end[p],
                                      "gradient", r->gradient[p]));
    }
    object = json_pack("{s:s, s:o, s:f, s:f, s:i, s:b}", "by", by_names[by], "parameters",
                       parameters, "value_start", r->value_start, "value", r->value_end,
                       "iterations", r->iterations, "converged", r->converged);
    text = json_dumps(object, JSON_INDENT(2));
    if (text) {
        puts(text);
    } else {
        code = cli_fail("no memory for the answer");
    }
    free(text);
    json_decref(object);
    return code;
}

static int tune_main(struct cli *cli)
{
    const struct advntk__recipe_options options = {.override_count = tune_overrides.count,
                                                   .overrides = tune_overrides.items};
    struct advntk__tune_result result;
    struct cli_work work = {0};
    struct advntk_error err;
    enum advntk__tune_by by = ADVNTK__TUNE_LIKELIHOOD;
    double ridge = 0;
    char *end = NULL;
    int code;

    if (tune_by && strcmp(tune_by, by_names[ADVNTK__TUNE_LEAVE_ONE_OUT]) == 0) {
        by = ADVNTK__TUNE_LEAVE_ONE_OUT;
    } else if (tune_by && strcmp(tune_by, by_names[by]) != 0) {
        return cli_misuse(cli, "--by %s: expected likelihood or leave-one-out", tune_by);
    }
    if (tune_ridge) {
        ridge = strtod(tune_ridge, &end);
        if (end == tune_ridge || *end || !(ridge >= 0 && ridge < HUGE_VAL)) {
            return cli_misuse(cli, "--ridge %s: expected a number, 0 or above", tune_ridge);
        }
    }
    code = cli_work_open(cli, &work);
    if (code == CLI_DONE) {
        code = cli_work_load(&work, cli->words[0], &options);
    }
    if (code == CLI_DONE && tune(&work, by, ridge, &result, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    }
    if (code == CLI_DONE) {
        cli_progress_clear();
        code = cli->json ? print_json(&result, by) : print_text(&result, by);
    }
    cli_work_release(&work);
    free(tune_overrides.items);
    return code;
}

const struct cli_command cli_tune = {
    .name = "tune",
    .words = "RECIPE",
    .summary = "Chooses w_std and b_std of an architecture by its training images",
    .text =
        "By the marginal likelihood of a Gaussian process with the kernel as its covariance, or\n"
        "by the leave-one-out error of kernel regression: both in closed form, with exact\n"
        "gradients. A parameter that is 0 stays so. Of a sweep the first run counts. Networks "
        "with\n"
        "pools cost far more: a pair of images is then a map of all pairs of positions.",
    .example = "advntk tune experiments/quickstart.yaml --images 300 --ridge 0.01",
    .options = tune_options,
    .least = 1,
    .most = 1,
    .run = tune_main,
};
