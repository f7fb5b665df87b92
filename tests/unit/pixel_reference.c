/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks of convolutions against a plain twin on odd sizes: tiles, panels and gradients, at every
 * instruction set; images that coincide, black images and patches; same bits for any number of
 * threads. */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "isa.h"
#include "plugin.h"
#include "reference.h"

#include <float.h>

enum { N = 9, ROWS = 3, VALUES_MAX = 40 * 40 * 3 };

static double x[N * VALUES_MAX], want[N * N], got[N * N], g[2 * ROWS * N],
    dx[2 * ROWS * VALUES_MAX];

struct ref_map {
    double *K, *T;
};

/* Mean of a map over the window of output (oy, ox): one tap at a time. */
static double ref_window(const struct advntk__layer *layer, struct advntk__shape in, ptrdiff_t oy,
                         ptrdiff_t ox, const double *map)
{
    const struct advntk_window *w = &layer->window;
    bool wraps = w->padding == ADVNTK_PADDING_CIRCULAR;
    ptrdiff_t top, left;
    double sum = 0;

    advntk__graph_positions(in.height, w->filter[0], w->stride[0], w->padding, &top);
    advntk__graph_positions(in.width, w->filter[1], w->stride[1], w->padding, &left);
    for (ptrdiff_t i = 0; i < w->filter[0]; i++) {
        for (ptrdiff_t j = 0; j < w->filter[1]; j++) {
            ptrdiff_t y = oy * w->stride[0] - top + i, c = ox * w->stride[1] - left + j;
            if (wraps) {
                y = (y + 10 * in.height) % in.height;
                c = (c + 10 * in.width) % in.width;
            }
            if (y >= 0 && y < in.height && c >= 0 && c < in.width) {
                sum += map[y * in.width + c];
            }
        }
    }
    return sum / (double)(w->filter[0] * w->filter[1]);
}

/* K and T of all layers from those of the images, with the variances of both for the activations.
 */
static void ref_layer(const struct advntk_graph *graph, ptrdiff_t i, struct ref_map *m,
                      double *const q[2])
{
    const struct advntk__layer *layer = advntk__graph_layer(graph, i);
    const struct advntk__shape out = layer->shape;
    struct advntk__shape in = advntk__graph_layer(graph, layer->from[0])->shape;
    const struct ref_map *from = &m[layer->from[0]];
    double w2 = layer->affine.w_std * layer->affine.w_std;
    double b2 = layer->affine.b_std * layer->affine.b_std, average, k, kd;
    double t_k = layer->width > 0 ? layer->fan_in : w2;
    double t_1 = layer->width > 0 ? (b2 > 0 ? 1 : 0) : b2;

    for (ptrdiff_t p = 0; p < out.height * out.width; p++) {
        if (layer->kind == ADVNTK__LAYER_CONV) {
            average = ref_window(layer, in, p / out.width, p % out.width, from->T);
            k = ref_window(layer, in, p / out.width, p % out.width, from->K);
            m[i].T[p] = w2 * average + t_k * k + t_1;
            m[i].K[p] = w2 * k + b2;
        } else if (layer->kind == ADVNTK__LAYER_DENSE) {
            m[i].K[p] = w2 * from->K[p] + b2;
            m[i].T[p] = w2 * from->T[p] + t_k * from->K[p] + t_1;
        } else if (layer->kind == ADVNTK__LAYER_ACTIVATION) {
            ref_dual(&layer->activation, from->K[p], q ? q[0][p] : from->K[p],
                     q ? q[1][p] : from->K[p], &k, &kd);
            m[i].K[p] = k;
            m[i].T[p] = from->T[p] * kd;
        } else if (layer->kind == ADVNTK__LAYER_FLATTEN) {
            m[i].K[0] = m[i].T[0] = 0;
            for (ptrdiff_t c = 0; c < in.height * in.width; c++) {
                m[i].K[0] += from->K[c] / (double)(in.height * in.width);
                m[i].T[0] += from->T[c] / (double)(in.height * in.width);
            }
        } else if (layer->kind == ADVNTK__LAYER_SUM) {
            m[i].K[p] = m[i].T[p] = 0;
            for (ptrdiff_t b = 0; b < layer->from_count; b++) {
                m[i].K[p] += m[layer->from[b]].K[p];
                m[i].T[p] += m[layer->from[b]].T[p];
            }
        }
    }
}

