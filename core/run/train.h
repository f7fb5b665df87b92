/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The loop over a method's steps, with a checkpoint after each, and the model that comes out of it.
 */
#ifndef ADVNTK_RUN_TRAIN_H
#define ADVNTK_RUN_TRAIN_H

#include "recipe/resolved.h"
#include "run/data.h"
#include "store/folder.h"

#include <advntk/method.h>

struct advntk__fit {
    struct advntk_host *host; /* with its services */
    const struct advntk__run_config *config;
    const struct advntk__split *split;
    const struct advntk__folder *folder; /* locked */
};

/*
 * Trains from the beginning or from the checkpoint, to the same bits, and leaves predictor.npz,
 * metrics.jsonl and timing.jsonl. Fails: what the method says, prefixed with its name and the step;
 * ECANCELLED (the last checkpoint stands); EIO.
 */
ADVNTK_MUST_CHECK advntk_status advntk__train(const struct advntk__fit *fit,
                                              struct advntk_error *err);

/* The model of predictor.npz; free with the method's model_free. Fails: EFORMAT (other images than
 * the split's). */
ADVNTK_MUST_CHECK advntk_status advntk__fit_import(const struct advntk__fit *fit, void **model,
                                                   const struct advntk_model_ops **ops,
                                                   struct advntk_error *err);

/* A line of timing.jsonl: {"<what>": number or name, "seconds": s}; name NULL: the number. */
ADVNTK_MUST_CHECK advntk_status advntk__timing(const struct advntk__folder *folder,
                                               const char *what, const char *name, int64_t number,
                                               double seconds, struct advntk_error *err);

#endif
