/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a library, but not one of ours. */
#include "config.h"

int unrelated(void);
int unrelated(void)
{
    return 1;
}
