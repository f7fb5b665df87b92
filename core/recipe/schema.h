/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The language of recipes as JSON Schema, for editors: from the tables that recipes are checked
 * with. */
#ifndef ADVNTK_RECIPE_SCHEMA_H
#define ADVNTK_RECIPE_SCHEMA_H

#include "base/text.h"

struct advntk__registry;

/*
 * JSON Schema (draft 2020-12), with the parameters of every plugin of the registry and their help.
 * What extends may leave out is not required; what only a reader can know (the value of an
 * expression, that a reference leads somewhere) is not checked. Fails: ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__recipe_schema(const struct advntk__registry *registry,
                                                      struct advntk__text *out,
                                                      struct advntk_error *err);

#endif
