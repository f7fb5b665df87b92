/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Block Lanczos. A new block is projected and orthonormalised twice over ("twice is enough",
 * Giraud, Langou, Rozloznik, van den Eshof 2005); columns that vanish are dropped, so blocks may
 * get narrower. Sums over the n entries are formed in pieces of fixed size, added in order.
 */
#include "config.h"

#include "base/try.h"
#include "linalg/krylov.h"

#include <advntk/backend.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 2048 };

advntk_status advntk__krylov_new(struct advntk_host *host, ptrdiff_t n, ptrdiff_t columns,
                                 ptrdiff_t cap, struct advntk__krylov **space,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__krylov *s = calloc(1, sizeof(*s));
    ptrdiff_t pieces = (n + PIECE - 1) / PIECE, rows = cap + columns;

    *space = NULL;
    if (!s) {
        FAIL(err, ENOMEM, "no memory for a Krylov space");
    }
    *s = (struct advntk__krylov){.host = host, .n = n, .columns = columns, .cap = cap};
    s->q = advntk_alloc(rows, (size_t)n * sizeof(double));
    s->z = advntk_alloc(rows, (size_t)n * sizeof(double));
    s->t = advntk_alloc(cap, (size_t)cap * sizeof(double));
    s->start = advntk_alloc(columns, (size_t)columns * sizeof(double));
    s->r = advntk_alloc(columns, (size_t)columns * sizeof(double));
    s->vectors = advntk_alloc(cap, (size_t)cap * sizeof(double));
    s->values = advntk_alloc(cap, sizeof(double));
    s->b = advntk_alloc(cap, (size_t)columns * sizeof(double));
    s->parts = advntk_alloc((pieces + 1) * rows, (size_t)columns * sizeof(double));
    s->c = advntk_alloc(rows + 3 * columns, (size_t)columns * sizeof(double));
    if (!s->q || !s->z || !s->t || !s->start || !s->r || !s->vectors || !s->values || !s->b ||
        !s->parts || !s->c) {
        FAIL(err, ENOMEM, "no memory for a Krylov space of %td vectors of %td entries", rows, n);
    }
    *space = s;
    s = NULL;
out:
    advntk__krylov_free(s);
    return rc;
}

void advntk__krylov_free(struct advntk__krylov *space)
{
    if (space) {
        advntk_free(space->q);
        advntk_free(space->z);
        advntk_free(space->t);
        advntk_free(space->start);
        advntk_free(space->r);
        advntk_free(space->vectors);
        advntk_free(space->values);
        advntk_free(space->b);
        advntk_free(space->parts);
        advntk_free(space->c);
        free(space);
    }
}

struct projection {
    struct advntk__krylov *s;
    ptrdiff_t m, k;  /* k rows from row m on against the first m */
    const double *c; /* (m,k) */
};

static advntk_status project_piece(void *context, ptrdiff_t piece, struct advntk_arena *arena,
                                   struct advntk_error *err)
{
    const struct projection *p = context;
    struct advntk__krylov *s = p->s;
    ptrdiff_t at = piece * PIECE, count = s->n - at < PIECE ? s->n - at : PIECE;
    (void)arena, (void)err;
    advntk_host_backend(s->host)->gemm64(advntk_host_backend_state(s->host), false, true, p->m,
                                         p->k, count, 1.0, s->q + at, s->n, s->q + p->m * s->n + at,
                                         s->n, 0.0, s->parts + piece * p->m * p->k, p->k);
    return ADVNTK_OK;
}

static advntk_status subtract_piece(void *context, ptrdiff_t piece, struct advntk_arena *arena,
                                    struct advntk_error *err)
{
    const struct projection *p = context;
    struct advntk__krylov *s = p->s;
    ptrdiff_t at = piece * PIECE, count = s->n - at < PIECE ? s->n - at : PIECE;
    (void)arena, (void)err;
    advntk_host_backend(s->host)->gemm64(advntk_host_backend_state(s->host), true, false, p->k,
                                         count, p->m, -1.0, p->c, p->k, s->q + at, s->n, 1.0,
                                         s->q + p->m * s->n + at, s->n);
    return ADVNTK_OK;
}

/* Takes from the k rows of q from row m on their part along the first m; c (m,k) gets it. */
static advntk_status project(struct advntk__krylov *s, ptrdiff_t m, ptrdiff_t k, double *c,
                             struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t pieces = (s->n + PIECE - 1) / PIECE;
    struct projection p = {s, m, k, c};

    if (m == 0 || k == 0) {
        goto out;
    }
    TRY(advntk_parallel_for(s->host, pieces, project_piece, &p, err));
    memcpy(c, s->parts, (size_t)(m * k) * sizeof(*c));
    for (ptrdiff_t piece = 1; piece < pieces; piece++) {
        for (ptrdiff_t i = 0; i < m * k; i++) {
            c[i] += s->parts[piece * m * k + i];
        }
    }
    TRY(advntk_parallel_for(s->host, pieces, subtract_piece, &p, err));
out:
    return rc;
}

static double length(ptrdiff_t n, const double *v)
{
    double lane[8] = {0}, sum = 0;
    ptrdiff_t i = 0;
    for (; i + 8 <= n; i += 8) {
        for (int l = 0; l < 8; l++) {
            lane[l] += v[i + l] * v[i + l];
        }
    }
    for (; i < n; i++) {
        sum += v[i] * v[i];
    }
    for (int l = 0; l < 8; l++) {
        sum += lane[l];
    }
    return sqrt(sum);
}

/*
 * Orthonormalises the k rows of q from row m on among themselves; rows that become no longer than
 * `shortest` are dropped, the others move up. r (kept,k): old rows are r' times the new ones.
 */
