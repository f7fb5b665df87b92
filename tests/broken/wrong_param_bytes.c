/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: rows shorter than those of the first release. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->abi.param_bytes = 64;)
