/* SPDX-License-Identifier: GPL-3.0-or-later */
/* architecture/custom: a network written in the recipe, layer by layer. */
#include "config.h"

#include "standard.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DEPTH_MAX = 100, BRANCHES_MAX = 64 };

#define LAYERS_TEXT                                                                                \
    "dense, conv, activation, average_pool, sum_pool, global_average_pool, global_sum_pool, "      \
    "flatten, layer_norm, dropout, residual, sum, product, identity"

struct custom_config {
    const struct advntk_node *layers;
    int parameterization;
    int64_t width;
};

static const struct advntk_param custom_params[] = {
    ADVNTK_NODE(struct custom_config, layers, .flags = ADVNTK_P_REQUIRED,
                .help = "list of layers, data flows from top to bottom; a layer is a name or a "
                        "map with one key: " LAYERS_TEXT),
    STANDARD_PARAMS(struct custom_config), ADVNTK_PARAM_END};

/* graph NULL: only the writing is checked. */
struct builder {
    struct advntk_graph *graph;
    int depth; /* of nested lists */
};

static advntk_status add_list(struct builder *b, const struct advntk_node *list, ptrdiff_t *at,
                              struct advntk_error *err);

enum { GOT_BYTES = 96 };
/* What stands at a node, for messages. */
static const char *got(const struct advntk_node *node, char text[GOT_BYTES])
{
    switch (advntk_node_kind(node)) {
    case ADVNTK_NODE_SCALAR:
        snprintf(text, GOT_BYTES, "'%.60s'", advntk_node_scalar(node));
        break;
    case ADVNTK_NODE_LIST:
        snprintf(text, GOT_BYTES, "a list of %td", advntk_node_count(node));
        break;
    case ADVNTK_NODE_MAP:
        if (advntk_node_count(node) > 1) {
            snprintf(text, GOT_BYTES, "a map of %td keys, '%.40s' first", advntk_node_count(node),
                     advntk_node_key(node, 0));
        } else {
            snprintf(text, GOT_BYTES, "a map");
        }
        break;
    case ADVNTK_NODE_NULL:
        snprintf(text, GOT_BYTES, "nothing");
        break;
    }
    return text;
}

static advntk_status unknown_key(const struct advntk_node *map, ptrdiff_t i, const char *layer,
                                 ptrdiff_t count, const char *const *known,
                                 struct advntk_error *err)
{
    const char *key = advntk_node_key(map, i), *near = advntk_name_nearest(key, count, known);
    char list[128] = "; it has none";
    size_t used = 0;

    for (ptrdiff_t k = 0; k < count && used < sizeof(list); k++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
                                 k ? ", " : "; known: ", known[k]);
    }
    return ADVNTK_FAIL(err, EINVALID, "%s: layer %s has no parameter '%.60s'%s%s%s",
                       advntk_node_place(advntk_node_item(map, i)), layer, key,
                       near ? "; did you mean '" : list, near ? near : "", near ? "'?" : "");
}

/* The keys of a layer's map are among `known` (count of them). */
static advntk_status check_keys(const struct advntk_node *map, const char *layer, ptrdiff_t count,
                                const char *const *known, struct advntk_error *err)
{
    enum advntk_node_kind kind = advntk_node_kind(map);
    char text[GOT_BYTES];

    if (kind == ADVNTK_NODE_NULL) {
        return ADVNTK_OK;
    }
    if (kind != ADVNTK_NODE_MAP) {
        return ADVNTK_FAIL(err, EINVALID, "%s: layer %s: got %s, expected a map of its parameters",
                           advntk_node_place(map), layer, got(map, text));
    }
    for (ptrdiff_t i = 0; i < advntk_node_count(map); i++) {
        const char *key = advntk_node_key(map, i);
        bool found = false;
        for (ptrdiff_t k = 0; k < count; k++) {
            found = found || strcmp(key, known[k]) == 0;
        }
        if (!found) {
            return unknown_key(map, i, layer, count, known, err);
        }
    }
    return ADVNTK_OK;
}

