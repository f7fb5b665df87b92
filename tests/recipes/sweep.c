/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sweeps: what each part means, their products, conditions; and random ones against brute force. */
#include "config.h"

#include "recipes.h"

#include <advntk/random.h>
#include <time.h>

/* Runs as text, "key=value key=value" of the sweep's own keys, a line each. */
static void runs_text(const struct advntk__study *s, struct advntk__text *out)
{
    for (ptrdiff_t i = 0; s && i < s->count; i++) {
        const struct advntk_node *map = s->runs[i].overrides;
        for (ptrdiff_t k = 0; k < advntk_node_count(map); k++) {
            const struct advntk_node *value = advntk_node_item(map, k);
            const char *text = advntk_node_scalar(value);
            const char *name = advntk_node_scalar(advntk_node_get(value, "plugin"));
            advntk__text_printf(out, "%s%s=%s", k ? " " : "", advntk_node_key(map, k),
                                text   ? text
                                : name ? name
                                       : "-");
        }
        advntk__text_puts(out, "\n");
    }
}

static void expands(const char *sweep, const char *want)
{
    struct advntk__text text = {0}, got = {0};
    struct advntk__study *s;
    advntk__text_printf(&text, BASE "sweep: %s\n", sweep);
    s = load(advntk__text_get(&text), NULL);
    runs_text(s, &got);
    is_text(advntk__text_get(&got), want, sweep);
    advntk__study_free(s);
    advntk__text_release(&text);
    advntk__text_release(&got);
}

static void test_parts(void)
{
    expands("{product: {seed: [1, 2], method.steps: [5, 6]}}",
            "seed=1 method.steps=5\nseed=1 method.steps=6\n"
            "seed=2 method.steps=5\nseed=2 method.steps=6\n");
    expands("{zip: {seed: [1, 2], method.steps: [5, 6]}}",
            "seed=1 method.steps=5\nseed=2 method.steps=6\n");
    expands("{list: [{seed: 1}, {method.steps: 5, seed: 2}, {}]}",
            "seed=1\nmethod.steps=5 seed=2\n\n");
    expands("{ablate: {base: {seed: 1, method.steps: 5}, vary: {method.steps: [6, 7], "
            "method.batch: [1]}}}",
            "seed=1 method.steps=5\nseed=1 method.steps=6\nseed=1 method.steps=7\n"
            "seed=1 method.steps=5 method.batch=1\n");
    expands("{ablate: {vary: {seed: [4, 5]}}}", "\nseed=4\nseed=5\n");
    expands("{zip: {seed: [1, 2], method.steps: [5, 6]}, product: {method.burn: [0, 1]}}",
            "seed=1 method.steps=5 method.burn=0\nseed=1 method.steps=5 method.burn=1\n"
            "seed=2 method.steps=6 method.burn=0\nseed=2 method.steps=6 method.burn=1\n");
    expands("{list: [{product: {seed: [1, 2]}}, {zip: {seed: [4], method.steps: [9]}}, {seed: 7}], "
            "product: {method.burn: [2, 3]}}",
            "seed=1 method.burn=2\nseed=1 method.burn=3\nseed=2 method.burn=2\n"
            "seed=2 method.burn=3\nseed=4 method.steps=9 method.burn=2\n"
            "seed=4 method.steps=9 method.burn=3\nseed=7 method.burn=2\nseed=7 method.burn=3\n");
}

