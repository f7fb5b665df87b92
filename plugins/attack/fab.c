/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * FAB, the fast adaptive boundary attack: Croce, Hein 2020 (arXiv 1907.02044), algorithm 1. An
 * iteration takes the classifier for linear at x_k, picks the class s whose hyperplane pi_s is
 * nearest (equation 7), projects both x_k and the clean image c onto pi_s inside the box, and mixes
 * the two, each pushed a little beyond (equation 9):
 *
 *     alpha   = min(|d_k| / (|d_k| + |d_c|), alpha_max)
 *     x_{k+1} = box((1 - alpha)(x_k + eta d_k) + alpha (c + eta d_c));
 *
 * where that fools, it is a result, and the next iteration starts at c + beta (x_{k+1} - c)
 * (equation 12).
 *
 * Notation: f outputs, w and b the hyperplane <w,x> = b, d_k and d_c the steps onto it from x_k and
 * c, n,d images and values. An iteration is two evaluations: x_{k+1}, outputs alone, then the point
 * where the next one is linearised, with the gradients of all differences of outputs.
 *
 * Targeted, one hyperplane is looked at, that between the label and the target, which costs one
 * gradient instead of classes - 1 (section 3.5, Croce, Hein 2020 (arXiv 2003.01690), section 4);
 * any wrong class counts there, which is success any here. With success target it is that between
 * the target and the largest other output. As in the public code there is no final search.
 */
#include "config.h"

#include "success.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fab_config {
    int64_t iterations;
    double alpha_max, eta, beta;
};

static const struct advntk_param fab_params[] = {
    ADVNTK_INT(struct fab_config, iterations, 100, 1, 1000000, .symbol = "N_iter",
               .help = "linearisations in a restart", .source = "Croce, Hein 2020, algorithm 1"),
    ADVNTK_REAL(struct fab_config, alpha_max, 0.1, 0, 1, .symbol = "alpha_max",
                .help = "largest weight of the projection of the clean image",
                .source = "Croce, Hein 2020, equation 8"),
    ADVNTK_REAL(struct fab_config, eta, 1.05, 1, INFINITY, .symbol = "eta",
                .help = "how far steps go, 1 being the boundary itself",
                .source = "Croce, Hein 2020, equation 9"),
    ADVNTK_REAL(struct fab_config, beta, 0.9, 0, 1, .symbol = "beta",
                .help = "a point that fools is drawn back to this share of its distance",
                .source = "Croce, Hein 2020, equation 12"),
    ADVNTK_PARAM_END};

/* Nothing is carried from step to step but the points, which the host keeps. */
struct fab_state {
    struct fab_config config;
    ptrdiff_t planes; /* hyperplanes looked at for each image */
    bool noisy;       /* this restart begins beside the clean image */
};

static void fab_preset(const void *config, struct advntk_attack_settings *settings)
{
    (void)config;
    settings->random_start = false; /* later restarts draw their own noise */
    settings->random_start_cube = 0;
}

static bool one_plane(const struct advntk_attack_view *view)
{
    return view->targets && view->settings->success == ADVNTK_SUCCESS_ANY;
}

/* The first restart, towards each target, begins at the clean image. */
static bool is_noisy(const struct advntk_attack_view *view)
{
    int64_t targets = view->settings->target_classes;

    if (!view->targets || view->settings->targets != ADVNTK_TARGET_EACH) {
        targets = 1;
    }
    return view->restart >= (targets < view->classes - 1 ? targets : view->classes - 1);
}

static advntk_status fab_open(const void *config, struct advntk_host *host,
                              const struct advntk_attack_view *view, void **state,
                              struct advntk_error *err)
{
    const struct advntk_plugin *norm = view->settings->norm.plugin;
    const struct advntk_norm_ops *ops = norm->ops;
    struct fab_state *s = NULL;

    (void)host;
    if (!ops->project_plane_box || !ops->dual_norm) {
        return ADVNTK_FAIL(err, EUNSUPPORTED, "norm %s offers no projection onto planes",
                           norm->name);
    }
    if (is_noisy(view) && (isnan(view->radius) || !ops->random)) {
        return ADVNTK_FAIL(err, EINVALID,
                           "restarts after the first begin at random within half the radius, which "
                           "needs %s",
                           ops->random ? "a radius" : "a norm with random points");
    }
    s = calloc(1, sizeof(*s));
    if (!s) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the state of an attack");
    }
    s->config = *(const struct fab_config *)config;
    s->planes = one_plane(view) ? 1 : view->classes - 1;
    s->noisy = is_noisy(view);
    *state = s;
    return ADVNTK_OK;
}

