/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A method for the tests of the recipe language: a row of every parameter type, and no fitting. */
#include "config.h"

#include <advntk/plugin.h>
#include <math.h>

struct fit_config {
    int64_t steps, burn, batch, cache;
    double rate, late;
    bool shuffle;
    int weights;
    const char *note, *file;
    struct advntk_slot loss, attack;
    struct advntk_list stops, rates, flags, words, modes, activations;
    struct advntk_pair window, late_pair;
    struct advntk_list late_list, late_slots;
    struct advntk_slot late_slot;
    const struct advntk_node *layers;
};

static const char *const weights[] = {"per_sample", "per_class", NULL};
#define FIT struct fit_config

static const struct advntk_param fit_params[] = {
    ADVNTK_INT(FIT, steps, 50, 0, 100000, .help = "steps"),
    ADVNTK_INT(FIT, burn, 0, 0, 100000, .help = "steps before the first average"),
    ADVNTK_INT(FIT, batch, 128, 1, 4096, .flags = ADVNTK_P_REQUIRED, .unit = "images",
               .help = "images a step"),
    ADVNTK_INT(FIT, cache, 0, 0, INT64_MAX, .flags = ADVNTK_P_NO_IDENTITY, .help = "bytes"),
    ADVNTK_REAL(FIT, rate, 0.1, 0, 1, .flags = ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN,
                .unit = "per step", .help = "rate"),
    ADVNTK_REAL(FIT, late, 0.5, 0, INFINITY, .since = "9.0.0", .help = "came later"),
    ADVNTK_BOOL(FIT, shuffle, true, .help = "shuffles"),
    ADVNTK_CHOICE(FIT, weights, "per_sample", weights, .help = "weights"),
    ADVNTK_STRING(FIT, note, NULL, .help = "a remark"),
    ADVNTK_PATH(FIT, file, NULL, .help = "a file"),
    ADVNTK_SLOT(FIT, loss, LOSS, "mse", .help = "loss"),
    ADVNTK_SLOT(FIT, attack, ATTACK, NULL, .help = "attack inside training"),
    ADVNTK_INT_LIST(FIT, stops, "[10, 20]", 0, 100, .help = "steps to stop at"),
    ADVNTK_LIST(FIT, rates, REAL, "[]", 0, 1, .help = "rates"),
    ADVNTK_LIST(FIT, flags, BOOL, NULL, 0, 0, .help = "flags"),
    ADVNTK_LIST(FIT, words, STRING, "[a, 'b c']", 0, 0, .help = "words"),
    ADVNTK_LIST(FIT, modes, CHOICE, NULL, 0, 0, .choices = weights, .help = "modes"),
    ADVNTK_SLOT_LIST(FIT, activations, ACTIVATION, "[relu, {plugin: erf, a: 2}]", .help = "some"),
    ADVNTK_PAIR(FIT, window, 2, 0, 9, .help = "window"),
    ADVNTK_NODE(FIT, layers, .help = "a tree"),
    ADVNTK_LIST(FIT, late_list, REAL, "[1, 2.5]", 0, 9, .since = "9.0.0", .help = "came later"),
    ADVNTK_PAIR(FIT, late_pair, 3, 0, 9, .since = "9.0.0", .help = "came later"),
    ADVNTK_SLOT(FIT, late_slot, ACTIVATION, "{plugin: erf, a: 2}", .since = "9.0.0",
                .help = "came later"),
    ADVNTK_SLOT_LIST(FIT, late_slots, ACTIVATION,
                     "[{plugin: leaky_relu, negative_slope: 0.3}, relu]", .since = "9.0.0",
                     .help = "came later"),
    ADVNTK_PARAM_END};

static advntk_status fit_check(const void *config, struct advntk_error *err)
{
    const FIT *c = config;
    if (c->burn > c->steps) {
        return ADVNTK_FAIL(err, EINVALID, "burn %lld is larger than steps %lld", (long long)c->burn,
                           (long long)c->steps);
    }
    return ADVNTK_OK;
}

static advntk_status fit_open(const void *config, struct advntk_host *host, void **state,
                              struct advntk_error *err)
{
    (void)config;
    (void)host;
    (void)state;
    return ADVNTK_FAIL(err, EUNSUPPORTED, "fit is for tests of recipes");
}

static advntk_status fit_step(void *state, ptrdiff_t step, bool *finished, struct advntk_error *err)
{
    (void)state;
    (void)step;
    *finished = true;
    return ADVNTK_FAIL(err, EUNSUPPORTED, "fit is for tests of recipes");
}

static advntk_status fit_model(void *state, void **model, const struct advntk_model_ops **ops,
                               struct advntk_error *err)
{
    (void)state;
    (void)model;
    (void)ops;
    return ADVNTK_FAIL(err, EUNSUPPORTED, "fit is for tests of recipes");
}

static advntk_status fit_save(const void *state, struct advntk_writer *w, struct advntk_error *err)
{
    (void)state;
    (void)w;
    return ADVNTK_FAIL(err, EUNSUPPORTED, "fit is for tests of recipes");
}

static advntk_status fit_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    (void)state;
    (void)r;
    return ADVNTK_FAIL(err, EUNSUPPORTED, "fit is for tests of recipes");
}

static void fit_close(void *state)
{
    (void)state;
}

static const struct advntk_method_ops fit_ops = {
    .needs_kernel = true,
    .needs_validation = true,
    .open = fit_open,
    .step = fit_step,
    .model = fit_model,
    .save = fit_save,
    .load = fit_load,
    .close = fit_close,
};

ADVNTK_PLUGIN(METHOD, fit_ops, .name = "fit", .version = "2.1.0", .licence = "GPL-3.0-or-later",
              .summary = "a row of every type, for tests", .params = fit_params,
              .config_bytes = sizeof(struct fit_config), .check = fit_check);
