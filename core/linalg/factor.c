/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cholesky factor of a symmetric tiled matrix, in float64, from the backend's dense functions:
 * column of tiles by column, then everything to its right. Each tile is changed by one task at a
 * time and in the order of the columns, so the bits do not depend on the threads.
 */
#include "config.h"

#include "base/hash.h"
#include "base/host.h"
#include "base/try.h"
#include "linalg/room.h"
#include "linalg/sym.h"
#include "store/tiles.h"

#include <advntk/backend.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TILE = ADVNTK__TILE, ESTIMATE_ROUNDS = 5 };

struct advntk_factor {
    struct advntk_sym *l;
    double ridge, smallest_pivot, condition;
};

struct factor_job {
    struct advntk_host *host;
    const struct advntk_backend_ops *backend;
    void *state;
    const struct advntk_sym *a;
    struct advntk_sym *l;
    double ridge;
    double largest; /* entry on the diagonal of a */
    ptrdiff_t step; /* the tile column at work */
    /* solves */
    ptrdiff_t k;
    double *x;
};

static struct factor_job job_of(struct advntk_host *host, struct advntk_sym *l)
{
    return (struct factor_job){.host = host,
                               .backend = advntk_host_backend(host),
                               .state = advntk_host_backend_state(host),
                               .l = l};
}

static advntk_status copy_tile(void *context, ptrdiff_t index, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    const struct factor_job *job = context;
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t i, j;
    void *room;

    advntk__sym_tile_at(index, &i, &j);
    TRY(advntk__sym_tile_room(job->a, arena, &room, err));
    TRY(advntk__sym_tile_widen(job->a, i, j, room, advntk__sym_tile(job->l, i, j), err));
    if (i == j) {
        double *tile = advntk__sym_tile(job->l, i, i);
        for (ptrdiff_t r = 0; r < advntk__sym_tile_rows(job->l, i); r++) {
            tile[r * TILE + r] += job->ridge;
        }
    }
out:
    return rc;
}

/* tile (step+1+index, step) <- itself times the inverse of the diagonal tile's factor, turned over
 */
static advntk_status panel_tile(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                struct advntk_error *err)
{
    const struct factor_job *job = context;
    ptrdiff_t i = job->step + 1 + index;
    (void)arena, (void)err;
    job->backend->trsm64(job->state, true, true, advntk__sym_tile_rows(job->l, i), TILE,
                         advntk__sym_tile(job->l, job->step, job->step), TILE,
                         advntk__sym_tile(job->l, i, job->step), TILE);
    return ADVNTK_OK;
}

/* tile (i,j) to the right of the column loses the product of the column's tiles i and j */
static advntk_status trailing_tile(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                   struct advntk_error *err)
{
    const struct factor_job *job = context;
    ptrdiff_t i, j;
    (void)arena, (void)err;
    advntk__sym_tile_at(index, &i, &j);
    i += job->step + 1;
    j += job->step + 1;
    if (i == j) {
        job->backend->syrk64(job->state, advntk__sym_tile_rows(job->l, i), TILE, -1.0,
                             advntk__sym_tile(job->l, i, job->step), TILE, 1.0,
                             advntk__sym_tile(job->l, i, i), TILE);
    } else {
        job->backend->gemm64(job->state, false, true, advntk__sym_tile_rows(job->l, i),
                             advntk__sym_tile_rows(job->l, j), TILE, -1.0,
                             advntk__sym_tile(job->l, i, job->step), TILE,
                             advntk__sym_tile(job->l, j, job->step), TILE, 1.0,
                             advntk__sym_tile(job->l, i, j), TILE);
    }
    return ADVNTK_OK;
}

/* What ridge would do: above the pivot and above the rounding of the stored entries, a power of
 * ten. */
static double ridge_to_try(const struct factor_job *job, double pivot)
{
    double epsilon =
        job->a->precision == ADVNTK_PRECISION_FLOAT32 ? (double)FLT_EPSILON : DBL_EPSILON;
    double least =
        fmax(epsilon * sqrt((double)job->a->n) * job->largest, isfinite(pivot) ? -2 * pivot : 0);
    return pow(10, ceil(log10(fmax(fmax(least, 2 * job->ridge), DBL_MIN))));
}

