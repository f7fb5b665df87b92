/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "store/state.h"

#include "base/try.h"

#include <stdio.h>
#include <string.h>

static advntk_status full_name(const char *prefix, const char *name, char full[ADVNTK__STATE_NAME],
                               struct advntk_error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_.";
    int length = snprintf(full, ADVNTK__STATE_NAME, "%s%s", prefix ? prefix : "", name);

    if (length <= 0 || length >= ADVNTK__STATE_NAME) {
        return ADVNTK_FAIL(err, EINVALID,
                           "state array '%s': its name has %d letters, expected 1 to %d", name,
                           length, ADVNTK__STATE_NAME - 1);
    }
    if (full[strspn(full, allowed)] != '\0') {
        return ADVNTK_FAIL(err, EINVALID,
                           "state array '%s': expected lower case letters, digits, '_' and '.'",
                           full);
    }
    return ADVNTK_OK;
}

static advntk_status write_array(struct advntk_writer *w, const char *name, enum advntk_dtype dtype,
                                 int rank, const ptrdiff_t *shape, const void *values,
                                 struct advntk_error *err)
{
    char full[ADVNTK__STATE_NAME];
    advntk_status rc = full_name(w->prefix, name, full, err);

    return rc ? rc : advntk__npz_add(w->npz, full, dtype, rank, shape, values, err);
}

advntk_status advntk_write_reals(struct advntk_writer *w, const char *name, ptrdiff_t count,
                                 const double *values, struct advntk_error *err)
{
    return write_array(w, name, ADVNTK_FLOAT64, 1, &count, values, err);
}

advntk_status advntk_write_matrix(struct advntk_writer *w, const char *name, ptrdiff_t rows,
                                  ptrdiff_t columns, const double *values, struct advntk_error *err)
{
    const ptrdiff_t shape[2] = {rows, columns};

    return write_array(w, name, ADVNTK_FLOAT64, 2, shape, values, err);
}

advntk_status advntk_write_ints(struct advntk_writer *w, const char *name, ptrdiff_t count,
                                const int64_t *values, struct advntk_error *err)
{
    return write_array(w, name, ADVNTK_INT64, 1, &count, values, err);
}

static advntk_status read_array(struct advntk_reader *r, const char *name, enum advntk_dtype dtype,
                                ptrdiff_t count, void *values, struct advntk_error *err)
{
    char full[ADVNTK__STATE_NAME];
    advntk_status rc = full_name(r->prefix, name, full, err);

    return rc ? rc : advntk__npz_read(r->npz, full, dtype, count, values, err);
}

advntk_status advntk_read_reals(struct advntk_reader *r, const char *name, ptrdiff_t count,
                                double *values, struct advntk_error *err)
{
    return read_array(r, name, ADVNTK_FLOAT64, count, values, err);
}

advntk_status advntk_read_ints(struct advntk_reader *r, const char *name, ptrdiff_t count,
                               int64_t *values, struct advntk_error *err)
{
    return read_array(r, name, ADVNTK_INT64, count, values, err);
}

void advntk_writer_prefix(struct advntk_writer *w, const char *prefix)
{
    w->prefix = prefix;
}

void advntk_reader_prefix(struct advntk_reader *r, const char *prefix)
{
    r->prefix = prefix;
}
