/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What evaluations and the parts of a composite share, and what is looked at again: the clean pass
 * of several attacks is evaluated once, to the same bits; each_alone says of each part what it does
 * by itself, as a run of that part alone says it, leaves the composite's own result as it was, and
 * can be interrupted after any unit.
 */
#include "config.h"
#include "tap.h"

#include "attack_world.h"
#include "recipe_attack.h"

enum { D = 30, C = 10, N = 300, PARTS = 3 };

static struct advntk_host *host;
static struct advntk__registry *registry;
static struct toy toy;
static double pixels[N * D];
static int32_t labels[N];
static int64_t numbers[N];
static struct advntk_error error;

static void must(advntk_status rc)
{
    if (rc != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

static struct advntk_images images_of(ptrdiff_t n)
{
    return (struct advntk_images){.n = n,
                                  .height = 1,
                                  .width = D,
                                  .channels = 1,
                                  .pixels = pixels,
                                  .labels = labels,
                                  .index = numbers};
}

/* N images, made 100 at a time; one in seven is misclassified. */
static void make_images(void)
{
    static struct world_images some;

    for (ptrdiff_t at = 0; at < N; at += 100) {
        images_make(&some, &toy, 100, 7, (uint64_t)at + 2);
        memcpy(pixels + at * D, some.pixels, 100 * D * sizeof(double));
        memcpy(labels + at, some.labels, 100 * sizeof(int32_t));
        for (ptrdiff_t i = at; i < at + 100; i++) {
            numbers[i] = 3 * i;
        }
    }
}

/* What is compared of a result. */
struct outcome {
    bool clean_right[N], robust[N];
    double point[N * D], outputs[N * C];
    int64_t outputs_spent[N], gradients_spent[N], fooled_alone[N];
    int32_t fooled_by[N];
    struct advntk__audit audit;
};

/* Runs a group to its end; pass NULL: alone. broken: it is written down after each unit and taken
 * up by another group. */
static void run(const struct advntk_slot *slot, ptrdiff_t n, uint32_t purpose,
                struct advntk__clean_pass *pass, bool broken, struct outcome *o)
{
    const struct advntk_images x = images_of(n);
    struct advntk__attack_target target = world_target(host, &toy);
    struct advntk__group *g = NULL;
    const struct advntk__attack_result *r;
    bool finished = false;

    memset(o, 0, sizeof(*o));
    target.purpose = purpose;
    must(advntk__group_new(&target, slot, &x, &o->audit, &g, &error));
    if (pass) {
        advntk__group_share_clean(g, pass, 0);
    }
    while (!finished) {
        must(advntk__group_step(g, &finished, &error));
        if (broken && !finished) {
            struct advntk__group_block from[ADVNTK__GROUP_BLOCKS], to[ADVNTK__GROUP_BLOCKS];
            const struct advntk__audit so_far = o->audit;
            struct advntk__group *next = NULL;
            ptrdiff_t count = advntk__group_save(g, from);
            must(advntk__group_new(&target, slot, &x, &o->audit, &next, &error));
            o->audit = so_far;
            (void)advntk__group_save(next, to);
            for (ptrdiff_t k = 0; k < count; k++) {
                memcpy(to[k].bytes, from[k].bytes, (size_t)from[k].count);
            }
            advntk__group_free(g);
            g = next;
        }
    }
    advntk__audit_judge(&o->audit);
    r = advntk__group_result(g);
    memcpy(o->clean_right, r->clean_right, (size_t)n * sizeof(bool));
    memcpy(o->robust, r->robust, (size_t)n * sizeof(bool));
    memcpy(o->point, r->point, (size_t)n * D * sizeof(double));
    memcpy(o->outputs, r->outputs, (size_t)n * C * sizeof(double));
    memcpy(o->outputs_spent, r->outputs_spent, (size_t)n * sizeof(int64_t));
    memcpy(o->gradients_spent, r->gradients_spent, (size_t)n * sizeof(int64_t));
    memcpy(o->fooled_alone, r->fooled_alone, (size_t)n * sizeof(int64_t));
    memcpy(o->fooled_by, r->fooled_by, (size_t)n * sizeof(int32_t));
    advntk__group_free(g);
}

static bool same(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

static bool same_but_for_alone(const struct outcome *a, const struct outcome *b)
{
    return same(a->clean_right, b->clean_right, sizeof(a->clean_right)) &&
           same(a->robust, b->robust, sizeof(a->robust)) &&
           same(a->point, b->point, sizeof(a->point)) &&
           same(a->outputs, b->outputs, sizeof(a->outputs)) &&
           same(a->outputs_spent, b->outputs_spent, sizeof(a->outputs_spent)) &&
           same(a->gradients_spent, b->gradients_spent, sizeof(a->gradients_spent)) &&
           same(a->fooled_by, b->fooled_by, sizeof(a->fooled_by));
}

/* ---- the clean pass ---- */

/* The last evaluation has fewer images: its last panel is another one, and evaluated. */
static void test_clean_pass(void)
{
    static const struct {
        const char *attack; /* NULL: clean */
        ptrdiff_t n, evaluated;
    } steps[] = {
        {NULL, N, N},
        {"{plugin: pgd, norm: linf, radius: 0.02, steps: 3, loss: margin}", N, 0},
        {"{plugin: pgd, norm: linf, radius: 0.05, steps: 3, loss: margin}", N, 0},
        {"{plugin: ddn, norm: l2, radius: 0.2, steps: 3}", N, 0},
        {"{plugin: apgd, norm: l2, radius: 0.2, steps: 3, loss: margin, targeted: true, targets: "
         "second}",
         200, 72},
        {NULL, 128, 0},
        {NULL, 200, 0},
    };
    static struct outcome with, without;
    struct advntk__clean_pass pass;

    must(advntk__clean_pass_init(&pass, N, C, &error));
    for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++) {
        struct advntk__study *study = NULL;
        const struct advntk_slot *slot =
            steps[k].attack ? recipe_attack(registry, steps[k].attack, &study) : NULL;
        ptrdiff_t before = pass.evaluated;
        int64_t rows, forwards;

        toy.rows = 0;
        run(slot, steps[k].n, 5, NULL, false, &without);
        rows = toy.rows;
        toy.rows = 0;
        run(slot, steps[k].n, 5, &pass, false, &with);
        forwards = rows - toy.rows;
        ok(same_but_for_alone(&with, &without) &&
               same(&with.audit, &without.audit, sizeof(with.audit)),
           "%s: the same bits, whoever computed the clean pass",
           slot ? slot->plugin->name : "clean");
        ok(forwards == steps[k].n - steps[k].evaluated &&
               pass.evaluated - before == steps[k].evaluated,
           "%s on %td images: %lld forward passes are spared", slot ? slot->plugin->name : "clean",
           steps[k].n, (long long)forwards);
        advntk__study_free(study);
    }
    advntk__clean_pass_release(&pass);
}

/* ---- each part alone ---- */

static const char *const parts[PARTS] = {
    "{plugin: fgsm, loss: margin}",
    "{plugin: pgd, steps: 12, step: 0.004, loss: cross_entropy, restarts: 2}",
    "{plugin: square, queries: 60}",
};

static const struct advntk_slot *ensemble(const char *more, struct advntk__study **study)
{
    char text[600];

    snprintf(text, sizeof(text),
             "{plugin: ensemble, norm: linf, radius: 0.03%s, attacks: [%s, %s, %s]}", more,
             parts[0], parts[1], parts[2]);
    return recipe_attack(registry, text, study);
}

/* The truth: each attack by itself, with the streams that it has as a part. */
static void run_alone(int k, struct outcome *o)
{
    struct advntk__study *study = NULL;
    char text[300];

    snprintf(text, sizeof(text), "{norm: linf, radius: 0.03, %s", parts[k] + 1);
    run(recipe_attack(registry, text, &study), N,
        5 + (uint32_t)k * advntk_random_purpose("attack stage"), NULL, false, o);
    advntk__study_free(study);
}

static void test_each_alone(void)
{
    static struct outcome plain, each, broken, alone[PARTS];
    struct advntk__study *study = NULL;
    ptrdiff_t wrong = 0, counts_off = 0;
    int64_t fell[PARTS] = {0}, only[PARTS] = {0}, extra = 0;

    run(ensemble("", &study), N, 5, NULL, false, &plain);
    advntk__study_free(study);
    run(ensemble(", each_alone: true", &study), N, 5, NULL, false, &each);
    run(&study->runs[0].evaluations[0].attack, N, 5, NULL, true, &broken);
    for (int k = 0; k < PARTS; k++) {
        run_alone(k, &alone[k]);
    }
    for (ptrdiff_t i = 0; i < N; i++) {
        int64_t by = 0;
        for (int k = 0; k < PARTS; k++) {
            bool falls = alone[k].clean_right[i] && !alone[k].robust[i];
            by |= (int64_t)falls << k;
            fell[k] += falls;
        }
        for (int k = 0; k < PARTS; k++) {
            only[k] += by == 1 << k;
        }
        wrong += each.fooled_alone[i] != by;
        extra -= plain.outputs_spent[i];
    }
    ok(same_but_for_alone(&plain, &each), "each_alone leaves the composite's result as it is");
    ok(wrong == 0,
       "who falls to each part is who falls to it in a run of its own (%td of %d differ)", wrong,
       N);
    for (int k = 0; k < PARTS; k++) {
        const struct advntk__part_count *c = &each.audit.parts[k];
        int64_t outputs = 0, gradients = 0;
        for (ptrdiff_t i = 0; i < N; i++) {
            outputs += alone[k].clean_right[i] ? alone[k].outputs_spent[i] : 0;
            gradients += alone[k].clean_right[i] ? alone[k].gradients_spent[i] : 0;
        }
        extra += outputs;
        counts_off += c->fell_alone != fell[k] || c->only != only[k];
        counts_off += c->outputs_alone != outputs || c->gradients_alone != gradients;
        ok(c->fell_alone > 0 && c->only <= c->fell_alone && (k != 1 || c->only > 0),
           "part %d fells %lld alone, of which %lld stand all others", k, (long long)c->fell_alone,
           (long long)c->only);
    }
    ok(counts_off == 0 && each.audit.second_outputs == extra && extra > 0,
       "counts and costs are those of runs of their own; %lld outputs more than the composite",
       (long long)extra);
    ok(plain.audit.verdict == each.audit.verdict &&
           plain.audit.still_rising == each.audit.still_rising &&
           plain.audit.standing == each.audit.standing &&
           plain.audit.black_box_fell == each.audit.black_box_fell,
       "the verdict is the composite's");
    ok(same(&each, &broken, sizeof(each)), "interrupted after every unit: the same bits");
    advntk__study_free(study);
}

/* With a budget for the whole each part has all of it when it is alone. */
static void test_rationed(void)
{
    static struct outcome each, alone;
    struct advntk__study *study = NULL;
    ptrdiff_t wrong = 0;
    char text[300];

    run(ensemble(", each_alone: true, budget_outputs: 40", &study), N, 5, NULL, false, &each);
    advntk__study_free(study);
    snprintf(text, sizeof(text), "{norm: linf, radius: 0.03, budget_outputs: 40, %s", parts[2] + 1);
    run(recipe_attack(registry, text, &study), N, 5 + 2 * advntk_random_purpose("attack stage"),
        NULL, false, &alone);
    advntk__study_free(study);
    for (ptrdiff_t i = 0; i < N; i++) {
        bool falls = alone.clean_right[i] && !alone.robust[i];
        wrong += falls != ((each.fooled_alone[i] >> 2 & 1) != 0);
    }
    ok(wrong == 0, "a budget for all parts: alone each has all of it (%td differ)", wrong);
}

static void test_refused(const char *text, const char *want)
{
    const struct advntk_images x = images_of(10);
    struct advntk__attack_target target = world_target(host, &toy);
    struct advntk__study *study = NULL;
    struct advntk__audit audit = {0};
    struct advntk__group *g = NULL;
    advntk_status rc =
        advntk__group_new(&target, recipe_attack(registry, text, &study), &x, &audit, &g, &error);

    ok(rc == ADVNTK_EINVALID && strstr(error.text, want), "refused: %s", error.text);
    advntk__group_free(g);
    advntk__study_free(study);
}

int main(void)
{
    scratch_make();
    must(advntk__host_new(1, &host, &error));
    must(advntk__registry_new(PLUGINS, true, &registry, &error));
    toy_make(&toy, D, C, 0.7, 8);
    box_reset();
    make_images();
    test_clean_pass();
    test_each_alone();
    test_rationed();
    test_refused("{plugin: pgd, norm: linf, radius: 0.1, each_alone: true}",
                 "each_alone is for the outermost attack of several parts");
    test_refused("{plugin: ensemble, norm: linf, radius: 0.1, attacks: [{plugin: pgd, each_alone: "
                 "true}]}",
                 "stage 0: attack pgd: each_alone");
    test_refused("{plugin: ensemble, norm: linf, radius: 0.1, attacks: [{plugin: autoattack, "
                 "each_alone: true}]}",
                 "each_alone is for the outermost attack");
    test_refused("{plugin: autoattack, norm: linf, radius: 0.1, each_alone: true, budget_seconds: "
                 "5}",
                 "each_alone with budget_seconds");
    advntk__registry_free(registry);
    advntk__host_free(host);
    scratch_remove();
    return done_testing();
}
