/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/runner.h"

#include "base/files.h"
#include "base/host.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/graph.h"
#include "registry/registry.h"
#include "run/cost.h"
#include "run/evaluate.h"
#include "run/identity.h"
#include "run/matrices.h"
#include "run/record.h"
#include "run/share.h"
#include "run/slots.h"

#include <advntk/node.h>
#include <advntk/plugin.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* One run on its way. */
struct run {
    struct advntk__workplace *place;
    const struct advntk__run_config *config;
    struct advntk__split split;
    struct advntk__run_services services;
    struct advntk__folder folder;
    struct advntk__fit fit;
    json_t *object;            /* of the outcome; borrowed */
    struct advntk__sink outer; /* of the host, while log.txt listens */
    FILE *log;
};

int64_t advntk__cache_limit(const struct advntk__runner_options *options)
{
    const int64_t usual = INT64_C(16) << 30;

    return options->no_share || options->cache_limit < 0 ? -1
           : options->cache_limit                        ? options->cache_limit
                                                         : usual;
}

/* ---- backend and data ---- */

advntk_status advntk__backend_open(struct advntk_host *host, const struct advntk_slot *backend,
                                   struct advntk_error *err)
{
    const struct advntk_backend_ops *ops = backend->plugin->ops;
    advntk_status rc = ADVNTK_OK;

    advntk__backend_close(host);
    rc = ops->open(backend->config, &host->backend_state, err);
    if (rc != ADVNTK_OK) {
        return advntk_error_prefix(err, "backend %s: ", backend->plugin->name);
    }
    host->backend = ops;
    return rc;
}

void advntk__backend_close(struct advntk_host *host)
{
    if (host->backend) {
        host->backend->close(host->backend_state);
    }
    host->backend = NULL;
    host->backend_state = NULL;
}

/* ---- log.txt ---- */

static void log_both(void *context, enum advntk_log_level level, const char *line)
{
    static const char *const names[] = {"error: ", "warning: ", "", ""};
    struct run *r = context;

    fprintf(r->log, "%s%s\n", names[level], line);
    fflush(r->log);
    if (r->outer.log) {
        r->outer.log(r->outer.context, level, line);
    }
}

static void progress_on(void *context, const char *what, int64_t done, int64_t total)
{
    struct run *r = context;

    r->outer.progress(r->outer.context, what, done, total);
}

static advntk_status log_open(struct run *r, struct advntk_error *err)
{
    struct advntk_host *host = r->place->host;
    char *path = advntk__folder_file(&r->folder, "log.txt", NULL);
    advntk_status rc = ADVNTK_OK;

    r->log = path ? fopen(path, "ae") : NULL;
    if (!r->log) {
        FAIL(err, EIO, "%s/log.txt: cannot write: %s", r->folder.path, strerror(errno));
    }
    r->outer = host->sink;
    host->sink = (struct advntk__sink){
        .log = log_both, .progress = r->outer.progress ? progress_on : NULL, .context = r};
out:
    free(path);
    return rc;
}

static void log_close(struct run *r)
{
    if (r->log) {
        r->place->host->sink = r->outer;
        fclose(r->log);
        r->log = NULL;
    }
}

/* ---- evaluations ---- */

static ptrdiff_t images_of(const struct run *r, const struct advntk__evaluation *evaluation)
{
    return advntk__evaluation_images(evaluation, r->split.test.count);
}

/* evaluations/<id>.json or .npz of evaluation i; free(). */
static advntk_status evaluation_path(const struct run *r, ptrdiff_t i, const char *extension,
                                     char **path, struct advntk_error *err)
{
    const struct advntk__evaluation *evaluation = &r->config->evaluations[i];
    uint8_t digest[16];
    char id[ADVNTK__ID], name[ADVNTK__ID + 24];
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__identity_evaluation(evaluation, images_of(r, evaluation), digest, err));
    advntk__id_of(digest, id);
    snprintf(name, sizeof(name), "%s%s", id, extension);
    *path = advntk__folder_file(&r->folder, "evaluations", name);
    if (!*path) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
out:
    return rc;
}

