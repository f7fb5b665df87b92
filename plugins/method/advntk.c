/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Adv-NTK (paper, algorithm 1): the closed form of adversarial training in the NTK regime, with its
 * matrix of speeds learnt from adversarial validation images.
 *
 * Notation: w the paper's varpi, (n) or (n,c); D = Diag(|w|); Theta, Y as in ntk.c;
 *     alpha(w) = Theta^-1 (1 - e^(-Theta D)) Y,   f(x) = k(x) alpha(w).
 * Step s: adversarial points of a validation batch against f; loss L = mean over the batch; g =
 * dL/dalpha; dL/dw = sign(w) dL/dD, with +1 at w = 0 (training starts there); then the optimizer.
 * Each epoch takes the validation images in an order of its own, and a last batch that is not full
 * is left out.
 */
#include "config.h"

#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PER_SAMPLE, PER_CLASS };

struct advntk_config {
    int64_t steps, batch, blocks_max;
    double initial, tolerance;
    int weights;
    struct advntk_slot optimizer, loss, attack;
};

struct advntk_state {
    const struct advntk_config *config; /* borrowed */
    struct advntk_host *host;           /* borrowed */
    const struct advntk_problem *problem;
    const struct advntk_optimizer_ops *optimizer_ops;
    void *optimizer;
    struct advntk_predictor *predictor;
    struct advntk_flow *flow;
    struct advntk_flow_report coefficients; /* of alpha at w */
    bool fitted;                            /* alpha, the predictor and the flow belong to w */
    ptrdiff_t n, c, count, d;               /* count: of weights */
    double *w, *speed, *gradient;           /* count */
    double *y, *alpha, *g, *panel_g;        /* n,c */
    ptrdiff_t *order;                       /* validation: this epoch's */
    double *clean, *points;                 /* panel,d */
    double *f, *df, *loss;                  /* panel,c and panel */
    int32_t labels[ADVNTK_PANEL];
    int64_t index[ADVNTK_PANEL];
};

static void method_close(void *state)
{
    struct advntk_state *s = state;
    if (!s) {
        return;
    }
    if (s->optimizer) {
        s->optimizer_ops->close(s->optimizer);
    }
    advntk_predictor_free(s->predictor);
    advntk_flow_free(s->flow);
    advntk_free(s->w);
    advntk_free(s->speed);
    advntk_free(s->gradient);
    advntk_free(s->y);
    advntk_free(s->alpha);
    advntk_free(s->g);
    advntk_free(s->panel_g);
    advntk_free(s->order);
    advntk_free(s->clean);
    advntk_free(s->points);
    advntk_free(s->f);
    advntk_free(s->df);
    advntk_free(s->loss);
    free(s);
}

static advntk_status method_memory(struct advntk_state *s, struct advntk_error *err)
{
    const size_t real = sizeof(double), row = (size_t)s->c * sizeof(double);

    s->w = advntk_alloc(s->count, real);
    s->speed = advntk_alloc(s->count, real);
    s->gradient = advntk_alloc(s->count, real);
    s->y = advntk_alloc_zero(s->n, row);
    s->alpha = advntk_alloc_zero(s->n, row);
    s->g = advntk_alloc(s->n, row);
    s->panel_g = advntk_alloc(s->n, row);
    s->order = advntk_alloc(s->problem->validation, sizeof(*s->order));
    s->clean = advntk_alloc(ADVNTK_PANEL, (size_t)s->d * real);
    s->points = advntk_alloc(ADVNTK_PANEL, (size_t)s->d * real);
    s->f = advntk_alloc(ADVNTK_PANEL, row);
    s->df = advntk_alloc(ADVNTK_PANEL, row);
    s->loss = advntk_alloc(ADVNTK_PANEL, real);
    if (!s->w || !s->speed || !s->gradient || !s->y || !s->alpha || !s->g || !s->panel_g ||
        !s->order || !s->clean || !s->points || !s->f || !s->df || !s->loss) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for adv-NTK with %td images and %td classes",
                           s->n, s->c);
    }
    return ADVNTK_OK;
}

static advntk_status method_suits(const void *config, const struct advntk_problem *problem,
                                  struct advntk_error *err)
{
    const struct advntk_config *cfg = config;

    if (cfg->batch > problem->validation) {
        return ADVNTK_FAIL(
            err, EINVALID,
            "method.batch is %lld, but there are %td validation images: use a smaller batch or a "
            "larger data.validation",
            (long long)cfg->batch, problem->validation);
    }
    return ADVNTK_OK;
}