static advntk_status diagonal_tile(struct factor_job *job, double *smallest,
                                   struct advntk_error *err)
{
    ptrdiff_t rows = advntk__sym_tile_rows(job->l, job->step), bad = -1;
    double *tile = advntk__sym_tile(job->l, job->step, job->step);
    advntk_status rc = job->backend->potrf64(job->state, rows, tile, TILE, &bad, err);

    if (rc == ADVNTK_ENUMERIC && bad >= 0) {
        double pivot = tile[bad * TILE + bad];
        return ADVNTK_FAIL(err, ENUMERIC,
                           "the kernel matrix plus ridge %g is not positive definite: pivot %td of "
                           "%td is %g; try ridge: %g, or look for images that are there twice",
                           job->ridge, job->step * TILE + bad, job->l->n, pivot,
                           ridge_to_try(job, pivot));
    }
    for (ptrdiff_t r = 0; rc == ADVNTK_OK && r < rows; r++) {
        *smallest = fmin(*smallest, tile[r * TILE + r] * tile[r * TILE + r]);
    }
    return rc;
}

static advntk_status factorise(struct factor_job *job, double *smallest, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t tiles = job->l->tiles, total = tiles * (tiles + 1) / 2;

    *smallest = (double)INFINITY;
    TRY(advntk_parallel_for(job->host, total, copy_tile, job, err));
    for (ptrdiff_t i = 0; i < job->l->n; i++) {
        job->largest = fmax(job->largest, fabs(advntk__sym_entry(job->l, i, i) - job->ridge));
    }
    for (job->step = 0; job->step < tiles; job->step++) {
        ptrdiff_t rest = tiles - job->step - 1;
        TRY(diagonal_tile(job, smallest, err));
        TRY(advntk_parallel_for(job->host, rest, panel_tile, job, err));
        TRY(advntk_parallel_for(job->host, rest * (rest + 1) / 2, trailing_tile, job, err));
        advntk_progress(job->host, "Cholesky factor", job->step + 1, tiles);
    }
out:
    return rc;
}

/* ---- solves ---- */

/* block step+1+index of x loses what block `step` explains of it: l x = b from the top */
static advntk_status forward_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                   struct advntk_error *err)
{
    const struct factor_job *job = context;
    ptrdiff_t i = job->step + 1 + index;
    (void)arena, (void)err;
    job->backend->gemm64(job->state, false, false, advntk__sym_tile_rows(job->l, i), job->k, TILE,
                         -1.0, advntk__sym_tile(job->l, i, job->step), TILE,
                         job->x + job->step * TILE * job->k, job->k, 1.0,
                         job->x + i * TILE * job->k, job->k);
    return ADVNTK_OK;
}

/* block `index` above `step`: l' x = b from the bottom */
static advntk_status backward_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                    struct advntk_error *err)
{
    const struct factor_job *job = context;
    (void)arena, (void)err;
    job->backend->gemm64(
        job->state, true, false, TILE, job->k, advntk__sym_tile_rows(job->l, job->step), -1.0,
        advntk__sym_tile(job->l, job->step, index), TILE, job->x + job->step * TILE * job->k,
        job->k, 1.0, job->x + index * TILE * job->k, job->k);
    return ADVNTK_OK;
}

/* x (n,k) <- (l l')^-1 x */
static advntk_status solve(struct advntk_host *host, struct advntk_sym *l, ptrdiff_t k, double *x,
                           struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct factor_job job = job_of(host, l);
    job.k = k;
    job.x = x;
    for (job.step = 0; job.step < l->tiles; job.step++) {
        job.backend->trsm64(job.state, false, false, advntk__sym_tile_rows(l, job.step), k,
                            advntk__sym_tile(l, job.step, job.step), TILE, x + job.step * TILE * k,
                            k);
        TRY(advntk_parallel_for(host, l->tiles - job.step - 1, forward_block, &job, err));
    }
    for (job.step = l->tiles - 1; job.step >= 0; job.step--) {
        job.backend->trsm64(job.state, false, true, advntk__sym_tile_rows(l, job.step), k,
                            advntk__sym_tile(l, job.step, job.step), TILE, x + job.step * TILE * k,
                            k);
        TRY(advntk_parallel_for(host, job.step, backward_block, &job, err));
    }
out:
    return rc;
}

