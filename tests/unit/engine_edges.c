/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every engine where numbers are extreme or degenerate: images and weights scaled by 1e15 and
 * 1e-15, black and constant images, equal images, depth 100, NaN. Right, or refused with the
 * layer's name.
 */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "map_reference.h"
#include "plugin.h"

enum { SIDE = 4, D = SIDE * SIDE * 3, N = 5 };
enum shape { MLP, CNN, GAP, NORM, SHAPES };

static const char *const shape_names[SHAPES] = {"mlp", "cnn", "gap", "norm"};
static double x[N * D], y[N * D];
static struct advntk_slot relu;

/* depth times (weights, relu), the shape's end, dense: depth + 1 layers with weights. */
static struct advntk_graph *network(enum shape shape, int depth, struct advntk_affine w)
{
    struct advntk_error err = {0};
    struct advntk_graph *g = NULL;
    struct advntk_window window = {{3, 3}, {1, 1}, ADVNTK_PADDING_SAME};
    ptrdiff_t at;

    must(advntk__graph_new(SIDE, SIDE, 3, &g, &err), &err);
    at = advntk_graph_input(g);
    at = shape == MLP ? advntk_graph_flatten(g, at) : at;
    for (int i = 0; i < depth; i++) {
        at = shape == MLP ? advntk_graph_dense(g, at, w) : advntk_graph_conv(g, at, window, w);
        at = shape == NORM ? advntk_graph_layer_norm(g, at, false, 1e-12) : at;
        at = advntk_graph_activation(g, at, relu);
    }
    at = shape == GAP ? advntk_graph_global_pool(g, at, ADVNTK_POOLING_AVERAGE)
                      : advntk_graph_flatten(g, at);
    advntk_graph_output(g, advntk_graph_dense(g, at, w));
    must(advntk__graph_finish(g, &err), &err);
    return g;
}

static bool all_finite(ptrdiff_t n, const double *v)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        if (!isfinite(v[i])) {
            return false;
        }
    }
    return true;
}

/* k (N,N) of images a against b and the gradient of its sum: dx (N,D). */
static advntk_status run(struct advntk_host *host, const struct advntk_graph *graph,
                         enum advntk_precision precision, const double *a, const double *b,
                         double *k, double *dx, struct advntk_error *err)
{
    const struct advntk_kernel_ops *ops = plugin_open("kernel/ntk")->ops;
    struct advntk_kernel_setup setup = {graph, SIDE, SIDE, 3, precision};
    double wide[N * N], ones[N * N];
    float narrow[N * N], narrow_ones[N * N];
    void *state, *pa, *pb, *tape;
    bool is_narrow = precision == ADVNTK_PRECISION_FLOAT32;
    advntk_status rc;

    must(ops->open(NULL, host, &setup, &state, err), err);
    must(ops->points_new(state, N, &pa, err), err);
    must(ops->points_new(state, N, &pb, err), err);
    rc = ops->points_put(state, pa, 0, N, a, err);
    rc = rc == ADVNTK_OK ? ops->points_put(state, pb, 0, N, b, err) : rc;
    for (int i = 0; i < N * N; i++) {
        ones[i] = 1;
        narrow_ones[i] = 1;
    }
    if (rc == ADVNTK_OK) {
        must(ops->panel(state, pa, pb, is_narrow ? (void *)narrow : (void *)wide, &tape, err), err);
        must(
            ops->panel_vjp(state, tape, 1, is_narrow ? (void *)narrow_ones : (void *)ones, dx, err),
            err);
        ops->tape_free(state, tape);
    }
    for (int i = 0; i < N * N && rc == ADVNTK_OK; i++) {
        k[i] = is_narrow ? (double)narrow[i] : wide[i];
    }
    ops->points_free(state, pa);
    ops->points_free(state, pb);
    ops->close(state);
    return rc;
}

/* Without biases a relu network's kernel is homogeneous: images times c give c^2, the weights of L
 * layers c^(2L) times it. With layer norm the last layer's weights alone count, above its eps. */
