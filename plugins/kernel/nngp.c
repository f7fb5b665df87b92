/* SPDX-License-Identifier: GPL-3.0-or-later */
/* kernel/nngp: Gaussian process kernel of an infinitely wide network. The work is the engine's,
 * advntk/infinite.h. */
#include "config.h"

#include <advntk/infinite.h>
#include <advntk/plugin.h>

static advntk_status nngp_open(const void *config, struct advntk_host *host,
                               const struct advntk_kernel_setup *setup, void **state,
                               struct advntk_error *err)
{
    (void)config;
    return advntk_infinite_open(host, setup, ADVNTK_INFINITE_NNGP, state, err);
}

static int64_t nngp_kinship(const void *config, const struct advntk_kernel_setup *setup)
{
    (void)config;
    return advntk_infinite_kinship(setup);
}

static const struct advntk_kernel_ops nngp_ops = {
    .needs_architecture = true,
    .open = nngp_open,
    .close = advntk_infinite_close,
    .points_new = advntk_infinite_points_new,
    .points_put = advntk_infinite_points_put,
    .points_free = advntk_infinite_points_free,
    .diagonal = advntk_infinite_diagonal,
    .tile = advntk_infinite_tile,
    .panel = advntk_infinite_panel,
    .panel_vjp = advntk_infinite_panel_vjp,
    .tape_free = advntk_infinite_tape_free,
    .kinship = nngp_kinship,
    .diagonals = advntk_infinite_diagonals,
    .tiles = advntk_infinite_tiles,
    .weights = advntk_infinite_weights,
};

ADVNTK_PLUGIN(KERNEL, nngp_ops, .name = "nngp", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "Gaussian process kernel of an infinitely wide network",
              .doc = "Covariance of the outputs at initialisation, that is what training the last "
                     "layer alone computes; needs an architecture.",
              .source = "Neal 1996; Lee et al. 2018");
