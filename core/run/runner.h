/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One run from start to end: what is done is left alone, what was interrupted goes on. Studies:
 * run/study.h. */
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
    ptrdiff_t index; /* of the run in the study */
    enum advntk__outcome_state state;
    /* id, name, state, folder, seconds, metrics, intervals, audit, evaluations (ids by name); and
     * error where it failed. Borrowed. */
    json_t *object;
};

struct advntk__runner_options {
    const char *results;
    bool fresh;           /* begin again what is done or interrupted */
    bool fail_fast;       /* no further runs after a failure */
    bool no_share;        /* every run computes all of its own, and nothing is cached: to measure */
    bool no_probe;        /* plan: no measurements */
    int jobs;             /* runs at a time; < 1: one */
    int64_t memory_limit; /* bytes; 0: what is free */
    int64_t cache_limit;  /* bytes of RESULTS/cache; 0: the default; < 0: no cache */
    void (*report)(void *context, const struct advntk__outcome *outcome); /* after each run */
    void *context;
};

/* Bytes that RESULTS/cache may hold; -1: nothing is cached. */
int64_t advntk__cache_limit(const struct advntk__runner_options *options);

/* What a run is computed with; one run at a time. */
struct advntk__workplace {
    struct advntk_host *host;
    const struct advntk__registry *registry;
    const struct advntk__runner_options *options;
    const struct advntk__source *source; /* of the run's data set */
    struct advntk__kernel_memory memory; /* of the run before, if its kernel was the same */
    struct advntk__costs *costs;         /* where times are noted; NULL: nowhere */
    bool alone;                          /* no other run is computed at the same time */
    bool anew;                           /* what is stored of the run is removed first */
    bool train_again;                    /* keeps the stored evaluations, not the model */
    const struct advntk__family *family; /* of networks, to be computed at once; NULL: none */
    bool on_disk;                        /* the kernel matrix is larger than the memory */
};

/* The outcome of a run of which nothing is known yet. NULL: no memory. */
json_t *advntk__outcome_object(const struct advntk__run_config *config);
/* State and seconds as cli.md has them; the error where there is one. */
void advntk__outcome_complete(json_t *object, enum advntk__outcome_state state, double seconds,
                              const struct advntk_error *err);
/*
 * Trains and evaluates as far as that is not done, into RESULTS/runs/<id>; *state DONE or SKIPPED.
 * Fails: EBUSY (another process computes it), ECANCELLED, and what data, plugins and disk say.
 */
ADVNTK_MUST_CHECK advntk_status advntk__run_compute(struct advntk__workplace *place,
                                                    const struct advntk__run_config *config,
                                                    json_t *object,
                                                    enum advntk__outcome_state *state,
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
