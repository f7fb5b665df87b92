/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/resolve.h"

#include "base/text.h"
#include "base/try.h"
#include "recipe/radii.h"
#include "recipe/reference.h"

#include <advntk/plugin.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

struct top {
    int64_t advntk, seed, evaluate_every;
    const char *name;
    int precision;
    struct advntk_slot backend;
};

struct report_section {
    const char *question;
    const struct advntk_node *curves, *tables;
};

/* The method slot is alone in its section; a table makes it a row like any other. */
struct method_section {
    struct advntk_slot method;
};

static const char *const precisions[] = {"float32", "float64", NULL};
static const char *const subsets[] = {"random", "first", NULL};

#define TOP struct top
#define DATA struct advntk__data_config
#define MODEL struct advntk__model_config
#define EVALUATION struct advntk__evaluation

static const struct advntk_param top_rows[] = {
    ADVNTK_INT(TOP, advntk, ADVNTK__LANGUAGE, INT64_MIN, INT64_MAX,
               .help = "version of the language, which must be given: 1"),
    ADVNTK_STRING(TOP, name, NULL, .help = "name of the study; without it the file's"),
    ADVNTK_INT(TOP, seed, 1, 0, INT64_MAX, .help = "seed of every random draw"),
    ADVNTK_CHOICE(TOP, precision, "float32", precisions,
                  .help = "of kernels and models; factorisations are always float64"),
    ADVNTK_INT(TOP, evaluate_every, 0, 0, INT64_MAX, .unit = "method steps",
               .help = "evaluates after every so many steps, and at the end; 0: only at the end"),
    ADVNTK_SLOT(TOP, backend, BACKEND, "openblas", .help = "where dense linear algebra is done"),
    ADVNTK_PARAM_END};

static const struct advntk_param report_rows[] = {
    ADVNTK_STRING(struct report_section, question, NULL,
                  .help = "what the study asks, in a sentence; stands at the top of its report"),
    ADVNTK_NODE(struct report_section, curves,
                .help = "the curves that are drawn, a list of: accuracy (over swept numbers), "
                        "robust_accuracy (over the radius), training (over steps), survival (over "
                        "distance and gradients); without it: all that there is data for"),
    ADVNTK_NODE(struct report_section, tables,
                .help = "the tables that are shown beside audit and provenance, a list of: final "
                        "(accuracies and differences), settings, cost; without it: all"),
    ADVNTK_PARAM_END};

static const struct advntk_param data_rows[] = {
    ADVNTK_SLOT(DATA, dataset, DATASET, NULL, .flags = ADVNTK_P_REQUIRED, .help = "the images"),
    ADVNTK_INT(DATA, train, 0, 1, INT32_MAX, .flags = ADVNTK_P_REQUIRED, .unit = "images",
               .help = "training images, drawn after the validation images"),
    ADVNTK_INT(DATA, validation, 0, 0, INT32_MAX, .unit = "images",
               .help = "validation images, drawn first, disjoint from the training images"),
    ADVNTK_INT(DATA, test, -1, -1, INT32_MAX, .unit = "images",
               .help = "the first so many test images in file order; -1: all"),
    ADVNTK_REAL(DATA, center, 0, -INFINITY, INFINITY, .unit = "pixel value",
                .help = "subtracted inside the model; attacks see the pixels as they are"),
    ADVNTK_LIST(DATA, mean, REAL, "[]", -INFINITY, INFINITY, .unit = "pixel value",
                .help = "one a channel, subtracted inside the model instead of center"),
    ADVNTK_LIST(DATA, std, REAL, "[]", 0, INFINITY, .flags = ADVNTK_P_MIN_OPEN,
                .unit = "pixel value", .help = "one a channel, divided by inside the model"),
    ADVNTK_INT_LIST(DATA, classes, "[]", 0, INT32_MAX,
                    .help = "only these classes, renumbered in this order; empty: all"),
    ADVNTK_CHOICE(DATA, subset, "random", subsets,
                  .help = "training images drawn at random by the seed, or the first in the file"),
    ADVNTK_BOOL(DATA, balanced, false, .help = "whether to draw equally many of each class"),
    ADVNTK_REAL(DATA, label_noise, 0, 0, 1, .unit = "share of the training labels",
                .help = "labels replaced by another class at random"),
    ADVNTK_INT(DATA, seed, -1, -1, INT64_MAX, .help = "seed of the draw; -1: the recipe's seed"),
    ADVNTK_PARAM_END};

