/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Adam. Notation of the paper: m, v moments (n), beta1, beta2 their decay, t the number of the
 * step.
 */
#include "config.h"

#include "rate.h"

#include <stdlib.h>

struct adam_config {
    double rate, beta1, beta2, epsilon, weight_decay;
};

struct adam_state {
    const struct adam_config *config; /* borrowed */
    ptrdiff_t n;
    int64_t steps;
    double *m, *v; /* n */
};

static void adam_close(void *state)
{
    struct adam_state *s = state;
    if (s) {
        advntk_free(s->m);
        advntk_free(s->v);
        free(s);
    }
}

static advntk_status adam_open(const void *config, struct advntk_host *host, ptrdiff_t n,
                               void **state, struct advntk_error *err)
{
    struct adam_state *s = calloc(1, sizeof(*s));
    (void)host;
    if (s) {
        *s = (struct adam_state){.config = config, .n = n};
        s->m = advntk_alloc_zero(n, sizeof(*s->m));
        s->v = advntk_alloc_zero(n, sizeof(*s->v));
    }
    if (!s || !s->m || !s->v) {
        adam_close(s);
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the optimizer adam of %td parameters", n);
    }
    *state = s;
    return ADVNTK_OK;
}

static advntk_status adam_step(void *state, const double *gradient, double *parameters,
                               struct advntk_error *err)
{
    struct adam_state *s = state;
    const struct adam_config *config = s->config;
    double first = 1 - pow(config->beta1, (double)(s->steps + 1));
    double second = 1 - pow(config->beta2, (double)(s->steps + 1));
    advntk_status rc = gradient_check("adam", s->n, gradient, err);

    if (rc != ADVNTK_OK) {
        return rc;
    }
    for (ptrdiff_t i = 0; i < s->n; i++) {
        double g = gradient[i] + config->weight_decay * parameters[i], size;
        s->m[i] = config->beta1 * s->m[i] + (1 - config->beta1) * g;
        s->v[i] = config->beta2 * s->v[i] + (1 - config->beta2) * g * g;
        size = sqrt(s->v[i] / second) + config->epsilon;
        parameters[i] -= size > 0 ? config->rate * (s->m[i] / first) / size : 0;
    }
    s->steps++;
    return ADVNTK_OK;
}

static advntk_status adam_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct adam_state *s = state;
    advntk_status rc = advntk_write_ints(w, "steps", 1, &s->steps, err);
    rc = rc != ADVNTK_OK ? rc : advntk_write_reals(w, "m", s->n, s->m, err);
    return rc != ADVNTK_OK ? rc : advntk_write_reals(w, "v", s->n, s->v, err);
}

static advntk_status adam_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct adam_state *s = state;
    advntk_status rc = advntk_read_ints(r, "steps", 1, &s->steps, err);
    rc = rc != ADVNTK_OK ? rc : advntk_read_reals(r, "m", s->n, s->m, err);
    return rc != ADVNTK_OK ? rc : advntk_read_reals(r, "v", s->n, s->v, err);
}

static const struct advntk_optimizer_ops adam_ops = {
    .open = adam_open,
    .step = adam_step,
    .save = adam_save,
    .load = adam_load,
    .close = adam_close,
};

static const struct advntk_param adam_params[] = {
    ADVNTK_REAL(struct adam_config, rate, 0.001, 0, INFINITY, .symbol = "alpha",
                .help = "largest step of a parameter, about"),
    ADVNTK_REAL(struct adam_config, beta1, 0.9, 0, 1, .flags = ADVNTK_P_MAX_OPEN,
                .help = "decay of the mean of gradients"),
    ADVNTK_REAL(struct adam_config, beta2, 0.999, 0, 1, .flags = ADVNTK_P_MAX_OPEN,
                .help = "decay of the mean of squared gradients"),
    ADVNTK_REAL(struct adam_config, epsilon, 1e-8, 0, INFINITY,
                .help = "added to the root of the squared gradients"),
    ADVNTK_REAL(struct adam_config, weight_decay, 0, 0, INFINITY,
                .help = "this much of the parameters is added to the gradient"),
    ADVNTK_PARAM_END};

ADVNTK_PLUGIN(
    OPTIMIZER, adam_ops, .name = "adam", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "Adam, with bias correction",
    .doc = "Weight decay is added to the gradient, as in the paper's time; it is not AdamW.",
    .source = "Kingma, Ba 2015 (ICLR, arXiv 1412.6980), algorithm 1", .params = adam_params,
    .config_bytes = sizeof(struct adam_config));
