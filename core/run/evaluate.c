/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/evaluate.h"

#include "base/text.h"
#include "base/try.h"
#include "run/cost.h"
#include "run/identity.h"
#include "store/npz.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The journal is written at most this often: what a kill may cost. */
static const double journal_seconds = 2;
/* ... and no more often than so many times what writing it takes: large images, slow disks. */
static const double journal_share = 30;

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
enum { COLUMNS = 13 };

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
        {"nearest", ADVNTK_FLOAT64, sizeof(double), r->nearest},
        {"outputs_to_fool", ADVNTK_INT64, sizeof(int64_t), r->outputs_to_fool},
        {"gradients_to_fool", ADVNTK_INT64, sizeof(int64_t), r->gradients_to_fool},
        {"fooled_by", ADVNTK_INT32, sizeof(int32_t), r->fooled_by},
        {"fooled_alone", ADVNTK_INT64, sizeof(int64_t), r->fooled_alone},
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
    r->nearest = calloc(n, sizeof(*r->nearest));
    r->outputs_to_fool = calloc(n, sizeof(*r->outputs_to_fool));
    r->gradients_to_fool = calloc(n, sizeof(*r->gradients_to_fool));
    r->fooled_by = calloc(n, sizeof(*r->fooled_by));
    r->fooled_alone = calloc(n, sizeof(*r->fooled_alone));
    if (!r->clean_right || !r->robust || !r->predicted || !r->loss || !r->distance ||
        !r->outputs_spent || !r->gradients_spent || !r->first_success || !r->nearest ||
        !r->outputs_to_fool || !r->gradients_to_fool || !r->fooled_by || !r->fooled_alone) {
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
    free(r->nearest);
    free(r->outputs_to_fool);
    free(r->gradients_to_fool);
    free(r->fooled_by);
    free(r->fooled_alone);
    advntk_free(r->points);
    advntk__record_release(&r->record);
    *r = (struct advntk__evaluation_result){0};
}

static const struct advntk_attack_settings *settings_of(const struct advntk__evaluation *e)
{
    return e->attack.plugin ? e->attack.host_config : NULL;
}

bool advntk__evaluation_keeps(const struct advntk__evaluation *evaluation)
{
    const struct advntk_attack_settings *s = settings_of(evaluation);
    return s && s->keep;
}

bool advntk__evaluation_records(const struct advntk__evaluation *evaluation)
{
    const struct advntk_attack_settings *s = settings_of(evaluation);
    return s && s->record;
}

/* ---- a group of images at work ---- */

struct work {
    const struct advntk__evaluation_job *job;
    struct advntk__evaluation_result *result;
    struct advntk__attack_target target;
    double *pixels; /* ADVNTK__GROUP rows */
    struct advntk_images images;
    struct advntk__group *group; /* NULL: none is begun */
    bool whole; /* points or steps are kept, which the journal does not hold: no journal */
};

/* Begins the group of the first images that are not done. */
static advntk_status group_begin(struct work *w, struct advntk_error *err)
{
    const struct advntk__split *split = w->job->split;
    const struct advntk_dataset_info *info = &split->source->info;
    struct advntk__evaluation_result *r = w->result;
    bool attacked = w->job->evaluation->attack.plugin != NULL;
    ptrdiff_t at = r->done, left = r->images - at, n = left < ADVNTK__GROUP ? left : ADVNTK__GROUP;
    advntk_status rc = ADVNTK_OK;

    w->images = (struct advntk_images){.n = n,
                                       .height = info->height,
                                       .width = info->width,
                                       .channels = info->channels,
                                       .pixels = w->pixels,
                                       .labels = split->test.labels + at,
                                       .index = split->test.index + at};
    TRY(advntk__split_pixels(split, ADVNTK_TEST, n, split->test.index + at, w->pixels, err));
    TRY(advntk__group_new(&w->target, attacked ? &w->job->evaluation->attack : NULL, &w->images,
                          &r->audit, &w->group, err));
    if (advntk__evaluation_records(w->job->evaluation)) {
        advntk__group_record(w->group, &r->record);
    }
    if (w->job->clean) {
        advntk__group_share_clean(w->group, w->job->clean, at);
    }
    for (ptrdiff_t k = 0; k < advntk__group_parts(w->group); k++) {
        snprintf(r->part_names[k], sizeof(r->part_names[k]), "%s",
                 advntk__group_part_name(w->group, k));
    }
out:
    return rc;
}

