/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/curves.h"

#include "base/files.h"
#include "recipe/expression.h"
#include "recipe/resolve.h"
#include "report/chart.h"
#include "report/statistics.h"
#include "store/npz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METRICS_LIMIT = 64 << 20, COST_POINTS = 60, LABEL = 160 };

struct figures {
    const struct advntk__registry *registry;
    const json_t *variants, *keys, *metrics;
    struct advntk__text *out;
    int count;
};

static void finish(struct figures *f, struct advntk__chart *chart)
{
    if (advntk__chart_worth(chart)) {
        advntk__chart_write(chart, f->out);
        f->count++;
    }
    advntk__chart_release(chart);
}

static const json_t *variant_at(const struct figures *f, size_t i)
{
    return json_array_get(f->variants, i);
}

static const char *key_at(const struct figures *f, size_t k)
{
    return json_string_value(json_object_get(json_array_get(f->keys, k), "key"));
}

static const char *title_at(const struct figures *f, size_t k)
{
    return json_string_value(json_object_get(json_array_get(f->keys, k), "title"));
}

static const char *value_at(const struct figures *f, size_t i, size_t k)
{
    const char *value = json_string_value(
        json_object_get(json_object_get(variant_at(f, i), "values"), key_at(f, k)));

    return value ? value : "-";
}

static bool as_number(const char *text, double *value)
{
    return advntk__expression(text, NULL, value, NULL) == ADVNTK_OK;
}

/* "depth 3, advntk": the values of a variant, without one key (-1: with all). Returns the length of
 * the first. */
static size_t label_of(const struct figures *f, size_t i, ptrdiff_t without, char label[LABEL])
{
    struct advntk__text text = {0};
    size_t first = 0;

    for (size_t k = 0; k < json_array_size(f->keys); k++) {
        const char *title = title_at(f, k), *value = value_at(f, i, k);
        double number;
        bool named = !as_number(value, &number); /* a name says what it is, a number does not */
        if ((ptrdiff_t)k != without && strcmp(value, "-") != 0) {
            advntk__text_printf(&text, "%s%s%s%s", text.length ? ", " : "", named ? "" : title,
                                named ? "" : " ", value);
            first = first ? first : text.length;
        }
    }
    snprintf(label, LABEL, "%s", text.length ? advntk__text_get(&text) : "all runs");
    advntk__text_release(&text);
    return first < LABEL ? first : 0;
}

/* Mean and standard deviation over a variant's runs as a point; of a single run Wilson's interval.
 */
static struct advntk__chart_point point_of(const struct figures *f, size_t i, const char *metric,
                                           double x)
{
    json_t *cases = json_object_get(variant_at(f, i), "cases"), *run;
    const json_t *interval = NULL;
    double *values = calloc(json_array_size(cases) + 1, sizeof(*values));
    struct advntk__moments m = {.mean = (double)NAN, .sd = (double)NAN};
    ptrdiff_t n = 0;
    size_t j;

    json_array_foreach(cases, j, run)
    {
        const json_t *value = json_object_get(json_object_get(run, "metrics"), metric);
        if (values && json_is_number(value)) {
            values[n++] = json_number_value(value);
            interval = json_object_get(json_object_get(run, "intervals"), metric);
        }
    }
    if (values) {
        m = advntk__moments(n, values);
    }
    free(values);
    if (m.n == 1 && interval) {
        return (struct advntk__chart_point){x, m.mean,
                                            json_number_value(json_array_get(interval, 0)),
                                            json_number_value(json_array_get(interval, 1))};
    }
    return (struct advntk__chart_point){x, m.mean, m.mean - m.sd, m.mean + m.sd};
}

/* ---- over a swept key ---- */

static bool is_numeric(const struct figures *f, size_t k)
{
    double value, first = (double)NAN;
    bool several = false;

    for (size_t i = 0; i < json_array_size(f->variants); i++) {
        if (strcmp(value_at(f, i, k), "-") == 0) {
            continue;
        }
        if (!as_number(value_at(f, i, k), &value)) {
            return false;
        }
        several = several || (!isnan(first) && value != first);
        first = value;
    }
    return several;
}

/* How many variants each curve over a key has, by its label. Those with one alone are no curve, and
 * would only take the colours of the others. */
