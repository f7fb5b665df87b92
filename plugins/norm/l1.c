/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The l1 norm: the pixels' changes add up to at most the radius.
 *
 * Ball and box, with q = point - centre and m_k the box's room on the side that q_k points to: the
 * Lagrangian's minimiser is z_k = sign(q_k) min(max(|q_k| - lambda, 0), m_k), whose length
 * h(lambda) falls and is piecewise linear but neither convex nor concave. A bracket is kept, and
 * Newton's step taken where it stays inside, half the bracket every other time: exact once the
 * bracket holds one linear piece (Croce, Hein 2021, section 3, give the same minimiser by sorting).
 * Plane and box: the coordinates of the largest |w_k| move first, each as far as it can; equal ones
 * in the order of their index.
 */
#include "config.h"

#include "select.h"

#include <advntk/plugin.h>
#include <float.h>
#include <math.h>

static double l1_distance(const void *config, ptrdiff_t d, const double *a, const double *b)
{
    double sum = 0;
    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        sum += fabs(a[k] - b[k]);
    }
    return sum;
}

static double l1_dual_norm(const void *config, ptrdiff_t d, const double *g)
{
    double worst = 0;
    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        double size = fabs(g[k]);
        if (!(size <= worst)) { /* a NaN stays */
            worst = size;
        }
    }
    return worst;
}

static double size_of(const void *context, ptrdiff_t k)
{
    return fabs(((const double *)context)[k]);
}

/* How many coordinates a share of them lets move: at least one. */
static ptrdiff_t share_of(ptrdiff_t d, double sparsity)
{
    double left = (1 - sparsity) * (double)d;
    ptrdiff_t still = left < 0 ? 0 : (ptrdiff_t)left;
    return d - (still < d - 1 ? still : d - 1);
}

/* Equal entries at the threshold all move, as in APGD for l1 (Croce, Hein 2021, section 4). */
static void l1_steepest(const void *config, ptrdiff_t d, const double *g, double sparsity,
                        double *direction)
{
    double threshold = select_threshold(d, size_of, select_one, g, (double)share_of(d, sparsity));
    double moving = 0;

    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        moving += g[k] != 0 && fabs(g[k]) >= threshold;
    }
    for (ptrdiff_t k = 0; k < d; k++) {
        direction[k] = g[k] != 0 && fabs(g[k]) >= threshold ? copysign(1 / moving, g[k]) : 0;
    }
}

struct ball {
    ptrdiff_t d;
    const double *centre, *lo, *hi; /* lo NULL: no box */
    double *point;
};

static double room_towards(const struct ball *b, ptrdiff_t k, double q)
{
    if (!b->lo) {
        return (double)INFINITY;
    }
    return q > 0 ? fmax(b->hi[k] - b->centre[k], 0) : fmax(b->centre[k] - b->lo[k], 0);
}

/* h(lambda), and the number of coordinates that it falls with */
static double length_at(const struct ball *b, double lambda, double *falling)
{
    double sum = 0;
    *falling = 0;
    for (ptrdiff_t k = 0; k < b->d; k++) {
        double q = b->point[k] - b->centre[k], left = fabs(q) - lambda,
               room = room_towards(b, k, q);
        sum += left <= 0 ? 0 : left < room ? left : room;
        *falling += left > 0 && left < room;
    }
    return sum;
}

static double find_lambda(const struct ball *b, double radius)
{
    double low = 0, high = 0, falling, lambda = 0, length = length_at(b, 0, &falling);

    if (length <= radius) {
        return 0;
    }
    for (ptrdiff_t k = 0; k < b->d; k++) {
        high = fmax(high, fabs(b->point[k] - b->centre[k]));
    }
    for (int round = 0; radius > 0; round++) {
        double next = lambda + (length - radius) / falling; /* falling 0: infinite, so halved */
        if (round % 2 || !(next > low && next < high)) {
            next = low + 0.5 * (high - low);
        }
        if (!(next > low && next < high)) {
            break;
        }
        lambda = next;
        length = length_at(b, lambda, &falling);
        if (fabs(length - radius) <= 4 * DBL_EPSILON * radius) {
            return lambda;
        }
        low = length > radius ? lambda : low;
        high = length > radius ? high : lambda;
    }
    return high;
}

