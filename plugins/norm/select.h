/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The largest of some sizes >= 0 without sorting and without memory: the bits of a double >= 0 are
 * in the order of its value, so eight passes, one for each byte from the top, find the threshold.
 */
#ifndef PLUGINS_NORM_SELECT_H
#define PLUGINS_NORM_SELECT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t select_bits(double size)
{
    uint64_t bits;
    memcpy(&bits, &size, sizeof(bits));
    return bits;
}

typedef double (*select_fn)(const void *context, ptrdiff_t k);

/* The largest threshold t such that the weights of all k with size(k) >= t sum to at least `want`
 * (> 0, and at most the sum of all). size >= 0 and weight >= 0, 0 <= k < count. */
static inline double select_threshold(ptrdiff_t count, select_fn size, select_fn weight,
                                      const void *context, double want)
{
    uint64_t prefix = 0, mask = 0;
    double threshold;

    for (int shift = 56; shift >= 0; shift -= 8) {
        double bucket[256] = {0};
        int b;
        for (ptrdiff_t k = 0; k < count; k++) {
            uint64_t bits = select_bits(size(context, k));
            if ((bits & mask) == prefix) {
                bucket[(bits >> shift) & 255] += weight(context, k);
            }
        }
        for (b = 255; b > 0 && bucket[b] < want; b--) {
            want -= bucket[b];
        }
        prefix |= (uint64_t)b << shift;
        mask |= (uint64_t)255 << shift;
    }
    memcpy(&threshold, &prefix, sizeof(threshold));
    return threshold;
}

static inline double select_one(const void *context, ptrdiff_t k)
{
    (void)context;
    (void)k;
    return 1;
}

#endif
