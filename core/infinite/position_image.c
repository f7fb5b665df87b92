/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One image with itself, in float64: variances before each activation, its own kernel, and the way
 * back from derivatives with respect to the variances to the pixels. */
#include "config.h"

#include "base/try.h"
#include "infinite/hermite.h"
#include "infinite/position.h"
#include "infinite/variance.h"

#include <math.h>
#include <string.h>

/* Entry of position p with itself. */
static ptrdiff_t own_entry(const struct advntk__position_step *step, ptrdiff_t p)
{
    ptrdiff_t w = step->width, y = p / w, x = p % w;

    return step->full ? (y * step->height + y) * w * w + x * w + x : p;
}

ptrdiff_t advntk__position_image_room(const struct advntk__position_net *net, bool tangent,
                                      bool gradient, double *room,
                                      struct advntk__position_image *image)
{
    ptrdiff_t maps = gradient ? net->kept.size : net->forward.size, used = 0;
    ptrdiff_t fixed = net->scratch + net->wide + 3 * net->most_pixels + net->self;

    if (!room) {
        return maps * (tangent ? 2 : 1) + fixed + (gradient ? net->reverse.size + net->slots : 0);
    }
    image->K = room;
    used = maps;
    image->T = tangent ? room + used : NULL;
    used += tangent ? maps : 0;
    image->scratch = room + used;
    used += net->scratch;
    image->wide = room + used;
    used += net->wide;
    image->own = room + used;
    used += 3 * net->most_pixels;
    image->self = room + used;
    used += net->self;
    image->gK = gradient ? room + used : NULL;
    image->q = gradient ? room + used + net->reverse.size : NULL;
    return used + (gradient ? net->reverse.size + net->slots : 0);
}

static struct advntk__position_pair64 own_pair(const struct advntk__position_net *net,
                                               const struct advntk__position_image *image)
{
    return (struct advntk__position_pair64){
        .x = image->x,
        .y = image->x,
        .a = image->std,
        .ia = image->inverse,
        .b = image->std,
        .ib = image->inverse,
        .series_a = image->series,
        .series_b = image->series,
        .at = image->gK ? net->kept.at : net->forward.at,
        .g_at = net->reverse.at,
        .K = image->K,
        .T = image->T,
        .gK = image->gK,
        .scratch = image->scratch,
        .wide = image->wide,
        .q = image->q,
    };
}

/* Moments of position p at variance q; fills its series and what that leaves out. */
static advntk_status position_moments(const struct advntk__position_step *step,
                                      const struct advntk__position_image *image, ptrdiff_t p,
                                      double q, double *k, double *kd,
                                      struct advntk__hermite_moments *m, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    double std = sqrt(q), inverse = q > 0 ? 1 / std : 0, series[ADVNTK__SERIES];
    struct advntk_pairs64 pair = {1, &q, &std, &std, &inverse, &inverse};
    struct advntk_duals64 duals = {.k = k, .kd = kd};

    *m = (struct advntk__hermite_moments){0};
    if (step->series < 0) {
        if (step->ops->diagonal) {
            step->ops->diagonal(step->config, q, k, kd);
        } else {
            step->dual64(step->config, &pair, &duals);
        }
        goto out;
    }
    TRY(advntk__hermite_at(step->table, std, series, m, err));
    for (ptrdiff_t t = 0; t < ADVNTK__SERIES; t++) {
        image->series[step->series + t * step->pixels + p] = series[t];
    }
    *k = m->k;
    *kd = m->kd;
out:
    return rc;
}

