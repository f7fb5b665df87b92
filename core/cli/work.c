/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/host.h"
#include "base/try.h"
#include "recipe/resolved.h"

#include <advntk/npy.h>
#include <math.h>
#include <stdio.h>

int cli_work_open(const struct cli *cli, struct cli_work *work)
{
    struct advntk_error err;

    *work = (struct cli_work){0};
    if (advntk__host_new(cli->threads, &work->host, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    cli_progress_start(cli, work->host);
    cli_catch_signals();
    work->registry = cli_registry(cli);
    return work->registry ? CLI_DONE : CLI_FAILED;
}

int cli_work_load(struct cli_work *work, const char *file,
                  const struct advntk__recipe_options *options)
{
    struct advntk__text messages = {0};
    struct advntk_error err = {0};
    int code = CLI_DONE;

    advntk__study_free(work->study);
    work->study = NULL;
    if (advntk__study_load(work->registry, file, options, &work->study, &messages, &err) !=
        ADVNTK_OK) {
        cli_progress_clear();
        fputs(advntk__text_get(&messages), stderr);
        code = cli_error(&err);
    }
    advntk__text_release(&messages);
    return code;
}

void cli_work_release(struct cli_work *work)
{
    cli_progress_clear();
    advntk__study_free(work->study);
    advntk__registry_free(work->registry);
    advntk__host_free(work->host);
    *work = (struct cli_work){0};
}

static advntk_status shape_of(const char *path, const struct advntk_npy *npy,
                              struct cli_images *images, struct advntk_error *err)
{
    const ptrdiff_t *s = npy->shape;

    if (npy->rank == 4) {
        *images = (struct cli_images){.n = s[0], .height = s[1], .width = s[2], .channels = s[3]};
    } else if (npy->rank == 3) {
        *images = (struct cli_images){.n = s[0], .height = s[1], .width = s[2], .channels = 1};
    } else if (npy->rank == 2) {
        *images = (struct cli_images){.n = s[0], .height = 1, .width = s[1], .channels = 1};
    } else {
        return ADVNTK_FAIL(err, ESHAPE,
                           "%s: %d dimensions, expected n x H x W x C, n x H x W or n x d", path,
                           npy->rank);
    }
    images->rank = npy->rank;
    images->d = images->height * images->width * images->channels;
    if (images->n < 1 || images->d < 1) {
        return ADVNTK_FAIL(err, ESHAPE,
                           "%s: %td images of %td values, expected at least one of each", path,
                           images->n, images->d);
    }
    return ADVNTK_OK;
}

static advntk_status check_finite(const char *path, const struct cli_images *images,
                                  struct advntk_error *err)
{
    for (ptrdiff_t i = 0; i < images->n * images->d; i++) {
        if (!isfinite(images->pixels[i])) {
            return ADVNTK_FAIL(err, ENUMERIC,
                               "%s: value %td of image %td is %g, expected finite numbers", path,
                               i % images->d, i / images->d, images->pixels[i]);
        }
    }
    return ADVNTK_OK;
}

advntk_status cli_images_read(const char *path, bool scale_bytes, struct cli_images *images,
                              struct advntk_error *err)
{
    struct advntk_npy npy = {.descriptor = -1};
    advntk_status rc = advntk_npy_open(&npy, path, err);

    *images = (struct cli_images){0};
    if (rc != ADVNTK_OK) {
        return rc;
    }
    TRY(shape_of(path, &npy, images, err));
    images->pixels = advntk_alloc(images->n, (size_t)images->d * sizeof(double));
    if (!images->pixels) {
        FAIL(err, ENOMEM, "%s: no memory for %td images of %td values", path, images->n, images->d);
    }
    TRY(advntk_npy_read_reals(&npy, 0, images->n * images->d, images->pixels, err));
    TRY(check_finite(path, images, err));
    for (ptrdiff_t i = 0; scale_bytes && npy.dtype == ADVNTK_UINT8 && i < images->n * images->d;
         i++) {
        images->pixels[i] /= 255;
    }
out:
    advntk_npy_close(&npy);
    if (rc != ADVNTK_OK) {
        advntk_free(images->pixels);
        images->pixels = NULL;
    }
    return rc;
}
