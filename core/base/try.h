/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Control flow of fallible functions: one exit, at `out:`. Needs `advntk_status rc = ADVNTK_OK;`.
 */
#ifndef ADVNTK_BASE_TRY_H
#define ADVNTK_BASE_TRY_H

#include <advntk/status.h>

#define TRY(expr)                                                                                  \
    do {                                                                                           \
        rc = (expr);                                                                               \
        if (rc != ADVNTK_OK) {                                                                     \
            goto out;                                                                              \
        }                                                                                          \
    } while (0)

/* FAIL(err, ESHAPE, "...") inside such a function. Pastes by itself: passed on to another macro,
 * EIO would have become errno.h's number. */
#define FAIL(err, code, ...)                                                                       \
    do {                                                                                           \
        advntk_error_set((err), __FILE__, __LINE__, __func__, ADVNTK_##code, __VA_ARGS__);         \
        rc = ADVNTK_##code;                                                                        \
        goto out;                                                                                  \
    } while (0)

#endif
