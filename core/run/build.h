/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which build of program and plugins computed what: noticed where it changes in mid-study. */
#ifndef ADVNTK_RUN_BUILD_H
#define ADVNTK_RUN_BUILD_H

#include "base/text.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct advntk__registry;

struct advntk__builds {
    const struct advntk__registry *registry;
    const uint8_t *program;    /* 16 bytes: the digest of this program; borrowed */
    ptrdiff_t others;          /* records of other builds */
    struct advntk__text names; /* "program", "attack/pgd", ... once each, separated by ", " */
};

/* Notes whether a run's record names another content of the program or of a plugin than what is
 * loaded now. */
void advntk__builds_see(struct advntk__builds *builds, const json_t *record);
void advntk__builds_release(struct advntk__builds *builds);

#endif
