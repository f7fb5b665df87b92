/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The .npy format itself, for files and for members of .npz archives: header text, sizes, and the
 * conversion of stored values. Source: NumPy Enhancement Proposal 1, format versions 1.0 to 3.0.
 */
#ifndef ADVNTK_STORE_NPY_FORMAT_H
#define ADVNTK_STORE_NPY_FORMAT_H

#include <advntk/npy.h>
#include <stdbool.h>
#include <stdint.h>

/* The largest header that is read: a description with fields is longer, and refused anyway. */
enum { ADVNTK__NPY_PREAMBLE = 12, ADVNTK__NPY_HEADER_MAX = 65536 };

/*
 * Reads the header at the start of `bytes` (the first `have` bytes of an array file whose whole
 * size is `total`); `place` names the file in messages. Fills everything of *npy but the
 * descriptor. `have` is min(total, ADVNTK__NPY_HEADER_MAX). Fails: EFORMAT as in advntk/npy.h, and
 * when total is not exactly what header and shape ask for.
 */
ADVNTK_MUST_CHECK advntk_status advntk__npy_parse(const char *place, const unsigned char *bytes,
                                                  size_t have, uint64_t total,
                                                  struct advntk_npy *npy, struct advntk_error *err);

/* A header of version 1.0, a multiple of 64 bytes long. Fails: EINVALID (rank, a negative length,
 * or sizes whose product overflows). */
enum { ADVNTK__NPY_HEADER_ROOM = 384 };
ADVNTK_MUST_CHECK advntk_status advntk__npy_header(const char *place, enum advntk_dtype dtype,
                                                   int rank, const ptrdiff_t *shape,
                                                   unsigned char header[ADVNTK__NPY_HEADER_ROOM],
                                                   size_t *length, struct advntk_error *err);

/* Number of values and of their bytes; false when they overflow or a length is negative. */
bool advntk__npy_size(enum advntk_dtype dtype, int rank, const ptrdiff_t *shape, ptrdiff_t *count,
                      size_t *bytes);

const char *advntk__dtype_name(enum advntk_dtype dtype); /* "float64"; NULL: no such type */

/* count stored values to float64, or to int64: false at a float type or (*at) a value above
 * INT64_MAX. */
void advntk__npy_to_reals(enum advntk_dtype dtype, const void *stored, ptrdiff_t count,
                          double *values);
bool advntk__npy_to_ints(enum advntk_dtype dtype, const void *stored, ptrdiff_t count,
                         int64_t *values, ptrdiff_t *at);

#endif