static const struct advntk_param model_rows[] = {
    ADVNTK_SLOT(MODEL, architecture, ARCHITECTURE, NULL, .help = "the network"),
    ADVNTK_SLOT(MODEL, kernel, KERNEL, NULL, .help = "which kernel of it, or one that needs none"),
    ADVNTK_PARAM_END};

static const struct advntk_param method_rows[] = {ADVNTK_SLOT(struct method_section, method, METHOD,
                                                              NULL, .flags = ADVNTK_P_REQUIRED,
                                                              .help = "how the model is fitted"),
                                                  ADVNTK_PARAM_END};

static const struct advntk_param evaluation_rows[] = {
    ADVNTK_STRING(EVALUATION, name, NULL, .flags = ADVNTK_P_REQUIRED,
                  .help =
                      "key of the result: letters, digits, _ - + @; name@radius where the attack's "
                      "radius is a list, which gives an evaluation each"),
    ADVNTK_SLOT(EVALUATION, attack, ATTACK, NULL, .help = "without it: accuracy on clean images"),
    ADVNTK_INT(EVALUATION, samples, 0, 0, INT32_MAX, .unit = "images",
               .help = "the first so many test images; 0: all"),
    ADVNTK_PARAM_END};

static const struct advntk__section sections[] = {
    {"", "the top of the file", top_rows},
    {"let", "names for numbers, used in expressions: let: {radius: 8/255}", NULL},
    {"data", "which images", data_rows},
    {"model", "the network and its kernel", model_rows},
    {"method",
     "a slot of kind method, with the program's own key `select`: last (the default), or\n"
     "  best_validation_robust: the step whose model did best on its attacked validation batch",
     NULL},
    {"evaluate", "a list, each item a map of these keys; without it: [{name: clean}]",
     evaluation_rows},
    {"report", "what the page of `advntk report` says of the study", report_rows},
    {"sweep", "a node that says which runs there are; see Sweeps below", NULL},
    {"extends", "a file, or a list of files, that this one is merged onto", NULL},
    {NULL, NULL, NULL}};

const struct advntk__section *advntk__recipe_sections(void)
{
    return sections;
}

/* ---- sections ---- */

struct run {
    struct advntk__configurer *c;
    struct advntk_node *root;
    const struct advntk__resolved *before;                            /* NULL: none */
    bool same_let, same_data, same_model, same_method, same_evaluate; /* as in the run before */
    struct top top;
    struct report_section report;
    struct method_section method;
    struct advntk__run_config *out;
    struct advntk__evaluation *evaluations;
    bool model_only;
};

/* The map of a section; NULL: absent or, with a mistake noted, no map. */
static const struct advntk_node *section(struct run *r, const char *name)
{
    const struct advntk_node *node = advntk_node_get(r->root, name);
    struct advntk__way way = {.name = name};
    if (node && node->kind != ADVNTK_NODE_MAP && node->kind != ADVNTK_NODE_NULL) {
        advntk__mistake(r->c, node->place, &way, "expected a map with keys");
        return NULL;
    }
    return node && node->kind == ADVNTK_NODE_MAP ? node : NULL;
}

/* ---- what is as in the run before ---- */

/* Whether two trees say the same, from the same places (a path is relative to its own). */
static bool is_same(const struct advntk_node *a, const struct advntk_node *b)
{
    bool same;
    if (!a || !b) {
        return a == b;
    }
    same = a->kind == b->kind && a->plain == b->plain && a->place == b->place &&
           a->count == b->count && (a->text == b->text || (a->text && b->text)) &&
           (a->text == b->text || strcmp(a->text, b->text) == 0);
    for (ptrdiff_t i = 0; same && i < a->count; i++) {
        const struct advntk__entry *x = &a->entries[i], *y = &b->entries[i];
        same = (x->key == y->key || (x->key && y->key && strcmp(x->key, y->key) == 0)) &&
               is_same(x->value, y->value);
    }
    return same;
}