static void group_end(struct work *w)
{
    const struct advntk__attack_result *from = advntk__group_result(w->group);
    struct advntk__evaluation_result *r = w->result;
    ptrdiff_t at = r->done, classes = w->job->split->classes;

    for (ptrdiff_t i = 0; i < w->images.n; i++) {
        r->predicted[at + i] =
            (int32_t)advntk__attack_predict(classes, from->outputs + i * classes);
        r->clean_right[at + i] = from->clean_right[i];
        r->robust[at + i] = from->robust[i];
        r->loss[at + i] = from->loss[i];
        r->distance[at + i] = from->distance[i];
        r->outputs_spent[at + i] = from->outputs_spent[i];
        r->gradients_spent[at + i] = from->gradients_spent[i];
        r->first_success[at + i] = from->first_success[i];
        r->nearest[at + i] = from->nearest[i];
        r->outputs_to_fool[at + i] = from->outputs_to_fool[i];
        r->gradients_to_fool[at + i] = from->gradients_to_fool[i];
        r->fooled_by[at + i] = from->fooled_by[i];
        r->fooled_alone[at + i] = from->fooled_alone[i];
    }
    if (r->points) {
        ptrdiff_t d = w->job->split->d;
        memcpy(r->points + at * d, from->point, (size_t)(w->images.n * d) * sizeof(double));
    }
    r->done += w->images.n;
    advntk__group_free(w->group);
    w->group = NULL;
}

/* ---- the journal: the result so far, of the same process or of one that was killed ---- */

/* The audit and the blocks of a group as they lie in memory: the journal is read back on the
 * machine that wrote it. */
enum { AUDIT_BYTES = sizeof(struct advntk__audit), BLOCK_NAME = 64 };

static void block_name(const struct advntk__group_block *block, char name[BLOCK_NAME])
{
    snprintf(name, BLOCK_NAME, "group_%s", block->name);
}

static advntk_status journal_write(struct work *work, struct advntk_error *err)
{
    const struct advntk__evaluation_result *r = work->result;
    struct advntk__group_block blocks[ADVNTK__GROUP_BLOCKS];
    ptrdiff_t count = work->group ? advntk__group_save(work->group, blocks) : 0;
    advntk_status rc = ADVNTK_OK;
    struct advntk__npz_writer *w = NULL;
    struct column columns[COLUMNS];
    const ptrdiff_t one = 1, audit = AUDIT_BYTES;
    const int64_t done = r->done, begun = work->group != NULL;

    if (!work->job->journal) {
        goto out;
    }
    columns_of(r, columns);
    TRY(advntk__npz_create(work->job->journal, &w, err));
    TRY(advntk__npz_add(w, "done", ADVNTK_INT64, 1, &one, &done, err));
    TRY(advntk__npz_add(w, "begun", ADVNTK_INT64, 1, &one, &begun, err));
    TRY(advntk__npz_add(w, "audit", ADVNTK_UINT8, 1, &audit, &r->audit, err));
    for (int i = 0; i < COLUMNS; i++) {
        TRY(advntk__npz_add(w, columns[i].name, columns[i].dtype, 1, &r->images, columns[i].values,
                            err));
    }
    for (ptrdiff_t k = 0; k < count; k++) {
        char name[BLOCK_NAME];
        block_name(&blocks[k], name);
        TRY(advntk__npz_add_borrowed(w, name, ADVNTK_UINT8, 1, &blocks[k].count, blocks[k].bytes,
                                     err));
    }
    rc = advntk__npz_finish(w, err);
    w = NULL;
out:
    advntk__npz_abandon(w);
    return rc;
}

/* The blocks go into a group begun anew, which has added to the audit what the journal's holds
 * already: so the audit is read last. */
