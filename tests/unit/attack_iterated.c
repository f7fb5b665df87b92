/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bim, mim and nifgsm against their equations in plain loops, in l-infinity; noise by where its
 * points lie.
 */
#include "config.h"
#include "tap.h"

#include "attack_world.h"

enum { N = 24, D = 30, C = 5, STEPS = 8 };
static struct advntk_host *host;
static struct toy toy;
static struct world_images images;
static struct world_slot norm, loss;
static struct advntk_error error;
static const double radius = 0.08;

static void run(const char *name, const char *steps, double decay, struct world_result *w)
{
    struct world_slot attack;
    char path[512];
    struct advntk__attack_target target = world_target(host, &toy);

    snprintf(path, sizeof(path), "%s/attack/%s.so", PLUGINS, name);
    slot_init(&attack, test_plugin(path));
    slot_set(&attack, steps, STEPS);
    if (decay >= 0) {
        slot_set(&attack, "decay", decay);
    }
    attack.settings.norm = norm.slot;
    attack.settings.loss = loss.slot;
    attack.settings.radius = radius;
    attack.settings.early_stop = false;
    attack.settings.score = ADVNTK_SCORE_LAST;
    if (advntk__attack_panel(&target, &attack.slot, &images.x, result_init(w), NULL, &error) !=
        ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

static double into_ball(double x, double clean)
{
    return fmin(fmax(x, fmax(clean - radius, 0)), fmin(clean + radius, 1));
}

/* Dong et al. 2018, equations 6 and 7; decay 0 is the basic iterative method. nesterov: Lin et al.
 * 2020, equation 6: the gradient is taken at x + alpha decay velocity. */
static void reference(double decay, bool nesterov, double *x)
{
    static double ahead[N * D];
    static double f[N * C], value[N], df[N * C], g[N * D], velocity[N * D];
    const struct advntk_loss_ops *ops = loss.slot.plugin->ops;

    memset(velocity, 0, sizeof(velocity));
    memcpy(x, images.pixels, N * D * sizeof(double));
    for (int step = 0; step < STEPS; step++) {
        struct advntk_images at = images.x;
        struct advntk_tape *tape = NULL;
        for (int k = 0; k < N * D; k++) {
            double jump = nesterov ? radius / STEPS * decay * velocity[k] : 0;
            ahead[k] = into_ball(x[k] + jump, images.pixels[k]);
        }
        at.pixels = ahead;
        if (toy_forward(&toy, &at, f, &tape, &error) != ADVNTK_OK) {
            printf("Bail out! %s\n", error.text);
            exit(1);
        }
        ops->value(NULL, N, C, f, images.labels, NULL, value, df);
        (void)!toy_vjp(&toy, tape, 1, df, g, &error);
        toy_tape_free(&toy, tape);
        for (int i = 0; i < N; i++) {
            double sum = 0;
            for (int k = i * D; k < (i + 1) * D; k++) {
                sum += fabs(g[k]);
            }
            for (int k = i * D; k < (i + 1) * D; k++) {
                velocity[k] = decay * velocity[k] + g[k] / sum;
                x[k] += radius / STEPS * (double)((velocity[k] > 0) - (velocity[k] < 0));
                x[k] = into_ball(x[k], images.pixels[k]);
            }
        }
    }
}

static void test_noise(void)
{
    static struct world_result all, alone;
    double far = 0, away = 0;

    run("noise", "points", -1, &all);
    for (int k = 0; k < N * D; k++) {
        far = fmax(far, fabs(all.point[k] - images.pixels[k]));
        away += fabs(all.point[k] - images.pixels[k]) / (N * D);
    }
    /* the mean of |u| is radius/2; five standard errors of radius/sqrt(12)/sqrt(720) */
    ok(far <= radius * (1 + 1e-12) && fabs(away - radius / 2) < 5 * radius / sqrt(12.0 * N * D),
       "noise: uniform in the ball (mean %.4f)", away);
    ok(all.gradients_spent[0] == 0 && all.outputs_spent[0] == STEPS + 1, "noise: outputs alone");
    images.x.n = 1;
    images.x.pixels = images.pixels + 7 * D;
    images.x.labels = images.labels + 7;
    images.x.index = images.index + 7;
    run("noise", "points", -1, &alone);
    ok(memcmp(alone.point, all.point + 7 * D, D * sizeof(double)) == 0,
       "noise: an image alone gets the points it gets among others");
}

int main(void)
{
    static struct world_result w;
    static double want[N * D];

    if (advntk__host_new(2, &host, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    toy_make(&toy, D, C, 0.7, 8);
    images_make(&images, &toy, N, 0, 2);
    box_reset();
    slot_init(&norm, test_plugin(PLUGINS "/norm/linf.so"));
    slot_init(&loss, test_plugin(PLUGINS "/loss/cross_entropy.so"));
    run("bim", "steps", -1, &w);
    reference(0, false, want);
    is_close((ptrdiff_t)N * D, w.point, want, 1e-14, "bim: the last points");
    ok(w.gradients_spent[0] == STEPS && w.outputs_spent[0] == STEPS + 1, "bim: its cost");
    run("mim", "steps", 0.9, &w);
    reference(0.9, false, want);
    is_close((ptrdiff_t)N * D, w.point, want, 1e-14, "mim: the last points, decay 0.9");
    run("nifgsm", "steps", 0.9, &w);
    reference(0.9, true, want);
    is_close((ptrdiff_t)N * D, w.point, want, 1e-14, "nifgsm: the last points, decay 0.9");
    ok(w.gradients_spent[0] == STEPS && w.outputs_spent[0] == STEPS + 1, "nifgsm: its cost");
    test_noise();
    advntk__host_free(host);
    return done_testing();
}
