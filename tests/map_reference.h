/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain twin of the engines for networks with maps: every layer as the covariances of all pairs
 * of positions, of both images with themselves and with each other, by nested loops in float64 from
 * the definitions (numerics: field-notes' table of layers). Nothing is left out, fused or reused.
 * Activations by their family's formula (reference.h), others by their plugin, one pair at a time.
 */
#ifndef TESTS_MAP_REFERENCE_H
#define TESTS_MAP_REFERENCE_H

#include "reference.h"

#include <string.h>

/* pixels x pixels each: covariances of (x,x), (y,y), (x,y), and the tangent kernel of (x,y) */
struct map_value {
    double *K[3], *T;
};

enum { MAP_XX, MAP_YY, MAP_XY };

static void map_dual(const struct advntk_slot *slot, double s, double q, double r, double *k,
                     double *kd)
{
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    double p[3], a = sqrt(q), b = sqrt(r), ia = q > 0 ? 1 / a : 0, ib = r > 0 ? 1 / b : 0;
    struct advntk_pairs64 pair = {1, &s, &a, &b, &ia, &ib};
    struct advntk_duals64 out = {.k = k, .kd = kd};

    if (ops->family && ops->family(slot->config, p) != ADVNTK_FAMILY_NONE) {
        ref_dual(slot, s, q, r, k, kd);
    } else {
        ops->dual64[0](slot->config, &pair, &out);
    }
}

static ptrdiff_t map_pixels(const struct advntk__layer *layer)
{
    return layer->shape.height * layer->shape.width;
}

/* The input under place (t,u) of the window of output p; -1: none. */
static ptrdiff_t map_under(const struct advntk__layer *layer, const struct advntk__layer *in,
                           ptrdiff_t p, ptrdiff_t t, ptrdiff_t u)
{
    ptrdiff_t size[2] = {in->shape.height, in->shape.width}, at[2], before;
    ptrdiff_t place[2] = {p / layer->shape.width, p % layer->shape.width}, offset[2] = {t, u};

    for (int i = 0; i < 2; i++) {
        (void)advntk__graph_positions(size[i], layer->window.filter[i], layer->window.stride[i],
                                      layer->window.padding, &before);
        at[i] = place[i] * layer->window.stride[i] + offset[i] - before;
        if (layer->window.padding == ADVNTK_PADDING_CIRCULAR) {
            at[i] = ((at[i] % size[i]) + size[i]) % size[i];
        }
        if (at[i] < 0 || at[i] >= size[i]) {
            return -1;
        }
    }
    return at[0] * size[1] + at[1];
}

/* Mean over the window at the same place in both (conv), or over all pairs of places (pool). */
static double map_window(const struct advntk__layer *layer, const struct advntk__layer *in,
                         const double *map, ptrdiff_t p, ptrdiff_t p2)
{
    ptrdiff_t h = layer->window.filter[0], w = layer->window.filter[1], n = map_pixels(in);
    bool pool = layer->kind == ADVNTK__LAYER_POOL;
    double sum = 0;

    for (ptrdiff_t i = 0; i < h * w; i++) {
        ptrdiff_t a = map_under(layer, in, p, i / w, i % w);
        for (ptrdiff_t j = pool ? 0 : i; a >= 0 && j < (pool ? h * w : i + 1); j++) {
            ptrdiff_t b = map_under(layer, in, p2, j / w, j % w);
            if (b >= 0) {
                sum += map[a * n + b];
            }
        }
    }
    return pool && layer->sums ? sum : sum / (double)(pool ? h * w * h * w : h * w);
}

static double map_variance(const struct advntk__layer *layer, const double *own, ptrdiff_t p)
{
    ptrdiff_t n = map_pixels(layer);
    double sum = 0;

    for (ptrdiff_t i = 0; layer->whole_image && i < n; i++) {
        sum += own[i * n + i] / (double)n;
    }
    return layer->whole_image ? sum : own[p * n + p];
}

/* Entry (p,p2) of layer i, for the pair `which`; t: the tangent kernel's, MAP_XY only. */
static double map_entry(const struct advntk_graph *graph, const struct map_value *v, ptrdiff_t i,
                        int which, ptrdiff_t p, ptrdiff_t p2, double *t)
{
    const struct advntk__layer *layer = advntk__graph_layer(graph, i);
    const struct advntk__layer *in = advntk__graph_layer(graph, layer->from[0]);
    const struct map_value *from = &v[layer->from[0]];
    ptrdiff_t n = map_pixels(in), at = p * n + p2, whole = layer->from_count;
    const double *K = from->K[which], *T = from->T;
    const double *own = from->K[which == MAP_YY ? MAP_YY : MAP_XX];
    const double *own2 = from->K[which == MAP_XX ? MAP_XX : MAP_YY];
    double w2 = layer->affine.w_std * layer->affine.w_std;
    double b2 = layer->affine.b_std * layer->affine.b_std, k = 0, kd, factor, mean, tangent;

    *t = 0;
    switch (layer->kind) {
    case ADVNTK__LAYER_CONV:
    case ADVNTK__LAYER_DENSE:
        mean = layer->kind == ADVNTK__LAYER_CONV ? map_window(layer, in, K, p, p2) : K[0];
        tangent = layer->kind == ADVNTK__LAYER_CONV ? map_window(layer, in, T, p, p2) : T[0];
        k = w2 * mean + b2;
        *t = layer->width > 0 ? layer->fan_in * mean + w2 * tangent + (b2 > 0 ? 1 : 0)
                              : k + w2 * tangent;
        break;
    case ADVNTK__LAYER_POOL:
        k = map_window(layer, in, K, p, p2);
        *t = map_window(layer, in, T, p, p2);
        break;
    case ADVNTK__LAYER_FLATTEN:
        for (ptrdiff_t q = 0; q < n; q++) {
            k += K[q * n + q] / (double)n;
            *t += T[q * n + q] / (double)n;
        }
        break;
    case ADVNTK__LAYER_ACTIVATION:
        map_dual(&layer->activation, K[at], own[p * n + p], own2[p2 * n + p2], &k, &kd);
        *t = T[at] * kd;
        break;
    case ADVNTK__LAYER_NORM:
        factor = 1 / sqrt((layer->eps + map_variance(layer, own, p)) *
                          (layer->eps + map_variance(layer, own2, p2)));
        k = K[at] * factor;
        *t = T[at] * factor;
        break;
    case ADVNTK__LAYER_DROPOUT:
        k = K[at];
        *t = T[at];
        break;
    case ADVNTK__LAYER_SUM:
        for (ptrdiff_t b = 0; b < whole; b++) {
            k += v[layer->from[b]].K[which][at];
            *t += v[layer->from[b]].T[at];
        }
        break;
    case ADVNTK__LAYER_PRODUCT:
        k = 1;
        for (ptrdiff_t b = 0; b < whole; b++) {
            double others = 1;
            for (ptrdiff_t c = 0; c < whole; c++) {
                others *= c == b ? 1 : v[layer->from[c]].K[which][at];
            }
            k *= v[layer->from[b]].K[which][at];
            *t += others * v[layer->from[b]].T[at];
        }
        break;
    case ADVNTK__LAYER_INPUT:
        break;
    }
    return k;
}

/* Nngp and tangent kernel of images x and y (pixels, channels last). own: sqrt(k(x,x) k(y,y)) of
 * nngp. */
__attribute__((unused)) static void map_kernel(const struct advntk_graph *graph, const double *x,
                                               const double *y, double value[2], double *own)
{
    ptrdiff_t count = advntk__graph_count(graph);
    struct map_value *v = calloc((size_t)count, sizeof(*v));
    const double *left[3] = {x, y, x}, *right[3] = {x, y, y};

    for (ptrdiff_t i = 0; i < count; i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        ptrdiff_t n = map_pixels(layer), c = layer->shape.channels;
        double unused;
        v[i].T = calloc((size_t)(n * n), sizeof(double));
        for (int which = 0; which < 3; which++) {
            double *map = v[i].K[which] = calloc((size_t)(n * n), sizeof(double));
            for (ptrdiff_t e = 0; e < n * n; e++) {
                double *t = which == MAP_XY ? &v[i].T[e] : &unused;
                /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): or a test ends */
                map[e] = i == 0 ? ref_moment(c, left[which] + e / n * c, right[which] + e % n * c)
                                : map_entry(graph, v, i, which, e / n, e % n, t);
            }
        }
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a graph has layers */
    value[0] = v[count - 1].K[MAP_XY][0];
    value[1] = v[count - 1].T[0];
    *own = sqrt(v[count - 1].K[MAP_XX][0] * v[count - 1].K[MAP_YY][0]);
    for (ptrdiff_t i = 0; i < count; i++) {
        free(v[i].T);
        for (int which = 0; which < 3; which++) {
            free(v[i].K[which]);
        }
    }
    free(v);
}

#endif
