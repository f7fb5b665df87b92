/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Auto-PGD: Croce, Hein 2020 (arXiv 2003.01690), algorithm 1; for l1 Croce, Hein 2021 (arXiv
 * 2103.01208), algorithm 2. With P the projection on ball and box,
 *
 *     z       = P(x_k + eta steepest(grad L(x_k)))
 *     x_{k+1} = P(x_k + alpha (z - x_k) + (1 - alpha)(x_k - x_{k-1})),      alpha = 1 in step 0,
 *
 * and at checkpoints eta is halved and the search returns to the best point where the loss rose in
 * at most the share rho of the steps since the last one, or where neither eta nor the best loss
 * changed since. After a return the momentum is x_best - x_{k-1}, as the algorithm is written. l1
 * has no momentum: its step spreads over a share of the coordinates that follows the sparsity of
 * the best point, and eta begins anew whenever that shrinks.
 *
 * shrinking_radius (2021 paper, section 4): three phases in balls of 3, 2 and 1 radii, each from
 * the best point of the one before; only what lies within the radius counts. eot (Athalye,
 * Engstrom, Ilyas, Kwok 2018 (arXiv 1707.07397)): loss and gradient are means over several
 * evaluations, for models that answer at random.
 *
 * Notation: eta length of a step, alpha weight of the new step, rho share, n,d images and values.
 *
 * reference autoattack: the first checkpoint compares the first loss with 0 instead of the start's
 * (the public code reads a row that is still empty); l1 from the clean image starts with one
 * coordinate; projection is sequential for l2.
 */
#include "config.h"

#include "arrays.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REFERENCE_OFF, REFERENCE_AUTOATTACK };

struct apgd_config {
    int64_t steps, eot;
    double rho, alpha, first_sparsity;
    bool shrinking_radius;
    int reference;
};

static const char *const references[] = {"off", "autoattack", NULL};

static const struct advntk_param apgd_params[] = {
    ADVNTK_INT(struct apgd_config, steps, 100, 1, 1000000, .symbol = "N_iter",
               .help = "gradient steps of a restart", .source = "Croce, Hein 2020, algorithm 1"),
    ADVNTK_REAL(struct apgd_config, rho, 0.75, 0, 1, .symbol = "rho",
                .help = "the step is halved where the loss rose in at most this share of the steps",
                .source = "Croce, Hein 2020, section 3.1, condition 1"),
    ADVNTK_REAL(struct apgd_config, alpha, 0.75, 0, 1, .symbol = "alpha",
                .help = "weight of the new step, the rest is momentum (not in l1)",
                .source = "Croce, Hein 2020, equation 3"),
    ADVNTK_REAL(struct apgd_config, first_sparsity, 0.2, 0, 1, .symbol = "k_0/d",
                .help = "l1: share of the coordinates that the first steps move",
                .source = "Croce, Hein 2021, section 4"),
    ADVNTK_BOOL(struct apgd_config, shrinking_radius, false,
                .help = "whether to search in 3, then in 2 radii first, 30 % of the steps each "
                        "(AutoAttack in l1: true)",
                .source = "Croce, Hein 2021, section 4"),
    ADVNTK_INT(struct apgd_config, eot, 1, 1, 10000, .unit = "evaluations a step",
               .help = "losses and gradients averaged in a step, for models with random outputs "
                       "(AutoAttack rand: 20)",
               .source = "Athalye et al. 2018 (arXiv 1707.07397), section 2"),
    ADVNTK_CHOICE(struct apgd_config, reference, "off", references,
                  .help = "autoattack: as the public AutoAttack code, in what differs from the "
                          "papers or is weaker",
                  .source = "Croce, Hein 2020 (arXiv 2003.01690), released code"),
    ADVNTK_PARAM_END};

struct apgd_state {
    struct apgd_config config;
    bool sparse;                   /* l1 */
    int64_t phase, taken, sample;  /* taken: steps of this phase, -1 before its start is asked for;
                                      sample: evaluations of this point so far */
    int64_t interval, since_check; /* steps between checkpoints, and since the last */
    ptrdiff_t n, d;
    double *eta, *sparsity, *changed; /* n; changed: coordinates that differed at the last check */
    double *loss, *best_loss, *checked_loss; /* n: last, best, best at the last check */
    double *rises, *halved; /* n: since the last check; whether it was halved there (0 or 1) */
    double *mean_loss;      /* n */
    double *old, *best, *best_gradient, *mean_gradient; /* n,d: x_{k-1}; the best point and its
                                                           gradient; sums over samples */
};

