/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kind norm: the geometry of an attack. All functions are pure and work on one image of d values. */
#ifndef ADVNTK_NORM_H
#define ADVNTK_NORM_H

#include <advntk/random.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A NULL function is not offered; an attack that needs it says so by name. */
struct advntk_norm_ops {
    const char *unit;           /* of the radius: "pixel value" */
    double radius_max;          /* a radius above is a mistake of units and refused; INFINITY: none */
    double (*distance)(const void *config, ptrdiff_t d, const double *a, const double *b);
    double (*dual_norm)(const void *config, ptrdiff_t d, const double *g);
    /* direction of length 1 that maximises <g, direction>; zero g: zero direction. sparsity in [0,1]:
     * share of the coordinates that may move (l1, l0), others ignore it. direction may be g. */
    void (*steepest)(const void *config, ptrdiff_t d, const double *g, double sparsity, double *direction);
    /* point <- the nearest point (Euclidean) of the ball. */
    void (*project_ball)(const void *config, ptrdiff_t d, const double *centre, double radius, double *point);
    /* point <- the nearest point of ball and box [lo,hi] (d values each); the centre lies in the box. */
    void (*project_ball_box)(const void *config, ptrdiff_t d, const double *centre, double radius,
                             const double *lo, const double *hi, double *point);
    /* delta <- the smallest step (in this norm) from point onto {x: <w,x> = b} inside the box. */
    void (*project_plane_box)(const void *config, ptrdiff_t d, const double *point, const double *w, double b,
                              const double *lo, const double *hi, double *delta);
    /* point <- uniform in the ball around centre (the box is not looked at). */
    void (*random)(const void *config, ptrdiff_t d, const double *centre, double radius,
                   struct advntk_stream *stream, double *point);
};

#ifdef __cplusplus
}
#endif
#endif
