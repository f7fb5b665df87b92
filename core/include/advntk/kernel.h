/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kind kernel: a positive semi-definite function of two images, with its gradient.
 *
 * `real` below is float or double by the setup's precision. A set of points is prepared once (copied
 * to that precision, variances computed once an image) and then used for any number of tiles.
 * Images arrive centred and scaled: d = height*width*channels values each, channels last.
 */
#ifndef ADVNTK_KERNEL_H
#define ADVNTK_KERNEL_H

#include <advntk/host.h>
#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_graph;

enum advntk_precision { ADVNTK_PRECISION_FLOAT32 = 1, ADVNTK_PRECISION_FLOAT64 = 2 };

struct advntk_kernel_setup {
    const struct advntk_graph *graph;        /* borrowed; NULL for kernels without an architecture */
    ptrdiff_t height, width, channels;
    enum advntk_precision precision;
};

struct advntk_kernel_ops {
    bool needs_architecture;
    advntk_status (*open)(const void *config, struct advntk_host *host, const struct advntk_kernel_setup *setup, void **state, struct advntk_error *err);
    void (*close)(void *state);

    /* Room for n images; put fills rows [first, first+count) from pixels (count,d), several threads at
     * once on disjoint rows. Fails: ENUMERIC (NaN, infinity, overflow: names image and layer). */
    advntk_status (*points_new)(void *state, ptrdiff_t n, void **points, struct advntk_error *err);
    advntk_status (*points_put)(void *state, void *points, ptrdiff_t first, ptrdiff_t count, const double *pixels, struct advntk_error *err);
    void (*points_free)(void *state, void *points);

    /* k[i] = k(a_i, a_i) for i in [first, first+count): from the variance recursion, never from a product. */
    advntk_status (*diagonal)(void *state, const void *a, ptrdiff_t first, ptrdiff_t count, double *k, struct advntk_error *err);
    /* k[i,j] = k(a_{i0+i}, b_{j0+j}), real (m,n), leading dimension ld. Pure, on the calling thread, called
     * concurrently; lower: only j <= i is wanted (a == b, i0 == j0). The same bits whatever else is computed. */
    advntk_status (*tile)(void *state, const void *a, ptrdiff_t i0, ptrdiff_t m, const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower, void *k, ptrdiff_t ld, struct advntk_arena *arena, struct advntk_error *err);

    /* A panel a (at most ADVNTK_PANEL images) against all n points of b: k real (rows of a, n), leading
     * dimension n. tape != NULL: keeps what panel_vjp needs. Parallel inside, through the host. */
    advntk_status (*panel)(void *state, const void *a, const void *b, void *k, void **tape, struct advntk_error *err);
    /* dx[i,c] = sum_j g[c,i,j] dk(x_i, b_j)/dx_i; g real (m, rows, n), dx (rows, m, d). Finite everywhere, x_i = b_j included. */
    advntk_status (*panel_vjp)(void *state, const void *tape, ptrdiff_t m, const void *g, double *dx, struct advntk_error *err);
    void (*tape_free)(void *state, void *tape);

    /*
     * Since 1.1, all or none of the three (NULL: each network's matrix is computed alone). Several
     * networks in one pass over the pairs, for sweeps over depth: where kinship gives a number that
     * is not 0 for several setups that differ in their graphs alone, and the same one, open may be
     * given one graph that has an output for each of those networks, in which what they have in
     * common stands once. Such a state has points, diagonals and tiles, nothing else of the above.
     * Output f has its values at k[f], of the same bits as alone.
     */
    int64_t (*kinship)(const void *config, const struct advntk_kernel_setup *setup);
    advntk_status (*diagonals)(void *state, const void *a, ptrdiff_t first, ptrdiff_t count, double *const *k, struct advntk_error *err);
    advntk_status (*tiles)(void *state, const void *a, ptrdiff_t i0, ptrdiff_t m, const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower, void *const *k, ptrdiff_t ld, struct advntk_arena *arena, struct advntk_error *err);

    /* Since 1.1. Gradient of sum_ij g[i,j] k(x_i,x_j) with respect to the graph's weights: d_w, d_b (a layer each) by its
     * w_std and b_std, 0 for layers without. pixels (n,d), g (n,n) symmetric. May be NULL: not supported. */
    advntk_status (*weights)(void *state, ptrdiff_t n, const double *pixels, const double *g, double *d_w, double *d_b, struct advntk_error *err);
};

#ifdef __cplusplus
}
#endif
#endif
