/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/evaluate.h"

#include "base/text.h"
#include "base/try.h"
#include "run/identity.h"
#include "store/npz.h"

#include <advntk/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The journal is written at most this often: what a kill may cost. */
static const double journal_seconds = 2;

ptrdiff_t advntk__evaluation_images(const struct advntk__evaluation *evaluation, ptrdiff_t test)
{
    ptrdiff_t samples = (ptrdiff_t)evaluation->samples;

    return samples && samples < test ? samples : test;
}

/* ---- the arrays of a result, once for writing and reading ---- */

struct column {
    const char *name;
    enum advntk_dtype dtype;
    size_t bytes;
    void *values;
};
enum { COLUMNS = 8 };

static void columns_of(const struct advntk__evaluation_result *r, struct column columns[COLUMNS])
{
    const struct column all[COLUMNS] = {
        {"clean_right", ADVNTK_BOOL8, sizeof(bool), r->clean_right},
        {"robust", ADVNTK_BOOL8, sizeof(bool), r->robust},
        {"predicted", ADVNTK_INT32, sizeof(int32_t), r->predicted},
        {"loss", ADVNTK_FLOAT64, sizeof(double), r->loss},
        {"distance", ADVNTK_FLOAT64, sizeof(double), r->distance},
        {"outputs_spent", ADVNTK_INT64, sizeof(int64_t), r->outputs_spent},
        {"gradients_spent", ADVNTK_INT64, sizeof(int64_t), r->gradients_spent},
        {"first_success", ADVNTK_INT32, sizeof(int32_t), r->first_success},
    };
    memcpy(columns, all, sizeof(all));
}

static advntk_status result_init(ptrdiff_t images, struct advntk__evaluation_result *r,
                                 struct advntk_error *err)
{
    size_t n = (size_t)images + 1;

    *r = (struct advntk__evaluation_result){.images = images};
    r->clean_right = calloc(n, sizeof(*r->clean_right));
    r->robust = calloc(n, sizeof(*r->robust));
    r->predicted = calloc(n, sizeof(*r->predicted));
    r->loss = calloc(n, sizeof(*r->loss));
    r->distance = calloc(n, sizeof(*r->distance));
    r->outputs_spent = calloc(n, sizeof(*r->outputs_spent));
    r->gradients_spent = calloc(n, sizeof(*r->gradients_spent));
    r->first_success = calloc(n, sizeof(*r->first_success));
    if (!r->clean_right || !r->robust || !r->predicted || !r->loss || !r->distance ||
        !r->outputs_spent || !r->gradients_spent || !r->first_success) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the results of %td images", images);
    }
    return ADVNTK_OK;
}

void advntk__evaluation_release(struct advntk__evaluation_result *r)
{
    free(r->clean_right);
    free(r->robust);
    free(r->predicted);
    free(r->loss);
    free(r->distance);
    free(r->outputs_spent);
    free(r->gradients_spent);
    free(r->first_success);
    *r = (struct advntk__evaluation_result){0};
}

/* ---- the journal: the result so far, of the same process or of one that was killed ---- */

/* The audit as it lies in memory: the journal is read back on the machine that wrote it. */
enum { AUDIT_BYTES = sizeof(struct advntk__audit) };

static advntk_status journal_write(const struct advntk__evaluation_job *job,
                                   const struct advntk__evaluation_result *r,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__npz_writer *w = NULL;
    struct column columns[COLUMNS];
    const ptrdiff_t one = 1, audit = AUDIT_BYTES;
    const int64_t done = r->done;

    columns_of(r, columns);
    TRY(advntk__npz_create(job->journal, &w, err));
    TRY(advntk__npz_add(w, "done", ADVNTK_INT64, 1, &one, &done, err));
    TRY(advntk__npz_add(w, "audit", ADVNTK_UINT8, 1, &audit, &r->audit, err));
    for (int i = 0; i < COLUMNS; i++) {
        TRY(advntk__npz_add(w, columns[i].name, columns[i].dtype, 1, &r->images, columns[i].values,
                            err));
    }
    rc = advntk__npz_finish(w, err);
    w = NULL;
out:
    advntk__npz_abandon(w);
    return rc;
}

static advntk_status journal_read(const struct advntk__evaluation_job *job,
                                  struct advntk__evaluation_result *r, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__npz_reader *reader = NULL;
    struct column columns[COLUMNS];
    int64_t done = 0;

    if (access(job->journal, F_OK) != 0) {
        goto out;
    }
    columns_of(r, columns);
    TRY(advntk__npz_open(job->journal, &reader, err));
    TRY(advntk__npz_read(reader, "done", ADVNTK_INT64, 1, &done, err));
    TRY(advntk__npz_read(reader, "audit", ADVNTK_UINT8, AUDIT_BYTES, &r->audit, err));
    for (int i = 0; i < COLUMNS; i++) {
        TRY(advntk__npz_read(reader, columns[i].name, columns[i].dtype, r->images,
                             columns[i].values, err));
    }
    if (done < 0 || done > r->images || (done % ADVNTK_PANEL != 0 && done != r->images)) {
        FAIL(err, EFORMAT, "%s: %lld of %td images are done, which cannot be", job->journal,
             (long long)done, r->images);
    }
    r->done = (ptrdiff_t)done;
out:
    advntk__npz_close(reader);
    return rc;
}

