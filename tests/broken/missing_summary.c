/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: no summary. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->summary = "";)