static advntk_status read_std(const struct advntk_node *map, const char *key, double *value,
                              struct advntk_error *err)
{
    const struct advntk_node *node = advntk_node_get(map, key);
    advntk_status rc = node ? advntk_node_real(node, value, err) : ADVNTK_OK;

    if (rc == ADVNTK_OK && !(*value >= 0 && *value < HUGE_VAL)) {
        rc = ADVNTK_FAIL(err, EINVALID, "%s: got %g, expected a finite number >= 0",
                         advntk_node_place(node), *value);
    }
    return rc;
}

static advntk_status add_dense(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                               struct advntk_error *err)
{
    static const char *const keys[] = {"w_std", "b_std"};
    struct advntk_affine affine = {1.76, 0.18};
    advntk_status rc = check_keys(value, "dense", 2, keys, err);

    if (rc == ADVNTK_OK) {
        rc = read_std(value, keys[0], &affine.w_std, err);
    }
    if (rc == ADVNTK_OK) {
        rc = read_std(value, keys[1], &affine.b_std, err);
    }
    if (rc == ADVNTK_OK && b->graph) {
        *at = advntk_graph_dense(b->graph, *at, affine);
    }
    return rc;
}

/* A number or [height, width]. */
static advntk_status read_sizes(const struct advntk_node *map, const char *key, ptrdiff_t size[2],
                                struct advntk_error *err)
{
    const struct advntk_node *node = advntk_node_get(map, key);
    bool list = advntk_node_kind(node) == ADVNTK_NODE_LIST;
    advntk_status rc = ADVNTK_OK;
    int64_t number = 0;
    char text[GOT_BYTES];

    if (node && !list && !advntk_node_scalar(node)) {
        return ADVNTK_FAIL(err, EINVALID, "%s: got %s, expected a number or [height, width]",
                           advntk_node_place(node), got(node, text));
    }
    if (list && advntk_node_count(node) != 2) {
        return ADVNTK_FAIL(err, EINVALID, "%s: got %td numbers, expected one or [height, width]",
                           advntk_node_place(node), advntk_node_count(node));
    }
    for (int i = 0; node && i < 2 && rc == ADVNTK_OK; i++) {
        const struct advntk_node *item = list ? advntk_node_item(node, i) : node;
        rc = advntk_node_int(item, &number, err);
        if (rc == ADVNTK_OK && !(number >= 1 && number <= 10000)) {
            rc = ADVNTK_FAIL(err, EINVALID, "%s: got %lld, expected 1 to 10000",
                             advntk_node_place(item), (long long)number);
        }
        size[i] = (ptrdiff_t)number;
    }
    return rc;
}

static advntk_status read_padding(const struct advntk_node *map, enum advntk_padding *padding,
                                  struct advntk_error *err)
{
    static const char *const names[] = {"same", "valid", "circular"};
    const struct advntk_node *node = advntk_node_get(map, "padding");
    const char *text = advntk_node_scalar(node);

    for (int i = 0; i < 3; i++) {
        if (text && strcmp(text, names[i]) == 0) {
            *padding = (enum advntk_padding)(ADVNTK_PADDING_SAME + i);
            return ADVNTK_OK;
        }
    }
    return node ? ADVNTK_FAIL(err, EINVALID, "%s: got '%.60s', expected same, valid or circular",
                              advntk_node_place(node), text ? text : "no text")
                : ADVNTK_OK;
}

static advntk_status add_conv(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                              struct advntk_error *err)
{
    static const char *const keys[] = {"filter", "stride", "padding", "w_std", "b_std"};
    struct advntk_affine affine = {1.76, 0.18};
    struct advntk_window window = {{3, 3}, {1, 1}, ADVNTK_PADDING_SAME};
    advntk_status rc = check_keys(value, "conv", 5, keys, err);

    if (rc == ADVNTK_OK) {
        rc = read_sizes(value, keys[0], window.filter, err);
    }
    if (rc == ADVNTK_OK) {
        rc = read_sizes(value, keys[1], window.stride, err);
    }
    if (rc == ADVNTK_OK) {
        rc = read_padding(value, &window.padding, err);
    }
    if (rc == ADVNTK_OK) {
        rc = read_std(value, keys[3], &affine.w_std, err);
    }
    if (rc == ADVNTK_OK) {
        rc = read_std(value, keys[4], &affine.b_std, err);
    }
    if (rc == ADVNTK_OK && b->graph) {
        *at = advntk_graph_conv(b->graph, *at, window, affine);
    }
    return rc;
}