static void test_conditions(void)
{
    expands("{product: {seed: [1, 2, 5]}, when: [{if: {seed: 2}, then: {product: {method.steps: "
            "[6, 7]}}}], except: [{seed: 1}, {method.steps: 7}]}",
            "seed=2 method.steps=6\nseed=5\n");
    expands("{product: {let.r: [4/255, 8/255], seed: [1, 2, 4]}, "
            "except: [{let.r: 16/510, seed: [1, 2]}]}",
            "let.r=4/255 seed=1\nlet.r=4/255 seed=2\nlet.r=4/255 seed=4\nlet.r=8/255 seed=4\n");
    expands("{product: {model.architecture.activation: [relu, {plugin: erf, a: 2}, erf]}, "
            "except: [{model.architecture.activation: {plugin: erf, a: 2}}]}",
            "model.architecture.activation=relu\nmodel.architecture.activation=erf\n");
    expands("{product: {model.architecture.activation: [relu, {plugin: erf, a: 2}]}, when: [{if: "
            "{model.architecture.activation: erf}, then: {product: {seed: [5, 6]}}}]}",
            "model.architecture.activation=relu\nmodel.architecture.activation=erf seed=5\n"
            "model.architecture.activation=erf seed=6\n");
    expands("{product: {method.attack: [{plugin: pgd, radius: 0.2}, {plugin: fgsm, radius: 0.2}]},"
            " except: [{method.attack.plugin: fgsm}]}",
            "method.attack=pgd\n");
    /* a key that is not swept has the recipe's value, merged with what is swept */
    expands("{product: {seed: [1, 2]}, except: [{method.batch: 32, seed: 1}]}", "seed=2\n");
    expands("{product: {method.attack: [{steps: 5}, {step: 0.5}]}, "
            "except: [{method.attack.steps: 5, method.attack.radius: r}]}",
            "method.attack=-\n");
    expands("{product: {method.attack.steps: [5, 6]}, "
            "except: [{method.attack: {plugin: pgd, steps: 6}}]}",
            "method.attack.steps=5\n");
    expands("{list: [{seed: 1}, {seed: 2, method.note: x}], except: [{method.note: null}]}",
            "seed=2 method.note=x\n");
}

/* What is the same once defaults are filled in is one run, that which was written first. */
static void test_same_runs(void)
{
    expands("{list: [{seed: 1}, {seed: 2}, {seed: 1, method.rate: 1/10}, {seed: 2/2}, "
            "{seed: 1, method.rate: 0.2}]}",
            "seed=1\nseed=2\nseed=1 method.rate=0.2\n");
    expands("{product: {model.kernel: [ntk, {plugin: ntk}], let.half: [r/2, 4/255]}}",
            "model.kernel=ntk let.half=r/2\n");
    expands("{ablate: {base: {seed: 3}, vary: {seed: [3, 4], method.steps: [50, 51]}}}",
            "seed=3\nseed=4\nseed=3 method.steps=51\n");
}

static void test_command_line(void)
{
    static const char *const more[] = {"method.burn=[1, 2]", NULL};
    static const char *const pin[] = {"seed=9", NULL};
    static const char *const deeper[] = {"method.attack.steps=3", NULL};
    struct advntk__text got = {0};
    struct advntk__study *s;
    write_file("recipe.yaml", BASE "sweep: {zip: {seed: [1, 2], method.steps: [5, 6]}, "
                                   "except: [{method.burn: 2, seed: [1, 9], method.steps: 5}]}\n");
    s = load_with("recipe.yaml", NULL, more);
    runs_text(s, &got);
    is_text(advntk__text_get(&got),
            "seed=1 method.steps=5 method.burn=1\nseed=2 method.steps=6 method.burn=1\n"
            "seed=2 method.steps=6 method.burn=2\n",
            "--sweep multiplies");
    got.length = 0;
    advntk__study_free(s);
    s = load_with("recipe.yaml", pin, more);
    runs_text(s, &got);
    is_text(advntk__text_get(&got),
            "method.steps=5 method.burn=1\nmethod.steps=6 method.burn=1\n"
            "method.steps=6 method.burn=2\n",
            "-s takes a key out of the sweep");
    is_at(s, 0, "seed", "9");
    advntk__study_free(s);
    s = load("extends: recipe.yaml\nadvntk: 1\n", NULL);
    ok(!s, "a recipe that extends itself");
    s = load(BASE "sweep: {product: {method.attack: [{plugin: pgd, radius: 0.1, steps: 7}, "
                  "{plugin: pgd, radius: 0.2}]}}\n",
             deeper);
    is_at(s, 0, "method.attack.steps", "3");
    is_at(s, 1, "method.attack.steps", "3");
    is_at(s, 1, "evaluate.1.attack.steps", "3");
    advntk__study_free(s);
    advntk__text_release(&got);
}

/* `sweep` of a recipe that is changed by -s, as the runs it then has. */
static void changes(const char *sweep, const char *const *overrides, const char *want)
{
    struct advntk__text text = {0}, got = {0};
    struct advntk__study *s;
    advntk__text_printf(&text, BASE "sweep: %s\n", sweep);
    s = load(advntk__text_get(&text), overrides);
    runs_text(s, &got);
    is_text(advntk__text_get(&got), want, overrides[0]);
    advntk__study_free(s);
    advntk__text_release(&text);
    advntk__text_release(&got);
}

