/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dual moments of two families of activations, as plain loops that the compiler vectorises, for
 * plugins of kind activation (advntk/activation.h says what the arguments are):
 *
 *     advntk_ab_relu_dual32/64(negative, positive, p, out)  phi(x) = negative min(x,0) + positive max(x,0)
 *     advntk_erf_dual32/64(a, b, c, p, out)                 phi(x) = a erf(b x) + c
 *
 * Sources: Cho and Saul 2009, eq. 1 and 6 (relu); Williams 1997, eq. 11 (erf).
 *
 * Singular partials: those of the relu family grow as 1/h with h = sqrt(1 - c^2), c the correlation.
 * There h is taken as at least sqrt(ADVNTK_DUAL_CLAMP eps), eps that of the type: a correlation known
 * to a few eps says no more about h. Moments themselves are not clamped. Zero variances: c counts as 0
 * and every partial that would be infinite as 0.
 * Accuracy: a few eps relative to a b (relu) and to the moments at c = 1 (erf).
 */
#ifndef ADVNTK_DUALS_H
#define ADVNTK_DUALS_H

#include <advntk/activation.h>
#include <float.h>
#include <math.h>

#define ADVNTK_DUAL_CLAMP 16
#define ADVNTK_DUAL_CHUNK 256 /* pairs at a time; what is not wanted is written to a scratch of this size */

#define ADVNTK_DUAL_PI 3.14159265358979323846

/*
 * asin(sqrt(w))/sqrt(w) for w in [0, 1/2]: minimax polynomials of the relative error (Remez exchange
 * in 60 digits), errors 1.5e-8 (degree 7) and 1.6e-17 (degree 18). Even and odd powers apart, so that
 * two chains run at once.
 */
ADVNTK_ISA_INLINE float advntk_asin_ratio32(float w)
{
    float v = w * w;
    float even = ((-0.0966450313786f * v + 0.0152229002628f) * v + 0.0748597342575f) * v + 0.999999985439f;
    float odd = ((0.11344980351f * v + 0.0800100819368f) * v + 0.0467416264855f) * v + 0.166670203501f;
    return odd * w + even;
}

ADVNTK_ISA_INLINE double advntk_asin_ratio64(double w)
{
    double v = w * w;
    double even = 0.92805152478131520925;
    double odd = -3.4528286818804527107;
    even = even * v + 6.1154520748291594985;
    odd = odd * v - 6.675577164768843242;
    even = even * v + 5.0198733432497961943;
    odd = odd * v - 2.7203459977623079973;
    even = even * v + 1.1113626146493429127;
    odd = odd * v - 0.33178492063967445611;
    even = even * v + 0.087676389627714928197;
    odd = odd * v - 0.0043444939578696039755;
    even = even * v + 0.013446080265918068178;
    odd = odd * v + 0.013775775036804105577;
    even = even * v + 0.017366454078509481146;
    odd = odd * v + 0.022371465663713507591;
    even = even * v + 0.030381967716960278218;
    odd = odd * v + 0.044642856667343813957;
    even = even * v + 0.07500000000512532387;
    odd = odd * v + 0.16666666666664477437;
    even = even * v + 1.0000000000000000155;
    return odd * w + even;
}

#define ADVNTK_DUAL_REAL float
#define ADVNTK_DUAL_NAME(name) name##32
#define ADVNTK_DUAL_EPS ((float)FLT_EPSILON)
#define ADVNTK_DUAL_SQRT sqrtf
#include <advntk/duals.inc>
#undef ADVNTK_DUAL_REAL
#undef ADVNTK_DUAL_NAME
#undef ADVNTK_DUAL_EPS
#undef ADVNTK_DUAL_SQRT

#define ADVNTK_DUAL_REAL double
#define ADVNTK_DUAL_NAME(name) name##64
#define ADVNTK_DUAL_EPS DBL_EPSILON
#define ADVNTK_DUAL_SQRT sqrt
#include <advntk/duals.inc>
#undef ADVNTK_DUAL_REAL
#undef ADVNTK_DUAL_NAME
#undef ADVNTK_DUAL_EPS
#undef ADVNTK_DUAL_SQRT

#endif
