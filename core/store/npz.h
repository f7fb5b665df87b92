/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Archives of named arrays that numpy.load opens: a zip file with a member NAME.npy for each.
 * Written uncompressed, with fixed dates, so equal arrays give equal bytes; read with or without
 * compression. One caller at a time a writer or reader.
 */
#ifndef ADVNTK_STORE_NPZ_H
#define ADVNTK_STORE_NPZ_H

#include <advntk/npy.h>
#include <stdbool.h>

struct advntk__npz_writer;

/* *w: to be given to exactly one of finish and abandon. Fails: ENOMEM, EIO. */
ADVNTK_MUST_CHECK advntk_status advntk__npz_create(const char *path, struct advntk__npz_writer **w,
                                                   struct advntk_error *err);
/* Adds an array, copying its values. name: letters, digits, '_', '.', '-'; each once. Fails:
 * EINVALID. */
ADVNTK_MUST_CHECK advntk_status advntk__npz_add(struct advntk__npz_writer *w, const char *name,
                                                enum advntk_dtype dtype, int rank,
                                                const ptrdiff_t *shape, const void *values,
                                                struct advntk_error *err);
/* The same without a copy, for big arrays: values must stay as they are until finish or abandon. */
ADVNTK_MUST_CHECK advntk_status advntk__npz_add_borrowed(struct advntk__npz_writer *w,
                                                         const char *name, enum advntk_dtype dtype,
                                                         int rank, const ptrdiff_t *shape,
                                                         const void *values,
                                                         struct advntk_error *err);
/* Writes the file (temporary name, fsync, rename, fsync of the folder) and frees w, also on
 * failure, which leaves what was at the path before. Fails: EINVALID (no arrays), EIO, ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__npz_finish(struct advntk__npz_writer *w,
                                                   struct advntk_error *err);
void advntk__npz_abandon(struct advntk__npz_writer *w); /* NULL allowed */

struct advntk__npz_reader;

/* Reads the list of arrays and their headers. Fails: EIO, EFORMAT with file and member, ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__npz_open(const char *path, struct advntk__npz_reader **r,
                                                 struct advntk_error *err);
/* The same for `names` alone (count of them), as if the others were not there. */
ADVNTK_MUST_CHECK advntk_status advntk__npz_open_some(const char *path, ptrdiff_t count,
                                                      const char *const *names,
                                                      struct advntk__npz_reader **r,
                                                      struct advntk_error *err);
void advntk__npz_close(struct advntk__npz_reader *r); /* NULL allowed */
ptrdiff_t advntk__npz_count(const struct advntk__npz_reader *r);
const char *advntk__npz_name(const struct advntk__npz_reader *r, ptrdiff_t i); /* in file order */
/* false: no such array. Pointers may be NULL. */
bool advntk__npz_find(const struct advntk__npz_reader *r, const char *name,
                      enum advntk_dtype *dtype, int *rank, ptrdiff_t shape[8]);
/*
 * The whole array, its `count` values in C order. dtype: the stored one, or FLOAT64 (any is
 * converted), or INT64 (integers and bool are). The member's checksum is verified.
 * Fails: ENOTFOUND with the names there are, ESHAPE (another count), EFORMAT (damaged, or not
 * convertible), EIO.
 */
ADVNTK_MUST_CHECK advntk_status advntk__npz_read(struct advntk__npz_reader *r, const char *name,
                                                 enum advntk_dtype dtype, ptrdiff_t count,
                                                 void *values, struct advntk_error *err);

#endif
