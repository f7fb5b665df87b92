/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/picture.h"

#include "attack/evaluate.h"
#include "base/try.h"
#include "report/png.h"
#include "run/identity.h"
#include "run/runner.h"

#include <advntk/host.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void write_base64(const unsigned char *bytes, size_t count, struct advntk__text *out)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
    enum { PADDING = 64 };
    char four[4];

    for (size_t i = 0; i < count; i += 3) {
        size_t have = count - i < 3 ? count - i : 3;
        unsigned word = (unsigned)bytes[i] << 16;
        word |= have > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
        word |= have > 2 ? (unsigned)bytes[i + 2] : 0;
        for (int k = 0; k < 4; k++) {
            four[k] = digits[(size_t)k > have ? PADDING : word >> (18 - 6 * k) & 63];
        }
        advntk__text_add(out, four, 4);
    }
}

advntk_status advntk__picture(ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels,
                              const double *pixels, const char *text, struct advntk__text *out,
                              struct advntk_error *err)
{
    ptrdiff_t shown = channels == 3 ? 3 : 1, count = height * width;
    unsigned char *bytes = malloc((size_t)(count * shown) + 1), *file = NULL;
    size_t size = 0;
    advntk_status rc = ADVNTK_OK;

    if (!bytes) {
        FAIL(err, ENOMEM, "no memory for a picture");
    }
    for (ptrdiff_t i = 0; i < count * shown; i++) {
        bytes[i] = advntk__png_shade(pixels[i / shown * channels + i % shown]);
    }
    TRY(advntk__png_make(height, width, shown, bytes, &file, &size, err));
    advntk__text_printf(out, "<img alt=\"%s\" src=\"data:image/png;base64,", text);
    write_base64(file, size, out);
    advntk__text_puts(out, "\">");
out:
    free(bytes);
    free(file);
    return rc;
}

/* ---- examples ---- */

struct examples {
    const struct advntk__opened *run;
    ptrdiff_t n;
    double *clean, *point, *before, *after; /* n,d twice; n,classes twice */
};

static advntk_status write_one(const struct examples *e, ptrdiff_t i, double reach, double *gap,
                               struct advntk__text *out, struct advntk_error *err)
{
    const struct advntk__split *split = &e->run->split;
    const struct advntk_dataset_info *info = &split->source->info;
    ptrdiff_t d = split->d, classes = split->classes;
    long label = split->test.labels[i];
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t j = 0; j < d; j++) {
        gap[j] = 0.5 + 0.5 * (e->point[i * d + j] - e->clean[i * d + j]) / reach;
    }
    advntk__text_puts(out, "<figure class=\"example\"><div>");
    TRY(advntk__picture(info->height, info->width, info->channels, e->clean + i * d, "clean", out,
                        err));
    TRY(advntk__picture(info->height, info->width, info->channels, e->point + i * d, "attacked",
                        out, err));
    TRY(advntk__picture(info->height, info->width, info->channels, gap, "difference", out, err));
    advntk__text_printf(out,
                        "</div><figcaption>class %ld: seen as %td, attacked as "
                        "<b>%td</b></figcaption></figure>\n",
                        label, advntk__attack_predict(classes, e->before + i * classes),
                        advntk__attack_predict(classes, e->after + i * classes));
out:
    return rc;
}

/* The greatest change of a pixel in any of them: what is drawn as black or white. */
static double reach_of(const struct examples *e)
{
    double most = 0;

    for (ptrdiff_t j = 0; j < e->n * e->run->split.d; j++) {
        most = fmax(most, fabs(e->point[j] - e->clean[j]));
    }
    return most > 0 ? most : 1;
}

/* The last one: of several radii the greatest, of several attacks usually the strongest. */
static const struct advntk__evaluation *last_attack(const struct advntk__run_config *config)
{
    for (ptrdiff_t i = config->evaluation_count - 1; i >= 0; i--) {
        if (config->evaluations[i].attack.plugin) {
            return &config->evaluations[i];
        }
    }
    return NULL;
}

static advntk_status attack_examples(struct examples *e,
                                     const struct advntk__evaluation *evaluation,
                                     struct advntk_error *err)
{
    const struct advntk__opened *run = e->run;
    const struct advntk__split *split = &run->split;
    const struct advntk_dataset_info *info = &split->source->info;
    const struct advntk_images images = {.n = e->n,
                                         .height = info->height,
                                         .width = info->width,
                                         .channels = info->channels,
                                         .pixels = e->clean,
                                         .labels = split->test.labels,
                                         .index = split->test.index};
    struct advntk__attack_target target = {.host = run->host,
                                           .model = run->model,
                                           .ops = run->ops,
                                           .classes = split->classes,
                                           .box_lo = split->box_low,
                                           .box_hi = split->box_high,
                                           .seed = advntk_host_seed(run->host)};
    struct advntk__attack_result result = {.point = e->point, .outputs = e->after};
    ptrdiff_t samples = (ptrdiff_t)evaluation->samples;
    uint8_t digest[16];
    advntk_status rc = ADVNTK_OK;

    /* the random streams of the evaluation that is stored */
    samples = samples && samples < split->test.count ? samples : split->test.count;
    TRY(advntk__identity_evaluation(evaluation, samples, digest, err));
    target.purpose = advntk__identity_purpose(digest);
    TRY(advntk__split_pixels(split, ADVNTK_TEST, e->n, split->test.index, e->clean, err));
    TRY(run->ops->forward(run->model, &images, e->before, NULL, err));
    TRY(advntk__attack_panel(&target, &evaluation->attack, &images, &result, NULL, err));
out:
    return rc;
}

advntk_status advntk__examples_write(struct advntk__opened *run,
                                     const struct advntk__run_config *config, ptrdiff_t count,
                                     struct advntk__text *out, struct advntk_error *err)
{
    const struct advntk__evaluation *evaluation = last_attack(config);
    ptrdiff_t d = run->split.d, classes = run->split.classes;
    struct examples e = {.run = run};
    double *gap = NULL;
    advntk_status rc = ADVNTK_OK;

    e.n = count < run->split.test.count ? count : run->split.test.count;
    e.n = e.n < ADVNTK_PANEL ? e.n : ADVNTK_PANEL;
    if (!evaluation || e.n < 1) {
        advntk__text_puts(out, "<p>No evaluation of it attacks.</p>\n");
        goto out;
    }
    e.clean = advntk_alloc(e.n * d, sizeof(double));
    e.point = advntk_alloc(e.n * d, sizeof(double));
    e.before = advntk_alloc(e.n * classes, sizeof(double));
    e.after = advntk_alloc(e.n * classes, sizeof(double));
    gap = advntk_alloc(d, sizeof(double));
    if (!e.clean || !e.point || !e.before || !e.after || !gap) {
        FAIL(err, ENOMEM, "no memory for %td examples", e.n);
    }
    TRY(attack_examples(&e, evaluation, err));
    advntk__text_printf(out,
                        "<p>Attack %s; each image as it is, attacked, and the difference, where "
                        "black and white are &#177;%.4g.</p>\n<div class=\"examples\">\n",
                        evaluation->name, reach_of(&e));
    for (ptrdiff_t i = 0; i < e.n; i++) {
        TRY(write_one(&e, i, reach_of(&e), gap, out, err));
    }
    advntk__text_puts(out, "</div>\n");
out:
    advntk_free(e.clean);
    advntk_free(e.point);
    advntk_free(e.before);
    advntk_free(e.after);
    advntk_free(gap);
    return rc;
}
