/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host of attacks on models whose worst case is known. On a linear model the logit difference
 * of a pair of classes moves by at most radius |w|_1 (l-infinity) or radius |w|_2 (l2) inside the
 * box, and PGD with two classes reaches that corner, so its loss there has a closed form.
 */
#include "config.h"
#include "tap.h"

#include "attack_world.h"

static struct advntk_host *host;
static const struct advntk_plugin *linf, *l2, *mse, *cross_entropy, *pgd, *fgsm, *none;
static struct toy toy;
static struct world_images images;
static struct world_result result, other;
static struct advntk_error error;

static struct advntk__attack_target target_make(void)
{
    struct advntk__attack_target target = world_target(host, &toy);

    target.purpose = 77;
    return target;
}

/* The attack of most tests: no random start, so that all is known beforehand. */
static void pgd_make(struct world_slot *s, const struct advntk_plugin *norm,
                     struct world_slot *loss, double radius)
{
    static struct world_slot norm_slot;
    slot_init(&norm_slot, norm);
    slot_init(s, pgd);
    s->settings.norm = norm_slot.slot;
    s->settings.loss = loss->slot;
    s->settings.radius = radius;
    s->settings.random_start = false;
}

static advntk_status run(struct world_slot *s, struct advntk__audit *audit)
{
    struct advntk__attack_target target = target_make();
    return advntk__attack_panel(&target, &s->slot, &images.x, result_init(&result), audit, &error);
}

static void test_linear_worst_case(void)
{
    const struct advntk_plugin *norms[2] = {linf, l2};
    const double radii[2] = {0.05, 0.3};
    struct world_slot loss, s;

    slot_init(&loss, cross_entropy);
    toy_make(&toy, 20, 2, 0, 3);
    images_make(&images, &toy, 50, 0, 1);
    for (int which = 0; which < 2; which++) {
        static double got[50], want[50];
        struct advntk__audit audit = {0};
        ptrdiff_t wrong = 0, checked = 0;

        pgd_make(&s, norms[which], &loss, radii[which]);
        slot_set(&s, "steps", 8);
        s.settings.early_stop = false;
        ok(run(&s, &audit) == ADVNTK_OK, "linear model under %s: %s", norms[which]->name,
           error.text);
        for (ptrdiff_t i = 0; i < 50; i++) {
            const double *x = images.pixels + i * 20, sign = images.labels[i] ? -1 : 1;
            double gap = 0, l1 = 0, square = 0, reach;
            for (ptrdiff_t k = 0; k < 20; k++) {
                double w = sign * (toy.c[20 + k] - toy.c[k]);
                gap += w * x[k];
                l1 += fabs(w);
                square += w * w;
            }
            reach = gap + radii[which] * (which == 0 ? l1 : sqrt(square));
            want[checked] = log1p(
                exp(reach)); /* cross-entropy of two classes: log(1 + e^(f_other - f_label)) */
            got[checked++] = result.loss[i];
            wrong += result.robust[i] != (reach < 0);
        }
        is_close(checked, got, want, 1e-12,
                 which == 0 ? "linf: the loss is that of the worst corner"
                            : "l2: the loss is that of the worst point");
        ok(wrong == 0, "%s: robust exactly where the worst corner is right (%td wrong)",
           norms[which]->name, wrong);
        ok(audit.verdict == ADVNTK__TRUSTED, "%s: trusted", norms[which]->name);
    }
}

/* A tanh model with ten classes, 40 images, every seventh of them wrong from the start. */
static void setting_make(struct world_slot *s, struct world_slot *loss)
{
    slot_init(loss, cross_entropy);
    toy_make(&toy, 30, 10, 0.7, 8);
    images_make(&images, &toy, 40, 7, 2);
    pgd_make(s, linf, loss, 0.06);
}

