/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/compare.h"

#include "attack/evaluate.h"
#include "base/text.h"
#include "base/try.h"
#include "report/select.h"
#include "report/statistics.h"
#include "report/variants.h"
#include "report/verdicts.h"

#include <advntk/host.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double default_level = 0.05;

/* One difference that is to be looked at: two variants under one metric. */
struct difference {
    size_t base, variant;
    const char *metric;
    json_t *object; /* of the comparison */
};

struct comparison {
    struct advntk_host *host;
    double level;
    json_t *all; /* what is given back */
    json_t *variants, *keys, *metrics;
    size_t count;   /* variants */
    size_t *base;   /* of each; itself: it is one */
    ptrdiff_t most; /* runs in the largest variant */
    struct difference *differences;
    ptrdiff_t difference_count;
    const struct difference **order; /* those with one base under one metric stand together */
    ptrdiff_t *batches;              /* where in it each batch begins, and the end */
    ptrdiff_t batch_count;
};

/* ---- figures of a variant ---- */

static json_t *real_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *cases_of(const struct comparison *c, size_t variant)
{
    return json_object_get(json_array_get(c->variants, variant), "cases");
}

static const json_t *metric_of(const json_t *run, const char *metric)
{
    return json_object_get(json_object_get(run, "metrics"), metric);
}

/* Values of a metric, a run each; how many. */
static ptrdiff_t collect(const json_t *cases, const char *metric, double *values)
{
    ptrdiff_t n = 0;
    json_t *run;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)cases, i, run)
    {
        if (json_is_number(metric_of(run, metric))) {
            values[n++] = json_number_value(metric_of(run, metric));
        }
    }
    return n;
}

/* {n, mean, sd, low, high, images} of one metric of a variant; NULL: it has none. */
static json_t *figures_of(const json_t *cases, const char *metric, double *room)
{
    struct advntk__moments m = advntk__moments(collect(cases, metric, room), room);
    const json_t *first = json_array_get(cases, 0);
    json_int_t images =
        json_integer_value(json_object_get(json_object_get(first, "samples"), metric));
    double low = (double)NAN, high = (double)NAN;

    if (m.n == 0) {
        return NULL;
    }
    if (images > 0) {
        advntk__wilson(m.mean * (double)images, images, &low, &high);
    }
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:I}", "n", (json_int_t)m.n, "mean",
                     real_or_null(m.mean), "sd", real_or_null(m.sd), "low", real_or_null(low),
                     "high", real_or_null(high), "images", images);
}

static double mean_seconds(const json_t *cases)
{
    double sum = 0;
    json_t *run;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)cases, i, run)
    {
        sum += json_number_value(json_object_get(run, "seconds"));
    }
    return sum / (double)json_array_size(cases);
}

static advntk_status describe_variants(struct comparison *c, struct advntk_error *err)
{
    double *room = calloc((size_t)c->most + 1, sizeof(*room));
    json_t *list = json_array(), *variant, *run, *name;
    size_t i, j, k;
    advntk_status rc = ADVNTK_OK;

    if (!room || !list) {
        FAIL(err, ENOMEM, "no memory for %zu variants", c->count);
    }
    json_array_foreach(c->variants, i, variant)
    {
        json_t *ids = json_array(), *seeds = json_array(), *metrics = json_object();
        json_array_foreach(cases_of(c, i), j, run)
        {
            json_array_append(ids, json_object_get(run, "id"));
            json_array_append(seeds, json_object_get(run, "seed"));
        }
        json_array_foreach(c->metrics, k, name)
        {
            json_t *figures = figures_of(cases_of(c, i), json_string_value(name), room);
            if (figures) {
                json_object_set_new(metrics, json_string_value(name), figures);
            }
        }
        json_array_append_new(list, json_pack("{s:O, s:o, s:o, s:f, s:o}", "values",
                                              json_object_get(variant, "values"), "runs", ids,
                                              "seeds", seeds, "seconds",
                                              mean_seconds(cases_of(c, i)), "metrics", metrics));
    }
    json_object_set(c->all, "variants", list);
out:
    json_decref(list);
    free(room);
    return rc;
}

/* ---- which is compared with which ---- */

static const char *key_at(const struct comparison *c, size_t i)
{
    return json_string_value(json_object_get(json_array_get(c->keys, i), "key"));
}

