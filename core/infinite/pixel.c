/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "base/text.h"
#include "base/try.h"
#include "infinite/pixel.h"

#include <advntk/model.h>
#include <advntk/plugin.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 32 }; /* of a panel that one thread works on at once */

struct points {
    ptrdiff_t n;
    void *x;             /* n,channels,pixels of the precision */
    double *value;       /* n: kernel of an image with itself */
    void *std, *inverse; /* n,slots */
};

/* Reverse mode starts again from the images, so that a tape holds nothing else. */
struct tape {
    const struct points *a, *b; /* borrowed */
};

struct advntk__pixel {
    struct advntk_host *host;
    const struct advntk_graph *graph;
    struct advntk__pixel_net net;
    struct advntk__pixel_code code;
    enum advntk_precision precision;
    size_t real;
    ptrdiff_t d;
    double variance_limit;
};

static bool narrow(const struct advntk__pixel *e)
{
    return e->precision == ADVNTK_PRECISION_FLOAT32;
}

static void *at(const void *base, ptrdiff_t index, size_t real)
{
    return (char *)(uintptr_t)base + (size_t)index * real;
}

/* ---- the graph as steps ---- */

static void set_axis(struct advntk__axis *axis, ptrdiff_t in, const struct advntk_window *w, int i)
{
    axis->in = in;
    axis->filter = w->filter[i];
    axis->stride = w->stride[i];
    axis->out = advntk__graph_positions(in, axis->filter, axis->stride, w->padding, &axis->low);
}

static advntk_status set_activation(struct advntk__pixel *e, const struct advntk__layer *layer,
                                    struct advntk__pixel_step *step, struct advntk_error *err)
{
    const struct advntk_activation_ops *ops = layer->activation.plugin->ops;
    int isa = advntk_host_isa(e->host);

    step->ops = ops;
    step->config = layer->activation.config;
    step->dual32 = ops->dual32[isa] ? ops->dual32[isa] : ops->dual32[ADVNTK_ISA_PORTABLE];
    step->dual64 = ops->dual64[isa] ? ops->dual64[isa] : ops->dual64[ADVNTK_ISA_PORTABLE];
    step->slot = e->net.slots;
    e->net.slots += step->pixels;
    if (!step->dual64 || (narrow(e) && !step->dual32)) {
        return ADVNTK_FAIL(err, EUNSUPPORTED,
                           "activation %s has no dual moments in %s, which convolutions need",
                           layer->activation.plugin->name, step->dual64 ? "float32" : "float64");
    }
    return ADVNTK_OK;
}

static advntk_status compile(struct advntk__pixel *e, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__pixel_net *net = &e->net;

    net->count = advntk__graph_count(e->graph);
    net->output = advntk__graph_output(e->graph);
    net->steps = calloc((size_t)net->count, sizeof(*net->steps));
    if (!net->steps) {
        FAIL(err, ENOMEM, "no memory for a network of %td layers", net->count);
    }
    for (ptrdiff_t i = 0; i < net->count; i++) {
        const struct advntk__layer *layer = advntk__graph_layer(e->graph, i);
        struct advntk__pixel_step *step = &net->steps[i];
        step->kind = layer->kind;
        step->from_count = layer->from_count;
        step->from = layer->from;
        step->pixels = layer->shape.height * layer->shape.width;
        step->at = net->maps;
        step->w2 = layer->affine.w_std * layer->affine.w_std;
        step->b2 = layer->affine.b_std * layer->affine.b_std;
        net->maps += (step->pixels + 15) / 16 * 16;
        net->largest = step->pixels > net->largest ? step->pixels : net->largest;
        if (layer->kind == ADVNTK__LAYER_CONV) {
            struct advntk__shape in = advntk__graph_layer(e->graph, layer->from[0])->shape;
            ptrdiff_t reach;
            set_axis(&step->y, in.height, &layer->window, 0);
            set_axis(&step->x, in.width, &layer->window, 1);
            step->wraps = layer->window.padding == ADVNTK_PADDING_CIRCULAR;
            reach = (step->x.out - 1) * step->x.stride + step->x.filter;
            reach = reach > step->x.low + in.width ? reach : step->x.low + in.width;
            net->padded = reach > net->padded ? reach : net->padded;
        } else if (layer->kind == ADVNTK__LAYER_ACTIVATION) {
            TRY(set_activation(e, layer, step, err));
        }
    }
out:
    return rc;
}

