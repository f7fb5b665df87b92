/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/study.h"

#include "attack/evaluate.h"
#include "base/digests.h"
#include "base/files.h"
#include "base/host.h"
#include "base/text.h"
#include "base/try.h"
#include "linalg/room.h"
#include "run/build.h"
#include "run/cost.h"
#include "run/family.h"
#include "run/inventory.h"
#include "run/matrices.h"
#include "run/record.h"
#include "store/cache.h"

#include <advntk/node.h>
#include <advntk/plugin.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum stage { WAITING, BUSY, RUNNING, OVER }; /* BUSY: another process has it */

struct work;

/* One of the runs at a time. */
struct job {
    struct work *work;
    pthread_t thread;
    struct advntk__workplace place;
    ptrdiff_t at; /* the item; -1: none */
    double started;
    char phase[64]; /* what it last told of, and how long that will take yet */
    double phase_began, phase_left;
    int64_t phase_from;
};

struct work {
    struct advntk_host *host; /* the caller's: log and progress go there */
    const struct advntk__registry *registry;
    const struct advntk__study *study;
    const struct advntk__runner_options *options;
    struct advntk__inventory inventory;
    struct advntk__builds builds;
    struct advntk__families families;
    struct advntk__matrices *matrices;
    struct advntk__costs *costs;
    struct advntk__cache cache;
    struct advntk__room room;
    enum stage *stages; /* of the items */
    ptrdiff_t *next; /* of an item that waits: the next that does; [count]: the first; -1: none */
    bool *begun;     /* of the items: a run of its fit was begun by this study */
    ptrdiff_t job_count;
    struct job *jobs;
    pthread_mutex_t guard; /* of all that follows, and of stages, begun, at */
    pthread_cond_t changed;
    pthread_mutex_t talk;     /* one at a time says something */
    double *expected;         /* seconds of each item; < 0: not known */
    double took;              /* seconds of the items that are over */
    double foretold, thought; /* of those that anything was expected of, and what it was */
    double told;              /* when progress was told last */
    ptrdiff_t over, failed;
    bool stop;
    struct advntk_error interruption; /* status OK: none */
};

enum { EXPECTED = 1000 }; /* studies of more runs keep to what was expected at first */

static const struct advntk__item *item_of(const struct work *w, ptrdiff_t at)
{
    return &w->inventory.items[at];
}

static bool same_kernel(const struct advntk__item *a, const struct advntk__item *b)
{
    return memcmp(a->kernel, b->kernel, sizeof(a->kernel)) == 0;
}

/* Nothing is to be computed for it: it is only told of. */
static bool is_settled(const struct work *w, const struct advntk__item *item)
{
    return (item->fault != ADVNTK_OK && !w->options->fail_fast) ||
           (advntk__item_is_done(item) && !w->options->fresh);
}

/* ---- which run comes next; all with the guard held ---- */

/* Items that wait, and those that another process had, in order. */
static void line_up(struct work *w)
{
    ptrdiff_t last = w->inventory.count;

    for (ptrdiff_t i = 0; i < w->inventory.count; i++) {
        if (w->stages[i] == BUSY || w->stages[i] == WAITING) {
            w->stages[i] = WAITING;
            w->next[last] = i;
            last = i;
        }
    }
    w->next[last] = -1;
}

static bool fit_is_running(const struct work *w, const struct advntk__item *item)
{
    for (ptrdiff_t j = 0; j < w->job_count; j++) {
        ptrdiff_t at = w->jobs[j].at;
        if (at >= 0 && item_of(w, at)->first_of_fit == item->first_of_fit) {
            return true;
        }
    }
    return false;
}

/* Whether any of the jobs up to `end` has the kernel of an item. */
static bool kernel_is_used(const struct work *w, ptrdiff_t end, const struct advntk__item *item)
{
    for (ptrdiff_t j = 0; j < end; j++) {
        if (w->jobs[j].at >= 0 && same_kernel(item_of(w, w->jobs[j].at), item)) {
            return true;
        }
    }
    return false;
}

/* Bytes of all runs under way and of one more, each kernel matrix once. *others: there are any. */
static int64_t bytes_with(const struct work *w, const struct advntk__item *more, bool *others)
{
    int64_t all = more->need.method + more->need.images;

    *others = false;
    if (!kernel_is_used(w, w->job_count, more)) {
        all += more->need.gram;
    }
    for (ptrdiff_t j = 0; j < w->job_count; j++) {
        const struct advntk__item *item;
        if (w->jobs[j].at < 0) {
            continue;
        }
        item = item_of(w, w->jobs[j].at);
        *others = true;
        all += item->need.method + item->need.images;
        if (!kernel_is_used(w, j, item)) {
            all += item->need.gram;
        }
    }
    return all;
}

