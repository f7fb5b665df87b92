/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/files.h"
#include "base/hash.h"
#include "base/try.h"

#include <advntk/host.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

advntk_status advntk__files_make_folder(const char *path, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *copy = strdup(path);
    struct stat st;

    if (!copy) {
        FAIL(err, ENOMEM, "%s: no memory for a path", path);
    }
    for (char *p = copy + (*copy == '/'); *p; p++) {
        if (*p != '/') {
            continue;
        }
        *p = '\0';
        if (*copy && mkdir(copy, 0777) != 0 && errno != EEXIST) {
            FAIL(err, EIO, "%s: cannot create the folder: %s", copy, strerror(errno));
        }
        *p = '/';
    }
    if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
        FAIL(err, EIO, "%s: cannot create the folder: %s", copy, strerror(errno));
    }
    if (stat(copy, &st) != 0 ? errno != ENOENT : !S_ISDIR(st.st_mode)) {
        FAIL(err, EIO, "%s: is not a folder", copy); /* ENOENT: its owner was faster */
    }
out:
    free(copy);
    return rc;
}

char *advntk__files_join(const char *folder, const char *name)
{
    size_t a = strlen(folder), b = strlen(name);
    char *path = malloc(a + b + 2);
    if (path) {
        snprintf(path, a + b + 2, "%s/%s", folder, name);
    }
    return path;
}

static advntk_status sync_folder_of(const char *path, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + (slash == path)) : strdup(".");
    int fd = -1;

    if (!folder) {
        FAIL(err, ENOMEM, "%s: no memory for a path", path);
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        FAIL(err, EIO, "%s: cannot open the folder: %s", folder, strerror(errno));
    }
    if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS) {
        FAIL(err, EIO, "%s: cannot flush the folder: %s", folder, strerror(errno));
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    free(folder);
    return rc;
}

/* What is no file (a folder, a device such as /dev/null, a pipe) would be gone after the rename, so
 * it is refused. */
advntk_status advntk__replacement_target(const char *path, char **target, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct stat st, link;
    bool there = stat(path, &st) == 0;

    if (there && !S_ISREG(st.st_mode)) {
        FAIL(err, EIO, "%s: cannot write: it is %s, expected a file or a new name", path,
             S_ISDIR(st.st_mode) ? "a folder" : "a device or a pipe");
    }
    *target = there && lstat(path, &link) == 0 && S_ISLNK(link.st_mode) ? realpath(path, NULL)
                                                                        : strdup(path);
    if (!*target) {
        FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
out:
    return rc;
}

/* "PATH.123.tmp", 123 the process. NULL: no memory. */
static char *name_beside(const char *path)
{
    size_t length = strlen(path) + 32;
    char *name = malloc(length);

    if (name) {
        snprintf(name, length, "%s.%ld.tmp", path, (long)getpid());
    }
    return name;
}

advntk_status advntk__replacement_begin(struct advntk__replacement *r, const char *path,
                                        struct advntk_error *err)
{
    return advntk__replacement_begin_as(r, path, NULL, err);
}

advntk_status advntk__replacement_begin_as(struct advntk__replacement *r, const char *path,
                                           const char *temporary, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    int fd = -1;

    *r = (struct advntk__replacement){0};
    TRY(advntk__replacement_target(path, &r->path, err));
    r->temporary = temporary ? strdup(temporary) : name_beside(r->path);
    if (!r->temporary) {
        FAIL(err, ENOMEM, "%s: no memory for a path", path);
    }
    fd = open(r->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
    r->file = fdopen(fd, "wb");
    if (!r->file) {
        close(fd);
        FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
out:
    if (rc != ADVNTK_OK) {
        advntk__replacement_abandon(r);
    }
    return rc;
}

advntk_status advntk__replacement_commit(struct advntk__replacement *r, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    int failed = fflush(r->file) != 0 || ferror(r->file) || fsync(fileno(r->file)) != 0;
    int code = errno;

    if (fclose(r->file) != 0 && !failed) {
        failed = 1;
        code = errno;
    }
    r->file = NULL;
    if (failed) {
        FAIL(err, EIO, "%s: cannot write: %s", r->path, strerror(code));
    }
    if (rename(r->temporary, r->path) != 0) {
        FAIL(err, EIO, "%s: cannot rename to %s: %s", r->temporary, r->path, strerror(errno));
    }
    free(r->temporary);
    r->temporary = NULL;
    TRY(sync_folder_of(r->path, err));
out:
    advntk__replacement_abandon(r);
    return rc;
}

void advntk__replacement_abandon(struct advntk__replacement *r)
{
    if (r->file) {
        fclose(r->file);
    }
    if (r->temporary) {
        unlink(r->temporary);
    }
    free(r->temporary);
    free(r->path);
    *r = (struct advntk__replacement){0};
}

advntk_status advntk__files_replace(const char *path, const void *bytes, size_t count,
                                    struct advntk_error *err)
{
    struct advntk__replacement r;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__replacement_begin(&r, path, err));
    if (count != 0 && fwrite(bytes, 1, count, r.file) != count) {
        rc = ADVNTK_FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
        advntk__replacement_abandon(&r);
        goto out;
    }
    TRY(advntk__replacement_commit(&r, err));
out:
    return rc;
}

/* Room for the first piece: the whole file where its size is known. */
static advntk_status open_file(const char *path, int *fd, size_t *room, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &st) != 0) {
        FAIL(err, EIO, "%s: %s", path, strerror(errno));
    }
    if (S_ISDIR(st.st_mode)) {
        FAIL(err, EIO, "%s: is a folder, expected a file", path);
    }
    *room = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size + 1 : 65536;
out:
    return rc;
}

