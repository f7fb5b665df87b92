/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The layer graph as steps over registers (pixel.h). */
#include "config.h"

#include "base/try.h"
#include "infinite/pixel.h"

#include <advntk/isa.h>
#include <advntk/plugin.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 16 }; /* numbers that a vector register or a cache line holds at most */

static ptrdiff_t whole_lines(ptrdiff_t n)
{
    return (n + LINE - 1) / LINE * LINE;
}

static ptrdiff_t larger(ptrdiff_t a, ptrdiff_t b)
{
    return a > b ? a : b;
}

static void set_axis(struct advntk__axis *axis, ptrdiff_t in, const struct advntk_window *w, int i)
{
    axis->in = in;
    axis->filter = w->filter[i];
    axis->stride = w->stride[i];
    axis->out = advntk__graph_positions(in, axis->filter, axis->stride, w->padding, &axis->low);
}

static void set_affine(const struct advntk__layer *layer, struct advntk__pixel_step *step)
{
    step->w2 = layer->affine.w_std * layer->affine.w_std;
    step->b2 = layer->affine.b_std * layer->affine.b_std;
    if (layer->width > 0) { /* weights and biases themselves are trained */
        step->t_k = layer->fan_in;
        step->t_1 = layer->affine.b_std > 0 ? 1 : 0;
    } else {
        step->t_k = step->w2;
        step->t_1 = step->b2;
    }
}

static void set_window(const struct advntk_graph *graph, const struct advntk__layer *layer,
                       struct advntk__pixel_step *step)
{
    struct advntk__shape in = advntk__graph_layer(graph, layer->from[0])->shape;

    set_axis(&step->y, in.height, &layer->window, 0);
    set_axis(&step->x, in.width, &layer->window, 1);
    step->wraps = layer->window.padding == ADVNTK_PADDING_CIRCULAR;
    step->flat = (layer->window.padding == ADVNTK_PADDING_SAME ||
                  (step->y.filter == 1 && step->x.filter == 1)) &&
                 step->y.stride == 1 && step->x.stride == 1 && step->w2 > 0;
}

static advntk_status set_activation(const struct advntk__layer *layer, int isa,
                                    enum advntk_precision precision,
                                    struct advntk__pixel_step *step, struct advntk_error *err)
{
    const double pi = 3.14159265358979323846;
    const struct advntk_activation_ops *ops = layer->activation.plugin->ops;
    struct advntk__pixel_code code = advntk__pixel_code(isa);
    double p[3] = {0, 0, 0};

    step->ops = ops;
    step->config = layer->activation.config;
    step->dual32 = ops->dual32[isa] ? ops->dual32[isa] : ops->dual32[ADVNTK_ISA_PORTABLE];
    step->dual64 = ops->dual64[isa] ? ops->dual64[isa] : ops->dual64[ADVNTK_ISA_PORTABLE];
    step->bends = ops->family && ops->family(step->config, p) == ADVNTK_FAMILY_AB_RELU;
    step->bend32 = code.bend32;
    step->bend64 = code.bend64;
    step->line = p[0] * p[1];
    step->bend = (p[1] - p[0]) * (p[1] - p[0]) / (2 * pi);
    step->half = (p[0] * p[0] + p[1] * p[1]) / 2;
    if (!step->dual64 || (precision == ADVNTK_PRECISION_FLOAT32 && !step->dual32)) {
        return ADVNTK_FAIL(err, EUNSUPPORTED,
                           "activation %s has no dual moments in %s, which convolutions need",
                           layer->activation.plugin->name, step->dual64 ? "float32" : "float64");
    }
    return ADVNTK_OK;
}

/* Who reads what, and which convolutions leave their second half to an activation. */
static void set_readers(struct advntk__pixel_net *net)
{
    for (ptrdiff_t i = 0; i < net->count; i++) {
        struct advntk__pixel_step *step = &net->steps[i];
        for (ptrdiff_t b = 0; b < step->from_count; b++) {
            struct advntk__pixel_step *in = &net->steps[step->from[b]];
            bool only = in->last < 0;
            in->last = i;
            in->clean = in->clean || step->flat || step->kind == ADVNTK__LAYER_FLATTEN ||
                        (step->kind == ADVNTK__LAYER_ACTIVATION && !step->bends);
            in->fused = only && !net->keep && step->kind == ADVNTK__LAYER_ACTIVATION &&
                        step->bends && in->flat && in->y.filter == 3 && step->from[0] == i - 1;
        }
    }
}

