/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run.json and evaluations/<id>.json: what is known of a stored run, as JSON objects. */
#ifndef ADVNTK_RUN_RECORD_H
#define ADVNTK_RUN_RECORD_H

#include "recipe/resolved.h"
#include "store/folder.h"

#include <jansson.h>

struct advntk__registry;
struct advntk__split;

/* A resolved tree: numbers and booleans as such where the text is one. NULL: no memory. */
json_t *advntk__node_json(const struct advntk_node *node);

/*
 * What the results of a run depend on, as one flat object: "method.attack.radius": 0.1, a plugin
 * under "method.plugin". Without name, seed, evaluations and report, which have places of their
 * own. tree: resolved. NULL: no memory.
 */
json_t *advntk__settings_json(const struct advntk_node *tree);

/* Replaces a file by the object's text, unless it holds that already. Takes nothing over. */
ADVNTK_MUST_CHECK advntk_status advntk__json_write(const json_t *object, const char *path,
                                                   struct advntk_error *err);
enum { ADVNTK__JSON_BYTES = 64 << 20 }; /* of a file, at most */
/* *object is the caller's. Fails: EIO, EFORMAT with line and column. parse: of text that is in
 * memory already, called path in messages. */
ADVNTK_MUST_CHECK advntk_status advntk__json_parse(const char *path, const char *bytes,
                                                   size_t count, json_t **object,
                                                   struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__json_read(const char *path, json_t **object,
                                                  struct advntk_error *err);

struct advntk__record_source {
    struct advntk_host *host; /* with backend and services */
    const struct advntk__registry *registry;
    const struct advntk__run_config *config;
    const struct advntk__split *split;
    const struct advntk__folder *folder;
};
/*
 * Writes run.json from what lies in the folder: recipe, metrics, evaluations, digests of all files.
 * started: when this process began with the run; kept from an earlier run.json if there is one.
 */
ADVNTK_MUST_CHECK advntk_status advntk__record_write(const struct advntk__record_source *source,
                                                     double started, struct advntk_error *err);

/*
 * State of a stored run as run and plan see it: a run.json that is no record of this run (empty,
 * cut short, of another one) does not finish it; the next run writes it again from what lies beside
 * it. damage: what is wrong with it; status OK: nothing. *record: what it says where it is good,
 * the caller's; else NULL.
 */
enum advntk__run_state advntk__record_state(const struct advntk__folder *folder, json_t **record,
                                            struct advntk_error *damage);

/* *held: the folder has that evaluation (digest: its identity), with the points and steps that it
 * is to keep. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__record_holds(const struct advntk__folder *folder,
                                                     const struct advntk__evaluation *evaluation,
                                                     const uint8_t digest[16], bool *held,
                                                     struct advntk_error *err);

/* Puts metrics, intervals, audit and samples (numbers of images), each by name, into those members
 * that `object` has, for one stored evaluation. */
void advntk__record_result(json_t *object, const char *name, const json_t *evaluation);

#endif
