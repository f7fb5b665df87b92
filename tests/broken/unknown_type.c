/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a type from nowhere. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].type = (enum advntk_param_type)99;)
