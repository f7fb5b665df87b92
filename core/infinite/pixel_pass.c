/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One pair of images through all layers, forward and in reverse (pixel.h).
 *
 * What bounds it (3x3 convolutions and relu, float32): a vector of pixels and layer takes 20
 * instructions of the two multiply units, 8 additions, 2 square roots (5 cycles each of the one
 * divider where this was measured, Zen 3), 16 loads of maps and 4 stores: 10 cycles for 8 pixels
 * with AVX2. It takes 20 to 23 there. Written by hand, none of these came below 18: lines or strips
 * of columns fused, two or four vectors side by side that share their constants, one square root
 * and a second polynomial, eight images b interleaved so that nothing is misaligned and no window
 * is read twice.
 */
#include "config.h"

#include "infinite/loops.h"
#include "infinite/pixel.h"

#include <advntk/duals.h>
#include <advntk/isa.h>
#include <math.h>
#include <string.h>

/* Least 1 - |c|, in units of the bend: not a constant, from which a compiler makes more than one
 * instruction. */
#define TINY ((REAL)1e-30)

/* i modulo n, in 0 .. n-1 */
static inline ptrdiff_t wrapped(ptrdiff_t i, ptrdiff_t n)
{
    ptrdiff_t rest = i % n;
    return rest < 0 ? rest + n : rest;
}

/* The line of the input at row i of the padded image; -1: zeros. */
static inline ptrdiff_t row_at(const struct advntk__pixel_step *step, ptrdiff_t i)
{
    if (step->wraps) {
        return wrapped(i, step->y.in);
    }
    return i >= 0 && i < step->y.in ? i : -1;
}

/*
 * acos(1-w)/sqrt(w) for w in [0, 1], times f. float32: minimax polynomial of the relative error
 * (Remez exchange), 1.0e-7.
 */
ADVNTK_ISA_INLINE float angle_ratio32(float w, float f)
{
    float v = w * w;
    float low = (f * 0.117837678164f) * w + f * 1.41421370796f;
    float middle = (f * 0.00677498733753f) * w + f * 0.0267180935372f;
    float high =
        (f * 0.00227944990304f) * v + ((f * -0.00257980960185f) * w + f * 0.00555205778883f);
    return (high * v + middle) * v + low;
}

ADVNTK_ISA_INLINE double angle_ratio64(double w, double f)
{
    return (f * 1.41421356237309504880) * advntk_asin_ratio64(0.5 * w);
}

#define REAL float
#define REAL_EPS ((float)FLT_EPSILON)
#define SQRT sqrtf
#define ABS fabsf
#define NAME(name) name##32
#include "infinite/pixel_pass.inc"
ADVNTK_ISA_VARIANTS(bend_step32,
                    (const struct advntk__pixel_net *net, ptrdiff_t i,
                     const struct advntk__pixel_pair32 *pair),
                    (net, i, pair))
ADVNTK_ISA_VARIANTS(forward32,
                    (const struct advntk__pixel_net *net, const struct advntk__pixel_pair32 *pair,
                     double *values),
                    (net, pair, values))
ADVNTK_ISA_VARIANTS(deviations32,
                    (ptrdiff_t n, const double *q, float *restrict a, float *restrict ia),
                    (n, q, a, ia))
ADVNTK_ISA_VARIANTS(backward32,
                    (const struct advntk__pixel_net *net, const struct advntk__pixel_pair32 *pair,
                     double g),
                    (net, pair, g))
#undef REAL
#undef REAL_EPS
#undef SQRT
#undef ABS
#undef NAME

#define REAL double
#define REAL_EPS DBL_EPSILON
#define SQRT sqrt
#define ABS fabs
#define NAME(name) name##64
#include "infinite/pixel_pass.inc"
ADVNTK_ISA_VARIANTS(bend_step64,
                    (const struct advntk__pixel_net *net, ptrdiff_t i,
                     const struct advntk__pixel_pair64 *pair),
                    (net, i, pair))
ADVNTK_ISA_VARIANTS(forward64,
                    (const struct advntk__pixel_net *net, const struct advntk__pixel_pair64 *pair,
                     double *values),
                    (net, pair, values))
ADVNTK_ISA_VARIANTS(deviations64,
                    (ptrdiff_t n, const double *q, double *restrict a, double *restrict ia),
                    (n, q, a, ia))
ADVNTK_ISA_VARIANTS(backward64,
                    (const struct advntk__pixel_net *net, const struct advntk__pixel_pair64 *pair,
                     double g),
                    (net, pair, g))
ADVNTK_ISA_VARIANTS(conv64,
                    (const struct advntk__pixel_net *net, ptrdiff_t i, double *work,
                     double *scratch),
                    (net, i, NULL, work, scratch))
ADVNTK_ISA_VARIANTS(conv_back64,
                    (const struct advntk__pixel_net *net, ptrdiff_t i, double *work,
                     double *scratch, bool first),
                    (net, i, NULL, work, scratch, first))

struct advntk__pixel_code advntk__pixel_code(int isa)
{
    static const advntk__pixel_forward32_fn f32[] = ADVNTK_ISA_TABLE(forward32);
    static const advntk__pixel_forward64_fn f64[] = ADVNTK_ISA_TABLE(forward64);
    static const advntk__pixel_backward32_fn b32[] = ADVNTK_ISA_TABLE(backward32);
    static const advntk__pixel_backward64_fn b64[] = ADVNTK_ISA_TABLE(backward64);
    static const advntk__pixel_bend32_fn bend32[] = ADVNTK_ISA_TABLE(bend_step32);
    static const advntk__pixel_bend64_fn bend64[] = ADVNTK_ISA_TABLE(bend_step64);
    static const advntk__pixel_deviations32_fn d32[] = ADVNTK_ISA_TABLE(deviations32);
    static const advntk__pixel_deviations64_fn d64[] = ADVNTK_ISA_TABLE(deviations64);
    static const advntk__pixel_conv_fn conv[] = ADVNTK_ISA_TABLE(conv64);
    static const advntk__pixel_conv_back_fn back[] = ADVNTK_ISA_TABLE(conv_back64);

    return (struct advntk__pixel_code){.forward32 = f32[isa],
                                       .forward64 = f64[isa],
                                       .backward32 = b32[isa],
                                       .backward64 = b64[isa],
                                       .bend32 = bend32[isa],
                                       .bend64 = bend64[isa],
                                       .deviations32 = d32[isa],
                                       .deviations64 = d64[isa],
                                       .conv = conv[isa],
                                       .conv_back = back[isa]};
}

void advntk__pixel_clean(const struct advntk__pixel_net *net, ptrdiff_t i, double *work)
{
    clean64(&net->steps[i], NULL, maps_of64(net, i, work));
}
