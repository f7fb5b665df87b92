/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/cost.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/host.h"
#include "base/text.h"
#include "base/try.h"
#include "linalg/gram.h"
#include "run/share.h"

#include <advntk/node.h>
#include <advntk/plugin.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct advntk__costs {
    pthread_mutex_t guard; /* of the list */
    ptrdiff_t count, room;
    struct advntk__cost *list; /* oldest first */
    char *file;                /* NULL: not kept */
};

static const char *const phase_names[ADVNTK__PHASES] = {
    "kernel_matrix", "step", "factor", "clean", "evaluation", "rest", "keeping", "steps_kept"};
enum { FILE_LIMIT = 16 << 20, RECENT = 3 };

static double seconds_of(clockid_t clock)
{
    struct timespec t;

    return clock_gettime(clock, &t) == 0 ? (double)t.tv_sec + 1e-9 * (double)t.tv_nsec : 0;
}

struct advntk__spent advntk__spent_now(void)
{
    return (struct advntk__spent){seconds_of(CLOCK_MONOTONIC),
                                  seconds_of(CLOCK_PROCESS_CPUTIME_ID)};
}

struct advntk__spent advntk__spent_since(struct advntk__spent start)
{
    struct advntk__spent now = advntk__spent_now();

    return (struct advntk__spent){now.wall - start.wall, now.cpu - start.cpu};
}

struct advntk__spent advntk__spent_less(struct advntk__spent spent, struct advntk__spent part)
{
    return (struct advntk__spent){fmax(spent.wall - part.wall, 0), fmax(spent.cpu - part.cpu, 0)};
}

struct advntk__kept advntk__kept_now(const struct advntk_host *host)
{
    const double tiles = 1e-9 * (double)host->kept_nanoseconds, *whole = host->kept_seconds;

    return (struct advntk__kept){{tiles / host->threads + whole[0], tiles + whole[1]},
                                 (double)host->kept_bytes};
}

struct advntk__kept advntk__kept_since(const struct advntk_host *host, struct advntk__kept start)
{
    struct advntk__kept now = advntk__kept_now(host);

    return (struct advntk__kept){advntk__spent_less(now.spent, start.spent),
                                 now.bytes - start.bytes};
}

struct advntk__spent advntk__factors_now(const struct advntk_host *host)
{
    return (struct advntk__spent){host->factor_seconds[0], host->factor_seconds[1]};
}

struct advntk__spent advntk__factors_since(const struct advntk_host *host,
                                           struct advntk__spent start)
{
    return advntk__spent_less(advntk__factors_now(host), start);
}

/* ---- the file ---- */

static bool add_to_list(struct advntk__costs *costs, const struct advntk__cost *cost)
{
    if (costs->count == costs->room) {
        ptrdiff_t room = costs->room ? 2 * costs->room : 64;
        struct advntk__cost *grown = realloc(costs->list, (size_t)room * sizeof(*grown));
        if (!grown) {
            return false;
        }
        costs->list = grown;
        costs->room = room;
    }
    costs->list[costs->count++] = *cost;
    return true;
}

static bool read_hex(const char *text, uint8_t digest[16])
{
    for (int i = 0; text && i < 16; i++) {
        char pair[3], *end;
        snprintf(pair, sizeof(pair), "%.2s", text);
        text += strlen(pair);
        digest[i] = (uint8_t)strtoul(pair, &end, 16);
        if (end != pair + 2) {
            return false;
        }
    }
    return text && *text == '\0';
}

/* A line as advntk__costs_add writes it; false: it is none. */
static bool read_line(const char *line, struct advntk__cost *cost)
{
    json_t *row = json_loads(line, 0, NULL);
    const char *phase = json_string_value(json_object_get(row, "phase"));
    bool good = false;

    *cost = (struct advntk__cost){
        .n = json_integer_value(json_object_get(row, "n")),
        .threads = (int)json_integer_value(json_object_get(row, "threads")),
        .units = json_number_value(json_object_get(row, "units")),
        .spent = {json_number_value(json_object_get(row, "seconds")),
                  json_number_value(json_object_get(row, "processor_seconds"))}};
    for (int p = 0; phase && p < ADVNTK__PHASES; p++) {
        if (strcmp(phase, phase_names[p]) == 0) {
            cost->phase = (enum advntk__phase)p;
            good = true;
        }
    }
    good = good && read_hex(json_string_value(json_object_get(row, "class")), cost->kind) &&
           cost->n > 0 && cost->threads > 0 && cost->units > 0 && cost->spent.wall >= 0;
    json_decref(row);
    return good;
}

