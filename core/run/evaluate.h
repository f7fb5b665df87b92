/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One evaluation of a model on the test images, panel by panel, so that it can be interrupted. */
#ifndef ADVNTK_RUN_EVALUATE_H
#define ADVNTK_RUN_EVALUATE_H

#include "attack/evaluate.h"
#include "recipe/resolved.h"
#include "run/data.h"
#include "run/services.h"

#include <jansson.h>

struct advntk__evaluation_job {
    struct advntk_host *host;
    void *model;
    const struct advntk_model_ops *ops;
    const struct advntk__split *split;
    const struct advntk__evaluation *evaluation;
    ptrdiff_t images; /* the first of the test set */
    uint64_t seed;
    uint8_t digest[16]; /* the evaluation's identity */
    struct advntk__clean_pass
        *clean;          /* of this model and these images, or more of them; NULL: none */
    const char *journal; /* file of what is done so far, picked up if it is there; the caller
                            removes it afterwards; NULL: none */
};

/* An array a figure, `images` long, in the order of the test set. */
struct advntk__evaluation_result {
    ptrdiff_t images, done;
    bool *clean_right, *robust;
    int32_t *predicted; /* class at the point found (the clean image where nothing was attacked) */
    double *loss, *distance;
    int64_t *outputs_spent, *gradients_spent;
    int32_t *first_success;
    double *nearest;
    int64_t *outputs_to_fool, *gradients_to_fool;
    int32_t *fooled_by;
    int64_t *fooled_alone;
    struct advntk__audit audit;
    struct advntk__spent clean_spent; /* on the clean pass, where the job has one */
    double *points;                   /* images,d: those that were found; NULL: not asked for */
    struct advntk__record record;
    char part_names[ADVNTK__PARTS][64]; /* audit.part_count of them */
};

/* Fails: what model and attack say, prefixed with the evaluation's name; ECANCELLED (the journal is
 * kept). */
ADVNTK_MUST_CHECK advntk_status advntk__evaluate(const struct advntk__evaluation_job *job,
                                                 struct advntk__evaluation_result *result,
                                                 struct advntk_error *err);
void advntk__evaluation_release(struct advntk__evaluation_result *result);

/* How many of the `test` test images an evaluation takes. */
ptrdiff_t advntk__evaluation_images(const struct advntk__evaluation *evaluation, ptrdiff_t test);

/* The summary: accuracies with intervals, per class, audit, what was spent. attack: JSON of the
 * attack's slot, taken over; NULL for clean. NULL: no memory. */
json_t *advntk__evaluation_summary(const struct advntk__evaluation_job *job,
                                   const struct advntk__evaluation_result *result, json_t *attack);
/* What the attack's settings ask for besides: the points that were found, and what each step saw.
 */
bool advntk__evaluation_keeps(const struct advntk__evaluation *evaluation);
bool advntk__evaluation_records(const struct advntk__evaluation *evaluation);
ADVNTK_MUST_CHECK advntk_status advntk__evaluation_write_points(
    const struct advntk__evaluation_job *job, const struct advntk__evaluation_result *result,
    const char *path, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__evaluation_write_record(
    const struct advntk__evaluation_result *result, const char *path, struct advntk_error *err);
/* All arrays, with numbers and labels of the images, as an .npz file. */
ADVNTK_MUST_CHECK advntk_status advntk__evaluation_write(
    const struct advntk__evaluation_job *job, const struct advntk__evaluation_result *result,
    const char *path, struct advntk_error *err);

#endif
