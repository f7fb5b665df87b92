/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Random layer graphs: each is refused with a reason, or its kernels and input gradients agree with
 * the plain twin (map_reference.h), whichever engine serves it. ADVNTK_SLOW_TESTS: 10,000 of them.
 * Some more are convolutions with pools whose windows share no pixel, which run in one pass.
 */
#include "config.h"
#include "tap.h"

#include "base/text.h"
#include "engine.h"
#include "map_reference.h"
#include "plugin.h"

enum { GRAPHS = 1000, SLOW_GRAPHS = 10000, POOLED = 60, ACTS = 8 };
enum { N1 = 2, N2 = 3, SIDE_MAX = 5, D_MAX = SIDE_MAX * SIDE_MAX * 3 };

static uint64_t state_of_random;

/* Graphs that found faults: flatten behind flatten, convolutions behind flatten. */
static const ptrdiff_t was_wrong[] = {136, 334, 1961, 4026, 5773, 6148, 6604, 6919, 8504};
static struct advntk_slot activations[ACTS];
static double x[N1 * D_MAX], y[N2 * D_MAX];

/* splitmix64, 0 .. n-1 */
static ptrdiff_t draw(ptrdiff_t n)
{
    uint64_t z = state_of_random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (ptrdiff_t)((z ^ (z >> 31)) % (uint64_t)n);
}

static struct advntk_affine draw_affine(void)
{
    static const double w[] = {1.76, 0.7, 1, 1.4}, b[] = {0.18, 0, 0.5};
    return (struct advntk_affine){w[draw(4)], b[draw(3)]};
}

static struct advntk_window draw_window(void)
{
    struct advntk_window w;
    for (int i = 0; i < 2; i++) {
        w.filter[i] = 1 + draw(draw(4) == 0 ? 5 : 3);
        w.stride[i] = 1 + (draw(3) == 0 ? draw(3) : 0);
    }
    w.padding = (enum advntk_padding)(ADVNTK_PADDING_SAME + draw(3));
    return w;
}

/* A dense layer, or a convolution that keeps the size or not. */
static ptrdiff_t draw_weights(struct advntk_graph *g, ptrdiff_t at, bool keep)
{
    const struct advntk__layer *in = at >= 0 ? advntk__graph_layer(g, at) : NULL;
    struct advntk_window same = {{3, 3}, {1, 1}, ADVNTK_PADDING_SAME};

    if (in && in->shape.height * in->shape.width == 1 && draw(8)) {
        return advntk_graph_dense(g, at, draw_affine());
    }
    return advntk_graph_conv(g, at, keep ? same : draw_window(), draw_affine());
}

static ptrdiff_t draw_layers(struct advntk_graph *g, ptrdiff_t at, ptrdiff_t count, int depth);

static ptrdiff_t draw_join(struct advntk_graph *g, ptrdiff_t at, int depth)
{
    ptrdiff_t branch[3], count = 2 + draw(2);

    for (ptrdiff_t b = 0; b < count; b++) {
        branch[b] = b > 0 && draw(4) == 0 ? at : draw_weights(g, at, true);
        branch[b] = draw(3) == 0 ? draw_layers(g, branch[b], draw(3), depth + 1) : branch[b];
    }
    return draw(2) ? advntk_graph_sum(g, count, branch) : advntk_graph_product(g, count, branch);
}

static ptrdiff_t draw_layer(struct advntk_graph *g, ptrdiff_t at, int depth)
{
    const struct advntk__layer *in = at >= 0 ? advntk__graph_layer(g, at) : NULL;

    if (in && in->gaussian && draw(2)) {
        return advntk_graph_activation(g, at, activations[draw(ACTS)]);
    }
    switch (draw(16)) {
    case 0:
        return advntk_graph_flatten(g, at);
    case 1:
        return advntk_graph_global_pool(g, at, (enum advntk_pooling)(1 + draw(2)));
    case 2:
    case 3:
        return advntk_graph_pool(g, at, (enum advntk_pooling)(1 + draw(2)), draw_window());
    case 4:
        return advntk_graph_layer_norm(g, at, draw(2), draw(2) ? 1e-12 : 0.3);
    case 5:
        return advntk_graph_dropout(g, at, 0.5);
    case 6:
    case 7:
    case 8:
        return depth < 3 ? draw_join(g, at, depth) : at;
    case 9:
        return advntk_graph_activation(g, at, activations[draw(ACTS)]);
    case 10:
        advntk_graph_standard(g, draw(3) ? 0 : 1 + draw(100));
        return at;
    case 11:
        return advntk_graph_dense(g, at, draw_affine());
    default:
        return draw_weights(g, at, false);
    }
}

static ptrdiff_t draw_layers(struct advntk_graph *g, ptrdiff_t at, ptrdiff_t count, int depth)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        at = draw_layer(g, at, depth);
    }
    return at;
}

