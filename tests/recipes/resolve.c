/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From recipe to runs: values, merging, references, overrides, order of the sweep. */
#include "config.h"

#include "recipes.h"

#include "recipe/resolve.h"

#include <sys/stat.h>

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

/* An attack may name the loss that it takes where the recipe gives none. */
static void test_own_loss(void)
{
    static const char *const without[] = {
        "evaluate.pgd10.attack={plugin: square, norm: linf, radius: 0.1}", NULL};
    static const char *const with[] = {
        "evaluate.pgd10.attack={plugin: square, norm: linf, radius: 0.1, loss: dlr}", NULL};

    for (int k = 0; k < 2; k++) {
        struct advntk__study *s = load(BASE, k ? with : without);
        const struct advntk_attack_settings *a =
            s ? s->runs[0].evaluations[1].attack.host_config : NULL;
        ok(a && a->loss.plugin && strcmp(a->loss.plugin->name, k ? "dlr" : "margin") == 0,
           k ? "the loss that is written" : "else the attack's own");
        is_at(s, 0, "evaluate.1.attack.loss.plugin", k ? "dlr" : "margin");
        advntk__study_free(s);
    }
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

/* A place where nothing is written is its default. */
static void test_references(void)
{
    struct advntk__study *s = load(
        BASE
        "  - {name: n, attack: {plugin: pgd, radius: {ref: method.rate},\n"
        "      norm: {ref: method.attack.norm}, steps: {ref: evaluate.pgd10.attack.steps}}}\n"
        "  - {name: m, samples: {ref: evaluate_every}, attack: {plugin: none}}\n"
        "  - {name: {ref: data.dataset}, samples: {ref: method.activations.1.a},\n"
        "      attack: {plugin: pgd, radius: {ref: data.center}, steps: {ref: method.window.1}}}\n"
        "report: {question: {ref: model.architecture.activation.plugin}}\n",
        NULL);
    is_at(s, 0, "evaluate.3.attack.radius", "0.1");
    is_at(s, 0, "evaluate.3.attack.norm.plugin", "linf");
    is_at(s, 0, "evaluate.3.attack.steps", "10");
    is_at(s, 0, "evaluate.4.samples", "0");
    is_at(s, 0, "report.question", "relu");
    ok(s && strcmp(s->runs[0].question, "relu") == 0, "what a report says follows references");
    is_at(s, 0, "evaluate.5.attack.radius", "0");
    is_at(s, 0, "evaluate.5.attack.steps", "2");
    is_at(s, 0, "evaluate.5.samples", "2");
    is_at(s, 0, "evaluate.5.name", "digits");
    advntk__study_free(s);
}

static void test_radii(void)
{
    static const char *const override[] = {"evaluate.pgd10.attack.radius=[4/255, 8/255, half, .1]",
                                           NULL};
    struct advntk__study *s = load(BASE, override);
    const struct advntk_attack_settings *settings;
    if (!ok(s && s->runs[0].evaluation_count == 6, "a list of radii is an evaluation each")) {
        return;
    }
    is_at(s, 0, "evaluate.0.name", "clean");
    is_at(s, 0, "evaluate.1.name", "pgd10@4/255");
    is_at(s, 0, "evaluate.2.name", "pgd10@8/255");
    is_at(s, 0, "evaluate.3.name", "pgd10@0.01568627450980392"); /* 4/255 as a double */
    is_at(s, 0, "evaluate.4.name", "pgd10@.1");
    is_at(s, 0, "evaluate.5.name", "l2");
    settings = s->runs[0].evaluations[2].attack.host_config;
    ok(settings->radius == 8.0 / 255, "its radius");
    is_round("a recipe with radii", s);
    advntk__study_free(s);
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

static void test_unit(void)
{
    static const char *const known[][2] = {{"data.train", "images"},
                                           {"evaluate_every", "method steps"},
                                           {"method.batch", "images"},
                                           {"evaluate.pgd.samples", "images"},
                                           {"evaluate.pgd.attack.radius", NULL}, /* the norm's */
                                           {"method.ridge", NULL},               /* as the kernel */
                                           {"model.architecture.depth", NULL},
                                           {"let.radius", NULL},
                                           {"seed", NULL},
                                           {"data.trian", NULL},
                                           {"", NULL},
                                           {".", NULL},
                                           {"evaluate", NULL},
                                           {"evaluate.pgd", NULL}};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const char *unit = advntk__recipe_unit(registry, known[i][0]);
        ok(known[i][1] ? unit && strcmp(unit, known[i][1]) == 0 : unit == NULL, "unit of '%s': %s",
           known[i][0], unit ? unit : "none");
    }
}

int main(void)
{
    if (!recipes_begin()) {
        return 1;
    }
    test_values();
    test_overrides();
    test_own_loss();
    test_merging();
    test_references();
    test_radii();
    test_paths();
    test_sweep();
    test_model_only();
    test_node_slot();
    test_describe();
    test_unit();
    return recipes_end();
}
