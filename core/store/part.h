/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An array that takes long to compute, on its way to a file. What is done of it lives in a folder
 * beside the file, from where who was killed goes on:
 *
 *     FILE.part/lock            of the process that computes it
 *               unfinished.npy  what will be FILE
 *               <key>/          its pieces (store/tiles.h)
 *
 * The folder goes when the work is done. One that holds anything else is not touched.
 */
#ifndef ADVNTK_STORE_PART_H
#define ADVNTK_STORE_PART_H

#include "base/text.h"
#include "store/npy_file.h"
#include "store/tiles.h"

struct advntk__part {
    struct advntk_host *host; /* borrowed */
    char *path, *folder;      /* FILE, FILE.part */
    int lock;
    struct advntk__npy_file file;
    struct advntk__tiles *tiles; /* NULL: pieces are not kept */
};

struct advntk__part_setup {
    const char *path;
    enum advntk_dtype dtype;
    int rank;
    const ptrdiff_t *shape;
    struct advntk__tiles_setup
        pieces; /* count <= 1: none are kept, there is nothing to go on with */
};

/*
 * The file begun, with what is there of its pieces (said); pieces of another key are removed
 * (said). Where pieces cannot be kept (said), all works without. Close it in any case. Fails:
 * EBUSY (another process computes the file), EIO (no room for the file, FILE.part is none of ours).
 */
ADVNTK_MUST_CHECK advntk_status advntk__part_open(struct advntk__part *part,
                                                  struct advntk_host *host,
                                                  const struct advntk__part_setup *setup,
                                                  struct advntk_error *err);
/* Fails if the folder was taken away: nothing that is put would come to the file. Cheap. */
ADVNTK_MUST_CHECK advntk_status advntk__part_check(const struct advntk__part *part,
                                                   struct advntk_error *err);
/* All values are put: the file gets its name; its pieces stay. Fails: EIO. */
ADVNTK_MUST_CHECK advntk_status advntk__part_commit(struct advntk__part *part,
                                                    struct advntk_error *err);
/*
 * In any case; on {0}: nothing. keep: pieces stay, if there are any, and *kept (NULL: nowhere)
 * grows by a phrase that says how many are where; otherwise the folder goes.
 */
void advntk__part_close(struct advntk__part *part, bool keep, struct advntk__text *kept);

#endif
