/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ADVNTK_CLI_GRAPH_H
#define ADVNTK_CLI_GRAPH_H

#include "cli/cli.h"

struct cli_graph_options {
    const char *recipe; /* needs a model: section only */
    const char *shape;  /* of the images, "32x32x3"; NULL: of the recipe's data */
    struct cli_words overrides;
};
/* Prints the layer graph of a recipe's first run, as text or JSON; an exit code. */
int cli_graph_describe(const struct cli *cli, const struct cli_graph_options *options);

#endif
