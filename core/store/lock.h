/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Locks on files: open file description locks, which die with the process, however it ends, and
 * which also keep two threads apart that opened the file by themselves.
 */
#ifndef ADVNTK_STORE_LOCK_H
#define ADVNTK_STORE_LOCK_H

#include <advntk/status.h>
#include <stdbool.h>

enum { ADVNTK__LOCK_WHO = 32 };

/*
 * Takes the lock of a file, which is created if need be. *fd: close it to let go; -1: others have
 * it, and who is the process that wrote last ("" where unknown). shared: with other shared ones.
 * The owner of an exclusive lock may remove the file while it holds it. Fails: EIO; ENOTFOUND (no
 * such folder).
 */
ADVNTK_MUST_CHECK advntk_status advntk__lock_try(const char *path, bool shared, int *fd,
                                                 char who[ADVNTK__LOCK_WHO],
                                                 struct advntk_error *err);

/* The same for a file of a folder, which is made if need be, also where another process, whose own
 * it was, takes it away in between. Fails: EIO, ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__lock_in_folder(const char *folder, const char *name,
                                                       bool shared, int *fd,
                                                       char who[ADVNTK__LOCK_WHO],
                                                       struct advntk_error *err);

#endif
