/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * {ref: method.attack}: the value of another place; keys beside `ref` are merged over it. Where
 * nothing is written it is the default of the parameter, if the table gives one.
 */
#ifndef ADVNTK_RECIPE_REFERENCE_H
#define ADVNTK_RECIPE_REFERENCE_H

#include "recipe/configure.h"

/* Replaces every reference in root. Cycles, missing targets and too deep chains are noted. */
ADVNTK_MUST_CHECK advntk_status advntk__references(struct advntk__configurer *c,
                                                   struct advntk_node *root,
                                                   struct advntk_error *err);

#endif