struct norm_job {
    const struct advntk_sym *a;
    double ridge, *sums; /* n: of the magnitudes in each column */
};

/* Columns of tile row i: its tiles by rows, those of column i below the diagonal by columns. */
static advntk_status column_sums(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    const struct norm_job *job = context;
    const struct advntk_sym *a = job->a;
    ptrdiff_t rows = advntk__sym_tile_rows(a, i);
    double *sums = job->sums + i * TILE;
    double *tile = advntk_arena_get(arena, (ptrdiff_t)TILE * TILE, sizeof(*tile));
    advntk_status rc = ADVNTK_OK;
    void *room;

    if (!tile) {
        FAIL(err, ENOMEM, "no memory for a tile of the kernel matrix");
    }
    TRY(advntk__sym_tile_room(a, arena, &room, err));
    memset(sums, 0, (size_t)rows * sizeof(*sums));
    for (ptrdiff_t j = 0; j < a->tiles; j++) {
        ptrdiff_t columns = advntk__sym_tile_rows(a, j);
        TRY(advntk__sym_tile_widen(a, i > j ? i : j, i > j ? j : i, room, tile, err));
        for (ptrdiff_t r = 0; i == j && r < rows; r++) {
            tile[r * TILE + r] += job->ridge;
        }
        for (ptrdiff_t r = 0; j <= i && r < rows; r++) {
            for (ptrdiff_t c = 0; c < columns; c++) {
                sums[r] += fabs(tile[r * TILE + c]);
            }
        }
        for (ptrdiff_t c = 0; j > i && c < columns; c++) {
            for (ptrdiff_t r = 0; r < rows; r++) {
                sums[r] += fabs(tile[c * TILE + r]);
            }
        }
    }
out:
    return rc;
}

/* The 1-norm of a + ridge 1: largest sum of magnitudes in a column. sums: n numbers. */
static advntk_status one_norm(struct advntk_host *host, const struct advntk_sym *a, double ridge,
                              double *sums, double *norm, struct advntk_error *err)
{
    struct norm_job job = {a, ridge, sums};
    advntk_status rc = advntk_parallel_for(host, a->tiles, column_sums, &job, err);

    *norm = 0;
    for (ptrdiff_t i = 0; rc == ADVNTK_OK && i < a->n; i++) {
        *norm = fmax(*norm, sums[i]);
    }
    return rc;
}

/*
 * Estimate of the 1-norm of the inverse: Hager 1984, with Higham's last try (1988, algorithm 2.4).
 * x: 2n numbers of scratch.
 */
static advntk_status inverse_norm(struct advntk_host *host, struct advntk_sym *l, double *x,
                                  double *norm, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t n = l->n, last = -1;
    double *sign = x + n, other = 0;

    *norm = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        x[i] = 1.0 / (double)n;
    }
    for (int round = 0; round < ESTIMATE_ROUNDS; round++) {
        double size = 0;
        ptrdiff_t largest = 0;
        TRY(solve(host, l, 1, x, err));
        for (ptrdiff_t i = 0; i < n; i++) {
            size += fabs(x[i]);
            sign[i] = x[i] >= 0 ? 1 : -1;
        }
        if (round > 0 && size <= *norm) {
            break;
        }
        *norm = size;
        TRY(solve(host, l, 1, sign, err)); /* the inverse is symmetric */
        for (ptrdiff_t i = 1; i < n; i++) {
            largest = fabs(sign[i]) > fabs(sign[largest]) ? i : largest;
        }
        if (largest == last) {
            break;
        }
        last = largest;
        memset(x, 0, (size_t)n * sizeof(*x));
        x[largest] = 1;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        x[i] = (i % 2 ? -1 : 1) * (1 + (n > 1 ? (double)i / (double)(n - 1) : 0));
    }
    TRY(solve(host, l, 1, x, err));
    for (ptrdiff_t i = 0; i < n; i++) {
        other += fabs(x[i]);
    }
    *norm = fmax(*norm, 2 * other / (3 * (double)n));
out:
    return rc;
}

/* ---- kept factors ---- */

enum { NOTE_PIVOT, NOTE_CONDITION, NOTES };

advntk_status advntk__factor_key(const uint8_t matrix[16], double ridge, uint8_t key[16],
                                 struct advntk_error *err)
{
    static const char format[] = "advntk factor 1";
    struct advntk__hash *hash = advntk__hash_new();

