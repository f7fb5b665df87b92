/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the phases of runs cost: measured in every run, kept in RESULTS/cache/costs.jsonl, and used
 * to say beforehand how long a run takes. A class is what costs alike for all numbers of images:
 * machine, network, image shape, precision, and method or attack with everything but fractions
 * (radii, rates), which do not change the work.
 */
#ifndef ADVNTK_RUN_COST_H
#define ADVNTK_RUN_COST_H

#include "run/evaluate.h"
#include "run/inventory.h"

struct advntk__costs;

struct advntk__spent advntk__spent_now(void);
struct advntk__spent advntk__spent_since(struct advntk__spent start);
struct advntk__spent advntk__spent_less(struct advntk__spent spent, struct advntk__spent part);

/* What the cache took so far of a host; wall: where tiles are computed beside, dealt out to all
 * threads. */
struct advntk__kept advntk__kept_now(const struct advntk_host *host);
struct advntk__kept advntk__kept_since(const struct advntk_host *host, struct advntk__kept start);

enum advntk__phase {
    ADVNTK__PHASE_MATRIX, /* unit: pairs on the busiest thread (advntk__matrix_units) */
    ADVNTK__PHASE_STEP,   /* unit: a step of the method, without the next */
    ADVNTK__PHASE_FACTOR, /* unit: a step; the Cholesky factors that it computes: n^3 */
    ADVNTK__PHASE_CLEAN,  /* unit: an image; the clean pass, one for all evaluations of a model */
    ADVNTK__PHASE_EVALUATION, /* unit: an image; without the clean pass */
    ADVNTK__PHASE_REST,       /* unit: a run; data, opening, files */
    ADVNTK__PHASE_KEEPING,    /* unit: a byte of a matrix put into the cache or read from it */
    ADVNTK__PHASE_STEPS_KEPT, /* unit: all of a run's steps; what they put there and read */
    ADVNTK__PHASES
};

struct advntk__cost {
    enum advntk__phase phase;
    uint8_t kind[16]; /* the class */
    int64_t n;        /* training images */
    int threads;
    double units;
    struct advntk__spent spent;
};

/* Reads what was kept; a file that is not there, or lines that cannot be read, are nothing. results
 * NULL: nothing is read nor kept. Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__costs_new(const char *results, struct advntk__costs **costs,
                                                  struct advntk_error *err);
void advntk__costs_free(struct advntk__costs *costs);
/* Notes a cost, in the file too (where that fails, nothing is lost but the estimate). Threads:
 * safe. */
void advntk__costs_add(struct advntk__costs *costs, const struct advntk__cost *cost);
/* Of a unit for n training images (of a matrix and of a step's factors: of them whole); false:
 * nothing is known of the class. */
bool advntk__costs_get(struct advntk__costs *costs, enum advntk__phase phase,
                       const uint8_t kind[16], int64_t n, int threads, struct advntk__spent *spent);

/* The class of a phase of a run; evaluation: which one. Shape of the images: height, width,
 * channels. */
void advntk__cost_kind(const struct advntk_host *host, const struct advntk__run_config *config,
                       const ptrdiff_t shape[3], enum advntk__phase phase, ptrdiff_t evaluation,
                       uint8_t kind[16]);

/* Notes what the run of the host spent on a phase, and adds it to its meter. */
void advntk__cost_note(struct advntk_host *host, enum advntk__phase phase, ptrdiff_t evaluation,
                       double units, struct advntk__spent spent);

/* The same for the steps that the run's meter has, so many, and the factors among them. */
void advntk__cost_note_steps(struct advntk_host *host, double count);

/* Notes what a pass for several kernel matrices of the run's images spent, under its class; the
 * meter is left alone. */
void advntk__cost_note_pass(struct advntk_host *host, const uint8_t kind[16],
                            struct advntk__spent spent);

/* What an evaluation spent in all on so many images, of which `evaluated` had a clean pass of their
 * own. */
void advntk__cost_note_evaluation(struct advntk_host *host, ptrdiff_t evaluation,
                                  const struct advntk__evaluation_result *result,
                                  ptrdiff_t evaluated, struct advntk__spent spent);

double advntk__matrix_units(int64_t n, int threads);
/* Work of a Cholesky factor on the busiest thread, in multiply-adds of a product of tiles. */
double advntk__factor_units(int64_t n, int threads);

/* What Cholesky factors took so far of a host; what they took since then. */
struct advntk__spent advntk__factors_now(const struct advntk_host *host);
struct advntk__spent advntk__factors_since(const struct advntk_host *host,
                                           struct advntk__spent start);

/* What a run is expected to take. */
struct advntk__forecast {
    struct advntk__spent matrix, training, factor, evaluation, rest; /* training: without factors */
    struct advntk__spent kept_steps; /* what the cache takes in training, and a byte of a matrix */
    struct advntk__spent kept_byte;
    bool known;         /* all phases but these two were */
    bool matrix_only;   /* what is not known is the matrix alone */
    ptrdiff_t rejudged; /* evaluations that follow from another radius (run/share.h) */
};
/* As if nothing of it were done; evaluations: which ones count (NULL: all): one clean pass for them
 * and nothing for those that follow from another radius. threads: of the run. */
void advntk__forecast(struct advntk__costs *costs, const struct advntk_host *host,
                      const struct advntk__item *item, int threads, const bool *evaluations,
                      struct advntk__forecast *forecast);

#endif