/* The key that is meant, by its whole name or its title; NULL: none. */
static const char *find_key(const struct comparison *c, const char *by)
{
    for (size_t i = 0; i < json_array_size(c->keys); i++) {
        const json_t *title = json_object_get(json_array_get(c->keys, i), "title");
        if (strcmp(key_at(c, i), by) == 0 || strcmp(json_string_value(title), by) == 0) {
            return key_at(c, i);
        }
    }
    return NULL;
}

static advntk_status choose_key(const struct comparison *c, const char *wanted, const char **by,
                                struct advntk_error *err)
{
    struct advntk__text known = {0};
    advntk_status rc = ADVNTK_OK;

    *by = find_key(c, wanted ? wanted : "method");
    if (!wanted && json_array_size(c->keys) < 2) {
        *by = NULL;
    }
    if (wanted && !*by) {
        for (size_t i = 0; i < json_array_size(c->keys); i++) {
            advntk__text_printf(&known, "%s%s", i ? ", " : "", key_at(c, i));
        }
        FAIL(err, EINVALID, "--by %s: these runs differ in %s", wanted,
             known.length ? advntk__text_get(&known) : "nothing but the seed");
    }
out:
    advntk__text_release(&known);
    return rc;
}

/* Values of all keys but `by`, as one text. */
static void family_of(const struct comparison *c, size_t variant, const char *by,
                      struct advntk__text *text)
{
    const json_t *values = json_object_get(json_array_get(c->variants, variant), "values");

    text->length = 0;
    advntk__text_puts(text, "");
    for (size_t i = 0; by && i < json_array_size(c->keys); i++) {
        if (strcmp(key_at(c, i), by) != 0) {
            const char *value = json_string_value(json_object_get(values, key_at(c, i)));
            advntk__text_printf(text, "%s\n", value ? value : "");
        }
    }
}

/* The first variant of each family is its base. */
static advntk_status choose_bases(struct comparison *c, const char *by, struct advntk_error *err)
{
    json_t *known = json_object();
    struct advntk__text family = {0};
    advntk_status rc = ADVNTK_OK;

    for (size_t i = 0; i < c->count; i++) {
        const json_t *base;
        family_of(c, i, by, &family);
        base = json_object_get(known, advntk__text_get(&family));
        if (family.failed || !known) {
            FAIL(err, ENOMEM, "no memory for %zu variants", c->count);
        }
        c->base[i] = base ? (size_t)json_integer_value(base) : i;
        if (!base) {
            json_object_set_new(known, advntk__text_get(&family), json_integer((json_int_t)i));
        }
    }
out:
    advntk__text_release(&family);
    json_decref(known);
    return rc;
}

static advntk_status list_differences(struct comparison *c, struct advntk_error *err)
{
    size_t metrics = json_array_size(c->metrics);
    json_t *list = json_array();
    advntk_status rc = ADVNTK_OK;

    c->differences = calloc(c->count * metrics + 1, sizeof(*c->differences));
    if (!c->differences || !list) {
        FAIL(err, ENOMEM, "no memory for %zu variants", c->count);
    }
    json_object_set(c->all, "differences", list);
    for (size_t k = 0; k < metrics; k++) {
        const char *metric = json_string_value(json_array_get(c->metrics, k));
        for (size_t i = 0; i < c->count; i++) {
            const json_t *own = metric_of(json_array_get(cases_of(c, i), 0), metric);
            const json_t *its = metric_of(json_array_get(cases_of(c, c->base[i]), 0), metric);
            if (c->base[i] != i && own && its) {
                json_t *object = json_object();
                json_array_append_new(list, object);
                c->differences[c->difference_count++] =
                    (struct difference){c->base[i], i, metric, object};
            }
        }
    }
out:
    json_decref(list);
    return rc;
}

/* ---- one difference ---- */

/* The run of `cases` that has the seed, and its number; where neither side has more than one run,
 * that one. */
static const json_t *partner(const json_t *cases, const json_t *run, bool lone, size_t *at)
{
    json_t *other;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)cases, i, other)
    {
        if (lone || json_equal(json_object_get(other, "seed"), json_object_get(run, "seed"))) {
            *at = i;
            return other;
        }
    }
    return NULL;
}

