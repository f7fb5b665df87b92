/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/verdicts.h"

#include "base/text.h"
#include "base/try.h"
#include "store/npz.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    int64_t index;
    bool robust;
};

static int by_index(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return (x->index > y->index) - (x->index < y->index);
}

/* Test images come in file order; a data set of somebody's own may not. */
static advntk_status sort_rising(struct advntk__verdicts *v, struct advntk_error *err)
{
    struct entry *entries = NULL;
    bool rising = true;

    for (ptrdiff_t i = 1; i < v->n; i++) {
        rising = rising && v->index[i - 1] <= v->index[i];
    }
    if (rising) {
        return ADVNTK_OK;
    }
    entries = calloc((size_t)v->n, sizeof(*entries));
    if (!entries) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for %td images", v->n);
    }
    for (ptrdiff_t i = 0; i < v->n; i++) {
        entries[i] = (struct entry){v->index[i], v->robust[i]};
    }
    qsort(entries, (size_t)v->n, sizeof(*entries), by_index);
    for (ptrdiff_t i = 0; i < v->n; i++) {
        v->index[i] = entries[i].index;
        v->robust[i] = entries[i].robust;
    }
    free(entries);
    return ADVNTK_OK;
}

advntk_status advntk__verdicts_read(const json_t *run, const char *name, struct advntk__verdicts *v,
                                    struct advntk_error *err)
{
    static const char *const wanted[] = {"index", "robust"};
    const char *folder = json_string_value(json_object_get(run, "folder"));
    const char *id = json_string_value(json_object_get(json_object_get(run, "evaluations"), name));
    struct advntk__npz_reader *reader = NULL;
    struct advntk__text path = {0};
    enum advntk_dtype dtype;
    ptrdiff_t shape[8] = {0};
    int rank = 0;
    advntk_status rc = ADVNTK_OK;

    *v = (struct advntk__verdicts){0};
    if (!folder || !id) {
        goto out;
    }
    advntk__text_printf(&path, "%s/evaluations/%s.npz", folder, id);
    if (path.failed) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    TRY(advntk__npz_open_some(path.bytes, 2, wanted, &reader, err));
    if (!advntk__npz_find(reader, "robust", &dtype, &rank, shape) || rank != 1) {
        FAIL(err, EFORMAT, "%s: has no list 'robust'", path.bytes);
    }
    v->index = calloc((size_t)shape[0] + 1, sizeof(*v->index));
    v->robust = calloc((size_t)shape[0] + 1, sizeof(*v->robust));
    if (!v->index || !v->robust) {
        FAIL(err, ENOMEM, "%s: no memory for %td images", path.bytes, shape[0]);
    }
    TRY(advntk__npz_read(reader, "index", ADVNTK_INT64, shape[0], v->index, err));
    TRY(advntk__npz_read(reader, "robust", ADVNTK_BOOL8, shape[0], v->robust, err));
    v->n = shape[0];
    TRY(sort_rising(v, err));
out:
    advntk__npz_close(reader);
    advntk__text_release(&path);
    if (rc != ADVNTK_OK) {
        advntk__verdicts_release(v);
    }
    return rc;
}

void advntk__verdicts_release(struct advntk__verdicts *v)
{
    free(v->index);
    free(v->robust);
    *v = (struct advntk__verdicts){0};
}

struct advntk__image_pairs advntk__verdicts_pair(const struct advntk__verdicts *a,
                                                 const struct advntk__verdicts *b,
                                                 double *difference)
{
    struct advntk__image_pairs pairs = {0};

    for (ptrdiff_t i = 0, j = 0; i < a->n && j < b->n;) {
        if (a->index[i] != b->index[j]) {
            bool first = a->index[i] < b->index[j];
            i += first;
            j += !first;
            continue;
        }
        pairs.n++;
        pairs.only_a += a->robust[i] && !b->robust[j];
        pairs.only_b += b->robust[j] && !a->robust[i];
        if (difference) {
            difference[i] += (double)b->robust[j] - (double)a->robust[i];
        }
        i++;
        j++;
    }
    return pairs;
}
