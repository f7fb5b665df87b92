/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The entries of RESULTS/cache (store/tiles.h): listing, checking, keeping within a size. */
#ifndef ADVNTK_STORE_CACHE_H
#define ADVNTK_STORE_CACHE_H

#include "store/tiles.h"

#define ADVNTK__CACHE_ABOUT "about.json"
#define ADVNTK__CACHE_LOCK "lock"

struct advntk__cache_entry {
    char key[ADVNTK__CACHE_KEY];
    char kind[32], about[256]; /* "" where about.json cannot be read */
    int64_t rows, bytes;       /* bytes: on the disk */
    ptrdiff_t tiles, done;
    double used; /* last, seconds since 1970 */
};

bool advntk__cache_is_key(const char *name); /* whether an entry may be called so */

/* All entries, the least recently used first; free() the list. No such folder: none. */
ADVNTK_MUST_CHECK advntk_status advntk__cache_list(const char *folder,
                                                   struct advntk__cache_entry **entries,
                                                   ptrdiff_t *count, struct advntk_error *err);

/* One entry; tiles 0: there is none. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__cache_find(const char *folder, const uint8_t key[16],
                                                   struct advntk__cache_entry *entry,
                                                   struct advntk_error *err);
/* Seconds that its tiles take to read and check, from the first of them; 0: it cannot be read. */
double advntk__cache_read_seconds(const char *folder, const struct advntk__cache_entry *entry);

/* Reads every tile of an entry; *damaged: tiles that are not what was written. Fails: EBUSY
 * (somebody computes it), EIO, EFORMAT (no entry), ENOTFOUND (removed in the meantime). */
ADVNTK_MUST_CHECK advntk_status advntk__cache_verify(const char *folder, const char *key,
                                                     ptrdiff_t *damaged, struct advntk_error *err);

/* Removes an entry. Fails: EBUSY (somebody uses it), EIO, ENOTFOUND (it was gone). */
ADVNTK_MUST_CHECK advntk_status advntk__cache_remove(const char *folder, const char *key,
                                                     struct advntk_error *err);

/* Removes what was not used for longest until all fit into `limit` bytes; what is in use stays. */
ADVNTK_MUST_CHECK advntk_status advntk__cache_prune(const char *folder, int64_t limit,
                                                    ptrdiff_t *removed, int64_t *freed,
                                                    struct advntk_error *err);

/* The same, for `bytes` that are to be added. Fails: ELIMIT (more than the cache may hold, or the
 * disk has). */
ADVNTK_MUST_CHECK advntk_status advntk__cache_make_room(const struct advntk__cache *cache,
                                                        int64_t bytes, struct advntk_error *err);

#endif
