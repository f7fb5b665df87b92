/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For activations whose dual moments are written down for one pair in float64: loops over pairs for
 * both precisions and all instruction sets. A plugin defines
 *
 *     struct NAME_constants NAME_prepare(const void *config);      once a block
 *     void NAME_pair(const struct NAME_constants *, struct pair, struct moments *)
 *
 * and says PAIRWISE(NAME). float32 in, float64 inside, float32 out: closed forms lose digits where
 * they cancel, and the price is one conversion.
 */
#ifndef PLUGINS_ACTIVATION_PAIRWISE_H
#define PLUGINS_ACTIVATION_PAIRWISE_H

#include <advntk/duals.h>
#include <stdint.h>
#include <string.h>

enum { PAIRWISE_CHUNK = 128 };

/* |s| <= a b; q = a^2, r = b^2; gap = a b - s >= 0 and reach = a b + s >= 0 without rounding of q
 * r; clamp: least 1 - c^2 of a singular partial (advntk/duals.h) */
struct pair {
    double s, a, b, q, r, ia, ib, gap, reach, clamp;
};
struct moments {
    double k, kd, k_q, k_r, kd_s, kd_q, kd_r;
};

/* e^x for x in [-700, 700] (clipped): x = n ln 2 + t, Taylor's polynomial of degree 13 for |t| <=
 * ln(2)/2, whose rest is 0.3466^14/14! = 4e-18. Plain arithmetic, so that loops vectorise; error 2
 * eps. */
ADVNTK_ISA_INLINE double pairwise_exp(double x)
{
    const double magic = 6755399441055744.0; /* 1.5 2^52: adding it rounds to an integer */
    double n, t, y;
    int64_t bits;

    x = x < -700 ? -700 : (x > 700 ? 700 : x);
    y = x * 1.4426950408889634 + magic;
    memcpy(&bits, &y, sizeof(bits));
    n = y - magic;
    t = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
    y = 1.0 / 6227020800;
    y = y * t + 1.0 / 479001600;
    y = y * t + 1.0 / 39916800;
    y = y * t + 1.0 / 3628800;
    y = y * t + 1.0 / 362880;
    y = y * t + 1.0 / 40320;
    y = y * t + 1.0 / 5040;
    y = y * t + 1.0 / 720;
    y = y * t + 1.0 / 120;
    y = y * t + 1.0 / 24;
    y = y * t + 1.0 / 6;
    y = y * t + 0.5;
    y = y * t + 1;
    y = y * t + 1;
    /* the low bits of 1.5 2^52 + n hold n: shifted, they are the exponent's */
    bits = (int64_t)((uint64_t)bits << 52);
    {
        int64_t value;
        memcpy(&value, &y, sizeof(value));
        value = (int64_t)((uint64_t)value + (uint64_t)bits);
        memcpy(&y, &value, sizeof(y));
    }
    return y;
}

/* sinh(z) for |z| <= 1/2: Taylor to z^13, rest 0.5^14/15! = 5e-17 of it. */
ADVNTK_ISA_INLINE double pairwise_sinh_small(double z)
{
    double w = z * z, y = 1.0 / 6227020800;

    y = y * w + 1.0 / 39916800;
    y = y * w + 1.0 / 362880;
    y = y * w + 1.0 / 5040;
    y = y * w + 1.0 / 120;
    y = y * w + 1.0 / 6;
    return z * (y * w + 1);
}

ADVNTK_ISA_INLINE struct pair pairwise_pair(double s, double a, double b, double ia, double ib,
                                            double eps)
{
    double ab = a * b;
    struct pair p = {.a = a,
                     .b = b,
                     .q = a * a,
                     .r = b * b,
                     .ia = ia,
                     .ib = ib,
                     .clamp = ADVNTK_DUAL_CLAMP * eps};

    p.s = s < -ab ? -ab : (s > ab ? ab : s);
    p.gap = ab - p.s;
    p.reach = ab + p.s;
    return p;
}

#define PAIRWISE_SCATTER_(member)                                                                  \
    for (ptrdiff_t i = 0; out->member && i < n; i++) {                                             \
        out->member[j + i] = (REAL)m.member[i];                                                    \
    }

/* clang-format off */
#define PAIRWISE_LOOP_(name, bits, REAL_)                                                          \
    ADVNTK_ISA_INLINE void name##_dual##bits(const void *config,                                   \
                                             const struct advntk_pairs##bits *p,                   \
                                             const struct advntk_duals##bits *out)                 \
    {                                                                                              \
        typedef REAL_ REAL;                                                                        \
        struct name##_constants constants = name##_prepare(config);                                \
        struct { double k[PAIRWISE_CHUNK], kd[PAIRWISE_CHUNK], k_q[PAIRWISE_CHUNK],                \
                 k_r[PAIRWISE_CHUNK], kd_s[PAIRWISE_CHUNK], kd_q[PAIRWISE_CHUNK],                  \
                 kd_r[PAIRWISE_CHUNK]; } m;                                                        \
        const double eps = (bits) == 32 ? (double)FLT_EPSILON : DBL_EPSILON;                       \
        bool partials = out->k_q || out->k_r || out->kd_s || out->kd_q || out->kd_r;               \
        for (ptrdiff_t j = 0; j < p->n; j += PAIRWISE_CHUNK) {                                     \
            ptrdiff_t n = p->n - j < PAIRWISE_CHUNK ? p->n - j : PAIRWISE_CHUNK;                   \
            for (ptrdiff_t i = 0; i < n; i++) {                                                    \
                struct moments x;                                                                  \
                name##_pair(&constants,                                                            \
                            pairwise_pair((double)p->s[j + i], (double)p->a[j + i],                \
                                          (double)p->b[j + i], (double)p->ia[j + i],               \
                                          (double)p->ib[j + i], eps), &x);                         \
                m.k[i] = x.k;                                                                      \
                m.kd[i] = x.kd;                                                                    \
            }                                                                                      \
            PAIRWISE_SCATTER_(k)                                                                   \
            PAIRWISE_SCATTER_(kd)                                                                  \
            if (!partials) {                                                                       \
                continue;                                                                          \
            }                                                                                      \
            for (ptrdiff_t i = 0; i < n; i++) {                                                    \
                struct moments x;                                                                  \
                name##_pair(&constants,                                                            \
                            pairwise_pair((double)p->s[j + i], (double)p->a[j + i],                \
                                          (double)p->b[j + i], (double)p->ia[j + i],               \
                                          (double)p->ib[j + i], eps), &x);                         \
                m.k_q[i] = x.k_q;                                                                  \
                m.k_r[i] = x.k_r;                                                                  \
                m.kd_s[i] = x.kd_s;                                                                \
                m.kd_q[i] = x.kd_q;                                                                \
                m.kd_r[i] = x.kd_r;                                                                \
            }                                                                                      \
            PAIRWISE_SCATTER_(k_q)                                                                 \
            PAIRWISE_SCATTER_(k_r)                                                                 \
            PAIRWISE_SCATTER_(kd_s)                                                                \
            PAIRWISE_SCATTER_(kd_q)                                                                \
            PAIRWISE_SCATTER_(kd_r)                                                                \
        }                                                                                          \
    }                                                                                              \
    ADVNTK_ISA_VARIANTS(name##_dual##bits,                                                         \
                        (const void *config, const struct advntk_pairs##bits *p,                   \
                         const struct advntk_duals##bits *out),                                    \
                        (config, p, out))

#define PAIRWISE(name)               \
    PAIRWISE_LOOP_(name, 32, float)  \
    PAIRWISE_LOOP_(name, 64, double)
/* clang-format on */

#endif
