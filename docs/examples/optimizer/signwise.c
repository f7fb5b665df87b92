/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An optimizer of one's own: each parameter goes by the rate against the sign of its mean gradient.
 * What the next step depends on is saved, so that an interrupted run goes on to the same bits.
 */
#include <advntk/plugin.h>
#include <math.h>

struct signwise_config {
    double rate, memory;
};

static const struct advntk_param signwise_params[] = {
    ADVNTK_REAL(struct signwise_config, rate, 0.1, 0, HUGE_VAL, .flags = ADVNTK_P_MAX_OPEN,
                .help = "length of a step, in every parameter"),
    ADVNTK_REAL(struct signwise_config, memory, 0.9, 0, 1, .flags = ADVNTK_P_MAX_OPEN,
                .help = "part of the mean gradient that is kept at a step"),
    ADVNTK_PARAM_END};

struct signwise_state {
    const struct signwise_config *config; /* borrowed */
    ptrdiff_t n;
    double *mean; /* n */
};

static void signwise_close(void *state)
{
    struct signwise_state *s = state;

    if (s) {
        advntk_free(s->mean);
        advntk_free(s);
    }
}

static advntk_status signwise_open(const void *config, struct advntk_host *host, ptrdiff_t n,
                                   void **state, struct advntk_error *err)
{
    struct signwise_state *s = advntk_alloc_zero(1, sizeof(*s));

    (void)host;
    if (s) {
        s->config = config;
        s->n = n;
        s->mean = advntk_alloc_zero(n, sizeof(*s->mean));
    }
    if (!s || !s->mean) {
        signwise_close(s);
        return ADVNTK_FAIL(err, ENOMEM, "no memory for an optimizer of %td parameters", n);
    }
    *state = s;
    return ADVNTK_OK;
}

static advntk_status signwise_step(void *state, const double *gradient, double *parameters,
                                   struct advntk_error *err)
{
    struct signwise_state *s = state;
    const double keep = s->config->memory;

    for (ptrdiff_t i = 0; i < s->n; i++) {
        if (!isfinite(gradient[i])) {
            return ADVNTK_FAIL(err, ENUMERIC, "gradient %td of %td is %g", i, s->n, gradient[i]);
        }
    }
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->mean[i] = keep * s->mean[i] + (1 - keep) * gradient[i];
        parameters[i] -= s->config->rate * (double)((s->mean[i] > 0) - (s->mean[i] < 0));
    }
    return ADVNTK_OK;
}

static advntk_status signwise_save(const void *state, struct advntk_writer *w,
                                   struct advntk_error *err)
{
    const struct signwise_state *s = state;

    return advntk_write_reals(w, "mean", s->n, s->mean, err);
}

static advntk_status signwise_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct signwise_state *s = state;

    return advntk_read_reals(r, "mean", s->n, s->mean, err);
}

static const struct advntk_optimizer_ops signwise_ops = {
    .open = signwise_open,
    .step = signwise_step,
    .save = signwise_save,
    .load = signwise_load,
    .close = signwise_close,
};

ADVNTK_PLUGIN(OPTIMIZER, signwise_ops, .name = "signwise", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "steps along signs of mean gradients",
              .source = "Bernstein et al. 2018 (arXiv 1802.04434), Signum",
              .params = signwise_params, .config_bytes = sizeof(struct signwise_config));
