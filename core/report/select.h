/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which runs are meant: conditions on their records, studies, ids; and their order. */
#ifndef ADVNTK_REPORT_SELECT_H
#define ADVNTK_REPORT_SELECT_H

#include "base/text.h"
#include "report/stored.h"

#include <jansson.h>

struct advntk_host;

/* KEY=VALUE, or <, >, <=, >=, != between. */
struct advntk__condition {
    char key[128], operator_text[3];
    const char *value; /* borrowed: the end of the text */
};
bool advntk__condition_parse(const char *text, struct advntk__condition *condition);

/*
 * The value of a key in a run's object: a member ("seed"), one further inside ("metrics.clean"), a
 * setting ("method.attack.radius"), what a sweep set ("let.radius"), or the name of an evaluation
 * ("pgd10"). Keys may have dots of their own. NULL: none of these.
 */
const json_t *advntk__run_value(const json_t *object, const char *key);
/* Numbers are compared as such (VALUE may be an expression, 8/255), all else as text. */
bool advntk__condition_holds(const struct advntk__condition *condition, const json_t *value);

/* One value as people read it: a plugin slot by its name, 8/255 as that, null and none as "-". */
void advntk__value_text(const json_t *value, char *text, size_t size);

struct advntk__selection {
    json_t *runs;    /* array: an object for each run, or for each entry of a study */
    json_t *studies; /* array: the studies that were named, whole */
};
/* The detail that is wanted for conditions among words and for a key to sort by (NULL: none):
 * `least`, or all where a key is looked for in what that leaves out. */
enum advntk__detail advntk__detail_for(enum advntk__detail least, ptrdiff_t count,
                                       const char *const *words, const char *sort);

/*
 * words: a condition, the name of a study, a run's id, a unique beginning of one, or its folder.
 * Conditions take out; with conditions alone, or no words, they choose among all runs. since:
 * finished then or later: a date "2026-11-23", with time "2026-11-23T10:30", or an age "30m",
 * "12h", "7d"; NULL: any. A study's entry has only those evaluations that the study asked for,
 * under the names that it gave them. Unreadable runs become lines of `warnings`. Release in any
 * case. Fails: ENOTFOUND (no such study or run; a key that no run has), EINVALID, EIO, EFORMAT,
 * ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__select(struct advntk_host *host, const char *results,
                                               ptrdiff_t count, const char *const *words,
                                               const char *since, enum advntk__detail detail,
                                               struct advntk__selection *selection,
                                               struct advntk__text *warnings,
                                               struct advntk_error *err);
void advntk__selection_release(struct advntk__selection *selection);

/* A new array in the order of a key, falling with "-KEY"; those without it come last. Runs that are
 * equal keep their order. NULL: no memory. */
json_t *advntk__runs_sorted(const json_t *runs, const char *key);

#endif
