/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The functions of exponential integrators that gradient flow needs, at z <= 0. */
#ifndef ADVNTK_LINALG_PHI_H
#define ADVNTK_LINALG_PHI_H

double advntk__phi1(double z); /* (e^z - 1)/z; 1 at 0 */
double advntk__phi2(double z); /* (e^z - 1 - z)/z^2; 1/2 at 0 */
double advntk__phi2_slope(double x,
                          double y); /* (phi2(x) - phi2(y))/(x - y), its limit where they meet */

#endif
