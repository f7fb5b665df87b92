/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notation: K kernel matrix plus ridge, Y labels (n,c), A = K^-1 Y, kappa the diagonal of K^-1. The
 * derivative of either objective is sum_ij g_ij dK_ij with a symmetric g:
 *     likelihood:    g = (c K^-1 - A A') / 2,
 *     leave one out: residuals A / kappa; with U = 2 A / (n kappa^2) and v = 2 sum_c A^2 / (n
 * kappa^3) g = K^-1 diag(v) K^-1 - sym(K^-1 U A'). The kernel turns g into derivatives by the
 * weights of each layer; those of the layers by the architecture's parameter are differences of
 * graphs built with it, exact where a layer's weight is proportional to it.
 */
#include "config.h"

#include "run/tune.h"

#include "base/host.h"
#include "base/try.h"
#include "graph/graph.h"
#include "linalg/gram.h"
#include "run/services.h"

#include <advntk/backend.h>
#include <advntk/plugin.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tuner {
    struct advntk_host *host;
    const struct advntk__tune_setup *setup;
    struct advntk__tune_result *result;
    double *place[ADVNTK__TUNED]; /* of the parameters in the architecture's config */
    ptrdiff_t n, c, d;
    double *pixels, *y;             /* (n,d), (n,c) */
    double *k, *inverse, *root, *g; /* (n,n); root: the inverse of the Cholesky factor */
    double *a, *u;                  /* (n,c) */
    double value, slope[ADVNTK__TUNED];
    double at[ADVNTK__TUNED]; /* parameters that value and slope are for */
    bool known;
    advntk_status status; /* of the last evaluation; GSL knows numbers alone */
    struct advntk_error error;
};

/* ---- the objective, of a kernel matrix ---- */

/* inverse <- K^-1, a <- K^-1 Y, *log_determinant; k is overwritten. */
static advntk_status invert(struct tuner *t, double *log_determinant, struct advntk_error *err)
{
    const struct advntk_backend_ops *ops = advntk_host_backend(t->host);
    void *state = advntk_host_backend_state(t->host);
    const ptrdiff_t n = t->n;
    ptrdiff_t bad = -1;
    advntk_status rc = ADVNTK_OK;

    rc = ops->potrf64(state, n, t->k, n, &bad, err);
    if (rc == ADVNTK_ENUMERIC) {
        FAIL(err, ENUMERIC,
             "the kernel matrix of %td images plus ridge %g is not positive definite (pivot %td): "
             "try a larger --ridge",
             n, t->setup->ridge, bad);
    }
    TRY(rc);
    *log_determinant = 0;
    memset(t->root, 0, (size_t)(n * n) * sizeof(double));
    for (ptrdiff_t i = 0; i < n; i++) {
        *log_determinant += 2 * log(t->k[i * n + i]);
        t->root[i * n + i] = 1;
    }
    ops->trsm64(state, false, false, n, n, t->k, n, t->root, n);
    ops->gemm64(state, true, false, n, n, n, 1, t->root, n, t->root, n, 0, t->inverse, n);
    ops->gemm64(state, false, false, n, t->c, n, 1, t->inverse, n, t->y, t->c, 0, t->a, t->c);
out:
    return rc;
}

static void likelihood(struct tuner *t, double log_determinant)
{
    const struct advntk_backend_ops *ops = advntk_host_backend(t->host);
    const ptrdiff_t n = t->n, c = t->c;
    const double two_pi = 6.28318530717958647693, share = 1 / (double)n;
    double fit = 0;

    for (ptrdiff_t i = 0; i < n * c; i++) {
        fit += t->y[i] * t->a[i];
    }
    t->value = share * 0.5 * (fit + (double)c * (log_determinant + (double)n * log(two_pi)));
    memcpy(t->g, t->inverse, (size_t)(n * n) * sizeof(double));
    ops->gemm64(advntk_host_backend_state(t->host), false, true, n, n, c, -0.5 * share, t->a, c,
                t->a, c, 0.5 * share * (double)c, t->g, n);
}

static void leave_one_out(struct tuner *t)
{
    const struct advntk_backend_ops *ops = advntk_host_backend(t->host);
    void *state = advntk_host_backend_state(t->host);
    const ptrdiff_t n = t->n, c = t->c;
    const double share = 1 / (double)n;

    t->value = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double kappa = t->inverse[i * n + i];
        double squares = 0;
        for (ptrdiff_t j = 0; j < c; j++) {
            const double residual = t->a[i * c + j] / kappa;
            squares += residual * residual;
            t->u[i * c + j] = 2 * share * residual / kappa;
        }
        t->value += share * squares;
        /* row i of root <- v_i times row i of K^-1 */
        for (ptrdiff_t j = 0; j < n; j++) {
            t->root[i * n + j] = 2 * share * squares / kappa * t->inverse[i * n + j];
        }
    }
    ops->gemm64(state, false, false, n, n, n, 1, t->inverse, n, t->root, n, 0, t->g, n);
    /* y's place in k: K^-1 U */
    ops->gemm64(state, false, false, n, c, n, 1, t->inverse, n, t->u, c, 0, t->k, c);
    ops->gemm64(state, false, true, n, n, c, -0.5, t->k, c, t->a, c, 1, t->g, n);
    ops->gemm64(state, false, true, n, n, c, -0.5, t->a, c, t->k, c, 1, t->g, n);
}

