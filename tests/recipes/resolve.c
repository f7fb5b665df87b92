/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From recipe to runs: values, merging, references, overrides, order of the sweep, the way back. */
#include "config.h"

#include "tap.h"

#include "base/hash.h"
#include "base/text.h"
#include "recipe/resolve.h"
#include "recipe/resolved.h"
#include "registry/registry.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BASE                                                                                       \
    "advntk: 1\n"                                                                                  \
    "seed: 3\n"                                                                                    \
    "let: {r: 8/255, half: r/2}\n"                                                                 \
    "data: {dataset: digits, train: 100, validation: 20}\n"                                        \
    "model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}\n"                                \
    "method:\n"                                                                                    \
    "  plugin: fit\n"                                                                              \
    "  batch: 32\n"                                                                                \
    "  attack: {plugin: pgd, radius: r, step: r/5}\n"                                              \
    "evaluate:\n"                                                                                  \
    "  - {name: clean}\n"                                                                          \
    "  - {name: pgd10, attack: {ref: method.attack}}\n"                                            \
    "  - {name: l2, attack: {ref: method.attack, norm: l2, radius: half}, samples: 50}\n"

static struct advntk__registry *registry;

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "wb");
    if (file) {
        fputs(text, file);
        fclose(file);
    }
}

static struct advntk__study *load_with(const char *file, const char *const *overrides,
                                       const char *const *sweeps)
{
    struct advntk__recipe_options options = {.overrides = overrides, .sweeps = sweeps};
    struct advntk__study *study = NULL;
    struct advntk__text messages = {0};
    struct advntk_error err = {0};
    while (overrides && overrides[options.override_count]) {
        options.override_count++;
    }
    while (sweeps && sweeps[options.sweep_count]) {
        options.sweep_count++;
    }
    if (advntk__study_load(registry, file, &options, &study, &messages, &err) != ADVNTK_OK) {
        printf("# %s: %s\n# %s\n", file, err.text, advntk__text_get(&messages));
    }
    advntk__text_release(&messages);
    return study;
}

static struct advntk__study *load(const char *text, const char *const *overrides)
{
    write_file("recipe.yaml", text);
    return load_with("recipe.yaml", overrides, NULL);
}

/* The text at a dotted path of a run's tree; a number is the item of a list. */
static const char *at(const struct advntk__study *study, ptrdiff_t run, const char *path)
{
    const struct advntk_node *node = study && run < study->count ? study->runs[run].tree : NULL;
    char copy[200], *save = NULL;
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *name = strtok_r(copy, ".", &save); name; name = strtok_r(NULL, ".", &save)) {
        node = advntk_node_kind(node) == ADVNTK_NODE_LIST
                   ? advntk_node_item(node, strtol(name, NULL, 10))
                   : advntk_node_get(node, name);
    }
    return advntk_node_scalar(node);
}

static void is_at(const struct advntk__study *study, ptrdiff_t run, const char *path,
                  const char *want)
{
    is_text(at(study, run, path), want, path);
}

static void test_values(void)
{
    struct advntk__study *s = load(BASE, NULL);
    const struct advntk__run_config *run = s ? &s->runs[0] : NULL;
    const struct advntk_attack_settings *settings;
    if (!ok(s && s->count == 1, "one run")) {
        return;
    }
    settings = run->evaluations[1].attack.host_config;
    ok(run->seed == 3 && run->data.train == 100 && run->data.test == -1, "numbers");
    ok(settings->radius == 8.0 / 255, "a reference follows let");
    ok(strcmp(settings->loss.plugin->name, "mse") == 0, "the loss of the method");
    settings = run->evaluations[2].attack.host_config;
    ok(settings->radius == 8.0 / 255 / 2 && strcmp(settings->norm.plugin->name, "l2") == 0,
       "keys beside ref");
    ok(run->evaluations[0].attack.plugin == NULL, "clean has no attack");
    ok(run->method.host_config == NULL && run->select == ADVNTK__SELECT_LAST, "select");
    ok(run->precision == ADVNTK_PRECISION_FLOAT32, "precision");
    is_at(s, 0, "name", "recipe");
    is_at(s, 0, "method.window.1", "2");
    is_at(s, 0, "method.words.1", "b c");
    is_at(s, 0, "method.activations.1.a", "2");
    is_at(s, 0, "evaluate.2.attack.step", at(s, 0, "method.attack.step"));
    advntk__study_free(s);
}