/* -s reaches into the sweep, whose keys are dotted themselves. */
static void test_changed_axes(void)
{
#define CHANGES(sweep, want, ...) changes(sweep, (const char *const[]){__VA_ARGS__, NULL}, want)
    static const char product[] = "{product: {let.r: [0.1, 0.2], method.steps: [5, 6]}}";
    static const char items[] = "{list: [{seed: 1}, {product: {method.steps: [5, 6]}}]}";
    static const char when[] = "{product: {seed: [1, 2]}, "
                               "when: [{if: {seed: 2}, then: {zip: {method.steps: [5, 6]}}}]}";
    static const char ablate[] = "{ablate: {base: {method.steps: 5}, vary: {let.r: [0.2]}}}";
    CHANGES(product, "let.r=0.3 method.steps=5\nlet.r=0.3 method.steps=6\n",
            "sweep.product.let.r=[0.3]");
    CHANGES(product, "let.r=0.1\nlet.r=0.2\n", "sweep.product.method.steps=null");
    CHANGES(product, "\n", "sweep.product.method.steps=null", "sweep.product.let.r=null");
    CHANGES(product, "let.r=0.1 method.steps=7\nlet.r=0.2 method.steps=7\n",
            "sweep.product.method.steps.0=7", "sweep.product.method.steps.1=null");
    CHANGES(product, "method.burn=1 let.r=0.1\nmethod.burn=1 let.r=0.2\n",
            "sweep={list: [{method.burn: 1}], zip: {let.r: [0.1, 0.2]}}", "sweep.product=null");
    CHANGES(items, "seed=1 method.burn=3\nmethod.steps=7\n", "sweep.list.0.method.burn=3",
            "sweep.list.1.product.method.steps=[7]");
    CHANGES(when, "seed=1\nseed=2 method.steps=7\n", "sweep.when.0.then.zip.method.steps=[7]");
    CHANGES(when, "seed=1 method.steps=5\nseed=1 method.steps=6\nseed=2\n",
            "sweep.when.0.if.seed=1");
    CHANGES(ablate, "method.steps=8\nmethod.steps=8 let.r=0.3\n",
            "sweep.ablate.base.method.steps=8", "sweep.ablate.vary.let.r=[0.3]");
    CHANGES("{product: {method: [fit, {plugin: fit, steps: 5}]}}", "method=fit\nmethod=fit\n",
            "sweep.product.method.1.steps=6");
#undef CHANGES
}

/* ---- brute force ---- */

/* A run is the value of each of these keys, 0: the recipe's own; values go from 1. */
enum { KEYS = 5, VALUES = 3, RUNS = 4000 };
static const char *const keys[KEYS] = {"seed", "method.steps", "method.batch", "method.cache",
                                       "evaluate_every"};
struct setting {
    int value[KEYS];
};
struct expected {
    int count;
    struct setting runs[RUNS];
};

static int below(struct advntk_stream *r, int bound)
{
    return (int)advntk_random_below(r, (uint64_t)bound);
}

/* Writes a random node over the keys that are left, and what it expands to by itself. */
static void random_node(struct advntk_stream *r, int depth, unsigned left,
                        struct advntk__text *yaml, struct expected *out);

static void append(struct expected *list, const struct setting *run)
{
    if (list->count < RUNS) {
        list->runs[list->count++] = *run;
    }
}

/* Takes runs out by one or two keys, as long as one is left. */
static void random_conditions(struct advntk_stream *r, struct advntk__text *yaml,
                              struct expected *out)
{
    int a = below(r, KEYS), b = below(r, KEYS), kept = 0;
    int va = 1 + below(r, VALUES), vb = 1 + below(r, VALUES);
    bool known = false, known_b = false;
    static struct expected rest;
    rest.count = 0;
    for (int i = 0; i < out->count; i++) {
        bool hit = out->runs[i].value[a] == va && (a == b || out->runs[i].value[b] == vb);
        known = known || out->runs[i].value[a] > 0;
        known_b = known_b || out->runs[i].value[b] > 0;
        if (!hit) {
            append(&rest, &out->runs[i]);
        }
        kept += !hit;
    }
    if (!known || !known_b || kept == 0 || below(r, 2)) {
        return;
    }
    advntk__text_printf(yaml, ", except: [{%s: %d", keys[a], va * 11);
    if (a != b) {
        advntk__text_printf(yaml, ", %s: %d", keys[b], vb * 11);
    }
    advntk__text_puts(yaml, "}]");
    *out = rest;
}

