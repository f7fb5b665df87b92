/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/try.h"
#include "linalg/sym.h"

#include <math.h>

enum { TILE = ADVNTK__TILE };

struct gram_job {
    struct advntk_host *host;
    const struct advntk_kernel_ops *kernel;
    void *kernel_state;
    const void *points;
    struct advntk_sym *a;
    int64_t done, total; /* tiles */
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

static advntk_status gram_tile(void *context, ptrdiff_t index, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    struct gram_job *job = context;
    struct advntk_sym *a = job->a;
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t i, j, rows;
    int64_t done;

    advntk__sym_tile_at(index, &i, &j);
    rows = advntk__sym_tile_rows(a, i);
    TRY(job->kernel->tile(job->kernel_state, job->points, i * TILE, rows, job->points, j * TILE,
                          advntk__sym_tile_rows(a, j), i == j, advntk__sym_tile(a, i, j), TILE,
                          arena, err));
    if (i == j) {
        double *diagonal = advntk_arena_get(arena, rows, sizeof(*diagonal));
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
    done = __atomic_add_fetch(&job->done, 1, __ATOMIC_RELAXED);
    advntk_progress(job->host, "kernel matrix", done, job->total);
out:
    return rc;
}

advntk_status advntk__gram_compute(struct advntk_host *host, const struct advntk_kernel_ops *kernel,
                                   void *kernel_state, const void *points, ptrdiff_t n,
                                   enum advntk_precision precision, struct advntk_sym **a,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct gram_job job = {host, kernel, kernel_state, points, NULL, 0, 0};

    *a = NULL;
    TRY(advntk__sym_new(n, precision, &job.a, err));
    job.total = (int64_t)(job.a->tiles * (job.a->tiles + 1) / 2);
    TRY(advntk_parallel_for(host, (ptrdiff_t)job.total, gram_tile, &job, err));
    *a = job.a;
    job.a = NULL;
out:
    advntk__sym_free(job.a);
    return rc;
}
