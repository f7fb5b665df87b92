/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/plan.h"

#include "base/digests.h"
#include "base/host.h"
#include "base/try.h"
#include "linalg/gram.h"
#include "linalg/room.h"
#include "run/build.h"
#include "run/cost.h"
#include "run/family.h"
#include "run/inventory.h"
#include "run/probe.h"
#include "run/record.h"

#include <advntk/node.h>
#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum state { DONE, PARTLY, TO_DO, IMPOSSIBLE, STATES };
static const char *const state_names[STATES] = {"done", "partly", "to do", "impossible"};

struct row {
    enum state state;
    bool known, alone_known; /* what it costs; if nothing were shared */
    struct advntk_error why; /* IMPOSSIBLE; or not known, as measuring it failed: status not OK */
    struct advntk__spent charged, alone;
    ptrdiff_t matrix_of; /* first item with the kernel, done or not */
    ptrdiff_t pass_of;   /* first item whose matrix is computed in the same pass */
    ptrdiff_t factor_of; /* first item that computes its model's Cholesky factor */
    bool matrix, model;  /* charged to this one */
    bool factor;         /* of its model: read from the cache */
    bool matrix_charged; /* of the first with this matrix: to it or a later one */
    bool begun;          /* of the first of this fit: it or a later one is */
    uint8_t key[16];     /* of the first with this matrix: its name in the cache */
    const struct advntk_plugin *key_backend; /* that is of; NULL: not known yet */
    double missing;                          /* share of the matrix that is not in the cache */
    ptrdiff_t evaluations;                   /* charged to this one */
    ptrdiff_t rejudged;                      /* of them: follow from another radius */
};

struct planner {
    struct advntk_host *host; /* with as many threads as a run will have */
    const struct advntk__registry *registry;
    const struct advntk__runner_options *options;
    struct advntk__inventory inventory;
    struct advntk__builds builds;
    struct advntk__families families;
    struct advntk__room room;
    struct advntk__costs *costs;
    struct row *rows;
    struct advntk__digests kernels; /* to the first item with it */
    struct advntk__digests factors; /* by their names in the cache: to the item that is charged */
    struct advntk__digests
        evaluations; /* of a fit and an evaluation: to the item that is charged */
};

static int jobs_of(const struct planner *p)
{
    return p->options->jobs > 1 ? p->options->jobs : 1;
}

/* Whether matrices and factors are put into the cache. */
static bool keeps(const struct planner *p)
{
    return advntk__cache_limit(p->options) >= 0;
}

static advntk_status judge(struct planner *p, ptrdiff_t i, struct advntk_error *err)
{
    const struct advntk__item *item = &p->inventory.items[i];
    struct row *row = &p->rows[i];
    advntk_status rc = ADVNTK_OK;

    row->pass_of = row->factor_of = i;
    row->known = row->alone_known = true;
    row->matrix_of = p->options->no_share ? i : advntk__digests_get(&p->kernels, item->kernel);
    if (row->matrix_of < 0) {
        row->matrix_of = i;
        TRY(advntk__digests_set(&p->kernels, item->kernel, i, err));
    }
    if (item->fault != ADVNTK_OK) {
        row->state = IMPOSSIBLE;
        row->why = *item->message;
    } else if (advntk__item_is_done(item)) {
        row->state = DONE;
    } else if (advntk__item_fits(item, p->room, &row->why) != ADVNTK_OK) {
        row->state = IMPOSSIBLE;
    } else {
        row->state = item->stored == ADVNTK__RUN_NONE ? TO_DO : PARTLY;
    }
out:
    return rc;
}

static void add(struct advntk__spent *sum, struct advntk__spent more, double share)
{
    sum->wall += more.wall * share;
    sum->cpu += more.cpu * share;
}

/* What is left of an interrupted training. */
static double share_left(const struct advntk__item *item)
{
    const struct advntk_method_ops *method = item->config->method.plugin->ops;
    double steps = method->steps ? (double)method->steps(item->config->method.config) : 1;

    return steps > 0 ? fmax(1 - (double)item->steps_done / steps, 0) : 1;
}

/* Evaluations of item i that no earlier item of its fit is charged with; then it is. */
static advntk_status own_evaluations(struct planner *p, ptrdiff_t i, bool *own,
                                     struct advntk_error *err)
{
    const struct advntk__item *item = &p->inventory.items[i];
    uint8_t key[16];
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t e = 0; e < item->config->evaluation_count; e++) {
        advntk__digest_pair(item->fit, item->evaluations[e].digest, key);
        own[e] = !item->evaluations[e].done && advntk__digests_get(&p->evaluations, key) < 0;
    }
    for (ptrdiff_t e = 0; e < item->config->evaluation_count; e++) {
        advntk__digest_pair(item->fit, item->evaluations[e].digest, key);
        if (own[e]) {
            TRY(advntk__digests_set(&p->evaluations, key, i, err));
        }
    }