struct pairs {
    ptrdiff_t n;      /* of runs */
    double *gap;      /* of accuracies, a run each */
    ptrdiff_t images; /* that all pairs have in common; 0: they differ in them */
    double *image_gap;
    struct advntk__image_pairs counts; /* of one pair, or summed */
};

/* What the runs of a base got right under one metric: read once for a batch of differences. */
struct base {
    struct advntk__verdicts *verdicts; /* a run each */
    bool *read;
};

static advntk_status base_verdicts(struct base *base, size_t at, const json_t *run,
                                   const char *metric, struct advntk__verdicts *verdicts,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (!base->read[at]) {
        TRY(advntk__verdicts_read(run, metric, &base->verdicts[at], err));
        base->read[at] = true;
    }
    *verdicts = base->verdicts[at];
out:
    return rc;
}

/* a: the run number `at` of the base. */
static advntk_status add_images(struct pairs *p, struct base *base, size_t at, const json_t *a,
                                const json_t *b, const char *metric, struct advntk_error *err)
{
    struct advntk__verdicts va = {0}, vb = {0};
    struct advntk__image_pairs counts;
    double *grown;
    advntk_status rc = ADVNTK_OK;

    TRY(base_verdicts(base, at, a, metric, &va, err));
    TRY(advntk__verdicts_read(b, metric, &vb, err));
    if (!p->image_gap) {
        grown = calloc((size_t)va.n + 1, sizeof(*grown));
        if (!grown) {
            FAIL(err, ENOMEM, "no memory for %td images", va.n);
        }
        p->image_gap = grown;
        p->images = va.n;
    }
    counts = advntk__verdicts_pair(&va, &vb, va.n == p->images ? p->image_gap : NULL);
    p->counts.n += counts.n;
    p->counts.only_a += counts.only_a;
    p->counts.only_b += counts.only_b;
    if (p->images != counts.n) {
        p->images = p->n == 1 ? counts.n : 0;
    }
out:
    advntk__verdicts_release(&vb);
    return rc;
}

static void set_real(json_t *object, const char *key, double value)
{
    json_object_set_new(object, key, real_or_null(value));
}

/* Over images: McNemar for one pair of models, else the t test of each image's mean difference. */
static double test_images(const struct pairs *p, json_t *object)
{
    double value = (double)NAN;

    if (p->counts.n == 0 || p->images == 0) {
        return (double)NAN;
    }
    value = p->n == 1 ? advntk__mcnemar(p->counts.only_a, p->counts.only_b)
                      : advntk__paired_t(p->images, p->image_gap);
    json_object_set_new(object, "images", json_integer(p->images));
    json_object_set_new(object, "only_base", json_integer(p->counts.only_a));
    json_object_set_new(object, "only_variant", json_integer(p->counts.only_b));
    set_real(object, "p_images", value);
    return value;
}

/* Means of runs with other seeds: nothing is paired. */
static void test_unpaired(const json_t *base, const json_t *cases, const char *metric, double *room,
                          json_t *object)
{
    struct advntk__moments a = advntk__moments(collect(base, metric, room), room);
    struct advntk__moments b = advntk__moments(collect(cases, metric, room), room);
    double low, high, p = advntk__welch(&a, &b, &low, &high);

    set_real(object, "mean", b.mean - a.mean);
    set_real(object, "low", low);
    set_real(object, "high", high);
    set_real(object, "p", p);
    json_object_set_new(object, "test", json_string("Welch's t over seeds"));
}

static void test_paired(const struct pairs *p, json_t *object)
{
    struct advntk__moments m = advntk__moments(p->n, p->gap);
    double low = (double)NAN, high = (double)NAN, over_seeds = advntk__paired_t(p->n, p->gap);
    double flips = p->n > 1 ? advntk__sign_flips(p->n, p->gap) : (double)NAN;
    double over_images = test_images(p, object);
    const char *test = "McNemar over images";

    if (p->n > 1) {
        advntk__moments_interval(&m, &low, &high);
        test = isnan(over_seeds) ? "sign flips over seeds" : "paired t over seeds";
    } else if (p->images) {
        advntk__paired_interval(p->images, p->counts.only_a, p->counts.only_b, &low, &high);
    }
    set_real(object, "mean", m.mean);
    set_real(object, "sd", m.sd);
    set_real(object, "low", low);
    set_real(object, "high", high);
    set_real(object, "p_seeds", over_seeds);
    set_real(object, "p_sign_flips", flips);
    set_real(object, "p", p->n == 1 ? over_images : isnan(over_seeds) ? flips : over_seeds);
    json_object_set_new(object, "test", json_string(test));
}

