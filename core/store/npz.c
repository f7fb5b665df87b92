/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/files.h"
#include "base/text.h"
#include "base/try.h"
#include "store/npy_format.h"
#include "store/npz.h"

#include <advntk/host.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

/* 1 January 1980, the first day that a zip file can name, in its own encoding */
enum { FIRST_DAY = (0 << 9) | (1 << 5) | 1, MIDNIGHT = 0 };

/* libzip reads a member's bytes when the archive is closed, so what add was given is kept until
 * then. */
struct piece {
    struct piece *next;
    unsigned char header[ADVNTK__NPY_HEADER_ROOM];
    void *copy; /* NULL: borrowed */
};

struct advntk__npz_writer {
    struct advntk__replacement file;
    zip_t *zip;
    struct piece *pieces;
};

static void writer_free(struct advntk__npz_writer *w)
{
    struct piece *next;

    if (w->zip) {
        zip_discard(w->zip);
    }
    for (struct piece *p = w->pieces; p; p = next) {
        next = p->next;
        free(p->copy);
        free(p);
    }
    advntk__replacement_abandon(&w->file);
    free(w);
}

advntk_status advntk__npz_create(const char *path, struct advntk__npz_writer **writer,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__npz_writer *w = calloc(1, sizeof(*w));
    int code = 0;

    if (!w) {
        FAIL(err, ENOMEM, "%s: no memory for an archive", path);
    }
    TRY(advntk__replacement_begin(&w->file, path, err));
    w->zip = zip_open(w->file.temporary, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!w->zip) {
        zip_error_t e;
        zip_error_init_with_code(&e, code);
        rc = ADVNTK_FAIL(err, EIO, "%s: cannot write: %s", path, zip_error_strerror(&e));
        zip_error_fini(&e);
        goto out;
    }
    *writer = w;
    w = NULL;
out:
    if (w) {
        writer_free(w);
    }
    return rc;
}

static bool name_is_plain(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    return *name && strspn(name, plain) == strlen(name) && strlen(name) <= 200;
}

