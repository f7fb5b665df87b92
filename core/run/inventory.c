/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/inventory.h"

#include "base/files.h"
#include "base/host.h"
#include "base/try.h"
#include "graph/graph.h"
#include "linalg/gram.h"
#include "linalg/room.h"
#include "run/build.h"
#include "run/evaluate.h"
#include "run/identity.h"
#include "run/record.h"
#include "run/runner.h"
#include "run/slots.h"

#include <advntk/node.h>
#include <advntk/plugin.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct advntk__opened_source {
    uint8_t key[16]; /* of the data set's slot as it is written */
    struct advntk__source source;
    advntk_status status; /* of the opening */
    struct advntk_error error;
};

enum { METRICS_LIMIT = 64 << 20 };

struct builder {
    const struct advntk__inventory_setup *setup;
    struct advntk__inventory *inventory;
    bool listed; /* the next two are known */
    char (*ids)[ADVNTK__ID];
    ptrdiff_t id_count;            /* of the runs that are stored, sorted */
    const struct advntk__item *at; /* the item whose split this is; NULL: none */
    struct advntk__split split;
    const struct advntk__item *last; /* examined without a fault */
};

/* An item and what its images depend on. */
struct order {
    uint8_t data[16]; /* of the data section */
    int64_t seed;
    ptrdiff_t item;
};

static int by_images(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    int data = memcmp(x->data, y->data, sizeof(x->data));

    return data                 ? data
           : x->seed != y->seed ? (x->seed > y->seed) - (x->seed < y->seed)
                                : (x->item > y->item) - (x->item < y->item);
}

static advntk_status data_set(struct builder *b, const struct advntk__run_config *config,
                              struct advntk__opened_source **source, struct advntk_error *err)
{
    struct advntk__inventory *all = b->inventory;
    const struct advntk_node *data = advntk_node_get(config->tree, "data");
    struct advntk__opened_source *made = NULL, **grown;
    uint8_t key[16];
    advntk_status rc = ADVNTK_OK;

    *source = NULL;
    TRY(advntk__tree_identity(advntk_node_get(data, "dataset"), key, err));
    for (ptrdiff_t i = 0; i < all->source_count && !*source; i++) {
        *source = memcmp(all->sources[i]->key, key, sizeof(key)) == 0 ? all->sources[i] : NULL;
    }
    if (*source) {
        goto out;
    }
    made = calloc(1, sizeof(*made));
    grown = realloc(all->sources, (size_t)(all->source_count + 1) * sizeof(*grown));
    if (grown) {
        all->sources = grown;
    }
    if (!made || !grown) {
        FAIL(err, ENOMEM, "no memory for a data set");
    }
    memcpy(made->key, key, sizeof(key));
    made->status =
        advntk__source_open(b->setup->host, &config->data.dataset, &made->source, &made->error);
    grown[all->source_count++] = made;
    *source = made;
    made = NULL;
out:
    free(made);
    return rc;
}

/* Two items with the same images have one split, as one follows the other. */
static advntk_status split_of(struct builder *b, const struct advntk__item *item,
                              const struct order *order, const struct order *before,
                              struct advntk_error *err)
{
    const struct advntk__run_config *config = item->config;
    advntk_status rc = ADVNTK_OK;

    if (b->at && before && before->seed == order->seed &&
        memcmp(before->data, order->data, sizeof(order->data)) == 0) {
        goto out;
    }
    if (b->at) {
        b->at = NULL;
        advntk__split_release(&b->split);
    }
    TRY(advntk__split_make(item->source, &config->data, config->seed, &b->split, err));
    b->at = item;
out:
    return rc;
}

