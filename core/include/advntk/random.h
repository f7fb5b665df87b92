/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, table 2 and 6).
 *
 * A stream is addressed, never shared: key = the run's seed, counter = (purpose, image, step, draw).
 * `image` is the number of the image in the official file (or -1 for what belongs to no image),
 * `step` is restart * 2^24 + step, so a result depends neither on threads nor on batches nor on
 * which images came before. The functions below are specified to the bit and will not change.
 */
#ifndef ADVNTK_RANDOM_H
#define ADVNTK_RANDOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_stream {
    uint64_t seed;
    uint32_t purpose, image, step, draw; /* draw: number of the next block of four */
    uint32_t buffer[4];
    uint32_t used;                       /* words of buffer already handed out; 4: none left */
    uint32_t reserved;
};

/* One block: out = Philox4x32-10(counter, key = seed's low and high word). */
void advntk_philox(uint64_t seed, const uint32_t counter[4], uint32_t out[4]);

/* image: cut to 32 bits. restart < 256, step < 2^24. */
void advntk_stream_init(struct advntk_stream *s, uint64_t seed, uint32_t purpose, int64_t image,
                        uint32_t restart, uint32_t step);

uint32_t advntk_random_word(struct advntk_stream *s);        /* the next 32 bits */
double advntk_random_uniform(struct advntk_stream *s);       /* [0,1): (a*2^21 + (b >> 11)) / 2^53 of two words a, b */
uint64_t advntk_random_below(struct advntk_stream *s, uint64_t bound); /* 0..bound-1, exact: words*2 rejected at or above the largest multiple of bound; bound 0: 0 */
double advntk_random_normal(struct advntk_stream *s);        /* sqrt(-2 ln(1-u)) cos(2 pi v) of two uniforms u, v */

/* A 32-bit purpose from a name: the low word of XXH3-64 of the text. "training" is the name used inside training. */
uint32_t advntk_random_purpose(const char *name);

#ifdef __cplusplus
}
#endif
#endif