static advntk_status look_at(const struct comparison *c, const struct difference *d,
                             struct base *known, struct advntk_error *err)
{
    const json_t *base = cases_of(c, d->base), *cases = cases_of(c, d->variant), *other;
    struct pairs p = {.gap = calloc((size_t)c->most + 1, sizeof(*p.gap))};
    bool lone = json_array_size(base) == 1 && json_array_size(cases) == 1;
    json_t *run;
    size_t i, at = 0;
    advntk_status rc = ADVNTK_OK;

    if (!p.gap) {
        FAIL(err, ENOMEM, "no memory for %td runs", c->most);
    }
    json_array_foreach((json_t *)(uintptr_t)cases, i, run)
    {
        other = partner(base, run, lone, &at);
        if (other && metric_of(run, d->metric) && metric_of(other, d->metric)) {
            p.gap[p.n++] = json_number_value(metric_of(run, d->metric)) -
                           json_number_value(metric_of(other, d->metric));
            TRY(add_images(&p, known, at, other, run, d->metric, err));
        }
    }
    for (ptrdiff_t k = 0; k < p.images && p.n > 1; k++) {
        p.image_gap[k] /= (double)p.n;
    }
    json_object_set_new(d->object, "base", json_integer((json_int_t)d->base));
    json_object_set_new(d->object, "variant", json_integer((json_int_t)d->variant));
    json_object_set_new(d->object, "metric", json_string(d->metric));
    json_object_set_new(d->object, "pairs", json_integer((json_int_t)p.n));
    if (p.n) {
        test_paired(&p, d->object);
    } else {
        test_unpaired(base, cases, d->metric, p.gap, d->object);
    }
out:
    free(p.gap);
    free(p.image_gap);
    return rc;
}

static advntk_status look_at_batch(void *context, ptrdiff_t batch, struct advntk_arena *arena,
                                   struct advntk_error *err)
{
    const struct comparison *c = context;
    struct base base = {.verdicts = calloc((size_t)c->most + 1, sizeof(*base.verdicts)),
                        .read = calloc((size_t)c->most + 1, sizeof(*base.read))};
    advntk_status rc = ADVNTK_OK;

    (void)arena;
    if (!base.verdicts || !base.read) {
        FAIL(err, ENOMEM, "no memory for %td runs", c->most);
    }
    for (ptrdiff_t i = c->batches[batch]; i < c->batches[batch + 1]; i++) {
        TRY(look_at(c, c->order[i], &base, err));
    }
out:
    for (ptrdiff_t i = 0; base.verdicts && i < c->most; i++) {
        advntk__verdicts_release(&base.verdicts[i]);
    }
    free(base.verdicts);
    free(base.read);
    return rc;
}

static int by_base(const void *a, const void *b)
{
    const struct difference *x = *(const struct difference *const *)a;
    const struct difference *y = *(const struct difference *const *)b;
    int order = strcmp(x->metric, y->metric);

    order = order ? order : (x->base > y->base) - (x->base < y->base);
    return order ? order : (x > y) - (x < y); /* as they stand in the list */
}

/* Several for one base where many are compared with it, so that threads have something to share. */
static advntk_status make_batches(struct comparison *c, struct advntk_error *err)
{
    enum { BATCH = 16 };
    size_t room = (size_t)c->difference_count + 1;
    advntk_status rc = ADVNTK_OK;

    c->order = calloc(room, sizeof(*c->order));
    c->batches = calloc(room, sizeof(*c->batches));
    if (!c->order || !c->batches) {
        FAIL(err, ENOMEM, "no memory for %td differences", c->difference_count);
    }
    for (ptrdiff_t i = 0; i < c->difference_count; i++) {
        c->order[i] = &c->differences[i];
    }
    qsort(c->order, (size_t)c->difference_count, sizeof(*c->order), by_base);
    for (ptrdiff_t i = 0; i < c->difference_count; i++) {
        const struct difference *first = c->order[c->batches[c->batch_count]];
        if (first->base != c->order[i]->base || strcmp(first->metric, c->order[i]->metric) != 0 ||
            i - c->batches[c->batch_count] == BATCH) {
            c->batches[++c->batch_count] = i;
        }
    }
    c->batch_count += c->difference_count > 0;
    c->batches[c->batch_count] = c->difference_count;
out:
    return rc;
}

