/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "linalg/phi.h"

#include <math.h>

double advntk__phi1(double z)
{
    return z == 0 ? 1 : expm1(z) / z;
}

/* k-th derivative of phi2 at z <= 0: integral over s in [0,1] of (1-s) s^k e^(sz). */
static double phi2_derivative(int k, double z)
{
    double sum = 0, term = 1, moment, next;

    if (z > -2) { /* sum of z^j/j! / ((j+k+1)(j+k+2)); the terms never exceed 2 */
        for (int j = 0; j < 30; j++) {
            sum += term / ((j + k + 1) * (j + k + 2));
            term *= z / (j + 1);
        }
        return sum;
    }
    /* moments of s^k by parts; each step divides by |z| >= 2, so errors shrink */
    moment = expm1(z) / z;
    for (int j = 1; j <= k; j++) {
        moment = (exp(z) - j * moment) / z;
    }
    next = (exp(z) - (k + 1) * moment) / z;
    return moment - next;
}

double advntk__phi2(double z)
{
    return phi2_derivative(0, z);
}

double advntk__phi2_slope(double x, double y)
{
    double gap = x - y, middle = x / 2 + y / 2;

    /* Beyond: the difference loses 1e-16 / 1e-3. Within: the next term of the series is
     * gap^4 phi2''''' / 1920, below 1e-12 / 1920 of phi2'. */
    if (fabs(gap) > 1e-3 * (1 - middle)) {
        return (advntk__phi2(x) - advntk__phi2(y)) / gap;
    }
    return phi2_derivative(1, middle) + gap * gap / 24 * phi2_derivative(3, middle);
}
