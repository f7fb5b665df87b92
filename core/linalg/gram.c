/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/host.h"
#include "base/try.h"
#include "linalg/sym.h"
#include "store/tiles.h"

#include <math.h>
#include <string.h>

enum { TILE = ADVNTK__TILE };

struct gram_job {
    struct advntk_host *host;
    const struct advntk_kernel_ops *kernel;
    void *kernel_state;
    const void *points, *others; /* others NULL: points again, and the lower triangle */
    ptrdiff_t n, m;              /* how many: rows and columns */
    enum advntk_precision precision;
    struct advntk_sym *a;          /* NULL: the tiles go to the disk or to `use` alone */
    struct advntk__tiles *stored;  /* NULL: none */
    advntk__tile_fn use;           /* NULL: none */
    void *context;                 /* of use */
    int64_t done, total, computed; /* tiles */
};

static ptrdiff_t tile_length(ptrdiff_t n, ptrdiff_t i)
{
    return n - i * TILE < TILE ? n - i * TILE : TILE;
}

/* Images in tile row i, and in tile column j. */
static ptrdiff_t rows_of(const struct gram_job *job, ptrdiff_t i)
{
    return tile_length(job->n, i);
}

static ptrdiff_t columns_of(const struct gram_job *job, ptrdiff_t j)
{
    return tile_length(job->m, j);
}

static bool on_diagonal(const struct gram_job *job, ptrdiff_t i, ptrdiff_t j)
{
    return !job->others && i == j;
}

static void tile_at(const struct gram_job *job, ptrdiff_t index, ptrdiff_t *i, ptrdiff_t *j)
{
    const ptrdiff_t across = (job->m + TILE - 1) / TILE;

    if (job->others) {
        *i = index / across;
        *j = index % across;
    } else {
        advntk__sym_tile_at(index, i, j);
    }
}

static double entry(const struct gram_job *job, const void *tile, ptrdiff_t row, ptrdiff_t column)
{
    const ptrdiff_t at = row * TILE + column;
    return job->precision == ADVNTK_PRECISION_FLOAT32 ? (double)((const float *)tile)[at]
                                                      : ((const double *)tile)[at];
}

static void set_entry(const struct gram_job *job, void *tile, ptrdiff_t row, ptrdiff_t column,
                      double value)
{
    const ptrdiff_t at = row * TILE + column;
    if (job->precision == ADVNTK_PRECISION_FLOAT32) {
        ((float *)tile)[at] = (float)value;
    } else {
        ((double *)tile)[at] = value;
    }
}

const char *advntk__gram_remedy(enum advntk_precision precision)
{
    return precision == ADVNTK_PRECISION_FLOAT32
               ? "too large for float32 on the way; use precision: float64"
               : "too large on the way; scale the images, the weights or w_std";
}

/* Fails if an entry of the tile is no finite number, with its place; a diagonal tile below its
 * diagonal. */
static advntk_status tile_check(const struct gram_job *job, ptrdiff_t i, ptrdiff_t j,
                                const void *tile, struct advntk_error *err)
{
    ptrdiff_t rows = rows_of(job, i), columns = columns_of(job, j);
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t c = 0; c < (on_diagonal(job, i, j) ? r + 1 : columns); c++) {
            double value = entry(job, tile, r, c);
            if (!isfinite(value)) {
                return ADVNTK_FAIL(err, ENUMERIC, "kernel value (%td, %td) is %g: %s", i * TILE + r,
                                   j * TILE + c, value, advntk__gram_remedy(job->precision));
            }
        }
    }
    return ADVNTK_OK;
}

/* The tile as the kernel gives it; on the diagonal with both halves. diagonal: of its images. */
static advntk_status finish_tile(const struct gram_job *job, ptrdiff_t i, ptrdiff_t j, void *tile,
                                 const double *diagonal, struct advntk_error *err)
{
    for (ptrdiff_t r = 0; on_diagonal(job, i, j) && r < rows_of(job, i); r++) {
        set_entry(job, tile, r, r, diagonal[r]);
        for (ptrdiff_t c = 0; c < r; c++) {
            set_entry(job, tile, c, r, entry(job, tile, r, c));
        }
    }
    return tile_check(job, i, j, tile, err);
}

static advntk_status compute_tile(const struct gram_job *job, ptrdiff_t i, ptrdiff_t j, void *tile,
                                  struct advntk_arena *arena, struct advntk_error *err)
{
    const ptrdiff_t rows = rows_of(job, i);
    const bool lower = on_diagonal(job, i, j);
    double *diagonal = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(job->kernel->tile(job->kernel_state, job->points, i * TILE, rows,
                          job->others ? job->others : job->points, j * TILE, columns_of(job, j),
                          lower, tile, TILE, arena, err));
    if (lower) {
        diagonal = advntk_arena_get(arena, rows, sizeof(*diagonal));
        if (!diagonal) {
            FAIL(err, ENOMEM, "no memory for the diagonal of the kernel matrix");
        }
        TRY(job->kernel->diagonal(job->kernel_state, job->points, i * TILE, rows, diagonal, err));
    }
    TRY(finish_tile(job, i, j, tile, diagonal, err));
out:
    return rc;
}