/* Whether a name of `let` may stand in a value of the tree. */
static bool mentions(const struct advntk_node *node, const struct advntk_node *let)
{
    bool found = false;
    for (ptrdiff_t i = 0; node->text && !found && i < advntk_node_count(let); i++) {
        found = strstr(node->text, let->entries[i].key) != NULL;
    }
    for (ptrdiff_t i = 0; !found && i < node->count; i++) {
        found = mentions(node->entries[i].value, let);
    }
    return found;
}

/* Whether a section is written as in the run before and means the same. */
static bool is_as_before(const struct run *r, const char *name)
{
    const struct advntk_node *now = advntk_node_get(r->root, name), *then;
    if (!r->before) {
        return false;
    }
    then = advntk_node_get(r->before->root, name);
    return is_same(now, then) && (r->same_let || !now ||
                                  (!mentions(now, advntk_node_get(r->root, "let")) &&
                                   !mentions(now, advntk_node_get(r->before->root, "let"))));
}

/* After references and radii. Attacks without a loss of their own have the method's. */
static void compare_with_before(struct run *r)
{
    r->same_let = r->before &&
                  is_same(advntk_node_get(r->root, "let"), advntk_node_get(r->before->root, "let"));
    r->same_data = is_as_before(r, "data");
    r->same_model = is_as_before(r, "model");
    r->same_method = is_as_before(r, "method");
    r->same_evaluate = r->same_method && is_as_before(r, "evaluate");
}

/* Letters, digits and the characters of `more`, begun by no dot. */
static bool name_is_fine(const char *name, const char *more)
{
    for (const char *s = name; *s; s++) {
        bool word =
            (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9');
        if (!word && !strchr(more, *s)) {
            return false;
        }
    }
    return *name != '\0' && *name != '.' && strlen(name) <= 100;
}

static advntk_status read_top(struct run *r, const char *default_name, struct advntk_error *err)
{
    static const char *const others[] = {"let",    "data",  "model",   "method", "evaluate",
                                         "report", "sweep", "extends", NULL};
    advntk_status rc = ADVNTK_OK;
    struct advntk__table table = {top_rows, &r->top};
    const struct advntk_node *version = advntk_node_get(r->root, "advntk");
    const struct advntk_node *name = advntk_node_get(r->root, "name");
    struct advntk__way way_version = {.name = "advntk"}, way_name = {.name = "name"};
    r->top.advntk = ADVNTK__LANGUAGE;
    TRY(advntk__configure(r->c, 1, &table, r->root, others, r->root->place, NULL, err));
    if (advntk_node_kind(version) == ADVNTK_NODE_NULL) {
        advntk__mistake(r->c, r->root->place, &way_version,
                        "missing; a recipe begins with 'advntk: %d'", ADVNTK__LANGUAGE);
    } else if (r->top.advntk != ADVNTK__LANGUAGE) {
        advntk__mistake(r->c, version->place, &way_version,
                        "language version %" PRId64 "; this program reads version %d",
                        r->top.advntk, ADVNTK__LANGUAGE);
    }
    if (r->top.name && !name_is_fine(r->top.name, "._-+@")) {
        advntk__mistake(r->c, name->place, &way_name,
                        "got '%.60s', expected at most 100 letters, digits, . _ - + @ (it names a "
                        "file)",
                        r->top.name);
    }
    r->top.name = r->top.name ? r->top.name : default_name;
out:
    return rc;
}

static const char *const report_curves[] = {"accuracy", "robust_accuracy", "training", "survival",
                                            NULL};
static const char *const report_tables[] = {"final", "settings", "cost", NULL};
static const struct advntk__way way_report = {.name = "report"};

/* Whether all that a list of the section report names is among these. */
static void check_names(struct run *r, const char *key, const struct advntk_node *list,
                        const char *const *names)
{
    const struct advntk__way way = {.up = &way_report, .name = key};
    ptrdiff_t count = 0;

    while (names[count]) {
        count++;
    }
    if (list && advntk_node_kind(list) != ADVNTK_NODE_LIST) {
        advntk__mistake(r->c, list->place, &way, "expected a list, like [%s]", names[0]);
        return;
    }
    for (ptrdiff_t i = 0; i < advntk_node_count(list); i++) {
        const struct advntk_node *item = advntk_node_item(list, i);
        const struct advntk__way at = {.up = &way, .index = i};
        const char *name = advntk_node_scalar(item);
        struct advntk__text hint = {0};
        ptrdiff_t known = 0;
        while (name && known < count && strcmp(names[known], name) != 0) {
            known++;
        }
        if (!name || known == count) {
            advntk__names_hint(name ? name : "", count, names, &hint);
            advntk__mistake(r->c, item->place, &at, "got '%.60s'%s", name ? name : "no name",
                            advntk__text_get(&hint));
        }
        advntk__text_release(&hint);
    }
}

static advntk_status read_report(struct run *r, struct advntk_error *err)
{
    struct advntk__table table = {report_rows, &r->report};
    const struct advntk_node *map = section(r, "report");
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__configure(r->c, 1, &table, map, NULL, r->root->place, &way_report, err));
    check_names(r, "curves", r->report.curves, report_curves);
    check_names(r, "tables", r->report.tables, report_tables);
out:
    return rc;
}

