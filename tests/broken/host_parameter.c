/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a name that the program itself has for each attack. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].name = "radius";)
