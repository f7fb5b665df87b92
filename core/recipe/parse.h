/* SPDX-License-Identifier: GPL-3.0-or-later */
/* YAML text to a tree. Mistakes go to `faults`; a status other than OK is ENOMEM alone. */
#ifndef ADVNTK_RECIPE_PARSE_H
#define ADVNTK_RECIPE_PARSE_H

#include "recipe/fault.h"
#include "recipe/node.h"

enum { ADVNTK__RECIPE_BYTES = 1024 * 1024 };

struct advntk__source {
    const char *file;                  /* as shown in places */
    const char *folder;                /* absolute */
    int order;                         /* for sorting */
    const struct advntk__place *fixed; /* command line: the place of every node; else NULL */
};

/*
 * One document of UTF-8 YAML. Aliases become copies, `<<` is merged, duplicate keys are faults.
 * *root is NULL if the text is empty or broken. Refuses (as faults): non-UTF-8, NUL, several
 * documents, tags, recursion of anchors, more than ADVNTK__TREE_NODES values or ADVNTK__TREE_DEPTH
 * levels.
 */
ADVNTK_MUST_CHECK advntk_status advntk__parse(struct advntk__study_memory *memory,
                                              const struct advntk__source *source, const char *text,
                                              size_t length, struct advntk__faults *faults,
                                              struct advntk_node **root, struct advntk_error *err);

ADVNTK_MUST_CHECK advntk_status advntk__place_new(struct advntk__study_memory *memory,
                                                  const struct advntk__source *source, int line,
                                                  int column, const struct advntk__place **place,
                                                  struct advntk_error *err);

#endif
