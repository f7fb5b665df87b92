/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: lists do not nest. */
#include "config.h"

#include "broken.h"

SPOIL(rows[SLOT].type = ADVNTK_PARAM_LIST; rows[SLOT].element = ADVNTK_PARAM_LIST;)