/* Whether a job computes, or is about to, the matrices of an item's family. */
static bool family_is_computed(const struct work *w, ptrdiff_t at)
{
    for (ptrdiff_t j = 0; j < w->job_count && w->families.of[at] >= 0; j++) {
        ptrdiff_t other = w->jobs[j].at;
        if (other >= 0 && w->families.of[other] == w->families.of[at] &&
            advntk__matrix_state(w->matrices, item_of(w, other)->kernel) != ADVNTK__MATRIX_THERE) {
            return true;
        }
    }
    return false;
}

/* What is best done by this job: what needs nothing or its own kernel, then a matrix that is there,
 * one that nobody has begun, one that another job computes just now. */
static int preference(const struct job *job, ptrdiff_t at)
{
    const struct advntk__item *item = item_of(job->work, at);
    const struct advntk__kernel_memory *mine = &job->place.memory;

    if (is_settled(job->work, item) ||
        (mine->points && memcmp(mine->key, item->kernel, sizeof(mine->key)) == 0)) {
        return 0;
    }
    switch (advntk__matrix_state(job->work->matrices, item->kernel)) {
    case ADVNTK__MATRIX_THERE:
        return 1;
    case ADVNTK__MATRIX_NONE:
        return kernel_is_used(job->work, job->work->job_count, item) ||
                       family_is_computed(job->work, at)
                   ? 3
                   : 2;
    case ADVNTK__MATRIX_BEGUN:
        break;
    }
    return 3;
}

/* -1: none can be begun now; else it waits no longer. */
static ptrdiff_t choose(const struct job *job)
{
    struct work *w = job->work;
    ptrdiff_t best = -1, before_best = -1;
    int best_preference = 4;

    for (ptrdiff_t before = w->inventory.count, i;
         best_preference > 0 && (i = w->next[before]) >= 0; before = i) {
        const struct advntk__item *item = item_of(w, i);
        bool others;
        int wanted;
        if (fit_is_running(w, item)) {
            continue;
        }
        wanted = preference(job, i);
        if (wanted < best_preference &&
            ((double)bytes_with(w, item, &others) <= w->room.bytes - w->room.held || !others)) {
            best = i;
            before_best = before;
            best_preference = wanted;
        }
    }
    if (best >= 0) {
        w->next[before_best] = w->next[best];
    }
    return best;
}

/* Lets go of matrices that no run to come needs, and of all idle ones where memory is short. */
static void forget(struct job *job, const struct advntk__item *next)
{
    struct work *w = job->work;
    struct advntk__kernel_memory *mine = &job->place.memory;
    bool others;

    if (next && mine->points && memcmp(mine->key, next->kernel, sizeof(mine->key)) == 0) {
        return;
    }
    advntk__kernel_memory_clear(mine);
    if (next && (double)bytes_with(w, next, &others) +
                        (double)advntk__matrices_bytes(w->matrices, next->kernel) <=
                    w->room.bytes - w->room.held) {
        for (ptrdiff_t i = w->inventory.count; (i = w->next[i]) >= 0;) {
            if (!same_kernel(item_of(w, i), next) &&
                advntk__matrix_state(w->matrices, item_of(w, i)->kernel) == ADVNTK__MATRIX_THERE) {
                return;
            }
        }
    }
    advntk__matrices_drop(w->matrices, next ? next->kernel : NULL);
}

static ptrdiff_t count_of(const struct work *w, enum stage stage)
{
    ptrdiff_t count = 0;

    for (ptrdiff_t i = 0; i < w->inventory.count; i++) {
        count += w->stages[i] == stage;
    }
    return count;
}

/* Until something changes or a moment is over; then runs of other processes are tried again. */
static void wait_a_little(struct work *w)
{
    if (!advntk__wait_a_moment(&w->changed, &w->guard)) {
        line_up(w);
    }
}

/* The family whose matrices are computed with the item's, if that fits beside what else is under
 * way; NULL: none. */
