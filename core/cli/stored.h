/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be said of a stored run that is not finished. */
#ifndef ADVNTK_CLI_STORED_H
#define ADVNTK_CLI_STORED_H

#include "store/folder.h"

#include <jansson.h>

/*
 * id, state, folder; name, method, seed, precision from recipe.yaml; steps and numerics from
 * metrics.jsonl; trained: whether the model is there. *object is the caller's. Fails: EIO, EFORMAT
 * with the file, ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status cli_stored_interrupted(const struct advntk__folder *folder,
                                                       json_t **object, struct advntk_error *err);

#endif
