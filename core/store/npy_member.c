/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One array of an .npz archive, read in place: where a member is stored without compression it lies
 * in the archive as in a file of its own, so it can be read piece by piece like one. Source: PKWARE
 * APPNOTE 6.3, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.16 (its end), 4.5.3
 * (zip64).
 */
#include "config.h"

#include "base/try.h"
#include "store/npy_format.h"

#include <advntk/host.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    ENTRY_BYTES = 46,
    LOCAL_BYTES = 30,
    COMMENT_MAX = 65535,
    DIRECTORY_MAX = 64 << 20
};
static const uint64_t end_mark = 0x06054b50, end64_mark = 0x06064b50, locator_mark = 0x07064b50,
                      entry_mark = 0x02014b50, local_mark = 0x04034b50, in_zip64 = 0xffffffff;

struct archive {
    const char *path, *member; /* member: "NAME.npy" */
    int descriptor;
    uint64_t size;
    unsigned char *directory;
    uint64_t directory_offset, directory_bytes;
    uint64_t local, stored; /* of the member: offset of its local header, bytes */
    uint64_t method;        /* 0: stored as it is */
};

static uint64_t little(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    while (count-- > 0) {
        value = value << 8 | bytes[count];
    }
    return value;
}

static advntk_status damaged(const struct archive *a, const char *what, struct advntk_error *err)
{
    return ADVNTK_FAIL(err, EFORMAT, "%s: is no archive of arrays (.npz): %s", a->path, what);
}

static advntk_status get(const struct archive *a, uint64_t offset, void *bytes, size_t count,
                         struct advntk_error *err)
{
    if (offset > a->size || count > a->size - offset) {
        return damaged(a, "it ends early", err);
    }
    return advntk_read_exactly(a->descriptor, a->path, bytes, count, (int64_t)offset, err);
}

/* Where the directory lies: its end stands last in the file, but for a comment. */
static advntk_status find_directory(struct archive *a, struct advntk_error *err)
{
    size_t have = a->size < END_BYTES + COMMENT_MAX ? (size_t)a->size : END_BYTES + COMMENT_MAX;
    unsigned char *tail = malloc(have + 1), end64[END64_BYTES], locator[LOCATOR_BYTES];
    ptrdiff_t at = (ptrdiff_t)have - END_BYTES;
    advntk_status rc = ADVNTK_OK;

    if (!tail) {
        FAIL(err, ENOMEM, "%s: no memory to read it", a->path);
    }
    TRY(get(a, a->size - have, tail, have, err));
    while (at >= 0 && little(tail + at, 4) != end_mark) {
        at--;
    }
    if (at < 0) {
        TRY(damaged(a, "it has no directory", err));
    }
    a->directory_bytes = little(tail + at + 12, 4);
    a->directory_offset = little(tail + at + 16, 4);
    if (a->directory_offset == in_zip64 || a->directory_bytes == in_zip64) {
        uint64_t end = a->size - have + (uint64_t)at;
        TRY(get(a, end < LOCATOR_BYTES ? a->size : end - LOCATOR_BYTES, locator, sizeof(locator),
                err));
        if (little(locator, 4) != locator_mark) {
            TRY(damaged(a, "its large directory is missing", err));
        }
        TRY(get(a, little(locator + 8, 8), end64, sizeof(end64), err));
        if (little(end64, 4) != end64_mark) {
            TRY(damaged(a, "its large directory is missing", err));
        }
        a->directory_bytes = little(end64 + 40, 8);
        a->directory_offset = little(end64 + 48, 8);
    }
out:
    free(tail);
    return rc;
}

/* Sizes and offset of an entry that do not fit into 32 bits stand in its extra field 1, in this
 * order, those that fit left out. */
static void take_zip64(struct archive *a, uint64_t full, const unsigned char *extra, size_t bytes)
{
    while (bytes >= 4) {
        size_t id = (size_t)little(extra, 2), length = (size_t)little(extra + 2, 2), at = 4;
        if (length > bytes - 4) {
            return;
        }
        if (id == 1) {
            at += full == in_zip64 ? 8 : 0;
            if (a->stored == in_zip64 && at + 8 <= length + 4) {
                a->stored = little(extra + at, 8);
                at += 8;
            }
            if (a->local == in_zip64 && at + 8 <= length + 4) {
                a->local = little(extra + at, 8);
            }
        }
        extra += length + 4;
        bytes -= length + 4;
    }
}