/* Whether the tile was in the cache, and is in memory now. */
static bool is_kept(const struct gram_job *job, ptrdiff_t index, void *tile)
{
    const int64_t started = advntk__thread_nanoseconds();
    bool kept = job->stored && advntk__tiles_get(job->stored, index, tile);

    advntk__kept_add(job->host, started, kept ? advntk__gram_tile_bytes(job->precision) : 0);
    return kept;
}

static void keep(const struct gram_job *job, struct advntk__tiles *stored, ptrdiff_t index,
                 const void *tile)
{
    const int64_t started = advntk__thread_nanoseconds();

    if (stored) {
        advntk__tiles_put(stored, index, tile);
        advntk__kept_add(job->host, started, advntk__gram_tile_bytes(job->precision));
    }
}

static advntk_status gram_tile(void *context, ptrdiff_t index, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    struct gram_job *job = context;
    const bool counted = job->stored && advntk__tiles_has(job->stored, index); /* as done */
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t i, j;
    int64_t done;
    void *tile;

    tile_at(job, index, &i, &j);
    if (job->a) {
        tile = advntk__sym_tile(job->a, i, j);
    } else {
        tile = advntk_arena_get(arena, 1, advntk__gram_tile_bytes(job->precision));
        if (!tile) {
            FAIL(err, ENOMEM, "no memory for a tile of the kernel matrix");
        }
        if (job->stored) { /* edge tiles are padded with zeros */
            memset(tile, 0, advntk__gram_tile_bytes(job->precision));
        }
    }
    if (!is_kept(job, index, tile)) {
        TRY(compute_tile(job, i, j, tile, arena, err));
        __atomic_add_fetch(&job->computed, 1, __ATOMIC_RELAXED);
        keep(job, job->stored, index, tile);
    }
    if (job->use) {
        TRY(job->use(job->context, i * TILE, rows_of(job, i), j * TILE, columns_of(job, j), tile,
                     arena, err));
    }
    done = __atomic_add_fetch(&job->done, !counted, __ATOMIC_RELAXED);
    advntk_progress(job->host, "kernel matrix", done, job->total);
out:
    return rc;
}

/* All tiles. Those that are there count as done from the start: the pace is that of the others. */
static advntk_status run_tiles(struct gram_job *job, struct advntk_error *err)
{
    for (ptrdiff_t i = 0; job->stored && i < job->total; i++) {
        job->done += advntk__tiles_has(job->stored, i);
    }
    advntk_progress(job->host, "kernel matrix", job->done, job->total);
    return advntk_parallel_for(job->host, (ptrdiff_t)job->total, gram_tile, job, err);
}

ptrdiff_t advntk__gram_tiles(ptrdiff_t n)
{
    ptrdiff_t tiles = (n + TILE - 1) / TILE;

    return tiles * (tiles + 1) / 2;
}

ptrdiff_t advntk__gram_tiles_between(ptrdiff_t n, ptrdiff_t m)
{
    return (n + TILE - 1) / TILE * ((m + TILE - 1) / TILE);
}

size_t advntk__gram_tile_bytes(enum advntk_precision precision)
{
    return (size_t)TILE * TILE *
           (precision == ADVNTK_PRECISION_FLOAT32 ? sizeof(float) : sizeof(double));
}

advntk_status advntk__gram_compute(struct advntk_host *host, const struct advntk_kernel_ops *kernel,
                                   void *kernel_state, const void *points, ptrdiff_t n,
                                   enum advntk_precision precision, struct advntk__tiles **stored,
                                   bool on_disk, struct advntk_sym **a, ptrdiff_t *computed,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct gram_job job = {.host = host,
                           .kernel = kernel,
                           .kernel_state = kernel_state,
                           .points = points,
                           .n = n,
                           .m = n,
                           .precision = precision,
                           .total = advntk__gram_tiles(n),
                           .stored = stored ? *stored : NULL};

    *a = NULL;
    if (on_disk && !job.stored) {
        FAIL(err, ELIMIT,
             "the kernel matrix of %td images is larger than the memory, and cannot be kept on the "
             "disk",
             n);
    }
    if (!on_disk) {
        TRY(advntk__sym_new(n, precision, &job.a, err));
    }
    TRY(run_tiles(&job, err));
    if (on_disk) {
        if (!advntk__tiles_complete(job.stored)) {
            FAIL(err, EIO, "the kernel matrix of %td images could not be kept on the disk", n);
        }
        advntk__tiles_share(job.stored);
        TRY(advntk__sym_on_disk(n, precision, job.stored, &job.a, err));
        *stored = NULL;
    }
    *a = job.a;
    job.a = NULL;
    if (computed) {
        *computed = (ptrdiff_t)job.computed;
    }
out:
    advntk__sym_free(job.a);
    return rc;
}