/* ---- a panel ---- */

struct panel_room {
    double *pixels, *outputs, *point; /* ADVNTK_PANEL rows */
};

static int32_t largest(const double *f, ptrdiff_t classes)
{
    int32_t best = 0;

    for (int32_t c = 1; c < classes; c++) {
        best = f[c] > f[best] ? c : best;
    }
    return best;
}

static advntk_status evaluate_panel(const struct advntk__evaluation_job *job, double started,
                                    struct panel_room *room, struct advntk__evaluation_result *r,
                                    struct advntk_error *err)
{
    const struct advntk__split *split = job->split;
    const struct advntk_dataset_info *info = &split->source->info;
    ptrdiff_t at = r->done, left = r->images - at, n = left < ADVNTK_PANEL ? left : ADVNTK_PANEL;
    const struct advntk_images images = {.n = n,
                                         .height = info->height,
                                         .width = info->width,
                                         .channels = info->channels,
                                         .pixels = room->pixels,
                                         .labels = split->test.labels + at,
                                         .index = split->test.index + at};
    const struct advntk__attack_target target = {.host = job->host,
                                                 .model = job->model,
                                                 .ops = job->ops,
                                                 .classes = split->classes,
                                                 .box_lo = split->box_low,
                                                 .box_hi = split->box_high,
                                                 .seed = job->seed,
                                                 .purpose = advntk__identity_purpose(job->digest),
                                                 .started = started};
    struct advntk__attack_result seen = {.clean_right = r->clean_right + at,
                                         .robust = r->robust + at,
                                         .point = room->point,
                                         .outputs = room->outputs,
                                         .loss = r->loss + at,
                                         .distance = r->distance + at,
                                         .outputs_spent = r->outputs_spent + at,
                                         .gradients_spent = r->gradients_spent + at,
                                         .first_success = r->first_success + at};
    bool attacked = job->evaluation->attack.plugin != NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__split_pixels(split, ADVNTK_TEST, n, split->test.index + at, room->pixels, err));
    if (attacked) {
        TRY(advntk__attack_panel(&target, &job->evaluation->attack, &images, &seen, &r->audit,
                                 err));
    } else {
        TRY(job->ops->forward(job->model, &images, room->outputs, NULL, err));
        r->audit.images += n;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        r->predicted[at + i] = largest(room->outputs + i * split->classes, split->classes);
        if (!attacked) {
            seen.clean_right[i] = r->predicted[at + i] == images.labels[i];
            seen.robust[i] = seen.clean_right[i];
            seen.first_success[i] = seen.clean_right[i] ? -1 : 0;
        }
    }
    r->done = at + n;
out:
    return rc;
}

advntk_status advntk__evaluate(const struct advntk__evaluation_job *job,
                               struct advntk__evaluation_result *result, struct advntk_error *err)
{
    const struct advntk__split *split = job->split;
    struct panel_room room = {.pixels = advntk_alloc(ADVNTK_PANEL * split->d, sizeof(double)),
                              .outputs =
                                  advntk_alloc(ADVNTK_PANEL * split->classes, sizeof(double)),
                              .point = advntk_alloc(ADVNTK_PANEL * split->d, sizeof(double))};
    double started = advntk__attack_clock(), saved = started;
    struct advntk_error damage;
    advntk_status rc = ADVNTK_OK, kept;
    char what[64];

    snprintf(what, sizeof(what), "evaluate %s", job->evaluation->name);
    TRY(result_init(job->images, result, err));
    if (!room.pixels || !room.outputs || !room.point) {
        FAIL(err, ENOMEM, "no memory for a panel of %d images", ADVNTK_PANEL);
    }
    rc = journal_read(job, result, &damage);
    if (rc == ADVNTK_EFORMAT || rc == ADVNTK_ESHAPE || rc == ADVNTK_ENOTFOUND) {
        advntk_log(job->host, ADVNTK_LOG_WARNING, "%s; evaluation %s begins again", damage.text,
                   job->evaluation->name);
        result->done = 0;
        result->audit = (struct advntk__audit){0};
    } else if (rc != ADVNTK_OK) {
        if (err) {
            *err = damage;
        }
        goto out;
    }
    while (result->done < result->images) {
        double now = advntk__attack_clock();
        advntk_progress(job->host, what, result->done, result->images);
        if (now - saved > journal_seconds) {
            TRY(journal_write(job, result, err));
            saved = now;
        }
        rc = advntk_cancelled(job->host, err);
        if (rc == ADVNTK_OK) {
            rc = evaluate_panel(job, started, &room, result, err);
        }
        if (rc == ADVNTK_ECANCELLED && result->done > 0) {
            kept = journal_write(job, result, NULL);
            (void)kept; /* the interruption is the news; without the journal only time is lost */
        }
        TRY(rc);
    }
    advntk_progress(job->host, what, result->done, result->images);
out:
    advntk_free(room.pixels);
    advntk_free(room.outputs);
    advntk_free(room.point);
    if (rc != ADVNTK_OK) {
        advntk_error_prefix(err, "evaluation %s: ", job->evaluation->name);
        advntk__evaluation_release(result);
    }
    return rc;
}

