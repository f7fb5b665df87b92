/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/try.h"
#include "linalg/room.h"
#include "linalg/sym.h"
#include "store/tiles.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TILE = ADVNTK__TILE };

static const char *const advice = "use fewer images, or precision float32 instead of float64";

/* A pass walks through all of the memory: large pages spare it misses of the address cache. */
static void ask_for_large_pages(unsigned char *memory, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t skip = (page - (uintptr_t)memory % page) % page;
    if (bytes > skip) { /* a hint: where it is refused nothing changes but the speed */
        (void)madvise(memory + skip, (bytes - skip) / page * page, MADV_HUGEPAGE);
    }
#else
    (void)memory, (void)bytes;
#endif
}

/* Everything but the tiles. */
static advntk_status sym_shape(ptrdiff_t n, enum advntk_precision precision, struct advntk_sym **a,
                               struct advntk_error *err)
{
    struct advntk_sym *s;

    *a = NULL;
    if (n < 1 || n > (ptrdiff_t)1 << 30) {
        return ADVNTK_FAIL(err, ESHAPE, "a kernel matrix of %td rows: expected 1 to 2^30", n);
    }
    s = calloc(1, sizeof(*s));
    if (!s) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a matrix");
    }
    *s = (struct advntk_sym){.n = n,
                             .tiles = (n + TILE - 1) / TILE,
                             .precision = precision,
                             .tile_bytes = advntk__gram_tile_bytes(precision)};
    *a = s;
    return ADVNTK_OK;
}

advntk_status advntk__sym_new(ptrdiff_t n, enum advntk_precision precision, struct advntk_sym **a,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_sym *s = NULL;
    double bytes;

    *a = NULL;
    TRY(sym_shape(n, precision, &s, err));
    bytes = (double)s->tiles * (double)(s->tiles + 1) / 2 * (double)s->tile_bytes;
    TRY(advntk__room_check("this kernel matrix", bytes, advice, err));
    s->memory = advntk_alloc(s->tiles * (s->tiles + 1) / 2, s->tile_bytes);
    if (!s->memory) {
        TRY(advntk__room_refuse("this kernel matrix", bytes, advice, err));
    }
    ask_for_large_pages(s->memory, (size_t)bytes);
    /* the padding lies in the last tile row alone */
    memset(advntk__sym_tile(s, s->tiles - 1, 0), 0, (size_t)s->tiles * s->tile_bytes);
    *a = s;
    s = NULL;
out:
    advntk__sym_free(s);
    return rc;
}

advntk_status advntk__sym_on_disk(ptrdiff_t n, enum advntk_precision precision,
                                  struct advntk__tiles *file, struct advntk_sym **a,
                                  struct advntk_error *err)
{
    advntk_status rc = sym_shape(n, precision, a, err);

    if (rc == ADVNTK_OK) {
        (*a)->file = file;
    }
    return rc;
}

void advntk__sym_name(struct advntk_sym *a, const uint8_t key[16])
{
    a->named = true;
    memcpy(a->key, key, sizeof(a->key));
}

void advntk__sym_free(struct advntk_sym *a)
{
    if (a) {
        advntk__tiles_close(a->file);
        advntk_free(a->memory);
        free(a);
    }
}

ptrdiff_t advntk_sym_size(const struct advntk_sym *a)
{
    return a->n;
}

int64_t advntk__sym_bytes(const struct advntk_sym *a)
{
    return a->memory ? (int64_t)advntk__gram_tiles(a->n) * (int64_t)a->tile_bytes : 0;
}

enum advntk_precision advntk__sym_precision(const struct advntk_sym *a)
{
    return a->precision;
}

void *advntk__sym_tile(struct advntk_sym *a, ptrdiff_t i, ptrdiff_t j)
{
    return a->memory + (size_t)(i * (i + 1) / 2 + j) * a->tile_bytes;
}

ptrdiff_t advntk__sym_tile_rows(const struct advntk_sym *a, ptrdiff_t i)
{
    return i < a->tiles - 1 ? TILE : a->n - i * TILE;
}

void advntk__sym_tile_at(ptrdiff_t index, ptrdiff_t *i, ptrdiff_t *j)
{
    ptrdiff_t row = (ptrdiff_t)((sqrt(8.0 * (double)index + 1) - 1) / 2);
    /* the square root may be off by one where index is large */
    while (row * (row + 1) / 2 > index) {
        row--;
    }
    while ((row + 1) * (row + 2) / 2 <= index) {
        row++;
    }
    *i = row;
    *j = index - row * (row + 1) / 2;
}

static const void *tile_of(const struct advntk_sym *a, ptrdiff_t i, ptrdiff_t j)
{
    return a->memory + (size_t)(i * (i + 1) / 2 + j) * a->tile_bytes;
}

double advntk__sym_entry(const struct advntk_sym *a, ptrdiff_t row, ptrdiff_t column)
{
    ptrdiff_t r = row > column ? row : column, c = row > column ? column : row;
    const void *tile = tile_of(a, r / TILE, c / TILE);
    ptrdiff_t at = r % TILE * TILE + c % TILE;
    return a->precision == ADVNTK_PRECISION_FLOAT32 ? (double)((const float *)tile)[at]
                                                    : ((const double *)tile)[at];
}

static void tile_store(struct advntk_sym *a, ptrdiff_t row, ptrdiff_t column, double value)
{
    void *tile = advntk__sym_tile(a, row / TILE, column / TILE);
    ptrdiff_t at = row % TILE * TILE + column % TILE;
    if (a->precision == ADVNTK_PRECISION_FLOAT32) {
        ((float *)tile)[at] = (float)value;
    } else {
        ((double *)tile)[at] = value;
    }
}

void advntk__sym_set(struct advntk_sym *a, ptrdiff_t row, ptrdiff_t column, double value)
{
    ptrdiff_t r = row > column ? row : column, c = row > column ? column : row;
    tile_store(a, r, c, value);
    if (r / TILE == c / TILE) {
        tile_store(a, c, r, value);
    }
}

advntk_status advntk__sym_tile_room(const struct advntk_sym *a, struct advntk_arena *arena,
                                    void **room, struct advntk_error *err)
{
    *room = a->memory ? NULL : advntk_arena_get(arena, 1, a->tile_bytes);
    return a->memory || *room
               ? ADVNTK_OK
               : ADVNTK_FAIL(err, ENOMEM, "no memory for a tile of the kernel matrix");
}

advntk_status advntk__sym_tile_load(const struct advntk_sym *a, ptrdiff_t i, ptrdiff_t j,
                                    void *room, const void **tile, struct advntk_error *err)
{
    if (a->memory) {
        *tile = tile_of(a, i, j);
        return ADVNTK_OK;
    }
    if (!advntk__tiles_get(a->file, i * (i + 1) / 2 + j, room)) {
        return ADVNTK_FAIL(err, EIO,
                           "tile (%td, %td) of the kernel matrix cannot be read from the disk: run "
                           "again, and it is computed again",
                           i, j);
    }
    *tile = room;
    return ADVNTK_OK;
}

advntk_status advntk__sym_tile_widen(const struct advntk_sym *a, ptrdiff_t i, ptrdiff_t j,
                                     void *room, double *to, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const void *from;

    TRY(advntk__sym_tile_load(a, i, j, room, &from, err));
    if (a->precision == ADVNTK_PRECISION_FLOAT64) {
        memcpy(to, from, a->tile_bytes);
        goto out;
    }
    for (ptrdiff_t at = 0; at < TILE * TILE; at++) {
        to[at] = (double)((const float *)from)[at];
    }
out:
    return rc;
}
