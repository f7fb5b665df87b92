/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/pace.h"

#include "base/host.h"
#include "base/memory.h"
#include "base/try.h"
#include "linalg/gram.h"
#include "run/cost.h"

#include <advntk/model.h>
#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

enum { LEAST = 8 };
static const double enough =
    0.2; /* seconds: so many, and the clock's and threads' noise is small */

struct pace_job {
    struct advntk_host *host;
    const struct advntk_kernel_ops *ops;
    void *state, *points; /* ADVNTK__TILE of them */
    double *pixels;       /* theirs */
    ptrdiff_t d, side;    /* side: rows and columns of the tiles under way */
    size_t real;
    char *values; /* a tile for each thread; a panel's weights and values */
};

/* Noise in [-1/2, 1/2]: low bits of a multiplicative sequence. */
static void fill_noise(ptrdiff_t n, double *x)
{
    uint64_t state = 1;

    for (ptrdiff_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX generator */
        x[i] = (double)(state >> 40) / 16777216 - 0.5;
    }
}

static advntk_status one_tile(void *context, ptrdiff_t index, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    const struct pace_job *j = context;
    char *k = j->values + (size_t)index * ADVNTK__TILE * ADVNTK__TILE * j->real;

    return j->ops->tile(j->state, j->points, 0, j->side, j->points, ADVNTK__TILE - j->side, j->side,
                        false, k, j->side, arena, err);
}

static advntk_status time_tiles(struct pace_job *j, struct advntk__pace *pace,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    double took = 0;

    for (j->side = LEAST; took < enough && j->side <= ADVNTK__TILE; j->side *= 2) {
        struct advntk__spent started = advntk__spent_now();
        TRY(advntk_parallel_for(j->host, j->host->threads, one_tile, j, err));
        took = advntk__spent_since(started).wall;
        pace->pair = took / ((double)j->side * (double)j->side);
    }
out:
    return rc;
}

/* Prepares `rows` images, compares them with `columns` and pushes weights of 1 back. */
static advntk_status one_panel(struct pace_job *j, ptrdiff_t rows, ptrdiff_t columns,
                               double *seconds, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__spent started;
    void *a = NULL, *b = NULL, *tape = NULL;
    double *dx = advntk_alloc(rows * j->d, sizeof(*dx));

    if (!dx) {
        FAIL(err, ENOMEM, "no memory for %td gradients of %td pixels", rows, j->d);
    }
    TRY(j->ops->points_new(j->state, columns, &b, err));
    TRY(j->ops->points_put(j->state, b, 0, columns, j->pixels, err));
    TRY(j->ops->points_new(j->state, rows, &a, err));
    started = advntk__spent_now();
    TRY(j->ops->points_put(j->state, a, 0, rows, j->pixels + (ADVNTK__TILE - rows) * j->d, err));
    TRY(j->ops->panel(j->state, a, b, j->values, &tape, err));
    TRY(j->ops->panel_vjp(j->state, tape, 1, j->values, dx, err));
    *seconds = advntk__spent_since(started).wall;
out:
    if (tape) {
        j->ops->tape_free(j->state, tape);
    }
    if (a) {
        j->ops->points_free(j->state, a);
    }
    if (b) {
        j->ops->points_free(j->state, b);
    }
    advntk_free(dx);
    return rc;
}

/* Two widths tell what an image costs from what a pair does. */
static advntk_status time_panels(struct pace_job *j, struct advntk__pace *pace,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t rows = LEAST, columns = LEAST, fewer;
    double wide = 0, narrow = 0, difference;

    TRY(one_panel(j, rows, columns, &wide, err)); /* memory is touched for the first time */
    for (wide = 0; wide < enough && columns < ADVNTK__TILE;) {
        if (rows < ADVNTK_PANEL) {
            rows *= 2;
        } else {
            columns *= 2;
        }
        TRY(one_panel(j, rows, columns, &wide, err));
    }
    fewer = columns / 2;
    TRY(one_panel(j, rows, fewer, &narrow, err));
    difference = wide - narrow;
    pace->gradient = fmax(difference, 0) / ((double)rows * (double)(columns - fewer));
    pace->image = fmax(wide / (double)rows - pace->gradient * (double)columns, 0);
out:
    return rc;
}

advntk_status advntk__pace_measure(struct advntk_host *host, const struct advntk_slot *kernel,
                                   const struct advntk_kernel_setup *setup,
                                   struct advntk__pace *pace, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct pace_job j = {.host = host, .ops = kernel->plugin->ops};

    *pace = (struct advntk__pace){0};
    j.d = setup->height * setup->width * setup->channels;
    j.real = setup->precision == ADVNTK_PRECISION_FLOAT32 ? sizeof(float) : sizeof(double);
    j.pixels = advntk_alloc(ADVNTK__TILE * j.d, sizeof(*j.pixels));
    j.values = advntk_alloc_zero((ptrdiff_t)host->threads * ADVNTK__TILE * ADVNTK__TILE, j.real);
    if (!j.pixels || !j.values) {
        FAIL(err, ENOMEM, "no memory to measure %d tiles at a time", host->threads);
    }
    fill_noise(ADVNTK__TILE * j.d, j.pixels);
    TRY(j.ops->open(kernel->config, host, setup, &j.state, err));
    TRY(j.ops->points_new(j.state, ADVNTK__TILE, &j.points, err));
    TRY(j.ops->points_put(j.state, j.points, 0, ADVNTK__TILE, j.pixels, err));
    TRY(time_tiles(&j, pace, err));
    TRY(time_panels(&j, pace, err));
out:
    if (j.points) {
        j.ops->points_free(j.state, j.points);
    }
    if (j.state) {
        j.ops->close(j.state);
    }
    advntk_free(j.pixels);
    advntk_free(j.values);
    return rc;
}
