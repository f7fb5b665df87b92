/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "store/folder.h"

#include "base/files.h"
#include "base/text.h"
#include "base/try.h"
#include "store/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char lock_name[] = "lock";

void advntk__id_of(const uint8_t digest[16], char id[ADVNTK__ID])
{
    char hex[33];

    advntk__hash_hex(digest, hex);
    memcpy(id, hex, ADVNTK__ID - 1);
    id[ADVNTK__ID - 1] = '\0';
}

advntk_status advntk__folder_init(struct advntk__folder *folder, const char *results,
                                  const char *id, struct advntk_error *err)
{
    struct advntk__text path = {0};

    *folder = (struct advntk__folder){.lock = -1};
    snprintf(folder->id, sizeof(folder->id), "%s", id);
    advntk__text_printf(&path, "%s/runs/%s", results, folder->id);
    if (path.failed) {
        advntk__text_release(&path);
        return ADVNTK_FAIL(err, ENOMEM, "%s: no memory for a path", results);
    }
    folder->path = path.bytes;
    return ADVNTK_OK;
}

char *advntk__folder_file(const struct advntk__folder *folder, const char *a, const char *b)
{
    char *outer = advntk__files_join(folder->path, a), *inner;

    if (!outer || !b) {
        return outer;
    }
    inner = advntk__files_join(outer, b);
    free(outer);
    return inner;
}

enum advntk__run_state advntk__folder_state(const struct advntk__folder *folder)
{
    enum advntk__run_state state = ADVNTK__RUN_NONE;
    char *done = advntk__folder_file(folder, "run.json", NULL);
    char *begun = advntk__folder_file(folder, "recipe.yaml", NULL);

    if (done && access(done, F_OK) == 0) {
        state = ADVNTK__RUN_FINISHED;
    } else if (begun && access(begun, F_OK) == 0) {
        state = ADVNTK__RUN_INTERRUPTED;
    }
    free(done);
    free(begun);
    return state;
}

/* ---- removing ---- */

static advntk_status remove_tree(const char *path, bool temporaries_only, struct advntk_error *err);

/* NAME.PID.tmp (base/files.h), and what libzip makes of such a name: NAME.PID.tmp.XXXXXX */
static bool is_temporary(const char *name)
{
    const char *end = strstr(name, ".tmp");
    return end && end > name && (end[4] == '\0' || (end[4] == '.' && strlen(end) == 11));
}

static advntk_status remove_entry(const char *folder, const char *name, bool temporaries_only,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = advntk__files_join(folder, name);
    struct stat st;

    if (!path) {
        FAIL(err, ENOMEM, "%s: no memory for a path", folder);
    }
    if (lstat(path, &st) != 0) {
        goto out; /* another process was faster */
    }
    if (S_ISDIR(st.st_mode)) {
        TRY(remove_tree(path, temporaries_only, err));
    } else if ((!temporaries_only || is_temporary(name)) && unlink(path) != 0 && errno != ENOENT) {
        FAIL(err, EIO, "%s: cannot remove: %s", path, strerror(errno));
    }
out:
    free(path);
    return rc;
}

/* Depth is that of a run folder: two. */
static advntk_status remove_tree(const char *path, bool temporaries_only, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (!dir) {
        if (errno == ENOENT) {
            goto out;
        }
        FAIL(err, EIO, "%s: cannot open the folder: %s", path, strerror(errno));
    }
    while ((entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            TRY(remove_entry(path, entry->d_name, temporaries_only, err));
        }
    }
    if (!temporaries_only && rmdir(path) != 0) {
        FAIL(err, EIO, "%s: cannot remove: %s", path, strerror(errno));
    }
out:
    if (dir) {
        closedir(dir);
    }
    return rc;
}

advntk_status advntk__folder_remove(const struct advntk__folder *folder, const char *name,
                                    struct advntk_error *err)
{
    return remove_entry(folder->path, name, false, err);
}

static advntk_status make_parts(const struct advntk__folder *folder, struct advntk_error *err)
{
    static const char *const parts[] = {"evaluations", "checkpoint"};
    advntk_status rc = ADVNTK_OK;
    char *path = NULL;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        path = advntk__folder_file(folder, parts[i], NULL);
        if (!path) {
            FAIL(err, ENOMEM, "%s: no memory for a path", folder->path);
        }
        TRY(advntk__files_make_folder(path, err));
        free(path);
        path = NULL;
    }
out:
    free(path);
    return rc;
}

static advntk_status remove_parts(const struct advntk__folder *folder, size_t count,
                                  const char *const *parts, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (size_t i = 0; i < count; i++) {
        TRY(advntk__folder_remove(folder, parts[i], err));
    }
    TRY(make_parts(folder, err));
out:
    return rc;
}

/* In the order of removal; what is trained, then the rest. */
static const char *const all_parts[] = {"run.json",    "predictor.npz", "metrics.jsonl",
                                        "checkpoint",  "timing.jsonl",  "log.txt",
                                        "evaluations", "recipe.yaml"};
enum { TRAINED_PARTS = 4, ALL_PARTS = sizeof(all_parts) / sizeof(*all_parts) };

advntk_status advntk__folder_clear(const struct advntk__folder *folder, struct advntk_error *err)
{
    return remove_parts(folder, ALL_PARTS, all_parts, err);
}

advntk_status advntk__folder_untrain(const struct advntk__folder *folder, struct advntk_error *err)
{
    return remove_parts(folder, TRAINED_PARTS, all_parts, err);
}

/* ---- the lock ---- */

