/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernels of several networks from one pass over the pairs: the bits of each alone, whatever the
 * networks have in common; and which networks may be put together.
 */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "isa.h"
#include "plugin.h"

enum {
    MEMBERS = 5,
    FLAT_N = 270,
    FEW_N = 10,
    MAP_N = 20,
    HEIGHT = 7,
    WIDTH = 9,
    D = HEIGHT * WIDTH * 3
};

static double x[FLAT_N * D];
static struct advntk_slot relu, erf_slot, softplus, series;

struct family {
    const char *name;
    ptrdiff_t count, n; /* networks; images, more than a block of the flat engine */
    struct advntk_graph *graphs[MEMBERS];
};

/* ---- networks ---- */

static struct advntk_graph *begin(ptrdiff_t *at)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = NULL;

    must(advntk__graph_new(HEIGHT, WIDTH, 3, &graph, &err), &err);
    *at = advntk_graph_input(graph);
    return graph;
}

static struct advntk_graph *end(struct advntk_graph *graph, ptrdiff_t at)
{
    struct advntk_error err = {0};

    advntk_graph_output(graph, advntk_graph_dense(graph, at, (struct advntk_affine){1.2, 0.1}));
    must(advntk__graph_finish(graph, &err), &err);
    return graph;
}

static ptrdiff_t conv(struct advntk_graph *graph, ptrdiff_t at, ptrdiff_t filter, ptrdiff_t stride)
{
    struct advntk_window window = {{filter, filter}, {stride, stride}, ADVNTK_PADDING_SAME};
    return advntk_graph_conv(graph, at, window, (struct advntk_affine){1.4, 0.3});
}

static ptrdiff_t dense(struct advntk_graph *graph, ptrdiff_t at, double w_std)
{
    return advntk_graph_dense(graph, at, (struct advntk_affine){w_std, 0.2});
}

/* depth times (3x3 convolution, activation), flatten, dense */
static struct advntk_graph *cnn(int depth, struct advntk_slot first, struct advntk_slot rest)
{
    ptrdiff_t at;
    struct advntk_graph *graph = begin(&at);

    for (int i = 0; i < depth; i++) {
        at = advntk_graph_activation(graph, conv(graph, at, 3, 1), i ? rest : first);
    }
    return end(graph, advntk_graph_flatten(graph, at));
}

/* An activation that the convolution `sides` times reads beside the sum of all. */
static struct advntk_graph *branches(int sides)
{
    ptrdiff_t at, branch[4];
    struct advntk_graph *graph = begin(&at);

    at = conv(graph, at, 3, 1);
    branch[0] = at;
    at = advntk_graph_activation(graph, at, relu);
    for (int i = 1; i <= sides; i++) {
        branch[i] = conv(graph, at, i, 1);
    }
    at = sides ? advntk_graph_sum(graph, sides + 1, branch) : at;
    at = sides ? advntk_graph_activation(graph, at, erf_slot) : at;
    return end(graph, advntk_graph_flatten(graph, at));
}

static struct advntk_graph *strided(ptrdiff_t stride)
{
    ptrdiff_t at;
    struct advntk_graph *graph = begin(&at);

    at = advntk_graph_activation(graph, conv(graph, at, 3, 1), relu);
    at = advntk_graph_activation(graph, conv(graph, at, 3, stride), relu);
    return end(graph, advntk_graph_flatten(graph, at));
}

/* dense layers of different weights after a common one, or a residual block */
static struct advntk_graph *flat(double first, double second, bool residual)
{
    ptrdiff_t at, both[2];
    struct advntk_graph *graph = begin(&at);

    at = advntk_graph_flatten(graph, at);
    at = both[0] = dense(graph, at, first);
    at = both[1] = dense(graph, advntk_graph_activation(graph, at, relu), second);
    at = residual ? advntk_graph_sum(graph, 2, both) : at;
    return end(graph, advntk_graph_activation(graph, at, softplus));
}

static struct family depths(const char *name, const int *of, bool maps, struct advntk_slot act)
{
    struct family family = {.name = name, .n = maps ? MAP_N : FLAT_N};