/* The kernel of images u and v: three passes, the two images with themselves and the pair. */
static double ref_pair_of(const struct advntk_graph *graph, bool tangent, const double *u,
                          const double *v)
{
    ptrdiff_t count = advntk__graph_count(graph);
    const struct advntk__shape s = advntk__graph_layer(graph, 0)->shape;
    struct ref_map *m[3];
    double value;

    for (int pass = 0; pass < 3; pass++) {
        const double *a = pass == 1 ? v : u, *b = pass == 0 ? u : v;
        m[pass] = calloc((size_t)count, sizeof(**m));
        for (ptrdiff_t i = 0; i < count; i++) {
            const struct advntk__layer *layer = advntk__graph_layer(graph, i);
            size_t pixels = (size_t)(layer->shape.height * layer->shape.width);
            m[pass][i] =
                (struct ref_map){calloc(pixels, sizeof(double)), calloc(pixels, sizeof(double))};
            if (i == 0) {
                for (ptrdiff_t c = 0; c < (ptrdiff_t)pixels * s.channels; c++) {
                    m[pass][0].K[c / s.channels] += a[c] * b[c] / (double)s.channels;
                }
            } else {
                double *const q[2] = {m[0][layer->from[0]].K, m[pass > 0][layer->from[0]].K};
                ref_layer(graph, i, m[pass], pass == 2 ? q : NULL);
            }
        }
    }
    value =
        tangent ? m[2][advntk__graph_output(graph)].T[0] : m[2][advntk__graph_output(graph)].K[0];
    for (int pass = 0; pass < 3; pass++) {
        for (ptrdiff_t i = 0; i < count; i++) {
            free(m[pass][i].K);
            free(m[pass][i].T);
        }
        free(m[pass]);
    }
    return value;
}

/* ---- networks ---- */

struct shape {
    ptrdiff_t height, width, channels;
};

enum { PLAIN, WIDE, EVEN, STRIDED, VALID, CIRCULAR, BLOCKS, STANDARD, NETS };
static const char *const net_names[NETS] = {"3x3",   "5x3 and 1x7", "2x4",    "strides",
                                            "valid", "circular",    "blocks", "standard weights"};

static ptrdiff_t conv(struct advntk_graph *graph, ptrdiff_t at, ptrdiff_t height, ptrdiff_t width,
                      ptrdiff_t stride, enum advntk_padding padding)
{
    struct advntk_window window = {{height, width}, {stride, stride}, padding};
    return advntk_graph_conv(graph, at, window, (struct advntk_affine){1.4, 0.3});
}

/* Two branches that meet twice, one the identity, and an activation that two layers read. */
static ptrdiff_t blocks(struct advntk_graph *graph, ptrdiff_t at, struct advntk_slot relu)
{
    ptrdiff_t branch[2], both[2];

    at = conv(graph, at, 3, 3, 1, ADVNTK_PADDING_SAME);
    branch[0] = at;
    at = advntk_graph_activation(graph, at, relu);
    branch[1] = conv(graph, at, 3, 3, 1, ADVNTK_PADDING_SAME);
    both[0] = conv(graph, at, 1, 1, 1, ADVNTK_PADDING_SAME);
    both[1] = advntk_graph_sum(graph, 2, branch);
    at = advntk_graph_activation(graph, advntk_graph_sum(graph, 2, both), relu);
    return conv(graph, at, 3, 3, 1, ADVNTK_PADDING_SAME);
}