advntk_status advntk__files_read(const char *path, size_t limit, char **bytes, size_t *count,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    char *buffer = NULL;
    size_t have = 0, room = 0;
    int fd = -1;

    TRY(open_file(path, &fd, &room, err));
    for (;;) {
        ssize_t got;
        if (have > limit) {
            FAIL(err, ELIMIT, "%s: is larger than the limit of %zu bytes", path, limit);
        }
        if (!buffer || have + 1 >= room) {
            char *grown;
            room = buffer ? room * 2 : room;
            if (room > limit + 2) {
                room = limit + 2;
            }
            grown = realloc(buffer, room);
            if (!grown) {
                FAIL(err, ENOMEM, "%s: no memory for %zu bytes", path, room);
            }
            buffer = grown;
        }
        got = read(fd, buffer + have, room - 1 - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            FAIL(err, EIO, "%s: cannot read: %s", path, strerror(errno));
        }
        if (got == 0) {
            break;
        }
        have += (size_t)got;
    }
    buffer[have] = '\0';
    *bytes = buffer;
    *count = have;
    buffer = NULL;
out:
    if (fd >= 0) {
        close(fd);
    }
    free(buffer);
    return rc;
}

advntk_status advntk__files_digest(const char *path, uint8_t digest[16], struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__hash *h = NULL;
    enum { PIECE = 1 << 16 };
    unsigned char *piece = malloc(PIECE);
    FILE *f = fopen(path, "rbe");
    size_t got;

    if (!f) {
        FAIL(err, EIO, "%s: %s", path, strerror(errno));
    }
    h = advntk__hash_new();
    if (!piece || !h) {
        FAIL(err, ENOMEM, "%s: no memory for its digest", path);
    }
    while ((got = fread(piece, 1, PIECE, f)) > 0) {
        advntk__hash_add(h, piece, got);
    }
    if (ferror(f)) {
        FAIL(err, EIO, "%s: cannot read: %s", path, strerror(errno));
    }
    advntk__hash_end(h, digest);
out:
    advntk__hash_free(h);
    if (f) {
        fclose(f);
    }
    free(piece);
    return rc;
}

advntk_status advntk_read_exactly(int file, const char *place, void *buffer, size_t bytes,
                                  int64_t offset, struct advntk_error *err)
{
    unsigned char *p = buffer;

    while (bytes > 0) {
        ssize_t got = pread(file, p, bytes, (off_t)offset);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ADVNTK_FAIL(err, EIO, "%s: cannot read: %s", place, strerror(errno));
        }
        if (got == 0) {
            return ADVNTK_FAIL(err, EFORMAT, "%s: ends at byte %jd, %zu bytes too early", place,
                               (intmax_t)offset, bytes);
        }
        p += got;
        offset += got;
        bytes -= (size_t)got;
    }
    return ADVNTK_OK;
}

int advntk__write_at(int file, const void *bytes, size_t count, int64_t offset)
{
    size_t done = 0;

    while (done < count) {
        ssize_t got =
            pwrite(file, (const char *)bytes + done, count - done, (off_t)offset + (off_t)done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got < 0 ? errno : ENOSPC;
        }
        done += (size_t)got;
    }
    return 0;
}