advntk_status advntk__pixel_open(struct advntk_host *host, const struct advntk_kernel_setup *setup,
                                 enum advntk_infinite_kind kind, struct advntk__pixel **engine,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__pixel *e = advntk_alloc_zero(1, sizeof(*e));

    if (!e) {
        FAIL(err, ENOMEM, "no memory for the kernel engine");
    }
    e->host = host;
    e->graph = setup->graph;
    e->precision = setup->precision;
    e->real = narrow(e) ? sizeof(float) : sizeof(double);
    e->variance_limit = narrow(e) ? (double)FLT_MAX : DBL_MAX;
    e->d = setup->height * setup->width * setup->channels;
    e->net.channels = setup->channels;
    e->net.tangent = kind == ADVNTK_INFINITE_NTK;
    e->code = advntk__pixel_code(advntk_host_isa(host));
    TRY(compile(e, err));
    *engine = e;
    e = NULL;
out:
    advntk__pixel_close(e);
    return rc;
}

void advntk__pixel_close(struct advntk__pixel *e)
{
    if (e) {
        free(e->net.steps);
        advntk_free(e);
    }
}

/* ---- variances of one image ---- */

/* Of one image, in float64: K and T with itself at every layer, dk/dvariance at each activation. */
struct variances {
    double *x, *K, *T, *slope, *scratch; /* x: channels,pixels */
};

static advntk_status variances_room(const struct advntk__pixel *e, struct advntk_arena *arena,
                                    struct variances *v, struct advntk_error *err)
{
    v->x = advntk_arena_get(arena, e->d, sizeof(double));
    v->K = advntk_arena_get(arena, e->net.maps, sizeof(double));
    v->T = advntk_arena_get(arena, e->net.maps, sizeof(double));
    v->slope = advntk_arena_get(arena, e->net.slots, sizeof(double));
    v->scratch = advntk_arena_get(arena, advntk__pixel_scratch(&e->net), sizeof(double));
    if (!v->x || !v->K || !v->T || !v->slope || !v->scratch) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the variances of a network");
    }
    return ADVNTK_OK;
}

static advntk_status bad_variance(const struct advntk__pixel *e, ptrdiff_t layer, double q,
                                  const char *why, struct advntk_error *err)
{
    struct advntk__text name = {0};

    advntk__graph_name(e->graph, layer, &name);
    (void)ADVNTK_FAIL(err, ENUMERIC, "%s: variance %g %s", advntk__text_get(&name), q, why);
    advntk__text_release(&name);
    return ADVNTK_ENUMERIC;
}

static void activate_variance(const struct advntk__pixel_step *step, double q, double *k,
                              double *kd, double *slope)
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

static void input_variance(const struct advntk__pixel *e, const struct variances *v)
{
    ptrdiff_t pixels = e->net.steps[0].pixels;

    for (ptrdiff_t p = 0; p < pixels; p++) {
        double sum = 0;
        for (ptrdiff_t c = 0; c < e->net.channels; c++) {
            sum += v->x[c * pixels + p] * v->x[c * pixels + p];
        }
        v->K[p] = sum / (double)e->net.channels;
        v->T[p] = 0;
    }
}