static const struct state_array apgd_arrays[] = {
    STATE_ARRAY(struct apgd_state, eta, false),
    STATE_ARRAY(struct apgd_state, sparsity, false),
    STATE_ARRAY(struct apgd_state, changed, false),
    STATE_ARRAY(struct apgd_state, loss, false),
    STATE_ARRAY(struct apgd_state, best_loss, false),
    STATE_ARRAY(struct apgd_state, checked_loss, false),
    STATE_ARRAY(struct apgd_state, rises, false),
    STATE_ARRAY(struct apgd_state, halved, false),
    STATE_ARRAY(struct apgd_state, mean_loss, false),
    STATE_ARRAY(struct apgd_state, old, true),
    STATE_ARRAY(struct apgd_state, best, true),
    STATE_ARRAY(struct apgd_state, best_gradient, true),
    STATE_ARRAY(struct apgd_state, mean_gradient, true),
    STATE_ARRAY_END};

static int64_t at_least_one(double share, int64_t steps)
{
    int64_t count = (int64_t)(share * (double)steps);
    return count > 1 ? count : 1;
}

enum { PHASES = 3 };

static bool is_last_phase(const struct apgd_state *s)
{
    return !s->config.shrinking_radius || s->phase == PHASES - 1;
}

/* The ball of this phase, in radii. */
static double phase_reach(const struct apgd_state *s)
{
    return s->config.shrinking_radius ? (double)(PHASES - s->phase) : 1;
}

static int64_t phase_steps(const struct apgd_state *s)
{
    int64_t early = (int64_t)ceil(0.3 * (double)s->config.steps);

    if (!s->config.shrinking_radius) {
        return s->config.steps;
    }
    return is_last_phase(s) ? s->config.steps - 2 * early : early;
}

static advntk_status apgd_check(const void *config, struct advntk_error *err)
{
    const struct apgd_config *cfg = config;

    if (cfg->shrinking_radius && cfg->steps < PHASES) {
        return ADVNTK_FAIL(err, EINVALID,
                           "steps: is %lld, expected at least %d with shrinking_radius",
                           (long long)cfg->steps, PHASES);
    }
    return ADVNTK_OK;
}

static void apgd_preset(const void *config, struct advntk_attack_settings *settings)
{
    const struct apgd_config *cfg = config;
    if (cfg->reference == REFERENCE_AUTOATTACK && settings->norm.plugin &&
        strcmp(settings->norm.plugin->name, "l2") == 0) {
        settings->projection = ADVNTK_PROJECT_SEQUENTIAL;
    }
}

static const char *apgd_unsupported(const void *config, const char *norm, ptrdiff_t classes)
{
    (void)config;
    (void)classes;
    return strcmp(norm, "l0") == 0 ? "its steps have no meaning in norm l0, use pgd" : NULL;
}

static void apgd_close(void *state)
{
    arrays_free(state, apgd_arrays);
    free(state);
}

static advntk_status apgd_open(const void *config, struct advntk_host *host,
                               const struct advntk_attack_view *view, void **state,
                               struct advntk_error *err)
{
    struct apgd_state *s = calloc(1, sizeof(*s));
    advntk_status rc = arrays_new(s, apgd_arrays, view, err);

    (void)host;
    if (rc != ADVNTK_OK) {
        apgd_close(s);
        return rc;
    }
    s->config = *(const struct apgd_config *)config;
    s->n = view->n;
    s->d = view->d;
    s->sparse = strcmp(view->settings->norm.plugin->name, "l1") == 0;
    s->taken = s->config.shrinking_radius ? -1 : 0;
    s->interval = at_least_one(s->sparse ? 0.04 : 0.22, phase_steps(s));
    *state = s;
    return ADVNTK_OK;
}

/* The first eta of a phase. */
static double longest(const struct apgd_state *s, const struct advntk_attack_view *view)
{
    return (s->sparse ? 1 : 2) * phase_reach(s) * view->radius;
}

