/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parameter tables and trees: a tree fills config structs by the tables' offsets, defaults where
 * nothing is written; and back, from config structs to a tree with every value in it.
 */
#ifndef ADVNTK_RECIPE_CONFIGURE_H
#define ADVNTK_RECIPE_CONFIGURE_H

#include "recipe/expression.h"
#include "recipe/fault.h"

#include <advntk/attack.h>
#include <advntk/param.h>

/* The host's own key of a method slot. */
struct advntk__method_settings {
    int select; /* enum advntk__select */
};

struct advntk__table {
    const struct advntk_param *rows; /* NULL: none */
    void *config;
};

/* An attack within an attack that has not been given all it needs: it takes the outer one's. */
struct advntk__orphan {
    struct advntk_attack_settings *settings;
    int depth; /* of attacks around it */
    bool norm; /* not written */
};

struct advntk__configurer {
    struct advntk__study_memory *memory;
    struct advntk__faults *faults;
    struct advntk__scope scope;
    ptrdiff_t mistakes;                      /* noted so far, repeated ones too */
    int attack_depth;                        /* attacks within attacks inherit the radius */
    int depth;                               /* of slots in slots */
    struct advntk_attack_settings **no_loss; /* attacks whose loss is not given */
    ptrdiff_t no_loss_count, no_loss_room;
    struct advntk__orphan *orphans; /* of the attack that is being read */
    ptrdiff_t orphan_count, orphan_room;
};

/* Notes a mistake at a place of the recipe. */
void advntk__mistake(struct advntk__configurer *c, const struct advntk__place *place,
                     const struct advntk__way *way, const char *format, ...) ADVNTK_PRINTF(4, 5);

/*
 * Fills `count` config structs from one map, each key by the table that has it. map NULL: all
 * defaults. place: of the map. others: further keys that are allowed and left alone,
 * NULL-terminated, or NULL. Mistakes are noted; the status is other than OK only for ENOMEM and
 * ELIMIT.
 */
ADVNTK_MUST_CHECK advntk_status advntk__configure(
    struct advntk__configurer *c, int count, const struct advntk__table *tables,
    const struct advntk_node *map, const char *const *others, const struct advntk__place *place,
    const struct advntk__way *way, struct advntk_error *err);

/* The plugin and its parameters; default_name: the plugin of a map without `plugin`; may be NULL.
 */
ADVNTK_MUST_CHECK advntk_status advntk__configure_slot(struct advntk__configurer *c, uint32_t kind,
                                                       const struct advntk_node *node,
                                                       const char *default_name,
                                                       const struct advntk__way *way,
                                                       struct advntk_slot *slot,
                                                       struct advntk_error *err);

/* Gives attacks without a loss that of the method, or mse. */
ADVNTK_MUST_CHECK advntk_status advntk__configure_losses(struct advntk__configurer *c,
                                                         const struct advntk_slot *method,
                                                         const struct advntk__place *place,
                                                         struct advntk_error *err);

/* The default of a row as a tree, every value of a slot in it. *node NULL: the row has none. */
ADVNTK_MUST_CHECK advntk_status advntk__default_tree(
    struct advntk__configurer *c, const struct advntk_param *row, const struct advntk__place *place,
    const struct advntk__way *way, struct advntk_node **node, struct advntk_error *err);

/* One value as a tree. *node NULL: nothing to write (an empty slot, an absent text or tree, a
 * number that was not given). */
ADVNTK_MUST_CHECK advntk_status advntk__value_tree(struct advntk__study_memory *memory,
                                                   const struct advntk_param *row,
                                                   const char *member, struct advntk_node **node,
                                                   struct advntk_error *err);

/* The inverse: appends every value to map, in table order. */
ADVNTK_MUST_CHECK advntk_status advntk__config_tree(const struct advntk_param *rows,
                                                    const void *config, struct advntk_node *map,
                                                    struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__slot_tree(struct advntk__study_memory *memory,
                                                  const struct advntk_slot *slot,
                                                  struct advntk_node **map,
                                                  struct advntk_error *err);

/* The host's rows of a kind, those of core/recipe included; NULL: none. */
const struct advntk_param *advntk__slot_host_params(uint32_t kind);

/* What a row takes: "an integer from 1 to 255", for messages and help. */
void advntk__param_expected(const struct advntk_param *row, struct advntk__text *out);

#endif