static advntk_status draw_graph(struct advntk_graph **graph, struct advntk_error *err)
{
    ptrdiff_t at;

    must(advntk__graph_new(1 + draw(SIDE_MAX), 1 + draw(SIDE_MAX), 1 + 2 * draw(2), graph, err),
         err);
    at = advntk_graph_input(*graph);
    at = draw(4) ? at : advntk_graph_flatten(*graph, at);
    at = draw_layers(*graph, at, 1 + draw(9), 0);
    at = draw(2) ? advntk_graph_flatten(*graph, at)
                 : advntk_graph_global_pool(*graph, at, ADVNTK_POOLING_AVERAGE);
    advntk_graph_output(*graph, advntk_graph_dense(*graph, at, draw_affine()));
    return advntk__graph_finish(*graph, err);
}

/* (Convolution, activation, pool) once or twice, and what a network ends in. Windows touch, or
 * leave pixels between them or at the edges. */
static advntk_status draw_pooled(struct advntk_graph **graph, struct advntk_error *err)
{
    const struct advntk_window same = {{3, 3}, {1, 1}, ADVNTK_PADDING_SAME};
    ptrdiff_t at, pools = 1 + draw(2);

    must(advntk__graph_new(3 + draw(3), 3 + draw(3), 1 + 2 * draw(2), graph, err), err);
    at = advntk_graph_input(*graph);
    for (ptrdiff_t i = 0; i < pools; i++) {
        struct advntk_window w;
        for (int axis = 0; axis < 2; axis++) {
            w.filter[axis] = 1 + draw(3);
            w.stride[axis] = w.filter[axis] + draw(2);
        }
        w.padding = draw(2) ? ADVNTK_PADDING_SAME : ADVNTK_PADDING_VALID;
        at = advntk_graph_conv(*graph, at, same, draw_affine());
        at = advntk_graph_activation(*graph, at, activations[draw(ACTS)]);
        at = advntk_graph_pool(*graph, at, (enum advntk_pooling)(1 + draw(2)), w);
    }
    at = advntk_graph_conv(*graph, at, same, draw_affine());
    at = advntk_graph_activation(*graph, at, activations[draw(ACTS)]);
    at = advntk_graph_global_pool(*graph, at, ADVNTK_POOLING_AVERAGE);
    advntk_graph_output(*graph, advntk_graph_dense(*graph, at, draw_affine()));
    return advntk__graph_finish(*graph, err);
}

/* k of N1 x N2 pairs, with dx of the sum of all. */
static advntk_status engine_kernel(struct advntk_host *host, const struct advntk_kernel_ops *ops,
                                   const struct advntk_graph *graph, double *k, double *dx,
                                   struct advntk_error *err)
{
    struct advntk__shape s = advntk__graph_layer(graph, 0)->shape;
    struct advntk_kernel_setup setup = {graph, s.height, s.width, s.channels,
                                        ADVNTK_PRECISION_FLOAT64};
    double ones[N1 * N2];
    void *state = NULL, *a = NULL, *b = NULL, *tape = NULL;
    advntk_status rc = ops->open(NULL, host, &setup, &state, err);

    if (rc != ADVNTK_OK) {
        return rc;
    }
    must(ops->points_new(state, N1, &a, err), err);
    must(ops->points_new(state, N2, &b, err), err);
    rc = ops->points_put(state, a, 0, N1, x, err);
    rc = rc == ADVNTK_OK ? ops->points_put(state, b, 0, N2, y, err) : rc;
    if (rc == ADVNTK_OK) {
        for (int i = 0; i < N1 * N2; i++) {
            ones[i] = 1;
        }
        must(ops->panel(state, a, b, k, &tape, err), err);
        must(ops->panel_vjp(state, tape, 1, ones, dx, err), err);
        ops->tape_free(state, tape);
    }
    ops->points_free(state, a);
    ops->points_free(state, b);
    ops->close(state);
    return rc;
}

/* The largest error of the values, relative to the kernels of the images with themselves; of the
 * gradient along one direction, relative to the size of its terms. */
