/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/data.h"

#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- the data set ---- */

static advntk_status check_info(const struct advntk_dataset_info *info, struct advntk_error *err)
{
    if (info->images[ADVNTK_TRAIN] < 0 || info->images[ADVNTK_TEST] < 0 || info->height < 1 ||
        info->width < 1 || info->channels < 1 || info->height > PTRDIFF_MAX / info->width ||
        info->height * info->width > PTRDIFF_MAX / info->channels || info->classes < 1 ||
        !(info->box_low < info->box_high)) {
        return ADVNTK_FAIL(
            err, EINVALID,
            "says it has %td and %td images of %td x %td x %td in [%g, %g], %td classes, "
            "which cannot be: a fault of the plugin",
            info->images[ADVNTK_TRAIN], info->images[ADVNTK_TEST], info->height, info->width,
            info->channels, info->box_low, info->box_high, info->classes);
    }
    return ADVNTK_OK;
}

advntk_status advntk__source_open(struct advntk_host *host, const struct advntk_slot *dataset,
                                  struct advntk__source *source, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    *source = (struct advntk__source){.ops = dataset->plugin->ops};
    TRY(source->ops->open(dataset->config, host, &source->state, &source->info, err));
    TRY(check_info(&source->info, err));
    TRY(source->ops->digest(source->state, source->digest, err));
out:
    if (rc != ADVNTK_OK) {
        advntk_error_prefix(err, "dataset %s: ", dataset->plugin->name);
        advntk__source_close(source);
    }
    return rc;
}

void advntk__source_close(struct advntk__source *source)
{
    if (source->ops && source->state) {
        source->ops->close(source->state);
    }
    *source = (struct advntk__source){0};
}

/* ---- which labels count ---- */

/* map[official class] <- 0..classes-1, or -1: not kept. */
static advntk_status map_classes(const struct advntk__source *source,
                                 const struct advntk__data_config *config, int32_t *map,
                                 ptrdiff_t *classes, struct advntk_error *err)
{
    const int64_t *wanted = config->classes.items;
    ptrdiff_t have = source->info.classes;

    *classes = config->classes.count ? config->classes.count : have;
    if (*classes < 2) {
        return ADVNTK_FAIL(err, EINVALID, "data: %td class, expected at least 2 to tell apart",
                           *classes);
    }
    for (ptrdiff_t c = 0; c < have; c++) {
        map[c] = config->classes.count ? -1 : (int32_t)c;
    }
    for (ptrdiff_t i = 0; i < config->classes.count; i++) {
        if (wanted[i] < 0 || wanted[i] >= have) {
            return ADVNTK_FAIL(err, EINVALID, "data.classes: class %lld, expected 0 to %td",
                               (long long)wanted[i], have - 1);
        }
        if (map[wanted[i]] >= 0) {
            return ADVNTK_FAIL(err, EINVALID, "data.classes: class %lld stands there twice",
                               (long long)wanted[i]);
        }
        map[wanted[i]] = (int32_t)i;
    }
    return ADVNTK_OK;
}

/* All images of a part whose class is kept, in file order; set is empty at entry. */
static advntk_status eligible_images(const struct advntk__source *source, enum advntk_part part,
                                     const int32_t *map, struct advntk__image_set *set,
                                     struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t n = source->info.images[part], kept = 0;

    set->index = calloc((size_t)n + 1, sizeof(*set->index));
    set->labels = calloc((size_t)n + 1, sizeof(*set->labels));
    if (!set->index || !set->labels) {
        FAIL(err, ENOMEM, "no memory for the labels of %td images", n);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        set->index[i] = i;
    }
    TRY(source->ops->read(source->state, part, n, set->index, NULL, set->labels, err));
    for (ptrdiff_t i = 0; i < n; i++) {
        int32_t label = set->labels[i];
        if (label < 0 || label >= source->info.classes) {
            FAIL(err, EFORMAT, "image %td of the %s set has label %ld, expected 0 to %td", i,
                 part == ADVNTK_TRAIN ? "training" : "test", (long)label, source->info.classes - 1);
        }
        if (map[label] >= 0) {
            set->index[kept] = i;
            set->labels[kept++] = map[label];
        }
    }
    set->count = kept;
out:
    return rc;
}

static void set_release(struct advntk__image_set *set)
{
    free(set->index);
    free(set->labels);
    *set = (struct advntk__image_set){0};
}

static advntk_status set_room(struct advntk__image_set *set, ptrdiff_t count,
                              struct advntk_error *err)
{
    set->index = calloc((size_t)count + 1, sizeof(*set->index));
    set->labels = calloc((size_t)count + 1, sizeof(*set->labels));
    if (!set->index || !set->labels) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the numbers of %td images", count);
    }
    return ADVNTK_OK;
}

