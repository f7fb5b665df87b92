/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three and two classes, where the public AutoAttack code fails in places: APGD and FAB along its
 * paths where it ran, who stands after each attack, and refusals where a loss needs more classes.
 */
#include "config.h"
#include "tap.h"

#include "oracle_attack.h"

enum { IMAGES = 60, STORED = 20, D = NETWORK_INPUTS };

static struct advntk_host *host;
static struct network net;
static struct advntk_error error;
static struct oracle_run run;

/* A slot of an attack with norm and loss; the slots that it refers to live as long. */
struct setting {
    struct world_slot attack, norm, loss;
};

static void make(struct setting *s, const char *attack, const struct oracle_norm *norm,
                 const char *loss)
{
    oracle_slot(&s->attack, "attack", attack);
    oracle_slot(&s->norm, "norm", norm->here);
    oracle_slot(&s->loss, "loss", loss);
    s->attack.settings.norm = s->norm.slot;
    s->attack.settings.loss = s->loss.slot;
    s->attack.settings.radius = norm->radius;
    s->attack.settings.early_stop = false;
}

static double furthest(ptrdiff_t count, const double *a, const double *b)
{
    double worst = 0;
    for (ptrdiff_t k = 0; k < count; k++) {
        worst = fmax(worst, fabs(a[k] - b[k]));
    }
    return worst;
}

/* The oracle has no mask of stable rows here: where losses tie up to rounding, a path may differ.
 */
static void test_apgd(const char *model, const struct oracle_norm *how, const char *there,
                      const char *here)
{
    struct setting s;
    ptrdiff_t count, differ = 0, flags = 0;
    double *loss =
               oracle_array(&count, "attacks/few/%s-%s-%s-50-loss_best", model, how->there, there),
           *robust =
               oracle_array(&count, "attacks/few/%s-%s-%s-50-robust", model, how->there, there);

    make(&s, "apgd", how, here);
    slot_set(&s.attack, "steps", 50);
    slot_choose(&s.attack, "reference", "autoattack");
    if (strcmp(here, "dlr") == 0) {
        slot_choose(&s.loss, "reference", "autoattack");
    }
    s.attack.settings.random_start = false;
    oracle_attack(host, &net, &s.attack.slot, IMAGES, 0, &run);
    for (ptrdiff_t i = 0; i < IMAGES; i++) {
        /* where it stands the host keeps the highest loss, as the oracle does everywhere */
        differ += run.robust[i] && fabs(run.loss[i] - loss[i]) > 1e-6;
        flags += run.robust[i] != (robust[i] > 0);
    }
    ok(flags <= 1 && differ * 10 <= run.standing,
       "%s: apgd %s in %s: %td stand (%td flags differ, %td highest losses)", model, there,
       how->there, run.standing, flags, differ);
    advntk_free(loss);
    advntk_free(robust);
}

static void test_fab(const char *model, const struct oracle_norm *how)
{
    struct setting s;
    ptrdiff_t count, differ = 0, further = 0;
    double *adv = oracle_array(&count, "attacks/few/%s-%s-fab-50-adv", model, how->there),
           *found = oracle_array(&count, "attacks/few/%s-%s-fab-50-found", model, how->there);
    const struct advntk_norm_ops *norm;

    make(&s, "fab", how, "margin");
    norm = s.norm.slot.plugin->ops;
    slot_set(&s.attack, "iterations", 50);
    oracle_attack(host, &net, &s.attack.slot, IMAGES, 0, &run);
    for (ptrdiff_t i = 0; i < IMAGES; i++) {
        differ += (run.first_success[i] >= 0) != (found[i] > 0);
        if (i < STORED && found[i] > 0) {
            double there = norm->distance(NULL, D, adv + i * D, net.x + i * D);
            further += run.distance[i] > there + 1e-6;
            differ += fabs(run.distance[i] - there) <= 1e-12 &&
                      furthest(D, adv + i * D, run.point + i * D) > 1e-6;
        }
    }
    ok(differ == 0 && further == 0, "%s: fab in %s: found, and none further away than there", model,
       how->there);
    advntk_free(adv);
    advntk_free(found);
}

