/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a table with more rows than anyone can mean. */
#include "config.h"

#include "broken.h"

static struct advntk_param many[1100];

SPOIL(for (int i = 0; i < 1100; i++) { many[i] = rows[STEPS]; } plugin->params = many;)
