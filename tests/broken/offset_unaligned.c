/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a row that fills a member no compiler lays out. */
#include "config.h"

#include "broken.h"

SPOIL(rows[RATE].offset = 9;)
