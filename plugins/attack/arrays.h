/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The arrays of an attack's state, named once in a table: made, stored, restored and freed through
 * it. */
#ifndef PLUGINS_ATTACK_ARRAYS_H
#define PLUGINS_ATTACK_ARRAYS_H

#include <advntk/plugin.h>

/* A member of type double * of the state; wide: n,d values, else n. Tables end with {NULL, 0,
 * false}. */
struct state_array {
    const char *name; /* in what is stored */
    size_t offset;
    bool wide;
};

#define STATE_ARRAY(type, member, is_wide)                                                         \
    {                                                                                              \
        .name = #member, .offset = ADVNTK_OFFSET(type, member, double *), .wide = (is_wide)        \
    }
#define STATE_ARRAY_END                                                                            \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static inline double **arrays_member(void *state, const struct state_array *a)
{
    return (double **)(void *)((char *)state + a->offset);
}

static inline void arrays_free(void *state, const struct state_array *table)
{
    for (; state && table->name; table++) {
        advntk_free(*arrays_member(state, table));
    }
}

/* All zero. Members must be NULL or arrays before; what was made is freed with arrays_free. */
static inline advntk_status arrays_new(void *state, const struct state_array *table,
                                       const struct advntk_attack_view *view,
                                       struct advntk_error *err)
{
    for (; state && table->name; table++) {
        double *made = advntk_alloc_zero(view->n * (table->wide ? view->d : 1), sizeof(double));
        *arrays_member(state, table) = made;
        if (!made) {
            return ADVNTK_FAIL(err, ENOMEM, "no memory for %s of %td images", table->name, view->n);
        }
    }
    return state ? ADVNTK_OK : ADVNTK_FAIL(err, ENOMEM, "no memory for the state of an attack");
}

static inline advntk_status arrays_save(const void *state, const struct state_array *table,
                                        ptrdiff_t n, ptrdiff_t d, struct advntk_writer *w,
                                        struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (; rc == ADVNTK_OK && table->name; table++) {
        const double *const *member =
            (const double *const *)(const void *)((const char *)state + table->offset);
        rc = advntk_write_reals(w, table->name, table->wide ? n * d : n, *member, err);
    }
    return rc;
}

static inline advntk_status arrays_load(void *state, const struct state_array *table, ptrdiff_t n,
                                        ptrdiff_t d, struct advntk_reader *r,
                                        struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (; rc == ADVNTK_OK && table->name; table++) {
        rc = advntk_read_reals(r, table->name, table->wide ? n * d : n,
                               *arrays_member(state, table), err);
    }
    return rc;
}

#endif