advntk_status advntk__folder_lock(struct advntk__folder *folder, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char who[ADVNTK__LOCK_WHO];

    TRY(advntk__lock_in_folder(folder->path, lock_name, false, &folder->lock, who, err));
    if (folder->lock < 0) {
        FAIL(err, EBUSY, "run %s is being computed by %s%s", folder->id,
             *who ? "process " : "another process", who);
    }
    TRY(remove_tree(folder->path, true, err));
    TRY(make_parts(folder, err));
out:
    return rc;
}

void advntk__folder_close(struct advntk__folder *folder)
{
    if (folder->lock >= 0) {
        char *path = advntk__folder_file(folder, lock_name, NULL);
        if (path) {
            unlink(path);
        }
        free(path);
        if (advntk__folder_state(folder) == ADVNTK__RUN_NONE) {
            rmdir(folder->path); /* nothing was begun: leave no empty folder */
        }
        close(folder->lock);
    }
    free(folder->path);
    *folder = (struct advntk__folder){.lock = -1};
}

/* ---- growing files ---- */

advntk_status advntk__append(const char *path, int64_t *length, const char *bytes, size_t count,
                             struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    size_t written = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    if (fd < 0) {
        FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
    while (written < count) {
        ssize_t got =
            pwrite(fd, bytes + written, count - written, (off_t)(*length + (int64_t)written));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            int code = got < 0 ? errno : ENOSPC;
            if (ftruncate(fd, (off_t)*length) != 0) {
                code = errno;
            }
            FAIL(err, EIO, "%s: cannot write: %s", path, strerror(code));
        }
        written += (size_t)got;
    }
    if (fsync(fd) != 0) {
        FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
    *length += (int64_t)count;
out:
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

advntk_status advntk__cut(const char *path, int64_t length, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

    if (fd < 0 || fstat(fd, &st) != 0) {
        FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
    if ((int64_t)st.st_size < length) {
        FAIL(err, EFORMAT, "%s: has %lld bytes, but the checkpoint was made at %lld: use --fresh",
             path, (long long)st.st_size, (long long)length);
    }
    if (st.st_size != (off_t)length && ftruncate(fd, (off_t)length) != 0) {
        FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* ---- finding ---- */

static bool is_id(const char *name)
{
    return strlen(name) == ADVNTK__ID - 1 && name[strspn(name, "0123456789abcdef")] == '\0';
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

advntk_status advntk__store_list(const char *results, char (**ids)[ADVNTK__ID], ptrdiff_t *count,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = advntk__files_join(results, "runs");
    DIR *dir = NULL;
    struct dirent *entry;
    char(*found)[ADVNTK__ID] = NULL;
    size_t have = 0, room = 0;

    *ids = NULL;
    *count = 0;
    if (!path) {
        FAIL(err, ENOMEM, "%s: no memory for a path", results);
    }
    dir = opendir(path);
    if (!dir && errno != ENOENT) {
        FAIL(err, EIO, "%s: cannot open the folder: %s", path, strerror(errno));
    }
    while (dir && (entry = readdir(dir))) {
        if (!is_id(entry->d_name)) {
            continue;
        }
        if (have == room) {
            char(*grown)[ADVNTK__ID];
            room = room ? 2 * room : 64;
            grown = realloc(found, room * sizeof(*found));
            if (!grown) {
                FAIL(err, ENOMEM, "%s: no memory for %zu names", path, room);
            }
            found = grown;
        }
        memcpy(found[have++], entry->d_name, ADVNTK__ID);
    }
    if (have > 1) {
        qsort(found, have, sizeof(*found), compare_ids);
    }
    *ids = found;
    *count = (ptrdiff_t)have;
    found = NULL;
out:
    if (dir) {
        closedir(dir);
    }
    free(found);
    free(path);
    return rc;
}

/* PATH/runs/ID, however it was written: the results folder is what stands before. */
static advntk_status find_folder(const char *text, struct advntk__folder *folder,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *path = realpath(text, NULL);
    const char *slash = path ? strrchr(path, '/') : NULL;

    *folder = (struct advntk__folder){.lock = -1};
    if (!slash || !is_id(slash + 1)) {
        FAIL(err, ENOTFOUND, "%s: is no run folder: expected RESULTS/runs/ID", text);
    }
    memcpy(folder->id, slash + 1, ADVNTK__ID);
    folder->path = path;
    path = NULL;
out:
    free(path);
    return rc;
}

advntk_status advntk__store_find(const char *results, const char *text,
                                 struct advntk__folder *folder, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char(*ids)[ADVNTK__ID] = NULL;
    ptrdiff_t count = 0, matches = 0, at = -1;
    size_t length = strlen(text);

    *folder = (struct advntk__folder){.lock = -1};
    if (strchr(text, '/')) {
        return find_folder(text, folder, err);
    }
    TRY(advntk__store_list(results, &ids, &count, err));
    for (ptrdiff_t i = 0; i < count && length > 0; i++) {
        if (strncmp(ids[i], text, length) == 0) {
            matches++;
            at = i;
        }
    }
    if (matches == 0) {
        FAIL(err, ENOTFOUND, "no run '%s' in %s/runs, which holds %td; 'advntk runs' lists them",
             text, results, count);
    }
    if (matches > 1) {
        FAIL(err, EINVALID, "run '%s': %td runs in %s/runs begin so: give more letters", text,
             matches, results);
    }
    TRY(advntk__folder_init(folder, results, ids[at], err));
out:
    free(ids);
    return rc;
}
