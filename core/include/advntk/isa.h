/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Instruction sets. Number-crunching functions are written once and compiled for each set; the host
 * picks one at start (ADVNTK_ISA=portable|avx2|avx512 forces it) and records it.
 *
 *     ADVNTK_ISA_INLINE void relu32(const void *c, const struct advntk_pairs32 *p,
 *                                   const struct advntk_duals32 *out) { ... plain loops ... }
 *     ADVNTK_ISA_VARIANTS(relu32, (const void *c, const struct advntk_pairs32 *p,
 *                                  const struct advntk_duals32 *out), (c, p, out))
 *     ... .dual32 = ADVNTK_ISA_TABLE(relu32),
 *
 * Compile such files with -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math.
 */
#ifndef ADVNTK_ISA_H
#define ADVNTK_ISA_H

enum { ADVNTK_ISA_PORTABLE, ADVNTK_ISA_AVX2, ADVNTK_ISA_AVX512, ADVNTK_ISA_COUNT };

#if defined(__GNUC__)
#define ADVNTK_ISA_INLINE static inline __attribute__((always_inline))
#else
#define ADVNTK_ISA_INLINE static inline
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#define ADVNTK_TARGET_AVX2 __attribute__((target("avx2,fma")))
#if defined(__clang__) /* does not know the width option */
#define ADVNTK_TARGET_AVX512 \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")))
#else
#define ADVNTK_TARGET_AVX512 \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma,prefer-vector-width=512")))
#endif
#else
#define ADVNTK_TARGET_AVX2
#define ADVNTK_TARGET_AVX512
#endif

/* clang-format off */
#if defined(__clang_analyzer__) || defined(__SANITIZE_ADDRESS__)
/* what finds faults of the source finds them in one of the three */
#define ADVNTK_ISA_VARIANTS(name, parameters, arguments) \
    static void name##_portable parameters { name arguments; }
#define ADVNTK_ISA_TABLE(name) { name##_portable, name##_portable, name##_portable }
#else
#define ADVNTK_ISA_VARIANTS(name, parameters, arguments)                        \
    static void name##_portable parameters { name arguments; }                  \
    ADVNTK_TARGET_AVX2 static void name##_avx2 parameters { name arguments; }   \
    ADVNTK_TARGET_AVX512 static void name##_avx512 parameters { name arguments; }
#define ADVNTK_ISA_TABLE(name) { name##_portable, name##_avx2, name##_avx512 }
#endif
/* clang-format on */

#endif