/* Whole lines of metrics.jsonl. */
static int64_t count_steps(const struct advntk__folder *folder)
{
    char *path = advntk__folder_file(folder, "metrics.jsonl", NULL), *bytes = NULL;
    int64_t count = 0;
    size_t length = 0;

    if (path && advntk__files_read(path, METRICS_LIMIT, &bytes, &length, NULL) == ADVNTK_OK) {
        for (size_t i = 0; i < length; i++) {
            count += bytes[i] == '\n';
        }
    }
    free(bytes);
    free(path);
    return count;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What of the run is in its folder. */
static advntk_status look_at_folder(const struct builder *b, struct advntk__item *item,
                                    struct advntk_error *err)
{
    struct advntk__folder folder;
    char *path = NULL;
    advntk_status rc = ADVNTK_OK;

    item->evaluations_left = item->config->evaluation_count;
    if (b->listed &&
        (!b->ids || !bsearch(item->id, b->ids, (size_t)b->id_count, sizeof(*b->ids), by_id))) {
        return rc; /* the folder is not there */
    }
    TRY(advntk__folder_init(&folder, b->setup->results, item->id, err));
    item->stored = advntk__folder_state(&folder);
    path = advntk__folder_file(&folder, "predictor.npz", NULL);
    item->trained = path && access(path, F_OK) == 0;
    free(path);
    if (item->stored == ADVNTK__RUN_INTERRUPTED && !item->trained) {
        item->steps_done = count_steps(&folder);
    }
    item->evaluations_left = 0;
    for (ptrdiff_t i = 0; i < item->config->evaluation_count; i++) {
        struct advntk__item_evaluation *e = &item->evaluations[i];
        TRY(advntk__record_holds(&folder, &item->config->evaluations[i], e->digest, &e->done, err));
        item->evaluations_left += !e->done;
    }
out:
    advntk__folder_close(&folder);
    return rc;
}

static advntk_status check_needs(const struct advntk__run_config *config,
                                 const struct advntk__split *split, struct advntk_error *err)
{
    const struct advntk_method_ops *method = config->method.plugin->ops;
    advntk_status rc = ADVNTK_OK;

    if (config->evaluation_count && split->test.count == 0) {
        FAIL(err, EINVALID, "data.test: there are no test images to evaluate on");
    }
    if (method->needs_validation && split->validation.count == 0) {
        FAIL(err, EINVALID,
             "data.validation: method %s needs validation images, and there are none",
             config->method.plugin->name);
    }
    TRY(advntk__slots_check(config, split->classes, err));
out:
    return rc;
}

static advntk_status check_method(const struct advntk__run_services *services,
                                  struct advntk_error *err)
{
    const struct advntk_slot *slot = &services->config->method;
    const struct advntk_method_ops *method = slot->plugin->ops;
    advntk_status rc =
        method->suits ? method->suits(slot->config, &services->problem, err) : ADVNTK_OK;

    return rc == ADVNTK_OK ? rc : advntk_error_prefix(err, "method %s: ", slot->plugin->name);
}

static advntk_status check_graph(const struct advntk__run_services *services,
                                 struct advntk_error *err)
{
    const struct advntk_problem *p = &services->problem;
    struct advntk_graph *graph = NULL;
    advntk_status rc = advntk__model_graph(&services->config->model, p->height, p->width,
                                           p->channels, p->classes, &graph, err);

    advntk__graph_free(graph);
    return rc;
}

/* last: whose evaluations may be the same; NULL: none. */
static advntk_status fill_ids(struct advntk__item *item, const struct advntk__item *last,
                              const struct advntk__split *split, struct advntk_error *err)
{
    const struct advntk__run_config *config = item->config;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__identity_fit(config, split, item->fit, err));
    advntk__id_of(item->fit, item->id);
    item->evaluations = calloc((size_t)config->evaluation_count + 1, sizeof(*item->evaluations));
    if (!item->evaluations) {
        FAIL(err, ENOMEM, "no memory for %td evaluations", config->evaluation_count);
    }
    for (ptrdiff_t i = 0; i < config->evaluation_count; i++) {
        struct advntk__item_evaluation *e = &item->evaluations[i];
        e->images = advntk__evaluation_images(&config->evaluations[i], split->test.count);
        if (last && last->config->evaluations == config->evaluations && last->test == item->test) {
            memcpy(e->digest, last->evaluations[i].digest, sizeof(e->digest));
            continue;
        }
        TRY(advntk__identity_evaluation(&config->evaluations[i], e->images, e->digest, err));
    }
out:
    return rc;
}

/* Everything about a run; what fails is the run's fault. */
static advntk_status examine(struct builder *b, const struct order *order,
                             const struct order *before, struct advntk_error *err)
{
    struct advntk__item *item = &b->inventory->items[order->item];
    const struct advntk__run_config *config = item->config;
    const struct advntk_method_ops *method = config->method.plugin->ops;
    struct advntk__kernel_memory none = {0};
    struct advntk__run_services services;
    struct advntk__opened_source *source;
    const struct advntk__split *split = &b->split;
    advntk_status rc = ADVNTK_OK;

    TRY(data_set(b, config, &source, err));
    if (source->status != ADVNTK_OK) {
        *err = source->error;
        rc = source->status;
        goto out;
    }
    item->source = &source->source;
    TRY(split_of(b, item, order, before, err));
    TRY(check_needs(config, split, err));
    if (split->train.count > INT32_MAX) { /* so that no sum of bytes overflows */
        FAIL(err, ELIMIT, "data.train: %td images, expected at most %d", split->train.count,
             INT32_MAX);
    }
    TRY(advntk__services_init(&services, config, split, &none, err));
    memcpy(item->kernel, services.kernel_key, sizeof(item->kernel));
    memcpy(item->images_key, services.images_key, sizeof(item->images_key));
    item->train = split->train.count;
    item->validation = split->validation.count;
    item->test = split->test.count;
    item->classes = split->classes;
    item->height = services.problem.height;
    item->width = services.problem.width;
    item->channels = services.problem.channels;
    TRY(fill_ids(item, b->last, split, err));
    TRY(look_at_folder(b, item, err));
    TRY(check_method(&services, err));
    if (b->setup->with_graphs && method->needs_kernel) {
        TRY(check_graph(&services, err));
    }
    advntk__memory_need(&services, &item->need);
out:
    return rc;
}

