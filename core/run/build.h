/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which build of program and plugins computed what: noticed where it changes in mid-study. */
#ifndef ADVNTK_RUN_BUILD_H
#define ADVNTK_RUN_BUILD_H

#include "run/inventory.h"

struct advntk__text;

/*
 * Counts the finished runs whose run.json names another content of the program or of a plugin than
 * what is loaded now; names (NULL: not wanted) gets "program", "attack/pgd", ... once each,
 * separated by ", ". Fails: ENOMEM, EIO.
 */
ADVNTK_MUST_CHECK advntk_status advntk__other_builds(const struct advntk__registry *registry,
                                                     const struct advntk__inventory *inventory,
                                                     const char *results, ptrdiff_t *count,
                                                     struct advntk__text *names,
                                                     struct advntk_error *err);

#endif
