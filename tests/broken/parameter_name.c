/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a name that is not lower_snake. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].name = "stepSize";)
