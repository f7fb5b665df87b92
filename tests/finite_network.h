/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The oracle's finite networks as models: z = w3 relu(w2 relu(w1 x + b1) + b2) + b3 in plain loops,
 * with the exact gradient; weights and images from tests/oracle/data/attacks/NAME.
 */
#ifndef TESTS_FINITE_NETWORK_H
#define TESTS_FINITE_NETWORK_H

#include "attack_world.h"
#include "oracle_data.h"

/* The network is what the attacks are measured with, not what is tested: its innermost loops, 9
 * tenths of the time, are compiled as without the sanitizers. What it is handed is copied first,
 * and checked there. */
#ifdef __SANITIZE_ADDRESS__
#define NETWORK_LOOP __attribute__((unused, no_sanitize("address", "undefined"), optimize("O2")))
#else
#define NETWORK_LOOP __attribute__((unused))
#endif

enum { NETWORK_LAYERS = 3, NETWORK_WIDTH = 64, NETWORK_INPUTS = 64 };
struct network {
    ptrdiff_t size[NETWORK_LAYERS + 1]; /* inputs, hidden, hidden, classes */
    double *w[NETWORK_LAYERS], *b[NETWORK_LAYERS];
    double *
        wt[NETWORK_LAYERS]; /* transposed: in x out, so that sums of one layer go on side by side */
    ptrdiff_t n;
    double *x, *y;
    int32_t *labels;
};

__attribute__((unused)) static void network_load(struct network *net, const char *name)
{
    ptrdiff_t count;
    net->size[0] = NETWORK_INPUTS;
    for (int k = 0; k < NETWORK_LAYERS; k++) {
        net->w[k] = oracle_array(&count, "attacks/%s/w%d", name, k + 1);
        net->b[k] = oracle_array(&net->size[k + 1], "attacks/%s/b%d", name, k + 1);
        net->wt[k] = advntk_alloc(count, sizeof(double));
        for (ptrdiff_t i = 0; net->wt[k] && i < count; i++) {
            net->wt[k][i % net->size[k] * net->size[k + 1] + i / net->size[k]] = net->w[k][i];
        }
    }
    net->x = oracle_array(&count, "attacks/%s/x", name);
    net->y = oracle_array(&net->n, "attacks/%s/y", name);
    net->labels = advntk_alloc(net->n, sizeof(int32_t));
    for (ptrdiff_t i = 0; net->labels && i < net->n; i++) {
        net->labels[i] = (int32_t)net->y[i];
    }
}

__attribute__((unused)) static void network_release(struct network *net)
{
    for (int k = 0; k < NETWORK_LAYERS; k++) {
        advntk_free(net->w[k]);
        advntk_free(net->b[k]);
        advntk_free(net->wt[k]);
    }
    advntk_free(net->x);
    advntk_free(net->y);
    advntk_free(net->labels);
}

/* out (n) += sum over i of c[i] times row i of w (m,n) */
NETWORK_LOOP static void network_rows(ptrdiff_t m, ptrdiff_t n, const double *w, const double *c,
                                      double *restrict out)
{
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t j = 0; j < n; j++) {
            out[j] += w[i * n + j] * c[i];
        }
    }
}

/* values[k]: what goes into layer k (values[0] the image), values[3] the outputs */
__attribute__((unused)) static void network_one(const struct network *net, const double *x,
                                                double values[NETWORK_LAYERS + 1][NETWORK_WIDTH])
{
    memcpy(values[0], x, NETWORK_INPUTS * sizeof(double));
    for (int k = 0; k < NETWORK_LAYERS; k++) {
        ptrdiff_t wide = net->size[k + 1];
        double *out = values[k + 1];
        memcpy(out, net->b[k], (size_t)wide * sizeof(double));
        network_rows(net->size[k], wide, net->wt[k], values[k], out);
        for (ptrdiff_t i = 0; k + 1 < NETWORK_LAYERS && i < wide; i++) {
            out[i] = out[i] < 0 ? 0 : out[i];
        }
    }
}

__attribute__((unused)) static advntk_status network_forward(void *model,
                                                             const struct advntk_images *x,
                                                             double *f, struct advntk_tape **tape,
                                                             struct advntk_error *err)
{
    const struct network *net = model;
    ptrdiff_t c = net->size[NETWORK_LAYERS];
    double values[NETWORK_LAYERS + 1][NETWORK_WIDTH];

    for (ptrdiff_t i = 0; i < x->n; i++) {
        network_one(net, x->pixels + i * NETWORK_INPUTS, values);
        memcpy(f + i * c, values[NETWORK_LAYERS], (size_t)c * sizeof(double));
    }
    if (tape) {
        *tape = malloc(sizeof(**tape));
        if (!*tape) {
            return ADVNTK_FAIL(err, ENOMEM, "network: no memory");
        }
        (*tape)->n = x->n;
        memcpy((*tape)->x, x->pixels, (size_t)(x->n * NETWORK_INPUTS) * sizeof(double));
    }
    return ADVNTK_OK;
}

__attribute__((unused)) static advntk_status network_vjp(void *model,
                                                         const struct advntk_tape *tape,
                                                         ptrdiff_t m, const double *g, double *dx,
                                                         struct advntk_error *err)
{
    const struct network *net = model;
    ptrdiff_t c = net->size[NETWORK_LAYERS];

    (void)err;
    for (ptrdiff_t row = 0; row < tape->n * m; row++) {
        double values[NETWORK_LAYERS + 1][NETWORK_WIDTH], back[2][NETWORK_WIDTH];
        network_one(net, tape->x + row / m * NETWORK_INPUTS, values);
        memcpy(back[0], g + row * c, (size_t)c * sizeof(double));
        for (int k = NETWORK_LAYERS - 1; k >= 0; k--) {
            double *sum = back[1];
            memset(sum, 0, (size_t)net->size[k] * sizeof(double));
            network_rows(net->size[k + 1], net->size[k], net->w[k], back[0], sum);
            for (ptrdiff_t j = 0; j < net->size[k]; j++) {
                back[0][j] = k > 0 && !(values[k][j] > 0) ? 0 : sum[j];
            }
        }
        memcpy(dx + row * NETWORK_INPUTS, back[0], NETWORK_INPUTS * sizeof(double));
    }
    return ADVNTK_OK;
}

__attribute__((unused)) static const struct advntk_model_ops network_ops = {
    .forward = network_forward, .vjp = network_vjp, .tape_free = toy_tape_free};

#endif