static advntk_status journal_read_group(struct work *work, struct advntk__npz_reader *reader,
                                        struct advntk_error *err)
{
    struct advntk__group_block blocks[ADVNTK__GROUP_BLOCKS];
    ptrdiff_t count;
    advntk_status rc = ADVNTK_OK;

    TRY(group_begin(work, err));
    count = advntk__group_save(work->group, blocks);
    for (ptrdiff_t k = 0; k < count; k++) {
        char name[BLOCK_NAME];
        block_name(&blocks[k], name);
        TRY(advntk__npz_read(reader, name, ADVNTK_UINT8, blocks[k].count, blocks[k].bytes, err));
    }
out:
    return rc;
}

static advntk_status journal_read(struct work *work, struct advntk_error *err)
{
    struct advntk__evaluation_result *r = work->result;
    const char *journal = work->job->journal;
    advntk_status rc = ADVNTK_OK;
    struct advntk__npz_reader *reader = NULL;
    struct column columns[COLUMNS];
    int64_t done = 0, begun = 0;

    if (!journal || access(journal, F_OK) != 0) {
        goto out;
    }
    columns_of(r, columns);
    TRY(advntk__npz_open(journal, &reader, err));
    TRY(advntk__npz_read(reader, "done", ADVNTK_INT64, 1, &done, err));
    TRY(advntk__npz_read(reader, "begun", ADVNTK_INT64, 1, &begun, err));
    for (int i = 0; i < COLUMNS; i++) {
        TRY(advntk__npz_read(reader, columns[i].name, columns[i].dtype, r->images,
                             columns[i].values, err));
    }
    if (done < 0 || done > r->images || (done % ADVNTK__GROUP != 0 && done != r->images) ||
        (begun && done == r->images)) {
        FAIL(err, EFORMAT, "%s: %lld of %td images are done, which cannot be", journal,
             (long long)done, r->images);
    }
    r->done = (ptrdiff_t)done;
    if (begun) {
        TRY(journal_read_group(work, reader, err));
    }
    TRY(advntk__npz_read(reader, "audit", ADVNTK_UINT8, AUDIT_BYTES, &r->audit, err));
out:
    advntk__npz_close(reader);
    return rc;
}

/* What the journal holds, or nothing where it is damaged. */
static advntk_status pick_up(struct work *w, struct advntk_error *err)
{
    struct advntk_error damage;
    advntk_status rc = journal_read(w, &damage);

    if (rc == ADVNTK_EFORMAT || rc == ADVNTK_ESHAPE || rc == ADVNTK_ENOTFOUND) {
        advntk_log(w->job->host, ADVNTK_LOG_WARNING, "%s; evaluation %s begins again", damage.text,
                   w->job->evaluation->name);
        advntk__group_free(w->group);
        w->group = NULL;
        w->result->done = 0;
        w->result->audit = (struct advntk__audit){0};
        rc = ADVNTK_OK;
    } else if (rc != ADVNTK_OK && err) {
        *err = damage;
    }
    return rc;
}

/* ---- the evaluation ---- */

/* One unit of a group; at its end the group is put away. */
static advntk_status evaluate_unit(struct work *w, struct advntk_error *err)
{
    struct advntk__spent *clean = &w->result->clean_spent, started, spent;
    bool finished = false, at_clean;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk_cancelled(w->job->host, err));
    if (!w->group) {
        TRY(group_begin(w, err));
    }
    at_clean = advntk__group_at_clean(w->group) && w->job->clean;
    started = advntk__spent_now();
    TRY(advntk__group_step(w->group, &finished, err));
    spent = advntk__spent_since(started);
    clean->wall += at_clean ? spent.wall : 0;
    clean->cpu += at_clean ? spent.cpu : 0;
    if (finished) {
        group_end(w);
    }
out:
    return rc;
}

