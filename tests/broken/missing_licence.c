/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: no licence. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->licence = NULL;)
