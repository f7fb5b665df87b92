/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a study consists of before anything is computed: for each run its ids, what of it is done,
 * what it needs, and what can be found wrong. Plan, check and the scheduler start from here.
 */
#ifndef ADVNTK_RUN_INVENTORY_H
#define ADVNTK_RUN_INVENTORY_H

#include "recipe/resolved.h"
#include "run/data.h"
#include "run/services.h"
#include "store/folder.h"

struct advntk__builds;
struct advntk__registry;

/* One evaluation of a run. */
struct advntk__item_evaluation {
    uint8_t digest[16]; /* its identity */
    ptrdiff_t images;
    bool done;
};

struct advntk__item {
    const struct advntk__run_config *config;     /* borrowed from the study */
    const struct advntk__source *source;         /* borrowed from the inventory */
    char id[ADVNTK__ID];                         /* "": the data set could not be opened */
    uint8_t fit[16], kernel[16], images_key[16]; /* advntk__identity_kernel */
    ptrdiff_t first_of_fit;        /* the first item with this fit: itself, or an earlier one */
    enum advntk__run_state stored; /* advntk__record_state of its folder */
    bool trained;                  /* its predictor.npz is there */
    int64_t steps_done;            /* of an interrupted training */
    ptrdiff_t evaluations_left;
    struct advntk__item_evaluation *evaluations; /* as in config */
    ptrdiff_t train, validation, test, classes, height, width, channels;
    struct advntk__memory need;
    advntk_status fault;          /* why it cannot be run */
    struct advntk_error *message; /* NULL: nothing is wrong */
};

struct advntk__inventory {
    ptrdiff_t count;
    struct advntk__item *items; /* in the order of the study */
    ptrdiff_t source_count;
    struct advntk__opened_source **sources;
};

struct advntk__inventory_setup {
    struct advntk_host *host;
    const struct advntk__registry *registry;
    const char *results;
    bool with_graphs; /* also builds each layer graph, which finds more faults */
    /* Sees the record of each finished fit. NULL: records are not read (which takes longer than all
     * else), and a damaged one counts as good. */
    struct advntk__builds *builds;
};

/* What is wrong with a run stands in its item. Fails: ENOMEM, ECANCELLED. */
ADVNTK_MUST_CHECK advntk_status advntk__inventory_init(struct advntk__inventory *inventory,
                                                       const struct advntk__study *study,
                                                       const struct advntk__inventory_setup *setup,
                                                       struct advntk_error *err);
void advntk__inventory_release(struct advntk__inventory *inventory);

/* Memory for a study, and how much of it program and data sets take already. */
struct advntk__room {
    double bytes, held;
    double work;  /* more than it takes now, once runs are under way; part of held */
    bool limited; /* by --memory; else it is what is free, and nothing is held of it */
};
/* The room there is now; and marks the runs whose kernel matrix alone is too large for it to keep
 * it on the disk, where the cache may hold that much. */
struct advntk__runner_options;
struct advntk__room advntk__inventory_room(struct advntk__inventory *inventory,
                                           const struct advntk__runner_options *options,
                                           int threads);
/* ELIMIT with the numbers and what to do, where the run alone needs more. */
ADVNTK_MUST_CHECK advntk_status advntk__item_fits(const struct advntk__item *item,
                                                  struct advntk__room room,
                                                  struct advntk_error *err);

/* Whether nothing of it is left to do. */
bool advntk__item_is_done(const struct advntk__item *item);

#endif
