/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "linalg/room.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double gib = 1024.0 * 1024.0 * 1024.0;

/* MemAvailable of /proc/meminfo, in bytes; infinity where there is none. */
static double bytes_free(void)
{
    static const char key[] = "MemAvailable:";
    FILE *file = fopen("/proc/meminfo", "r");
    char line[256];
    double free_bytes = (double)INFINITY;

    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, key, sizeof(key) - 1) == 0) {
            free_bytes = 1024 * strtod(line + sizeof(key) - 1, NULL);
            break;
        }
    }
    if (file) {
        fclose(file);
    }
    return free_bytes;
}

advntk_status advntk__room_refuse(const char *what, double bytes, const char *advice,
                                  struct advntk_error *err)
{
    return ADVNTK_FAIL(err, ENOMEM, "%s needs %.1f GiB, %.1f GiB are free: %s", what, bytes / gib,
                       bytes_free() / gib, advice);
}

advntk_status advntk__room_check(const char *what, double bytes, const char *advice,
                                 struct advntk_error *err)
{
    return bytes <= bytes_free() ? ADVNTK_OK : advntk__room_refuse(what, bytes, advice, err);
}
