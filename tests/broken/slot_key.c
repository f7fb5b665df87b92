/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: the key that names the plugin of a slot. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].name = "plugin";)