/* Step i of the variances; its input's are there. */
static advntk_status step_variance(const struct advntk__pixel *e, ptrdiff_t i,
                                   const struct variances *v, struct advntk_error *err)
{
    const struct advntk__pixel_step *step = &e->net.steps[i];
    const struct advntk__pixel_step *in = i > 0 ? &e->net.steps[step->from[0]] : step;
    double *K = v->K + step->at, *T = v->T + step->at;
    const double *K_in = v->K + in->at, *T_in = v->T + in->at;
    double kd;

    switch (step->kind) {
    case ADVNTK__LAYER_INPUT:
        input_variance(e, v);
        break;
    case ADVNTK__LAYER_CONV:
    case ADVNTK__LAYER_DENSE:
        if (step->kind == ADVNTK__LAYER_CONV) {
            advntk__pixel_window(step, K_in, K, v->scratch);
            advntk__pixel_window(step, T_in, T, v->scratch);
        } else {
            *K = *K_in;
            *T = *T_in;
        }
        for (ptrdiff_t p = 0; p < step->pixels; p++) {
            K[p] = step->w2 * K[p] + step->b2;
            T[p] = K[p] + step->w2 * T[p];
        }
        break;
    case ADVNTK__LAYER_FLATTEN:
        *K = *T = 0;
        for (ptrdiff_t p = 0; p < in->pixels; p++) {
            *K += K_in[p] / (double)in->pixels;
            *T += T_in[p] / (double)in->pixels;
        }
        break;
    case ADVNTK__LAYER_ACTIVATION:
        for (ptrdiff_t p = 0; p < step->pixels; p++) {
            if (!(K_in[p] >= step->ops->variance_min && K_in[p] <= step->ops->variance_max)) {
                return bad_variance(e, i, K_in[p], "is outside what the activation can have", err);
            }
            activate_variance(step, K_in[p], &K[p], &kd, &v->slope[step->slot + p]);
            T[p] = T_in[p] * kd;
        }
        break;
    case ADVNTK__LAYER_SUM:
        for (ptrdiff_t p = 0; p < step->pixels; p++) {
            K[p] = T[p] = 0;
            for (ptrdiff_t b = 0; b < step->from_count; b++) {
                K[p] += v->K[e->net.steps[step->from[b]].at + p];
                T[p] += v->T[e->net.steps[step->from[b]].at + p];
            }
        }
        break;
    case ADVNTK__LAYER_POOL:
    case ADVNTK__LAYER_NORM:
    case ADVNTK__LAYER_DROPOUT:
    case ADVNTK__LAYER_PRODUCT:
        break; /* position.c's */
    }
    return ADVNTK_OK;
}

static advntk_status image_variances(const struct advntk__pixel *e, const struct variances *v,
                                     struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t i = 0; i < e->net.count; i++) {
        const struct advntk__pixel_step *step = &e->net.steps[i];
        TRY(step_variance(e, i, v, err));
        for (ptrdiff_t p = step->at; p < step->at + step->pixels; p++) {
            if (!(v->K[p] <= e->variance_limit && v->T[p] <= e->variance_limit)) {
                rc = bad_variance(e, i, v->K[p] > v->T[p] ? v->K[p] : v->T[p],
                                  "is not a finite number here", err);
                goto out;
            }
        }
    }
out:
    return rc;
}

/* Derivatives with respect to all variances (q, slots) to those with respect to x: dx += them. */
static void push_variances(const struct advntk__pixel *e, const struct variances *v,
                           const double *q, double *g, double *dx)
{
    ptrdiff_t pixels = e->net.steps[0].pixels;

    memset(g, 0, (size_t)e->net.maps * sizeof(*g));
    for (ptrdiff_t i = e->net.count - 1; i > 0; i--) {
        const struct advntk__pixel_step *step = &e->net.steps[i];
        const struct advntk__pixel_step *in = &e->net.steps[step->from[0]];
        double *out = g + step->at, *back = g + in->at;
        for (ptrdiff_t p = 0; p < step->pixels && step->kind == ADVNTK__LAYER_ACTIVATION; p++) {
            back[p] += out[p] * v->slope[step->slot + p] + q[step->slot + p];
        }
        for (ptrdiff_t p = 0; p < in->pixels && step->kind == ADVNTK__LAYER_FLATTEN; p++) {
            back[p] += *out / (double)in->pixels;
        }
        if (step->kind == ADVNTK__LAYER_DENSE) {
            *back += step->w2 * *out;
        } else if (step->kind == ADVNTK__LAYER_CONV) {
            for (ptrdiff_t p = 0; p < step->pixels; p++) {
                out[p] *= step->w2;
            }
            advntk__pixel_spread(step, out, back, v->scratch);
        } else if (step->kind == ADVNTK__LAYER_SUM) {
            for (ptrdiff_t b = 0; b < step->from_count; b++) {
                for (ptrdiff_t p = 0; p < step->pixels; p++) {
                    g[e->net.steps[step->from[b]].at + p] += out[p];
                }
            }
        }
    }
    for (ptrdiff_t c = 0; c < e->net.channels; c++) {
        for (ptrdiff_t p = 0; p < pixels; p++) {
            dx[c * pixels + p] += 2 * v->x[c * pixels + p] * g[p];
        }
    }
}

