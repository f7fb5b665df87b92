/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A norm of one's own: l-infinity in which only every so many-th value may move. All functions are
 * pure and work on one image of d values; those that are left out (NULL) are not offered, and an
 * attack that needs one says so by name.
 */
#include <advntk/plugin.h>
#include <math.h>

struct striped_config {
    int64_t every;
};

static const struct advntk_param striped_params[] = {
    ADVNTK_INT(struct striped_config, every, 2, 1, 1000,
               .help = "which values may move: every so many-th, from the first"),
    ADVNTK_PARAM_END};

static bool striped_moves(const void *config, ptrdiff_t k)
{
    return k % ((const struct striped_config *)config)->every == 0;
}

static double striped_distance(const void *config, ptrdiff_t d, const double *a, const double *b)
{
    double worst = 0;

    for (ptrdiff_t k = 0; k < d; k++) {
        double gap = striped_moves(config, k) || a[k] == b[k] ? fabs(a[k] - b[k]) : HUGE_VAL;
        if (!(gap <= worst)) { /* a NaN stays */
            worst = gap;
        }
    }
    return worst;
}

/* The direction of length 1 along which the loss with gradient g rises most. */
static void striped_steepest(const void *config, ptrdiff_t d, const double *g, double sparsity,
                             double *direction)
{
    (void)sparsity;
    for (ptrdiff_t k = 0; k < d; k++) {
        direction[k] = striped_moves(config, k) ? (double)((g[k] > 0) - (g[k] < 0)) : 0;
    }
}

/* The nearest point of ball and box; the centre lies in the box. */
static void striped_project_ball_box(const void *config, ptrdiff_t d, const double *centre,
                                     double radius, const double *lo, const double *hi,
                                     double *point)
{
    for (ptrdiff_t k = 0; k < d; k++) {
        double room = striped_moves(config, k) ? radius : 0;
        point[k] = fmax(point[k], fmax(lo[k], centre[k] - room));
        point[k] = fmin(point[k], fmin(hi[k], centre[k] + room));
    }
}

static const struct advntk_norm_ops striped_ops = {
    .unit = "pixel value",
    .radius_max = 1,
    .distance = striped_distance,
    .steepest = striped_steepest,
    .project_ball_box = striped_project_ball_box,
};

ADVNTK_PLUGIN(NORM, striped_ops, .name = "striped", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "l-infinity on some of the values alone",
              .doc = "The other values may not move at all.", .params = striped_params,
              .config_bytes = sizeof(struct striped_config));
