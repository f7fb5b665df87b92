/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a name that points nowhere. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->name = (const char *)(uintptr_t)8;)