static advntk_status is_complete(const struct run *r, ptrdiff_t i, bool *complete,
                                 struct advntk_error *err)
{
    const struct advntk__evaluation *evaluation = &r->config->evaluations[i];
    uint8_t digest[16];
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__identity_evaluation(evaluation, images_of(r, evaluation), digest, err));
    TRY(advntk__record_holds(&r->folder, evaluation, digest, complete, err));
out:
    return rc;
}

/* Writes the points and steps that are to be kept. */
static advntk_status write_more(const struct run *r, ptrdiff_t i,
                                const struct advntk__evaluation_job *job,
                                const struct advntk__evaluation_result *result,
                                struct advntk_error *err)
{
    char *path = NULL;
    advntk_status rc = ADVNTK_OK;

    if (advntk__evaluation_keeps(job->evaluation)) {
        TRY(evaluation_path(r, i, ".adversarial.npz", &path, err));
        TRY(advntk__evaluation_write_points(job, result, path, err));
    }
    if (advntk__evaluation_records(job->evaluation)) {
        free(path);
        path = NULL;
        TRY(evaluation_path(r, i, ".record.npz", &path, err));
        TRY(advntk__evaluation_write_record(result, path, err));
    }
out:
    free(path);
    return rc;
}

/* Puts the results that are there, and the ids of their files, into the outcome; *missing: how many
 * are not. */
static advntk_status gather_results(const struct run *r, ptrdiff_t *missing,
                                    struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = NULL;
    json_t *evaluation = NULL, *ids = json_object_get(r->object, "evaluations");
    bool complete = false;

    *missing = 0;
    for (ptrdiff_t i = 0; i < r->config->evaluation_count; i++) {
        TRY(evaluation_path(r, i, ".json", &path, err));
        json_object_set_new(ids, r->config->evaluations[i].name,
                            json_stringn(strrchr(path, '/') + 1, ADVNTK__ID - 1));
        TRY(is_complete(r, i, &complete, err));
        if (!complete) {
            ++*missing;
        } else {
            TRY(advntk__json_read(path, &evaluation, err));
            advntk__record_result(r->object, r->config->evaluations[i].name, evaluation);
            json_decref(evaluation);
            evaluation = NULL;
        }
        free(path);
        path = NULL;
    }
out:
    free(path);
    return rc;
}

/* The attack of an evaluation as the resolved recipe has it. */
static json_t *attack_json(const struct run *r, const char *name)
{
    const struct advntk_node *list = advntk_node_get(r->config->tree, "evaluate");

    for (ptrdiff_t i = 0; i < advntk_node_count(list); i++) {
        const struct advntk_node *entry = advntk_node_item(list, i);
        const char *its_name = advntk_node_scalar(advntk_node_get(entry, "name"));
        if (its_name && strcmp(its_name, name) == 0) {
            return advntk__node_json(advntk_node_get(entry, "attack"));
        }
    }
    return NULL;
}

/* What evaluations of one model leave for the next: the last result that was computed, for those of
 * other radii (from NULL: none yet), and the clean pass, for all. */
struct last {
    const struct advntk__evaluation *from;
    struct advntk__evaluation_result result;
    struct advntk__clean_pass clean;
};

/* The result of the job: from the last one where that says it all, else by evaluating; then it is
 * the last one. *shared: the name of the evaluation that it comes from; NULL: its own. */
static advntk_status evaluate_or_share(const struct advntk__evaluation_job *job, struct last *last,
                                       const char **shared, struct advntk_error *err)
{
    bool share = false;
    advntk_status rc = ADVNTK_OK;

    *shared = NULL;
    if (last->from) {
        TRY(advntk__evaluations_share(last->from, job->evaluation, &share, err));
    }
    if (share) {
        const struct advntk_attack_settings *s = job->evaluation->attack.host_config;
        advntk__evaluation_rejudge(&last->result, s->radius);
        *shared = last->from->name;
        goto out;
    }
    last->from = NULL;
    advntk__evaluation_release(&last->result);
    TRY(advntk__evaluate(job, &last->result, err));
    last->from = job->evaluation;
out:
    return rc;
}