static advntk_status evaluate_all(struct work *w, struct advntk_error *err)
{
    double saved = advntk__attack_clock(), took = 0;
    struct advntk__evaluation_result *r = w->result;
    advntk_status rc = ADVNTK_OK, kept;
    char what[64];

    snprintf(what, sizeof(what), "evaluate %s", w->job->evaluation->name);
    while (r->done < r->images) {
        double now = advntk__attack_clock();
        ptrdiff_t part =
            w->group ? (ptrdiff_t)(advntk__group_share(w->group) * (double)w->images.n) : 0;
        advntk_progress(w->job->host, what, r->done + part, r->images);
        if (!w->whole && now - saved > fmax(journal_seconds, journal_share * took)) {
            TRY(journal_write(w, err));
            saved = advntk__attack_clock();
            took = saved - now;
        }
        rc = evaluate_unit(w, err);
        if (rc == ADVNTK_ECANCELLED && !w->whole && (r->done > 0 || w->group)) {
            kept = journal_write(w, NULL);
            (void)kept; /* the interruption is the news; without the journal only time is lost */
        }
        TRY(rc);
    }
    advntk_progress(w->job->host, what, r->done, r->images);
out:
    return rc;
}

advntk_status advntk__evaluate(const struct advntk__evaluation_job *job,
                               struct advntk__evaluation_result *result, struct advntk_error *err)
{
    const struct advntk__split *split = job->split;
    ptrdiff_t rows = job->images < ADVNTK__GROUP ? job->images : ADVNTK__GROUP;
    struct work w = {.job = job,
                     .result = result,
                     .target = {.host = job->host,
                                .model = job->model,
                                .ops = job->ops,
                                .classes = split->classes,
                                .box_lo = split->box_low,
                                .box_hi = split->box_high,
                                .seed = job->seed,
                                .purpose = advntk__identity_purpose(job->digest),
                                .started = advntk__attack_clock()},
                     .pixels = advntk_alloc(rows * split->d, sizeof(double)),
                     .whole = advntk__evaluation_keeps(job->evaluation) ||
                              advntk__evaluation_records(job->evaluation)};
    advntk_status rc = ADVNTK_OK;

    TRY(result_init(job->images, result, err));
    if (!w.pixels) {
        FAIL(err, ENOMEM, "no memory for %td images", rows);
    }
    if (advntk__evaluation_keeps(job->evaluation)) {
        result->points = advntk_alloc_zero(job->images, (size_t)split->d * sizeof(double));
        if (!result->points) {
            FAIL(err, ENOMEM, "no memory to keep %td points of %td values", job->images, split->d);
        }
    }
    if (!w.whole) {
        TRY(pick_up(&w, err));
    }
    TRY(evaluate_all(&w, err));
    advntk__audit_judge(&result->audit);
out:
    advntk__group_free(w.group);
    advntk_free(w.pixels);
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

    advntk__wilson((double)right, count, &low, &high);
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
    const struct {
        const char *name;
        json_int_t value;
    } counts[] = {
        {"attacked", audit->attacked},
        {"standing", audit->standing},
        {"zero_gradients", audit->zero_gradients},
        {"outside_ball", audit->outside_ball},
        {"outside_box", audit->outside_box},
        {"clean_outside_box", audit->clean_outside_box},
        {"wrong_distance", audit->wrong_distance},
        {"still_rising", audit->still_rising},
        {"never_rose", audit->never_rose},
        {"fell_late", audit->fell_late},
        {"doubtful", audit->doubtful},
        {"pushed", audit->pushed},
        {"pushed_over", audit->pushed_over},
        {"verified", audit->verified},
        {"unverified", audit->unverified},
        {"black_box_fell", audit->black_box_fell},
        {"out_of_time", audit->out_of_time},
        {"checked_gradients", audit->checked_gradients},
        {"gradient_mismatch", audit->gradient_mismatch},
    };
    struct advntk__text reasons = {0};
    json_t *list = json_array(), *all;
    const char *at;

