/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: the file was renamed. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->name = "another_name";)
