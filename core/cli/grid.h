/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images beside their perturbed selves, as a PNG file. */
#ifndef ADVNTK_CLI_GRID_H
#define ADVNTK_CLI_GRID_H

#include <advntk/status.h>
#include <stddef.h>

/*
 * A row an image: clean, perturbed, and their difference, grey where there is none and stretched so
 * that the largest of all is black or white. clean, perturbed: (count, height*width*channels),
 * channels 1 or 3 (of others the first is shown), values from lo to hi. Small images are magnified.
 * Fails: EIO, ENOMEM, ESHAPE (nothing to show).
 */
ADVNTK_MUST_CHECK advntk_status cli_grid_write(const char *path, ptrdiff_t count, ptrdiff_t height,
                                               ptrdiff_t width, ptrdiff_t channels,
                                               const double *clean, const double *perturbed,
                                               double lo, double hi, struct advntk_error *err);

#endif