static void test_scale(struct advntk_host *host, enum shape shape, enum advntk_precision precision,
                       double factor, bool weights)
{
    struct advntk_error err = {0};
    struct advntk_affine w = {1.3, 0}, scaled = {weights ? 1.3 * factor : 1.3, 0};
    struct advntk_graph *plain = network(shape, 3, w), *extreme = network(shape, 3, scaled);
    double k[N * N], want[N * N], dx[N * D], images[N * D], others[N * D];
    double power = shape == NORM ? (weights ? 2 : 0) : (weights ? 8 : 2);
    char name[128];
    advntk_status rc;

    for (int i = 0; i < N * D; i++) {
        images[i] = weights ? x[i] : factor * x[i];
        others[i] = weights ? y[i] : factor * y[i];
    }
    snprintf(name, sizeof(name), "%s, float%d, %s times %g", shape_names[shape],
             precision == ADVNTK_PRECISION_FLOAT32 ? 32 : 64, weights ? "weights" : "images",
             factor);
    must(run(host, plain, precision, x, y, want, dx, &err), &err);
    rc = run(host, extreme, precision, images, others, k, dx, &err);
    if (rc != ADVNTK_OK) {
        ok(rc == ADVNTK_ENUMERIC && strstr(err.text, "layer "), "%s: %s", name, err.text);
    } else {
        for (int i = 0; i < N * N; i++) {
            double own, both[2];
            if (shape == NORM && factor < 1) { /* eps is larger than the variances */
                map_kernel(extreme, images + i / N * D, others + i % N * D, both, &own);
                want[i] = both[1];
            } else {
                k[i] /= pow(factor, power);
            }
        }
        /* eps a layer times 1/h of the angle's derivative */
        is_close(N * N, k, want, precision == ADVNTK_PRECISION_FLOAT32 ? 2e-5 : 1e-9, name);
        ok(all_finite(N * D, dx), "with a finite gradient");
    }
    advntk__graph_free(plain);
    advntk__graph_free(extreme);
}

/* Equal images, black ones, constant ones, and one that is black in part, all against each other.
 */
static void test_degenerate(struct advntk_host *host, enum shape shape,
                            enum advntk_precision precision, double b_std)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = network(shape, 2, (struct advntk_affine){1.3, b_std});
    bool wide = precision == ADVNTK_PRECISION_FLOAT64;
    double images[N * D] = {0}, k[N * N], want[N * N], dx[N * D], unused, both[2];
    char name[128];

    memcpy(images, x, D * sizeof(*x));
    for (int i = 0; i < D; i++) {
        images[2 * D + i] = 0.3;
        images[3 * D + i] = -images[2 * D + i];
        images[4 * D + i] = i < D / 2 ? 0 : x[i];
    }
    must(run(host, graph, precision, images, images, k, dx, &err), &err);
    for (int i = 0; i < N * N; i++) {
        map_kernel(graph, images + i / N * D, images + i % N * D, both, &unused);
        want[i] = both[1];
    }
    snprintf(name, sizeof(name), "%s, float%d, b_std %g: degenerate images", shape_names[shape],
             wide ? 64 : 32, b_std);
    /* at correlations of +-1 an angle is known to sqrt(eps) */
    is_close(N * N, k, want, wide ? 1e-7 : 1e-3, name);
    ok(all_finite(N * D, dx), "with finite gradients");
    advntk__graph_free(graph);
}

static void test_depth(struct advntk_host *host, enum shape shape)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = network(shape, 100, (struct advntk_affine){1.41, 0.1});
    double k[N * N], want[2], dx[N * D], unused, one;

    must(run(host, graph, ADVNTK_PRECISION_FLOAT64, x, y, k, dx, &err), &err);
    map_kernel(graph, x, y, want, &unused);
    one = k[0];
    is_close(1, &one, &want[1], 1e-9, "depth 100 agrees with the plain twin");
    ok(all_finite(N * D, dx), "with a finite gradient");
    must(run(host, graph, ADVNTK_PRECISION_FLOAT32, x, y, k, dx, &err), &err);
    is_close(1, k, &want[1], 1e-3, "in float32 too");
    ok(all_finite(N * D, dx), "with a finite gradient");
    advntk__graph_free(graph);
}

static void test_nan(struct advntk_host *host, enum shape shape)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = network(shape, 2, (struct advntk_affine){1.3, 0.1});
    double images[N * D], k[N * N], dx[N * D];

    memcpy(images, x, sizeof(images));
    images[2 * D + 7] = (double)NAN;
    ok(run(host, graph, ADVNTK_PRECISION_FLOAT64, images, y, k, dx, &err) == ADVNTK_ENUMERIC,
       "NaN is refused");
    is_text(err.text, "image 2: value 7 is nan, expected a finite number", "with its place");
    advntk__graph_free(graph);
}

int main(void)
{
    struct advntk_host *host = host_open(1, -1);

    relu = slot_open("activation/relu");
    test_normal(1, N * D, x);
    test_normal(2, N * D, y);
    for (int s = 0; s < SHAPES; s++) {
        enum shape shape = (enum shape)s;
        for (int p = ADVNTK_PRECISION_FLOAT32; p <= ADVNTK_PRECISION_FLOAT64; p++) {
            enum advntk_precision precision = (enum advntk_precision)p;
            for (int i = 0; i < 4; i++) {
                test_scale(host, shape, precision, i % 2 ? 1e15 : 1e-15, i / 2 == 1);
            }
            test_degenerate(host, shape, precision, 0.2);
            test_degenerate(host, shape, precision, 0);
        }
        test_nan(host, shape);
        if (shape != NORM) {
            test_depth(host, shape);
        }
    }
    slot_close(&relu);
    host_close(host);
    return done_testing();
}