/* ---- the kernel at given parameters ---- */

static advntk_status graph_at(const struct tuner *t, int which, double factor,
                              struct advntk_graph **graph, struct advntk_error *err)
{
    const struct advntk_dataset_info *info = &t->setup->split->source->info;
    const double kept = which < 0 ? 0 : *t->place[which];
    advntk_status rc;

    if (which >= 0) {
        *t->place[which] = kept * factor;
    }
    rc = advntk__model_graph(&t->setup->config->model, info->height, info->width, info->channels,
                             t->c, graph, err);
    if (which >= 0) {
        *t->place[which] = kept;
    }
    return rc;
}

/* slope: of the value by the logarithm of each parameter, from that by each layer's weights. */
static advntk_status add_layers(struct tuner *t, const double *d_w, const double *d_b,
                                struct advntk_error *err)
{
    const double step = 1.0 / 1024; /* a power of two: the differences are exact where linear */
    struct advntk_graph *low = NULL, *high = NULL;
    advntk_status rc = ADVNTK_OK;

    for (int p = 0; p < t->result->count; p++) {
        TRY(graph_at(t, p, 1 - step, &low, err));
        TRY(graph_at(t, p, 1 + step, &high, err));
        t->slope[p] = 0;
        for (ptrdiff_t i = 0; i < advntk__graph_count(low); i++) {
            const struct advntk_affine *from = &advntk__graph_layer(low, i)->affine;
            const struct advntk_affine *to = &advntk__graph_layer(high, i)->affine;
            t->slope[p] +=
                (d_w[i] * (to->w_std - from->w_std) + d_b[i] * (to->b_std - from->b_std)) /
                (2 * step);
        }
        advntk__graph_free(low);
        advntk__graph_free(high);
        low = high = NULL;
    }
out:
    advntk__graph_free(low);
    advntk__graph_free(high);
    return rc;
}

static advntk_status kernel_matrix(struct tuner *t, const struct advntk_kernel_ops *ops,
                                   void *state, struct advntk_error *err)
{
    struct advntk_sym *gram = NULL;
    void *points = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(ops->points_new(state, t->n, &points, err));
    TRY(ops->points_put(state, points, 0, t->n, t->pixels, err));
    TRY(advntk__gram_compute(t->host, ops, state, points, t->n, ADVNTK_PRECISION_FLOAT64, NULL,
                             false, &gram, NULL, err));
    for (ptrdiff_t i = 0; i < t->n; i++) {
        for (ptrdiff_t j = 0; j < t->n; j++) {
            t->k[i * t->n + j] = advntk__sym_entry(gram, i, j) + (i == j ? t->setup->ridge : 0);
        }
    }
out:
    advntk__sym_free(gram);
    if (points) {
        ops->points_free(state, points);
    }
    return rc;
}

