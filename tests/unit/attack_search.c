/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Attacks that look for the boundary, against closed forms on a linear model; and what must hold
 * for every attack: points in ball and box, budgets to the unit, the same bits for any batch and
 * any number of threads.
 */
#include "config.h"
#include "tap.h"

#include "attack/panel.h"
#include "attack_world.h"

enum { N = 40, D = 48, C = 5 };
static struct advntk_host *host, *threads;
static struct toy toy;
static struct world_images images;
static struct advntk_error error;

/* An attack with norm and loss in slots that live as long. */
struct setting {
    struct world_slot attack, norm, loss;
};

static void named(struct world_slot *slot, const char *kind, const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s/%s.so", PLUGINS, kind, name);
    slot_init(slot, test_plugin(path));
}

static void make(struct setting *s, const char *attack, const char *norm, const char *loss,
                 double radius)
{
    named(&s->attack, "attack", attack);
    named(&s->norm, "norm", norm);
    named(&s->loss, "loss", loss);
    s->attack.settings.norm = s->norm.slot;
    s->attack.settings.loss = s->loss.slot;
    s->attack.settings.radius = radius;
    s->attack.settings.early_stop = false;
}

static advntk_status run_on(struct advntk_host *h, const struct setting *s,
                            const struct advntk_images *x, struct world_result *w)
{
    struct advntk__attack_target target = world_target(h, &toy);
    return advntk__attack_panel(&target, &s->attack.slot, x, result_init(w), NULL, &error);
}

