/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which images a run gets, and what identifies it: from recipes to splits and ids. */
#include "config.h"

#include "base/hash.h"
#include "base/host.h"
#include "base/text.h"
#include "engine.h"
#include "recipe/resolved.h"
#include "registry/registry.h"
#include "run/data.h"
#include "run/identity.h"
#include "scratch.h"
#include "store/folder.h"
#include "tap.h"

static struct advntk__registry *registry;
static struct advntk_host *host;

struct made {
    struct advntk__study *study;
    const struct advntk__run_config *config;
    struct advntk__source source;
    struct advntk__split split;
    char fit[ADVNTK__ID], evaluation[ADVNTK__ID];
};

static const char base[] =
    "advntk: 1\nname: t\nseed: 1\n"
    "data: {dataset: digits, train: 300, validation: 100, center: 0.5}\n"
    "model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}\n"
    "method: ntk\n"
    "evaluate: [{name: pgd, attack: {plugin: pgd, norm: linf, radius: 0.1}}]\n";

/* A recipe with one -s ("" for none) to its split and ids. The split's own error, if any, in *err.
 */
static advntk_status make(const char *recipe, const char *override, struct made *m,
                          struct advntk_error *err)
{
    const char *file = scratch_write("recipe.yaml", recipe, strlen(recipe));
    const struct advntk__recipe_options options = {.override_count = *override ? 1 : 0,
                                                   .overrides = &override};
    struct advntk__text messages = {0};
    uint8_t digest[16];
    int64_t samples;
    advntk_status rc;

    *m = (struct made){0};
    rc = advntk__study_load(registry, file, &options, &m->study, &messages, err);
    if (rc != ADVNTK_OK) {
        printf("Bail out! %s: %s\n", override, advntk__text_get(&messages));
        exit(1);
    }
    advntk__text_release(&messages);
    m->config = &m->study->runs[0];
    must(advntk__source_open(host, &m->config->data.dataset, &m->source, err), err);
    rc = advntk__split_make(&m->source, &m->config->data, m->config->seed, &m->split, err);
    if (rc != ADVNTK_OK) {
        return rc;
    }
    must(advntk__identity_fit(m->config, &m->split, digest, err), err);
    advntk__id_of(digest, m->fit);
    samples = m->config->evaluations[0].samples;
    must(advntk__identity_evaluation(&m->config->evaluations[0],
                                     samples ? (ptrdiff_t)samples : m->split.test.count, digest,
                                     err),
         err);
    advntk__id_of(digest, m->evaluation);
    return ADVNTK_OK;
}

static void release(struct made *m)
{
    advntk__split_release(&m->split);
    advntk__source_close(&m->source);
    advntk__study_free(m->study);
}

static bool same_images(const struct advntk__image_set *a, const struct advntk__image_set *b)
{
    return a->count == b->count &&
           memcmp(a->index, b->index, (size_t)a->count * sizeof(*a->index)) == 0;
}

static void test_split(void)
{
    struct made a, b, c, d, first;
    struct advntk_error err = {0};
    bool used[1297] = {false}, disjoint = true, ordered = true;

    must(make(base, "", &a, &err), &err);
    must(make(base, "", &b, &err), &err);
    must(make(base, "seed=2", &c, &err), &err);
    must(make(base, "data.seed=1", &d, &err), &err);
    must(make(base, "data.subset=first", &first, &err), &err);
    for (ptrdiff_t i = 0; i < 400; i++) {
        int64_t at = i < 100 ? a.split.validation.index[i] : a.split.train.index[i - 100];
        disjoint = disjoint && at >= 0 && at < 1297 && !used[at];
        used[at] = true;
    }
    ok(a.split.train.count == 300 && a.split.validation.count == 100 && a.split.test.count == 500,
       "as many images as asked for, all test images");
    ok(disjoint, "validation and training images are disjoint, none twice");
    ok(same_images(&a.split.train, &b.split.train) &&
           same_images(&a.split.validation, &b.split.validation),
       "the same again");
    ok(!same_images(&a.split.train, &c.split.train), "another seed draws others");
    ok(same_images(&a.split.train, &d.split.train), "data.seed stands for the seed");
    for (ptrdiff_t i = 0; i < 400; i++) {
        int64_t at = i < 100 ? first.split.validation.index[i] : first.split.train.index[i - 100];
        ordered = ordered && at == i;
    }
    ok(ordered, "subset first: validation, then training images in file order");
    release(&a);
    release(&b);
    release(&c);
    release(&d);
    release(&first);
}

