/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/services.h"

#include "attack/evaluate.h"
#include "base/host.h"
#include "base/memory.h"
#include "base/try.h"
#include "graph/graph.h"
#include "infinite/predictor.h"
#include "linalg/gram.h"
#include "run/cost.h"
#include "run/family.h"
#include "run/identity.h"
#include "run/matrices.h"
#include "store/tiles.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void advntk__kernel_memory_clear(struct advntk__kernel_memory *memory)
{
    struct advntk__matrices *matrices = memory->matrices;

    advntk__matrix_release(matrices, memory->gram);
    if (memory->points) {
        memory->ops->points_free(memory->state, memory->points);
    }
    if (memory->state) {
        memory->ops->close(memory->state);
    }
    advntk__graph_free(memory->graph);
    *memory = (struct advntk__kernel_memory){.matrices = matrices};
}

advntk_status advntk__services_init(struct advntk__run_services *services,
                                    const struct advntk__run_config *config,
                                    const struct advntk__split *split,
                                    struct advntk__kernel_memory *memory, struct advntk_error *err)
{
    const struct advntk_dataset_info *info = &split->source->info;

    *services = (struct advntk__run_services){.config = config, .split = split, .memory = memory};
    services->problem = (struct advntk_problem){.train = split->train.count,
                                                .validation = split->validation.count,
                                                .classes = split->classes,
                                                .height = info->height,
                                                .width = info->width,
                                                .channels = info->channels,
                                                .d = split->d,
                                                .train_labels = split->train.labels,
                                                .validation_labels = split->validation.labels,
                                                .train_index = split->train.index,
                                                .validation_index = split->validation.index,
                                                .precision = config->precision,
                                                .seed = (uint64_t)config->seed,
                                                .shift = split->shift,
                                                .scale = split->scale};
    return advntk__identity_kernel(config, split, services->kernel_key, services->images_key, err);
}

/* ---- the kernel ---- */

advntk_status advntk__model_graph(const struct advntk__model_config *model, ptrdiff_t height,
                                  ptrdiff_t width, ptrdiff_t channels, ptrdiff_t classes,
                                  struct advntk_graph **graph, struct advntk_error *err)
{
    const struct advntk_kernel_ops *ops;

    *graph = NULL;
    if (!model->kernel.plugin) {
        return ADVNTK_FAIL(err, EINVALID,
                           "model.kernel: missing; expected the name of a kernel, such as ntk");
    }
    ops = model->kernel.plugin->ops;
    if (!ops->needs_architecture) {
        return ADVNTK_OK;
    }
    if (!model->architecture.plugin) {
        return ADVNTK_FAIL(err, EINVALID,
                           "model.kernel %s needs an architecture, and there is none",
                           model->kernel.plugin->name);
    }
    return advntk__graph_build(&model->architecture, height, width, channels, classes, graph, err);
}

struct put_job {
    const struct advntk__run_services *services;
    const struct advntk_kernel_ops *ops;
    void *state, *points;
};

/* Training images of one panel, centred and scaled, into the kernel's points. */
static advntk_status put_panel(void *context, ptrdiff_t i, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    const struct put_job *job = context;
    const struct advntk__run_services *s = job->services;
    const struct advntk_problem *p = &s->problem;
    ptrdiff_t first = i * ADVNTK_PANEL;
    ptrdiff_t count = p->train - first < ADVNTK_PANEL ? p->train - first : ADVNTK_PANEL;
    double *pixels = advntk_arena_get(arena, count * p->d, sizeof(*pixels));
    advntk_status rc = ADVNTK_OK;

    if (!pixels) {
        FAIL(err, ENOMEM, "no memory for %td images of %td values", count, p->d);
    }
    TRY(advntk__split_inputs(s->split, ADVNTK_TRAIN, count, p->train_index + first, pixels, err));
    TRY(job->ops->points_put(job->state, job->points, first, count, pixels, err));
out:
    return rc;
}

