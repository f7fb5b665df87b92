/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/try.h"
#include "store/npy_format.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* configure refuses big-endian machines: values are stored as they lie in memory */
static const struct {
    const char *name, *descr;
    size_t bytes;
} dtypes[] = {
    [ADVNTK_FLOAT32] = {"float32", "<f4", 4}, [ADVNTK_FLOAT64] = {"float64", "<f8", 8},
    [ADVNTK_UINT8] = {"uint8", "|u1", 1},     [ADVNTK_INT8] = {"int8", "|i1", 1},
    [ADVNTK_INT16] = {"int16", "<i2", 2},     [ADVNTK_UINT16] = {"uint16", "<u2", 2},
    [ADVNTK_INT32] = {"int32", "<i4", 4},     [ADVNTK_UINT32] = {"uint32", "<u4", 4},
    [ADVNTK_INT64] = {"int64", "<i8", 8},     [ADVNTK_UINT64] = {"uint64", "<u8", 8},
    [ADVNTK_BOOL8] = {"bool", "|b1", 1},
};
enum { DTYPES = sizeof(dtypes) / sizeof(dtypes[0]), MAX_RANK = 8 };

static bool dtype_known(enum advntk_dtype dtype)
{
    return (int)dtype > 0 && (int)dtype < DTYPES;
}

size_t advntk_dtype_bytes(enum advntk_dtype dtype)
{
    return dtype_known(dtype) ? dtypes[dtype].bytes : 0;
}

const char *advntk__dtype_name(enum advntk_dtype dtype)
{
    return dtype_known(dtype) ? dtypes[dtype].name : NULL;
}

bool advntk__npy_size(enum advntk_dtype dtype, int rank, const ptrdiff_t *shape, ptrdiff_t *count,
                      size_t *bytes)
{
    size_t size = advntk_dtype_bytes(dtype), n = 1;
    bool empty = false;

    if (size == 0 || rank < 0 || rank > MAX_RANK) {
        return false;
    }
    for (int i = 0; i < rank; i++) {
        if (shape[i] < 0) {
            return false;
        }
        empty = empty || shape[i] == 0;
    }
    for (int i = 0; i < rank && !empty; i++) {
        if (n > (size_t)PTRDIFF_MAX / size / (size_t)shape[i]) {
            return false;
        }
        n *= (size_t)shape[i];
    }
    n = empty ? 0 : n;
    *count = (ptrdiff_t)n;
    *bytes = n * size;
    return true;
}

advntk_status advntk__npy_header(const char *place, enum advntk_dtype dtype, int rank,
                                 const ptrdiff_t *shape,
                                 unsigned char header[ADVNTK__NPY_HEADER_ROOM], size_t *length,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char text[ADVNTK__NPY_HEADER_ROOM];
    ptrdiff_t count;
    size_t bytes, used, whole;

    if (!dtype_known(dtype)) {
        FAIL(err, EINVALID, "%s: %d is no type of array values", place, (int)dtype);
    }
    if (rank < 0 || rank > MAX_RANK) {
        FAIL(err, EINVALID, "%s: rank %d, expected 0 to %d", place, rank, MAX_RANK);
    }
    if (!advntk__npy_size(dtype, rank, shape, &count, &bytes)) {
        FAIL(err, EINVALID, "%s: the shape has a negative length or too many values", place);
    }
    /* the longest: 60 characters of keys and 8 lengths of 19 digits, well below the room */
    used =
        (size_t)snprintf(text, sizeof(text), "{'descr': '%s', 'fortran_order': False, 'shape': (",
                         dtypes[dtype].descr);
    for (int i = 0; i < rank; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%td,%s", shape[i],
                                 i + 1 < rank ? " " : "");
    }
    used += (size_t)snprintf(text + used, sizeof(text) - used, "), }");
    whole = (10 + used + 1 + 63) / 64 * 64;
    memset(header, ' ', whole);
    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the format has no NUL */
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (unsigned char)((whole - 10) & 0xff);
    header[9] = (unsigned char)((whole - 10) >> 8);
    memcpy(header + 10, text, used);
    header[whole - 1] = '\n';
    *length = whole;
out:
    return rc;
}

/* The header is a Python dict literal of three keys; this reads just that. */
struct cursor {
    const char *at, *end;
};

static void skip_blanks(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')) {
        c->at++;
    }
}

static bool take(struct cursor *c, const char *word)
{
    size_t n = strlen(word);
    skip_blanks(c);
    if ((size_t)(c->end - c->at) < n || memcmp(c->at, word, n) != 0) {
        return false;
    }
    c->at += n;
    return true;
}

