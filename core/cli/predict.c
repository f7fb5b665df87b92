/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/try.h"
#include "run/runner.h"

#include <advntk/npy.h>
#include <stdlib.h>

static const char *predict_output;

static const struct cli_option predict_options[] = {
    {CLI_TEXT, "output", 'o', "F.npy", &predict_output,
     "where the outputs (n x classes, float64) are written"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

/* outputs (n,classes) of a stored run's model, panel by panel. */
static advntk_status predict_images(struct advntk__opened *run, const struct cli_images *images,
                                    double *outputs, struct advntk_error *err)
{
    const struct advntk_problem *p = &run->services.problem;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t at = 0; at < images->n; at += ADVNTK_PANEL) {
        const struct advntk_images panel = {.n = images->n - at < ADVNTK_PANEL ? images->n - at
                                                                               : ADVNTK_PANEL,
                                            .height = p->height,
                                            .width = p->width,
                                            .channels = p->channels,
                                            .pixels = images->pixels + at * images->d};
        TRY(advntk_cancelled(run->host, err));
        TRY(run->ops->forward(run->model, &panel, outputs + at * p->classes, NULL, err));
        advntk_progress(run->host, "predict", at + panel.n, images->n);
    }
out:
    return rc;
}

static advntk_status predict(struct cli_work *work, const struct advntk__folder *folder,
                             const char *input, struct advntk_error *err)
{
    struct advntk__opened run = {0};
    struct cli_images images = {0};
    const struct advntk_dataset_info *info = &run.source.info;
    double *outputs = NULL;
    ptrdiff_t shape[2];
    advntk_status rc = ADVNTK_OK;

    TRY(cli_images_read(input, true, &images, err));
    TRY(advntk__opened_init(&run, work->host, &work->study->runs[0], folder, err));
    if (images.d != run.split.d) {
        FAIL(err, ESHAPE, "%s: images of %td values, run %s was trained on images of %td", input,
             images.d, folder->id, run.split.d);
    }
    if (images.rank > 2 && (images.height != info->height || images.width != info->width)) {
        FAIL(err, ESHAPE, "%s: images of %td x %td x %td, expected %td x %td x %td or n x d", input,
             images.height, images.width, images.channels, info->height, info->width,
             info->channels);
    }
    outputs = advntk_alloc(images.n * run.split.classes, sizeof(*outputs));
    if (!outputs) {
        FAIL(err, ENOMEM, "no memory for the outputs of %td images", images.n);
    }
    TRY(predict_images(&run, &images, outputs, err));
    shape[0] = images.n;
    shape[1] = run.split.classes;
    TRY(advntk_npy_write(predict_output, ADVNTK_FLOAT64, 2, shape, outputs, err));
out:
    advntk__opened_release(&run);
    advntk_free(images.pixels);
    advntk_free(outputs);
    return rc;
}

static int predict_main(struct cli *cli)
{
    const struct advntk__recipe_options options = {0};
    struct advntk__folder folder = {.lock = -1};
    struct cli_work work = {0};
    struct advntk_error err;
    char *recipe = NULL;
    int code = CLI_DONE;

    if (!predict_output) {
        return cli_misuse(cli, "expected -o F.npy");
    }
    if (advntk__store_find(cli->results, cli->words[0], &folder, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    recipe = advntk__folder_file(&folder, "recipe.yaml", NULL);
    code = recipe ? cli_work_open(cli, &work) : cli_fail("no memory for a path");
    if (code == CLI_DONE) {
        code = cli_work_load(&work, recipe, &options);
    }
    if (code == CLI_DONE && predict(&work, &folder, cli->words[1], &err) != ADVNTK_OK) {
        code = cli_error(&err);
    }
    cli_work_release(&work);
    advntk__folder_close(&folder);
    free(recipe);
    return code;
}

const struct cli_command cli_predict = {
    .name = "predict",
    .words = "RUN X.npy",
    .summary = "The outputs of a stored run's model for one's own images",
    .text = "X.npy: n x H x W x C, n x H x W or n x d; uint8 (0 to 255) or numbers in the data "
            "set's box.",
    .example = "advntk predict 3f2a images.npy -o outputs.npy",
    .options = predict_options,
    .least = 2,
    .most = 2,
    .run = predict_main,
};
