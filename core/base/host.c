/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/host.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/try.h"

#include <advntk/isa.h>
#include <dlfcn.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static const char *const isa_names[ADVNTK_ISA_COUNT] = {"portable", "avx2", "avx512"};

const char *advntk__isa_name(int isa)
{
    return isa >= 0 && isa < ADVNTK_ISA_COUNT ? isa_names[isa] : "unknown";
}

static int isa_best(void)
{
#if defined(__GNUC__) && defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
        return ADVNTK_ISA_AVX512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        return ADVNTK_ISA_AVX2;
    }
#endif
    return ADVNTK_ISA_PORTABLE;
}

static advntk_status isa_choose(int *isa, struct advntk_error *err)
{
    const char *forced = getenv("ADVNTK_ISA");
    int best = isa_best();

    *isa = best;
    if (!forced || !*forced) {
        return ADVNTK_OK;
    }
    for (int i = 0; i < ADVNTK_ISA_COUNT; i++) {
        if (strcmp(forced, isa_names[i]) == 0) {
            if (i > best) {
                return ADVNTK_FAIL(err, EINVALID, "ADVNTK_ISA=%s: this machine has %s at most",
                                   forced, isa_names[best]);
            }
            *isa = i;
            return ADVNTK_OK;
        }
    }
    return ADVNTK_FAIL(err, EINVALID, "ADVNTK_ISA=%s: expected portable, avx2 or avx512", forced);
}

static int threads_available(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) {
        return CPU_COUNT(&set);
    }
    return 1;
}

advntk_status advntk__host_new(int threads, struct advntk_host **host, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_host *h = calloc(1, sizeof(*h));

    if (!h) {
        FAIL(err, ENOMEM, "no memory for the host");
    }
    TRY(isa_choose(&h->isa, err));
    h->threads = threads > 0 ? threads : threads_available();
#ifndef _OPENMP
    h->threads = 1;
#endif
    h->arenas = calloc((size_t)h->threads, sizeof(*h->arenas));
    if (!h->arenas) {
        FAIL(err, ENOMEM, "no memory for the scratch space of %d threads", h->threads);
    }
    for (int i = 0; i < h->threads; i++) {
        h->arenas[i] = advntk__arena_new();
        if (!h->arenas[i]) {
            FAIL(err, ENOMEM, "no memory for the scratch space of %d threads", h->threads);
        }
    }
    *host = h;
    h = NULL;
out:
    advntk__host_free(h);
    return rc;
}

advntk_status advntk__program_digest(uint8_t digest[16], struct advntk_error *err)
{
    static const char here;
    Dl_info info;

    if (dladdr(&here, &info) == 0 || !info.dli_fname) {
        return ADVNTK_FAIL(err, EIO, "the file of this program is unknown");
    }
    return advntk__files_digest(info.dli_fname, digest, err);
}

void advntk__host_free(struct advntk_host *host)
{
    if (!host) {
        return;
    }
    for (int i = 0; host->arenas && i < host->threads; i++) {
        advntk__arena_free(host->arenas[i]);
    }
    free(host->arenas);
    free(host);
}

void advntk_log(struct advntk_host *host, enum advntk_log_level level, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
#ifdef _OPENMP
#pragma omp critical(advntk_sink)
#endif
    {
        if (host && host->sink.log) {
            host->sink.log(host->sink.context, level, line);
        } else if (level <= ADVNTK_LOG_WARNING) {
            fprintf(stderr, "advntk: %s\n", line);
        }
    }
}

void advntk_progress(struct advntk_host *host, const char *what, int64_t done, int64_t total)
{
    if (!host || !host->sink.progress) {
        return;
    }
#ifdef _OPENMP
#pragma omp critical(advntk_sink)
#endif
    host->sink.progress(host->sink.context, what, done, total);
}

advntk_status advntk_cancelled(const struct advntk_host *host, struct advntk_error *err)
{
    /* a signal handler on one thread sets what all threads read */
    if (host && host->cancel && __atomic_load_n(host->cancel, __ATOMIC_RELAXED)) {
        return ADVNTK_FAIL(err, ECANCELLED, "interrupted");
    }
    return ADVNTK_OK;
}