static struct advntk_graph *build(int net, struct shape s, struct advntk_slot relu,
                                  struct advntk_slot other)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = NULL;
    ptrdiff_t at;

    must(advntk__graph_new(s.height, s.width, s.channels, &graph, &err), &err);
    at = advntk_graph_input(graph);
    if (net == STANDARD) {
        advntk_graph_standard(graph, 32);
    }
    if (net == BLOCKS) {
        at = blocks(graph, at, relu);
    } else if (net == WIDE || net == EVEN) {
        at = conv(graph, at, net == WIDE ? 5 : 2, net == WIDE ? 3 : 4, 1, ADVNTK_PADDING_SAME);
        at = conv(graph, advntk_graph_activation(graph, at, relu), 1, net == WIDE ? 7 : 2, 1,
                  ADVNTK_PADDING_SAME);
    } else {
        enum advntk_padding padding = net == VALID      ? ADVNTK_PADDING_VALID
                                      : net == CIRCULAR ? ADVNTK_PADDING_CIRCULAR
                                                        : ADVNTK_PADDING_SAME;
        at = conv(graph, at, 3, 3, 1, ADVNTK_PADDING_SAME);
        at = conv(graph, advntk_graph_activation(graph, at, relu), 3, 2, net == STRIDED ? 2 : 1,
                  padding);
        at = conv(graph, advntk_graph_activation(graph, at, other), 3, 3, 1, ADVNTK_PADDING_SAME);
    }
    at = advntk_graph_flatten(graph, advntk_graph_activation(graph, at, relu));
    advntk_graph_output(graph, advntk_graph_dense(graph, at, (struct advntk_affine){1.2, 0.1}));
    must(advntk__graph_finish(graph, &err), &err);
    return graph;
}

/* ---- the engine ---- */

struct set {
    const struct advntk_kernel_ops *ops;
    struct advntk_host *host;
    void *state, *all, *few;
    bool narrow;
};

/* few: the ROWS images from the third on */
static struct set set_open(struct advntk_host *host, const char *kernel,
                           const struct advntk_graph *graph, struct shape s,
                           enum advntk_precision precision)
{
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {graph, s.height, s.width, s.channels, precision};
    struct set set = {.ops = plugin_open(kernel)->ops,
                      .host = host,
                      .narrow = precision == ADVNTK_PRECISION_FLOAT32};
    ptrdiff_t d = s.height * s.width * s.channels;

    must(set.ops->open(NULL, host, &setup, &set.state, &err), &err);
    must(set.ops->points_new(set.state, N, &set.all, &err), &err);
    must(set.ops->points_put(set.state, set.all, 0, N, x, &err), &err);
    must(set.ops->points_new(set.state, ROWS, &set.few, &err), &err);
    must(set.ops->points_put(set.state, set.few, 0, ROWS, x + 2 * d, &err), &err);
    return set;
}

static void set_close(struct set *set)
{
    set->ops->points_free(set->state, set->few);
    set->ops->points_free(set->state, set->all);
    set->ops->close(set->state);
}

static void to_got(const struct set *set, ptrdiff_t n, const void *raw)
{
    widen(n, raw, set->narrow ? ADVNTK_PRECISION_FLOAT32 : ADVNTK_PRECISION_FLOAT64, got);
}

/* panel of `few` against all to got, gradient for two cotangents to dx (ROWS,2,d) */
static void panel(const struct set *set)
{
    struct advntk_error err = {0};
    double raw[ROWS * N];
    float narrow[2 * ROWS * N];
    void *tape;

    for (int i = 0; i < 2 * ROWS * N; i++) {
        narrow[i] = (float)g[i];
    }
    must(set->ops->panel(set->state, set->few, set->all, raw, &tape, &err), &err);
    to_got(set, (ptrdiff_t)ROWS * N, raw);
    must(set->ops->panel_vjp(set->state, tape, 2, set->narrow ? (void *)narrow : (void *)g, dx,
                             &err),
         &err);
    set->ops->tape_free(set->state, tape);
}

