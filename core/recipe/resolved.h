/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From a recipe file to resolved runs. Three things that stay apart: a recipe is what was written,
 * a resolved run has every parameter of every plugin set and checked, a study is the list of runs
 * that a recipe's sweep expands to.
 */
#ifndef ADVNTK_RECIPE_RESOLVED_H
#define ADVNTK_RECIPE_RESOLVED_H

#include <advntk/kernel.h>
#include <advntk/param.h>

struct advntk__registry;
struct advntk__text;

/* data: section */
enum advntk__subset { ADVNTK__SUBSET_RANDOM, ADVNTK__SUBSET_FIRST };
struct advntk__data_config {
    struct advntk_slot dataset;
    int64_t train, validation, test; /* test -1: all */
    double center;
    struct advntk_list mean, std; /* reals, one a channel; empty: center, 1 */
    struct advntk_list classes;   /* ints; empty: all */
    int subset;
    bool balanced;
    double label_noise;
    int64_t seed; /* -1: the run's seed */
};

struct advntk__model_config {
    struct advntk_slot architecture; /* empty where the kernel needs none */
    struct advntk_slot kernel;
};

enum advntk__select { ADVNTK__SELECT_LAST, ADVNTK__SELECT_BEST_VALIDATION_ROBUST };

struct advntk__evaluation {
    const char *name;
    struct advntk_slot attack; /* empty: clean accuracy only */
    int64_t samples;           /* 0: all test images */
};

struct advntk__run_config {
    const char *name;
    int64_t seed;
    enum advntk_precision precision;
    struct advntk__data_config data;
    struct advntk__model_config model;
    struct advntk_slot method; /* plugin NULL: recipe has only a model: section */
    int select;                /* of method: enum advntk__select */
    int64_t evaluate_every;    /* 0: only at the end */
    ptrdiff_t evaluation_count;
    const struct advntk__evaluation *evaluations;
    struct advntk_slot backend;
    const char *question; /* report.question; NULL: absent */
    /* report.curves, report.tables: lists of names that are known; NULL: all */
    const struct advntk_node *curves, *tables;
    const struct advntk_node
        *tree; /* fully resolved, every default filled in, no ref, let or sweep left */
    const struct advntk_node
        *overrides; /* map of the sweep's keys and values of this run, for tables; NULL: no sweep */
};

struct advntk__study {
    const char *name, *file;
    const char
        *source; /* the recipe as written, after ${} and extends were read: the text of the file */
    ptrdiff_t count;
    const struct advntk__run_config *runs;
    struct advntk__study_memory *memory; /* owns everything above */
};

struct advntk__recipe_options {
    ptrdiff_t override_count;
    const char *const *overrides; /* "key=value" of -s */
    ptrdiff_t sweep_count;
    const char *const *sweeps; /* "key=[a,b]" of --sweep */
    bool model_only;           /* `kernel`: data, method and evaluate may be absent */
};

/*
 * Reads, composes, expands and checks. All mistakes are reported in one go: a line each in
 * `messages`, "file:line:column: error: key path: got, expected, nearest name"; then the status is
 * EINVALID and err says how many. *study is NULL unless OK.
 */
ADVNTK_MUST_CHECK advntk_status advntk__study_load(const struct advntk__registry *registry,
                                                   const char *file,
                                                   const struct advntk__recipe_options *options,
                                                   struct advntk__study **study,
                                                   struct advntk__text *messages,
                                                   struct advntk_error *err);
void advntk__study_free(struct advntk__study *study);

/* A resolved run's tree as YAML: reading it back gives the same run, bit for bit. */
void advntk__tree_print(const struct advntk_node *tree, struct advntk__text *out);

struct advntk__hash;
/*
 * What identifies a slot: kind, name, major version of the plugin and every parameter (doubles in
 * binary, a PATH as the digest of the file if it is one), slots within slots alike; parameters
 * younger than the first release are left out while they have their default, as are those marked
 * ADVNTK_P_NO_IDENTITY. A dataset's slot does not use this: its content digest stands for it.
 */
ADVNTK_MUST_CHECK advntk_status advntk__slot_identity(const struct advntk_slot *slot,
                                                      struct advntk__hash *hash,
                                                      struct advntk_error *err);

/* The same for what a tree says: two trees of one meaning (8/255 and its value) have one digest. */
ADVNTK_MUST_CHECK advntk_status advntk__tree_identity(const struct advntk_node *tree,
                                                      uint8_t digest[16], struct advntk_error *err);

#endif
