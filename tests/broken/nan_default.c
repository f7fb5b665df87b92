/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: NaN lies in no range. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].def.r = (double)NAN;)
