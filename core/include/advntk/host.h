/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the host gives every plugin: log, progress, cancellation, threads with scratch memory, and
 * the dense linear algebra of the chosen backend.
 *
 * Plugins start no threads of their own, print nothing, and call no BLAS directly.
 */
#ifndef ADVNTK_HOST_H
#define ADVNTK_HOST_H

#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_host;
struct advntk_arena;

enum advntk_log_level { ADVNTK_LOG_ERROR, ADVNTK_LOG_WARNING, ADVNTK_LOG_INFO, ADVNTK_LOG_DEBUG };

/* One line, without a newline at its end. host may be NULL: then stderr. */
void advntk_log(struct advntk_host *host, enum advntk_log_level level, const char *format, ...)
    ADVNTK_PRINTF(3, 4);

/* Says that `done` of `total` units of the work called `what` are finished; cheap, call it often. */
void advntk_progress(struct advntk_host *host, const char *what, int64_t done, int64_t total);

/* ECANCELLED once the user asked to stop (Ctrl-C, SIGTERM); call it between units of work. */
ADVNTK_MUST_CHECK advntk_status advntk_cancelled(const struct advntk_host *host, struct advntk_error *err);

uint64_t advntk_host_seed(const struct advntk_host *host);   /* the run's seed */
int advntk_host_threads(const struct advntk_host *host);
int advntk_host_isa(const struct advntk_host *host);         /* ADVNTK_ISA_...: the one to use */
const struct advntk_backend_ops *advntk_host_backend(const struct advntk_host *host);
void *advntk_host_backend_state(const struct advntk_host *host);

/* A growing scratch memory; what it hands out is 64-byte aligned and lives until the arena is
 * cleared by its owner. NULL: no memory. */
void *advntk_arena_get(struct advntk_arena *arena, ptrdiff_t count, size_t size);

/*
 * Calls fn(context, i, arena, err) for i = 0..count-1, some at the same time, each i once. The arena
 * is that thread's own and is cleared before each call. Returns the error of the smallest failing i;
 * after a failure or a cancellation the remaining calls are skipped. Results must not depend on the
 * order: sums over i are the caller's to form afterwards, in index order.
 */
typedef advntk_status (*advntk_parallel_fn)(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                            struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk_parallel_for(struct advntk_host *host, ptrdiff_t count,
                                                    advntk_parallel_fn fn, void *context,
                                                    struct advntk_error *err);

/* Aligned memory (64 bytes), sizes checked for overflow, not cleared. NULL: no memory; free with advntk_free. */
void *advntk_alloc(ptrdiff_t count, size_t size);
void *advntk_alloc_zero(ptrdiff_t count, size_t size);
void advntk_free(void *memory);

/* Reads exactly `bytes` at `offset` of an open file; place names it in errors. Fails: EIO, EFORMAT (it ends too early). */
ADVNTK_MUST_CHECK advntk_status advntk_read_exactly(int file, const char *place, void *buffer, size_t bytes, int64_t offset, struct advntk_error *err);

/* XXH3-128 of memory, in the library's canonical (big-endian) byte order. */
void advntk_hash_bytes(const void *data, size_t bytes, uint8_t digest[16]);

#ifdef __cplusplus
}
#endif
#endif
