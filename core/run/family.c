/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/family.h"

#include "base/digests.h"
#include "base/hash.h"
#include "base/host.h"
#include "base/try.h"
#include "graph/graph.h"
#include "linalg/gram.h"
#include "run/cost.h"
#include "run/identity.h"
#include "run/runner.h"
#include "store/tiles.h"

#include <advntk/plugin.h>
#include <stdlib.h>
#include <string.h>

/* A network joins where it saves this share of its own work: for less, the larger working set of a
 * pair costs as much as is saved. */
static const double worth = 0.1;

/* ---- which networks ---- */

/* A network of the study. */
struct candidate {
    ptrdiff_t item;   /* the first that has it */
    uint8_t key[16];  /* what all of a family have in common: images, precision, kernel, kinship */
    bool kin;         /* it may have any */
    ptrdiff_t family; /* -1: none yet */
    struct advntk_graph *graph;
};

struct former {
    const struct advntk__inventory *inventory;
    struct advntk__families *families;
    ptrdiff_t count;
    struct candidate *list;
    struct advntk__digests kernels; /* to networks */
    struct advntk__digests layers;  /* of a key and a layer: to the first family that has it */
    struct advntk__digests members; /* of a layer and a family: 0, where the family has it */
    int64_t cache;                  /* bytes that it may hold */
};

static const struct advntk__item *item_of(const struct former *f, ptrdiff_t i)
{
    return &f->inventory->items[f->list[i].item];
}

static advntk_status common_key(const struct advntk__item *item, int64_t kinship, uint8_t key[16],
                                struct advntk_error *err)
{
    struct advntk__hash *hash = advntk__hash_new();
    advntk_status rc = ADVNTK_OK;

    if (!hash) {
        FAIL(err, ENOMEM, "no memory for a digest");
    }
    advntk__hash_add(hash, item->images_key, sizeof(item->images_key));
    advntk__hash_int(hash, item->config->precision);
    advntk__hash_int(hash, kinship);
    TRY(advntk__slot_identity(&item->config->model.kernel, hash, err));
    advntk__hash_end(hash, key);
out:
    advntk__hash_free(hash);
    return rc;
}

/* Adds an item's network, unless its kernel has no passes for several. */
static advntk_status add_candidate(struct former *f, ptrdiff_t at, struct advntk_error *err)
{
    const struct advntk__item *item = &f->inventory->items[at];
    const struct advntk__model_config *model = &item->config->model;
    const struct advntk_kernel_ops *ops = model->kernel.plugin->ops;
    struct candidate *c = &f->list[f->count];
    struct advntk_kernel_setup setup = {.height = item->height,
                                        .width = item->width,
                                        .channels = item->channels,
                                        .precision = item->config->precision};
    int64_t kinship;
    advntk_status rc = ADVNTK_OK;

    if (!ops->needs_architecture || !ops->kinship) {
        goto out;
    }
    *c = (struct candidate){.item = at, .family = -1};
    TRY(advntk__model_graph(model, item->height, item->width, item->channels, item->classes,
                            &c->graph, err));
    f->count++;
    setup.graph = c->graph;
    kinship = ops->kinship(model->kernel.config, &setup);
    c->kin = kinship != 0;
    TRY(common_key(item, kinship, c->key, err));
    TRY(advntk__digests_set(&f->kernels, item->kernel, f->count - 1, err));
out:
    return rc;
}

static bool is_wanted(const struct advntk__item *item, const struct advntk__runner_options *options)
{
    const struct advntk_method_ops *method = item->config->method.plugin->ops;

    return item->fault == ADVNTK_OK && method->needs_kernel && (!item->trained || options->fresh);
}

/* The networks of all runs, each once. */
static advntk_status find_candidates(struct former *f, const struct advntk__runner_options *options,
                                     struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t i = 0; i < f->inventory->count; i++) {
        const struct advntk__item *item = &f->inventory->items[i];
        if (is_wanted(item, options) && advntk__digests_get(&f->kernels, item->kernel) < 0) {
            TRY(add_candidate(f, i, err));
        }
    }