    if (!hash) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a digest");
    }
    advntk__hash_text(hash, format);
    advntk__hash_add(hash, matrix, 16);
    advntk__hash_real(hash, ridge);
    advntk__hash_end(hash, key);
    advntk__hash_free(hash);
    return ADVNTK_OK;
}

static advntk_status open_stored(struct advntk_host *host, const struct advntk_sym *a, double ridge,
                                 struct advntk__tiles **stored, struct advntk_error *err)
{
    uint8_t key[16];
    char about[64];
    struct advntk__tiles_setup setup = {.key = key,
                                        .kind = "factor",
                                        .about = about,
                                        .rows = a->n,
                                        .count = advntk__gram_tiles(a->n),
                                        .bytes = advntk__gram_tile_bytes(ADVNTK_PRECISION_FLOAT64),
                                        .notes = NOTES};
    advntk_status rc = ADVNTK_OK;

    *stored = NULL;
    if (!host->cache || !a->named) {
        goto out;
    }
    TRY(advntk__factor_key(a->key, ridge, key, err));
    snprintf(about, sizeof(about), "ridge %.17g, matrix %02x%02x%02x%02x", ridge, a->key[0],
             a->key[1], a->key[2], a->key[3]);
    TRY(advntk__tiles_open(host, host->cache, &setup, stored, err));
out:
    return rc;
}

struct stored_job {
    struct advntk_factor *factor;
    struct advntk__tiles *stored;
};

static advntk_status stored_tile_get(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                     struct advntk_error *err)
{
    const struct stored_job *job = context;
    ptrdiff_t i, j;

    (void)arena;
    advntk__sym_tile_at(index, &i, &j);
    return advntk__tiles_get(job->stored, index, advntk__sym_tile(job->factor->l, i, j))
               ? ADVNTK_OK
               : ADVNTK_FAIL(err, ENOTFOUND, "tile %td of the factor is damaged", index);
}

static advntk_status stored_tile_put(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                     struct advntk_error *err)
{
    const struct stored_job *job = context;
    ptrdiff_t i, j;

    (void)arena, (void)err;
    advntk__sym_tile_at(index, &i, &j);
    advntk__tiles_put(job->stored, index, advntk__sym_tile(job->factor->l, i, j));
    return ADVNTK_OK;
}

/* *found: the factor was kept whole, and is in f now. */
static advntk_status stored_read(struct advntk_host *host, struct advntk_factor *f,
                                 struct advntk__tiles *stored, bool *found,
                                 struct advntk_error *err)
{
    struct stored_job job = {f, stored};
    advntk_status rc = ADVNTK_OK;

    *found = false;
    if (!stored || !advntk__tiles_complete(stored)) {
        return rc;
    }
    rc = advntk_parallel_for(host, advntk__gram_tiles(f->l->n), stored_tile_get, &job, err);
    if (rc == ADVNTK_ENOTFOUND) {
        return ADVNTK_OK;
    }
    *found = rc == ADVNTK_OK && advntk__tiles_note_get(stored, NOTE_PIVOT, &f->smallest_pivot) &&
             advntk__tiles_note_get(stored, NOTE_CONDITION, &f->condition);
    return rc;
}

static advntk_status stored_write(struct advntk_host *host, struct advntk_factor *f,
                                  struct advntk__tiles *stored, struct advntk_error *err)
{
    struct stored_job job = {f, stored};
    advntk_status rc = ADVNTK_OK;

    if (stored) {
        TRY(advntk_parallel_for(host, advntk__gram_tiles(f->l->n), stored_tile_put, &job, err));
        advntk__tiles_note_put(stored, NOTE_PIVOT, f->smallest_pivot);
        advntk__tiles_note_put(stored, NOTE_CONDITION, f->condition);
    }
out:
    return rc;
}

