/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parameters that every architecture has for the parameterisation of its weights: members
 * `int parameterization; int64_t width;` of its config. */
#ifndef ADVNTK_ARCHITECTURE_STANDARD_H
#define ADVNTK_ARCHITECTURE_STANDARD_H

#include <advntk/plugin.h>

static const char *const standard_names[] = {"ntk", "standard", NULL};

/* clang-format off */
#define STANDARD_PARAMS(config)                                                                    \
    ADVNTK_CHOICE(config, parameterization, "ntk", standard_names,                                 \
                  .help = "ntk: trained weights are N(0, 1) and scaled; standard: N(0, w_std^2 / " \
                          "fan-in), as in finite networks",                                        \
                  .source = "Sohl-Dickstein et al. 2020"),                                         \
    ADVNTK_INT(config, width, 512, 1, 1000000000, .unit = "channels",                              \
               .help = "of the hidden layers that the standard parameterisation stands for")
/* clang-format on */

/* To be called before the first layer with weights. */
#define STANDARD_BEGIN(config, graph)                                                              \
    advntk_graph_standard((graph), (config)->parameterization == 1 ? (ptrdiff_t)(config)->width : 0)

#endif
