/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small images inside a page, as PNG in data: URIs. */
#ifndef ADVNTK_REPORT_PICTURE_H
#define ADVNTK_REPORT_PICTURE_H

#include "base/text.h"

struct advntk__opened;
struct advntk__run_config;

/* An <img> of height x width pixels, channels last, values from 0 to 1 (others are cut off). One or
 * three channels; of others the first is shown. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__picture(ptrdiff_t height, ptrdiff_t width,
                                                ptrdiff_t channels, const double *pixels,
                                                const char *text, struct advntk__text *out,
                                                struct advntk_error *err);

/*
 * Attacks the first `count` test images of a stored run again with the last attack of its recipe,
 * and shows each: clean, attacked, and the difference (grey: none), with what the model sees.
 * Nothing is written where the recipe has no attack. Fails: what model and attack say, ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__examples_write(struct advntk__opened *run,
                                                       const struct advntk__run_config *config,
                                                       ptrdiff_t count, struct advntk__text *out,
                                                       struct advntk_error *err);

#endif
