/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/files.h"
#include "base/hash.h"

#include <advntk/host.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

struct advntk__hash; /* an XXH3_state_t by another name */

struct advntk__hash *advntk__hash_new(void)
{
    XXH3_state_t *s = XXH3_createState();
    if (s) {
        XXH3_128bits_reset(s);
    }
    return (struct advntk__hash *)s;
}

void advntk__hash_free(struct advntk__hash *h)
{
    XXH3_freeState((XXH3_state_t *)h);
}

void advntk__hash_add(struct advntk__hash *h, const void *bytes, size_t count)
{
    XXH3_128bits_update((XXH3_state_t *)h, bytes, count);
}

void advntk__hash_int(struct advntk__hash *h, int64_t value)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)((uint64_t)value >> (8 * i));
    }
    advntk__hash_add(h, bytes, sizeof(bytes));
}

void advntk__hash_ints(struct advntk__hash *h, ptrdiff_t count, const int64_t *values)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    advntk__hash_add(h, values, (size_t)count * sizeof(*values));
#else
    for (ptrdiff_t i = 0; i < count; i++) {
        advntk__hash_int(h, values[i]);
    }
#endif
}

void advntk__hash_text(struct advntk__hash *h, const char *text)
{
    advntk__hash_int(h, text ? (int64_t)strlen(text) : -1);
    if (text) {
        advntk__hash_add(h, text, strlen(text));
    }
}

void advntk__hash_real(struct advntk__hash *h, double value)
{
    int64_t bits;
    if (value == 0) {
        value = 0;
    } else if (isnan(value)) {
        value = (double)NAN;
    }
    memcpy(&bits, &value, sizeof(bits));
    advntk__hash_int(h, bits);
}

static void canonical(XXH128_hash_t hash, uint8_t digest[16])
{
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, hash);
    memcpy(digest, bytes.digest, 16);
}

void advntk__hash_end(struct advntk__hash *h, uint8_t digest[16])
{
    canonical(XXH3_128bits_digest((XXH3_state_t *)h), digest);
}

void advntk_hash_bytes(const void *data, size_t bytes, uint8_t digest[16])
{
    canonical(XXH3_128bits(data, bytes), digest);
}

void advntk__hash_hex(const uint8_t digest[16], char hex[33])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < 16; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[32] = '\0';
}
