/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symmetric tiled matrices and how a kernel fills one; the public part is in advntk/linear.h. */
#ifndef ADVNTK_LINALG_GRAM_H
#define ADVNTK_LINALG_GRAM_H

#include <advntk/kernel.h>
#include <advntk/linear.h>
#include <stdint.h>

enum { ADVNTK__TILE = 512 };

/*
 * Lower triangle of 512x512 row-major tiles, each 64-byte aligned; the matrix's edge tiles are
 * stored full and zero-padded, those on the diagonal hold both halves. New: the last tile row is
 * zero, the rest is not set. Cost: about 2 n^2 bytes in float32. Fails: ESHAPE, ENOMEM (needed and
 * free, before it is allocated).
 */
ADVNTK_MUST_CHECK advntk_status advntk__sym_new(ptrdiff_t n, enum advntk_precision precision,
                                                struct advntk_sym **a, struct advntk_error *err);
struct advntk__tiles;
/*
 * The same with its tiles on the disk, of which each pass reads one after the other: for a matrix
 * larger than the memory. file holds all tiles, and is the matrix's from now on. What is said of
 * memory below (tile, entry, set) is not for it. Fails: ENOMEM, ESHAPE.
 */
ADVNTK_MUST_CHECK advntk_status advntk__sym_on_disk(ptrdiff_t n, enum advntk_precision precision,
                                                    struct advntk__tiles *file,
                                                    struct advntk_sym **a,
                                                    struct advntk_error *err);
void advntk__sym_free(struct advntk_sym *a);
void *advntk__sym_tile(struct advntk_sym *a, ptrdiff_t i,
                       ptrdiff_t j);                   /* j <= i; leading dimension 512 */
int64_t advntk__sym_bytes(const struct advntk_sym *a); /* of memory */
enum advntk_precision advntk__sym_precision(const struct advntk_sym *a);
double advntk__sym_entry(const struct advntk_sym *a, ptrdiff_t row, ptrdiff_t column);
/* Entries (row,column) and (column,row); for tests and small work. */
void advntk__sym_set(struct advntk_sym *a, ptrdiff_t row, ptrdiff_t column, double value);

/*
 * The Gram matrix of prepared points; diagonal from kernel->diagonal. Progress "kernel matrix".
 * stored: tiles that are there are read, the others kept as they are done; NULL: none. on_disk:
 * the matrix stays there, and takes *stored over (NULL then). *computed: how many tiles were not
 * there; NULL: not wanted. Fails: ENUMERIC with the entry, EIO (on_disk: a tile cannot be kept).
 */
ADVNTK_MUST_CHECK advntk_status advntk__gram_compute(
    struct advntk_host *host, const struct advntk_kernel_ops *kernel, void *kernel_state,
    const void *points, ptrdiff_t n, enum advntk_precision precision, struct advntk__tiles **stored,
    bool on_disk, struct advntk_sym **a, ptrdiff_t *computed, struct advntk_error *err);
/* Images, and the kernel between them. */
struct advntk__gram_pairs {
    const struct advntk_kernel_ops *kernel;
    void *kernel_state;
    const void *points, *others; /* prepared; others NULL: points with themselves */
    ptrdiff_t n, m;              /* how many; m == n where there are no others */
    enum advntk_precision precision;
};
/* A tile: values (rows, columns) from (row, column) on, leading dimension 512. On any thread. */
typedef advntk_status (*advntk__tile_fn)(void *context, ptrdiff_t row, ptrdiff_t rows,
                                         ptrdiff_t column, ptrdiff_t columns, const void *tile,
                                         struct advntk_arena *arena, struct advntk_error *err);
/*
 * Tile by tile to `use`, where no matrix is held: of the lower triangle, those on the diagonal with
 * both halves; with others all of them, row by row. stored, progress and failures as above; memory:
 * a tile a thread.
 */
ADVNTK_MUST_CHECK advntk_status advntk__gram_each(struct advntk_host *host,
                                                  const struct advntk__gram_pairs *pairs,
                                                  struct advntk__tiles *stored, advntk__tile_fn use,
                                                  void *context, struct advntk_error *err);
/*
 * The matrices of `count` networks, that kernel_state is of, in one pass over the pairs: tiles that
 * any of `stored` lacks are computed for all and put there, to the bits of each alone. Memory:
 * `count` tiles a thread. Progress "kernel matrices". *computed: places of tiles, also where it
 * fails. Fails: ENUMERIC, EIO (a tile cannot be kept), ECANCELLED.
 */
ADVNTK_MUST_CHECK advntk_status advntk__gram_family(
    struct advntk_host *host, const struct advntk_kernel_ops *kernel, void *kernel_state,
    const void *points, ptrdiff_t n, enum advntk_precision precision, ptrdiff_t count,
    struct advntk__tiles *const *stored, ptrdiff_t *computed, struct advntk_error *err);
ptrdiff_t advntk__gram_tiles(ptrdiff_t n); /* of the lower triangle */
ptrdiff_t advntk__gram_tiles_between(ptrdiff_t n, ptrdiff_t m);
/* Why a value may be no finite number, and what to change. */
const char *advntk__gram_remedy(enum advntk_precision precision);
size_t advntk__gram_tile_bytes(enum advntk_precision precision);

/* What the matrix is, for the cache of its factors (16 bytes, see core/run); none: not cached. */
void advntk__sym_name(struct advntk_sym *a, const uint8_t key[16]);
/* The name of the factor of a named matrix plus a ridge. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__factor_key(const uint8_t matrix[16], double ridge,
                                                   uint8_t key[16], struct advntk_error *err);

#endif
