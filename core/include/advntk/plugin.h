/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a plugin is. Include this one header; it brings in all others.
 *
 * A plugin is a shared object with one exported function, advntk_plugin_entry(), made by
 * ADVNTK_PLUGIN. Its file is called NAME.so and lies in a folder called KIND (or directly in a
 * folder of the plugin path). Loading runs no code of the plugin but the entry function, which
 * returns a static descriptor; plugins stay loaded until the program ends, so strings in the
 * descriptor and in config structs may be kept.
 */
#ifndef ADVNTK_PLUGIN_H
#define ADVNTK_PLUGIN_H

#include <advntk/activation.h>
#include <advntk/architecture.h>
#include <advntk/attack.h>
#include <advntk/backend.h>
#include <advntk/dataset.h>
#include <advntk/host.h>
#include <advntk/isa.h>
#include <advntk/kernel.h>
#include <advntk/linear.h>
#include <advntk/loss.h>
#include <advntk/method.h>
#include <advntk/model.h>
#include <advntk/node.h>
#include <advntk/norm.h>
#include <advntk/npy.h>
#include <advntk/optimizer.h>
#include <advntk/param.h>
#include <advntk/random.h>
#include <advntk/state.h>
#include <advntk/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* name, number (never reused), the ops struct of the kind. "layer" (number 11) is reserved. */
#define ADVNTK_KINDS(X)                                             \
    X(DATASET, 1, "dataset", struct advntk_dataset_ops)             \
    X(ARCHITECTURE, 2, "architecture", struct advntk_architecture_ops) \
    X(ACTIVATION, 3, "activation", struct advntk_activation_ops)    \
    X(KERNEL, 4, "kernel", struct advntk_kernel_ops)                \
    X(NORM, 5, "norm", struct advntk_norm_ops)                      \
    X(ATTACK, 6, "attack", struct advntk_attack_ops)                \
    X(LOSS, 7, "loss", struct advntk_loss_ops)                      \
    X(METHOD, 8, "method", struct advntk_method_ops)                \
    X(OPTIMIZER, 9, "optimizer", struct advntk_optimizer_ops)       \
    X(BACKEND, 10, "backend", struct advntk_backend_ops)

enum advntk_kind {
#define ADVNTK_KIND_ENUM(id, number, name, ops) ADVNTK_KIND_##id = (number),
    ADVNTK_KINDS(ADVNTK_KIND_ENUM)
#undef ADVNTK_KIND_ENUM
};

#define ADVNTK_ABI_MAGIC 0x4B544E41u /* "ANTK", little-endian */
#define ADVNTK_ABI_MAJOR 1           /* grows when old plugins no longer work */
#define ADVNTK_ABI_MINOR 1           /* grows when fields or operations are appended */
#define ADVNTK_BLASINT_BYTES 4       /* width of the integers that BLAS takes */

/* 16 bytes, frozen for ever; the host compares it field by field before it reads anything else. */
struct advntk_abi {
    uint32_t magic, size;          /* size: sizeof(struct advntk_plugin) as the plugin saw it */
    uint16_t major, minor;
    uint8_t blasint_bytes, param_bytes, reserved[2]; /* param_bytes: sizeof(struct advntk_param) */
};

/*
 * The descriptor. Static; all pointers stay valid for ever. The host copies min(size, its own size)
 * bytes into a zeroed struct, and likewise the ops (ops_bytes), so that a plugin built against older
 * headers has NULL in what was appended since.
 */
struct advntk_plugin {
    struct advntk_abi abi;         /* first member, never moves */
    uint32_t kind, ops_bytes;      /* enum advntk_kind; sizeof(ops table) as the plugin saw it */
    const char *name;              /* lower case, digits, '_', '-'; equals the file's base name */
    const char *version;           /* "1.0.0"; the number before the first dot is in run ids */
    const char *licence;           /* SPDX identifier */
    const char *summary;           /* one line */
    const char *doc;               /* some sentences: what it does, when to use it; may be NULL */
    const char *source;            /* literature; may be NULL */
    const struct advntk_param *params; /* stride abi.param_bytes, ends with ADVNTK_PARAM_END; NULL: none */
    size_t config_bytes;           /* size of the config struct; 0 without params */
    const void *ops;               /* struct advntk_<kind>_ops */
    advntk_status (*check)(const void *config, struct advntk_error *err); /* rules between parameters, at validation; may be NULL */
    const void *(*extension)(const char *id); /* rare abilities by name; NULL result: unknown; may be NULL */
};

#if defined(__GNUC__)
#define ADVNTK_EXPORT __attribute__((visibility("default")))
#else
#define ADVNTK_EXPORT
#endif

/* The only symbol that a plugin exports. */
ADVNTK_EXPORT const struct advntk_plugin *advntk_plugin_entry(void);

#ifndef __cplusplus
/* the ops struct that belongs to a kind, so that a wrong table does not compile */
#define ADVNTK_OPS_TYPE(id, number, name, ops) struct advntk__ops_check_##id { ops table; };
ADVNTK_KINDS(ADVNTK_OPS_TYPE)
#undef ADVNTK_OPS_TYPE

/*
 * ADVNTK_PLUGIN(ATTACK, pgd_ops, .name = "pgd", .version = "1.0.0", .licence = "GPL-3.0-or-later",
 *               .summary = "...", .params = pgd_params, .config_bytes = sizeof(struct pgd_config));
 */
#define ADVNTK_PLUGIN(KIND, ops_table, ...)                                                       \
    const struct advntk_plugin *advntk_plugin_entry(void)                                         \
    {                                                                                             \
        _Static_assert(_Generic(&(ops_table),                                                     \
                           __typeof__(((struct advntk__ops_check_##KIND *)0)->table) *: 1,         \
                           const __typeof__(((struct advntk__ops_check_##KIND *)0)->table) *: 1,   \
                           default: 0),                                                           \
                       "the ops table is not that of kind " #KIND);                               \
        static const struct advntk_plugin plugin = {                                              \
            .abi = {ADVNTK_ABI_MAGIC, sizeof(struct advntk_plugin), ADVNTK_ABI_MAJOR,             \
                    ADVNTK_ABI_MINOR, ADVNTK_BLASINT_BYTES, sizeof(struct advntk_param), {0, 0}}, \
            .kind = ADVNTK_KIND_##KIND,                                                           \
            .ops_bytes = sizeof(ops_table),                                                       \
            .ops = &(ops_table),                                                                  \
            __VA_ARGS__};                                                                         \
        return &plugin;                                                                           \
    }                                                                                             \
    _Static_assert(sizeof(struct advntk_abi) == 16, "the ABI block is 16 bytes")
#endif

#ifdef __cplusplus
}
#endif
#endif