static advntk_status find_member(struct archive *a, struct advntk_error *err)
{
    size_t left = (size_t)a->directory_bytes, wanted = strlen(a->member);
    const unsigned char *entry = a->directory;
    advntk_status rc = ADVNTK_OK;

    while (left >= ENTRY_BYTES && little(entry, 4) == entry_mark) {
        size_t name = (size_t)little(entry + 28, 2), extra = (size_t)little(entry + 30, 2);
        size_t all = ENTRY_BYTES + name + extra + (size_t)little(entry + 32, 2);
        if (all > left) {
            TRY(damaged(a, "its directory ends early", err));
        }
        if (name == wanted && memcmp(entry + ENTRY_BYTES, a->member, name) == 0) {
            a->method = little(entry + 10, 2);
            a->stored = little(entry + 20, 4);
            a->local = little(entry + 42, 4);
            take_zip64(a, little(entry + 24, 4), entry + ENTRY_BYTES + name, extra);
            goto out;
        }
        entry += all;
        left -= all;
    }
    FAIL(err, ENOTFOUND, "%s: has no array %.*s", a->path, (int)(wanted - strlen(".npy")),
         a->member);
out:
    return rc;
}

static advntk_status open_member(struct archive *a, struct advntk_npy *npy,
                                 struct advntk_error *err)
{
    unsigned char local[LOCAL_BYTES], *head = NULL;
    char place[512];
    uint64_t offset;
    size_t have;
    advntk_status rc = ADVNTK_OK;

    if (a->method != 0) {
        FAIL(err, EFORMAT, "%s: array %s is compressed, expected it as numpy.savez writes it",
             a->path, a->member);
    }
    TRY(get(a, a->local, local, sizeof(local), err));
    if (little(local, 4) != local_mark) {
        TRY(damaged(a, "an array is not where its directory says", err));
    }
    offset = a->local + LOCAL_BYTES + little(local + 26, 2) + little(local + 28, 2);
    if (offset > a->size || a->stored > a->size - offset) {
        TRY(damaged(a, "it ends early", err));
    }
    have = a->stored < ADVNTK__NPY_HEADER_MAX ? (size_t)a->stored : ADVNTK__NPY_HEADER_MAX;
    head = malloc(have + 1);
    if (!head) {
        FAIL(err, ENOMEM, "%s: no memory for a header", a->path);
    }
    TRY(get(a, offset, head, have, err));
    snprintf(place, sizeof(place), "%s: %s", a->path, a->member);
    TRY(advntk__npy_parse(place, head, have, a->stored, npy, err));
    npy->data_offset += (int64_t)offset;
out:
    free(head);
    return rc;
}

advntk_status advntk_npy_open_member(struct advntk_npy *npy, const char *path, const char *name,
                                     struct advntk_error *err)
{
    char member[256];
    struct archive a = {.path = path, .member = member, .descriptor = -1};
    struct stat st;
    advntk_status rc = ADVNTK_OK;

    *npy = (struct advntk_npy){.descriptor = -1};
    snprintf(member, sizeof(member), "%s.npy", name);
    a.descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (a.descriptor < 0 || fstat(a.descriptor, &st) != 0) {
        FAIL(err, EIO, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        FAIL(err, EIO, "%s: is not a file", path);
    }
    a.size = (uint64_t)st.st_size;
    TRY(find_directory(&a, err));
    if (a.directory_bytes > DIRECTORY_MAX) {
        TRY(damaged(&a, "its directory is too large", err));
    }
    a.directory = malloc((size_t)a.directory_bytes + 1);
    if (!a.directory) {
        FAIL(err, ENOMEM, "%s: no memory for its directory", path);
    }
    TRY(get(&a, a.directory_offset, a.directory, (size_t)a.directory_bytes, err));
    TRY(find_member(&a, err));
    TRY(open_member(&a, npy, err));
    npy->descriptor = a.descriptor;
    a.descriptor = -1;
out:
    if (a.descriptor >= 0) {
        close(a.descriptor);
    }
    free(a.directory);
    return rc;
}
