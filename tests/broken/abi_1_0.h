/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The structs that a plugin of ABI 1.0 was compiled with, copied when they were frozen. This file
 * never changes: it stands for plugins out in the world that nobody rebuilds.
 */
#ifndef TESTS_BROKEN_ABI_1_0_H
#define TESTS_BROKEN_ABI_1_0_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct v1_abi {
    uint32_t magic, size;
    uint16_t major, minor;
    uint8_t blasint_bytes, param_bytes, reserved[2];
};

struct v1_param {
    const char *name;
    int type;
    unsigned flags;
    size_t offset;
    union {
        bool b;
        int64_t i;
        double r;
        const char *s;
    } def;
    union {
        int64_t i;
        double r;
    } min, max;
    const char *const *choices;
    uint32_t slot_kind;
    int element;
    const char *unit, *symbol;
    const char *help;
    const char *source, *since;
};

struct v1_plugin {
    struct v1_abi abi;
    uint32_t kind, ops_bytes;
    const char *name, *version, *licence, *summary, *doc, *source;
    const struct v1_param *params;
    size_t config_bytes;
    const void *ops;
    int (*check)(const void *config, void *err);
    const void *(*extension)(const char *id);
};

/* of kind 6, attack */
struct v1_attack_ops {
    int goal;
    unsigned needs;
    ptrdiff_t min_classes;
    void (*preset)(const void *config, void *settings);
    const char *(*unsupported)(const void *config, const char *norm, ptrdiff_t classes);
    int (*open)(const void *config, void *host, const void *view, void **state, void *err);
    int (*step)(void *state, const void *view, const void *seen, void *ask, void *err);
    int (*save)(const void *state, void *writer, void *err);
    int (*load)(void *state, void *reader, void *err);
    void (*close)(void *state);
    int (*stages)(const void *config, ptrdiff_t classes, const char *norm, ptrdiff_t index,
                  const void **child, void *err);
};

static int v1_open(const void *config, void *host, const void *view, void **state, void *err)
{
    (void)config, (void)host, (void)view, (void)err;
    *state = NULL;
    return 0;
}

static int v1_step(void *state, const void *view, const void *seen, void *ask, void *err)
{
    (void)state, (void)view, (void)seen, (void)ask, (void)err;
    return 0;
}

static void v1_close(void *state)
{
    (void)state;
}

__attribute__((visibility("default"))) const struct v1_plugin *advntk_plugin_entry(void);

#endif
