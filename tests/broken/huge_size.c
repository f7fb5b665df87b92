/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a descriptor longer than the memory that it stands in. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->abi.size = 60000;)
