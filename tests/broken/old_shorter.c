/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No fault: descriptor and operations end before members that the program knows, as those of an
 * older release do. What stands in memory behind them is something else and must not be taken for
 * them.
 */
#include "config.h"

#include "abi_1_0.h"

static int not_check(const void *config, void *err)
{
    (void)config, (void)err;
    return 1;
}

static int not_stages(const void *config, ptrdiff_t classes, const char *norm, ptrdiff_t index,
                      const void **child, void *err)
{
    (void)config, (void)classes, (void)norm, (void)index, (void)child, (void)err;
    return 1;
}

static const struct v1_attack_ops short_ops = {
    .open = v1_open, .step = v1_step, .close = v1_close, .stages = not_stages};

static const struct v1_plugin shorter = {
    .abi =
        {0x4B544E41, offsetof(struct v1_plugin, check), 1, 0, 4, sizeof(struct v1_param), {0, 0}},
    .kind = 6,
    .ops_bytes = offsetof(struct v1_attack_ops, stages),
    .name = "old_shorter",
    .version = "1.0.0",
    .licence = "GPL-3.0-or-later",
    .summary = "knows less than the program",
    .ops = &short_ops,
    .check = not_check};

const struct v1_plugin *advntk_plugin_entry(void)
{
    return &shorter;
}
