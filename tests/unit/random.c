/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "tap.h"

#include <advntk/random.h>

/* Known answers of Random123's kat_vectors (Salmon et al. 2011), philox4x32 10 rounds. */
static const struct {
    uint64_t seed;
    uint32_t counter[4], out[4];
} known[] = {
    {0, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {UINT64_MAX,
     {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {0x299f31d0a4093822u,
     {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

int main(void)
{
    struct advntk_stream s;
    double sum = 0, square = 0, low = 1, high = 0;
    enum { DRAWS = 100000 };
    uint64_t counts[7] = {0};

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        uint32_t out[4];
        advntk_philox(known[i].seed, known[i].counter, out);
        ok(memcmp(out, known[i].out, sizeof(out)) == 0, "philox known answer %zu", i);
    }
    advntk_stream_init(&s, 1, advntk_random_purpose("test"), 5, 0, 0);
    for (int i = 0; i < DRAWS; i++) {
        double u = advntk_random_uniform(&s);
        low = fmin(low, u);
        high = fmax(high, u);
    }
    ok(low >= 0 && high < 1, "uniform lies in [0,1)");
    for (int i = 0; i < DRAWS; i++) {
        double z = advntk_random_normal(&s);
        sum += z;
        square += z * z;
    }
    /* five standard errors: 1/sqrt(n) of the mean, sqrt(2/n) of the variance */
    ok(fabs(sum / DRAWS) < 5 / sqrt(DRAWS), "normal: mean 0");
    ok(fabs(square / DRAWS - 1) < 5 * sqrt(2.0 / DRAWS), "normal: variance 1");
    for (int i = 0; i < 7000; i++) {
        counts[advntk_random_below(&s, 7)]++;
    }
    for (int i = 0; i < 7; i++) {
        /* standard deviation sqrt(7000 * 6/49) = 29 */
        ok(fabs((double)counts[i] - 1000) < 5 * 29.3, "below 7: %d is as likely as the others", i);
    }
    return done_testing();
}
