/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arrays in NumPy's .npy format (version 1.0 and 2.0, C order, little-endian). */
#ifndef ADVNTK_NPY_H
#define ADVNTK_NPY_H

#include <advntk/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum advntk_dtype {
    ADVNTK_FLOAT32 = 1, ADVNTK_FLOAT64, ADVNTK_UINT8, ADVNTK_INT8, ADVNTK_INT16, ADVNTK_UINT16,
    ADVNTK_INT32, ADVNTK_UINT32, ADVNTK_INT64, ADVNTK_UINT64, ADVNTK_BOOL8
};

size_t advntk_dtype_bytes(enum advntk_dtype dtype);

/* An array on disk, opened for reading piece by piece (pread; any thread). */
struct advntk_npy {
    enum advntk_dtype dtype;
    int rank;                /* 0..8 */
    ptrdiff_t shape[8];
    int64_t data_offset;     /* of the first value, in bytes */
    int descriptor;          /* the open file; owned */
};

/* Fails: EIO, EFORMAT (not .npy, Fortran order, big-endian, objects, a file shorter than its header says), each naming the file. */
ADVNTK_MUST_CHECK advntk_status advntk_npy_open(struct advntk_npy *npy, const char *path, struct advntk_error *err);
/* The same for the array `name` of an .npz archive, where it lies there without compression, as numpy.savez
 * and this program write it. Fails too: ENOTFOUND (no such array), EFORMAT (compressed; no archive). */
ADVNTK_MUST_CHECK advntk_status advntk_npy_open_member(struct advntk_npy *npy, const char *path, const char *name, struct advntk_error *err);
void advntk_npy_close(struct advntk_npy *npy);
/* values [first, first+count) of the flat array, converted to float64 (or int64: integer dtypes only). */
ADVNTK_MUST_CHECK advntk_status advntk_npy_read_reals(const struct advntk_npy *npy, ptrdiff_t first, ptrdiff_t count, double *values, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk_npy_read_ints(const struct advntk_npy *npy, ptrdiff_t first, ptrdiff_t count, int64_t *values, struct advntk_error *err);
/* Writes a whole array: to a temporary name, fsync, rename. */
ADVNTK_MUST_CHECK advntk_status advntk_npy_write(const char *path, enum advntk_dtype dtype, int rank, const ptrdiff_t *shape, const void *values, struct advntk_error *err);

#ifdef __cplusplus
}
#endif
#endif
