/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <advntk/status.h>
#include <stdio.h>
#include <string.h>

const char *advntk_status_text(advntk_status status)
{
    switch (status) {
#define STATUS_CASE(name, value, text)                                                             \
    case value:                                                                                    \
        return text;
        ADVNTK_STATUSES(STATUS_CASE)
#undef STATUS_CASE
    default:
        return "unknown status";
    }
}

advntk_status advntk_error_set(struct advntk_error *err, const char *file, int line,
                               const char *func, advntk_status status, const char *format, ...)
{
    if (err) {
        va_list args;
        err->status = status;
        err->file = file;
        err->line = line;
        err->func = func;
        va_start(args, format);
        vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
    }
    return status;
}

advntk_status advntk_error_prefix(struct advntk_error *err, const char *format, ...)
{
    char old[sizeof(err->text)];
    va_list args;
    int used;

    if (!err) {
        return ADVNTK_EINTERNAL;
    }
    memcpy(old, err->text, sizeof(old));
    va_start(args, format);
    used = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof(err->text)) {
        size_t room = sizeof(err->text) - (size_t)used;
        size_t length = strnlen(old, sizeof(old));
        if (length >= room) {
            length = room - 1;
        }
        memcpy(err->text + used, old, length);
        err->text[(size_t)used + length] = '\0';
    }
    return err->status;
}
