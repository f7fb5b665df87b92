/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: an attack with neither steps nor stages. */
#include "config.h"

#include "broken.h"

SPOIL(ops->open = NULL; ops->step = NULL; ops->close = NULL;)