static void test_budgets(void)
{
    static const struct {
        const char *name;
        int64_t steps, gradients, outputs, want_outputs, want_gradients;
    } cases[] = {
        {"none: two restarts of ten steps", 0, 0, 0, 22, 20},
        {"outputs, in the first restart", 0, 0, 4, 4, 4},
        {"outputs, in the second restart", 0, 0, 13, 13, 12},
        {"outputs, just enough", 0, 0, 22, 22, 20},
        {"gradients", 0, 7, 0, 7, 7},
        {"gradients, the last point of a restart needs none", 0, 10, 0, 11, 10},
        {"steps", 3, 0, 0, 4, 4},
        {"steps, over restarts", 12, 0, 0, 14, 13},
        {"the tightest of three counts", 5, 4, 100, 4, 4},
    };
    struct world_slot s, loss;

    setting_make(&s, &loss);
    s.settings.early_stop = false;
    s.settings.restarts = 2;
    s.settings.random_start = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ptrdiff_t off = 0;
        s.settings.budget_steps = cases[i].steps;
        s.settings.budget_gradients = cases[i].gradients;
        s.settings.budget_outputs = cases[i].outputs;
        ok(run(&s, NULL) == ADVNTK_OK, "budget runs: %s", cases[i].name);
        for (ptrdiff_t k = 0; k < images.x.n; k++) {
            off += result.outputs_spent[k] != cases[i].want_outputs ||
                   result.gradients_spent[k] != cases[i].want_gradients;
        }
        ok(off == 0, "budget to the unit: %s (first image: %lld outputs, %lld gradients)",
           cases[i].name, (long long)result.outputs_spent[0], (long long)result.gradients_spent[0]);
    }
}

static void test_masking(void)
{
    struct world_slot s, loss;
    ptrdiff_t differ = 0, saved = 0, fallen = 0, wrong_spent = 0;

    setting_make(&s, &loss);
    s.settings.early_stop = false;
    ok(run(&s, NULL) == ADVNTK_OK, "without early stop");
    other = result;
    toy.rows = toy.forwards = 0;
    s.settings.early_stop = true;
    ok(run(&s, NULL) == ADVNTK_OK, "with early stop");
    for (ptrdiff_t i = 0; i < 40; i++) {
        differ += result.robust[i] != other.robust[i] ||
                  result.first_success[i] != other.first_success[i];
        saved += result.outputs_spent[i] < other.outputs_spent[i];
        fallen += !result.robust[i];
        wrong_spent += !result.clean_right[i] && result.outputs_spent[i] != 0;
        if (result.robust[i] && result.outputs_spent[i] != other.outputs_spent[i]) {
            differ++;
        }
        if (result.clean_right[i] && !result.robust[i] &&
            result.outputs_spent[i] != result.first_success[i] + 1) {
            differ++;
        }
    }
    ok(differ == 0, "early stop changes no verdict, and each image stops at its first success");
    ok(fallen > 8 && fallen < 36 && saved == fallen, "early stop spares the %td that fell", fallen);
    ok(wrong_spent == 0, "images that were wrong from the start are not attacked");
    ok(toy.rows == 40 + 35 * (toy.forwards - 1),
       "the model sees all images once, then those that were right, in their places");
}

static void test_restarts(void)
{
    struct world_slot s, loss;
    ptrdiff_t lower = 0, risen = 0, higher = 0, same = 0;

    setting_make(&s, &loss);
    s.settings.early_stop = false;
    s.settings.random_start = true;
    slot_set(&s, "steps", 1);
    ok(run(&s, NULL) == ADVNTK_OK, "one restart");
    other = result;
    s.settings.restarts = 6;
    ok(run(&s, NULL) == ADVNTK_OK, "six restarts");
    for (ptrdiff_t i = 0; i < 40; i++) {
        bool fell_more = other.robust[i] && !result.robust[i];
        lower += result.loss[i] < other.loss[i] && !fell_more;
        higher += result.loss[i] > other.loss[i];
        risen += !other.robust[i] && result.robust[i];
        same += result.loss[i] == other.loss[i];
    }
    ok(lower == 0 && risen == 0, "more restarts never look better for an image");
    ok(higher > 20 && higher + same == 40,
       "each restart starts elsewhere and the worst is kept (%td of 40 higher)", higher);
}