    while (of[family.count]) {
        int depth = of[family.count];
        family.graphs[family.count++] =
            maps ? cnn(depth, act, act) : mlp_graph(HEIGHT, WIDTH, 3, depth, act);
    }
    return family;
}

/* ---- one pass against one by one ---- */

struct opened {
    const struct advntk_kernel_ops *ops;
    void *state, *points;
};

static struct opened open_one(struct advntk_host *host, const char *kernel,
                              const struct advntk_graph *graph, ptrdiff_t n,
                              enum advntk_precision precision)
{
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {graph, HEIGHT, WIDTH, 3, precision};
    struct opened o = {.ops = plugin_open(kernel)->ops};

    must(o.ops->open(NULL, host, &setup, &o.state, &err), &err);
    must(o.ops->points_new(o.state, n, &o.points, &err), &err);
    must(o.ops->points_put(o.state, o.points, 0, n, x, &err), &err);
    return o;
}

static void close_one(struct opened *o)
{
    o->ops->points_free(o->state, o->points);
    o->ops->close(o->state);
}

/* Whether the rows' first entries (all, or up to the diagonal) are the same bits. */
static bool same_tile(ptrdiff_t m, bool lower, size_t real, const char *a, const char *b)
{
    bool same = true;

    for (ptrdiff_t i = 0; i < m; i++) {
        size_t bytes = (size_t)(lower ? i + 1 : m) * real;
        same = same && memcmp(a, b, bytes) == 0;
        a += (size_t)m * real;
        b += (size_t)m * real;
    }
    return same;
}

/* Of images i0 .. i0+m-1 against j0 .. j0+m-1; same[f] falls where network f differs. */
static void compare_tile(struct advntk_host *host, const struct family *family,
                         const struct opened *all, const struct opened *one, ptrdiff_t i0,
                         ptrdiff_t j0, ptrdiff_t m, size_t real, bool *same)
{
    struct advntk_error err = {0};
    const bool lower = i0 == j0;
    void *got[MEMBERS], *want = test_reals(m * m);

    for (ptrdiff_t f = 0; f < family->count; f++) {
        got[f] = test_reals(m * m);
    }
    must(all->ops->tiles(all->state, all->points, i0, m, all->points, j0, m, lower, got, m,
                         host->arenas[0], &err),
         &err);
    for (ptrdiff_t f = 0; f < family->count; f++) {
        must(one[f].ops->tile(one[f].state, one[f].points, i0, m, one[f].points, j0, m, lower, want,
                              m, host->arenas[0], &err),
             &err);
        same[f] = same[f] && same_tile(m, lower, real, got[f], want);
        advntk_free(got[f]);
    }
    advntk_free(want);
}

static void compare_diagonals(const struct family *family, const struct opened *all,
                              const struct opened *one, bool *same)
{
    struct advntk_error err = {0};
    double *got[MEMBERS], *want = test_reals(family->n);

    for (ptrdiff_t f = 0; f < family->count; f++) {
        got[f] = test_reals(family->n);
    }
    must(all->ops->diagonals(all->state, all->points, 0, family->n, got, &err), &err);
    for (ptrdiff_t f = 0; f < family->count; f++) {
        must(one[f].ops->diagonal(one[f].state, one[f].points, 0, family->n, want, &err), &err);
        same[f] = same[f] && memcmp(want, got[f], (size_t)family->n * sizeof(*want)) == 0;
        advntk_free(got[f]);
    }
    advntk_free(want);
}

static void compare(struct advntk_host *host, const struct family *family, const char *kernel,
                    enum advntk_precision precision, const struct advntk_graph *merged)
{
    const size_t real = precision == ADVNTK_PRECISION_FLOAT32 ? 4 : 8;
    const ptrdiff_t n = family->n, part = n / 2 - 3;
    struct opened all = open_one(host, kernel, merged, n, precision), one[MEMBERS];
    bool same[MEMBERS];