out:
    return rc;
}

static advntk_status join(struct former *f, ptrdiff_t family, ptrdiff_t i, double flops,
                          struct advntk_error *err)
{
    const struct advntk__item *item = item_of(f, i);
    struct advntk__family *to = &f->families->list[family];

    if (to->count == to->room) {
        ptrdiff_t room = to->room ? 2 * to->room : 4;
        struct advntk__member *grown = realloc(to->members, (size_t)room * sizeof(*grown));
        if (!grown) {
            return ADVNTK_FAIL(err, ENOMEM, "no memory for %td networks", room);
        }
        to->members = grown;
        to->room = room;
    }
    to->members[to->count] = (struct advntk__member){
        .config = item->config, .flops = advntk__graph_flops(f->list[i].graph)};
    memcpy(to->members[to->count++].kernel, item->kernel, sizeof(item->kernel));
    to->flops = flops;
    f->list[i].family = family;
    return ADVNTK_OK;
}

/* The layers of a network. */
struct layers {
    ptrdiff_t count;
    uint8_t (*digest)[16];
    double *flops, alone; /* of each, of all */
};

static void layers_release(struct layers *layers)
{
    free(layers->digest);
    free(layers->flops);
}

static advntk_status layers_init(struct layers *layers, const struct advntk_graph *graph,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    *layers = (struct layers){.count = advntk__graph_count(graph)};
    layers->digest = calloc((size_t)layers->count, sizeof(*layers->digest));
    layers->flops = calloc((size_t)layers->count, sizeof(*layers->flops));
    if (!layers->digest || !layers->flops) {
        FAIL(err, ENOMEM, "no memory for a network of %td layers", layers->count);
    }
    TRY(advntk__graph_digests(graph, layers->digest, layers->flops, err));
    for (ptrdiff_t k = 0; k < layers->count; k++) {
        layers->alone += layers->flops[k];
    }
out:
    return rc;
}

static void member_key(const uint8_t layer[16], ptrdiff_t family, uint8_t key[16])
{
    uint8_t number[16] = {0};

    memcpy(number, &family, sizeof(family));
    advntk__digest_pair(layer, number, key);
}

/* Whether the cache holds the matrices of a family and one more. */
static bool has_room(const struct former *f, ptrdiff_t family, const struct advntk__item *item)
{
    const double bytes = (double)advntk__gram_tiles(item->train) *
                         (double)advntk__gram_tile_bytes(item->config->precision);

    return bytes * (double)(f->families->list[family].count + 1) <= (double)f->cache;
}

/* Flops of the layers that a family has already. */
static double flops_saved(const struct former *f, ptrdiff_t family, const struct layers *layers)
{
    double saved = 0;
    uint8_t key[16];

    for (ptrdiff_t k = 0; k < layers->count; k++) {
        member_key(layers->digest[k], family, key);
        saved += advntk__digests_get(&f->members, key) >= 0 ? layers->flops[k] : 0;
    }
    return saved;
}

/* Books the layers of network i with its family. */
static advntk_status add_layers(struct former *f, ptrdiff_t i, const struct layers *layers,
                                struct advntk_error *err)
{
    const struct candidate *c = &f->list[i];
    uint8_t key[16];
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t k = 0; c->kin && k < layers->count; k++) {
        ptrdiff_t first;
        member_key(layers->digest[k], c->family, key);
        TRY(advntk__digests_set(&f->members, key, 0, err));
        advntk__digest_pair(layers->digest[k], c->key, key);
        first = advntk__digests_get(&f->layers, key);
        if (first < 0 || !has_room(f, first, item_of(f, i))) {
            TRY(advntk__digests_set(&f->layers, key, c->family, err));
        }
    }
out:
    return rc;
}

/* Into the first family that has one of its layers and in which network i is worth it, or one of
 * its own. */
