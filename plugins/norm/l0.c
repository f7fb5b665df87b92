/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How many values, or pixels of several values, differ at all. The nearest point of ball and box
 * moves those groups of which the move brings most: the fall of the squared distance,
 * q^2 - (q - move)^2 summed over the group; equal ones in the order of their index.
 */
#include "config.h"

#include "select.h"

#include <advntk/plugin.h>
#include <math.h>

struct l0_config {
    int64_t group;
};

static const struct advntk_param l0_params[] = {
    ADVNTK_INT(struct l0_config, group, 1, 1, 1024, .unit = "values",
               .help = "neighbouring values that count as one: 1 counts values, the number of "
                       "channels counts pixels",
               .source = "Croce, Hein 2019 (arXiv 1909.05040), section 2"),
    ADVNTK_PARAM_END};

static ptrdiff_t group_size(const void *config)
{
    return (ptrdiff_t)((const struct l0_config *)config)->group;
}

static double l0_distance(const void *config, ptrdiff_t d, const double *a, const double *b)
{
    ptrdiff_t group = group_size(config), changed = 0;

    for (ptrdiff_t first = 0; first < d; first += group) {
        bool differs = false;
        for (ptrdiff_t k = first; k < d && k < first + group; k++) {
            differs = differs || !(a[k] == b[k]);
        }
        changed += differs;
    }
    return (double)changed;
}

struct groups {
    ptrdiff_t d, size;
    const double *g;                        /* of a steepest step; or of a projection: */
    const double *centre, *lo, *hi, *point; /* lo NULL: no box */
};

static ptrdiff_t group_count(const struct groups *s)
{
    return (s->d + s->size - 1) / s->size;
}

static ptrdiff_t group_end(const struct groups *s, ptrdiff_t number)
{
    ptrdiff_t end = (number + 1) * s->size;
    return end < s->d ? end : s->d;
}

static double slope_of(const void *context, ptrdiff_t number)
{
    const struct groups *s = context;
    double sum = 0;
    for (ptrdiff_t k = number * s->size; k < group_end(s, number); k++) {
        sum += fabs(s->g[k]);
    }
    return sum;
}

static double into_box(const struct groups *s, ptrdiff_t k)
{
    return s->lo ? fmin(fmax(s->point[k], s->lo[k]), s->hi[k]) : s->point[k];
}

static double gain_of(const void *context, ptrdiff_t number)
{
    const struct groups *s = context;
    double sum = 0;
    for (ptrdiff_t k = number * s->size; k < group_end(s, number); k++) {
        double stay = s->point[k] - s->centre[k], leave = s->point[k] - into_box(s, k);
        sum += (stay - leave) * (stay + leave);
    }
    return fmax(sum, 0);
}

/* The best group's gradient, entries of size 1: the largest of |g| summed over a group. */
static double l0_dual_norm(const void *config, ptrdiff_t d, const double *g)
{
    struct groups s = {.d = d, .size = group_size(config), .g = g};
    double worst = 0;
    for (ptrdiff_t number = 0; number < group_count(&s); number++) {
        double sum = slope_of(&s, number);
        if (!(sum <= worst)) { /* a NaN stays */
            worst = sum;
        }
    }
    return worst;
}

/* l0 bounds no entry, so the direction's entries are bounded by 1: the sign of the gradient in the
 * groups that move, of which the first of equal ones is taken. */
static void l0_steepest(const void *config, ptrdiff_t d, const double *g, double sparsity,
                        double *direction)
{
    struct groups s = {.d = d, .size = group_size(config), .g = g};
    ptrdiff_t count = group_count(&s), above = 0;
    double wanted = fmax(1, floor(fmin(sparsity, 1) * (double)count));
    double threshold = select_threshold(count, slope_of, select_one, &s, wanted);

    for (ptrdiff_t number = 0; number < count; number++) {
        above += slope_of(&s, number) > threshold;
    }
    for (ptrdiff_t number = 0; number < count; number++) {
        double slope =
            slope_of(&s, number); /* before its entries are written: direction may be g */
        bool equal = slope == threshold && (double)above < wanted;
        above += equal;
        for (ptrdiff_t k = number * s.size; k < group_end(&s, number); k++) {
            direction[k] = slope > threshold || equal ? (double)((g[k] > 0) - (g[k] < 0)) : 0;
        }
    }
}

static void project(const struct groups *s, double radius, double *point)
{
    ptrdiff_t count = group_count(s), above = 0;
    double allowed = floor(radius), threshold = (double)INFINITY;

    if (allowed >= (double)count) {
        threshold = -1;
    } else if (allowed >= 1) {
        threshold = select_threshold(count, gain_of, select_one, s, allowed);
    }
    for (ptrdiff_t number = 0; number < count; number++) {
        above += gain_of(s, number) > threshold;
    }
    for (ptrdiff_t number = 0; number < count; number++) {
        double gain = gain_of(s, number);
        bool equal = gain == threshold && (double)above < allowed;
        above += equal;
        for (ptrdiff_t k = number * s->size; k < group_end(s, number); k++) {
            point[k] = gain > threshold || equal ? into_box(s, k) : s->centre[k];
        }
    }
}

static void l0_project_ball(const void *config, ptrdiff_t d, const double *centre, double radius,
                            double *point)
{
    struct groups s = {.d = d, .size = group_size(config), .centre = centre, .point = point};
    project(&s, radius, point);
}

static void l0_project_ball_box(const void *config, ptrdiff_t d, const double *centre,
                                double radius, const double *lo, const double *hi, double *point)
{
    struct groups s = {
        .d = d, .size = group_size(config), .centre = centre, .lo = lo, .hi = hi, .point = point};
    project(&s, radius, point);
}

static const struct advntk_norm_ops l0_ops = {
    .unit = "values changed, or pixels (group)",
    .radius_max = (double)INFINITY,
    .distance = l0_distance,
    .dual_norm = l0_dual_norm,
    .steepest = l0_steepest,
    .project_ball = l0_project_ball,
    .project_ball_box = l0_project_ball_box,
};

ADVNTK_PLUGIN(NORM, l0_ops, .name = "l0", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "l0: at most so many values or pixels change",
              .doc = "The radius counts values, or pixels where group is the number of channels; "
                     "what is left of a whole number does not count. Changed values may take any "
                     "value of the box. There is no uniform point of such a ball: attacks need "
                     "random_start: false. A step changes one group by the step's length.",
              .source = "Croce, Hein 2019 (arXiv 1909.05040), section 2", .params = l0_params,
              .config_bytes = sizeof(struct l0_config));
