/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audit's limits from both sides: models that are wrong by a little less than it takes, and
 * still trusted, beside those that are wrong by a little more, and found; and counts at each limit
 * and one beyond. Norms that lie about distances are found in every norm whose definition is known.
 */
#include "config.h"
#include "tap.h"

#include "attack_world.h"
#include "base/text.h"
#include "scratch.h"

enum { D = 30, N = 100 };

static struct advntk_host *host;
static struct toy toy;
static struct world_images images;
static struct world_slot attack, norm, loss;

/* ---- models that are a little wrong ---- */

/* The toy with its gradients times `scale` for one image in `every` (of their index), and its
 * outputs off by `noise` of their size, anew at each call. */
static double wrong_scale, wrong_noise;
static int64_t wrong_every;

static advntk_status wrong_forward(void *model, const struct advntk_images *x, double *f,
                                   struct advntk_tape **tape, struct advntk_error *err)
{
    advntk_status rc = toy_forward(model, x, f, tape, err);

    for (ptrdiff_t i = 0; rc == ADVNTK_OK && i < x->n * toy.classes; i++) {
        f[i] *= 1 + (toy.forwards % 2 ? wrong_noise : -wrong_noise);
    }
    return rc;
}

static advntk_status wrong_vjp(void *model, const struct advntk_tape *tape, ptrdiff_t m,
                               const double *g, double *dx, struct advntk_error *err)
{
    advntk_status rc = toy_vjp(model, tape, m, g, dx, err);

    for (ptrdiff_t i = 0; rc == ADVNTK_OK && i < tape->n * m * D; i++) {
        dx[i] *= tape->index[i / (m * D)] % wrong_every == 0 ? wrong_scale : 1;
    }
    return rc;
}

static const struct advntk_model_ops wrong_ops = {
    .forward = wrong_forward, .vjp = wrong_vjp, .tape_free = toy_tape_free};

static advntk_status run(struct advntk__audit *audit)
{
    static struct world_result result;
    struct advntk_error error = {.status = ADVNTK_OK};
    struct advntk__attack_target target = world_target(host, &toy);
    advntk_status rc;

    target.ops = &wrong_ops;
    rc =
        advntk__attack_panel(&target, &attack.slot, &images.x, result_init(&result), audit, &error);
    if (rc != ADVNTK_OK) {
        printf("# %s\n", error.text);
    }
    return rc;
}

static const char *const verdicts[] = {"trusted", "suspect", "failed"};

static void test_model(const char *name, int64_t every, double scale, int want)
{
    struct advntk__audit audit = {0};
    advntk_status rc;

    wrong_every = every;
    wrong_scale = scale;
    rc = run(&audit);
    ok(rc == ADVNTK_OK && audit.verdict == want, "%s: %s, wanted %s", name, verdicts[audit.verdict],
       verdicts[want]);
    if (audit.verdict != want) {
        struct advntk__text text = {0};
        advntk__audit_reasons(&audit, &text);
        printf("# %s", advntk__text_get(&text));
        advntk__text_release(&text);
    }
}

/* Outputs, once more, may be off by 1e-3 of the largest; here by twice the noise, where the
 * point was found in a call of the other parity. */
static void test_noise(double noise, bool found)
{
    struct advntk__audit audit = {0};
    advntk_status rc;

    wrong_noise = noise;
    rc = run(&audit);
    wrong_noise = 0;
    ok(rc == ADVNTK_OK && audit.verified == N &&
           (found ? audit.unverified > N / 4 : audit.unverified == 0),
       "outputs off by %g, this way and that: %lld of %lld points were not the same again", noise,
       (long long)audit.unverified, (long long)audit.verified);
}

/* Image i of 100 has index 1000 + 7 i, so 1 in 100 is a multiple of 100; 32 of them are looked at.
 * A directional derivative may be off by 5 %. */
static void test_models(void)
{
    test_model("exact", 1, 1, ADVNTK__TRUSTED);
    test_model("gradients 3 % short", 1, 0.97, ADVNTK__TRUSTED);
    test_model("gradients 8 % short", 1, 0.92, ADVNTK__FAILED);
    test_model("a gradient that is not one for 1 image in 100", 100, -1, ADVNTK__TRUSTED);
    test_model("... for 1 in 6", 6, -1, ADVNTK__SUSPECT);
    test_model("... for all", 1, -1, ADVNTK__FAILED);
    wrong_every = 1;
    wrong_scale = 1;
    test_noise(3e-4, false);
    test_noise(8e-4, true);
}

