/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Networks of data/kernels/cases.json, written as `custom` takes them: kernels and input gradients
 * against neural-tangents. */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "isa.h"

#include <jansson.h>
#include <unistd.h>

enum { N1 = 6, N2 = 5, D = 8 * 8 * 3, SLOTS_MAX = 200 };

struct result {
    double value[N1 * N2], self[N1 * N1], diagonal[N1], gradient[N1 * D];
};

static double *x1, *x2, *g;
static struct advntk_slot slots[SLOTS_MAX]; /* of the network at hand */
static double coefficients[8];
static int slot_count;

static double number(const json_t *map, const char *key, double otherwise)
{
    const json_t *value = json_object_get(map, key);
    return value ? json_number_value(value) : otherwise;
}

static struct advntk_slot activation_slot(const json_t *value)
{
    const char *name = json_is_string(value) ? json_string_value(value)
                                             : json_string_value(json_object_get(value, "plugin"));
    char identity[128];
    struct advntk_slot slot;

    snprintf(identity, sizeof(identity), "activation/%s", name);
    slot = slot_open(identity);
    for (const struct advntk_param *p = slot.plugin->params; p && p->name; p++) {
        json_t *item = json_object_get(value, p->name);
        int64_t integer = (int64_t)json_number_value(item);
        struct advntk_list list = {(ptrdiff_t)json_array_size(item), coefficients};
        for (size_t i = 0; i < json_array_size(item); i++) {
            coefficients[i] = json_number_value(json_array_get(item, i));
        }
        if (item && p->type == ADVNTK_PARAM_LIST) {
            slot_set(&slot, p->name, &list, sizeof(list));
        } else if (item && p->type == ADVNTK_PARAM_INT) {
            slot_set(&slot, p->name, &integer, sizeof(integer));
        } else if (item) {
            slot_real(&slot, p->name, json_number_value(item));
        }
    }
    slots[slot_count++] = slot;
    return slot;
}

static void sizes(const json_t *map, const char *key, ptrdiff_t otherwise, ptrdiff_t size[2])
{
    const json_t *value = json_object_get(map, key);
    for (size_t i = 0; i < 2; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        size[i] = item ? (ptrdiff_t)json_integer_value(item) : otherwise;
    }
}

static ptrdiff_t add_list(struct advntk_graph *graph, ptrdiff_t at, const json_t *layers);

static ptrdiff_t add_layer(struct advntk_graph *graph, ptrdiff_t at, json_t *layer)
{
    const char *name = json_is_string(layer) ? json_string_value(layer)
                                             : json_object_iter_key(json_object_iter(layer));
    const json_t *value = json_is_string(layer) ? NULL : json_object_get(layer, name);
    struct advntk_affine affine = {number(value, "w_std", 1.76), number(value, "b_std", 0.18)};
    const char *padding = json_string_value(json_object_get(value, "padding"));
    struct advntk_window window = {.padding = ADVNTK_PADDING_SAME};
    ptrdiff_t branch[2] = {at, at};

    if (strcmp(name, "flatten") == 0) {
        return advntk_graph_flatten(graph, at);
    }
    if (strcmp(name, "dense") == 0) {
        return advntk_graph_dense(graph, at, affine);
    }
    if (strcmp(name, "activation") == 0) {
        return advntk_graph_activation(graph, at, activation_slot(value));
    }
    if (strcmp(name, "layer_norm") == 0) {
        return advntk_graph_layer_norm(graph, at, false, 1e-12);
    }
    if (strcmp(name, "global_average_pool") == 0) {
        return advntk_graph_global_pool(graph, at, ADVNTK_POOLING_AVERAGE);
    }
    if (strcmp(name, "average_pool") == 0 || strcmp(name, "sum_pool") == 0) {
        sizes(value, "window", 1, window.filter);
        sizes(value, "window", 1, window.stride);
        window.padding = ADVNTK_PADDING_VALID;
        return advntk_graph_pool(
            graph, at, *name == 's' ? ADVNTK_POOLING_SUM : ADVNTK_POOLING_AVERAGE, window);
    }
    if (strcmp(name, "residual") == 0) {
        branch[0] = add_list(graph, at, json_object_get(value, "main"));
        branch[1] = add_list(graph, at, json_object_get(value, "shortcut"));
        return advntk_graph_sum(graph, 2, branch);
    }
    sizes(value, "filter", 3, window.filter);
    sizes(value, "stride", 1, window.stride);
    if (padding && strcmp(padding, "valid") == 0) {
        window.padding = ADVNTK_PADDING_VALID;
    } else if (padding && strcmp(padding, "circular") == 0) {
        window.padding = ADVNTK_PADDING_CIRCULAR;
    }
    return advntk_graph_conv(graph, at, window, affine);
}

