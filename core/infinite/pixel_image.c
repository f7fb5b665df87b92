/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What one image needs of a network, in float64: its variances, and their reverse (pixel.h). */
#include "config.h"

#include "base/try.h"
#include "infinite/pixel.h"
#include "infinite/variance.h"

#include <math.h>
#include <string.h>

struct maps {
    double *K, *T;
};

static struct maps maps_of(const struct advntk__pixel_net *net, ptrdiff_t i, double *work)
{
    double *K = work + net->steps[i].at;
    return (struct maps){K, K + net->room};
}

ptrdiff_t advntk__pixel_self_numbers(const struct advntk__pixel_net *net)
{
    return net->work + net->scratch + 2 * net->slots + net->output_count;
}

void advntk__pixel_self_set(const struct advntk__pixel_net *net, double *room,
                            struct advntk__pixel_self *self)
{
    self->work = room;
    self->scratch = self->work + net->work;
    self->q = self->scratch + net->scratch;
    self->slope = self->q + net->slots;
    self->values = self->slope + net->slots;
    memset(self->work, 0, (size_t)(net->work + net->scratch) * sizeof(*self->work));
}

advntk_status advntk__pixel_self_room(const struct advntk__pixel_net *net,
                                      struct advntk_arena *arena, struct advntk__pixel_self *self,
                                      struct advntk_error *err)
{
    ptrdiff_t x = net->channels * net->steps[0].span;

    self->x = advntk_arena_get(arena, x + advntk__pixel_self_numbers(net), sizeof(*self->x));
    if (!self->x) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the variances of a network");
    }
    memset(self->x, 0, (size_t)x * sizeof(*self->x));
    advntk__pixel_self_set(net, self->x + x, self);
    return ADVNTK_OK;
}

static void input_variance(const struct advntk__pixel_net *net, const double *x, struct maps out)
{
    ptrdiff_t n = net->steps[0].span;
    double scale = 1.0 / (double)net->channels;

    memset(out.K, 0, (size_t)n * sizeof(double));
    memset(out.T, 0, (size_t)n * sizeof(double));
    for (ptrdiff_t c = 0; c < net->channels; c++) {
        for (ptrdiff_t p = 0; p < n; p++) {
            out.K[p] += scale * (x[c * n + p] * x[c * n + p]);
        }
    }
}

/* One line of an activation: K = q to K = E phi^2, T times E phi'^2. */
static void activate_line(const struct advntk__pixel_step *step, ptrdiff_t n, double *K, double *T,
                          double *slope)
{
    enum { PIECE = 64 };
    double std[PIECE], inverse[PIECE], k[PIECE], kd[PIECE], k_q[PIECE], k_r[PIECE];
    struct advntk_pairs64 pairs = {.a = std, .b = std, .ia = inverse, .ib = inverse};
    struct advntk_duals64 duals = {.k = k, .kd = kd};

    if (slope) {
        duals.k_q = k_q;
        duals.k_r = k_r;
    }
    for (ptrdiff_t p = 0; p < n; p += pairs.n) {
        pairs.n = n - p < PIECE ? n - p : PIECE;
        pairs.s = K + p;
        for (ptrdiff_t i = 0; i < pairs.n; i++) {
            std[i] = sqrt(K[p + i]);
            inverse[i] = K[p + i] > 0 ? 1 / std[i] : 0;
        }
        if (slope || !step->ops->diagonal) {
            step->dual64(step->config, &pairs, &duals);
        }
        for (ptrdiff_t i = 0; slope && i < pairs.n; i++) {
            slope[p + i] = kd[i] + k_q[i] + k_r[i];
        }
        for (ptrdiff_t i = 0; step->ops->diagonal && i < pairs.n; i++) {
            step->ops->diagonal(step->config, K[p + i], &k[i], &kd[i]);
        }
        for (ptrdiff_t i = 0; i < pairs.n; i++) {
            K[p + i] = k[i];
            T[p + i] *= kd[i];
        }
    }
}

