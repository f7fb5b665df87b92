/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Order of writing, so that a kill at any point loses nothing but time: best.npz, the line of
 * metrics.jsonl, then the checkpoint, one file that holds the method's state and how long
 * metrics.jsonl was. On the way back metrics.jsonl is cut to that length; a best.npz that is a step
 * ahead is written again by the same step.
 */
#include "config.h"

#include "run/train.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/host.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/graph.h"
#include "linalg/gram.h"
#include "run/cost.h"
#include "run/evaluate.h"
#include "run/identity.h"
#include "run/services.h"
#include "store/state.h"

#include <advntk/node.h>
#include <advntk/plugin.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char robust_metric[] = "validation_robust";

struct loop {
    const struct advntk__fit *fit;
    const struct advntk_method_ops *ops;
    void *state;
    int64_t step;           /* done so far */
    int64_t metrics_length; /* of metrics.jsonl, in bytes */
    int64_t best_step;      /* 0: none yet */
    double best_value;
    bool finished;
    char *metrics, *checkpoint, *candidate, *best, *predictor; /* paths */
};

advntk_status advntk__timing(const struct advntk__folder *folder, const char *what,
                             const char *name, int64_t number, double seconds,
                             struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = advntk__folder_file(folder, "timing.jsonl", NULL);
    struct advntk__text line = {0};
    struct stat st;
    int64_t length;

    if (!path) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    length = stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
    if (name) {
        advntk__text_printf(&line, "{\"%s\": \"%s\", \"seconds\": %.6f}\n", what, name, seconds);
    } else {
        advntk__text_printf(&line, "{\"%s\": %lld, \"seconds\": %.6f}\n", what, (long long)number,
                            seconds);
    }
    TRY(advntk__append(path, &length, advntk__text_get(&line), line.length, err));
out:
    advntk__text_release(&line);
    free(path);
    return rc;
}

/* ---- predictor.npz ---- */

/* A text as an array of bytes: numpy opens it with .tobytes().decode(). */
static advntk_status add_text(struct advntk__npz_writer *w, const char *name,
                              struct advntk__text *text, struct advntk_error *err)
{
    const ptrdiff_t length = (ptrdiff_t)text->length;
    advntk_status rc = ADVNTK_OK;

    if (text->failed) {
        FAIL(err, ENOMEM, "predictor.npz: no memory for %s", name);
    }
    TRY(advntk__npz_add(w, name, ADVNTK_UINT8, 1, &length, advntk__text_get(text), err));
out:
    advntk__text_release(text);
    return rc;
}

/* The network: its layer graph to read, its digest, and the recipe's section to build it from. */
static advntk_status add_network(const struct loop *l, struct advntk__npz_writer *w,
                                 struct advntk_error *err)
{
    const struct advntk_graph *graph = l->fit->host->services->memory->graph;
    const ptrdiff_t digest_bytes = 16;
    struct advntk__hash *hash = NULL;
    struct advntk__text model = {0}, layers = {0};
    uint8_t digest[16];
    advntk_status rc = ADVNTK_OK;

    advntk__tree_print(advntk_node_get(l->fit->config->tree, "model"), &model);
    TRY(add_text(w, "model", &model, err));
    if (!graph) {
        goto out;
    }
    advntk__graph_print(graph, &layers);
    TRY(add_text(w, "graph", &layers, err));
    hash = advntk__hash_new();
    if (!hash) {
        FAIL(err, ENOMEM, "no memory for a digest");
    }
    TRY(advntk__graph_identity(graph, hash, err));
    advntk__hash_end(hash, digest);
    TRY(advntk__npz_add(w, "graph_digest", ADVNTK_UINT8, 1, &digest_bytes, digest, err));
out:
    advntk__hash_free(hash);
    return rc;
}