static advntk_status method_open(const void *config, struct advntk_host *host, void **state,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_config *cfg = config;
    const struct advntk_problem *problem = advntk_host_problem(host);
    struct advntk_state *s = calloc(1, sizeof(*s));

    if (!s) {
        FAIL(err, ENOMEM, "no memory for the method advntk");
    }
    TRY(method_suits(config, problem, err));
    *s = (struct advntk_state){.config = cfg,
                               .host = host,
                               .problem = problem,
                               .optimizer_ops = cfg->optimizer.plugin->ops,
                               .n = problem->train,
                               .c = problem->classes,
                               .d = problem->d};
    s->count = cfg->weights == PER_CLASS ? s->n * s->c : s->n;
    TRY(method_memory(s, err));
    for (ptrdiff_t i = 0; i < s->count; i++) {
        s->w[i] = cfg->initial;
    }
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->y[i * s->c + problem->train_labels[i]] = 1;
    }
    TRY(s->optimizer_ops->open(cfg->optimizer.config, host, s->count, &s->optimizer, err));
    TRY(advntk_predictor_new(host, &s->predictor, err));
    *state = s;
    s = NULL;
out:
    method_close(s);
    return rc;
}

/* alpha at w, into the predictor; keeps what the gradient needs. Depends on w alone. */
static advntk_status fit(struct advntk_state *s, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_sym *gram = NULL;

    if (s->fitted) {
        goto out;
    }
    if (!s->flow) {
        TRY(advntk_host_gram(s->host, &gram, err));
        TRY(advntk_flow_new(s->host, gram, s->c, s->config->weights == PER_CLASS,
                            s->config->tolerance, s->config->blocks_max, &s->flow, err));
    }
    for (ptrdiff_t i = 0; i < s->count; i++) {
        s->speed[i] = fabs(s->w[i]);
    }
    TRY(advntk_flow_coefficients(s->flow, s->speed, s->y, s->alpha, &s->coefficients, err));
    if (s->coefficients.stop == ADVNTK_FLOW_LIMIT) {
        advntk_log(s->host, ADVNTK_LOG_WARNING,
                   "adv-NTK coefficients: residual %.2g after %lld blocks, spectral radius %.3g; a "
                   "larger method.blocks_max would make them better",
                   s->coefficients.residual, (long long)s->coefficients.blocks,
                   s->coefficients.spectral_radius);
    }
    advntk_predictor_set(s->predictor, s->alpha);
    s->fitted = true;
out:
    return rc;
}

/* This epoch's order of the validation images (Fisher and Yates); a stream of its own each epoch.
 */
static void shuffle(struct advntk_state *s, int64_t epoch)
{
    struct advntk_stream stream;
    advntk_stream_init(&stream, s->problem->seed, advntk_random_purpose("shuffle"), -1, 0,
                       (uint32_t)epoch);
    for (ptrdiff_t i = 0; i < s->problem->validation; i++) {
        s->order[i] = i;
    }
    for (ptrdiff_t i = s->problem->validation - 1; i > 0; i--) {
        ptrdiff_t j = (ptrdiff_t)advntk_random_below(&stream, (uint64_t)i + 1);
        ptrdiff_t kept = s->order[i];
        s->order[i] = s->order[j];
        s->order[j] = kept;
    }
}

static bool is_right(ptrdiff_t c, const double *f, int32_t label)
{
    for (ptrdiff_t k = 0; k < c; k++) {
        if (k != label && !(f[label] > f[k])) {
            return false;
        }
    }
    return true;
}

struct batch_sums {
    double loss;
    ptrdiff_t right;
};

/* g += dL/dalpha of the `count` validation images of `which`, attacked; L is the mean over `batch`.
 */
