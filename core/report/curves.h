/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The curves that a set of runs has data for. */
#ifndef ADVNTK_REPORT_CURVES_H
#define ADVNTK_REPORT_CURVES_H

#include "base/text.h"

#include <jansson.h>

/*
 * Figures, one after the other: each accuracy over every numeric key that was swept; accuracy over
 * the radius where an evaluation has several (name@radius); accuracy on the validation batches over
 * training steps; images that still stand over gradients spent on them. variants, keys: of
 * advntk__variants; metrics: names; wanted: of figures (report.curves of the recipe), NULL or none:
 * all. Lines are means over seeds, bars one standard deviation. What cannot be read is left out.
 * registry: says the units of swept keys. Returns how many figures there are.
 */
struct advntk__registry;
int advntk__curves_write(const struct advntk__registry *registry, const json_t *variants,
                         const json_t *keys, const json_t *metrics, const json_t *wanted,
                         struct advntk__text *out);

/* Whether a study wants a curve or a table of that name: it is in the list, or nothing is. */
bool advntk__is_wanted(const json_t *list, const char *name);

#endif
