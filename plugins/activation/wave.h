/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dual moments of a wave: a sin(b x + c) has an odd part a cos(c) sin(b x) and an even part
 * a sin(c) cos(b x), a cosine the other way round. With z = b^2 s, w = b^2 (q + r)/2:
 *     k  = a^2 e^-w     (odd^2 sinh z + even^2 cosh z)
 *     kd = a^2 b^2 e^-w (odd^2 cosh z + even^2 sinh z)
 */
#ifndef PLUGINS_ACTIVATION_WAVE_H
#define PLUGINS_ACTIVATION_WAVE_H

#include "pairwise.h"

struct wave_constants {
    double a2, b2, odd2, even2;
};

static struct wave_constants wave_constants(double a, double b, double odd, double even)
{
    return (struct wave_constants){a * a, b * b, odd * odd, even * even};
}

ADVNTK_ISA_INLINE void wave_pair(const struct wave_constants *c, struct pair p, struct moments *m)
{
    double b2 = c->b2, z = b2 * p.s, apart = p.a - p.b;
    /* e^(z-w) and e^(-z-w); their difference by the series where z is small */
    double up = pairwise_exp(-b2 * (0.5 * apart * apart + p.gap));
    double down = pairwise_exp(-b2 * (0.5 * apart * apart + p.reach));
    double small = z < -0.5 ? -0.5 : (z > 0.5 ? 0.5 : z);
    double middle = pairwise_exp(-0.5 * b2 * (p.q + p.r));
    double series = middle * pairwise_sinh_small(small);
    double S = small == z ? series : 0.5 * (up - down), C = 0.5 * (up + down);
    double k = c->a2 * (c->odd2 * S + c->even2 * C);
    double kd = c->a2 * b2 * (c->odd2 * C + c->even2 * S);

    m->k = k;
    m->kd = kd;
    m->k_q = -0.5 * b2 * k;
    m->k_r = -0.5 * b2 * k;
    m->kd_s = b2 * b2 * k;
    m->kd_q = -0.5 * b2 * kd;
    m->kd_r = -0.5 * b2 * kd;
}

static void wave_diagonal(const struct wave_constants *c, double q, double *k, double *kd)
{
    double less = -0.5 * expm1(-2 * c->b2 * q); /* e^-w sinh z at z = w */

    *k = c->a2 * (c->odd2 * less + c->even2 * (1 - less));
    *kd = c->a2 * c->b2 * (c->odd2 * (1 - less) + c->even2 * less);
}

#endif
