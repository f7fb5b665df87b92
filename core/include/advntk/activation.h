/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kind activation: the function for finite networks, and its dual moments for infinite ones,
 *     k  = E phi(u) phi(v),   kd = E phi'(u) phi'(v),   (u,v) ~ N(0, [[a^2, s], [s, b^2]]),
 * with the partial derivatives that input gradients need; q = a^2, r = b^2:
 *     k_q, k_r, kd_s, kd_q, kd_r       (dk/ds is kd: Stein).
 * Sources: Cho and Saul 2009 (relu); Williams 1997 (erf); Daniely, Frostig, Singer 2016 (duals).
 */
#ifndef ADVNTK_ACTIVATION_H
#define ADVNTK_ACTIVATION_H

#include <advntk/isa.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ADVNTK_PAIRS_MAX 4096 /* the host never passes more pairs at once */

/* s: covariance; a, b: the two standard deviations; ia, ib: their inverses (0 where a, b are 0). */
struct advntk_pairs32 { ptrdiff_t n; const float *s, *a, *b, *ia, *ib; };
struct advntk_pairs64 { ptrdiff_t n; const double *s, *a, *b, *ia, *ib; };
/* n values each; NULL: not wanted. Finite for every input with |s| <= a b, zero variances and c = +-1
 * included; |s| may exceed a b by rounding and is then taken as a b. Where a partial is singular
 * (relu at c = +-1) 1 - c^2 is clamped below, and the plugin's doc says at what. */
struct advntk_duals32 { float *k, *kd, *k_q, *k_r, *kd_s, *kd_q, *kd_r; };
struct advntk_duals64 { double *k, *kd, *k_q, *k_r, *kd_s, *kd_q, *kd_r; };

enum advntk_activation_family {
    ADVNTK_FAMILY_NONE,
    ADVNTK_FAMILY_AB_RELU, /* a min(x,0) + b max(x,0): family_param a, b */
    ADVNTK_FAMILY_ERF      /* a erf(b x) + c: family_param a, b, c */
};

typedef void (*advntk_dual32_fn)(const void *config, const struct advntk_pairs32 *p, const struct advntk_duals32 *out);
typedef void (*advntk_dual64_fn)(const void *config, const struct advntk_pairs64 *p, const struct advntk_duals64 *out);

struct advntk_activation_ops {
    /* The engine's fused kernels serve any plugin that declares a family. May be NULL: none. */
    enum advntk_activation_family (*family)(const void *config, double parameters[3]);
    double variance_min, variance_max;  /* where the duals exist; 0 and INFINITY: everywhere */
    const double *kinks;                /* points where phi is not smooth; NULL: none */
    ptrdiff_t kink_count;
    /* y = phi(u), dy = phi'(u) (dy may be NULL); n values. At a kink phi' is the mean of both sides. */
    void (*phi)(const void *config, ptrdiff_t n, const double *u, double *y, double *dy);
    /* Moment of one variance, k at u = v: E phi(u)^2 and E phi'(u)^2. NULL: taken from dual64. */
    void (*diagonal)(const void *config, double q, double *k, double *kd);
    /* Pure, called concurrently. All NULL: the host takes the Hermite series of phi (and of
     * phi', so phi must give it), 128 terms, split at the kinks, and logs what they leave out: more
     * than 1e-6 of a moment is a warning. A smooth phi is refused at variances where it is more than
     * 1e-3 of a moment or 2e-2 of a partial; one with kinks misses a few percent of kd near c = +-1. */
    advntk_dual32_fn dual32[ADVNTK_ISA_COUNT];
    advntk_dual64_fn dual64[ADVNTK_ISA_COUNT];
};

#ifdef __cplusplus
}
#endif
#endif
