/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The runs of a study: each kernel matrix is computed once, then all runs that need it, as many at
 * a time as there are jobs and memory for. What is done is left alone, what was interrupted goes
 * on, what another process computes is waited for at the end.
 */
#ifndef ADVNTK_RUN_STUDY_H
#define ADVNTK_RUN_STUDY_H

#include "run/runner.h"

struct advntk__text;

/* Also writes studies/<name>.json. Fails: EINVALID (how many runs failed; each was reported),
 * ECANCELLED, EIO, ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__study_run(struct advntk_host *host,
                                                  const struct advntk__registry *registry,
                                                  const struct advntk__study *study,
                                                  const struct advntk__runner_options *options,
                                                  struct advntk_error *err);

/*
 * Everything that can be found wrong without running: data, sizes, the layer graph, attacks that do
 * not go with the classes, memory. A line a fault in `faults`; then EINVALID with their number.
 * Of the options it looks at results and memory_limit.
 */
ADVNTK_MUST_CHECK advntk_status advntk__study_check(struct advntk_host *host,
                                                    const struct advntk__registry *registry,
                                                    const struct advntk__study *study,
                                                    const struct advntk__runner_options *options,
                                                    struct advntk__text *faults,
                                                    struct advntk_error *err);

#endif