    advntk__audit_reasons(audit, &reasons);
    for (at = advntk__text_get(&reasons); *at; at += strcspn(at, "\n"), at += *at == '\n') {
        json_array_append_new(list, json_stringn(at, strcspn(at, "\n")));
    }
    advntk__text_release(&reasons);
    all = json_pack("{s:s, s:o}", "verdict", verdicts[audit->verdict], "reasons", list);
    for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++) {
        json_object_set_new(all, counts[k].name, json_integer(counts[k].value));
    }
    json_object_set_new(all, "worst_gradient_error", json_real(audit->worst_gradient_error));
    json_object_set_new(all, "worst_distance", json_real(audit->worst_distance));
    return all;
}

/* What a part does by itself, with images that fall to no other part. */
static json_t *alone_json(const struct advntk__part_count *part, json_int_t clean, ptrdiff_t images)
{
    const json_int_t robust = clean - part->fell_alone;

    return json_pack("{s:I, s:I, s:f, s:o, s:I, s:I, s:I}", "fell", (json_int_t)part->fell_alone,
                     "robust", robust, "accuracy", share(robust, images), "interval",
                     interval(robust, images), "only", (json_int_t)part->only, "outputs",
                     (json_int_t)part->outputs_alone, "gradients",
                     (json_int_t)part->gradients_alone);
}

/* What each attack of a composite found, in its order; robust: after it. */
static json_t *parts_json(const struct advntk__evaluation_result *r, json_int_t clean)
{
    json_t *list = json_array();
    json_int_t robust = clean;

    for (ptrdiff_t k = 0; k < r->audit.part_count; k++) {
        const struct advntk__part_count *part = &r->audit.parts[k];
        json_t *one = json_object();
        robust -= part->fell;
        json_object_set_new(one, "name", json_string(r->part_names[k]));
        json_object_set_new(one, "attacked", json_integer(part->attacked));
        json_object_set_new(one, "fell", json_integer(part->fell));
        json_object_set_new(one, "robust", json_integer(robust));
        json_object_set_new(one, "accuracy", json_real(share(robust, r->images)));
        json_object_set_new(one, "interval", interval(robust, r->images));
        json_object_set_new(one, "outputs", json_integer(part->outputs));
        json_object_set_new(one, "gradients", json_integer(part->gradients));
        if (r->audit.each_alone) {
            json_object_set_new(one, "alone", alone_json(part, clean, r->images));
        }
        json_array_append_new(list, one);
    }
    return list;
}

static int by_value(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return (x > y) - (x < y);
}

/*
 * A curve that falls from the clean accuracy: of `count` images those with value <= x are lost, the
 * values finite ones of robust images' `at`. At most CURVE points, evenly spread over the losses.
 */
enum { CURVE = 101 };
static json_t *curve_json(const char *axis, const struct advntk__evaluation_result *r,
                          json_int_t clean, double *at, ptrdiff_t lost)
{
    json_t *xs = json_array(), *ys = json_array(), *low = json_array(), *high = json_array();
    ptrdiff_t points = lost < CURVE ? lost : CURVE, before = -1;

    qsort(at, (size_t)lost, sizeof(*at), by_value);
    for (ptrdiff_t k = 0; k <= points; k++) {
        ptrdiff_t gone = points > 0 ? k * lost / points : 0;
        double lo = 0, hi = 0;
        while (gone > 0 && gone < lost && at[gone] == at[gone - 1]) {
            gone++; /* all that are lost at this value */
        }
        if (gone == before) {
            continue;
        }
        before = gone;
        advntk__wilson((double)(clean - gone), r->images, &lo, &hi);
        json_array_append_new(xs, json_real(gone > 0 ? at[gone - 1] : 0));
        json_array_append_new(ys, json_real(share(clean - gone, r->images)));
        json_array_append_new(low, json_real(lo));
        json_array_append_new(high, json_real(hi));
    }
    return json_pack("{s:o, s:o, s:o, s:o}", axis, xs, "accuracy", ys, "low", low, "high", high);
}

/* Curves of accuracy over radius (attacks that look for the nearest point) and over gradients or
 * outputs spent on an image. */
