/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A method of one's own: kernel regression by steepest descent. Notation: Theta (n,n) kernel matrix
 * of the training images, Y (n,c) one-hot labels, alpha (n,c) with f(x) = k(x) alpha, R = Y - Theta
 * alpha: t = <R, R> / <R, Theta R>,   alpha <- alpha + t R,   R <- R - t Theta R The runner owns
 * the loop: it asks for one step at a time, writes what was reported, keeps a checkpoint.
 */
#include <advntk/plugin.h>

struct descent_config {
    int64_t steps;
    struct advntk_slot loss;
};

static const struct advntk_param descent_params[] = {
    ADVNTK_INT(struct descent_config, steps, 100, 1, 1000000, .help = "steps of descent"),
    ADVNTK_SLOT(struct descent_config, loss, LOSS, "mse",
                .help = "the loss that attacks climb where they name none"),
    ADVNTK_PARAM_END};

struct descent_state {
    const struct descent_config *config; /* borrowed */
    struct advntk_host *host;            /* borrowed */
    struct advntk_predictor *predictor;
    ptrdiff_t n, c;
    double *alpha, *rest, *image; /* n,c: alpha, R, Theta R */
};

static void descent_close(void *state)
{
    struct descent_state *s = state;

    if (s) {
        advntk_predictor_free(s->predictor);
        advntk_free(s->alpha);
        advntk_free(s->rest);
        advntk_free(s->image);
        advntk_free(s);
    }
}

static advntk_status descent_open(const void *config, struct advntk_host *host, void **state,
                                  struct advntk_error *err)
{
    const struct advntk_problem *problem = advntk_host_problem(host);
    struct descent_state *s = advntk_alloc_zero(1, sizeof(*s));
    advntk_status rc;

    if (!s) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a method");
    }
    s->config = config;
    s->host = host;
    s->n = problem->train;
    s->c = problem->classes;
    s->alpha = advntk_alloc_zero(s->n, (size_t)s->c * sizeof(*s->alpha));
    s->rest = advntk_alloc_zero(s->n, (size_t)s->c * sizeof(*s->rest));
    s->image = advntk_alloc_zero(s->n, (size_t)s->c * sizeof(*s->image));
    rc = s->alpha && s->rest && s->image
             ? advntk_predictor_new(host, &s->predictor, err)
             : ADVNTK_FAIL(err, ENOMEM, "no memory for %td x %td coefficients", s->n, s->c);
    if (rc != ADVNTK_OK) {
        descent_close(s);
        return rc;
    }
    for (ptrdiff_t i = 0; i < s->n; i++) {
        s->rest[i * s->c + problem->train_labels[i]] = 1;
    }
    *state = s;
    return ADVNTK_OK;
}

static advntk_status descent_step(void *state, ptrdiff_t step, bool *finished,
                                  struct advntk_error *err)
{
    struct descent_state *s = state;
    const struct advntk_sym *gram = NULL;
    double squares = 0, curvature = 0, t;
    advntk_status rc = advntk_host_gram(s->host, &gram, err); /* computed at the first call */

    if (rc == ADVNTK_OK) {
        rc = advntk_sym_apply(s->host, gram, s->c, s->rest, s->image, err);
    }
    if (rc != ADVNTK_OK) {
        return rc;
    }
    for (ptrdiff_t i = 0; i < s->n * s->c; i++) {
        squares += s->rest[i] * s->rest[i];
        curvature += s->rest[i] * s->image[i];
    }
    t = curvature > 0 ? squares / curvature : 0;
    for (ptrdiff_t i = 0; i < s->n * s->c; i++) {
        s->alpha[i] += t * s->rest[i];
        s->rest[i] -= t * s->image[i];
    }
    advntk_predictor_set(s->predictor, s->alpha);
    *finished = step + 1 >= s->config->steps || t <= 0;
    return advntk_metric(s->host, "loss", squares / (double)s->n / 2, err);
}

static ptrdiff_t descent_steps(const void *config)
{
    return (ptrdiff_t)((const struct descent_config *)config)->steps;
}

static advntk_status descent_model(void *state, void **model, const struct advntk_model_ops **ops,
                                   struct advntk_error *err)
{
    (void)err;
    *model = ((struct descent_state *)state)->predictor;
    *ops = advntk_predictor_ops();
    return ADVNTK_OK;
}

static advntk_status descent_save(const void *state, struct advntk_writer *w,
                                  struct advntk_error *err)
{
    const struct descent_state *s = state;
    advntk_status rc = advntk_write_reals(w, "alpha", s->n * s->c, s->alpha, err);

    return rc != ADVNTK_OK ? rc : advntk_write_reals(w, "rest", s->n * s->c, s->rest, err);
}

static advntk_status descent_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct descent_state *s = state;
    advntk_status rc = advntk_read_reals(r, "alpha", s->n * s->c, s->alpha, err);

    if (rc == ADVNTK_OK) {
        rc = advntk_read_reals(r, "rest", s->n * s->c, s->rest, err);
    }
    if (rc == ADVNTK_OK) {
        advntk_predictor_set(s->predictor, s->alpha);
    }
    return rc;
}

static advntk_status descent_export(void *state, struct advntk_writer *w, struct advntk_error *err)
{
    return advntk_predictor_export(((struct descent_state *)state)->predictor, w, err);
}

static const struct advntk_method_ops descent_ops = {
    .needs_kernel = true,
    .open = descent_open,
    .step = descent_step,
    .steps = descent_steps,
    .model = descent_model,
    .save = descent_save,
    .load = descent_load,
    .close = descent_close,
    .export_model = descent_export,
    .import_model = advntk_predictor_import,
    .model_free = advntk_predictor_free,
};

ADVNTK_PLUGIN(METHOD, descent_ops, .name = "descent", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "kernel regression by steepest descent",
              .params = descent_params, .config_bytes = sizeof(struct descent_config));