static advntk_status evaluate(struct tuner *t, struct advntk_error *err)
{
    const struct advntk__model_config *model = &t->setup->config->model;
    const struct advntk_dataset_info *info = &t->setup->split->source->info;
    const struct advntk_kernel_ops *ops = model->kernel.plugin->ops;
    struct advntk_kernel_setup setup = {.height = info->height,
                                        .width = info->width,
                                        .channels = info->channels,
                                        .precision = ADVNTK_PRECISION_FLOAT64};
    struct advntk_graph *graph = NULL;
    double *weights = NULL, log_determinant;
    ptrdiff_t layers;
    void *state = NULL;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk_cancelled(t->host, err));
    TRY(graph_at(t, -1, 1, &graph, err));
    setup.graph = graph;
    TRY(ops->open(model->kernel.config, t->host, &setup, &state, err));
    TRY(kernel_matrix(t, ops, state, err));
    TRY(invert(t, &log_determinant, err));
    if (t->setup->by == ADVNTK__TUNE_LIKELIHOOD) {
        likelihood(t, log_determinant);
    } else {
        leave_one_out(t);
    }
    if (!isfinite(t->value)) {
        FAIL(err, ENUMERIC, "the objective is %g: try a larger --ridge", t->value);
    }
    layers = advntk__graph_count(graph);
    weights = advntk_alloc_zero(2 * layers, sizeof(*weights));
    if (!weights) {
        FAIL(err, ENOMEM, "no memory for the gradients of %td layers", layers);
    }
    TRY(ops->weights(state, t->n, t->pixels, t->g, weights, weights + layers, err));
    TRY(add_layers(t, weights, weights + layers, err));
out:
    advntk_free(weights);
    if (state) {
        ops->close(state);
    }
    advntk__graph_free(graph);
    return rc;
}

/* ---- the search ---- */

/* Value and slope at the logarithms x, unless they are known; a failure is kept in the tuner. */
static void look_at(struct tuner *t, const gsl_vector *x)
{
    bool same = t->known;

    for (int p = 0; p < t->result->count; p++) {
        const double value = exp(gsl_vector_get(x, (size_t)p));
        same = same && value <= t->at[p] && value >= t->at[p];
        t->at[p] = value;
    }
    if (same || t->status != ADVNTK_OK) {
        return;
    }
    for (int p = 0; p < t->result->count; p++) {
        *t->place[p] = t->at[p];
    }
    t->status = evaluate(t, &t->error);
    t->known = t->status == ADVNTK_OK;
}

static double value_of(const gsl_vector *x, void *context)
{
    struct tuner *t = context;

    look_at(t, x);
    return t->status == ADVNTK_OK ? t->value : (double)NAN;
}

static void slope_of(const gsl_vector *x, void *context, gsl_vector *slope)
{
    struct tuner *t = context;

    look_at(t, x);
    for (int p = 0; p < t->result->count; p++) {
        gsl_vector_set(slope, (size_t)p, t->status == ADVNTK_OK ? t->slope[p] : (double)NAN);
    }
}

static void both_of(const gsl_vector *x, void *context, double *value, gsl_vector *slope)
{
    *value = value_of(x, context);
    slope_of(x, context, slope);
}

static advntk_status search(struct tuner *t, struct advntk_error *err)
{
    const double first_step = 0.1,
                 line_tolerance = 0.1; /* of logarithms; as GSL's manual advises */
    struct advntk__tune_result *r = t->result;
    gsl_multimin_function_fdf function = {value_of, slope_of, both_of, (size_t)r->count, t};
    gsl_vector *x = gsl_vector_alloc((size_t)r->count);
    gsl_multimin_fdfminimizer *search =
        gsl_multimin_fdfminimizer_alloc(gsl_multimin_fdfminimizer_vector_bfgs2, (size_t)r->count);
    bool stuck = false;
    advntk_status rc = ADVNTK_OK;

    if (!x || !search) {
        FAIL(err, ENOMEM, "no memory for a search");
    }
    for (int p = 0; p < r->count; p++) {
        gsl_vector_set(x, (size_t)p, log(r->start[p]));
    }
    (void)gsl_multimin_fdfminimizer_set(search, &function, x, first_step, line_tolerance);
    r->value_start = t->value;
    while (t->status == ADVNTK_OK && !stuck && !r->converged &&
           r->iterations < t->setup->iterations) {
        advntk_progress(t->host, "tune", r->iterations, t->setup->iterations);
        stuck = gsl_multimin_fdfminimizer_iterate(search) != GSL_SUCCESS;
        r->iterations += !stuck;
        r->converged = gsl_multimin_test_gradient(gsl_multimin_fdfminimizer_gradient(search),
                                                  t->setup->tolerance) == GSL_SUCCESS;
    }
    if (t->status != ADVNTK_OK) {
        if (err) {
            *err = t->error;
        }
        rc = t->status;
        goto out;
    }
    r->value_end = gsl_multimin_fdfminimizer_minimum(search);
    for (int p = 0; p < r->count; p++) {
        r->end[p] = exp(gsl_vector_get(gsl_multimin_fdfminimizer_x(search), (size_t)p));
        r->gradient[p] = gsl_vector_get(gsl_multimin_fdfminimizer_gradient(search), (size_t)p);
    }
out:
    if (search) {
        gsl_multimin_fdfminimizer_free(search);
    }
    gsl_vector_free(x);
    return rc;
}