/* ---- counts ---- */

static int judge(struct advntk__audit audit)
{
    advntk__audit_judge(&audit);
    return audit.verdict;
}

/* Of `whole`, the most that is still within a limit gives `below`, one more gives `above`. */
static void test_count(const char *name, double limit, size_t offset, int below, int above)
{
    enum { WHOLE = 10000 };
    struct advntk__audit audit = {.images = WHOLE,
                                  .robust = WHOLE / 2,
                                  .attacked = WHOLE,
                                  .standing = WHOLE,
                                  .doubtful = WHOLE,
                                  .verified = WHOLE,
                                  .checked_gradients = WHOLE,
                                  .box_used = 1};
    int64_t most = (int64_t)(limit * WHOLE + 1e-6), more = most + 1;
    int at, over;

    memcpy((char *)&audit + offset, &most, sizeof(most));
    at = judge(audit);
    memcpy((char *)&audit + offset, &more, sizeof(more));
    over = judge(audit);
    ok(at == below && over == above, "%s: %lld of %d is %s, one more %s", name, (long long)most,
       WHOLE, verdicts[at], verdicts[over]);
}

static void test_counts(void)
{
    const struct advntk__audit_limits *l = &advntk__audit_limits;
    enum { OK = ADVNTK__TRUSTED, DOUBT = ADVNTK__SUSPECT, NO = ADVNTK__FAILED };
    struct advntk__audit box = {.images = 10, .robust = 5, .attacked = 10, .standing = 5};
    int at, under;

#define AT(member) offsetof(struct advntk__audit, member)
    test_count("gradients that disagree", l->suspect_mismatch, AT(gradient_mismatch), OK, DOUBT);
    test_count("gradients that disagree", l->failed_mismatch, AT(gradient_mismatch), DOUBT, NO);
    test_count("all-zero gradients", 0, AT(zero_gradients), OK, DOUBT);
    test_count("all-zero gradients", l->failed_zero, AT(zero_gradients), DOUBT, NO);
    test_count("losses still rising, none pushed", l->suspect_rising, AT(still_rising), OK, DOUBT);
    test_count("losses that never rose", l->suspect_flat, AT(never_rose), OK, DOUBT);
    test_count("losses that never rose", l->failed_flat, AT(never_rose), DOUBT, NO);
    test_count("other outputs the second time", 0, AT(unverified), OK, DOUBT);
    test_count("other outputs the second time", l->failed_unverified, AT(unverified), DOUBT, NO);
    test_count("black box beats white box", l->suspect_black_box, AT(black_box_fell), OK, DOUBT);
    test_count("fell in the last restart", l->suspect_late, AT(fell_late), OK, DOUBT);
    test_count("outside the ball", 0, AT(outside_ball), OK, NO);
    test_count("outside the box", 0, AT(outside_box), OK, NO);
    test_count("wrong distances", 0, AT(wrong_distance), OK, NO);
    test_count("clean images outside the box", 0, AT(clean_outside_box), OK, NO);
    test_count("cut short", 0, AT(out_of_time), OK, DOUBT);
#undef AT
    box.box_used = l->suspect_box;
    at = judge(box);
    box.box_used = l->suspect_box * (1 - 1e-9);
    under = judge(box);
    ok(at == OK && under == DOUBT, "images fill %g of the box: %s, a little less: %s",
       l->suspect_box, verdicts[at], verdicts[under]);
}

/* Pushed images that fall are weighed against half the interval of the robust accuracy: with 500 of
 * 1000 robust +-0.0309 (Wilson), and all 400 doubtful, 2 of 32 bring 0.025, 3 of 32 0.0375. */
static void test_pushes(void)
{
    struct advntk__audit audit = {.images = 1000,
                                  .robust = 500,
                                  .attacked = 1000,
                                  .standing = 500,
                                  .doubtful = 400,
                                  .pushed = 32,
                                  .pushed_over = 2,
                                  .box_used = 1};
    int at = judge(audit), over;

    audit.pushed_over = 3;
    over = judge(audit);
    ok(at == ADVNTK__TRUSTED && over == ADVNTK__SUSPECT,
       "pushed on: what the interval covers is %s, more is %s", verdicts[at], verdicts[over]);
}