static advntk_status evaluate_one(const struct run *r, ptrdiff_t i, void *model,
                                  const struct advntk_model_ops *ops, struct last *last,
                                  struct advntk_error *err)
{
    const struct advntk__evaluation *evaluation = &r->config->evaluations[i];
    struct advntk__evaluation_job job = {.host = r->place->host,
                                         .model = model,
                                         .ops = ops,
                                         .split = &r->split,
                                         .evaluation = evaluation,
                                         .images = images_of(r, evaluation),
                                         .clean = &last->clean,
                                         .seed = r->place->host->seed};
    const struct advntk__evaluation_result *result = &last->result;
    struct advntk__spent started = advntk__spent_now(), spent;
    const char *shared = NULL;
    const ptrdiff_t before = last->clean.evaluated;
    bool resumed = false;
    char *text = NULL, *arrays = NULL, *journal = NULL, name[ADVNTK__ID + 32], id[ADVNTK__ID];
    bool complete = false;
    json_t *summary = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(evaluation_path(r, i, ".json", &text, err));
    TRY(is_complete(r, i, &complete, err));
    if (complete) {
        goto out;
    }
    TRY(evaluation_path(r, i, ".npz", &arrays, err));
    TRY(advntk__identity_evaluation(evaluation, job.images, job.digest, err));
    advntk__id_of(job.digest, id);
    snprintf(name, sizeof(name), "evaluation-%s.npz", id);
    journal = advntk__folder_file(&r->folder, "checkpoint", name);
    if (!journal) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    job.journal = journal;
    resumed = access(journal, F_OK) == 0;
    TRY(evaluate_or_share(&job, last, &shared, err));
    TRY(advntk__evaluation_write(&job, result, arrays, err));
    TRY(write_more(r, i, &job, result, err));
    summary = advntk__evaluation_summary(
        &job, result, evaluation->attack.plugin ? attack_json(r, evaluation->name) : NULL);
    if (shared) {
        json_object_set_new(summary, "shared_with", json_string(shared));
    }
    TRY(advntk__json_write(summary, text, err));
    spent = advntk__spent_since(started);
    if (!resumed && !shared) {
        advntk__cost_note_evaluation(r->place->host, i, result, last->clean.evaluated - before,
                                     spent);
    }
    TRY(advntk__timing(&r->folder, "evaluation", evaluation->name, 0, spent.wall, err));
out:
    json_decref(summary);
    free(text);
    free(arrays);
    free(journal);
    return rc;
}

static advntk_status evaluate_all(const struct run *r, struct advntk_error *err)
{
    const struct advntk_method_ops *method = r->config->method.plugin->ops;
    const struct advntk_model_ops *ops = NULL;
    struct last last = {0};
    void *model = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__fit_import(&r->fit, &model, &ops, err));
    TRY(advntk__clean_pass_init(&last.clean, r->split.test.count, r->split.classes, err));
    for (ptrdiff_t i = 0; i < r->config->evaluation_count; i++) {
        TRY(evaluate_one(r, i, model, ops, &last, err));
    }
out:
    advntk__evaluation_release(&last.result);
    advntk__clean_pass_release(&last.clean);
    if (model) {
        method->model_free(model);
    }
    return rc;
}

/* ---- a run ---- */

static advntk_status write_recipe(const struct run *r, struct advntk_error *err)
{
    char *path = advntk__folder_file(&r->folder, "recipe.yaml", NULL);
    struct advntk__text text = {0};
    advntk_status rc = ADVNTK_OK;

    if (!path) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    if (access(path, F_OK) != 0) {
        advntk__tree_print(r->config->tree, &text);
        if (text.failed) {
            FAIL(err, ENOMEM, "no memory for the recipe");
        }
        TRY(advntk__files_replace(path, advntk__text_get(&text), text.length, err));
    }
out:
    advntk__text_release(&text);
    free(path);
    return rc;
}

