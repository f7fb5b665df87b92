/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "store/cache.h"

#include "base/files.h"
#include "base/text.h"
#include "base/try.h"
#include "store/lock.h"

#include <advntk/host.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* Left for everything else on the disk: results, logs, other programs. */
static const int64_t spare = INT64_C(256) << 20;

enum { ABOUT_LIMIT = 1 << 16 };

bool advntk__cache_is_key(const char *name)
{
    return strlen(name) == ADVNTK__CACHE_KEY - 1 && name[strspn(name, "0123456789abcdef")] == '\0';
}

static char *file_of(const char *folder, const char *key, const char *name)
{
    char *entry = advntk__files_join(folder, key);
    char *path = entry ? advntk__files_join(entry, name) : NULL;

    free(entry);
    return path;
}

static int64_t bytes_on_disk(const char *path, double *used)
{
    struct stat st;

    if (!path || stat(path, &st) != 0) {
        return 0;
    }
    if (used) {
        *used = (double)st.st_mtim.tv_sec + 1e-9 * (double)st.st_mtim.tv_nsec;
    }
    return (int64_t)st.st_blocks * 512;
}

static void read_about(const char *path, struct advntk__cache_entry *entry, json_int_t *tile_bytes,
                       json_int_t *notes)
{
    char *bytes = NULL;
    size_t count = 0;
    json_t *about = NULL;
    const char *kind, *of;

    if (path && advntk__files_read(path, ABOUT_LIMIT, &bytes, &count, NULL) == ADVNTK_OK) {
        about = json_loadb(bytes, count, 0, NULL);
    }
    kind = json_string_value(json_object_get(about, "kind"));
    of = json_string_value(json_object_get(about, "of"));
    snprintf(entry->kind, sizeof(entry->kind), "%s", kind ? kind : "");
    snprintf(entry->about, sizeof(entry->about), "%s", of ? of : "");
    entry->rows = json_integer_value(json_object_get(about, "rows"));
    entry->tiles = (ptrdiff_t)json_integer_value(json_object_get(about, "tiles"));
    *tile_bytes = json_integer_value(json_object_get(about, "tile_bytes"));
    *notes = json_integer_value(json_object_get(about, "notes"));
    json_decref(about);
    free(bytes);
}

static advntk_status describe(const char *folder, const char *key,
                              struct advntk__cache_entry *entry, struct advntk_error *err)
{
    char *about = file_of(folder, key, ADVNTK__CACHE_ABOUT), *tiles = file_of(folder, key, "tiles"),
         *index = file_of(folder, key, "index");
    json_int_t tile_bytes, notes;
    struct stat st;
    advntk_status rc = ADVNTK_OK;

    *entry = (struct advntk__cache_entry){0};
    if (!about || !tiles || !index) {
        FAIL(err, ENOMEM, "%s: no memory for its list", folder);
    }
    snprintf(entry->key, sizeof(entry->key), "%.*s", (int)sizeof(entry->key) - 1, key);
    read_about(about, entry, &tile_bytes, &notes);
    entry->bytes = bytes_on_disk(about, NULL) + bytes_on_disk(tiles, NULL) +
                   bytes_on_disk(index, &entry->used);
    if (stat(index, &st) == 0) {
        entry->done = (ptrdiff_t)(st.st_size / ADVNTK__TILES_RECORD);
    }
    entry->done = entry->done < entry->tiles ? entry->done : entry->tiles;
out:
    free(about);
    free(tiles);
    free(index);
    return rc;
}

static int by_use(const void *a, const void *b)
{
    const struct advntk__cache_entry *x = a, *y = b;

    return x->used < y->used ? -1 : x->used > y->used ? 1 : strcmp(x->key, y->key);
}