/* Who stands; some: images that may differ, where the attack draws at random. */
static void test_flags(const char *model, struct setting *s, const char *file, ptrdiff_t some)
{
    ptrdiff_t count, differ = 0;
    double *robust = oracle_array(&count, "attacks/few/%s-%s-robust", model, file);

    s->attack.settings.early_stop = true;
    oracle_attack(host, &net, &s->attack.slot, IMAGES, 0, &run);
    for (ptrdiff_t i = 0; i < IMAGES; i++) {
        differ += run.robust[i] != (robust[i] > 0);
    }
    ok(differ <= some, "%s: %s: %td of %d stand, %td flags differ from there (%td may)", model,
       file, run.standing, IMAGES, differ, some);
    advntk_free(robust);
}

static void test_all_flags(const char *model, ptrdiff_t classes)
{
    const struct oracle_norm *linf = &oracle_norms[0];
    struct setting s;

    make(&s, "apgd", linf, "cross_entropy");
    test_flags(model, &s, "apgd-ce", 2);
    if (classes > 2) {
        make(&s, "apgd", linf, "dlr");
        test_flags(model, &s, "apgd-dlr", 2);
    }
    make(&s, "fab", linf, "margin");
    test_flags(model, &s, "fab", 0);
    s.attack.settings.targeted = true;
    s.attack.settings.targets = ADVNTK_TARGET_EACH;
    s.attack.settings.success = ADVNTK_SUCCESS_ANY;
    s.attack.settings.restarts = classes - 1;
    test_flags(model, &s, classes == 2 ? "fab-t_with_1_targets" : "fab-t_with_2_targets", 0);
    make(&s, "square", linf, "margin");
    slot_set(&s.attack, "queries", 1000); /* 5000 there: few images fall so late */
    slot_set(&s.attack, "rescale_schedule", false);
    slot_choose(&s.attack, "reference", "autoattack");
    test_flags(model, &s, "square", 4);
}

/* apgd over targets, which there ends in an IndexError: any loss that takes targets does. */
static void test_targets(const char *model, ptrdiff_t classes)
{
    struct setting s;
    struct advntk__attack_target target = {
        .host = host, .model = &net, .ops = &network_ops, .classes = classes};
    struct advntk_images one = {
        .n = 1, .height = 8, .width = 8, .channels = 1, .pixels = net.x, .labels = net.labels};
    static struct world_result w;
    ptrdiff_t count, differ = 0;
    double *robust = oracle_array(&count, "attacks/few/%s-apgd-ce-robust", model), box[2][D];

    make(&s, "apgd", &oracle_norms[0], "margin");
    s.attack.settings.targeted = true;
    s.attack.settings.targets = ADVNTK_TARGET_EACH;
    s.attack.settings.success = ADVNTK_SUCCESS_ANY;
    s.attack.settings.restarts = classes - 1;
    oracle_attack(host, &net, &s.attack.slot, IMAGES, 0, &run);
    for (ptrdiff_t i = 0; i < IMAGES; i++) {
        differ += run.robust[i] != (robust[i] > 0);
    }
    ok(differ <= 2, "%s: apgd with margin over %td targets: %td stand", model, classes - 1,
       run.standing);
    advntk_free(robust);
    for (int k = 0; k < D; k++) {
        box[0][k] = 0;
        box[1][k] = 1;
    }
    target.box_lo = box[0];
    target.box_hi = box[1];
    make(&s, "apgd", &oracle_norms[0], classes == 2 ? "dlr" : "dlr_targeted");
    s.attack.settings.targeted = classes > 2;
    ok(advntk__attack_panel(&target, &s.attack.slot, &one, result_init(&w), NULL, &error) ==
               ADVNTK_EUNSUPPORTED &&
           strstr(error.text, "needs at least"),
       "%s: refused: %s", model, error.text);
}

int main(void)
{
    if (advntk__host_new(1, &host, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    for (ptrdiff_t classes = 3; classes > 1; classes--) {
        const char *model = classes == 3 ? "model3" : "model2";
        network_load(&net, model);
        for (int k = 0; k < 3; k++) {
            test_apgd(model, &oracle_norms[k], "ce", "cross_entropy");
            if (classes > 2) {
                test_apgd(model, &oracle_norms[k], "dlr", "dlr");
            }
            test_fab(model, &oracle_norms[k]);
        }
        test_all_flags(model, classes);
        test_targets(model, classes);
        network_release(&net);
    }
    advntk__host_free(host);
    return done_testing();
}
