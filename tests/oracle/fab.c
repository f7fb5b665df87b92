/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FAB against the public AutoAttack code (data/attacks/README.md): every point that it linearises
 * at, the points and distances found, and who stands in the end. */
#include "config.h"
#include "tap.h"

#include "attack/panel.h"
#include "oracle_attack.h"

enum { TRACED = 5, TRACED_STEPS = 20, STORED = 32, D = NETWORK_INPUTS };

static struct advntk_host *host;
static struct network net;
static struct advntk_error error;
static struct oracle_run run;

/* Rows of the oracle's traces: the first images that are right. */
static ptrdiff_t traced_row[TRACED];
static double traced[TRACED_STEPS * TRACED * D];
static const struct advntk_attack_ops *real;

/* The oracle's bookkeeping: distance of the nearest x_{k+1} that fools. The host's may be smaller,
 * as it counts the points drawn back towards the clean image too. */
static double nearest[ORACLE_IMAGES];
static void note_nearest(const struct advntk_attack_view *view,
                         const struct advntk_attack_seen *seen)
{
    const struct advntk_slot *norm = &view->settings->norm;
    const struct advntk_norm_ops *ops = norm->plugin->ops;

    for (ptrdiff_t i = 0; i < view->n; i++) {
        double *least = &nearest[oracle_first_row + i];
        double far = ops->distance(norm->config, D, seen->point + i * D, view->clean + i * D);
        *least = view->step == 0 ? (double)INFINITY : *least;
        if (view->step > 0 && view->step % 2 == 0 && far < *least &&
            advntk__attack_predict(view->classes, seen->outputs + i * view->classes) !=
                view->labels[i]) {
            *least = far;
        }
    }
}

/* Linearised at: the points that come with gradients, those after odd steps. */
static advntk_status noting_step(void *state, const struct advntk_attack_view *view,
                                 const struct advntk_attack_seen *seen,
                                 struct advntk_attack_ask *ask, struct advntk_error *err)
{
    ptrdiff_t iteration = (view->step - 1) / 2;

    for (int k = 0; view->step % 2 && iteration < TRACED_STEPS && k < TRACED; k++) {
        if (traced_row[k] >= oracle_first_row && traced_row[k] < oracle_first_row + view->n) {
            memcpy(traced + (iteration * TRACED + k) * D,
                   seen->point + (traced_row[k] - oracle_first_row) * D, D * sizeof(double));
        }
    }
    note_nearest(view, seen);
    return real->step(state, view, seen, ask, err);
}

static void find_traced(void)
{
    int found = 0;
    for (ptrdiff_t i = 0; found < TRACED; i++) {
        double values[NETWORK_LAYERS + 1][NETWORK_WIDTH];
        network_one(&net, net.x + i * D, values);
        if (advntk__attack_predict(net.size[NETWORK_LAYERS], values[NETWORK_LAYERS]) ==
            net.labels[i]) {
            traced_row[found++] = i;
        }
    }
}

static void attack_with(const struct oracle_norm *how, bool targeted, int64_t iterations,
                        ptrdiff_t images)
{
    static struct advntk_attack_ops ops;
    static struct advntk_plugin noting;
    struct world_slot attack, norm, loss;

    oracle_slot(&attack, "attack", "fab");
    oracle_slot(&norm, "norm", how->here);
    oracle_slot(&loss, "loss", "margin");
    real = attack.slot.plugin->ops;
    noting = *attack.slot.plugin;
    ops = *real;
    ops.step = noting_step;
    noting.ops = &ops;
    attack.slot.plugin = &noting;
    param_set(noting.params, attack.config.bytes, "iterations", (double)iterations, NULL);
    attack.settings.norm = norm.slot;
    attack.settings.loss = loss.slot;
    attack.settings.radius = how->radius;
    attack.settings.early_stop = false;
    attack.settings.targeted = targeted;
    attack.settings.targets = ADVNTK_TARGET_SECOND;
    attack.settings.success = ADVNTK_SUCCESS_ANY;
    oracle_attack(host, &net, &attack.slot, images, 0, &run);
}

static double furthest(ptrdiff_t count, const double *a, const double *b)
{
    double worst = 0;
    for (ptrdiff_t k = 0; k < count; k++) {
        worst = fmax(worst, fabs(a[k] - b[k]));
    }
    return worst;
}

/* The oracle finds a path stable where seven orders of summation agree within 1e-8; the guards of
 * 1e-12 in its denominators are not here. */