/* The training images and what is done to a pixel. */
static advntk_status add_provenance(const struct loop *l, struct advntk__npz_writer *w,
                                    struct advntk_error *err)
{
    const struct advntk__split *split = l->fit->split;
    const struct advntk_dataset_info *info = &split->source->info;
    const int64_t sizes[4] = {info->height, info->width, info->channels, split->classes};
    const double box[2] = {info->box_low, info->box_high};
    const ptrdiff_t n = split->train.count, held_out = split->validation.count,
                    channels = info->channels, size_count = 4, digest_bytes = 16, two = 2;
    uint8_t digest[16];
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__npz_add(w, "train_index", ADVNTK_INT64, 1, &n, split->train.index, err));
    TRY(advntk__npz_add(w, "validation_index", ADVNTK_INT64, 1, &held_out, split->validation.index,
                        err));
    TRY(advntk__npz_add(w, "train_labels", ADVNTK_INT32, 1, &n, split->train.labels, err));
    TRY(advntk__npz_add(w, "pixel_shift", ADVNTK_FLOAT64, 1, &channels, split->shift, err));
    TRY(advntk__npz_add(w, "pixel_scale", ADVNTK_FLOAT64, 1, &channels, split->scale, err));
    TRY(advntk__npz_add(w, "pixel_box", ADVNTK_FLOAT64, 1, &two, box, err));
    TRY(advntk__npz_add(w, "height_width_channels_classes", ADVNTK_INT64, 1, &size_count, sizes,
                        err));
    TRY(advntk__identity_data(split, digest, err));
    TRY(advntk__npz_add(w, "data_digest", ADVNTK_UINT8, 1, &digest_bytes, digest, err));
    TRY(add_network(l, w, err));
out:
    return rc;
}

static advntk_status export_model(const struct loop *l, const char *path, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_writer w = {0};

    TRY(advntk__npz_create(path, &w.npz, err));
    TRY(l->ops->export_model(l->state, &w, err));
    TRY(add_provenance(l, w.npz, err));
    rc = advntk__npz_finish(w.npz, err);
    w.npz = NULL;
out:
    advntk__npz_abandon(w.npz);
    return rc;
}

advntk_status advntk__fit_import(const struct advntk__fit *fit, void **model,
                                 const struct advntk_model_ops **ops, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_method_ops *method = fit->config->method.plugin->ops;
    struct advntk_reader r = {0};
    char *path = advntk__folder_file(fit->folder, "predictor.npz", NULL);
    uint8_t stored[16], wanted[16];

    if (!path) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    TRY(advntk__npz_open(path, &r.npz, err));
    TRY(advntk__npz_read(r.npz, "data_digest", ADVNTK_UINT8, sizeof(stored), stored, err));
    TRY(advntk__identity_data(fit->split, wanted, err));
    if (memcmp(stored, wanted, sizeof(stored)) != 0) {
        FAIL(err, EFORMAT, "%s: was trained on other images than the data set now gives", path);
    }
    TRY(method->import_model(fit->config->method.config, fit->host, &r, model, ops, err));
out:
    advntk__npz_close(r.npz);
    free(path);
    return rc;
}

static advntk_status move_model(const char *from, const char *to, struct advntk_error *err)
{
    return rename(from, to) == 0
               ? ADVNTK_OK
               : ADVNTK_FAIL(err, EIO, "%s: cannot rename to %s: %s", from, to, strerror(errno));
}

/* ---- checkpoints ---- */

enum { CHECKPOINT_INTS = 4 };

static advntk_status checkpoint_write(const struct loop *l, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_writer w = {0};
    const int64_t numbers[CHECKPOINT_INTS] = {l->step, l->metrics_length, l->best_step,
                                              l->finished};

    TRY(advntk__npz_create(l->checkpoint, &w.npz, err));
    TRY(advntk_write_ints(&w, "runner.numbers", CHECKPOINT_INTS, numbers, err));
    TRY(advntk_write_reals(&w, "runner.best_value", 1, &l->best_value, err));
    TRY(l->ops->save(l->state, &w, err));
    rc = advntk__npz_finish(w.npz, err);
    w.npz = NULL;
out:
    advntk__npz_abandon(w.npz);
    return rc;
}

