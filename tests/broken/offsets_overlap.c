/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: two rows that fill the same member. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].offset = rows[STEPS].offset;)