static void test_values(const struct set *set, double tolerance, const char *name)
{
    struct advntk_error err = {0};
    double raw[N * N];

    for (int lower = 0; lower < 2; lower++) {
        must(set->ops->tile(set->state, set->all, 0, N, set->all, 0, N, lower, raw, N,
                            set->host->arenas[0], &err),
             &err);
        to_got(set, (ptrdiff_t)N * N, raw);
        for (int i = 0; lower && i < N; i++) {
            memcpy(got + i * N + i + 1, want + i * N + i + 1, (size_t)(N - i - 1) * sizeof(*got));
        }
        is_close((ptrdiff_t)N * N, got, want, tolerance, name);
    }
    must(set->ops->tile(set->state, set->all, 4, 5, set->all, 1, 7, false, raw, N,
                        set->host->arenas[0], &err),
         &err);
    to_got(set, 5 * N, raw);
    for (int i = 0; i < 5; i++) {
        is_close(7, got + (ptrdiff_t)i * N, want + (4 + i) * N + 1, tolerance, name);
    }
}

/* <dx, direction> of the first cotangent of image `row` against central differences of the twin. */
static void test_gradient(const struct advntk_graph *graph, bool tangent, ptrdiff_t d, int row,
                          double tolerance, const char *name)
{
    static double direction[VALUES_MAX], moved[2][VALUES_MAX];
    const double h = 1e-5;
    double slope = 0, difference = 0, size = 0;

    test_normal(77 + (uint64_t)row, d, direction);
    for (ptrdiff_t p = 0; p < d; p++) {
        slope += dx[(ptrdiff_t)row * 2 * d + p] * direction[p];
        size += dx[(ptrdiff_t)row * 2 * d + p] * dx[(ptrdiff_t)row * 2 * d + p];
        moved[0][p] = x[(2 + row) * d + p] - h * direction[p];
        moved[1][p] = x[(2 + row) * d + p] + h * direction[p];
    }
    for (int j = 0; j < N; j++) {
        difference += g[row * N + j] / (2 * h) *
                      (ref_pair_of(graph, tangent, moved[1], x + j * d) -
                       ref_pair_of(graph, tangent, moved[0], x + j * d));
    }
    ok(fabs(slope - difference) <= tolerance * sqrt(size), "%s: slope %.9g, difference %.9g", name,
       slope, difference);
}

static void test_net(struct advntk_host *host, int net, struct shape s, struct advntk_slot relu,
                     struct advntk_slot other)
{
    static const char *const kernels[] = {"kernel/nngp", "kernel/ntk"};
    struct advntk_graph *graph = build(net, s, relu, other);
    ptrdiff_t d = s.height * s.width * s.channels;
    int best = host->isa;
    char name[160];

    test_normal(5, N * d, x);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < N * N; i++) {
            want[i] = ref_pair_of(graph, k == 1, x + i / N * d, x + i % N * d);
        }
        for (host->isa = test_first_isa(best); host->isa <= best; host->isa++) {
            for (int p = ADVNTK_PRECISION_FLOAT32; p <= ADVNTK_PRECISION_FLOAT64; p++) {
                struct set set = set_open(host, kernels[k], graph, s, (enum advntk_precision)p);
                snprintf(name, sizeof(name), "%s of %td x %td x %td, %s, float%d, %s",
                         net_names[net], s.height, s.width, s.channels, kernels[k], 32 * p,
                         advntk__isa_name(host->isa));
                /* float32: a few eps a layer; float64: the same, times 1/h of the angle's slope */
                test_values(&set, set.narrow ? 4e-6 : 1e-13, name);
                panel(&set);
                for (int i = 0; i < ROWS; i++) { /* an image with itself: test_edges */
                    got[i * N + 2 + i] = want[(2 + i) * N + 2 + i];
                }
                is_close((ptrdiff_t)ROWS * N, got, want + 2 * N, set.narrow ? 4e-6 : 1e-13, name);
                /* differences: h^2 and eps/h; pairs of an image with itself have the derivative of
                 * the self value in the twin and a clamped one in the engine: g is 0 there */
                for (int row = 0; row < ROWS && host->isa == best; row++) {
                    test_gradient(graph, k == 1, d, row, set.narrow ? 2e-4 : 1e-6, name);
                }
                set_close(&set);
            }
        }
        host->isa = best;
    }
    advntk__graph_free(graph);
}

