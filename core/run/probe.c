/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/probe.h"

#include "base/host.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/graph.h"
#include "linalg/gram.h"
#include "run/evaluate.h"
#include "run/identity.h"
#include "run/matrices.h"
#include "run/runner.h"
#include "store/cache.h"

#include <advntk/dataset.h>
#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

/* A size that takes no time, from which that of the others is guessed. */
enum { SMALL = 256, STEPS = 4 };
static const double patience = 3; /* processor seconds for a larger one */

struct probe {
    struct advntk_host *host;
    const struct advntk__item *item;
    struct advntk__costs *costs;
    bool matrix_only;                 /* the rest is known, from real runs */
    struct advntk__run_config config; /* the run's, with fewer images */
    struct advntk__split split;
    struct advntk__kernel_memory memory;
    struct advntk__run_services services;
};

/* What a matrix takes by the clock when its threads run side by side. Threads that have slept may
 * wake on one processor, and what is computed here can be over before the system spreads them. */
static struct advntk__spent side_by_side(struct advntk__spent spent, ptrdiff_t n, int threads)
{
    const double share = advntk__matrix_units(n, threads) / advntk__matrix_units(n, 1);

    return (struct advntk__spent){fmin(spent.wall, spent.cpu * share), spent.cpu};
}

static advntk_status probe_steps(struct probe *p, void *state, struct advntk_error *err)
{
    const struct advntk_method_ops *ops = p->config.method.plugin->ops;
    struct advntk__meter *meter = &p->services.meter;
    const int threads = p->host->threads;
    bool finished = false;
    double count = 0;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t step = 0; step < STEPS && !finished; step++) {
        const struct advntk__spent factors = advntk__factors_now(p->host);
        struct advntk__spent started = advntk__spent_now(), spent;
        p->services.metric_count = 0;
        TRY(ops->step(state, step, &finished, err));
        spent = advntk__spent_since(started);
        if (step == 0) {
            advntk__cost_note(p->host, ADVNTK__PHASE_MATRIX, 0,
                              advntk__matrix_units(p->split.train.count, threads),
                              side_by_side(meter->matrix, p->split.train.count, threads));
            spent.wall -= meter->matrix.wall;
            spent.cpu -= meter->matrix.cpu;
        }
        if (p->matrix_only) {
            goto out;
        }
        if (step <= 1) { /* the first counts only where there is no other: it is not like them */
            meter->steps = meter->factor = (struct advntk__spent){0, 0};
            count = 0;
        }
        meter->factor.wall += advntk__factors_since(p->host, factors).wall;
        meter->factor.cpu += advntk__factors_since(p->host, factors).cpu;
        spent = advntk__spent_less(spent, advntk__factors_since(p->host, factors));
        meter->steps.wall += spent.wall;
        meter->steps.cpu += spent.cpu;
        count++;
    }
    advntk__cost_note_steps(p->host, count);
out:
    return rc;
}

static advntk_status probe_evaluations(struct probe *p, void *state, struct advntk_error *err)
{
    const struct advntk_method_ops *ops = p->config.method.plugin->ops;
    struct advntk__evaluation_job job = {
        .host = p->host, .split = &p->split, .seed = p->host->seed};
    struct advntk__evaluation_result result = {0};
    struct advntk__clean_pass clean = {0};
    advntk_status rc = ADVNTK_OK;

    TRY(ops->model(state, &job.model, &job.ops, err));
    TRY(advntk__clean_pass_init(&clean, p->split.test.count, p->split.classes, err));
    job.clean = &clean;
    for (ptrdiff_t i = 0; i < p->config.evaluation_count; i++) {
        struct advntk__spent started = advntk__spent_now(), spent;
        ptrdiff_t before = clean.evaluated;
        job.evaluation = &p->config.evaluations[i];
        job.images = advntk__evaluation_images(job.evaluation, p->split.test.count);
        TRY(advntk__identity_evaluation(job.evaluation, job.images, job.digest, err));
        TRY(advntk__evaluate(&job, &result, err));
        spent = advntk__spent_since(started);
        advntk__cost_note_evaluation(p->host, i, &result, clean.evaluated - before, spent);
        advntk__evaluation_release(&result);
    }
out:
    advntk__clean_pass_release(&clean);
    return rc;
}