    for (ptrdiff_t f = 0; f < family->count; f++) {
        one[f] = open_one(host, kernel, family->graphs[f], n, precision);
        same[f] = true;
    }
    compare_tile(host, family, &all, one, 0, 0, n, real, same);
    compare_tile(host, family, &all, one, n - part, 2, part, real, same);
    compare_diagonals(family, &all, one, same);
    for (ptrdiff_t f = 0; f < family->count; f++) {
        ok(same[f], "%s, network %td of %td: %s, %zu bytes, %s", family->name, f + 1, family->count,
           kernel, real, advntk__isa_name(host->isa));
        close_one(&one[f]);
    }
    close_one(&all);
}

/* layers: how many the merged graph should have. Frees the networks. */
static void test_family(struct advntk_host *host, struct family family, ptrdiff_t layers)
{
    static const char *const kernels[] = {"kernel/nngp", "kernel/ntk"};
    const int best = host->isa;
    struct advntk_error err = {0};
    struct advntk_graph *merged = NULL;

    must(advntk__graph_merge(family.count, (const struct advntk_graph *const *)family.graphs,
                             &merged, &err),
         &err);
    ok(advntk__graph_count(merged) == layers, "%s: %td layers, expected %td", family.name,
       advntk__graph_count(merged), layers);
    for (int k = 0; k < 2; k++) {
        for (host->isa = test_first_isa(best); host->isa <= best; host->isa++) {
            compare(host, &family, kernels[k], ADVNTK_PRECISION_FLOAT32, merged);
            compare(host, &family, kernels[k], ADVNTK_PRECISION_FLOAT64, merged);
        }
        host->isa = best;
    }
    advntk__graph_free(merged);
    for (ptrdiff_t f = 0; f < family.count; f++) {
        advntk__graph_free(family.graphs[f]);
    }
}

static int64_t kinship(const struct advntk_graph *graph)
{
    const struct advntk_kernel_ops *ops = plugin_open("kernel/ntk")->ops;
    struct advntk_kernel_setup setup = {graph, HEIGHT, WIDTH, 3, ADVNTK_PRECISION_FLOAT64};

    return ops->kinship(NULL, &setup);
}

static void test_kinship(struct advntk_host *host)
{
    ptrdiff_t at;
    struct advntk_graph *graphs[] = {cnn(2, relu, relu),
                                     branches(1),
                                     mlp_graph(HEIGHT, WIDTH, 3, 3, relu),
                                     flat(1.1, 1.2, true),
                                     cnn(2, relu, series),
                                     NULL,
                                     NULL};
    enum { GRAPHS = sizeof(graphs) / sizeof(*graphs) };
    int64_t kin[GRAPHS];
    struct advntk_error err = {0};
    struct advntk_graph *merged = NULL;
    struct opened both;
    double k[MAP_N];
    void *tape = NULL;

    graphs[5] = begin(&at);
    graphs[5] = end(graphs[5], advntk_graph_flatten(graphs[5], conv(graphs[5], at, 5, 1)));
    graphs[6] = begin(&at);
    graphs[6] = end(graphs[6], advntk_graph_global_pool(graphs[6], conv(graphs[6], at, 3, 1),
                                                        ADVNTK_POOLING_AVERAGE));
    for (int i = 0; i < GRAPHS; i++) {
        kin[i] = kinship(graphs[i]);
    }
    ok(kin[0] != 0 && kin[0] == kin[1], "networks of maps with margins of one width are kin");
    ok(kin[2] != 0 && kin[2] == kin[3] && kin[2] != kin[0], "so are networks without maps");
    ok(kin[5] != 0 && kin[5] != kin[0], "wider windows have wider margins");
    ok(kin[4] == 0 && kin[6] == 0, "series on maps and pools stand alone");
    must(advntk__graph_merge(2, (const struct advntk_graph *const *)graphs, &merged, &err), &err);
    both = open_one(host, "kernel/ntk", merged, MAP_N, ADVNTK_PRECISION_FLOAT64);
    ok(both.ops->panel(both.state, both.points, both.points, k, &tape, &err) ==
               ADVNTK_EUNSUPPORTED &&
           both.ops->diagonal(both.state, both.points, 0, MAP_N, k, &err) == ADVNTK_EUNSUPPORTED,
       "what is for one network is refused for two: %s", err.text);
    ok(fabs(advntk__graph_flops(merged) -
            (advntk__graph_flops(graphs[0]) + advntk__graph_flops(graphs[1]))) > 0,
       "what is shared is counted once");
    close_one(&both);
    advntk__graph_free(merged);
    for (int i = 0; i < GRAPHS; i++) {
        advntk__graph_free(graphs[i]);
    }
}

