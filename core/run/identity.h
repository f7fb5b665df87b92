/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What makes two runs the same. A fit is its data (content, the images drawn, their labels, centre
 * and scale), model, method, seed and precision; an evaluation is its attack and the number of
 * images. Program, plugin files, BLAS, instruction set and threads are recorded, not part of it.
 */
#ifndef ADVNTK_RUN_IDENTITY_H
#define ADVNTK_RUN_IDENTITY_H

#include "recipe/resolved.h"
#include "run/data.h"

/* Data set content, and number and label of each training image. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__identity_data(const struct advntk__split *split,
                                                      uint8_t digest[16], struct advntk_error *err);
/* Everything that the training images' kernel matrix depends on; images: all of that but the model
 * and the precision. Fails: ENOMEM, EIO (a PATH). */
ADVNTK_MUST_CHECK advntk_status advntk__identity_kernel(const struct advntk__run_config *config,
                                                        const struct advntk__split *split,
                                                        uint8_t digest[16], uint8_t images[16],
                                                        struct advntk_error *err);
/* Images n x height x width x channels, or numbers for them; n 0: none. */
struct advntk__array {
    ptrdiff_t n, height, width, channels;
    const double *values; /* borrowed */
};
/* The same for a computation on arrays: their content, model and precision. Fails: ENOMEM, EIO. */
ADVNTK_MUST_CHECK advntk_status advntk__identity_arrays(const struct advntk__run_config *config,
                                                        ptrdiff_t count,
                                                        const struct advntk__array *arrays,
                                                        uint8_t digest[16],
                                                        struct advntk_error *err);
/*
 * The key of a kernel matrix in the cache: its identity (kernel), and all that its bits depend on
 * besides: program, plugin files, BLAS, instruction set, tiles. host: with backend and program;
 * graph: of the model, NULL without architecture. Fails: ENOMEM, EIO.
 */
struct advntk_graph;
struct advntk__registry;
ADVNTK_MUST_CHECK advntk_status advntk__identity_cached(
    const struct advntk_host *host, const struct advntk__registry *registry,
    const struct advntk__model_config *model, const uint8_t kernel[16],
    const struct advntk_graph *graph, uint8_t digest[16], struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__identity_fit(const struct advntk__run_config *config,
                                                     const struct advntk__split *split,
                                                     uint8_t digest[16], struct advntk_error *err);
/* images: how many are evaluated. Its random streams have the purpose
 * advntk__identity_purpose(digest). */
ADVNTK_MUST_CHECK advntk_status
advntk__identity_evaluation(const struct advntk__evaluation *evaluation, ptrdiff_t images,
                            uint8_t digest[16], struct advntk_error *err);
uint32_t advntk__identity_purpose(const uint8_t digest[16]); /* the low word */

#endif
