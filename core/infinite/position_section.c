/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which steps run shift by shift (position.h). */
#include "config.h"

#include "base/try.h"
#include "infinite/position.h"

#include <advntk/host.h>
#include <advntk/plugin.h>

/* Numbers that shifts go through for each of a map's: more, and small maps are mostly margins. */
enum { WASTE = 4 };
/* Pixels of a window at most: 256 pairs, whose sum in float32 is off by 1e-6 of it. */
enum { WINDOW = 16 };

/* Whether a step of a full map takes each shift to the same shift, in a way that the pixel passes
 * know. */
static bool keeps_shifts(const struct advntk__position_step *step)
{
    bool one = step->y.filter == 1 && step->x.filter == 1;
    bool same = step->y.stride == 1 && step->x.stride == 1 && step->y.out == step->y.in &&
                step->x.out == step->x.in && (one || !step->wraps);

    return step->full && (step->kind == ADVNTK__POSITION_SUM ||
                          (step->kind == ADVNTK__POSITION_AFFINE && same && step->w2 > 0) ||
                          (step->kind == ADVNTK__POSITION_ACTIVATION && step->series < 0));
}

static bool reads_from(const struct advntk__position_step *step, ptrdiff_t source)
{
    for (ptrdiff_t b = 0; b < step->from_count; b++) {
        if (step->from[b] < source) {
            return false;
        }
    }
    return true;
}

/* The last step so that source+1 .. it keep shifts, read nothing before the source, and only the
 * last is read by others; source: none. */
static ptrdiff_t section_end(const struct advntk__position_net *net, ptrdiff_t source)
{
    ptrdiff_t end = source, i = source + 1;

    while (end + 1 < net->count && keeps_shifts(&net->steps[end + 1]) &&
           reads_from(&net->steps[end + 1], source)) {
        end++;
    }
    while (i < end) {
        if (net->steps[i].last_use > end) {
            end--;
            i = source;
        }
        i++;
    }
    return end;
}

static bool worth_it(const struct advntk__position_net *net, ptrdiff_t source, ptrdiff_t end)
{
    for (ptrdiff_t i = source + 1; i <= end; i++) {
        if (net->steps[i].kind == ADVNTK__POSITION_ACTIVATION) {
            return net->steps[source].full;
        }
    }
    return false;
}

/* Whether step i is a pool, without far sides, that alone reads the step before it. */
static bool is_pool_behind(const struct advntk__position_net *net, ptrdiff_t i)
{
    return i < net->count && net->steps[i].kind == ADVNTK__POSITION_POOL &&
           net->steps[i].from[0] == i - 1 && net->steps[i - 1].last_use == i &&
           !net->steps[i].wraps;
}

static bool pools_all(const struct advntk__position_net *net, ptrdiff_t i)
{
    const struct advntk__position_step *step = &net->steps[i];

    return is_pool_behind(net, i) && step->pixels == 1 && step->y.filter == step->y.in &&
           step->x.filter == step->x.in && step->y.low == 0 && step->x.low == 0;
}

ptrdiff_t advntk__position_window(const struct advntk__position_axis *axis, ptrdiff_t i)
{
    ptrdiff_t from = i + axis->low, o = from / axis->stride;

    return o < axis->out && from - o * axis->stride < axis->filter ? o : -axis->out * axis->out - 1;
}

static bool shares_none(const struct advntk__position_axis *axis)
{
    return axis->stride >= axis->filter;
}

/* A pool of windows of few pixels, whose pairs are summed in the precision. */
static bool pools_windows(const struct advntk__position_net *net, ptrdiff_t i)
{
    const struct advntk__position_step *step = &net->steps[i];

    return is_pool_behind(net, i) && step->full && shares_none(&step->y) && shares_none(&step->x) &&
           step->y.filter * step->x.filter <= WINDOW;
}

static advntk_status set_columns(const struct advntk__position_axis *axis,
                                 struct advntk__position_section *s, struct advntk_error *err)
{
    s->columns = advntk_alloc_zero(axis->in, sizeof(*s->columns));
    if (!s->columns) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a network's steps");
    }
    for (ptrdiff_t i = 0; i < axis->in; i++) {
        s->columns[i] = advntk__position_window(axis, i);
    }
    return ADVNTK_OK;
}

static advntk_status fill_section(struct advntk__position_net *net,
                                  const struct advntk_graph *graph, int isa,
                                  enum advntk_precision precision, ptrdiff_t count,
                                  struct advntk__position_section *s, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t *layers = advntk_alloc_zero(count, sizeof(*layers)), used = 0;

    for (ptrdiff_t i = 0; i < count; i++) {
        used += net->steps[s->source + i].from_count;
    }
    s->from = advntk_alloc_zero(count, sizeof(*s->from));
    s->numbers = advntk_alloc_zero(used + 1, sizeof(*s->numbers));
    if (!layers || !s->from || !s->numbers) {
        FAIL(err, ENOMEM, "no memory for a network's steps");
    }
    used = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        const struct advntk__position_step *step = &net->steps[s->source + i];
        layers[i] = step->layer;
        s->from[i] = s->numbers + used;
        for (ptrdiff_t b = 0; i > 0 && b < step->from_count; b++) {
            s->numbers[used++] = step->from[b] - s->source;
        }
    }
    s->code = advntk__pixel_code(isa);
    TRY(advntk__pixel_part(graph, count, layers, s->from, isa, precision, &s->net, err));
out:
    advntk_free(layers);
    return rc;
}

advntk_status advntk__position_sections(struct advntk__position_net *net,
                                        const struct advntk_graph *graph, int isa,
                                        enum advntk_precision precision, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    net->sections = advntk_alloc_zero(net->count, sizeof(*net->sections));
    if (!net->sections) {
        FAIL(err, ENOMEM, "no memory for a network's steps");
    }
    for (ptrdiff_t i = 0; i < net->count; i++) {
        struct advntk__position_section *s = &net->sections[net->section_count];
        const struct advntk__position_step *source = &net->steps[i];
        ptrdiff_t end = section_end(net, i);
        if (!worth_it(net, i, end)) {
            continue;
        }
        net->section_count++;
        *s = (struct advntk__position_section){.source = i};
        TRY(fill_section(net, graph, isa, precision, end - i + 1, s, err));
        if (s->net.period * s->net.steps[0].span > WASTE * source->entries) {
            advntk__position_section_release(s);
            net->section_count--;
            continue;
        }
        s->images = source->kind == ADVNTK__POSITION_INPUT && source->last_use <= end;
        s->first = s->images ? i : i + 1;
        s->pools = pools_all(net, end + 1);
        s->windows = !s->pools && pools_windows(net, end + 1);
        s->last = s->pools || s->windows ? end + 1 : end;
        if (s->windows) {
            TRY(set_columns(&net->steps[s->last].x, s, err));
        }
        for (ptrdiff_t k = s->first; k <= s->last; k++) {
            net->steps[k].section = s;
        }
        i = end - 1; /* the section's output may be the next one's source */
    }
out:
    return rc;
}

void advntk__position_section_release(struct advntk__position_section *s)
{
    advntk__pixel_release(&s->net);
    advntk_free(s->from);
    advntk_free(s->numbers);
    advntk_free(s->columns);
}
