/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/sweep.h"

#include "base/try.h"

#include <string.h>

static const struct advntk__way way_sweep = {.name = "sweep"};
static const struct advntk__way way_product = {.up = &way_sweep, .name = "product"};

struct axes {
    struct advntk__axis *items;
    ptrdiff_t count;
};

static bool pinned_key(const char *key, ptrdiff_t count, const char *const *pinned)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        if (strcmp(pinned[i], key) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the key can be swept: not what decides how a recipe is read. */
static bool sweepable(const char *key)
{
    static const char *const no[] = {"sweep", "extends", "advntk"};
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        size_t length = strlen(no[i]);
        if (strncmp(key, no[i], length) == 0 && (key[length] == '\0' || key[length] == '.')) {
            return false;
        }
    }
    return true;
}

static void add_axis(struct axes *axes, const struct advntk__axis *axis,
                     struct advntk__faults *faults)
{
    struct advntk__way way = {.up = &way_product, .name = axis->key};
    const struct advntk_node *values = axis->values;
    if (!sweepable(axis->key)) {
        advntk__fault(faults, axis->place, &way, "'%.60s' cannot be swept", axis->key);
        return;
    }
    if (values->kind != ADVNTK_NODE_LIST) {
        struct advntk__text hint = {0};
        if (values->kind == ADVNTK_NODE_SCALAR) {
            advntk__text_printf(&hint, ", like [%.60s]", values->text);
        }
        advntk__fault(faults, values->place, &way, "expected a list of values%s",
                      advntk__text_get(&hint));
        advntk__text_release(&hint);
        return;
    }
    if (values->count == 0) {
        advntk__fault(faults, values->place, &way, "an empty list: there would be no run");
        return;
    }
    for (ptrdiff_t i = 0; i < axes->count; i++) {
        if (strcmp(axes->items[i].key, axis->key) == 0) {
            advntk__fault(faults, axis->place, &way, "swept twice, first at %s",
                          axes->items[i].place->text);
            return;
        }
    }
    axes->items[axes->count++] = *axis;
}

/* The first key is slowest. */
static advntk_status multiply(struct advntk__study_memory *memory, const struct axes *axes,
                              const struct advntk__place *place, struct advntk__faults *faults,
                              struct advntk__expansion *out, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_node **values;
    ptrdiff_t count = 1;
    for (ptrdiff_t k = 0; k < axes->count; k++) {
        if (axes->items[k].values->count > ADVNTK__RUNS_MAX / count) {
            advntk__fault(faults, place, &way_sweep, "expands to more than %d runs",
                          ADVNTK__RUNS_MAX);
            goto out;
        }
        count *= axes->items[k].values->count;
    }
    TRY(advntk__pool_get(memory, count * axes->count, sizeof(*values), &values, err));
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t rest = i;
        for (ptrdiff_t k = axes->count - 1; k >= 0; k--) {
            const struct advntk_node *list = axes->items[k].values;
            values[i * axes->count + k] = list->entries[rest % list->count].value;
            rest /= list->count;
        }
    }
    *out = (struct advntk__expansion){count, axes->count, axes->items, values};
out:
    return rc;
}

/* The map under `product`; NULL: there is none, faults noted where it is wrong. */
static const struct advntk_node *product_of(const struct advntk_node *node,
                                            struct advntk__faults *faults)
{
    static const char *const later[] = {"zip", "list", "ablate", "when", "except"};
    const struct advntk_node *product = NULL;
    if (node->kind != ADVNTK_NODE_MAP) {
        advntk__fault(faults, node->place, &way_sweep,
                      "expected a map with product: {key: [values]}");
        return NULL;
    }
    for (ptrdiff_t i = 0; i < node->count; i++) {
        const struct advntk__entry *entry = &node->entries[i];
        struct advntk__way at = {.up = &way_sweep, .name = entry->key};
        bool is_later = false;
        for (size_t k = 0; k < sizeof(later) / sizeof(later[0]); k++) {
            is_later = is_later || strcmp(later[k], entry->key) == 0;
        }
        if (strcmp(entry->key, "product") == 0) {
            product = entry->value;
        } else if (is_later) {
            advntk__fault(faults, entry->place, &at, "this version knows 'product' only");
        } else {
            advntk__fault(faults, entry->place, &at,
                          "unknown key; dotted keys to sweep stand under product:");
        }
    }
    if (product && product->kind == ADVNTK_NODE_NULL) {
        product = NULL;
    }
    if (product && product->kind != ADVNTK_NODE_MAP) {
        advntk__fault(faults, product->place, &way_product,
                      "expected a map of dotted keys to lists of values");
        product = NULL;
    }
    return product;
}

advntk_status advntk__sweep_expand(struct advntk__study_memory *memory,
                                   const struct advntk_node *node, ptrdiff_t more_count,
                                   const struct advntk__axis *more, ptrdiff_t pinned_count,
                                   const char *const *pinned, struct advntk__faults *faults,
                                   struct advntk__expansion *out, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    bool none = advntk_node_kind(node) == ADVNTK_NODE_NULL;
    const struct advntk_node *product = none ? NULL : product_of(node, faults);
    ptrdiff_t written = advntk_node_count(product), before = faults->count + faults->hidden;
    static const struct advntk__place start = {.text = "--sweep", .order = 2000};
    struct axes axes = {NULL, 0};
    *out = (struct advntk__expansion){0};
    TRY(advntk__pool_get(memory, written + more_count, sizeof(*axes.items), &axes.items, err));
    for (ptrdiff_t i = 0; i < written; i++) {
        const struct advntk__entry *entry = &product->entries[i];
        const struct advntk__axis axis = {entry->key, entry->place, entry->value};
        if (!pinned_key(entry->key, pinned_count, pinned)) {
            add_axis(&axes, &axis, faults);
        }
    }
    for (ptrdiff_t i = 0; i < more_count; i++) {
        add_axis(&axes, &more[i], faults);
    }
    if (faults->count + faults->hidden == before) {
        TRY(multiply(memory, &axes, none ? &start : node->place, faults, out, err));
    }
out:
    return rc;
}
