/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A sweep's node becomes a list of runs, each a list of overrides, in written order. */
#ifndef ADVNTK_RECIPE_SWEEP_H
#define ADVNTK_RECIPE_SWEEP_H

#include "recipe/fault.h"
#include "recipe/node.h"

enum { ADVNTK__RUNS_MAX = 100000 };

struct advntk__axis {
    const char *key;
    const struct advntk__place *place; /* of the key */
    const struct advntk_node *values;  /* a list of at least one */
};

/* Every node of a sweep expands to this: `count` runs of `keys` overrides each. */
struct advntk__expansion {
    ptrdiff_t count, keys;
    const struct advntk__axis *axes; /* keys */
    const struct advntk_node *const
        *values; /* count, keys; run i's value of key k at i * keys + k */
};

/*
 * node: the value of `sweep:` (NULL: none, one run without overrides); more: axes of --sweep behind
 * it, the fastest last; pinned: keys that -s set, which are not swept. Faults say what is wrong;
 * then count is 0.
 */
ADVNTK_MUST_CHECK advntk_status advntk__sweep_expand(
    struct advntk__study_memory *memory, const struct advntk_node *node, ptrdiff_t more_count,
    const struct advntk__axis *more, ptrdiff_t pinned_count, const char *const *pinned,
    struct advntk__faults *faults, struct advntk__expansion *out, struct advntk_error *err);

#endif
