/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Evaluations that differ in the radius alone, where one run of the attack says all: attacks that
 * look for the nearest point go on until they have found one within the radius, so what stood a
 * smaller radius is known to a larger one.
 */
#ifndef ADVNTK_RUN_SHARE_H
#define ADVNTK_RUN_SHARE_H

#include "run/evaluate.h"

/*
 * Does a result of `before` say what `after` would find? Both attack with goal MIN_NORM, one
 * restart and no random start, alike in everything but the radius, which is no smaller afterwards,
 * and neither keeps points or steps. Fails: ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__evaluations_share(const struct advntk__evaluation *before,
                                                          const struct advntk__evaluation *after,
                                                          bool *share, struct advntk_error *err);

/* Who stands at another radius, no smaller; the audit with it. What was spent stays with the
 * evaluation that spent it: here it is 0. */
void advntk__evaluation_rejudge(struct advntk__evaluation_result *result, double radius);

#endif