static double count_changed(ptrdiff_t d, const double *a, const double *b)
{
    ptrdiff_t count = 0;
    for (ptrdiff_t k = 0; k < d; k++) {
        count += a[k] != b[k];
    }
    return (double)count;
}

/* A phase's start: its loss is the best so far. */
static void begin_row(struct apgd_state *s, const struct advntk_attack_view *view,
                      const struct advntk_attack_seen *seen, ptrdiff_t i)
{
    const double *point = seen->point + i * s->d;
    bool published = s->config.reference == REFERENCE_AUTOATTACK;
    bool given =
        published ? !view->settings->random_start || s->config.shrinking_radius : s->phase > 0;

    s->eta[i] = longest(s, view);
    s->best_loss[i] = s->checked_loss[i] = seen->loss[i];
    s->loss[i] = published ? 0 : seen->loss[i];
    s->halved[i] = 1;
    s->rises[i] = 0;
    s->sparsity[i] = s->config.first_sparsity;
    s->changed[i] = (double)s->d;
    if (given) { /* not a random point: as sparse as it is */
        s->changed[i] = count_changed(s->d, point, view->clean + i * s->d);
        s->sparsity[i] = s->changed[i] / (double)s->d / 1.5;
    }
    memcpy(s->old + i * s->d, point, (size_t)s->d * sizeof(double));
    memcpy(s->best + i * s->d, point, (size_t)s->d * sizeof(double));
    memcpy(s->best_gradient + i * s->d, seen->gradient + i * s->d, (size_t)s->d * sizeof(double));
}

static void look_at_row(struct apgd_state *s, const struct advntk_attack_seen *seen, ptrdiff_t i)
{
    double loss = seen->loss[i];

    s->rises[i] += loss > s->loss[i];
    s->loss[i] = loss;
    if (loss > s->best_loss[i]) {
        s->best_loss[i] = loss;
        memcpy(s->best + i * s->d, seen->point + i * s->d, (size_t)s->d * sizeof(double));
        memcpy(s->best_gradient + i * s->d, seen->gradient + i * s->d,
               (size_t)s->d * sizeof(double));
    }
}

/* Conditions 1 and 2 of the 2020 paper; true: go back to the best point. */
static bool check_row(struct apgd_state *s, ptrdiff_t i)
{
    bool few_rises = s->rises[i] <= (double)s->interval * s->config.rho;
    bool stuck = s->halved[i] == 0 && s->checked_loss[i] >= s->best_loss[i];
    bool back = few_rises || stuck;

    s->halved[i] = back;
    s->checked_loss[i] = s->best_loss[i];
    s->rises[i] = 0;
    s->eta[i] *= back ? 0.5 : 1;
    return back;
}

/* l1: algorithm 2 of the 2021 paper: eta begins anew where the best point became sparser by 5 %,
 * else it is divided by 1.5, down to a tenth. */
static bool check_sparse_row(struct apgd_state *s, const struct advntk_attack_view *view,
                             ptrdiff_t i)
{
    double changed = count_changed(s->d, s->best + i * s->d, view->clean + i * s->d);
    bool back = changed / s->changed[i] < 0.95;

    s->eta[i] = back ? longest(s, view) : fmax(s->eta[i] / 1.5, longest(s, view) / 10);
    s->sparsity[i] = changed / (double)s->d / 1.5;
    s->changed[i] = changed;
    return back;
}

struct row_job {
    struct apgd_state *s;
    const struct advntk_attack_view *view;
    const struct advntk_attack_seen *seen;
    const struct advntk_norm_ops *norm;
    double *next; /* n,d */
    bool check;
};

static void project(const struct row_job *job, ptrdiff_t i, double *point)
{
    const struct advntk_attack_view *v = job->view;
    const void *config = v->settings->norm.config;
    const double *clean = v->clean + i * v->d;
    double radius = phase_reach(job->s) * v->radius;

    if (v->settings->projection == ADVNTK_PROJECT_EXACT) {
        job->norm->project_ball_box(config, v->d, clean, radius, v->box_lo, v->box_hi, point);
        return;
    }
    job->norm->project_ball(config, v->d, clean, radius, point);
    for (ptrdiff_t k = 0; k < v->d; k++) {
        point[k] = fmin(fmax(point[k], v->box_lo[k]), v->box_hi[k]);
    }
}