/* Convolutions of the images' products themselves. */
static void set_bare(struct advntk__pixel_net *net)
{
    bool all = true;

    for (ptrdiff_t i = 1; i < net->count; i++) {
        struct advntk__pixel_step *step = &net->steps[i];
        step->bare = step->flat && step->from[0] == 0;
        for (ptrdiff_t b = 0; b < step->from_count; b++) {
            all = all && (step->from[b] != 0 || step->bare);
        }
    }
    net->steps[0].bare = all;
}

/* Behind activations of one sign, whatever sums follow. */
static void set_positive(struct advntk__pixel_net *net)
{
    for (ptrdiff_t i = 1; i < net->count; i++) {
        struct advntk__pixel_step *step = &net->steps[i];
        step->positive = true;
        for (ptrdiff_t b = 0; b < step->from_count; b++) {
            step->positive = step->positive && net->steps[step->from[b]].positive;
        }
        if (step->kind == ADVNTK__LAYER_ACTIVATION) {
            step->positive = step->bends && step->line <= 0;
        }
    }
}

/* As wide as the widest flat window needs. */
static ptrdiff_t margin_of(const struct advntk__pixel_step *step)
{
    return step->flat ? larger(step->x.low, step->x.filter - 1 - step->x.low) : 0;
}

ptrdiff_t advntk__pixel_margin(const struct advntk_graph *graph)
{
    ptrdiff_t margin = 0;

    for (ptrdiff_t i = 0; i < advntk__graph_count(graph); i++) {
        const struct advntk__layer *layer = advntk__graph_layer(graph, i);
        struct advntk__pixel_step step = {.kind = layer->kind};
        if (layer->kind == ADVNTK__LAYER_CONV) {
            set_affine(layer, &step);
            set_window(graph, layer, &step);
            margin = larger(margin, margin_of(&step));
        }
    }
    return margin;
}

/* Sizes of maps. */
static void set_sizes(struct advntk__pixel_net *net, bool shifted)
{
    ptrdiff_t margin = 0, padded = 0, pitch = 0, span = 0;

    for (ptrdiff_t i = 0; i < net->count; i++) {
        const struct advntk__pixel_step *step = &net->steps[i];
        margin = larger(margin, margin_of(step));
        if (step->flat) {
            net->rows = larger(net->rows, larger(step->y.low, step->y.filter - 1 - step->y.low));
        } else if (step->kind == ADVNTK__LAYER_CONV) {
            padded = larger(padded, advntk__axis_padded(&step->x));
        }
    }
    net->period = shifted ? (net->steps[0].height + net->rows) * (net->steps[0].width + margin) : 0;
    for (ptrdiff_t i = 0; i < net->count; i++) {
        struct advntk__pixel_step *step = &net->steps[i];
        step->pitch = step->width + margin;
        step->span = whole_lines(step->height * step->pitch);
        pitch = larger(pitch, step->pitch);
        span = larger(span, step->span);
        if (step->kind == ADVNTK__LAYER_ACTIVATION) {
            step->slot = net->slots;
            net->slots += whole_lines(step->span + net->period);
        }
    }
    net->lead = whole_lines(margin);
    net->room = whole_lines(net->lead + span + margin);
    net->sums = whole_lines(span + 2 * net->rows * pitch);
    net->scratch = whole_lines(larger(2 * net->sums, padded));
    net->image = net->channels * net->steps[0].span + 2 * net->slots;
}

/* A register may pass from a step's input to its output if that step works in place. A sum of three
 * does not: the branch that is there comes first, and which one that is would change its bits. */
static bool in_place(const struct advntk__pixel_step *step)
{
    bool twice = false;

    for (ptrdiff_t b = 1; b < step->from_count; b++) {
        for (ptrdiff_t c = 0; c < b; c++) {
            twice = twice || step->from[b] == step->from[c];
        }
    }
    return !twice && step->from_count <= 2 &&
           (step->flat || step->kind == ADVNTK__LAYER_ACTIVATION ||
            step->kind == ADVNTK__LAYER_DENSE || step->kind == ADVNTK__LAYER_SUM);
}

/* A register holds a step's maps from that step to the last that reads them, and in reverse their
 * derivatives over the same steps. `busy`: until which step, a number a register. */
static ptrdiff_t free_register(const ptrdiff_t *busy, ptrdiff_t i, bool in_place)
{
    ptrdiff_t r = 0;

    while (busy[r] > i || (busy[r] == i && !in_place)) {
        r++;
    }
    return r;
}

