/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What running a study would do and cost, without doing it. */
#ifndef ADVNTK_RUN_PLAN_H
#define ADVNTK_RUN_PLAN_H

#include "run/runner.h"

/*
 * *plan, the caller's, is an object:
 *   study, folder;
 *   runs: a list in the order of the recipe, each with index (from 1), id, name, method, overrides,
 *     state ("done", "partly", "to do", "impossible"), error where impossible, unknown where no
 *     seconds can be said (null then): why, matrix_of and
 *     model_of (index of the first run that has the same kernel matrix, the same model), pass_of
 *     (index of the first whose matrix is computed in one pass with this one's, run/family.h),
 *     factor_of (index of the run that computes its Cholesky factor), computes_matrix,
 *     reads_matrix, computes_model, reads_factor (from the cache), seconds and processor_seconds
 *     (of what is charged to it: what is shared is charged to the first, unless options.no_share),
 *     seconds_alone (if nothing were shared), bytes (of memory, beside program and data);
 *   totals: runs, done, partly, to_do, impossible, matrices, models, evaluations (to be computed),
 *     passes (over pairs of images, to compute those matrices), matrices_read (wholly in the cache:
 *     charged as read), seconds, processor_seconds, seconds_alone, processor_seconds_alone (null
 *     where any run's are), unknown (number of those), bytes (peak of the process), memory (what
 *     may be used), jobs, threads, other_builds (finished runs that another build of program or
 *     plugins computed).
 * Where no earlier run says what a phase costs, a short measurement does (not with
 * options.no_probe). Fails: ECANCELLED, ENOMEM, EIO.
 */
ADVNTK_MUST_CHECK advntk_status advntk__plan(struct advntk_host *host,
                                             const struct advntk__registry *registry,
                                             const struct advntk__study *study,
                                             const struct advntk__runner_options *options,
                                             json_t **plan, struct advntk_error *err);

#endif
