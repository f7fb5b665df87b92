/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: calls a function that no library has, so it cannot be loaded. */
#include "config.h"

#include "broken.h"

int advntk_no_such_function(void);

SPOIL(plugin->config_bytes += (size_t)advntk_no_such_function();)