static advntk_status add_pool(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                              enum advntk_pooling pooling, struct advntk_error *err)
{
    static const char *const keys[] = {"window", "stride", "padding"};
    const char *name = pooling == ADVNTK_POOLING_SUM ? "sum_pool" : "average_pool";
    struct advntk_window window = {{2, 2}, {2, 2}, ADVNTK_PADDING_VALID};
    advntk_status rc = check_keys(value, name, 3, keys, err);

    if (rc == ADVNTK_OK) {
        rc = read_sizes(value, keys[0], window.filter, err);
    }
    window.stride[0] = window.filter[0];
    window.stride[1] = window.filter[1];
    if (rc == ADVNTK_OK) {
        rc = read_sizes(value, keys[1], window.stride, err);
    }
    if (rc == ADVNTK_OK) {
        rc = read_padding(value, &window.padding, err);
    }
    if (rc == ADVNTK_OK && b->graph) {
        *at = advntk_graph_pool(b->graph, *at, pooling, window);
    }
    return rc;
}

static advntk_status add_average_pool(struct builder *b, const struct advntk_node *value,
                                      ptrdiff_t *at, struct advntk_error *err)
{
    return add_pool(b, value, at, ADVNTK_POOLING_AVERAGE, err);
}

static advntk_status add_sum_pool(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                                  struct advntk_error *err)
{
    return add_pool(b, value, at, ADVNTK_POOLING_SUM, err);
}

static advntk_status add_global_average_pool(struct builder *b, const struct advntk_node *value,
                                             ptrdiff_t *at, struct advntk_error *err)
{
    advntk_status rc = check_keys(value, "global_average_pool", 0, NULL, err);

    if (rc == ADVNTK_OK && b->graph) {
        *at = advntk_graph_global_pool(b->graph, *at, ADVNTK_POOLING_AVERAGE);
    }
    return rc;
}

static advntk_status add_global_sum_pool(struct builder *b, const struct advntk_node *value,
                                         ptrdiff_t *at, struct advntk_error *err)
{
    advntk_status rc = check_keys(value, "global_sum_pool", 0, NULL, err);

    if (rc == ADVNTK_OK && b->graph) {
        *at = advntk_graph_global_pool(b->graph, *at, ADVNTK_POOLING_SUM);
    }
    return rc;
}

static advntk_status add_layer_norm(struct builder *b, const struct advntk_node *value,
                                    ptrdiff_t *at, struct advntk_error *err)
{
    static const char *const keys[] = {"axes", "eps"};
    const struct advntk_node *axes = advntk_node_get(value, keys[0]);
    const struct advntk_node *eps = advntk_node_get(value, keys[1]);
    const char *text = advntk_node_scalar(axes);
    bool all = text && strcmp(text, "all") == 0;
    double number = 1e-12;
    advntk_status rc = check_keys(value, "layer_norm", 2, keys, err);

    if (rc == ADVNTK_OK && axes && !all && !(text && strcmp(text, "channel") == 0)) {
        rc = ADVNTK_FAIL(err, EINVALID, "%s: got '%.60s', expected channel or all",
                         advntk_node_place(axes), text ? text : "no text");
    }
    if (rc == ADVNTK_OK && eps) {
        rc = advntk_node_real(eps, &number, err);
    }
    if (rc == ADVNTK_OK && !(number > 0 && number < HUGE_VAL)) {
        rc = ADVNTK_FAIL(err, EINVALID, "%s: got %g, expected a number > 0", advntk_node_place(eps),
                         number);
    }
    if (rc == ADVNTK_OK && b->graph) {
        *at = advntk_graph_layer_norm(b->graph, *at, all, number);
    }
    return rc;
}