/* An activation: its deviations, the map, and on the diagonal the moments of one variance. */
static advntk_status activate(const struct advntk__position_net *net,
                              const struct advntk__position_code *code,
                              const struct advntk_graph *graph, enum advntk_precision precision,
                              const struct advntk__position_image *image, ptrdiff_t i, double *tail,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__position_step *step = &net->steps[i], *in = &net->steps[step->from[0]];
    struct advntk__position_pair64 pair = own_pair(net, image);
    const double *K_in = image->K + pair.at[step->from[0]];
    double *t_own = image->own, *k_own = t_own + step->pixels, *kd_own = k_own + step->pixels;

    for (ptrdiff_t p = 0; p < step->pixels; p++) {
        double q = K_in[own_entry(in, p)];
        struct advntk__hermite_moments m;
        TRY(advntk__variance_check(graph, step->layer, step->ops, precision, q, err));
        image->std[step->slot + p] = sqrt(q);
        image->inverse[step->slot + p] = q > 0 ? 1 / sqrt(q) : 0;
        t_own[p] = image->T ? image->T[pair.at[step->from[0]] + own_entry(in, p)] : 0;
        TRY(position_moments(step, image, p, q, &k_own[p], &kd_own[p], &m, err));
        TRY(advntk__variance_series(graph, step->layer, step->ops, precision, q, &m, err));
        *tail = fmax(*tail, m.tail);
    }
    code->forward64(net, &pair, i, i);
    for (ptrdiff_t p = 0; p < step->pixels; p++) {
        image->K[pair.at[i] + own_entry(step, p)] = k_own[p];
        if (image->T) {
            image->T[pair.at[i] + own_entry(step, p)] = t_own[p] * kd_own[p];
        }
    }
out:
    return rc;
}

static advntk_status set_norm(const struct advntk__position_net *net,
                              const struct advntk_graph *graph, enum advntk_precision precision,
                              const struct advntk__position_image *image, ptrdiff_t i,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__position_step *step = &net->steps[i], *in = &net->steps[step->from[0]];
    struct advntk__position_pair64 pair = own_pair(net, image);
    const double *K_in = image->K + pair.at[step->from[0]];
    double mean = 0;

    for (ptrdiff_t p = 0; p < step->pixels; p++) {
        double q = K_in[own_entry(in, p)];
        TRY(advntk__variance_check(graph, step->layer, NULL, precision, q, err));
        mean += q / (double)step->pixels;
        image->std[step->slot + p] = 1 / sqrt(step->eps + q);
    }
    for (ptrdiff_t p = 0; p < step->pixels; p++) {
        if (step->whole_image) {
            image->std[step->slot + p] = 1 / sqrt(step->eps + mean);
        }
        image->inverse[step->slot + p] = image->std[step->slot + p];
    }
out:
    return rc;
}

/* ---- sections: shift 0, the image's variances, as one pixel map ---- */

static ptrdiff_t place(const struct advntk__pixel_step *step, ptrdiff_t p)
{
    return p / step->width * step->pitch + p % step->width;
}

/* The image before a section's steps. Behind self's numbers: slots, a map, pixels and their
 * derivatives. */
static struct advntk__pixel_self section_self(const struct advntk__position_net *net,
                                              const struct advntk__position_section *section,
                                              const struct advntk__position_image *image)
{
    const struct advntk__pixel_net *part = &section->net;
    const struct advntk__pixel_step *step = part->steps;
    const struct advntk__position_step *source = &net->steps[section->source];
    ptrdiff_t at = own_pair(net, image).at[section->source];
    struct advntk__pixel_self self = {0};
    double *K;

    advntk__pixel_self_set(part, image->self, &self);
    K = self.work + step->at;
    if (section->images) {
        self.x = self.values + part->output_count + part->slots + step->span;
        memset(self.x, 0, (size_t)(net->channels * step->span) * sizeof(double));
    }
    for (ptrdiff_t p = 0; p < source->pixels; p++) {
        for (ptrdiff_t c = 0; section->images && c < net->channels; c++) {
            self.x[c * step->span + place(step, p)] = image->x[c * source->pixels + p];
        }
        if (!section->images) {
            K[place(step, p)] = image->K[at + own_entry(source, p)];
            K[part->room + place(step, p)] = image->T ? image->T[at + own_entry(source, p)] : 0;
        }
    }
    return self;
}

