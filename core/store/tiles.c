/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "store/tiles.h"

#include "base/files.h"
#include "base/text.h"
#include "base/try.h"
#include "store/cache.h"
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A record of the index; a note is the record of a tile behind the last, its number in `digest`. */
enum { RECORD = ADVNTK__TILES_RECORD, CHECKED = 24 };
static const struct timespec pause_between = {.tv_nsec = 100000000};

struct advntk__tiles {
    struct advntk_host *host; /* borrowed */
    char *folder;
    int lock, data, index;
    bool writable;
    ptrdiff_t count, records; /* records: tiles, then notes */
    size_t bytes;
    bool *have;            /* records */
    uint8_t (*digest)[16]; /* records */
    off_t end;             /* of the index */
    pthread_mutex_t guard; /* of have, end, writable */
};

static void put64(unsigned char *to, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        to[i] = (unsigned char)(value >> (8 * i));
    }
}

static uint64_t get64(const unsigned char *from)
{
    uint64_t value = 0;

    for (int i = 7; i >= 0; i--) {
        value = value << 8 | from[i];
    }
    return value;
}

static bool read_at(int fd, void *bytes, size_t count, off_t at)
{
    return advntk_read_exactly(fd, "tiles", bytes, count, (int64_t)at, NULL) == ADVNTK_OK;
}

/* ---- the index ---- */

/* What the index says; a torn record and what follows it is written over. */
static void index_read(struct advntk__tiles *t)
{
    unsigned char record[RECORD];
    uint8_t check[16];

    for (t->end = 0; read_at(t->index, record, RECORD, t->end); t->end += RECORD) {
        uint64_t at = get64(record);
        advntk_hash_bytes(record, CHECKED, check);
        if (memcmp(record + CHECKED, check, RECORD - CHECKED) != 0 || at >= (uint64_t)t->records) {
            return;
        }
        t->have[at] = true;
        memcpy(t->digest[at], record + 8, 16);
    }
}

/* Adds a record; 0 or an error number. With the guard held. */
static int index_add(struct advntk__tiles *t, ptrdiff_t at)
{
    unsigned char record[RECORD];
    uint8_t check[16];
    int code;

    put64(record, (uint64_t)at);
    memcpy(record + 8, t->digest[at], 16);
    advntk_hash_bytes(record, CHECKED, check);
    memcpy(record + CHECKED, check, RECORD - CHECKED);
    code = advntk__write_at(t->index, record, RECORD, t->end);
    if (code == 0) {
        t->end += RECORD;
        t->have[at] = true;
    }
    return code;
}

/* ---- opening ---- */

static int open_part(const struct advntk__tiles *t, const char *name, int flags)
{
    char *path = advntk__files_join(t->folder, name);
    int fd = path ? open(path, flags | O_CLOEXEC, 0666) : -1;

    free(path);
    return fd;
}

static advntk_status write_about(const struct advntk__tiles *t,
                                 const struct advntk__tiles_setup *setup, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    json_t *about =
        json_pack("{s:i, s:s, s:I, s:I, s:I, s:i, s:s?}", "format", 1, "kind", setup->kind, "rows",
                  (json_int_t)setup->rows, "tiles", (json_int_t)setup->count, "tile_bytes",
                  (json_int_t)setup->bytes, "notes", setup->notes, "of", setup->about);
    char *text = about ? json_dumps(about, JSON_INDENT(2)) : NULL;
    char *path = advntk__files_join(t->folder, ADVNTK__CACHE_ABOUT);

    if (!text || !path) {
        FAIL(err, ENOMEM, "no memory for a cache entry");
    }
    TRY(advntk__files_replace(path, text, strlen(text), err));
out:
    json_decref(about);
    free(text);
    free(path);
    return rc;
}

/* Files for a new or unfinished entry. Fails: EIO where there is no room. */
static advntk_status open_to_write(struct advntk__tiles *t, const struct advntk__cache *cache,
                                   const struct advntk__tiles_setup *setup,
                                   struct advntk_error *err)
{
    const off_t all = (off_t)setup->count * (off_t)setup->bytes;
    char *about = advntk__files_join(t->folder, ADVNTK__CACHE_ABOUT);
    advntk_status rc = ADVNTK_OK;
    struct stat st;
    int code;

