/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernel/ntk: neural tangent kernel of an infinitely wide network. The work is the engine's,
 * advntk/infinite.h. */
#include "config.h"

#include <advntk/infinite.h>
#include <advntk/plugin.h>

static advntk_status ntk_open(const void *config, struct advntk_host *host,
                              const struct advntk_kernel_setup *setup, void **state,
                              struct advntk_error *err)
{
    (void)config;
    return advntk_infinite_open(host, setup, ADVNTK_INFINITE_NTK, state, err);
}

static int64_t ntk_kinship(const void *config, const struct advntk_kernel_setup *setup)
{
    (void)config;
    return advntk_infinite_kinship(setup);
}

static const struct advntk_kernel_ops ntk_ops = {
    .needs_architecture = true,
    .open = ntk_open,
    .close = advntk_infinite_close,
    .points_new = advntk_infinite_points_new,
    .points_put = advntk_infinite_points_put,
    .points_free = advntk_infinite_points_free,
    .diagonal = advntk_infinite_diagonal,
    .tile = advntk_infinite_tile,
    .panel = advntk_infinite_panel,
    .panel_vjp = advntk_infinite_panel_vjp,
    .tape_free = advntk_infinite_tape_free,
    .kinship = ntk_kinship,
    .diagonals = advntk_infinite_diagonals,
    .tiles = advntk_infinite_tiles,
    .weights = advntk_infinite_weights,
};

ADVNTK_PLUGIN(KERNEL, ntk_ops, .name = "ntk", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "neural tangent kernel of an infinitely wide network",
              .doc = "What training all layers of a wide network by gradient flow computes; needs "
                     "an architecture.",
              .source = "Jacot, Gabriel, Hongler 2018; Arora et al. 2019");
