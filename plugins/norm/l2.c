/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The Euclidean norm of all pixels of an image together.
 *
 * Both exact projections onto an intersection with the box lead to one scalar equation
 *
 *     h(u) = sum_k min(u a_k, b_k) = target,        a_k, b_k >= 0,
 *
 * with h concave, piecewise linear and increasing, so Newton's method from u = 0 climbs to the root
 * in finitely many steps and never passes it. No breakpoints need be sorted, no memory is needed.
 *
 * Ball and box, with q = point - centre and m_k the box's bound on the side that q_k points to: the
 * Lagrangian's minimiser is z_k = clamp(q_k/(1+lambda)), so |z|^2 = h(u) for u = (1+lambda)^-2,
 * a_k = q_k^2, b_k = m_k^2, target radius^2.
 * Plane and box: delta_k = clamp(mu w_k), and <w,delta> = h(mu) for a_k = w_k^2, b_k = |w_k|
 * room_k.
 */
#include "config.h"

#include "plane.h"

#include <advntk/plugin.h>
#include <math.h>

static double largest(ptrdiff_t d, const double *g)
{
    double worst = 0;
    for (ptrdiff_t k = 0; k < d; k++) {
        double size = fabs(g[k]);
        if (!(size <= worst)) { /* a NaN stays */
            worst = size;
        }
    }
    return worst;
}

static double l2_distance(const void *config, ptrdiff_t d, const double *a, const double *b)
{
    double sum = 0;
    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        double gap = a[k] - b[k];
        sum += gap * gap;
    }
    return sqrt(sum);
}

/* Scaled by the largest entry: gradients may be so small that their squares vanish. */
static double l2_dual_norm(const void *config, ptrdiff_t d, const double *g)
{
    double scale = largest(d, g), sum = 0;
    (void)config;
    if (scale == 0) {
        return 0;
    }
    for (ptrdiff_t k = 0; k < d; k++) {
        double part = g[k] / scale;
        sum += part * part;
    }
    return scale * sqrt(sum);
}

static void l2_steepest(const void *config, ptrdiff_t d, const double *g, double sparsity,
                        double *direction)
{
    double scale = largest(d, g), sum = 0, length;
    (void)config;
    (void)sparsity;
    for (ptrdiff_t k = 0; k < d; k++) {
        double part = scale > 0 ? g[k] / scale : 0;
        direction[k] = part;
        sum += part * part;
    }
    length = sqrt(sum);
    for (ptrdiff_t k = 0; k < d && length > 0; k++) {
        direction[k] /= length;
    }
}

static void l2_project_ball(const void *config, ptrdiff_t d, const double *centre, double radius,
                            double *point)
{
    double length = l2_distance(config, d, point, centre);
    if (length <= radius) {
        return;
    }
    for (ptrdiff_t k = 0; k < d; k++) {
        point[k] = centre[k] + (point[k] - centre[k]) * (radius / length);
    }
}

/* The step from the centre to the box's bound on the side of q. */
static double bound_towards(double q, double centre, double lo, double hi)
{
    return q > 0 ? fmax(hi - centre, 0) : fmin(lo - centre, 0);
}

static void l2_project_ball_box(const void *config, ptrdiff_t d, const double *centre,
                                double radius, const double *lo, const double *hi, double *point)
{
    double u = 0, before = -1, target = radius * radius, s;

    (void)config;
    while (u > before && u < 1) {
        double reached = 0, slope = 0;
        for (ptrdiff_t k = 0; k < d; k++) {
            double q = point[k] - centre[k], m = bound_towards(q, centre[k], lo[k], hi[k]);
            double a = q * q, b = m * m;
            bool capped = u * a >= b;
            reached += capped ? b : 0;
            slope += capped ? 0 : a;
        }
        before = u;
        if (slope > 0) {
            u = fmax(u, (target - reached) / slope);
        } else if (reached <= target) {
            u = 1; /* the box alone keeps the point inside the ball */
        }
    }
    s = sqrt(fmin(u, 1));
    for (ptrdiff_t k = 0; k < d; k++) {
        double moved = centre[k] + s * (point[k] - centre[k]);
        /* u = 1: inside the ball; the point itself, not its rounded copy */
        point[k] = fmin(fmax(u >= 1 ? point[k] : moved, lo[k]), hi[k]);
    }
}

static void l2_project_plane_box(const void *config, ptrdiff_t d, const double *point,
                                 const double *w, double b, const double *lo, const double *hi,
                                 double *delta)
{
    double gap = b, side, mu = 0, before = -1;

    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        gap -= w[k] * point[k];
    }
    side = gap < 0 ? -1 : 1;
    gap = fabs(gap);
    while (mu > before) {
        double reached = 0, slope = 0;
        for (ptrdiff_t k = 0; k < d; k++) {
            double room = plane_room(point[k], w[k], side, lo[k], hi[k]), size = fabs(w[k]);
            bool capped = mu * size >= room;
            reached += capped ? size * room : 0;
            slope += capped ? 0 : size * size;
        }
        before = mu;
        if (slope > 0) {
            mu = fmax(mu, (gap - reached) / slope);
        } else if (reached < gap) {
            mu = (double)INFINITY; /* plane and box do not meet: the corner nearest to the plane */
            break;
        }
    }
    for (ptrdiff_t k = 0; k < d; k++) {
        double room = plane_room(point[k], w[k], side, lo[k], hi[k]);
        delta[k] = w[k] == 0 ? 0 : copysign(fmin(mu * fabs(w[k]), room), side * w[k]);
    }
}

/* A normal vector has a uniform direction; the radius of a uniform point is distributed as U^(1/d).
 */
static void l2_random(const void *config, ptrdiff_t d, const double *centre, double radius,
                      struct advntk_stream *stream, double *point)
{
    double sum = 0, length;

    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        point[k] = advntk_random_normal(stream);
        sum += point[k] * point[k];
    }
    length = radius * pow(advntk_random_uniform(stream), 1.0 / (double)d);
    for (ptrdiff_t k = 0; k < d; k++) {
        point[k] = centre[k] + (sum > 0 ? point[k] * (length / sqrt(sum)) : 0);
    }
}

static const struct advntk_norm_ops l2_ops = {
    .unit = "pixel value, Euclidean over the image",
    .radius_max = (double)INFINITY,
    .distance = l2_distance,
    .dual_norm = l2_dual_norm,
    .steepest = l2_steepest,
    .project_ball = l2_project_ball,
    .project_ball_box = l2_project_ball_box,
    .project_plane_box = l2_project_plane_box,
    .random = l2_random,
};

ADVNTK_PLUGIN(NORM, l2_ops, .name = "l2", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "Euclidean norm of all pixels of an image together",
              .doc = "Radius in pixel values, Euclidean over all pixels and channels. The steepest "
                     "direction is the gradient divided by its length, 0 where it is 0. The "
                     "projection onto ball and box is the nearest point of the intersection, not "
                     "one after the other.",
              .source = "Madry et al. 2018; projections: KKT conditions, solved exactly");