    t->data = open_part(t, "tiles", O_RDWR | O_CREAT);
    t->index = open_part(t, "index", O_RDWR | O_CREAT);
    if (t->data < 0 || t->index < 0 || fstat(t->data, &st) != 0) {
        FAIL(err, EIO, "%s: cannot write: %s", t->folder, strerror(errno));
    }
    if (!about) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    if (access(about, F_OK) != 0) { /* first of all, or a kill leaves tiles that nobody can read */
        TRY(write_about(t, setup, err));
    }
    if (st.st_size != all) {
        TRY(advntk__cache_make_room(cache, (int64_t)all, err));
        code = posix_fallocate(t->data, 0, all); /* so that a full disk shows now */
        if (code != 0) {
            (void)ftruncate(t->data, 0);
            FAIL(err, EIO, "%s: no room for %lld bytes: %s", t->folder, (long long)all,
                 strerror(code));
        }
    }
    t->writable = true;
out:
    free(about);
    return rc;
}

/* With a lock that can be had now; *again: another process computes the entry. */
static advntk_status open_once(struct advntk__tiles *t, const struct advntk__cache *cache,
                               const struct advntk__tiles_setup *setup, bool *again,
                               char who[ADVNTK__LOCK_WHO], struct advntk_error *err)
{
    char other[ADVNTK__LOCK_WHO];
    advntk_status rc = ADVNTK_OK;

    *again = false;
    TRY(advntk__lock_in_folder(t->folder, ADVNTK__CACHE_LOCK, false, &t->lock, who, err));
    if (t->lock >= 0) {
        TRY(open_to_write(t, cache, setup, err));
        index_read(t);
        if (advntk__tiles_complete(t)) { /* others may read it too */
            advntk__tiles_share(t);
        }
        goto out;
    }
    TRY(advntk__lock_in_folder(t->folder, ADVNTK__CACHE_LOCK, true, &t->lock, other, err));
    if (t->lock < 0) {
        *again = true;
        goto out;
    }
    t->data = open_part(t, "tiles", O_RDONLY);
    t->index = open_part(t, "index", O_RDONLY);
    if (t->data < 0 || t->index < 0) {
        FAIL(err, EIO, "%s: cannot read: %s", t->folder, strerror(errno));
    }
    index_read(t);
out:
    return rc;
}

static advntk_status open_entry(struct advntk__tiles *t, const struct advntk__cache *cache,
                                const struct advntk__tiles_setup *setup, struct advntk_error *err)
{
    char who[ADVNTK__LOCK_WHO];
    bool again = true, said = false;
    advntk_status rc = ADVNTK_OK;

    while (again) {
        TRY(advntk_cancelled(t->host, err));
        TRY(open_once(t, cache, setup, &again, who, err));
        if (again && !said) {
            advntk_log(t->host, ADVNTK_LOG_INFO, "waiting for the %s that process %s computes",
                       setup->kind, who);
            said = true;
        }
        if (again) {
            nanosleep(&pause_between, NULL);
        }
    }
    (void)futimens(t->index, NULL); /* the last use, for prune */
out:
    return rc;
}

/* Memory, and no file opened. */
static advntk_status entry_new(const char *folder, const char *key, ptrdiff_t count, size_t bytes,
                               int notes, struct advntk__tiles **tiles, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__tiles *t = calloc(1, sizeof(*t));

    if (!t) {
        FAIL(err, ENOMEM, "no memory for a cache entry");
    }
    *t = (struct advntk__tiles){.lock = -1,
                                .data = -1,
                                .index = -1,
                                .count = count,
                                .records = count + notes,
                                .bytes = bytes};
    pthread_mutex_init(&t->guard, NULL);
    t->folder = advntk__files_join(folder, key);
    t->have = calloc((size_t)t->records, sizeof(*t->have));
    t->digest = calloc((size_t)t->records, sizeof(*t->digest));
    if (!t->folder || !t->have || !t->digest) {
        FAIL(err, ENOMEM, "no memory for a cache entry of %td tiles", t->count);
    }
    *tiles = t;
    t = NULL;
out:
    advntk__tiles_close(t);
    return rc;
}

advntk_status advntk__tiles_open(struct advntk_host *host, const struct advntk__cache *cache,
                                 const struct advntk__tiles_setup *setup,
                                 struct advntk__tiles **tiles, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__tiles *t = NULL;
    struct advntk_error why;
    char name[ADVNTK__CACHE_KEY];

    *tiles = NULL;
    advntk__hash_hex(setup->key, name);
    TRY(entry_new(cache->folder, name, setup->count, setup->bytes, setup->notes, &t, err));
    t->host = host;
    rc = open_entry(t, cache, setup, &why);
    if (rc == ADVNTK_EIO || rc == ADVNTK_ELIMIT) {
        advntk_log(host, ADVNTK_LOG_WARNING, "the %s is not cached: %s", setup->kind, why.text);
        rc = ADVNTK_OK;
        goto out;
    }
    if (rc != ADVNTK_OK) {
        if (err) {
            *err = why;
        }
        goto out;
    }
    *tiles = t;
    t = NULL;
out:
    advntk__tiles_close(t);
    return rc;
}