out:
    return rc;
}

static double bytes_of(const struct advntk__item *item, enum advntk_precision precision)
{
    return (double)advntk__gram_tiles(item->train) * (double)advntk__gram_tile_bytes(precision);
}

/* What of an item lies in the cache, as far as training it asks for that. */
static advntk_status look_up(struct planner *p, ptrdiff_t i, struct advntk__cached *cached,
                             struct advntk_error *err)
{
    const struct advntk__item *item = &p->inventory.items[i];
    const struct advntk_method_ops *method = item->config->method.plugin->ops;
    struct row *first = &p->rows[p->rows[i].matrix_of];
    advntk_status rc = ADVNTK_OK;

    *cached = (struct advntk__cached){.missing = 1};
    if (keeps(p) && (p->rows[i].matrix || (p->rows[i].model && method->factors))) {
        if (first->key_backend != item->config->backend.plugin) {
            TRY(advntk__probe_key(p->host, p->registry, item, first->key, err));
            first->key_backend = item->config->backend.plugin;
        }
        TRY(advntk__probe_cache(item, p->options->results, first->key, cached, err));
    }
out:
    return rc;
}

/* Charges item i, whose model it trains, with its Cholesky factor: to be computed, or read where it
 * is kept or an earlier item keeps it. */
static advntk_status charge_factor(struct planner *p, ptrdiff_t i,
                                   const struct advntk__cached *cached,
                                   const struct advntk__forecast *own, struct advntk_error *err)
{
    const struct advntk__item *item = &p->inventory.items[i];
    const double bytes = bytes_of(item, ADVNTK_PRECISION_FLOAT64);
    struct row *row = &p->rows[i];
    advntk_status rc = ADVNTK_OK;

    if (cached->factor) {
        row->factor = true;
        add(&row->charged, (struct advntk__spent){cached->reading_factor, cached->reading_factor},
            1);
        return rc;
    }
    if (cached->wants_factor && bytes <= (double)advntk__cache_limit(p->options)) {
        row->factor_of = advntk__digests_get(&p->factors, cached->factor_key);
        row->factor = row->factor_of >= 0;
        if (row->factor) {
            add(&row->charged, own->kept_byte, bytes);
            return rc;
        }
        row->factor_of = i;
        TRY(advntk__digests_set(&p->factors, cached->factor_key, i, err));
    }
    add(&row->charged, own->factor, share_left(item));
    add(&row->charged, own->kept_steps, keeps(p));
out:
    return rc;
}

static advntk_status charge(struct planner *p, ptrdiff_t i, struct advntk_error *err)
{
    const struct advntk__item *item = &p->inventory.items[i];
    const struct advntk_method_ops *method = item->config->method.plugin->ops;
    struct row *row = &p->rows[i], *kernel = &p->rows[row->matrix_of],
               *fit = &p->rows[item->first_of_fit];
    struct advntk__forecast own, all;
    struct advntk__cached cached;
    bool *mine = calloc((size_t)item->config->evaluation_count + 1, sizeof(*mine));
    advntk_status rc = ADVNTK_OK;

    if (!mine) {
        FAIL(err, ENOMEM, "no memory for the plan");
    }
    TRY(own_evaluations(p, i, mine, err));
    for (ptrdiff_t e = 0; e < item->config->evaluation_count; e++) {
        row->evaluations += mine[e];
    }
    row->model = fit->begun ? p->options->no_share : !item->trained;
    fit->begun = true;
    row->matrix = row->model && method->needs_kernel && !kernel->matrix_charged;
    kernel->matrix_charged |= row->matrix;
    advntk__forecast(p->costs, p->host, item, p->host->threads, NULL, &all);
    advntk__forecast(p->costs, p->host, item, p->host->threads, mine, &own);
    row->known = all.known || all.matrix_only; /* that of its matrix: charge_matrices */
    row->alone_known = all.known;
    row->rejudged = own.rejudged;
    add(&row->charged, own.rest, 1);
    add(&row->charged, own.evaluation, 1);
    add(&row->charged, own.training, row->model ? share_left(item) : 0);
    TRY(look_up(p, i, &cached, err));
    if (row->matrix) {
        row->missing = cached.missing;
        add(&row->charged, (struct advntk__spent){cached.reading, cached.reading}, 1);
    }
    if (row->model) {
        TRY(charge_factor(p, i, &cached, &own, err));
    }
    add(&row->alone, all.rest, 1);
    add(&row->alone, all.evaluation, 1);
    add(&row->alone, all.training, 1);
    add(&row->alone, all.factor, 1);
    add(&row->alone, all.matrix, 1);
out:
    free(mine);
    return rc;
}