static advntk_status probe_once(struct probe *p, ptrdiff_t n, struct advntk_error *err)
{
    const struct advntk_method_ops *ops = p->item->config->method.plugin->ops;
    struct advntk__spent started = advntk__spent_now(), all;
    void *state = NULL;
    advntk_status rc = ADVNTK_OK;

    p->config = *p->item->config;
    p->config.data.train = n;
    p->config.data.test = p->item->test < ADVNTK_PANEL ? p->item->test : ADVNTK_PANEL;
    TRY(advntk__split_make(p->item->source, &p->config.data, p->config.seed, &p->split, err));
    TRY(advntk__services_init(&p->services, &p->config, &p->split, &p->memory, err));
    p->services.meter.costs = p->costs;
    p->services.meter.alone = true;
    p->host->services = &p->services;
    p->host->seed = (uint64_t)p->config.seed;
    TRY(advntk__backend_open(p->host, &p->config.backend, err));
    TRY(ops->open(p->config.method.config, p->host, &state, err));
    TRY(probe_steps(p, state, err));
    if (p->matrix_only) {
        goto out;
    }
    TRY(probe_evaluations(p, state, err));
    all = advntk__spent_since(started);
    all.wall = fmax(all.wall - p->services.meter.phases.wall, 0);
    all.cpu = fmax(all.cpu - p->services.meter.phases.cpu, 0);
    advntk__cost_note(p->host, ADVNTK__PHASE_REST, 0, 1, all);
out:
    if (state) {
        ops->close(state);
    }
    advntk__kernel_memory_clear(&p->memory);
    advntk__matrices_drop(p->memory.matrices, NULL);
    advntk__backend_close(p->host);
    advntk__split_release(&p->split);
    p->host->services = NULL;
    return rc;
}

/*
 * How many images the second measurement has, after one of SMALL that took so many processor
 * seconds: as many as patience allows if costs grew as n, but always more than SMALL. From one size
 * alone all would count as proportional to n, which is wrong by factors for a step of Adv-NTK, most
 * of whose work at SMALL is that of its own batch.
 */
static ptrdiff_t second_size(ptrdiff_t train, double took)
{
    ptrdiff_t n = 2 * SMALL;

    while (2 * n < train && took * (double)(2 * n) / SMALL < patience) {
        n *= 2;
    }
    return took * (double)train / SMALL < patience ? train : n;
}

advntk_status advntk__probe(struct advntk_host *host, const struct advntk__item *item,
                            struct advntk__costs *costs, struct advntk_error *err)
{
    struct probe p = {.host = host, .item = item, .costs = costs};
    struct advntk__spent started = advntk__spent_now();
    struct advntk__forecast before;
    double took;
    advntk_status rc = ADVNTK_OK;

    advntk__forecast(costs, host, item, host->threads, NULL, &before);
    p.matrix_only = before.matrix_only;
    TRY(advntk__matrices_new(&p.memory.matrices, err));
    if (item->train <= 2 * SMALL) {
        TRY(probe_once(&p, item->train, err));
        goto out;
    }
    TRY(probe_once(&p, SMALL, err));
    took = advntk__spent_since(started).cpu;
    TRY(probe_once(&p, second_size(item->train, took), err));
out:
    advntk__matrices_free(p.memory.matrices);
    return rc;
}

advntk_status advntk__probe_key(struct advntk_host *host, const struct advntk__registry *registry,
                                const struct advntk__item *item, uint8_t key[16],
                                struct advntk_error *err)
{
    struct probe p = {.host = host, .item = item, .config = *item->config};
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__split_make(item->source, &p.config.data, p.config.seed, &p.split, err));
    TRY(advntk__services_init(&p.services, &p.config, &p.split, &p.memory, err));
    TRY(advntk__model_graph(&p.config.model, item->height, item->width, item->channels,
                            item->classes, &p.memory.graph, err));
    TRY(advntk__backend_open(host, &p.config.backend, err));
    TRY(advntk__identity_cached(host, registry, &p.config.model, p.services.kernel_key,
                                p.memory.graph, key, err));
out:
    advntk__backend_close(host);
    advntk__graph_free(p.memory.graph);
    advntk__split_release(&p.split);
    return rc;
}

advntk_status advntk__probe_cache(const struct advntk__item *item, const char *results,
                                  const uint8_t key[16], struct advntk__cached *cached,
                                  struct advntk_error *err)
{
    const struct advntk_method_ops *method = item->config->method.plugin->ops;
    double ridge;
    struct advntk__text folder = {0};
    struct advntk__cache_entry entry;
    advntk_status rc = ADVNTK_OK;

    *cached = (struct advntk__cached){.missing = 1};
    advntk__text_printf(&folder, "%s/cache", results);
    TRY(advntk__cache_find(advntk__text_get(&folder), key, &entry, err));
    if (entry.tiles > 0) {
        cached->missing = 1 - (double)entry.done / (double)entry.tiles;
        cached->reading = advntk__cache_read_seconds(advntk__text_get(&folder), &entry);
    }
    if (method->factors && method->factors(item->config->method.config, &ridge)) {
        cached->wants_factor = true;
        TRY(advntk__factor_key(key, ridge, cached->factor_key, err));
        TRY(advntk__cache_find(advntk__text_get(&folder), cached->factor_key, &entry, err));
        cached->factor = entry.tiles > 0 && entry.done == entry.tiles;
        cached->reading_factor =
            cached->factor ? advntk__cache_read_seconds(advntk__text_get(&folder), &entry) : 0;
    }
out:
    advntk__text_release(&folder);
    return rc;
}