static json_t *points_of_curves(const struct figures *f, size_t k)
{
    json_t *counts = json_object();
    char label[LABEL];
    double x;

    for (size_t i = 0; i < json_array_size(f->variants); i++) {
        if (as_number(value_at(f, i, k), &x)) {
            label_of(f, i, (ptrdiff_t)k, label);
            json_object_set_new(
                counts, label,
                json_integer(json_integer_value(json_object_get(counts, label)) + 1));
        }
    }
    return counts;
}

static void over_key(struct figures *f, size_t k, const char *metric, const json_t *points)
{
    const char *unit = advntk__recipe_unit(f->registry, key_at(f, k));
    struct advntk__chart chart = {0};
    char label[LABEL];
    double x;

    snprintf(chart.title, sizeof(chart.title), "Accuracy (%s) over %s", metric, title_at(f, k));
    snprintf(chart.x_title, sizeof(chart.x_title), "%s%s%s%s", key_at(f, k), unit ? " (" : "",
             unit ? unit : "", unit ? ")" : "");
    snprintf(chart.y_title, sizeof(chart.y_title), "accuracy");
    for (size_t i = 0; i < json_array_size(f->variants); i++) {
        struct advntk__chart_series *series;
        size_t facet;
        if (!as_number(value_at(f, i, k), &x)) {
            continue;
        }
        facet = label_of(f, i, (ptrdiff_t)k, label);
        series = json_integer_value(json_object_get(points, label)) > 1
                     ? advntk__chart_line(&chart, label, facet)
                     : NULL;
        if (series) {
            advntk__chart_point(&chart, series, point_of(f, i, metric, x));
        }
    }
    finish(f, &chart);
}

static void over_keys(struct figures *f)
{
    json_t *name;
    size_t m;

    for (size_t k = 0; k < json_array_size(f->keys); k++) {
        json_t *points;
        if (strcmp(key_at(f, k), "seed") == 0 || !is_numeric(f, k)) {
            continue;
        }
        points = points_of_curves(f, k);
        json_array_foreach((json_t *)(uintptr_t)f->metrics, m, name)
        {
            if (!strchr(json_string_value(name), '@')) {
                over_key(f, k, json_string_value(name), points);
            }
        }
        json_decref(points);
    }
}

/* ---- over the radius ---- */

static bool in_family(const char *metric, const char *family, double *radius)
{
    size_t length = strlen(family);

    return strncmp(metric, family, length) == 0 && metric[length] == '@' &&
           as_number(metric + length + 1, radius);
}

static void over_radius(struct figures *f, const char *family)
{
    struct advntk__chart chart = {.x_title = "radius, in the unit of the norm",
                                  .y_title = "robust accuracy"};
    char label[LABEL];
    json_t *name;
    double radius;
    size_t m;

    snprintf(chart.title, sizeof(chart.title), "Robust accuracy over the radius (%s)", family);
    for (size_t i = 0; i < json_array_size(f->variants); i++) {
        size_t facet = label_of(f, i, -1, label);
        struct advntk__chart_series *series = advntk__chart_line(&chart, label, facet);
        json_array_foreach((json_t *)(uintptr_t)f->metrics, m, name)
        {
            const char *metric = json_string_value(name);
            bool clean = strcmp(metric, "clean") == 0;
            if (series && (clean || in_family(metric, family, &radius))) {
                advntk__chart_point(&chart, series, point_of(f, i, metric, clean ? 0 : radius));
            }
        }
    }
    finish(f, &chart);
}

static void over_radii(struct figures *f)
{
    json_t *seen = json_object(), *name;
    char family[128];
    size_t m;

    json_array_foreach((json_t *)(uintptr_t)f->metrics, m, name)
    {
        const char *metric = json_string_value(name), *at = strchr(metric, '@');
        if (at) {
            snprintf(family, sizeof(family), "%.*s", (int)(at - metric), metric);
            if (!json_object_get(seen, family)) {
                json_object_set_new(seen, family, json_true());
                over_radius(f, family);
            }
        }
    }
    json_decref(seen);
}

/* ---- over training steps ---- */

