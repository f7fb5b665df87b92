/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/values.h"

#include "base/host.h"
#include "base/try.h"
#include "graph/graph.h"
#include "linalg/gram.h"
#include "run/runner.h"
#include "store/part.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Two sets of images and the kernel between them. */
struct pair {
    struct advntk_host *host;
    const struct advntk__values *values;
    const struct advntk_kernel_ops *ops;
    struct advntk_graph *graph;
    void *state, *a, *b; /* points; b NULL: one set */
    ptrdiff_t n1, n2, d;
    size_t real;
    char about[128]; /* for people */
    struct advntk__part matrix, gradient;
};

static bool is_narrow(const struct pair *p)
{
    return p->real == sizeof(float);
}

static advntk_status put_points(const struct pair *p, const struct advntk__array *images,
                                void **points, struct advntk_error *err)
{
    advntk_status rc = p->ops->points_new(p->state, images->n, points, err);

    return rc ? rc : p->ops->points_put(p->state, *points, 0, images->n, images->values, err);
}

static advntk_status open_kernel(struct pair *p, struct advntk_error *err)
{
    const struct advntk__array *x = &p->values->x1;
    const struct advntk__run_config *config = p->values->config;
    const struct advntk__model_config *model = &config->model;
    struct advntk_kernel_setup setup = {.height = x->height,
                                        .width = x->width,
                                        .channels = x->channels,
                                        .precision = config->precision};
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__model_graph(model, x->height, x->width, x->channels, 1, &p->graph, err));
    setup.graph = p->graph;
    p->ops = model->kernel.plugin->ops;
    TRY(p->ops->open(model->kernel.config, p->host, &setup, &p->state, err));
    TRY(put_points(p, x, &p->a, err));
    if (p->values->x2.n) {
        TRY(put_points(p, &p->values->x2, &p->b, err));
    }
    snprintf(p->about, sizeof(p->about), "%s%s%s", model->kernel.plugin->name,
             p->graph ? " of " : "", p->graph ? model->architecture.plugin->name : "");
out:
    return rc;
}

static void close_pair(struct pair *p)
{
    if (p->b) {
        p->ops->points_free(p->state, p->b);
    }
    if (p->a) {
        p->ops->points_free(p->state, p->a);
    }
    if (p->state) {
        p->ops->close(p->state);
    }
    advntk__graph_free(p->graph);
}

/* Names the pieces, if there is more than one, of what depends on the first `arrays` of images,
 * images and weights. */
static advntk_status name_pieces(const struct pair *p, const struct advntk__part_setup *setup,
                                 ptrdiff_t arrays, uint8_t key[16], struct advntk_error *err)
{
    const struct advntk__values *v = p->values;
    const struct advntk__array all[3] = {v->x1, v->x2, v->weights};
    advntk_status rc = ADVNTK_OK;

    if (setup->pieces.count <= 1) {
        goto out;
    }
    TRY(advntk__program_digest(p->host->program, err));
    TRY(advntk__identity_arrays(v->config, arrays, all, key, err));
    TRY(advntk__identity_cached(p->host, v->registry, &v->config->model, key, p->graph, key, err));
out:
    return rc;
}

/* ---- values ---- */

static advntk_status begin_values(struct pair *p, struct advntk_error *err)
{
    const enum advntk_precision precision = p->values->config->precision;
    const ptrdiff_t shape[2] = {p->n1, p->n2};
    uint8_t key[16];
    struct advntk__part_setup setup = {
        .path = p->values->output,
        .dtype = is_narrow(p) ? ADVNTK_FLOAT32 : ADVNTK_FLOAT64,
        .rank = 2,
        .shape = shape,
        .pieces = {.key = key,
                   .kind = "kernel matrix",
                   .about = p->about,
                   .rows = p->n1,
                   .count =
                       p->b ? advntk__gram_tiles_between(p->n1, p->n2) : advntk__gram_tiles(p->n1),
                   .bytes = advntk__gram_tile_bytes(precision)},
    };
    advntk_status rc = ADVNTK_OK;

    TRY(name_pieces(p, &setup, 2, key, err));
    TRY(advntk__part_open(&p->matrix, p->host, &setup, err));
out:
    return rc;
}

static const void *entry(const struct pair *p, const void *tile, ptrdiff_t r, ptrdiff_t c)
{
    return (const char *)tile + (size_t)(r * ADVNTK__TILE + c) * p->real;
}

