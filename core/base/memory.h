/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory: aligned blocks and arenas (see advntk/host.h for the public part). */
#ifndef ADVNTK_BASE_MEMORY_H
#define ADVNTK_BASE_MEMORY_H

#include <advntk/host.h>
#include <stddef.h>

struct advntk_arena *advntk__arena_new(void); /* NULL: no memory */
void advntk__arena_free(struct advntk_arena *arena);
void advntk__arena_clear(struct advntk_arena *arena); /* keeps the memory for the next use */
char *advntk__arena_text(struct advntk_arena *arena, const char *text,
                         size_t length); /* copy, ends with NUL */

#endif
