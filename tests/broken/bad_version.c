/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a version that is not three numbers. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->version = "1.x";)