/* ---- matrices, each alone or a family in one pass ---- */

/* The family of an item whose matrix is to be computed; NULL: it is computed alone. */
static const struct advntk__family *family_of(const struct planner *p, ptrdiff_t i)
{
    const struct advntk__item *item = &p->inventory.items[i];
    const struct advntk__memory *need = &item->need;
    const struct advntk__family *family =
        p->families.of[i] >= 0 ? &p->families.list[p->families.of[i]] : NULL;
    double free = p->room.bytes - p->room.held - (double)need->gram - (double)need->method -
                  (double)need->images;

    return family && advntk__family_fits(family, item, p->host->threads, free) ? family : NULL;
}

static double flops_of(const struct advntk__family *family, const struct advntk__item *item)
{
    for (ptrdiff_t m = 0; m < family->count; m++) {
        if (memcmp(family->members[m].kernel, item->kernel, sizeof(item->kernel)) == 0) {
            return family->members[m].flops;
        }
    }
    return 0;
}

/* The bytes of an item's matrix are put into the cache; in a pass for several they are read too. */
static void charge_keeping(struct planner *p, ptrdiff_t i, bool pass)
{
    const struct advntk__item *item = &p->inventory.items[i];
    const double bytes = bytes_of(item, item->config->precision);
    struct advntk__forecast f;

    if (keeps(p)) {
        advntk__forecast(p->costs, p->host, item, p->host->threads, NULL, &f);
        add(&p->rows[i].charged, f.kept_byte,
            bytes * (pass ? 1 + p->rows[i].missing : p->rows[i].missing));
    }
}

/* Charges item i with the pass for all of its family that are missing: what it took before where
 * these are all; else as the largest of them, for all that the networks have together, or have one
 * by one where not all of them are missing. */
static void charge_family(struct planner *p, ptrdiff_t i, const struct advntk__family *family)
{
    struct advntk__spent pass, largest = {0, 0};
    double most = 0, sum = 0, missing = 0;
    bool known = false;
    ptrdiff_t count = 0;

    for (ptrdiff_t j = i; j < p->inventory.count; j++) {
        const struct advntk__item *item = &p->inventory.items[j];
        struct row *row = &p->rows[j];
        struct advntk__forecast f;
        double flops;
        if (!row->matrix || row->missing <= 0 || family_of(p, j) != family) {
            continue;
        }
        row->pass_of = i;
        charge_keeping(p, j, true);
        flops = flops_of(family, item);
        sum += flops;
        missing = fmax(missing, row->missing);
        count++;
        if (flops > most) {
            advntk__forecast(p->costs, p->host, item, p->host->threads, NULL, &f);
            largest = f.matrix;
            known = f.known;
            most = flops;
        }
    }
    if (count == family->count &&
        advntk__family_cost(family, p->costs, p->host, &p->inventory.items[i], &pass)) {
        add(&p->rows[i].charged, pass, missing);
    } else {
        add(&p->rows[i].charged, largest, missing * fmin(family->flops, sum) / most);
        p->rows[i].known &= known;
    }
}

static void charge_matrices(struct planner *p)
{
    for (ptrdiff_t i = 0; i < p->inventory.count; i++) {
        struct row *row = &p->rows[i];
        const struct advntk__family *family =
            row->matrix && row->missing > 0 ? family_of(p, i) : NULL;
        struct advntk__forecast f;
        if (!row->matrix || row->missing <= 0 || row->pass_of != i) {
            continue;
        }
        if (family) {
            charge_family(p, i, family);
        } else {
            advntk__forecast(p->costs, p->host, &p->inventory.items[i], p->host->threads, NULL, &f);
            add(&row->charged, f.matrix, row->missing);
            row->known &= f.known;
            charge_keeping(p, i, false);
        }
    }
}

