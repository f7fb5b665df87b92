/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which instruction sets a test looks at: all up to the machine's best, or, with
 * ADVNTK_TEST_ISA=best, that one alone (slow/avx512.sh, in an emulator, where the others are only
 * lost time). */
#ifndef TESTS_ISA_H
#define TESTS_ISA_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool test_best_isa_alone(void)
{
    const char *only = getenv("ADVNTK_TEST_ISA");
    return only && strcmp(only, "best") == 0;
}

static int test_first_isa(int best)
{
    return test_best_isa_alone() ? best : 0;
}

#endif
