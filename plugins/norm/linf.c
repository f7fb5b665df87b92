/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The l-infinity norm: each pixel moves by at most the radius.
 *
 * Ball and box are both boxes, so their intersection is one and the projection a clamp. The
 * smallest step onto a plane inside the box moves every coordinate by the same t towards the plane
 * until the box stops it: sum_k |w_k| min(t, room_k) = |b - <w,x>|, concave and piecewise linear in
 * t, so Newton's method from t = 0 climbs to the root in finitely many steps and never passes it.
 */
#include "config.h"

#include "plane.h"

#include <advntk/plugin.h>
#include <math.h>

/* fmin and fmax are calls, and this is done with every pixel of every step. */
static double clamped(double x, double low, double high)
{
    double raised = x > low ? x : low;
    return raised < high ? raised : high;
}

static double linf_distance(const void *config, ptrdiff_t d, const double *a, const double *b)
{
    double worst = 0;
    bool unordered = false;
    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        double gap = fabs(a[k] - b[k]);
        worst = gap > worst ? gap : worst;
        unordered |= isnan(gap);
    }
    return unordered ? (double)NAN : worst;
}

static double linf_dual_norm(const void *config, ptrdiff_t d, const double *g)
{
    double sum = 0;
    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        sum += fabs(g[k]);
    }
    return sum;
}

static void linf_steepest(const void *config, ptrdiff_t d, const double *g, double sparsity,
                          double *direction)
{
    (void)config;
    (void)sparsity;
    for (ptrdiff_t k = 0; k < d; k++) {
        direction[k] = (double)((g[k] > 0) - (g[k] < 0));
    }
}

static void linf_project_ball(const void *config, ptrdiff_t d, const double *centre, double radius,
                              double *point)
{
    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        point[k] = clamped(point[k], centre[k] - radius, centre[k] + radius);
    }
}

static void linf_project_ball_box(const void *config, ptrdiff_t d, const double *centre,
                                  double radius, const double *lo, const double *hi, double *point)
{
    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        double low = clamped(centre[k] - radius, lo[k], hi[k]);
        double high = clamped(centre[k] + radius, lo[k], hi[k]);
        point[k] = clamped(point[k], low, high);
    }
}

static void linf_project_plane_box(const void *config, ptrdiff_t d, const double *point,
                                   const double *w, double b, const double *lo, const double *hi,
                                   double *delta)
{
    double gap = b, side, t = 0, before = -1;

    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        gap -= w[k] * point[k];
    }
    side = gap < 0 ? -1 : 1;
    gap = fabs(gap);
    while (t > before) {
        double reached = 0, slope = 0;
        for (ptrdiff_t k = 0; k < d; k++) {
            double room = plane_room(point[k], w[k], side, lo[k], hi[k]);
            reached += room > t ? 0 : fabs(w[k]) * room;
            slope += room > t ? fabs(w[k]) : 0;
        }
        before = t;
        if (slope > 0) {
            t = fmax(t, (gap - reached) / slope);
        } else if (reached < gap) {
            t = (double)INFINITY; /* plane and box do not meet: the corner nearest to the plane */
            break;
        }
    }
    for (ptrdiff_t k = 0; k < d; k++) {
        double room = plane_room(point[k], w[k], side, lo[k], hi[k]);
        delta[k] = copysign(fmin(t, room), side * w[k]);
    }
}

static void linf_random(const void *config, ptrdiff_t d, const double *centre, double radius,
                        struct advntk_stream *stream, double *point)
{
    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        point[k] = centre[k] + radius * (2 * advntk_random_uniform(stream) - 1);
    }
}

static const struct advntk_norm_ops linf_ops = {
    .unit = "pixel value",
    .radius_max = 1,
    .distance = linf_distance,
    .dual_norm = linf_dual_norm,
    .steepest = linf_steepest,
    .project_ball = linf_project_ball,
    .project_ball_box = linf_project_ball_box,
    .project_plane_box = linf_project_plane_box,
    .random = linf_random,
};

ADVNTK_PLUGIN(NORM, linf_ops, .name = "linf", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "l-infinity: each pixel moves by at most the radius",
              .doc =
                  "Radius in pixel values (8/255 is customary for images in [0,1]). The steepest "
                  "direction is the sign of the gradient, 0 where the gradient is 0. All "
                  "projections are exact.",
              .source = "Goodfellow, Shlens, Szegedy 2015; Madry et al. 2018");
