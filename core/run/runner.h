/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The runs of a study, one after the other: what is done is left alone, what was interrupted goes
 * on. */
#ifndef ADVNTK_RUN_RUNNER_H
#define ADVNTK_RUN_RUNNER_H

#include "recipe/resolved.h"
#include "run/services.h"
#include "run/train.h"

#include <jansson.h>

struct advntk__registry;

enum advntk__outcome_state {
    ADVNTK__OUTCOME_DONE,
    ADVNTK__OUTCOME_SKIPPED,
    ADVNTK__OUTCOME_FAILED,
    ADVNTK__OUTCOME_INTERRUPTED
};

struct advntk__outcome {
    const struct advntk__run_config *config;
    enum advntk__outcome_state state;
    /* id, name, state, folder, seconds, metrics, intervals, audit; and error where it failed.
     * Borrowed. */
    json_t *object;
};

struct advntk__runner_options {
    const char *results;
    bool fresh;           /* begin again what is done or interrupted */
    bool fail_fast;       /* no further runs after a failure */
    int64_t memory_limit; /* bytes; 0: what is free */
    void (*report)(void *context, const struct advntk__outcome *outcome); /* after each run */
    void *context;
};

/* Also writes studies/<name>.json. Fails: EINVALID (how many runs failed; each was reported),
 * ECANCELLED, ENOMEM. */
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
struct advntk__text;
ADVNTK_MUST_CHECK advntk_status advntk__study_check(struct advntk_host *host,
                                                    const struct advntk__registry *registry,
                                                    const struct advntk__study *study,
                                                    const struct advntk__runner_options *options,
                                                    struct advntk__text *faults,
                                                    struct advntk_error *err);

/*
 * A stored run opened for use: its data and kernel, and its model. config: of its recipe.yaml. The
 * host refers to it until release.
 */
struct advntk__opened {
    struct advntk_host *host;
    const struct advntk_method_ops *method;
    struct advntk__source source;
    struct advntk__split split;
    struct advntk__kernel_memory memory;
    struct advntk__run_services services;
    void *model;
    const struct advntk_model_ops *ops;
};
ADVNTK_MUST_CHECK advntk_status advntk__opened_init(struct advntk__opened *opened,
                                                    struct advntk_host *host,
                                                    const struct advntk__run_config *config,
                                                    const struct advntk__folder *folder,
                                                    struct advntk_error *err);
void advntk__opened_release(struct advntk__opened *opened);

/* Opens the backend of a run for the host, closing the one before. */
ADVNTK_MUST_CHECK advntk_status advntk__backend_open(struct advntk_host *host,
                                                     const struct advntk_slot *backend,
                                                     struct advntk_error *err);
void advntk__backend_close(struct advntk_host *host);

#endif
