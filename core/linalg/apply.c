/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Products with a symmetric tiled matrix. The tiles are dealt to a fixed number of tasks, each with
 * partial results of its own; these are added in the tasks' order. So the bits depend neither on
 * the number of threads nor on which of them is faster.
 */
#include "config.h"

#include "base/try.h"
#include "linalg/sym.h"
#include "linalg/tile_product.h"

#include <advntk/backend.h>
#include <stdlib.h>
#include <string.h>

enum { TILE = ADVNTK__TILE, TASKS_MOST = 32 };

struct advntk__apply {
    ptrdiff_t k, tiles, tasks; /* k: the most vectors */
    size_t real_bytes;
    unsigned char *xj, *xi; /* tiles blocks of (k,512) and (512,k), in the matrix's type */
    double *sum;            /* (tiles,k): of the entries of x in a block */
    double *partial;        /* (tasks,tiles) blocks of (k,512) */
    bool *touched;          /* (tasks,tiles): is that block in use? */
};

struct apply_job {
    const struct advntk_sym *a;
    struct advntk__apply *w;
    advntk__tile_product_fn product;
    ptrdiff_t k;
    const double *x;
    ptrdiff_t ldx;
    double *y;
    ptrdiff_t ldy;
};

advntk_status advntk__apply_new(const struct advntk_sym *a, ptrdiff_t k,
                                struct advntk__apply **apply, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__apply *w = calloc(1, sizeof(*w));
    ptrdiff_t count = a->tiles * (a->tiles + 1) / 2;

    *apply = NULL;
    if (!w) {
        FAIL(err, ENOMEM, "no memory for products with the kernel matrix");
    }
    if (k < 1 || k > 1 << 20) {
        FAIL(err, ESHAPE, "a product with %td vectors: expected 1 to 2^20", k);
    }
    w->k = k;
    w->tiles = a->tiles;
    w->tasks = count < TASKS_MOST ? count : TASKS_MOST;
    w->real_bytes = a->precision == ADVNTK_PRECISION_FLOAT32 ? sizeof(float) : sizeof(double);
    w->xj = advntk_alloc_zero(a->tiles * k, TILE * w->real_bytes);
    w->xi = advntk_alloc_zero(a->tiles * k, TILE * w->real_bytes);
    w->sum = advntk_alloc(a->tiles * k, sizeof(*w->sum));
    w->partial = advntk_alloc(w->tasks * a->tiles * k, TILE * sizeof(*w->partial));
    w->touched = advntk_alloc(w->tasks * a->tiles, sizeof(*w->touched));
    if (!w->xj || !w->xi || !w->sum || !w->partial || !w->touched) {
        FAIL(err, ENOMEM, "no memory for products of %td vectors with a matrix of %td rows", k,
             a->n);
    }
    *apply = w;
    w = NULL;
out:
    advntk__apply_free(w);
    return rc;
}

void advntk__apply_free(struct advntk__apply *apply)
{
    if (apply) {
        advntk_free(apply->xj);
        advntk_free(apply->xi);
        advntk_free(apply->sum);
        advntk_free(apply->partial);
        advntk_free(apply->touched);
        free(apply);
    }
}

/* Block b of x in both orders, in the matrix's type, and its sums; the padding stays zero. */
static advntk_status prepare(void *context, ptrdiff_t b, struct advntk_arena *arena,
                             struct advntk_error *err)
{
    const struct apply_job *job = context;
    struct advntk__apply *w = job->w;
    ptrdiff_t rows = advntk__sym_tile_rows(job->a, b), k = job->k;
    unsigned char *block_j = w->xj + (size_t)(b * w->k * TILE) * w->real_bytes;
    unsigned char *block_i = w->xi + (size_t)(b * w->k * TILE) * w->real_bytes;

    (void)arena, (void)err;
    for (ptrdiff_t c = 0; c < k; c++) {
        const double *x = job->x + c * job->ldx + b * TILE;
        double sum = 0;
        for (ptrdiff_t r = 0; r < rows; r++) {
            sum += x[r];
            if (w->real_bytes == sizeof(float)) {
                ((float *)block_j)[c * TILE + r] = (float)x[r];
                ((float *)block_i)[r * k + c] = (float)x[r];
            } else {
                ((double *)block_j)[c * TILE + r] = x[r];
                ((double *)block_i)[r * k + c] = x[r];
            }
        }
        /* an earlier product with more vectors may have left something behind the last row */
        for (ptrdiff_t r = rows; r < TILE; r++) {
            if (w->real_bytes == sizeof(float)) {
                ((float *)block_i)[r * k + c] = 0;
            } else {
                ((double *)block_i)[r * k + c] = 0;
            }
        }
        w->sum[b * w->k + c] = sum;
    }
    return ADVNTK_OK;
}

static double *partial_block(const struct apply_job *job, ptrdiff_t task, ptrdiff_t b)
{
    struct advntk__apply *w = job->w;
    double *block = w->partial + (task * w->tiles + b) * w->k * TILE;
    if (!w->touched[task * w->tiles + b]) {
        w->touched[task * w->tiles + b] = true;
        memset(block, 0, (size_t)(job->k * TILE) * sizeof(*block));
    }
    return block;
}

