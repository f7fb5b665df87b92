/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Run folders: RESULTS/runs/<id>/. A run is finished when its run.json is there, which is written
 * last; until then it is interrupted and goes on from its checkpoint. Who computes a run holds the
 * lock of its folder, which the system lets go of when the process ends, however it ends.
 */
#ifndef ADVNTK_STORE_FOLDER_H
#define ADVNTK_STORE_FOLDER_H

#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADVNTK__ID = 17 }; /* 16 hexadecimal digits and NUL */

/* The first 64 bits of a digest as text. */
void advntk__id_of(const uint8_t digest[16], char id[ADVNTK__ID]);

enum advntk__run_state { ADVNTK__RUN_NONE, ADVNTK__RUN_INTERRUPTED, ADVNTK__RUN_FINISHED };

struct advntk__folder {
    char id[ADVNTK__ID];
    char *path; /* RESULTS/runs/<id> */
    int lock;   /* descriptor; -1: not held */
};

/* Sets the path; creates nothing. Free with advntk__folder_close. */
ADVNTK_MUST_CHECK advntk_status advntk__folder_init(struct advntk__folder *folder,
                                                    const char *results, const char *id,
                                                    struct advntk_error *err);
/* Creates the folder with its parts if need be, locks it, and removes what a killed process left
 * half-written. Fails: EBUSY naming the process, EIO. */
ADVNTK_MUST_CHECK advntk_status advntk__folder_lock(struct advntk__folder *folder,
                                                    struct advntk_error *err);
void advntk__folder_close(struct advntk__folder *folder); /* lets go of the lock */

enum advntk__run_state advntk__folder_state(const struct advntk__folder *folder);

/* "PATH/a" or, with b, "PATH/a/b"; malloc()ed. NULL: no memory. */
char *advntk__folder_file(const struct advntk__folder *folder, const char *a, const char *b);
/* Removes a file, or a folder with all that is in it; success if it is not there. */
ADVNTK_MUST_CHECK advntk_status advntk__folder_remove(const struct advntk__folder *folder,
                                                      const char *name, struct advntk_error *err);
/* Removes everything but the lock, run.json first: the run is none again, its parts empty. */
ADVNTK_MUST_CHECK advntk_status advntk__folder_clear(const struct advntk__folder *folder,
                                                     struct advntk_error *err);

/* Removes model, steps and record and keeps the evaluations: the run is to be trained again. */
ADVNTK_MUST_CHECK advntk_status advntk__folder_untrain(const struct advntk__folder *folder,
                                                       struct advntk_error *err);

/* A file that only grows (metrics.jsonl). *length is what it holds before and after; a write that
 * fails is taken back. */
ADVNTK_MUST_CHECK advntk_status advntk__append(const char *path, int64_t *length, const char *bytes,
                                               size_t count, struct advntk_error *err);
/* Cuts it back to `length` bytes (or creates it empty). Fails: EFORMAT (it is shorter). */
ADVNTK_MUST_CHECK advntk_status advntk__cut(const char *path, int64_t length,
                                            struct advntk_error *err);

/* The ids in RESULTS/runs, sorted; free ids with free(). No such folder: none. */
ADVNTK_MUST_CHECK advntk_status advntk__store_list(const char *results, char (**ids)[ADVNTK__ID],
                                                   ptrdiff_t *count, struct advntk_error *err);
/* A run by its id, a unique beginning of it, or a folder; *folder is initialised (not locked).
 * Fails: ENOTFOUND, EINVALID (several begin so). */
ADVNTK_MUST_CHECK advntk_status advntk__store_find(const char *results, const char *text,
                                                   struct advntk__folder *folder,
                                                   struct advntk_error *err);

#endif
