/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: an empty range. */
#include "config.h"

#include "broken.h"

SPOIL(rows[STEPS].min.i = 100; rows[STEPS].max.i = 0;)
