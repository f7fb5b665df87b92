/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cache of tiles: what was written is read back, what is torn or damaged is not. */
#include "config.h"
#include "tap.h"

#include "base/files.h"
#include "base/host.h"
#include "scratch.h"
#include "store/cache.h"

#include <fcntl.h>

enum { TILES = 6, BYTES = 4096, NOTES = 1 };
static struct advntk_host *host;
static struct advntk__cache cache = {.limit = 1 << 20};
static const uint8_t key[16] = {1, 2, 3};

static struct advntk__tiles *open_entry(void)
{
    const struct advntk__tiles_setup setup = {.key = key,
                                              .kind = "kernel matrix",
                                              .rows = 3,
                                              .count = TILES,
                                              .bytes = BYTES,
                                              .notes = NOTES};
    struct advntk__tiles *tiles = NULL;
    struct advntk_error err;

    ok(advntk__tiles_open(host, &cache, &setup, &tiles, &err) == ADVNTK_OK, "opens");
    return tiles;
}

static void fill(unsigned char *tile, int number)
{
    for (int i = 0; i < BYTES; i++) {
        tile[i] = (unsigned char)(i * 7 + number * 31 + i / 256);
    }
}

/* How many tiles are there, each as it was written. */
static int count_good(struct advntk__tiles *tiles)
{
    unsigned char got[BYTES], want[BYTES];
    int count = 0;

    for (int i = 0; i < TILES; i++) {
        fill(want, i);
        if (advntk__tiles_get(tiles, i, got)) {
            count += memcmp(got, want, BYTES) == 0 ? 1 : 100;
        }
    }
    return count;
}

static void put(struct advntk__tiles *tiles, int number)
{
    unsigned char tile[BYTES];

    fill(tile, number);
    advntk__tiles_put(tiles, number, tile);
}

/* The path of a file of the one entry; lives until the next call. */
static const char *part(const char *name)
{
    static char path[1024];
    char hex[33];

    advntk__hash_hex(key, hex);
    snprintf(path, sizeof(path), "%s/%s/%s", cache.folder, hex, name);
    return path;
}

static void overwrite(const char *name, off_t at, const char *text)
{
    int fd = open(part(name), O_WRONLY);

    ok(fd >= 0 && pwrite(fd, text, strlen(text), at) == (ssize_t)strlen(text), "damage in %s",
       name);
    close(fd);
}

static void test_entry(void)
{
    struct advntk__tiles *tiles = open_entry();
    double note = 0;

    ok(count_good(tiles) == 0 && !advntk__tiles_note_get(tiles, 0, &note), "a new entry is empty");
    put(tiles, 4);
    put(tiles, 0);
    ok(count_good(tiles) == 2, "two tiles are there");
    advntk__tiles_close(tiles);
    tiles = open_entry();
    ok(count_good(tiles) == 2, "after opening it again too");
    for (int i = 0; i < TILES; i++) {
        put(tiles, i);
    }
    ok(!advntk__tiles_complete(tiles), "without its note it is not complete");
    advntk__tiles_note_put(tiles, 0, 0.1);
    ok(advntk__tiles_complete(tiles), "now it is");
    advntk__tiles_close(tiles);
    tiles = open_entry();
    ok(count_good(tiles) == TILES && advntk__tiles_note_get(tiles, 0, &note) && note == 0.1,
       "all is read back");
    advntk__tiles_close(tiles);
}

static void test_damage(void)
{
    struct advntk__tiles *tiles;
    ptrdiff_t damaged = 0;
    struct advntk_error err;
    char hex[33];

    advntk__hash_hex(key, hex);
    overwrite("tiles", 2 * BYTES + 100, "X");
    ok(advntk__cache_verify(cache.folder, hex, &damaged, &err) == ADVNTK_OK && damaged == 1,
       "verify finds a damaged tile");
    tiles = open_entry();
    ok(count_good(tiles) == TILES - 1, "a damaged tile is not there");
    put(tiles, 2);
    ok(count_good(tiles) == TILES, "until it is written again");
    advntk__tiles_close(tiles);
    overwrite("index", 3 * ADVNTK__TILES_RECORD + 20, "torn");
    tiles = open_entry();
    ok(count_good(tiles) == 3 - 1, "of a torn index counts what stands before"); /* 4, 0, 0 */
    put(tiles, 5);
    advntk__tiles_close(tiles);
    tiles = open_entry();
    ok(count_good(tiles) == 5, "written over, it no longer hides those behind it");
    advntk__tiles_close(tiles);
}

/* What a kill leaves behind: nobody's damage, and nothing that stays in the way. */
static void test_killed(void)
{
    struct advntk__cache_entry *entries = NULL;
    struct advntk__tiles *tiles;
    ptrdiff_t damaged = -1, count = 0;
    struct advntk_error err;
    char hex[33];
    FILE *file;

    advntk__hash_hex(key, hex);
    ok(unlink(part("about.json")) == 0, "killed before about.json is written");
    ok(advntk__cache_verify(cache.folder, hex, &damaged, &err) == ADVNTK_OK && damaged == 0,
       "verify finds no damage");
    tiles = open_entry();
    ok(count_good(tiles) == 5, "the entry is gone on with");
    advntk__tiles_close(tiles);
    ok(advntk__cache_verify(cache.folder, hex, &damaged, &err) == ADVNTK_OK && damaged == 0,
       "and good");
    ok(advntk__cache_list(cache.folder, &entries, &count, &err) == ADVNTK_OK && count == 1 &&
           entries[0].tiles == TILES,
       "it says again what it is");
    free(entries);
    file = fopen(part("about.json.4711.tmp"), "w");
    ok(file && fclose(file) == 0, "killed while about.json is written");
}

static void test_limits(void)
{
    const struct advntk__cache small = {.folder = cache.folder, .limit = BYTES};
    struct advntk__cache_entry *entries = NULL;
    struct advntk_error err;
    ptrdiff_t count = 0, removed = 0;
    int64_t freed = 0;
    struct advntk__tiles *tiles;

    ok(advntk__cache_make_room(&small, 2 * BYTES, &err) == ADVNTK_ELIMIT, "more than the limit: %s",
       err.text);
    tiles = open_entry();
    ok(advntk__cache_prune(cache.folder, 0, &removed, &freed, &err) == ADVNTK_OK && removed == 0,
       "what is in use is not pruned");
    advntk__tiles_close(tiles);
    ok(advntk__cache_list(cache.folder, &entries, &count, &err) == ADVNTK_OK && count == 1 &&
           entries[0].tiles == TILES && strcmp(entries[0].kind, "kernel matrix") == 0,
       "it is listed");
    free(entries);
    ok(advntk__cache_prune(cache.folder, 0, &removed, &freed, &err) == ADVNTK_OK && removed == 1 &&
           freed >= TILES * BYTES,
       "then it is");
    ok(rmdir(cache.folder) == 0, "and nothing is left");
}

int main(void)
{
    struct advntk_error err;

    if (advntk__host_new(1, &host, &err) != ADVNTK_OK) {
        return 1;
    }
    scratch_make();
    cache.folder = strdup(scratch("cache"));
    test_entry();
    test_damage();
    test_killed();
    test_limits();
    free(cache.folder);
    advntk__host_free(host);
    scratch_remove();
    return done_testing();
}