/* Measures what no record says. */
static advntk_status learn(struct planner *p, ptrdiff_t i, struct advntk_error *err)
{
    const struct advntk__item *item = &p->inventory.items[i];
    struct advntk__forecast f;
    struct advntk_error why = {0};
    advntk_status rc = ADVNTK_OK;

    advntk__forecast(p->costs, p->host, item, p->host->threads, NULL, &f);
    if (f.known) {
        goto out;
    }
    advntk_progress(p->host, "measuring", i, p->inventory.count);
    rc = advntk__probe(p->host, item, p->costs, &why);
    if (rc == ADVNTK_ECANCELLED || rc == ADVNTK_ENOMEM) {
        if (err) {
            *err = why;
        }
        goto out;
    }
    if (rc != ADVNTK_OK) { /* the run will say so itself; or the fault is that of too few images */
        (void)advntk_error_prefix(&why, "a trial failed: ");
        p->rows[i].why = why;
        rc = ADVNTK_OK;
    }
out:
    return rc;
}

/* ---- as JSON ---- */

static json_t *seconds_json(bool known, double seconds)
{
    return known ? json_real(seconds) : json_null();
}

/* Why an item to do has no seconds. */
static const char *unknown_text(const struct planner *p, const struct row *row)
{
    return row->why.status != ADVNTK_OK ? row->why.text
           : p->options->no_probe ? "no earlier run says what it costs, and nothing is measured"
                                  : "what was measured does not say what all of it costs";
}

static json_t *row_json(const struct planner *p, ptrdiff_t i)
{
    const struct advntk__item *item = &p->inventory.items[i];
    const struct row *row = &p->rows[i];
    const json_int_t bytes = item->need.gram + item->need.method + item->need.images;
    json_t *object = json_pack(
        "{s:I, s:o, s:s, s:s, s:o, s:s, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:b, s:b, s:I, s:I}",
        "index", (json_int_t)i + 1, "id", *item->id ? json_string(item->id) : json_null(), "name",
        item->config->name, "method", item->config->method.plugin->name, "overrides",
        advntk__node_json(item->config->overrides), "state", state_names[row->state], "matrix_of",
        (json_int_t)row->matrix_of + 1, "factor_of", (json_int_t)row->factor_of + 1, "pass_of",
        (json_int_t)row->pass_of + 1, "model_of",
        (json_int_t)(p->options->no_share ? i : item->first_of_fit) + 1, "computes_matrix",
        row->matrix && row->missing > 0, "reads_matrix", row->matrix && row->missing < 1,
        "reads_factor", row->factor, "matrix_on_disk", item->need.on_disk, "computes_model",
        row->model, "evaluations", (json_int_t)row->evaluations, "bytes", bytes);

    json_object_set_new(object, "seconds", seconds_json(row->known, row->charged.wall));
    json_object_set_new(object, "processor_seconds", seconds_json(row->known, row->charged.cpu));
    json_object_set_new(object, "seconds_alone", seconds_json(row->alone_known, row->alone.wall));
    if (row->state == IMPOSSIBLE) {
        json_object_set_new(object, "error", json_string(row->why.text));
    } else if (!row->known) {
        json_object_set_new(object, "unknown", json_string(unknown_text(p, row)));
    }
    return object;
}

/* Of the process: what is held, the largest matrix for each job, and what each has of its own. */
static double peak_bytes(const struct planner *p)
{
    double gram = 0, own = 0;

    for (ptrdiff_t i = 0; i < p->inventory.count; i++) {
        const struct advntk__memory *need = &p->inventory.items[i].need;
        if (p->rows[i].state == PARTLY || p->rows[i].state == TO_DO) {
            gram = fmax(gram, (double)need->gram);
            own = fmax(own, (double)(need->method + need->images));
        }
    }
    return advntk__room_used() + p->room.work +
           fmin((gram + own) * jobs_of(p), p->room.bytes - p->room.held);
}