/* ---- points ---- */

void advntk__pixel_points_free(void *points)
{
    struct points *p = points;

    if (p) {
        advntk_free(p->x);
        advntk_free(p->value);
        advntk_free(p->std);
        advntk_free(p->inverse);
        advntk_free(p);
    }
}

advntk_status advntk__pixel_points_new(const struct advntk__pixel *e, ptrdiff_t n, void **points,
                                       struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t per_row = e->d + 2 * e->net.slots;
    struct points *p = advntk_alloc_zero(1, sizeof(*p));

    if (!p) {
        FAIL(err, ENOMEM, "no memory for %td images", n);
    }
    if (n < 0 || n > PTRDIFF_MAX / (ptrdiff_t)sizeof(double) / per_row) {
        FAIL(err, ENOMEM, "%td images of %td pixels are too many", n, e->d);
    }
    p->n = n;
    p->x = advntk_alloc_zero(n * e->d, e->real);
    p->value = advntk_alloc_zero(n, sizeof(double));
    p->std = advntk_alloc_zero(n * e->net.slots, e->real);
    p->inverse = advntk_alloc_zero(n * e->net.slots, e->real);
    if (!p->x || !p->value || !p->std || !p->inverse) {
        FAIL(err, ENOMEM, "no memory for %td images and their variances (%.1f MiB)", n,
             (double)n * (double)per_row * (double)e->real / 1048576);
    }
    *points = p;
    p = NULL;
out:
    advntk__pixel_points_free(p);
    return rc;
}

/* Pixels of image i, channels last, to planes of the precision, and what was stored to x. */
static advntk_status put_image(const struct advntk__pixel *e, struct points *points, ptrdiff_t i,
                               const double *pixels, double *x, struct advntk_error *err)
{
    ptrdiff_t channels = e->net.channels, count = e->d / channels;

    for (ptrdiff_t j = 0; j < e->d; j++) {
        ptrdiff_t to = j % channels * count + j / channels;
        double value = narrow(e) ? (double)(float)pixels[j] : pixels[j];
        if (!isfinite(value)) {
            return ADVNTK_FAIL(err, ENUMERIC, "image %td: value %td is %g", i, j, pixels[j]);
        }
        x[to] = value;
        if (narrow(e)) {
            ((float *)points->x)[i * e->d + to] = (float)value;
        } else {
            ((double *)points->x)[i * e->d + to] = value;
        }
    }
    return ADVNTK_OK;
}

static void put_deviations(const struct advntk__pixel *e, struct points *points, ptrdiff_t i,
                           const struct variances *v)
{
    for (ptrdiff_t s = 0; s < e->net.count; s++) {
        const struct advntk__pixel_step *step = &e->net.steps[s];
        if (step->kind != ADVNTK__LAYER_ACTIVATION) {
            continue;
        }
        for (ptrdiff_t p = 0; p < step->pixels; p++) {
            double q = v->K[e->net.steps[step->from[0]].at + p], std = sqrt(q);
            double inverse = q > 0 ? 1 / std : 0;
            ptrdiff_t to = i * e->net.slots + step->slot + p;
            if (narrow(e)) {
                ((float *)points->std)[to] = (float)std;
                ((float *)points->inverse)[to] = (float)inverse;
            } else {
                ((double *)points->std)[to] = std;
                ((double *)points->inverse)[to] = inverse;
            }
        }
    }
}

