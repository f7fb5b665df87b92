/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reads the arrays under tests/oracle/data; a missing one ends the test. */
#ifndef TESTS_ORACLE_DATA_H
#define TESTS_ORACLE_DATA_H

#include <advntk/host.h>
#include <advntk/npy.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The array NAME (printf form, without .npy), converted to float64; *count: its length. Freed with
 * advntk_free. */
__attribute__((format(printf, 2, 3), unused)) static double *oracle_array(ptrdiff_t *count,
                                                                          const char *name, ...)
{
    char path[1024], relative[512];
    struct advntk_npy npy;
    struct advntk_error err = {.status = ADVNTK_OK};
    double *values = NULL;
    va_list args;

    va_start(args, name);
    vsnprintf(relative, sizeof(relative), name, args);
    va_end(args);
    snprintf(path, sizeof(path), "%s/%s.npy", TEST_DATA, relative);
    if (advntk_npy_open(&npy, path, &err) == ADVNTK_OK) {
        *count = 1;
        for (int k = 0; k < npy.rank; k++) {
            *count *= npy.shape[k];
        }
        values = advntk_alloc(*count, sizeof(double));
        if (!values || advntk_npy_read_reals(&npy, 0, *count, values, &err) != ADVNTK_OK) {
            advntk_free(values);
            values = NULL;
        }
        advntk_npy_close(&npy);
    }
    if (!values) {
        printf("Bail out! %s: %s\n", path, err.text);
        exit(1);
    }
    return values;
}

#endif