static advntk_status add_dropout(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                                 struct advntk_error *err)
{
    static const char *const keys[] = {"rate"};
    const struct advntk_node *node = advntk_node_get(value, keys[0]);
    double rate = 0.5;
    advntk_status rc = check_keys(value, "dropout", 1, keys, err);

    if (rc == ADVNTK_OK && node) {
        rc = advntk_node_real(node, &rate, err);
    }
    if (rc == ADVNTK_OK && !(rate > 0 && rate <= 1)) {
        rc = ADVNTK_FAIL(err, EINVALID, "%s: got %g, expected 0 < rate <= 1, the part that is kept",
                         advntk_node_place(node), rate);
    }
    if (rc == ADVNTK_OK && b->graph) {
        *at = advntk_graph_dropout(b->graph, *at, rate);
    }
    return rc;
}

static advntk_status add_activation(struct builder *b, const struct advntk_node *value,
                                    ptrdiff_t *at, struct advntk_error *err)
{
    struct advntk_slot slot = {0};
    advntk_status rc = advntk_node_slot(value, ADVNTK_KIND_ACTIVATION, &slot, err);

    if (rc == ADVNTK_OK && b->graph) {
        *at = advntk_graph_activation(b->graph, *at, slot);
    }
    return rc;
}

static advntk_status add_flatten(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                                 struct advntk_error *err)
{
    advntk_status rc = check_keys(value, "flatten", 0, NULL, err);

    if (rc == ADVNTK_OK && b->graph) {
        *at = advntk_graph_flatten(b->graph, *at);
    }
    return rc;
}

static advntk_status add_identity(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                                  struct advntk_error *err)
{
    (void)b;
    (void)at;
    return check_keys(value, "identity", 0, NULL, err);
}

static advntk_status add_residual(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                                  struct advntk_error *err)
{
    static const char *const keys[] = {"main", "shortcut"};
    const struct advntk_node *main_branch = advntk_node_get(value, keys[0]);
    const struct advntk_node *shortcut = advntk_node_get(value, keys[1]);
    ptrdiff_t branch[2] = {*at, *at};
    advntk_status rc = check_keys(value, "residual", 2, keys, err);

    if (rc == ADVNTK_OK && !main_branch) {
        rc = ADVNTK_FAIL(err, EINVALID, "%s: layer residual needs a list of layers, main",
                         advntk_node_place(value));
    }
    if (rc == ADVNTK_OK) {
        rc = add_list(b, main_branch, &branch[0], err);
    }
    if (rc == ADVNTK_OK && shortcut) {
        rc = add_list(b, shortcut, &branch[1], err);
    }
    if (rc == ADVNTK_OK && b->graph) {
        advntk_graph_place(b->graph, advntk_node_place(value));
        *at = advntk_graph_sum(b->graph, 2, branch);
    }
    return rc;
}

static advntk_status add_sum(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                             struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t branch[BRANCHES_MAX], count = advntk_node_count(value);

    if (advntk_node_kind(value) != ADVNTK_NODE_LIST || count < 1 || count > BRANCHES_MAX) {
        return ADVNTK_FAIL(err, EINVALID,
                           "%s: layer sum: expected a list of 1 to %d lists of layers",
                           advntk_node_place(value), BRANCHES_MAX);
    }
    for (ptrdiff_t i = 0; i < count && rc == ADVNTK_OK; i++) {
        branch[i] = *at;
        rc = add_list(b, advntk_node_item(value, i), &branch[i], err);
    }
    if (rc == ADVNTK_OK && b->graph) {
        advntk_graph_place(b->graph, advntk_node_place(value));
        *at = advntk_graph_sum(b->graph, count, branch);
    }
    return rc;
}

static advntk_status add_product(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                                 struct advntk_error *err)
{
    static const char *const keys[] = {"left", "right"};
    ptrdiff_t branch[2] = {*at, *at};
    advntk_status rc = check_keys(value, "product", 2, keys, err);

    for (int i = 0; i < 2 && rc == ADVNTK_OK; i++) {
        const struct advntk_node *list = advntk_node_get(value, keys[i]);
        rc = list ? add_list(b, list, &branch[i], err)
                  : ADVNTK_FAIL(err, EINVALID, "%s: layer product needs a list of layers, %s",
                                advntk_node_place(value), keys[i]);
    }
    if (rc == ADVNTK_OK && b->graph) {
        advntk_graph_place(b->graph, advntk_node_place(value));
        *at = advntk_graph_product(b->graph, 2, branch);
    }
    return rc;
}

