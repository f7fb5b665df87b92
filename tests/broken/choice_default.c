/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a default that is none of the choices. */
#include "config.h"

#include "broken.h"

SPOIL(rows[MODE].def.s = "medium";)
