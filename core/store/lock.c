/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "store/lock.h"

#include "base/files.h"
#include "base/try.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void read_owner(int fd, char who[ADVNTK__LOCK_WHO])
{
    ssize_t got = pread(fd, who, ADVNTK__LOCK_WHO - 1, 0);

    who[got > 0 ? got : 0] = '\0';
    who[strcspn(who, "\n")] = '\0';
}

/* Whether the file still has its name: its last owner may have removed it. */
static bool is_named(int fd, const char *path)
{
    struct stat mine, named;

    return fstat(fd, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino &&
           mine.st_dev == named.st_dev;
}

static advntk_status write_owner(int fd, const char *path, struct advntk_error *err)
{
    char who[ADVNTK__LOCK_WHO];
    int length = snprintf(who, sizeof(who), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, who, (size_t)length, 0) != length) {
        return ADVNTK_FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
    return ADVNTK_OK;
}

/* *again: the file lost its name while it was being locked. */
static advntk_status lock_once(const char *path, bool shared, int *fd, char who[ADVNTK__LOCK_WHO],
                               bool *again, struct advntk_error *err)
{
    struct flock range = {.l_type = shared ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
    advntk_status rc = ADVNTK_OK;
    int opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    *fd = -1;
    *again = false;
    if (opened < 0 && errno == ENOENT) {
        FAIL(err, ENOTFOUND, "%s: its folder is gone", path);
    }
    if (opened < 0) {
        FAIL(err, EIO, "%s: cannot write: %s", path, strerror(errno));
    }
    if (fcntl(opened, F_OFD_SETLK, &range) != 0) {
        if (errno == EAGAIN || errno == EACCES) {
            read_owner(opened, who);
            goto out;
        }
        FAIL(err, EIO, "%s: cannot lock: %s", path, strerror(errno));
    }
    if (!is_named(opened, path)) {
        *again = true;
        goto out;
    }
    if (!shared) {
        TRY(write_owner(opened, path, err));
    }
    *fd = opened;
    opened = -1;
out:
    if (opened >= 0) {
        close(opened);
    }
    return rc;
}

advntk_status advntk__lock_try(const char *path, bool shared, int *fd, char who[ADVNTK__LOCK_WHO],
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    bool again = true;

    who[0] = '\0';
    while (again) {
        TRY(lock_once(path, shared, fd, who, &again, err));
    }
out:
    return rc;
}

advntk_status advntk__lock_in_folder(const char *folder, const char *name, bool shared, int *fd,
                                     char who[ADVNTK__LOCK_WHO], struct advntk_error *err)
{
    enum { TRIES = 100 };
    char *path = advntk__files_join(folder, name);
    advntk_status rc = ADVNTK_ENOTFOUND;

    if (!path) {
        FAIL(err, ENOMEM, "%s: no memory for a path", folder);
    }
    for (int i = 0; i < TRIES && rc == ADVNTK_ENOTFOUND; i++) {
        TRY(advntk__files_make_folder(folder, err));
        rc = advntk__lock_try(path, shared, fd, who, err);
    }
    if (rc == ADVNTK_ENOTFOUND) {
        FAIL(err, EIO, "%s: the folder is taken away as often as it is made", folder);
    }
out:
    free(path);
    return rc;
}
