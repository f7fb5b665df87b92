/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "store/part.h"

#include "base/try.h"
#include "store/cache.h"
#include "store/lock.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char lock_name[] = "lock", file_name[] = "unfinished.npy";

static bool is_ours(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, lock_name) == 0 ||
           strcmp(name, file_name) == 0 || advntk__cache_is_key(name);
}

/* Before anything is put there: what is in the folder is this program's. */
static advntk_status check_ours(const struct advntk__part *part, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    DIR *dir = NULL;
    struct dirent *at;
    struct stat st;

    if (lstat(part->folder, &st) == 0 && !S_ISDIR(st.st_mode)) {
        FAIL(err, EIO,
             "%s: is no folder, and unfinished work on %s would be kept there: move it away",
             part->folder, part->path);
    }
    dir = opendir(part->folder);
    if (!dir && errno != ENOENT) {
        FAIL(err, EIO, "%s: cannot read: %s", part->folder, strerror(errno));
    }
    while (dir && (at = readdir(dir))) {
        if (!is_ours(at->d_name)) {
            FAIL(err, EIO, "%s: holds '%s', and is for unfinished work on %s alone: move it away",
                 part->folder, at->d_name, part->path);
        }
    }
out:
    if (dir) {
        closedir(dir);
    }
    return rc;
}

/* The folder with its lock. Its parents are not made: a file's folder has to be there. */
static advntk_status take_folder(struct advntk__part *part, struct advntk_error *err)
{
    const bool made = mkdir(part->folder, 0777) == 0;
    char who[ADVNTK__LOCK_WHO];
    advntk_status rc = ADVNTK_OK;

    if (!made && errno != EEXIST) {
        FAIL(err, EIO, "%s: cannot write: %s", part->path, strerror(errno));
    }
    TRY(check_ours(part, err));
    TRY(advntk__lock_in_folder(part->folder, lock_name, false, &part->lock, who, err));
    if (part->lock < 0) {
        FAIL(err, EBUSY, "%s: is being computed by process %s (%s/%s)", part->path,
             *who ? who : "?", part->folder, lock_name);
    }
out:
    if (rc != ADVNTK_OK && made) {
        (void)rmdir(part->folder);
    }
    return rc;
}

static advntk_status begin_file(struct advntk__part *part, const struct advntk__part_setup *setup,
                                struct advntk_error *err)
{
    char *name = advntk__files_join(part->folder, file_name);
    advntk_status rc = ADVNTK_OK;

    if (!name) {
        FAIL(err, ENOMEM, "%s: no memory for a path", part->path);
    }
    TRY(advntk__npy_file_begin(&part->file, part->path, name, setup->dtype, setup->rank,
                               setup->shape, err));
out:
    free(name);
    return rc;
}

/* Removes the pieces but those of `key` (NULL: all). */
static advntk_status remove_pieces(const struct advntk__part *part, const char *key,
                                   ptrdiff_t *removed, struct advntk_error *err)
{
    struct advntk__cache_entry *entries = NULL;
    ptrdiff_t count = 0;
    advntk_status rc = ADVNTK_OK;

    *removed = 0;
    TRY(advntk__cache_list(part->folder, &entries, &count, err));
    for (ptrdiff_t i = 0; i < count; i++) {
        if (!key || strcmp(entries[i].key, key) != 0) {
            TRY(advntk__cache_remove(part->folder, entries[i].key, err));
            ++*removed;
        }
    }
out:
    free(entries);
    return rc;
}

static advntk_status remove_others(const struct advntk__part *part,
                                   const struct advntk__tiles_setup *pieces,
                                   struct advntk_error *err)
{
    char key[ADVNTK__CACHE_KEY];
    ptrdiff_t removed;
    advntk_status rc = ADVNTK_OK;

    if (pieces->count > 1) {
        advntk__hash_hex(pieces->key, key);
    }
    TRY(remove_pieces(part, pieces->count > 1 ? key : NULL, &removed, err));
    if (removed > 0) {
        advntk_log(part->host, ADVNTK_LOG_INFO,
                   "%s: is of other images, another network or another build; begins again",
                   part->folder);
    }
out:
    return rc;
}