static bool all_finite(ptrdiff_t n, const double *v)
{
    double sum = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        sum += v[i] * 0;
    }
    return sum == 0;
}

/* Cotangents on pairs of an image with itself too, one black image and one black in part. */
static void test_edges(struct advntk_host *host, struct advntk_slot relu)
{
    struct shape s = {8, 9, 2};
    ptrdiff_t d = s.height * s.width * s.channels;
    struct advntk_graph *graph = build(BLOCKS, s, relu, relu);

    test_normal(6, N * d, x);
    memset(x + 2 * d, 0, (size_t)d * sizeof(*x));
    memset(x + 3 * d, 0, (size_t)(d / 2) * sizeof(*x));
    for (int p = ADVNTK_PRECISION_FLOAT32; p <= ADVNTK_PRECISION_FLOAT64; p++) {
        struct set set = set_open(host, "kernel/ntk", graph, s, (enum advntk_precision)p);
        panel(&set);
        for (int i = 0; i < ROWS * N; i++) {
            want[i] = ref_pair_of(graph, true, x + (2 + i / N) * d, x + i % N * d);
        }
        ok(all_finite(2 * ROWS * d, dx), "float%d: finite where images coincide or are black",
           32 * p);
        /* a correlation of 1 known to eps is an angle of sqrt(eps) */
        is_close((ptrdiff_t)ROWS * N, got, want,
                 4 * sqrt(set.narrow ? (double)FLT_EPSILON : DBL_EPSILON),
                 "images with themselves, black images and patches");
        set_close(&set);
    }
    advntk__graph_free(graph);
}

static void test_threads(struct advntk_slot relu)
{
    struct shape s = {12, 7, 3};
    ptrdiff_t d = s.height * s.width * s.channels;
    struct advntk_graph *graph = build(BLOCKS, s, relu, relu);
    static double values[ROWS * N], gradients[2 * ROWS * VALUES_MAX];

    test_normal(8, N * d, x);
    for (int threads = 1; threads <= 2; threads++) {
        struct advntk_host *host = host_open(threads, -1);
        struct set set = set_open(host, "kernel/ntk", graph, s, ADVNTK_PRECISION_FLOAT32);
        panel(&set);
        if (threads == 1) {
            memcpy(values, got, sizeof(values));
            memcpy(gradients, dx, sizeof(gradients));
        }
        set_close(&set);
        host_close(host);
    }
    ok(memcmp(values, got, sizeof(values)) == 0, "same panel with 1 and 2 threads");
    ok(memcmp(gradients, dx, (size_t)(2 * ROWS * d) * sizeof(*dx)) == 0,
       "same gradient with 1 and 2 threads");
    advntk__graph_free(graph);
}

int main(void)
{
    static const struct shape shapes[] = {{5, 7, 2}, {9, 17, 3}, {6, 33, 1}};
    struct advntk_host *host = host_open(1, -1);
    struct advntk_slot relu = slot_open("activation/relu"), erf_slot = slot_open("activation/erf");
    struct advntk_slot leaky = slot_open("activation/leaky_relu");

    test_normal(4, sizeof(g) / sizeof(g[0]), g);
    test_edges(host, relu);
    test_threads(relu);
    for (int i = 0; i < 2 * ROWS * N; i++) {
        g[i] = i % N == 2 + i / N % ROWS ? 0 : g[i];
    }
    for (int net = 0; net < NETS; net++) {
        test_net(host, net, shapes[net % 3], relu, net % 2 ? erf_slot : leaky);
    }
    slot_close(&relu);
    slot_close(&erf_slot);
    slot_close(&leaky);
    host_close(host);
    return done_testing();
}