advntk_status advntk__costs_new(const char *results, struct advntk__costs **costs,
                                struct advntk_error *err)
{
    struct advntk__costs *c = calloc(1, sizeof(*c));
    struct advntk__text path = {0};
    struct advntk__cost cost;
    char *bytes = NULL, *line, *rest;
    size_t count = 0;
    advntk_status rc = ADVNTK_OK;

    if (!c) {
        FAIL(err, ENOMEM, "no memory for the costs of earlier runs");
    }
    pthread_mutex_init(&c->guard, NULL);
    *costs = c;
    if (!results) {
        goto out;
    }
    advntk__text_printf(&path, "%s/cache/costs.jsonl", results);
    c->file = path.bytes;
    if (path.failed ||
        advntk__files_read(path.bytes, FILE_LIMIT, &bytes, &count, NULL) != ADVNTK_OK) {
        goto out;
    }
    for (line = strtok_r(bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (read_line(line, &cost) && !add_to_list(c, &cost)) {
            FAIL(err, ENOMEM, "no memory for the costs of earlier runs");
        }
    }
out:
    free(bytes);
    return rc;
}

void advntk__costs_free(struct advntk__costs *costs)
{
    if (costs) {
        pthread_mutex_destroy(&costs->guard);
        free(costs->list);
        free(costs->file);
        free(costs);
    }
}

static int open_file(const char *path)
{
    const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    int fd = open(path, flags, 0666);
    char *folder = fd < 0 && errno == ENOENT ? strdup(path) : NULL;

    if (folder) {
        *strrchr(folder, '/') = '\0';
        if (advntk__files_make_folder(folder, NULL) == ADVNTK_OK) {
            fd = open(path, flags, 0666);
        }
        free(folder);
    }
    return fd;
}

/* One write, so that the lines of two processes do not mix. */
static void keep(const struct advntk__costs *costs, const struct advntk__cost *cost)
{
    struct advntk__text line = {0};
    char hex[33];
    int fd = open_file(costs->file);

    advntk__hash_hex(cost->kind, hex);
    advntk__text_printf(&line,
                        "{\"phase\": \"%s\", \"class\": \"%s\", \"n\": %lld, \"threads\": %d, "
                        "\"units\": %.17g, \"seconds\": %.6g, \"processor_seconds\": %.6g}\n",
                        phase_names[cost->phase], hex, (long long)cost->n, cost->threads,
                        cost->units, cost->spent.wall, cost->spent.cpu);
    if (fd >= 0) {
        ssize_t written = line.failed ? 0 : write(fd, line.bytes, line.length);
        (void)written; /* a line that is not whole is not read */
        close(fd);
    }
    advntk__text_release(&line);
}

void advntk__costs_add(struct advntk__costs *costs, const struct advntk__cost *cost)
{
    if (!costs || !(cost->units > 0) || cost->n < 1) {
        return;
    }
    pthread_mutex_lock(&costs->guard);
    (void)add_to_list(costs, cost); /* without it the estimates are worse, no more */
    pthread_mutex_unlock(&costs->guard);
    if (costs->file) {
        keep(costs, cost);
    }
}

/* ---- estimates ---- */

/* Cost of a unit at one number of training images: the mean of the last few records. */
struct point {
    double n;
    struct advntk__spent spent;
    int count, alone; /* alone: of these, processor seconds are known too */
};
enum { POINTS = 16 };

/* Up to POINTS numbers of images of a class, the newest records first. */
static int points_of(const struct advntk__costs *costs, enum advntk__phase phase,
                     const uint8_t kind[16], int threads, struct point *points)
{
    int count = 0, at;

    for (ptrdiff_t i = costs->count; i-- > 0;) {
        const struct advntk__cost *c = &costs->list[i];
        if (c->phase != phase || c->threads != threads ||
            memcmp(c->kind, kind, sizeof(c->kind)) != 0) {
            continue;
        }
        for (at = 0; at < count && points[at].n != (double)c->n; at++) {
        }
        if (at == POINTS || points[at].count == RECENT) {
            continue;
        }
        if (at == count) {
            points[count++] = (struct point){.n = (double)c->n};
        }
        points[at].spent.wall += c->spent.wall / c->units;
        points[at].spent.cpu += c->spent.cpu / c->units;
        points[at].count++;
        points[at].alone += c->spent.cpu > 0; /* else another run ran beside it */
        if (count == POINTS) {
            break;
        }
    }
    for (at = 0; at < count; at++) {
        points[at].spent.wall /= points[at].count;
        points[at].spent.cpu /= points[at].alone > 0 ? points[at].alone : 1;
    }
    return count;
}

/* Of a step, through two points: b n + c n^2, none of the parts below 0; or proportional to n, and
 * never less than at the larger one. */
static double of_a_step(double n, double n1, double t1, double n2, double t2)
{
    double c = (t2 / n2 - t1 / n1) / (n2 - n1), b = t1 / n1 - c * n1;

    if (!isfinite(c) || c < 0) {
        return n > n2 ? fmax(t2, t2 + (t2 - t1) / (n2 - n1) * (n - n2)) : t2 * (n / n2);
    }
    return b < 0 ? t2 * (n / n2) * (n / n2) : b * n + c * n * n;
}

/*
 * Of an image that is evaluated, through two points: a + b n, none of the parts below 0. A row of
 * kernels and its gradient are proportional to n; what grew faster between the two did so because a
 * model of more images has more answers to attack, which ends.
 */
static double of_an_image(double n, double n1, double t1, double n2, double t2)
{
    double b = (t2 - t1) / (n2 - n1), a = t1 - b * n1;

    if (!isfinite(b) || b < 0) {
        return t2;
    }
    return a < 0 ? t2 * (n / n2) : a + b * n;
}

/* The nearest two points decide. */
static struct advntk__spent between(const struct point *points, int count, double n,
                                    enum advntk__phase phase)
{
    double (*growth)(double, double, double, double, double) =
        phase == ADVNTK__PHASE_STEP || phase == ADVNTK__PHASE_STEPS_KEPT ? of_a_step : of_an_image;
    int first = 0, second = -1;

