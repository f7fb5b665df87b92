/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks that ask for odd things: the host projects, refuses with the attack's name, or serves
 * them. */
#include "config.h"
#include "tap.h"

#include "attack_world.h"

static struct advntk_host *host;
static struct toy toy;
static struct world_images images;
static struct world_result result;
static struct advntk_error error;
static struct world_slot norm, loss;

/* What the attacks below do in a step; their state is this. */
enum manner { FAR_AWAY, ASK_NAN, UNDECLARED, TOO_MANY, FAIL_STEP, FAIL_OPEN, JACOBIAN, LINE };
static int opened, closed;
static double jacobian_error;

static advntk_status odd_open(const void *config, struct advntk_host *h,
                              const struct advntk_attack_view *view, void **state,
                              struct advntk_error *err)
{
    (void)h, (void)view;
    if (*(const enum manner *)config == FAIL_OPEN) {
        return ADVNTK_FAIL(err, ENOMEM, "does not open");
    }
    opened++;
    *state = malloc(sizeof(enum manner)); /* a leak of it would be found by the sanitizer */
    if (*state) {
        *(enum manner *)*state = *(const enum manner *)config;
    }
    return *state ? ADVNTK_OK : ADVNTK_FAIL(err, ENOMEM, "no memory");
}

static void odd_close(void *state)
{
    closed++;
    free(state);
}

/* All class gradients of a linear model are its rows. */
static void look_at_jacobian(const struct advntk_attack_view *view,
                             const struct advntk_attack_seen *seen)
{
    for (ptrdiff_t i = 0; i < view->n; i++) {
        for (ptrdiff_t k = 0; k < view->classes * view->d; k++) {
            jacobian_error = fmax(jacobian_error,
                                  fabs(seen->gradient[i * view->classes * view->d + k] - toy.c[k]));
        }
    }
}

/* Along the loss's gradient at the clean image, a little further each time. */
static void walk(const struct advntk_attack_view *view, const struct advntk_attack_seen *seen,
                 struct advntk_attack_ask *ask)
{
    static double direction[WORLD_ROWS * WORLD_VALUES];
    if (view->step == 0) {
        (void)!advntk_attack_steepest(view, seen->gradient, direction, &error);
    }
    for (ptrdiff_t k = 0; k < view->n * view->d; k++) {
        ask->point[k] = view->clean[k] + 0.002 * (double)(view->step + 1) * direction[k];
    }
}

static advntk_status odd_step(void *state, const struct advntk_attack_view *view,
                              const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                              struct advntk_error *err)
{
    const enum manner how = *(const enum manner *)state;
    const ptrdiff_t c = view->classes, last = how == LINE ? 500 : 2;

    for (ptrdiff_t i = 0; view->step >= last && i < view->n; i++) {
        ask->done[i] = true;
    }
    for (ptrdiff_t k = 0; how == FAR_AWAY && k < view->n * view->d; k++) {
        ask->point[k] =
            (k + k / view->d) % 2 ? 1e6 : -1e6; /* one corner for even rows, its opposite for odd */
    }
    if (how == ASK_NAN && view->step == 1) {
        ask->point[5 * view->d + 3] = (double)NAN;
    }
    ask->gradient = how == UNDECLARED;
    ask->m = how == TOO_MANY ? c + 1 : how == JACOBIAN ? c : 0;
    if (how == JACOBIAN && view->step == 1) {
        look_at_jacobian(view, seen);
    }
    for (ptrdiff_t k = 0; how == JACOBIAN && k < view->n * c * c; k++) {
        ask->cotangent[k] = k % (c * c) / c == k % c;
    }
    if (how == LINE) {
        walk(view, seen, ask);
    }
    return how == FAIL_STEP ? ADVNTK_FAIL(err, EINTERNAL, "can not go on") : ADVNTK_OK;
}

static struct advntk_attack_ops odd_ops = {
    .goal = ADVNTK_GOAL_RADIUS, .open = odd_open, .step = odd_step, .close = odd_close};
static const struct advntk_plugin odd = {
    .kind = ADVNTK_KIND_ATTACK, .name = "odd", .ops = &odd_ops};

static struct world_slot attack;

static advntk_status run_slot(const struct advntk_slot *slot, struct advntk__audit *audit)
{
    struct advntk__attack_target target = world_target(host, &toy);
    return advntk__attack_panel(&target, slot, &images.x, result_init(&result), audit, &error);
}

