/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The fused pass: all layers over a block of pairs while it is in the first-level cache. The
 * tangent values ride along even where nngp alone is wanted: the moments of the activations are the
 * cost.
 */
#include "config.h"

#include "infinite/engine.h"
#include "infinite/loops.h"

#include <advntk/isa.h>
#include <math.h>
#include <string.h>

/* in and out may be the same register, never overlapping ones: INDEPENDENT */

#define REAL float
#define SQRT sqrtf
#define NAME(name) name##32
#include "infinite/series.inc"
#include "infinite/pass.inc"
ADVNTK_ISA_VARIANTS(pass32, (const struct advntk__program *p, const struct advntk__block32 *b),
                    (p, b))
#undef REAL
#undef NAME

#undef SQRT
#define REAL double
#define SQRT sqrt
#define NAME(name) name##64
#include "infinite/series.inc"
#include "infinite/pass.inc"
ADVNTK_ISA_VARIANTS(pass64, (const struct advntk__program *p, const struct advntk__block64 *b),
                    (p, b))
#undef REAL
#undef NAME

advntk__pass32_fn advntk__pass32(int isa)
{
    static const advntk__pass32_fn table[] = ADVNTK_ISA_TABLE(pass32);
    return table[isa];
}

advntk__pass64_fn advntk__pass64(int isa)
{
    static const advntk__pass64_fn table[] = ADVNTK_ISA_TABLE(pass64);
    return table[isa];
}

ptrdiff_t advntk__pass_work(const struct advntk__program *program)
{
    return (program->registers * 6 + ADVNTK__SCRATCH) * ADVNTK__BLOCK;
}
