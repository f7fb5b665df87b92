/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NI-FGSM, iterated steps with Nesterov's look ahead: Lin, Song, He, Wang, Hopcroft 2020 (arXiv
 * 1908.06281), equations 6 to 8. The gradient is taken where the momentum leads to:
 *
 *     x_nes   = x_k + alpha mu g_k,
 *     g_{k+1} = mu g_k + grad L(x_nes) / |grad L(x_nes)|_1,
 *     x_{k+1} = P(x_k + alpha steepest(g_{k+1})).
 *
 * Notation: mu decay, alpha length of a step, n,d images, values. The host evaluates x_nes
 * projected on ball and box.
 */
#include "config.h"

#include "momentum.h"
#include "success.h"

#include <advntk/plugin.h>

struct nifgsm_config {
    int64_t steps;
    double step, decay;
};

static const struct advntk_param nifgsm_params[] = {
    ADVNTK_INT(struct nifgsm_config, steps, 10, 1, 1000000, .symbol = "T",
               .help = "gradient steps of a restart", .source = "Lin et al. 2020, section 4.1"),
    ADVNTK_REAL(struct nifgsm_config, step, 0.0, 0, INFINITY, .unit = "as radius",
                .symbol = "alpha",
                .help = "length of a step in the attack's norm; 0: radius / steps",
                .source = "Lin et al. 2020, section 4.1"),
    ADVNTK_REAL(struct nifgsm_config, decay, 1.0, 0, INFINITY, .symbol = "mu",
                .help = "share of the velocity that is kept, and looked ahead along",
                .source = "Lin et al. 2020, equation 6"),
    ADVNTK_PARAM_END};

struct nifgsm_state {
    struct momentum_state *momentum;
    double *x; /* n,d: x_k, while the host is at x_nes */
};

static void nifgsm_preset(const void *config, struct advntk_attack_settings *settings)
{
    (void)config;
    settings->random_start = false; /* as published */
    settings->random_start_cube = 0;
}

static void nifgsm_close(void *state)
{
    struct nifgsm_state *s = state;
    if (s) {
        momentum_close(s->momentum);
        advntk_free(s->x);
        free(s);
    }
}

static advntk_status nifgsm_open(const void *config, struct advntk_host *host,
                                 const struct advntk_attack_view *view, void **state,
                                 struct advntk_error *err)
{
    const struct nifgsm_config *cfg = config;
    struct nifgsm_state *s = calloc(1, sizeof(*s));
    advntk_status rc = ADVNTK_OK;

    (void)host;
    if (s) {
        rc = momentum_new(view, cfg->steps, cfg->step, cfg->decay, &s->momentum, err);
        s->x = advntk_alloc_zero(view->n * view->d, sizeof(double));
    }
    if (rc == ADVNTK_OK && (!s || !s->x)) {
        rc = ADVNTK_FAIL(err, ENOMEM, "no memory for the points of %td images", view->n);
    }
    if (rc != ADVNTK_OK) {
        nifgsm_close(s);
        return rc;
    }
    *state = s;
    return ADVNTK_OK;
}

/* x_{k+1}, and from it the next point to look at. */
static void move_row(struct nifgsm_state *s, const struct advntk_attack_view *view, ptrdiff_t i,
                     bool last, double *next)
{
    const struct advntk_norm_ops *norm = view->settings->norm.plugin->ops;
    const struct momentum_state *m = s->momentum;
    double *x = s->x + i * view->d;

    for (ptrdiff_t k = 0; k < view->d; k++) {
        x[k] += m->length * m->direction[i * view->d + k];
    }
    norm->project_ball_box(view->settings->norm.config, view->d, view->clean + i * view->d,
                           view->radius, view->box_lo, view->box_hi, x);
    for (ptrdiff_t k = 0; k < view->d; k++) {
        next[k] = x[k] + (last ? 0 : m->length * m->decay * m->velocity[i * view->d + k]);
    }
}

static advntk_status nifgsm_step(void *state, const struct advntk_attack_view *view,
                                 const struct advntk_attack_seen *seen,
                                 struct advntk_attack_ask *ask, struct advntk_error *err)
{
    struct nifgsm_state *s = state;
    const struct advntk_plugin *norm = view->settings->norm.plugin;
    bool last = view->step + 1 >= s->momentum->steps;
    advntk_status rc = ADVNTK_OK;

    if (view->step >= s->momentum->steps) {
        success_all_done(view, ask);
        return ADVNTK_OK;
    }
    if (!((const struct advntk_norm_ops *)norm->ops)->project_ball_box) {
        return ADVNTK_FAIL(err, EUNSUPPORTED, "norm %s offers no projection on ball and box",
                           norm->name);
    }
    if (view->step == 0) {
        memcpy(s->x, seen->point, (size_t)(view->n * view->d) * sizeof(double));
    }
    momentum_gather(s->momentum, view, seen->gradient);
    rc = advntk_attack_steepest(view, s->momentum->velocity, s->momentum->direction, err);
    for (ptrdiff_t i = 0; rc == ADVNTK_OK && i < view->n; i++) {
        if (view->active[i]) {
            move_row(s, view, i, last, ask->point + i * view->d);
        }
    }
    ask->gradient = !last;
    return rc;
}

static advntk_status nifgsm_save(const void *state, struct advntk_writer *w,
                                 struct advntk_error *err)
{
    const struct nifgsm_state *s = state;
    advntk_status rc = momentum_save(s->momentum, w, err);
    return rc != ADVNTK_OK ? rc : advntk_write_reals(w, "x", s->momentum->count, s->x, err);
}

static advntk_status nifgsm_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct nifgsm_state *s = state;
    advntk_status rc = momentum_load(s->momentum, r, err);
    return rc != ADVNTK_OK ? rc : advntk_read_reals(r, "x", s->momentum->count, s->x, err);
}

static const struct advntk_attack_ops nifgsm_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .preset = nifgsm_preset,
    .open = nifgsm_open,
    .step = nifgsm_step,
    .save = nifgsm_save,
    .load = nifgsm_load,
    .close = nifgsm_close,
};

ADVNTK_PLUGIN(
    ATTACK, nifgsm_ops, .name = "nifgsm", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "iterated gradient steps with Nesterov momentum",
    .doc = "Like mim, but each gradient is taken where the momentum leads to. Starts at the clean "
           "image, "
           "whatever random_start says. One restart costs steps + 1 outputs and steps gradients.",
    .source = "Lin, Song, He, Wang, Hopcroft 2020 (arXiv 1908.06281), section 3.1",
    .params = nifgsm_params, .config_bytes = sizeof(struct nifgsm_config));
