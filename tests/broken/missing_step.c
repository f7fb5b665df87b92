/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: an attack that can be opened but not stepped. */
#include "config.h"

#include "broken.h"

SPOIL(ops->step = NULL;)