static advntk_status run(enum manner how, unsigned needs)
{
    slot_init(&attack, &odd);
    memcpy(attack.config.bytes, &how, sizeof(how));
    odd_ops.needs = needs;
    attack.settings.norm = norm.slot;
    attack.settings.loss = loss.slot;
    attack.settings.radius = 0.1;
    attack.settings.random_start = false;
    attack.settings.early_stop = false;
    return run_slot(&attack.slot, NULL);
}

static void refused(const char *name, advntk_status got, advntk_status want, const char *text)
{
    ok(got == want && strstr(error.text, text) && strstr(error.text, "attack odd"), "%s: %s", name,
       error.text);
    ok(opened == closed, "%s: the state was closed", name);
}

static void test_asks(void)
{
    double worst = 0, furthest = 0;

    toy_make(&toy, 20, 4, 0, 3);
    images_make(&images, &toy, 30, 0, 1);
    ok(run(FAR_AWAY, 0) == ADVNTK_OK, "asks for points far away");
    for (ptrdiff_t i = 0; i < 30 * 20; i++) {
        double x = result.point[i], step = fabs(x - images.pixels[i]);
        worst = fmax(worst, fmax(step - 0.1, fmax(x - 1, -x)));
        furthest = fmax(furthest, step);
    }
    ok(worst < 1e-15 && furthest > 0.0999, "they were put into ball and box (%.1e, %.4f)", worst,
       furthest);
    refused("asks for NaN", run(ASK_NAN, 0), ADVNTK_ENUMERIC,
            "step 2: asked-for pixel 3 of image 1035");
    refused("gradients undeclared", run(UNDECLARED, 0), ADVNTK_EINVALID,
            "asks for gradients but does not declare");
    refused("too many cotangents", run(TOO_MANY, ADVNTK_NEEDS_GRADIENTS), ADVNTK_EINVALID,
            "asks for 5 cotangents, expected 0 to 4");
    refused("step fails", run(FAIL_STEP, 0), ADVNTK_EINTERNAL, "restart 0, step 0: can not go on");
    refused("open fails", run(FAIL_OPEN, 0), ADVNTK_ENOMEM, "restart 0: does not open");
    ok(run(JACOBIAN, ADVNTK_NEEDS_GRADIENTS) == ADVNTK_OK && jacobian_error < 1e-15,
       "all class gradients at once are the model's rows");
    ok(result.gradients_spent[0] == 1 + 2 * 4 && result.outputs_spent[0] == 3,
       "... and are charged one by one, the outputs once");
}

/* Two classes, linear: the nearest wrong point is at gap/|w|_2; the walk finds it to one stride of
 * 0.002. */
static void test_min_norm(void)
{
    ptrdiff_t off = 0, fallen = 0;

    toy_make(&toy, 20, 2, 0, 3);
    images_make(&images, &toy, 50, 0, 1);
    odd_ops.goal = ADVNTK_GOAL_MIN_NORM;
    ok(run(LINE, ADVNTK_NEEDS_GRADIENTS) == ADVNTK_OK,
       "minimal distance: a walk along the gradient");
    for (ptrdiff_t i = 0; i < 50; i++) {
        double gap = 0, square = 0, sign = images.labels[i] ? -1 : 1, nearest;
        for (ptrdiff_t k = 0; k < 20; k++) {
            double w = sign * (toy.c[20 + k] - toy.c[k]);
            gap -= w * images.pixels[i * 20 + k];
            square += w * w;
        }
        nearest = gap / sqrt(square);
        fallen += !result.robust[i];
        if (nearest < 0.15) { /* beyond that the box bends the walk */
            off += !(result.distance[i] >= nearest - 1e-12 &&
                     result.distance[i] <= nearest + 0.002 + 1e-12);
            off += result.robust[i] != (result.distance[i] > 0.1);
            off += result.first_success[i] != (int32_t)ceil(nearest / 0.002 - 1e-9);
        } else {
            off += !result.robust[i];
        }
    }
    ok(off == 0,
       "minimal distance: the smallest success is kept, and falls if it is within the radius");
    ok(fallen > 3 && fallen < 47, "minimal distance: %td of 50 within", fallen);
    odd_ops.goal = ADVNTK_GOAL_RADIUS;
}