uint64_t advntk_host_seed(const struct advntk_host *host)
{
    return host->seed;
}

int advntk_host_threads(const struct advntk_host *host)
{
    return host->threads;
}

int advntk_host_isa(const struct advntk_host *host)
{
    return host->isa;
}

const struct advntk_backend_ops *advntk_host_backend(const struct advntk_host *host)
{
    return host->backend;
}

void *advntk_host_backend_state(const struct advntk_host *host)
{
    return host->backend_state;
}

struct loop {
    struct advntk_host *host;
    advntk_parallel_fn fn;
    void *context;
    ptrdiff_t failed; /* smallest index that failed */
    struct advntk_error first;
};

/* How many loops this thread stands in: the inner ones run on it alone, with scratch of their own.
 */
static _Thread_local int loop_depth;

static void run_one(struct loop *loop, ptrdiff_t i, struct advntk_arena *arena)
{
    struct advntk_error mine = {.status = ADVNTK_OK};
    advntk_status rc;
    ptrdiff_t limit;

#ifdef _OPENMP
#pragma omp atomic read
#endif
    limit = loop->failed;
    if (i > limit) {
        return;
    }
    rc = advntk_cancelled(loop->host, &mine);
    if (rc == ADVNTK_OK) {
        advntk__arena_clear(arena);
        loop_depth++;
        rc = loop->fn(loop->context, i, arena, &mine);
        loop_depth--;
    }
    if (rc != ADVNTK_OK) {
#ifdef _OPENMP
#pragma omp critical(advntk_parallel_failure)
#endif
        if (i < loop->failed) {
#ifdef _OPENMP
#pragma omp atomic write
#endif
            loop->failed = i;
            mine.status = rc;
            loop->first = mine;
        }
    }
}

static void run_all(struct loop *loop, ptrdiff_t count)
{
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic, 1)                                                      \
    num_threads(loop->host->threads) if (loop->host->threads > 1 && count > 1)
    for (ptrdiff_t i = 0; i < count; i++) {
        run_one(loop, i, loop->host->arenas[omp_get_thread_num()]);
    }
#else
    for (ptrdiff_t i = 0; i < count; i++) {
        run_one(loop, i, loop->host->arenas[0]);
    }
#endif
}

static bool inside_parallel(void)
{
#ifdef _OPENMP
    return loop_depth > 0 || omp_in_parallel();
#else
    return loop_depth > 0;
#endif
}

advntk_status advntk_parallel_for(struct advntk_host *host, ptrdiff_t count, advntk_parallel_fn fn,
                                  void *context, struct advntk_error *err)
{
    struct loop loop = {.host = host, .fn = fn, .context = context, .failed = count};

    if (inside_parallel()) {
        struct advntk_arena *arena = advntk__arena_new();
        if (!arena) {
            return ADVNTK_FAIL(err, ENOMEM, "no memory for the scratch space of an inner loop");
        }
        for (ptrdiff_t i = 0; i < count; i++) {
            run_one(&loop, i, arena);
        }
        advntk__arena_free(arena);
    } else {
        run_all(&loop, count);
    }
    if (loop.failed < count && err) {
        *err = loop.first;
    }
    return loop.failed < count ? loop.first.status : ADVNTK_OK;
}

/* ---- what is booked ---- */

void advntk__seconds_add(double seconds[2], int sign)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID};
    struct timespec t;

    for (int i = 0; i < 2; i++) {
        if (clock_gettime(clocks[i], &t) == 0) {
            seconds[i] += sign * ((double)t.tv_sec + 1e-9 * (double)t.tv_nsec);
        }
    }
}

int64_t advntk__thread_nanoseconds(void)
{
    struct timespec t;

    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0
               ? (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_nsec
               : 0;
}

void advntk__kept_add(struct advntk_host *host, int64_t started, size_t bytes)
{
    __atomic_add_fetch(&host->kept_nanoseconds, advntk__thread_nanoseconds() - started,
                       __ATOMIC_RELAXED);
    __atomic_add_fetch(&host->kept_bytes, (int64_t)bytes, __ATOMIC_RELAXED);
}
