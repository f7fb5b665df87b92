/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain twin of the kernel engine: one pair at a time, one layer at a time, in float64 by libm,
 * from the table of layers and dual activations (Jacot et al. 2018; Cho and Saul 2009; Williams
 * 1997). It shares the layer graph with the engine and nothing else.
 *
 * Notation: s, q, r = <x,y>/d, |x|^2/d, |y|^2/d of a pair; K, T its nngp and tangent kernel.
 */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include "graph/graph.h"

#include <advntk/activation.h>
#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>

/* phi(x) = a min(x,0) + b max(x,0) */
static void ref_ab_relu(double a, double b, double s, double q, double r, double *k, double *kd)
{
    double pi = acos(-1), size = sqrt(q * r);
    double c = size > 0 ? fmax(-1, fmin(1, s / size)) : 0;
    double angle = pi - acos(c);

    *k = a * b * s + (b - a) * (b - a) * size / (2 * pi) * (sqrt(1 - c * c) + angle * c);
    *kd = a * b + (b - a) * (b - a) * angle / (2 * pi);
}

/* phi(x) = a erf(b x) + c */
static void ref_erf(const double p[3], double s, double q, double r, double *k, double *kd)
{
    double pi = acos(-1), b2 = p[1] * p[1], u = 1 + 2 * b2 * q, v = 1 + 2 * b2 * r;

    *k = p[0] * p[0] * 2 / pi * asin(2 * b2 * s / sqrt(u * v)) + p[2] * p[2];
    *kd = p[0] * p[0] * b2 * 4 / pi / sqrt(u * v - 4 * b2 * b2 * s * s);
}

static void ref_dual(const struct advntk_slot *slot, double s, double q, double r, double *k,
                     double *kd)
{
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    double p[3] = {0, 0, 0};

    if (ops->family(slot->config, p) == ADVNTK_FAMILY_ERF) {
        ref_erf(p, s, q, r, k, kd);
    } else {
        ref_ab_relu(p[0], p[1], s, q, r, k, kd);
    }
}

struct ref_pair {
    double K, T, q, r; /* q, r: K of each image with itself */
};

/* The layers of the graph in their order; each value by its row of the table. */
static struct ref_pair ref_kernel(const struct advntk_graph *graph, double s, double q, double r)
{
    ptrdiff_t count = advntk__graph_count(graph);
    struct ref_pair *v = calloc((size_t)count, sizeof(*v)), out;

    for (ptrdiff_t i = 0; i < count; i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        const struct ref_pair *in = layer->from_count > 0 ? &v[layer->from[0]] : NULL;
        double w2 = layer->affine.w_std * layer->affine.w_std;
        double b2 = layer->affine.b_std * layer->affine.b_std, kd, unused;
        switch (layer->kind) {
        case ADVNTK__LAYER_INPUT:
            v[i] = (struct ref_pair){s, 0, q, r};
            break;
        case ADVNTK__LAYER_FLATTEN:
            v[i] = *in;
            break;
        case ADVNTK__LAYER_DENSE:
            v[i].K = w2 * in->K + b2;
            v[i].T = v[i].K + w2 * in->T;
            v[i].q = w2 * in->q + b2;
            v[i].r = w2 * in->r + b2;
            break;
        case ADVNTK__LAYER_ACTIVATION:
            ref_dual(&layer->activation, in->K, in->q, in->r, &v[i].K, &kd);
            ref_dual(&layer->activation, in->q, in->q, in->q, &v[i].q, &unused);
            ref_dual(&layer->activation, in->r, in->r, in->r, &v[i].r, &unused);
            v[i].T = in->T * kd;
            break;
        case ADVNTK__LAYER_CONV: /* these have maps: map_reference.h */
        case ADVNTK__LAYER_POOL:
        case ADVNTK__LAYER_NORM:
        case ADVNTK__LAYER_DROPOUT:
        case ADVNTK__LAYER_PRODUCT:
            v[i] = (struct ref_pair){(double)NAN, (double)NAN, (double)NAN, (double)NAN};
            break;
        case ADVNTK__LAYER_SUM:
            for (ptrdiff_t b = 0; b < layer->from_count; b++) {
                v[i].K += v[layer->from[b]].K;
                v[i].T += v[layer->from[b]].T;
                v[i].q += v[layer->from[b]].q;
                v[i].r += v[layer->from[b]].r;
            }
            break;
        }
    }
    out = v[advntk__graph_output(graph)];
    free(v);
    return out;
}

/* <x,y>/d */
static double ref_moment(ptrdiff_t d, const double *x, const double *y)
{
    double sum = 0;
    for (ptrdiff_t c = 0; c < d; c++) {
        sum += x[c] * y[c];
    }
    return sum / (double)d;
}

/* k[i,j] = kernel of rows i of x and j of y, (m,n); tangent: T, else K */
__attribute__((unused)) static void ref_gram(const struct advntk_graph *graph, bool tangent,
                                             ptrdiff_t m, ptrdiff_t n, ptrdiff_t d, const double *x,
                                             const double *y, double *k)
{
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t j = 0; j < n; j++) {
            const double *a = x + i * d, *b = y + j * d;
            struct ref_pair pair =
                ref_kernel(graph, ref_moment(d, a, b), ref_moment(d, a, a), ref_moment(d, b, b));
            k[i * n + j] = tangent ? pair.T : pair.K;
        }
    }
}

#endif