static const struct advntk__family *family_of(const struct work *w, ptrdiff_t at, int threads)
{
    const struct advntk__item *item = item_of(w, at);
    const struct advntk__family *family =
        w->families.of[at] >= 0 ? &w->families.list[w->families.of[at]] : NULL;
    bool others;
    double free = w->room.bytes - w->room.held - (double)bytes_with(w, item, &others) -
                  (double)advntk__matrices_bytes(w->matrices, item->kernel);

    return family && advntk__family_fits(family, item, threads, free) ? family : NULL;
}

/* The next item of this job, which is RUNNING then; -1: there is none any more. */
static ptrdiff_t take_item(struct job *job)
{
    struct work *w = job->work;
    ptrdiff_t at = -1;

    pthread_mutex_lock(&w->guard);
    while (at < 0 && !w->stop) {
        if (advntk_cancelled(w->host, &w->interruption) != ADVNTK_OK) {
            w->stop = true;
            break;
        }
        at = choose(job);
        if (at < 0 && count_of(w, WAITING) + count_of(w, BUSY) == 0) {
            break;
        }
        if (at < 0) {
            forget(job, NULL); /* its memory may be what another job waits for */
            wait_a_little(w);
        }
    }
    if (at >= 0) {
        if (!is_settled(w, item_of(w, at))) {
            forget(job, item_of(w, at));
        }
        job->place.family = family_of(w, at, job->place.host->threads);
        w->stages[at] = RUNNING;
        job->at = at;
        job->started = advntk__attack_clock();
        job->phase[0] = '\0';
        job->phase_left = 0;
    }
    pthread_mutex_unlock(&w->guard);
    return at;
}

/* ---- how long it will take; with the guard held ---- */

static bool trains(const struct work *w, ptrdiff_t at)
{
    const struct advntk__item *item = item_of(w, at);

    return w->options->no_share || (!item->trained && item->first_of_fit == at && !w->begun[at]);
}

/* Whether an item will compute its matrix; made: what the items before it will, and then it too. */
static bool makes_matrix(const struct work *w, ptrdiff_t at, struct advntk__digests *made)
{
    const struct advntk__item *item = item_of(w, at);
    const struct advntk_method_ops *method = item->config->method.plugin->ops;

    if (item->fault != ADVNTK_OK || w->stages[at] == OVER || !trains(w, at) ||
        !method->needs_kernel) {
        return false;
    }
    return w->options->no_share ||
           (advntk__matrix_state(w->matrices, item->kernel) != ADVNTK__MATRIX_THERE &&
            advntk__digests_get(made, item->kernel) < 0 &&
            advntk__digests_set(made, item->kernel, at, NULL) == ADVNTK_OK);
}

/* What an item's matrix takes, or its part of the pass for a family; < 0: no record says. */
static double expect_matrix(const struct work *w, const struct job *job, ptrdiff_t at,
                            const struct advntk__forecast *f)
{
    const struct advntk__family *family =
        w->families.of[at] >= 0 ? &w->families.list[w->families.of[at]] : NULL;
    struct advntk__spent pass;

    if (family && advntk__family_cost(family, w->costs, job->place.host, item_of(w, at), &pass)) {
        return pass.wall / (double)family->count;
    }
    return f->known ? f->matrix.wall : -1;
}

/* What an item takes as things stand; < 0: no record says. */
static double expect(const struct work *w, const struct job *job, ptrdiff_t at, bool makes)
{
    const struct advntk__item *item = item_of(w, at);
    struct advntk__forecast f;
    double matrix;

    if (item->fault != ADVNTK_OK || is_settled(w, item)) {
        return 0;
    }
    advntk__forecast(w->costs, job->place.host, item, job->place.host->threads, NULL, &f);
    matrix = makes ? expect_matrix(w, job, at, &f) : 0;
    if (matrix < 0 || !(f.known || f.matrix_only)) {
        return -1;
    }
    return matrix + f.rest.wall + f.evaluation.wall +
           (trains(w, at) ? f.training.wall + f.factor.wall : 0);
}

/* Of a run under way what was expected when it began stays. */
static void expect_all(struct work *w)
{
    struct advntk__digests made = {0};

    for (ptrdiff_t i = 0; i < w->inventory.count; i++) {
        const bool makes = makes_matrix(w, i, &made);
        if (w->stages[i] == WAITING || w->stages[i] == BUSY || w->expected[i] < 0) {
            w->expected[i] = expect(w, &w->jobs[0], i, makes);
        }
    }
    advntk__digests_release(&made);
}

