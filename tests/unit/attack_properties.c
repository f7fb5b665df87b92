/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What holds for every attack in every norm, those to come included: the registry says which there
 * are. The same bits for any number of threads, any batch and any group of images; budgets kept to
 * the unit; every stored point in ball and box, as the norm measures it.
 */
#include "config.h"
#include "tap.h"

#include "attack_world.h"
#include "recipe_attack.h"

enum { SIDE = 6, D = SIDE * SIDE, C = 5, N = 136, STEPS = 6 };

static struct advntk_host *host, *threads;
static struct advntk__registry *registry;
static struct toy toy;
static double pixels[N * D];
static int32_t labels[N];
static int64_t numbers[N];

/* What is compared, of N images. */
struct found {
    bool robust[N];
    double point[N * D], loss[N], distance[N], nearest[N];
    int64_t outputs_spent[N], gradients_spent[N];
    int32_t first_success[N];
};

static advntk_status run(struct advntk_host *where, const struct advntk_slot *attack,
                         ptrdiff_t first, ptrdiff_t n, struct found *f, struct advntk_error *err)
{
    const struct advntk_images images = {.n = n,
                                         .height = SIDE,
                                         .width = SIDE,
                                         .channels = 1,
                                         .pixels = pixels + first * D,
                                         .labels = labels + first,
                                         .index = numbers + first};
    const struct advntk__attack_target target = world_target(where, &toy);
    struct advntk__attack_result result = {.robust = f->robust + first,
                                           .point = f->point + first * D,
                                           .loss = f->loss + first,
                                           .distance = f->distance + first,
                                           .nearest = f->nearest + first,
                                           .outputs_spent = f->outputs_spent + first,
                                           .gradients_spent = f->gradients_spent + first,
                                           .first_success = f->first_success + first};

    return advntk__attack_panel(&target, attack, &images, &result, NULL, err);
}

