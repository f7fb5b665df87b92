/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The images of a run: an opened data set, and which of its images are trained on, validated on and
 * tested on. */
#ifndef ADVNTK_RUN_DATA_H
#define ADVNTK_RUN_DATA_H

#include "recipe/resolved.h"

#include <advntk/dataset.h>

/* A data set, opened once and used by all runs that name it. {0}: none. */
struct advntk__source {
    const struct advntk_dataset_ops *ops;
    void *state;
    struct advntk_dataset_info info;
    uint8_t digest[16]; /* of the content */
};
/* Fails: what the plugin says, prefixed with its name; EINVALID (sizes that cannot be). */
ADVNTK_MUST_CHECK advntk_status advntk__source_open(struct advntk_host *host,
                                                    const struct advntk_slot *dataset,
                                                    struct advntk__source *source,
                                                    struct advntk_error *err);
void advntk__source_close(struct advntk__source *source);

/* One set of images: numbers in the official file, and the labels that the run uses. */
struct advntk__image_set {
    ptrdiff_t count;
    int64_t *index;
    int32_t *labels; /* 0..classes-1 after `classes`, `label_noise` */
};

struct advntk__split {
    const struct advntk__source *source; /* borrowed */
    struct advntk__image_set train, validation, test;
    ptrdiff_t classes, d;
    double *shift, *scale;      /* channels */
    double *box_low, *box_high; /* d */
};

/*
 * validation, then train: drawn without replacement from the training set (stream "split" of
 * data.seed), or its first images; test: the first of the test set. `balanced`: as many of each
 * class, the first classes one more where it does not divide. `label_noise`: that share of the
 * training labels becomes another class, uniformly. Fails: EINVALID with the numbers asked for and
 * there.
 */
ADVNTK_MUST_CHECK advntk_status advntk__split_make(const struct advntk__source *source,
                                                   const struct advntk__data_config *config,
                                                   int64_t seed, struct advntk__split *split,
                                                   struct advntk_error *err);
void advntk__split_release(struct advntk__split *split);

/* pixels (count,d) of the images index[0..count) of a part. */
ADVNTK_MUST_CHECK advntk_status advntk__split_pixels(const struct advntk__split *split,
                                                     enum advntk_part part, ptrdiff_t count,
                                                     const int64_t *index, double *pixels,
                                                     struct advntk_error *err);
/* The same as kernels and networks take them: less the shift, times the scale. */
ADVNTK_MUST_CHECK advntk_status advntk__split_inputs(const struct advntk__split *split,
                                                     enum advntk_part part, ptrdiff_t count,
                                                     const int64_t *index, double *pixels,
                                                     struct advntk_error *err);

#endif