/* ---- what is kept of it ---- */

static json_t *interval(int64_t right, int64_t count)
{
    double low = 0, high = 0;

    advntk__wilson(right, count, &low, &high);
    return json_pack("[f, f]", low, high);
}

static double share(int64_t right, int64_t count)
{
    return count ? (double)right / (double)count : 0;
}

static json_t *per_class(const struct advntk__evaluation_job *job,
                         const struct advntk__evaluation_result *r)
{
    json_t *list = json_array();

    for (int32_t c = 0; c < job->split->classes; c++) {
        json_int_t images = 0, clean = 0, robust = 0;
        for (ptrdiff_t i = 0; i < r->images; i++) {
            if (job->split->test.labels[i] == c) {
                images++;
                clean += r->clean_right[i];
                robust += r->robust[i];
            }
        }
        json_array_append_new(list, json_pack("{s:i, s:I, s:I, s:I}", "class", (int)c, "images",
                                              images, "clean_right", clean, "robust", robust));
    }
    return list;
}

static json_t *audit_json(const struct advntk__audit *audit)
{
    static const char *const verdicts[] = {"trusted", "suspect", "failed"};
    struct advntk__text reasons = {0};
    json_t *list = json_array(), *all;
    const char *at;

    advntk__audit_reasons(audit, &reasons);
    for (at = advntk__text_get(&reasons); *at; at += strcspn(at, "\n"), at += *at == '\n') {
        json_array_append_new(list, json_stringn(at, strcspn(at, "\n")));
    }
    advntk__text_release(&reasons);
    all = json_pack("{s:s, s:o}", "verdict", verdicts[audit->verdict], "reasons", list);
    json_object_set_new(all, "zero_gradients", json_integer(audit->zero_gradients));
    json_object_set_new(all, "outside_ball", json_integer(audit->outside_ball));
    json_object_set_new(all, "outside_box", json_integer(audit->outside_box));
    json_object_set_new(all, "still_rising", json_integer(audit->still_rising));
    json_object_set_new(all, "checked_gradients", json_integer(audit->checked_gradients));
    json_object_set_new(all, "gradient_mismatch", json_integer(audit->gradient_mismatch));
    json_object_set_new(all, "worst_gradient_error", json_real(audit->worst_gradient_error));
    json_object_set_new(all, "worst_distance", json_real(audit->worst_distance));
    return all;
}

json_t *advntk__evaluation_summary(const struct advntk__evaluation_job *job,
                                   const struct advntk__evaluation_result *r, json_t *attack)
{
    json_int_t clean = 0, robust = 0, outputs = 0, gradients = 0;
    json_t *all = json_object();

    for (ptrdiff_t i = 0; i < r->images; i++) {
        clean += r->clean_right[i];
        robust += r->robust[i];
        outputs += r->outputs_spent[i];
        gradients += r->gradients_spent[i];
    }
    json_object_set_new(all, "name", json_string(job->evaluation->name));
    json_object_set_new(all, "attack", attack ? attack : json_null());
    json_object_set_new(all, "images", json_integer(r->images));
    json_object_set_new(all, "accuracy", json_real(share(robust, r->images)));
    json_object_set_new(all, "interval", interval(robust, r->images));
    json_object_set_new(all, "clean_accuracy", json_real(share(clean, r->images)));
    json_object_set_new(all, "clean_interval", interval(clean, r->images));
    json_object_set_new(all, "per_class", per_class(job, r));
    json_object_set_new(all, "audit", audit_json(&r->audit));
    json_object_set_new(all, "spent",
                        json_pack("{s:I, s:I}", "outputs", outputs, "gradients", gradients));
    return all;
}

advntk_status advntk__evaluation_write(const struct advntk__evaluation_job *job,
                                       const struct advntk__evaluation_result *r, const char *path,
                                       struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__npz_writer *w = NULL;
    struct column columns[COLUMNS];

    columns_of(r, columns);
    TRY(advntk__npz_create(path, &w, err));
    TRY(advntk__npz_add(w, "index", ADVNTK_INT64, 1, &r->images, job->split->test.index, err));
    TRY(advntk__npz_add(w, "labels", ADVNTK_INT32, 1, &r->images, job->split->test.labels, err));
    for (int i = 0; i < COLUMNS; i++) {
        TRY(advntk__npz_add(w, columns[i].name, columns[i].dtype, 1, &r->images, columns[i].values,
                            err));
    }
    rc = advntk__npz_finish(w, err);
    w = NULL;
out:
    advntk__npz_abandon(w);
    return rc;
}
