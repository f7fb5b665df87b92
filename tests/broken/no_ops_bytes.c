/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a table of operations without a size. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->ops_bytes = 0;)
