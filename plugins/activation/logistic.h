/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dual moments of tanh, softplus and silu. The logistic density is a mixture of normal densities
 * (Andrews and Mallows 1974), and few of them are close to it (Monahan and Stefanski 1992):
 *     1/(1 + exp(-x)) ~ sum_k w_k Phi(x/sqrt(t_k)),   Phi the normal distribution function,
 * so that each function is one with closed forms, smoothed by normal noise of variance t_k:
 *     tanh(x/2) is sign, softplus relu, and silu x times the mixture,
 * and a dual moment a double sum of closed forms at the variances q + t_k, r + t_l.
 *
 * The weights and variances below minimise the squared error of the characteristic function,
 * pi y/sinh(pi y), weighted so that the errors of the functions and of three derivatives, each
 * relative to its own size, count alike. Relative errors (root of the integral of the square) of
 * the logistic function, of softplus and of their derivatives: 8e-8 (ten), 2e-6 (eight); of silu's
 * third derivative, the worst: 3e-7 and 6e-6. They hold for all variances and correlations.
 *
 * Notation, for one term: A = q + t, alpha = sqrt(q/A), eps = t/A (in), alike beta and B for the
 * second, z = c alpha beta the correlation with noise, g = sqrt(1 - z^2), written
 * g^2 = eps_a + alpha^2 (eps_b + beta^2 (1 - c^2)), in which nothing cancels or overflows.
 */
#ifndef PLUGINS_ACTIVATION_LOGISTIC_H
#define PLUGINS_ACTIVATION_LOGISTIC_H

#include <advntk/duals.h>
#include <stdbool.h>
#include <string.h>

enum { LOGISTIC_TERMS32 = 8, LOGISTIC_TERMS64 = 10, LOGISTIC_CHUNK = 64 };
enum logistic_function { LOGISTIC_TANH, LOGISTIC_SOFTPLUS, LOGISTIC_SILU };

static const double logistic_weight32[LOGISTIC_TERMS32] = {
    0.000384807909666633, 0.01132121706499038, 0.07652040646496776, 0.2141774163205383,
    0.3153124826666727,   0.2622779823284599,  0.1078758630880221,  0.01212982415668236};
static const double logistic_noise32[LOGISTIC_TERMS32] = {
    0.426752918564695, 0.6679144186492055, 1.029348338038921, 1.605056732196255,
    2.565622552846905, 4.235231124782138,  7.243131353716457, 13.06261156366274};
static const double logistic_weight64[LOGISTIC_TERMS64] = {
    5.682233176511135e-05, 0.002376081683843186, 0.02273219637662764, 0.09110769992307226,
    0.1985341980916194,    0.2697146260510712,   0.2412279279883919,  0.134576493678755,
    0.0369785958511288,    0.002695358023725428};
static const double logistic_noise64[LOGISTIC_TERMS64] = {
    0.3623285355035996, 0.5390910672233803, 0.7846167209780799, 1.143595500993613,
    1.685618086964323,  2.527231896045217,  3.868436641131493,  6.052872603592504,
    9.700909242742544,  16.24250240999692};

#define REAL float
#define SQRT sqrtf
#define TERMS LOGISTIC_TERMS32
#define NAME(name) name##32
#include "logistic.inc"
#undef REAL
#undef SQRT
#undef TERMS
#undef NAME

#define REAL double
#define SQRT sqrt
#define TERMS LOGISTIC_TERMS64
#define NAME(name) name##64
#include "logistic.inc"
#undef REAL
#undef SQRT
#undef TERMS
#undef NAME

/* Loops of a plugin for both precisions and all instruction sets. */
#define LOGISTIC_DUAL_(name, bits, function)                                                       \
    ADVNTK_ISA_INLINE void name##_dual##bits(const void *config,                                   \
                                             const struct advntk_pairs##bits *p,                   \
                                             const struct advntk_duals##bits *out)                 \
    {                                                                                              \
        (void)config;                                                                              \
        logistic_dual##bits(function, p, out);                                                     \
    }                                                                                              \
    ADVNTK_ISA_VARIANTS(name##_dual##bits,                                                         \
                        (const void *config, const struct advntk_pairs##bits *p,                   \
                         const struct advntk_duals##bits *out),                                    \
                        (config, p, out))

#define LOGISTIC(name, function)                                                                   \
    LOGISTIC_DUAL_(name, 32, function)                                                             \
    LOGISTIC_DUAL_(name, 64, function)

#endif