static void compare(const struct oracle_norm *how, bool targeted, int iterations)
{
    char name[64];
    ptrdiff_t count, compared = 0, missed = 0, points_off = 0, budget_off = 0, worse = 0;
    double *adv, *size, *found, *stable, worst = 0;

    snprintf(name, sizeof(name), "%s-fab%s-%d", how->there, targeted ? "t" : "", iterations);
    attack_with(how, targeted, iterations, ORACLE_IMAGES);
    adv = oracle_array(&count, "attacks/fab/%s/adv", name);
    size = oracle_array(&count, "attacks/fab/%s/norm", name);
    found = oracle_array(&count, "attacks/fab/%s/found", name);
    stable = oracle_array(&count, "attacks/fab/%s/stable", name);
    for (ptrdiff_t i = 0; i < ORACLE_IMAGES; i++) {
        bool success = nearest[i] < (double)INFINITY;
        if (!(stable[i] > 0) || !run.clean_right[i]) {
            continue;
        }
        compared++;
        missed += success != (found[i] > 0) || (success && fabs(nearest[i] - size[i]) > 1e-6);
        worse += success && !(run.distance[i] <= nearest[i]);
        budget_off += run.outputs_spent[i] != 1 + 2 * iterations ||
                      run.gradients_spent[i] != 1 + iterations * (targeted ? 1 : 9);
        if (i < STORED && success && run.distance[i] == nearest[i]) {
            points_off += furthest(D, run.point + i * D, adv + i * D) > 1e-6;
        }
    }
    ok(missed == 0 && compared > 180, "%s: found, and the distance, of %td images (%td differ)",
       name, compared, missed);
    ok(points_off == 0 && worse == 0, "%s: the points found, and what the host kept", name);
    ok(budget_off == 0, "%s: two outputs an iteration, one gradient a hyperplane", name);
    if (iterations == TRACED_STEPS) {
        double *points = oracle_array(&count, "attacks/fab/%s/points", name);
        worst = furthest(count, points, traced);
        ok(count == (ptrdiff_t)TRACED_STEPS * TRACED * D && worst < 1e-6,
           "%s: every point linearised at, of five images (%.1e)", name, worst);
        advntk_free(points);
    }
    advntk_free(adv);
    advntk_free(size);
    advntk_free(found);
    advntk_free(stable);
}

/* perturb: 100 iterations and the radius; targeted over nine targets, one a restart. */
static void compare_flags(const struct oracle_norm *how, bool targeted)
{
    struct world_slot attack, norm, loss;
    ptrdiff_t count, differ = 0;
    double *robust = oracle_array(&count, "attacks/fab/%s-fab%s-perturb-robust", how->there,
                                  targeted ? "t" : "");

    oracle_slot(&attack, "attack", "fab");
    oracle_slot(&norm, "norm", how->here);
    oracle_slot(&loss, "loss", "margin");
    attack.settings.norm = norm.slot;
    attack.settings.loss = loss.slot;
    attack.settings.radius = how->radius;
    attack.settings.targeted = targeted;
    attack.settings.targets = ADVNTK_TARGET_EACH;
    attack.settings.success = ADVNTK_SUCCESS_ANY;
    attack.settings.restarts = targeted ? 9 : 1;
    oracle_attack(host, &net, &attack.slot, ORACLE_IMAGES, 0, &run);
    for (ptrdiff_t i = 0; i < ORACLE_IMAGES; i++) {
        differ += run.robust[i] != (robust[i] > 0);
    }
    ok(differ == 0, "%s, fab%s with its defaults: who stands (%td of %d; %td differ)", how->there,
       targeted ? " over nine targets" : "", run.standing, ORACLE_IMAGES, differ);
    advntk_free(robust);
}

int main(void)
{
    const char *slow = getenv("ADVNTK_SLOW_TESTS");

    if (advntk__host_new(1, &host, &error) != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        return 1;
    }
    network_load(&net, "model10");
    find_traced();
    for (int k = 0; k < 3; k++) {
        for (int targeted = 0; targeted < 2; targeted++) {
            compare(&oracle_norms[k], targeted, TRACED_STEPS);
            if (slow && *slow) {
                compare(&oracle_norms[k], targeted, 100);
                compare_flags(&oracle_norms[k], targeted);
            }
        }
    }
    compare_flags(&oracle_norms[0], true);
    network_release(&net);
    advntk__host_free(host);
    return done_testing();
}
