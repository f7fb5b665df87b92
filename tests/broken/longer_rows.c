/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No fault: rows, descriptor and operations are longer than the program's own; what it does not
 * know is left out, and each row is found at the plugin's own stride. */
#include "config.h"

#include "broken.h"

struct long_row {
    struct advntk_param row;
    const char *later;
};

static const struct long_row long_rows[] = {
    {ADVNTK_INT(struct small_config, steps, 3, 0, 100, .help = "steps"), "x"},
    {ADVNTK_REAL(struct small_config, rate, 0.75, 0, 1, .help = "length of a step"), "y"},
    {ADVNTK_PARAM_END, "z"}};

static struct {
    struct advntk_plugin plugin;
    const char *later[4];
} long_descriptor;

SPOIL(small.params = &long_rows[0].row; small.abi.param_bytes = sizeof(struct long_row);
      small.abi.size = sizeof(long_descriptor); long_descriptor.plugin = small;
      plugin = &long_descriptor.plugin;)
