/* SPDX-License-Identifier: GPL-3.0-or-later */
/* XXH3-128 of a sequence of values, for content ids. Not cryptographic: ids guard against
 * accidents. */
#ifndef ADVNTK_BASE_HASH_H
#define ADVNTK_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct advntk__hash;
struct advntk__hash *advntk__hash_new(void); /* NULL: no memory */
void advntk__hash_free(struct advntk__hash *h);
void advntk__hash_add(struct advntk__hash *h, const void *bytes, size_t count);
void advntk__hash_text(struct advntk__hash *h,
                       const char *text); /* length and bytes; NULL differs from "" */
void advntk__hash_int(struct advntk__hash *h, int64_t value); /* 8 bytes, little-endian */
void advntk__hash_ints(struct advntk__hash *h, ptrdiff_t count,
                       const int64_t *values);                /* each in turn */
void advntk__hash_real(struct advntk__hash *h, double value); /* its bits; -0 as 0, any NaN alike */
void advntk__hash_end(struct advntk__hash *h, uint8_t digest[16]); /* may be followed by more */

#endif