/* With the lock held: training if need be, evaluations that are missing, run.json. */
static advntk_status compute(struct run *r, struct advntk_error *err)
{
    double started = (double)time(NULL);
    char *predictor = advntk__folder_file(&r->folder, "predictor.npz", NULL);
    ptrdiff_t missing = 0;
    advntk_status rc = ADVNTK_OK;

    if (!predictor) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    TRY(write_recipe(r, err));
    TRY(log_open(r, err));
    if (access(predictor, F_OK) != 0) {
        TRY(advntk__train(&r->fit, err));
    }
    TRY(evaluate_all(r, err));
    TRY(advntk__record_write(&(struct advntk__record_source){.host = r->place->host,
                                                             .registry = r->place->registry,
                                                             .config = r->config,
                                                             .split = &r->split,
                                                             .folder = &r->folder},
                             started, err));
    TRY(gather_results(r, &missing, err));
    TRY(advntk__folder_remove(&r->folder, "checkpoint", err));
out:
    if (rc != ADVNTK_OK && rc != ADVNTK_ECANCELLED && r->log && err) {
        fprintf(r->log, "error: %s\n", err->text);
        json_object_set_new(r->object, "logged", json_true());
    }
    log_close(r);
    free(predictor);
    return rc;
}

static advntk_status prepare(struct run *r, struct advntk_error *err)
{
    struct advntk__workplace *place = r->place;
    const struct advntk__run_config *config = r->config;
    uint8_t digest[16];
    char id[ADVNTK__ID];
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__split_make(place->source, &config->data, config->seed, &r->split, err));
    TRY(advntk__services_init(&r->services, config, &r->split, &place->memory, err));
    r->services.registry = place->registry;
    r->services.on_disk = place->on_disk;
    r->services.family = place->family;
    r->services.meter.costs = place->costs;
    r->services.meter.alone = place->alone;
    TRY(advntk__identity_fit(config, &r->split, digest, err));
    advntk__id_of(digest, id);
    TRY(advntk__folder_init(&r->folder, place->options->results, id, err));
    json_object_set_new(r->object, "id", json_string(id));
    json_object_set_new(r->object, "folder", json_string(r->folder.path));
    place->host->seed = (uint64_t)config->seed;
    place->host->services = &r->services;
    r->fit = (struct advntk__fit){place->host, config, &r->split, &r->folder};
out:
    return rc;
}

/* *over: nothing is missing. damage: of run.json; status OK: none. Looks at the folder as it is
 * now.
 */
static advntk_status look(struct run *r, bool *over, struct advntk_error *damage,
                          struct advntk_error *err)
{
    json_t *record = NULL;
    ptrdiff_t missing = 0;
    advntk_status rc = ADVNTK_OK;

    *over = false;
    damage->status = ADVNTK_OK;
    if (!r->place->anew &&
        advntk__record_state(&r->folder, &record, damage) == ADVNTK__RUN_FINISHED) {
        TRY(gather_results(r, &missing, err));
        *over = missing == 0;
    }
out:
    json_decref(record);
    return rc;
}

/* What no phase has counted: data, opening, files. */
static void book_rest(struct run *r, struct advntk__spent started)
{
    const struct advntk__meter *meter = &r->services.meter;
    struct advntk__spent rest = advntk__spent_since(started);

    rest.wall -= meter->phases.wall;
    rest.cpu -= meter->phases.cpu;
    if (meter->step_count > 0 && rest.wall > 0 && rest.cpu > 0) {
        advntk__cost_note(r->place->host, ADVNTK__PHASE_REST, 0, 1, rest);
    }
}

static advntk_status run_one(struct run *r, enum advntk__outcome_state *state,
                             struct advntk_error *err)
{
    bool over = false;
    struct advntk_error damage;
    struct advntk__spent started = advntk__spent_now();
    advntk_status rc = ADVNTK_OK;