advntk_status advntk__train_points(struct advntk_host *host, const struct advntk_kernel_ops *ops,
                                   void *state, void **points, struct advntk_error *err)
{
    const ptrdiff_t n = host->services->problem.train;
    struct put_job job = {host->services, ops, state, NULL};
    advntk_status rc = ADVNTK_OK;

    TRY(ops->points_new(state, n, &job.points, err));
    TRY(advntk_parallel_for(host, (n + ADVNTK_PANEL - 1) / ADVNTK_PANEL, put_panel, &job, err));
    *points = job.points;
    job.points = NULL;
out:
    if (job.points) {
        ops->points_free(state, job.points);
    }
    return rc;
}

/* Fills the kernel memory, unless it holds this run's kernel already. */
static advntk_status open_kernel(struct advntk_host *host, struct advntk_error *err)
{
    struct advntk__run_services *s = host->services;
    struct advntk__kernel_memory *m = s->memory;
    const struct advntk__model_config *model = &s->config->model;
    const struct advntk_problem *p = &s->problem;
    struct advntk_kernel_setup setup = {
        .height = p->height, .width = p->width, .channels = p->channels, .precision = p->precision};
    advntk_status rc = ADVNTK_OK;

    if (m->points && memcmp(m->key, s->kernel_key, sizeof(m->key)) == 0) {
        return ADVNTK_OK;
    }
    advntk__kernel_memory_clear(m);
    TRY(advntk__model_graph(model, p->height, p->width, p->channels, p->classes, &m->graph, err));
    setup.graph = m->graph;
    m->ops = model->kernel.plugin->ops;
    TRY(m->ops->open(model->kernel.config, host, &setup, &m->state, err));
    TRY(advntk__train_points(host, m->ops, m->state, &m->points, err));
    memcpy(m->key, s->kernel_key, sizeof(m->key));
out:
    if (rc != ADVNTK_OK) {
        advntk__kernel_memory_clear(m);
    }
    return rc;
}

/* ---- memory ---- */

/* Training images as the kernel keeps them, and the arrays of a panel that is attacked: its values,
 * their two derivatives, the cotangents, and the outputs. */
static int64_t image_bytes(const struct advntk_problem *p)
{
    const int64_t real = p->precision == ADVNTK_PRECISION_FLOAT32 ? 4 : 8;
    const int64_t layers = 128, arrays = 6; /* numbers an image that the layers keep */

    return (int64_t)p->train * ((p->d + layers) * real + arrays * ADVNTK_PANEL * real) +
           (int64_t)8 * ADVNTK_PANEL * p->d * (int64_t)sizeof(double);
}

void advntk__memory_need(const struct advntk__run_services *s, struct advntk__memory *need)
{
    const struct advntk_method_ops *method = s->config->method.plugin->ops;
    const struct advntk_problem *p = &s->problem;

    *need = (struct advntk__memory){.images = image_bytes(p)};
    if (method->needs_kernel) {
        need->gram =
            (int64_t)advntk__gram_tiles(p->train) * (int64_t)advntk__gram_tile_bytes(p->precision);
    }
    if (method->memory) {
        need->method = method->memory(s->config->method.config, p);
    }
}

const char *advntk__size_text(int64_t bytes, char text[32])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(*units)) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 32, value < 100 && unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return text;
}

/* ---- advntk/method.h ---- */

const struct advntk_problem *advntk_host_problem(const struct advntk_host *host)
{
    return &host->services->problem;
}

