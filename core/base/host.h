/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The host object that plugins hold an opaque pointer to, and the services of advntk/host.h. */
#ifndef ADVNTK_BASE_HOST_H
#define ADVNTK_BASE_HOST_H

#include <advntk/host.h>
#include <signal.h>
#include <stdio.h>

struct advntk__cache;        /* core/store */
struct advntk__run_services; /* core/run: what method.h offers; NULL outside a run */

/* Where log lines and progress go; the functions are called by one thread at a time. */
struct advntk__sink {
    void (*log)(void *context, enum advntk_log_level level, const char *line);
    void (*progress)(void *context, const char *what, int64_t done, int64_t total);
    /* Of a study of several runs, and what is done of the piece at hand; left: seconds, < 0: not
     * known. NULL: progress is told of pieces. */
    void (*study)(void *context, ptrdiff_t over, ptrdiff_t runs, double left, const char *what,
                  int64_t done, int64_t total);
    void *context;
};

struct advntk_host {
    uint64_t seed;
    int threads, isa;
    const struct advntk_backend_ops *backend; /* borrowed */
    void *backend_state;                      /* borrowed */
    struct advntk__sink sink;                 /* NULL functions: stderr, no progress */
    const volatile sig_atomic_t *cancel;      /* borrowed; NULL: never cancelled */
    struct advntk_arena **arenas;             /* one a thread */
    struct advntk__run_services *services;    /* borrowed */
    const struct advntk__cache
        *cache; /* core/store, borrowed; NULL: nothing is kept between runs */
    /* What its threads put there and read so far: a tile at a time, beside others; or all at once,
     * by the clock and of processors. */
    int64_t kept_nanoseconds, kept_bytes;
    double kept_seconds[2];
    /* What Cholesky factors took so far, by the clock and of processors: their work grows as n^3,
     * unlike all else of a step. */
    double factor_seconds[2];
    uint8_t program[16]; /* digest of libadvntk's file; zeros: not asked for */
};

/* threads <= 0: as many as the process may use. ISA: the best of this machine, or ADVNTK_ISA.
 * Fails: EINVALID (ADVNTK_ISA names none or one that this machine lacks), ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__host_new(int threads, struct advntk_host **host,
                                                 struct advntk_error *err);
void advntk__host_free(struct advntk_host *host);

const char *advntk__isa_name(int isa);

/* Of the file that this library was loaded from. Fails: EIO. */
ADVNTK_MUST_CHECK advntk_status advntk__program_digest(uint8_t digest[16],
                                                       struct advntk_error *err);

/* Adds (sign 1) or takes away (-1) what clock and processors of the program show, in seconds: both
 * in turns book what lies between them. */
void advntk__seconds_add(double seconds[2], int sign);

/* Books bytes that the calling thread has put into the cache or read there since `started`. */
int64_t advntk__thread_nanoseconds(void);
void advntk__kept_add(struct advntk_host *host, int64_t started, size_t bytes);

#endif