static bool take_string(struct cursor *c, char *text, size_t room)
{
    char quote;
    size_t n = 0;

    skip_blanks(c);
    if (c->at >= c->end || (*c->at != '\'' && *c->at != '"')) {
        return false;
    }
    quote = *c->at++;
    while (c->at < c->end && *c->at != quote && *c->at != '\\' && n + 1 < room) {
        text[n++] = *c->at++;
    }
    if (c->at >= c->end || *c->at != quote) {
        return false;
    }
    c->at++;
    text[n] = '\0';
    return true;
}

/* A non-negative integer; Python 2 put an L behind. */
static bool take_length(struct cursor *c, ptrdiff_t *length)
{
    ptrdiff_t n = 0;
    const char *start;

    skip_blanks(c);
    start = c->at;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++) {
        int digit = *c->at - '0';
        if (n > (PTRDIFF_MAX - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
    }
    *length = n;
    if (c->at == start) {
        return false;
    }
    if (c->at < c->end && *c->at == 'L') {
        c->at++;
    }
    return true;
}

static bool take_shape(struct cursor *c, int *rank, ptrdiff_t *shape)
{
    bool comma = true;

    *rank = 0;
    if (!take(c, "(")) {
        return false;
    }
    while (!take(c, ")")) {
        if (!comma || *rank == MAX_RANK || !take_length(c, &shape[*rank])) {
            return false;
        }
        ++*rank;
        comma = take(c, ",");
    }
    return *rank != 1 || comma; /* (5) is a number, (5,) a shape */
}

static advntk_status find_dtype(const char *place, const char *descr, enum advntk_dtype *dtype,
                                struct advntk_error *err)
{
    if (strlen(descr) == 3) {
        for (int i = 1; i < DTYPES; i++) {
            bool order = descr[0] == '<' || descr[0] == '=' || dtypes[i].bytes == 1;
            if (order && strcmp(descr + 1, dtypes[i].descr + 1) == 0) {
                *dtype = (enum advntk_dtype)i;
                return ADVNTK_OK;
            }
        }
    }
    if (descr[0] == '>') {
        return ADVNTK_FAIL(err, EFORMAT,
                           "%s: big-endian values (%s), expected little-endian ones: save "
                           "x.astype(x.dtype.newbyteorder('<'))",
                           place, descr);
    }
    return ADVNTK_FAIL(err, EFORMAT,
                       "%s: values of type '%s', expected float32, float64, bool or an integer "
                       "type of 1 to 8 bytes",
                       place, descr);
}

enum { DESCR = 1, ORDER = 2, SHAPE = 4 };

/* The value of a known key of the header's dict. */
static advntk_status parse_value(const char *place, struct cursor *c, const char *key,
                                 unsigned which, struct advntk_npy *npy, char descr[40],
                                 bool *fortran, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    bool good;

    if (which == DESCR) {
        if (take(c, "[")) {
            FAIL(err, EFORMAT, "%s: an array of records, expected plain numbers", place);
        }
        good = take_string(c, descr, 40);
    } else if (which == ORDER) {
        *fortran = take(c, "True");
        good = *fortran || take(c, "False");
    } else {
        good = take_shape(c, &npy->rank, npy->shape);
    }
    if (!good) {
        FAIL(err, EFORMAT, "%s: its header has an unreadable '%s' (rank is at most %d)", place, key,
             MAX_RANK);
    }
out:
    return rc;
}

static advntk_status parse_dict(const char *place, struct cursor c, struct advntk_npy *npy,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char key[24], descr[40];
    unsigned seen = 0;
    bool fortran = false, comma = true;

    if (!take(&c, "{")) {
        FAIL(err, EFORMAT, "%s: its header is no dict", place);
    }
    while (!take(&c, "}")) {
        unsigned which;
        if (!comma || !take_string(&c, key, sizeof(key)) || !take(&c, ":")) {
            FAIL(err, EFORMAT, "%s: its header cannot be read", place);
        }
        which = strcmp(key, "descr") == 0           ? DESCR
                : strcmp(key, "fortran_order") == 0 ? ORDER
                : strcmp(key, "shape") == 0         ? SHAPE
                                                    : 0;
        if (which == 0 || (seen & which)) {
            FAIL(err, EFORMAT, "%s: its header has %s key '%s'", place,
                 which == 0 ? "the unknown" : "twice the", key);
        }
        seen |= which;
        TRY(parse_value(place, &c, key, which, npy, descr, &fortran, err));
        comma = take(&c, ",");
    }
    skip_blanks(&c);
    if (seen != (DESCR | ORDER | SHAPE) || c.at != c.end) {
        FAIL(err, EFORMAT, "%s: its header %s", place,
             c.at != c.end ? "goes on behind the dict" : "lacks descr, fortran_order or shape");
    }
    TRY(find_dtype(place, descr, &npy->dtype, err));
    if (fortran && npy->rank > 1) {
        FAIL(err, EFORMAT,
             "%s: stored in Fortran order, expected C order: save numpy.ascontiguousarray(x)",
             place);
    }
out:
    return rc;
}

advntk_status advntk__npy_parse(const char *place, const unsigned char *bytes, size_t have,
                                uint64_t total, struct advntk_npy *npy, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    size_t length, start, size;
    ptrdiff_t count;

    *npy = (struct advntk_npy){.descriptor = -1};
    if (have < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0) {
        FAIL(err, EFORMAT, "%s: is no .npy array", place);
    }
    if (bytes[6] < 1 || bytes[6] > 3) {
        FAIL(err, EFORMAT, "%s: .npy version %d, expected 1 to 3", place, bytes[6]);
    }
    start = bytes[6] == 1 ? 10 : ADVNTK__NPY_PREAMBLE;
    length = (size_t)bytes[8] | (size_t)bytes[9] << 8;
    if (start > 10 && have >= start) {
        length |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    }
    if (have < start || length > have - start) {
        FAIL(err, EFORMAT, "%s: its header is %s", place,
             total > have ? "longer than any of plain numbers" : "cut off");
    }
    TRY(parse_dict(
        place, (struct cursor){(const char *)bytes + start, (const char *)bytes + start + length},
        npy, err));
    if (!advntk__npy_size(npy->dtype, npy->rank, npy->shape, &count, &size)) {
        FAIL(err, EFORMAT, "%s: its header asks for more values than memory can hold", place);
    }
    npy->data_offset = (int64_t)(start + length);
    if (total - (start + length) != size) {
        FAIL(err, EFORMAT, "%s: %ju bytes of values, its header says %zu (%td of %s)%s", place,
             (uintmax_t)(total - (start + length)), size, count, dtypes[npy->dtype].name,
             total - (start + length) < size ? ": the file is cut off" : "");
    }
out:
    return rc;
}

#define CASES(X)                                                                                   \
    X(ADVNTK_UINT8, uint8_t)                                                                       \
    X(ADVNTK_INT8, int8_t)                                                                         \
    X(ADVNTK_INT16, int16_t)                                                                       \
    X(ADVNTK_UINT16, uint16_t)                                                                     \
    X(ADVNTK_INT32, int32_t)                                                                       \
    X(ADVNTK_UINT32, uint32_t)                                                                     \
    X(ADVNTK_INT64, int64_t)

/* memcpy of each value: stored need not be aligned */
#define CONVERT(id, type, to)                                                                      \
    case id:                                                                                       \
        for (ptrdiff_t i = 0; i < count; i++) {                                                    \
            type v;                                                                                \
            memcpy(&v, from + (size_t)i * sizeof(v), sizeof(v));                                   \
            values[i] = (to)v;                                                                     \
        }                                                                                          \
        break;
#define TO_REAL(id, type) CONVERT(id, type, double)
#define TO_INT(id, type) CONVERT(id, type, int64_t)

void advntk__npy_to_reals(enum advntk_dtype dtype, const void *stored, ptrdiff_t count,
                          double *values)
{
    const unsigned char *from = stored;

    switch (dtype) {
        CASES(TO_REAL)
        TO_REAL(ADVNTK_UINT64, uint64_t)
        TO_REAL(ADVNTK_FLOAT32, float)
    case ADVNTK_FLOAT64:
        memmove(values, stored, (size_t)count * sizeof(double));
        break;
    case ADVNTK_BOOL8:
        for (ptrdiff_t i = 0; i < count; i++) {
            values[i] = from[i] != 0;
        }
        break;
    }
}

bool advntk__npy_to_ints(enum advntk_dtype dtype, const void *stored, ptrdiff_t count,
                         int64_t *values, ptrdiff_t *at)
{
    const unsigned char *from = stored;

    *at = -1;
    switch (dtype) {
        CASES(TO_INT)
    case ADVNTK_UINT64:
        for (ptrdiff_t i = 0; i < count; i++) {
            uint64_t v;
            memcpy(&v, from + (size_t)i * sizeof(v), sizeof(v));
            if (v > INT64_MAX) {
                *at = i;
                return false;
            }
            values[i] = (int64_t)v;
        }
        break;
    case ADVNTK_BOOL8:
        for (ptrdiff_t i = 0; i < count; i++) {
            values[i] = from[i] != 0;
        }
        break;
    case ADVNTK_FLOAT32:
    case ADVNTK_FLOAT64:
        return false;
    }
    return true;
}