advntk_status advntk__pixel_points_put(const struct advntk__pixel *e, void *points, ptrdiff_t first,
                                       ptrdiff_t count, const double *pixels,
                                       struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct points *p = points;
    ptrdiff_t scratch = advntk__pixel_scratch(&e->net);
    double *room = advntk_alloc(e->d + 2 * e->net.maps + e->net.slots + scratch, sizeof(*room));
    struct variances v;

    if (!room) {
        FAIL(err, ENOMEM, "no memory for the variances of a network");
    }
    if (first < 0 || count < 0 || first > p->n - count) {
        FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    v.K = room;
    v.T = v.K + e->net.maps;
    v.x = v.T + e->net.maps;
    v.slope = v.x + e->d;
    v.scratch = v.slope + e->net.slots;
    for (ptrdiff_t i = first; i < first + count; i++) {
        TRY(put_image(e, p, i, pixels + (i - first) * e->d, v.x, err));
        rc = image_variances(e, &v, err);
        if (rc != ADVNTK_OK) {
            (void)advntk_error_prefix(err, "image %td: ", i);
            goto out;
        }
        put_deviations(e, p, i, &v);
        p->value[i] = (e->net.tangent ? v.T : v.K)[e->net.steps[e->net.output].at];
    }
out:
    advntk_free(room);
    return rc;
}

advntk_status advntk__pixel_diagonal(const void *a, ptrdiff_t first, ptrdiff_t count, double *k,
                                     struct advntk_error *err)
{
    const struct points *p = a;

    if (first < 0 || count < 0 || first > p->n - count) {
        return ADVNTK_FAIL(err, ESHAPE, "images %td to %td of %td", first, first + count, p->n);
    }
    if (count > 0) {
        memcpy(k, p->value + first, (size_t)count * sizeof(*k));
    }
    return ADVNTK_OK;
}

/* ---- pairs ---- */

struct maps {
    void *K, *T, *gK, *gT, *scratch;
};

static advntk_status maps_room(const struct advntk__pixel *e, struct advntk_arena *arena,
                               bool backward, struct maps *maps, struct advntk_error *err)
{
    ptrdiff_t n = e->net.maps;

    maps->K = advntk_arena_get(arena, n, e->real);
    maps->T = advntk_arena_get(arena, n, e->real);
    maps->gK = backward ? advntk_arena_get(arena, n, e->real) : maps->K;
    maps->gT = backward ? advntk_arena_get(arena, n, e->real) : maps->T;
    maps->scratch = advntk_arena_get(arena, advntk__pixel_scratch(&e->net), e->real);
    if (!maps->K || !maps->T || !maps->gK || !maps->gT || !maps->scratch) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a pair of images");
    }
    return ADVNTK_OK;
}

/* Images i of a and j of b with their maps. */
static struct advntk__pixel_pair32 pair32(const struct advntk__pixel *e, const struct points *a,
                                          ptrdiff_t i, const struct points *b, ptrdiff_t j,
                                          const struct maps *maps, double *q)
{
    ptrdiff_t s = e->net.slots;

    return (struct advntk__pixel_pair32){.x = at(a->x, i * e->d, 4),
                                         .y = at(b->x, j * e->d, 4),
                                         .a = at(a->std, i * s, 4),
                                         .ia = at(a->inverse, i * s, 4),
                                         .b = at(b->std, j * s, 4),
                                         .ib = at(b->inverse, j * s, 4),
                                         .K = maps->K,
                                         .T = maps->T,
                                         .gK = maps->gK,
                                         .gT = maps->gT,
                                         .scratch = maps->scratch,
                                         .q = q};
}

static struct advntk__pixel_pair64 pair64(const struct advntk__pixel *e, const struct points *a,
                                          ptrdiff_t i, const struct points *b, ptrdiff_t j,
                                          const struct maps *maps, double *q)
{
    ptrdiff_t s = e->net.slots;

    return (struct advntk__pixel_pair64){.x = at(a->x, i * e->d, 8),
                                         .y = at(b->x, j * e->d, 8),
                                         .a = at(a->std, i * s, 8),
                                         .ia = at(a->inverse, i * s, 8),
                                         .b = at(b->std, j * s, 8),
                                         .ib = at(b->inverse, j * s, 8),
                                         .K = maps->K,
                                         .T = maps->T,
                                         .gK = maps->gK,
                                         .gT = maps->gT,
                                         .scratch = maps->scratch,
                                         .q = q};
}

