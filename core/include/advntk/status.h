/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Status codes and errors.
 *
 * Every function that can fail returns an advntk_status and fills a struct advntk_error that the
 * caller owns. Whoever detects a fault writes the message, once: what is wrong, what was given,
 * what was wanted, and where. Callers may prefix it with advntk_error_prefix().
 */
#ifndef ADVNTK_STATUS_H
#define ADVNTK_STATUS_H

#include <stdarg.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ADVNTK_STATUSES(X)                                      \
    X(OK, 0, "success")                                         \
    X(ENOMEM, 1, "not enough memory")                           \
    X(EINVALID, 2, "invalid value")                             \
    X(ESHAPE, 3, "shapes do not fit together")                  \
    X(ENUMERIC, 4, "numerical failure")                         \
    X(EIO, 5, "input or output failed")                         \
    X(EFORMAT, 6, "malformed file")                             \
    X(ENOTFOUND, 7, "not found")                                \
    X(EUNSUPPORTED, 8, "not supported")                         \
    X(EABI, 9, "plugin does not fit this program")              \
    X(ECANCELLED, 10, "cancelled")                              \
    X(ELIMIT, 11, "over a limit")                               \
    X(EBUSY, 12, "in use by another process")                   \
    X(EINTERNAL, 13, "fault in the program itself")

enum {
#define ADVNTK_STATUS_ENUM(name, value, text) ADVNTK_##name = (value),
    ADVNTK_STATUSES(ADVNTK_STATUS_ENUM)
#undef ADVNTK_STATUS_ENUM
};

typedef int advntk_status;

#if defined(__GNUC__)
#define ADVNTK_MUST_CHECK __attribute__((warn_unused_result))
#define ADVNTK_PRINTF(text_at, first_at) __attribute__((format(printf, text_at, first_at)))
#else
#define ADVNTK_MUST_CHECK
#define ADVNTK_PRINTF(text_at, first_at)
#endif

/* Of fixed size, so that reporting a failure never allocates. file, func: static strings. */
struct advntk_error {
    advntk_status status;
    const char *file, *func;
    int line;
    char text[480];
};

/* English text of a status code; "unknown status" for a number that is none. Never NULL. */
const char *advntk_status_text(advntk_status status);

/*
 * Fills *err (NULL: nothing is stored) and returns `status`. Use ADVNTK_FAIL; the one place for a
 * breakpoint. A text that does not fit is cut at its end.
 */
advntk_status advntk_error_set(struct advntk_error *err, const char *file, int line,
                               const char *func, advntk_status status, const char *format, ...)
    ADVNTK_PRINTF(6, 7);

/* Puts formatted text before what *err says ("attack pgd: "); returns err->status. err may be NULL:
 * then ADVNTK_EINTERNAL is returned. */
advntk_status advntk_error_prefix(struct advntk_error *err, const char *format, ...)
    ADVNTK_PRINTF(2, 3);

/*
 * return ADVNTK_FAIL(err, ESHAPE, "x has %td columns, expected %td", got, want);
 * The code stands at the end of the expression so that compilers and analyzers see a failure.
 */
#define ADVNTK_FAIL(err, code, ...)                                                          \
    (advntk_error_set((err), __FILE__, __LINE__, __func__, ADVNTK_##code, __VA_ARGS__),      \
     ADVNTK_##code)

#ifdef __cplusplus
}
#endif
#endif