    TRY(prepare(r, err));
    TRY(look(r, &over, &damage, err));
    if (!over) {
        TRY(advntk__folder_lock(&r->folder, err));
        TRY(look(r, &over, &damage, err)); /* another process may have been at it until now */
    }
    if (over) {
        *state = ADVNTK__OUTCOME_SKIPPED;
        goto out;
    }
    if (r->place->anew) {
        TRY(advntk__folder_clear(&r->folder, err));
    } else if (damage.status != ADVNTK_OK) {
        advntk_log(r->place->host, ADVNTK_LOG_WARNING, "%s; it is written again", damage.text);
        TRY(advntk__folder_remove(&r->folder, "run.json", err));
    }
    if (r->place->train_again) {
        TRY(advntk__folder_untrain(&r->folder, err));
    }
    TRY(advntk__backend_open(r->place->host, &r->config->backend, err));
    TRY(compute(r, err));
    book_rest(r, started);
    *state = ADVNTK__OUTCOME_DONE;
out:
    return rc;
}

static void run_release(struct run *r)
{
    struct advntk_host *host = r->place->host;

    host->services = NULL;
    advntk__folder_close(&r->folder);
    advntk__split_release(&r->split);
}

json_t *advntk__outcome_object(const struct advntk__run_config *config)
{
    return json_pack("{s:n, s:s, s:n, s:n, s:n, s:{}, s:{}, s:{}, s:{}}", "id", "name",
                     config->name, "state", "folder", "seconds", "metrics", "intervals", "audit",
                     "evaluations");
}

void advntk__outcome_complete(json_t *object, enum advntk__outcome_state state, double seconds,
                              const struct advntk_error *err)
{
    static const char *const names[] = {"done", "skipped", "failed", "interrupted"};
    const char *folder = json_string_value(json_object_get(object, "folder"));
    char *path = folder ? advntk__files_join(folder, "run.json") : NULL;
    json_t *record = NULL;

    json_object_set_new(object, "state", json_string(names[state]));
    json_object_set_new(object, "seconds", json_real(seconds));
    if (state == ADVNTK__OUTCOME_SKIPPED && path &&
        advntk__json_read(path, &record, NULL) == ADVNTK_OK) {
        json_object_set(object, "seconds", json_object_get(record, "seconds"));
    }
    if (state == ADVNTK__OUTCOME_FAILED || state == ADVNTK__OUTCOME_INTERRUPTED) {
        json_object_set_new(object, "error", json_string(err->text));
    }
    json_decref(record);
    free(path);
}

advntk_status advntk__run_compute(struct advntk__workplace *place,
                                  const struct advntk__run_config *config, json_t *object,
                                  enum advntk__outcome_state *state, struct advntk_error *err)
{
    struct run r = {.place = place, .config = config, .object = object, .folder = {.lock = -1}};
    advntk_status rc = run_one(&r, state, err);

    run_release(&r);
    return rc;
}

/* ---- a stored run ---- */

advntk_status advntk__opened_init(struct advntk__opened *o, struct advntk_host *host,
                                  const struct advntk__run_config *config,
                                  const struct advntk__folder *folder, struct advntk_error *err)
{
    const struct advntk__fit fit = {host, config, &o->split, folder};
    advntk_status rc = ADVNTK_OK;

    *o = (struct advntk__opened){.host = host, .method = config->method.plugin->ops};
    TRY(advntk__matrices_new(&o->memory.matrices, err));
    TRY(advntk__backend_open(host, &config->backend, err));
    TRY(advntk__source_open(host, &config->data.dataset, &o->source, err));
    TRY(advntk__split_make(&o->source, &config->data, config->seed, &o->split, err));
    TRY(advntk__services_init(&o->services, config, &o->split, &o->memory, err));
    host->seed = (uint64_t)config->seed;
    host->services = &o->services;
    TRY(advntk__fit_import(&fit, &o->model, &o->ops, err));
out:
    if (rc != ADVNTK_OK) {
        advntk__opened_release(o);
    }
    return rc;
}

void advntk__opened_release(struct advntk__opened *o)
{
    if (o->model) {
        o->method->model_free(o->model);
    }
    advntk__kernel_memory_clear(&o->memory);
    advntk__matrices_free(o->memory.matrices);
    advntk__split_release(&o->split);
    advntk__source_close(&o->source);
    if (o->host) {
        o->host->services = NULL;
        advntk__backend_close(o->host);
    }
    *o = (struct advntk__opened){0};
}