/* Adds a run's lines of metrics.jsonl to sums by step. */
static void add_steps(const json_t *run, const char *member, json_t *sums)
{
    char *path =
        advntk__files_join(json_string_value(json_object_get(run, "folder")), "metrics.jsonl");
    char *bytes = NULL, *at, *end, key[32];
    size_t count;

    if (!path || advntk__files_read(path, METRICS_LIMIT, &bytes, &count, NULL) != ADVNTK_OK) {
        free(path);
        return;
    }
    for (at = bytes; (end = strchr(at, '\n')); at = end + 1) {
        json_t *row = json_loadb(at, (size_t)(end - at), 0, NULL), *sum;
        const json_t *value = json_object_get(row, member);
        if (json_is_number(value)) {
            snprintf(key, sizeof(key), "%lld",
                     (long long)json_integer_value(json_object_get(row, "step")));
            sum = json_object_get(sums, key);
            json_object_set_new(
                sums, key,
                json_pack("[f, i]",
                          json_number_value(value) + json_number_value(json_array_get(sum, 0)),
                          (int)json_integer_value(json_array_get(sum, 1)) + 1));
        }
        json_decref(row);
    }
    free(bytes);
    free(path);
}

static void over_steps(struct figures *f)
{
    struct advntk__chart chart = {
        .title = "Accuracy under the training attack, on the validation images of each step",
        .x_title = "training step",
        .y_title = "validation accuracy, attacked"};
    char label[LABEL];
    json_t *run, *sum;
    const char *step;
    size_t j;

    for (size_t i = 0; i < json_array_size(f->variants); i++) {
        json_t *sums = json_object();
        struct advntk__chart_series *series;
        size_t facet;
        json_array_foreach(json_object_get(variant_at(f, i), "cases"), j, run)
        {
            add_steps(run, "validation_robust", sums);
        }
        facet = label_of(f, i, -1, label);
        series = json_object_size(sums) ? advntk__chart_line(&chart, label, facet) : NULL;
        json_object_foreach(sums, step, sum)
        {
            if (series) {
                advntk__chart_point(
                    &chart, series,
                    (struct advntk__chart_point){strtod(step, NULL),
                                                 json_number_value(json_array_get(sum, 0)) /
                                                     json_number_value(json_array_get(sum, 1)),
                                                 (double)NAN, (double)NAN});
                series->dense = true;
            }
        }
        json_decref(sums);
    }
    finish(f, &chart);
}

/* ---- over what it takes until an image falls ---- */

/* A number an image of an evaluation's npz: what it took; negative or infinite: the image stands.
 */
struct toll {
    const char *member, *title, *x_title;
    bool whole; /* numbers */
};
static const struct toll gradients = {"gradients_to_fool",
                                      "What an attack costs: accuracy over gradients",
                                      "gradients spent on the image", true};
static const struct toll distance = {"nearest", "Robust accuracy over the distance",
                                     "distance of the nearest point that fools", false};

struct costs {
    double *values;
    ptrdiff_t count;
};

static void add_costs(const json_t *run, const char *metric, const struct toll *toll,
                      struct costs *costs)
{
    const char *folder = json_string_value(json_object_get(run, "folder"));
    const char *id =
        json_string_value(json_object_get(json_object_get(run, "evaluations"), metric));
    struct advntk__npz_reader *reader = NULL;
    ptrdiff_t shape[8] = {0};
    char path[4096];
    double *grown;
    int rank = 0;

