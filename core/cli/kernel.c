/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/host.h"
#include "base/try.h"
#include "graph/graph.h"
#include "run/runner.h"
#include "store/npy_file.h"

#include <advntk/npy.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *kernel_output, *kernel_name, *kernel_gradient, *kernel_gradient_output;
static struct cli_words kernel_overrides;

static const struct cli_option kernel_options[] = {
    {CLI_TEXT, "output", 'o', "K.npy", &kernel_output,
     "where the kernel values (n1 x n2) are written"},
    {CLI_TEXT, "kernel", 0, "NAME", &kernel_name, "kernel plugin to use instead of the recipe's"},
    {CLI_TEXT, "gradient", 0, "G.npy", &kernel_gradient, "weights (n1 x n2): also d(sum G K)/dX1"},
    {CLI_TEXT, "gradient-output", 'O', "D.npy", &kernel_gradient_output,
     "where that gradient (like X1) is written"},
    {CLI_WORDS, "set", 's', "KEY=VALUE", &kernel_overrides,
     "replaces a value of the recipe (repeatable)"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

enum { BLOCK = 512 };

/* Two sets of images and the kernel between them. */
struct pair {
    struct advntk_host *host;
    const struct advntk_kernel_ops *ops;
    struct advntk_graph *graph;
    void *state, *a, *b;      /* points; b is a where there is one set */
    struct cli_images x1, x2; /* x2.pixels NULL: one set */
    ptrdiff_t n1, n2;
    size_t real;
    const struct advntk__npy_file *file; /* of the values (n1,n2) */
    double *weights;                     /* n1,n2; NULL: no gradient */
};

static advntk_status put_points(const struct pair *p, const struct cli_images *images,
                                void **points, struct advntk_error *err)
{
    advntk_status rc = p->ops->points_new(p->state, images->n, points, err);

    return rc ? rc : p->ops->points_put(p->state, *points, 0, images->n, images->pixels, err);
}

static advntk_status open_pair(struct pair *p, const struct advntk__run_config *config,
                               struct advntk_error *err)
{
    struct advntk_kernel_setup setup = {.height = p->x1.height,
                                        .width = p->x1.width,
                                        .channels = p->x1.channels,
                                        .precision = config->precision};
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__model_graph(&config->model, p->x1.height, p->x1.width, p->x1.channels, 1, &p->graph,
                            err));
    setup.graph = p->graph;
    p->ops = config->model.kernel.plugin->ops;
    p->real = config->precision == ADVNTK_PRECISION_FLOAT32 ? sizeof(float) : sizeof(double);
    TRY(p->ops->open(config->model.kernel.config, p->host, &setup, &p->state, err));
    TRY(put_points(p, &p->x1, &p->a, err));
    if (p->x2.pixels) {
        TRY(put_points(p, &p->x2, &p->b, err));
    }
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
    advntk_free(p->x1.pixels);
    advntk_free(p->x2.pixels);
    advntk_free(p->weights);
}

static bool is_narrow(const struct pair *p)
{
    return p->real == sizeof(float);
}

static const char *remedy(const struct pair *p)
{
    return is_narrow(p) ? "too large for float32 on the way; use precision: float64"
                        : "too large on the way; scale the images, the weights or w_std";
}

/* entry (r,c) of a square block, and where it is turned over (c,r) */
static void *entry(const struct pair *p, char *block, ptrdiff_t r, ptrdiff_t c)
{
    return block + (size_t)(r * BLOCK + c) * p->real;
}

/* Both halves of a block on the diagonal, of which `lower` there is; the diagonal itself by the
 * variance recursion, as everywhere: a product would be off by rounding. */
static advntk_status complete(const struct pair *p, ptrdiff_t i0, ptrdiff_t m, char *block,
                              struct advntk_arena *arena, struct advntk_error *err)
{
    double *diagonal = advntk_arena_get(arena, m, sizeof(*diagonal));
    advntk_status rc = ADVNTK_OK;

    if (!diagonal) {
        FAIL(err, ENOMEM, "no memory for %td variances", m);
    }
    TRY(p->ops->diagonal(p->state, p->a, i0, m, diagonal, err));
    for (ptrdiff_t r = 0; r < m; r++) {
        if (is_narrow(p)) {
            *(float *)entry(p, block, r, r) = (float)diagonal[r];
        } else {
            *(double *)entry(p, block, r, r) = diagonal[r];
        }
        for (ptrdiff_t c = 0; c < r; c++) {
            memcpy(entry(p, block, c, r), entry(p, block, r, c), p->real);
        }
    }
out:
    return rc;
}

/* Fails if a value of the block is no number: it was too large for the precision on the way. */
static advntk_status check_block(const struct pair *p, ptrdiff_t i0, ptrdiff_t m, ptrdiff_t j0,
                                 ptrdiff_t n, char *block, struct advntk_error *err)
{
    for (ptrdiff_t r = 0; r < m; r++) {
        for (ptrdiff_t c = 0; c < n; c++) {
            const void *at = entry(p, block, r, c);
            double value = is_narrow(p) ? (double)*(const float *)at : *(const double *)at;
            if (!isfinite(value)) {
                return ADVNTK_FAIL(err, ENUMERIC, "kernel value (%td, %td) is %g: %s", i0 + r,
                                   j0 + c, value, remedy(p));
            }
        }
    }
    return ADVNTK_OK;
}

static advntk_status put_rows(const struct pair *p, ptrdiff_t i0, ptrdiff_t m, ptrdiff_t j0,
                              ptrdiff_t n, char *block, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t r = 0; r < m; r++) {
        TRY(advntk__npy_file_put(p->file, (i0 + r) * p->n2 + j0, n, entry(p, block, r, 0), err));
    }
out:
    return rc;
}