/* fgsm, then pgd on what it left. */
static struct world_slot stage[2];
static advntk_status two_stages(const void *config, ptrdiff_t classes, const char *name,
                                ptrdiff_t index, const struct advntk_slot **child,
                                struct advntk_error *err)
{
    (void)config, (void)classes, (void)name, (void)err;
    *child = index < 2 ? &stage[index].slot : NULL;
    return ADVNTK_OK;
}

static const struct advntk_attack_ops composite_ops = {.stages = two_stages};
static const struct advntk_plugin composite = {
    .kind = ADVNTK_KIND_ATTACK, .name = "composite", .ops = &composite_ops};

static void test_stages(void)
{
    static struct world_result first, second;
    static double points[WORLD_ROWS * WORLD_VALUES];
    struct advntk__attack_target target;
    struct advntk__audit audit = {0};
    ptrdiff_t off = 0, by_first = 0, by_second = 0;

    toy_make(&toy, 30, 10, 0.7, 8);
    target = world_target(host, &toy);
    images_make(&images, &toy, 40, 7, 2);
    slot_init(&stage[0], test_plugin(PLUGINS "/attack/fgsm.so"));
    slot_init(&stage[1], test_plugin(PLUGINS "/attack/pgd.so"));
    slot_init(&attack, &composite);
    attack.settings.norm = norm.slot;
    attack.settings.loss = loss.slot;
    attack.settings.radius = 0.25;
    attack.settings.random_start = false;
    stage[0].settings.random_start = stage[1].settings.random_start = false;
    for (int k = 0; k < 2; k++) { /* each by itself on all images */
        stage[k].settings.norm = norm.slot;
        stage[k].settings.loss = loss.slot;
        stage[k].settings.radius = 0.25;
        off += run_slot(&stage[k].slot, NULL) != ADVNTK_OK;
        *(k == 0 ? &first : &second) = result;
        stage[k].settings.norm.plugin = stage[k].settings.loss.plugin = NULL; /* now inherited */
        stage[k].settings.radius = (double)NAN;
    }
    ok(off == 0 && run_slot(&attack.slot, &audit) == ADVNTK_OK, "a composite of two: %s",
       off ? error.text : "");
    for (ptrdiff_t i = 0; i < 40; i++) {
        const struct world_result *from = first.robust[i] ? &second : &first;
        by_first += first.clean_right[i] && !first.robust[i];
        by_second += first.robust[i] && !second.robust[i];
        off += result.robust[i] != (first.robust[i] && second.robust[i]) ||
               result.clean_right[i] != first.clean_right[i];
        off += memcmp(result.point + i * 30, from->point + i * 30, 30 * sizeof(double)) != 0;
        off += result.outputs_spent[i] !=
               first.outputs_spent[i] + (first.robust[i] ? second.outputs_spent[i] : 0);
    }
    ok(off == 0,
       "each image: what the first stage that fooled it found, and the costs of those that ran");
    ok(by_first > 0 && by_second > 0, "both stages fool some (%td, then %td more)", by_first,
       by_second);
    ok(audit.images == 40 && audit.attacked == 35 + (35 - by_first),
       "the audit counts the images once and each stage's attacks");
    attack.settings.budget_outputs = 5;
    ok(run_slot(&attack.slot, NULL) == ADVNTK_OK, "a composite's own budget");
    for (ptrdiff_t i = 0; i < 40; i++) {
        off += result.outputs_spent[i] > 5 || (result.robust[i] && result.outputs_spent[i] != 5);
    }
    ok(off == 0, "a composite's budget is shared by its stages, to the unit");
    ok(advntk__attack_points(&target, &attack.slot, &images.x, points, &error) ==
           ADVNTK_EUNSUPPORTED,
       "in training: %s", error.text);
    stage[0].slot.plugin = NULL;
    ok(run_slot(&attack.slot, NULL) == ADVNTK_EINVALID && strstr(error.text, "stage 0 is empty"),
       "an empty stage: %s", error.text);
}

int main(void)
{
    if (advntk__host_new(2, &host, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    box_reset();
    slot_init(&loss, test_plugin(PLUGINS "/loss/cross_entropy.so"));
    slot_init(&norm, test_plugin(PLUGINS "/norm/linf.so"));
    test_asks();
    slot_init(&norm, test_plugin(PLUGINS "/norm/l2.so"));
    test_min_norm();
    test_stages();
    advntk__host_free(host);
    return done_testing();
}
