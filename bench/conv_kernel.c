/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Speed of the kernel engine for networks of 3x3 convolutions on 32x32x3 images, pixel by pixel
 * (core/infinite/pixel.h), and on pairs of positions before a global average (core/infinite/
 * position.h): usage: conv_kernel [images [bursts]]. One thread.
 *
 * Each figure is the best of many short bursts in processor time, with pauses between them: a burst
 * that another program disturbed is longer, not shorter. Beside the engine stands the time that the
 * same bursts found for its multiplications alone at the speed of the BLAS's matrix product: a
 * pixel of a relu layer costs MULTIPLICATIONS of them (pixel_pass.inc: window sums 3, correlation
 * 2, polynomial 9, moments 6), and its two square roots take as long on most machines.
 */
#include "config.h"

#include "tap.h"

#include "../bench/row.h"

#include "base/memory.h"
#include "engine.h"
#include "plugin.h"

#include <time.h>

enum { SIDE = 32, D = SIDE * SIDE * 3, GEMM = 192, MULTIPLICATIONS = 20, ROWS = 64, STAGES = 8 };
enum { AVERAGE = 1 }; /* of architecture/cnn's choices of pooling */

static ptrdiff_t images, bursts;
static struct advntk_host *host;
static double *pixels;

static double now(void)
{
    return seconds_of(1);
}

