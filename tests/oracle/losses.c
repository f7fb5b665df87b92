/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Losses and their gradients against the public AutoAttack code and automatic differentiation
 * (data/attacks/README.md). */
#include "config.h"
#include "tap.h"

#include "attack_world.h"
#include "oracle_data.h"

enum { N = 50, C = 10 };
static double *logits;
static int32_t labels[N];

/* sign: -1 where the oracle's function falls as the attack succeeds; reference: the choice that is
 * the oracle's. */
static void test_plain(const char *name, const char *oracle, double sign, const char *reference)
{
    double loss[N], df[N * C], want[N * C];
    char path[512], text[128];
    struct world_slot s;
    ptrdiff_t count;
    double *value, *gradient;

    snprintf(path, sizeof(path), "%s/loss/%s.so", PLUGINS, name);
    slot_init(&s, test_plugin(path));
    if (reference) {
        slot_choose(&s, strcmp(name, "mse") == 0 ? "reduction" : "reference", reference);
    }
    value = oracle_array(&count, "attacks/losses/%s", oracle);
    gradient = oracle_array(&count, "attacks/losses/%s_grad", oracle);
    ((const struct advntk_loss_ops *)s.slot.plugin->ops)
        ->value(s.slot.config, N, C, logits, labels, NULL, loss, df);
    for (int i = 0; i < N; i++) {
        want[i] = sign * value[i];
    }
    /* relative to the largest entry; a loss is a few operations on numbers of order 10 */
    snprintf(text, sizeof(text), "%s: values of %s", name, oracle);
    is_close(N, loss, want, 1e-12, text);
    for (int k = 0; k < N * C; k++) {
        want[k] = sign * gradient[k];
    }
    snprintf(text, sizeof(text), "%s: gradients of %s", name, oracle);
    is_close((ptrdiff_t)N * C, df, want, 1e-12, text);
    advntk_free(value);
    advntk_free(gradient);
}

static void test_dlr_targeted(void)
{
    enum { RANKS = 9 };
    double loss[N], df[N * C], want[N], want_df[N * C];
    int32_t targets[N];
    struct world_slot s;
    ptrdiff_t count;
    double *value = oracle_array(&count, "attacks/losses/dlr_targeted"),
           *gradient = oracle_array(&count, "attacks/losses/dlr_targeted_grad"),
           *class = oracle_array(&count, "attacks/losses/dlr_targeted_class");

    slot_init(&s, test_plugin(PLUGINS "/loss/dlr_targeted.so"));
    slot_choose(&s, "reference", "autoattack");
    for (int r = 0; r < RANKS; r++) {
        char text[128];
        for (int i = 0; i < N; i++) {
            targets[i] = (int32_t) class[i * RANKS + r];
            want[i] = value[i * RANKS + r];
            memcpy(want_df + i * C, gradient + (i * RANKS + r) * C, C * sizeof(double));
        }
        ((const struct advntk_loss_ops *)s.slot.plugin->ops)
            ->value(s.slot.config, N, C, logits, labels, targets, loss, df);
        snprintf(text, sizeof(text), "dlr_targeted, rank %d: values", r + 2);
        is_close(N, loss, want, 1e-12, text);
        snprintf(text, sizeof(text), "dlr_targeted, rank %d: gradients", r + 2);
        is_close((ptrdiff_t)N * C, df, want_df, 1e-12, text);
    }
    advntk_free(value);
    advntk_free(gradient);
    advntk_free(class);
}

/* The program's own form: the published one where the label is among the three largest, else 1 and
 * flat. */
static void test_bounded(void)
{
    double ours[N], theirs[N], df[N * C];
    struct world_slot s;
    const struct advntk_loss_ops *loss;
    int among = 0, below = 0, off = 0;

    slot_init(&s, test_plugin(PLUGINS "/loss/dlr.so"));
    loss = s.slot.plugin->ops;
    loss->value(s.slot.config, N, C, logits, labels, NULL, ours, df);
    slot_choose(&s, "reference", "autoattack");
    loss->value(s.slot.config, N, C, logits, labels, NULL, theirs, NULL);
    for (int i = 0; i < N; i++) {
        int above = 0, flat = 1;
        for (int k = 0; k < C; k++) {
            above += logits[i * C + k] > logits[i * C + labels[i]];
            flat = flat && fabs(df[i * C + k]) < 1e-15;
        }
        among += above <= 2;
        below += above >= 3;
        off += above <= 2 ? !(fabs(ours[i] - theirs[i]) < 1e-11) : !(ours[i] == 1 && flat);
    }
    ok(off == 0 && among > 20 && below > 5,
       "dlr: as published while the label is among the first three (%d), 1 and flat below (%d)",
       among, below);
}

int main(void)
{
    ptrdiff_t count;
    double *y = oracle_array(&count, "attacks/losses/y");

    logits = oracle_array(&count, "attacks/losses/logits");
    for (int i = 0; i < N; i++) {
        labels[i] = (int32_t)y[i];
    }
    test_plain("cross_entropy", "ce", 1, NULL);
    test_plain("kl", "ce", 1, NULL);
    test_plain("mse", "mse", 1, "mean");
    test_plain("margin", "margin", -1, NULL);
    test_plain("dlr", "dlr", 1, "autoattack");
    test_dlr_targeted();
    test_bounded();
    advntk_free(y);
    advntk_free(logits);
    return done_testing();
}
