/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A graph as steps over maps, and where the maps are. */
#include "config.h"

#include "base/text.h"
#include "base/try.h"
#include "infinite/hermite.h"
#include "infinite/position.h"

#include <advntk/host.h>
#include <advntk/plugin.h>

enum { ALIGN = 16 };                     /* numbers: maps begin at whole cache lines */
#define NUMBERS_MAX ((ptrdiff_t)1 << 44) /* of all maps together, so that sizes do not overflow */

struct compiler {
    const struct advntk_graph *graph;
    struct advntk__position_net *net;
    ptrdiff_t *step_of; /* layers: the step that has its value */
    int isa;
    enum advntk_precision precision;
};

static void set_axis(struct advntk__position_axis *axis, ptrdiff_t in,
                     const struct advntk_window *w, int i)
{
    axis->in = in;
    axis->filter = w->filter[i];
    axis->stride = w->stride[i];
    axis->out = advntk__graph_positions(in, axis->filter, axis->stride, w->padding, &axis->low);
}

static void set_windows(const struct advntk__layer *layer, const struct advntk__layer *in,
                        struct advntk__position_step *step)
{
    struct advntk_window one = {{1, 1}, {1, 1}, ADVNTK_PADDING_VALID};
    const struct advntk_window *w = layer->kind == ADVNTK__LAYER_DENSE ? &one : &layer->window;
    double inputs = (double)w->filter[0] * (double)w->filter[1];

    set_axis(&step->y, in->shape.height, w, 0);
    set_axis(&step->x, in->shape.width, w, 1);
    step->wraps = w->padding == ADVNTK_PADDING_CIRCULAR;
    step->scale = layer->sums ? 1 : 1 / (inputs * inputs);
    step->w2 = layer->affine.w_std * layer->affine.w_std;
    step->b2 = layer->affine.b_std * layer->affine.b_std;
    /* NTK: T' = K' + w2 A T */
    step->mix = layer->width > 0 ? layer->fan_in : step->w2;
    step->one = layer->width > 0 ? layer->affine.b_std > 0 : step->b2;
}

static advntk_status set_activation(const struct compiler *c, const struct advntk__layer *layer,
                                    struct advntk__position_step *step, struct advntk_error *err)
{
    const struct advntk_activation_ops *ops = layer->activation.plugin->ops;

    step->ops = ops;
    step->config = layer->activation.config;
    step->dual32 = ops->dual32[c->isa] ? ops->dual32[c->isa] : ops->dual32[ADVNTK_ISA_PORTABLE];
    step->dual64 = ops->dual64[c->isa] ? ops->dual64[c->isa] : ops->dual64[ADVNTK_ISA_PORTABLE];
    step->series = -1;
    if (!step->dual64 && !step->dual32) {
        step->series = c->net->series;
        c->net->series += ADVNTK__SERIES * step->pixels;
        step->table = advntk__hermite_table_new(ops, step->config);
        if (!step->table) {
            return ADVNTK_FAIL(err, ENOMEM, "no memory for the Hermite series of an activation");
        }
    } else if (!step->dual64 || (c->precision == ADVNTK_PRECISION_FLOAT32 && !step->dual32)) {
        return ADVNTK_FAIL(err, EUNSUPPORTED,
                           "activation %s has no dual moments in %s: use it in another precision",
                           layer->activation.plugin->name, step->dual64 ? "float32" : "float64");
    }
    return ADVNTK_OK;
}

/* Appends a step that reads `from`. */
static advntk_status append(struct compiler *c, ptrdiff_t layer, ptrdiff_t count,
                            const ptrdiff_t *from, bool full, struct advntk__position_step **step,
                            struct advntk_error *err)
{
    struct advntk__position_net *net = c->net;
    const struct advntk__layer *l = advntk__graph_layer(c->graph, layer);
    struct advntk__position_step *s = &net->steps[net->count];
    ptrdiff_t pixels = l->shape.height * l->shape.width;