static void test_overrides(void)
{
    static const char *const overrides[] = {"model.architecture.depth=5",
                                            "evaluate.pgd10.attack.radius=4/255",
                                            "data.dataset={plugin: npy_like}",
                                            "data.dataset={plugin: idx}",
                                            "model.architecture.activation.negative_slope=0.2",
                                            "model.architecture.activation.plugin=leaky_relu",
                                            "let.r=0.1",
                                            "data.validation=30",
                                            "method.loss=cross_entropy",
                                            "method.layers=[{a: r}, relu]",
                                            "method.select=best_validation_robust",
                                            NULL};
    struct advntk__study *s = load(BASE, overrides);
    is_at(s, 0, "model.architecture.depth", "5");
    is_at(s, 0, "data.dataset.plugin", "idx");
    is_at(s, 0, "model.architecture.activation.plugin", "leaky_relu");
    is_at(s, 0, "method.attack.radius", "0.1");
    is_at(s, 0, "method.attack.loss.plugin", "cross_entropy");
    is_at(s, 0, "evaluate.1.attack.loss.plugin", "cross_entropy");
    is_at(s, 0, "method.layers.0.a", "0.1");
    is_at(s, 0, "method.layers.1", "relu");
    is_at(s, 0, "method.select", "best_validation_robust");
    if (s) {
        const struct advntk_attack_settings *a = s->runs[0].evaluations[1].attack.host_config;
        ok(a->radius == 4.0 / 255, "an override beside a reference");
    }
    advntk__study_free(s);
}

static void test_merging(void)
{
    struct advntk__study *s;
    write_file("base.yaml", BASE "name: base\n");
    write_file("middle.yaml", "extends: base.yaml\n"
                              "method: {batch: 64, rate: 0.5, stops: [1]}\n"
                              "data: {center: 0.5}\n");
    s = load("extends: [middle.yaml]\nadvntk: 1\nname: null\n"
             "x: &x {steps: 7, batch: 8}\n"
             "x: null\n",
             NULL);
    ok(!s, "a key twice is refused even if it is null");
    s = load("extends: [middle.yaml]\nadvntk: 1\nname: null\n"
             "model: {kernel: {plugin: nngp}, architecture: {activation: {plugin: erf, a: 2}}}\n"
             "method: {batch: null, <<: {steps: 7, batch: 9}, <<: {steps: 8}}\n",
             NULL);
    ok(!s, "<< twice is refused");
    s = load("extends: [middle.yaml]\nadvntk: 1\nname: null\n"
             "model: {kernel: nngp, architecture: {activation: {plugin: erf, a: 2}}}\n"
             "let: {k: 4}\n"
             "method: {<<: {steps: 7, batch: 9}, batch: 8, stops: [2*k, 3], rate: null}\n",
             NULL);
    is_at(s, 0, "name", "recipe");
    is_at(s, 0, "model.kernel.plugin", "nngp");
    is_at(s, 0, "model.architecture.depth", "3");
    is_at(s, 0, "model.architecture.activation.a", "2");
    is_at(s, 0, "method.steps", "7");
    is_at(s, 0, "method.batch", "8");
    is_at(s, 0, "method.stops.0", "8");
    is_at(s, 0, "method.rate", "0.1");
    is_at(s, 0, "data.center", "0.5");
    advntk__study_free(s);
    s = load("extends: base.yaml\nadvntk: 1\nmethod: {attack: {plugin: fgsm, radius: 0.1}}\n",
             NULL);
    is_at(s, 0, "method.attack.plugin", "fgsm");
    is_at(s, 0, "name", "base");
    advntk__study_free(s);
    unlink("base.yaml");
    unlink("middle.yaml");
}

