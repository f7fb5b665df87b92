/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/text.h"

#include <limits.h>
#include <advntk/node.h>

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_reserve(struct advntk__text *t, size_t more)
{
    size_t want = t->length + more + 1, room = t->room ? t->room : 128;
    char *bytes;
    if (t->failed) {
        return false;
    }
    if (want <= t->room) {
        return true;
    }
    while (room < want) {
        room *= 2;
    }
    bytes = realloc(t->bytes, room);
    if (!bytes) {
        t->failed = true;
        return false;
    }
    t->bytes = bytes;
    t->room = room;
    return true;
}

void advntk__text_add(struct advntk__text *t, const char *bytes, size_t length)
{
    if (text_reserve(t, length)) {
        memcpy(t->bytes + t->length, bytes, length);
        t->length += length;
        t->bytes[t->length] = '\0';
    }
}

void advntk__text_puts(struct advntk__text *t, const char *string)
{
    advntk__text_add(t, string, strlen(string));
}

void advntk__text_printf(struct advntk__text *t, const char *format, ...)
{
    va_list args, again;
    int need;
    va_start(args, format);
    va_copy(again, args);
    need = vsnprintf(NULL, 0, format, args);
    if (need >= 0 && text_reserve(t, (size_t)need)) {
        vsnprintf(t->bytes + t->length, (size_t)need + 1, format, again);
        t->length += (size_t)need;
    }
    va_end(again);
    va_end(args);
}

void advntk__text_release(struct advntk__text *t)
{
    free(t->bytes);
    *t = (struct advntk__text){0};
}

const char *advntk__text_get(const struct advntk__text *t)
{
    return t->bytes ? t->bytes : "";
}

void advntk__text_real(struct advntk__text *t, double x)
{
    char shortest[40];
    if (isnan(x)) {
        advntk__text_puts(t, ".nan");
        return;
    }
    if (isinf(x)) {
        advntk__text_puts(t, x > 0 ? ".inf" : "-.inf");
        return;
    }
    if (x == trunc(x) && fabs(x) < 1e15) {
        advntk__text_printf(t, "%.0f", x); /* 10, not 1e+01 */
        return;
    }
    /* 15 digits give the shortest form, unless that has more: a decimal of at most DBL_DIG digits
     * survives the way through a normal double, and %g drops the zeros behind it */
    for (int digits = fabs(x) < DBL_MIN ? 1 : DBL_DIG; digits <= 17; digits++) {
        snprintf(shortest, sizeof(shortest), "%.*g", digits, x);
        if (strtod(shortest, NULL) == x) {
            break;
        }
    }
    advntk__text_puts(t, shortest);
}

enum { NAME_MAX_COMPARED = 63 };

/* Optimal string alignment distance (Damerau 1964 without repeated edits of one place). */
static int edit_distance(const char *a, const char *b)
{
    int rows[3][NAME_MAX_COMPARED + 1];
    size_t n = strlen(a), m = strlen(b);
    int *before = rows[0], *last = rows[1], *now = rows[2];

    if (n > NAME_MAX_COMPARED || m > NAME_MAX_COMPARED) {
        return INT_MAX;
    }
    memset(rows, 0, sizeof(rows));
    for (size_t j = 0; j <= m; j++) {
        last[j] = (int)j;
    }
    for (size_t i = 1; i <= n; i++) {
        int *oldest = before;
        now[0] = (int)i;
        for (size_t j = 1; j <= m; j++) {
            int best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best) {
                best = last[j] + 1;
            }
            if (now[j - 1] + 1 < best) {
                best = now[j - 1] + 1;
            }
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best) {
                best = before[j - 2] + 1;
            }
            now[j] = best;
        }
        before = last;
        last = now;
        now = oldest;
    }
    return last[m];
}

const char *advntk__text_nearest(const char *name, ptrdiff_t count, const char *const *names)
{
    const char *best = NULL;
    int limit = 1 + (int)(strlen(name) / 3), distance = limit + 1;
    for (ptrdiff_t i = 0; i < count; i++) {
        int d;
        if (!names[i]) {
            continue;
        }
        d = edit_distance(name, names[i]);
        if (d < distance) {
            distance = d;
            best = names[i];
        }
    }
    return best;
}

const char *advntk_name_nearest(const char *name, ptrdiff_t count, const char *const *names)
{
    return advntk__text_nearest(name, count, names);
}
