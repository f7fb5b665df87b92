/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Losses against values worked out by hand and central differences; targeted forms; extremes. */
#include "config.h"
#include "tap.h"

#include "attack_world.h"

static struct advntk_error error;

static void test_gradient(const char *name, const struct advntk_loss_ops *loss, const void *config,
                          bool targeted)
{
    enum { N = 40, C = 6 };
    double f[N * C], df[N * C], want[N * C], value[N], high, low;
    int32_t labels[N], targets[N];

    test_normal(3, N * C, f);
    for (int i = 0; i < N; i++) {
        labels[i] = i % C;
        targets[i] = (i / 2 + 1 + i) % C;
    }
    loss->value(config, N, C, f, labels, targeted ? targets : NULL, value, df);
    for (int k = 0; k < N * C; k++) {
        const double h = 1e-5; /* error h^2 of the difference, 1e-16/h of rounding: about 1e-10 */
        double kept = f[k], row[1];
        int i = k / C;
        f[k] = kept + h;
        loss->value(config, 1, C, f + i * C, labels + i, targeted ? targets + i : NULL, row, NULL);
        high = row[0];
        f[k] = kept - h;
        loss->value(config, 1, C, f + i * C, labels + i, targeted ? targets + i : NULL, row, NULL);
        low = row[0];
        f[k] = kept;
        want[k] = (high - low) / (2 * h);
    }
    is_close(N * C, df, want, 1e-8, name);
}

static void test_mse(const struct advntk_plugin *mse)
{
    struct world_slot s;
    const struct advntk_loss_ops *loss = mse->ops;
    const double f[3] = {1, 2, -1};
    const int32_t label = 1, target = 0;
    double value, df[3];

    slot_init(&s, mse);
    loss->value(s.slot.config, 1, 3, f, &label, NULL, &value, df);
    ok(value == 1.5 && df[0] == 1 && df[1] == 1 && df[2] == -1, "mse half_sum: (1 + 1 + 1)/2");
    loss->value(s.slot.config, 1, 3, f, &label, &target, &value, df);
    ok(value == -2.5 && df[0] == 0 && df[1] == -2 && df[2] == 1,
       "mse targeted: minus the error to the target");
    test_gradient("mse half_sum: gradient", loss, s.slot.config, false);
    test_gradient("mse targeted: gradient", loss, s.slot.config, true);
    slot_choose(&s, "reduction", "mean");
    loss->value(s.slot.config, 1, 3, f, &label, NULL, &value, df);
    ok(value == 1 && fabs(df[0] - 2.0 / 3) < 1e-16, "mse mean: (1 + 1 + 1)/3");
    test_gradient("mse mean: gradient", loss, s.slot.config, false);
}

static void test_cross_entropy(const struct advntk_plugin *plugin)
{
    const struct advntk_loss_ops *loss = plugin->ops;
    const double even[2] = {0.5, 0.5}, huge[3] = {1e4, -1e4, 0}, sure[2] = {40, 0};
    int32_t label = 1, other = 0;
    double value, df[3], reached;

    loss->value(NULL, 1, 2, even, &label, NULL, &value, df);
    ok(fabs(value - log(2)) < 1e-16 && df[0] == 0.5 && df[1] == -0.5,
       "cross_entropy: even odds are log 2");
    loss->value(NULL, 1, 3, huge, &label, NULL, &value, df);
    ok(value == 2e4 && df[0] == 1 && df[1] == -1 && df[2] == 0,
       "cross_entropy: outputs of 1e4 do not overflow");
    loss->value(NULL, 1, 2, sure, &other, NULL, &value, df);
    /* log(1 + e^-40) = e^-40 to its last digit: naive summing gives 0 */
    ok(fabs(value / exp(-40) - 1) < 1e-14 && fabs(df[0] / -exp(-40) - 1) < 1e-14,
       "cross_entropy: keeps the digits of a loss near 0");
    loss->value(NULL, 1, 2, even, &label, &other, &value, df);
    loss->value(NULL, 1, 2, sure, &label, &other, &reached, NULL);
    ok(reached > value && df[0] == 0.5, "cross_entropy targeted: grows towards the target");
    test_gradient("cross_entropy: gradient", loss, NULL, false);
    test_gradient("cross_entropy targeted: gradient", loss, NULL, true);
}

static void test_public(const struct advntk_plugin *mse, const struct advntk_plugin *cross_entropy,
                        const struct advntk_plugin *norm)
{
    struct world_slot s, wrong;
    struct advntk_slot empty = {NULL, NULL, NULL};
    double f[4] = {0.25, 0.5, 1, 0}, value[2], df[4];
    const int32_t labels[2] = {1, 0};

    slot_init(&s, mse);
    slot_init(&wrong, norm);
    ok(advntk_loss_value(&s.slot, 2, 2, f, labels, value, df, &error) == ADVNTK_OK &&
           value[1] == 0 && df[0] == 0.25,
       "advntk_loss_value: through a slot");
    ok(advntk_loss_value(&empty, 2, 2, f, labels, value, df, &error) == ADVNTK_EINVALID,
       "advntk_loss_value: empty slot: %s", error.text);
    ok(advntk_loss_value(&wrong.slot, 2, 2, f, labels, value, df, &error) == ADVNTK_EINVALID,
       "advntk_loss_value: another kind: %s", error.text);
    f[2] = (double)NAN;
    ok(advntk_loss_value(&s.slot, 2, 2, f, labels, value, df, &error) == ADVNTK_ENUMERIC &&
           strstr(error.text, "row 1"),
       "advntk_loss_value: NaN: %s", error.text);
    slot_init(&s, cross_entropy);
    ok(advntk_loss_value(&s.slot, 2, 1, f, labels, value, df, &error) == ADVNTK_EUNSUPPORTED &&
           strstr(error.text, "use mse"),
       "advntk_loss_value: one class: %s", error.text);
}