    for (int i = 1; i < count; i++) {
        if (fabs(log(points[i].n / n)) < fabs(log(points[first].n / n))) {
            first = i;
        }
    }
    for (int i = 0; i < count; i++) {
        if (i != first &&
            (second < 0 || fabs(log(points[i].n / n)) < fabs(log(points[second].n / n)))) {
            second = i;
        }
    }
    if (points[first].n == n || second < 0) {
        double share = n / points[first].n;
        return (struct advntk__spent){points[first].spent.wall * share,
                                      points[first].spent.cpu * share};
    }
    if (points[first].n > points[second].n) {
        int other = first;
        first = second;
        second = other;
    }
    return (struct advntk__spent){growth(n, points[first].n, points[first].spent.wall,
                                         points[second].n, points[second].spent.wall),
                                  growth(n, points[first].n, points[first].spent.cpu,
                                         points[second].n, points[second].spent.cpu)};
}

/* Of the point whose number of images is nearest. */
static const struct point *nearest_of(const struct point *points, int count, double n)
{
    const struct point *nearest = points;

    for (int i = 1; i < count; i++) {
        if (fabs(log(points[i].n / n)) < fabs(log(nearest->n / n))) {
            nearest = &points[i];
        }
    }
    return nearest;
}

/* By the clock as the busiest thread's multiply-adds, of processors as those of all. */
static struct advntk__spent of_a_factor(const struct point *known, int64_t n, int threads)
{
    const int64_t from = (int64_t)known->n;

    return (struct advntk__spent){
        known->spent.wall * advntk__factor_units(n, threads) / advntk__factor_units(from, threads),
        known->spent.cpu * advntk__factor_units(n, 1) / advntk__factor_units(from, 1)};
}

/* The same of a matrix, in pairs; known: what a pair on the busiest thread took. */
static struct advntk__spent of_a_matrix(const struct point *known, int64_t n, int threads)
{
    const int64_t from = (int64_t)known->n;
    const double whole = known->spent.cpu * advntk__matrix_units(from, threads);