static void set_add(struct advntk__image_set *set, const struct advntk__image_set *from,
                    ptrdiff_t i)
{
    set->index[set->count] = from->index[i];
    set->labels[set->count++] = from->labels[i];
}

/* ---- drawing ---- */

/* The first `wanted` places of a random order (Fisher and Yates, from the front). */
static void shuffle_front(struct advntk__image_set *set, ptrdiff_t wanted, uint64_t seed)
{
    struct advntk_stream stream;

    advntk_stream_init(&stream, seed, advntk_random_purpose("split"), -1, 0, 0);
    for (ptrdiff_t i = 0; i < wanted; i++) {
        ptrdiff_t j = i + (ptrdiff_t)advntk_random_below(&stream, (uint64_t)(set->count - i));
        int64_t index = set->index[i];
        int32_t label = set->labels[i];
        set->index[i] = set->index[j];
        set->labels[i] = set->labels[j];
        set->index[j] = index;
        set->labels[j] = label;
    }
}

/* Takes the first images of each class from `order` that `taken` does not mark, in its order. */
static advntk_status take_balanced(const struct advntk__image_set *order, bool *taken,
                                   ptrdiff_t classes, ptrdiff_t wanted, const char *what,
                                   struct advntk__image_set *set, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t *missing = calloc((size_t)classes, sizeof(*missing));

    if (!missing) {
        FAIL(err, ENOMEM, "no memory for %td classes", classes);
    }
    for (ptrdiff_t c = 0; c < classes; c++) {
        missing[c] = wanted / classes + (c < wanted % classes);
    }
    for (ptrdiff_t i = 0; i < order->count; i++) {
        if (!taken[i] && missing[order->labels[i]] > 0) {
            missing[order->labels[i]]--;
            taken[i] = true;
            set_add(set, order, i);
        }
    }
    for (ptrdiff_t c = 0; c < classes; c++) {
        if (missing[c] > 0) {
            FAIL(err, EINVALID,
                 "data.%s: %td balanced images need %td of class %td, %td more than the training "
                 "set has left",
                 what, wanted, wanted / classes + (c < wanted % classes), c, missing[c]);
        }
    }
out:
    free(missing);
    return rc;
}

static advntk_status draw(const struct advntk__data_config *config, uint64_t seed,
                          struct advntk__image_set *pool, struct advntk__split *split,
                          struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t v = (ptrdiff_t)config->validation, t = (ptrdiff_t)config->train;
    bool *taken = calloc((size_t)pool->count + 1, sizeof(*taken));

    if (!taken) {
        FAIL(err, ENOMEM, "no memory for the split");
    }
    if (t < 1) {
        FAIL(err, EINVALID, "data.train: %td images, expected at least 1", t);
    }
    if (v > pool->count || t > pool->count - v) {
        FAIL(err, EINVALID,
             "data: %td training and %td validation images asked for, the training set has %td%s",
             t, v, pool->count, config->classes.count ? " of these classes" : "");
    }
    TRY(set_room(&split->validation, v, err));
    TRY(set_room(&split->train, t, err));
    if (config->subset == ADVNTK__SUBSET_RANDOM) {
        shuffle_front(pool, config->balanced ? pool->count : v + t, seed);
    }
    if (config->balanced) {
        TRY(take_balanced(pool, taken, split->classes, v, "validation", &split->validation, err));
        TRY(take_balanced(pool, taken, split->classes, t, "train", &split->train, err));
        goto out;
    }
    for (ptrdiff_t i = 0; i < v + t; i++) {
        set_add(i < v ? &split->validation : &split->train, pool, i);
    }
out:
    free(taken);
    return rc;
}

static void add_label_noise(struct advntk__image_set *set, double share, ptrdiff_t classes,
                            uint64_t seed)
{
    uint32_t purpose = advntk_random_purpose("label_noise");

    for (ptrdiff_t i = 0; i < set->count && share > 0; i++) {
        struct advntk_stream stream;
        advntk_stream_init(&stream, seed, purpose, set->index[i], 0, 0);
        if (advntk_random_uniform(&stream) < share) {
            int32_t other = (int32_t)advntk_random_below(&stream, (uint64_t)(classes - 1));
            set->labels[i] = other + (other >= set->labels[i]);
        }
    }
}

/* ---- what the model subtracts and divides by, and the box ---- */