static advntk_status read_data(struct run *r, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    static const struct advntk__way way = {.name = "data"};
    struct advntk__table table = {data_rows, &r->out->data};
    const struct advntk_node *map = section(r, "data");
    if (r->same_data) {
        r->out->data = r->before->run->data;
    }
    if (r->same_data || (!map && r->model_only)) {
        goto out;
    }
    TRY(advntk__configure(r->c, 1, &table, map, NULL, map ? map->place : r->root->place, &way,
                          err));
out:
    return rc;
}

static advntk_status read_model(struct run *r, struct advntk_error *err)
{
    static const struct advntk__way way = {.name = "model"};
    struct advntk__table table = {model_rows, &r->out->model};
    const struct advntk_node *map = section(r, "model");
    if (r->same_model) {
        r->out->model = r->before->run->model;
        return ADVNTK_OK;
    }
    return advntk__configure(r->c, 1, &table, map, NULL, map ? map->place : r->root->place, &way,
                             err);
}

static advntk_status read_method(struct run *r, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__table table = {method_rows, &r->method};
    const struct advntk_node *slot = advntk_node_get(r->root, "method");
    struct advntk_node map = {.kind = ADVNTK_NODE_MAP, .place = r->root->place};
    struct advntk__entry entry = {"method", r->root->place, NULL};
    if (r->same_method) {
        r->method.method = r->before->run->method;
    }
    if (r->same_method || (advntk_node_kind(slot) == ADVNTK_NODE_NULL && r->model_only)) {
        goto out;
    }
    if (slot) {
        entry = *advntk__node_find(r->root, "method");
        map.entries = &entry;
        map.count = 1;
    }
    TRY(advntk__configure(r->c, 1, &table, &map, NULL, r->root->place, NULL, err));
out:
    return rc;
}

/* The list of evaluations; absent: clean alone. */
static advntk_status evaluation_list(struct run *r, const struct advntk_node **list,
                                     struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    static const struct advntk__way way = {.name = "evaluate"};
    struct advntk_node *clean, *map, *name;
    *list = advntk_node_get(r->root, "evaluate");
    if (advntk_node_kind(*list) == ADVNTK_NODE_NULL) {
        TRY(advntk__node_new(r->c->memory, ADVNTK_NODE_LIST, r->root->place, &clean, err));
        TRY(advntk__node_new(r->c->memory, ADVNTK_NODE_MAP, r->root->place, &map, err));
        TRY(advntk__node_text(r->c->memory, "clean", r->root->place, &name, err));
        TRY(advntk__node_add(map, "name", r->root->place, name, err));
        TRY(advntk__node_add(clean, NULL, r->root->place, map, err));
        *list = clean;
    } else if ((*list)->kind != ADVNTK_NODE_LIST) {
        advntk__mistake(r->c, (*list)->place, &way,
                        "expected a list of maps: [{name: clean}, {name: .., attack: ..}]");
        *list = NULL;
    }
out:
    return rc;
}