typedef advntk_status (*add_fn)(struct builder *b, const struct advntk_node *value, ptrdiff_t *at,
                                struct advntk_error *err);
enum { LAYERS = 14 };
static const struct layer_kind {
    bool needs_value;
    add_fn add;
} layer_kinds[LAYERS] = {
    {false, add_dense},           {false, add_conv},     {true, add_activation},
    {false, add_average_pool},    {false, add_sum_pool}, {false, add_global_average_pool},
    {false, add_global_sum_pool}, {false, add_flatten},  {false, add_layer_norm},
    {false, add_dropout},         {true, add_residual},  {true, add_sum},
    {true, add_product},          {false, add_identity},
};
/* in the order of layer_kinds */
static const char *const layer_names[LAYERS] = {
    "dense",           "conv",    "activation", "average_pool", "sum_pool", "global_average_pool",
    "global_sum_pool", "flatten", "layer_norm", "dropout",      "residual", "sum",
    "product",         "identity"};

/* Layers that networks have and that have no infinite-width limit in closed form. */
static const char *const impossible[] = {"max_pool", "global_max_pool", "batch_norm"};

/* Alike but for case, "_" and digits at the end: MaxPool2d is max_pool. */
static bool is_called(const char *name, const char *known)
{
    for (;; name++, known++) {
        name += *name == '_';
        known += *known == '_';
        if (!*known) {
            return name[strspn(name, "0123456789dD")] == '\0';
        }
        if ((*name | 0x20) != *known) { /* lower case, of letters */
            return false;
        }
    }
}

static advntk_status unknown_layer(const struct advntk_node *node, const char *name,
                                   struct advntk_error *err)
{
    struct advntk_error unused = {0};
    struct advntk_slot slot = {0};
    const char *near;

    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++) {
        if (is_called(name, impossible[i])) {
            return ADVNTK_FAIL(
                err, EUNSUPPORTED, "%s: %s has no infinite-width limit in closed form; use %s",
                advntk_node_place(node), impossible[i],
                strstr(impossible[i], "pool") ? "average_pool or sum_pool" : "layer_norm");
        }
    }
    if (advntk_node_scalar(node) &&
        advntk_node_slot(node, ADVNTK_KIND_ACTIVATION, &slot, &unused) == ADVNTK_OK) {
        return ADVNTK_FAIL(
            err, EINVALID,
            "%s: no layer '%.60s', which is an activation: write {activation: %.60s}",
            advntk_node_place(node), name, name);
    }
    near = advntk_name_nearest(name, LAYERS, layer_names);
    return ADVNTK_FAIL(err, EINVALID, "%s: no layer '%.60s'; %s%s%s", advntk_node_place(node), name,
                       near ? "did you mean '" : "known: ", near ? near : LAYERS_TEXT,
                       near ? "'?" : "; an activation is written {activation: NAME}");
}

/* `node`: "flatten" or {dense: {...}}. */
static advntk_status add_layer(struct builder *b, const struct advntk_node *node, ptrdiff_t *at,
                               struct advntk_error *err)
{
    const char *name = advntk_node_scalar(node);
    char text[GOT_BYTES];
    const struct advntk_node *value = NULL;

    if (!name && advntk_node_kind(node) == ADVNTK_NODE_MAP && advntk_node_count(node) == 1) {
        name = advntk_node_key(node, 0);
        value = advntk_node_item(node, 0);
    }
    if (!name) {
        return ADVNTK_FAIL(err, EINVALID,
                           "%s: got %s, expected a layer: a name or a map with one key",
                           advntk_node_place(node), got(node, text));
    }
    for (int i = 0; i < LAYERS; i++) {
        if (strcmp(name, layer_names[i]) == 0) {
            if (b->graph) {
                advntk_graph_place(b->graph, advntk_node_place(node));
            }
            if (!value && layer_kinds[i].needs_value) {
                return ADVNTK_FAIL(err, EINVALID, "%s: layer %s needs a value",
                                   advntk_node_place(node), name);
            }
            return layer_kinds[i].add(b, value, at, err);
        }
    }
    return unknown_layer(node, name, err);
}