advntk_status advntk_host_images(struct advntk_host *host, enum advntk_set set, ptrdiff_t count,
                                 const ptrdiff_t *which, double *pixels, struct advntk_error *err)
{
    const struct advntk__split *split = host->services->split;
    const struct advntk__image_set *from =
        set == ADVNTK_SET_TRAIN ? &split->train : &split->validation;
    int64_t index[ADVNTK_PANEL];
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t at = 0; at < count; at += ADVNTK_PANEL) {
        ptrdiff_t some = count - at < ADVNTK_PANEL ? count - at : ADVNTK_PANEL;
        for (ptrdiff_t i = 0; i < some; i++) {
            ptrdiff_t w = which[at + i];
            if (w < 0 || w >= from->count) {
                FAIL(err, EINVALID, "image %td of the %s set asked for, it has %td", w,
                     set == ADVNTK_SET_TRAIN ? "training" : "validation", from->count);
            }
            index[i] = from->index[w];
        }
        TRY(advntk__split_pixels(split, ADVNTK_TRAIN, some, index, pixels + at * split->d, err));
    }
out:
    return rc;
}

advntk_status advntk_metric(struct advntk_host *host, const char *name, double value,
                            struct advntk_error *err)
{
    struct advntk__run_services *s = host->services;

    if (!isfinite(value)) {
        return ADVNTK_FAIL(err, ENUMERIC, "%s is %g: the method diverged", name, value);
    }
    for (ptrdiff_t i = 0; i < s->metric_count; i++) {
        if (strcmp(s->metrics[i].name, name) == 0) {
            s->metrics[i].value = value;
            return ADVNTK_OK;
        }
    }
    if (s->metric_count == ADVNTK__METRICS) {
        return ADVNTK_FAIL(err, ELIMIT, "metric %s: a step may report %d numbers", name,
                           ADVNTK__METRICS);
    }
    s->metrics[s->metric_count++] = (struct advntk__metric){name, value};
    return ADVNTK_OK;
}

advntk_status advntk__open_stored(struct advntk_host *host, const struct advntk__run_config *config,
                                  const uint8_t key[16], struct advntk__tiles **stored,
                                  struct advntk_error *err)
{
    const struct advntk__run_services *s = host->services;
    const struct advntk_problem *p = &s->problem;
    const struct advntk__model_config *model = &config->model;
    char about[256];
    const struct advntk__tiles_setup setup = {.key = key,
                                              .kind = "kernel matrix",
                                              .about = about,
                                              .rows = p->train,
                                              .count = advntk__gram_tiles(p->train),
                                              .bytes = advntk__gram_tile_bytes(p->precision)};

    snprintf(about, sizeof(about), "%s%s%s of %s, seed %lld, run %s", model->kernel.plugin->name,
             model->architecture.plugin ? " of " : "",
             model->architecture.plugin ? model->architecture.plugin->name : "",
             config->data.dataset.plugin->name, (long long)config->seed, config->name);
    return advntk__tiles_open(host, host->cache, &setup, stored, err);
}

/* Computes the matrices of the run's family in one pass into the cache, where that can be done;
 * else the run's is computed alone. */
static advntk_status fill_family(struct advntk_host *host, struct advntk_error *err)
{
    struct advntk__run_services *s = host->services;
    struct advntk_error why;
    advntk_status rc =
        s->family ? advntk__family_fill(host, s->family, &s->meter.family_tiles, &why) : ADVNTK_OK;

    if (rc != ADVNTK_OK && rc != ADVNTK_ECANCELLED) {
        advntk_log(host, ADVNTK_LOG_INFO, "kernel matrices are computed one by one: %s", why.text);
        rc = ADVNTK_OK;
    }
    if (rc != ADVNTK_OK && err) {
        *err = why;
    }
    return rc;
}

static advntk_status make_gram(struct advntk_host *host, struct advntk_sym **gram,
                               struct advntk_error *err)
{
    struct advntk__run_services *s = host->services;
    const struct advntk__kernel_memory *m = s->memory;
    struct advntk__tiles *stored = NULL;
    uint8_t key[16];
    struct advntk__spent started = advntk__spent_now();
    const struct advntk__kept kept = advntk__kept_now(host);
    advntk_status rc = ADVNTK_OK;

