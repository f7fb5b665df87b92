/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Short measurements of what runs will do, where no earlier run says what it costs. */
#ifndef ADVNTK_RUN_PROBE_H
#define ADVNTK_RUN_PROBE_H

#include "run/cost.h"

/*
 * Computes a small version of a run (few training images, a step or two, one panel of test images)
 * and notes the costs of its phases; a second, larger one that takes some seconds, but is at
 * least twice as large. Writes no results. host: as the run would have, its run services are taken.
 * Fails: as the run would; ECANCELLED.
 */
ADVNTK_MUST_CHECK advntk_status advntk__probe(struct advntk_host *host,
                                              const struct advntk__item *item,
                                              struct advntk__costs *costs,
                                              struct advntk_error *err);

/* What lies in RESULTS/cache. */
struct advntk__cached {
    double missing;    /* share of the kernel matrix that is still to be computed; 1: all of it */
    double reading;    /* seconds to read the rest */
    bool wants_factor; /* training asks for its Cholesky factor */
    uint8_t factor_key[16];
    bool factor;           /* which is there, whole */
    double reading_factor; /* seconds */
};
/*
 * The name of an item's kernel matrix in the cache, for this build and machine: the same for all
 * items of one kernel, and dear, as it draws their images. host: with the program's digest; its run
 * services are taken. Fails: as the run would.
 */
ADVNTK_MUST_CHECK advntk_status advntk__probe_key(struct advntk_host *host,
                                                  const struct advntk__registry *registry,
                                                  const struct advntk__item *item, uint8_t key[16],
                                                  struct advntk_error *err);
/* What an item needs of the cache, key: of its matrix. Fails: ENOMEM, EIO. */
ADVNTK_MUST_CHECK advntk_status advntk__probe_cache(const struct advntk__item *item,
                                                    const char *results, const uint8_t key[16],
                                                    struct advntk__cached *cached,
                                                    struct advntk_error *err);

#endif
