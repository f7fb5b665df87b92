/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernel/laplace: exp(-|x - x'| / (sqrt(d) l)). */
#include "config.h"

#include "distance.h"

static double distance_value(double v, double length, double *slope)
{
    double gap = sqrt(v), k = exp(-gap / length);

    *slope = gap > 0 ? -k / (2 * length * gap) : 0;
    return k;
}

ADVNTK_PLUGIN(KERNEL, distance_ops, .name = "laplace", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "exponential of the distance of two images",
              .doc = "exp(-sqrt(v) / l), v the mean squared difference of two images' values. As "
                     "smooth as the tangent kernels of relu networks. Where two images coincide it "
                     "has a kink; the gradient is taken as 0 there. Needs no architecture.",
              .params = distance_params, .config_bytes = sizeof(struct distance_config),
              .source = "Geifman et al. 2020, On the similarity between the Laplace and neural "
                        "tangent kernels");
