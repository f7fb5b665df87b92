/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Read-only YAML trees, for plugins whose parameter is a tree (architecture `custom`). Each node
 * knows the place in the recipe that it came from. Nodes belong to the host and live as long as the
 * config struct that holds them.
 */
#ifndef ADVNTK_NODE_H
#define ADVNTK_NODE_H

#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_node;
struct advntk_slot;
struct advntk_host;

enum advntk_node_kind { ADVNTK_NODE_NULL, ADVNTK_NODE_SCALAR, ADVNTK_NODE_LIST, ADVNTK_NODE_MAP };

enum advntk_node_kind advntk_node_kind(const struct advntk_node *node); /* NULL node: NULL */
const char *advntk_node_scalar(const struct advntk_node *node); /* text; NULL unless a scalar */
ptrdiff_t advntk_node_count(const struct advntk_node *node);    /* items or entries; else 0 */
const struct advntk_node *advntk_node_item(const struct advntk_node *node, ptrdiff_t i); /* list item or map value */
const char *advntk_node_key(const struct advntk_node *node, ptrdiff_t i);   /* of map entry i */
const struct advntk_node *advntk_node_get(const struct advntk_node *map, const char *key); /* NULL: absent */

/* "recipe.yaml:12:7", for messages; "-s key=value" for a node from the command line. A message of a
 * plugin's `check` that begins with it and ": " is reported there, with the key path of the node. */
const char *advntk_node_place(const struct advntk_node *node);

/* A number: plain, or an arithmetic expression (8/255). Fails: EINVALID with the place. */
ADVNTK_MUST_CHECK advntk_status advntk_node_real(const struct advntk_node *node, double *value,
                                                 struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk_node_int(const struct advntk_node *node, int64_t *value,
                                                struct advntk_error *err);

/* A plugin slot (a name, or a map with `plugin:`) of a kind (enum advntk_kind), validated like any
 * slot of a recipe. Owned by the host. Fails: EINVALID, ENOTFOUND with place and nearest name. */
ADVNTK_MUST_CHECK advntk_status advntk_node_slot(const struct advntk_node *node, uint32_t kind,
                                                 struct advntk_slot *slot, struct advntk_error *err);

/* The known name nearest to `name`, for "did you mean"; NULL: none is near. names: count of them. */
const char *advntk_name_nearest(const char *name, ptrdiff_t count, const char *const *names);

#ifdef __cplusplus
}
#endif
#endif
