/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The inside of a symmetric tiled matrix and of its products, for core/linalg alone. */
#ifndef ADVNTK_LINALG_SYM_H
#define ADVNTK_LINALG_SYM_H

#include "linalg/gram.h"

struct advntk_sym {
    ptrdiff_t n, tiles; /* tiles: tile rows, n / 512 rounded up */
    enum advntk_precision precision;
    size_t tile_bytes;
    unsigned char *memory;      /* tile (i,j) at i(i+1)/2 + j, j <= i; NULL: */
    struct advntk__tiles *file; /* they are on the disk, in that order; owned */
    bool named;
    uint8_t key[16]; /* if named */
};

ptrdiff_t advntk__sym_tile_rows(const struct advntk_sym *a,
                                ptrdiff_t i); /* 512, less in the last */
/* Tile row and column of the tile at `index` in memory. */
void advntk__sym_tile_at(ptrdiff_t index, ptrdiff_t *i, ptrdiff_t *j);
/* Room for a tile that is read from the disk; NULL where all are in memory. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__sym_tile_room(const struct advntk_sym *a,
                                                      struct advntk_arena *arena, void **room,
                                                      struct advntk_error *err);
/* *tile: where it is in memory, or `room` with what is on the disk. Fails: EIO. */
ADVNTK_MUST_CHECK advntk_status advntk__sym_tile_load(const struct advntk_sym *a, ptrdiff_t i,
                                                      ptrdiff_t j, void *room, const void **tile,
                                                      struct advntk_error *err);
/* to (512,512) float64 <- tile (i,j). Fails: EIO. */
ADVNTK_MUST_CHECK advntk_status advntk__sym_tile_widen(const struct advntk_sym *a, ptrdiff_t i,
                                                       ptrdiff_t j, void *room, double *to,
                                                       struct advntk_error *err);

/* Scratch memory of products with up to k vectors. */
struct advntk__apply;
ADVNTK_MUST_CHECK advntk_status advntk__apply_new(const struct advntk_sym *a, ptrdiff_t k,
                                                  struct advntk__apply **apply,
                                                  struct advntk_error *err);
void advntk__apply_free(struct advntk__apply *apply);
/*
 * y (k,n) <- x A, vectors as rows: x[c] + c ldx. One pass over the stored triangle in the matrix's
 * precision (float32: sums of up to 512 products, then float64). The same bits for any number of
 * threads.
 */
ADVNTK_MUST_CHECK advntk_status advntk__apply_rows(struct advntk_host *host,
                                                   const struct advntk_sym *a,
                                                   struct advntk__apply *apply, ptrdiff_t k,
                                                   const double *x, ptrdiff_t ldx, double *y,
                                                   ptrdiff_t ldy, struct advntk_error *err);

/* y (n,k) <- A x with every product in float64: for residuals. Slower than a pass of apply_rows. */
ADVNTK_MUST_CHECK advntk_status advntk__apply_exact(struct advntk_host *host,
                                                    const struct advntk_sym *a, ptrdiff_t k,
                                                    const double *x, double *y,
                                                    struct advntk_error *err);

#endif