static advntk_status add(struct advntk__npz_writer *w, const char *name, enum advntk_dtype dtype,
                         int rank, const ptrdiff_t *shape, const void *values, bool borrow,
                         struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    zip_buffer_fragment_t parts[2] = {{0}};
    zip_source_t *source = NULL;
    struct piece *p = calloc(1, sizeof(*p));
    zip_int64_t member;
    size_t length, bytes;
    ptrdiff_t count;
    char file[256];

    if (!p) {
        FAIL(err, ENOMEM, "%s: no memory for array '%s'", w->file.path, name);
    }
    p->next = w->pieces;
    w->pieces = p;
    if (!name_is_plain(name)) {
        FAIL(err, EINVALID, "%s: '%s' is no name of an array", w->file.path, name);
    }
    TRY(advntk__npy_header(name, dtype, rank, shape, p->header, &length, err));
    if (!advntk__npy_size(dtype, rank, shape, &count, &bytes)) {
        FAIL(err, EINVALID, "%s: array '%s' has too many values", w->file.path, name);
    }
    if (!borrow && bytes > 0) {
        p->copy = malloc(bytes);
        if (!p->copy) {
            FAIL(err, ENOMEM, "%s: no memory for %zu bytes of '%s'", w->file.path, bytes, name);
        }
        memcpy(p->copy, values, bytes);
        values = p->copy;
    }
    parts[0].data = p->header;
    parts[0].length = length;
    /* libzip's members are not const, yet it only reads them */
    memcpy(&parts[1].data, &values, sizeof(values));
    parts[1].length = bytes;
    source = zip_source_buffer_fragment(w->zip, parts, bytes > 0 ? 2 : 1, 0);
    snprintf(file, sizeof(file), "%s.npy", name);
    member = source ? zip_file_add(w->zip, file, source, ZIP_FL_ENC_UTF_8) : -1;
    if (member < 0) {
        bool twice = source && zip_name_locate(w->zip, file, 0) >= 0;
        zip_source_free(source);
        if (twice) {
            FAIL(err, EINVALID, "%s: array '%s' is added twice", w->file.path, name);
        }
        FAIL(err, ENOMEM, "%s: cannot add array '%s': %s", w->file.path, name,
             zip_strerror(w->zip));
    }
    if (zip_set_file_compression(w->zip, (zip_uint64_t)member, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(w->zip, (zip_uint64_t)member, MIDNIGHT, FIRST_DAY, 0) != 0) {
        FAIL(err, EINTERNAL, "%s: cannot add array '%s': %s", w->file.path, name,
             zip_strerror(w->zip));
    }
out:
    return rc;
}

advntk_status advntk__npz_add(struct advntk__npz_writer *w, const char *name,
                              enum advntk_dtype dtype, int rank, const ptrdiff_t *shape,
                              const void *values, struct advntk_error *err)
{
    return add(w, name, dtype, rank, shape, values, false, err);
}

advntk_status advntk__npz_add_borrowed(struct advntk__npz_writer *w, const char *name,
                                       enum advntk_dtype dtype, int rank, const ptrdiff_t *shape,
                                       const void *values, struct advntk_error *err)
{
    return add(w, name, dtype, rank, shape, values, true, err);
}

advntk_status advntk__npz_finish(struct advntk__npz_writer *w, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    int fd = -1;

    if (zip_get_num_entries(w->zip, 0) == 0) {
        FAIL(err, EINVALID, "%s: an archive needs at least one array", w->file.path);
    }
    if (zip_close(w->zip) != 0) {
        FAIL(err, EIO, "%s: cannot write: %s", w->file.path, zip_strerror(w->zip));
    }
    w->zip = NULL;
    /* libzip put a new file in place of the temporary one, so that one is flushed here */
    fd = open(w->file.temporary, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        FAIL(err, EIO, "%s: cannot write: %s", w->file.path, strerror(errno));
    }
    TRY(advntk__replacement_commit(&w->file, err));
out:
    if (fd >= 0) {
        close(fd);
    }
    writer_free(w);
    return rc;
}

void advntk__npz_abandon(struct advntk__npz_writer *w)
{
    if (w) {
        writer_free(w);
    }
}

struct member {
    char *name; /* without .npy */
    zip_uint64_t index;
    struct advntk_npy npy;
};

struct advntk__npz_reader {
    char *path;
    zip_t *zip;
    ptrdiff_t count;
    struct member *members;
    void *bytes; /* of a small file; NULL: libzip reads it */
    size_t count_bytes;
};

/* "results.npz: array 'x'" */
static void member_place(const struct advntk__npz_reader *r, const char *name, char place[256])
{
    snprintf(place, 256, "%.180s: array '%.60s'", r->path, name);
}

/* Reads exactly `bytes` of an open member; damage that libzip finds is told as such. */
static advntk_status member_bytes(zip_file_t *f, const char *place, void *buffer, size_t bytes,
                                  struct advntk_error *err)
{
    unsigned char *p = buffer;

    while (bytes > 0) {
        zip_int64_t got = zip_fread(f, p, bytes);
        if (got <= 0) {
            return ADVNTK_FAIL(err, EFORMAT, "%s is damaged: %s", place,
                               got < 0 ? zip_file_strerror(f) : "it ends too early");
        }
        p += got;
        bytes -= (size_t)got;
    }
    return ADVNTK_OK;
}

static advntk_status read_member_header(struct advntk__npz_reader *r, struct member *m,
                                        uint64_t size, unsigned char *head,
                                        struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    size_t have = size < ADVNTK__NPY_HEADER_MAX ? (size_t)size : ADVNTK__NPY_HEADER_MAX;
    zip_file_t *f = zip_fopen_index(r->zip, m->index, 0);
    char place[256];

    member_place(r, m->name, place);
    if (!f) {
        FAIL(err, EFORMAT, "%s cannot be opened: %s", place, zip_strerror(r->zip));
    }
    TRY(member_bytes(f, place, head, have, err));
    TRY(advntk__npy_parse(place, head, have, size, &m->npy, err));
out:
    if (f) {
        zip_fclose(f);
    }
    return rc;
}

/* names NULL: any */
static bool is_wanted(const char *name, ptrdiff_t count, const char *const *names)
{
    bool wanted = !names;

    for (ptrdiff_t i = 0; names && i < count; i++) {
        wanted = wanted || strcmp(name, names[i]) == 0;
    }
    return wanted;
}

static advntk_status list_members(struct advntk__npz_reader *r, ptrdiff_t count,
                                  const char *const *names, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    zip_int64_t entries = zip_get_num_entries(r->zip, 0);
    unsigned char *head = malloc(ADVNTK__NPY_HEADER_MAX);

    r->members = calloc((size_t)entries + 1, sizeof(*r->members));
    if (!r->members || !head) {
        FAIL(err, ENOMEM, "%s: no memory for its list of %jd arrays", r->path, (intmax_t)entries);
    }
    for (zip_int64_t i = 0; i < entries; i++) {
        struct member *m = &r->members[r->count];
        zip_stat_t st;
        size_t length;
        if (zip_stat_index(r->zip, (zip_uint64_t)i, 0, &st) != 0 || !(st.valid & ZIP_STAT_NAME) ||
            !(st.valid & ZIP_STAT_SIZE)) {
            FAIL(err, EFORMAT, "%s: its list of arrays is damaged", r->path);
        }
        length = strlen(st.name);
        if (length <= 4 || strcmp(st.name + length - 4, ".npy") != 0) {
            continue; /* not an array: none of our business */
        }
        m->name = strndup(st.name, length - 4);
        m->index = (zip_uint64_t)i;
        if (!m->name) {
            FAIL(err, ENOMEM, "%s: no memory for a name", r->path);
        }
        if (!is_wanted(m->name, count, names)) {
            free(m->name);
            *m = (struct member){0};
            continue;
        }
        r->count++;
        TRY(read_member_header(r, m, st.size, head, err));
    }
out:
    free(head);
    return rc;
}

/* Of a small file all bytes at once: libzip reads in pieces, with a seek before each. */
static advntk_status take_small(struct advntk__npz_reader *r, struct advntk_error *err)
{
    enum { SMALL = 1 << 18 };
    int fd = open(r->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    advntk_status rc = ADVNTK_OK;

    if (fd < 0 || fstat(fd, &st) != 0) {
        FAIL(err, EIO, "%s: %s", r->path, strerror(errno));
    }
    if (S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= SMALL) {
        r->bytes = malloc((size_t)st.st_size);
        if (!r->bytes) {
            FAIL(err, ENOMEM, "%s: no memory to open it", r->path);
        }
        r->count_bytes = (size_t)st.st_size;
        TRY(advntk_read_exactly(fd, r->path, r->bytes, r->count_bytes, 0, err));
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

static zip_t *open_archive(const struct advntk__npz_reader *r, zip_error_t *e)
{
    zip_source_t *source = r->bytes ? zip_source_buffer_create(r->bytes, r->count_bytes, 0, e)
                                    : zip_source_file_create(r->path, 0, -1, e);
    zip_t *zip = source ? zip_open_from_source(source, ZIP_RDONLY, e) : NULL;

    if (source && !zip) {
        zip_source_free(source);
    }
    return zip;
}

advntk_status advntk__npz_open_some(const char *path, ptrdiff_t count, const char *const *names,
                                    struct advntk__npz_reader **reader, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__npz_reader *r = calloc(1, sizeof(*r));
    zip_error_t e;
    int code;

    zip_error_init(&e);
    if (!r || !(r->path = strdup(path))) {
        FAIL(err, ENOMEM, "%s: no memory to open it", path);
    }
    TRY(take_small(r, err));
    r->zip = open_archive(r, &e);
    if (!r->zip) {
        code = zip_error_code_zip(&e);
        rc = code == ZIP_ER_NOENT || code == ZIP_ER_OPEN || code == ZIP_ER_READ
                 ? ADVNTK_FAIL(err, EIO, "%s: %s", path, zip_error_strerror(&e))
                 : ADVNTK_FAIL(err, EFORMAT, "%s: is no .npz archive, or is damaged: %s", path,
                               zip_error_strerror(&e));
        goto out;
    }
    TRY(list_members(r, count, names, err));
    *reader = r;
    r = NULL;
out:
    zip_error_fini(&e);
    advntk__npz_close(r);
    return rc;
}

advntk_status advntk__npz_open(const char *path, struct advntk__npz_reader **reader,
                               struct advntk_error *err)
{
    return advntk__npz_open_some(path, 0, NULL, reader, err);
}

void advntk__npz_close(struct advntk__npz_reader *r)
{
    if (!r) {
        return;
    }
    for (ptrdiff_t i = 0; i < r->count; i++) {
        free(r->members[i].name);
    }
    free(r->members);
    if (r->zip) {
        zip_discard(r->zip);
    }
    free(r->bytes);
    free(r->path);
    free(r);
}

ptrdiff_t advntk__npz_count(const struct advntk__npz_reader *r)
{
    return r->count;
}

const char *advntk__npz_name(const struct advntk__npz_reader *r, ptrdiff_t i)
{
    return i >= 0 && i < r->count ? r->members[i].name : NULL;
}

static const struct member *find(const struct advntk__npz_reader *r, const char *name)
{
    for (ptrdiff_t i = 0; i < r->count; i++) {
        if (strcmp(r->members[i].name, name) == 0) {
            return &r->members[i];
        }
    }
    return NULL;
}

bool advntk__npz_find(const struct advntk__npz_reader *r, const char *name,
                      enum advntk_dtype *dtype, int *rank, ptrdiff_t shape[8])
{
    const struct member *m = find(r, name);

    if (m && dtype) {
        *dtype = m->npy.dtype;
    }
    if (m && rank) {
        *rank = m->npy.rank;
    }
    if (m && shape) {
        memcpy(shape, m->npy.shape, sizeof(m->npy.shape));
    }
    return m != NULL;
}

static advntk_status missing(const struct advntk__npz_reader *r, const char *name,
                             struct advntk_error *err)
{
    struct advntk__text names = {0};
    advntk_status rc;

    for (ptrdiff_t i = 0; i < r->count; i++) {
        advntk__text_printf(&names, "%s%s", i ? ", " : "", r->members[i].name);
    }
    rc = ADVNTK_FAIL(err, ENOTFOUND, "%s: has no array '%s', it has %.200s", r->path, name,
                     r->count ? advntk__text_get(&names) : "none");
    advntk__text_release(&names);
    return rc;
}

/* Reads and converts piece by piece; libzip compares the checksum when it meets the end. */
static advntk_status read_values(zip_file_t *f, const char *place, const struct advntk_npy *npy,
                                 enum advntk_dtype dtype, ptrdiff_t count, void *values,
                                 struct advntk_error *err)
{
    enum { PIECE = 4096 };
    advntk_status rc = ADVNTK_OK;
    size_t size = advntk_dtype_bytes(npy->dtype);
    unsigned char piece[PIECE * 8];
    ptrdiff_t at;

    if (dtype == npy->dtype) {
        TRY(member_bytes(f, place, values, (size_t)count * size, err));
    }
    for (ptrdiff_t done = 0; dtype != npy->dtype && done < count;) {
        ptrdiff_t n = count - done < PIECE ? count - done : PIECE;
        TRY(member_bytes(f, place, piece, (size_t)n * size, err));
        if (dtype == ADVNTK_FLOAT64) {
            advntk__npy_to_reals(npy->dtype, piece, n, (double *)values + done);
        } else if (!advntk__npy_to_ints(npy->dtype, piece, n, (int64_t *)values + done, &at)) {
            FAIL(err, EFORMAT, "%s: value %td is above the largest 64-bit integer", place,
                 done + at);
        }
        done += n;
    }
    if (zip_fread(f, piece, 1) != 0) {
        FAIL(err, EFORMAT, "%s is damaged: %s", place, zip_file_strerror(f));
    }
out:
    return rc;
}

advntk_status advntk__npz_read(struct advntk__npz_reader *r, const char *name,
                               enum advntk_dtype dtype, ptrdiff_t count, void *values,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct member *m = find(r, name);
    unsigned char *head = NULL;
    zip_file_t *f = NULL;
    ptrdiff_t have;
    size_t bytes;
    char place[256];
    bool real;

    if (!m) {
        rc = missing(r, name, err);
        goto out;
    }
    member_place(r, name, place);
    if (!advntk__npy_size(m->npy.dtype, m->npy.rank, m->npy.shape, &have, &bytes) ||
        have != count) {
        FAIL(err, ESHAPE, "%s has %td values, expected %td", place, have, count);
    }
    real = m->npy.dtype == ADVNTK_FLOAT32 || m->npy.dtype == ADVNTK_FLOAT64;
    if (dtype != m->npy.dtype && dtype != ADVNTK_FLOAT64 && (real || dtype != ADVNTK_INT64)) {
        FAIL(err, EFORMAT, "%s holds %s values, expected %s", place,
             advntk__dtype_name(m->npy.dtype),
             advntk__dtype_name(dtype) ? advntk__dtype_name(dtype) : "an array type");
    }
    f = zip_fopen_index(r->zip, m->index, 0);
    if (!f) {
        FAIL(err, EFORMAT, "%s cannot be opened: %s", place, zip_strerror(r->zip));
    }
    head = malloc((size_t)m->npy.data_offset);
    if (!head) {
        FAIL(err, ENOMEM, "%s: no memory for its header", place);
    }
    TRY(member_bytes(f, place, head, (size_t)m->npy.data_offset, err));
    TRY(read_values(f, place, &m->npy, dtype, count, values, err));
out:
    if (f) {
        zip_fclose(f);
    }
    free(head);
    return rc;
}