static void add_curves(json_t *all, const struct advntk__evaluation_result *r, json_int_t clean)
{
    double *at = advntk_alloc(r->images + 1, sizeof(*at));
    ptrdiff_t near = 0, broken = 0;
    bool by_gradients = false;

    for (ptrdiff_t i = 0; i < r->images; i++) {
        by_gradients = by_gradients || r->gradients_spent[i] > 0;
    }
    for (ptrdiff_t i = 0; at && i < r->images; i++) {
        if (r->clean_right[i] && isfinite(r->nearest[i]) && r->nearest[i] > 0) {
            at[near++] = r->nearest[i];
        }
    }
    if (at && near > 0) {
        json_object_set_new(all, "over_radius", curve_json("radius", r, clean, at, near));
    }
    for (ptrdiff_t i = 0; at && i < r->images; i++) {
        if (r->clean_right[i] && !r->robust[i] && r->outputs_to_fool[i] >= 0) {
            at[broken++] = (double)(by_gradients ? r->gradients_to_fool[i] : r->outputs_to_fool[i]);
        }
    }
    if (at && broken > 0) {
        json_object_set_new(
            all, "over_cost",
            curve_json(by_gradients ? "gradients" : "outputs", r, clean, at, broken));
    }
    advntk_free(at);
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
    if (r->audit.part_count > 1) {
        json_object_set_new(all, "parts", parts_json(r, clean));
    }
    add_curves(all, r, clean);
    json_object_set_new(all, "audit", audit_json(&r->audit));
    json_object_set_new(all, "spent",
                        json_pack("{s:I, s:I}", "outputs", outputs, "gradients", gradients));
    if (r->audit.each_alone) {
        json_object_set_new(all, "spent_on_each_alone",
                            json_pack("{s:I, s:I}", "outputs", (json_int_t)r->audit.second_outputs,
                                      "gradients", (json_int_t)r->audit.second_gradients));
    }
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

advntk_status advntk__evaluation_write_points(const struct advntk__evaluation_job *job,
                                              const struct advntk__evaluation_result *r,
                                              const char *path, struct advntk_error *err)
{
    const struct advntk_dataset_info *info = &job->split->source->info;
    const ptrdiff_t shape[4] = {r->images, info->height, info->width, info->channels};
    struct advntk__npz_writer *w = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__npz_create(path, &w, err));
    TRY(advntk__npz_add(w, "index", ADVNTK_INT64, 1, &r->images, job->split->test.index, err));
    TRY(advntk__npz_add(w, "labels", ADVNTK_INT32, 1, &r->images, job->split->test.labels, err));
    TRY(advntk__npz_add(w, "robust", ADVNTK_BOOL8, 1, &r->images, r->robust, err));
    TRY(advntk__npz_add(w, "distance", ADVNTK_FLOAT64, 1, &r->images, r->distance, err));
    TRY(advntk__npz_add_borrowed(w, "adversarial", ADVNTK_FLOAT64, 4, shape, r->points, err));
    rc = advntk__npz_finish(w, err);
    w = NULL;
out:
    advntk__npz_abandon(w);
    return rc;
}

advntk_status advntk__evaluation_write_record(const struct advntk__evaluation_result *result,
                                              const char *path, struct advntk_error *err)
{
    const struct advntk__record *r = &result->record;
    const struct column lines[] = {
        {"index", ADVNTK_INT64, sizeof(int64_t), r->index},
        {"part", ADVNTK_INT32, sizeof(int32_t), r->part},
        {"restart", ADVNTK_INT32, sizeof(int32_t), r->restart},
        {"step", ADVNTK_INT32, sizeof(int32_t), r->step},
        {"loss", ADVNTK_FLOAT64, sizeof(double), r->loss},
        {"distance", ADVNTK_FLOAT64, sizeof(double), r->distance},
        {"moved", ADVNTK_FLOAT64, sizeof(double), r->moved},
        {"turn", ADVNTK_FLOAT64, sizeof(double), r->turn},
    };
    struct advntk__npz_writer *w = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__npz_create(path, &w, err));
    for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++) {
        TRY(advntk__npz_add(w, lines[k].name, lines[k].dtype, 1, &r->count, lines[k].values, err));
    }
    rc = advntk__npz_finish(w, err);
    w = NULL;
out:
    advntk__npz_abandon(w);
    return rc;
}