/* Seconds to the end: what is expected, corrected by what became of expectations so far. < 0: not
 * known. */
static double time_left(const struct work *w)
{
    const double now = advntk__attack_clock();
    double left = 0, mean = w->over ? w->took / (double)w->over : -1;

    for (ptrdiff_t i = 0; i < w->inventory.count; i++) {
        double one = w->expected[i] >= 0 ? w->expected[i] : mean;
        if (w->stages[i] == OVER) {
            continue;
        }
        if (one < 0) {
            return -1;
        }
        if (w->expected[i] >= 0 && w->thought > 1) {
            one *= w->foretold / w->thought;
        }
        for (ptrdiff_t j = 0; j < w->job_count; j++) {
            one = w->jobs[j].at == i ? fmax(one - (now - w->jobs[j].started), w->jobs[j].phase_left)
                                     : one;
        }
        left += one;
    }
    return left / (double)w->job_count;
}

/* ---- a run ---- */

static void report(struct work *w, ptrdiff_t at, enum advntk__outcome_state state, json_t *object)
{
    const struct advntk__outcome outcome = {
        .config = &w->study->runs[at], .index = at, .state = state, .object = object};

    if (w->options->report) {
        pthread_mutex_lock(&w->talk);
        w->options->report(w->options->context, &outcome);
        pthread_mutex_unlock(&w->talk);
    }
}

/* What is wrong with it was found before; or it is run. */
static advntk_status attempt(struct job *job, const struct advntk__item *item, json_t *object,
                             enum advntk__outcome_state *state, struct advntk_error *err)
{
    struct work *w = job->work;
    bool begun;
    advntk_status rc = ADVNTK_OK;

    if (item->fault != ADVNTK_OK) {
        json_object_set_new(object, "id", *item->id ? json_string(item->id) : json_null());
        *err = *item->message;
        return item->fault;
    }
    if (!advntk__item_is_done(item) || w->options->fresh) {
        TRY(advntk__item_fits(item, w->room, err));
    }
    job->place.source = item->source;
    job->place.on_disk = item->need.on_disk;
    pthread_mutex_lock(&w->guard);
    begun = w->begun[item->first_of_fit];
    pthread_mutex_unlock(&w->guard);
    job->place.anew = w->options->fresh && !begun;
    job->place.train_again = w->options->no_share && begun;
    rc = advntk__run_compute(&job->place, item->config, object, state, err);
    if (rc != ADVNTK_EBUSY) { /* nobody else runs this fit now */
        pthread_mutex_lock(&w->guard);
        w->begun[item->first_of_fit] = true;
        pthread_mutex_unlock(&w->guard);
    }
out:
    return rc;
}

/* Books what became of an item. */
static void settle(struct job *job, ptrdiff_t at, advntk_status rc, const struct advntk_error *err)
{
    struct work *w = job->work;

    pthread_mutex_lock(&w->guard);
    job->at = -1;
    w->stages[at] = rc == ADVNTK_EBUSY ? BUSY : OVER;
    if (rc != ADVNTK_EBUSY) {
        const double took = advntk__attack_clock() - job->started;
        w->over++;
        w->took += took;
        if (w->expected[at] > 0) {
            w->foretold += took;
            w->thought += w->expected[at];
        }
    }
    if (rc == ADVNTK_ECANCELLED) {
        w->interruption = *err;
        w->stop = true;
    } else if (rc != ADVNTK_OK && rc != ADVNTK_EBUSY) {
        w->failed++;
        w->stop = w->stop || w->options->fail_fast;
    }
    if (w->options->no_share) {
        advntk__kernel_memory_clear(&job->place.memory);
        advntk__matrices_drop(w->matrices, NULL);
    }
    if (w->inventory.count <= EXPECTED) { /* what this one taught */
        expect_all(w);
    }
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->guard);
}

static void run_item(struct job *job, ptrdiff_t at)
{
    struct work *w = job->work;
    const struct advntk__item *item = item_of(w, at);
    enum advntk__outcome_state state = ADVNTK__OUTCOME_FAILED;
    json_t *object = advntk__outcome_object(item->config);
    struct advntk_error err = {0};
    double started = advntk__attack_clock();
    advntk_status rc = object
                           ? attempt(job, item, object, &state, &err)
                           : ADVNTK_FAIL(&err, ENOMEM, "no memory for run %s", item->config->name);

    if (rc == ADVNTK_EBUSY) {
        advntk_log(w->host, ADVNTK_LOG_DEBUG, "%s; it comes later", err.text);
    } else if (object) {
        state = rc == ADVNTK_ECANCELLED ? ADVNTK__OUTCOME_INTERRUPTED : state;
        advntk__outcome_complete(object, state, advntk__attack_clock() - started, &err);
        report(w, at, state, object);
    }
    json_decref(object);
    settle(job, at, rc, &err);
}

