/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "tap.h"

#include "base/memory.h"

#include <stdint.h>

static bool is_aligned(const void *memory)
{
    return memory && (uintptr_t)memory % 64 == 0;
}

static void test_blocks(void)
{
    unsigned char *zero = advntk_alloc_zero(1000, 3);
    double *block = advntk_alloc(7, sizeof(*block));
    void *empty = advntk_alloc(0, 8);
    int set = 0;

    ok(is_aligned(block) && is_aligned(zero) && is_aligned(empty), "blocks are 64-byte aligned");
    for (int i = 0; zero && i < 3000; i++) {
        set += zero[i] != 0;
    }
    ok(zero && set == 0, "alloc_zero clears");
    advntk_free(zero);
    advntk_free(block);
    advntk_free(empty);
    advntk_free(NULL);

    ok(!advntk_alloc(-1, 8), "a negative count is refused");
    ok(!advntk_alloc(PTRDIFF_MAX, 16), "a product over the address space is refused");
    ok(!advntk_alloc_zero(PTRDIFF_MAX / 4, 16), "and one that would wrap around to a small number");
}

enum { PIECES = 400 };

static bool fill(struct advntk_arena *arena, unsigned char **pieces, const ptrdiff_t *sizes)
{
    for (int i = 0; i < PIECES; i++) {
        pieces[i] = advntk_arena_get(arena, sizes[i], 1);
        if (!is_aligned(pieces[i])) {
            return false;
        }
        memset(pieces[i], i & 255, (size_t)sizes[i]);
    }
    return true;
}

/* Pieces that overlapped would have overwritten each other. */
static int changed(unsigned char *const *pieces, const ptrdiff_t *sizes)
{
    int count = 0;
    for (int i = 0; i < PIECES; i++) {
        for (ptrdiff_t j = 0; j < sizes[i]; j++) {
            count += pieces[i][j] != (i & 255);
        }
    }
    return count;
}

static void test_arena(void)
{
    struct advntk_arena *arena = advntk__arena_new();
    unsigned char *pieces[PIECES] = {NULL}, *first;
    ptrdiff_t sizes[PIECES];
    char *text;

    for (int i = 0; i < PIECES; i++) {
        sizes[i] = (i * 7919) % 3000 + (i % 50 == 0 ? 200000 : 0); /* some larger than a chunk */
    }
    ok(fill(arena, pieces, sizes), "pieces are aligned");
    ok(changed(pieces, sizes) == 0, "pieces do not overlap");
    first = pieces[0];
    advntk__arena_clear(arena);
    ok(fill(arena, pieces, sizes) && changed(pieces, sizes) == 0, "nor after clear");
    ok(pieces[0] == first, "clear keeps the memory");
    ok(!advntk_arena_get(arena, -1, 1) && !advntk_arena_get(arena, PTRDIFF_MAX, 8),
       "impossible sizes are refused");
    ok(changed(pieces, sizes) == 0, "and leave the rest as it is");
    text = advntk__arena_text(arena, "pgd:10", 3);
    is_text(text, "pgd", "a copied text ends where asked");
    advntk__arena_free(arena);
    advntk__arena_free(NULL);
}

int main(void)
{
    test_blocks();
    test_arena();
    return done_testing();
}
