/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: letters that a recipe does not take. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->name = "Bad Name";)