static void *job_main(void *context)
{
    struct job *job = context;
    ptrdiff_t at;

    while ((at = take_item(job)) >= 0) {
        run_item(job, at);
    }
    advntk__kernel_memory_clear(&job->place.memory);
    advntk__backend_close(job->place.host);
    return NULL;
}

/* ---- jobs ---- */

static void job_log(void *context, enum advntk_log_level level, const char *line)
{
    const struct job *job = context;
    struct work *w = job->work;

    pthread_mutex_lock(&w->talk);
    w->host->sink.log(w->host->sink.context, level, line);
    pthread_mutex_unlock(&w->talk);
}

/* How long the phase will take yet at the pace it had so far. */
static void follow_phase(struct job *job, const char *what, int64_t done, int64_t total, double now)
{
    if (strncmp(job->phase, what, sizeof(job->phase) - 1) != 0 || done < job->phase_from) {
        snprintf(job->phase, sizeof(job->phase), "%s", what);
        job->phase_began = now;
        job->phase_from = done;
        job->phase_left = 0;
    } else if (done > job->phase_from && total >= done) {
        job->phase_left =
            (now - job->phase_began) * (double)(total - done) / (double)(done - job->phase_from);
    }
}

static void job_progress(void *context, const char *what, int64_t done, int64_t total)
{
    const double pause = 0.1; /* seconds between two estimates */
    struct job *job = context;
    struct work *w = job->work;
    const struct advntk__sink *sink = &w->host->sink;
    const double now = advntk__attack_clock();
    double left;
    ptrdiff_t over;

    pthread_mutex_lock(&w->guard);
    follow_phase(job, what, done, total, now);
    pthread_mutex_unlock(&w->guard);
    pthread_mutex_lock(&w->talk);
    if (!sink->study || w->inventory.count == 1) {
        sink->progress(sink->context, what, done, total);
    } else if (now - w->told > pause) {
        w->told = now;
        pthread_mutex_lock(&w->guard);
        left = time_left(w);
        over = w->over;
        pthread_mutex_unlock(&w->guard);
        sink->study(sink->context, over, w->inventory.count, left, what, done, total);
    }
    pthread_mutex_unlock(&w->talk);
}

/* A host for each, the threads dealt out to them. */
static advntk_status jobs_init(struct work *w, struct advntk_error *err)
{
    const int wanted = w->options->jobs > 1 ? w->options->jobs : 1, threads = w->host->threads;
    advntk_status rc = ADVNTK_OK;

    w->jobs = calloc((size_t)wanted, sizeof(*w->jobs));
    if (!w->jobs) {
        FAIL(err, ENOMEM, "no memory for %d jobs", wanted);
    }
    for (int j = 0; j < wanted; j++) {
        struct job *job = &w->jobs[j];
        const int mine = threads / wanted + (j < threads % wanted);
        *job = (struct job){.work = w, .at = -1};
        job->place = (struct advntk__workplace){.registry = w->registry,
                                                .options = w->options,
                                                .costs = w->costs,
                                                .alone = wanted == 1,
                                                .memory = {.matrices = w->matrices}};
        TRY(advntk__host_new(mine > 0 ? mine : 1, &job->place.host, err));
        w->job_count = j + 1;
        job->place.host->cancel = w->host->cancel;
        job->place.host->cache = w->cache.folder ? &w->cache : NULL;
        memcpy(job->place.host->program, w->host->program, sizeof(w->host->program));
        job->place.host->sink =
            (struct advntk__sink){.log = w->host->sink.log ? job_log : NULL,
                                  .progress = w->host->sink.progress ? job_progress : NULL,
                                  .context = job};
    }
out:
    return rc;
}

/* The last job runs on the caller's thread. */
static void jobs_run(struct work *w)
{
    ptrdiff_t begun = 0;

    while (begun + 1 < w->job_count &&
           pthread_create(&w->jobs[begun].thread, NULL, job_main, &w->jobs[begun]) == 0) {
        begun++;
    }
    job_main(&w->jobs[w->job_count - 1]); /* where no thread can be had, it does all */
    for (ptrdiff_t j = 0; j < begun; j++) {
        pthread_join(w->jobs[j].thread, NULL);
    }
}