static void fab_close(void *state)
{
    free(state);
}

/* Hyperplane k separates class `from` from `to`; f_to - f_from is to grow. */
static void plane_classes(const struct advntk_attack_view *view, ptrdiff_t i, ptrdiff_t k,
                          ptrdiff_t *from, ptrdiff_t *to)
{
    bool aimed = success_is_aimed(view);
    ptrdiff_t own = aimed ? view->targets[i] : view->labels[i], other = k + (k >= own);

    other = one_plane(view) ? view->targets[i] : other;
    *from = aimed ? other : own;
    *to = aimed ? own : other;
}

struct row_job {
    const struct fab_state *s;
    const struct advntk_attack_view *view;
    const struct advntk_attack_seen *seen;
    struct advntk_attack_ask *ask;
};

/* Where the next iteration is linearised, and the differences of outputs to be differentiated. */
static void ask_for_planes(const struct row_job *job, ptrdiff_t i)
{
    const struct advntk_attack_view *v = job->view;
    const struct advntk_norm_ops *norm = v->settings->norm.plugin->ops;
    const double *outputs = job->seen->outputs + i * v->classes, *clean = v->clean + i * v->d;
    double *point = job->ask->point + i * v->d;
    double *cotangent = job->ask->cotangent + i * job->s->planes * v->classes;

    if (v->step > 0 && success_fools(v, outputs, i)) {
        for (ptrdiff_t k = 0; k < v->d; k++) {
            point[k] = clean[k] + job->s->config.beta * (point[k] - clean[k]);
        }
    } else if (v->step == 0 && job->s->noisy) {
        struct advntk_stream stream;
        advntk_attack_stream(v, i, &stream);
        norm->random(v->settings->norm.config, v->d, clean, v->radius / 2, &stream, point);
    }
    memset(cotangent, 0, (size_t)(job->s->planes * v->classes) * sizeof(double));
    for (ptrdiff_t k = 0; k < job->s->planes; k++) {
        ptrdiff_t from, to;
        plane_classes(v, i, k, &from, &to);
        cotangent[k * v->classes + to] = 1;
        cotangent[k * v->classes + from] = -1;
    }
}

/* The hyperplane that is nearest to the point; aiming at a target, that of the largest output,
 * which has to be crossed in any case. *gap: f_to - f_from. */
static ptrdiff_t choose_plane(const struct row_job *job, ptrdiff_t i, double *gap)
{
    const struct advntk_attack_view *v = job->view;
    const struct advntk_norm_ops *norm = v->settings->norm.plugin->ops;
    const double *outputs = job->seen->outputs + i * v->classes;
    const double *normals = job->seen->gradient + i * job->s->planes * v->d;
    bool aimed = success_is_aimed(v);
    double least = (double)INFINITY;
    ptrdiff_t chosen = 0, from, to;

    for (ptrdiff_t k = 0; k < job->s->planes; k++) {
        double size = norm->dual_norm(v->settings->norm.config, v->d, normals + k * v->d), far;
        plane_classes(v, i, k, &from, &to);
        far = aimed ? outputs[to] - outputs[from] : fabs(outputs[to] - outputs[from]) / size;
        if (far < least) {
            least = far;
            chosen = k;
        }
    }
    plane_classes(v, i, chosen, &from, &to);
    *gap = outputs[to] - outputs[from];
    return chosen;
}

/* x_{k+1} from the linearisation at x_k; the host keeps it inside the box. */
static advntk_status ask_beyond_plane(const struct row_job *job, ptrdiff_t i,
                                      struct advntk_arena *arena, struct advntk_error *err)
{
    const struct advntk_attack_view *v = job->view;
    const struct fab_config *cfg = &job->s->config;
    const void *config = v->settings->norm.config;
    const struct advntk_norm_ops *norm = v->settings->norm.plugin->ops;
    const double *x = job->seen->point + i * v->d, *clean = v->clean + i * v->d, *w;
    double *next = job->ask->point + i * v->d, gap, b, near, far, alpha;
    double *step = advntk_arena_get(arena, v->d, sizeof(double)),
           *clean_step = advntk_arena_get(arena, v->d, sizeof(double)),
           *zero = advntk_arena_get(arena, v->d, sizeof(double));
    ptrdiff_t plane = choose_plane(job, i, &gap);