static ptrdiff_t add_list(struct advntk_graph *graph, ptrdiff_t at, const json_t *layers)
{
    for (size_t i = 0; i < json_array_size(layers); i++) {
        at = add_layer(graph, at, json_array_get(layers, i));
    }
    return at;
}

static void compute(struct advntk_host *host, const struct advntk_kernel_ops *kernel,
                    const struct advntk_graph *graph, enum advntk_precision precision,
                    struct result *r)
{
    struct advntk_error err = {0};
    struct advntk_kernel_setup setup = {graph, 8, 8, 3, precision};
    void *state, *a, *b, *tape;
    double raw[N1 * N1] = {0}, both[2 * N1 * N2], two[2 * N1 * D];
    float narrow[2 * N1 * N2];

    must(kernel->open(NULL, host, &setup, &state, &err), &err);
    must(kernel->points_new(state, N1, &a, &err), &err);
    must(kernel->points_new(state, N2, &b, &err), &err);
    must(kernel->points_put(state, a, 0, N1, x1, &err), &err);
    must(kernel->points_put(state, b, 0, N2, x2, &err), &err);
    must(kernel->panel(state, a, b, raw, &tape, &err), &err);
    widen(N1 * N2, raw, precision, r->value);
    for (int i = 0; i < 2 * N1 * N2; i++) { /* two cotangents, the second three times the first */
        both[i] = g[i % (N1 * N2)] * (i < N1 * N2 ? 1 : 3);
        narrow[i] = (float)both[i];
    }
    must(kernel->panel_vjp(state, tape, 2,
                           precision == ADVNTK_PRECISION_FLOAT32 ? (void *)narrow : (void *)both,
                           two, &err),
         &err);
    for (int i = 0; i < N1; i++) {
        for (int p = 0; p < D; p++) {
            r->gradient[i * D + p] = 0.1 * two[2 * i * D + p] + 0.3 * two[(2 * i + 1) * D + p];
        }
    }
    kernel->tape_free(state, tape);
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

/* The reference's, or NULL where it is not a number: rectified_monomial2 with equal images. */
static double *reference(const char *file, ptrdiff_t *count)
{
    char path[1024];

    snprintf(path, sizeof(path), "%s/%s.npy", TEST_DATA, file);
    if (strstr(file, "rectified_monomial2") && access(path, F_OK) != 0) {
        return NULL;
    }
    return array_read(file, count);
}

/* The reference takes an image with itself from products, its angle is up to 2e-8 a layer and not 0
 * (kernels.c): the diagonal is compared by itself. */
static void compare(const char *network, const char *kernel, struct result *r,
                    const struct advntk_host *host, enum advntk_precision precision, bool gradient)
{
    bool wide = precision == ADVNTK_PRECISION_FLOAT64;
    /* float64: what the reference's rounding allows. float32: off the diagonal a few eps a layer;
     * derivatives with the angle's own derivative. With filters of one pixel a map's numbers come
     * from three channels alone, and in some the images are parallel: a correlation known to 6e-8
     * is an angle known to 3e-4, which no sum over windows averages out. */
    double narrow = strcmp(network, "cnn2-filter1") == 0 ? 5e-5 : 2e-5;
    /* softplus, tanh: mixtures, to 1e-8 of the moments a layer (plugins/activation/logistic.h) */
    double exact = strstr(network, "softplus") || strstr(network, "tanh") ? 3e-8 : 1e-9;
    double tolerance = wide ? exact : narrow, slope = wide ? 1e-7 : 1e-3, error = 0;
    char file[256], name[300];
    ptrdiff_t count;
    double *want;

    snprintf(file, sizeof(file), "kernels/%s-%s", network, kernel);
    snprintf(name, sizeof(name), "%s %s %s", file, wide ? "float64" : "float32",
             advntk__isa_name(host->isa));
    want = reference(file, &count);
    if (want) {
        is_close(count, r->value, want, tolerance, name);
    }
    free(want);
    snprintf(file, sizeof(file), "kernels/%s-%s_self", network, kernel);
    want = reference(file, &count);
    for (int i = 0; want && i < N1; i++) {
        double off = fabs(r->self[i * N1 + i] - want[i * N1 + i]) / want[i * N1 + i];
        error = isnan(off) || off > error ? off : error;
        off = fabs(r->diagonal[i] - want[i * N1 + i]) / want[i * N1 + i];
        error = isnan(off) || off > error ? off : error;
        r->self[i * N1 + i] = want[i * N1 + i];
    }
    if (want) {
        ok(error < (wide ? 2e-7 : 2e-6), "%s: diagonal (%.2g)", name, error);
        is_close(count, r->self, want, tolerance, name);
    }
    free(want);
    snprintf(file, sizeof(file), "kernels/%s-grad_%s", network, kernel);
    want = gradient ? reference(file, &count) : NULL;
    if (want) {
        is_close(count, r->gradient, want, slope, name);
    }
    free(want);
}

static void test_network(struct advntk_host *host, const json_t *network)
{
    struct advntk_error err = {0};
    struct advntk_graph *graph = NULL;
    const char *name = json_string_value(json_object_get(network, "name"));
    const char *kernels[] = {"nngp", "ntk"}, *identities[] = {"kernel/nngp", "kernel/ntk"};
    bool gradient = !json_is_true(json_object_get(network, "no_gradient"));
    ptrdiff_t at;

    slot_count = 0;
    must(advntk__graph_new(8, 8, 3, &graph, &err), &err);
    at = add_list(graph, advntk_graph_input(graph), json_object_get(network, "layers"));
    advntk_graph_output(graph, at);
    must(advntk__graph_finish(graph, &err), &err);
    for (int k = 0; k < 2; k++) {
        const struct advntk_kernel_ops *kernel = plugin_open(identities[k])->ops;
        for (int p = ADVNTK_PRECISION_FLOAT32; p <= ADVNTK_PRECISION_FLOAT64; p++) {
            struct result r;
            compute(host, kernel, graph, (enum advntk_precision)p, &r);
            compare(name, kernels[k], &r, host, (enum advntk_precision)p, gradient);
        }
    }
    advntk__graph_free(graph);
    while (slot_count > 0) {
        slot_close(&slots[--slot_count]);
    }
}

int main(void)
{
    struct advntk_host *host = host_open(2, -1);
    int best = host->isa;
    ptrdiff_t count;
    json_error_t where;
    json_t *networks = json_load_file(TEST_DATA "/kernels/cases.json", 0, &where);

    if (!networks) {
        printf("Bail out! cases.json:%d: %s\n", where.line, where.text);
        return 1;
    }
    x1 = array_read("kernels/x1", &count);
    x2 = array_read("kernels/x2", &count);
    g = array_read("kernels/g", &count);
    for (host->isa = test_first_isa(best); host->isa <= best; host->isa++) {
        for (size_t i = 0; i < json_array_size(networks); i++) {
            test_network(host, json_array_get(networks, i));
        }
    }
    json_decref(networks);
    host_close(host);
    free(x1);
    free(x2);
    free(g);
    return done_testing();
}
