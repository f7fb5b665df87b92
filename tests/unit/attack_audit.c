/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Models and norms that are broken on purpose, each of which the audit must find; and its figures.
 */
#include "config.h"
#include "tap.h"

#include "attack_world.h"
#include "base/text.h"

static struct advntk_host *host;
static const struct advntk_plugin *linf, *l2, *cross_entropy, *mse, *pgd, *fgsm;
static struct toy toy;
static struct world_images images;
static struct world_result result;
static struct advntk_error error;
static struct world_slot attack, norm, loss;

static void setting_make(const struct advntk_plugin *which, const struct advntk_plugin *geometry,
                         double radius)
{
    toy_make(&toy, 30, 10, 0.7, 8);
    images_make(&images, &toy, 40, 0, 2);
    slot_init(&norm, geometry);
    slot_init(&loss, cross_entropy);
    slot_init(&attack, which);
    attack.settings.norm = norm.slot;
    attack.settings.loss = loss.slot;
    attack.settings.radius = radius;
}

static advntk_status run(struct advntk__audit *audit)
{
    struct advntk__attack_target target = world_target(host, &toy);
    return advntk__attack_panel(&target, &attack.slot, &images.x, result_init(&result), audit,
                                &error);
}

/* The audit's verdict on one run, and whether its reasons say what they should. */
static void judged(const char *name, int want, const char *reason)
{
    struct advntk__audit audit = {0};
    struct advntk__text text = {0};
    advntk_status rc = run(&audit);
    const char *line;

    advntk__audit_reasons(&audit, &text);
    line = advntk__text_get(&text);
    ok(rc == ADVNTK_OK && audit.verdict == want, "%s: verdict %d, wanted %d %s", name,
       audit.verdict, want, rc ? error.text : "");
    ok(reason ? strstr(line, reason) != NULL && line[strlen(line) - 1] == '\n' : !*line, "%s: %.*s",
       name, (int)strcspn(line, "\n"), line);
    advntk__text_release(&text);
}

static void test_models(void)
{
    setting_make(pgd, linf, 0.05);
    judged("sound model", ADVNTK__TRUSTED, NULL);
    setting_make(pgd, l2, 0.2);
    slot_set(&attack, "steps", 60);
    judged("sound model, l2", ADVNTK__TRUSTED, NULL);
    slot_init(&loss, mse);
    attack.settings.loss = loss.slot;
    judged("sound model, squared loss", ADVNTK__TRUSTED, NULL);
    setting_make(pgd, linf, 0);
    judged("sound model, radius 0", ADVNTK__TRUSTED, NULL);
    setting_make(pgd, linf, 0.05);
    toy.fault = TOY_ZERO_GRADIENT;
    judged("model without gradients", ADVNTK__FAILED, "all-zero gradient");
    toy.fault = TOY_SHATTERED;
    judged("model with shattered gradients", ADVNTK__FAILED, "disagree with finite differences");
    toy.fault = TOY_HALF_GRADIENT;
    judged("model that leaves out half of its gradient", ADVNTK__FAILED,
           "disagree with finite differences");
}

static void test_not_finite(void)
{
    setting_make(pgd, linf, 0.05);
    attack.settings.early_stop = false;
    toy.bad_index = images.index[11];
    toy.fault = TOY_NAN_OUTPUT;
    ok(run(NULL) == ADVNTK_ENUMERIC &&
           strstr(error.text, "attack pgd, restart 0, step 0: output 0 of image 1077"),
       "NaN output: %s", error.text);
    toy.fault = TOY_NAN_GRADIENT;
    ok(run(NULL) == ADVNTK_ENUMERIC && strstr(error.text, "gradient entry 0 of image 1077"),
       "NaN gradient: %s", error.text);
    ok(strstr(error.text, "attack pgd, restart 0, step 0"),
       "NaN gradient: attack, restart and step are named");
}

/* Norms that are wrong in one function each. */
static void keep_ball_box(const void *config, ptrdiff_t d, const double *centre, double radius,
                          const double *lo, const double *hi, double *point)
{
    (void)config, (void)d, (void)centre, (void)radius, (void)lo, (void)hi, (void)point;
}

static void only_ball(const void *config, ptrdiff_t d, const double *centre, double radius,
                      const double *lo, const double *hi, double *point)
{
    (void)lo, (void)hi;
    ((const struct advntk_norm_ops *)linf->ops)->project_ball(config, d, centre, radius, point);
}

static void nan_ball_box(const void *config, ptrdiff_t d, const double *centre, double radius,
                         const double *lo, const double *hi, double *point)
{
    (void)config, (void)d, (void)centre, (void)radius, (void)lo, (void)hi;
    point[0] = (double)NAN;
}

