/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kernels and their input gradients against neural-tangents (data/kernels/README.md). */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "isa.h"

enum { N1 = 6, N2 = 5, D = 8 * 8 * 3 };

/* Activations without dual moments: the engine's Hermite series. */
static void tanh_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = tanh(u[i]);
        if (dy) {
            dy[i] = 1 / (cosh(u[i]) * cosh(u[i]));
        }
    }
}

static void softplus_phi(const void *config, ptrdiff_t n, const double *u, double *y, double *dy)
{
    (void)config;
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i] = fmax(u[i], 0) + log1p(exp(-fabs(u[i])));
        if (dy) {
            dy[i] = 1 / (1 + exp(-u[i]));
        }
    }
}

static const struct advntk_activation_ops tanh_ops = {.variance_max = HUGE_VAL, .phi = tanh_phi};
static const struct advntk_activation_ops softplus_ops = {.variance_max = HUGE_VAL,
                                                          .phi = softplus_phi};
static const struct advntk_plugin tanh_plugin = {
    .kind = ADVNTK_KIND_ACTIVATION, .name = "tanh", .ops = &tanh_ops};
static const struct advntk_plugin softplus_plugin = {
    .kind = ADVNTK_KIND_ACTIVATION, .name = "softplus", .ops = &softplus_ops};

static const struct network {
    const char *name, *activation;
    int64_t depth;
    const struct advntk_plugin *plugin; /* instead of activation */
} networks[] = {
    {"mlp2-relu", "activation/relu", 2, NULL},
    {"mlp3-relu", "activation/relu", 3, NULL},
    {"mlp5-relu", "activation/relu", 5, NULL},
    {"mlp10-relu", "activation/relu", 10, NULL},
    {"mlp3-leaky_relu", "activation/leaky_relu", 3, NULL},
    {"mlp3-abs", "activation/abs", 3, NULL},
    {"mlp3-identity", "activation/identity", 3, NULL},
    {"mlp3-erf", "activation/erf", 3, NULL},
    {"mlp3-sigmoid_like", "activation/sigmoid_like", 3, NULL},
    {"residual-dense", NULL, 0, NULL},
    {"mlp3-tanh", NULL, 3, &tanh_plugin},
    {"mlp3-softplus", NULL, 3, &softplus_plugin},
};

/* What one kernel gave, as float64. */
struct result {
    double value[N1 * N2], self[N1 * N1], diagonal[N1], gradient[N1 * D];
};

static double *x1, *x2, *g;
static double *diagonals; /* networks,(nngp ntk),N1 */

static struct advntk_graph *residual_dense(struct advntk_slot relu, struct advntk_slot erf_slot)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = NULL;
    struct advntk_affine w = {1.76, 0.18};
    ptrdiff_t branch[2], at;

    must(advntk__graph_new(8, 8, 3, &graph, &err), &err);
    branch[1] =
        advntk_graph_dense(graph, advntk_graph_flatten(graph, advntk_graph_input(graph)), w);
    at = advntk_graph_dense(graph, advntk_graph_activation(graph, branch[1], relu), w);
    branch[0] = advntk_graph_dense(graph, advntk_graph_activation(graph, at, erf_slot), w);
    at = advntk_graph_activation(graph, advntk_graph_sum(graph, 2, branch), relu);
    advntk_graph_output(graph, advntk_graph_dense(graph, at, w));
    must(advntk__graph_finish(graph, &err), &err);
    return graph;
}

static void compute(struct advntk_host *host, const struct advntk_kernel_ops *kernel,
                    const struct advntk_graph *graph, enum advntk_precision precision,
                    struct result *r)
{
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {graph, 8, 8, 3, precision};
    void *state, *a, *b, *tape;
    double raw[N1 * N1], cotangent[N1 * N2];
    float narrow[N1 * N2];

    must(kernel->open(NULL, host, &setup, &state, &err), &err);
    must(kernel->points_new(state, N1, &a, &err), &err);
    must(kernel->points_new(state, N2, &b, &err), &err);
    must(kernel->points_put(state, a, 0, N1, x1, &err), &err);
    must(kernel->points_put(state, b, 0, N2, x2, &err), &err);
    must(kernel->panel(state, a, b, raw, &tape, &err), &err);
    widen(N1 * N2, raw, precision, r->value);
    for (int i = 0; i < N1 * N2; i++) {
        narrow[i] = (float)g[i];
        cotangent[i] = g[i];
    }
    must(kernel->panel_vjp(state, tape, 1,
                           precision == ADVNTK_PRECISION_FLOAT32 ? (void *)narrow
                                                                 : (void *)cotangent,
                           r->gradient, &err),
         &err);
    kernel->tape_free(state, tape);
    memset(raw, 0, sizeof(raw));
    must(kernel->tile(state, a, 0, N1, a, 0, N1, true, raw, N1, host->arenas[0], &err), &err);
    widen(N1 * N1, raw, precision, r->self);
    for (int i = 0; i < N1; i++) {
        for (int j = i + 1; j < N1; j++) {
            r->self[i * N1 + j] = r->self[j * N1 + i];
        }
    }
    must(kernel->diagonal(state, a, 0, N1, r->diagonal, &err), &err);
    kernel->points_free(state, a);
    kernel->points_free(state, b);
    kernel->close(state);
}

