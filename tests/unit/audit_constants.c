/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit's constants from both sides, each seen from outside: how wide its differences are
 * (probe), how far it pushes (push_length), and what counts as a loss that still rises (last_rise,
 * last_share). Models of one pixel are made so that a value a little smaller or larger would change
 * what is found.
 */
#include "config.h"
#include "tap.h"

#include "attack_world.h"

enum { D = 4, C = 2, N = 40, POINTS = 3 };

static struct advntk_host *host;
static struct world_slot attack, norm, loss;
static struct advntk_error error;
static double script[POINTS]; /* where the attack looks: pixel 0 at the start and after each step */

/* ---- a model of pixel 0; class 0 is the label of all ---- */

enum shape { LINE, WAVE, BAND };
static enum shape shape;
static double frequency;        /* WAVE: f0 = 3 + sin(frequency x) */
static double band_lo, band_hi; /* BAND: class 1 wins in between */

static advntk_status one_forward(void *model, const struct advntk_images *x, double *f,
                                 struct advntk_tape **tape, struct advntk_error *err)
{
    (void)model;
    if (tape) {
        *tape = malloc(sizeof(**tape));
        if (!*tape) {
            return ADVNTK_FAIL(err, ENOMEM, "model: no memory");
        }
        (*tape)->n = x->n;
    }
    for (ptrdiff_t i = 0; i < x->n; i++) {
        double at = x->pixels[i * D];
        f[i * C] = shape == WAVE ? 3 + sin(frequency * at) : at;
        f[i * C + 1] = -1e9;
        if (shape == BAND) {
            f[i * C] = at > band_lo && at < band_hi ? -1 : 1;
            f[i * C + 1] = 0;
        }
        if (tape) {
            (*tape)->x[i] = at;
        }
    }
    return ADVNTK_OK;
}

/* BAND: always up, so that pushes go one way. */
static advntk_status one_vjp(void *model, const struct advntk_tape *tape, ptrdiff_t m,
                             const double *g, double *dx, struct advntk_error *err)
{
    (void)model;
    (void)err;
    memset(dx, 0, (size_t)(tape->n * m * D) * sizeof(double));
    for (ptrdiff_t r = 0; r < tape->n * m; r++) {
        double slope = shape == WAVE ? frequency * cos(frequency * tape->x[r / m]) : 1;
        dx[r * D] = shape == BAND ? 1 : g[r * C] * slope;
    }
    return ADVNTK_OK;
}

static void one_tape_free(void *model, struct advntk_tape *tape)
{
    (void)model;
    free(tape);
}

static const struct advntk_model_ops one_ops = {
    .forward = one_forward, .vjp = one_vjp, .tape_free = one_tape_free};

/* ---- an attack that follows the script, and the loss that it climbs ---- */

static advntk_status scripted_open(const void *config, struct advntk_host *h,
                                   const struct advntk_attack_view *view, void **state,
                                   struct advntk_error *err)
{
    (void)config;
    (void)h;
    (void)view;
    (void)err;
    *state = script;
    return ADVNTK_OK;
}

static advntk_status scripted_step(void *state, const struct advntk_attack_view *view,
                                   const struct advntk_attack_seen *seen,
                                   struct advntk_attack_ask *ask, struct advntk_error *err)
{
    (void)state;
    (void)seen;
    (void)err;
    for (ptrdiff_t i = 0; i < view->n; i++) {
        ask->done[i] = view->step + 1 >= POINTS;
        ask->point[i * view->d] = script[view->step + 1 < POINTS ? view->step + 1 : 0];
    }
    return ADVNTK_OK;
}

static void scripted_close(void *state)
{
    (void)state;
}

static const struct advntk_attack_ops scripted_ops = {.goal = ADVNTK_GOAL_RADIUS,
                                                      .needs = ADVNTK_NEEDS_OUTPUTS |
                                                               ADVNTK_NEEDS_GRADIENTS,
                                                      .open = scripted_open,
                                                      .step = scripted_step,
                                                      .close = scripted_close};
static const struct advntk_plugin scripted = {
    .kind = ADVNTK_KIND_ATTACK, .name = "scripted", .ops = &scripted_ops};

/* The output of class 0; BAND: a number that rises from point to point. */
static void first_value(const void *config, ptrdiff_t n, ptrdiff_t c, const double *f,
                        const int32_t *labels, const int32_t *targets, double *value, double *df)
{
    static double calls;

    (void)config;
    (void)labels;
    (void)targets;
    for (ptrdiff_t i = 0; i < n; i++) {
        value[i] = shape == BAND ? calls++ : f[i * c];
    }
    memset(df, 0, (size_t)(n * c) * sizeof(double));
    for (ptrdiff_t i = 0; i < n; i++) {
        df[i * c] = 1;
    }
}

