/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a row that fills memory behind the config struct. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->config_bytes = 32;)