static double forward_pair(const struct advntk__pixel *e, const struct points *a, ptrdiff_t i,
                           const struct points *b, ptrdiff_t j, const struct maps *maps)
{
    double value;

    if (narrow(e)) {
        struct advntk__pixel_pair32 pair = pair32(e, a, i, b, j, maps, NULL);
        e->code.forward32(&e->net, &pair, &value);
    } else {
        struct advntk__pixel_pair64 pair = pair64(e, a, i, b, j, maps, NULL);
        e->code.forward64(&e->net, &pair, &value);
    }
    return value;
}

/* After forward_pair: dx (channels,pixels) and q (slots) += g times the pair's derivatives. */
static void backward_pair(const struct advntk__pixel *e, const struct points *a, ptrdiff_t i,
                          const struct points *b, ptrdiff_t j, const struct maps *maps, double g,
                          double *dx, double *q)
{
    ptrdiff_t pixels = e->net.steps[0].pixels;

    if (narrow(e)) {
        struct advntk__pixel_pair32 pair = pair32(e, a, i, b, j, maps, q);
        e->code.backward32(&e->net, &pair, g);
        for (ptrdiff_t c = 0; c < e->net.channels; c++) {
            for (ptrdiff_t p = 0; p < pixels; p++) {
                dx[c * pixels + p] += (double)(pair.gK[p] * pair.y[c * pixels + p]);
            }
        }
    } else {
        struct advntk__pixel_pair64 pair = pair64(e, a, i, b, j, maps, q);
        e->code.backward64(&e->net, &pair, g);
        for (ptrdiff_t c = 0; c < e->net.channels; c++) {
            for (ptrdiff_t p = 0; p < pixels; p++) {
                dx[c * pixels + p] += pair.gK[p] * pair.y[c * pixels + p];
            }
        }
    }
}

static void put_value(const struct advntk__pixel *e, void *k, ptrdiff_t index, double value)
{
    if (narrow(e)) {
        ((float *)k)[index] = (float)value;
    } else {
        ((double *)k)[index] = value;
    }
}

advntk_status advntk__pixel_tile(const struct advntk__pixel *e, const void *a, ptrdiff_t i0,
                                 ptrdiff_t m, const void *b, ptrdiff_t j0, ptrdiff_t n, bool lower,
                                 void *k, ptrdiff_t ld, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct points *pa = a, *pb = b;
    struct maps maps;

    if (m < 0 || n < 0 || i0 < 0 || j0 < 0 || i0 > pa->n - m || j0 > pb->n - n) {
        FAIL(err, ESHAPE, "tile of %td x %td at %td, %td of %td x %td points", m, n, i0, j0, pa->n,
             pb->n);
    }
    TRY(maps_room(e, arena, false, &maps, err));
    lower = lower && pa == pb && i0 == j0;
    for (ptrdiff_t i = 0; i < m; i++) {
        for (ptrdiff_t j = 0; j < (lower && i + 1 < n ? i + 1 : n); j++) {
            bool self = pa == pb && i0 + i == j0 + j;
            put_value(e, k, i * ld + j,
                      self ? pa->value[i0 + i] : forward_pair(e, pa, i0 + i, pb, j0 + j, &maps));
        }
    }
out:
    return rc;
}

struct panel_task {
    const struct advntk__pixel *e;
    const struct points *a, *b;
    void *k;
};

static advntk_status panel_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                 struct advntk_error *err)
{
    const struct panel_task *t = context;
    ptrdiff_t j0 = index * COLUMNS, n = t->b->n - j0 < COLUMNS ? t->b->n - j0 : COLUMNS;
    struct maps maps;
    advntk_status rc = maps_room(t->e, arena, false, &maps, err);

    for (ptrdiff_t i = 0; i < t->a->n && rc == ADVNTK_OK; i++) {
        for (ptrdiff_t j = j0; j < j0 + n; j++) {
            put_value(t->e, t->k, i * t->b->n + j, forward_pair(t->e, t->a, i, t->b, j, &maps));
        }
    }
    return rc;
}

