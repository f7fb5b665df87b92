/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/try.h"
#include "linalg/sym.h"
#include "store/tiles.h"

#include <math.h>

enum { TILE = ADVNTK__TILE };

struct gram_job {
    struct advntk_host *host;
    const struct advntk_kernel_ops *kernel;
    void *kernel_state;
    const void *points;
    struct advntk_sym *a;
    struct advntk__tiles *stored;  /* NULL: none */
    int64_t done, total, computed; /* tiles */
};

static double tile_entry(const struct advntk_sym *a, const void *tile, ptrdiff_t at)
{
    return a->precision == ADVNTK_PRECISION_FLOAT32 ? (double)((const float *)tile)[at]
                                                    : ((const double *)tile)[at];
}

/* Fails if an entry of the tile is no finite number, with its place; a diagonal tile below its
 * diagonal. */
static advntk_status tile_check(const struct advntk_sym *a, ptrdiff_t i, ptrdiff_t j,
                                struct advntk_error *err)
{
    const void *tile = advntk__sym_tile_const(a, i, j);
    ptrdiff_t rows = advntk__sym_tile_rows(a, i), columns = advntk__sym_tile_rows(a, j);
    for (ptrdiff_t r = 0; r < rows; r++) {
        for (ptrdiff_t c = 0; c < (i == j ? r + 1 : columns); c++) {
            double value = tile_entry(a, tile, r * TILE + c);
            if (!isfinite(value)) {
                return ADVNTK_FAIL(err, ENUMERIC,
                                   "kernel matrix: entry (%td, %td) of %td training images is %g",
                                   i * TILE + r, j * TILE + c, a->n, value);
            }
        }
    }
    return ADVNTK_OK;
}

/* The tile as the kernel gives it; on the diagonal with both halves. */
static advntk_status compute_tile(const struct gram_job *job, ptrdiff_t i, ptrdiff_t j,
                                  struct advntk_arena *arena, struct advntk_error *err)
{
    struct advntk_sym *a = job->a;
    const ptrdiff_t rows = advntk__sym_tile_rows(a, i);
    double *diagonal = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(job->kernel->tile(job->kernel_state, job->points, i * TILE, rows, job->points, j * TILE,
                          advntk__sym_tile_rows(a, j), i == j, advntk__sym_tile(a, i, j), TILE,
                          arena, err));
    if (i == j) {
        diagonal = advntk_arena_get(arena, rows, sizeof(*diagonal));
        if (!diagonal) {
            FAIL(err, ENOMEM, "no memory for the diagonal of the kernel matrix");
        }
        TRY(job->kernel->diagonal(job->kernel_state, job->points, i * TILE, rows, diagonal, err));
        for (ptrdiff_t r = 0; r < rows; r++) {
            ptrdiff_t row = i * TILE + r;
            advntk__sym_set(a, row, row, diagonal[r]);
            for (ptrdiff_t c = 0; c < r; c++) {
                advntk__sym_set(a, row, i * TILE + c, advntk__sym_entry(a, row, i * TILE + c));
            }
        }
    }
    TRY(tile_check(a, i, j, err));
out:
    return rc;
}

static advntk_status gram_tile(void *context, ptrdiff_t index, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    struct gram_job *job = context;
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t i, j;
    int64_t done;

    advntk__sym_tile_at(index, &i, &j);
    if (!job->stored || !advntk__tiles_get(job->stored, index, advntk__sym_tile(job->a, i, j))) {
        TRY(compute_tile(job, i, j, arena, err));
        __atomic_add_fetch(&job->computed, 1, __ATOMIC_RELAXED);
        if (job->stored) {
            advntk__tiles_put(job->stored, index, advntk__sym_tile(job->a, i, j));
        }
    }
    done = __atomic_add_fetch(&job->done, 1, __ATOMIC_RELAXED);
    advntk_progress(job->host, "kernel matrix", done, job->total);
out:
    return rc;
}

ptrdiff_t advntk__gram_tiles(ptrdiff_t n)
{
    ptrdiff_t tiles = (n + TILE - 1) / TILE;

    return tiles * (tiles + 1) / 2;
}

size_t advntk__gram_tile_bytes(enum advntk_precision precision)
{
    return (size_t)TILE * TILE *
           (precision == ADVNTK_PRECISION_FLOAT32 ? sizeof(float) : sizeof(double));
}

advntk_status advntk__gram_compute(struct advntk_host *host, const struct advntk_kernel_ops *kernel,
                                   void *kernel_state, const void *points, ptrdiff_t n,
                                   enum advntk_precision precision, struct advntk__tiles *stored,
                                   struct advntk_sym **a, ptrdiff_t *computed,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct gram_job job = {.host = host,
                           .kernel = kernel,
                           .kernel_state = kernel_state,
                           .points = points,
                           .stored = stored};

    *a = NULL;
    TRY(advntk__sym_new(n, precision, &job.a, err));
    job.total = advntk__gram_tiles(n);
    TRY(advntk_parallel_for(host, (ptrdiff_t)job.total, gram_tile, &job, err));
    *a = job.a;
    job.a = NULL;
    if (computed) {
        *computed = (ptrdiff_t)job.computed;
    }
out:
    advntk__sym_free(job.a);
    return rc;
}
