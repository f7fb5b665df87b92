/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, FIRST_CHUNK = 64 * 1024 };

static int bytes_of(ptrdiff_t count, size_t size, size_t *bytes)
{
    size_t n = (size_t)count;
    if (count < 0 || (size != 0 && n > (SIZE_MAX / 2 - ALIGNMENT) / size)) {
        return -1;
    }
    *bytes = (n * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (*bytes == 0) {
        *bytes = ALIGNMENT;
    }
    return 0;
}

void *advntk_alloc(ptrdiff_t count, size_t size)
{
    size_t bytes;
    return bytes_of(count, size, &bytes) ? NULL : aligned_alloc(ALIGNMENT, bytes);
}

void *advntk_alloc_zero(ptrdiff_t count, size_t size)
{
    size_t bytes;
    void *memory;
    if (bytes_of(count, size, &bytes)) {
        return NULL;
    }
    memory = aligned_alloc(ALIGNMENT, bytes);
    if (memory) {
        memset(memory, 0, bytes);
    }
    return memory;
}

void advntk_free(void *memory)
{
    free(memory);
}

/* Chunks of doubling size; clear keeps them all and starts at the first again. */
struct chunk {
    struct chunk *next;
    size_t size, used;
    unsigned char *memory;
};

struct advntk_arena {
    struct chunk *first, *current;
};

struct advntk_arena *advntk__arena_new(void)
{
    return calloc(1, sizeof(struct advntk_arena));
}

void advntk__arena_free(struct advntk_arena *arena)
{
    struct chunk *c, *next;
    if (!arena) {
        return;
    }
    for (c = arena->first; c; c = next) {
        next = c->next;
        free(c->memory);
        free(c);
    }
    free(arena);
}

void advntk__arena_clear(struct advntk_arena *arena)
{
    for (struct chunk *c = arena->first; c; c = c->next) {
        c->used = 0;
    }
    arena->current = arena->first;
}

static struct chunk *chunk_new(size_t size)
{
    struct chunk *c = calloc(1, sizeof(*c));
    if (!c) {
        return NULL;
    }
    c->memory = aligned_alloc(ALIGNMENT, size);
    if (!c->memory) {
        free(c);
        return NULL;
    }
    c->size = size;
    return c;
}

void *advntk_arena_get(struct advntk_arena *arena, ptrdiff_t count, size_t size)
{
    size_t bytes, want = FIRST_CHUNK;
    struct chunk *c, *last = NULL;
    unsigned char *memory;

    if (bytes_of(count, size, &bytes)) {
        return NULL;
    }
    for (c = arena->current; c && c->size - c->used < bytes; c = c->next) {
        last = c;
    }
    if (!c) {
        if (last) {
            want = last->size * 2;
        }
        if (want < bytes) {
            want = bytes;
        }
        c = chunk_new(want);
        if (!c) {
            return NULL;
        }
        if (last) {
            last->next = c;
        } else {
            arena->first = c;
        }
    }
    arena->current = c;
    memory = c->memory + c->used;
    c->used += bytes;
    return memory;
}

char *advntk__arena_text(struct advntk_arena *arena, const char *text, size_t length)
{
    char *copy = advntk_arena_get(arena, (ptrdiff_t)length + 1, 1);
    if (copy) {
        memcpy(copy, text, length);
        copy[length] = '\0';
    }
    return copy;
}