static bool same_rows(const struct world_result *a, ptrdiff_t i, const struct world_result *b,
                      ptrdiff_t j)
{
    return memcmp(a->point + i * toy.d, b->point + j * toy.d, (size_t)toy.d * sizeof(double)) ==
               0 &&
           memcmp(a->outputs + i * toy.classes, b->outputs + j * toy.classes,
                  (size_t)toy.classes * sizeof(double)) == 0 &&
           a->loss[i] == b->loss[j] && a->robust[i] == b->robust[j] &&
           a->first_success[i] == b->first_success[j] && a->outputs_spent[i] == b->outputs_spent[j];
}

static void test_independence(void)
{
    struct advntk_host *kept = host;
    struct world_slot s, loss;
    struct advntk_images all;
    ptrdiff_t differ = 0;

    setting_make(&s, &loss);
    s.settings.random_start = true;
    s.settings.restarts = 3;
    ok(run(&s, NULL) == ADVNTK_OK, "the whole panel");
    other = result;
    all = images.x;
    for (ptrdiff_t i = 0; i < all.n; i++) {
        images.x = all;
        images.x.n = 1;
        images.x.pixels = all.pixels + i * toy.d;
        images.x.labels = all.labels + i;
        images.x.index = all.index + i;
        differ += run(&s, NULL) != ADVNTK_OK || !same_rows(&result, 0, &other, i);
    }
    images.x = all;
    ok(differ == 0, "an image by itself: the same bits as among others");
    for (int threads = 1; threads <= 3; threads += 2) {
        if (advntk__host_new(threads, &host, &error) != ADVNTK_OK) {
            break;
        }
        differ = run(&s, NULL) != ADVNTK_OK;
        for (ptrdiff_t i = 0; i < all.n; i++) {
            differ += !same_rows(&result, i, &other, i);
        }
        ok(differ == 0, "%d threads: the same bits as two", threads);
        advntk__host_free(host);
    }
    host = kept;
}

static void test_targeted(void)
{
    static const int hows[3] = {ADVNTK_TARGET_RANDOM, ADVNTK_TARGET_SECOND,
                                ADVNTK_TARGET_LEAST_LIKELY};
    struct world_slot s, loss;
    ptrdiff_t reached[3] = {0};

    setting_make(&s, &loss);
    s.settings.targeted = true;
    s.settings.radius = 0.15;
    for (int h = 0; h < 3; h++) {
        ptrdiff_t odd = 0;
        s.settings.targets = hows[h];
        ok(run(&s, NULL) == ADVNTK_OK, "targeted, way %d", h);
        for (ptrdiff_t i = 0; i < 40; i++) {
            double *f = result.outputs + i * 10, top = f[0];
            int best = 0;
            for (int k = 1; k < 10; k++) {
                best = f[k] > top ? k : best;
                top = fmax(top, f[k]);
            }
            if (result.clean_right[i] && !result.robust[i]) {
                odd += best == images.labels[i];
                /* the likeliest of ten classes has probability >= 1/10, and the loss is its log */
                odd += !(result.loss[i] >= -log(10) && result.loss[i] < 0);
                reached[h]++;
            }
        }
        ok(odd == 0, "targeted, way %d: success is the target, never the label", h);
    }
    ok(reached[1] > reached[0] && reached[0] > reached[2],
       "the second class is the easiest, the least likely the hardest (%td, %td, %td)", reached[1],
       reached[0], reached[2]);
}

