/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "linalg/room.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double gib = 1024.0 * 1024.0 * 1024.0;

/* The number behind `key` in the first line of a file that begins with it; infinity: there is none.
 */
static double number_in(const char *path, const char *key)
{
    FILE *file = fopen(path, "r");
    size_t length = strlen(key);
    char line[256], *end;
    double number = (double)INFINITY;

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, length) == 0) {
            number = strtod(line + length, &end);
            number = end > line + length ? number : (double)INFINITY;
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    return number;
}

double advntk__room_free(void)
{
    double available = 1024 * number_in("/proc/meminfo", "MemAvailable:");
    double limit = number_in("/sys/fs/cgroup/memory.max", ""); /* "max": none */
    double used = number_in("/sys/fs/cgroup/memory.current", "");

    return isfinite(limit) && isfinite(used) ? fmin(available, fmax(limit - used, 0)) : available;
}

double advntk__room_used(void)
{
    double used = 1024 * number_in("/proc/self/status", "VmRSS:");

    return isfinite(used) ? used : 0;
}

advntk_status advntk__room_refuse(const char *what, double bytes, const char *advice,
                                  struct advntk_error *err)
{
    return ADVNTK_FAIL(err, ENOMEM, "%s needs %.1f GiB, %.1f GiB are free: %s", what, bytes / gib,
                       advntk__room_free() / gib, advice);
}

advntk_status advntk__room_check(const char *what, double bytes, const char *advice,
                                 struct advntk_error *err)
{
    return bytes <= advntk__room_free() ? ADVNTK_OK : advntk__room_refuse(what, bytes, advice, err);
}