/* ---- studies/<name>.json ---- */

/* What was asked for, and the ids it comes to. NULL: no memory. */
static json_t *study_object(const struct work *w)
{
    const struct advntk__run_config *first = &w->study->runs[0];
    json_t *list = json_array(), *data = json_array();
    const struct advntk__source *last = NULL;

    for (ptrdiff_t i = 0; i < w->inventory.count; i++) {
        const struct advntk__item *item = item_of(w, i);
        json_t *row =
            json_pack("{s:o, s:s, s:o, s:{}}", "id",
                      *item->id ? json_string(item->id) : json_null(), "name", item->config->name,
                      "overrides", advntk__node_json(item->config->overrides), "evaluations");
        for (ptrdiff_t e = 0; item->evaluations && e < item->config->evaluation_count; e++) {
            char id[ADVNTK__ID];
            advntk__id_of(item->evaluations[e].digest, id);
            json_object_set_new(json_object_get(row, "evaluations"),
                                item->config->evaluations[e].name, json_string(id));
        }
        json_array_append_new(list, row);
        if (item->source && item->source != last) {
            char hex[33];
            advntk__hash_hex(item->source->digest, hex);
            json_array_append_new(data, json_string(hex));
            last = item->source;
        }
    }
    return json_pack("{s:i, s:s, s:s?, s:o?, s:o?, s:s?, s:o, s:o}", "format", 1, "name",
                     w->study->name, "question", first->question, "curves",
                     first->curves ? advntk__node_json(first->curves) : NULL, "tables",
                     first->tables ? advntk__node_json(first->tables) : NULL, "recipe",
                     w->study->source, "data", data, "runs", list);
}

/* The same recipe on other images: its runs are new ones, beside those of before. */
static void tell_other_data(const struct work *w, const char *path, const json_t *object)
{
    json_t *before = NULL;
    const json_t *data;

    if (access(path, F_OK) != 0 || advntk__json_read(path, &before, NULL) != ADVNTK_OK) {
        return;
    }
    data = json_object_get(before, "data");
    if (data && json_equal(json_object_get(before, "recipe"), json_object_get(object, "recipe")) &&
        !json_equal(data, json_object_get(object, "data"))) {
        advntk_log(w->host, ADVNTK_LOG_WARNING,
                   "the data set of study %s has another content than before: these are new runs",
                   w->study->name);
    }
    json_decref(before);
}

static advntk_status write_study(const struct work *w, struct advntk_error *err)
{
    struct advntk__text path = {0};
    json_t *object = study_object(w);
    advntk_status rc = ADVNTK_OK;

    advntk__text_printf(&path, "%s/studies", w->options->results);
    if (path.failed || !object) {
        FAIL(err, ENOMEM, "no memory for the study");
    }
    TRY(advntk__files_make_folder(path.bytes, err));
    advntk__text_puts(&path, "/");
    for (const char *c = w->study->name; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || *c == '-' || *c == '_' ||
                     (*c == '.' && c != w->study->name);
        advntk__text_add(&path, plain ? c : "_", 1);
    }
    advntk__text_puts(&path, ".json");
    if (path.failed) {
        FAIL(err, ENOMEM, "no memory for the study");
    }
    tell_other_data(w, path.bytes, object);
    TRY(advntk__json_write(object, path.bytes, err));
out:
    json_decref(object);
    advntk__text_release(&path);
    return rc;
}

/* ---- a study ---- */