static advntk_status add_panel(struct advntk_state *s, ptrdiff_t step, ptrdiff_t count,
                               const ptrdiff_t *which, struct batch_sums *sums,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_problem *p = s->problem;
    const struct advntk_model_ops *ops = advntk_predictor_ops();
    struct advntk_tape *tape = NULL;
    struct advntk_images images = {.n = count,
                                   .height = p->height,
                                   .width = p->width,
                                   .channels = p->channels,
                                   .pixels = s->clean,
                                   .labels = s->labels,
                                   .index = s->index};

    for (ptrdiff_t i = 0; i < count; i++) {
        s->labels[i] = p->validation_labels[which[i]];
        s->index[i] = p->validation_index[which[i]];
    }
    TRY(advntk_host_images(s->host, ADVNTK_SET_VALIDATION, count, which, s->clean, err));
    if (s->config->attack.plugin) {
        TRY(advntk_host_attack(s->host, &s->config->attack, s->predictor, ops, &images, step,
                               s->points, err));
        images.pixels = s->points;
    }
    TRY(ops->forward(s->predictor, &images, s->f, &tape, err));
    TRY(advntk_loss_value(&s->config->loss, count, s->c, s->f, s->labels, s->loss, s->df, err));
    for (ptrdiff_t i = 0; i < count; i++) {
        sums->loss += s->loss[i] / (double)s->config->batch;
        sums->right += is_right(s->c, s->f + i * s->c, s->labels[i]);
        for (ptrdiff_t k = 0; k < s->c; k++) {
            s->df[i * s->c + k] /= (double)s->config->batch;
        }
    }
    TRY(advntk_predictor_pullback(s->predictor, tape, s->df, s->panel_g, err));
    for (ptrdiff_t i = 0; i < s->n * s->c; i++) {
        s->g[i] += s->panel_g[i];
    }
out:
    ops->tape_free(s->predictor, tape);
    return rc;
}

/* What a step's line tells. The accuracies are those of this batch, before the weights moved. */
static advntk_status tell(struct advntk_state *s, const struct batch_sums *sums,
                          const struct advntk_flow_report *report, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const double robust = (double)sums->right / (double)s->config->batch;
    double norm = 0;

    for (ptrdiff_t i = 0; i < s->count; i++) {
        norm = hypot(norm, s->gradient[i]);
    }
    TRY(advntk_metric(s->host, "loss", sums->loss, err));
    TRY(advntk_metric(s->host, "train_robust", robust, err));
    TRY(advntk_metric(s->host, "validation_robust", robust, err));
    TRY(advntk_metric(s->host, "gradient_norm", norm, err));
    TRY(advntk_metric(s->host, "blocks", (double)(s->coefficients.blocks + report->blocks), err));
    TRY(advntk_metric(s->host, "residual", fmax(s->coefficients.residual, report->residual), err));
    TRY(advntk_metric(s->host, "spectral_radius", s->coefficients.spectral_radius, err));
out:
    return rc;
}

static advntk_status method_step(void *state, ptrdiff_t step, bool *finished,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk_state *s = state;
    const ptrdiff_t batch = (ptrdiff_t)s->config->batch, each = s->problem->validation / batch;
    const ptrdiff_t *which;
    struct batch_sums sums = {0, 0};
    struct advntk_flow_report report;

    TRY(fit(s, err));
    shuffle(s, step / each);
    which = s->order + step % each * batch;
    memset(s->g, 0, (size_t)(s->n * s->c) * sizeof(*s->g));
    for (ptrdiff_t at = 0; at < batch; at += ADVNTK_PANEL) {
        ptrdiff_t count = batch - at < ADVNTK_PANEL ? batch - at : ADVNTK_PANEL;
        TRY(add_panel(s, step, count, which + at, &sums, err));
    }
    TRY(advntk_flow_gradient(s->flow, s->g, s->gradient, &report, err));
    for (ptrdiff_t i = 0; i < s->count; i++) {
        s->gradient[i] = s->w[i] >= 0 ? s->gradient[i] : -s->gradient[i];
    }
    TRY(tell(s, &sums, &report, err));
    s->fitted = false;
    TRY(s->optimizer_ops->step(s->optimizer, s->gradient, s->w, err));
    TRY(fit(s, err));
    *finished = step + 1 >= s->config->steps;
out:
    return rc;
}

/* Krylov blocks of c columns, four arrays each: 16 of them, more than the usual 5 to 12. */
static int64_t method_memory_bytes(const void *config, const struct advntk_problem *problem)
{
    const int64_t blocks = 16, arrays = 4;

    (void)config;
    return blocks * arrays * 8 * problem->train * problem->classes;
}

static ptrdiff_t method_steps(const void *config)
{
    return (ptrdiff_t)((const struct advntk_config *)config)->steps;
}

static advntk_status method_model(void *state, void **model, const struct advntk_model_ops **ops,
                                  struct advntk_error *err)
{
    struct advntk_state *s = state;
    advntk_status rc = fit(s, err);
    if (rc == ADVNTK_OK) {
        *model = s->predictor;
        *ops = advntk_predictor_ops();
    }
    return rc;
}

