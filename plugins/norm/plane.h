/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the projections onto a plane inside the box share. */
#ifndef PLUGINS_NORM_PLANE_H
#define PLUGINS_NORM_PLANE_H

#include <math.h>

/* How far a coordinate may go towards the plane <w,x> = b inside the box; side: sign of b - <w,x>.
 */
static inline double plane_room(double x, double w, double side, double lo, double hi)
{
    double up = side * w;
    return up > 0 ? fmax(hi - x, 0) : up < 0 ? fmax(x - lo, 0) : 0;
}

#endif