/* One block of values, to the file; of one set of images the lower half is computed, and turned
 * over. */
static advntk_status one_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    const struct pair *p = context;
    const ptrdiff_t across = (p->n2 + BLOCK - 1) / BLOCK, i0 = index / across * BLOCK,
                    j0 = index % across * BLOCK;
    const ptrdiff_t m = p->n1 - i0 < BLOCK ? p->n1 - i0 : BLOCK,
                    n = p->n2 - j0 < BLOCK ? p->n2 - j0 : BLOCK;
    char *block, *turned;
    advntk_status rc = ADVNTK_OK;

    if (!p->b && j0 > i0) {
        goto out;
    }
    block = advntk_arena_get(arena, (ptrdiff_t)BLOCK * BLOCK, p->real);
    turned = advntk_arena_get(arena, (ptrdiff_t)BLOCK * BLOCK, p->real);
    if (!block || !turned) {
        FAIL(err, ENOMEM, "no memory for a block of kernel values");
    }
    TRY(p->ops->tile(p->state, p->a, i0, m, p->b ? p->b : p->a, j0, n, !p->b && i0 == j0, block,
                     BLOCK, arena, err));
    if (!p->b && i0 == j0) {
        TRY(complete(p, i0, m, block, arena, err));
    }
    TRY(check_block(p, i0, m, j0, n, block, err));
    TRY(put_rows(p, i0, m, j0, n, block, err));
    if (!p->b && i0 != j0) {
        for (ptrdiff_t r = 0; r < m; r++) {
            for (ptrdiff_t c = 0; c < n; c++) {
                memcpy(entry(p, turned, c, r), entry(p, block, r, c), p->real);
            }
        }
        TRY(put_rows(p, j0, n, i0, m, turned, err));
    }
out:
    return rc;
}

/* Block by block to the file: the matrix may be larger than the memory. */
static advntk_status write_values(struct pair *p, struct advntk_error *err)
{
    const ptrdiff_t shape[2] = {p->n1, p->n2};
    const ptrdiff_t blocks = ((p->n1 + BLOCK - 1) / BLOCK) * ((p->n2 + BLOCK - 1) / BLOCK);
    struct advntk__npy_file file = {0};
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__npy_file_begin(&file, kernel_output, is_narrow(p) ? ADVNTK_FLOAT32 : ADVNTK_FLOAT64,
                               2, shape, err));
    p->file = &file;
    TRY(advntk_parallel_for(p->host, blocks, one_block, p, err));
    TRY(advntk__npy_file_commit(&file, err));
