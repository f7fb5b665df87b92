/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Gradient descent with steps of fixed length: w <- w - rate (g/|g|_2 + weight_decay w). The
 * authors' "GradNorm". A zero gradient has no direction and moves by weight decay alone.
 */
#include "config.h"

#include "rate.h"

#include <stdlib.h>

struct gradnorm_sgd_config {
    double rate, weight_decay, decay_factor;
    int64_t decay_every;
};

struct gradnorm_sgd_state {
    const struct gradnorm_sgd_config *config; /* borrowed */
    ptrdiff_t n;
    int64_t steps;
};

static advntk_status gradnorm_sgd_open(const void *config, struct advntk_host *host, ptrdiff_t n,
                                       void **state, struct advntk_error *err)
{
    struct gradnorm_sgd_state *s = calloc(1, sizeof(*s));
    (void)host;
    if (!s) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the optimizer gradnorm_sgd");
    }
    *s = (struct gradnorm_sgd_state){.config = config, .n = n};
    *state = s;
    return ADVNTK_OK;
}

static advntk_status gradnorm_sgd_step(void *state, const double *gradient, double *parameters,
                                       struct advntk_error *err)
{
    struct gradnorm_sgd_state *s = state;
    const struct rate_schedule schedule = {s->config->rate, s->config->decay_factor,
                                           s->config->decay_every};
    double rate = rate_at(&schedule, s->steps), largest = 0, square = 0, norm;
    advntk_status rc = gradient_check("gradnorm_sgd", s->n, gradient, err);

    if (rc != ADVNTK_OK) {
        return rc;
    }
    for (ptrdiff_t i = 0; i < s->n; i++) {
        largest = fmax(largest, fabs(gradient[i]));
    }
    /* scaled, so that squares of tiny gradients do not vanish */
    for (ptrdiff_t i = 0; largest > 0 && i < s->n; i++) {
        square += gradient[i] / largest * (gradient[i] / largest);
    }
    norm = sqrt(square);
    for (ptrdiff_t i = 0; i < s->n; i++) {
        double direction = largest > 0 ? gradient[i] / largest / norm : 0;
        parameters[i] -= rate * (direction + s->config->weight_decay * parameters[i]);
    }
    s->steps++;
    return ADVNTK_OK;
}

static advntk_status gradnorm_sgd_save(const void *state, struct advntk_writer *w,
                                       struct advntk_error *err)
{
    const struct gradnorm_sgd_state *s = state;
    return advntk_write_ints(w, "steps", 1, &s->steps, err);
}

static advntk_status gradnorm_sgd_load(void *state, struct advntk_reader *r,
                                       struct advntk_error *err)
{
    struct gradnorm_sgd_state *s = state;
    return advntk_read_ints(r, "steps", 1, &s->steps, err);
}

static void gradnorm_sgd_close(void *state)
{
    free(state);
}

static const struct advntk_optimizer_ops gradnorm_sgd_ops = {
    .open = gradnorm_sgd_open,
    .step = gradnorm_sgd_step,
    .save = gradnorm_sgd_save,
    .load = gradnorm_sgd_load,
    .close = gradnorm_sgd_close,
};

static const struct advntk_param gradnorm_sgd_params[] = {
    ADVNTK_REAL(struct gradnorm_sgd_config, rate, 0.1, 0, INFINITY, .symbol = "zeta",
                .help = "length of a step"),
    ADVNTK_REAL(struct gradnorm_sgd_config, weight_decay, 0, 0, INFINITY,
                .help = "this much of the parameters is added to the direction"),
    ADVNTK_INT(struct gradnorm_sgd_config, decay_every, 0, 0, INT64_MAX, .unit = "steps",
               .help = "steps after which the rate falls by decay_factor; 0: never"),
    ADVNTK_REAL(struct gradnorm_sgd_config, decay_factor, 0.1, 0, 1,
                .help = "what the rate is multiplied with"),
    ADVNTK_PARAM_END};

ADVNTK_PLUGIN(OPTIMIZER, gradnorm_sgd_ops, .name = "gradnorm_sgd", .version = "1.0.0",
              .licence = "GPL-3.0-or-later",
              .summary = "Gradient descent with the gradient divided by its length",
              .doc =
                  "w <- w - rate (g/|g| + weight_decay w). A zero gradient moves by weight decay "
                  "alone.",
              .source = "Fu, Wang 2024 (ICLR, arXiv 2310.06112), algorithm 1 and released code",
              .params = gradnorm_sgd_params, .config_bytes = sizeof(struct gradnorm_sgd_config));
