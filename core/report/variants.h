/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs grouped by what they are but for the seed, and the keys that tell the groups apart. */
#ifndef ADVNTK_REPORT_VARIANTS_H
#define ADVNTK_REPORT_VARIANTS_H

#include <advntk/status.h>
#include <jansson.h>

/*
 * *variants: array of {"values": {key: text}, "cases": [runs]}, in order of appearance; *keys:
 * array of {"key", "title"}. All runs that a sweep set keys for are told apart by these keys first,
 * then by parameters, by the evaluations at last. If all runs are one variant but for the seed and
 * there are at least two, the seed is the key. Both are the caller's. Fails: ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__variants(const json_t *runs, json_t **variants,
                                                 json_t **keys, struct advntk_error *err);

#endif