static void run(const struct setting *s, struct world_result *w)
{
    if (run_on(host, s, &images.x, w) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

/* Step along w_j of length `far` in the norm that leads to the boundary soonest; at: the largest
 * |w_j|. */
static double step_along(const char *norm, double w, double length, double far, bool at)
{
    if (strcmp(norm, "linf") == 0) {
        return far * ((w > 0) - (w < 0));
    }
    return strcmp(norm, "l2") == 0 ? far * w / length : at * copysign(far, w);
}

/* The distance of x from the boundary between classes y and k: gap / |w_k - w_y|_*. */
static double boundary(const char *norm, const double *x, int32_t y, int32_t k, bool *inside)
{
    double w[D], gap = 0, sum = 0, square = 0, far;
    ptrdiff_t at = 0;

    for (ptrdiff_t j = 0; j < D; j++) {
        w[j] = toy.c[k * D + j] - toy.c[y * D + j];
        gap -= w[j] * x[j];
        sum += fabs(w[j]);
        square += w[j] * w[j];
        at = fabs(w[j]) > fabs(w[at]) ? j : at;
    }
    far = strcmp(norm, "linf") == 0 ? gap / sum
          : strcmp(norm, "l2") == 0 ? gap / sqrt(square)
                                    : gap / fabs(w[at]);
    *inside = true;
    for (ptrdiff_t j = 0; j < D; j++) {
        double beyond = x[j] + 1.1 * step_along(norm, w[j], sqrt(square), far, j == at);
        *inside = *inside && beyond > box_lo[j] && beyond < box_hi[j];
    }
    return far;
}

/* The distance of image i from the nearest boundary of a linear model. inside: whether the box lets
 * the nearest point be. */
static double nearest_boundary(const char *norm, ptrdiff_t i, bool *inside)
{
    double nearest = (double)INFINITY;

    for (int32_t k = 0; k < toy.classes; k++) {
        bool fits = false;
        double far = k == images.labels[i]
                         ? (double)INFINITY
                         : boundary(norm, images.pixels + i * D, images.labels[i], k, &fits);
        *inside = far < nearest ? fits : *inside;
        nearest = fmin(far, nearest);
    }
    return nearest;
}

/* share: how much further than the nearest boundary a point may be. */
static void test_distances(const char *attack, const char *norm, const char *loss, double share)
{
    static struct world_result w;
    struct setting s;
    int nearer = 0, further = 0, compared = 0;
    double worst = 0;

    make(&s, attack, norm, loss, 0.1);
    if (strcmp(attack, "cw") == 0) {
        slot_set(&s.attack, "steps", 400);
        slot_set(&s.attack, "rate", 0.002);
    }
    run(&s, &w);
    for (ptrdiff_t i = 0; i < N; i++) {
        bool inside = false;
        double nearest = nearest_boundary(norm, i, &inside), found = w.distance[i] / nearest;
        if (!w.clean_right[i]) {
            continue;
        }
        nearer += w.first_success[i] >= 0 && found < 1 - 1e-9;
        if (inside) {
            compared++;
            further += w.first_success[i] < 0 || found > 1 + share;
            worst = fmax(worst, found - 1);
        }
    }
    ok(compared > N / 2, "%s in %s: %d images whose nearest boundary is inside the box", attack,
       norm, compared);
    ok(nearer == 0 && further == 0,
       "%s in %s: at most %.0f %% further than the nearest boundary (%.2f %%), and none nearer",
       attack, norm, 100 * share, 100 * worst);
}

/* Following a loss, ddn, fmn and cw go to the boundary of the class that rises, which is the
 * nearest for sure where there are but two; fab and deepfool choose by distance. */
static void test_linear(void)
{
    static const char *const norms[3] = {"linf", "l2", "l1"};

    for (int k = 0; k < D; k++) { /* the nearest points shall be inside */
        box_lo[k] = -3;
        box_hi[k] = 4;
    }
    toy_make(&toy, D, C, 0, 8);
    images_make(&images, &toy, N, 8, 2);
    for (int k = 0; k < 3; k++) {
        test_distances("fab", norms[k], "margin", 0.05);             /* eta */
        test_distances("deepfool", norms[k], "margin", 0.02 + 1e-9); /* overshoot */
    }
    toy_make(&toy, D, 2, 0, 8);
    images_make(&images, &toy, N, 8, 2);
    for (int k = 0; k < 3; k++) {
        test_distances("fmn", norms[k], "margin", 0.02);
    }
    test_distances("ddn", "l2", "cross_entropy", 0.05); /* gamma */
    box_reset();
    test_distances("cw", "l2", "margin", 0.03); /* it circles the boundary in steps of its rate */
}

/* Every attack that is a plugin of its own, with few steps; NULL: its parameter for them. */
struct subject {
    const char *attack, *norm, *loss, *steps;
    double count;
};
static const struct subject subjects[] = {
    {"apgd", "l1", "cross_entropy", "steps", 15},
    {"bim", "linf", "cross_entropy", "steps", 6},
    {"cw", "l2", "margin", "steps", 5},
    {"ddn", "l2", "cross_entropy", "steps", 12},
    {"deepfool", "linf", "margin", "steps", 5},
    {"fab", "l1", "margin", "iterations", 5},
    {"fgsm", "linf", "cross_entropy", NULL, 0},
    {"fmn", "linf", "margin", "steps", 12},
    {"line_search_pgd", "l2", "cross_entropy", "steps", 3},
    {"mim", "l2", "cross_entropy", "steps", 6},
    {"nifgsm", "linf", "cross_entropy", "steps", 6},
    {"noise", "l1", "margin", "points", 9},
    {"pgd", "l2", "cross_entropy", "steps", 8},
    {"square", "linf", "margin", "queries", 25},
    {"square", "l2", "margin", "queries", 25},
    {"square", "l1", "margin", "queries", 25},
};

static bool same_row(const struct world_result *a, ptrdiff_t i, const struct world_result *b,
                     ptrdiff_t j)
{
    bool same = a->loss[i] == b->loss[j];

    for (ptrdiff_t k = 0; k < D; k++) {
        same = same && a->point[i * D + k] == b->point[j * D + k];
    }
    return same && a->outputs_spent[i] == b->outputs_spent[j] &&
           a->gradients_spent[i] == b->gradients_spent[j] && a->robust[i] == b->robust[j] &&
           a->first_success[i] == b->first_success[j];
}

static void test_independence(const struct subject *t, struct setting *s)
{
    static struct world_result whole, part;
    struct advntk_images some = images.x;
    int differ = 0;

    run(s, &whole);
    differ = run_on(threads, s, &images.x, &part) != ADVNTK_OK;
    for (ptrdiff_t i = 0; i < N; i++) {
        differ += !same_row(&whole, i, &part, i);
    }
    ok(differ == 0, "%s in %s: the same bits with three threads", t->attack, t->norm);
    for (ptrdiff_t at = 3; at < N; at += 11) { /* one, two, ... images that begin elsewhere */
        some.n = at / 11 + 1;
        some.pixels = images.pixels + at * D;
        some.labels = images.labels + at;
        some.index = images.index + at;
        differ += run_on(host, s, &some, &part) != ADVNTK_OK;
        for (ptrdiff_t i = 0; i < some.n; i++) {
            differ += !same_row(&whole, at + i, &part, i);
        }
    }
    ok(differ == 0, "%s in %s: the same bits in any batch", t->attack, t->norm);
}

static void test_bounds(const struct subject *t, struct setting *s)
{
    const struct advntk_attack_ops *ops = s->attack.slot.plugin->ops;
    const struct advntk_norm_ops *norm = s->norm.slot.plugin->ops;
    static struct world_result w, less;
    double excess = 0, outside = 0;
    int over = 0;

    run(s, &w);
    for (ptrdiff_t i = 0; i < N; i++) {
        double far = norm->distance(NULL, D, w.point + i * D, images.pixels + i * D);
        excess = fmax(excess, far / s->attack.settings.radius - 1);
        over += far != w.distance[i] ||
                (w.clean_right[i] && ops->goal == ADVNTK_GOAL_MIN_NORM &&
                 w.robust[i] != !(w.first_success[i] >= 0 && far <= s->attack.settings.radius));
        for (ptrdiff_t k = i * D; k < (i + 1) * D; k++) {
            outside = fmax(outside, fmax(w.point[k] - 1, -w.point[k]));
        }
    }
    /* n eps for the sum of 48 values */
    ok((ops->goal == ADVNTK_GOAL_MIN_NORM || excess < 1e-13) && !(outside > 0) && over == 0,
       "%s in %s: in ball (%.0e) and box, the distance as told", t->attack, t->norm, excess);
    for (int what = 0; what < 2; what++) {
        int64_t *budget =
            what ? &s->attack.settings.budget_gradients : &s->attack.settings.budget_outputs;
        *budget = 5;
        over += run_on(host, s, &images.x, &less) != ADVNTK_OK;
        *budget = 0;
        for (ptrdiff_t i = 0; i < N; i++) {
            int64_t spent = what ? less.gradients_spent[i] : less.outputs_spent[i];
            int64_t free_run = what ? w.gradients_spent[i] : w.outputs_spent[i];
            /* several gradients may be one question, which is then not asked */
            bool whole =
                what == 0 || (strcmp(t->attack, "fab") != 0 && strcmp(t->attack, "deepfool") != 0);
            over += spent > 5 || (whole && spent != (free_run < 5 ? free_run : 5));
        }
    }
    ok(over == 0, "%s in %s: budgets of five outputs and of five gradients are kept to the unit",
       t->attack, t->norm);
}

static void test_all(void)
{
    toy_make(&toy, D, C, 0.7, 8);
    images_make(&images, &toy, N, 8, 2);
    images.x.height = 6;
    images.x.width = 8;
    for (size_t k = 0; k < sizeof(subjects) / sizeof(*subjects); k++) {
        const struct subject *t = &subjects[k];
        struct setting s;
        bool linf = strcmp(t->norm, "linf") == 0, l2 = strcmp(t->norm, "l2") == 0;

        make(&s, t->attack, t->norm, t->loss, linf ? 0.02 : l2 ? 0.1 : 0.3);
        if (t->steps) {
            slot_set(&s.attack, t->steps, t->count);
        }
        test_independence(t, &s);
        test_bounds(t, &s);
    }
}

/* The loss at x_0 + t u, projected, by brute force over lengths. */
static double best_on_line(const struct setting *s, ptrdiff_t i, double *start)
{
    enum { LENGTHS = 400 };
    const struct advntk_norm_ops *norm = s->norm.slot.plugin->ops;
    const struct advntk_loss_ops *loss = s->loss.slot.plugin->ops;
    const double *clean = images.pixels + i * D;
    double f[C], df[C], value, g[D], u[D], x[D], best = -(double)INFINITY;
    struct advntk_images one = {.n = 1, .height = 1, .width = D, .channels = 1};
    struct advntk_tape *tape = NULL;

    for (int k = 0; k <= LENGTHS; k++) {
        for (int j = 0; j < D; j++) {
            x[j] = clean[j] + (k ? 2 * s->attack.settings.radius * k / LENGTHS * u[j] : 0);
        }
        norm->project_ball_box(NULL, D, clean, s->attack.settings.radius, box_lo, box_hi, x);
        one.pixels = x;
        one.index = images.index + i;
        (void)!toy_forward(&toy, &one, f, k ? NULL : &tape, &error);
        loss->value(NULL, 1, C, f, images.labels + i, NULL, &value, df);
        best = fmax(best, value);
        if (k == 0) {
            *start = value;
            (void)!toy_vjp(&toy, tape, 1, df, g, &error);
            toy_tape_free(&toy, tape);
            norm->steepest(NULL, D, g, 0, u);
        }
    }
    return best;
}

static void test_line_search(void)
{
    static struct world_result w;
    struct setting s;
    int lower = 0, done = 0;

    toy_make(&toy, D, C, 2.0, 8);
    images_make(&images, &toy, N, 0, 2);
    make(&s, "line_search_pgd", "l2", "cross_entropy", 0.6);
    slot_set(&s.attack, "steps", 1);
    slot_set(&s.attack, "rungs", 12);
    slot_set(&s.attack, "sections", 20);
    s.attack.settings.random_start = false;
    run(&s, &w);
    for (ptrdiff_t i = 0; i < N; i++) {
        double start = 0, best = best_on_line(&s, i, &start);
        /* a fooled image shows the first point of those that fool with the highest loss: the same
         */
        lower += w.loss[i] < best - 1e-3 * (best - start);
        done += w.outputs_spent[i] == 1 + 12 + 20 + 1 && w.gradients_spent[i] == 1;
    }
    /* the curve may have two humps: the ladder then may enclose the lower one */
    ok(lower <= N / 20, "line search: the best of 400 lengths, but for %d of %d images", lower, N);
    ok(done == N, "line search: outputs as told, one gradient");
}

static void test_eot(void)
{
    static struct world_result once, twice;
    struct setting s;
    double worst = 0;

    make(&s, "apgd", "l2", "cross_entropy", 0.2);
    slot_set(&s.attack, "steps", 12);
    run(&s, &once);
    slot_set(&s.attack, "eot", 2);
    run(&s, &twice);
    for (int k = 0; k < N * D; k++) {
        worst = fmax(worst, fabs(once.point[k] - twice.point[k]));
    }
    /* a point inside the ball is projected again, to rounding */
    ok(worst < 1e-13 && twice.gradients_spent[0] == 24 && twice.outputs_spent[0] == 25,
       "apgd: two equal evaluations a step are as one, at twice the cost");
    slot_set(&s.attack, "eot", 1);
    slot_set(&s.attack, "shrinking_radius", 1);
    run(&s, &twice);
    ok(twice.gradients_spent[0] == 12 + 3 && twice.outputs_spent[0] == 12 + 4,
       "apgd: shrinking radii cost three evaluations more");
}

/* An attack that writes down what it is told and asks for one far point. */
static int32_t told[4][N];
static double reach;
static const double *towards; /* n,d: where to go in the ball of reach radii */
static advntk_status spy_open(const void *config, struct advntk_host *h,
                              const struct advntk_attack_view *view, void **state,
                              struct advntk_error *err)
{
    (void)config, (void)h, (void)err;
    *state = NULL;
    for (ptrdiff_t i = 0; view->targets && i < view->n; i++) {
        told[view->restart][i] = view->targets[i];
    }
    return ADVNTK_OK;
}

static advntk_status spy_step(void *state, const struct advntk_attack_view *view,
                              const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask,
                              struct advntk_error *err)
{
    (void)state, (void)seen, (void)err;
    for (ptrdiff_t i = 0; i < view->n; i++) {
        ask->done[i] = view->step > 0 || !towards;
    }
    if (towards && view->step == 0) {
        memcpy(ask->point, towards, (size_t)(view->n * view->d) * sizeof(double));
        ask->reach = reach;
    }
    return ADVNTK_OK;
}

static void spy_close(void *state)
{
    (void)state;
}

static const struct advntk_attack_ops spy_ops = {.goal = ADVNTK_GOAL_RADIUS,
                                                 .needs = ADVNTK_NEEDS_OUTPUTS,
                                                 .open = spy_open,
                                                 .step = spy_step,
                                                 .close = spy_close};
static const struct advntk_plugin spy = {
    .kind = ADVNTK_KIND_ATTACK, .name = "spy", .ops = &spy_ops};

static void test_targets(void)
{
    static struct world_result w;
    static double f[N * C];
    struct setting s;
    int wrong = 0;

    toy_make(&toy, D, C, 0.7, 8);
    images_make(&images, &toy, N, 8, 2);
    make(&s, "pgd", "linf", "margin", 0.1);
    slot_init(&s.attack, &spy);
    s.attack.settings.norm = s.norm.slot;
    s.attack.settings.loss = s.loss.slot;
    s.attack.settings.radius = 0.1;
    s.attack.settings.early_stop = false;
    s.attack.settings.targeted = true;
    s.attack.settings.targets = ADVNTK_TARGET_EACH;
    s.attack.settings.target_classes = 3;
    s.attack.settings.restarts = 4;
    towards = NULL;
    run(&s, &w);
    (void)!toy_forward(&toy, &images.x, f, NULL, &error);
    for (ptrdiff_t i = 0; i < N; i++) {
        double last = (double)INFINITY;
        for (int r = 0; r < 3; r++) {
            double here = f[i * C + told[r][i]];
            int above = 0;
            for (int k = 0; k < C; k++) {
                above += k != images.labels[i] && f[i * C + k] > here;
            }
            wrong += told[r][i] == images.labels[i] || above != r || here >= last;
            last = here;
        }
        wrong += told[3][i] != told[0][i];
    }
    ok(wrong == 0, "targets each: the wrong classes in the order of the clean outputs, then again");
}

/* Points at twice the radius fool; those of reach 2 must be evaluated there, and not count. */
static void test_reach(void)
{
    static struct world_result w, pgd;
    static double there[N * D];
    struct setting s;
    int fell = 0, fooled = 0, outputs = 0;

    make(&s, "pgd", "linf", "cross_entropy", 0.1);
    s.attack.settings.random_start = false;
    run(&s, &pgd);
    memcpy(there, pgd.point, sizeof(there));
    for (ptrdiff_t i = 0; i < N; i++) {
        fooled += pgd.clean_right[i] && !pgd.robust[i];
    }
    slot_init(&s.attack, &spy);
    s.attack.settings.norm = s.norm.slot;
    s.attack.settings.loss = s.loss.slot;
    s.attack.settings.random_start = false;
    s.attack.settings.early_stop = false;
    s.attack.settings.radius = 0.05;
    towards = there;
    reach = 2;
    run(&s, &w);
    for (ptrdiff_t i = 0; i < N; i++) {
        fell += w.clean_right[i] && !w.robust[i];
        fell += w.distance[i] > 0.05;
        outputs += w.outputs_spent[i] == 2;
    }
    ok(fooled > N / 3 && fell == 0 && outputs == N,
       "reach 2: %d points that fool beyond the radius are evaluated and do not count", fooled);
    s.attack.settings.radius = 0.1 * (1 + 1e-12); /* beyond rounding: there is no slack */
    reach = 1.5;
    run(&s, &w);
    fell = 0;
    for (ptrdiff_t i = 0; i < N; i++) {
        fell += w.clean_right[i] && !w.robust[i];
    }
    ok(fell == fooled, "reach 1.5: the same points within the radius count");
    reach = 0.5;
    ok(run_on(host, &s, &images.x, &w) == ADVNTK_EINVALID && strstr(error.text, "reach is 0.5"),
       "refused: %s", error.text);
}

int main(void)
{
    if (advntk__host_new(1, &host, &error) != ADVNTK_OK ||
        advntk__host_new(3, &threads, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    box_reset();
    test_linear();
    test_all();
    test_line_search();
    test_eot();
    test_targets();
    test_reach();
    advntk__host_free(threads);
    advntk__host_free(host);
    return done_testing();
}
