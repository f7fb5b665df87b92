/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: no name at all. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->name = NULL;)
