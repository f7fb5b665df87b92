/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two engines for networks with maps behind one table of functions: pixel by pixel (pixel.h), and
 * on pairs of positions (position.h). Each function does what that of advntk/infinite.h does.
 */
#ifndef ADVNTK_INFINITE_MAPS_H
#define ADVNTK_INFINITE_MAPS_H

#include <advntk/infinite.h>

struct advntk__maps_ops {
    /* keep: for `weights` alone, in float64. */
    advntk_status (*open)(struct advntk_host *host, const struct advntk_kernel_setup *setup,
                          enum advntk_infinite_kind kind, bool keep, void **engine,
                          struct advntk_error *err);
    void (*close)(void *engine); /* NULL: nothing */
    advntk_status (*points_new)(void *engine, ptrdiff_t n, void **points, struct advntk_error *err);
    advntk_status (*points_put)(void *engine, void *points, ptrdiff_t first, ptrdiff_t count,
                                const double *pixels, struct advntk_error *err);
    void (*points_free)(void *points); /* NULL: nothing */
    advntk_status (*diagonals)(void *engine, const void *a, ptrdiff_t first, ptrdiff_t count,
                               double *const *k, struct advntk_error *err);
    advntk_status (*tiles)(void *engine, const void *a, ptrdiff_t i0, ptrdiff_t m, const void *b,
                           ptrdiff_t j0, ptrdiff_t n, bool lower, void *const *k, ptrdiff_t ld,
                           struct advntk_arena *arena, struct advntk_error *err);
    advntk_status (*panel)(void *engine, const void *a, const void *b, void *k, void **tape,
                           struct advntk_error *err);
    advntk_status (*panel_vjp)(void *engine, const void *tape, ptrdiff_t m, const void *g,
                               double *dx, struct advntk_error *err);
    void (*tape_free)(void *tape); /* NULL: nothing */
    /* For points of an engine that keeps. */
    advntk_status (*weights)(void *engine, const void *points, const double *g, double *d_w,
                             double *d_b, struct advntk_error *err);
};
/* Position by position there is one network alone. */
extern const struct advntk__maps_ops advntk__pixel_ops, advntk__position_ops;

#endif