static const struct advntk_loss_ops first_ops = {.value = first_value};
static const struct advntk_plugin first = {
    .kind = ADVNTK_KIND_LOSS, .name = "first", .ops = &first_ops};

/* N images whose pixel 0 is the script's first. */
static struct advntk__audit run(double radius)
{
    static double pixels[N * D];
    static int32_t labels[N];
    static struct world_result result;
    static struct toy unused;
    const struct advntk_images images = {
        .n = N, .height = 1, .width = D, .channels = 1, .pixels = pixels, .labels = labels};
    struct advntk__attack_target target = world_target(host, &unused);
    struct advntk__audit audit = {0};

    target.ops = &one_ops;
    target.classes = C;
    for (int i = 0; i < N; i++) {
        pixels[i * D] = script[0];
    }
    attack.settings.radius = radius;
    if (advntk__attack_panel(&target, &attack.slot, &images, result_init(&result), &audit,
                             &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
    return audit;
}

/* The central difference of a sine is sin(w h) / (w h) of its derivative wherever it is taken:
 * 5 % short, the tolerance, at w h = 0.5519. With the probe's h = 0.5/255 that is w = 281.5. */
static void test_probe(void)
{
    const double edge = 0.55195 / (0.5 / 255);
    struct advntk__audit below, above;

    shape = WAVE;
    script[0] = script[1] = script[2] = 0.5;
    frequency = 0.98 * edge;
    below = run(0.1);
    frequency = 1.02 * edge;
    above = run(0.1);
    ok(below.checked_gradients > 0 && below.gradient_mismatch == 0 &&
           above.gradient_mismatch > above.checked_gradients / 2,
       "probe: waves of %.0f are followed (%lld of %lld directions off), of %.0f are not (%lld)",
       0.98 * edge, (long long)below.gradient_mismatch, (long long)below.checked_gradients,
       1.02 * edge, (long long)above.gradient_mismatch);
}

/* Pushed from one end of the ball, by quarters of a radius: a gap between two of them hides what is
 * within, whatever is a little wider is found, and so is what begins just before the other end. */
static void test_push_length(void)
{
    const double radius = 0.2;
    struct advntk__audit within, wider, end;

    shape = BAND;
    script[0] = 0.5;
    script[1] = script[2] = 0.5 - radius;
    band_lo = 0.5 + 0.002 * radius;
    band_hi = 0.5 + 0.248 * radius;
    within = run(radius);
    band_hi = 0.5 + 0.252 * radius;
    wider = run(radius);
    band_lo = 0.5 + 0.995 * radius;
    band_hi = 1;
    end = run(radius);
    ok(within.pushed > 0 && within.pushed_over == 0,
       "push_length: what lies within a step is missed");
    ok(wider.pushed > 0 && wider.pushed_over == wider.pushed,
       "... what is wider than one is found");
    ok(end.pushed > 0 && end.pushed_over == end.pushed,
       "... and the other end of the ball is reached");
}

static int64_t rising(double start, double before, double rise)
{
    shape = LINE;
    script[0] = start;
    script[1] = before;
    script[2] = before + rise;
    return run(2000).still_rising;
}

/* Of 10 after 0.1, 1 % is 0.1 and 5 % of the whole rise 0.5; of 999.95 after 999, 1 % is 10 and
 * 5 % of 0.95 + 0.05 is 0.05. */
static void test_rises(void)
{
    slot_init(&norm, test_plugin(PLUGINS "/norm/l2.so")); /* of any radius */
    attack.settings.norm = norm.slot;
    box_hi[0] = 2000;
    ok(rising(0.1, 10, 0.0999) == 0, "last_rise: a last step of 0.999 %% is an end");
    ok(rising(0.1, 10, 0.1001) == N, "... of 1.001 %% is not");
    ok(rising(999, 999.95, 0.0499) == 0, "last_share: 4.99 %% of all it rose by is an end");
    ok(rising(999, 999.95, 0.0501) == N, "... 5.01 %% is not");
    box_reset();
}

int main(void)
{
    if (advntk__host_new(1, &host, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    box_reset();
    slot_init(&attack, &scripted);
    slot_init(&norm, test_plugin(PLUGINS "/norm/linf.so"));
    slot_init(&loss, &first);
    attack.settings.norm = norm.slot;
    attack.settings.loss = loss.slot;
    attack.settings.random_start = false;
    test_probe();
    test_push_length();
    test_rises();
    advntk__host_free(host);
    return done_testing();
}