static double bytes_of(const struct advntk__memory *need)
{
    return (double)need->gram + (double)need->method + (double)need->images;
}

/* What backend, stacks and allocator of a job take once it computes: 2 to 6 MiB were measured. */
static const double growth = 6 << 20;

struct advntk__room advntk__inventory_room(struct advntk__inventory *inventory,
                                           const struct advntk__runner_options *options,
                                           int threads)
{
    enum { TILES_AT_WORK = 2 }; /* of a thread: one as stored, one widened */
    const int64_t limit = options->memory_limit, cache = advntk__cache_limit(options);
    const int64_t tiles = (int64_t)threads * TILES_AT_WORK *
                          (int64_t)advntk__gram_tile_bytes(ADVNTK_PRECISION_FLOAT64);
    const int jobs = options->jobs > 1 ? options->jobs : 1;
    struct advntk__room room = {.bytes = advntk__room_free()};

    room.work = (double)jobs * growth + (double)tiles;
    if (limit) {
        room.bytes = (double)limit;
        room.held = advntk__room_used() + room.work;
        room.limited = true;
    }
    for (ptrdiff_t i = 0; i < inventory->count; i++) {
        struct advntk__memory *need = &inventory->items[i].need;
        struct advntk__memory less = *need;
        less.gram = 0; /* the tiles at work are in room.work */
        less.on_disk = true;
        if (need->gram <= cache && tiles < need->gram && bytes_of(need) + room.held > room.bytes &&
            bytes_of(&less) + room.held <= room.bytes) {
            *need = less;
        }
    }
    return room;
}

advntk_status advntk__item_fits(const struct advntk__item *item, struct advntk__room room,
                                struct advntk_error *err)
{
    const struct advntk__memory *need = &item->need;
    const double all = bytes_of(need) + room.held;
    char text[6][32], held[64] = "";

    if (all <= room.bytes) {
        return ADVNTK_OK;
    }
    if (room.limited) {
        snprintf(held, sizeof(held), "program and data %s, ",
                 advntk__size_text((int64_t)room.held, text[5]));
    }
    return ADVNTK_FAIL(
        err, ELIMIT,
        "this run needs %s (%skernel matrix of %td images %s, method %s %s, images and workspace "
        "%s), %s are %s: use %sfewer training images%s",
        advntk__size_text((int64_t)all, text[0]), held, item->train,
        advntk__size_text(need->gram, text[1]), item->config->method.plugin->name,
        advntk__size_text(need->method, text[2]), advntk__size_text(need->images, text[3]),
        advntk__size_text((int64_t)room.bytes, text[4]),
        room.limited ? "allowed by --memory" : "free",
        item->config->precision == ADVNTK_PRECISION_FLOAT64 ? "precision float32, " : "",
        room.limited ? " or a larger --memory" : ", or a machine with more");
}

bool advntk__item_is_done(const struct advntk__item *item)
{
    return item->stored == ADVNTK__RUN_FINISHED && item->evaluations_left == 0;
}

struct fit_place {
    uint8_t fit[16];
    ptrdiff_t item;
};

static int by_fit(const void *a, const void *b)
{
    const struct fit_place *x = a, *y = b;
    int order = memcmp(x->fit, y->fit, sizeof(x->fit));

    return order ? order : (x->item > y->item) - (x->item < y->item);
}

/* first_of_fit of every item. */
static advntk_status link_fits(struct advntk__inventory *all, struct advntk_error *err)
{
    struct fit_place *order = calloc((size_t)all->count + 1, sizeof(*order));

    if (!order) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for %td runs", all->count);
    }
    for (ptrdiff_t i = 0; i < all->count; i++) {
        order[i].item = i;
        memcpy(order[i].fit, all->items[i].fit, sizeof(order[i].fit));
    }
    qsort(order, (size_t)all->count, sizeof(*order), by_fit);
    for (ptrdiff_t at = 0; at < all->count; at++) {
        struct advntk__item *item = &all->items[order[at].item];
        const struct advntk__item *before = at ? &all->items[order[at - 1].item] : NULL;
        bool same = before && *item->id && memcmp(before->fit, item->fit, 16) == 0;
        item->first_of_fit = same ? before->first_of_fit : order[at].item;
    }
    free(order);
    return ADVNTK_OK;
}