static advntk_status place(struct former *f, ptrdiff_t i, struct advntk_error *err)
{
    const struct candidate *c = &f->list[i];
    struct layers layers;
    ptrdiff_t best = -1;
    double saved = 0;
    advntk_status rc = ADVNTK_OK;

    TRY(layers_init(&layers, c->graph, err));
    for (ptrdiff_t k = 0; c->kin && k < layers.count; k++) {
        uint8_t key[16];
        ptrdiff_t family;
        double its;
        advntk__digest_pair(layers.digest[k], c->key, key);
        family = advntk__digests_get(&f->layers, key);
        if (family < 0 || (best >= 0 && family >= best) || !has_room(f, family, item_of(f, i))) {
            continue;
        }
        its = flops_saved(f, family, &layers);
        if (its >= worth * layers.alone) {
            best = family;
            saved = its;
        }
    }
    if (best >= 0) {
        TRY(join(f, best, i, f->families->list[best].flops + layers.alone - saved, err));
    } else {
        TRY(join(f, f->families->count++, i, layers.alone, err));
    }
    TRY(add_layers(f, i, &layers, err));
out:
    layers_release(&layers);
    return rc;
}

/* Says for each item which family of more than one it is of. */
static void link_items(const struct former *f, const struct advntk__runner_options *options)
{
    for (ptrdiff_t i = 0; i < f->inventory->count; i++) {
        const struct advntk__item *item = &f->inventory->items[i];
        ptrdiff_t k =
            is_wanted(item, options) ? advntk__digests_get(&f->kernels, item->kernel) : -1;
        if (k >= 0 && f->families->list[f->list[k].family].count > 1) {
            f->families->of[i] = f->list[k].family;
        }
    }
}

advntk_status advntk__families_init(struct advntk__families *families,
                                    const struct advntk__inventory *inventory,
                                    const struct advntk__runner_options *options,
                                    struct advntk_error *err)
{
    struct former f = {.inventory = inventory, .families = families};
    const size_t count = (size_t)inventory->count;
    advntk_status rc = ADVNTK_OK;

    *families = (struct advntk__families){.list = calloc(count, sizeof(*families->list)),
                                          .of = calloc(count, sizeof(*families->of))};
    f.list = calloc(count, sizeof(*f.list));
    if (!families->list || !families->of || !f.list) {
        FAIL(err, ENOMEM, "no memory for %td runs", inventory->count);
    }
    for (ptrdiff_t i = 0; i < inventory->count; i++) {
        families->of[i] = -1;
    }
    f.cache = advntk__cache_limit(options);
    if (f.cache < 0) {
        goto out;
    }
    TRY(find_candidates(&f, options, err));
    for (ptrdiff_t i = 0; i < f.count; i++) {
        TRY(place(&f, i, err));
    }
    link_items(&f, options);
out:
    for (ptrdiff_t i = 0; i < f.count; i++) {
        advntk__graph_free(f.list[i].graph);
    }
    free(f.list);
    advntk__digests_release(&f.kernels);
    advntk__digests_release(&f.layers);
    advntk__digests_release(&f.members);
    return rc;
}

void advntk__families_release(struct advntk__families *families)
{
    for (ptrdiff_t i = 0; families->list && i < families->count; i++) {
        free(families->list[i].members);
    }
    free(families->list);
    free(families->of);
    *families = (struct advntk__families){0};
}

bool advntk__family_fits(const struct advntk__family *family, const struct advntk__item *item,
                         int threads, double free)
{
    const enum advntk_precision precision = item->config->precision;
    const double real = precision == ADVNTK_PRECISION_FLOAT32 ? sizeof(float) : sizeof(double);
    const double layers = 128; /* numbers an image that the layers keep: advntk__memory_need */
    const double values = (double)(item->height * item->width * item->channels);
    const double points = (double)item->train * (values + layers) * real;
    const double tiles =
        (double)family->count * threads * (double)advntk__gram_tile_bytes(precision);

    return points + tiles <= (double)item->need.gram + (double)item->need.method + free;
}

