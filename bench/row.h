/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a bench program says of one piece of work; bench/run.sh makes the table of it. */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include <stdio.h>
#include <time.h>

/* Seconds by a clock. */
__attribute__((unused)) static double seconds_by(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Of the processor where one thread works: what else runs on the machine counts less. */
__attribute__((unused)) static double seconds_of(int threads)
{
    return seconds_by(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC);
}

/*
 * key: names the work for peers that do it too; unit: of both figures; beside: what the second
 * figure is; target: of ours / beside, "" where there is none.
 */
__attribute__((unused)) static void row(const char *key, const char *work, const char *unit,
                                        double ours, const char *beside, double figure,
                                        const char *target)
{
    printf("ours\t%s\t%s\t%s\t%.9g\t%s\t%.9g\t%s\n", key, work, unit, ours, beside, figure, target);
    fflush(stdout);
}

#endif
