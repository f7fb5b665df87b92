/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: flags from nowhere. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].flags = 0x100;)
