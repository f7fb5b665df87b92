/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "linalg/tile_product.h"
#include "linalg/gram.h"

#include <stdint.h>
#include <string.h>

/* MOST_VECTORS: two rows of them fill 10 of AVX2's 16 registers. BAND rows of float64 are 256 KiB.
 */
enum { TILE = ADVNTK__TILE, MOST_VECTORS = 5, BAND = 64 };

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 5")
#endif

#define REAL float
#define VECTOR_BYTES 16
#define TARGET
#define NAME(x) x##32_portable
#include "linalg/tile_product.inc"

#define REAL double
#define VECTOR_BYTES 16
#define TARGET
#define NAME(x) x##64_portable
#include "linalg/tile_product.inc"

#define REAL float
#define VECTOR_BYTES 32
#define TARGET ADVNTK_TARGET_AVX2
#define NAME(x) x##32_avx2
#include "linalg/tile_product.inc"

#define REAL double
#define VECTOR_BYTES 32
#define TARGET ADVNTK_TARGET_AVX2
#define NAME(x) x##64_avx2
#include "linalg/tile_product.inc"

#define REAL float
#define VECTOR_BYTES 64
#define TARGET ADVNTK_TARGET_AVX512
#define NAME(x) x##32_avx512
#include "linalg/tile_product.inc"

#define REAL double
#define VECTOR_BYTES 64
#define TARGET ADVNTK_TARGET_AVX512
#define NAME(x) x##64_avx512
#include "linalg/tile_product.inc"

const advntk__tile_product_fn advntk__tile_product32[ADVNTK_ISA_COUNT] = {
    product32_portable, product32_avx2, product32_avx512};
const advntk__tile_product_fn advntk__tile_product64[ADVNTK_ISA_COUNT] = {
    product64_portable, product64_avx2, product64_avx512};
