/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sweep becomes a list of runs, each a list of overrides, in written order.
 *
 * A node is a map of parts. Each part takes every run that the parts before it made and puts its
 * own runs in its place, so that parts multiply, the first one slowest: product, zip, list, ablate
 * (and at the top the axes of --sweep behind them), then `when` (a node for the runs that fulfil a
 * condition), last `except` (takes runs out).
 */
#ifndef ADVNTK_RECIPE_SWEEP_H
#define ADVNTK_RECIPE_SWEEP_H

#include "recipe/compose.h"

enum { ADVNTK__RUNS_MAX = 100000, ADVNTK__SWEPT_KEYS_MAX = 1000 };

/* An axis of --sweep. */
struct advntk__axis {
    const char *key;
    const struct advntk__place *place; /* of the key */
    const struct advntk_node *values;  /* NULL: a mistake, noted already */
};

/* An override of a run, and those before it; runs share their beginnings. */
struct advntk__setting {
    const struct advntk__setting *up; /* NULL: this is the first */
    ptrdiff_t count;                  /* with this one */
    const char *key;
    const struct advntk__place *place;
    const struct advntk_node *value; /* NULL kind: removes the key */
};

struct advntk__expansion {
    ptrdiff_t count;
    const struct advntk__setting *const *runs; /* the last override of each; NULL: it has none */
};

struct advntk__sweep {
    struct advntk__composer *composer; /* of the recipe, for memory and faults */
    const struct advntk_node *root;    /* the recipe without its sweep: what conditions look at */
    const struct advntk_node *node;    /* the value of `sweep:`; NULL: none */
    ptrdiff_t more_count;
    const struct advntk__axis *more;
    ptrdiff_t pinned_count;
    const char *const *pinned;            /* keys that -s set, which are not swept */
    struct advntk__study_memory *scratch; /* cleared at will */
};

/* Faults say what is wrong; then count is 0. */
ADVNTK_MUST_CHECK advntk_status advntk__sweep_expand(const struct advntk__sweep *sweep,
                                                     struct advntk__expansion *out,
                                                     struct advntk_error *err);

/* Puts a run's overrides into the tree, shorter keys first, so that `method` does not undo
 * `method.steps`. */
ADVNTK_MUST_CHECK advntk_status advntk__sweep_apply(struct advntk__composer *composer,
                                                    const struct advntk__setting *last,
                                                    struct advntk_node *root,
                                                    struct advntk_error *err);

/* Whether `key` is `of` or lies below it: "method.steps" below "method". */
bool advntk__key_below(const char *key, const char *of);

#endif
