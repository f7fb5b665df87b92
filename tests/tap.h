/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Test programs in TAP (Test Anything Protocol). A test is one call of ok(); the program ends with
 * `return done_testing();`, which is non-zero after any "not ok" or when no test ran.
 */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static int tap_run, tap_failed;

__attribute__((format(printf, 2, 3), unused)) static bool ok(bool passed, const char *name, ...)
{
    va_list args;
    va_start(args, name);
    tap_run++;
    tap_failed += !passed;
    printf("%sok %d - ", passed ? "" : "not ", tap_run);
    vprintf(name, args);
    putchar('\n');
    fflush(stdout);
    va_end(args);
    return passed;
}

/* got == want as text; prints both when they differ */
__attribute__((unused)) static bool is_text(const char *got, const char *want, const char *name)
{
    bool same = got && want && strcmp(got, want) == 0;
    if (!same) {
        printf("# got:  %s\n# want: %s\n", got ? got : "(null)", want ? want : "(null)");
    }
    return ok(same, "%s", name);
}

/* The largest |got - want| over n values relative to the largest |want| is at most tolerance; a NaN
 * fails. */
__attribute__((unused)) static bool is_close(ptrdiff_t n, const double *got, const double *want,
                                             double tolerance, const char *name)
{
    double scale = 0, worst = 0;
    ptrdiff_t at = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        scale = fmax(scale, fabs(want[i]));
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        double gap = fabs(got[i] - want[i]);
        if (!(gap <= worst)) {
            worst = gap;
            at = i;
        }
        if (isnan(gap)) {
            break;
        }
    }
    if (!(worst <= tolerance * scale)) {
        printf("# entry %td: got %.17g, want %.17g (error %.3g of %.3g, tolerance %.3g)\n", at,
               got[at], want[at], worst, scale, tolerance);
    }
    return ok(worst <= tolerance * scale, "%s (%.2g)", name, scale > 0 ? worst / scale : worst);
}

__attribute__((unused)) static void skip(const char *name, const char *why)
{
    printf("ok %d - %s # SKIP %s\n", ++tap_run, name, why);
}

__attribute__((unused)) static int done_testing(void)
{
    printf("1..%d\n", tap_run);
    return tap_failed != 0 || tap_run == 0;
}

#endif