static advntk_status checkpoint_read(struct loop *l, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_reader r = {0};
    int64_t numbers[CHECKPOINT_INTS];

    if (access(l->checkpoint, F_OK) == 0) {
        TRY(advntk__npz_open(l->checkpoint, &r.npz, err));
        TRY(advntk_read_ints(&r, "runner.numbers", CHECKPOINT_INTS, numbers, err));
        TRY(advntk_read_reals(&r, "runner.best_value", 1, &l->best_value, err));
        TRY(l->ops->load(l->state, &r, err));
        l->step = numbers[0];
        l->metrics_length = numbers[1];
        l->best_step = numbers[2];
        l->finished = numbers[3] != 0;
        advntk_log(l->fit->host, ADVNTK_LOG_INFO, "run %s goes on after step %lld",
                   l->fit->folder->id, (long long)l->step);
    }
    TRY(advntk__cut(l->metrics, l->metrics_length, err));
out:
    if (rc != ADVNTK_OK) {
        advntk_error_prefix(err, "cannot go on from the checkpoint (--fresh begins again): ");
    }
    advntk__npz_close(r.npz);
    return rc;
}

/* ---- one step ---- */

/* Evaluation number i as the model stands now, whose clean pass is shared; its accuracies are put
 * into `all` under its name. */
static advntk_status evaluate_now(const struct loop *l, ptrdiff_t i,
                                  struct advntk__clean_pass *clean, json_t *all,
                                  struct advntk_error *err)
{
    const struct advntk__evaluation *evaluation = &l->fit->config->evaluations[i];
    struct advntk__evaluation_job job = {
        .host = l->fit->host,
        .split = l->fit->split,
        .evaluation = evaluation,
        .images = advntk__evaluation_images(evaluation, l->fit->split->test.count),
        .clean = clean,
        .seed = l->fit->host->seed};
    struct advntk__evaluation_result result = {0};
    char id[ADVNTK__ID], name[64];
    char *journal = NULL;
    json_t *summary = NULL, *mine = NULL;
    struct advntk__spent started = advntk__spent_now(), spent;
    const ptrdiff_t before = clean->evaluated;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__identity_evaluation(evaluation, job.images, job.digest, err));
    advntk__id_of(job.digest, id);
    snprintf(name, sizeof(name), "evaluation-%s-%lld.npz", id, (long long)l->step);
    journal = advntk__folder_file(l->fit->folder, "checkpoint", name);
    summary = json_object();
    if (!journal || !summary) {
        FAIL(err, ENOMEM, "no memory for evaluation %s", evaluation->name);
    }
    job.journal = journal;
    TRY(l->ops->model(l->state, &job.model, &job.ops, err));
    TRY(advntk__evaluate(&job, &result, err));
    mine = advntk__evaluation_summary(&job, &result, NULL);
    json_object_set(summary, "accuracy", json_object_get(mine, "accuracy"));
    json_object_set(summary, "clean_accuracy", json_object_get(mine, "clean_accuracy"));
    json_object_set(all, evaluation->name, summary);
    if (unlink(journal) != 0 && errno != ENOENT) {
        FAIL(err, EIO, "%s: cannot remove: %s", journal, strerror(errno));
    }
    spent = advntk__spent_since(started);
    l->fit->host->services->meter.within.wall += spent.wall;
    l->fit->host->services->meter.within.cpu += spent.cpu;
    advntk__cost_note_evaluation(l->fit->host, i, &result, clean->evaluated - before, spent);
    TRY(advntk__timing(l->fit->folder, "evaluation", evaluation->name, 0, spent.wall, err));
out:
    advntk__evaluation_release(&result);
    json_decref(summary);
    json_decref(mine);
    free(journal);
    return rc;
}

/* The step's line of metrics.jsonl. */
static advntk_status write_metrics(struct loop *l, json_t *evaluations, struct advntk_error *err)
{
    const struct advntk__run_services *s = l->fit->host->services;
    json_t *line = json_object();
    char *text = NULL;
    struct advntk__text out = {0};
    advntk_status rc = ADVNTK_OK;

    json_object_set_new(line, "step", json_integer(l->step));
    for (ptrdiff_t i = 0; i < s->metric_count; i++) {
        json_object_set_new(line, s->metrics[i].name, json_real(s->metrics[i].value));
    }
    if (json_object_size(evaluations)) {
        json_object_set(line, "evaluations", evaluations);
    }
    text = json_dumps(line, JSON_REAL_PRECISION(17));
    if (text) {
        advntk__text_printf(&out, "%s\n", text);
    }
    if (!text || out.failed) {
        FAIL(err, ENOMEM, "no memory for the metrics of step %lld", (long long)l->step);
    }
    TRY(advntk__append(l->metrics, &l->metrics_length, out.bytes, out.length, err));
out:
    json_decref(line);
    free(text);
    advntk__text_release(&out);
    return rc;
}

