/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a run offers to its method: the functions of advntk/method.h, and the kernel behind them. */
#ifndef ADVNTK_RUN_SERVICES_H
#define ADVNTK_RUN_SERVICES_H

#include "recipe/resolved.h"
#include "run/data.h"

#include <advntk/method.h>

/*
 * Graph, kernel, prepared training images and their Gram matrix. Kept between the runs of a study:
 * the next one with the same key uses them again. {0}: empty.
 */
struct advntk__kernel_memory {
    uint8_t key[16];
    struct advntk_graph *graph;
    const struct advntk_kernel_ops *ops;
    void *state, *points;
    struct advntk_sym *gram; /* NULL: not asked for yet */
};
void advntk__kernel_memory_clear(struct advntk__kernel_memory *memory);

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
    uint8_t kernel_key[16];
    int64_t memory_limit;   /* bytes; 0: what the machine has free */
    double gram_seconds;    /* what the kernel matrix took; 0: it was there, or is not wanted yet */
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

/* Bytes that a run will take beside what this process holds already: a kernel matrix that the run
 * before left counts nothing. */
struct advntk__memory {
    int64_t gram, method, images; /* method: a factor, Krylov vectors; images: also workspace */
};
void advntk__memory_need(const struct advntk__run_services *services, struct advntk__memory *need);
/* ELIMIT with the numbers and what to do, where that is more than memory_limit, or (limit 0) than
 * the machine has free. */
ADVNTK_MUST_CHECK advntk_status advntk__memory_fits(const struct advntk__run_services *services,
                                                    struct advntk_error *err);

#endif
