/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An .npy file written piece by piece, in any order and by any thread: for arrays larger than the
 * memory. It has its name when all is written and committed. */
#ifndef ADVNTK_STORE_NPY_FILE_H
#define ADVNTK_STORE_NPY_FILE_H

#include "base/files.h"

#include <advntk/npy.h>

struct advntk__npy_file {
    struct advntk__replacement replacement;
    int64_t data_offset;
    size_t size; /* of a value */
};

/* The header, and room on the disk for all values. temporary: its name until it is committed; NULL:
 * one beside it. Fails: EIO (no room: the bytes), EINVALID. */
ADVNTK_MUST_CHECK advntk_status advntk__npy_file_begin(struct advntk__npy_file *file,
                                                       const char *path, const char *temporary,
                                                       enum advntk_dtype dtype, int rank,
                                                       const ptrdiff_t *shape,
                                                       struct advntk_error *err);
/* Values [first, first+count) of the flat array, as they are in memory. */
ADVNTK_MUST_CHECK advntk_status advntk__npy_file_put(const struct advntk__npy_file *file,
                                                     ptrdiff_t first, ptrdiff_t count,
                                                     const void *values, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__npy_file_commit(struct advntk__npy_file *file,
                                                        struct advntk_error *err);
void advntk__npy_file_abandon(struct advntk__npy_file *file); /* after commit: nothing */

#endif