static bool keeps_best(const struct loop *l)
{
    return l->fit->config->select == ADVNTK__SELECT_BEST_VALIDATION_ROBUST;
}

/* A step's accuracy is that of the model it began with: of candidate.npz, written before it. So
 * neither the untrained model nor the last one is ever chosen by its accuracy. */
static advntk_status keep_best(struct loop *l, struct advntk_error *err)
{
    const struct advntk__run_services *s = l->fit->host->services;
    const int64_t measured = l->step - 1;

    for (ptrdiff_t i = 0; i < s->metric_count; i++) {
        if (strcmp(s->metrics[i].name, robust_metric) != 0) {
            continue;
        }
        if (measured < 1 || (l->best_step && !(s->metrics[i].value > l->best_value))) {
            return ADVNTK_OK;
        }
        l->best_step = measured;
        l->best_value = s->metrics[i].value;
        return move_model(l->candidate, l->best, err);
    }
    return ADVNTK_FAIL(err, EUNSUPPORTED,
                       "method.select: best_validation_robust: method %s does not report %s",
                       l->fit->config->method.plugin->name, robust_metric);
}

/* What a step took, without the kernel matrix that it may have been the first to ask for and
 * without the cache, of which a run alone has none; kept, factors: what cache and Cholesky factors
 * had taken before. */
static advntk_status book_step(const struct loop *l, struct advntk__spent started,
                               struct advntk__kept kept, struct advntk__spent factors,
                               struct advntk_error *err)
{
    struct advntk_host *host = l->fit->host;
    struct advntk__meter *meter = &host->services->meter;
    const ptrdiff_t n = host->services->problem.train;
    struct advntk__spent spent = advntk__spent_since(started);
    advntk_status rc = ADVNTK_OK;

    if (meter->matrix.wall > 0) {
        bool read = meter->matrix_tiles + meter->family_tiles == 0;
        TRY(advntk__timing(l->fit->folder, read ? "kernel_matrix_read" : "kernel_matrix", NULL, n,
                           meter->matrix.wall, err));
        if (meter->matrix_tiles == advntk__gram_tiles(n)) {
            advntk__cost_note(host, ADVNTK__PHASE_MATRIX, 0, advntk__matrix_units(n, host->threads),
                              meter->matrix);
        } else { /* noted by the pass, or not all of it was computed */
            meter->phases.wall += meter->matrix.wall;
            meter->phases.cpu += meter->matrix.cpu;
        }
        advntk__cost_note(host, ADVNTK__PHASE_KEEPING, 0, meter->matrix_kept.bytes,
                          meter->matrix_kept.spent);
        spent = advntk__spent_less(spent, meter->matrix);
        meter->matrix = (struct advntk__spent){0, 0};
    }
    kept = advntk__kept_since(host, kept);
    spent = advntk__spent_less(spent, kept.spent);
    kept.spent = advntk__spent_less(kept.spent, meter->matrix_kept.spent);
    meter->steps_kept.spent.wall += kept.spent.wall;
    meter->steps_kept.spent.cpu += kept.spent.cpu;
    meter->matrix_kept = (struct advntk__kept){{0, 0}, 0};
    spent.wall -= meter->within.wall;
    spent.cpu -= meter->within.cpu;
    meter->within = (struct advntk__spent){0, 0};
    meter->step_count++;
    TRY(advntk__timing(l->fit->folder, "step", NULL, l->step, spent.wall, err));
    factors = advntk__factors_since(host, factors);
    meter->factor.wall += factors.wall;
    meter->factor.cpu += factors.cpu;
    spent = advntk__spent_less(spent, factors);
    meter->steps.wall += spent.wall;
    meter->steps.cpu += spent.cpu;
out:
    return rc;
}

static advntk_status evaluate_all(const struct loop *l, json_t *all, struct advntk_error *err)
{
    const struct advntk__run_config *config = l->fit->config;
    const struct advntk__split *split = l->fit->split;
    struct advntk__clean_pass clean = {0};
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__clean_pass_init(&clean, split->test.count, split->classes, err));
    for (ptrdiff_t i = 0; i < config->evaluation_count; i++) {
        TRY(evaluate_now(l, i, &clean, all, err));
    }
