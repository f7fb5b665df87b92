/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No fault: a plugin of ABI 1.0 as it was compiled then; every later 1.x takes it. */
#include "config.h"

#include "abi_1_0.h"

struct old_config {
    int64_t steps;
    double rate;
};

static const struct v1_param old_rows[] = {
    {.name = "steps", .type = 2, .def = {.i = 7}, .max = {.i = 100}, .help = "steps"},
    {.name = "rate",
     .type = 3,
     .offset = offsetof(struct old_config, rate),
     .def = {.r = 0.25},
     .max = {.r = 1},
     .help = "length of a step"},
    {.name = NULL}};

static const struct v1_attack_ops old_ops = {.open = v1_open, .step = v1_step, .close = v1_close};

static const struct v1_plugin old = {
    .abi = {0x4B544E41, sizeof(struct v1_plugin), 1, 0, 4, sizeof(struct v1_param), {0, 0}},
    .kind = 6,
    .ops_bytes = sizeof(struct v1_attack_ops),
    .name = "old_release",
    .version = "1.0.0",
    .licence = "GPL-3.0-or-later",
    .summary = "compiled long ago",
    .params = old_rows,
    .config_bytes = sizeof(struct old_config),
    .ops = &old_ops};

const struct v1_plugin *advntk_plugin_entry(void)
{
    return &old;
}