static void test_paths(void)
{
    static const char *const overrides[] = {"method.file=here.txt", NULL};
    struct advntk__study *s;
    char want[300], folder[200];
    if (!getcwd(folder, sizeof(folder)) || mkdir("sub", 0777) != 0) {
        ok(false, "a folder to test in");
        return;
    }
    setenv("ADVNTK_TEST_ROOT", "/data", 1);
    write_file("sub/base.yaml", BASE);
    write_file("sub/r.yaml", "extends: base.yaml\nadvntk: 1\nmethod: {file: a/b.txt}\n");
    s = load_with("sub/r.yaml", NULL, NULL);
    snprintf(want, sizeof(want), "%s/sub/a/b.txt", folder);
    is_at(s, 0, "method.file", want);
    is_at(s, 0, "name", "r");
    advntk__study_free(s);
    s = load_with("sub/r.yaml", overrides, NULL);
    snprintf(want, sizeof(want), "%s/here.txt", folder);
    is_at(s, 0, "method.file", want);
    advntk__study_free(s);
    write_file("sub/r.yaml",
               "extends: base.yaml\nadvntk: 1\n"
               "method: {file: \"${ADVNTK_TEST_ROOT}/${ADVNTK_TEST_NONE:-x}.npy\"}\n");
    s = load_with("sub/r.yaml", NULL, NULL);
    is_at(s, 0, "method.file", "/data/x.npy");
    advntk__study_free(s);
    unlink("sub/r.yaml");
    unlink("sub/base.yaml");
    rmdir("sub");
}

static void test_sweep(void)
{
    static const char *const more[] = {"method.steps=[5, 6]", NULL};
    static const char *const pin[] = {"let.r=0.2", NULL};
    struct advntk__study *s;
    write_file("recipe.yaml", BASE "sweep: {product: {let.r: [4/255, 8/255], seed: [1, 2, 3]}}\n");
    s = load_with("recipe.yaml", NULL, more);
    if (ok(s && s->count == 12, "2 x 3 x 2 runs")) {
        for (int i = 0; i < 12; i++) {
            const struct advntk_attack_settings *a = s->runs[i].evaluations[1].attack.host_config;
            ok(a->radius == (i < 6 ? 4 : 8) / 255.0 && s->runs[i].seed == i / 2 % 3 + 1,
               "run %d: the first key is slowest", i);
        }
        is_at(s, 11, "method.steps", "6");
        is_text(advntk_node_scalar(advntk_node_get(s->runs[0].overrides, "let.r")), "4/255",
                "overrides as written");
        is_text(advntk_node_key(s->runs[0].overrides, 2), "method.steps", "their order");
    }
    advntk__study_free(s);
    s = load_with("recipe.yaml", pin, NULL);
    ok(s && s->count == 3, "-s fixes a swept key");
    is_at(s, 2, "method.attack.radius", "0.2");
    advntk__study_free(s);
    s = load(BASE "sweep: {product: {method.attack.steps: [1, 2], "
                  "method.attack: [{plugin: pgd, radius: 0.1}, {plugin: pgd, radius: 0.2}]}}\n",
             NULL);
    is_at(s, 1, "method.attack.steps", "1");
    is_at(s, 1, "method.attack.radius", "0.2");
    is_at(s, 2, "evaluate.1.attack.steps", "2");
    advntk__study_free(s);
}

/* Printing a resolved run and reading it back must give the same text and the same identity. */
static void is_round(const char *name, const struct advntk__study *study)
{
    struct advntk__text first = {0}, second = {0};
    struct advntk__hash *a = advntk__hash_new(), *b = advntk__hash_new();
    struct advntk__study *again;
    struct advntk_error err;
    uint8_t digests[2][16] = {{0}, {1}};
    advntk__tree_print(study->runs[0].tree, &first);
    write_file("again.yaml", first.bytes);
    again = load_with("again.yaml", NULL, NULL);
    if (ok(again != NULL, "%s is read back", name) && a && b) {
        advntk__tree_print(again->runs[0].tree, &second);
        is_text(second.bytes, first.bytes, name);
        ok(advntk__slot_identity(&study->runs[0].method, a, &err) == ADVNTK_OK &&
               advntk__slot_identity(&again->runs[0].method, b, &err) == ADVNTK_OK,
           "identities of %s", name);
        advntk__hash_end(a, digests[0]);
        advntk__hash_end(b, digests[1]);
        ok(memcmp(digests[0], digests[1], 16) == 0, "%s has the same identity", name);
        ok(advntk__text_get(&second)[0] != '\0' &&
               study->runs[0].data.center == again->runs[0].data.center,
           "%s has the same bits", name);
    }
    advntk__hash_free(a);
    advntk__hash_free(b);
    advntk__text_release(&first);
    advntk__text_release(&second);
    advntk__study_free(again);
    unlink("again.yaml");
}