    if (!step || !clean_step || !zero) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the steps of an image");
    }
    w = job->seen->gradient + (i * job->s->planes + plane) * v->d;
    b = -gap;
    for (ptrdiff_t k = 0; k < v->d; k++) {
        b += w[k] * x[k];
        zero[k] = 0;
    }
    norm->project_plane_box(config, v->d, x, w, b, v->box_lo, v->box_hi, step);
    norm->project_plane_box(config, v->d, clean, w, b, v->box_lo, v->box_hi, clean_step);
    near = norm->distance(config, v->d, step, zero);
    far = norm->distance(config, v->d, clean_step, zero);
    alpha = near + far > 0 ? fmin(near / (near + far), cfg->alpha_max) : 0;
    for (ptrdiff_t k = 0; k < v->d; k++) {
        next[k] = (1 - alpha) * (x[k] + cfg->eta * step[k]) +
                  alpha * (clean[k] + cfg->eta * clean_step[k]);
    }
    return ADVNTK_OK;
}

static advntk_status move_row(void *context, ptrdiff_t i, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    const struct row_job *job = context;

    if (!job->view->active[i]) {
        return ADVNTK_OK;
    }
    if (job->view->step % 2) {
        return ask_beyond_plane(job, i, arena, err);
    }
    ask_for_planes(job, i);
    return ADVNTK_OK;
}

static advntk_status fab_step(void *state, const struct advntk_attack_view *view,
                              const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                              struct advntk_error *err)
{
    struct fab_state *s = state;
    struct row_job job = {s, view, seen, ask};

    if (view->step / 2 >= s->config.iterations) {
        success_all_done(view, ask);
        return ADVNTK_OK;
    }
    ask->gradient = view->step % 2 == 0;
    ask->m = ask->gradient ? s->planes : 0;
    return advntk_parallel_for(view->host, view->n, move_row, &job, err);
}

static advntk_status fab_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct fab_state *s = state;
    int64_t planes = s->planes;
    return advntk_write_ints(w, "planes", 1, &planes, err);
}

static advntk_status fab_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    const struct fab_state *s = state;
    int64_t planes = 0;
    advntk_status rc = advntk_read_ints(r, "planes", 1, &planes, err);

    if (rc == ADVNTK_OK && planes != s->planes) {
        rc = ADVNTK_FAIL(err, EFORMAT, "stored with %lld hyperplanes an image, there are %td",
                         (long long)planes, s->planes);
    }
    return rc;
}

static const char *fab_unsupported(const void *config, const char *norm, ptrdiff_t classes)
{
    (void)config;
    (void)classes;
    return strcmp(norm, "l0") == 0 ? "norm l0 offers no projection onto planes, use pgd" : NULL;
}

static const struct advntk_attack_ops fab_ops = {
    .goal = ADVNTK_GOAL_MIN_NORM,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .min_classes = 2,
    .preset = fab_preset,
    .unsupported = fab_unsupported,
    .open = fab_open,
    .step = fab_step,
    .save = fab_save,
    .load = fab_load,
    .close = fab_close,
    .loss = "margin",
};

ADVNTK_PLUGIN(
    ATTACK, fab_ops, .name = "fab", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "looks for the nearest point that fools, along the boundary",
    .doc = "Finds small perturbations instead of large losses: an image falls if the nearest "
           "point found is within the radius, without slack. The "
           "loss only ranks points that do not fool. Untargeted an iteration costs 2 outputs and "
           "classes - 1 gradients; with targeted: true, "
           "targets: each, success: any and as many restarts as targets (FAB-T, AutoAttack's "
           "form) one gradient. For distances beyond the radius set early_stop: false.",
    .source = "Croce, Hein 2020 (arXiv 1907.02044), algorithm 1", .params = fab_params,
    .config_bytes = sizeof(struct fab_config));
