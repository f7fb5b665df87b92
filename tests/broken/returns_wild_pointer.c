/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: the descriptor does not lie in the library. */
#include "config.h"

#include "broken.h"

SPOIL(plugin = (struct advntk_plugin *)(uintptr_t)64;)