/* Whether the records of finished runs are good, each read once. */
static advntk_status look_at_records(const struct advntk__inventory_setup *setup,
                                     struct advntk__inventory *all, struct advntk_error *err)
{
    struct advntk__folder folder = {.lock = -1};
    struct advntk_error damage;
    json_t *record = NULL;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t i = 0; i < all->count; i++) {
        struct advntk__item *item = &all->items[i];
        if (item->first_of_fit != i) {
            item->stored = all->items[item->first_of_fit].stored;
        } else if (item->stored == ADVNTK__RUN_FINISHED) {
            TRY(advntk__folder_init(&folder, setup->results, item->id, err));
            item->stored = advntk__record_state(&folder, &record, &damage);
            if (record) {
                advntk__builds_see(setup->builds, record);
            }
            json_decref(record);
            advntk__folder_close(&folder);
        }
    }
out:
    return rc;
}

/* The items, those with the same images behind each other. */
static advntk_status order_items(const struct advntk__inventory *all, struct order *order,
                                 struct advntk_error *err)
{
    const struct advntk_node *data = NULL;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t i = 0; i < all->count; i++) {
        const struct advntk__run_config *config = all->items[i].config;
        const struct advntk_node *own = advntk_node_get(config->tree, "data");
        order[i].item = i;
        order[i].seed = config->seed;
        if (i > 0 && own == data) {
            memcpy(order[i].data, order[i - 1].data, sizeof(order[i].data));
        } else {
            TRY(advntk__tree_identity(own, order[i].data, err));
        }
        data = own;
    }
    qsort(order, (size_t)all->count, sizeof(*order), by_images);
out:
    return rc;
}

/* Notes what is wrong with a run. */
static advntk_status set_fault(struct advntk__item *item, const struct advntk_error *why,
                               struct advntk_error *err)
{
    item->message = malloc(sizeof(*why));
    if (!item->message) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for what is wrong with runs");
    }
    *item->message = *why;
    return ADVNTK_OK;
}

advntk_status advntk__inventory_init(struct advntk__inventory *inventory,
                                     const struct advntk__study *study,
                                     const struct advntk__inventory_setup *setup,
                                     struct advntk_error *err)
{
    struct builder b = {.setup = setup, .inventory = inventory};
    struct order *order = calloc((size_t)study->count, sizeof(*order));
    struct advntk_error why;
    advntk_status rc = ADVNTK_OK;

    *inventory = (struct advntk__inventory){
        .count = study->count, .items = calloc((size_t)study->count, sizeof(struct advntk__item))};
    if (!inventory->items || !order) {
        FAIL(err, ENOMEM, "no memory for %td runs", study->count);
    }
    for (ptrdiff_t i = 0; i < study->count; i++) {
        inventory->items[i].config = &study->runs[i];
    }
    TRY(order_items(inventory, order, err));
    b.listed = advntk__store_list(setup->results, &b.ids, &b.id_count, NULL) == ADVNTK_OK;
    for (ptrdiff_t i = 0; i < study->count; i++) {
        struct advntk__item *item = &inventory->items[order[i].item];
        TRY(advntk_cancelled(setup->host, err));
        item->fault = examine(&b, &order[i], i ? &order[i - 1] : NULL, &why);
        if (item->fault == ADVNTK_ECANCELLED) { /* as it opened its data set */
            FAIL(err, ECANCELLED, "%s", why.text);
        }
        b.last = item->fault == ADVNTK_OK ? item : NULL;
        if (item->fault != ADVNTK_OK) {
            TRY(set_fault(item, &why, err));
        }
    }
    TRY(link_fits(inventory, err));
    if (setup->builds) {
        TRY(look_at_records(setup, inventory, err));
    }
out:
    if (b.at) {
        advntk__split_release(&b.split);
    }
    free(order);
    free(b.ids);
    if (rc != ADVNTK_OK) {
        advntk__inventory_release(inventory);
    }
    return rc;
}

void advntk__inventory_release(struct advntk__inventory *inventory)
{
    for (ptrdiff_t i = 0; inventory->items && i < inventory->count; i++) {
        free(inventory->items[i].evaluations);
        free(inventory->items[i].message);
    }
    free(inventory->items);
    for (ptrdiff_t i = 0; i < inventory->source_count; i++) {
        advntk__source_close(&inventory->sources[i]->source);
        free(inventory->sources[i]);
    }
    free(inventory->sources);
    *inventory = (struct advntk__inventory){0};
}
