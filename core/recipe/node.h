/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trees of a recipe and the memory they live in; the read-only view of plugins is advntk/node.h. */
#ifndef ADVNTK_RECIPE_NODE_H
#define ADVNTK_RECIPE_NODE_H

#include <advntk/node.h>
#include <stddef.h>

struct advntk__registry;

enum {
    ADVNTK__TREE_DEPTH = 100,    /* deepest nesting that is read */
    ADVNTK__TREE_NODES = 100000, /* most values of one tree, aliases and references expanded */
    ADVNTK__COPY_DEPTH = 400,    /* deepest tree that overrides and references may build */
    ADVNTK__PATH_DEPTH = 64      /* most names of a dotted key */
};

/* Where something was written. Shared by all copies. */
struct advntk__place {
    const char *file;   /* as shown; NULL: command line */
    const char *folder; /* absolute: what relative paths are relative to */
    const char *text;   /* "recipe.yaml:12:7" or "-s key=value" */
    int order;          /* of the file or of the command line's argument, for sorting */
    int line, column;   /* from 1 */
};

struct advntk__entry {
    const char *key; /* NULL in lists */
    const struct advntk__place *place;
    struct advntk_node *value;
};

enum advntk__ref_state { ADVNTK__REF_NEW, ADVNTK__REF_OPEN, ADVNTK__REF_DONE };

struct advntk_node {
    enum advntk_node_kind kind;
    bool plain;    /* scalar without quotes */
    int ref_state; /* enum advntk__ref_state */
    const struct advntk__place *place;
    const char *text; /* scalar, NULL-kind: as written */
    ptrdiff_t count, room;
    struct advntk__entry *entries;
    struct advntk__study_memory *memory;
};

/* Owns trees, texts and configs; all of it goes at once. */
struct advntk__study_memory {
    struct advntk_arena *arena;
    char *chunk;
    size_t left;
    ptrdiff_t nodes;                         /* made since the count was last set to 0 */
    const struct advntk__registry *registry; /* borrowed; for advntk_node_slot */
    const char *folder; /* the current one when the recipe was read; in this memory */
};

ADVNTK_MUST_CHECK advntk_status advntk__pool_new(const struct advntk__registry *registry,
                                                 struct advntk__study_memory **memory,
                                                 struct advntk_error *err);
void advntk__pool_free(struct advntk__study_memory *memory);
void advntk__pool_clear(struct advntk__study_memory *memory);

/* Zeroed, aligned for any type. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__pool_get(struct advntk__study_memory *memory,
                                                 ptrdiff_t count, size_t size, void *out,
                                                 struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__pool_text(struct advntk__study_memory *memory,
                                                  const char *text, size_t length, const char **out,
                                                  struct advntk_error *err);

/* An empty node. Fails: ENOMEM; ELIMIT over ADVNTK__TREE_NODES. */
ADVNTK_MUST_CHECK advntk_status advntk__node_new(struct advntk__study_memory *memory,
                                                 enum advntk_node_kind kind,
                                                 const struct advntk__place *place,
                                                 struct advntk_node **node,
                                                 struct advntk_error *err);
/* A plain scalar; text is copied. */
ADVNTK_MUST_CHECK advntk_status advntk__node_text(struct advntk__study_memory *memory,
                                                  const char *text,
                                                  const struct advntk__place *place,
                                                  struct advntk_node **node,
                                                  struct advntk_error *err);
/* Appends; key (kept, not copied) is NULL in lists. Does not look for duplicates. */
ADVNTK_MUST_CHECK advntk_status advntk__node_add(struct advntk_node *node, const char *key,
                                                 const struct advntk__place *place,
                                                 struct advntk_node *value,
                                                 struct advntk_error *err);
/* Deep copy into memory; texts and places are shared. Fails: ENOMEM, ELIMIT (nodes, depth). */
ADVNTK_MUST_CHECK advntk_status advntk__node_copy(struct advntk__study_memory *memory,
                                                  const struct advntk_node *node,
                                                  struct advntk_node **copy,
                                                  struct advntk_error *err);
struct advntk__entry *advntk__node_find(const struct advntk_node *map, const char *key);
/* The tree of a YAML text, in memory of its own that the caller frees; *root NULL: it is no YAML.
 * Fails: ENOMEM. (parse.c) */
ADVNTK_MUST_CHECK advntk_status advntk__node_parse(const char *text,
                                                   struct advntk__study_memory **memory,
                                                   const struct advntk_node **root,
                                                   struct advntk_error *err);
void advntk__node_remove(struct advntk_node *node, ptrdiff_t i);

#endif
