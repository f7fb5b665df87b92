/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: bytes that are not UTF-8. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->name = "caf\xe9";)
