/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a default that lies on the open end of the range. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].def.r = 1; rows[RATE].flags = ADVNTK_P_MAX_OPEN;)
