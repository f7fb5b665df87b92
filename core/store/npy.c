/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/files.h"
#include "base/try.h"
#include "store/npy_file.h"
#include "store/npy_format.h"

#include <advntk/host.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

advntk_status advntk_npy_open(struct advntk_npy *npy, const char *path, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    unsigned char *head = NULL;
    struct stat st;
    size_t have;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *npy = (struct advntk_npy){.descriptor = -1};
    if (fd < 0 || fstat(fd, &st) != 0) {
        FAIL(err, EIO, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        FAIL(err, EIO, "%s: is not a file", path);
    }
    have = st.st_size < ADVNTK__NPY_HEADER_MAX ? (size_t)st.st_size : ADVNTK__NPY_HEADER_MAX;
    head = malloc(have + 1);
    if (!head) {
        FAIL(err, ENOMEM, "%s: no memory for its header", path);
    }
    TRY(advntk_read_exactly(fd, path, head, have, 0, err));
    TRY(advntk__npy_parse(path, head, have, (uint64_t)st.st_size, npy, err));
    npy->descriptor = fd;
    fd = -1;
out:
    if (fd >= 0) {
        close(fd);
    }
    free(head);
    return rc;
}

void advntk_npy_close(struct advntk_npy *npy)
{
    if (npy->descriptor >= 0) {
        close(npy->descriptor);
    }
    npy->descriptor = -1;
}

/* One piece of values is read at a time, so that the conversion stays in the cache. */
enum { PIECE = 4096 };

static advntk_status check_range(const struct advntk_npy *npy, ptrdiff_t first, ptrdiff_t count,
                                 struct advntk_error *err)
{
    ptrdiff_t have;
    size_t bytes;

    if (npy->descriptor < 0 ||
        !advntk__npy_size(npy->dtype, npy->rank, npy->shape, &have, &bytes)) {
        return ADVNTK_FAIL(err, EINVALID, "the array is not open");
    }
    if (first < 0 || count < 0 || first > have || count > have - first) {
        return ADVNTK_FAIL(err, EINVALID, "%td values from %td on asked of an array of %td", count,
                           first, have);
    }
    return ADVNTK_OK;
}

advntk_status advntk_npy_read_reals(const struct advntk_npy *npy, ptrdiff_t first, ptrdiff_t count,
                                    double *values, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    size_t size = advntk_dtype_bytes(npy->dtype);
    unsigned char piece[PIECE * 8];

    TRY(check_range(npy, first, count, err));
    for (ptrdiff_t done = 0; done < count;) {
        ptrdiff_t n = count - done < PIECE ? count - done : PIECE;
        int64_t offset = npy->data_offset + (int64_t)(first + done) * (int64_t)size;
        TRY(advntk_read_exactly(npy->descriptor, "the array", piece, (size_t)n * size, offset,
                                err));
        advntk__npy_to_reals(npy->dtype, piece, n, values + done);
        done += n;
    }
out:
    return rc;
}

advntk_status advntk_npy_read_ints(const struct advntk_npy *npy, ptrdiff_t first, ptrdiff_t count,
                                   int64_t *values, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    size_t size = advntk_dtype_bytes(npy->dtype);
    unsigned char piece[PIECE * 8];
    ptrdiff_t at;

    TRY(check_range(npy, first, count, err));
    if (npy->dtype == ADVNTK_FLOAT32 || npy->dtype == ADVNTK_FLOAT64) {
        FAIL(err, EFORMAT, "%s values, expected integers", advntk__dtype_name(npy->dtype));
    }
    for (ptrdiff_t done = 0; done < count;) {
        ptrdiff_t n = count - done < PIECE ? count - done : PIECE;
        int64_t offset = npy->data_offset + (int64_t)(first + done) * (int64_t)size;
        TRY(advntk_read_exactly(npy->descriptor, "the array", piece, (size_t)n * size, offset,
                                err));
        if (!advntk__npy_to_ints(npy->dtype, piece, n, values + done, &at)) {
            FAIL(err, EFORMAT, "value %td is above the largest 64-bit integer", first + done + at);
        }
        done += n;
    }
out:
    return rc;
}

advntk_status advntk__npy_file_begin(struct advntk__npy_file *file, const char *path,
                                     const char *temporary, enum advntk_dtype dtype, int rank,
                                     const ptrdiff_t *shape, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    unsigned char header[ADVNTK__NPY_HEADER_ROOM];
    size_t length, bytes;
    ptrdiff_t count;
    int code;

    *file = (struct advntk__npy_file){0};
    TRY(advntk__npy_header(path, dtype, rank, shape, header, &length, err));
    if (!advntk__npy_size(dtype, rank, shape, &count, &bytes)) {
        FAIL(err, EINVALID, "%s: too many values", path);
    }
    TRY(advntk__replacement_begin_as(&file->replacement, path, temporary, err));
    if (fwrite(header, 1, length, file->replacement.file) != length ||
        fflush(file->replacement.file) != 0) {
        FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
    /* so that a full disk shows now, not after hours */
    code = bytes == 0 ? 0
                      : posix_fallocate(fileno(file->replacement.file), 0, (off_t)(length + bytes));
    if (code != 0) {
        FAIL(err, EIO, "%s: no room for %zu bytes: %s", path, length + bytes, strerror(code));
    }
    file->data_offset = (int64_t)length;
    file->size = advntk_dtype_bytes(dtype);
out:
    if (rc != ADVNTK_OK) {
        advntk__npy_file_abandon(file);
    }
    return rc;
}

advntk_status advntk__npy_file_put(const struct advntk__npy_file *file, ptrdiff_t first,
                                   ptrdiff_t count, const void *values, struct advntk_error *err)
{
    int code = advntk__write_at(fileno(file->replacement.file), values, (size_t)count * file->size,
                                file->data_offset + (int64_t)first * (int64_t)file->size);

    return code == 0 ? ADVNTK_OK
                     : ADVNTK_FAIL(err, EIO, "%s: cannot write: %s", file->replacement.path,
                                   strerror(code));
}

advntk_status advntk__npy_file_commit(struct advntk__npy_file *file, struct advntk_error *err)
{
    return advntk__replacement_commit(&file->replacement, err);
}

void advntk__npy_file_abandon(struct advntk__npy_file *file)
{
    advntk__replacement_abandon(&file->replacement);
}

advntk_status advntk_npy_write(const char *path, enum advntk_dtype dtype, int rank,
                               const ptrdiff_t *shape, const void *values, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__npy_file file;
    ptrdiff_t count = 1;

    TRY(advntk__npy_file_begin(&file, path, NULL, dtype, rank, shape, err));
    for (int axis = 0; axis < rank; axis++) {
        count *= shape[axis];
    }
    rc = advntk__npy_file_put(&file, 0, count, values, err);
    if (rc == ADVNTK_OK) {
        rc = advntk__npy_file_commit(&file, err);
    }
    advntk__npy_file_abandon(&file);
out:
    return rc;
}