advntk_status advntk__tiles_verify(const char *folder, const char *key, ptrdiff_t count,
                                   size_t bytes, int notes, ptrdiff_t *damaged,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__tiles *t = NULL;
    void *memory = NULL;
    uint8_t digest[16];
    struct stat st;

    *damaged = 0;
    TRY(entry_new(folder, key, count, bytes, notes, &t, err));
    memory = advntk_alloc(1, bytes);
    t->data = open_part(t, "tiles", O_RDONLY);
    t->index = open_part(t, "index", O_RDONLY);
    if (!memory || t->data < 0 || t->index < 0 || fstat(t->index, &st) != 0) {
        FAIL(err, EIO, "%s: cannot read: %s", t->folder, strerror(errno));
    }
    index_read(t);
    *damaged = (ptrdiff_t)((st.st_size - t->end) / RECORD);
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!t->have[i]) {
            continue;
        }
        if (!read_at(t->data, memory, bytes, (off_t)i * (off_t)bytes)) {
            ++*damaged;
            continue;
        }
        advntk_hash_bytes(memory, bytes, digest);
        *damaged += memcmp(digest, t->digest[i], sizeof(digest)) != 0;
    }
out:
    advntk_free(memory);
    advntk__tiles_close(t);
    return rc;
}

void advntk__tiles_close(struct advntk__tiles *t)
{
    if (!t) {
        return;
    }
    if (t->data >= 0) {
        close(t->data);
    }
    if (t->index >= 0) {
        close(t->index);
    }
    if (t->lock >= 0) {
        close(t->lock);
    }
    pthread_mutex_destroy(&t->guard);
    free(t->folder);
    free(t->have);
    free(t->digest);
    free(t);
}

/* ---- tiles ---- */

bool advntk__tiles_has(const struct advntk__tiles *t, ptrdiff_t tile)
{
    return t->have[tile];
}

bool advntk__tiles_get(struct advntk__tiles *t, ptrdiff_t tile, void *memory)
{
    uint8_t digest[16];

    if (!t->have[tile]) {
        return false;
    }
    if (read_at(t->data, memory, t->bytes, (off_t)tile * (off_t)t->bytes)) {
        advntk_hash_bytes(memory, t->bytes, digest);
        if (memcmp(digest, t->digest[tile], sizeof(digest)) == 0) {
            return true;
        }
    }
    advntk_log(t->host, ADVNTK_LOG_WARNING, "%s: tile %td is damaged; it is computed again",
               t->folder, tile);
    return false;
}

/* With the guard held. */
static void record_add(struct advntk__tiles *t, ptrdiff_t at)
{
    int code = index_add(t, at);

    if (code != 0) {
        t->writable = false;
        advntk_log(t->host, ADVNTK_LOG_WARNING, "%s: cannot write: %s; the rest is not cached",
                   t->folder, strerror(code));
    }
}

void advntk__tiles_put(struct advntk__tiles *t, ptrdiff_t tile, const void *memory)
{
    int code;

    if (!t->writable) {
        return;
    }
    code = advntk__write_at(t->data, memory, t->bytes, (off_t)tile * (off_t)t->bytes);
    advntk_hash_bytes(memory, t->bytes, t->digest[tile]);
    pthread_mutex_lock(&t->guard);
    if (code != 0 && t->writable) {
        t->writable = false;
        advntk_log(t->host, ADVNTK_LOG_WARNING, "%s: cannot write: %s; the rest is not cached",
                   t->folder, strerror(code));
    }
    if (t->writable) {
        record_add(t, tile);
    }
    pthread_mutex_unlock(&t->guard);
}

bool advntk__tiles_note_get(const struct advntk__tiles *t, int note, double *value)
{
    ptrdiff_t at = t->count + note;

    if (t->have[at]) {
        memcpy(value, t->digest[at], sizeof(*value));
    }
    return t->have[at];
}

void advntk__tiles_note_put(struct advntk__tiles *t, int note, double value)
{
    ptrdiff_t at = t->count + note;

    pthread_mutex_lock(&t->guard);
    if (t->writable) {
        memset(t->digest[at], 0, sizeof(t->digest[at]));
        memcpy(t->digest[at], &value, sizeof(value));
        record_add(t, at);
    }
    pthread_mutex_unlock(&t->guard);
}

bool advntk__tiles_complete(const struct advntk__tiles *t)
{
    for (ptrdiff_t i = 0; i < t->records; i++) {
        if (!t->have[i]) {
            return false;
        }
    }
    return true;
}

void advntk__tiles_share(struct advntk__tiles *t)
{
    struct flock share = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    (void)fcntl(t->lock, F_OFD_SETLK, &share);
}