out:
    p->file = NULL;
    advntk__npy_file_abandon(&file);
    return rc;
}

/* Rows [first, first+count) of the gradient. g: count,n2 in the precision; k: as much room. */
static advntk_status gradient_panel(const struct pair *p, ptrdiff_t first, ptrdiff_t count,
                                    const void *g, void *k, double *dx, struct advntk_error *err)
{
    void *points = NULL, *tape = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(p->ops->points_new(p->state, count, &points, err));
    TRY(p->ops->points_put(p->state, points, 0, count, p->x1.pixels + first * p->x1.d, err));
    TRY(p->ops->panel(p->state, points, p->b ? p->b : p->a, k, &tape, err));
    TRY(p->ops->panel_vjp(p->state, tape, 1, g, dx + first * p->x1.d, err));
out:
    if (tape) {
        p->ops->tape_free(p->state, tape);
    }
    if (points) {
        p->ops->points_free(p->state, points);
    }
    return rc;
}

static advntk_status read_weights(struct pair *p, struct advntk_error *err)
{
    struct cli_images read = {0};
    advntk_status rc = ADVNTK_OK;

    TRY(cli_images_read(kernel_gradient, false, &read, err));
    p->weights = read.pixels;
    if (read.rank != 2 || read.n != p->n1 || read.d != p->n2) {
        FAIL(err, ESHAPE, "%s: %td x %td weights, expected %td x %td", kernel_gradient, read.n,
             read.d, p->n1, p->n2);
    }
out:
    return rc;
}

/* Rows [first, first+count) of the weights, in the precision. */
static void weights_panel(const struct pair *p, ptrdiff_t first, ptrdiff_t count, void *g)
{
    for (ptrdiff_t i = 0; i < count * p->n2; i++) {
        double value = p->weights[first * p->n2 + i];
        if (is_narrow(p)) {
            ((float *)g)[i] = (float)value;
        } else {
            ((double *)g)[i] = value;
        }
    }
}

static advntk_status check_gradient(const struct pair *p, const double *dx,
                                    struct advntk_error *err)
{
    for (ptrdiff_t i = 0; i < p->n1 * p->x1.d; i++) {
        if (!isfinite(dx[i])) {
            return ADVNTK_FAIL(err, ENUMERIC, "gradient: value %td of image %td is %g: %s",
                               i % p->x1.d, i / p->x1.d, dx[i], remedy(p));
        }
    }
    return ADVNTK_OK;
}

/* D[i] = sum_j G[i,j] dk(x_i, z_j)/dx_i; the second argument is held still. */
static advntk_status write_gradient(const struct pair *p, const struct advntk__npy_file *file,
                                    struct advntk_error *err)
{
    double *dx = advntk_alloc(p->n1 * p->x1.d, sizeof(*dx));
    void *g = advntk_alloc(ADVNTK_PANEL * p->n2, p->real),
         *k = advntk_alloc(ADVNTK_PANEL * p->n2, p->real);
    advntk_status rc = ADVNTK_OK;

    if (!dx || !g || !k) {
        FAIL(err, ENOMEM, "no memory for the gradient of %td images", p->n1);
    }
    for (ptrdiff_t at = 0; at < p->n1; at += ADVNTK_PANEL) {
        ptrdiff_t count = p->n1 - at < ADVNTK_PANEL ? p->n1 - at : ADVNTK_PANEL;
        weights_panel(p, at, count, g);
        TRY(gradient_panel(p, at, count, g, k, dx, err));
    }
    TRY(check_gradient(p, dx, err));
    TRY(advntk__npy_file_put(file, 0, p->n1 * p->x1.d, dx, err));
out:
    advntk_free(dx);
    advntk_free(g);
    advntk_free(k);
    return rc;
}

/* What was asked for. Weights and the file for the gradient first: a mistake there shows before
 * hours of work, not after. */