/* f->l <- the factor, with its pivot and condition. */
static advntk_status compute_factor(struct advntk_host *host, const struct advntk_sym *a,
                                    struct advntk_factor *f, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct factor_job job = job_of(host, f->l);
    double *scratch = advntk_alloc(2 * a->n, sizeof(*scratch)), norm, inverse;

    if (!scratch) {
        FAIL(err, ENOMEM, "no memory for the condition number of a matrix of %td rows", a->n);
    }
    job.a = a;
    job.ridge = f->ridge;
    advntk__seconds_add(host->factor_seconds, -1);
    rc = factorise(&job, &f->smallest_pivot, err);
    advntk__seconds_add(host->factor_seconds, 1);
    TRY(rc);
    TRY(one_norm(host, a, f->ridge, scratch, &norm, err));
    TRY(inverse_norm(host, f->l, scratch, &inverse, err));
    f->condition = norm * inverse;
out:
    advntk_free(scratch);
    return rc;
}

advntk_status advntk_factor_new(struct advntk_host *host, const struct advntk_sym *a, double ridge,
                                struct advntk_factor **factor, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_factor *f = calloc(1, sizeof(*f));
    struct advntk__tiles *stored = NULL;
    bool found = false;

    *factor = NULL;
    if (!f) {
        FAIL(err, ENOMEM, "no memory for the Cholesky factor");
    }
    if (!(ridge >= 0) || !isfinite(ridge)) {
        FAIL(err, EINVALID, "ridge is %g: expected a finite number, 0 or more", ridge);
    }
    f->ridge = ridge;
    TRY(advntk__room_check("the Cholesky factor (float64)",
                           8.0 * TILE * TILE * (double)a->tiles * (double)(a->tiles + 1) / 2,
                           "use fewer images", err));
    TRY(advntk__sym_new(a->n, ADVNTK_PRECISION_FLOAT64, &f->l, err));
    TRY(open_stored(host, a, ridge, &stored, err));
    advntk__seconds_add(host->kept_seconds, -1);
    rc = stored_read(host, f, stored, &found, err);
    advntk__seconds_add(host->kept_seconds, 1);
    TRY(rc);
    if (!found) {
        TRY(compute_factor(host, a, f, err));
        advntk__seconds_add(host->kept_seconds, -1);
        rc = stored_write(host, f, stored, err);
        advntk__seconds_add(host->kept_seconds, 1);
        TRY(rc);
    }
    *factor = f;
    f = NULL;
out:
    advntk__tiles_close(stored);
    advntk_factor_free(f);
    return rc;
}

void advntk_factor_free(struct advntk_factor *factor)
{
    if (factor) {
        advntk__sym_free(factor->l);
        free(factor);
    }
}

double advntk_factor_smallest_pivot(const struct advntk_factor *factor)
{
    return factor->smallest_pivot;
}

double advntk_factor_condition(const struct advntk_factor *factor)
{
    return factor->condition;
}

advntk_status advntk_factor_solve(struct advntk_host *host, const struct advntk_factor *factor,
                                  const struct advntk_sym *a, ptrdiff_t k, double *x,
                                  double *residual, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    double *b = NULL, *ax = NULL, largest = 0, worst = 0;
    ptrdiff_t count = a->n * k;

    if (factor->l->n != a->n) {
        FAIL(err, ESHAPE, "a factor of %td rows for a matrix of %td", factor->l->n, a->n);
    }
    if (k < 0 || k > 1 << 20) {
        FAIL(err, ESHAPE, "%td right-hand sides: expected 0 to 2^20", k);
    }
    if (residual) {
        b = advntk_alloc(a->n, (size_t)k * sizeof(*b));
        ax = advntk_alloc(a->n, (size_t)k * sizeof(*ax));
        if (!b || !ax) {
            FAIL(err, ENOMEM, "no memory for the residual of %td x %td", a->n, k);
        }
        memcpy(b, x, (size_t)count * sizeof(*b));
    }
    if (k > 0) {
        TRY(solve(host, factor->l, k, x, err));
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) {
            FAIL(err, ENUMERIC, "solution of %td x %td: entry (%td, %td) is %g", a->n, k, i / k,
                 i % k, x[i]);
        }
    }
    if (residual) {
        TRY(advntk__apply_exact(host, a, k, x, ax, err));
        for (ptrdiff_t i = 0; i < count; i++) {
            largest = fmax(largest, fabs(b[i]));
            worst = fmax(worst, fabs(b[i] - ax[i] - factor->ridge * x[i]));
        }
        *residual = largest > 0 ? worst / largest : 0;
    }
out:
    advntk_free(b);
    advntk_free(ax);
    return rc;
}
