/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Parameter tables: each parameter of a plugin is declared once, as a row that ties a YAML key to a
 * member of the plugin's config struct. The host reads the table to validate recipes, fill the
 * struct, print help, write the reference and compute the identity of a run.
 *
 *     struct pgd_config { int64_t steps; double step; };
 *     static const struct advntk_param pgd_params[] = {
 *         ADVNTK_INT(struct pgd_config, steps, 10, 0, 100000, .help = "gradient steps"),
 *         ADVNTK_REAL(struct pgd_config, step, 0.0, 0, INFINITY, .unit = "as radius",
 *                     .symbol = "alpha", .help = "length of a step; 0: radius / 4"),
 *         ADVNTK_PARAM_END
 *     };
 *
 * A row whose member has another C type than the parameter does not compile.
 */
#ifndef ADVNTK_PARAM_H
#define ADVNTK_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#include <type_traits>
extern "C" {
#endif

struct advntk_node;
struct advntk_plugin;

/* The C type of the member that each parameter type fills stands behind it. */
enum advntk_param_type {
    ADVNTK_PARAM_TYPE_END = 0,
    ADVNTK_PARAM_BOOL = 1,   /* bool */
    ADVNTK_PARAM_INT = 2,    /* int64_t */
    ADVNTK_PARAM_REAL = 3,   /* double */
    ADVNTK_PARAM_STRING = 4, /* const char *; NULL where absent and without default */
    ADVNTK_PARAM_PATH = 5,   /* const char *; ${NAME} is expanded; relative to the recipe's folder */
    ADVNTK_PARAM_CHOICE = 6, /* int: index into `choices` */
    ADVNTK_PARAM_SLOT = 7,   /* struct advntk_slot: another plugin with its own parameters */
    ADVNTK_PARAM_LIST = 8,   /* struct advntk_list of `element` */
    ADVNTK_PARAM_PAIR = 9,   /* struct advntk_pair: a number (both alike) or [first, second] */
    ADVNTK_PARAM_NODE = 10   /* const struct advntk_node *: the YAML tree as written; NULL: absent */
};

/* A configured plugin. plugin == NULL: the slot is empty (only where its default is). Owned by the
 * host; lives as long as the config that it stands in. */
struct advntk_slot {
    const struct advntk_plugin *plugin;
    const void *config;        /* the plugin's own config struct */
    const void *host_config;   /* kind attack: struct advntk_attack_settings; else NULL */
};

/* items: const int64_t[], double[], bool[], const char *const[], int[] (choices) or
 * struct advntk_slot[], by the row's `element`. Never NULL when count > 0. */
struct advntk_list {
    ptrdiff_t count;
    const void *items;
};

struct advntk_pair {
    double first, second;
};

enum {
    ADVNTK_P_REQUIRED = 1u << 0, /* has no default: must be given */
    ADVNTK_P_MIN_OPEN = 1u << 1, /* the value must be greater than min, not equal */
    ADVNTK_P_MAX_OPEN = 1u << 2, /* the value must be less than max, not equal */
    ADVNTK_P_NO_IDENTITY = 1u << 3 /* does not change results (a cache size): not part of run ids */
};

union advntk_param_value {
    bool b;
    int64_t i;
    double r;
    const char *s; /* STRING, PATH, CHOICE: the text; SLOT, LIST, NODE: YAML ("relu", "[1, 2]") */
};

union advntk_param_bound {
    int64_t i;
    double r;
};

struct advntk_param {
    const char *name;            /* YAML key; equals the member name */
    enum advntk_param_type type;
    unsigned flags;              /* ADVNTK_P_... */
    size_t offset;               /* of the member in the config struct */
    union advntk_param_value def;
    union advntk_param_bound min, max; /* INT, REAL, PAIR, and LIST of those (each element) */
    const char *const *choices;  /* CHOICE: NULL-terminated */
    uint32_t slot_kind;          /* SLOT and LIST of SLOT: enum advntk_kind */
    enum advntk_param_type element; /* LIST: type of its items */
    const char *unit, *symbol;   /* "pixel in [0,1]"; the paper's letter; may be NULL */
    const char *help;            /* one sentence, required */
    const char *source, *since;  /* literature, first version that had it; may be NULL */
};

/* clang-format off */
#ifdef __cplusplus
}
#define ADVNTK_OFFSET(cfg, member, ctype) \
    (offsetof(cfg, member) + 0 * sizeof(char[std::is_same<decltype(cfg::member), ctype>::value ? 1 : -1]))
