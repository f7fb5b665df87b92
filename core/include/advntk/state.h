/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * State of methods, attacks and optimizers across an interruption: named arrays, written by `save`
 * and read back by `load` of the same version of the plugin. Stored bit for bit.
 */
#ifndef ADVNTK_STATE_H
#define ADVNTK_STATE_H

#include <advntk/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_writer;
struct advntk_reader;

/* Names: lower case, digits, '_' and '.', unique within a state. The values are copied at once. */
ADVNTK_MUST_CHECK advntk_status advntk_write_reals(struct advntk_writer *w, const char *name, ptrdiff_t count, const double *values, struct advntk_error *err);
/* The same with a shape (rows,columns), for whoever opens the file; advntk_read_reals takes rows*columns. */
ADVNTK_MUST_CHECK advntk_status advntk_write_matrix(struct advntk_writer *w, const char *name, ptrdiff_t rows, ptrdiff_t columns, const double *values, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk_write_ints(struct advntk_writer *w, const char *name, ptrdiff_t count, const int64_t *values, struct advntk_error *err);

/* Fails: ENOTFOUND (no such name), ESHAPE (another count), EFORMAT. */
ADVNTK_MUST_CHECK advntk_status advntk_read_reals(struct advntk_reader *r, const char *name, ptrdiff_t count, double *values, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk_read_ints(struct advntk_reader *r, const char *name, ptrdiff_t count, int64_t *values, struct advntk_error *err);

/* A name prefix for a part of the state (an optimizer inside a method): "optimizer." + name.
 * prefix NULL: back to none. The text is kept by the caller until then. */
void advntk_writer_prefix(struct advntk_writer *w, const char *prefix);
void advntk_reader_prefix(struct advntk_reader *r, const char *prefix);

#ifdef __cplusplus
}
#endif
#endif
