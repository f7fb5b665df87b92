/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of docs/examples inside the program: the starts that `advntk new` writes.
 *
 *     recipe.yaml           a recipe
 *     KIND/EXAMPLE.c        a plugin of that kind
 *     KIND/recipe.yaml      a recipe that uses it
 *     package/...           what every plugin's folder has beside them; @KIND@ and @NAME@ stand for
 * its own
 */
#ifndef ADVNTK_CLI_EXAMPLES_H
#define ADVNTK_CLI_EXAMPLES_H

#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct embedded_file {
    const char *path; /* "attack/drift.c" */
    size_t count;
    const unsigned char *bytes;
};

/* NULL: there is none. */
const struct embedded_file *cli_example_file(const char *path);
/* The example's name, cut from KIND/EXAMPLE.c into name; false: there is none of that kind. */
bool cli_example_name(const char *kind, char *name, size_t size);
/* The kinds that have one, with commas. */
void cli_example_kinds(struct advntk__text *out);
/* The files of a folder in turn: *at begins with 0. NULL: no more. */
const struct embedded_file *cli_example_next(const char *folder, size_t *at);

/*
 * The text with `from` replaced by `to` where it stands as a word: no letter, digit or '_' before
 * it, no letter or digit behind it (so that drift_open is found and driftwood is not).
 */
void cli_example_rename(const char *text, size_t count, const char *from, const char *to,
                        struct advntk__text *out);

#endif
