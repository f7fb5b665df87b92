/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Speed of the kernel engine for relu MLPs on 32x32x3 images, float32, beside the matrix products
 * that it cannot do without: usage: mlp_kernel [n [panel columns [threads]]]. Each figure is the
 * best of 3. With one thread it is that thread's processor time, which other programs disturb
 * least; with more, time by the clock.
 */
#include "config.h"

#include "tap.h"

#include "../bench/row.h"

#include "engine.h"
#include "plugin.h"

enum { D = 32 * 32 * 3, TILE = 512, REPEATS = 3, DEPTHS = 5 };

static int threads;

static double now(void)
{
    return seconds_of(threads);
}

/* The lower triangle of tiles, as the Gram matrix is computed. */
struct gram {
    const struct advntk_kernel_ops *ops; /* NULL: the products alone */
    struct advntk_host *host;
    void *state, *points;
    const float *x;
    ptrdiff_t n;
    bool family; /* the state is of DEPTHS networks */
};

static advntk_status gram_tile(void *context, ptrdiff_t index, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    struct gram *g = context;
    const struct advntk_backend_ops *blas = g->host->backend;
    ptrdiff_t i = 0, j, m, n;
    float *k = advntk_arena_get(arena, (ptrdiff_t)TILE * TILE, sizeof(*k));

    while ((i + 1) * (i + 2) / 2 <= index) {
        i++;
    }
    j = (index - i * (i + 1) / 2) * TILE;
    i *= TILE;
    m = g->n - i < TILE ? g->n - i : TILE;
    n = g->n - j < TILE ? g->n - j : TILE;
    if (g->family) {
        void *all[DEPTHS] = {k};
        for (int f = 1; f < DEPTHS; f++) {
            all[f] = advntk_arena_get(arena, (ptrdiff_t)TILE * TILE, sizeof(*k));
        }
        return g->ops->tiles(g->state, g->points, i, m, g->points, j, n, i == j, all, TILE, arena,
                             err);
    }
    if (g->ops) {
        return g->ops->tile(g->state, g->points, i, m, g->points, j, n, i == j, k, TILE, arena,
                            err);
    }
    if (i == j) {
        blas->syrk32(g->host->backend_state, n, D, 1.0f / D, g->x + i * D, D, 0, k, TILE);
    } else {
        blas->gemm32(g->host->backend_state, false, true, m, n, D, 1.0f / D, g->x + i * D, D,
                     g->x + j * D, D, 0, k, TILE);
    }
    return ADVNTK_OK;
}

static double time_gram(struct gram *g)
{
    struct advntk_error err = {0};
    ptrdiff_t tiles = (g->n + TILE - 1) / TILE;
    double best = HUGE_VAL;

    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        must(advntk_parallel_for(g->host, tiles * (tiles + 1) / 2, gram_tile, g, &err), &err);
        best = fmin(best, now() - start);
    }
    return best;
}

/* A panel of 128 images with its gradient. */
static double time_panel(struct gram *g, void *few, float *k, double *dx)
{
    struct advntk_error err = {0};
    double best = HUGE_VAL;

    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        void *tape;
        must(g->ops->panel(g->state, few, g->points, k, &tape, &err), &err);
        must(g->ops->panel_vjp(g->state, tape, 1, k, dx, &err), &err);
        g->ops->tape_free(g->state, tape);
        best = fmin(best, now() - start);
    }
    return best;
}

struct products {
    struct gram *g;
    float *k;
    bool back;
};

/* The two products of a panel and its gradient, cut as the engine cuts them. */
static advntk_status product_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                   struct advntk_error *err)
{
    struct products *p = context;
    const struct advntk_backend_ops *blas = p->g->host->backend;
    ptrdiff_t at = index * TILE, n = p->g->n - at < TILE ? p->g->n - at : TILE;
    float *out = advntk_arena_get(arena, (ptrdiff_t)ADVNTK_PANEL * TILE, sizeof(*out));

    (void)err;
    if (p->back) {
        blas->gemm32(p->g->host->backend_state, false, false, ADVNTK_PANEL, TILE, p->g->n, 1, p->k,
                     p->g->n, p->g->x + at, D, 0, out, TILE);
    } else {
        blas->gemm32(p->g->host->backend_state, false, true, ADVNTK_PANEL, n, D, 1, p->g->x, D,
                     p->g->x + at * D, D, 0, p->k + at, p->g->n);
    }
    return ADVNTK_OK;
}

static double time_products(struct gram *g, float *k)
{
    struct advntk_error err = {0};
    struct products p = {g, k, false};
    double best = HUGE_VAL;

    for (int i = 0; i < REPEATS; i++) {
        double start = now();
        p.back = false;
        must(advntk_parallel_for(g->host, (g->n + TILE - 1) / TILE, product_block, &p, &err), &err);
        p.back = true;
        must(advntk_parallel_for(g->host, D / TILE, product_block, &p, &err), &err);
        best = fmin(best, now() - start);
    }
    return best;
}