/* "pgd10", "pgd10@8/255": a dot would split the key of an override. */
static bool evaluation_name_is_fine(const char *name)
{
    char first[128];
    size_t length = strcspn(name, "@");
    if (length >= sizeof(first)) {
        return false;
    }
    memcpy(first, name, length);
    first[length] = '\0';
    return name_is_fine(first, "_-+") &&
           (name[length] == '\0' || name_is_fine(name + length, "_-+@./"));
}

static void check_name(struct run *r, ptrdiff_t i, const struct advntk_node *item,
                       const struct advntk__way *way)
{
    const char *name = r->evaluations[i].name;
    const struct advntk_node *written = advntk_node_get(item, "name");
    if (!name || !written) {
        return;
    }
    if (!evaluation_name_is_fine(name)) {
        advntk__mistake(r->c, written->place, way,
                        "name: got '%.60s', expected letters, digits, _ - + @ (and . / behind @)",
                        name);
    }
    for (ptrdiff_t k = 0; k < i; k++) {
        if (r->evaluations[k].name && strcmp(r->evaluations[k].name, name) == 0) {
            advntk__mistake(r->c, written->place, way, "two evaluations are called '%.60s'", name);
            return;
        }
    }
}

static advntk_status read_evaluations(struct run *r, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    static const struct advntk__way top = {.name = "evaluate"};
    const struct advntk_node *list = advntk_node_get(r->root, "evaluate");
    if (r->same_evaluate) {
        r->out->evaluations = r->before->run->evaluations;
        r->out->evaluation_count = r->before->run->evaluation_count;
    }
    if (r->same_evaluate || (r->model_only && !list)) {
        goto out;
    }
    TRY(evaluation_list(r, &list, err));
    TRY(advntk__pool_get(r->c->memory, advntk_node_count(list), sizeof(*r->evaluations),
                         &r->evaluations, err));
    for (ptrdiff_t i = 0; list && i < advntk_node_count(list); i++) {
        const struct advntk_node *item = list->entries[i].value;
        struct advntk__table table = {evaluation_rows, &r->evaluations[i]};
        struct advntk__way way = {
            .up = &top, .name = advntk_node_scalar(advntk_node_get(item, "name")), .index = i};
        if (item->kind != ADVNTK_NODE_MAP) {
            advntk__mistake(r->c, item->place, &way, "expected a map: {name: .., attack: ..}");
            continue;
        }
        TRY(advntk__configure(r->c, 1, &table, item, NULL, item->place, &way, err));
        check_name(r, i, item, &way);
    }
    r->out->evaluations = r->evaluations;
    r->out->evaluation_count = advntk_node_count(list);
out:
    return rc;
}

/* A list of radii in an attack is an evaluation each. */
static advntk_status expand_radii(struct run *r, struct advntk_error *err)
{
    struct advntk__entry *entry = advntk__node_find(r->root, "evaluate");
    return advntk__radii_expand(r->c, entry ? entry->value : NULL, err);
}

/* ---- let ---- */