/* Every pair of a run of `a` with one of `b`, which have no key in common; into a. */
static void cross(struct expected *a, const struct expected *b)
{
    static struct expected product;
    product.count = 0;
    for (int i = 0; i < a->count; i++) {
        for (int k = 0; k < b->count; k++) {
            struct setting run = a->runs[i];
            for (int key = 0; key < KEYS; key++) {
                run.value[key] += b->runs[k].value[key];
            }
            append(&product, &run);
        }
    }
    *a = product;
}

static int take_key(struct advntk_stream *r, unsigned *left)
{
    int key = below(r, KEYS);
    while (*left && !(*left >> key & 1)) {
        key = (key + 1) % KEYS;
    }
    *left &= ~(1u << key);
    return key;
}

static void random_product(struct advntk_stream *r, unsigned *left, struct advntk__text *yaml,
                           struct expected *out)
{
    int axes = 1 + below(r, 2);
    static struct expected axis;
    out->count = 1;
    out->runs[0] = (struct setting){{0}};
    advntk__text_puts(yaml, "product: {");
    for (int a = 0; a < axes && *left; a++) {
        int key = take_key(r, left), count = 1 + below(r, VALUES);
        axis.count = 0;
        advntk__text_printf(yaml, "%s%s: [", a ? ", " : "", keys[key]);
        for (int v = 0; v < count; v++) {
            struct setting run = {{0}};
            run.value[key] = 1 + below(r, VALUES); /* may repeat: then they are one run */
            advntk__text_printf(yaml, "%s%d", v ? ", " : "", run.value[key] * 11);
            append(&axis, &run);
        }
        advntk__text_puts(yaml, "]");
        cross(out, &axis);
    }
    advntk__text_puts(yaml, "}");
}

static void random_zip(struct advntk_stream *r, unsigned *left, struct advntk__text *yaml,
                       struct expected *out)
{
    int axes = 1 + below(r, 2), count = 1 + below(r, VALUES);
    out->count = count;
    memset(out->runs, 0, (size_t)count * sizeof(out->runs[0]));
    advntk__text_puts(yaml, "zip: {");
    for (int a = 0; a < axes && *left; a++) {
        int key = take_key(r, left);
        advntk__text_printf(yaml, "%s%s: [", a ? ", " : "", keys[key]);
        for (int v = 0; v < count; v++) {
            out->runs[v].value[key] = 1 + below(r, VALUES);
            advntk__text_printf(yaml, "%s%d", v ? ", " : "", out->runs[v].value[key] * 11);
        }
        advntk__text_puts(yaml, "]");
    }
    advntk__text_puts(yaml, "}");
}

static void random_ablate(struct advntk_stream *r, unsigned *left, struct advntk__text *yaml,
                          struct expected *out)
{
    struct setting base = {{0}}, run;
    int varied = take_key(r, left), fixed = *left ? take_key(r, left) : -1;
    out->count = 0;
    base.value[varied] = below(r, VALUES + 1);
    advntk__text_puts(yaml, "ablate: {base: {");
    if (base.value[varied]) {
        advntk__text_printf(yaml, "%s: %d", keys[varied], base.value[varied] * 11);
    }
    if (fixed >= 0) {
        base.value[fixed] = 1 + below(r, VALUES);
        advntk__text_printf(yaml, "%s%s: %d", base.value[varied] ? ", " : "", keys[fixed],
                            base.value[fixed] * 11);
    }
    if (!base.value[varied] && fixed < 0) {
        yaml->length -= strlen("base: {"); /* a base that says nothing is left out */
    } else {
        advntk__text_puts(yaml, "}, ");
    }
    append(out, &base);
    advntk__text_printf(yaml, "vary: {%s: [", keys[varied]);
    for (int v = 0, count = 1 + below(r, VALUES); v < count; v++) {
        run = base;
        run.value[varied] = 1 + below(r, VALUES);
        append(out, &run);
        advntk__text_printf(yaml, "%s%d", v ? ", " : "", run.value[varied] * 11);
    }
    advntk__text_puts(yaml, "]}}");
}

