/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The flight recorder: what each step of each image saw. */
#include "config.h"

#include "attack/panel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024 };

void advntk__record_release(struct advntk__record *r)
{
    free(r->index);
    free(r->part);
    free(r->restart);
    free(r->step);
    free(r->loss);
    free(r->distance);
    free(r->moved);
    free(r->turn);
    *r = (struct advntk__record){0};
}

static bool grow(void *array, ptrdiff_t room, size_t size)
{
    void *old, *grown;

    memcpy(&old, array, sizeof(old));
    grown = realloc(old, (size_t)room * size);
    if (grown) {
        memcpy(array, &grown, sizeof(grown));
    }
    return grown != NULL;
}

static bool make_room(struct advntk__record *r, ptrdiff_t more)
{
    ptrdiff_t room = r->room > 0 ? r->room : FIRST_ROOM;
    bool all;

    while (room < r->count + more) {
        room *= 2;
    }
    if (room == r->room) {
        return true;
    }
    all = grow(&r->index, room, sizeof(*r->index)) && grow(&r->part, room, sizeof(*r->part)) &&
          grow(&r->restart, room, sizeof(*r->restart)) && grow(&r->step, room, sizeof(*r->step)) &&
          grow(&r->loss, room, sizeof(*r->loss)) && grow(&r->distance, room, sizeof(double)) &&
          grow(&r->moved, room, sizeof(double)) && grow(&r->turn, room, sizeof(double));
    r->room = all ? room : r->room;
    return all;
}

static double cosine(ptrdiff_t d, const double *a, const double *b)
{
    double ab = 0, aa = 0, bb = 0;

    for (ptrdiff_t k = 0; k < d; k++) {
        ab += a[k] * b[k];
        aa += a[k] * a[k];
        bb += b[k] * b[k];
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
}

static void add_row(struct advntk__panel *p, ptrdiff_t i, bool gradient)
{
    struct advntk__record *r = p->record;
    ptrdiff_t at = r->count++, d = p->d;
    const double *point = p->point + i * d, *g = p->gradient + i * d;
    double *point_before = p->point_before + i * d, *before = p->gradient_before + i * d;

    r->index[at] = p->images.index[i];
    r->part[at] = (int32_t)p->number;
    r->restart[at] = (int32_t)p->restart;
    r->step[at] = (int32_t)p->step;
    r->loss[at] = p->loss_values[i];
    r->distance[at] = p->rows[i].distance;
    r->moved[at] =
        p->step == 0 ? 0 : p->norm->distance(p->settings->norm.config, d, point, point_before);
    r->turn[at] = gradient && p->had_gradient[i] ? cosine(d, g, before) : (double)NAN;
    memcpy(point_before, point, (size_t)d * sizeof(double));
    if (gradient) {
        memcpy(before, g, (size_t)d * sizeof(double));
    }
    p->had_gradient[i] = gradient;
}

advntk_status advntk__panel_record(struct advntk__panel *p, bool gradient, struct advntk_error *err)
{
    if (!make_room(p->record, p->n)) {
        return ADVNTK_FAIL(err, ENOMEM, "%s: no memory to record %td steps", p->part->where,
                           p->record->count);
    }
    for (ptrdiff_t i = 0; i < p->n; i++) {
        if (p->active[i]) {
            add_row(p, i, gradient);
        }
    }
    return ADVNTK_OK;
}