static void compare(const struct advntk_graph *graph, int kernel, const double *k, const double *dx,
                    double *value_error, double *slope_error)
{
    struct advntk__shape s = advntk__graph_layer(graph, 0)->shape;
    ptrdiff_t d = s.height * s.width * s.channels;
    double direction[D_MAX], moved[D_MAX], got = 0, up = 0, down = 0, scale = 0, h = 1e-5, own;

    for (ptrdiff_t i = 0; i < d; i++) {
        direction[i] = (double)(draw(2001) - 1000) / 1000;
        got += direction[i] * dx[i];
        scale += fabs(direction[i] * dx[i]);
    }
    *value_error = 0;
    for (int i = 0; i < N1 * N2; i++) {
        double want[2], gap;
        map_kernel(graph, x + i / N2 * d, y + i % N2 * d, want, &own);
        gap = fabs(k[i] - want[kernel]) / fmax(fabs(want[kernel]), own);
        *value_error = gap <= *value_error ? *value_error : gap;
    }
    for (int j = 0; j < N2; j++) {
        double want[2];
        for (ptrdiff_t i = 0; i < d; i++) {
            moved[i] = x[i] + h * direction[i];
        }
        map_kernel(graph, moved, y + j * d, want, &own);
        up += want[kernel];
        for (ptrdiff_t i = 0; i < d; i++) {
            moved[i] = x[i] - h * direction[i];
        }
        map_kernel(graph, moved, y + j * d, want, &own);
        down += want[kernel];
        scale += fabs(want[kernel]);
    }
    *slope_error = fabs(got - (up - down) / (2 * h)) / scale;
}

static void show(const struct advntk_graph *graph)
{
    struct advntk__text text = {0};

    advntk__graph_print(graph, &text);
    for (const char *line = advntk__text_get(&text); *line; line += strcspn(line, "\n") + 1) {
        printf("# %.*s\n", (int)strcspn(line, "\n"), line);
    }
    advntk__text_release(&text);
}

int main(void)
{
    static const char *const names[ACTS] = {"relu", "erf", "abs",          "leaky_relu",
                                            "gelu", "sin", "sigmoid_like", "identity"};
    ptrdiff_t graphs = getenv("ADVNTK_SLOW_TESTS") ? SLOW_GRAPHS : GRAPHS;
    ptrdiff_t ran = 0, pooled = 0, layouts[3] = {0};
    ptrdiff_t found = (ptrdiff_t)(sizeof(was_wrong) / sizeof(was_wrong[0]));
    struct advntk_host *host = host_open(1, -1);
    const struct advntk_kernel_ops *kernels[2] = {plugin_open("kernel/nngp")->ops,
                                                  plugin_open("kernel/ntk")->ops};
    double worst = 0, steepest = 0;
    bool reasons = true;

    for (int i = 0; i < ACTS; i++) {
        char identity[64];
        snprintf(identity, sizeof(identity), "activation/%s", names[i]);
        activations[i] = slot_open(identity);
    }
    test_normal(1, N1 * D_MAX, x);
    test_normal(2, N2 * D_MAX, y);
    for (ptrdiff_t i = 0; i < graphs + POOLED; i++) {
        struct advntk_error err = {0};
        struct advntk_graph *graph = NULL;
        double k[N1 * N2], dx[N1 * D_MAX], value_error, slope_error;
        int kernel = (int)(i % 2);
        advntk_status rc;

        state_of_random = (uint64_t)(i < found ? was_wrong[i] : i);
        rc = i < graphs ? draw_graph(&graph, &err) : draw_pooled(&graph, &err);
        rc = rc == ADVNTK_OK ? engine_kernel(host, kernels[kernel], graph, k, dx, &err) : rc;
        if (rc == ADVNTK_OK) {
            ran += i < graphs;
            pooled += i >= graphs;
            layouts[advntk__graph_layout(graph)]++;
            compare(graph, kernel, k, dx, &value_error, &slope_error);
            /* of one channel, pixels are parallel: their correlations are 1 or -1; a correlation of
             * 1 - eps is an angle of 2e-8, and derivatives are clamped there */
            if (advntk__graph_layer(graph, 0)->shape.channels == 1) {
                value_error /= 100;
                slope_error /= 100;
            }
            if (!(value_error <= 1e-9 && slope_error <= 1e-5)) {
                ok(false, "graph %td: value off by %.2g, gradient by %.2g", i, value_error,
                   slope_error);
                show(graph);
            }
            worst = value_error > worst ? value_error : worst;
            steepest = slope_error > steepest ? slope_error : steepest;
        } else if (!strstr(err.text, "layer ")) {
            printf("# graph %td: %s\n", i, err.text);
            reasons = false;
        }
        advntk__graph_free(graph);
    }
    ok(reasons, "every refusal names a layer");
    ok(ran > graphs / 5, "%td of %td graphs ran: %td flat, %td pixel-diagonal, %td full", ran,
       graphs, layouts[0], layouts[1], layouts[2]);
    ok(layouts[0] > graphs / 100 && layouts[1] > graphs / 50 && layouts[2] > graphs / 50,
       "all layouts are met");
    ok(pooled > POOLED / 2, "%td of %d with pools between convolutions ran", pooled, POOLED);
    ok(worst <= 1e-9, "values agree with the plain twin (%.2g)", worst);
    /* central differences: h^2 of truncation and eps/h of rounding of the twin */
    ok(steepest <= 1e-5, "gradients agree with its differences (%.2g)", steepest);
    for (int i = 0; i < ACTS; i++) {
        slot_close(&activations[i]);
    }
    host_close(host);
    return done_testing();
}
