/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel regression. Notation: Theta (n,n) the training images' kernel matrix, Y (n,c) one-hot
 * labels, alpha (n,c) with f(x) = k(x) alpha: time infinite   alpha = (Theta + ridge 1)^-1 Y by
 * Cholesky time t          alpha = Theta^-1 (1 - e^(-Theta t)) Y    by the gradient flow with speed
 * t
 */
#include "config.h"

#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>

struct ntk_config {
    double ridge, time, tolerance;
    struct advntk_slot loss;
};

struct ntk_state {
    const struct ntk_config *config; /* borrowed */
    struct advntk_host *host;        /* borrowed */
    struct advntk_predictor *predictor;
    ptrdiff_t n, c;
    double *alpha; /* n,c */
};

static advntk_status ntk_check(const void *config, struct advntk_error *err)
{
    const struct ntk_config *cfg = config;
    if (cfg->ridge > 0 && isfinite(cfg->time)) {
        return ADVNTK_FAIL(err, EINVALID,
                           "ridge is %g and time is %g: a ridge belongs to time: .inf alone",
                           cfg->ridge, cfg->time);
    }
    return ADVNTK_OK;
}

static void ntk_close(void *state)
{
    struct ntk_state *s = state;
    if (s) {
        advntk_predictor_free(s->predictor);
        advntk_free(s->alpha);
        free(s);
    }
}

static advntk_status ntk_open(const void *config, struct advntk_host *host, void **state,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_problem *problem = advntk_host_problem(host);
    struct ntk_state *s = calloc(1, sizeof(*s));

    if (!s) {
        FAIL(err, ENOMEM, "no memory for the method ntk");
    }
    *s = (struct ntk_state){
        .config = config, .host = host, .n = problem->train, .c = problem->classes};
    s->alpha = advntk_alloc_zero(s->n, (size_t)s->c * sizeof(*s->alpha));
    if (!s->alpha) {
        FAIL(err, ENOMEM, "no memory for %td x %td coefficients", s->n, s->c);
    }
    TRY(advntk_predictor_new(host, &s->predictor, err));
    *state = s;
    s = NULL;
out:
    ntk_close(s);
    return rc;
}

static advntk_status regression(struct ntk_state *s, const struct advntk_sym *gram,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_factor *factor = NULL;
    double residual;

    TRY(advntk_factor_new(s->host, gram, s->config->ridge, &factor, err));
    TRY(advntk_factor_solve(s->host, factor, gram, s->c, s->alpha, &residual, err));
    TRY(advntk_metric(s->host, "residual", residual, err));
    TRY(advntk_metric(s->host, "smallest_pivot", advntk_factor_smallest_pivot(factor), err));
    TRY(advntk_metric(s->host, "condition", advntk_factor_condition(factor), err));
out:
    advntk_factor_free(factor);
    return rc;
}

/* alpha holds Y on entry */
static advntk_status finite_time(struct ntk_state *s, const struct advntk_sym *gram,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_flow *flow = NULL;
    struct advntk_flow_report report;
    double *speed = advntk_alloc(s->n, sizeof(*speed));

    if (!speed) {
        FAIL(err, ENOMEM, "no memory for %td speeds", s->n);
    }
    for (ptrdiff_t i = 0; i < s->n; i++) {
        speed[i] = s->config->time;
    }
    TRY(advntk_flow_new(s->host, gram, s->c, false, s->config->tolerance, 0, &flow, err));
    TRY(advntk_flow_coefficients(flow, speed, s->alpha, s->alpha, &report, err));
    if (report.stop == ADVNTK_FLOW_LIMIT) {
        FAIL(err, ENUMERIC,
             "time %g: the residual is %.2g after %lld passes over the kernel matrix (spectral "
             "radius "
             "times time: %.3g); use a smaller time, or .inf",
             s->config->time, report.residual, (long long)report.blocks, report.spectral_radius);
    }
    TRY(advntk_metric(s->host, "residual", report.residual, err));
    TRY(advntk_metric(s->host, "blocks", (double)report.blocks, err));
    TRY(advntk_metric(s->host, "spectral_radius", report.spectral_radius, err));
out:
    advntk_flow_free(flow);
    advntk_free(speed);
    return rc;
}