static advntk_status method_save(const void *state, struct advntk_writer *w,
                                 struct advntk_error *err)
{
    const struct advntk_state *s = state;
    advntk_status rc = advntk_write_reals(w, "weights", s->count, s->w, err);
    if (rc == ADVNTK_OK) {
        advntk_writer_prefix(w, "optimizer.");
        rc = s->optimizer_ops->save(s->optimizer, w, err);
        advntk_writer_prefix(w, NULL);
    }
    return rc;
}

/* The coefficients follow from the weights, to the same bits. */
static advntk_status method_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct advntk_state *s = state;
    advntk_status rc = advntk_read_reals(r, "weights", s->count, s->w, err);
    s->fitted = false;
    if (rc == ADVNTK_OK) {
        advntk_reader_prefix(r, "optimizer.");
        rc = s->optimizer_ops->load(s->optimizer, r, err);
        advntk_reader_prefix(r, NULL);
    }
    return rc;
}

static advntk_status method_export(void *state, struct advntk_writer *w, struct advntk_error *err)
{
    struct advntk_state *s = state;
    advntk_status rc = fit(s, err);
    rc = rc != ADVNTK_OK ? rc : advntk_predictor_export(s->predictor, w, err);
    return rc != ADVNTK_OK ? rc : advntk_write_reals(w, "weights", s->count, s->w, err);
}

static const struct advntk_method_ops advntk_ops = {
    .needs_kernel = true,
    .needs_validation = true,
    .open = method_open,
    .step = method_step,
    .steps = method_steps,
    .model = method_model,
    .save = method_save,
    .load = method_load,
    .close = method_close,
    .export_model = method_export,
    .import_model = advntk_predictor_import,
    .model_free = advntk_predictor_free,
    .memory = method_memory_bytes,
    .suits = method_suits,
};

static const char *const weights_choices[] = {"per_sample", "per_class", NULL};

static const struct advntk_param advntk_params[] = {
    ADVNTK_INT(struct advntk_config, steps, 50, 1, 10000000, .help = "training steps"),
    ADVNTK_INT(struct advntk_config, batch, 128, 1, INT32_MAX, .unit = "images",
               .help = "validation images a step; at most data.validation"),
    ADVNTK_SLOT(struct advntk_config, optimizer, OPTIMIZER, "gradnorm_sgd",
                .help = "moves the weights"),
    ADVNTK_SLOT(struct advntk_config, loss, LOSS, "mse",
                .help = "of the outputs on the attacked validation images, meaned over the batch; "
                        "attacks climb it where they name none"),
    ADVNTK_SLOT(struct advntk_config, attack, ATTACK, "pgd",
                .help = "makes the batch adversarial; none: trains on clean images"),
    ADVNTK_CHOICE(struct advntk_config, weights, "per_sample", weights_choices,
                  .help =
                      "per_sample: one weight an image, as the authors' code; per_class: one an "
                      "image and class, as the paper's text"),
    ADVNTK_REAL(struct advntk_config, initial, 0, -INFINITY, INFINITY,
                .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN, .symbol = "varpi_0",
                .help = "every weight before the first step"),
    ADVNTK_REAL(struct advntk_config, tolerance, 0, 0, 1, .flags = ADVNTK_P_MAX_OPEN,
                .help = "relative error of coefficients; 0: 1e-6 for float32, 1e-10 for float64"),
    ADVNTK_INT(struct advntk_config, blocks_max, 0, 0, 100000,
               .help = "passes over the kernel matrix for one set of coefficients at most; 0: 60, "
                       "with per_class 300"),
    ADVNTK_PARAM_END};

ADVNTK_PLUGIN(
    METHOD, advntk_ops, .name = "advntk", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "Adv-NTK: infinitely wide networks made robust by adversarial training",
    .doc = "f(x) = k(x) Theta^-1 (1 - exp(-Theta Diag|w|)) Y, with w learnt by gradient "
           "steps on adversarial validation images. A step's train_robust and "
           "validation_robust are the accuracy on its own batch, before the weights move: "
           "an estimate from that many images.",
    .source = "Fu, Wang 2024 (ICLR, arXiv 2310.06112), algorithm 1", .params = advntk_params,
    .config_bytes = sizeof(struct advntk_config));
