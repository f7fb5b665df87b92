/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a slot for plugins that do not exist. */
#include "config.h"

#include "broken.h"

SPOIL(rows[SLOT].slot_kind = 0;)
