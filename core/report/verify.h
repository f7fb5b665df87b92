/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stored run beside another computation of it: equal bits, or what differs, by how much and why.
 */
#ifndef ADVNTK_REPORT_VERIFY_H
#define ADVNTK_REPORT_VERIFY_H

#include "store/folder.h"

#include <jansson.h>

/*
 * *result is the caller's:
 *   id           of the stored run
 *   equal        whether every result of `again` is in `stored`, bit for bit, and unchanged there
 *   files        {name: "equal", "differs" or "missing"}
 *   differences  lines: which values, how many of how many, the largest gap; accuracies; files that
 *                were changed after they were written
 *   reasons      lines: what is not as it was when the run was stored (program, plugins, data,
 *                instruction set, BLAS, compiler)
 *   unchecked    names of stored evaluations that the recipe does not have
 * Times and talk are not looked at. Fails: EIO, EFORMAT (a run.json that cannot be read), ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__verify(const struct advntk__folder *stored,
                                               const struct advntk__folder *again, json_t **result,
                                               struct advntk_error *err);

#endif
