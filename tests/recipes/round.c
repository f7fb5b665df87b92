/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The way back: a resolved run as YAML gives the same run; what is one run has one identity. */
#include "config.h"

#include "recipes.h"

#include "recipe/expression.h"

#include <advntk/random.h>

#define ADVNTK_BASE                                                                                \
    "advntk: 1\n"                                                                                  \
    "data: {dataset: digits, train: 100, validation: 20}\n"                                        \
    "model: {architecture: mlp, kernel: ntk}\n"                                                    \
    "method: {plugin: advntk, attack: {plugin: pgd, radius: 0.1}}\n"

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
        "report={question: a}",
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
        const char *key, *more;
    } places[] = {{ADVNTK_KIND_DATASET, "data.dataset", ""},
                  {ADVNTK_KIND_ARCHITECTURE, "model.architecture", ""},
                  {ADVNTK_KIND_ACTIVATION, "model.architecture.activation", ""},
                  {ADVNTK_KIND_KERNEL, "model.kernel", ""},
                  {ADVNTK_KIND_NORM, "method.attack.norm", ""},
                  {ADVNTK_KIND_ATTACK, "method.attack", ", radius: 0.01"},
                  {ADVNTK_KIND_LOSS, "method.loss", ""},
                  {ADVNTK_KIND_METHOD, "method", ""},
                  {ADVNTK_KIND_OPTIMIZER, "method.optimizer", ""},
                  {ADVNTK_KIND_BACKEND, "backend", ""}};
    ptrdiff_t tried = 0, count = 0;
    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk_plugin *plugin = &advntk__registry_get(registry, i)->plugin;
        bool required = false;
        for (const struct advntk_param *row = plugin->params; row && row->name; row++) {
            required = required || (row->flags & ADVNTK_P_REQUIRED);
        }
        count += !required;
        for (size_t k = 0; k < sizeof(places) / sizeof(places[0]) && !required; k++) {
            char text[200];
            const char *overrides[] = {text, "method.attack.radius=0.01", NULL};
            struct advntk__study *s;
            if (places[k].kind != plugin->kind) {
                continue;
            }
            if (plugin->kind != ADVNTK_KIND_METHOD || strcmp(plugin->name, "ntk") == 0) {
                overrides[1] = NULL; /* no attack inside, or it has its radius */
            }
            snprintf(text, sizeof(text), "%s={plugin: %s%s}", places[k].key, plugin->name,
                     strcmp(plugin->name, "none") == 0 ? "" : places[k].more);
            s = load(plugin->kind == ADVNTK_KIND_OPTIMIZER || plugin->kind == ADVNTK_KIND_METHOD
                         ? ADVNTK_BASE
                         : BASE,
                     overrides);
            if (s) {
                is_round(text, s);
                tried++;
            }
            advntk__study_free(s);
        }
    }
    ok(tried == count && tried >= 10, "%td of %td plugins with their defaults", tried, count);
}

/* Reals have at most 17 digits and are read back to the same bits. */
static void test_reals(void)
{
    static const double awkward[] = {0.1,
                                     1.0 / 3,
                                     8.0 / 255,
                                     5e-324,
                                     2.2250738585072014e-308,
                                     1e22,
                                     1e23,
                                     123456789,
                                     -0.0,
                                     1.7976931348623157e308,
                                     0x1p-52,
                                     9007199254740993.0};
    struct advntk_stream stream;
    int digits_most = 0, wrong = 0;
    advntk_stream_init(&stream, 1, advntk_random_purpose("reals"), 0, 0, 0);
    for (int i = 0; i < 20000; i++) {
        struct advntk__text text = {0};
        struct advntk_error err;
        double value, back;
        uint64_t bits = advntk_random_below(&stream, UINT64_MAX);
        int digits = 0;
        memcpy(&value, &bits, sizeof(value));
        value = i < (int)(sizeof(awkward) / sizeof(awkward[0])) ? awkward[i] : value;
        if (!isfinite(value)) {
            continue;
        }
        advntk__text_real(&text, value);
        for (const char *s = text.bytes; *s && *s != 'e'; s++) {
            digits += *s >= '0' && *s <= '9' && (digits > 0 || *s != '0');
        }
        digits_most = digits > digits_most ? digits : digits_most;
        wrong += advntk__expression(text.bytes, NULL, &back, &err) != ADVNTK_OK || back != value;
        advntk__text_release(&text);
    }
    ok(wrong == 0 && digits_most == 17, "reals of at most %d digits are read back; %d are not",
       digits_most, wrong);
}