/* ---- norms that lie ---- */

static const struct advntk_norm_ops *honest;

static double short_distance(const void *config, ptrdiff_t d, const double *a, const double *b)
{
    double far = honest->distance(config, d, a, b);
    return far > 0 ? far - 1e-6 * (far + 1) : 0;
}

static void use_norm(const struct advntk_plugin *plugin, double radius)
{
    slot_init(&norm, plugin);
    attack.settings.norm = norm.slot;
    attack.settings.radius = radius;
}

static void set_path(const char *name, const char *path)
{
    const struct advntk_param *row = param_find(norm.slot.plugin->params, name);
    *(const char **)(void *)(norm.config.bytes + row->offset) = path;
}

static void test_norm(const char *name, double radius, const char *metric, const char *mask)
{
    char path[512];
    struct advntk__audit straight = {0}, crooked = {0};
    struct advntk_plugin lying;
    struct advntk_norm_ops ops;
    const struct advntk_plugin *plugin;
    advntk_status rc;

    snprintf(path, sizeof(path), "%s/norm/%s.so", PLUGINS, name);
    plugin = test_plugin(path);
    honest = plugin->ops;
    use_norm(plugin, radius);
    attack.settings.random_start = false;
    if (metric) {
        set_path("metric", metric);
        set_path("mask", mask);
    }
    rc = run(&straight);
    ok(rc == ADVNTK_OK && straight.wrong_distance == 0, "%s%s: distances as told", name,
       metric ? " with metric and mask" : "");
    lying = *plugin;
    ops = *honest;
    ops.distance = short_distance;
    lying.ops = &ops;
    norm.slot.plugin = &lying;
    attack.settings.norm = norm.slot;
    rc = run(&crooked);
    ok(rc == ADVNTK_OK && crooked.wrong_distance > 0 && crooked.verdict == ADVNTK__FAILED,
       "%s%s: distances a millionth short are found (%lld images)", name,
       metric ? " with metric and mask" : "", (long long)crooked.wrong_distance);
}

static void test_norms(void)
{
    const ptrdiff_t half = D / 2;
    double weight[D], may[D];
    char metric[300], mask[300];
    struct advntk_error error = {.status = ADVNTK_OK};

    for (int k = 0; k < half; k++) { /* each entry counts for two values */
        weight[k] = 0.5 + 0.1 * k;
        may[k] = k % 4 != 0;
    }
    snprintf(metric, sizeof(metric), "%s", scratch("metric.npy"));
    snprintf(mask, sizeof(mask), "%s", scratch("mask.npy"));
    ok(advntk_npy_write(metric, ADVNTK_FLOAT64, 1, &half, weight, &error) == ADVNTK_OK &&
           advntk_npy_write(mask, ADVNTK_FLOAT64, 1, &half, may, &error) == ADVNTK_OK,
       "a metric and a mask");
    test_norm("linf", 0.05, NULL, NULL);
    test_norm("l2", 0.2, NULL, NULL);
    test_norm("l1", 0.8, NULL, NULL);
    test_norm("l0", 3, NULL, NULL);
    test_norm("mahalanobis", 0.2, NULL, NULL);
    test_norm("mahalanobis", 0.2, metric, mask);
}

int main(void)
{
    struct advntk_error error = {.status = ADVNTK_OK};

    if (advntk__host_new(2, &host, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    scratch_make();
    box_reset();
    toy_make(&toy, D, 10, 0.7, 8);
    images_make(&images, &toy, N, 0, 2);
    slot_init(&loss, test_plugin(PLUGINS "/loss/cross_entropy.so"));
    slot_init(&attack, test_plugin(PLUGINS "/attack/pgd.so"));
    attack.settings.loss = loss.slot;
    use_norm(test_plugin(PLUGINS "/norm/linf.so"), 0.05);
    test_models();
    test_counts();
    test_pushes();
    test_norms();
    scratch_remove();
    advntk__host_free(host);
    return done_testing();
}