static void random_list(struct advntk_stream *r, int depth, unsigned *left,
                        struct advntk__text *yaml, struct expected *out)
{
    int items = 1 + below(r, 3);
    unsigned inner = *left;
    struct expected *item = malloc(sizeof(*item));
    out->count = 0;
    advntk__text_puts(yaml, "list: [");
    for (int i = 0; item && i < items; i++) {
        advntk__text_puts(yaml, i ? ", " : "");
        if (below(r, 2) || depth >= 2) {
            struct setting run = {{0}};
            unsigned rest = inner;
            int key = take_key(r, &rest);
            run.value[key] = 1 + below(r, VALUES);
            advntk__text_printf(yaml, "{%s: %d}", keys[key], run.value[key] * 11);
            append(out, &run);
        } else {
            random_node(r, depth + 1, inner, yaml, item);
            for (int k = 0; k < item->count; k++) {
                append(out, &item->runs[k]);
            }
        }
    }
    *left = 0; /* items may have used any key */
    advntk__text_puts(yaml, "]");
    free(item);
}

static void random_node(struct advntk_stream *r, int depth, unsigned left,
                        struct advntk__text *yaml, struct expected *out)
{
    struct expected *part = malloc(sizeof(*part));
    unsigned written = 0;
    bool product = false, zip = false;
    out->count = 1;
    out->runs[0] = (struct setting){{0}};
    advntk__text_puts(yaml, "{");
    for (int p = 0, parts = 1 + below(r, 3); part && p < parts && left; p++) {
        unsigned before = left;
        int kind = below(r, 4);
        if ((kind == 0 && product) || (kind == 1 && zip) || (kind > 1 && p + 1 < parts)) {
            continue; /* a word once in a map; list and ablate last, as they use what is left */
        }
        advntk__text_puts(yaml, written ? ", " : "");
        if (kind == 0) {
            random_product(r, &left, yaml, part);
            product = true;
        } else if (kind == 1) {
            random_zip(r, &left, yaml, part);
            zip = true;
        } else if (kind == 2) {
            random_ablate(r, &left, yaml, part);
        } else {
            random_list(r, depth, &left, yaml, part);
        }
        written |= before;
        cross(out, part);
    }
    if (!written) {
        random_product(r, &left, yaml, out);
    }
    free(part);
    random_conditions(r, yaml, out);
    advntk__text_puts(yaml, "}");
}

/* Runs that are the same are one; the recipe's own values are those of BASE. */
static int without_repeats(struct expected *list)
{
    static const int own[KEYS] = {3, 50, 32, 0, 0};
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        bool again = false;
        for (int key = 0; key < KEYS; key++) {
            int v = list->runs[i].value[key];
            list->runs[i].value[key] = v ? v * 11 : own[key];
        }
        for (int k = 0; k < kept && !again; k++) {
            again = memcmp(&list->runs[k], &list->runs[i], sizeof(list->runs[i])) == 0;
        }
        if (!again) {
            list->runs[kept++] = list->runs[i];
        }
    }
    return list->count = kept;
}

static bool agrees(const struct advntk__study *s, const struct expected *want)
{
    bool same = s && s->count == want->count;
    for (int i = 0; same && i < want->count; i++) {
        for (int key = 0; key < KEYS; key++) {
            const char *text = at(s, i, keys[key]);
            same = same && text && strtol(text, NULL, 10) == want->runs[i].value[key];
        }
    }
    return same;
}

static void test_random(void)
{
    struct expected *want = malloc(sizeof(*want));
    int right = 0, tried = 0, most = 0;
    for (int i = 0; want && i < 400; i++) {
        struct advntk_stream r;
        struct advntk__text yaml = {0};
        struct advntk__study *s;
        advntk_stream_init(&r, 7, advntk_random_purpose("sweep"), i, 0, 0);
        advntk__text_puts(&yaml, BASE "sweep: ");
        random_node(&r, 0, (1u << KEYS) - 1, &yaml, want);
        advntk__text_puts(&yaml, "\n");
        if (want->count >= RUNS) {
            advntk__text_release(&yaml);
            continue; /* the list was cut */
        }
        most = without_repeats(want) > most ? want->count : most;
        s = load(advntk__text_get(&yaml), NULL);
        tried++;
        if (agrees(s, want)) {
            right++;
        } else {
            printf("# %s# got %td runs, want %d\n", yaml.bytes + strlen(BASE), s ? s->count : -1,
                   want->count);
        }
        advntk__study_free(s);
        advntk__text_release(&yaml);
    }
    ok(right == tried && tried > 300, "%d of %d random sweeps as by brute force, up to %d runs",
       right, tried, most);
    free(want);
}

/* ---- what runs of a study share ---- */

