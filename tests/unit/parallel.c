/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "tap.h"

#include "base/host.h"

#include <stdlib.h>

enum { COUNT = 500, INNER = 7, SCRATCH = 1000 };

struct job {
    struct advntk_host *host;
    double results[COUNT];
    int calls[COUNT];
    ptrdiff_t fail_at, fail_again; /* -1: never */
    int wrong[COUNT];              /* scratch that changed under its owner */
};

/* Uneven work, so that threads finish in another order than they began. */
static advntk_status work(void *context, ptrdiff_t i, struct advntk_arena *arena,
                          struct advntk_error *err)
{
    struct job *job = context;
    double *scratch = advntk_arena_get(arena, SCRATCH, sizeof(*scratch));
    job->calls[i]++;
    if (i == job->fail_at || i == job->fail_again) {
        return ADVNTK_FAIL(err, ENUMERIC, "number %td", i);
    }
    for (ptrdiff_t j = 0; scratch && j < SCRATCH; j++) {
        scratch[j] = sin((double)(i * j));
    }
    for (ptrdiff_t j = 0; scratch && j < (i * 37) % SCRATCH; j++) {
        job->results[i] += scratch[j];
    }
    return scratch ? ADVNTK_OK : ADVNTK_ENOMEM;
}

static advntk_status inner(void *context, ptrdiff_t i, struct advntk_arena *arena,
                           struct advntk_error *err)
{
    double *sums = context, *scratch = advntk_arena_get(arena, SCRATCH, sizeof(*scratch));
    (void)err;
    for (ptrdiff_t j = 0; scratch && j < SCRATCH; j++) {
        scratch[j] = -1 - (double)i;
    }
    sums[i] = scratch ? scratch[SCRATCH - 1] : 0;
    return scratch ? ADVNTK_OK : ADVNTK_ENOMEM;
}

/* Holds scratch across an inner loop, which must neither clear nor share it. */
static advntk_status outer(void *context, ptrdiff_t i, struct advntk_arena *arena,
                           struct advntk_error *err)
{
    struct job *job = context;
    double sums[INNER] = {0}, *scratch = advntk_arena_get(arena, SCRATCH, sizeof(*scratch));
    advntk_status rc;

    if (!scratch) {
        return ADVNTK_ENOMEM;
    }
    for (ptrdiff_t j = 0; j < SCRATCH; j++) {
        scratch[j] = (double)i;
    }
    rc = advntk_parallel_for(job->host, INNER, inner, sums, err);
    for (ptrdiff_t j = 0; j < SCRATCH; j++) {
        job->wrong[i] += scratch[j] != (double)i;
    }
    for (ptrdiff_t k = 0; k < INNER; k++) {
        job->wrong[i] += sums[k] != -1 - (double)k;
    }
    return rc;
}

static struct advntk_host *host_of(int threads)
{
    struct advntk_host *host = NULL;
    struct advntk_error err;
    if (advntk__host_new(threads, &host, &err) != ADVNTK_OK) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    return host;
}

static struct job *job_of(struct advntk_host *host)
{
    struct job *job = calloc(1, sizeof(*job));
    if (!job) {
        printf("Bail out! no memory\n");
        exit(1);
    }
    job->host = host;
    job->fail_at = job->fail_again = -1;
    return job;
}

static void test_threads(int threads, double *results)
{
    struct advntk_host *host = host_of(threads);
    struct job *job = job_of(host);
    struct advntk_error err;
    int once = 0, wrong = 0, before = 0;
    volatile sig_atomic_t cancel = 1;

    ok(advntk_parallel_for(host, COUNT, work, job, &err) == ADVNTK_OK, "%d threads: runs", threads);
    for (int i = 0; i < COUNT; i++) {
        once += job->calls[i] == 1;
        results[i] = job->results[i];
    }
    ok(once == COUNT, "%d threads: each index once", threads);

    ok(advntk_parallel_for(host, COUNT, outer, job, &err) == ADVNTK_OK, "%d threads: a loop inside",
       threads);
    for (int i = 0; i < COUNT; i++) {
        wrong += job->wrong[i];
    }
    ok(wrong == 0, "%d threads: scratch survives the loop inside (%d wrong)", threads, wrong);

    /* whatever ends first, the smaller index is reported, and all before it ran */
    memset(job->calls, 0, sizeof(job->calls));
    job->fail_at = 311;
    job->fail_again = 42;
    ok(advntk_parallel_for(host, COUNT, work, job, &err) == ADVNTK_ENUMERIC &&
           err.status == ADVNTK_ENUMERIC,
       "%d threads: fails", threads);
    is_text(err.text, "number 42", "the error of the smallest index");
    for (int i = 0; i <= 42; i++) {
        before += job->calls[i] == 1;
    }
    ok(before == 43, "%d threads: all before the failure ran", threads);
    ok(job->calls[COUNT - 1] == 0, "%d threads: the rest is skipped", threads);

    memset(job->calls, 0, sizeof(job->calls));
    host->cancel = &cancel;
    ok(advntk_parallel_for(host, COUNT, work, job, &err) == ADVNTK_ECANCELLED && !job->calls[0],
       "%d threads: a cancelled loop does nothing", threads);
    host->cancel = NULL;
    ok(advntk_parallel_for(host, 0, work, job, &err) == ADVNTK_OK, "%d threads: empty loop",
       threads);
    free(job);
    advntk__host_free(host);
}

int main(void)
{
    double one[COUNT], two[COUNT];

    test_threads(1, one);
    test_threads(2, two);
    ok(memcmp(one, two, sizeof(one)) == 0, "the same bits for 1 and 2 threads");
    return done_testing();
}