/* A tile to the file; of one set of images also turned over. */
static advntk_status put_tile(void *context, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t column,
                              ptrdiff_t columns, const void *tile, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    const struct pair *p = context;
    const struct advntk__npy_file *file = &p->matrix.file;
    const bool twice = !p->b && row != column;
    char *turned;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__part_check(&p->matrix, err));
    for (ptrdiff_t r = 0; r < rows; r++) {
        TRY(advntk__npy_file_put(file, (row + r) * p->n2 + column, columns, entry(p, tile, r, 0),
                                 err));
    }
    turned = twice ? advntk_arena_get(arena, rows, p->real) : NULL;
    if (twice && !turned) {
        FAIL(err, ENOMEM, "no memory for a column of kernel values");
    }
    for (ptrdiff_t c = 0; twice && c < columns; c++) {
        for (ptrdiff_t r = 0; r < rows; r++) {
            memcpy(turned + (size_t)r * p->real, entry(p, tile, r, c), p->real);
        }
        TRY(advntk__npy_file_put(file, (column + c) * p->n2 + row, rows, turned, err));
    }
out:
    return rc;
}

static advntk_status write_values(struct pair *p, struct advntk_error *err)
{
    const struct advntk__gram_pairs pairs = {.kernel = p->ops,
                                             .kernel_state = p->state,
                                             .points = p->a,
                                             .others = p->b,
                                             .n = p->n1,
                                             .m = p->n2,
                                             .precision = p->values->config->precision};
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__gram_each(p->host, &pairs, p->matrix.tiles, put_tile, p, err));
    TRY(advntk__part_commit(&p->matrix, err));
out:
    return rc;
}

/* ---- the gradient ---- */

static ptrdiff_t panels(const struct pair *p)
{
    return (p->n1 + ADVNTK_PANEL - 1) / ADVNTK_PANEL;
}

static advntk_status begin_gradient(struct pair *p, struct advntk_error *err)
{
    uint8_t key[16];
    const struct advntk__part_setup setup = {
        .path = p->values->gradient_output,
        .dtype = ADVNTK_FLOAT64,
        .rank = p->values->gradient_rank,
        .shape = p->values->gradient_shape,
        .pieces = {.key = key,
                   .kind = "gradient",
                   .about = p->about,
                   .rows = p->n1,
                   .count = panels(p),
                   .bytes = (size_t)(ADVNTK_PANEL * p->d) * sizeof(double)},
    };
    advntk_status rc = ADVNTK_OK;

    TRY(name_pieces(p, &setup, 3, key, err));
    TRY(advntk__part_open(&p->gradient, p->host, &setup, err));
out:
    return rc;
}

/* Workspace of a panel. */
struct panel {
    ptrdiff_t first, count; /* of its rows */
    void *g, *k;            /* ADVNTK_PANEL,n2 in the precision: weights and values */
    double *dx;             /* ADVNTK_PANEL,d; 0 behind the last image */
};

/* The panel's rows of the weights, in the precision. */
static void take_weights(const struct pair *p, const struct panel *panel)
{
    for (ptrdiff_t i = 0; i < panel->count * p->n2; i++) {
        double value = p->values->weights.values[panel->first * p->n2 + i];
        if (is_narrow(p)) {
            ((float *)panel->g)[i] = (float)value;
        } else {
            ((double *)panel->g)[i] = value;
        }
    }
}

static advntk_status check_panel(const struct pair *p, const struct panel *panel,
                                 struct advntk_error *err)
{
    for (ptrdiff_t i = 0; i < panel->count * p->d; i++) {
        if (!isfinite(panel->dx[i])) {
            return ADVNTK_FAIL(err, ENUMERIC, "gradient: value %td of image %td is %g: %s",
                               i % p->d, panel->first + i / p->d, panel->dx[i],
                               advntk__gram_remedy(p->values->config->precision));
        }
    }
    return ADVNTK_OK;
}

static advntk_status compute_panel(const struct pair *p, const struct panel *panel,
                                   struct advntk_error *err)
{
    const double *images = p->values->x1.values + panel->first * p->d;
    void *points = NULL, *tape = NULL;
    advntk_status rc = ADVNTK_OK;