static advntk_status channel_values(const struct advntk_list *list, const char *name,
                                    ptrdiff_t channels, double absent, double *values,
                                    struct advntk_error *err)
{
    if (list->count != 0 && list->count != channels) {
        return ADVNTK_FAIL(err, EINVALID,
                           "data.%s: %td values, expected one for each of the %td channels", name,
                           list->count, channels);
    }
    for (ptrdiff_t c = 0; c < channels; c++) {
        values[c] = list->count ? ((const double *)list->items)[c] : absent;
    }
    return ADVNTK_OK;
}

static advntk_status scale_and_box(const struct advntk__data_config *config,
                                   struct advntk__split *split, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_dataset_info *info = &split->source->info;
    size_t channels = (size_t)info->channels, d = (size_t)split->d;

    split->shift = calloc(channels, sizeof(double));
    split->scale = calloc(channels, sizeof(double));
    split->box_low = calloc(d, sizeof(double));
    split->box_high = calloc(d, sizeof(double));
    if (!split->shift || !split->scale || !split->box_low || !split->box_high) {
        FAIL(err, ENOMEM, "no memory for images of %td values", split->d);
    }
    TRY(channel_values(&config->mean, "mean", info->channels, config->center, split->shift, err));
    TRY(channel_values(&config->std, "std", info->channels, 1.0, split->scale, err));
    for (size_t c = 0; c < channels; c++) {
        if (!(split->scale[c] > 0 && isfinite(split->scale[c]))) {
            FAIL(err, EINVALID, "data.std: %g, expected a number above 0", split->scale[c]);
        }
        split->scale[c] = 1 / split->scale[c];
    }
    for (size_t i = 0; i < d; i++) {
        split->box_low[i] = info->box_low;
        split->box_high[i] = info->box_high;
    }
out:
    return rc;
}

advntk_status advntk__split_make(const struct advntk__source *source,
                                 const struct advntk__data_config *config, int64_t seed,
                                 struct advntk__split *split, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__image_set pool = {0};
    int32_t *map = calloc((size_t)source->info.classes, sizeof(*map));
    uint64_t data_seed = (uint64_t)(config->seed >= 0 ? config->seed : seed);

    *split = (struct advntk__split){.source = source};
    if (!map) {
        FAIL(err, ENOMEM, "no memory for %td classes", source->info.classes);
    }
    split->d = source->info.height * source->info.width * source->info.channels;
    TRY(map_classes(source, config, map, &split->classes, err));
    TRY(scale_and_box(config, split, err));
    TRY(eligible_images(source, ADVNTK_TRAIN, map, &pool, err));
    TRY(draw(config, data_seed, &pool, split, err));
    add_label_noise(&split->train, config->label_noise, split->classes, data_seed);
    TRY(eligible_images(source, ADVNTK_TEST, map, &split->test, err));
    if (config->test > split->test.count) {
        FAIL(err, EINVALID, "data.test: %lld images asked for, the test set has %td%s",
             (long long)config->test, split->test.count,
             config->classes.count ? " of these classes" : "");
    }
    if (config->test >= 0) {
        split->test.count = (ptrdiff_t)config->test;
    }
out:
    free(map);
    set_release(&pool);
    if (rc != ADVNTK_OK) {
        advntk__split_release(split);
    }
    return rc;
}

void advntk__split_release(struct advntk__split *split)
{
    set_release(&split->train);
    set_release(&split->validation);
    set_release(&split->test);
    free(split->shift);
    free(split->scale);
    free(split->box_low);
    free(split->box_high);
    *split = (struct advntk__split){0};
}

advntk_status advntk__split_pixels(const struct advntk__split *split, enum advntk_part part,
                                   ptrdiff_t count, const int64_t *index, double *pixels,
                                   struct advntk_error *err)
{
    const struct advntk__source *source = split->source;
    int32_t labels[ADVNTK_PANEL];
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t at = 0; at < count; at += ADVNTK_PANEL) {
        ptrdiff_t some = count - at < ADVNTK_PANEL ? count - at : ADVNTK_PANEL;
        TRY(source->ops->read(source->state, part, some, index + at, pixels + at * split->d, labels,
                              err));
    }
out:
    return rc;
}

advntk_status advntk__split_inputs(const struct advntk__split *split, enum advntk_part part,
                                   ptrdiff_t count, const int64_t *index, double *pixels,
                                   struct advntk_error *err)
{
    const ptrdiff_t channels = split->source->info.channels;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__split_pixels(split, part, count, index, pixels, err));
    for (ptrdiff_t at = 0; at < count * split->d; at++) {
        pixels[at] = (pixels[at] - split->shift[at % channels]) * split->scale[at % channels];
    }
out:
    return rc;
}