static advntk_status read_let(struct run *r, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    static const struct advntk__way top = {.name = "let"};
    const struct advntk_node *map = section(r, "let");
    struct advntk__scope *scope = &r->c->scope;
    *scope = (struct advntk__scope){0};
    if (!map) {
        goto out;
    }
    scope->map = map;
    TRY(advntk__pool_get(r->c->memory, map->count, sizeof(double), &scope->values, err));
    TRY(advntk__pool_get(r->c->memory, map->count, sizeof(int), &scope->states, err));
    for (ptrdiff_t i = 0; i < map->count; i++) {
        const struct advntk__entry *let = &map->entries[i];
        struct advntk__way way = {.up = &top, .name = let->key};
        struct advntk_error why = {0};
        double value;
        bool letter = (let->key[0] >= 'a' && let->key[0] <= 'z') ||
                      (let->key[0] >= 'A' && let->key[0] <= 'Z') || let->key[0] == '_';
        if (!letter || !name_is_fine(let->key, "_") || strlen(let->key) > 60 ||
            advntk__expression_reserved(let->key)) {
            advntk__mistake(r->c, let->place, &way,
                            "a name has letters, digits and _, begins with no digit and is none "
                            "of min, max, sqrt, exp, log");
        } else if (let->value->kind != ADVNTK_NODE_SCALAR) {
            advntk__mistake(r->c, let->value->place, &way, "expected a number");
        } else if (advntk__expression(let->value->text, scope, &value, &why) != ADVNTK_OK) {
            advntk__mistake(r->c, let->value->place, &way, "got '%.60s', expected a number: %s",
                            let->value->text, why.text);
        }
    }
out:
    return rc;
}

/* ---- what belongs together ---- */

static const struct advntk__place *place_of(struct run *r, const char *name)
{
    const struct advntk_node *node = advntk_node_get(r->root, name);
    return node ? node->place : r->root->place;
}

static void check_model(struct run *r, const struct advntk_method_ops *method)
{
    static const struct advntk__way model = {.name = "model"};
    struct advntk__way kernel_way = {.up = &model, .name = "kernel"};
    struct advntk__way architecture_way = {.up = &model, .name = "architecture"};
    const struct advntk_plugin *kernel = r->out->model.kernel.plugin;
    if (method && method->needs_kernel && !kernel) {
        advntk__mistake(r->c, place_of(r, "model"), &kernel_way, "missing; method %s needs one",
                        r->method.method.plugin->name);
    }
    if (kernel && !r->out->model.architecture.plugin &&
        ((const struct advntk_kernel_ops *)kernel->ops)->needs_architecture) {
        advntk__mistake(r->c, place_of(r, "model"), &architecture_way,
                        "missing; kernel %s needs one", kernel->name);
    }
    if (r->model_only && !kernel && !r->out->model.architecture.plugin) {
        advntk__mistake(r->c, place_of(r, "model"), &model,
                        "missing; expected an architecture, a kernel or both");
    }
}

static void check_validation(struct run *r, const struct advntk_method_ops *method)
{
    static const struct advntk__way data = {.name = "data"};
    struct advntk__way way = {.up = &data, .name = "validation"};
    const struct advntk__place *place = place_of(r, "data");
    const struct advntk__entry *written =
        advntk__node_find(advntk_node_get(r->root, "data"), "validation");
    place = written ? written->value->place : place;
    if (r->out->data.validation == 0 && method->needs_validation) {
        advntk__mistake(r->c, place, &way, "got 0, but method %s needs validation images",
                        r->method.method.plugin->name);
    } else if (r->out->data.validation == 0 &&
               r->out->select == ADVNTK__SELECT_BEST_VALIDATION_ROBUST) {
        advntk__mistake(r->c, place, &way,
                        "got 0, but method.select: best_validation_robust needs validation images");
    }
}

static void check_together(struct run *r)
{
    const struct advntk_plugin *plugin = r->method.method.plugin;
    const struct advntk_method_ops *method = plugin ? plugin->ops : NULL;
    check_model(r, method);
    if (method) {
        check_validation(r, method);
    }
}

/* ---- the whole ---- */

static advntk_status add_section(struct advntk_node *tree, const char *name,
                                 const struct advntk_param *rows, const void *config,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *map;
    TRY(advntk__node_new(tree->memory, ADVNTK_NODE_MAP, tree->place, &map, err));
    TRY(advntk__config_tree(rows, config, map, err));
    TRY(advntk__node_add(tree, name, tree->place, map, err));
out:
    return rc;
}