    return (struct advntk__spent){known->spent.wall * advntk__matrix_units(n, threads),
                                  whole * advntk__matrix_units(n, 1) /
                                      advntk__matrix_units(from, 1)};
}

bool advntk__costs_get(struct advntk__costs *costs, enum advntk__phase phase,
                       const uint8_t kind[16], int64_t n, int threads, struct advntk__spent *spent)
{
    struct point points[POINTS] = {{0}};
    int count;

    pthread_mutex_lock(&costs->guard);
    count = points_of(costs, phase, kind, threads, points);
    pthread_mutex_unlock(&costs->guard);
    *spent = (struct advntk__spent){0, 0};
    if (count == 0) {
        return false;
    }
    if (phase == ADVNTK__PHASE_REST || phase == ADVNTK__PHASE_KEEPING) { /* a unit is a unit */
        *spent = nearest_of(points, count, (double)n)->spent;
    } else if (phase == ADVNTK__PHASE_MATRIX) {
        *spent = of_a_matrix(nearest_of(points, count, (double)n), n, threads);
    } else if (phase == ADVNTK__PHASE_FACTOR) {
        *spent = of_a_factor(nearest_of(points, count, (double)n), n, threads);
    } else {
        *spent = between(points, count, (double)n, phase);
    }
    return true;
}

/* ---- classes ---- */

/* Everything but numbers that are no integers; `skip`: a key of the outermost map that does not
 * count. */
static void hash_work(const struct advntk_node *node, const char *skip, struct advntk__hash *hash)
{
    const char *text = advntk_node_scalar(node);
    char *end = NULL;
    double value = text ? strtod(text, &end) : 0;

    advntk__hash_int(hash, (int64_t)advntk_node_kind(node));
    if (text) {
        bool fraction = end != text && *end == '\0' && isfinite(value) && value != floor(value);
        advntk__hash_text(hash, fraction ? "" : text);
        return;
    }
    for (ptrdiff_t i = 0; i < advntk_node_count(node); i++) {
        const char *key = advntk_node_key(node, i);
        if (!skip || !key || strcmp(key, skip) != 0) {
            advntk__hash_text(hash, key);
            hash_work(advntk_node_item(node, i), NULL, hash);
        }
    }
}

static char processor[256]; /* "model name : AMD EPYC ..."; "": not known */

static void read_processor(void)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[sizeof(processor)];

    while (file && *processor == '\0' && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "model name", 10) == 0) {
            memcpy(processor, line, sizeof(line));
        }
    }
    if (file) {
        fclose(file);
    }
}

static void hash_processor(struct advntk__hash *hash)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, read_processor);
    if (*processor) {
        advntk__hash_text(hash, processor);
    }
}

void advntk__cost_kind(const struct advntk_host *host, const struct advntk__run_config *config,
                       const ptrdiff_t shape[3], enum advntk__phase phase, ptrdiff_t evaluation,
                       uint8_t kind[16])
{
    struct advntk__hash *hash = advntk__hash_new();
    const struct advntk_node *list = advntk_node_get(config->tree, "evaluate");

    memset(kind, 0, 16);
    if (!hash) {
        return;
    }
    hash_processor(hash);
    advntk__hash_int(hash, host->isa);
    advntk__hash_int(hash, (int64_t)phase);
    if (phase == ADVNTK__PHASE_STEP) { /* older records of a step have its factors in them */
        advntk__hash_text(hash, "without factors");
    }
    if (phase != ADVNTK__PHASE_REST && phase != ADVNTK__PHASE_KEEPING &&
        phase != ADVNTK__PHASE_FACTOR) {
        for (int i = 0; i < 3; i++) {
            advntk__hash_int(hash, shape[i]);
        }
        advntk__hash_int(hash, config->precision);
        hash_work(advntk_node_get(config->tree, "model"), NULL, hash);
    }
    if (phase == ADVNTK__PHASE_STEP || phase == ADVNTK__PHASE_FACTOR ||
        phase == ADVNTK__PHASE_STEPS_KEPT) {
        hash_work(advntk_node_get(config->tree, "method"), "steps", hash);
    } else if (phase == ADVNTK__PHASE_EVALUATION) {
        hash_work(advntk_node_get(advntk_node_item(list, evaluation), "attack"), NULL, hash);
    }
    advntk__hash_end(hash, kind);
    advntk__hash_free(hash);
}

/* What was spent on a phase of that class for the images of the run. */
static void note(struct advntk_host *host, enum advntk__phase phase, const uint8_t kind[16],
                 double units, struct advntk__spent spent)
{
    const struct advntk__run_services *s = host->services;
    struct advntk__cost cost = {.phase = phase,
                                .n = s->problem.train,
                                .threads = host->threads,
                                .units = units,
                                .spent = {spent.wall, s->meter.alone ? spent.cpu : 0}};

    memcpy(cost.kind, kind, sizeof(cost.kind));
    advntk__costs_add(s->meter.costs, &cost);
}

