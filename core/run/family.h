/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel matrices of several networks of a study from one pass over the pairs of images: networks
 * for the same images, precision and kernel whose graphs begin alike, as in a sweep over depth. The
 * pass puts the tiles of all into the cache, from where each run reads its matrix as if it had
 * been there before; so the memory holds no more than a few tiles of each, a killed pass goes on
 * where it was, and without a cache each run computes its own.
 *
 * Networks whose kernel has no passes for several (advntk/kernel.h, kinship) are computed alone.
 */
#ifndef ADVNTK_RUN_FAMILY_H
#define ADVNTK_RUN_FAMILY_H

#include "run/inventory.h"

struct advntk__runner_options;

struct advntk__member {
    const struct advntk__run_config *config; /* borrowed; of the first run with this matrix */
    uint8_t kernel[16];
    double flops; /* of a pair, alone */
};

struct advntk__family {
    ptrdiff_t count, room;
    struct advntk__member *members;
    double flops; /* of a pair, all in one pass */
};

struct advntk__families {
    ptrdiff_t count;
    struct advntk__family *list;
    ptrdiff_t *of; /* of each item: its family; -1: its matrix is computed alone, or not at all */
};

/* The families of the runs that are still to be trained; none where nothing is shared or cached.
 * Cost: the graphs of all different networks. Fails: ENOMEM, and what the plugins say. */
ADVNTK_MUST_CHECK advntk_status advntk__families_init(struct advntk__families *families,
                                                      const struct advntk__inventory *inventory,
                                                      const struct advntk__runner_options *options,
                                                      struct advntk_error *err);
void advntk__families_release(struct advntk__families *families);

/* Whether the pass fits into what the item's matrix and method will take, and `free` bytes. */
bool advntk__family_fits(const struct advntk__family *family, const struct advntk__item *item,
                         int threads, double free);

/* What the pass for all of its matrices takes with the threads of the host, as earlier ones did:
 * that is not what any one of them takes alone. item: of the family. false: no record says. */
struct advntk__costs;
bool advntk__family_cost(const struct advntk__family *family, struct advntk__costs *costs,
                         const struct advntk_host *host, const struct advntk__item *item,
                         struct advntk__spent *spent);

/*
 * Within a run of the family: what of its matrices the cache lacks. Nothing to do where the run's
 * own is whole or no other is missing. *computed: places of tiles. Waits for other processes that
 * compute one of them. Fails: ECANCELLED, EIO and ELIMIT (the cache takes not all), ENOMEM, and
 * what the kernel says; what was kept stays.
 */
ADVNTK_MUST_CHECK advntk_status advntk__family_fill(struct advntk_host *host,
                                                    const struct advntk__family *family,
                                                    ptrdiff_t *computed, struct advntk_error *err);

#endif