static advntk_status set_registers(struct advntk__pixel_net *net, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t registers = 0;
    ptrdiff_t *busy = calloc((size_t)net->count + 1, sizeof(*busy));

    if (!busy) {
        FAIL(err, ENOMEM, "no memory for a network of %td layers", net->count);
    }
    for (ptrdiff_t i = 0; i <= net->count; i++) {
        busy[i] = -1;
    }
    for (ptrdiff_t f = 0; f < net->output_count; f++) {
        net->steps[net->outputs[f]].last = net->count;
    }
    for (ptrdiff_t i = 0; i < net->count; i++) {
        struct advntk__pixel_step *step = &net->steps[i];
        ptrdiff_t r = net->keep ? i : free_register(busy, i, in_place(step));
        busy[r] = larger(step->last, i);
        step->at = r * 2 * net->room + net->lead;
        registers = larger(registers, r + 1);
    }
    net->work = registers * 2 * net->room;
out:
    free(busy);
    return rc;
}

bool advntk__pixel_first(const struct advntk__pixel_net *net, ptrdiff_t i, ptrdiff_t b)
{
    const struct advntk__pixel_step *step = &net->steps[i];

    for (ptrdiff_t c = 0; c < b; c++) {
        if (step->from[c] == step->from[b]) {
            return false;
        }
    }
    return net->steps[step->from[b]].last == i;
}

static advntk_status set_step(const struct advntk_graph *graph, ptrdiff_t number, int isa,
                              enum advntk_precision precision, struct advntk__pixel_step *step,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__layer *layer = advntk__graph_layer(graph, number);

    step->kind = layer->kind;
    step->layer = number;
    step->from_count = layer->from_count;
    step->from = layer->from;
    step->height = layer->shape.height;
    step->width = layer->shape.width;
    step->last = -1;
    set_affine(layer, step);
    if (layer->kind == ADVNTK__LAYER_CONV) {
        set_window(graph, layer, step);
    } else if (layer->kind == ADVNTK__LAYER_ACTIVATION) {
        TRY(set_activation(layer, isa, precision, step, err));
    }
out:
    return rc;
}

static advntk_status start_net(const struct advntk_graph *graph, ptrdiff_t count, ptrdiff_t outputs,
                               enum advntk_precision precision, struct advntk__pixel_net *net,
                               struct advntk_error *err)
{
    net->count = count;
    net->channels = advntk__graph_layer(graph, 0)->shape.channels;
    net->precision = precision;
    net->steps = calloc((size_t)count, sizeof(*net->steps));
    net->output_count = outputs;
    net->outputs = calloc((size_t)outputs, sizeof(*net->outputs));
    if (!net->steps || !net->outputs) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a network of %td layers", count);
    }
    return ADVNTK_OK;
}

advntk_status advntk__pixel_compile(const struct advntk_graph *graph, int isa,
                                    enum advntk_precision precision, bool tangent, bool keep,
                                    struct advntk__pixel_net *net, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const ptrdiff_t *outputs;
    ptrdiff_t count = advntk__graph_outputs(graph, &outputs);

    net->tangent = tangent;
    net->keep = keep;
    TRY(start_net(graph, advntk__graph_count(graph), count, precision, net, err));
    memcpy(net->outputs, outputs, (size_t)count * sizeof(*outputs));
    for (ptrdiff_t i = 0; i < net->count; i++) {
        TRY(set_step(graph, i, isa, precision, &net->steps[i], err));
    }
    set_readers(net);
    set_bare(net);
    set_positive(net);
    set_sizes(net, false);
    TRY(set_registers(net, err));
out:
    return rc;
}

advntk_status advntk__pixel_part(const struct advntk_graph *graph, ptrdiff_t count,
                                 const ptrdiff_t *layers, const ptrdiff_t *const *from, int isa,
                                 enum advntk_precision precision, struct advntk__pixel_net *net,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__shape size;

    TRY(start_net(graph, count, 1, precision, net, err));
    net->outputs[0] = count - 1;
    size = advntk__graph_layer(graph, layers[0])->shape;
    net->steps[0] = (struct advntk__pixel_step){.kind = ADVNTK__LAYER_INPUT,
                                                .layer = layers[0],
                                                .height = size.height,
                                                .width = size.width,
                                                .last = -1};
    for (ptrdiff_t i = 1; i < count; i++) {
        TRY(set_step(graph, layers[i], isa, precision, &net->steps[i], err));
        net->steps[i].from = from[i];
    }
    net->steps[count - 1].clean = true;
    set_readers(net);
    set_sizes(net, true);
    TRY(set_registers(net, err));
out:
    return rc;
}

void advntk__pixel_release(struct advntk__pixel_net *net)
{
    free(net->steps);
    free(net->outputs);
    net->steps = NULL;
    net->outputs = NULL;
}
