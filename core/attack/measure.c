/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Distances by the program's own hand, so that the audit need not believe a norm's plugin: of the
 * norms whose definition is known by their name. */
#include "config.h"

#include "attack/panel.h"
#include "attack/scan.h"
#include "base/try.h"

#include <advntk/npy.h>
#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

/* A value of the norm's config, by the name that its table gives it; false: it has none. */
static bool get(const struct advntk_slot *norm, const char *name, enum advntk_param_type type,
                void *value, size_t bytes)
{
    for (const struct advntk_param *p = norm->plugin->params; p && p->name; p++) {
        if (strcmp(p->name, name) == 0 && p->type == type) {
            memcpy(value, (const char *)norm->config + p->offset, bytes);
            return true;
        }
    }
    return false;
}

/* The values of the file that a PATH names; *step: values of an image that share one, 0: it does
 * not fit the images. No file: *values stays NULL and *step is 1. */
static advntk_status read_entries(const struct advntk_slot *norm, const char *name, ptrdiff_t d,
                                  struct advntk_arena *arena, const double **values,
                                  ptrdiff_t *step, struct advntk_error *err)
{
    struct advntk_npy npy = {.descriptor = -1};
    const char *path = NULL;
    ptrdiff_t count = 1;
    double *read;
    advntk_status rc = ADVNTK_OK;

    *step = 1;
    if (!get(norm, name, ADVNTK_PARAM_PATH, &path, sizeof(path)) || !path) {
        return ADVNTK_OK;
    }
    TRY(advntk_npy_open(&npy, path, err));
    for (int k = 0; k < npy.rank; k++) {
        count *= npy.shape[k]; /* the file holds as many */
    }
    *step = count > 0 && d % count == 0 ? d / count : 0;
    if (*step == 0) {
        goto out;
    }
    read = advntk_arena_get(arena, count, sizeof(double));
    if (!read) {
        FAIL(err, ENOMEM, "%s: no memory for %td values", path, count);
    }
    TRY(advntk_npy_read_reals(&npy, 0, count, read, err));
    *values = read;
out:
    advntk_npy_close(&npy);
    return rc;
}

advntk_status advntk__measure_make(const struct advntk_slot *norm, ptrdiff_t d,
                                   struct advntk_arena *arena, struct advntk__measure *m,
                                   struct advntk_error *err)
{
    static const struct {
        const char *name;
        enum advntk__measure_kind kind;
    } known[] = {
        {"linf", ADVNTK__MEASURE_LINF},
        {"l2", ADVNTK__MEASURE_L2},
        {"l1", ADVNTK__MEASURE_L1},
        {"l0", ADVNTK__MEASURE_L0},
        {"mahalanobis", ADVNTK__MEASURE_METRIC},
    };
    int64_t group = 1;
    advntk_status rc = ADVNTK_OK;

    *m = (struct advntk__measure){.kind = ADVNTK__MEASURE_NONE};
    if (!norm->plugin) {
        goto out;
    }
    for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
        m->kind = strcmp(norm->plugin->name, known[k].name) == 0 ? known[k].kind : m->kind;
    }
    if (m->kind == ADVNTK__MEASURE_L0) {
        bool given = get(norm, "group", ADVNTK_PARAM_INT, &group, sizeof(group));
        m->group = given && group > 0 ? (ptrdiff_t)group : 1;
    }
    if (m->kind == ADVNTK__MEASURE_METRIC) {
        TRY(read_entries(norm, "metric", d, arena, &m->weight, &m->weight_step, err));
        TRY(read_entries(norm, "mask", d, arena, &m->may, &m->may_step, err));
        if (m->weight_step == 0 || m->may_step == 0) {
            m->kind = ADVNTK__MEASURE_NONE; /* the norm's own NaN says so */
        }
    }
out:
    return rc;
}

double advntk__measure(const struct advntk__measure *m, ptrdiff_t d, const double *a,
                       const double *b)
{
    switch (m->kind) {
    case ADVNTK__MEASURE_LINF:
        return advntk__scan_linf(d, a, b);
    case ADVNTK__MEASURE_L2:
        return advntk__scan_l2(d, a, b);
    case ADVNTK__MEASURE_L1:
        return advntk__scan_l1(d, a, b);
    case ADVNTK__MEASURE_L0:
        return advntk__scan_l0(d, m->group, a, b);
    case ADVNTK__MEASURE_METRIC:
        return advntk__scan_metric(d, m->weight, m->weight_step, m->may, m->may_step, a, b);
    case ADVNTK__MEASURE_NONE:
        break;
    }
    return (double)NAN;
}
