/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dual moments of a polynomial phi(x) = sum_i c_i x^i. With
 *     R_l(q) = E phi^(l)(u) = sum_i c_(2i+l) (2i+l)! / (2^i i!) q^i,    u ~ N(0, q),
 * Mehler's formula reads k = sum_l R_l(q) R_l(r) s^l / l!, a polynomial in s, q and r: nothing is
 * divided by a variance. R_l' = R_(l+2)/2 gives the partials.
 */
#ifndef PLUGINS_ACTIVATION_POLYNOMIAL_H
#define PLUGINS_ACTIVATION_POLYNOMIAL_H

#include "pairwise.h"

enum { POLYNOMIAL_DEGREE_MAX = 20, POLYNOMIAL_TERMS = POLYNOMIAL_DEGREE_MAX + 4 };

struct polynomial_constants {
    int degree;
    double c[POLYNOMIAL_TERMS];                   /* of x^i */
    double R[POLYNOMIAL_TERMS][POLYNOMIAL_TERMS]; /* R[l][i]: of q^i in R_l */
    double inverse[POLYNOMIAL_TERMS];             /* 1/l! */
};

static void polynomial_constants(const double *c, int degree, struct polynomial_constants *out)
{
    memset(out, 0, sizeof(*out));
    out->degree = degree;
    for (int i = 0; i <= degree; i++) {
        out->c[i] = c[i];
    }
    out->inverse[0] = 1;
    for (int l = 1; l < POLYNOMIAL_TERMS; l++) {
        out->inverse[l] = out->inverse[l - 1] / l;
    }
    for (int l = 0; l <= degree; l++) {
        double factor = 1 / out->inverse[l]; /* (2i+l)! / (2^i i!) */
        for (int i = 0; 2 * i + l <= degree; i++) {
            out->R[l][i] = c[2 * i + l] * factor;
            factor *= (2 * i + l + 1) * (2 * i + l + 2) / (2.0 * (i + 1));
        }
    }
}

ADVNTK_ISA_INLINE double polynomial_R(const struct polynomial_constants *c, int l, double q)
{
    double y = 0;

    for (int i = (c->degree - l) / 2; i >= 0; i--) {
        y = y * q + c->R[l][i];
    }
    return l > c->degree ? 0 : y;
}

ADVNTK_ISA_INLINE void polynomial_pair(const struct polynomial_constants *c, struct pair p,
                                       struct moments *m)
{
    double Rq[POLYNOMIAL_TERMS] = {0}, Rr[POLYNOMIAL_TERMS] = {0}, power = 1; /* s^l */

    for (int l = 0; l <= c->degree + 3; l++) {
        Rq[l] = polynomial_R(c, l, p.q);
        Rr[l] = polynomial_R(c, l, p.r);
    }
    memset(m, 0, sizeof(*m));
    for (int l = 0; l <= c->degree; l++) {
        double term = power * c->inverse[l];
        m->k += term * Rq[l] * Rr[l];
        m->kd += term * Rq[l + 1] * Rr[l + 1];
        m->k_q += 0.5 * term * Rq[l + 2] * Rr[l];
        m->k_r += 0.5 * term * Rq[l] * Rr[l + 2];
        m->kd_s += term * Rq[l + 2] * Rr[l + 2];
        m->kd_q += 0.5 * term * Rq[l + 3] * Rr[l + 1];
        m->kd_r += 0.5 * term * Rq[l + 1] * Rr[l + 3];
        power *= p.s;
    }
}

static void polynomial_phi(const struct polynomial_constants *c, ptrdiff_t n, const double *u,
                           double *y, double *dy)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        double value = 0, slope = 0;
        for (int d = c->degree; d >= 0; d--) {
            slope = slope * u[i] + value;
            value = value * u[i] + c->c[d];
        }
        y[i] = value;
        if (dy) {
            dy[i] = slope;
        }
    }
}

/* Of one variance: all terms have one sign, so nothing cancels; infinite where it is too large. */
static void polynomial_diagonal(const struct polynomial_constants *c, double q, double *k,
                                double *kd)
{
    double power = 1, R[POLYNOMIAL_TERMS] = {0};

    for (int l = 0; l <= c->degree + 1; l++) {
        R[l] = polynomial_R(c, l, q);
    }
    *k = 0;
    *kd = 0;
    for (int l = 0; l <= c->degree; l++) {
        *k += power * c->inverse[l] * R[l] * R[l];
        *kd += power * c->inverse[l] * R[l + 1] * R[l + 1];
        power *= q;
    }
}

#endif
