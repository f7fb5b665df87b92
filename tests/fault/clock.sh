#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# A wall clock that is set while a study runs: a day back, then a week ahead, over and over. What is measured and
# waited for goes by the clock that nobody sets, so durations stay durations, nobody waits for a week, and
# the results have the same bits.
# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"

cat >jump.c <<'END'
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
/* Every tenth of a second of the monotonic clock the other offset. */
static long offset(void)
{
    struct timespec t;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
    return t.tv_nsec / 100000000 % 2 ? 604800 : -86400;
}
int clock_gettime(clockid_t id, struct timespec *t)
{
    int code = (int)syscall(SYS_clock_gettime, id, t);
    if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        t->tv_sec += offset();
    }
    return code;
}
time_t time(time_t *to)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (to) {
        *to = t.tv_sec;
    }
    return t.tv_sec;
}
int gettimeofday(struct timeval *restrict to, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    to->tv_sec = t.tv_sec;
    to->tv_usec = t.tv_nsec / 1000;
    return 0;
}
END
if ! ${CC:-cc} -O1 -fPIC -shared -o jump.so jump.c 2>err; then
	skip "a clock that jumps" "cannot build a preloaded library"
	done_testing
fi
if ldd "$top_builddir/.libs/advntk" | grep -q -e libasan -e libtsan; then
	skip "a clock that jumps" "a sanitizer wants to be loaded first"
	done_testing
fi
is "$(LD_PRELOAD=$PWD/jump.so sh -c 'for i in 1 2 3 4; do date +%s; sleep 0.1; done' | sort -n |
	awk 'NR == 1 { a = $1 } { b = $1 } END { print (b - a > 600000) }')" 1 "the clock jumps by more than a week"
sweep() {
	timeout 120 "$advntk" run small.yaml --sweep 'method.attack.radius=[4/255,8/255]' \
		--sweep 'method.attack.steps=[2,3]' --format json "$@"
}
sweep --results whole >out 2>err
is $? 0 "a study by a good clock"
LD_PRELOAD=$PWD/jump.so sweep --results jump --jobs 2 >out 2>err
is $? 0 "the same while the clock is set"
[ -s err ] && sed 's/^/# /' err
same_results whole jump
ok $? "the same bits"
is "$(grep -c '"state": "done"' out)" 4 "all runs are done"
# every duration that is kept or told
durations() {
	sed -n 's/.*"\(seconds\|wall\|cpu\)": *\(-\{0,1\}[0-9.e+-]*\).*/\2/p' out jump/runs/*/timing.jsonl jump/runs/*/run.json
	tr ',' '\n' <jump/cache/costs.jsonl | sed -n 's/.*"\(seconds\|wall\|cpu\)": *\(-\{0,1\}[0-9.e+-]*\).*/\2/p'
}
durations >numbers
[ "$(wc -l <numbers)" -gt 20 ] && awk '!($1 >= 0 && $1 < 120) { bad = 1; print "# " $1 } END { exit bad }' numbers
ok $? "durations are durations"
LD_PRELOAD=$PWD/jump.so timeout 60 "$advntk" plan small.yaml --results jump -s seed=2 --format json >out 2>err
is $? 0 "plan by what was measured then"
awk -F: '/"seconds"/ { s = $2 + 0; if (!(s > 0 && s < 120)) bad = 1; n++ } END { exit bad || !n }' out
ok $? "expects seconds"
done_testing