/*
 * The diagonal by itself, against the recursion in 50 digits (make_diagonal.py): neural-tangents
 * takes it from the product like any other entry, where rounding turns the angle 0 into up to
 * sqrt(2 * 2^-52) = 2e-8 each layer; its tangent kernels are off by 5e-9 (depth 2) to 5e-8 (depth
 * 10) there, so that the exact values replace its own. float64: a few eps each layer; float32: the
 * square mean of pixels rounded to 2^-24.
 */
static void compare_diagonal(const char *name, double *want, const double *exact,
                             const struct result *r, bool narrow)
{
    double error = 0;

    for (int i = 0; i < N1; i++) {
        double gap = fabs(r->diagonal[i] / exact[i] - 1);
        error = gap <= error ? error : gap;
        want[i * N1 + i] = exact[i];
    }
    ok(error <= (narrow ? 1e-7 : 4e-15), "%s: diagonal (%.2g)", name, error);
}

static void compare(const struct network *network, const char *kernel, const struct result *r,
                    const double *exact, const struct advntk_host *host,
                    enum advntk_precision precision)
{
    /* float64: what the reference's own rounding allows (its README). float32: correlations near 1
     * are known to 2^-24, so that angles, and with them the tangent kernel of each layer, are to
     * about sqrt(2^-24)/pi at worst and 1e-6 between different images, times the depth; derivatives
     * twice that with the angle's own derivative. */
    bool narrow = precision == ADVNTK_PRECISION_FLOAT32;
    double tolerance = narrow ? 2e-5 : 1e-9;
    double slope = narrow ? 2e-4 : 1e-7;
    char file[200], name[256];
    const char *parts[] = {"", "_self", "grad_"};
    const double *got[] = {r->value, r->self, r->gradient};

    for (int p = 0; p < 3; p++) {
        ptrdiff_t count;
        double *want;
        snprintf(file, sizeof(file), "kernels/%s-%s%s", network->name, p == 2 ? parts[p] : kernel,
                 p == 2 ? kernel : parts[p]);
        want = array_read(file, &count);
        snprintf(name, sizeof(name), "%s, %s, %s", file, narrow ? "float32" : "float64",
                 advntk__isa_name(host->isa));
        if (p == 1) {
            compare_diagonal(name, want, exact, r, narrow);
        }
        is_close(count, got[p], want, p == 2 ? slope : tolerance, name);
        free(want);
    }
}

static void test_network(struct advntk_host *host, const struct network *network)
{
    struct advntk_slot act =
        slot_open(network->activation ? network->activation : "activation/relu");
    struct advntk_slot erf_slot = slot_open("activation/erf");
    struct advntk_graph *graph;
    const char *kernels[] = {"nngp", "ntk"}, *identities[] = {"kernel/nngp", "kernel/ntk"};

    if (strcmp(network->name, "mlp3-leaky_relu") == 0) {
        slot_real(&act, "negative_slope", 0.1);
    }
    if (network->plugin) {
        slot_close(&act);
        act = (struct advntk_slot){.plugin = network->plugin};
    }
    graph = network->depth > 0 ? mlp_graph(8, 8, 3, network->depth, act)
                               : residual_dense(act, erf_slot);
    for (int k = 0; k < 2; k++) {
        const struct advntk_kernel_ops *kernel = plugin_open(identities[k])->ops;
        for (int p = ADVNTK_PRECISION_FLOAT32; p <= ADVNTK_PRECISION_FLOAT64; p++) {
            struct result r;
            compute(host, kernel, graph, (enum advntk_precision)p, &r);
            compare(network, kernels[k], &r, diagonals + ((network - networks) * 2 + k) * N1, host,
                    (enum advntk_precision)p);
        }
    }
    advntk__graph_free(graph);
    slot_close(&act);
    slot_close(&erf_slot);
}

int main(void)
{
    struct advntk_host *host = host_open(1, -1);
    int best = host->isa;
    ptrdiff_t count;

    x1 = array_read("kernels/x1", &count);
    x2 = array_read("kernels/x2", &count);
    g = array_read("kernels/g", &count);
    diagonals = array_read("kernels/diagonal", &count);
    for (host->isa = test_first_isa(best); host->isa <= best; host->isa++) {
        for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
            test_network(host, &networks[i]);
        }
    }
    host_close(host);
    free(x1);
    free(x2);
    free(g);
    free(diagonals);
    return done_testing();
}