/* ---- what is said of it ---- */

static const char *verdict_of(const json_t *object, double adjusted, double level)
{
    if (isnan(adjusted)) {
        return "no test";
    }
    if (!(adjusted < level)) {
        return "not distinguishable";
    }
    return json_number_value(json_object_get(object, "mean")) > 0 ? "higher" : "lower";
}

/* Holm's correction over all differences of a metric, then the verdicts. */
static advntk_status judge(struct comparison *c, struct advntk_error *err)
{
    double *p = calloc((size_t)c->difference_count + 1, 2 * sizeof(*p)), *adjusted;
    advntk_status rc = ADVNTK_OK;

    if (!p) {
        FAIL(err, ENOMEM, "no memory for %td differences", c->difference_count);
    }
    adjusted = p + c->difference_count;
    for (ptrdiff_t from = 0, n; from < c->difference_count; from += n) {
        for (n = 0; from + n < c->difference_count &&
                    c->differences[from + n].metric == c->differences[from].metric;
             n++) {
            const json_t *value = json_object_get(c->differences[from + n].object, "p");
            p[n] = json_is_number(value) ? json_number_value(value) : (double)NAN;
        }
        if (!advntk__holm(n, p, adjusted)) {
            FAIL(err, ENOMEM, "no memory for %td differences", n);
        }
        for (ptrdiff_t i = 0; i < n; i++) {
            json_t *object = c->differences[from + i].object;
            set_real(object, "p_adjusted", adjusted[i]);
            json_object_set_new(object, "verdict",
                                json_string(verdict_of(object, adjusted[i], c->level)));
        }
    }
out:
    free(p);
    return rc;
}

static void note(struct comparison *c, const char *line)
{
    json_array_append_new(json_object_get(c->all, "notes"), json_string(line));
}

/* One name, several attacks: a table must not hide it. */
static void note_attacks(struct comparison *c)
{
    struct advntk__text line = {0};
    json_t *name;
    size_t k;

    json_array_foreach(c->metrics, k, name)
    {
        const char *metric = json_string_value(name);
        const json_t *first = NULL;
        bool same = true;
        for (size_t i = 0; i < c->count; i++) {
            const json_t *run = json_array_get(cases_of(c, i), 0);
            const json_t *id = json_object_get(json_object_get(run, "evaluations"), metric);
            first = first ? first : id;
            same = same && (!id || json_equal(id, first));
        }
        if (!same) {
            line.length = 0;
            advntk__text_printf(&line,
                                "%s is not the same attack (or not on the same images) in all "
                                "variants",
                                metric);
            note(c, advntk__text_get(&line));
        }
    }
    advntk__text_release(&line);
}

json_t *advntk__runs_finished(const json_t *runs, json_t *metrics)
{
    json_t *sorted = advntk__runs_sorted(runs, "seed");
    json_t *done = json_array(), *seen = json_object(), *run, *value;
    const char *name, *state;
    size_t i;

    json_array_foreach(sorted, i, run)
    {
        state = json_string_value(json_object_get(run, "state"));
        if (!state || strcmp(state, "done") != 0) {
            continue;
        }
        json_array_append(done, run);
        json_object_foreach(json_object_get(run, "metrics"), name, value)
        {
            if (!json_object_get(seen, name)) {
                json_object_set_new(seen, name, json_true());
                json_array_append_new(metrics, json_string(name));
            }
        }
    }
    json_decref(seen);
    json_decref(sorted);
    return done;
}

static advntk_status prepare(struct comparison *c, const json_t *runs,
                             const struct advntk__compare_options *options,
                             struct advntk_error *err)
{
    json_t *done = advntk__runs_finished(runs, c->metrics);
    size_t left_out = json_array_size(runs) - json_array_size(done);
    const char *by = NULL;
    char line[128];
    advntk_status rc = ADVNTK_OK;

