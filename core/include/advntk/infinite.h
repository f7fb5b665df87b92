/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The infinite-width engine, for plugins of kind kernel: from a layer graph to kernel values and their
 * input gradients. All functions but `open` have the signatures of struct advntk_kernel_ops and may
 * stand in its table as they are; what they promise is said there (advntk/kernel.h).
 *
 * Sources: Jacot et al. 2018 (tangent kernel); Lee et al. 2018, 2019 (nngp).
 */
#ifndef ADVNTK_INFINITE_H
#define ADVNTK_INFINITE_H

#include <advntk/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

enum advntk_infinite_kind {
    ADVNTK_INFINITE_NNGP = 1, /* covariance of the outputs at initialisation */
    ADVNTK_INFINITE_NTK = 2   /* neural tangent kernel */
};

/*
 * Compiles setup->graph for setup->precision and the host's instruction set. The graph and the host
 * must outlive the state. Fails: ENOMEM; ESHAPE (the setup's images are not those of the graph);
 * EUNSUPPORTED (an activation with dual moments in float32 alone or float64 alone, a host without a backend).
 */
ADVNTK_MUST_CHECK advntk_status advntk_infinite_open(struct advntk_host *host, const struct advntk_kernel_setup *setup, enum advntk_infinite_kind kind, void **state, struct advntk_error *err);
void advntk_infinite_close(void *state);

/* 0 for networks with pools, layer norm, products, dense layers alone in the standard
 * parameterisation, or convolutions with activations by series. */
int64_t advntk_infinite_kinship(const struct advntk_kernel_setup *setup);

ADVNTK_MUST_CHECK advntk_status advntk_infinite_points_new(void *state, ptrdiff_t n, void **points, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk_infinite_points_put(void *state, void *points, ptrdiff_t first, ptrdiff_t count, const double *pixels, struct advntk_error *err);
void advntk_infinite_points_free(void *state, void *points);

ADVNTK_MUST_CHECK advntk_status advntk_infinite_diagonal(void *state, const void *a, ptrdiff_t first, ptrdiff_t count, double *k, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk_infinite_diagonals(void *state, const void *a, ptrdiff_t first, ptrdiff_t count, double *const *k, struct advntk_error *err);
/* Where a == b, entries of an image with itself come from the variance recursion. */
ADVNTK_MUST_CHECK advntk_status advntk_infinite_tile(void *state, const void *a, ptrdiff_t i0, ptrdiff_t m, const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower, void *k, ptrdiff_t ld, struct advntk_arena *arena, struct advntk_error *err);

ADVNTK_MUST_CHECK advntk_status advntk_infinite_tiles(void *state, const void *a, ptrdiff_t i0, ptrdiff_t m, const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower, void *const *k, ptrdiff_t ld, struct advntk_arena *arena, struct advntk_error *err);

/*
 * A row's bits depend on that row and its place in the panel alone. The tape borrows both sets of
 * points and holds two numbers a pair; tapes are kept for reuse, so panel, panel_vjp and tape_free of
 * one state have one caller at a time. Cost of a panel: one product of 128 rows; of panel_vjp: one
 * more a cotangent.
 */
ADVNTK_MUST_CHECK advntk_status advntk_infinite_panel(void *state, const void *a, const void *b, void *k, void **tape, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk_infinite_panel_vjp(void *state, const void *tape, ptrdiff_t m, const void *g, double *dx, struct advntk_error *err);
void advntk_infinite_tape_free(void *state, void *tape);

/*
 * In float64 whatever the state's precision, reverse mode over all n^2 pairs; the same bits for any
 * number of threads. Cost: twice the tiles of that many pairs and their reverse; in the full layout
 * about three times as much, as each step takes a whole map. Memory: the images with their standard
 * deviations, and there the maps of a pair behind every layer with weights, a thread. Fails:
 * EUNSUPPORTED (a w_std of 0: its layer is named), ENUMERIC, ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk_infinite_weights(void *state, ptrdiff_t n, const double *pixels, const double *g, double *d_w, double *d_b, struct advntk_error *err);

#ifdef __cplusplus
}
#endif
#endif