static void pause_a_little(void)
{
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

struct net {
    const struct advntk_kernel_ops *ops;
    struct advntk_graph *graph;
    void *state, *all, *few;
    ptrdiff_t convolutions, side, rows, columns;
    double numbers; /* of a layer and a pair of images */
    struct advntk_slot activation, architecture;
    int64_t blocks[STAGES];
    struct advntk_list stages;
};

/* Opens n->graph and prepares its images. */
static void net_prepare(struct net *n, enum advntk_precision precision)
{
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {n->graph, n->side, n->side, 3, precision};

    must(n->ops->open(NULL, host, &setup, &n->state, &err), &err);
    must(n->ops->points_new(n->state, n->columns, &n->all, &err), &err);
    must(n->ops->points_put(n->state, n->all, 0, n->columns, pixels, &err), &err);
    must(n->ops->points_new(n->state, n->rows, &n->few, &err), &err);
    must(n->ops->points_put(n->state, n->few, 0, n->rows, pixels + images * D, &err), &err);
}

/* depth > 0: cnn; 0: resnet-18. pooled: every pair of positions counts, in few pairs of images. */
static void net_open(struct net *n, int64_t depth, const char *activation,
                     enum advntk_precision precision, ptrdiff_t side, bool pooled)
{
    struct advntk_error err = {0};
    int average = AVERAGE;

    *n = (struct net){.ops = plugin_open("kernel/ntk")->ops, .activation = slot_open(activation)};
    n->side = side;
    n->rows = pooled ? 2 : ROWS;
    n->columns = pooled ? 2 * SIDE / side : images;
    n->numbers = (double)(side * side) * (pooled ? (double)(side * side) : 1);
    n->architecture = slot_open(depth > 0 ? "architecture/cnn" : "architecture/resnet");
    slot_set(&n->architecture, "activation", &n->activation, sizeof(n->activation));
    if (pooled) {
        slot_set(&n->architecture, "pooling", &average, sizeof(average));
    }
    if (depth > 0) {
        slot_set(&n->architecture, "depth", &depth, sizeof(depth));
    } else {
        for (int i = 0; i < 4; i++) {
            n->blocks[i] = 2;
        }
        n->stages = (struct advntk_list){4, n->blocks};
        slot_set(&n->architecture, "blocks", &n->stages, sizeof(n->stages));
    }
    must(advntk__graph_build(&n->architecture, side, side, 3, 10, &n->graph, &err), &err);
    for (ptrdiff_t i = 0; i < advntk__graph_count(n->graph); i++) {
        n->convolutions += advntk__graph_layer(n->graph, i)->kind == ADVNTK__LAYER_CONV;
    }
    net_prepare(n, precision);
}

static void net_close(struct net *n)
{
    n->ops->points_free(n->state, n->few);
    n->ops->points_free(n->state, n->all);
    n->ops->close(n->state);
    advntk__graph_free(n->graph);
    slot_close(&n->architecture);
    slot_close(&n->activation);
}

/* Best seconds of: a tile of rows x columns; a panel of rows; its gradient after it; GEMM^3
 * multiplications. */
struct times {
    double tile, panel, gradient, product;
};

static struct times measure(const struct net *n, bool gradient)
{
    struct times best = {HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL};
    struct advntk_error err = {0};
    const struct advntk_backend_ops *blas = host->backend;
    char *k = advntk_alloc_zero(n->rows * n->columns, sizeof(double));
    double *dx = test_reals((ptrdiff_t)ROWS * D);
    float *g = advntk_alloc_zero(4 * (ptrdiff_t)GEMM * GEMM, sizeof(*g));

    for (ptrdiff_t i = 0; i < n->rows * n->columns; i++) {
        ((float *)(void *)k)[i] = 0.5f;
    }
    for (ptrdiff_t i = 0; i < (gradient ? (bursts + 3) / 4 : bursts); i++) {
        double start = now(), then;
        void *tape;
        blas->gemm32(host->backend_state, false, true, GEMM, GEMM, GEMM, 1, g, GEMM,
                     g + GEMM * GEMM, GEMM, 0, g + 2 * GEMM * GEMM, GEMM);
        then = now();
        best.product = fmin(best.product, then - start);
        if (!gradient) {
            must(n->ops->tile(n->state, n->few, 0, n->rows, n->all, 0, n->columns, false, k,
                              n->columns, host->arenas[0], &err),
                 &err);
            advntk__arena_clear(host->arenas[0]);
            best.tile = fmin(best.tile, now() - then);
        } else {
            must(n->ops->panel(n->state, n->few, n->all, k, &tape, &err), &err);
            start = now();
            best.panel = fmin(best.panel, start - then);
            must(n->ops->panel_vjp(n->state, tape, 1, k, dx, &err), &err);
            best.gradient = fmin(best.gradient, now() - start);
            n->ops->tape_free(n->state, tape);
        }
        pause_a_little();
    }
    advntk_free(k);
    advntk_free(dx);
    advntk_free(g);
    return best;
}

/* ns a number and convolution */
static double scaled(const struct net *n, double seconds)
{
    return 1e9 * seconds /
           ((double)n->rows * (double)n->columns * n->numbers * (double)n->convolutions);
}

static void gram_rows(void)
{
    static const struct {
        const char *key, *work, *activation;
        int64_t depth;
        enum advntk_precision precision;
    } nets[] = {{"conv-3", "relu CNN of depth 3", "activation/relu", 3, ADVNTK_PRECISION_FLOAT32},
                {"conv-5", "relu CNN of depth 5", "activation/relu", 5, ADVNTK_PRECISION_FLOAT32},
                {"conv-rn18", "resnet-18", "activation/relu", 0, ADVNTK_PRECISION_FLOAT32},
                {"conv-erf", "erf CNN of depth 5", "activation/erf", 5, ADVNTK_PRECISION_FLOAT32},
                {"conv-double", "relu CNN of depth 5, float64", "activation/relu", 5,
                 ADVNTK_PRECISION_FLOAT64}};
    double relu = 0;

    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
        struct net n;
        struct times t;
        double ours;
        char key[64];
        net_open(&n, nets[i].depth, nets[i].activation, nets[i].precision, SIDE, false);
        t = measure(&n, false);
        ours = scaled(&n, t.tile);
        if (i < 2) {
            double bound = 1e9 * t.product / GEMM / GEMM / GEMM * MULTIPLICATIONS;
            row(nets[i].key, nets[i].work, "ns a pixel and layer", ours, "target", 0.7, "<= 1");
            snprintf(key, sizeof(key), "%s-bound", nets[i].key);
            row(key, nets[i].work, "ns a pixel and layer", ours, "its multiplications alone", bound,
                "");
            relu = ours;
        } else {
            row(nets[i].key, nets[i].work, "ns a pixel and layer", ours, "relu CNN of depth 5",
                relu, i == 2 ? "<= 1.3" : (i == 3 ? "<= 3" : ""));
        }
        net_close(&n);
    }
}

