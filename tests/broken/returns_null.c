/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: the entry function has nothing to give. */
#include "config.h"

#include "broken.h"

SPOIL(plugin = NULL;)
