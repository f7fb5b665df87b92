/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host of attacks on models whose worst case is known. On a linear model the logit difference of a
 * pair of classes moves by at most radius |w|_1 (l-infinity) or radius |w|_2 (l2) inside the box, and PGD
 * with two classes reaches that corner, so its loss there has a closed form.
 */
#include "config.h"
#include "tap.h"

#include "attack_world.h"

static struct advntk_host *host;
static const struct advntk_plugin *linf, *l2, *mse, *cross_entropy, *pgd, *fgsm, *none;
static struct toy toy;
static struct world_images images;
static struct world_result result, other;
static double box_lo[WORLD_VALUES], box_hi[WORLD_VALUES];
static struct advntk_error error;

static struct advntk__attack_target target_make(void)
{
    return (struct advntk__attack_target){.host = host, .model = &toy, .ops = &toy_ops, .classes = toy.classes,
                                          .box_lo = box_lo, .box_hi = box_hi, .seed = 5, .purpose = 77};
}

/* The attack of most tests: no random start, so that all is known beforehand. */
static void pgd_make(struct world_slot *s, const struct advntk_plugin *norm, struct world_slot *loss, double radius)
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
        ok(run(&s, &audit) == ADVNTK_OK, "linear model under %s: %s", norms[which]->name, error.text);
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
            want[checked] = log1p(exp(reach)); /* cross-entropy of two classes: log(1 + e^(f_other - f_label)) */
            got[checked++] = result.loss[i];
            wrong += result.robust[i] != (reach < 0);
        }
        is_close(checked, got, want, 1e-12, which == 0 ? "linf: the loss is that of the worst corner" : "l2: the loss is that of the worst point");
        ok(wrong == 0, "%s: robust exactly where the worst corner is right (%td wrong)", norms[which]->name, wrong);
        ok(audit.verdict == ADVNTK__TRUSTED, "%s: trusted", norms[which]->name);
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
    mse = test_plugin(PLUGINS "/loss/mse.so");
    cross_entropy = test_plugin(PLUGINS "/loss/cross_entropy.so");
    pgd = test_plugin(PLUGINS "/attack/pgd.so");
    fgsm = test_plugin(PLUGINS "/attack/fgsm.so");
    none = test_plugin(PLUGINS "/attack/none.so");
    for (int k = 0; k < WORLD_VALUES; k++) {
        box_hi[k] = 1;
    }
    test_linear_worst_case();
    advntk__host_free(host);
    return done_testing();
}