static void test_norms(void)
{
    struct advntk_plugin broken = *linf;
    struct advntk_norm_ops ops = *(const struct advntk_norm_ops *)linf->ops;

    broken.ops = &ops;
    setting_make(pgd, &broken, 0.25);
    slot_set(&attack, "step", 0.2);
    judged("the norm copied", ADVNTK__TRUSTED, NULL);
    ops.project_ball_box = keep_ball_box;
    judged("norm that does not project", ADVNTK__FAILED, "points outside the ball");
    ops.project_ball_box = only_ball;
    judged("norm that forgets the box", ADVNTK__FAILED, "outside the pixel box");
    ops.project_ball_box = nan_ball_box;
    ok(run(NULL) == ADVNTK_ENUMERIC && strstr(error.text, "projected pixel 0"),
       "norm that gives NaN: %s", error.text);
    ops.project_ball_box = NULL;
    ok(run(NULL) == ADVNTK_EUNSUPPORTED &&
           strstr(error.text, "norm linf offers no projection on ball and box"),
       "norm without projection: %s", error.text);
    attack.settings.projection = ADVNTK_PROJECT_SEQUENTIAL;
    ok(run(NULL) == ADVNTK_OK, "... sequential projection does without it");
    ops.steepest = NULL;
    ok(run(NULL) == ADVNTK_EUNSUPPORTED && strstr(error.text, "offers no steepest direction"),
       "norm without steepest direction: %s", error.text);
    ops.random = NULL;
    ok(run(NULL) == ADVNTK_EUNSUPPORTED && strstr(error.text, "offers no random point"),
       "norm without random points: %s", error.text);
    ops.distance = NULL;
    ok(run(NULL) == ADVNTK_EUNSUPPORTED && strstr(error.text, "offers no distance"),
       "norm without distance: %s", error.text);
}

/* Attacks that are wrong in one way each: a step of a tenth of the radius along `way` the gradient.
 */
static double broken_way;
static advntk_status broken_open(const void *config, struct advntk_host *h,
                                 const struct advntk_attack_view *view, void **state,
                                 struct advntk_error *err)
{
    (void)config, (void)h, (void)view, (void)err;
    *state = &broken_way;
    return ADVNTK_OK;
}

static advntk_status broken_step(void *state, const struct advntk_attack_view *view,
                                 const struct advntk_attack_seen *seen,
                                 struct advntk_attack_ask *ask, struct advntk_error *err)
{
    (void)state, (void)err;
    for (ptrdiff_t k = 0; k < view->n * view->d; k++) {
        double sign = (seen->gradient[k] > 0) - (seen->gradient[k] < 0);
        ask->point[k] = seen->point[k] + broken_way * 0.1 * view->radius * sign;
    }
    ask->gradient = true;
    ask->last = view->step == 9;
    return ADVNTK_OK;
}

/* Leaves ball and box as far as it can. */
static advntk_status fleeing_step(void *state, const struct advntk_attack_view *view,
                                  const struct advntk_attack_seen *seen,
                                  struct advntk_attack_ask *ask, struct advntk_error *err)
{
    (void)state, (void)err, (void)seen;
    for (ptrdiff_t k = 0; k < view->n * view->d; k++) {
        ask->point[k] = k % 2 ? 1e6 : -1e6;
    }
    ask->last = true;
    return ADVNTK_OK;
}

static void broken_close(void *state)
{
    (void)state;
}

static void test_attacks(void)
{
    struct advntk_attack_ops ops = {.goal = ADVNTK_GOAL_RADIUS,
                                    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
                                    .open = broken_open,
                                    .step = broken_step,
                                    .close = broken_close};
    struct advntk_plugin mine = {.kind = ADVNTK_KIND_ATTACK, .name = "mine", .ops = &ops};
    struct advntk__audit audit = {0};

    setting_make(&mine, linf, 0.05);
    attack.settings.random_start = false;
    broken_way = 1;
    judged("an attack that does what it should", ADVNTK__TRUSTED, NULL);
    broken_way = -1;
    judged("an attack that goes down", ADVNTK__FAILED, "the loss never rose");
    broken_way = 0;
    judged("an attack that stands still", ADVNTK__FAILED, "the loss never rose");
    broken_way = 0.05; /* the wrong unit */
    judged("an attack whose steps are far too short", ADVNTK__SUSPECT, "a few steps more fooled");
    ops.step = fleeing_step;
    ok(run(&audit) == ADVNTK_OK && audit.outside_ball == 0 && audit.outside_box == 0 &&
           audit.worst_distance <= 1 + 1e-12,
       "an attack that flees stays in ball and box (%.3f radii)", audit.worst_distance);
}

/* A norm whose distance is not what it says; a box that is not the data's. */
static double short_distance(const void *config, ptrdiff_t d, const double *a, const double *b)
{
    return 0.5 * ((const struct advntk_norm_ops *)linf->ops)->distance(config, d, a, b);
}

