/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a choice among nothing. */
#include "config.h"

#include "broken.h"

SPOIL(rows[MODE].choices = NULL;)