static json_t *totals_json(const struct planner *p)
{
    struct advntk__spent all = {0, 0}, alone = {0, 0};
    json_int_t counts[STATES] = {0}, unknown = 0, alone_unknown = 0, matrices = 0, passes = 0,
               read = 0, models = 0, evaluations = 0, rejudged = 0, clean_passes = 0;
    const int jobs = jobs_of(p);
    double longest = 0;
    json_t *object;

    for (ptrdiff_t i = 0; i < p->inventory.count; i++) {
        const struct row *row = &p->rows[i];
        counts[row->state]++;
        unknown += !row->known;
        alone_unknown += !row->alone_known;
        matrices += row->matrix && row->missing > 0;
        passes += row->matrix && row->missing > 0 && row->pass_of == i;
        read += row->matrix && row->missing <= 0;
        models += row->model;
        evaluations += row->evaluations;
        rejudged += row->rejudged;
        clean_passes += row->evaluations > 0;
        add(&all, row->charged, 1);
        add(&alone, row->alone, 1);
        longest = fmax(longest, row->charged.wall);
    }
    object = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:I}", "runs",
                       (json_int_t)p->inventory.count, "done", counts[DONE], "partly",
                       counts[PARTLY], "to_do", counts[TO_DO], "impossible", counts[IMPOSSIBLE],
                       "matrices", matrices, "passes", passes, "matrices_read", read, "models",
                       models, "evaluations", evaluations, "jobs", jobs, "threads",
                       p->host->threads, "other_builds", (json_int_t)p->builds.others);
    json_object_set_new(object, "evaluations_rejudged", json_integer(rejudged));
    json_object_set_new(object, "unknown", json_integer(unknown));
    json_object_set_new(object, "clean_passes", json_integer(clean_passes));
    json_object_set_new(object, "seconds",
                        seconds_json(unknown == 0, fmax(all.wall / jobs, longest)));
    json_object_set_new(object, "processor_seconds", seconds_json(unknown == 0, all.cpu));
    json_object_set_new(object, "seconds_alone",
                        seconds_json(alone_unknown == 0, alone.wall / jobs));
    json_object_set_new(object, "processor_seconds_alone",
                        seconds_json(alone_unknown == 0, alone.cpu));
    json_object_set_new(object, "bytes", json_integer((json_int_t)peak_bytes(p)));
    json_object_set_new(object, "memory", json_integer((json_int_t)p->room.bytes));
    return object;
}

static advntk_status planner_init(struct planner *p, struct advntk_host *host,
                                  const struct advntk__study *study, struct advntk_error *err)
{
    const struct advntk__inventory_setup setup = {.host = host,
                                                  .registry = p->registry,
                                                  .results = p->options->results,
                                                  .with_graphs = true,
                                                  .builds = &p->builds};
    const int threads = host->threads / jobs_of(p);
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__host_new(threads > 0 ? threads : 1, &p->host, err));
    p->host->sink = host->sink;
    p->host->cancel = host->cancel;
    TRY(advntk__program_digest(p->host->program, err));
    p->builds = (struct advntk__builds){.registry = p->registry, .program = p->host->program};
    TRY(advntk__inventory_init(&p->inventory, study, &setup, err));
    TRY(advntk__costs_new(p->options->results, &p->costs, err));
    p->room = advntk__inventory_room(&p->inventory, p->options, host->threads);
    TRY(advntk__families_init(&p->families, &p->inventory, p->options, err));
    p->rows = calloc((size_t)p->inventory.count, sizeof(*p->rows));
    if (!p->rows) {
        FAIL(err, ENOMEM, "no memory for the plan");
    }
out:
    return rc;
}

advntk_status advntk__plan(struct advntk_host *host, const struct advntk__registry *registry,
                           const struct advntk__study *study,
                           const struct advntk__runner_options *options, json_t **plan,
                           struct advntk_error *err)
{
    struct planner p = {.registry = registry, .options = options};
    json_t *list = json_array();
    advntk_status rc = ADVNTK_OK;

    *plan = NULL;
    TRY(planner_init(&p, host, study, err));
    for (ptrdiff_t i = 0; i < p.inventory.count; i++) {
        TRY(judge(&p, i, err));
        if (p.rows[i].state == PARTLY || p.rows[i].state == TO_DO) {
            if (!options->no_probe) {
                TRY(learn(&p, i, err));
            }
        }
    }
    for (ptrdiff_t i = 0; i < p.inventory.count; i++) { /* with all that was learnt */
        if (p.rows[i].state == PARTLY || p.rows[i].state == TO_DO) {
            TRY(charge(&p, i, err));
        }
    }
    charge_matrices(&p);
    for (ptrdiff_t i = 0; i < p.inventory.count; i++) {
        json_array_append_new(list, row_json(&p, i));
    }
    *plan = json_pack("{s:s, s:s, s:O, s:o}", "study", study->name, "folder", options->results,
                      "runs", list, "totals", totals_json(&p));
out:
    json_decref(list);
    free(p.rows);
    advntk__digests_release(&p.kernels);
    advntk__digests_release(&p.factors);
    advntk__digests_release(&p.evaluations);
    advntk__costs_free(p.costs);
    advntk__families_release(&p.families);
    advntk__inventory_release(&p.inventory);
    advntk__builds_release(&p.builds);
    advntk__host_free(p.host);
    return rc;
}
