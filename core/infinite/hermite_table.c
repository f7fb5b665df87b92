/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "infinite/hermite.h"

#include "base/try.h"

#include <advntk/host.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum {
    OCTAVE = 16,  /* nodes */
    OCTAVES = 64, /* of standard deviations above and below 1 */
    NODES = 2 * OCTAVES * OCTAVE + 1,
    POINTS = 8 /* of a polynomial */
};

struct node {
    double series[ADVNTK__SERIES];
    struct advntk__hermite_moments moments;
};

/* Whoever needs a node first makes it; of two that do so at once, the second throws its copy away.
 */
struct advntk__hermite_table {
    const struct advntk_activation_ops *ops;
    const void *config;
    _Atomic(struct node *) nodes[NODES];
};

struct advntk__hermite_table *advntk__hermite_table_new(const struct advntk_activation_ops *ops,
                                                        const void *config)
{
    struct advntk__hermite_table *t = advntk_alloc_zero(1, sizeof(*t));

    if (t) {
        t->ops = ops;
        t->config = config;
        for (int i = 0; i < NODES; i++) {
            atomic_init(&t->nodes[i], NULL);
        }
    }
    return t;
}

void advntk__hermite_table_free(struct advntk__hermite_table *table)
{
    for (int i = 0; table && i < NODES; i++) {
        advntk_free(atomic_load(&table->nodes[i]));
    }
    advntk_free(table);
}

static advntk_status get_node(struct advntk__hermite_table *t, ptrdiff_t index,
                              const struct node **node, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct node *have = atomic_load(&t->nodes[index]), *made = NULL;

    if (!have) {
        made = advntk_alloc(1, sizeof(*made));
        if (!made) {
            FAIL(err, ENOMEM, "no memory for the Hermite series of an activation");
        }
        TRY(advntk__hermite(t->ops, t->config, exp2((double)index / OCTAVE - OCTAVES), made->series,
                            &made->moments, err));
        if (atomic_compare_exchange_strong(&t->nodes[index], &have, made)) {
            have = made;
            made = NULL;
        }
    }
    *node = have;
out:
    advntk_free(made);
    return rc;
}

/* Lagrange's polynomials of the nodes 0 .. POINTS-1 at x. */
static void lagrange(double x, double weight[POINTS])
{
    for (int i = 0; i < POINTS; i++) {
        weight[i] = 1;
        for (int j = 0; j < POINTS; j++) {
            weight[i] *= i == j ? 1 : (x - j) / (i - j);
        }
    }
}

advntk_status advntk__hermite_at(struct advntk__hermite_table *table, double std, double *series,
                                 struct advntk__hermite_moments *moments, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    double place = std > 0 ? (log2(std) + OCTAVES) * OCTAVE : -1, weight[POINTS];
    ptrdiff_t first;

    if (!(place >= POINTS && place < NODES - POINTS)) {
        return advntk__hermite(table->ops, table->config, std, series, moments, err);
    }
    first = (ptrdiff_t)place - POINTS / 2 + 1;
    lagrange(place - (double)first, weight);
    memset(series, 0, ADVNTK__SERIES * sizeof(*series));
    *moments = (struct advntk__hermite_moments){0};
    for (int i = 0; i < POINTS; i++) {
        const struct node *node;
        TRY(get_node(table, first + i, &node, err));
        for (int n = 0; n < ADVNTK__SERIES; n++) {
            series[n] += weight[i] * node->series[n];
        }
        moments->k += weight[i] * node->moments.k;
        moments->kd += weight[i] * node->moments.kd;
        moments->slope += weight[i] * node->moments.slope;
        moments->tail = fmax(moments->tail, node->moments.tail);
        moments->tail_second = fmax(moments->tail_second, node->moments.tail_second);
    }
out:
    return rc;
}