/* ---- what is tuned, and on what ---- */

static advntk_status find_parameters(struct tuner *t, struct advntk_error *err)
{
    static const char *const names[ADVNTK__TUNED] = {"w_std", "b_std"};
    const struct advntk__model_config *model = &t->setup->config->model;
    const struct advntk_kernel_ops *ops = model->kernel.plugin->ops;
    const struct advntk_slot *slot = &model->architecture;
    struct advntk__tune_result *r = t->result;

    if (!ops->needs_architecture || !ops->weights) {
        return ADVNTK_FAIL(err, EUNSUPPORTED, "kernel %s has no gradient by w_std and b_std",
                           model->kernel.plugin->name);
    }
    for (int k = 0; slot->plugin && k < ADVNTK__TUNED; k++) {
        for (const struct advntk_param *row = slot->plugin->params; row && row->name; row++) {
            double *place = (double *)(uintptr_t)((const char *)slot->config + row->offset);
            if (strcmp(row->name, names[k]) != 0 || row->type != ADVNTK_PARAM_REAL) {
                continue;
            }
            if (*place > 0) { /* one that is 0 stays so */
                t->place[r->count] = place;
                r->start[r->count] = *place;
                r->name[r->count++] = names[k];
            }
        }
    }
    if (r->count == 0) {
        return ADVNTK_FAIL(err, EUNSUPPORTED,
                           "architecture %s has no w_std or b_std above 0 to choose",
                           slot->plugin ? slot->plugin->name : "(none)");
    }
    return ADVNTK_OK;
}

static advntk_status read_images(struct tuner *t, struct advntk_error *err)
{
    const struct advntk__split *split = t->setup->split;
    advntk_status rc = ADVNTK_OK;

    t->pixels = advntk_alloc(t->n, (size_t)t->d * sizeof(double));
    t->y = advntk_alloc_zero(t->n * t->c, sizeof(double));
    t->a = advntk_alloc(t->n * t->c, sizeof(double));
    t->u = advntk_alloc(t->n * t->c, sizeof(double));
    t->k = advntk_alloc(t->n, (size_t)t->n * sizeof(double));
    t->inverse = advntk_alloc(t->n, (size_t)t->n * sizeof(double));
    t->root = advntk_alloc(t->n, (size_t)t->n * sizeof(double));
    t->g = advntk_alloc(t->n, (size_t)t->n * sizeof(double));
    if (!t->pixels || !t->y || !t->a || !t->u || !t->k || !t->inverse || !t->root || !t->g) {
        FAIL(err, ENOMEM, "no memory for four matrices of %td x %td numbers: use fewer --images",
             t->n, t->n);
    }
    TRY(advntk__split_inputs(split, ADVNTK_TRAIN, t->n, split->train.index, t->pixels, err));
    for (ptrdiff_t i = 0; i < t->n; i++) {
        t->y[i * t->c + split->train.labels[i]] = 1;
    }
out:
    return rc;
}

advntk_status advntk__tune(struct advntk_host *host, const struct advntk__tune_setup *setup,
                           struct advntk__tune_result *result, struct advntk_error *err)
{
    struct tuner t = {.host = host,
                      .setup = setup,
                      .result = result,
                      .n = setup->images,
                      .c = setup->split->classes,
                      .d = setup->split->d};
    advntk_status rc = ADVNTK_OK;

    *result = (struct advntk__tune_result){0};
    if (t.n < t.c || t.n > setup->split->train.count) {
        FAIL(err, EINVALID, "--images %td: expected %td (the classes) to %td (data.train)", t.n,
             t.c, setup->split->train.count);
    }
    TRY(find_parameters(&t, err));
    TRY(read_images(&t, err));
    TRY(search(&t, err));
out:
    for (int p = 0; p < ADVNTK__TUNED; p++) { /* the recipe is as it was */
        if (t.place[p]) {
            *t.place[p] = result->start[p];
        }
    }
    advntk_free(t.pixels);
    advntk_free(t.y);
    advntk_free(t.a);
    advntk_free(t.u);
    advntk_free(t.k);
    advntk_free(t.inverse);
    advntk_free(t.root);
    advntk_free(t.g);
    return rc;
}
