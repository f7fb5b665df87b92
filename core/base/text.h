/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Growing text, and the nearest of several names. */
#ifndef ADVNTK_BASE_TEXT_H
#define ADVNTK_BASE_TEXT_H

#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>

/* A text that grows; {0} is an empty one. A failed allocation is remembered in `failed` and later
 * additions do nothing, so that only the end need be checked. */
struct advntk__text {
    char *bytes; /* NUL-terminated; NULL while empty */
    size_t length, room;
    bool failed;
};

void advntk__text_add(struct advntk__text *t, const char *bytes, size_t length);
void advntk__text_puts(struct advntk__text *t, const char *string);
void advntk__text_printf(struct advntk__text *t, const char *format, ...) ADVNTK_PRINTF(2, 3);
void advntk__text_release(struct advntk__text *t);
const char *advntk__text_get(const struct advntk__text *t); /* "" while empty */

/* The shortest decimal form of x that reads back as x (at most 17 digits); ".inf", "-.inf", ".nan".
 */
void advntk__text_real(struct advntk__text *t, double x);

/* The known name nearest to `name` by edit distance (insert, delete, replace, swap neighbours), or
 * NULL if none is near enough to be worth a "did you mean". names: count of them, NULLs skipped. */
const char *advntk__text_nearest(const char *name, ptrdiff_t count, const char *const *names);

#endif