    if (host->cache) {
        TRY(advntk__identity_cached(host, s->registry, &s->config->model, s->kernel_key, m->graph,
                                    key, err));
        TRY(fill_family(host, err));
        TRY(advntk__open_stored(host, s->config, key, &stored, err));
        started = s->meter.family_tiles ? started : advntk__spent_now();
    }
    if (s->on_disk) {
        advntk_log(host, ADVNTK_LOG_INFO,
                   "the kernel matrix of %td images stays on the disk: it is larger than the "
                   "memory",
                   s->problem.train);
    }
    TRY(advntk__gram_compute(host, m->ops, m->state, m->points, s->problem.train,
                             s->problem.precision, &stored, s->on_disk, gram,
                             &s->meter.matrix_tiles, err));
    if (host->cache) {
        advntk__sym_name(*gram, key);
    }
    s->meter.matrix_kept = advntk__kept_since(host, kept);
    s->meter.matrix = advntk__spent_less(advntk__spent_since(started), s->meter.matrix_kept.spent);
out:
    advntk__tiles_close(stored);
    return rc;
}

advntk_status advntk_host_gram(struct advntk_host *host, const struct advntk_sym **gram,
                               struct advntk_error *err)
{
    struct advntk__run_services *s = host->services;
    struct advntk__kernel_memory *m = s->memory;
    advntk_status rc = ADVNTK_OK;

    TRY(open_kernel(host, err));
    if (!m->gram) {
        TRY(advntk__matrix_get(m->matrices, m->key, host, make_gram, &m->gram, err));
    }
    *gram = m->gram;
out:
    return rc;
}

advntk_status advntk_predictor_new(struct advntk_host *host, struct advntk_predictor **predictor,
                                   struct advntk_error *err)
{
    const struct advntk__run_services *s = host->services;
    const struct advntk_problem *p = &s->problem;
    advntk_status rc = ADVNTK_OK;

    TRY(open_kernel(host, err));
    TRY(advntk__predictor_make(&(struct advntk__predictor_setup){.host = host,
                                                                 .kernel = s->memory->ops,
                                                                 .kernel_state = s->memory->state,
                                                                 .train_points = s->memory->points,
                                                                 .train = p->train,
                                                                 .classes = p->classes,
                                                                 .height = p->height,
                                                                 .width = p->width,
                                                                 .channels = p->channels,
                                                                 .precision = p->precision,
                                                                 .shift = p->shift,
                                                                 .scale = p->scale},
                               predictor, err));
out:
    return rc;
}

/* Streams of a training step: 256 attack steps each, and after 2^16 training steps they come round
 * again. */
enum { STREAM_STEPS = 256, STREAM_MASK = 0xffffff };

advntk_status advntk_host_attack(struct advntk_host *host, const struct advntk_slot *attack,
                                 void *model, const struct advntk_model_ops *ops,
                                 const struct advntk_images *images, ptrdiff_t step, double *points,
                                 struct advntk_error *err)
{
    const struct advntk__split *split = host->services->split;
    const struct advntk__attack_target target = {
        .host = host,
        .model = model,
        .ops = ops,
        .classes = split->classes,
        .box_lo = split->box_low,
        .box_hi = split->box_high,
        .seed = host->seed,
        .purpose = advntk_random_purpose("training"),
        .first_step = (uint32_t)((uint64_t)step * STREAM_STEPS & STREAM_MASK)};
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t at = 0; at < images->n; at += ADVNTK_PANEL) {
        struct advntk_images panel = *images;
        panel.n = images->n - at < ADVNTK_PANEL ? images->n - at : ADVNTK_PANEL;
        panel.pixels += at * split->d;
        panel.labels += at;
        if (panel.index) {
            panel.index += at;
        }
        TRY(advntk__attack_points(&target, attack, &panel, points + at * split->d, err));
    }
out:
    return rc;
}
