/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A small valid attack. Each file of this folder spoils one thing of it and is called after the
 * fault; the make rule sets BROKEN_NAME to the name of the file.
 */
#ifndef TESTS_BROKEN_H
#define TESTS_BROKEN_H

#include <advntk/plugin.h>
#include <math.h>

struct small_config {
    int64_t steps;
    double rate;
    int mode;
    struct advntk_slot norm_used;
};

static const char *const small_modes[] = {"fast", "slow", NULL};

/* steps, rate, mode, slot, and the end */
enum { STEPS, RATE, MODE, SLOT, END, ROWS };
static struct advntk_param small_rows[ROWS] = {
    ADVNTK_INT(struct small_config, steps, 10, 0, 100, .help = "steps"),
    ADVNTK_REAL(struct small_config, rate, 0.5, 0, 1, .help = "length of a step"),
    ADVNTK_CHOICE(struct small_config, mode, "fast", small_modes, .help = "how"),
    ADVNTK_SLOT(struct small_config, norm_used, NORM, "linf", .help = "norm"), ADVNTK_PARAM_END};

static advntk_status small_open(const void *config, struct advntk_host *host,
                                const struct advntk_attack_view *view, void **state,
                                struct advntk_error *err)
{
    (void)config, (void)host, (void)view, (void)err;
    *state = NULL;
    return ADVNTK_OK;
}

static advntk_status small_step(void *state, const struct advntk_attack_view *view,
                                const struct advntk_attack_seen *seen,
                                struct advntk_attack_ask *ask, struct advntk_error *err)
{
    (void)state, (void)seen, (void)err;
    for (ptrdiff_t i = 0; i < view->n; i++) {
        ask->done[i] = true;
    }
    return ADVNTK_OK;
}

static void small_close(void *state)
{
    (void)state;
}

static struct advntk_attack_ops small_ops = {
    .goal = ADVNTK_GOAL_RADIUS, .open = small_open, .step = small_step, .close = small_close};

static struct advntk_plugin small = {.abi = {ADVNTK_ABI_MAGIC,
                                             sizeof(struct advntk_plugin),
                                             ADVNTK_ABI_MAJOR,
                                             ADVNTK_ABI_MINOR,
                                             ADVNTK_BLASINT_BYTES,
                                             sizeof(struct advntk_param),
                                             {0, 0}},
                                     .kind = ADVNTK_KIND_ATTACK,
                                     .ops_bytes = sizeof(struct advntk_attack_ops),
                                     .name = BROKEN_NAME,
                                     .version = "1.0.0",
                                     .licence = "GPL-3.0-or-later",
                                     .summary = "leaves the images as they are",
                                     .params = small_rows,
                                     .config_bytes = sizeof(struct small_config),
                                     .ops = &small_ops};

/* SPOIL(plugin->abi.magic = 1;) is a whole plugin. */
#define SPOIL(...)                                                                                 \
    const struct advntk_plugin *advntk_plugin_entry(void)                                          \
    {                                                                                              \
        struct advntk_plugin *plugin = &small;                                                     \
        struct advntk_attack_ops *ops = &small_ops;                                                \
        struct advntk_param *rows = small_rows;                                                    \
        (void)ops, (void)rows;                                                                     \
        __VA_ARGS__                                                                                \
        return plugin;                                                                             \
    }

#endif