static advntk_status multiply(void *context, ptrdiff_t task, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    const struct apply_job *job = context;
    struct advntk__apply *w = job->w;
    ptrdiff_t count = w->tiles * (w->tiles + 1) / 2;
    size_t block_bytes = (size_t)(w->k * TILE) * w->real_bytes;
    advntk_status rc = ADVNTK_OK;
    void *room;

    TRY(advntk__sym_tile_room(job->a, arena, &room, err));
    memset(w->touched + task * w->tiles, 0, (size_t)w->tiles * sizeof(*w->touched));
    for (ptrdiff_t t = task * count / w->tasks; t < (task + 1) * count / w->tasks; t++) {
        ptrdiff_t i, j;
        const void *tile;
        struct advntk__tile_vectors v;
        advntk__sym_tile_at(t, &i, &j);
        TRY(advntk__sym_tile_load(job->a, i, j, room, &tile, err));
        v = (struct advntk__tile_vectors){
            .rows = advntk__sym_tile_rows(job->a, i),
            .k = job->k,
            .xj = w->xj + (size_t)j * block_bytes,
            .xi = w->xi + (size_t)i * block_bytes,
            .sum_i = w->sum + i * w->k,
            .sum_j = w->sum + j * w->k,
            .yi = partial_block(job, task, i),
            .yj = i == j ? NULL : partial_block(job, task, j),
        };
        job->product(tile, &v);
    }
out:
    return rc;
}

static advntk_status add_up(void *context, ptrdiff_t b, struct advntk_arena *arena,
                            struct advntk_error *err)
{
    const struct apply_job *job = context;
    struct advntk__apply *w = job->w;
    ptrdiff_t rows = advntk__sym_tile_rows(job->a, b);

    (void)arena, (void)err;
    for (ptrdiff_t c = 0; c < job->k; c++) {
        double *y = job->y + c * job->ldy + b * TILE;
        memset(y, 0, (size_t)rows * sizeof(*y));
        for (ptrdiff_t task = 0; task < w->tasks; task++) {
            const double *part = w->partial + (task * w->tiles + b) * w->k * TILE + c * TILE;
            for (ptrdiff_t r = 0; w->touched[task * w->tiles + b] && r < rows; r++) {
                y[r] += part[r];
            }
        }
    }
    return ADVNTK_OK;
}

advntk_status advntk__apply_rows(struct advntk_host *host, const struct advntk_sym *a,
                                 struct advntk__apply *apply, ptrdiff_t k, const double *x,
                                 ptrdiff_t ldx, double *y, ptrdiff_t ldy, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    int isa = advntk_host_isa(host);
    struct apply_job job = {a, apply, advntk__tile_product64[isa], k, x, ldx, y, ldy};

    if (a->precision == ADVNTK_PRECISION_FLOAT32) {
        job.product = advntk__tile_product32[isa];
    }
    if (k == 0) {
        goto out;
    }
    TRY(advntk_parallel_for(host, a->tiles, prepare, &job, err));
    TRY(advntk_parallel_for(host, apply->tasks, multiply, &job, err));
    TRY(advntk_parallel_for(host, a->tiles, add_up, &job, err));
out:
    return rc;
}

/* to (columns,rows) <- from (rows,columns) */
static void transpose(ptrdiff_t rows, ptrdiff_t columns, const double *from, double *to)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        for (ptrdiff_t j = 0; j < columns; j++) {
            to[j * rows + i] = from[i * columns + j];
        }
    }
}

advntk_status advntk_sym_apply(struct advntk_host *host, const struct advntk_sym *a, ptrdiff_t k,
                               const double *x, double *y, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_backend_ops *backend = advntk_host_backend(host);
    struct advntk__apply *w = NULL;
    double *rows = NULL;

    if (k == 0) {
        goto out;
    }
    if (backend && backend->sym_apply) {
        TRY(backend->sym_apply(advntk_host_backend_state(host), a, k, x, y, err));
        goto out;
    }
    TRY(advntk__apply_new(a, k, &w, err));
    rows = advntk_alloc(a->n, (size_t)k * sizeof(*rows));
    if (!rows) {
        FAIL(err, ENOMEM, "no memory for products of %td vectors of %td entries", k, a->n);
    }
    transpose(a->n, k, x, rows);
    TRY(advntk__apply_rows(host, a, w, k, rows, a->n, rows, a->n, err));
    transpose(k, a->n, rows, y);
out:
    advntk__apply_free(w);
    advntk_free(rows);
    return rc;
}

struct exact_job {
    struct advntk_host *host;
    const struct advntk_sym *a;
    ptrdiff_t k;
    const double *x;
    double *y;
};

/* tile row i of y: the tiles of row i, and those of column i below the diagonal turned over */
static advntk_status exact_rows(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                struct advntk_error *err)
{
    const struct exact_job *job = context;
    const struct advntk_sym *a = job->a;
    const struct advntk_backend_ops *backend = advntk_host_backend(job->host);
    ptrdiff_t rows = advntk__sym_tile_rows(a, i);
    double *tile = advntk_arena_get(arena, (ptrdiff_t)TILE * TILE, sizeof(*tile));
    advntk_status rc = ADVNTK_OK;
    void *room;

    if (!tile) {
        FAIL(err, ENOMEM, "no memory for a tile of the kernel matrix");
    }
    TRY(advntk__sym_tile_room(a, arena, &room, err));
    for (ptrdiff_t j = 0; j < a->tiles; j++) {
        TRY(advntk__sym_tile_widen(a, i > j ? i : j, i > j ? j : i, room, tile, err));
        backend->gemm64(advntk_host_backend_state(job->host), j > i, false, rows, job->k,
                        advntk__sym_tile_rows(a, j), 1.0, tile, TILE, job->x + j * TILE * job->k,
                        job->k, j == 0 ? 0.0 : 1.0, job->y + i * TILE * job->k, job->k);
    }
out:
    return rc;
}

advntk_status advntk__apply_exact(struct advntk_host *host, const struct advntk_sym *a, ptrdiff_t k,
                                  const double *x, double *y, struct advntk_error *err)
{
    struct exact_job job = {host, a, k, x, y};
    return advntk_parallel_for(host, a->tiles, exact_rows, &job, err);
}