static void test_score_last_and_training(void)
{
    static double points[40 * 30];
    struct advntk__attack_target target = target_make();
    struct world_slot s, loss;
    ptrdiff_t off = 0, last_only = 0;

    setting_make(&s, &loss);
    slot_set(&s, "step", 0.2); /* longer than the ball is wide, so that the path jumps about */
    s.settings.early_stop = false;
    ok(run(&s, NULL) == ADVNTK_OK, "score worst");
    other = result;
    s.settings.score = ADVNTK_SCORE_LAST;
    ok(run(&s, NULL) == ADVNTK_OK, "score last");
    s.settings.score = ADVNTK_SCORE_WORST;
    s.settings.early_stop = true;
    ok(advntk__attack_points(&target, &s.slot, &images.x, points, &error) == ADVNTK_OK,
       "points for training");
    for (ptrdiff_t i = 0; i < 40; i++) {
        static double f[WORLD_CLASSES];
        struct advntk_images one = images.x;
        int best = 0;
        one.n = 1;
        one.pixels = result.point + i * 30;
        off += toy_forward(&toy, &one, f, NULL, NULL) != ADVNTK_OK;
        for (int k = 1; k < 10; k++) {
            best = f[k] > f[best] ? k : best;
        }
        off += result.robust[i] != (best == images.labels[i]);
        off += other.clean_right[i] && !result.robust[i] && other.robust[i];
        last_only += result.loss[i] < other.loss[i];
    }
    ok(off == 0, "score last: robust is being right at the last point");
    ok(last_only > 0, "score worst: the worst point is kept, not the last (%td differ)", last_only);
    ok(memcmp(points, result.point, sizeof(points)) == 0,
       "training gets the last points, without early stop");
}

/* fgsm knows its last point, so that training does not pay for looking at it: one evaluation with a
 * gradient, and none after. */
static void test_fgsm_training(void)
{
    static double points[40 * 30];
    struct advntk__attack_target target = target_make();
    struct world_slot s, loss;

    setting_make(&s, &loss);
    s.slot.plugin = fgsm;
    toy.forwards = toy.vjps = 0;
    ok(advntk__attack_points(&target, &s.slot, &images.x, points, &error) == ADVNTK_OK &&
           toy.forwards == 1 && toy.vjps == 1,
       "fgsm in training: %lld forward, %lld vjp", (long long)toy.forwards, (long long)toy.vjps);
}

static void test_none_and_empty(void)
{
    struct world_slot s;
    ptrdiff_t off = 0;
    struct advntk__audit audit = {0};

    toy_make(&toy, 30, 10, 0.7, 8);
    images_make(&images, &toy, 40, 7, 2);
    slot_init(&s, none);
    ok(run(&s, &audit) == ADVNTK_OK, "none: needs no norm, radius or loss");
    for (ptrdiff_t i = 0; i < 40; i++) {
        off += result.robust[i] != (i % 7 != 6) || result.clean_right[i] != result.robust[i] ||
               result.outputs_spent[i] != 0;
    }
    ok(off == 0 && memcmp(result.point, images.pixels, 40 * 30 * sizeof(double)) == 0,
       "none: robust is clean accuracy");
    ok(audit.images == 40 && audit.verdict == ADVNTK__TRUSTED, "none: nothing to doubt");
    images.x.n = 0;
    ok(run(&s, NULL) == ADVNTK_OK, "no image: success");
    memset(toy.c, 0, sizeof(toy.c));
    memset(toy.a, 0, sizeof(toy.a));
    images.x.n = 10;
    for (int i = 0; i < 10; i++) {
        images.labels[i] = i;
    }
    ok(run(&s, NULL) == ADVNTK_OK && result.robust[0] && !result.robust[1] && !result.robust[9],
       "equal outputs: the lowest class is predicted");
}

