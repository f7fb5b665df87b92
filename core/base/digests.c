/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/digests.h"

#include "base/try.h"

#include <stdlib.h>
#include <string.h>

struct advntk__digest_entry {
    uint8_t digest[16];
    ptrdiff_t number; /* plus 1; 0: nothing is here */
};

/* Where a digest is, or would be put; the table has room. */
static struct advntk__digest_entry *place_of(const struct advntk__digests *table,
                                             const uint8_t digest[16])
{
    size_t at;

    memcpy(&at, digest, sizeof(at)); /* digests are random bits already */
    for (at &= table->room - 1; table->entries[at].number; at = (at + 1) & (table->room - 1)) {
        if (memcmp(table->entries[at].digest, digest, 16) == 0) {
            break;
        }
    }
    return &table->entries[at];
}

ptrdiff_t advntk__digests_get(const struct advntk__digests *table, const uint8_t digest[16])
{
    return table->room ? place_of(table, digest)->number - 1 : -1;
}

static advntk_status grow(struct advntk__digests *table, struct advntk_error *err)
{
    struct advntk__digests larger = {.count = table->count,
                                     .room = table->room ? 2 * table->room : 64};

    larger.entries = calloc(larger.room, sizeof(*larger.entries));
    if (!larger.entries) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for %zu digests", larger.room);
    }
    for (size_t i = 0; i < table->room; i++) {
        if (table->entries[i].number) {
            *place_of(&larger, table->entries[i].digest) = table->entries[i];
        }
    }
    free(table->entries);
    *table = larger;
    return ADVNTK_OK;
}

advntk_status advntk__digests_set(struct advntk__digests *table, const uint8_t digest[16],
                                  ptrdiff_t number, struct advntk_error *err)
{
    struct advntk__digest_entry *entry;
    advntk_status rc = ADVNTK_OK;

    if (2 * table->count >= table->room) {
        TRY(grow(table, err));
    }
    entry = place_of(table, digest);
    table->count += entry->number == 0;
    memcpy(entry->digest, digest, sizeof(entry->digest));
    entry->number = number + 1;
out:
    return rc;
}

void advntk__digests_release(struct advntk__digests *table)
{
    free(table->entries);
    *table = (struct advntk__digests){0};
}

void advntk__digest_pair(const uint8_t a[16], const uint8_t b[16], uint8_t both[16])
{
    for (int i = 0; i < 16; i++) {
        both[i] = a[i] ^ b[i];
    }
}
