/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel matrices in memory, shared by the runs of a study: who asks first computes, the others
 * wait for it. A matrix that nobody uses stays until it is dropped. Safe to call from all jobs.
 */
#ifndef ADVNTK_RUN_MATRICES_H
#define ADVNTK_RUN_MATRICES_H

#include <advntk/linear.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct advntk__matrices;

ADVNTK_MUST_CHECK advntk_status advntk__matrices_new(struct advntk__matrices **matrices,
                                                     struct advntk_error *err);
void advntk__matrices_free(struct advntk__matrices *matrices); /* none is in use */

typedef advntk_status (*advntk__matrix_fn)(struct advntk_host *host, struct advntk_sym **matrix,
                                           struct advntk_error *err);
/*
 * The matrix of a key, made by `make` if it is not there; with advntk__matrix_release it is let go.
 * Where another job's make fails, this one tries for itself. Fails: what make says, ECANCELLED,
 * ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__matrix_get(struct advntk__matrices *matrices,
                                                   const uint8_t key[16], struct advntk_host *host,
                                                   advntk__matrix_fn make,
                                                   const struct advntk_sym **matrix,
                                                   struct advntk_error *err);
void advntk__matrix_release(struct advntk__matrices *matrices, const struct advntk_sym *matrix);

/* Frees the matrices that nobody uses, but for that of `keep` (NULL: none kept). */
void advntk__matrices_drop(struct advntk__matrices *matrices, const uint8_t keep[16]);

enum advntk__matrix_state { ADVNTK__MATRIX_NONE, ADVNTK__MATRIX_BEGUN, ADVNTK__MATRIX_THERE };
enum advntk__matrix_state advntk__matrix_state(struct advntk__matrices *matrices,
                                               const uint8_t key[16]);
/* Bytes of those that are there, but for that of `but` (NULL: all). */
int64_t advntk__matrices_bytes(struct advntk__matrices *matrices, const uint8_t but[16]);

/* A condition for the function below: it waits by the clock that nobody sets. */
void advntk__condition_init(pthread_cond_t *changed);
/* Waits, with the guard held, for the signal or a tenth of a second: the time between two looks at
 * Ctrl-C and at other processes. False when the time was up. */
bool advntk__wait_a_moment(pthread_cond_t *changed, pthread_mutex_t *guard);

#endif
