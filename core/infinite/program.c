/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/try.h"
#include "graph/graph.h"
#include "infinite/engine.h"
#include "infinite/variance.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>

/* What compile keeps for each layer: the register of its value and the last layer that reads it. */
struct place {
    ptrdiff_t reg, last_use;
    ptrdiff_t root; /* the layer whose value this is: flatten passes its input's on */
};

struct compiler {
    const struct advntk_graph *graph;
    struct advntk__program *program;
    struct place *places;
    bool *busy; /* registers in use */
    int isa;
    enum advntk_precision precision;
};

static void find_last_uses(struct compiler *c)
{
    ptrdiff_t n = advntk__graph_count(c->graph);

    for (ptrdiff_t i = 0; i < n; i++) {
        const struct advntk__layer *layer = advntk__graph_layer(c->graph, i);
        bool passes = layer->kind == ADVNTK__LAYER_FLATTEN;
        c->places[i].root = passes ? c->places[layer->from[0]].root : i;
        c->places[i].last_use = i;
        for (ptrdiff_t b = 0; b < layer->from_count; b++) {
            c->places[c->places[layer->from[b]].root].last_use = i;
        }
    }
}

static ptrdiff_t take_register(struct compiler *c)
{
    ptrdiff_t r = 0;
    while (c->busy[r]) {
        r++;
    }
    c->busy[r] = true;
    if (r >= c->program->registers) {
        c->program->registers = r + 1;
    }
    return r;
}

static bool dies(const struct compiler *c, ptrdiff_t layer, ptrdiff_t at)
{
    return c->places[c->places[layer].root].last_use <= at;
}

/* The register that layer i writes: its first input's where nobody needs that any more. */
static ptrdiff_t output_register(struct compiler *c, ptrdiff_t i, ptrdiff_t from)
{
    return dies(c, from, i) ? c->places[from].reg : take_register(c);
}

static struct advntk__step *emit(struct compiler *c, enum advntk__step_kind kind, ptrdiff_t layer,
                                 ptrdiff_t in, ptrdiff_t out)
{
    struct advntk__step *step = &c->program->steps[c->program->count++];
    *step = (struct advntk__step){.kind = kind, .in = in, .out = out, .layer = layer};
    return step;
}

static advntk_status emit_activation(struct compiler *c, ptrdiff_t i, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__layer *layer = advntk__graph_layer(c->graph, i);
    ptrdiff_t out = output_register(c, i, layer->from[0]);
    struct advntk__step *step =
        emit(c, ADVNTK__STEP_ACTIVATION, i, c->places[layer->from[0]].reg, out);
    const struct advntk_activation_ops *ops = layer->activation.plugin->ops;

    c->places[i].reg = out;
    step->slot = c->program->slots++;
    step->ops = ops;
    step->config = layer->activation.config;
    step->name = layer->activation.plugin->name;
    step->dual32 = ops->dual32[c->isa] ? ops->dual32[c->isa] : ops->dual32[ADVNTK_ISA_PORTABLE];
    step->series = -1;
    step->dual64 = ops->dual64[c->isa] ? ops->dual64[c->isa] : ops->dual64[ADVNTK_ISA_PORTABLE];
    if (!step->dual64 && !step->dual32) {
        step->series = c->program->series++;
    } else if (!step->dual64 || (c->precision == ADVNTK_PRECISION_FLOAT32 && !step->dual32)) {
        FAIL(err, EUNSUPPORTED,
             "activation %s has no dual moments in %s: use it with a finite network, or in "
             "another precision",
             step->name, step->dual64 ? "float32" : "float64");
    }
out:
    return rc;
}

static void emit_sum(struct compiler *c, ptrdiff_t i)
{
    const struct advntk__layer *layer = advntk__graph_layer(c->graph, i);
    ptrdiff_t first = c->places[layer->from[0]].reg;
    ptrdiff_t out = output_register(c, i, layer->from[0]);

    c->places[i].reg = out;
    if (out != first) {
        emit(c, ADVNTK__STEP_COPY, i, first, out);
    }
    for (ptrdiff_t b = 1; b < layer->from_count; b++) {
        emit(c, ADVNTK__STEP_ADD, i, c->places[layer->from[b]].reg, out);
        if (dies(c, layer->from[b], i)) {
            c->busy[c->places[layer->from[b]].reg] = false;
        }
    }
}

/* The value of layer i to each output that it is; then its register is free, unless others read it.
 */
static void emit_outputs(struct compiler *c, ptrdiff_t i)
{
    const ptrdiff_t *outputs;
    const ptrdiff_t count = advntk__graph_outputs(c->graph, &outputs), reg = c->places[i].reg;

    for (ptrdiff_t f = 0; f < count; f++) {
        if (outputs[f] == i) {
            emit(c, ADVNTK__STEP_OUTPUT, i, reg, reg)->slot = f;
            c->busy[reg] = !dies(c, i, i);
        }
    }
}

