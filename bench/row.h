/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a bench program says of one piece of work; bench/run.sh makes the table of it. */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include <stdio.h>

/*
 * key: names the work for peers that do it too; unit: of both figures; beside: what the second
 * figure is; target: of ours / beside, "" where there is none.
 */
static void row(const char *key, const char *work, const char *unit, double ours,
                const char *beside, double figure, const char *target)
{
    printf("ours\t%s\t%s\t%s\t%.9g\t%s\t%.9g\t%s\n", key, work, unit, ours, beside, figure, target);
    fflush(stdout);
}

#endif