/* The class of what the pass for all of its matrices costs (run/cost.h, ADVNTK__PHASE_MATRIX).
 * Shape of the images: height, width, channels. */
static void pass_kind(const struct advntk_host *host, const struct advntk__family *family,
                      const ptrdiff_t shape[3], uint8_t kind[16])
{
    struct advntk__hash *hash = advntk__hash_new();

    memset(kind, 0, 16);
    for (ptrdiff_t m = 0; hash && m < family->count; m++) {
        uint8_t member[16];
        advntk__cost_kind(host, family->members[m].config, shape, ADVNTK__PHASE_MATRIX, 0, member);
        advntk__hash_add(hash, member, sizeof(member));
    }
    if (hash) {
        advntk__hash_end(hash, kind);
    }
    advntk__hash_free(hash);
}

bool advntk__family_cost(const struct advntk__family *family, struct advntk__costs *costs,
                         const struct advntk_host *host, const struct advntk__item *item,
                         struct advntk__spent *spent)
{
    const ptrdiff_t shape[3] = {item->height, item->width, item->channels};
    uint8_t kind[16];

    pass_kind(host, family, shape, kind);
    return advntk__costs_get(costs, ADVNTK__PHASE_MATRIX, kind, item->train, host->threads, spent);
}

/* ---- the pass ---- */

/* A member of the pass. */
struct part {
    const struct advntk__member *member;
    uint8_t key[16]; /* in the cache */
    struct advntk_graph *graph;
    struct advntk__tiles *stored;
};

struct pass {
    struct advntk_host *host;
    const struct advntk__family *family;
    ptrdiff_t count;
    struct part *parts;
    bool done; /* the run's own matrix is there already */
};

static int by_key(const void *a, const void *b)
{
    const struct part *const *x = a, *const *y = b;

    return memcmp((*x)->key, (*y)->key, sizeof((*x)->key));
}

static void drop_part(struct part *part)
{
    advntk__tiles_close(part->stored);
    advntk__graph_free(part->graph);
    part->stored = NULL;
    part->graph = NULL;
}

/* Opens the cache entries in the order of their keys, so that two processes do not wait for each
 * other; those that are whole are let go. */
static advntk_status open_parts(struct pass *p, struct advntk_error *err)
{
    const struct advntk__run_services *s = p->host->services;
    struct part **order = calloc((size_t)p->count, sizeof(struct part *));
    advntk_status rc = ADVNTK_OK;

    if (!order) {
        FAIL(err, ENOMEM, "no memory for %td networks", p->count);
    }
    for (ptrdiff_t i = 0; i < p->count; i++) {
        order[i] = &p->parts[i];
    }
    qsort(order, (size_t)p->count, sizeof(struct part *), by_key);
    for (ptrdiff_t i = 0; i < p->count && !p->done; i++) {
        struct part *part = order[i];
        bool own = memcmp(part->member->kernel, s->kernel_key, sizeof(s->kernel_key)) == 0;
        TRY(advntk__open_stored(p->host, part->member->config, part->key, &part->stored, err));
        if (!part->stored) {
            FAIL(err, ELIMIT, "the cache does not take all of them");
        }
        if (advntk__tiles_complete(part->stored)) {
            p->done = own;
            drop_part(part);
        }
    }
out:
    free(order);
    return rc;
}

static advntk_status find_parts(struct pass *p, const struct advntk__family *family,
                                struct advntk_error *err)
{
    const struct advntk_problem *problem = &p->host->services->problem;
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t i = 0; i < family->count; i++) {
        const struct advntk__member *member = &family->members[i];
        const struct advntk__model_config *model = &member->config->model;
        struct part *part = &p->parts[i];
        part->member = member;
        TRY(advntk__model_graph(model, problem->height, problem->width, problem->channels,
                                problem->classes, &part->graph, err));
        TRY(advntk__identity_cached(p->host, p->host->services->registry, model, member->kernel,
                                    part->graph, part->key, err));
    }