/* Each reaches into other sections: names of let, references, the method's loss for all attacks. */
static const struct {
    const char *key, *values[2];
} shared_axes[] = {
    {"evaluate.own.samples", {"7", "8"}},
    {"seed", {"1", "2"}},
    {"data", {"{dataset: digits, train: 90, center: r}", "{dataset: digits, train: 80}"}},
    {"method.attack", {"{plugin: pgd, radius: r, step: r/5}", "{plugin: fgsm, radius: half}"}},
    {"model.architecture.depth", {"2", "3"}},
    {"let.r", {"4/255", "8/255"}},
    {"method", {"{plugin: fit, batch: 16}", "{plugin: fit, batch: 8, loss: cross_entropy}"}},
};
enum { SHARED_AXES = sizeof(shared_axes) / sizeof(shared_axes[0]) };

/* Neighbours in a study share what is the same in them; each must be what it is by itself. */
static void test_shared(void)
{
    static const char recipe[] =
        BASE "  - {name: own, attack: {plugin: pgd, radius: 0.1}}\n"
             "  - {name: radii, attack: {plugin: pgd, radius: [r, 2*r]}}\n";
    char axes[SHARED_AXES][200], settings[SHARED_AXES][120];
    const char *sweeps[SHARED_AXES + 1] = {NULL}, *overrides[SHARED_AXES + 1] = {NULL};
    struct advntk__study *all, *one;
    ptrdiff_t right = 0;

    for (int k = 0; k < SHARED_AXES; k++) {
        snprintf(axes[k], sizeof(axes[k]), "%s=[%s, %s]", shared_axes[k].key,
                 shared_axes[k].values[0], shared_axes[k].values[1]);
        sweeps[k] = axes[k];
    }
    write_file("shared.yaml", recipe);
    all = load_with("shared.yaml", NULL, sweeps);
    ok(all && all->count == 1 << SHARED_AXES, "a study of %d runs", 1 << SHARED_AXES);
    for (ptrdiff_t i = 0; all && i < all->count; i++) {
        struct advntk__text with = {0}, alone = {0};
        uint8_t digests[2][16] = {{0}, {1}};
        for (int k = 0; k < SHARED_AXES; k++) {
            snprintf(settings[k], sizeof(settings[k]), "%s=%s", shared_axes[k].key,
                     shared_axes[k].values[i >> (SHARED_AXES - 1 - k) & 1]);
            overrides[k] = settings[k];
        }
        one = load_with("shared.yaml", overrides, NULL);
        if (one) {
            advntk__tree_print(all->runs[i].tree, &with);
            advntk__tree_print(one->runs[0].tree, &alone);
            right +=
                strcmp(with.bytes, alone.bytes) == 0 && run_digest(&all->runs[i], digests[0]) &&
                run_digest(&one->runs[0], digests[1]) && memcmp(digests[0], digests[1], 16) == 0;
        }
        advntk__text_release(&with);
        advntk__text_release(&alone);
        advntk__study_free(one);
    }
    ok(right == 1 << SHARED_AXES, "%td of %d runs are in a study what they are alone", right,
       1 << SHARED_AXES);
    advntk__study_free(all);
}

/* Processor seconds that a study of 10 x seeds runs takes to expand and check. */
static double expansion(int seeds)
{
    struct advntk__text text = {0};
    struct advntk__study *s;
    struct timespec from, to;
    double seconds;
    advntk__text_puts(&text, BASE "sweep: {product: {seed: [");
    for (int i = 0; i < seeds; i++) {
        advntk__text_printf(&text, "%s%d", i ? ", " : "", i);
    }
    advntk__text_puts(&text, "], method.burn: [0, 1, 2, 3, 4], let.r: [4/255, 8/255]}}\n");
    write_file("recipe.yaml", text.bytes);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    s = load_with("recipe.yaml", NULL, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    seconds = (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
    ok(s && s->count == (ptrdiff_t)seeds * 10, "%d runs (%.3f processor seconds)", seeds * 10,
       seconds);
    advntk__study_free(s);
    advntk__text_release(&text);
    return seconds;
}

/* Ten times the runs take about ten times as long; work that grows with the square of their number
 * would take a hundred times. A ratio, as machines and builds differ. */
static void test_many_runs(void)
{
    double few = expansion(100), many = expansion(1000);
    ok(many < 40 * few, "10,000 runs take %.0f times as long as 1,000", many / few);
}

int main(void)
{
    if (!recipes_begin()) {
        return 1;
    }
    test_parts();
    test_conditions();
    test_same_runs();
    test_command_line();
    test_changed_axes();
    test_random();
    test_shared();
    test_many_runs();
    return recipes_end();
}
