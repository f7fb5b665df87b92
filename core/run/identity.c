/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/identity.h"

#include "base/hash.h"
#include "base/host.h"
#include "base/try.h"
#include "graph/graph.h"
#include "linalg/gram.h"
#include "registry/registry.h"
#include "run/services.h"
#include "run/slots.h"

#include <advntk/backend.h>

/* Digests must stay: a change of what is hashed changes these names. */
static const char data_format[] = "advntk data 1", kernel_format[] = "advntk kernel 1",
                  arrays_format[] = "advntk arrays 1", cached_format[] = "advntk cached matrix 1",
                  fit_format[] = "advntk fit 1", evaluation_format[] = "advntk evaluation 1";

static advntk_status hash_begin(struct advntk__hash **hash, const char *format,
                                struct advntk_error *err)
{
    *hash = advntk__hash_new();
    if (!*hash) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a digest");
    }
    advntk__hash_text(*hash, format);
    return ADVNTK_OK;
}

/* As advntk__hash_int of each number and label, many at a time. */
static void hash_images(struct advntk__hash *hash, const struct advntk__image_set *set, bool labels)
{
    enum { BLOCK = 128 };
    const ptrdiff_t parts = labels ? 2 : 1;
    int64_t values[BLOCK * 2];

    advntk__hash_int(hash, set->count);
    for (ptrdiff_t i = 0, n; i < set->count; i += n) {
        n = set->count - i < BLOCK ? set->count - i : BLOCK;
        for (ptrdiff_t k = 0; k < n; k++) {
            values[k * parts] = set->index[i + k];
            values[k * parts + parts - 1] = labels ? set->labels[i + k] : set->index[i + k];
        }
        advntk__hash_ints(hash, n * parts, values);
    }
}

/* What the model makes of a pixel. */
static void hash_scale(struct advntk__hash *hash, const struct advntk__split *split)
{
    for (ptrdiff_t c = 0; c < split->source->info.channels; c++) {
        advntk__hash_real(hash, split->shift[c]);
        advntk__hash_real(hash, split->scale[c]);
    }
}

static advntk_status hash_model(struct advntk__hash *hash, const struct advntk__run_config *config,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    advntk__hash_int(hash, config->precision);
    advntk__hash_int(hash, config->model.architecture.plugin != NULL);
    if (config->model.architecture.plugin) {
        TRY(advntk__slot_identity(&config->model.architecture, hash, err));
    }
    TRY(advntk__slot_identity(&config->model.kernel, hash, err));
out:
    return rc;
}

advntk_status advntk__identity_data(const struct advntk__split *split, uint8_t digest[16],
                                    struct advntk_error *err)
{
    struct advntk__hash *hash;
    advntk_status rc = hash_begin(&hash, data_format, err);

    if (rc == ADVNTK_OK) {
        advntk__hash_add(hash, split->source->digest, sizeof(split->source->digest));
        advntk__hash_int(hash, split->classes);
        hash_images(hash, &split->train, true);
        advntk__hash_end(hash, digest);
    }
    advntk__hash_free(hash);
    return rc;
}

advntk_status advntk__identity_kernel(const struct advntk__run_config *config,
                                      const struct advntk__split *split, uint8_t digest[16],
                                      uint8_t images[16], struct advntk_error *err)
{
    struct advntk__hash *hash = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(hash_begin(&hash, kernel_format, err));
    advntk__hash_add(hash, split->source->digest, sizeof(split->source->digest));
    advntk__hash_int(hash, split->classes);
    hash_images(hash, &split->train, false);
    hash_scale(hash, split);
    advntk__hash_end(hash, images);
    TRY(hash_model(hash, config, err));
    advntk__hash_end(hash, digest);
out:
    advntk__hash_free(hash);
    return rc;
}

advntk_status advntk__identity_arrays(const struct advntk__run_config *config, ptrdiff_t count,
                                      const struct advntk__array *arrays, uint8_t digest[16],
                                      struct advntk_error *err)
{
    struct advntk__hash *hash = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(hash_begin(&hash, arrays_format, err));
    TRY(hash_model(hash, config, err));
    advntk__hash_int(hash, count);
    for (const struct advntk__array *a = arrays; a < arrays + count; a++) {
        const int64_t shape[4] = {a->n, a->height, a->width, a->channels};
        advntk__hash_ints(hash, 4, shape);
        advntk__hash_add(hash, a->values,
                         (size_t)(a->n * a->height * a->width * a->channels) * sizeof(*a->values));
    }
    advntk__hash_end(hash, digest);
out:
    advntk__hash_free(hash);
    return rc;
}

