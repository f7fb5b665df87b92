/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plugins that a run uses, found through the parameter tables of the slots that hold them. */
#ifndef ADVNTK_RUN_SLOTS_H
#define ADVNTK_RUN_SLOTS_H

#include "recipe/resolved.h"

/* Calls visit for a slot and for every slot in its parameters, outer ones first; empty ones are
 * left out. */
typedef advntk_status (*advntk__slot_fn)(void *context, const struct advntk_slot *slot,
                                         struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk__slots_visit(const struct advntk_slot *slot,
                                                    advntk__slot_fn visit, void *context,
                                                    struct advntk_error *err);
/* All slots of a run. */
ADVNTK_MUST_CHECK advntk_status advntk__run_slots_visit(const struct advntk__run_config *config,
                                                        advntk__slot_fn visit, void *context,
                                                        struct advntk_error *err);

/*
 * What can only be said once the number of classes is known: attacks and losses that need more,
 * attacks that do not work with their norm. Fails: EUNSUPPORTED, EINVALID, with what to use
 * instead.
 */
ADVNTK_MUST_CHECK advntk_status advntk__slots_check(const struct advntk__run_config *config,
                                                    ptrdiff_t classes, struct advntk_error *err);

#endif
