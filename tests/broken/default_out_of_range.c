/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a default that the row itself forbids. */
#include "config.h"

#include "broken.h"

SPOIL(rows[STEPS].def.i = 101;)