static advntk_status write_all(struct pair *p, struct advntk_error *err)
{
    /* as the file had it: n x H x W has one channel, n x d one row */
    const ptrdiff_t shape[4] = {p->n1, p->x1.rank == 2 ? p->x1.d : p->x1.height, p->x1.width,
                                p->x1.channels};
    struct advntk__npy_file gradient = {0};
    advntk_status rc = ADVNTK_OK;

    if (kernel_gradient) {
        TRY(read_weights(p, err));
        TRY(advntk__npy_file_begin(&gradient, kernel_gradient_output, ADVNTK_FLOAT64, p->x1.rank,
                                   shape, err));
    }
    if (kernel_output) {
        TRY(write_values(p, err));
    }
    if (kernel_gradient) {
        TRY(write_gradient(p, &gradient, err));
        TRY(advntk__npy_file_commit(&gradient, err));
    }
out:
    advntk__npy_file_abandon(&gradient);
    return rc;
}

static advntk_status compute(const struct cli *cli, struct cli_work *work, struct advntk_error *err)
{
    struct pair p = {.host = work->host};
    const struct advntk__run_config *config = &work->study->runs[0];
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__backend_open(work->host, &config->backend, err));
    TRY(cli_images_read(cli->words[1], false, &p.x1, err));
    if (cli->count > 2) {
        TRY(cli_images_read(cli->words[2], false, &p.x2, err));
        if (p.x2.d != p.x1.d || p.x2.channels != p.x1.channels || p.x2.height != p.x1.height) {
            FAIL(err, ESHAPE, "%s: images of %td x %td x %td, %s has %td x %td x %td",
                 cli->words[2], p.x2.height, p.x2.width, p.x2.channels, cli->words[1], p.x1.height,
                 p.x1.width, p.x1.channels);
        }
    }
    p.n1 = p.x1.n;
    p.n2 = p.x2.pixels ? p.x2.n : p.x1.n;
    TRY(open_pair(&p, config, err));
    TRY(write_all(&p, err));
out:
    close_pair(&p);
    advntk__backend_close(work->host);
    return rc;
}

static int kernel_main(struct cli *cli)
{
    struct advntk__recipe_options options = {.model_only = true};
    struct cli_work work = {0};
    struct advntk_error err;
    char override[128];
    int code = CLI_DONE;

    if ((!kernel_output && !kernel_gradient) || !kernel_gradient != !kernel_gradient_output) {
        return cli_misuse(cli, "expected -o K.npy, or --gradient G.npy -O D.npy, or both");
    }
    if (kernel_output && kernel_gradient && strcmp(kernel_output, kernel_gradient_output) == 0) {
        return cli_misuse(cli, "-o and -O are the same file, '%s'", kernel_output);
    }
    if (kernel_name) {
        const char **grown =
            realloc(kernel_overrides.items, (size_t)(kernel_overrides.count + 1) * sizeof(*grown));
        if (!grown) {
            return cli_fail("no memory for the command line");
        }
        snprintf(override, sizeof(override), "model.kernel=%s", kernel_name);
        grown[kernel_overrides.count++] = override;
        kernel_overrides.items = grown;
    }
    options.overrides = kernel_overrides.items;
    options.override_count = kernel_overrides.count;
    code = cli_work_open(cli, &work);
    if (code == CLI_DONE) {
        code = cli_work_load(&work, cli->words[0], &options);
    }
    if (code == CLI_DONE && work.study->count != 1) {
        code = cli_fail("%s: is a sweep of %td runs, expected one model", cli->words[0],
                        work.study->count);
    }
    if (code == CLI_DONE && compute(cli, &work, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    }
    cli_work_release(&work);
    free(kernel_overrides.items);
    return code;
}

const struct cli_command cli_kernel = {
    .name = "kernel",
    .words = "RECIPE X1.npy [X2.npy]",
    .summary = "Kernel values for arrays of images: the engine by itself",
    .text = "RECIPE needs a model: section only. Arrays are n x H x W x C, n x H x W or n x d; "
            "values are\n"
            "used as they are, nothing is subtracted. Without X2 the matrix is that of X1 with "
            "itself.\n"
            "The gradient is that in the first argument; the second is held still.",
    .example = "advntk kernel recipe.yaml images.npy -o gram.npy --kernel nngp",
    .options = kernel_options,
    .least = 2,
    .most = 3,
    .run = kernel_main,
};
