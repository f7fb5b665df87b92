/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files written so that a crash leaves either the old or the new one, never half of one. */
#ifndef ADVNTK_BASE_FILES_H
#define ADVNTK_BASE_FILES_H

#include <advntk/status.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Creates a folder and its parents (mode 0777 less the umask); success if it is there already. */
ADVNTK_MUST_CHECK advntk_status advntk__files_make_folder(const char *path,
                                                          struct advntk_error *err);

/* Temporary name beside `path`, write, fsync, rename, fsync of the folder. A link's target is
 * replaced, not the link. Fails: EIO, also where there is something that is no file. */
ADVNTK_MUST_CHECK advntk_status advntk__files_replace(const char *path, const void *bytes,
                                                      size_t count, struct advntk_error *err);

/* The same in two steps, for writers that stream: begin gives an open FILE, commit finishes,
 * abandon removes. After begin exactly one of the two must follow. */
struct advntk__replacement {
    FILE *file;
    char *path, *temporary;
};
ADVNTK_MUST_CHECK advntk_status advntk__replacement_begin(struct advntk__replacement *r,
                                                          const char *path,
                                                          struct advntk_error *err);
/* The same with a name of one's own for the unfinished file, in the same file system. */
ADVNTK_MUST_CHECK advntk_status advntk__replacement_begin_as(struct advntk__replacement *r,
                                                             const char *path,
                                                             const char *temporary,
                                                             struct advntk_error *err);
/* The file that is replaced: `path`, or the target of a link; free() it. Fails: EIO (no file). */
ADVNTK_MUST_CHECK advntk_status advntk__replacement_target(const char *path, char **target,
                                                           struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__replacement_commit(struct advntk__replacement *r,
                                                           struct advntk_error *err);
void advntk__replacement_abandon(struct advntk__replacement *r);

/* The whole file, with a NUL behind; *bytes is free()d by the caller. Over `limit` bytes: ELIMIT.
 */
ADVNTK_MUST_CHECK advntk_status advntk__files_read(const char *path, size_t limit, char **bytes,
                                                   size_t *count, struct advntk_error *err);

ADVNTK_MUST_CHECK advntk_status advntk__files_digest(const char *path, uint8_t digest[16],
                                                     struct advntk_error *err);

/* malloc()ed "folder/name"; NULL: no memory. */
char *advntk__files_join(const char *folder, const char *name);

/* All of the bytes at that place of an open file; any thread. 0 or an error number. */
int advntk__write_at(int file, const void *bytes, size_t count, int64_t offset);

void advntk__hash_hex(const uint8_t digest[16], char hex[33]);

#endif
