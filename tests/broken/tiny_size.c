/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a descriptor too short to hold what each one has. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->abi.size = 40;)