static void test_classes(void)
{
    struct made all, some;
    struct advntk_error err = {0};
    static int32_t official[1297];
    static int64_t index[1297];
    ptrdiff_t count[10] = {0};
    bool good = true;

    must(make(base, "data={dataset: digits, train: 150, validation: 50, classes: [7, 2]}", &some,
              &err),
         &err);
    for (int i = 0; i < 1297; i++) {
        index[i] = i;
    }
    must(some.source.ops->read(some.source.state, ADVNTK_TRAIN, 1297, index, NULL, official, &err),
         &err);
    for (ptrdiff_t i = 0; i < some.split.train.count; i++) {
        int32_t is = official[some.split.train.index[i]];
        good = good && (is == 7 || is == 2) && some.split.train.labels[i] == (is == 7 ? 0 : 1);
    }
    ok(good && some.split.classes == 2, "classes: only these, numbered in their order");
    release(&some);
    ok(make(base, "data.classes=[7,7]", &some, &err) == ADVNTK_EINVALID &&
           strstr(err.text, "class 7 stands there twice"),
       "a class twice: %s", err.text);
    release(&some);
    ok(make(base, "data.classes=[1,10]", &some, &err) == ADVNTK_EINVALID &&
           strstr(err.text, "class 10, expected 0 to 9"),
       "no such class: %s", err.text);
    release(&some);

    must(make(base, "data.balanced=true", &all, &err), &err);
    for (ptrdiff_t i = 0; i < 300; i++) {
        count[all.split.train.labels[i]]++;
    }
    for (int c = 0; c < 10; c++) {
        good = good && count[c] == 30;
    }
    ok(good, "balanced: 30 of each class");
    release(&all);
    ok(make(base, "data.train=1290", &all, &err) == ADVNTK_EINVALID && strstr(err.text, "1290") &&
           strstr(err.text, "1297"),
       "more than there are: %s", err.text);
    release(&all);
}

static void test_noise(void)
{
    struct made plain, noisy;
    struct advntk_error err = {0};
    ptrdiff_t changed = 0;
    bool within = true;

    must(make(base, "", &plain, &err), &err);
    must(make(base, "data.label_noise=0.2", &noisy, &err), &err);
    for (ptrdiff_t i = 0; i < 300; i++) {
        changed += plain.split.train.labels[i] != noisy.split.train.labels[i];
        within = within && noisy.split.train.labels[i] >= 0 && noisy.split.train.labels[i] < 10;
    }
    /* 300 draws of probability 0.2: 60, standard deviation 7; five of them */
    ok(changed > 25 && changed < 95 && within, "label_noise changes its share (%td of 300)",
       changed);
    ok(same_images(&plain.split.train, &noisy.split.train) &&
           memcmp(plain.split.validation.labels, noisy.split.validation.labels,
                  100 * sizeof(int32_t)) == 0,
       "of the training labels alone");
    ok(strcmp(plain.fit, noisy.fit) != 0, "and is another fit");
    release(&plain);
    release(&noisy);
}

/* Whether an override gives another fit, another evaluation. */
static void differs(const char *override, bool fit, bool evaluation)
{
    struct made a, b;
    struct advntk_error err = {0};

    must(make(base, "", &a, &err), &err);
    must(make(base, override, &b, &err), &err);
    ok((strcmp(a.fit, b.fit) != 0) == fit, "%s: %s fit", override, fit ? "another" : "the same");
    ok((strcmp(a.evaluation, b.evaluation) != 0) == evaluation, "%s: %s evaluation", override,
       evaluation ? "another" : "the same");
    release(&a);
    release(&b);
}

static void test_identity(void)
{
    /* the same experiment: other order, an expression, a let, a slot as a map, defaults written out
     */
    static const char other[] =
        "advntk: 1\nlet: {r: 0.2/2}\n"
        "method: {plugin: ntk, ridge: 0}\nprecision: float32\n"
        "evaluate:\n- {attack: {radius: r, norm: {plugin: linf}, plugin: pgd}, name: other}\n"
        "model:\n  kernel: {plugin: ntk}\n"
        "  architecture: {activation: relu, b_std: 0.18, depth: 2+1, plugin: mlp}\n"
        "data: {center: 1/2, dataset: {plugin: digits}, validation: 100, train: 300, test: -1}\n"
        "seed: 1\nname: another\n";
    struct made a, b;
    struct advntk_error err = {0};

    must(make(base, "", &a, &err), &err);
    must(make(other, "", &b, &err), &err);
    is_text(b.fit, a.fit, "spelled differently: the same fit");
    is_text(b.evaluation, a.evaluation, "and the same evaluation");
    /* Stored results are found by these: a change of them makes every user's runs start again.
     * A new parameter of these plugins is to carry `since`; where a change is meant, the new ids
     * are put here. */
    is_text(a.fit, "628b54b65193d479", "the id of a fit is what it was");
    is_text(a.evaluation, "f8b746a6286775a5", "the id of an evaluation is what it was");
    release(&a);
    release(&b);
    differs("seed=2", true, false);
    differs("precision=float64", true, false);
    differs("data.center=0.25", true, false);
    differs("data.mean=[0.25]", true, false);
    differs("data.mean=[0.5]", false, false); /* what center 0.5 says */
    differs("data.std=[0.5]", true, false);
    differs("data.validation=90", true, false);
    differs("data.test=100", false, true);
    differs("model.architecture.depth=4", true, false);
    differs("method.ridge=0.1", true, false);
    differs("evaluate.pgd.attack.radius=0.2", false, true);
    differs("evaluate.pgd.samples=200", false, true);
    differs("name=x", false, false);
}

int main(void)
{
    struct advntk_error err = {0};

    scratch_make();
    must(advntk__host_new(1, &host, &err), &err);
    must(advntk__registry_new(PLUGINS, true, &registry, &err), &err);
    test_split();
    test_classes();
    test_noise();
    test_identity();
    advntk__registry_free(registry);
    advntk__host_free(host);
    scratch_remove();
    return done_testing();
}