    *s = (struct advntk__position_step){.layer = layer,
                                        .from_count = count,
                                        .height = l->shape.height,
                                        .width = l->shape.width,
                                        .pixels = pixels,
                                        .full = full,
                                        .last_use = net->count};
    if (pixels > NUMBERS_MAX / (full ? pixels : 1)) {
        return ADVNTK_FAIL(err, ELIMIT, "layer %td (%s): pairs of %td positions are too many",
                           layer, advntk__layer_kind_name(l), pixels);
    }
    s->entries = full ? pixels * pixels : pixels;
    s->from = advntk_alloc_zero(count + 1, sizeof(*s->from));
    if (!s->from) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a network's steps");
    }
    for (ptrdiff_t b = 0; b < count; b++) {
        s->from[b] = from[b];
        net->steps[from[b]].last_use = net->count;
    }
    net->most_pixels = pixels > net->most_pixels ? pixels : net->most_pixels;
    net->count++;
    *step = s;
    return ADVNTK_OK;
}

/* The step to read for layer `from`: its diagonal where it has more than is asked for. */
static advntk_status input_step(struct compiler *c, ptrdiff_t from, bool full, ptrdiff_t *number,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__position_step *step;

    *number = c->step_of[from];
    if (c->net->steps[*number].full && !full) {
        TRY(append(c, c->net->steps[*number].layer, 1, number, false, &step, err));
        step->kind = ADVNTK__POSITION_DIAGONAL;
        *number = c->net->count - 1;
    }
out:
    return rc;
}

static enum advntk__position_kind kind_of(enum advntk__layer_kind kind)
{
    switch (kind) {
    case ADVNTK__LAYER_DENSE:
    case ADVNTK__LAYER_CONV:
        return ADVNTK__POSITION_AFFINE;
    case ADVNTK__LAYER_FLATTEN:
        return ADVNTK__POSITION_MEAN;
    case ADVNTK__LAYER_ACTIVATION:
        return ADVNTK__POSITION_ACTIVATION;
    case ADVNTK__LAYER_NORM:
        return ADVNTK__POSITION_NORM;
    case ADVNTK__LAYER_SUM:
        return ADVNTK__POSITION_SUM;
    case ADVNTK__LAYER_PRODUCT:
        return ADVNTK__POSITION_PRODUCT;
    case ADVNTK__LAYER_POOL:
        return ADVNTK__POSITION_POOL;
    case ADVNTK__LAYER_INPUT:
    case ADVNTK__LAYER_DROPOUT: /* no step */
        break;
    }
    return ADVNTK__POSITION_INPUT;
}

static advntk_status add_layer(struct compiler *c, ptrdiff_t i, ptrdiff_t *from,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__layer *layer = advntk__graph_layer(c->graph, i), *in = layer;
    struct advntk__position_step *step;
    bool pools = layer->kind == ADVNTK__LAYER_POOL;

    if (layer->from_count > 0) {
        in = advntk__graph_layer(c->graph, layer->from[0]);
    }
    if (layer->kind == ADVNTK__LAYER_DROPOUT ||
        (layer->kind == ADVNTK__LAYER_FLATTEN && in->shape.height * in->shape.width == 1)) {
        c->step_of[i] = c->step_of[layer->from[0]];
        goto out;
    }
    for (ptrdiff_t b = 0; b < layer->from_count; b++) {
        TRY(input_step(c, layer->from[b], layer->full || pools, &from[b], err));
    }
    TRY(append(c, i, layer->from_count, from, layer->full, &step, err));
    c->step_of[i] = c->net->count - 1;
    step->kind = kind_of(layer->kind);
    if (step->kind == ADVNTK__POSITION_AFFINE || pools) {
        set_windows(layer, in, step);
    }
    if (layer->kind == ADVNTK__LAYER_ACTIVATION || layer->kind == ADVNTK__LAYER_NORM ||
        layer->kind == ADVNTK__LAYER_PRODUCT) {
        c->net->last_curved = c->net->count - 1;
    }
    if (layer->kind == ADVNTK__LAYER_ACTIVATION || layer->kind == ADVNTK__LAYER_NORM) {
        step->slot = c->net->slots;
        c->net->slots += step->pixels;
        step->eps = layer->eps;
        step->whole_image = layer->whole_image;
    }
    if (layer->kind == ADVNTK__LAYER_ACTIVATION) {
        TRY(set_activation(c, layer, step, err));
    }
out:
    return rc;
}

/* ---- plans ---- */

/* Pieces of memory; free ones are reused by maps that fill them well. */
struct pieces {
    ptrdiff_t *offset, *size, *unused; /* unused: numbers of free pieces */
    ptrdiff_t *piece_of;               /* steps */
    ptrdiff_t count, unused_count, total;
};

