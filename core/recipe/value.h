/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Single values of a parameter table: scalars, paths, choices. */
#ifndef ADVNTK_RECIPE_VALUE_H
#define ADVNTK_RECIPE_VALUE_H

#include "recipe/configure.h"

/* "'text'", "a list", "a map", "nothing" */
void advntk__value_got(const struct advntk_node *node, struct advntk__text *out);

/* BOOL, INT, REAL, STRING, PATH, CHOICE, into member (NULL: only checked). */
ADVNTK_MUST_CHECK advntk_status advntk__value_scalar(struct advntk__configurer *c,
                                                     const struct advntk_param *row,
                                                     const struct advntk_node *node,
                                                     const struct advntk__way *way, void *member,
                                                     struct advntk_error *err);

/* Expands ${NAME} and ${NAME:-default}; relative to the folder of place, or where the value begins
 * with the environment's, to the current folder. "" stays "". */
ADVNTK_MUST_CHECK advntk_status advntk__value_path(struct advntk__configurer *c, const char *text,
                                                   const struct advntk__place *place,
                                                   const struct advntk__way *way, const char **path,
                                                   struct advntk_error *err);

/* "got 'x', expected ..." */
void advntk__value_wrong(struct advntk__configurer *c, const struct advntk_param *row,
                         const struct advntk_node *node, const struct advntk__way *way);

#endif
