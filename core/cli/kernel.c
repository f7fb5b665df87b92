/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/try.h"
#include "run/values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *kernel_output, *kernel_name, *kernel_gradient, *kernel_gradient_output;
static struct cli_words kernel_overrides;

static const struct cli_option kernel_options[] = {
    {CLI_TEXT, "output", 'o', "K.npy", &kernel_output,
     "where the kernel values (n1 x n2) are written"},
    {CLI_TEXT, "kernel", 0, "NAME", &kernel_name, "kernel plugin to use instead of the recipe's"},
    {CLI_TEXT, "gradient", 0, "G.npy", &kernel_gradient, "weights (n1 x n2): also d(sum G K)/dX1"},
    {CLI_TEXT, "gradient-output", 'O', "D.npy", &kernel_gradient_output,
     "where that gradient (like X1) is written"},
    {CLI_WORDS, "set", 's', "KEY=VALUE", &kernel_overrides,
     "replaces a value of the recipe (repeatable)"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

static struct advntk__array array_of(const struct cli_images *images)
{
    return (struct advntk__array){.n = images->n,
                                  .height = images->height,
                                  .width = images->width,
                                  .channels = images->channels,
                                  .values = images->pixels};
}

static advntk_status read_weights(const struct advntk__values *values, struct cli_images *read,
                                  struct advntk_error *err)
{
    const ptrdiff_t columns = values->x2.n ? values->x2.n : values->x1.n;
    advntk_status rc = ADVNTK_OK;

    TRY(cli_images_read(kernel_gradient, false, read, err));
    if (read->rank != 2 || read->n != values->x1.n || read->d != columns) {
        FAIL(err, ESHAPE, "%s: %td x %td weights, expected %td x %td", kernel_gradient, read->n,
             read->d, values->x1.n, columns);
    }
out:
    return rc;
}

/* kept: what is kept for the next time, after a failure. */
static advntk_status compute(const struct cli *cli, struct cli_work *work,
                             struct advntk__text *kept, struct advntk_error *err)
{
    struct advntk__values values = {.registry = work->registry,
                                    .config = &work->study->runs[0],
                                    .output = kernel_output,
                                    .gradient_output = kernel_gradient_output};
    struct cli_images x1 = {0}, x2 = {0}, weights = {0};
    advntk_status rc = ADVNTK_OK;

    TRY(cli_images_read(cli->words[1], false, &x1, err));
    values.x1 = array_of(&x1);
    if (cli->count > 2) {
        TRY(cli_images_read(cli->words[2], false, &x2, err));
        if (x2.d != x1.d || x2.channels != x1.channels || x2.height != x1.height) {
            FAIL(err, ESHAPE, "%s: images of %td x %td x %td, %s has %td x %td x %td",
                 cli->words[2], x2.height, x2.width, x2.channels, cli->words[1], x1.height,
                 x1.width, x1.channels);
        }
        values.x2 = array_of(&x2);
    }
    if (kernel_gradient) {
        TRY(read_weights(&values, &weights, err));
        values.weights = array_of(&weights);
        values.gradient_rank = x1.rank;
        values.gradient_shape[0] = x1.n;
        /* as the file had it: n x H x W has one channel, n x d one row */
        values.gradient_shape[1] = x1.rank == 2 ? x1.d : x1.height;
        values.gradient_shape[2] = x1.width;
        values.gradient_shape[3] = x1.channels;
    }
    TRY(advntk__values_write(work->host, &values, kept, err));
out:
    advntk_free(x1.pixels);
    advntk_free(x2.pixels);
    advntk_free(weights.pixels);
    return rc;
}

static int kernel_main(struct cli *cli)
{
    struct advntk__recipe_options options = {.model_only = true};
    struct cli_work work = {0};
    struct advntk__text kept = {0};
    struct advntk_error err;
    char override[128];
    int code = CLI_DONE;

    if ((!kernel_output && !kernel_gradient) || !kernel_gradient != !kernel_gradient_output) {
        return cli_misuse(cli, "expected -o K.npy, or --gradient G.npy -O D.npy, or both");
    }
    if (kernel_output && kernel_gradient && strcmp(kernel_output, kernel_gradient_output) == 0) {
        return cli_misuse(cli, "-o and -O are the same file, '%s'", kernel_output);
    }
    if (kernel_name) {
        const char **grown =
            realloc(kernel_overrides.items, (size_t)(kernel_overrides.count + 1) * sizeof(*grown));
        if (!grown) {
            return cli_fail("no memory for the command line");
        }
        snprintf(override, sizeof(override), "model.kernel=%s", kernel_name);
        grown[kernel_overrides.count++] = override;
        kernel_overrides.items = grown;
    }
    options.overrides = kernel_overrides.items;
    options.override_count = kernel_overrides.count;
    code = cli_work_open(cli, &work);
    if (code == CLI_DONE) {
        code = cli_work_load(&work, cli->words[0], &options);
    }
    if (code == CLI_DONE && work.study->count != 1) {
        code = cli_fail("%s: is a sweep of %td runs, expected one model", cli->words[0],
                        work.study->count);
    }
    if (code == CLI_DONE && compute(cli, &work, &kept, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    }
    if (kept.length) {
        cli_fail("kept: %s. To go on: the same command", advntk__text_get(&kept));
    }
    advntk__text_release(&kept);
    cli_work_release(&work);
    free(kernel_overrides.items);
    return code;
}

const struct cli_command cli_kernel = {
    .name = "kernel",
    .words = "RECIPE X1.npy [X2.npy]",
    .summary = "Kernel values for arrays of images: the engine by itself",
    .text = "RECIPE needs a model: section only. Arrays are n x H x W x C, n x H x W or n x d; "
            "values are\n"
            "used as they are, nothing is subtracted. Without X2 the matrix is that of X1 with "
            "itself.\n"
            "The gradient is that in the first argument; the second is held still.\n"
            "Finished blocks are kept in K.npy.part (D.npy.part) until all is written: after a "
            "kill or\n"
            "Ctrl-C the same command goes on from there, to the same bits.",
    .example = "advntk kernel recipe.yaml images.npy -o gram.npy --kernel nngp",
    .options = kernel_options,
    .least = 2,
    .most = 3,
    .run = kernel_main,
};