static advntk_status add_evaluations(struct run *r, struct advntk_node *tree,
                                     struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_node *list, *map;
    TRY(advntk__node_new(tree->memory, ADVNTK_NODE_LIST, tree->place, &list, err));
    for (ptrdiff_t i = 0; i < r->out->evaluation_count; i++) {
        TRY(advntk__node_new(tree->memory, ADVNTK_NODE_MAP, tree->place, &map, err));
        TRY(advntk__config_tree(evaluation_rows, &r->evaluations[i], map, err));
        TRY(advntk__node_add(list, NULL, tree->place, map, err));
    }
    TRY(advntk__node_add(tree, "evaluate", tree->place, list, err));
out:
    return rc;
}

/* A section that is as it was in the run before: its very tree. */
static advntk_status add_as_before(struct run *r, struct advntk_node *tree, const char *name,
                                   struct advntk_error *err)
{
    struct advntk__entry *entry = advntk__node_find(r->before->run->tree, name);
    return entry ? advntk__node_add(tree, name, tree->place, entry->value, err) : ADVNTK_OK;
}

static advntk_status make_tree(struct run *r, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    static const struct advntk__place place = {.text = "resolved recipe", .line = 1, .column = 1};
    struct advntk_node *tree;
    TRY(advntk__node_new(r->c->memory, ADVNTK_NODE_MAP, &place, &tree, err));
    TRY(advntk__config_tree(top_rows, &r->top, tree, err));
    if (r->same_data) {
        TRY(add_as_before(r, tree, "data", err));
    } else if (r->out->data.dataset.plugin) {
        TRY(add_section(tree, "data", data_rows, &r->out->data, err));
    }
    if (r->same_model) {
        TRY(add_as_before(r, tree, "model", err));
    } else {
        TRY(add_section(tree, "model", model_rows, &r->out->model, err));
    }
    if (r->same_method) {
        TRY(add_as_before(r, tree, "method", err));
    } else if (r->method.method.plugin) {
        TRY(advntk__config_tree(method_rows, &r->method, tree, err));
    }
    if (r->same_evaluate) {
        TRY(add_as_before(r, tree, "evaluate", err));
    } else if (!r->model_only || r->out->evaluation_count > 0) {
        TRY(add_evaluations(r, tree, err));
    }
    if (r->report.question || r->report.curves || r->report.tables) {
        TRY(add_section(tree, "report", report_rows, &r->report, err));
    }
    r->out->tree = tree;
out:
    return rc;
}

advntk_status advntk__resolve(struct advntk__configurer *c, struct advntk_node *root,
                              const struct advntk__resolved *before, const char *default_name,
                              bool model_only, struct advntk__run_config *run,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct run r = {.c = c, .root = root, .before = before, .out = run, .model_only = model_only};
    const struct advntk__method_settings *settings;
    TRY(advntk__references(c, root, err));
    TRY(read_let(&r, err));
    TRY(expand_radii(&r, err));
    compare_with_before(&r);
    TRY(read_top(&r, default_name, err));
    TRY(read_report(&r, err));
    TRY(read_data(&r, err));
    TRY(read_model(&r, err));
    TRY(read_method(&r, err));
    TRY(read_evaluations(&r, err));
    TRY(advntk__configure_losses(c, &r.method.method, root->place, err));
    run->method = r.method.method;
    settings = run->method.host_config;
    run->select = r.same_method ? before->run->select
                  : settings    ? settings->select
                                : ADVNTK__SELECT_LAST;
    run->name = r.top.name;
    run->seed = r.top.seed;
    run->precision = r.top.precision == 0 ? ADVNTK_PRECISION_FLOAT32 : ADVNTK_PRECISION_FLOAT64;
    run->evaluate_every = r.top.evaluate_every;
    run->backend = r.top.backend;
    run->question = r.report.question;
    run->curves = r.report.curves;
    run->tables = r.report.tables;
    if (c->mistakes == 0) {
        check_together(&r);
    }
    if (c->mistakes == 0) {
        TRY(make_tree(&r, err));
    }
    run->method.host_config = NULL; /* the host's own key is in run->select */
out:
    return rc;
}