advntk_status advntk__cache_list(const char *folder, struct advntk__cache_entry **entries,
                                 ptrdiff_t *count, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    DIR *dir = opendir(folder);
    struct advntk__cache_entry *list = NULL, *grown;
    struct dirent *at;
    size_t have = 0;

    *entries = NULL;
    *count = 0;
    if (!dir && errno != ENOENT) {
        FAIL(err, EIO, "%s: cannot open the folder: %s", folder, strerror(errno));
    }
    while (dir && (at = readdir(dir))) {
        if (!advntk__cache_is_key(at->d_name)) {
            continue;
        }
        grown = realloc(list, (have + 1) * sizeof(*list));
        if (!grown) {
            FAIL(err, ENOMEM, "%s: no memory for its list", folder);
        }
        list = grown;
        TRY(describe(folder, at->d_name, &list[have++], err));
    }
    if (have > 1) {
        qsort(list, have, sizeof(*list), by_use);
    }
    *entries = list;
    *count = (ptrdiff_t)have;
    list = NULL;
out:
    if (dir) {
        closedir(dir);
    }
    free(list);
    return rc;
}

/* ---- one entry ---- */

advntk_status advntk__cache_find(const char *folder, const uint8_t key[16],
                                 struct advntk__cache_entry *entry, struct advntk_error *err)
{
    char hex[ADVNTK__CACHE_KEY];

    advntk__hash_hex(key, hex);
    return describe(folder, hex, entry, err);
}

double advntk__cache_read_seconds(const char *folder, const struct advntk__cache_entry *entry)
{
    char *path = file_of(folder, entry->key, "tiles");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    size_t bytes = entry->tiles ? (size_t)(entry->bytes / entry->tiles) : 0;
    void *tile = bytes ? malloc(bytes) : NULL;
    uint8_t digest[16];
    double seconds = 0;
    struct timespec start, end;

    clock_gettime(CLOCK_MONOTONIC, &start);
    if (fd >= 0 && tile && pread(fd, tile, bytes, 0) > 0) {
        advntk_hash_bytes(tile, bytes, digest);
        clock_gettime(CLOCK_MONOTONIC, &end);
        seconds =
            (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec);
    }
    if (fd >= 0) {
        close(fd);
    }
    free(tile);
    free(path);
    return seconds * (double)entry->done;
}

/* Its lock, alone: nobody reads or writes it until *fd is closed. */
static advntk_status take(const char *folder, const char *key, int *fd, struct advntk_error *err)
{
    char *path = file_of(folder, key, ADVNTK__CACHE_LOCK), who[ADVNTK__LOCK_WHO];
    advntk_status rc = ADVNTK_OK;

    *fd = -1;
    if (!path) {
        FAIL(err, ENOMEM, "%s: no memory for a path", folder);
    }
    TRY(advntk__lock_try(path, false, fd, who, err));
    if (*fd < 0) {
        FAIL(err, EBUSY, "%s/%s: is in use%s%s", folder, key, *who ? ", last by process " : "",
             who);
    }
out:
    free(path);
    return rc;
}

advntk_status advntk__cache_verify(const char *folder, const char *key, ptrdiff_t *damaged,
                                   struct advntk_error *err)
{
    struct advntk__cache_entry entry;
    char *about = file_of(folder, key, ADVNTK__CACHE_ABOUT);
    json_int_t tile_bytes = 0, notes = 0;
    int fd = -1;
    advntk_status rc = ADVNTK_OK;

    *damaged = 0;
    TRY(take(folder, key, &fd, err));
    if (about && access(about, F_OK) != 0 && errno == ENOENT) { /* killed before it held anything */
        goto out;
    }
    read_about(about, &entry, &tile_bytes, &notes);
    if (entry.tiles < 1 || tile_bytes < 1 || notes < 0) {
        FAIL(err, EFORMAT, "%s/%s/%s: cannot be read", folder, key, ADVNTK__CACHE_ABOUT);
    }
    TRY(advntk__tiles_verify(folder, key, entry.tiles, (size_t)tile_bytes, (int)notes, damaged,
                             err));
out:
    if (fd >= 0) {
        close(fd);
    }
    free(about);
    return rc;
}

