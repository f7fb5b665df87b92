/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: the reserved kind "layer". */
#include "config.h"

#include "broken.h"

SPOIL(plugin->kind = 11;)