static void test_round_trip(void)
{
    static const char *const overrides[] = {
        "data.center=1/3",
        "method.note=\"a: [b]\\n# \\\"c\\\" \\\\ \\u2028 \\u00e9 \\x01 null\"",
        "method.words=['', '~', 'null', ' x ', '- y', '1', 'true', '*z']",
        "method.rates=[1/3, 0.1, 1e-300]",
        "method.window=[1/7, 2]",
        "method.layers=[{dense: {w: r}}, relu, [], {}, null, ['null', 1]]",
        "method.late=.inf",
        "report={curves: [a]}",
        NULL};
    struct advntk__study *s = load(BASE, overrides);
    if (ok(s != NULL, "a recipe with awkward values")) {
        is_round("awkward values", s);
    }
    advntk__study_free(s);
}

/* Each plugin with its defaults, in a slot where its kind may stand. */
static void test_defaults(void)
{
    static const struct {
        uint32_t kind;
        const char *key;
    } places[] = {{ADVNTK_KIND_DATASET, "data.dataset"},
                  {ADVNTK_KIND_ARCHITECTURE, "model.architecture"},
                  {ADVNTK_KIND_ACTIVATION, "model.architecture.activation"},
                  {ADVNTK_KIND_KERNEL, "model.kernel"},
                  {ADVNTK_KIND_NORM, "method.attack.norm"},
                  {ADVNTK_KIND_LOSS, "method.loss"},
                  {ADVNTK_KIND_BACKEND, "backend"}};
    int tried = 0;
    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk_plugin *plugin = &advntk__registry_get(registry, i)->plugin;
        bool required = false;
        for (const struct advntk_param *row = plugin->params; row && row->name; row++) {
            required = required || (row->flags & ADVNTK_P_REQUIRED);
        }
        for (size_t k = 0; k < sizeof(places) / sizeof(places[0]) && !required; k++) {
            char text[200];
            const char *overrides[] = {text, NULL};
            struct advntk__study *s;
            if (places[k].kind != plugin->kind) {
                continue;
            }
            snprintf(text, sizeof(text), "%s=%s", places[k].key, plugin->name);
            s = load(BASE, overrides);
            if (s) {
                is_round(text, s);
                tried++;
            }
            advntk__study_free(s);
        }
    }
    ok(tried >= 10, "%d plugins with their defaults", tried);
}

static void test_identity(void)
{
    static const char *const same[][2] = {
        {"method.cache=5", NULL}, {"method.late=0.5", NULL}, {"method.attack.radius=16/510", NULL}};
    static const char *const other[][2] = {{"method.late=0.6", NULL},
                                           {"method.loss=cross_entropy", NULL},
                                           {"method.attack.norm=l2", NULL},
                                           {"method.words=[ab, c]", NULL},
                                           {"method.layers=[1]", NULL}};
    uint8_t digests[9][16] = {{0}};
    struct advntk_error err;
    for (int i = 0; i < 9; i++) {
        const char *const *overrides = i == 0 ? NULL : i < 4 ? same[i - 1] : other[i - 4];
        struct advntk__study *s = load(BASE, overrides);
        struct advntk__hash *hash = advntk__hash_new();
        ok(s && hash && advntk__slot_identity(&s->runs[0].method, hash, &err) == ADVNTK_OK,
           "an identity");
        advntk__hash_end(hash, digests[i]);
        ok((memcmp(digests[0], digests[i], 16) == 0) == (i < 4), "%s is %s",
           overrides ? overrides[0] : "itself", i < 4 ? "the same" : "another");
        advntk__hash_free(hash);
        advntk__study_free(s);
    }
}

static void test_model_only(void)
{
    struct advntk__recipe_options options = {.model_only = true};
    struct advntk__study *s = NULL;
    struct advntk__text messages = {0};
    struct advntk_error err = {0};
    write_file("recipe.yaml", "advntk: 1\nmodel: {architecture: mlp, kernel: ntk}\n");
    ok(advntk__study_load(registry, "recipe.yaml", &options, &s, &messages, &err) == ADVNTK_OK,
       "a recipe of a model alone %s", advntk__text_get(&messages));
    ok(s && !s->runs[0].method.plugin && !s->runs[0].data.dataset.plugin &&
           s->runs[0].model.kernel.plugin,
       "has a model alone");
    advntk__study_free(s);
    s = NULL;
    ok(advntk__study_load(registry, "recipe.yaml", NULL, &s, &messages, &err) == ADVNTK_EINVALID,
       "is no experiment");
    advntk__text_release(&messages);
}