/* What is in an entry's folder but its lock. */
static advntk_status remove_files(const char *entry, struct advntk_error *err)
{
    DIR *dir = opendir(entry);
    struct dirent *at;
    char *path = NULL;
    advntk_status rc = ADVNTK_OK;

    if (!dir) {
        FAIL(err, EIO, "%s: cannot open the folder: %s", entry, strerror(errno));
    }
    while ((at = readdir(dir))) {
        if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0 ||
            strcmp(at->d_name, ADVNTK__CACHE_LOCK) == 0) {
            continue;
        }
        path = advntk__files_join(entry, at->d_name);
        if (!path || unlink(path) != 0) {
            FAIL(err, EIO, "%s/%s: cannot remove: %s", entry, at->d_name, strerror(errno));
        }
        free(path);
        path = NULL;
    }
out:
    if (dir) {
        closedir(dir);
    }
    free(path);
    return rc;
}

advntk_status advntk__cache_remove(const char *folder, const char *key, struct advntk_error *err)
{
    char *entry = advntk__files_join(folder, key), *index = file_of(folder, key, "index"),
         *lock = file_of(folder, key, ADVNTK__CACHE_LOCK);
    int fd = -1;
    advntk_status rc = ADVNTK_OK;

    if (!entry || !index || !lock) {
        FAIL(err, ENOMEM, "%s: no memory for a path", folder);
    }
    TRY(take(folder, key, &fd, err));
    if (unlink(index) != 0 && errno != ENOENT) { /* first: without it the tiles are none */
        FAIL(err, EIO, "%s: cannot remove: %s", index, strerror(errno));
    }
    TRY(remove_files(entry, err));
    if ((unlink(lock) != 0 || rmdir(entry) != 0) && errno != ENOENT && errno != ENOTEMPTY) {
        FAIL(err, EIO, "%s: cannot remove: %s", entry,
             strerror(errno)); /* not empty: in use anew */
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    free(entry);
    free(index);
    free(lock);
    return rc;
}

/* ---- size ---- */

advntk_status advntk__cache_prune(const char *folder, int64_t limit, ptrdiff_t *removed,
                                  int64_t *freed, struct advntk_error *err)
{
    struct advntk__cache_entry *entries = NULL;
    ptrdiff_t count = 0;
    int64_t all = 0;
    advntk_status rc = ADVNTK_OK;

    *removed = 0;
    *freed = 0;
    TRY(advntk__cache_list(folder, &entries, &count, err));
    for (ptrdiff_t i = 0; i < count; i++) {
        all += entries[i].bytes;
    }
    for (ptrdiff_t i = 0; i < count && all > limit; i++) {
        rc = advntk__cache_remove(folder, entries[i].key, err);
        if (rc == ADVNTK_OK || rc == ADVNTK_ENOTFOUND) { /* or another process removed it */
            *removed += rc == ADVNTK_OK;
            *freed += rc == ADVNTK_OK ? entries[i].bytes : 0;
            all -= entries[i].bytes;
        } else if (rc != ADVNTK_EBUSY) {
            goto out;
        }
        rc = ADVNTK_OK;
    }
out:
    free(entries);
    return rc;
}

advntk_status advntk__cache_make_room(const struct advntk__cache *cache, int64_t bytes,
                                      struct advntk_error *err)
{
    struct statvfs disk;
    ptrdiff_t removed;
    int64_t freed;
    advntk_status rc = ADVNTK_OK;

    if (bytes > cache->limit) {
        FAIL(err, ELIMIT, "%lld MiB are more than the cache may hold (%lld MiB, --cache)",
             (long long)(bytes >> 20), (long long)(cache->limit >> 20));
    }
    TRY(advntk__cache_prune(cache->folder, cache->limit - bytes, &removed, &freed, err));
    if (statvfs(cache->folder, &disk) == 0 &&
        (double)disk.f_bavail * (double)disk.f_frsize < (double)(bytes + spare)) {
        FAIL(err, ELIMIT, "%lld MiB and %lld to spare are more than the disk has free",
             (long long)(bytes >> 20), (long long)(spare >> 20));
    }
out:
    return rc;
}