    snprintf(path, sizeof(path), "%s/evaluations/%s.npz", folder ? folder : "", id ? id : "");
    if (!folder || !id || advntk__npz_open(path, &reader, NULL) != ADVNTK_OK) {
        return;
    }
    if (advntk__npz_find(reader, toll->member, NULL, &rank, shape) && rank == 1) {
        grown = realloc(costs->values, (size_t)(costs->count + shape[0] + 1) * sizeof(*grown));
        costs->values = grown ? grown : costs->values;
        if (grown && advntk__npz_read(reader, toll->member, ADVNTK_FLOAT64, shape[0],
                                      grown + costs->count, NULL) == ADVNTK_OK) {
            costs->count += shape[0];
        }
    }
    advntk__npz_close(reader);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void add_survival(struct advntk__chart *chart, const char *label, size_t facet,
                         const struct toll *toll, struct costs *costs)
{
    struct advntk__chart_series *series;
    ptrdiff_t fallen = 0;
    double most = 0;

    for (ptrdiff_t i = 0; i < costs->count; i++) {
        if (costs->values[i] < 0) {
            costs->values[i] = (double)INFINITY;
        }
        most = isfinite(costs->values[i]) ? fmax(most, costs->values[i]) : most;
    }
    series = most > 0 && costs->count > 0 ? advntk__chart_line(chart, label, facet) : NULL;
    if (!series) {
        return;
    }
    qsort(costs->values, (size_t)costs->count, sizeof(*costs->values), by_value);
    series->dense = true;
    for (int k = 0; k <= COST_POINTS; k++) {
        double x = most * k / COST_POINTS;
        x = toll->whole ? floor(x) : x;
        while (fallen < costs->count && costs->values[fallen] <= x) {
            fallen++;
        }
        if (k == 0 || x > series->points[series->count - 1].x) {
            advntk__chart_point(
                chart, series,
                (struct advntk__chart_point){x, 1 - (double)fallen / (double)costs->count,
                                             (double)NAN, (double)NAN});
        }
    }
}

/* All lines to the same end: where an attack gave up, nothing changes any more. */
static void level_out(struct advntk__chart *chart)
{
    double most = 0;

    for (ptrdiff_t i = 0; i < chart->count; i++) {
        const struct advntk__chart_series *s = &chart->series[i];
        most = fmax(most, s->count ? s->points[s->count - 1].x : 0);
    }
    for (ptrdiff_t i = 0; i < chart->count; i++) {
        struct advntk__chart_series *s = &chart->series[i];
        if (s->count && s->points[s->count - 1].x < most) {
            struct advntk__chart_point last = s->points[s->count - 1];
            last.x = most;
            advntk__chart_point(chart, s, last);
        }
    }
}

/* Of one attack at several radii, the last stands for them. */
static bool is_last_radius(const struct figures *f, size_t m)
{
    const char *metric = json_string_value(json_array_get(f->metrics, m));
    const char *at = strchr(metric, '@'), *other;

    for (size_t k = m + 1; at && k < json_array_size(f->metrics); k++) {
        other = json_string_value(json_array_get(f->metrics, k));
        if (strncmp(other, metric, (size_t)(at - metric) + 1) == 0) {
            return false;
        }
    }
    return true;
}

static void over_toll(struct figures *f, const char *metric, const struct toll *toll)
{
    struct advntk__chart chart = {.y_title = "share of images that still stand"};
    char label[LABEL];
    json_t *run;
    size_t j;

    snprintf(chart.title, sizeof(chart.title), "%s (%s)", toll->title, metric);
    snprintf(chart.x_title, sizeof(chart.x_title), "%s", toll->x_title);
    for (size_t i = 0; i < json_array_size(f->variants); i++) {
        struct costs costs = {0};
        size_t facet;
        json_array_foreach(json_object_get(variant_at(f, i), "cases"), j, run)
        {
            add_costs(run, metric, toll, &costs);
        }
        facet = label_of(f, i, -1, label);
        add_survival(&chart, label, facet, toll, &costs);
        free(costs.values);
    }
    level_out(&chart);
    finish(f, &chart);
}

bool advntk__is_wanted(const json_t *list, const char *name)
{
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        if (strcmp(json_string_value(item), name) == 0) {
            return true;
        }
    }
    return json_array_size(list) == 0;
}

int advntk__curves_write(const struct advntk__registry *registry, const json_t *variants,
                         const json_t *keys, const json_t *metrics, const json_t *wanted,
                         struct advntk__text *out)
{
    struct figures f = {
        .registry = registry, .variants = variants, .keys = keys, .metrics = metrics, .out = out};
    json_t *name;
    size_t m;

    if (advntk__is_wanted(wanted, "accuracy")) {
        over_keys(&f);
    }
    if (advntk__is_wanted(wanted, "robust_accuracy")) {
        over_radii(&f);
    }
    if (advntk__is_wanted(wanted, "training")) {
        over_steps(&f);
    }
    if (!advntk__is_wanted(wanted, "survival")) {
        return f.count;
    }
    json_array_foreach((json_t *)(uintptr_t)metrics, m, name)
    {
        if (strcmp(json_string_value(name), "clean") != 0 && is_last_radius(&f, m)) {
            over_toll(&f, json_string_value(name), &distance);
            over_toll(&f, json_string_value(name), &gradients);
        }
    }
    return f.count;
}