static bool identity_of(const char *base, const char *const *overrides, uint8_t digest[16])
{
    struct advntk__study *s = load(base, overrides);
    bool fine = ok(s && run_digest(&s->runs[0], digest), "an identity");
    advntk__study_free(s);
    return fine;
}

static void test_identity(void)
{
    static const char *const same[][3] = {
        {"method.cache=5"},
        {"method.late=0.5"},
        {"method.late_list=[1, 2.5]"},
        {"method.late_pair=[3, 3]"},
        {"method.late_slot={plugin: erf, a: 4/2}"},
        {"method.late_slots=[{plugin: leaky_relu, negative_slope: 0.3}, relu]"},
        {"method.attack.radius=16/510"},
        {"method.loss={plugin: mse}"}};
    static const char *const other[][3] = {{"method.late=0.6"},
                                           {"method.late_list=[1, 2]"},
                                           {"method.late_list=[]"},
                                           {"method.late_pair=[3, 4]"},
                                           {"method.late_slot=erf"},
                                           {"method.late_slot={plugin: erf, a: 2, b: 3}"},
                                           {"method.late_slot=relu"},
                                           {"method.late_slots=[relu]"},
                                           {"method.late_slots=[leaky_relu, relu]"},
                                           {"method.loss=cross_entropy"},
                                           {"method.attack.norm=l2"},
                                           {"method.words=[ab, c]"},
                                           {"method.layers=[1]"}};
    uint8_t base[16] = {0}, digest[16] = {0};
    identity_of(BASE, NULL, base);
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        identity_of(BASE, same[i], digest);
        ok(memcmp(base, digest, 16) == 0, "%s is the same", same[i][0]);
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        identity_of(BASE, other[i], digest);
        ok(memcmp(base, digest, 16) != 0, "%s is another", other[i][0]);
    }
}

/* A tree that a plugin reads by itself: what it says counts, not how it is spelled. */
static void test_tree_identity(void)
{
#define LAYERS "model.architecture={plugin: custom, layers: "
    static const char *const spellings[][2] = {
        {LAYERS "[flatten, {dense: {w_std: 1.5}}, {activation: relu}, {dense: {}}]}"},
        {LAYERS "[flatten, {dense: {w_std: 3/2}}, {activation: {plugin: relu}}, {dense: {}}]}"},
        {LAYERS "[flatten, {dense: {w_std: 1.50}}, {activation: 'relu'}, {dense: {}}]}"},
        {LAYERS "[flatten, {dense: {w_std: 1.5}}, {activation: erf}, {dense: {}}]}"},
        {LAYERS "[flatten, {dense: {w_std: 1.6}}, {activation: relu}, {dense: {}}]}"}};
#undef LAYERS
    uint8_t digests[5][16] = {{0}};
    for (int i = 0; i < 5; i++) {
        identity_of(BASE, spellings[i], digests[i]);
        ok((memcmp(digests[0], digests[i], 16) == 0) == (i < 3), "%s is %s", spellings[i][0],
           i < 3 ? "the same" : "another");
    }
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
    if (!recipes_begin()) {
        return 1;
    }
    test_round_trip();
    test_defaults();
    test_reals();
    test_identity();
    test_tree_identity();
    test_shipped("quickstart.yaml");
    test_shipped("paper/cifar10-mlp3-r8.yaml");
    return recipes_end();
}