    if (json_array_size(done) == 0) {
        FAIL(err, EINVALID, "no finished runs to compare in %s", options->results);
    }
    TRY(advntk__variants(done, &c->variants, &c->keys, err));
    c->count = json_array_size(c->variants);
    c->base = calloc(c->count + 1, sizeof(*c->base));
    if (!c->base) {
        FAIL(err, ENOMEM, "no memory for %zu variants", c->count);
    }
    for (size_t i = 0; i < c->count; i++) {
        ptrdiff_t size = (ptrdiff_t)json_array_size(cases_of(c, i));
        c->most = size > c->most ? size : c->most;
    }
    TRY(choose_key(c, options->by, &by, err));
    TRY(choose_bases(c, by, err));
    json_object_set(c->all, "keys", c->keys);
    json_object_set(c->all, "metrics", c->metrics);
    json_object_set_new(c->all, "by", by ? json_string(by) : json_null());
    json_object_set_new(c->all, "notes", json_array());
    if (left_out) {
        snprintf(line, sizeof(line), "%zu unfinished runs are left out", left_out);
        note(c, line);
    }
out:
    json_decref(done);
    return rc;
}

advntk_status advntk__compare(struct advntk_host *host, const json_t *runs,
                              const struct advntk__compare_options *options, json_t **comparison,
                              struct advntk_error *err)
{
    struct comparison c = {.host = host,
                           .level = options->level > 0 ? options->level : default_level,
                           .all = json_object(),
                           .metrics = json_array()};
    advntk_status rc = ADVNTK_OK;

    *comparison = NULL;
    if (!c.all || !c.metrics) {
        FAIL(err, ENOMEM, "no memory for a comparison");
    }
    TRY(prepare(&c, runs, options, err));
    TRY(describe_variants(&c, err));
    TRY(list_differences(&c, err));
    TRY(make_batches(&c, err));
    TRY(advntk_parallel_for(host, c.batch_count, look_at_batch, &c, err));
    TRY(judge(&c, err));
    note_attacks(&c);
    *comparison = json_incref(c.all);
out:
    json_decref(c.all);
    json_decref(c.metrics);
    json_decref(c.variants);
    json_decref(c.keys);
    free(c.base);
    free(c.differences);
    free(c.order);
    free(c.batches);
    return rc;
}

/* ---- as tables ---- */

static void add_keys(const json_t *comparison, const json_t *variant, struct advntk__sheet *sheet)
{
    json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(comparison, "keys"), i, entry)
    {
        const char *key = json_string_value(json_object_get(entry, "key"));
        const char *value =
            variant ? json_string_value(json_object_get(json_object_get(variant, "values"), key))
                    : NULL;
        if (variant) {
            advntk__sheet_add(sheet, "%s", value ? value : "-");
        } else {
            advntk__sheet_column(sheet, 'l', "%s",
                                 json_string_value(json_object_get(entry, "title")));
        }
    }
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* "0.279 ± 0.020 [0.242, 0.320]" */
static void add_figures(const json_t *figures, struct advntk__sheet *sheet)
{
    const double n[ADVNTK__CELL_NUMBERS] = {number(figures, "mean"), number(figures, "sd"),
                                            number(figures, "n"), number(figures, "low"),
                                            number(figures, "high")};
    char spread[32] = "", interval[48] = "";

    if (!figures) {
        advntk__sheet_add(sheet, "-");
        return;
    }
    if (isfinite(n[1])) {
        snprintf(spread, sizeof(spread), " \xc2\xb1 %.3f", n[1]);
    }
    if (isfinite(n[3])) {
        snprintf(interval, sizeof(interval), " [%.3f, %.3f]", n[3], n[4]);
    }
    advntk__sheet_add_numbers(sheet, n, "%.3f%s%s", n[0], spread, interval);
}

