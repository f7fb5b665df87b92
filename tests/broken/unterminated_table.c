/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a table without an end, and what stands in memory behind it is no row. */
#include "config.h"

#include "broken.h"

#include <string.h>

static struct {
    struct advntk_param rows[END];
    unsigned char behind[1024];
} table;

SPOIL(memcpy(table.rows, rows, sizeof(table.rows));
      memset(table.behind, 0xA5, sizeof(table.behind)); plugin->params = table.rows;)