    take_weights(p, panel);
    TRY(p->ops->points_new(p->state, panel->count, &points, err));
    TRY(p->ops->points_put(p->state, points, 0, panel->count, images, err));
    TRY(p->ops->panel(p->state, points, p->b ? p->b : p->a, panel->k, &tape, err));
    memset(panel->dx, 0, (size_t)(ADVNTK_PANEL * p->d) * sizeof(double));
    TRY(p->ops->panel_vjp(p->state, tape, 1, panel->g, panel->dx, err));
    TRY(check_panel(p, panel, err));
out:
    if (tape) {
        p->ops->tape_free(p->state, tape);
    }
    if (points) {
        p->ops->points_free(p->state, points);
    }
    return rc;
}

/* A panel to the file, read where it is there. *done: panels, those that are there from the start.
 */
static advntk_status one_panel(const struct pair *p, struct panel *panel, ptrdiff_t index,
                               ptrdiff_t *done, struct advntk_error *err)
{
    struct advntk__tiles *stored = p->gradient.tiles;
    const bool counted = stored && advntk__tiles_has(stored, index);
    const ptrdiff_t left = p->n1 - index * ADVNTK_PANEL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk_cancelled(p->host, err));
    TRY(advntk__part_check(&p->gradient, err));
    panel->first = index * ADVNTK_PANEL;
    panel->count = left < ADVNTK_PANEL ? left : ADVNTK_PANEL;
    if (!stored || !advntk__tiles_get(stored, index, panel->dx)) {
        TRY(compute_panel(p, panel, err));
        if (stored) {
            advntk__tiles_put(stored, index, panel->dx);
        }
    }
    TRY(advntk__npy_file_put(&p->gradient.file, panel->first * p->d, panel->count * p->d, panel->dx,
                             err));
    *done += !counted;
    advntk_progress(p->host, "gradient", *done, panels(p));
out:
    return rc;
}

static advntk_status write_gradient(struct pair *p, struct advntk_error *err)
{
    struct panel panel = {.g = advntk_alloc(ADVNTK_PANEL * p->n2, p->real),
                          .k = advntk_alloc(ADVNTK_PANEL * p->n2, p->real),
                          .dx = advntk_alloc(ADVNTK_PANEL * p->d, sizeof(double))};
    ptrdiff_t done = 0;
    advntk_status rc = ADVNTK_OK;

    if (!panel.g || !panel.k || !panel.dx) {
        FAIL(err, ENOMEM, "no memory for the gradient of %d images", ADVNTK_PANEL);
    }
    for (ptrdiff_t i = 0; p->gradient.tiles && i < panels(p); i++) {
        done += advntk__tiles_has(p->gradient.tiles, i);
    }
    advntk_progress(p->host, "gradient", done, panels(p));
    for (ptrdiff_t i = 0; i < panels(p); i++) {
        TRY(one_panel(p, &panel, i, &done, err));
    }
    TRY(advntk__part_commit(&p->gradient, err));
out:
    advntk_free(panel.g);
    advntk_free(panel.k);
    advntk_free(panel.dx);
    return rc;
}

advntk_status advntk__values_write(struct advntk_host *host, const struct advntk__values *values,
                                   struct advntk__text *kept, struct advntk_error *err)
{
    const struct advntk__array *x = &values->x1;
    struct pair p = {.host = host,
                     .values = values,
                     .n1 = x->n,
                     .n2 = values->x2.n ? values->x2.n : x->n,
                     .d = x->height * x->width * x->channels,
                     .real = values->config->precision == ADVNTK_PRECISION_FLOAT32
                                 ? sizeof(float)
                                 : sizeof(double)};
    bool keep;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__backend_open(host, &values->config->backend, err));
    TRY(open_kernel(&p, err));
    if (values->weights.n) {
        TRY(begin_gradient(&p, err));
    }
    if (values->output) {
        TRY(begin_values(&p, err));
        TRY(write_values(&p, err));
    }
    if (values->weights.n) {
        TRY(write_gradient(&p, err));
    }
out:
    /* numbers that are none come again from the same command: what is kept would be of no use */
    keep = rc != ADVNTK_OK && rc != ADVNTK_ENUMERIC;
    advntk__part_close(&p.matrix, keep, kept);
    advntk__part_close(&p.gradient, keep, kept);
    close_pair(&p);
    advntk__backend_close(host);
    return rc;
}