/* The relu family: q' = half q; its derivative with respect to a variance too. */
static void bend_line(const struct advntk__pixel_step *step, ptrdiff_t n, double *K, double *T,
                      double *slope)
{
    for (ptrdiff_t p = 0; p < n; p++) {
        K[p] *= step->half;
        T[p] *= step->half;
    }
    for (ptrdiff_t p = 0; slope && p < n; p++) {
        slope[p] = step->half;
    }
}

static advntk_status activate(const struct advntk__pixel_net *net, ptrdiff_t i,
                              const struct advntk_graph *graph, struct advntk__pixel_self *self,
                              bool slopes, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__pixel_step *step = &net->steps[i];
    struct maps from = maps_of(net, step->from[0], self->work), to = maps_of(net, i, self->work);
    double *q = self->q + step->slot, *slope = self->slope + step->slot;

    memset(q, 0, (size_t)step->span * sizeof(*q));
    if (from.K != to.K) {
        memcpy(to.K, from.K, (size_t)step->span * sizeof(double));
        memcpy(to.T, from.T, (size_t)step->span * sizeof(double));
    }
    for (ptrdiff_t y = 0; y < step->height; y++) {
        ptrdiff_t at = y * step->pitch;
        for (ptrdiff_t p = at; p < at + step->width; p++) {
            q[p] = to.K[p];
            if (graph) {
                TRY(advntk__variance_check(graph, step->layer, step->ops, net->precision, q[p],
                                           err));
            }
        }
        if (step->bends) {
            bend_line(step, step->width, to.K + at, to.T + at, slopes ? slope + at : NULL);
        } else {
            activate_line(step, step->width, to.K + at, to.T + at, slopes ? slope + at : NULL);
        }
    }
out:
    return rc;
}

/* to <- from, or += it where `add` */
static void pass_on(ptrdiff_t n, const double *from, double *to, bool add)
{
    for (ptrdiff_t p = 0; p < n; p++) {
        to[p] = from[p] + (add ? to[p] : 0);
    }
}

/* A branch's place may be the sum's: it comes first. */
static void add_branches(const struct advntk__pixel_net *net, ptrdiff_t i, double *work)
{
    const struct advntk__pixel_step *step = &net->steps[i];
    struct maps out = maps_of(net, i, work);
    ptrdiff_t start = 0;

    for (ptrdiff_t b = 1; b < step->from_count; b++) {
        start = net->steps[step->from[b]].at == step->at ? b : start;
    }
    for (ptrdiff_t n = 0; n < step->from_count; n++) {
        ptrdiff_t b = n == 0 ? start : (n <= start ? n - 1 : n);
        struct maps in = maps_of(net, step->from[b], work);
        if (in.K != out.K) {
            pass_on(step->span, in.K, out.K, n > 0);
            pass_on(step->span, in.T, out.T, n > 0);
        }
    }
}

static void flatten(const struct advntk__pixel_step *from, struct maps in, struct maps out)
{
    double k = 0, t = 0;

    for (ptrdiff_t y = 0; y < from->height; y++) {
        for (ptrdiff_t p = y * from->pitch; p < y * from->pitch + from->width; p++) {
            k += in.K[p];
            t += in.T[p];
        }
    }
    out.K[0] = k / (double)(from->height * from->width);
    out.T[0] = t / (double)(from->height * from->width);
}

static advntk_status check_size(const struct advntk__pixel_net *net, ptrdiff_t i,
                                const struct advntk_graph *graph, struct maps maps,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__pixel_step *step = &net->steps[i];

    for (ptrdiff_t y = 0; y < step->height; y++) {
        for (ptrdiff_t p = y * step->pitch; p < y * step->pitch + step->width; p++) {
            TRY(advntk__variance_finite(graph, step->layer, net->precision, maps.K[p], maps.T[p],
                                        err));
        }
    }
out:
    return rc;
}

