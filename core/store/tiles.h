/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cache of kernel matrices and their factors: RESULTS/cache/<key>/. A tile is written when it
 * is done, then a record of its checksum is appended to the index, so that a killed computation
 * goes on where it was. Nothing is flushed to the disk: what a crash of the machine tore has
 * another checksum and is computed again. Entries are for this machine and build; runs never need
 * them.
 *
 *     about.json  what it is: kind, rows, tiles, bytes a tile, and what the key was made of
 *     tiles       tile t at t x bytes
 *     index       records of 32 bytes: tile (8, little-endian), XXH3-128 of it, XXH3 of these 24
 *     lock        exclusive while tiles are missing, shared while they are read
 */
#ifndef ADVNTK_STORE_TILES_H
#define ADVNTK_STORE_TILES_H

#include <advntk/host.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct advntk__tiles;

/* The folder; borrowed by all who use it. */
struct advntk__cache {
    char *folder;  /* RESULTS/cache */
    int64_t limit; /* bytes of all entries */
};
enum { ADVNTK__CACHE_KEY = 33 };    /* 32 hexadecimal digits and NUL */
enum { ADVNTK__TILES_RECORD = 32 }; /* bytes, of the index */

struct advntk__tiles_setup {
    const uint8_t *key; /* 16 bytes: everything that the content depends on */
    const char *kind;   /* "kernel matrix" */
    const char *about;  /* for people; NULL: nothing */
    int64_t rows;       /* of the matrix */
    ptrdiff_t count;    /* of tiles */
    size_t bytes;       /* of a tile */
    int notes;          /* numbers kept beside them */
};

/*
 * The entry of a key, made if it is not there; waits while another process computes it. *tiles
 * NULL: it cannot be kept (limit, disk full, folder read-only: said in the log), and everything
 * works without. Fails: ECANCELLED, ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__tiles_open(struct advntk_host *host,
                                                   const struct advntk__cache *cache,
                                                   const struct advntk__tiles_setup *setup,
                                                   struct advntk__tiles **tiles,
                                                   struct advntk_error *err);
void advntk__tiles_close(struct advntk__tiles *tiles); /* NULL: nothing */

/* Both may be called by several threads at once, for different tiles. */
/* false: it is not there, or damaged (said in the log), and is to be computed. */
bool advntk__tiles_get(struct advntk__tiles *tiles, ptrdiff_t tile, void *memory);
/* Whether it is there, whole or damaged. */
bool advntk__tiles_has(const struct advntk__tiles *tiles, ptrdiff_t tile);
/* What cannot be written is said once; nothing more is tried then. */
void advntk__tiles_put(struct advntk__tiles *tiles, ptrdiff_t tile, const void *memory);

bool advntk__tiles_note_get(const struct advntk__tiles *tiles, int note, double *value);
void advntk__tiles_note_put(struct advntk__tiles *tiles, int note, double value);

/* Reads all tiles that an entry has; *damaged: those that are not what was written, or whose record
 * is torn. For who holds the entry's lock. */
ADVNTK_MUST_CHECK advntk_status advntk__tiles_verify(const char *folder, const char *key,
                                                     ptrdiff_t count, size_t bytes, int notes,
                                                     ptrdiff_t *damaged, struct advntk_error *err);

bool advntk__tiles_complete(const struct advntk__tiles *tiles); /* tiles and notes */
/* Complete, and nothing more will be put: other processes may read it now. */
void advntk__tiles_share(struct advntk__tiles *tiles);

#endif