out:
    advntk__clean_pass_release(&clean);
    return rc;
}

static advntk_status one_step(struct loop *l, struct advntk_error *err)
{
    const struct advntk__run_config *config = l->fit->config;
    struct advntk_host *host = l->fit->host;
    struct advntk__spent started = advntk__spent_now();
    const struct advntk__kept kept = advntk__kept_now(host);
    const struct advntk__spent factors = advntk__factors_now(host);
    json_t *evaluations = json_object();
    advntk_status rc = ADVNTK_OK;

    TRY(advntk_cancelled(host, err));
    host->services->metric_count = 0;
    if (keeps_best(l) && l->step > 0) {
        TRY(export_model(l, l->candidate, err));
    }
    rc = l->ops->step(l->state, (ptrdiff_t)l->step, &l->finished, err);
    if (rc != ADVNTK_OK) {
        advntk_error_prefix(err, "method %s, step %lld: ", config->method.plugin->name,
                            (long long)l->step + 1);
        goto out;
    }
    l->step++;
    if (keeps_best(l)) {
        TRY(keep_best(l, err));
    }
    if (!l->finished && config->evaluate_every > 0 && l->step % config->evaluate_every == 0) {
        TRY(evaluate_all(l, evaluations, err));
    }
    TRY(write_metrics(l, evaluations, err));
    TRY(checkpoint_write(l, err));
    TRY(book_step(l, started, kept, factors, err));
out:
    json_decref(evaluations);
    return rc;
}

static advntk_status loop_paths(struct loop *l, struct advntk_error *err)
{
    const struct advntk__folder *folder = l->fit->folder;

    l->metrics = advntk__folder_file(folder, "metrics.jsonl", NULL);
    l->checkpoint = advntk__folder_file(folder, "checkpoint", "state.npz");
    l->candidate = advntk__folder_file(folder, "checkpoint", "candidate.npz");
    l->best = advntk__folder_file(folder, "checkpoint", "best.npz");
    l->predictor = advntk__folder_file(folder, "predictor.npz", NULL);
    if (!l->metrics || !l->checkpoint || !l->candidate || !l->best || !l->predictor) {
        return ADVNTK_FAIL(err, ENOMEM, "%s: no memory for paths", folder->path);
    }
    return ADVNTK_OK;
}

advntk_status advntk__train(const struct advntk__fit *fit, struct advntk_error *err)
{
    const struct advntk_slot *method = &fit->config->method;
    struct loop l = {.fit = fit, .ops = method->plugin->ops};
    double started = advntk__attack_clock();
    ptrdiff_t steps = l.ops->steps ? l.ops->steps(method->config) : -1;
    advntk_status rc = ADVNTK_OK;

    TRY(loop_paths(&l, err));
    rc = l.ops->open(method->config, fit->host, &l.state, err);
    if (rc != ADVNTK_OK) {
        advntk_error_prefix(err, "method %s: ", method->plugin->name);
        goto out;
    }
    TRY(checkpoint_read(&l, err));
    TRY(advntk__timing(fit->folder, "open", method->plugin->name, 0,
                       advntk__attack_clock() - started, err));
    while (!l.finished) {
        advntk_progress(fit->host, "training", l.step, steps);
        TRY(one_step(&l, err));
    }
    advntk_progress(fit->host, "training", l.step, l.step);
    advntk__cost_note_steps(fit->host, (double)fit->host->services->meter.step_count);
    if (fit->host->cache) {
        advntk__cost_note(fit->host, ADVNTK__PHASE_STEPS_KEPT, 0, 1,
                          fit->host->services->meter.steps_kept.spent);
    }
    if (!l.best_step) {
        TRY(export_model(&l, l.predictor, err));
    } else {
        TRY(move_model(l.best, l.predictor, err));
    }
out:
    if (l.state) {
        l.ops->close(l.state);
    }
    free(l.metrics);
    free(l.checkpoint);
    free(l.candidate);
    free(l.best);
    free(l.predictor);
    return rc;
}