static void test_units(void)
{
    struct advntk_plugin broken = *linf;
    struct advntk_norm_ops ops = *(const struct advntk_norm_ops *)linf->ops;

    broken.ops = &ops;
    ops.distance = short_distance;
    setting_make(pgd, &broken, 0.05);
    judged("norm that halves distances", ADVNTK__FAILED, "is not what the norm's plugin says");
    setting_make(pgd, linf, 0.05);
    for (int k = 0; k < WORLD_VALUES; k++) {
        box_lo[k] = 0.4;
    }
    judged("a box too small", ADVNTK__FAILED, "clean images lie outside the pixel box");
    for (int k = 0; k < WORLD_VALUES; k++) {
        box_lo[k] = 0;
        box_hi[k] = 255;
    }
    judged("a box of bytes for pixels in [0,1]",
           ADVNTK__FAILED, /* its differences are too wide, too */
           "the box or the radius may be in another unit");
    box_reset();
    setting_make(pgd, linf, 0.05);
    toy.fault = TOY_RANDOM;
    judged("a model that draws at random", ADVNTK__FAILED,
           "gave other outputs when they were evaluated again");
}

static void test_settings(void)
{
    struct advntk__audit audit = {0};

    setting_make(pgd, linf, 0.05);
    slot_set(&attack, "steps", 3);
    slot_set(&attack, "step", 0.002);
    judged("three tiny steps", ADVNTK__SUSPECT, "a few steps more fooled");
    attack.settings.targeted = true; /* must reach its target, which a push does not aim at */
    judged("three tiny steps, targeted", ADVNTK__SUSPECT, "the loss still rose in the last step");
    setting_make(fgsm, linf, 0.05); /* so short a step is nearly all there is to find here */
    judged("fgsm: a single step", ADVNTK__TRUSTED, NULL);
    ok(result.outputs_spent[0] == 2 && result.gradients_spent[0] == 1,
       "fgsm: two outputs, one gradient, from the clean image");
    setting_make(pgd, linf, 0.05);
    attack.settings.budget_seconds = 1e-9;
    judged("no time", ADVNTK__SUSPECT, "the time budget cut the attack short for 3");
    setting_make(pgd, linf, 0.05);
    slot_choose(&attack, "variant", "released-code");
    judged("released code", ADVNTK__SUSPECT,
           "outside the radius by request (ball around the start point): up to 2 times");
    ok(run(&audit) == ADVNTK_OK && audit.worst_distance > 1.5 &&
           audit.worst_distance <= 2 + 1e-12 && audit.outside_ball == 0,
       "released code: up to twice the radius (%.3f), inside its own ball", audit.worst_distance);
    setting_make(pgd, l2, 0.3);
    slot_choose(&attack, "variant", "released-code");
    ok(run(&audit) == ADVNTK_OK && result.gradients_spent[0] == 1,
       "released code, l2: one gradient");
}

static void test_gradient_precision(void)
{
    struct advntk__audit audit = {0};

    setting_make(pgd, linf, 0.05);
    ok(run(&audit) == ADVNTK_OK && run(&audit) == ADVNTK_OK, "two panels, one audit");
    ok(audit.images == 80 && audit.checked_gradients == 2 * 2 * 32 && audit.gradient_mismatch == 0,
       "sums over groups: 80 images, 2 directions at 32 points each");
    /* third derivatives of the toy model at steps of 1/510 */
    ok(audit.worst_gradient_error < 0.01, "sound gradients pass with room to spare (%.1e)",
       audit.worst_gradient_error);
}

/* From the formula in another language (Python); by hand z^2/(n + z^2) at the ends. */
static void test_wilson(void)
{
    static const struct {
        double right;
        int64_t count;
        double low, high;
    } known[] = {
        {2.5, 10, 0.080947824209994,
         0.557818575721450}, /* of the formula in floating-point of Python */
        {0, 10, 0, 0.277532799862889},
        {10, 10, 0.722467200137111, 1},
        {5, 10, 0.236593090512564, 0.763406909487436},
        {215, 1000, 0.190653436291380, 0.241527816045387},
        {0, 0, 0, 1},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        double low, high;
        advntk__wilson(known[i].right, known[i].count, &low, &high);
        ok(fabs(low - known[i].low) < 1e-14 && fabs(high - known[i].high) < 1e-14,
           "Wilson of %g of %lld: %.6f to %.6f", known[i].right, (long long)known[i].count, low,
           high);
    }
}

int main(void)
{
    if (advntk__host_new(2, &host, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    linf = test_plugin(PLUGINS "/norm/linf.so");
    l2 = test_plugin(PLUGINS "/norm/l2.so");
    cross_entropy = test_plugin(PLUGINS "/loss/cross_entropy.so");
    mse = test_plugin(PLUGINS "/loss/mse.so");
    pgd = test_plugin(PLUGINS "/attack/pgd.so");
    fgsm = test_plugin(PLUGINS "/attack/fgsm.so");
    box_reset();
    test_models();
    test_not_finite();
    test_norms();
    test_attacks();
    test_units();
    test_settings();
    test_gradient_precision();
    test_wilson();
    advntk__host_free(host);
    return done_testing();
}
