/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Pictures as PNG, through libpng. */
#ifndef ADVNTK_REPORT_PNG_H
#define ADVNTK_REPORT_PNG_H

#include <advntk/status.h>
#include <stddef.h>

/* A value of [0,1] as a byte; what lies outside is black or white. */
unsigned char advntk__png_shade(double value);

/*
 * The bytes of a PNG file of `bytes` (height,width,channels): grey (1 channel) or RGB (3). free()
 * is the caller's. Fails: ESHAPE (no pixel, or too many), ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__png_make(ptrdiff_t height, ptrdiff_t width,
                                                 ptrdiff_t channels, const unsigned char *bytes,
                                                 unsigned char **file, size_t *size,
                                                 struct advntk_error *err);

#endif
