/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From files and overrides to one tree. Mistakes are noted; the status is ENOMEM or ELIMIT else. */
#ifndef ADVNTK_RECIPE_COMPOSE_H
#define ADVNTK_RECIPE_COMPOSE_H

#include "recipe/fault.h"
#include "recipe/node.h"

struct advntk__composer {
    struct advntk__study_memory *memory;
    struct advntk__faults *faults;
    int files;          /* read so far: the order of their faults */
    const char *source; /* text of the first file */
};

/* Reads a file and what it extends, merged. *root NULL: broken, and faults say why. */
ADVNTK_MUST_CHECK advntk_status advntk__compose_file(struct advntk__composer *composer,
                                                     const char *file, struct advntk_node **root,
                                                     struct advntk_error *err);

/*
 * Merges `over` into the map `base`: maps merge, everything else is replaced, null removes, a slot
 * whose plugin changes is replaced whole. Takes parts of `over` over.
 */
ADVNTK_MUST_CHECK advntk_status advntk__merge(struct advntk_node *base,
                                              const struct advntk_node *over,
                                              struct advntk_error *err);

/*
 * Merges a value at a dotted key; an entry of `evaluate` is addressed by its name, other lists'
 * items by number. Where a sweep holds dotted keys (sweep.product.let.radius), the rest is one of
 * them. place: of the key. value is copied. check: a null for a key that is not there stays, so
 * that whoever reads the tree finds a mistyped key.
 */
ADVNTK_MUST_CHECK advntk_status advntk__override(struct advntk__composer *composer,
                                                 struct advntk_node *root, const char *key,
                                                 const struct advntk__place *place,
                                                 const struct advntk_node *value, bool check,
                                                 struct advntk_error *err);

/* Splits "key=value"; its place is "-s key=value" (option: "-s"). *value NULL: faults say why. */
ADVNTK_MUST_CHECK advntk_status advntk__argument(struct advntk__composer *composer,
                                                 const char *option, const char *argument,
                                                 int number, const char **key,
                                                 const struct advntk__place **place,
                                                 struct advntk_node **value,
                                                 struct advntk_error *err);

/* The entry of a map, the item of a list by its `name` or number; NULL: there is none. */
struct advntk__entry *advntk__step(const struct advntk_node *node, const char *name);

/* Adds the names that advntk__step would find: "; did you mean 'x'?" */
void advntk__step_hint(const struct advntk_node *node, const char *name, struct advntk__text *out);

#endif
