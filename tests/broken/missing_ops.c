/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: no table of operations. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->ops = NULL;)