extern "C" {
#else
#define ADVNTK_OFFSET(cfg, member, ctype) \
    (offsetof(cfg, member) + 0 * sizeof(struct { int ok; _Static_assert( \
        _Generic(((cfg *)0)->member, ctype: 1, default: 0), \
        "parameter '" #member "' is not a " #ctype); }))
#endif

#define ADVNTK_BOOL(cfg, member, def_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_BOOL, .offset = ADVNTK_OFFSET(cfg, member, bool), \
      .def = { .b = (def_) }, __VA_ARGS__ }
#define ADVNTK_INT(cfg, member, def_, min_, max_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_INT, .offset = ADVNTK_OFFSET(cfg, member, int64_t), \
      .def = { .i = (def_) }, .min = { .i = (min_) }, .max = { .i = (max_) }, __VA_ARGS__ }
#define ADVNTK_REAL(cfg, member, def_, min_, max_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_REAL, .offset = ADVNTK_OFFSET(cfg, member, double), \
      .def = { .r = (double)(def_) }, .min = { .r = (double)(min_) }, .max = { .r = (double)(max_) }, __VA_ARGS__ }
#define ADVNTK_STRING(cfg, member, def_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_STRING, \
      .offset = ADVNTK_OFFSET(cfg, member, const char *), .def = { .s = (def_) }, __VA_ARGS__ }
#define ADVNTK_PATH(cfg, member, def_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_PATH, \
      .offset = ADVNTK_OFFSET(cfg, member, const char *), .def = { .s = (def_) }, __VA_ARGS__ }
#define ADVNTK_CHOICE(cfg, member, def_, choices_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_CHOICE, .offset = ADVNTK_OFFSET(cfg, member, int), \
      .def = { .s = (def_) }, .choices = (choices_), __VA_ARGS__ }
#define ADVNTK_SLOT(cfg, member, kind_, def_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_SLOT, \
      .offset = ADVNTK_OFFSET(cfg, member, struct advntk_slot), .def = { .s = (def_) }, \
      .slot_kind = ADVNTK_KIND_##kind_, __VA_ARGS__ }
#define ADVNTK_LIST(cfg, member, element_, def_, min_, max_, ...) /* REAL elements; INT_LIST below */ \
    { .name = #member, .type = ADVNTK_PARAM_LIST, \
      .offset = ADVNTK_OFFSET(cfg, member, struct advntk_list), .def = { .s = (def_) }, \
      .min = { .r = (double)(min_) }, .max = { .r = (double)(max_) }, .element = ADVNTK_PARAM_##element_, __VA_ARGS__ }
#define ADVNTK_INT_LIST(cfg, member, def_, min_, max_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_LIST, \
      .offset = ADVNTK_OFFSET(cfg, member, struct advntk_list), .def = { .s = (def_) }, \
      .min = { .i = (min_) }, .max = { .i = (max_) }, .element = ADVNTK_PARAM_INT, __VA_ARGS__ }
#define ADVNTK_SLOT_LIST(cfg, member, kind_, def_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_LIST, \
      .offset = ADVNTK_OFFSET(cfg, member, struct advntk_list), .def = { .s = (def_) }, \
      .slot_kind = ADVNTK_KIND_##kind_, .element = ADVNTK_PARAM_SLOT, __VA_ARGS__ }
#define ADVNTK_PAIR(cfg, member, def_, min_, max_, ...) \
    { .name = #member, .type = ADVNTK_PARAM_PAIR, \
      .offset = ADVNTK_OFFSET(cfg, member, struct advntk_pair), .def = { .r = (double)(def_) }, \
      .min = { .r = (double)(min_) }, .max = { .r = (double)(max_) }, __VA_ARGS__ }
#define ADVNTK_NODE(cfg, member, ...) \
    { .name = #member, .type = ADVNTK_PARAM_NODE, \
      .offset = ADVNTK_OFFSET(cfg, member, const struct advntk_node *), __VA_ARGS__ }
#define ADVNTK_PARAM_END { .name = NULL, .type = ADVNTK_PARAM_TYPE_END }
/* clang-format on */

#ifdef __cplusplus
}
#endif
#endif