static ptrdiff_t orthonormalise(struct advntk__krylov *s, ptrdiff_t m, ptrdiff_t k, double shortest,
                                double *r)
{
    const struct advntk_backend_ops *backend = advntk_host_backend(s->host);
    void *state = advntk_host_backend_state(s->host);
    double *base = s->q + m * s->n, *part = s->c + s->cap * s->columns;
    ptrdiff_t kept = 0;

    memset(r, 0, (size_t)(k * k) * sizeof(*r));
    for (ptrdiff_t i = 0; i < k; i++) {
        double *v = base + i * s->n, size;
        for (int pass = 0; pass < 2 && kept > 0; pass++) {
            backend->gemm64(state, false, true, 1, kept, s->n, 1.0, v, s->n, base, s->n, 0.0, part,
                            kept);
            backend->gemm64(state, false, false, 1, s->n, kept, -1.0, part, kept, base, s->n, 1.0,
                            v, s->n);
            for (ptrdiff_t j = 0; j < kept; j++) {
                r[j * k + i] += part[j];
            }
        }
        size = length(s->n, v);
        if (!(size > shortest)) {
            continue;
        }
        r[kept * k + i] = size;
        for (ptrdiff_t l = 0; l < s->n; l++) {
            base[kept * s->n + l] = v[l] / size;
        }
        kept++;
    }
    return kept;
}

/* The k rows of q from row m on become s->next orthonormal ones, orthogonal to the first m; c (m,k)
 * and r (columns,columns; next rows) say what they were. */
static advntk_status make_block(struct advntk__krylov *s, ptrdiff_t m, ptrdiff_t k, double shortest,
                                double *c, double *r, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    double *again = s->c + (s->cap + s->columns) * s->columns;
    double *first = again + s->columns * s->columns;
    ptrdiff_t kept;

    TRY(project(s, m, k, c, err));
    kept = orthonormalise(s, m, k, shortest, first);
    /* the second time removes what cancellation brought back; c's part of it is below rounding */
    TRY(project(s, m, kept, s->parts + (s->n + PIECE - 1) / PIECE * m * kept, err));
    s->next = orthonormalise(s, m, kept, 0.0, again);
    memset(r, 0, (size_t)(k * k) * sizeof(*r));
    for (ptrdiff_t i = 0; i < s->next; i++) {
        for (ptrdiff_t j = 0; j < k; j++) {
            double sum = 0;
            for (ptrdiff_t l = 0; l < kept; l++) {
                sum += again[i * kept + l] * first[l * k + j];
            }
            r[i * k + j] = sum;
        }
    }
out:
    return rc;
}

advntk_status advntk__krylov_begin(struct advntk__krylov *space, const double *v,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__krylov *s = space;
    double largest = 0;

    s->m = s->first = s->width = s->next = 0;
    s->scale = 0;
    memcpy(s->q, v, (size_t)(s->columns * s->n) * sizeof(*v));
    for (ptrdiff_t i = 0; i < s->columns; i++) {
        double size = length(s->n, v + i * s->n);
        if (!isfinite(size)) {
            FAIL(err, ENUMERIC, "gradient flow: right-hand side %td has length %g", i, size);
        }
        largest = fmax(largest, size);
    }
    TRY(make_block(s, 0, s->columns, 1e-14 * largest, s->c, s->start, err));
out:
    return rc;
}

advntk_status advntk__krylov_extend(struct advntk__krylov *space, const double *h, double noise,
                                    struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__krylov *s = space;
    ptrdiff_t k = s->next, m = s->m + k;
    double *c = s->c;

    for (ptrdiff_t i = 0; i < k; i++) {
        const double *from = s->z + (s->m + i) * s->n;
        double *to = s->q + (m + i) * s->n, size;
        for (ptrdiff_t l = 0; l < s->n; l++) {
            to[l] = h[l] * from[l];
        }
        size = length(s->n, to);
        if (!isfinite(size)) {
            FAIL(err, ENUMERIC, "gradient flow: a product with the kernel matrix has length %g",
                 size);
        }
        s->scale = fmax(s->scale, size);
    }
    s->first = s->m;
    s->width = k;
    s->m = m;
    TRY(make_block(s, m, k, noise * s->scale, c, s->r, err));
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t j = 0; j < k; j++) {
            s->t[i * s->cap + s->first + j] = c[i * k + j];
            s->t[(s->first + j) * s->cap + i] = c[i * k + j];
        }
    }
    if (s->m + s->next > s->n) { /* rounding can leave more directions than there are */
        s->next = s->n - s->m;
    }
out:
    return rc;
}

advntk_status advntk__krylov_ritz(struct advntk__krylov *space, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__krylov *s = space;
    for (ptrdiff_t i = 0; i < s->m; i++) {
        memcpy(s->vectors + i * s->m, s->t + i * s->cap, (size_t)s->m * sizeof(*s->t));
    }
    if (s->m == 0) {
        goto out;
    }
    TRY(advntk_host_backend(s->host)->syev64(advntk_host_backend_state(s->host), s->m, s->vectors,
                                             s->m, s->values, err));
    for (ptrdiff_t i = 0; i < s->m; i++) {
        s->values[i] = fmax(s->values[i], 0); /* S is positive semi-definite */
        for (ptrdiff_t j = 0; j < s->columns; j++) {
            double sum = 0;
            for (ptrdiff_t l = 0; l < s->columns && l < s->m; l++) {
                sum += s->vectors[i * s->m + l] * s->start[l * s->columns + j];
            }
            s->b[i * s->columns + j] = sum;
        }
    }
out:
    return rc;
}
