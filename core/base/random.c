/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <advntk/random.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

/* Salmon et al. 2011: multipliers and Weyl constants of Philox4x32. */
#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

static const double two_pi = 6.283185307179586476925286766559;

void advntk_philox(uint64_t seed, const uint32_t counter[4], uint32_t out[4])
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)PHILOX_M0 * c0, p1 = (uint64_t)PHILOX_M1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

void advntk_stream_init(struct advntk_stream *s, uint64_t seed, uint32_t purpose, int64_t image,
                        uint32_t restart, uint32_t step)
{
    *s = (struct advntk_stream){.seed = seed,
                                .purpose = purpose,
                                .image = (uint32_t)image,
                                .step = (restart << 24) + step,
                                .used = 4};
}

uint32_t advntk_random_word(struct advntk_stream *s)
{
    if (s->used >= 4) {
        const uint32_t counter[4] = {s->purpose, s->image, s->step, s->draw++};
        advntk_philox(s->seed, counter, s->buffer);
        s->used = 0;
    }
    return s->buffer[s->used++];
}

double advntk_random_uniform(struct advntk_stream *s)
{
    uint64_t a = advntk_random_word(s), b = advntk_random_word(s);
    return (double)((a << 21) + (b >> 11)) * 0x1p-53;
}

uint64_t advntk_random_below(struct advntk_stream *s, uint64_t bound)
{
    uint64_t word, limit;
    if (bound == 0) {
        return 0;
    }
    limit = UINT64_MAX - UINT64_MAX % bound; /* the largest multiple of bound */
    do {
        uint64_t high = advntk_random_word(s);
        word = (high << 32) | advntk_random_word(s);
    } while (word >= limit);
    return word % bound;
}

double advntk_random_normal(struct advntk_stream *s)
{
    double u = advntk_random_uniform(s), v = advntk_random_uniform(s);
    return sqrt(-2 * log1p(-u)) * cos(two_pi * v);
}

uint32_t advntk_random_purpose(const char *name)
{
    return (uint32_t)XXH3_64bits(name, strlen(name));
}
