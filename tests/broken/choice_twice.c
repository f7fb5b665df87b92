/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: one text for two choices. */
#include "config.h"

#include "broken.h"

SPOIL(static const char *const twice[] = {"fast", "slow", "fast", NULL};
      rows[MODE].choices = twice;)