static void run(struct advntk_host *host, ptrdiff_t n, const double *pixels, const float *x,
                bool panel)
{
    static const int64_t depths[] = {3, 5, 10};
    struct advntk_error err = {0};
    struct advntk_slot relu = slot_open("activation/relu");
    struct gram g = {.host = host, .x = x, .n = n};
    float *k = advntk_alloc_zero(ADVNTK_PANEL * n, sizeof(*k));
    double *dx = test_reals((ptrdiff_t)ADVNTK_PANEL * D);
    const double pairs = (panel ? (double)ADVNTK_PANEL : (double)(n + 1) / 2) * (double)n;
    double base = panel ? time_products(&g, k) : time_gram(&g);

    for (int i = 0; i < 3; i++) {
        struct advntk_graph *graph = mlp_graph(32, 32, 3, depths[i], relu);
        struct advntk_kernel_setup setup = {graph, 32, 32, 3, ADVNTK_PRECISION_FLOAT32};
        char key[32], work[128], target[16];
        double seconds;
        void *few;
        g.ops = plugin_open("kernel/ntk")->ops;
        must(g.ops->open(NULL, host, &setup, &g.state, &err), &err);
        must(g.ops->points_new(g.state, n, &g.points, &err), &err);
        must(g.ops->points_put(g.state, g.points, 0, n, pixels, &err), &err);
        must(g.ops->points_new(g.state, ADVNTK_PANEL, &few, &err), &err);
        must(g.ops->points_put(g.state, few, 0, ADVNTK_PANEL, pixels, &err), &err);
        seconds = panel ? time_panel(&g, few, k, dx) : time_gram(&g);
        snprintf(key, sizeof(key), "%s-%d", panel ? "gradient" : "gram", (int)depths[i]);
        snprintf(work, sizeof(work), "%s, relu MLP of depth %d, n %td",
                 panel ? "panel of 128 and input gradient" : "Gram matrix", (int)depths[i], n);
        snprintf(target, sizeof(target), "<= %.1f", panel || depths[i] < 10 ? 1.3 : 1.8);
        row(key, work, "ns an entry", 1e9 * seconds / pairs, "its matrix products alone",
            1e9 * base / pairs, panel || depths[i] != 5 ? target : "");
        g.ops->points_free(g.state, few);
        g.ops->points_free(g.state, g.points);
        g.ops->close(g.state);
        advntk__graph_free(graph);
    }
    advntk_free(k);
    advntk_free(dx);
    slot_close(&relu);
}

static double time_network(struct gram *g, const struct advntk_graph *graph, const double *pixels)
{
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {graph, 32, 32, 3, ADVNTK_PRECISION_FLOAT32};
    double seconds;

    g->ops = plugin_open("kernel/ntk")->ops;
    must(g->ops->open(NULL, g->host, &setup, &g->state, &err), &err);
    must(g->ops->points_new(g->state, g->n, &g->points, &err), &err);
    must(g->ops->points_put(g->state, g->points, 0, g->n, pixels, &err), &err);
    seconds = time_gram(g);
    g->ops->points_free(g->state, g->points);
    g->ops->close(g->state);
    return seconds;
}

/* The paper's depths in one pass beside each alone. */
static void run_depths(struct advntk_host *host, ptrdiff_t n, const double *pixels)
{
    static const int64_t depths[DEPTHS] = {3, 4, 5, 8, 10};
    struct advntk_error err = {0};
    struct advntk_slot relu = slot_open("activation/relu");
    struct advntk_graph *graphs[DEPTHS], *merged = NULL;
    struct gram g = {.host = host, .n = n};
    const double entries = (double)(n + 1) / 2 * (double)n;
    double alone = 0;

    for (int f = 0; f < DEPTHS; f++) {
        graphs[f] = mlp_graph(32, 32, 3, depths[f], relu);
        alone += time_network(&g, graphs[f], pixels);
    }
    must(advntk__graph_merge(DEPTHS, (const struct advntk_graph *const *)graphs, &merged, &err),
         &err);
    g.family = true;
    row("gram-depths", "Gram matrices, relu MLPs of depth 3, 4, 5, 8, 10 in one pass",
        "ns an entry", 1e9 * time_network(&g, merged, pixels) / entries, "each alone",
        1e9 * alone / entries, "<= 0.4");
    advntk__graph_free(merged);
    for (int f = 0; f < DEPTHS; f++) {
        advntk__graph_free(graphs[f]);
    }
    slot_close(&relu);
}

int main(int argc, char **argv)
{
    ptrdiff_t n = argc > 1 ? (ptrdiff_t)strtol(argv[1], NULL, 10) : 4000;
    ptrdiff_t columns = argc > 2 ? (ptrdiff_t)strtol(argv[2], NULL, 10) : 10000;
    ptrdiff_t most = n > columns ? n : columns;
    struct advntk_host *host;
    double *pixels;
    float *x;

    threads = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 1;
    if (n < ADVNTK_PANEL || columns < ADVNTK_PANEL || threads < 1) {
        fprintf(stderr, "usage: mlp_kernel [n >= 128 [panel columns >= 128 [threads >= 1]]]\n");
        return 2;
    }
    host = host_open(threads, -1);
    pixels = test_reals(most * D);
    x = advntk_alloc_zero(most * D, sizeof(*x));
    for (ptrdiff_t i = 0; i < most * D; i++) {
        pixels[i] = 0.3 * sin(12.9898 * (double)i) + 0.2; /* correlated, as images are */
        x[i] = (float)pixels[i];
    }
    run(host, n, pixels, x, false);
    run_depths(host, n, pixels);
    run(host, columns, pixels, x, true);
    advntk_free(pixels);
    advntk_free(x);
    host_close(host);
    return 0;
}