static void take_piece(struct pieces *p, ptrdiff_t step, ptrdiff_t entries)
{
    ptrdiff_t need = (entries + ALIGN - 1) / ALIGN * ALIGN, best = -1;

    for (ptrdiff_t u = 0; u < p->unused_count; u++) {
        ptrdiff_t size = p->size[p->unused[u]];
        if (size >= need && size <= 4 * need && (best < 0 || size < p->size[p->unused[best]])) {
            best = u;
        }
    }
    if (best >= 0) {
        p->piece_of[step] = p->unused[best];
        p->unused[best] = p->unused[--p->unused_count];
        return;
    }
    p->piece_of[step] = p->count;
    p->offset[p->count] = p->total;
    p->size[p->count++] = need;
    p->total += need;
}

static void free_piece(struct pieces *p, ptrdiff_t step)
{
    p->unused[p->unused_count++] = p->piece_of[step];
}

/* Sections leave a map at their last step and read that of their source alone. */
static bool has_map(const struct advntk__position_net *net, ptrdiff_t i)
{
    const struct advntk__position_section *s = net->steps[i].section;
    return !s || s->last == i;
}

/* The steps that step i reads. */
static const ptrdiff_t *reads(const struct advntk__position_net *net, ptrdiff_t i, ptrdiff_t *count)
{
    const struct advntk__position_section *s = net->steps[i].section;

    *count = s ? (s->images ? 0 : 1) : net->steps[i].from_count;
    return s ? &s->source : net->steps[i].from;
}

/* The last step that reads step i. */
static ptrdiff_t last_reader(const struct advntk__position_net *net, ptrdiff_t i)
{
    ptrdiff_t last = net->steps[i].last_use;
    const struct advntk__position_section *s = net->steps[last].section;

    return s ? s->last : last;
}

/* Whether the map of step i takes the place of the first that it reads, entry by entry. */
static bool in_place(const struct advntk__position_net *net, ptrdiff_t i, const bool *kept)
{
    const struct advntk__position_section *s = net->steps[i].section;
    enum advntk__position_kind kind = net->steps[i].kind;
    ptrdiff_t count;
    const ptrdiff_t *from = reads(net, i, &count);
    bool can = s ? !s->pools && !s->windows
                 : kind == ADVNTK__POSITION_ACTIVATION || kind == ADVNTK__POSITION_NORM ||
                       kind == ADVNTK__POSITION_SUM || kind == ADVNTK__POSITION_PRODUCT;

    return can && count > 0 && last_reader(net, from[0]) == i && !(kept && kept[from[0]]);
}

/* kept: steps whose values reverse mode reads again; NULL: none. */
static void plan_values(const struct advntk__position_net *net, const bool *kept, struct pieces *p)
{
    for (ptrdiff_t i = 0; i < net->count; i++) {
        ptrdiff_t count;
        const ptrdiff_t *from = reads(net, i, &count);
        bool moves = in_place(net, i, kept);
        if (!has_map(net, i)) {
            continue;
        }
        if (moves) {
            p->piece_of[i] = p->piece_of[from[0]];
        } else {
            take_piece(p, i, net->steps[i].entries);
        }
        for (ptrdiff_t b = moves ? 1 : 0; b < count; b++) {
            if (last_reader(net, from[b]) == i && !(kept && kept[from[b]])) {
                free_piece(p, from[b]);
            }
        }
    }
}

static void plan_reverse(const struct advntk__position_net *net, struct pieces *p)
{
    take_piece(p, net->count - 1, net->steps[net->count - 1].entries);
    for (ptrdiff_t i = net->count - 1; i > 0; i--) {
        ptrdiff_t count;
        const ptrdiff_t *from = reads(net, i, &count);
        for (ptrdiff_t b = 0; has_map(net, i) && b < count; b++) {
            if (last_reader(net, from[b]) == i) {
                take_piece(p, from[b], net->steps[from[b]].entries);
            }
        }
        if (has_map(net, i)) {
            free_piece(p, i);
        }
    }
}

static void finish_plan(const struct advntk__position_net *net, struct pieces *p,
                        struct advntk__position_plan *plan)
{
    for (ptrdiff_t i = 0; i < net->count; i++) {
        plan->at[i] = p->offset[p->piece_of[i]];
    }
    plan->size = p->total;
    p->count = p->unused_count = p->total = 0;
}

/* Steps whose values reverse mode reads (affine: those of affine steps too): kept; whether there
 * are any. */
