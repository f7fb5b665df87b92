/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stored runs as JSON objects: what run.json holds, or as much of it as is known of a run that is
 * not finished; always with "id", "state", "folder" and "settings".
 */
#ifndef ADVNTK_REPORT_STORED_H
#define ADVNTK_REPORT_STORED_H

#include "base/text.h"
#include "store/folder.h"

#include <jansson.h>

struct advntk_host;

/* How much of a record is wanted; less is read faster. */
enum advntk__detail {
    ADVNTK__DETAIL_LIST,    /* as below, and settings as text: advntk__stored_settings */
    ADVNTK__DETAIL_COMPARE, /* without files, environment, numerics, and the plugins of identity */
    ADVNTK__DETAIL_ALL
};

/* *object is the caller's; NULL where there is no run. Unfinished: name, method, seed, precision
 * and settings from recipe.yaml, steps and numerics from metrics.jsonl, trained: whether the model
 * is there. Fails: EIO, EFORMAT with the file, ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__stored_read(const struct advntk__folder *folder,
                                                    enum advntk__detail detail, json_t **object,
                                                    struct advntk_error *err);
/* The settings of an object, parsed now where that was put off; borrowed; NULL: it has none. */
json_t *advntk__stored_settings(json_t *object);
/* Runs by id, into the object `known` by their ids, those that it has left out; no run, no entry.
 * One that cannot be read becomes a line of `warnings`. The host's threads share the reading.
 * Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__stored_some(struct advntk_host *host, const char *results,
                                                    ptrdiff_t count, char (*ids)[ADVNTK__ID],
                                                    enum advntk__detail detail, json_t *known,
                                                    struct advntk__text *warnings,
                                                    struct advntk_error *err);
/* All runs of a results folder as an array, in the order of their ids. Fails: EIO, ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__stored_all(struct advntk_host *host, const char *results,
                                                   enum advntk__detail detail, json_t **objects,
                                                   struct advntk__text *warnings,
                                                   struct advntk_error *err);
/* studies/<name>.json; *object NULL: there is none of that name. */
ADVNTK_MUST_CHECK advntk_status advntk__stored_study(const char *results, const char *name,
                                                     json_t **object, struct advntk_error *err);

#endif
