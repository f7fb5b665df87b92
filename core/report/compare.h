/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs side by side. Runs that differ in nothing but the seed are one variant; variants are
 * compared with a base. Statements over seeds (would other draws show it, on these test images?)
 * rest on paired t tests; statements over images (would other images show it, for these models?) on
 * McNemar's test, or a paired t test over the images' mean differences where there are several
 * seeds.
 */
#ifndef ADVNTK_REPORT_COMPARE_H
#define ADVNTK_REPORT_COMPARE_H

#include "report/sheet.h"

#include <jansson.h>

struct advntk_host;

struct advntk__compare_options {
    const char *by;      /* the key along which runs are compared, all others alike; NULL: `method`
                            where that and another key differ, else all with the first variant */
    const char *results; /* for messages */
    double level;        /* a difference counts below this p-value; 0: 0.05 */
};

/*
 * runs: as of advntk__select. *comparison is the caller's:
 *   keys      [{key, title}] in which the variants differ
 *   metrics   [names]
 *   by        key, or null
 *   variants  [{values: {key: text}, runs: [ids], seeds: [..], seconds, metrics: {name: {n, mean,
 * sd, low, high (Wilson, of the mean), images}}}] differences [{base, variant (numbers of
 * variants), metric, pairs, mean, sd, low, high, p_seeds, p_sign_flips, p_images, only_base,
 * only_variant, images, test, p, p_adjusted (Holm, over all differences of that metric), verdict}];
 * what cannot be had is null notes     [lines] The threads share the reading of evaluations. Fails:
 * EINVALID (no runs; no such key), EIO, EFORMAT, ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__compare(struct advntk_host *host, const json_t *runs,
                                                const struct advntk__compare_options *options,
                                                json_t **comparison, struct advntk_error *err);

/* Those of the runs that are done, in the order of their seeds, as a new array; the names of all
 * their evaluations are added to `metrics`. */
json_t *advntk__runs_finished(const json_t *runs, json_t *metrics);

/* The comparison as two tables: variants, and differences (without rows if there are none). */
void advntk__compare_variants(const json_t *comparison, struct advntk__sheet *sheet);
void advntk__compare_differences(const json_t *comparison, struct advntk__sheet *sheet);

#endif