void advntk__cost_note_pass(struct advntk_host *host, const uint8_t kind[16],
                            struct advntk__spent spent)
{
    note(host, ADVNTK__PHASE_MATRIX, kind,
         advntk__matrix_units(host->services->problem.train, host->threads), spent);
}

void advntk__cost_note(struct advntk_host *host, enum advntk__phase phase, ptrdiff_t evaluation,
                       double units, struct advntk__spent spent)
{
    struct advntk__run_services *s = host->services;
    const ptrdiff_t shape[3] = {s->problem.height, s->problem.width, s->problem.channels};
    uint8_t kind[16];

    s->meter.phases.wall += spent.wall;
    s->meter.phases.cpu += spent.cpu;
    if (s->meter.costs) {
        advntk__cost_kind(host, s->config, shape, phase, evaluation, kind);
        note(host, phase, kind, units, spent);
    }
}

void advntk__cost_note_steps(struct advntk_host *host, double count)
{
    const struct advntk__meter *meter = &host->services->meter;

    advntk__cost_note(host, ADVNTK__PHASE_STEP, 0, count, meter->steps);
    if (meter->factor.wall > 0) {
        advntk__cost_note(host, ADVNTK__PHASE_FACTOR, 0, count, meter->factor);
    }
}

void advntk__cost_note_evaluation(struct advntk_host *host, ptrdiff_t evaluation,
                                  const struct advntk__evaluation_result *result,
                                  ptrdiff_t evaluated, struct advntk__spent spent)
{
    spent.wall = fmax(spent.wall - result->clean_spent.wall, 0);
    spent.cpu = fmax(spent.cpu - result->clean_spent.cpu, 0);
    if (evaluated > 0) {
        advntk__cost_note(host, ADVNTK__PHASE_CLEAN, evaluation, (double)evaluated,
                          result->clean_spent);
    }
    advntk__cost_note(host, ADVNTK__PHASE_EVALUATION, evaluation, (double)result->images, spent);
}

/* Pairs that the busiest of the threads computes, tiles dealt out in order to whoever is free. */
double advntk__matrix_units(int64_t n, int threads)
{
    const int64_t tile = ADVNTK__TILE, tiles = (n + tile - 1) / tile;
    double *load = calloc((size_t)threads, sizeof(*load)), most = 0;

    for (int64_t i = 0; load && i < tiles; i++) {
        for (int64_t j = 0; j <= i; j++) {
            double rows = (double)(i < tiles - 1 ? tile : n - i * tile),
                   columns = (double)(j < tiles - 1 ? tile : n - j * tile);
            int least = 0;
            for (int t = 1; t < threads; t++) {
                least = load[t] < load[least] ? t : least;
            }
            load[least] += i == j ? rows * (rows + 1) / 2 : rows * columns;
        }
    }
    for (int t = 0; load && t < threads; t++) {
        most = fmax(most, load[t]);
    }
    free(load);
    return most;
}

/*
 * As core/linalg/factor.c does it: column of tiles by column, with a barrier after the diagonal
 * tile (one thread), after the tiles below it, and after all to the right. Edges count as evened
 * out. What a multiply-add of triangles takes beside one of a product was measured: 512 to 6,000
 * images, OpenBLAS on Zen 3.
 */
double advntk__factor_units(int64_t n, int threads)
{
    static const double cholesky = 2, triangle = 1.5;
    const int64_t tiles = (n + ADVNTK__TILE - 1) / ADVNTK__TILE;
    const double side = (double)n / (double)tiles, whole = side * side * side;
    double units = 0;

    for (int64_t left = tiles - 1; left >= 0; left--) {
        const double products =
                         (double)left * (double)(left - 1) / 2,   /* beside `left` of symmetric */
            longest = left > 1 ? 1 : (double)left * triangle / 2; /* task to the right */
        units += cholesky / 6 + ceil((double)left / threads) * triangle / 2;
        units += fmax((products + (double)left * triangle / 2) / threads, longest);
    }
    return units * whole;
}

/* ---- a run ---- */

static struct advntk__spent times(struct advntk__spent unit, double units)
{
    return (struct advntk__spent){unit.wall * units, unit.cpu * units};
}

static void add(struct advntk__spent *sum, struct advntk__spent more)
{
    sum->wall += more.wall;
    sum->cpu += more.cpu;
}

/* Does evaluation e follow from the last one that is computed? */
static bool follows(const struct advntk__run_config *config, ptrdiff_t last, ptrdiff_t e)
{
    struct advntk_error why;
    bool share = false;

    return last >= 0 &&
           advntk__evaluations_share(&config->evaluations[last], &config->evaluations[e], &share,
                                     &why) == ADVNTK_OK &&
           share;
}