/* The paper's depths in one pass beside each alone: as many layers as the deepest, of 30 in all. */
static void depths_row(void)
{
    static const int64_t depths[] = {3, 4, 5, 8, 10};
    enum { COUNT = sizeof(depths) / sizeof(depths[0]) };
    const struct advntk_graph *graphs[COUNT];
    struct advntk_error err = {0};
    struct net nets[COUNT], all;
    double alone = 0, together = HUGE_VAL, scale;
    void *k[COUNT];

    for (int i = 0; i < COUNT; i++) {
        net_open(&nets[i], depths[i], "activation/relu", ADVNTK_PRECISION_FLOAT32, SIDE, false);
        alone += measure(&nets[i], false).tile;
        graphs[i] = nets[i].graph;
        k[i] = advntk_alloc_zero(nets[i].rows * nets[i].columns, sizeof(float));
    }
    all = nets[0];
    must(advntk__graph_merge(COUNT, graphs, &all.graph, &err), &err);
    net_prepare(&all, ADVNTK_PRECISION_FLOAT32);
    for (ptrdiff_t i = 0; i < bursts; i++) {
        double start = now();
        must(all.ops->tiles(all.state, all.few, 0, all.rows, all.all, 0, all.columns, false, k,
                            all.columns, host->arenas[0], &err),
             &err);
        advntk__arena_clear(host->arenas[0]);
        together = fmin(together, now() - start);
        pause_a_little();
    }
    scale = 1e9 / ((double)all.rows * (double)all.columns * all.numbers);
    row("conv-depths", "relu CNNs of depth 3, 4, 5, 8, 10 in one pass", "ns a pixel",
        scale * together, "each alone", scale * alone, "<= 0.4");
    all.ops->points_free(all.state, all.few);
    all.ops->points_free(all.state, all.all);
    all.ops->close(all.state);
    advntk__graph_free(all.graph);
    for (int i = 0; i < COUNT; i++) {
        net_close(&nets[i]);
        advntk_free(k[i]);
    }
}

static void gradient_rows(void)
{
    static const int64_t depths[] = {3, 5, 0};
    static const char *const names[] = {"relu CNN of depth 3", "relu CNN of depth 5", "resnet-18"};

    for (int i = 0; i < 3; i++) {
        struct net n;
        struct times t;
        char key[64], work[128];
        net_open(&n, depths[i], "activation/relu", ADVNTK_PRECISION_FLOAT32, SIDE, false);
        t = measure(&n, true);
        snprintf(key, sizeof(key), "conv-gradient-%s", i < 2 ? (i == 0 ? "3" : "5") : "rn18");
        snprintf(work, sizeof(work), "kernel and input gradient, %s", names[i]);
        row(key, work, "ns a pixel and layer", scaled(&n, t.panel + t.gradient), "its kernel alone",
            scaled(&n, t.panel), "<= 4.5");
        net_close(&n);
    }
}

/* A global average in place of flatten: all pairs of positions. */
static void pooled_rows(void)
{
    static const char unit[] = "ns a pair of positions and layer";

    for (ptrdiff_t side = SIDE / 2; side <= SIDE; side += SIDE / 2) {
        struct net n;
        struct times t;
        double ours, bound;
        char key[64], work[128];
        net_open(&n, 3, "activation/relu", ADVNTK_PRECISION_FLOAT32, side, true);
        t = measure(&n, false);
        ours = scaled(&n, t.tile);
        bound = 1e9 * t.product / GEMM / GEMM / GEMM * MULTIPLICATIONS;
        snprintf(key, sizeof(key), "pool-%td", side);
        snprintf(work, sizeof(work), "relu CNN of depth 3 with a global average, %td x %td", side,
                 side);
        row(key, work, unit, ours, "target", 0.6, "<= 1");
        snprintf(key, sizeof(key), "pool-%td-bound", side);
        row(key, work, unit, ours, "its multiplications alone", bound, "");
        t = measure(&n, true);
        snprintf(key, sizeof(key), "pool-gradient-%td", side);
        snprintf(work, sizeof(work),
                 "kernel and input gradient, relu CNN of depth 3 with a global average, %td x %td",
                 side, side);
        row(key, work, unit, scaled(&n, t.panel + t.gradient), "its kernel alone",
            scaled(&n, t.panel), "<= 4.5");
        net_close(&n);
    }
}

int main(int argc, char **argv)
{
    images = argc > 1 ? (ptrdiff_t)strtol(argv[1], NULL, 10) : 256;
    bursts = argc > 2 ? (ptrdiff_t)strtol(argv[2], NULL, 10) : 8;
    if (images < 1 || bursts < 1) {
        fprintf(stderr, "usage: conv_kernel [images >= 1 [bursts >= 1]]\n");
        return 2;
    }
    host = host_open(1, -1);
    pixels = test_reals((images + ROWS) * D);
    for (ptrdiff_t i = 0; i < (images + ROWS) * D; i++) { /* correlated, as images are */
        pixels[i] = 0.3 * sin(12.9898 * (double)i) + 0.2;
    }
    gram_rows();
    depths_row();
    gradient_rows();
    pooled_rows();
    advntk_free(pixels);
    host_close(host);
    return 0;
}