/* Of a list on the command line all items have one place: says which of them a message is about. */
static void say_which(const struct advntk_node *list, ptrdiff_t i, struct advntk_error *err)
{
    const char *place = advntk_node_place(list);
    static const char error[] = "error: "; /* what faults of a slot begin with */
    size_t skip = strlen(place) + 2, length;
    char which[32];

    if (!err || strcmp(place, advntk_node_place(advntk_node_item(list, i))) != 0 ||
        strncmp(err->text, place, strlen(place)) != 0 || strlen(err->text) < skip) {
        return;
    }
    if (strncmp(err->text + skip, error, strlen(error)) == 0) {
        skip += strlen(error);
    }
    length = (size_t)snprintf(which, sizeof(which), "layers.%td: ", i);
    if (strlen(err->text) + length < sizeof(err->text)) {
        memmove(err->text + skip + length, err->text + skip, strlen(err->text) - skip + 1);
        memcpy(err->text + skip, which, length);
    }
}

static advntk_status add_list(struct builder *b, const struct advntk_node *list, ptrdiff_t *at,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char text[GOT_BYTES];

    if (advntk_node_kind(list) != ADVNTK_NODE_LIST) {
        return ADVNTK_FAIL(err, EINVALID, "%s: got %s, expected a list of layers",
                           advntk_node_place(list), got(list, text));
    }
    if (b->depth >= DEPTH_MAX) {
        return ADVNTK_FAIL(err, ELIMIT, "%s: layers nested more than %d deep",
                           advntk_node_place(list), DEPTH_MAX);
    }
    b->depth++;
    for (ptrdiff_t i = 0; i < advntk_node_count(list) && rc == ADVNTK_OK; i++) {
        rc = add_layer(b, advntk_node_item(list, i), at, err);
        if (rc != ADVNTK_OK && b->depth == 1) {
            say_which(list, i, err);
        }
    }
    b->depth--;
    return rc;
}

static advntk_status custom_build(const void *config, struct advntk_graph *graph, ptrdiff_t classes,
                                  struct advntk_error *err)
{
    const struct custom_config *cfg = config;
    struct builder b = {.graph = graph};
    ptrdiff_t at = advntk_graph_input(graph);
    advntk_status rc;

    STANDARD_BEGIN(cfg, graph);
    rc = add_list(&b, cfg->layers, &at, err);

    (void)classes;
    advntk_graph_place(graph, NULL);
    advntk_graph_output(graph, at);
    return rc;
}

static advntk_status custom_check(const void *config, struct advntk_error *err)
{
    const struct custom_config *cfg = config;
    struct builder b = {.graph = NULL};
    ptrdiff_t at = 0;

    return add_list(&b, cfg->layers, &at, err);
}

static const struct advntk_architecture_ops custom_ops = {.build = custom_build};

ADVNTK_PLUGIN(
    ARCHITECTURE, custom_ops, .name = "custom", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "a network written in the recipe",
    .doc = "dense: {w_std: 1.76, b_std: 0.18}; conv: {filter: 3, stride: 1, padding: same, "
           "w_std: 1.76, b_std: 0.18}, filter and stride a number or [height, width], "
           "padding same, valid or circular; activation: a slot; average_pool, sum_pool: {window: "
           "2, stride: the window, padding: valid}, with padding the divisor stays the window's "
           "size; global_average_pool; global_sum_pool; flatten; layer_norm: {axes: channel or "
           "all, eps: 1e-12}; dropout: {rate: 0.5}, the part that is kept, kernels as at test "
           "time; residual: {main: [..], shortcut: [..]}, no shortcut: identity; sum: [[..], "
           "[..]]; product: {left: [..], right: [..]}; identity. The last layer is a dense layer.",
    .params = custom_params, .config_bytes = sizeof(struct custom_config), .check = custom_check);