/* Extremes, ties, and what the oracle does not have: targeted forms, smoothing, temperature. */
static void test_ratios(void)
{
    struct world_slot s;
    const struct advntk_loss_ops *loss;
    const double tied[4] = {1, 1, 1, 1}, three[3] = {3, 1, 2},
                 scaled[3] = {3e6 + 7, 1e6 + 7, 2e6 + 7};
    int32_t label = 0, other = 2;
    double value, same, df[4];

    slot_init(&s, test_plugin(PLUGINS "/loss/margin.so"));
    loss = s.slot.plugin->ops;
    loss->value(s.slot.config, 1, 3, three, &label, NULL, &value, df);
    ok(value == -1 && df[0] == -1 && df[1] == 0 && df[2] == 1, "margin: runner-up minus label");
    loss->value(s.slot.config, 1, 3, three, &label, &other, &value, NULL);
    ok(value == -1, "margin targeted: target minus the largest other");
    test_gradient("margin: gradient", loss, s.slot.config, false);
    test_gradient("margin targeted: gradient", loss, s.slot.config, true);

    slot_init(&s, test_plugin(PLUGINS "/loss/dlr.so"));
    loss = s.slot.plugin->ops;
    loss->value(s.slot.config, 1, 3, three, &label, NULL, &value, NULL);
    loss->value(s.slot.config, 1, 3, scaled, &label, NULL, &same, NULL);
    ok(value == -0.5 && fabs(same - value) < 1e-15, "dlr: free of shift and scale");
    loss->value(s.slot.config, 1, 4, tied, &label, NULL, &value, df);
    ok(value == 0 && df[0] == 0 && df[3] == 0, "dlr: equal outputs give 0");
    test_gradient("dlr: gradient", loss, s.slot.config, false);
    test_gradient("dlr targeted: gradient", loss, s.slot.config, true);
    ok(loss->min_classes == 3 && strstr(loss->too_few_classes, "margin"),
       "dlr: needs three classes");

    slot_init(&s, test_plugin(PLUGINS "/loss/dlr_targeted.so"));
    loss = s.slot.plugin->ops;
    loss->value(s.slot.config, 1, 4, tied, &label, &other, &value, df);
    ok(value == 0 && df[0] == 0, "dlr_targeted: equal outputs give 0");
    test_gradient("dlr_targeted: gradient", loss, s.slot.config, true);
    ok(loss->min_classes == 4 && loss->targeted && strstr(loss->too_few_classes, "margin"),
       "dlr_targeted: needs four classes and targets");
    ok(advntk_loss_value(&s.slot, 1, 4, tied, &label, &value, df, &error) == ADVNTK_EUNSUPPORTED,
       "dlr_targeted without targets: %s", error.text);
}

static void test_kl(void)
{
    struct world_slot s;
    const struct advntk_loss_ops *loss;
    const double even[4] = {2, 2, 2, 2}, sure[2] = {40, 0}, huge[2] = {1e4, -1e4};
    int32_t label = 0, wrong = 1;
    double value, df[4];

    slot_init(&s, test_plugin(PLUGINS "/loss/kl.so"));
    loss = s.slot.plugin->ops;
    loss->value(s.slot.config, 1, 2, sure, &label, NULL, &value, NULL);
    ok(fabs(value / exp(-40) - 1) < 1e-14, "kl: keeps the digits of a loss near 0");
    loss->value(s.slot.config, 1, 2, huge, &wrong, NULL, &value, NULL);
    ok(value == 2e4, "kl: outputs of 1e4 do not overflow");
    slot_set(&s, "smoothing", 0.4);
    loss->value(s.slot.config, 1, 4, even, &label, NULL, &value, df);
    /* q = (0.7, 0.1, 0.1, 0.1) against 1/4 */
    ok(fabs(value - (0.7 * log(2.8) + 0.3 * log(0.4))) < 1e-15 && fabs(df[0] + 0.45) < 1e-15,
       "kl: from the smoothed label");
    slot_set(&s, "temperature", 3);
    test_gradient("kl smoothed, temperature 3: gradient", loss, s.slot.config, false);
    test_gradient("kl targeted: gradient", loss, s.slot.config, true);
}

int main(void)
{
    const struct advntk_plugin *mse = test_plugin(PLUGINS "/loss/mse.so"),
                               *ce = test_plugin(PLUGINS "/loss/cross_entropy.so");
    test_mse(mse);
    test_cross_entropy(ce);
    test_ratios();
    test_kl();
    test_public(mse, ce, test_plugin(PLUGINS "/norm/l2.so"));
    return done_testing();
}