out:
    return rc;
}

/* Where all of all matrices was computed. */
static void note_costs(const struct pass *p, ptrdiff_t computed, struct advntk__spent spent)
{
    const struct advntk_problem *problem = &p->host->services->problem;
    const ptrdiff_t shape[3] = {problem->height, problem->width, problem->channels};
    uint8_t kind[16];

    if (p->count == p->family->count && computed == advntk__gram_tiles(problem->train)) {
        pass_kind(p->host, p->family, shape, kind);
        advntk__cost_note_pass(p->host, kind, spent);
    }
}

/* Over the parts that are left. */
static advntk_status run_pass(const struct pass *p, ptrdiff_t *computed, struct advntk_error *err)
{
    const struct advntk__run_services *s = p->host->services;
    const struct advntk_problem *problem = &s->problem;
    const struct advntk_slot *kernel = &s->config->model.kernel;
    const struct advntk_kernel_ops *ops = kernel->plugin->ops;
    struct advntk_kernel_setup setup = {.height = problem->height,
                                        .width = problem->width,
                                        .channels = problem->channels,
                                        .precision = problem->precision};
    const struct advntk_graph **graphs = calloc((size_t)p->count, sizeof(struct advntk_graph *));
    struct advntk__tiles **stored = calloc((size_t)p->count, sizeof(struct advntk__tiles *));
    struct advntk_graph *merged = NULL;
    void *state = NULL, *points = NULL;
    struct advntk__spent started = advntk__spent_now();
    const struct advntk__kept kept = advntk__kept_now(p->host);
    advntk_status rc = ADVNTK_OK;

    if (!graphs || !stored) {
        FAIL(err, ENOMEM, "no memory for %td networks", p->count);
    }
    for (ptrdiff_t i = 0; i < p->count; i++) {
        graphs[i] = p->parts[i].graph;
        stored[i] = p->parts[i].stored;
    }
    TRY(advntk__graph_merge(p->count, graphs, &merged, err));
    setup.graph = merged;
    TRY(ops->open(kernel->config, p->host, &setup, &state, err));
    TRY(advntk__train_points(p->host, ops, state, &points, err));
    TRY(advntk__gram_family(p->host, ops, state, points, problem->train, problem->precision,
                            p->count, stored, computed, err));
    advntk_log(p->host, ADVNTK_LOG_INFO, "kernel matrices of %td networks from one pass: %td tiles",
               p->count, *computed);
    note_costs(
        p, *computed,
        advntk__spent_less(advntk__spent_since(started), advntk__kept_since(p->host, kept).spent));
out:
    if (points) {
        ops->points_free(state, points);
    }
    if (state) {
        ops->close(state);
    }
    advntk__graph_free(merged);
    free(graphs);
    free(stored);
    return rc;
}

advntk_status advntk__family_fill(struct advntk_host *host, const struct advntk__family *family,
                                  ptrdiff_t *computed, struct advntk_error *err)
{
    struct pass p = {.host = host, .family = family, .count = family->count};
    ptrdiff_t left = 0;
    advntk_status rc = ADVNTK_OK;

    p.parts = calloc((size_t)family->count, sizeof(*p.parts));
    if (!p.parts) {
        FAIL(err, ENOMEM, "no memory for %td networks", family->count);
    }
    TRY(find_parts(&p, family, err));
    TRY(open_parts(&p, err));
    for (ptrdiff_t i = 0; i < p.count; i++) {
        if (p.parts[i].stored) {
            struct part part = p.parts[i];
            p.parts[i] = p.parts[left];
            p.parts[left++] = part;
        }
    }
    if (!p.done && left > 1) {
        ptrdiff_t all = p.count;
        p.count = left;
        rc = run_pass(&p, computed, err);
        p.count = all;
    }
out:
    for (ptrdiff_t i = 0; p.parts && i < p.count; i++) {
        drop_part(&p.parts[i]);
    }
    free(p.parts);
    return rc;
}