/* Adds what the evaluations of a run take, between the steps and at its end. */
static void forecast_evaluations(struct advntk__costs *costs, const struct advntk_host *host,
                                 const struct advntk__item *item, int threads,
                                 ptrdiff_t between_steps, const bool *evaluations,
                                 struct advntk__forecast *f)
{
    const struct advntk__run_config *config = item->config;
    const ptrdiff_t shape[3] = {item->height, item->width, item->channels};
    double most = 0, most_between = 0;
    struct advntk__spent unit;
    ptrdiff_t last = -1;
    uint8_t kind[16];

    for (ptrdiff_t e = 0; e < config->evaluation_count; e++) {
        double images = (double)item->evaluations[e].images;
        advntk__cost_kind(host, config, shape, ADVNTK__PHASE_EVALUATION, e, kind);
        f->known &=
            advntk__costs_get(costs, ADVNTK__PHASE_EVALUATION, kind, item->train, threads, &unit);
        add(&f->training, times(unit, images * (double)between_steps));
        most_between = fmax(most_between, images);
        if (evaluations && !evaluations[e]) {
            continue;
        }
        most = fmax(most, images);
        if (follows(config, last, e)) {
            f->rejudged++;
        } else {
            add(&f->evaluation, times(unit, images));
            last = e;
        }
    }
    if (config->evaluation_count > 0) {
        advntk__cost_kind(host, config, shape, ADVNTK__PHASE_CLEAN, 0, kind);
        f->known &=
            advntk__costs_get(costs, ADVNTK__PHASE_CLEAN, kind, item->train, threads, &unit);
        add(&f->training, times(unit, most_between * (double)between_steps));
        add(&f->evaluation, times(unit, most));
    }
}

void advntk__forecast(struct advntk__costs *costs, const struct advntk_host *host,
                      const struct advntk__item *item, int threads, const bool *evaluations,
                      struct advntk__forecast *f)
{
    const struct advntk__run_config *config = item->config;
    const struct advntk_method_ops *method = config->method.plugin->ops;
    const ptrdiff_t shape[3] = {item->height, item->width, item->channels};
    ptrdiff_t steps = method->steps ? method->steps(config->method.config) : 1, between_steps = 0;
    struct advntk__spent unit;
    uint8_t kind[16];

    *f = (struct advntk__forecast){.known = true};
    steps = steps > 0 ? steps : 1;
    if (method->needs_kernel) {
        advntk__cost_kind(host, config, shape, ADVNTK__PHASE_MATRIX, 0, kind);
        f->matrix_only =
            !advntk__costs_get(costs, ADVNTK__PHASE_MATRIX, kind, item->train, threads, &f->matrix);
    }
    advntk__cost_kind(host, config, shape, ADVNTK__PHASE_STEP, 0, kind);
    f->known &= advntk__costs_get(costs, ADVNTK__PHASE_STEP, kind, item->train, threads, &unit);
    f->training = times(unit, (double)steps);
    advntk__cost_kind(host, config, shape, ADVNTK__PHASE_FACTOR, 0, kind);
    (void)advntk__costs_get(costs, ADVNTK__PHASE_FACTOR, kind, item->train, threads, &unit);
    f->factor = times(unit, (double)steps);
    if (config->evaluate_every > 0) {
        between_steps = (steps - 1) / (ptrdiff_t)config->evaluate_every;
    }
    forecast_evaluations(costs, host, item, threads, between_steps, evaluations, f);
    f->matrix_only = f->matrix_only && f->known;
    f->known = f->known && !f->matrix_only;
    advntk__cost_kind(host, config, shape, ADVNTK__PHASE_REST, 0, kind);
    (void)advntk__costs_get(costs, ADVNTK__PHASE_REST, kind, item->train, threads, &unit);
    f->rest = unit;
    advntk__cost_kind(host, config, shape, ADVNTK__PHASE_KEEPING, 0, kind);
    (void)advntk__costs_get(costs, ADVNTK__PHASE_KEEPING, kind, item->train, threads,
                            &f->kept_byte);
    advntk__cost_kind(host, config, shape, ADVNTK__PHASE_STEPS_KEPT, 0, kind);
    (void)advntk__costs_get(costs, ADVNTK__PHASE_STEPS_KEPT, kind, item->train, threads,
                            &f->kept_steps);
}