/* Its variances; `values`: its output too. */
static advntk_status
run_section(const struct advntk__position_net *net, const struct advntk__position_code *code,
            const struct advntk_graph *graph, const struct advntk__position_section *section,
            const struct advntk__position_image *image, bool values, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__pixel_net *part = &section->net;
    struct advntk__pixel_self self = section_self(net, section, image);
    struct advntk__position_pair64 pair = own_pair(net, image);

    TRY(advntk__pixel_self(part, &section->code, graph, &self, false, err));
    for (ptrdiff_t i = 1; i < part->count; i++) {
        const struct advntk__position_step *step = &net->steps[section->source + i];
        for (ptrdiff_t p = 0; step->kind == ADVNTK__POSITION_ACTIVATION && p < step->pixels; p++) {
            double q = self.q[part->steps[i].slot + place(part->steps, p)];
            image->std[step->slot + p] = sqrt(q);
            image->inverse[step->slot + p] = q > 0 ? 1 / sqrt(q) : 0;
        }
    }
    if (values) {
        pair.same = self.work + part->steps[part->outputs[0]].at;
        code->forward64(net, &pair, section->first, section->last);
    }
out:
    return rc;
}

/* The derivative by the variance of position p behind a section's last step but its pool, from
 * those by its output. */
static double own_derivative(const struct advntk__position_net *net,
                             const struct advntk__position_section *section, const double *out,
                             ptrdiff_t p)
{
    const struct advntk__position_step *last = &net->steps[section->last];
    const struct advntk__position_step *source = &net->steps[section->source];
    ptrdiff_t y, x;

    if (section->pools) {
        return last->scale * *out;
    }
    if (!section->windows) {
        return out[own_entry(source, p)];
    }
    y = advntk__position_window(&last->y, p / source->width);
    x = advntk__position_window(&last->x, p % source->width);
    return y >= 0 && x >= 0 ? last->scale * out[own_entry(last, y * last->width + x)] : 0;
}

/* The derivatives of a section's output and its variances to those of its source, or dx. */
static advntk_status push_section(const struct advntk__position_net *net,
                                  const struct advntk__position_code *code,
                                  const struct advntk__position_section *section,
                                  const struct advntk__position_image *image, const double *q,
                                  double *dx, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk__pixel_net *part = &section->net;
    const struct advntk__pixel_step *first = part->steps;
    const struct advntk__position_step *source = &net->steps[section->source];
    struct advntk__pixel_self self = section_self(net, section, image);
    struct advntk__position_pair64 pair = own_pair(net, image);
    const double *out = image->gK + pair.g_at[section->last];
    double *g = self.values + part->output_count, *top = g + part->slots;
    double *sums = top + first->span + net->channels * first->span;
    ptrdiff_t pixels = source->pixels;

    pair.T = NULL;
    pair.same = self.work; /* shift 0 follows */
    pair.dx = dx;
    for (ptrdiff_t c = 0; section->images && c < net->channels * pixels; c++) {
        dx[c] /= 2; /* <x_p, x_p'> holds the pixels twice */
    }
    code->reverse64(net, &pair, section->first, section->last);
    for (ptrdiff_t c = 0; section->images && c < net->channels * pixels; c++) {
        dx[c] *= 2;
    }
    memset(g, 0, (size_t)(part->slots + first->span) * sizeof(double));
    for (ptrdiff_t p = 0; p < pixels; p++) {
        top[place(first, p)] = own_derivative(net, section, out, p);
        for (ptrdiff_t i = 1; i < part->count; i++) {
            ptrdiff_t slot = net->steps[section->source + i].slot + p;
            if (part->steps[i].kind == ADVNTK__LAYER_ACTIVATION) {
                g[part->steps[i].slot + place(first, p)] = 2 * image->q[slot] + q[slot];
            }
        }
    }
    TRY(advntk__pixel_self(part, &section->code, NULL, &self, true, err));
    if (section->images) {
        memset(sums, 0, (size_t)(net->channels * first->span) * sizeof(double));
    }
    advntk__pixel_self_back(part, &section->code, &self, g, top, sums);
    for (ptrdiff_t p = 0; p < pixels; p++) {
        for (ptrdiff_t c = 0; section->images && c < net->channels; c++) {
            dx[c * pixels + p] += sums[c * first->span + place(first, p)] / (double)net->channels;
        }
        if (!section->images) {
            image->gK[pair.g_at[section->source] + own_entry(source, p)] +=
                self.work[first->at + place(first, p)];
        }
    }
out:
    return rc;
}

