/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One pair of images through all layers, forward and in reverse (pixel.h). */
#include "config.h"

#include "infinite/pixel.h"

#include <advntk/isa.h>
#include <string.h>

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

#define REAL float
#define NAME(name) name##32
#include "infinite/pixel_pass.inc"
ADVNTK_ISA_VARIANTS(forward32,
                    (const struct advntk__pixel_net *net, const struct advntk__pixel_pair32 *pair,
                     double *value),
                    (net, pair, value))
ADVNTK_ISA_VARIANTS(backward32,
                    (const struct advntk__pixel_net *net, const struct advntk__pixel_pair32 *pair,
                     double g),
                    (net, pair, g))
#undef REAL
#undef NAME

#define REAL double
#define NAME(name) name##64
#include "infinite/pixel_pass.inc"
ADVNTK_ISA_VARIANTS(forward64,
                    (const struct advntk__pixel_net *net, const struct advntk__pixel_pair64 *pair,
                     double *value),
                    (net, pair, value))
ADVNTK_ISA_VARIANTS(backward64,
                    (const struct advntk__pixel_net *net, const struct advntk__pixel_pair64 *pair,
                     double g),
                    (net, pair, g))
#undef REAL
#undef NAME

struct advntk__pixel_code advntk__pixel_code(int isa)
{
    static const advntk__pixel_forward32_fn f32[] = ADVNTK_ISA_TABLE(forward32);
    static const advntk__pixel_forward64_fn f64[] = ADVNTK_ISA_TABLE(forward64);
    static const advntk__pixel_backward32_fn b32[] = ADVNTK_ISA_TABLE(backward32);
    static const advntk__pixel_backward64_fn b64[] = ADVNTK_ISA_TABLE(backward64);

    return (struct advntk__pixel_code){f32[isa], f64[isa], b32[isa], b64[isa]};
}

ptrdiff_t advntk__pixel_scratch(const struct advntk__pixel_net *net)
{
    ptrdiff_t pixels = net->largest < ADVNTK_PAIRS_MAX ? net->largest : ADVNTK_PAIRS_MAX;

    return 4 * pixels > net->padded ? 4 * pixels : net->padded;
}

void advntk__pixel_window(const struct advntk__pixel_step *step, const double *in, double *out,
                          double *scratch)
{
    window64(step, in, out, scratch);
}

void advntk__pixel_spread(const struct advntk__pixel_step *step, const double *out, double *in,
                          double *scratch)
{
    spread64(step, out, in, scratch);
}