advntk_status advntk__pixel_self(const struct advntk__pixel_net *net,
                                 const struct advntk__pixel_code *code,
                                 const struct advntk_graph *graph, struct advntk__pixel_self *self,
                                 bool slopes, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t i = 0; i < net->count; i++) {
        const struct advntk__pixel_step *step = &net->steps[i];
        struct maps out = maps_of(net, i, self->work);
        switch (step->kind) {
        case ADVNTK__LAYER_INPUT:
            if (self->x) {
                input_variance(net, self->x, out);
            }
            break;
        case ADVNTK__LAYER_CONV:
        case ADVNTK__LAYER_DENSE:
            code->conv(net, i, self->work, self->scratch);
            break;
        case ADVNTK__LAYER_FLATTEN:
            flatten(&net->steps[step->from[0]], maps_of(net, step->from[0], self->work), out);
            break;
        case ADVNTK__LAYER_ACTIVATION:
            TRY(activate(net, i, graph, self, slopes, err));
            break;
        case ADVNTK__LAYER_SUM:
            add_branches(net, i, self->work);
            break;
        case ADVNTK__LAYER_POOL:
        case ADVNTK__LAYER_NORM:
        case ADVNTK__LAYER_DROPOUT:
        case ADVNTK__LAYER_PRODUCT:
            break; /* position.c's */
        }
        if (step->clean) {
            advntk__pixel_clean(net, i, self->work);
        }
        if (graph) {
            TRY(check_size(net, i, graph, out, err));
        }
    }
    for (ptrdiff_t f = 0; f < net->output_count; f++) {
        struct maps last = maps_of(net, net->outputs[f], self->work);
        self->values[f] = net->tangent ? last.T[0] : last.K[0];
    }
out:
    return rc;
}

/* ---- reverse: work holds the derivatives; those by T stay zero ---- */

static void step_back(const struct advntk__pixel_net *net, const struct advntk__pixel_code *code,
                      const struct advntk__pixel_self *self, const double *g, ptrdiff_t i)
{
    const struct advntk__pixel_step *step = &net->steps[i], *from = &net->steps[step->from[0]];
    const double *slope = self->slope + step->slot, *q = g + step->slot;
    struct maps out = maps_of(net, i, self->work), in = maps_of(net, step->from[0], self->work);
    bool first = advntk__pixel_first(net, i, 0);

    if (step->kind == ADVNTK__LAYER_CONV || step->kind == ADVNTK__LAYER_DENSE) {
        memset(out.T, 0, (size_t)step->span * sizeof(double));
        code->conv_back(net, i, self->work, self->scratch, first);
    } else if (step->kind == ADVNTK__LAYER_FLATTEN) {
        double share = out.K[0] / (double)(from->height * from->width);
        for (ptrdiff_t p = 0; p < from->span; p++) {
            in.K[p] = share + (first ? 0 : in.K[p]);
        }
    } else if (step->kind == ADVNTK__LAYER_ACTIVATION) {
        for (ptrdiff_t y = 0; y < step->height; y++) {
            for (ptrdiff_t p = y * step->pitch; p < y * step->pitch + step->width; p++) {
                in.K[p] = out.K[p] * slope[p] + q[p] + (first ? 0 : in.K[p]);
            }
        }
    } else if (step->kind == ADVNTK__LAYER_SUM) {
        for (ptrdiff_t b = 0; b < step->from_count; b++) {
            in = maps_of(net, step->from[b], self->work);
            pass_on(step->span, out.K, in.K, !advntk__pixel_first(net, i, b));
        }
    }
}

void advntk__pixel_self_back(const struct advntk__pixel_net *net,
                             const struct advntk__pixel_code *code,
                             const struct advntk__pixel_self *self, const double *g,
                             const double *top, double *dx)
{
    ptrdiff_t n = net->steps[0].span;
    const double *first = maps_of(net, 0, self->work).K;

    memset(self->work, 0, (size_t)net->work * sizeof(*self->work));
    if (top) {
        memcpy(maps_of(net, net->outputs[0], self->work).K, top,
               (size_t)net->steps[net->outputs[0]].span * sizeof(*top));
    }
    for (ptrdiff_t i = net->count - 1; i > 0; i--) {
        step_back(net, code, self, g, i);
    }
    for (ptrdiff_t c = 0; self->x && c < net->channels; c++) {
        for (ptrdiff_t p = 0; p < n; p++) {
            dx[c * n + p] += 2 * self->x[c * n + p] * first[p];
        }
    }
}
