/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Conditions of a sweep: {key: value, ...}, fulfilled where every key has that value. */
#ifndef ADVNTK_RECIPE_CONDITION_H
#define ADVNTK_RECIPE_CONDITION_H

#include "recipe/sweep.h"

/* A condition that was asked, and which of its keys had a value in some run. */
struct advntk__watched {
    struct advntk__watched *next;
    const struct advntk_node *condition;
    const struct advntk__setting *run; /* an example, for the names that there are */
    bool *known;                       /* one a key */
};

struct advntk__conditions {
    struct advntk__composer *composer;
    const struct advntk_node *root;
    struct advntk__study_memory *scratch;
    struct advntk__watched *watched;
};

/*
 * *holds: whether each key of the map `condition` has its value in the run: that of its override,
 * else what the recipe has. Numbers are compared by value (8/255), a plugin's name stands for any
 * parameters, a map for those it names, a list also for one of its items.
 */
ADVNTK_MUST_CHECK advntk_status advntk__condition(struct advntk__conditions *conditions,
                                                  const struct advntk_node *condition,
                                                  const struct advntk__setting *run, bool *holds,
                                                  struct advntk_error *err);

/* Notes the keys that no run had: such a condition is a slip of the pen. */
void advntk__conditions_check(const struct advntk__conditions *conditions);

#endif