static advntk_status ntk_step(void *state, ptrdiff_t step, bool *finished, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct ntk_state *s = state;
    const struct advntk_problem *problem = advntk_host_problem(s->host);
    const struct advntk_sym *gram = NULL;

    (void)step; /* there is only one */
    *finished = true;
    TRY(advntk_host_gram(s->host, &gram, err));
    for (ptrdiff_t i = 0; i < s->n; i++) {
        for (ptrdiff_t k = 0; k < s->c; k++) {
            s->alpha[i * s->c + k] = problem->train_labels[i] == k ? 1 : 0;
        }
    }
    TRY(isfinite(s->config->time) ? finite_time(s, gram, err) : regression(s, gram, err));
    advntk_predictor_set(s->predictor, s->alpha);
out:
    return rc;
}

/* The factor is a float64 triangle in tiles as the kernel matrix; then alpha, Y and the residual.
 */
static int64_t ntk_memory(const void *config, const struct advntk_problem *problem)
{
    const struct ntk_config *cfg = config;
    const int64_t n = problem->train, tile = 512, tiles = (n + tile - 1) / tile,
                  columns = 4 * 8 * n * problem->classes;

    return isfinite(cfg->time) ? 4 * columns : tiles * (tiles + 1) / 2 * tile * tile * 8 + columns;
}

static bool ntk_factors(const void *config, double *ridge)
{
    const struct ntk_config *cfg = config;

    *ridge = cfg->ridge;
    return !isfinite(cfg->time);
}

static ptrdiff_t ntk_steps(const void *config)
{
    (void)config;
    return 1;
}

static advntk_status ntk_model(void *state, void **model, const struct advntk_model_ops **ops,
                               struct advntk_error *err)
{
    struct ntk_state *s = state;
    (void)err;
    *model = s->predictor;
    *ops = advntk_predictor_ops();
    return ADVNTK_OK;
}

static advntk_status ntk_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct ntk_state *s = state;
    return advntk_write_reals(w, "alpha", s->n * s->c, s->alpha, err);
}

static advntk_status ntk_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct ntk_state *s = state;
    advntk_status rc = advntk_read_reals(r, "alpha", s->n * s->c, s->alpha, err);
    if (rc == ADVNTK_OK) {
        advntk_predictor_set(s->predictor, s->alpha);
    }
    return rc;
}

static advntk_status ntk_export(void *state, struct advntk_writer *w, struct advntk_error *err)
{
    return advntk_predictor_export(((struct ntk_state *)state)->predictor, w, err);
}

static const struct advntk_method_ops ntk_ops = {
    .needs_kernel = true,
    .needs_validation = false,
    .open = ntk_open,
    .step = ntk_step,
    .steps = ntk_steps,
    .model = ntk_model,
    .save = ntk_save,
    .load = ntk_load,
    .close = ntk_close,
    .export_model = ntk_export,
    .import_model = advntk_predictor_import,
    .model_free = advntk_predictor_free,
    .memory = ntk_memory,
    .factors = ntk_factors,
};

static const struct advntk_param ntk_params[] = {
    ADVNTK_REAL(struct ntk_config, ridge, 0, 0, INFINITY, .flags = ADVNTK_P_MAX_OPEN,
                .unit = "as the kernel", .symbol = "lambda",
                .help = "added to the diagonal of the kernel matrix"),
    ADVNTK_REAL(struct ntk_config, time, INFINITY, 0, INFINITY, .symbol = "t",
                .help =
                    "how long the ensemble of networks is trained by gradient flow; .inf: to the "
                    "end",
                .source = "Jacot, Gabriel, Hongler 2018; Lee et al. 2019, equation 14"),
    ADVNTK_REAL(struct ntk_config, tolerance, 0, 0, 1, .flags = ADVNTK_P_MAX_OPEN,
                .help = "relative error of the coefficients at finite time; 0: 1e-6 for float32, "
                        "1e-10 for float64"),
    ADVNTK_SLOT(struct ntk_config, loss, LOSS, "mse",
                .help =
                    "the loss that attacks climb where they name none; the fit is always that of "
                    "the squared error"),
    ADVNTK_PARAM_END};

ADVNTK_PLUGIN(METHOD, ntk_ops, .name = "ntk", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "Kernel regression: the infinitely wide network, trained without attacks",
              .doc = "f(x) = k(x) Theta^-1 Y by a float64 Cholesky factor, with the residual, the "
                     "smallest pivot and the condition number; or the ensemble's mean at a finite "
                     "time, f_t(x) = k(x) Theta^-1 (1 - exp(-Theta t)) Y.",
              .source = "Jacot, Gabriel, Hongler 2018 (arXiv 1806.07572); Lee et al. 2019 (arXiv "
                        "1902.06720)",
              .params = ntk_params, .config_bytes = sizeof(struct ntk_config), .check = ntk_check);