/* What the visit of slots below needs. */
struct file_hash {
    const struct advntk__registry *registry;
    struct advntk__hash *hash;
};

static advntk_status hash_file(void *context, const struct advntk_slot *slot,
                               struct advntk_error *err)
{
    const struct file_hash *f = context;
    const struct advntk__plugin_record *record =
        advntk__registry_find(f->registry, slot->plugin->kind, slot->plugin->name);

    (void)err;
    advntk__hash_text(f->hash, slot->plugin->name);
    if (record) {
        advntk__hash_add(f->hash, record->digest, sizeof(record->digest));
    }
    return ADVNTK_OK;
}

advntk_status advntk__identity_cached(const struct advntk_host *host,
                                      const struct advntk__registry *registry,
                                      const struct advntk__model_config *model,
                                      const uint8_t kernel[16], const struct advntk_graph *graph,
                                      uint8_t digest[16], struct advntk_error *err)
{
    struct file_hash files = {registry, NULL};
    advntk_status rc = ADVNTK_OK;

    TRY(hash_begin(&files.hash, cached_format, err));
    advntk__hash_add(files.hash, kernel, 16);
    advntk__hash_add(files.hash, host->program, sizeof(host->program));
    advntk__hash_text(files.hash, host->backend->describe(host->backend_state));
    advntk__hash_int(files.hash, host->isa);
    advntk__hash_int(files.hash, ADVNTK__TILE);
    TRY(advntk__slots_visit(&model->architecture, hash_file, &files, err));
    TRY(advntk__slots_visit(&model->kernel, hash_file, &files, err));
    for (ptrdiff_t i = 0; graph && i < advntk__graph_count(graph); i++) {
        TRY(advntk__slots_visit(&advntk__graph_layer(graph, i)->activation, hash_file, &files,
                                err));
    }
    advntk__hash_end(files.hash, digest);
out:
    advntk__hash_free(files.hash);
    return rc;
}

advntk_status advntk__identity_fit(const struct advntk__run_config *config,
                                   const struct advntk__split *split, uint8_t digest[16],
                                   struct advntk_error *err)
{
    struct advntk__hash *hash = NULL;
    advntk_status rc = ADVNTK_OK;
    const int64_t *classes = config->data.classes.items;

    TRY(hash_begin(&hash, fit_format, err));
    advntk__hash_add(hash, split->source->digest, sizeof(split->source->digest));
    advntk__hash_int(hash, config->data.classes.count);
    for (ptrdiff_t i = 0; i < config->data.classes.count; i++) {
        advntk__hash_int(hash, classes[i]);
    }
    hash_images(hash, &split->train, true);
    hash_images(hash, &split->validation, true);
    hash_scale(hash, split);
    TRY(hash_model(hash, config, err));
    TRY(advntk__slot_identity(&config->method, hash, err));
    advntk__hash_int(hash, config->select);
    advntk__hash_int(hash, config->seed);
    advntk__hash_end(hash, digest);
out:
    advntk__hash_free(hash);
    return rc;
}

advntk_status advntk__identity_evaluation(const struct advntk__evaluation *evaluation,
                                          ptrdiff_t images, uint8_t digest[16],
                                          struct advntk_error *err)
{
    struct advntk__hash *hash = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(hash_begin(&hash, evaluation_format, err));
    advntk__hash_int(hash, images);
    advntk__hash_int(hash, evaluation->attack.plugin != NULL);
    if (evaluation->attack.plugin) {
        TRY(advntk__slot_identity(&evaluation->attack, hash, err));
    }
    advntk__hash_end(hash, digest);
out:
    advntk__hash_free(hash);
    return rc;
}

uint32_t advntk__identity_purpose(const uint8_t digest[16])
{
    return (uint32_t)digest[12] << 24 | (uint32_t)digest[13] << 16 | (uint32_t)digest[14] << 8 |
           digest[15];
}
