/* SPDX-License-Identifier: GPL-3.0-or-later */
/* evaluate: [{name: pgd, attack: {.., radius: [4/255, 8/255]}}] says two evaluations in one. */
#ifndef ADVNTK_RECIPE_RADII_H
#define ADVNTK_RECIPE_RADII_H

#include "recipe/configure.h"

/*
 * Replaces each item of `evaluate` (a list, or NULL) whose attack has a list of radii by one item
 * a radius, called name@radius: pgd@4/255, pgd@8/255; a radius that uses names of `let` is shown
 * by its value. Mistakes are noted.
 */
ADVNTK_MUST_CHECK advntk_status advntk__radii_expand(struct advntk__configurer *c,
                                                     struct advntk_node *evaluate,
                                                     struct advntk_error *err);

#endif