/* The point asked for from x with gradient g; the host projects it. */
static void step_row(const struct row_job *job, ptrdiff_t i, const double *x, const double *g)
{
    struct apgd_state *s = job->s;
    double *next = job->next + i * s->d, *old = s->old + i * s->d;
    double alpha = s->taken > 0 ? s->config.alpha : 1;

    job->norm->steepest(job->view->settings->norm.config, s->d, g, s->sparsity[i], next);
    for (ptrdiff_t k = 0; k < s->d; k++) {
        next[k] = x[k] + s->eta[i] * next[k];
    }
    if (s->sparse) {
        return;
    }
    project(job, i, next);
    for (ptrdiff_t k = 0; k < s->d; k++) {
        double here = x[k];
        next[k] = here + alpha * (next[k] - here) + (1 - alpha) * (here - old[k]);
        old[k] = here;
    }
}

static advntk_status move_row(void *context, ptrdiff_t i, struct advntk_arena *arena,
                              struct advntk_error *err)
{
    struct row_job *job = context;
    struct apgd_state *s = job->s;
    ptrdiff_t row = i * s->d;
    bool back = false;

    (void)arena;
    (void)err;
    if (!job->view->active[i]) {
        return ADVNTK_OK;
    }
    if (s->taken == 0) {
        begin_row(s, job->view, job->seen, i);
    } else {
        look_at_row(s, job->seen, i);
    }
    if (job->check) {
        back = s->sparse ? check_sparse_row(s, job->view, i) : check_row(s, i);
    }
    step_row(job, i, back ? s->best + row : job->seen->point + row,
             back ? s->best_gradient + row : job->seen->gradient + row);
    return ADVNTK_OK;
}

/* The start of a phase: of the first a point of its own larger ball, else the best of the one
 * before, which the host projects onto the smaller ball. */
static void ask_phase_start(struct apgd_state *s, const struct advntk_attack_view *view,
                            struct advntk_attack_ask *ask)
{
    const struct advntk_slot *slot = &view->settings->norm;
    const struct advntk_norm_ops *norm = slot->plugin->ops;

    for (ptrdiff_t i = 0; i < view->n; i++) {
        const double *clean = view->clean + i * s->d;
        double *next = ask->point + i * s->d;
        struct advntk_stream stream;
        if (!view->active[i]) {
            continue;
        }
        if (s->phase > 0) {
            memcpy(next, s->best + i * s->d, (size_t)s->d * sizeof(double));
        } else if (view->settings->random_start) {
            advntk_attack_stream(view, i, &stream);
            norm->random(slot->config, s->d, clean, phase_reach(s) * view->radius, &stream, next);
        }
    }
    s->taken = 0;
    s->since_check = 0;
    s->interval = at_least_one(s->sparse ? 0.04 : 0.22, phase_steps(s));
    ask->gradient = true;
    ask->reach = phase_reach(s);
}

/* The phase's last points may be its best ones. */
static void end_phase(struct apgd_state *s, const struct advntk_attack_view *view,
                      const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask)
{
    for (ptrdiff_t i = 0; i < view->n; i++) {
        ask->done[i] = is_last_phase(s);
        if (view->active[i] && !is_last_phase(s)) {
            look_at_row(s, seen, i);
        }
    }
    if (!is_last_phase(s)) {
        s->phase++;
        ask_phase_start(s, view, ask);
    }
}

/* True: the same points once more. Else mean holds what was seen, averaged. */
static bool sample_again(struct apgd_state *s, const struct advntk_attack_view *view,
                         struct advntk_attack_seen *mean, struct advntk_attack_ask *ask)
{
    double share = 1 / (double)s->config.eot;
    bool first = s->sample == 0;

