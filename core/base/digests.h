/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A table from digests to numbers. {0} is empty. */
#ifndef ADVNTK_BASE_DIGESTS_H
#define ADVNTK_BASE_DIGESTS_H

#include <advntk/status.h>
#include <stddef.h>
#include <stdint.h>

struct advntk__digests {
    struct advntk__digest_entry *entries; /* open addressing; room is 0 or a power of two */
    size_t count, room;
};

/* The number of a digest; -1: it has none. */
ptrdiff_t advntk__digests_get(const struct advntk__digests *table, const uint8_t digest[16]);
/* Gives it one, from 0, in place of the one that it had. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__digests_set(struct advntk__digests *table,
                                                    const uint8_t digest[16], ptrdiff_t number,
                                                    struct advntk_error *err);
void advntk__digests_release(struct advntk__digests *table);

/* both <- a digest of two, neither of which need be known to be the other's: their bits that differ
 */
void advntk__digest_pair(const uint8_t a[16], const uint8_t b[16], uint8_t both[16]);

#endif