/* A target of the design: a thousand runs in 0.2 s; ten times that, as test machines are busy. */
static void test_many_runs(void)
{
    struct advntk__text text = {0};
    struct advntk__study *s;
    struct timespec from, to;
    double seconds;
    advntk__text_puts(&text, BASE "sweep: {product: {seed: [");
    for (int i = 0; i < 1000; i++) {
        advntk__text_printf(&text, "%s%d", i ? ", " : "", i);
    }
    advntk__text_puts(&text, "]}}\n");
    write_file("recipe.yaml", text.bytes);
    clock_gettime(CLOCK_MONOTONIC, &from);
    s = load_with("recipe.yaml", NULL, NULL);
    clock_gettime(CLOCK_MONOTONIC, &to);
    seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    ok(s && s->count == 1000 && seconds < 2, "1000 runs in %.3f s", seconds);
    advntk__study_free(s);
    advntk__text_release(&text);
}

static void test_node_slot(void)
{
    static const char *const overrides[] = {
        "method.layers=[{plugin: erf, a: 2}, {plugin: erf, q: 2}, 8/255, 7/2, nope]", NULL};
    struct advntk__study *s = load(BASE, overrides);
    const struct advntk_node *layers =
        s ? advntk_node_get(advntk_node_get(s->runs[0].tree, "method"), "layers") : NULL;
    struct advntk_slot slot;
    struct advntk_error err = {0};
    double real = 0;
    int64_t whole;
    ok(advntk_node_slot(advntk_node_item(layers, 0), ADVNTK_KIND_ACTIVATION, &slot, &err) ==
               ADVNTK_OK &&
           strcmp(slot.plugin->name, "erf") == 0,
       "a slot inside a tree");
    ok(advntk_node_slot(advntk_node_item(layers, 1), ADVNTK_KIND_ACTIVATION, &slot, &err) ==
           ADVNTK_EINVALID,
       "a wrong one: %s", err.text);
    ok(advntk_node_real(advntk_node_item(layers, 2), &real, &err) == ADVNTK_OK && real == 8.0 / 255,
       "a number inside a tree");
    ok(advntk_node_int(advntk_node_item(layers, 3), &whole, &err) == ADVNTK_EINVALID,
       "no integer: %s", err.text);
    ok(advntk_node_real(NULL, &real, &err) == ADVNTK_EINVALID, "no node: %s", err.text);
    advntk__study_free(s);
}

static void test_describe(void)
{
    struct advntk__text text = {0};
    advntk__recipe_describe(&text);
    for (const struct advntk__section *s = advntk__recipe_sections(); s->name; s++) {
        for (const struct advntk_param *row = s->rows; row && row->name; row++) {
            char line[100];
            snprintf(line, sizeof(line), "\n  %s: ", row->name);
            ok(strstr(advntk__text_get(&text), line) != NULL, "%s %s is described", s->name,
               row->name);
        }
    }
    advntk__text_release(&text);
}

static void test_shipped(const char *name)
{
    struct advntk__study *s;
    char file[500];
    snprintf(file, sizeof(file), SOURCE "/experiments/%s", name);
    setenv("ADVNTK_DATA", "/nowhere", 1);
    s = load_with(file, NULL, NULL);
    if (ok(s != NULL, "%s is right", name)) {
        is_round(name, s);
    }
    advntk__study_free(s);
}

int main(void)
{
    struct advntk_error err = {0};
    char scratch[] = "/tmp/advntk-recipes-XXXXXX";
    if (advntk__registry_new(RECIPES ":" PLUGINS, true, &registry, &err) != ADVNTK_OK ||
        !mkdtemp(scratch) || chdir(scratch) != 0) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    test_values();
    test_overrides();
    test_merging();
    test_paths();
    test_sweep();
    test_round_trip();
    test_defaults();
    test_identity();
    test_model_only();
    test_many_runs();
    test_node_slot();
    test_describe();
    if (advntk__registry_find(registry, ADVNTK_KIND_METHOD, "advntk")) {
        test_shipped("quickstart.yaml");
        test_shipped("paper/cifar10-mlp3-r8.yaml");
    } else {
        skip("shipped recipes", "the method advntk is not built");
    }
    ok(unlink("recipe.yaml") == 0 && rmdir(scratch) == 0, "the scratch folder is gone");
    advntk__registry_free(registry);
    return done_testing();
}