static void project(const struct ball *b, double radius)
{
    double lambda = find_lambda(b, radius);

    for (ptrdiff_t k = 0; k < b->d; k++) {
        double q = b->point[k] - b->centre[k], left = fabs(q) - lambda;
        if (radius > 0 && lambda > 0) {
            b->point[k] = b->centre[k] + (left > 0 ? copysign(left, q) : 0);
        } else if (!(radius > 0)) {
            b->point[k] = b->centre[k];
        }
        if (b->lo) {
            b->point[k] = fmin(fmax(b->point[k], b->lo[k]), b->hi[k]);
        }
    }
}

static void l1_project_ball(const void *config, ptrdiff_t d, const double *centre, double radius,
                            double *point)
{
    struct ball b = {d, centre, NULL, NULL, point};
    (void)config;
    project(&b, radius);
}

static void l1_project_ball_box(const void *config, ptrdiff_t d, const double *centre,
                                double radius, const double *lo, const double *hi, double *point)
{
    struct ball b = {d, centre, lo, hi, point};
    (void)config;
    project(&b, radius);
}

struct plane {
    const double *point, *w, *lo, *hi;
    double side; /* sign of b - <w,x> */
};

/* How far coordinate k may go towards the plane. */
static double plane_room(const struct plane *p, ptrdiff_t k)
{
    double up = p->side * p->w[k];
    return up > 0 ? fmax(p->hi[k] - p->point[k], 0) : up < 0 ? fmax(p->point[k] - p->lo[k], 0) : 0;
}

static double slope_of(const void *context, ptrdiff_t k)
{
    return fabs(((const struct plane *)context)->w[k]);
}

static double reach_of(const void *context, ptrdiff_t k)
{
    return slope_of(context, k) * plane_room(context, k);
}

static void l1_project_plane_box(const void *config, ptrdiff_t d, const double *point,
                                 const double *w, double b, const double *lo, const double *hi,
                                 double *delta)
{
    struct plane p = {point, w, lo, hi, 1};
    double gap = b, reach = 0, threshold = 0;

    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        gap -= w[k] * point[k];
    }
    p.side = gap < 0 ? -1 : 1;
    gap = fabs(gap);
    for (ptrdiff_t k = 0; k < d; k++) {
        reach += reach_of(&p, k);
    }
    if (gap < reach && gap > 0) {
        threshold = select_threshold(d, slope_of, reach_of, &p, gap);
    } /* else plane and box do not meet: all move, to the corner nearest to the plane */
    for (ptrdiff_t k = 0; k < d; k++) {
        bool first = slope_of(&p, k) > threshold && gap > 0;
        delta[k] = first ? copysign(plane_room(&p, k), p.side * w[k]) : 0;
        reach = first ? reach_of(&p, k) : 0;
        gap = first && threshold > 0 ? fmax(gap - reach, 0) : gap;
    }
    for (ptrdiff_t k = 0; k < d && threshold > 0; k++) {
        if (slope_of(&p, k) == threshold) {
            double length = fmin(plane_room(&p, k), gap / threshold);
            delta[k] = copysign(length, p.side * w[k]);
            gap = fmax(gap - length * threshold, 0);
        }
    }
}

/* d + 1 exponential variables, divided by their sum, are uniform on the simplex; without the last,
 * and with signs, in the ball. */
static void l1_random(const void *config, ptrdiff_t d, const double *centre, double radius,
                      struct advntk_stream *stream, double *point)
{
    double sum = -log1p(-advntk_random_uniform(stream));

    (void)config;
    for (ptrdiff_t k = 0; k < d; k++) {
        double size = -log1p(-advntk_random_uniform(stream));
        sum += size;
        point[k] = advntk_random_below(stream, 2) ? size : -size;
    }
    for (ptrdiff_t k = 0; k < d; k++) {
        point[k] = centre[k] + (sum > 0 ? radius * (point[k] / sum) : 0);
    }
}

static const struct advntk_norm_ops l1_ops = {
    .unit = "pixel value, summed over the image",
    .radius_max = (double)INFINITY,
    .distance = l1_distance,
    .dual_norm = l1_dual_norm,
    .steepest = l1_steepest,
    .project_ball = l1_project_ball,
    .project_ball_box = l1_project_ball_box,
    .project_plane_box = l1_project_plane_box,
    .random = l1_random,
};

ADVNTK_PLUGIN(NORM, l1_ops, .name = "l1", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "l1: the pixels' changes add up to at most the radius",
              .doc = "Radius in pixel values, summed over pixels and channels. The steepest "
                     "direction moves the pixel of the largest gradient alone; attacks may ask for "
                     "a share of the pixels instead. A ball clipped to the box afterwards is much "
                     "smaller than ball and box together: keep projection exact.",
              .source = "Croce, Hein 2021 (arXiv 2103.01208), sections 3 and 4");