/* An activation without dual moments whose series are short at any variance here. */
static void sine(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = sin(u[i]);
        if (dy) {
            dy[i] = cos(u[i]);
        }
    }
}

int main(void)
{
    static const int mlp_depths[] = {2, 3, 5, 10, 0}, cnn_depths[] = {1, 2, 3, 5, 0},
                     falling[] = {5, 3, 1, 0};
    struct advntk_host *host = host_open(1, -1);
    struct advntk_activation_ops ops = {.variance_max = HUGE_VAL, .phi = sine};
    struct advntk_plugin plugin = {
        .kind = ADVNTK_KIND_ACTIVATION, .name = "series", .version = "1.0.0", .ops = &ops};
    struct family family;

    relu = slot_open("activation/relu");
    erf_slot = slot_open("activation/erf");
    softplus = slot_open("activation/softplus");
    series = (struct advntk_slot){.plugin = &plugin};
    test_normal(1, FLAT_N * D, x);
    memset(x + D, 0, D * sizeof(*x)); /* image 1 is black */

    /* input, flatten, 9 times (dense, activation) and 4 ends */
    test_family(host, depths("mlp, relu", mlp_depths, false, relu), 2 + 18 + 4);
    test_family(host, depths("mlp, erf", mlp_depths, false, erf_slot), 2 + 18 + 4);
    family = depths("mlp, series", mlp_depths, false, series);
    family.n = FEW_N; /* a series for each image and layer takes its time */
    test_family(host, family, 2 + 18 + 4);
    test_family(host, depths("mlp, falling", falling, false, relu), 2 + 8 + 3);
    /* input, 5 times (conv, activation) and 4 times (flatten, dense) */
    test_family(host, depths("cnn, relu", cnn_depths, true, relu), 1 + 10 + 8);
    test_family(host, depths("cnn, erf", cnn_depths, true, erf_slot), 1 + 10 + 8);
    test_family(host, depths("cnn, falling", falling, true, relu), 1 + 10 + 6);

    family = (struct family){"dense layers that part", 4, FEW_N, {flat(1.5, 1.1, false)}};
    family.graphs[1] = flat(1.5, 1.6, false);
    family.graphs[2] = flat(1.5, 1.1, true);
    family.graphs[3] = flat(1.5, 1.1, false); /* the first one again */
    /* first 7; the second shares 4 of its 7; the third's first dense layer has two readers, so 2 */
    test_family(host, family, 7 + 3 + 6);
    family = (struct family){"flat, nothing but the images", 2, FEW_N, {flat(1.5, 1.1, false)}};
    family.graphs[1] = flat(1.4, 1.1, true);
    test_family(host, family, 7 + 6);
    family = (struct family){"convolutions that part", 3, MAP_N, {cnn(2, relu, relu)}};
    family.graphs[1] = cnn(2, relu, erf_slot);
    family.graphs[2] = cnn(2, erf_slot, relu);
    test_family(host, family, 7 + 4 + 6);
    family = (struct family){"strides", 3, MAP_N, {strided(1)}};
    family.graphs[1] = strided(2);
    family.graphs[2] = strided(3);
    test_family(host, family, 7 + 4 + 4);
    family = (struct family){"branches", 4, MAP_N, {branches(0)}};
    family.graphs[1] = branches(1);
    family.graphs[2] = branches(3);
    family.graphs[3] = cnn(3, relu, erf_slot);
    /* input, conv, relu, flatten, dense; the convolution with two readers is another one: 2 and
     * conv, sum, erf, flatten, dense; two convs more, and a sum; the last: 3 shared, 6 of its own
     */
    test_family(host, family, 5 + 7 + 6 + 6);
    test_kinship(host);
    slot_close(&relu);
    slot_close(&erf_slot);
    slot_close(&softplus);
    host_close(host);
    return done_testing();
}