/* The last step that a gradient asks anything of: all after it is linear, without variances. */
static ptrdiff_t last_needed(const struct advntk__position_net *net)
{
    const struct advntk__position_section *section = net->steps[net->last_curved].section;

    return section ? section->last : net->last_curved;
}

advntk_status advntk__position_image_run(const struct advntk__position_net *net,
                                         const struct advntk__position_code *code,
                                         const struct advntk_graph *graph,
                                         enum advntk_precision precision,
                                         const struct advntk__position_image *image,
                                         double kernel[2], double *tail, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__position_pair64 pair = own_pair(net, image);
    ptrdiff_t count = image->gK ? last_needed(net) + 1 : net->count;

    *tail = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        const struct advntk__position_step *step = &net->steps[i];
        if (step->section) {
            i = step->section->last;
            step = &net->steps[i];
            TRY(run_section(net, code, graph, step->section, image, i + 1 < count || !image->gK,
                            err));
            continue;
        }
        if (step->kind == ADVNTK__POSITION_ACTIVATION) {
            TRY(activate(net, code, graph, precision, image, i, tail, err));
        } else {
            if (step->kind == ADVNTK__POSITION_NORM) {
                TRY(set_norm(net, graph, precision, image, i, err));
            }
            code->forward64(net, &pair, i, i);
        }
        for (ptrdiff_t p = 0; p < step->pixels; p++) {
            ptrdiff_t at = pair.at[i] + own_entry(step, p);
            TRY(advntk__variance_finite(graph, step->layer, precision, image->K[at],
                                        image->T ? image->T[at] : 0, err));
        }
    }
    kernel[0] = image->gK ? 0 : image->K[pair.at[net->count - 1]];
    kernel[1] = image->gK || !image->T ? 0 : image->T[pair.at[net->count - 1]];
out:
    return rc;
}

advntk_status advntk__position_image_push(const struct advntk__position_net *net,
                                          const struct advntk__position_code *code,
                                          const struct advntk__position_image *image,
                                          const double *q, double *dx,
                                          struct advntk__affine_sums *sums,
                                          struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__position_pair64 pair = own_pair(net, image);
    ptrdiff_t pixels = net->steps[0].pixels;

    pair.T = NULL;
    memset(image->q, 0, (size_t)net->slots * sizeof(*image->q));
    image->gK[pair.g_at[net->count - 1]] = 0;
    for (ptrdiff_t i = net->count - 1; i > 0; i--) {
        const struct advntk__position_step *step = &net->steps[i];
        bool has_slot =
            step->kind == ADVNTK__POSITION_ACTIVATION || step->kind == ADVNTK__POSITION_NORM;
        double all = 0;
        if (step->section) {
            TRY(push_section(net, code, step->section, image, q, dx, err));
            i = step->section->first;
            continue;
        }
        if (sums && step->kind == ADVNTK__POSITION_AFFINE && i <= last_needed(net)) {
            advntk__affine_sum(step->entries, image->K + pair.at[i], NULL, image->gK + pair.g_at[i],
                               NULL, &sums[i]);
        }
        code->reverse64(net, &pair, i, i);
        /* the map is symmetric: what it asks of the second image's variances is what it asks of the
         * first's */
        for (ptrdiff_t p = step->slot; has_slot && p < step->slot + step->pixels; p++) {
            image->q[p] = 2 * image->q[p] + q[p];
            all += image->q[p] / (double)step->pixels;
        }
        for (ptrdiff_t p = 0; has_slot && p < step->pixels; p++) {
            image->gK[pair.g_at[step->from[0]] + own_entry(&net->steps[step->from[0]], p)] +=
                step->whole_image ? all : image->q[step->slot + p];
        }
    }
    if (net->steps[0].section) {
        goto out;
    }
    /* <x_p, x_p'> holds the pixels twice */
    for (ptrdiff_t c = 0; c < net->channels * pixels; c++) {
        dx[c] /= 2;
    }
    code->pixels64(net, &pair, dx);
    for (ptrdiff_t c = 0; c < net->channels * pixels; c++) {
        dx[c] *= 2;
    }
out:
    return rc;
}
