/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a row that nobody can understand. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].help = NULL;)
