/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernel/gaussian_rbf: exp(-|x - x'|^2 / (2 d l^2)). */
#include "config.h"

#include "distance.h"

static double distance_value(double v, double length, double *slope)
{
    double k = exp(-v / (2 * length * length));

    *slope = -k / (2 * length * length);
    return k;
}

ADVNTK_PLUGIN(KERNEL, distance_ops, .name = "gaussian_rbf", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "Gaussian of the distance of two images",
              .doc = "exp(-v / (2 l^2)), v the mean squared difference of two images' values. "
                     "Needs no architecture.",
              .params = distance_params, .config_bytes = sizeof(struct distance_config));
