/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The members of a result, named once for all that is done with each: room, packing, journals. */
#ifndef ADVNTK_ATTACK_RESULT_H
#define ADVNTK_ATTACK_RESULT_H

#include "attack/evaluate.h"

/* All members of n images in the arena, zero. false: no memory. */
bool advntk__result_take(struct advntk__attack_result *r, struct advntk_arena *arena, ptrdiff_t n,
                         ptrdiff_t d, ptrdiff_t classes);

/* to[j] <- from[place[j]], or where `back` to[place[j]] <- from[j]; place NULL: j. Members that
 * `to` lacks are left out. */
void advntk__result_copy(struct advntk__attack_result *to, const struct advntk__attack_result *from,
                         ptrdiff_t n, const ptrdiff_t *place, bool back, ptrdiff_t d,
                         ptrdiff_t classes);

/* How many members there are, and the bytes of the k-th of n images. alone: for the names of a
 * second result beside a first. */
enum { ADVNTK__RESULT_MEMBERS = 14 };
struct advntk__group_block advntk__result_block(const struct advntk__attack_result *r, int k,
                                                bool alone, ptrdiff_t n, ptrdiff_t d,
                                                ptrdiff_t classes);

#endif