advntk_status advntk__gram_each(struct advntk_host *host, const struct advntk__gram_pairs *pairs,
                                struct advntk__tiles *stored, advntk__tile_fn use, void *context,
                                struct advntk_error *err)
{
    struct gram_job job = {.host = host,
                           .kernel = pairs->kernel,
                           .kernel_state = pairs->kernel_state,
                           .points = pairs->points,
                           .others = pairs->others,
                           .n = pairs->n,
                           .m = pairs->m,
                           .precision = pairs->precision,
                           .stored = stored,
                           .use = use,
                           .context = context,
                           .total = pairs->others ? advntk__gram_tiles_between(pairs->n, pairs->m)
                                                  : advntk__gram_tiles(pairs->n)};

    return run_tiles(&job, err);
}

/* ---- several at once ---- */

struct family_job {
    struct gram_job each; /* stored: none */
    ptrdiff_t count;
    struct advntk__tiles *const *stored;
};

static bool all_have(const struct family_job *job, ptrdiff_t index)
{
    bool all = true;

    for (ptrdiff_t f = 0; f < job->count; f++) {
        all = all && advntk__tiles_has(job->stored[f], index);
    }
    return all;
}

/* Room for a tile and the diagonal of each, the tiles zero: those at the edge are padded so. */
static advntk_status family_room(const struct family_job *job, struct advntk_arena *arena,
                                 void ***tiles, double ***diagonals, struct advntk_error *err)
{
    const size_t bytes = advntk__gram_tile_bytes(job->each.precision);

    *tiles = advntk_arena_get(arena, job->count, sizeof(**tiles));
    *diagonals = advntk_arena_get(arena, job->count, sizeof(**diagonals));
    for (ptrdiff_t f = 0; *tiles && *diagonals && f < job->count; f++) {
        (*tiles)[f] = advntk_arena_get(arena, 1, bytes);
        (*diagonals)[f] = advntk_arena_get(arena, TILE, sizeof(double));
        if (!(*tiles)[f] || !(*diagonals)[f]) {
            return ADVNTK_FAIL(err, ENOMEM, "no memory for a tile of %td kernel matrices",
                               job->count);
        }
        memset((*tiles)[f], 0, bytes);
    }
    return *tiles && *diagonals ? ADVNTK_OK
                                : ADVNTK_FAIL(err, ENOMEM, "no memory for %td tiles", job->count);
}

static advntk_status family_tile(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    struct family_job *job = context;
    struct gram_job *each = &job->each;
    advntk_status rc = ADVNTK_OK;
    double **diagonals;
    void **tiles;
    ptrdiff_t i, j;

    advntk__sym_tile_at(index, &i, &j);
    if (!all_have(job, index)) {
        TRY(family_room(job, arena, &tiles, &diagonals, err));
        TRY(each->kernel->tiles(each->kernel_state, each->points, i * TILE, rows_of(each, i),
                                each->points, j * TILE, rows_of(each, j), i == j, tiles, TILE,
                                arena, err));
        TRY(each->kernel->diagonals(each->kernel_state, each->points, i * TILE, rows_of(each, i),
                                    diagonals, err));
        for (ptrdiff_t f = 0; f < job->count; f++) {
            TRY(finish_tile(each, i, j, tiles[f], diagonals[f], err));
            if (!advntk__tiles_has(job->stored[f], index)) {
                keep(each, job->stored[f], index, tiles[f]);
            }
            if (!advntk__tiles_has(job->stored[f], index)) {
                FAIL(err, EIO, "a tile could not be kept");
            }
        }
        __atomic_add_fetch(&each->computed, 1, __ATOMIC_RELAXED);
    }
    advntk_progress(each->host, "kernel matrices",
                    __atomic_add_fetch(&each->done, 1, __ATOMIC_RELAXED), each->total);
out:
    return rc;
}

advntk_status advntk__gram_family(struct advntk_host *host, const struct advntk_kernel_ops *kernel,
                                  void *kernel_state, const void *points, ptrdiff_t n,
                                  enum advntk_precision precision, ptrdiff_t count,
                                  struct advntk__tiles *const *stored, ptrdiff_t *computed,
                                  struct advntk_error *err)
{
    struct family_job job = {.each = {.host = host,
                                      .kernel = kernel,
                                      .kernel_state = kernel_state,
                                      .points = points,
                                      .n = n,
                                      .m = n,
                                      .precision = precision,
                                      .total = advntk__gram_tiles(n)},
                             .count = count,
                             .stored = stored};
    advntk_status rc = advntk_parallel_for(host, (ptrdiff_t)job.each.total, family_tile, &job, err);

    *computed = (ptrdiff_t)job.each.computed;
    return rc;
}