    for (ptrdiff_t i = 0; i < view->n; i++) {
        if (!view->active[i]) {
            continue;
        }
        s->mean_loss[i] = (first ? 0 : s->mean_loss[i]) + share * mean->loss[i];
        for (ptrdiff_t k = i * s->d; k < (i + 1) * s->d; k++) {
            s->mean_gradient[k] = (first ? 0 : s->mean_gradient[k]) + share * mean->gradient[k];
        }
    }
    s->sample = (s->sample + 1) % s->config.eot;
    mean->loss = s->mean_loss;
    mean->gradient = s->mean_gradient;
    ask->gradient = true;
    ask->reach = phase_reach(s);
    return s->sample > 0;
}

/* Steps between checkpoints become fewer. */
static void set_next_check(struct apgd_state *s)
{
    int64_t shorter = s->interval - at_least_one(0.03, phase_steps(s));
    int64_t shortest = at_least_one(0.06, phase_steps(s));

    s->since_check = 0;
    s->interval = s->sparse ? s->interval : shorter > shortest ? shorter : shortest;
}

static advntk_status apgd_step(void *state, const struct advntk_attack_view *view,
                               const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                               struct advntk_error *err)
{
    struct apgd_state *s = state;
    struct advntk_attack_seen mean = *seen;
    struct row_job job = {s, view, &mean, view->settings->norm.plugin->ops, ask->point, false};
    bool over = s->taken == phase_steps(s);
    advntk_status rc = ADVNTK_OK;

    if (!job.norm->steepest || !job.norm->project_ball_box ||
        (view->settings->projection != ADVNTK_PROJECT_EXACT && !job.norm->project_ball)) {
        return ADVNTK_FAIL(err, EUNSUPPORTED, "norm %s offers no steepest direction or projection",
                           view->settings->norm.plugin->name);
    }
    if (s->taken < 0) {
        ask_phase_start(s, view, ask);
        return ADVNTK_OK;
    }
    if (s->config.eot > 1 && !(over && is_last_phase(s)) && sample_again(s, view, &mean, ask)) {
        return ADVNTK_OK;
    }
    if (over) {
        end_phase(s, view, &mean, ask);
        return ADVNTK_OK;
    }
    s->since_check += s->taken > 0;
    job.check = s->since_check == s->interval;
    rc = advntk_parallel_for(view->host, view->n, move_row, &job, err);
    if (job.check) {
        set_next_check(s);
    }
    s->taken++;
    ask->gradient = s->taken < phase_steps(s) || !is_last_phase(s);
    ask->reach = phase_reach(s);
    return rc;
}

static advntk_status apgd_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    const struct apgd_state *s = state;
    const int64_t counts[5] = {s->interval, s->since_check, s->phase, s->taken, s->sample};
    advntk_status rc = advntk_write_ints(w, "counts", 5, counts, err);

    return rc != ADVNTK_OK ? rc : arrays_save(s, apgd_arrays, s->n, s->d, w, err);
}

static advntk_status apgd_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct apgd_state *s = state;
    int64_t counts[5] = {0};
    advntk_status rc = advntk_read_ints(r, "counts", 5, counts, err);

    s->interval = counts[0];
    s->since_check = counts[1];
    s->phase = counts[2];
    s->taken = counts[3];
    s->sample = counts[4];
    return rc != ADVNTK_OK ? rc : arrays_load(s, apgd_arrays, s->n, s->d, r, err);
}

static const struct advntk_attack_ops apgd_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .preset = apgd_preset,
    .unsupported = apgd_unsupported,
    .open = apgd_open,
    .step = apgd_step,
    .save = apgd_save,
    .load = apgd_load,
    .close = apgd_close,
};

ADVNTK_PLUGIN(
    ATTACK, apgd_ops, .name = "apgd", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "projected gradient ascent that finds its own step length",
    .doc = "No step length to tune: it starts at twice the radius (l1: the radius) and "
           "shrinks where the loss stops rising. With loss cross_entropy and with dlr it "
           "is half of AutoAttack; over nine targets (targeted: true, targets: "
           "each, success: any, restarts: 9, loss: dlr_targeted) its second attack. One "
           "restart costs steps + 1 outputs and steps gradients; with eot that many times "
           "the steps, with shrinking_radius 3 of each more.",
    .source = "Croce, Hein 2020 (arXiv 2003.01690), algorithm 1; 2021 (arXiv "
              "2103.01208), algorithm 2",
    .params = apgd_params, .config_bytes = sizeof(struct apgd_config), .check = apgd_check);