static advntk_status open_pieces(struct advntk__part *part,
                                 const struct advntk__tiles_setup *pieces, struct advntk_error *err)
{
    const struct advntk__cache cache = {.folder = part->folder, .limit = INT64_MAX};
    ptrdiff_t there = 0;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__tiles_open(part->host, &cache, pieces, &part->tiles, err));
    for (ptrdiff_t i = 0; part->tiles && i < pieces->count; i++) {
        there += advntk__tiles_has(part->tiles, i);
    }
    if (there > 0) {
        advntk_log(part->host, ADVNTK_LOG_INFO, "goes on: %td of %td blocks of %s are there", there,
                   pieces->count, part->folder);
    }
out:
    return rc;
}

advntk_status advntk__part_open(struct advntk__part *part, struct advntk_host *host,
                                const struct advntk__part_setup *setup, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__text folder = {0};

    *part = (struct advntk__part){.host = host, .lock = -1};
    TRY(advntk__replacement_target(setup->path, &part->path, err));
    advntk__text_printf(&folder, "%s.part", part->path);
    if (folder.failed) {
        FAIL(err, ENOMEM, "%s: no memory for a path", part->path);
    }
    part->folder = folder.bytes;
    folder.bytes = NULL;
    TRY(take_folder(part, err));
    TRY(remove_others(part, &setup->pieces, err)); /* first: they take the room */
    TRY(begin_file(part, setup, err));
    if (setup->pieces.count > 1) {
        TRY(open_pieces(part, &setup->pieces, err));
    }
out:
    advntk__text_release(&folder);
    return rc;
}

static bool is_taken_away(const struct advntk__part *part)
{
    struct stat st;

    return fstat(part->lock, &st) != 0 || st.st_nlink == 0;
}

advntk_status advntk__part_check(const struct advntk__part *part, struct advntk_error *err)
{
    return is_taken_away(part) ? ADVNTK_FAIL(err, EIO, "%s: was taken away while %s was computed",
                                             part->folder, part->path)
                               : ADVNTK_OK;
}

/* All that is in the folder, the lock last, and the folder. */
static advntk_status remove_folder(const struct advntk__part *part, struct advntk_error *err)
{
    char *lock = advntk__files_join(part->folder, lock_name);
    ptrdiff_t removed;
    advntk_status rc = ADVNTK_OK;

    if (!lock) {
        FAIL(err, ENOMEM, "%s: no memory for a path", part->folder);
    }
    TRY(remove_pieces(part, NULL, &removed, err));
    if ((unlink(lock) != 0 || rmdir(part->folder) != 0) && errno != ENOENT && errno != ENOTEMPTY) {
        FAIL(err, EIO, "%s: cannot remove: %s", part->folder,
             strerror(errno)); /* not empty: somebody's, or in use anew */
    }
out:
    free(lock);
    return rc;
}

/* Whether pieces are on the disk, also those that could not be opened; says so. */
static bool says_kept(const struct advntk__part *part, struct advntk__text *kept)
{
    struct advntk__cache_entry *entries = NULL;
    ptrdiff_t count = 0, done = 0, all = 0;

    if (advntk__cache_list(part->folder, &entries, &count, NULL) != ADVNTK_OK) {
        return true;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        done += entries[i].done;
        all += entries[i].tiles;
    }
    free(entries);
    if (done > 0 && kept) {
        advntk__text_printf(kept, "%s%td of %td blocks in %s", kept->length ? ", " : "", done, all,
                            part->folder);
    }
    return done > 0;
}

advntk_status advntk__part_commit(struct advntk__part *part, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__part_check(part, err));
    TRY(advntk__npy_file_commit(&part->file, err));
out:
    return rc;
}

void advntk__part_close(struct advntk__part *part, bool keep, struct advntk__text *kept)
{
    struct advntk_error why;

    advntk__npy_file_abandon(&part->file);
    advntk__tiles_close(part->tiles);
    if (part->path && part->lock >= 0) {
        if (!is_taken_away(part) && !(keep && says_kept(part, kept)) &&
            remove_folder(part, &why) != ADVNTK_OK) {
            advntk_log(part->host, ADVNTK_LOG_WARNING, "%s", why.text);
        }
        close(part->lock);
    }
    free(part->path);
    free(part->folder);
    *part = (struct advntk__part){0};
}