static bool find_kept(const struct advntk__position_net *net, bool affine, bool *kept)
{
    bool any = false;

    for (ptrdiff_t i = 0; i < net->count; i++) {
        enum advntk__position_kind kind = net->steps[i].kind;
        ptrdiff_t count;
        const ptrdiff_t *from = reads(net, i, &count);
        bool again = net->steps[i].section || kind == ADVNTK__POSITION_ACTIVATION ||
                     kind == ADVNTK__POSITION_NORM || kind == ADVNTK__POSITION_PRODUCT;
        for (ptrdiff_t b = 0; again && has_map(net, i) && b < count; b++) {
            kept[from[b]] = true;
            any = true;
        }
        if (affine && kind == ADVNTK__POSITION_AFFINE) {
            kept[i] = any = true;
        }
    }
    return any;
}

static advntk_status make_plans(struct advntk__position_net *net, bool keep,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t n = net->count;
    ptrdiff_t *numbers = advntk_alloc_zero(4 * n, sizeof(*numbers));
    bool *kept = advntk_alloc_zero(n, sizeof(*kept));
    struct pieces p = {0};

    net->forward.at = advntk_alloc_zero(n, sizeof(*net->forward.at));
    net->kept.at = advntk_alloc_zero(n, sizeof(*net->kept.at));
    net->reverse.at = advntk_alloc_zero(n, sizeof(*net->reverse.at));
    if (!numbers || !kept || !net->forward.at || !net->kept.at || !net->reverse.at) {
        FAIL(err, ENOMEM, "no memory for a network's steps");
    }
    p.offset = numbers;
    p.size = numbers + n;
    p.unused = numbers + 2 * n;
    p.piece_of = numbers + 3 * n;
    net->replays = find_kept(net, keep, kept);
    plan_values(net, NULL, &p);
    finish_plan(net, &p, &net->forward);
    plan_values(net, kept, &p);
    finish_plan(net, &p, &net->kept);
    plan_reverse(net, &p);
    finish_plan(net, &p, &net->reverse);
out:
    advntk_free(numbers);
    advntk_free(kept);
    return rc;
}

advntk_status advntk__position_compile(const struct advntk_graph *graph, int isa,
                                       enum advntk_precision precision, bool keep,
                                       struct advntk__position_net *net, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t n = advntk__graph_count(graph), steps = 0, most = 1;
    struct compiler c = {.graph = graph, .net = net, .isa = isa, .precision = precision};
    ptrdiff_t *from = NULL;
    double numbers = 0;

    *net = (struct advntk__position_net){.channels = advntk__graph_layer(graph, 0)->shape.channels};
    for (ptrdiff_t i = 0; i < n; i++) {
        ptrdiff_t count = advntk__graph_layer(graph, i)->from_count;
        steps += count + 1; /* each branch may need its diagonal */
        most = count > most ? count : most;
    }
    net->steps = advntk_alloc_zero(steps, sizeof(*net->steps));
    c.step_of = advntk_alloc_zero(n, sizeof(*c.step_of));
    from = advntk_alloc_zero(most, sizeof(*from));
    if (!net->steps || !c.step_of || !from) {
        FAIL(err, ENOMEM, "no memory for a network of %td layers", n);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        TRY(add_layer(&c, i, from, err));
        numbers += (double)net->steps[net->count - 1].entries;
    }
    if (numbers > (double)NUMBERS_MAX) {
        FAIL(err, ELIMIT, "%td layers have %g numbers a pair of images", n, numbers);
    }
    if (!keep) {
        TRY(advntk__position_sections(net, graph, isa, precision, err));
    }
    TRY(make_plans(net, keep, err));
    advntk__position_measure(net);
out:
    advntk_free(c.step_of);
    advntk_free(from);
    return rc;
}

void advntk__position_release(struct advntk__position_net *net)
{
    for (ptrdiff_t i = 0; i < net->count; i++) {
        advntk_free(net->steps[i].from);
        advntk__hermite_table_free(net->steps[i].table);
    }
    for (ptrdiff_t i = 0; i < net->section_count; i++) {
        advntk__position_section_release(&net->sections[i]);
    }
    advntk_free(net->steps);
    advntk_free(net->sections);
    advntk_free(net->forward.at);
    advntk_free(net->kept.at);
    advntk_free(net->reverse.at);
    *net = (struct advntk__position_net){0};
}
