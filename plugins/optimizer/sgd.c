/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gradient descent with momentum: v <- momentum v + g + weight_decay w; w <- w - rate v. */
#include "config.h"

#include "rate.h"

#include <stdlib.h>

struct sgd_config {
    double rate, momentum, weight_decay, decay_factor;
    int64_t decay_every;
};

struct sgd_state {
    const struct sgd_config *config; /* borrowed */
    ptrdiff_t n;
    int64_t steps;
    double *velocity; /* n */
};

static void sgd_close(void *state)
{
    struct sgd_state *s = state;
    if (s) {
        advntk_free(s->velocity);
        free(s);
    }
}

static advntk_status sgd_open(const void *config, struct advntk_host *host, ptrdiff_t n,
                              void **state, struct advntk_error *err)
{
    struct sgd_state *s = calloc(1, sizeof(*s));
    (void)host;
    if (s) {
        *s = (struct sgd_state){.config = config, .n = n};
        s->velocity = advntk_alloc_zero(n, sizeof(*s->velocity));
    }
    if (!s || !s->velocity) {
        sgd_close(s);
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the optimizer sgd of %td parameters", n);
    }
    *state = s;
    return ADVNTK_OK;
}

static advntk_status sgd_step(void *state, const double *gradient, double *parameters,
                              struct advntk_error *err)
{
    struct sgd_state *s = state;
    const struct sgd_config *config = s->config;
    const struct rate_schedule schedule = {config->rate, config->decay_factor, config->decay_every};
    double rate = rate_at(&schedule, s->steps);
    advntk_status rc = gradient_check("sgd", s->n, gradient, err);

    if (rc != ADVNTK_OK) {
        return rc;
    }
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->velocity[i] =
            config->momentum * s->velocity[i] + gradient[i] + config->weight_decay * parameters[i];
        parameters[i] -= rate * s->velocity[i];
    }
    s->steps++;
    return ADVNTK_OK;
}

static advntk_status sgd_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct sgd_state *s = state;
    advntk_status rc = advntk_write_ints(w, "steps", 1, &s->steps, err);
    return rc != ADVNTK_OK ? rc : advntk_write_reals(w, "velocity", s->n, s->velocity, err);
}

static advntk_status sgd_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct sgd_state *s = state;
    advntk_status rc = advntk_read_ints(r, "steps", 1, &s->steps, err);
    return rc != ADVNTK_OK ? rc : advntk_read_reals(r, "velocity", s->n, s->velocity, err);
}

static const struct advntk_optimizer_ops sgd_ops = {
    .open = sgd_open,
    .step = sgd_step,
    .save = sgd_save,
    .load = sgd_load,
    .close = sgd_close,
};

static const struct advntk_param sgd_params[] = {
    ADVNTK_REAL(struct sgd_config, rate, 0.1, 0, INFINITY, .help = "step along the gradient"),
    ADVNTK_REAL(struct sgd_config, momentum, 0, 0, 1, .flags = ADVNTK_P_MAX_OPEN,
                .help = "part of the last step's velocity that is kept"),
    ADVNTK_REAL(struct sgd_config, weight_decay, 0, 0, INFINITY,
                .help = "this much of the parameters is added to the gradient"),
    ADVNTK_INT(struct sgd_config, decay_every, 0, 0, INT64_MAX, .unit = "steps",
               .help = "steps after which the rate falls by decay_factor; 0: never"),
    ADVNTK_REAL(struct sgd_config, decay_factor, 0.1, 0, 1,
                .help = "what the rate is multiplied with"),
    ADVNTK_PARAM_END};

ADVNTK_PLUGIN(OPTIMIZER, sgd_ops, .name = "sgd", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "Gradient descent with momentum and weight decay",
              .doc = "v <- momentum v + g + weight_decay w; w <- w - rate v, as in PyTorch.",
              .source = "Sutskever, Martens, Dahl, Hinton 2013; PyTorch's form",
              .params = sgd_params, .config_bytes = sizeof(struct sgd_config));