static advntk_status emit_layer(struct compiler *c, ptrdiff_t i, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__layer *layer = advntk__graph_layer(c->graph, i);
    struct place *place = &c->places[i];
    struct advntk__step *step;

    switch (layer->kind) {
    case ADVNTK__LAYER_INPUT:
        place->reg = take_register(c);
        emit(c, ADVNTK__STEP_INPUT, i, place->reg, place->reg);
        break;
    case ADVNTK__LAYER_FLATTEN:
        /* the mean over pixels of <x_p,x'_p>/channels is <x,x'>/d; of flat values, themselves */
        place->reg = c->places[layer->from[0]].reg;
        break;
    case ADVNTK__LAYER_DENSE:
        place->reg = output_register(c, i, layer->from[0]);
        step = emit(c, ADVNTK__STEP_DENSE, i, c->places[layer->from[0]].reg, place->reg);
        step->w2 = layer->affine.w_std * layer->affine.w_std;
        step->b2 = layer->affine.b_std * layer->affine.b_std;
        break;
    case ADVNTK__LAYER_ACTIVATION:
        TRY(emit_activation(c, i, err));
        break;
    case ADVNTK__LAYER_SUM:
        emit_sum(c, i);
        break;
    case ADVNTK__LAYER_CONV:
    case ADVNTK__LAYER_POOL:
    case ADVNTK__LAYER_NORM:
    case ADVNTK__LAYER_DROPOUT:
    case ADVNTK__LAYER_PRODUCT:
        FAIL(err, EUNSUPPORTED, "layer %td (%s) is no step of a program", i,
             advntk__layer_kind_name(layer));
    }
out:
    return rc;
}

advntk_status advntk__program_compile(const struct advntk_graph *graph, int isa,
                                      enum advntk_precision precision, bool tangent,
                                      struct advntk__program *program, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const ptrdiff_t *outputs;
    ptrdiff_t n = advntk__graph_count(graph), steps;
    struct compiler c = {.graph = graph, .program = program, .isa = isa, .precision = precision};

    *program = (struct advntk__program){.tangent = tangent};
    program->precision = precision;
    program->outputs = steps = advntk__graph_outputs(graph, &outputs);
    for (ptrdiff_t i = 0; i < n; i++) {
        steps += advntk__graph_layer(graph, i)->from_count + 1; /* a sum: copy and adds */
    }
    program->steps = calloc((size_t)steps, sizeof(*program->steps));
    c.places = calloc((size_t)n, sizeof(*c.places));
    c.busy = calloc((size_t)n + 1, sizeof(*c.busy));
    if (!program->steps || !c.places || !c.busy) {
        FAIL(err, ENOMEM, "no memory for a network of %td layers", n);
    }
    find_last_uses(&c);
    for (ptrdiff_t i = 0; i < n; i++) {
        TRY(emit_layer(&c, i, err));
        emit_outputs(&c, i);
    }
out:
    free(c.places);
    free(c.busy);
    if (rc != ADVNTK_OK) {
        advntk__program_release(program);
    }
    return rc;
}

void advntk__program_release(struct advntk__program *program)
{
    free(program->steps);
    *program = (struct advntk__program){0};
}

/* k, kd at u = v and dk/dvariance = kd + k_q + k_r there. */
static void activation_variance(const struct advntk__step *step, double q, double *k, double *kd,
                                double *slope)
{
    double std = sqrt(q), inverse = q > 0 ? 1 / std : 0, k_q, k_r;
    struct advntk_pairs64 pair = {1, &q, &std, &std, &inverse, &inverse};
    struct advntk_duals64 duals = {.k = k, .kd = kd, .k_q = &k_q, .k_r = &k_r};

    step->dual64(step->config, &pair, &duals);
    *slope = *kd + k_q + k_r;
    if (step->ops->diagonal) {
        step->ops->diagonal(step->config, q, k, kd);
    }
}

advntk_status advntk__program_variance(const struct advntk__program *program,
                                       const struct advntk_graph *graph, double q, double *work,
                                       double *slots, double *series, double *tail, double *values,
                                       struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    *tail = 0;
    for (ptrdiff_t i = 0; i < program->count; i++) {
        const struct advntk__step *step = &program->steps[i];
        const double *in = work + 3 * step->in;
        double *out = work + 3 * step->out;
        double k = in[0], t = in[1], slope = in[2], kd, own;

        switch (step->kind) {
        case ADVNTK__STEP_INPUT:
            k = q, t = 0, slope = 1;
            break;
        case ADVNTK__STEP_DENSE:
            k = step->w2 * k + step->b2;
            t = k + step->w2 * t;
            slope *= step->w2;
            break;
        case ADVNTK__STEP_ACTIVATION:
            TRY(advntk__variance_check(graph, step->layer, step->ops, program->precision, k, err));
            slots[2 * step->slot] = k;
            slots[2 * step->slot + 1] = slope;
            if (step->series < 0) {
                activation_variance(step, k, &k, &kd, &own);
            } else {
                struct advntk__hermite_moments m;
                TRY(advntk__hermite(step->ops, step->config, sqrt(k),
                                    series + step->series * ADVNTK__SERIES, &m, err));
                *tail = fmax(*tail, m.tail);
                TRY(advntk__variance_series(graph, step->layer, step->ops, program->precision, k,
                                            &m, err));
                k = m.k, kd = m.kd, own = m.slope;
            }
            t *= kd;
            slope *= own;
            break;
        case ADVNTK__STEP_COPY:
            break;
        case ADVNTK__STEP_ADD:
            k += out[0], t += out[1], slope += out[2];
            break;
        case ADVNTK__STEP_OUTPUT:
            values[step->slot] = program->tangent ? t : k;
            break;
        }
        TRY(advntk__variance_finite(graph, step->layer, program->precision, k, t, err));
        out[0] = k, out[1] = t, out[2] = slope;
    }
out:
    return rc;
}