void advntk__compare_variants(const json_t *comparison, struct advntk__sheet *sheet)
{
    static const char *const figures[] = {"sd", "seeds", "low", "high", NULL};
    json_t *metrics = json_object_get(comparison, "metrics"), *variant, *name;
    size_t i, k;

    add_keys(comparison, NULL, sheet);
    advntk__sheet_column(sheet, 'r', "runs");
    json_array_foreach(metrics, k, name)
    {
        advntk__sheet_numbers(sheet, json_string_value(name), figures);
    }
    advntk__sheet_numbers(sheet, "seconds", &figures[4]);
    json_array_foreach(json_object_get(comparison, "variants"), i, variant)
    {
        const double seconds[ADVNTK__CELL_NUMBERS] = {number(variant, "seconds"), (double)NAN,
                                                      (double)NAN, (double)NAN, (double)NAN};
        add_keys(comparison, variant, sheet);
        advntk__sheet_add(sheet, "%zu", json_array_size(json_object_get(variant, "runs")));
        json_array_foreach(metrics, k, name)
        {
            add_figures(
                json_object_get(json_object_get(variant, "metrics"), json_string_value(name)),
                sheet);
        }
        advntk__sheet_add_numbers(sheet, seconds, "%.1f", seconds[0]);
    }
}

static void add_p(const json_t *object, const char *key, struct advntk__sheet *sheet)
{
    const double n[ADVNTK__CELL_NUMBERS] = {number(object, key), (double)NAN, (double)NAN,
                                            (double)NAN, (double)NAN};

    if (isnan(n[0])) {
        advntk__sheet_add(sheet, "-");
    } else if (n[0] < 1e-4) {
        advntk__sheet_add_numbers(sheet, n, "<0.0001");
    } else {
        advntk__sheet_add_numbers(sheet, n, "%.4f", n[0]);
    }
}

/* What the base is: the values in which it differs. */
static void add_base(const json_t *comparison, const json_t *base, const json_t *variant,
                     struct advntk__sheet *sheet)
{
    struct advntk__text text = {0};
    json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(comparison, "keys"), i, entry)
    {
        const char *key = json_string_value(json_object_get(entry, "key"));
        const json_t *its = json_object_get(json_object_get(base, "values"), key);
        if (!json_equal(its, json_object_get(json_object_get(variant, "values"), key))) {
            advntk__text_printf(&text, "%s%s", text.length ? ", " : "", json_string_value(its));
        }
    }
    advntk__sheet_add(sheet, "%s", advntk__text_get(&text));
    sheet->failed = sheet->failed || text.failed;
    advntk__text_release(&text);
}

void advntk__compare_differences(const json_t *comparison, struct advntk__sheet *sheet)
{
    static const char *const figures[] = {"sd", "low", "high", NULL};
    json_t *variants = json_object_get(comparison, "variants"), *d;
    size_t i;

    add_keys(comparison, NULL, sheet);
    advntk__sheet_column(sheet, 'l', "against");
    advntk__sheet_column(sheet, 'l', "metric");
    advntk__sheet_numbers(sheet, "difference", figures);
    advntk__sheet_column(sheet, 'l', "verdict");
    advntk__sheet_column(sheet, 'r', "pairs");
    advntk__sheet_numbers(sheet, "p (seeds)", &figures[3]);
    advntk__sheet_numbers(sheet, "p (images)", &figures[3]);
    advntk__sheet_numbers(sheet, "p (Holm)", &figures[3]);
    json_array_foreach(json_object_get(comparison, "differences"), i, d)
    {
        const json_t *variant =
            json_array_get(variants, (size_t)json_integer_value(json_object_get(d, "variant")));
        const json_t *base =
            json_array_get(variants, (size_t)json_integer_value(json_object_get(d, "base")));
        const double n[ADVNTK__CELL_NUMBERS] = {number(d, "mean"), number(d, "sd"),
                                                number(d, "low"), number(d, "high"), (double)NAN};
        char interval[48] = "";
        if (isfinite(n[2])) {
            snprintf(interval, sizeof(interval), " [%+.3f, %+.3f]", n[2], n[3]);
        }
        add_keys(comparison, variant, sheet);
        add_base(comparison, base, variant, sheet);
        advntk__sheet_add(sheet, "%s", json_string_value(json_object_get(d, "metric")));
        advntk__sheet_add_numbers(sheet, n, "%+.3f%s", n[0], interval);
        advntk__sheet_add(sheet, "%s", json_string_value(json_object_get(d, "verdict")));
        advntk__sheet_add(sheet, "%lld",
                          (long long)json_integer_value(json_object_get(d, "pairs")));
        add_p(d, "p_seeds", sheet);
        add_p(d, "p_images", sheet);
        add_p(d, "p_adjusted", sheet);
    }
}