static void test_start(void)
{
    struct world_slot s, loss;
    double widest = 0;
    ptrdiff_t outside = 0;

    setting_make(&s, &loss);
    s.settings.early_stop = false;
    s.settings.score = ADVNTK_SCORE_LAST;
    slot_set(&s, "steps", 0);
    s.settings.random_start_cube = 0.01;
    ok(run(&s, NULL) == ADVNTK_OK, "start in a cube");
    for (ptrdiff_t i = 0; i < 40; i++) {
        widest = fmax(widest, result.distance[i]);
    }
    ok(widest <= 0.01 && widest > 0.0099, "the cube is as wide as asked for, and filled");
    s.settings.random_start_cube = 0;
    s.settings.random_start = true;
    pgd_make(&s, l2, &loss, 0.9);
    s.settings.random_start = true;
    s.settings.restarts = 2;
    slot_set(&s, "step", 0.5);
    for (int k = 0; k < 30; k++) {
        box_lo[k] = 0.15;
        box_hi[k] = 0.85;
    }
    ok(run(&s, NULL) == ADVNTK_OK, "l2 in a narrow box");
    for (ptrdiff_t i = 0; i < 40; i++) {
        double square = 0;
        for (int k = 0; k < 30; k++) {
            double x = result.point[i * 30 + k], step = x - images.pixels[i * 30 + k];
            square += step * step;
            outside += x < 0.15 || x > 0.85;
        }
        outside += sqrt(square) > 0.9 * (1 + 1e-12);
    }
    ok(outside == 0, "all points lie in ball and box");
    box_reset();
}

static void refused(struct world_slot *s, advntk_status want, const char *text)
{
    advntk_status got = run(s, NULL);
    ok(got == want && strstr(error.text, text), "refused: %s",
       got == ADVNTK_OK ? text : error.text);
}

static void test_refusals(void)
{
    struct world_slot s, loss, linear;
    struct advntk_slot empty = {NULL, NULL, NULL};

    setting_make(&s, &loss);
    s.settings.radius = (double)NAN;
    refused(&s, ADVNTK_EINVALID, "no radius given");
    s.settings.radius = 8;
    refused(&s, ADVNTK_EINVALID, "radius is 8, at most 1 makes sense in norm linf");
    s.settings.radius = -0.5;
    refused(&s, ADVNTK_EINVALID, "radius is -0.5");
    setting_make(&s, &loss);
    s.settings.norm = empty;
    refused(&s, ADVNTK_EINVALID, "no norm given");
    setting_make(&s, &loss);
    s.settings.loss = empty;
    refused(&s, ADVNTK_EINVALID, "no loss given");
    setting_make(&s, &loss);
    images.labels[3] = 10;
    refused(&s, ADVNTK_EINVALID, "label of row 3 is 10, expected 0 to 9");
    setting_make(&s, &loss);
    images.x.n = ADVNTK__GROUP + 1;
    refused(&s, ADVNTK_ESHAPE, "1025 images at once");
    slot_init(&linear, mse);
    linear.slot.host_config = &s.settings;
    images.x.n = 1;
    refused(&linear, ADVNTK_EINVALID, "expected a plugin of kind attack");
    setting_make(&s, &loss);
    s.settings.restarts = 300;
    refused(&s, ADVNTK_EINVALID, "300 restarts, expected 1 to 256");
}

int main(void)
{
    if (advntk__host_new(2, &host, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    linf = test_plugin(PLUGINS "/norm/linf.so");
    l2 = test_plugin(PLUGINS "/norm/l2.so");
    mse = test_plugin(PLUGINS "/loss/mse.so");
    cross_entropy = test_plugin(PLUGINS "/loss/cross_entropy.so");
    pgd = test_plugin(PLUGINS "/attack/pgd.so");
    fgsm = test_plugin(PLUGINS "/attack/fgsm.so");
    none = test_plugin(PLUGINS "/attack/none.so");
    box_reset();
    test_linear_worst_case();
    test_budgets();
    test_masking();
    test_restarts();
    test_independence();
    test_targeted();
    test_score_last_and_training();
    test_fgsm_training();
    test_none_and_empty();
    test_start();
    test_refusals();
    advntk__host_free(host);
    return done_testing();
}