static void must_run(struct advntk_host *where, const struct advntk_slot *attack, ptrdiff_t first,
                     ptrdiff_t n, struct found *f)
{
    struct advntk_error error = {.status = ADVNTK_OK};

    if (run(where, attack, first, n, f, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

/* An attack with its norm and settings, from a recipe; twelve steps at most keep the test short. */
struct subject {
    const char *attack, *norm, *extra;
    double radius;
    struct advntk__study *study;
    const struct advntk_slot *slot;
};

static void subject_make(struct subject *t, const char *settings)
{
    char text[600];

    snprintf(text, sizeof(text), "{plugin: %s, norm: %s, radius: %g%s%s%s%s}", t->attack, t->norm,
             t->radius, t->extra, settings,
             strcmp(t->norm, "l0") == 0 ? ", random_start: false" : "",
             strstr(settings, "budget_steps") ? "" : ", budget_steps: 12");
    t->slot = recipe_attack(registry, text, &t->study);
}

static bool same(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

static bool same_bits(const struct found *a, const struct found *b)
{
    return same(a->robust, b->robust, sizeof(a->robust)) &&
           same(a->point, b->point, sizeof(a->point)) && same(a->loss, b->loss, sizeof(a->loss)) &&
           same(a->distance, b->distance, sizeof(a->distance)) &&
           same(a->nearest, b->nearest, sizeof(a->nearest)) &&
           same(a->outputs_spent, b->outputs_spent, sizeof(a->outputs_spent)) &&
           same(a->gradients_spent, b->gradients_spent, sizeof(a->gradients_spent)) &&
           same(a->first_success, b->first_success, sizeof(a->first_success));
}

static void test_independence(struct subject *t, const struct found *whole)
{
    static struct found other;
    bool in_groups, in_threads;

    subject_make(t, "");
    memset(&other, 0, sizeof(other));
    must_run(threads, t->slot, 0, N, &other);
    in_threads = same_bits(whole, &other);
    memset(&other, 0, sizeof(other));
    for (ptrdiff_t at = 0, n = 1; at < N; at += n, n = 2 * n + 1) { /* 1, 3, 7, 15, ... images */
        must_run(host, t->slot, at, n < N - at ? n : N - at, &other);
    }
    in_groups = same_bits(whole, &other);
    ok(in_threads && in_groups, "%s in %s: the same bits with three threads, and group by group",
       t->attack, t->norm);
    advntk__study_free(t->study);
}

static void test_place(struct subject *t, const struct found *f)
{
    const struct advntk_attack_settings *s;
    const struct advntk_norm_ops *norm;
    bool in_ball;
    int wrong = 0;

    subject_make(t, "");
    s = t->slot->host_config;
    norm = s->norm.plugin->ops;
    in_ball = ((const struct advntk_attack_ops *)t->slot->plugin->ops)->goal == ADVNTK_GOAL_RADIUS;
    for (ptrdiff_t i = 0; i < N; i++) {
        double far = norm->distance(s->norm.config, D, f->point + i * D, pixels + i * D);
        /* the sum of D distances may be rounded; fab, a part of autoattack, keeps points further
         * away where none is nearer */
        wrong +=
            !(far <= t->radius * (1 + 1e-13)) && in_ball && strcmp(t->attack, "autoattack") != 0;
        wrong += !f->robust[i] && !(far <= t->radius * (1 + 1e-13));
        wrong += far != f->distance[i];
        for (ptrdiff_t k = 0; k < D; k++) {
            wrong += !(f->point[i * D + k] >= 0 && f->point[i * D + k] <= 1);
        }
    }
    ok(wrong == 0, "%s in %s: points in ball and box, distances as told", t->attack, t->norm);
    advntk__study_free(t->study);
}

/* A composite's children have budgets of steps of their own; what it spends in all is limited. */
static bool is_composite(const struct subject *t)
{
    return ((const struct advntk_attack_ops *)t->slot->plugin->ops)->stages;
}

/* Each budget: nothing is spent beyond it, and of what would be asked for without it, all that fits
 * (gradients may be asked for several at a time, and then all or none). */
static void test_budget(struct subject *t, const struct found *freely, const char *what, int64_t n)
{
    static struct found less;
    char settings[64];
    int over = 0, left = 0;
    bool steps = strcmp(what, "steps") == 0, gradients = strcmp(what, "gradients") == 0;

    snprintf(settings, sizeof(settings), ", early_stop: false, budget_%s: %lld", what,
             (long long)n);
    subject_make(t, settings);
    must_run(host, t->slot, 0, N, &less);
    for (ptrdiff_t i = 0; i < N; i++) {
        int64_t spent = gradients ? less.gradients_spent[i] : less.outputs_spent[i];
        int64_t would = gradients ? freely->gradients_spent[i] : freely->outputs_spent[i];
        int64_t limit = n + steps; /* the start point is no step */
        over += spent > limit && !(steps && is_composite(t));
        left += spent < (would < limit ? would : limit) && !gradients;
    }
    ok(over == 0 && left == 0, "%s in %s: a budget of %lld %s is spent and kept to the unit",
       t->attack, t->norm, (long long)n, what);
    advntk__study_free(t->study);
}

/* "freely": with more than any budget here allows. */
static void test_subject(struct subject *t)
{
    static struct found whole, freely;
    struct advntk_error error = {.status = ADVNTK_OK};
    char few[64];
    advntk_status rc;

    memset(&whole, 0, sizeof(whole));
    subject_make(t, "");
    rc = run(host, t->slot, 0, N, &whole, &error);
    advntk__study_free(t->study);
    if (rc == ADVNTK_EUNSUPPORTED) {
        ok(strstr(error.text, t->attack) != NULL, "refused: %s", error.text);
        return;
    }
    if (!ok(rc == ADVNTK_OK, "%s in %s runs", t->attack, t->norm)) {
        printf("# %s\n", error.text);
        return;
    }
    test_independence(t, &whole);
    test_place(t, &whole);
    snprintf(few, sizeof(few), ", early_stop: false, budget_outputs: %d", 4 * STEPS);
    subject_make(t, few);
    must_run(host, t->slot, 0, N, &freely);
    advntk__study_free(t->study);
    test_budget(t, &freely, "outputs", 1);
    test_budget(t, &freely, "outputs", STEPS);
    test_budget(t, &freely, "steps", STEPS);
    test_budget(t, &freely, "gradients", 1);
    test_budget(t, &freely, "gradients", STEPS);
}

/* What it needs to run, or to run shortly; points.npy holds two points an image. */
static const char *extra_of(const char *attack)
{
    static const struct {
        const char *attack, *extra;
    } all[] = {
        {"ensemble", ", attacks: [{plugin: pgd, loss: margin, steps: 4}, "
                     "{plugin: bim, loss: margin, steps: 4}, {plugin: fgsm, loss: margin}]"},
        {"autoattack", ", apgd_ce: {steps: 6}, apgd_t: {steps: 5, restarts: 2}, fab_t: "
                       "{iterations: 3, restarts: 2}, square: {queries: 8}, apgd_ce_l1: {steps: 7, "
                       "restarts: 2}, apgd_t_l1: {steps: 6, restarts: 2}"},
        {"transfer", ", points: points.npy, index: index.npy, loss: margin"},
    };
    for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
        if (strcmp(all[k].attack, attack) == 0) {
            return all[k].extra;
        }
    }
    return ", loss: margin";
}

/* The toy's images; N more than a panel, so that several are packed. */
static void make_images(void)
{
    static struct world_images some;
    const ptrdiff_t shape[2] = {2 * N, D}, flat = 2 * N;
    static double points[2 * N * D];
    static int64_t index[2 * N];
    struct advntk_error error = {.status = ADVNTK_OK};

    toy_make(&toy, D, C, 0.7, 8);
    for (ptrdiff_t half = 0; half < 2; half++) {
        images_make(&some, &toy, N / 2, 9, (uint64_t)half);
        memcpy(pixels + half * (N / 2) * D, some.pixels, sizeof(pixels) / 2);
        memcpy(labels + half * (N / 2), some.labels, sizeof(labels) / 2);
    }
    for (ptrdiff_t i = 0; i < 2 * N; i++) {
        struct advntk_stream s;
        numbers[i % N] = 3 * (i % N) + 1;
        index[i] = numbers[i % N];
        advntk_stream_init(&s, 2, advntk_random_purpose("points"), i, 0, 0);
        for (ptrdiff_t k = 0; k < D; k++) {
            points[i * D + k] = pixels[i % N * D + k] + 0.1 * advntk_random_normal(&s);
        }
    }
    box_reset();
    if (advntk_npy_write(scratch("points.npy"), ADVNTK_FLOAT64, 2, shape, points, &error) !=
            ADVNTK_OK ||
        advntk_npy_write(scratch("index.npy"), ADVNTK_INT64, 1, &flat, index, &error) !=
            ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

int main(void)
{
    static const char *const norms[] = {"linf", "l2", "l1", "l0", "mahalanobis"};
    static const double radii[] = {0.03, 0.1, 0.3, 3, 0.1};
    struct advntk_error error = {.status = ADVNTK_OK};
    int attacks = 0;

    scratch_make();
    if (advntk__host_new(1, &host, &error) != ADVNTK_OK ||
        advntk__host_new(3, &threads, &error) != ADVNTK_OK ||
        advntk__registry_new(PLUGINS, true, &registry, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    make_images();
    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk__plugin_record *record = advntk__registry_get(registry, i);
        const struct advntk_attack_ops *ops = record->plugin.ops;

        if (record->plugin.kind != ADVNTK_KIND_ATTACK || record->shadowed_by ||
            ops->goal == ADVNTK_GOAL_NONE) {
            continue;
        }
        attacks++;
        for (size_t k = 0; k < sizeof(norms) / sizeof(norms[0]); k++) {
            struct subject t = {.attack = record->plugin.name,
                                .norm = norms[k],
                                .radius = radii[k],
                                .extra = extra_of(record->plugin.name)};
            test_subject(&t);
        }
    }
    ok(attacks >= 17, "%d attacks were tried", attacks);
    advntk__registry_free(registry);
    advntk__host_free(threads);
    advntk__host_free(host);
    scratch_remove();
    return done_testing();
}
