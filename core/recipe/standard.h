/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a config struct holds what the table declares as default. */
#ifndef ADVNTK_RECIPE_STANDARD_H
#define ADVNTK_RECIPE_STANDARD_H

#include <advntk/param.h>
#include <advntk/status.h>

/*
 * *is: whether the member of the row's type has the row's default. A slot has it if the plugin is
 * that of the default and all its parameters have the values of the default, or their own ones.
 * Fails: ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__param_is_default(const struct advntk_param *row,
                                                         const char *member, bool *is,
                                                         struct advntk_error *err);

#endif
