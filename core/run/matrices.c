/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/matrices.h"

#include "base/try.h"
#include "linalg/gram.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct entry {
    struct entry *next;
    uint8_t key[16];
    struct advntk_sym *matrix; /* NULL: being computed */
    int users;
};

struct advntk__matrices {
    pthread_mutex_t guard;
    pthread_cond_t changed;
    struct entry *first;
};

enum { PATIENCE = 100000000 }; /* nanoseconds */

advntk_status advntk__matrices_new(struct advntk__matrices **matrices, struct advntk_error *err)
{
    struct advntk__matrices *m = calloc(1, sizeof(*m));

    if (!m) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a list of matrices");
    }
    pthread_mutex_init(&m->guard, NULL);
    advntk__condition_init(&m->changed);
    *matrices = m;
    return ADVNTK_OK;
}

void advntk__matrices_free(struct advntk__matrices *m)
{
    if (m) {
        advntk__matrices_drop(m, NULL);
        pthread_mutex_destroy(&m->guard);
        pthread_cond_destroy(&m->changed);
        free(m);
    }
}

/* The functions below down to advntk__wait_a_moment are called with the guard held. */
static struct entry *find(const struct advntk__matrices *m, const uint8_t key[16])
{
    struct entry *e = m->first;

    while (e && memcmp(e->key, key, sizeof(e->key)) != 0) {
        e = e->next;
    }
    return e;
}

static void remove_entry(struct advntk__matrices *m, struct entry *entry)
{
    struct entry **at = &m->first;

    while (*at != entry) {
        at = &(*at)->next;
    }
    *at = entry->next;
    advntk__sym_free(entry->matrix);
    free(entry);
}

void advntk__condition_init(pthread_cond_t *changed)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool advntk__wait_a_moment(pthread_cond_t *changed, pthread_mutex_t *guard)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PATIENCE;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_cond_timedwait(changed, guard, &until) == 0;
}

/* Without the guard: computes what `e` stands for; on failure it stands no longer. */
static advntk_status fill(struct advntk__matrices *m, struct entry *e, struct advntk_host *host,
                          advntk__matrix_fn make, const struct advntk_sym **matrix,
                          struct advntk_error *err)
{
    struct advntk_sym *made = NULL;
    advntk_status rc = make(host, &made, err);

    pthread_mutex_lock(&m->guard);
    if (rc == ADVNTK_OK) {
        e->matrix = made;
        *matrix = made;
    } else {
        remove_entry(m, e);
    }
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->guard);
    return rc;
}

advntk_status advntk__matrix_get(struct advntk__matrices *m, const uint8_t key[16],
                                 struct advntk_host *host, advntk__matrix_fn make,
                                 const struct advntk_sym **matrix, struct advntk_error *err)
{
    struct entry *e = NULL;
    advntk_status rc = ADVNTK_OK;
    bool mine = false;

    *matrix = NULL;
    pthread_mutex_lock(&m->guard);
    while (rc == ADVNTK_OK && !*matrix && !mine) {
        e = find(m, key);
        if (e && e->matrix) {
            e->users++;
            *matrix = e->matrix;
        } else if (e) {
            (void)advntk__wait_a_moment(&m->changed, &m->guard);
            rc = advntk_cancelled(host, err);
        } else {
            mine = true;
        }
    }
    if (mine) {
        e = calloc(1, sizeof(*e));
        if (e) {
            memcpy(e->key, key, sizeof(e->key));
            e->users = 1;
            e->next = m->first;
            m->first = e;
        } else {
            rc = ADVNTK_FAIL(err, ENOMEM, "no memory for a list of matrices");
        }
    }
    pthread_mutex_unlock(&m->guard);
    return mine && e ? fill(m, e, host, make, matrix, err) : rc;
}

void advntk__matrix_release(struct advntk__matrices *m, const struct advntk_sym *matrix)
{
    if (!matrix) {
        return;
    }
    pthread_mutex_lock(&m->guard);
    for (struct entry *e = m->first; e; e = e->next) {
        e->users -= e->matrix == matrix;
    }
    pthread_mutex_unlock(&m->guard);
}

void advntk__matrices_drop(struct advntk__matrices *m, const uint8_t keep[16])
{
    struct entry *e, *next;

    pthread_mutex_lock(&m->guard);
    for (e = m->first; e; e = next) {
        next = e->next;
        if (e->users == 0 && !(keep && memcmp(e->key, keep, sizeof(e->key)) == 0)) {
            remove_entry(m, e);
        }
    }
    pthread_mutex_unlock(&m->guard);
}

enum advntk__matrix_state advntk__matrix_state(struct advntk__matrices *m, const uint8_t key[16])
{
    enum advntk__matrix_state state = ADVNTK__MATRIX_NONE;
    const struct entry *e;

    pthread_mutex_lock(&m->guard);
    e = find(m, key);
    if (e) {
        state = e->matrix ? ADVNTK__MATRIX_THERE : ADVNTK__MATRIX_BEGUN;
    }
    pthread_mutex_unlock(&m->guard);
    return state;
}

int64_t advntk__matrices_bytes(struct advntk__matrices *m, const uint8_t but[16])
{
    int64_t all = 0;

    pthread_mutex_lock(&m->guard);
    for (const struct entry *e = m->first; e; e = e->next) {
        if (e->matrix && !(but && memcmp(e->key, but, sizeof(e->key)) == 0)) {
            all += advntk__sym_bytes(e->matrix);
        }
    }
    pthread_mutex_unlock(&m->guard);
    return all;
}