static advntk_status work_init(struct work *w, struct advntk_error *err)
{
    const struct advntk__inventory_setup setup = {.host = w->host,
                                                  .registry = w->registry,
                                                  .results = w->options->results,
                                                  .builds = &w->builds};
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__program_digest(w->host->program, err));
    w->builds = (struct advntk__builds){.registry = w->registry, .program = w->host->program};
    TRY(advntk__inventory_init(&w->inventory, w->study, &setup, err));
    w->stages = calloc((size_t)w->inventory.count, sizeof(*w->stages));
    w->next = calloc((size_t)w->inventory.count + 1, sizeof(*w->next));
    w->begun = calloc((size_t)w->inventory.count, sizeof(*w->begun));
    w->expected = calloc((size_t)w->inventory.count, sizeof(*w->expected));
    if (!w->stages || !w->next || !w->begun || !w->expected) {
        FAIL(err, ENOMEM, "no memory for %td runs", w->inventory.count);
    }
    TRY(advntk__matrices_new(&w->matrices, err));
    w->cache.limit = advntk__cache_limit(w->options);
    if (w->cache.limit >= 0) {
        w->cache.folder = advntk__files_join(w->options->results, "cache");
        if (!w->cache.folder) {
            FAIL(err, ENOMEM, "no memory for a path");
        }
    }
    TRY(advntk__costs_new(w->cache.folder ? w->options->results : NULL, &w->costs, err));
    w->room = advntk__inventory_room(&w->inventory, w->options, w->host->threads);
    TRY(advntk__families_init(&w->families, &w->inventory, w->options, err));
    TRY(jobs_init(w, err));
    line_up(w);
    expect_all(w);
out:
    return rc;
}

/* A program or plugin that changed since some of the runs were computed. */
static void tell_other_builds(const struct work *w)
{
    const ptrdiff_t count = w->builds.others;

    if (count && !w->options->fresh) {
        advntk_log(w->host, ADVNTK_LOG_WARNING,
                   "%td finished run%s computed by another build (%s); --fresh computes all again",
                   count, count > 1 ? "s were" : " was", advntk__text_get(&w->builds.names));
    }
}

static void work_release(struct work *w)
{
    for (ptrdiff_t j = 0; j < w->job_count; j++) {
        advntk__host_free(w->jobs[j].place.host);
    }
    free(w->jobs);
    advntk__matrices_free(w->matrices);
    advntk__costs_free(w->costs);
    advntk__families_release(&w->families);
    advntk__inventory_release(&w->inventory);
    advntk__builds_release(&w->builds);
    free(w->stages);
    free(w->next);
    free(w->begun);
    free(w->expected);
    free(w->cache.folder);
    pthread_mutex_destroy(&w->guard);
    pthread_mutex_destroy(&w->talk);
    pthread_cond_destroy(&w->changed);
}

advntk_status advntk__study_run(struct advntk_host *host, const struct advntk__registry *registry,
                                const struct advntk__study *study,
                                const struct advntk__runner_options *options,
                                struct advntk_error *err)
{
    struct work w = {.host = host, .registry = registry, .study = study, .options = options};
    advntk_status rc = ADVNTK_OK;

    pthread_mutex_init(&w.guard, NULL);
    pthread_mutex_init(&w.talk, NULL);
    advntk__condition_init(&w.changed);
    TRY(work_init(&w, err));
    TRY(write_study(&w, err));
    tell_other_builds(&w);
    jobs_run(&w);
    if (w.interruption.status != ADVNTK_OK) {
        rc = w.interruption.status;
        if (err) {
            *err = w.interruption;
        }
        goto out;
    }
    if (w.failed) {
        FAIL(err, EINVALID, "%td of %td runs failed", w.failed, study->count);
    }
out:
    work_release(&w);
    return rc;
}

advntk_status advntk__study_check(struct advntk_host *host, const struct advntk__registry *registry,
                                  const struct advntk__study *study,
                                  const struct advntk__runner_options *options,
                                  struct advntk__text *faults, struct advntk_error *err)
{
    const struct advntk__inventory_setup setup = {
        .host = host, .registry = registry, .results = options->results, .with_graphs = true};
    struct advntk__inventory inventory = {0};
    struct advntk__room room;
    struct advntk_error why;
    ptrdiff_t failed = 0;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__inventory_init(&inventory, study, &setup, err));
    room = advntk__inventory_room(&inventory, options, host->threads);
    for (ptrdiff_t i = 0; i < inventory.count; i++) {
        const struct advntk__item *item = &inventory.items[i];
        if (item->fault != ADVNTK_OK) {
            why = *item->message;
        } else if (advntk__item_is_done(item) || advntk__item_fits(item, room, &why) == ADVNTK_OK) {
            continue;
        }
        failed++;
        advntk__text_printf(faults, "%s: error: run %td (%s): %s\n", study->file, i + 1,
                            study->runs[i].name, why.text);
    }
    if (failed) {
        FAIL(err, EINVALID, "%s: %td of %td runs cannot be run", study->file, failed, study->count);
    }
out:
    advntk__inventory_release(&inventory);
    return rc;
}