advntk_status advntk__pixel_panel(const struct advntk__pixel *e, const void *a, const void *b,
                                  void *k, void **tape, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct panel_task task = {e, a, b, k};
    struct tape *kept = tape ? advntk_alloc(1, sizeof(*kept)) : NULL;

    if (tape && !kept) {
        FAIL(err, ENOMEM, "no memory for a tape");
    }
    if (task.a->n > ADVNTK_PANEL) {
        FAIL(err, ESHAPE, "a panel of %td images, at most %d", task.a->n, ADVNTK_PANEL);
    }
    TRY(advntk_parallel_for(e->host, (task.b->n + COLUMNS - 1) / COLUMNS, panel_block, &task, err));
    if (tape) {
        *kept = (struct tape){a, b};
        *tape = kept;
        kept = NULL;
    }
out:
    advntk_free(kept);
    return rc;
}

void advntk__pixel_tape_free(void *tape)
{
    advntk_free(tape);
}

struct vjp_task {
    const struct advntk__pixel *e;
    const struct tape *tape;
    const void *g; /* m,a->n,b->n */
    ptrdiff_t m;
    double *dx; /* a->n,m,d */
};

static double weight_at(const struct vjp_task *t, ptrdiff_t c, ptrdiff_t i, ptrdiff_t j)
{
    ptrdiff_t entry = (c * t->tape->a->n + i) * t->tape->b->n + j;

    return narrow(t->e) ? (double)((const float *)t->g)[entry] : ((const double *)t->g)[entry];
}

/* All pairs of image i: dx (m; channels,pixels) and q (m; slots) in the order of the pairs. */
static void sum_pairs(const struct vjp_task *t, ptrdiff_t i, const struct maps *maps, double *dx,
                      double *q)
{
    const struct advntk__pixel *e = t->e;
    const struct points *a = t->tape->a, *b = t->tape->b;

    memset(dx, 0, (size_t)(t->m * e->d) * sizeof(*dx));
    memset(q, 0, (size_t)(t->m * e->net.slots) * sizeof(*q));
    for (ptrdiff_t j = 0; j < b->n; j++) {
        bool forward = false;
        for (ptrdiff_t c = 0; c < t->m; c++) {
            double g = weight_at(t, c, i, j);
            if (g < 0 || g > 0 || isnan(g)) {
                if (!forward) {
                    (void)forward_pair(e, a, i, b, j, maps);
                    forward = true;
                }
                backward_pair(e, a, i, b, j, maps, g, dx + c * e->d, q + c * e->net.slots);
            }
        }
    }
}

static advntk_status vjp_image(void *context, ptrdiff_t i, struct advntk_arena *arena,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct vjp_task *t = context;
    const struct advntk__pixel *e = t->e;
    ptrdiff_t channels = e->net.channels, pixels = e->d / channels;
    double *dx = advntk_arena_get(arena, t->m * e->d, sizeof(*dx));
    double *q = advntk_arena_get(arena, t->m * e->net.slots, sizeof(*q));
    double *g = advntk_arena_get(arena, e->net.maps, sizeof(*g));
    struct variances v;
    struct maps maps;

    if (!dx || !q || !g) {
        FAIL(err, ENOMEM, "no memory for the gradient of an image");
    }
    TRY(variances_room(e, arena, &v, err));
    TRY(maps_room(e, arena, true, &maps, err));
    for (ptrdiff_t p = 0; p < e->d; p++) {
        v.x[p] = narrow(e) ? (double)((const float *)t->tape->a->x)[i * e->d + p]
                           : ((const double *)t->tape->a->x)[i * e->d + p];
    }
    TRY(image_variances(e, &v, err));
    sum_pairs(t, i, &maps, dx, q);
    for (ptrdiff_t c = 0; c < t->m; c++) {
        double *out = t->dx + (i * t->m + c) * e->d;
        push_variances(e, &v, q + c * e->net.slots, g, dx + c * e->d);
        for (ptrdiff_t p = 0; p < e->d; p++) {
            out[p] = dx[c * e->d + p % channels * pixels + p / channels] / (double)channels;
        }
    }
out:
    return rc;
}

advntk_status advntk__pixel_panel_vjp(const struct advntk__pixel *e, const void *tape, ptrdiff_t m,
                                      const void *g, double *dx, struct advntk_error *err)
{
    struct vjp_task task = {e, tape, g, m, dx};

    return advntk_parallel_for(e->host, task.tape->a->n, vjp_image, &task, err);
}
