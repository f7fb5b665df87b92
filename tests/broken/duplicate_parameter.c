/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: two rows of one name. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].name = "steps";)
