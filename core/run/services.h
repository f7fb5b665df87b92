/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run offers to its method: the functions of advntk/method.h, and the kernel behind them. */
#ifndef ADVNTK_RUN_SERVICES_H
#define ADVNTK_RUN_SERVICES_H

#include "recipe/resolved.h"
#include "run/data.h"

#include <advntk/method.h>

/*
 * Graph, kernel, prepared training images and their Gram matrix. Kept between the runs of a job:
 * the next one with the same key uses them again. The matrix may be that of another job, too.
 */
struct advntk__matrices;
struct advntk__kernel_memory {
    struct advntk__matrices *matrices; /* borrowed */
    uint8_t key[16];
    struct advntk_graph *graph;
    const struct advntk_kernel_ops *ops;
    void *state, *points;
    const struct advntk_sym *gram; /* NULL: not asked for yet */
};
/* Empties it; the matrix is let go. */
void advntk__kernel_memory_clear(struct advntk__kernel_memory *memory);

/* Seconds by the clock, and of processors. */
struct advntk__spent {
    double wall, cpu;
};
/* Where the time of a run goes; for its timing.jsonl and for run/cost.h. */
struct advntk__costs;
/* What the cache took: put into it and read from it. */
struct advntk__kept {
    struct advntk__spent spent;
    double bytes;
};

struct advntk__meter {
    struct advntk__costs *costs; /* borrowed; NULL: not noted */
    bool alone;                  /* no other run at the same time: processor seconds are its own */
    struct advntk__spent matrix; /* wall 0: it was there, or is not wanted yet */
    struct advntk__kept matrix_kept; /* what the cache took beside it, which is not in it */
    ptrdiff_t matrix_tiles;          /* computed; the others came from the cache */
    ptrdiff_t family_tiles;          /* put there by a pass for several networks (run/family.h) */
    struct advntk__spent factor;     /* Cholesky factors within the steps, which leave them out */
    struct advntk__spent steps, within; /* of the method; evaluations between its steps */
    struct advntk__kept steps_kept;     /* what the cache took beside them, the matrix left out */
    int64_t step_count;
    struct advntk__spent phases; /* all of these, and evaluations */
};

enum { ADVNTK__METRICS = 32 };
struct advntk__metric {
    const char *name; /* static */
    double value;
};

struct advntk__run_services {
    const struct advntk__run_config *config; /* borrowed, as are the next two */
    const struct advntk__split *split;
    struct advntk__kernel_memory *memory;
    struct advntk_problem problem;
    const struct advntk__registry *registry; /* borrowed; NULL: nothing is cached */
    uint8_t kernel_key[16], images_key[16];  /* advntk__identity_kernel */
    const struct advntk__family *family; /* borrowed; NULL: the kernel matrix is computed alone */
    bool on_disk;                        /* the kernel matrix stays there, and passes read it */
    struct advntk__meter meter;
    ptrdiff_t metric_count; /* of the step that runs */
    struct advntk__metric metrics[ADVNTK__METRICS];
};

/* Fails: ENOMEM, EIO. Nothing to release. */
ADVNTK_MUST_CHECK advntk_status advntk__services_init(struct advntk__run_services *services,
                                                      const struct advntk__run_config *config,
                                                      const struct advntk__split *split,
                                                      struct advntk__kernel_memory *memory,
                                                      struct advntk_error *err);

/* The graph of a model section for images of a shape; NULL for kernels without an architecture.
 * Fails as the plugins do. */
ADVNTK_MUST_CHECK advntk_status advntk__model_graph(const struct advntk__model_config *model,
                                                    ptrdiff_t height, ptrdiff_t width,
                                                    ptrdiff_t channels, ptrdiff_t classes,
                                                    struct advntk_graph **graph,
                                                    struct advntk_error *err);

/* The training images as points of a kernel's state. Fails: as points_new and points_put do. */
ADVNTK_MUST_CHECK advntk_status advntk__train_points(struct advntk_host *host,
                                                     const struct advntk_kernel_ops *ops,
                                                     void *state, void **points,
                                                     struct advntk_error *err);

/* The cache entry of a kernel matrix of the run's images; NULL: it is not cached. config: of the
 * model, for people. Fails: ECANCELLED, ENOMEM. */
struct advntk__tiles;
ADVNTK_MUST_CHECK advntk_status advntk__open_stored(struct advntk_host *host,
                                                    const struct advntk__run_config *config,
                                                    const uint8_t key[16],
                                                    struct advntk__tiles **stored,
                                                    struct advntk_error *err);

/* Bytes that a run takes beside the data sets: the kernel matrix, which runs may share, and what is
 * its own. */
struct advntk__memory {
    int64_t gram, method, images; /* method: a factor, Krylov vectors; images: also workspace */
    bool on_disk;                 /* the kernel matrix; gram is of the tiles at work then */
};
void advntk__memory_need(const struct advntk__run_services *services, struct advntk__memory *need);
/* "37.3 GiB"; returns text */
const char *advntk__size_text(int64_t bytes, char text[32]);

#endif
