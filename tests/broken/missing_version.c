/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: no version. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->version = NULL;)
