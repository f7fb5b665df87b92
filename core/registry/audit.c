/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The audits of a descriptor, of an operations table and of a parameter table. A fault here is the
 * plugin's own; each message names the field or the row, what it is and what it should be.
 */
#include "config.h"

#include "base/text.h"
#include "base/try.h"
#include "registry/internal.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- descriptor ---- */

static bool is_plugin_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return length > 0 && length <= 63 && name[length] == '\0' && name[0] != '-';
}

/* "1.0.0", "1.2.3-beta.1" */
static bool is_version(const char *version)
{
    for (int part = 0; part < 3; part++) {
        size_t digits = strspn(version, "0123456789");
        if (digits == 0 || digits > 9 || (part < 2 && version[digits] != '.')) {
            return false;
        }
        version += digits + (part < 2);
    }
    return *version == '\0' ||
           ((*version == '-' || *version == '+') && version[1] != '\0' &&
            version[1 + strspn(version + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789.-+")] == '\0');
}

/* jansson takes UTF-8 alone. */
static bool is_utf8(const char *text)
{
    json_t *value = json_string(text);
    bool valid = value != NULL;
    json_decref(value);
    return valid;
}

/* Required texts are there and not empty; any text is one, and of one line unless it is prose. */
static advntk_status check_text(const char *field, const char *text, bool required, bool prose,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (!text && !required) {
        goto out;
    }
    if (!text) {
        FAIL(err, EABI, "%s: is NULL, expected a text", field);
    }
    if (!advntk__mapped_text(text)) {
        FAIL(err, EABI, "%s: is not a static text", field);
    }
    if (!is_utf8(text)) {
        FAIL(err, EABI, "%s: is not UTF-8", field);
    }
    if (required && !*text) {
        FAIL(err, EABI, "%s: is empty, expected a text", field);
    }
    if (!prose && strchr(text, '\n')) {
        FAIL(err, EABI, "%s: has several lines, expected one", field);
    }
out:
    return rc;
}

advntk_status advntk__audit_descriptor(const struct advntk_plugin *plugin, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (!advntk__kind_name(plugin->kind)) {
        FAIL(err, EABI, "kind: is %u, expected one of enum advntk_kind", (unsigned)plugin->kind);
    }
    TRY(check_text("name", plugin->name, true, false, err));
    if (!is_plugin_name(plugin->name)) {
        FAIL(err, EABI,
             "name: is '%.80s', expected at most 63 of lower-case letters, digits, '_' and '-'",
             plugin->name);
    }
    TRY(check_text("version", plugin->version, true, false, err));
    if (!is_version(plugin->version)) {
        FAIL(err, EABI, "version: is '%.80s', expected three numbers like 1.0.0", plugin->version);
    }
    TRY(check_text("licence", plugin->licence, true, false, err));
    TRY(check_text("summary", plugin->summary, true, false, err));
    TRY(check_text("doc", plugin->doc, false, true, err));
    TRY(check_text("source", plugin->source, false, true, err));
out:
    return rc;
}

/* ---- operations ---- */

/* Functions that a plugin of a kind must have, and groups of which it has all or none. */
struct operation {
    uint32_t kind;
    int group; /* 0: required; else all or none of the kind's operations with this number */
    size_t offset;
    const char *name;
};

#define OPERATION(KIND, kind, group, member)                                                       \
    {                                                                                              \
        ADVNTK_KIND_##KIND, (group), offsetof(struct advntk_##kind##_ops, member), #member         \
    }

/* clang-format off */
static const struct operation operations[] = {
    OPERATION(DATASET, dataset, 0, open), OPERATION(DATASET, dataset, 0, read),
    OPERATION(DATASET, dataset, 0, digest), OPERATION(DATASET, dataset, 0, close),
    OPERATION(ARCHITECTURE, architecture, 0, build),
    OPERATION(ACTIVATION, activation, 0, phi),
    OPERATION(KERNEL, kernel, 0, open), OPERATION(KERNEL, kernel, 0, close),
    OPERATION(KERNEL, kernel, 0, points_new), OPERATION(KERNEL, kernel, 0, points_put),
    OPERATION(KERNEL, kernel, 0, points_free), OPERATION(KERNEL, kernel, 0, diagonal),
    OPERATION(KERNEL, kernel, 0, tile), OPERATION(KERNEL, kernel, 0, panel),
    OPERATION(KERNEL, kernel, 0, panel_vjp), OPERATION(KERNEL, kernel, 0, tape_free),
    OPERATION(KERNEL, kernel, 1, kinship), OPERATION(KERNEL, kernel, 1, diagonals),
    OPERATION(KERNEL, kernel, 1, tiles),
    OPERATION(NORM, norm, 0, unit), OPERATION(NORM, norm, 0, distance),
    OPERATION(ATTACK, attack, 1, open), OPERATION(ATTACK, attack, 1, step),
    OPERATION(ATTACK, attack, 1, close),
    OPERATION(ATTACK, attack, 2, save), OPERATION(ATTACK, attack, 2, load),
    OPERATION(LOSS, loss, 0, value),
    OPERATION(METHOD, method, 0, open), OPERATION(METHOD, method, 0, step),
    OPERATION(METHOD, method, 0, model), OPERATION(METHOD, method, 0, save),
    OPERATION(METHOD, method, 0, load), OPERATION(METHOD, method, 0, close),
    OPERATION(METHOD, method, 1, export_model), OPERATION(METHOD, method, 1, import_model),
    OPERATION(METHOD, method, 1, model_free),
    OPERATION(OPTIMIZER, optimizer, 0, open), OPERATION(OPTIMIZER, optimizer, 0, step),
    OPERATION(OPTIMIZER, optimizer, 0, save), OPERATION(OPTIMIZER, optimizer, 0, load),
    OPERATION(OPTIMIZER, optimizer, 0, close),
    OPERATION(BACKEND, backend, 0, open), OPERATION(BACKEND, backend, 0, close),
    OPERATION(BACKEND, backend, 0, describe), OPERATION(BACKEND, backend, 0, gemm32),
    OPERATION(BACKEND, backend, 0, gemm64), OPERATION(BACKEND, backend, 0, syrk32),
    OPERATION(BACKEND, backend, 0, syrk64), OPERATION(BACKEND, backend, 0, trsm64),
    OPERATION(BACKEND, backend, 0, potrf64), OPERATION(BACKEND, backend, 0, qr64),
    OPERATION(BACKEND, backend, 0, syev64),
};
/* clang-format on */

enum { OPERATION_COUNT = sizeof(operations) / sizeof(operations[0]) };

static bool has_operation(const void *ops, const struct operation *o)
{
    static const unsigned char none[sizeof(void *)];
    return memcmp((const unsigned char *)ops + o->offset, none, sizeof(none)) != 0;
}

static advntk_status check_operations(uint32_t kind, const void *ops, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (int i = 0; i < OPERATION_COUNT; i++) {
        const struct operation *o = &operations[i];
        if (o->kind != kind || has_operation(ops, o)) {
            continue;
        }
        if (o->group == 0) {
            FAIL(err, EABI, "ops.%s: is NULL, a plugin of kind %s must have it", o->name,
                 advntk__kind_name(kind));
        }
        for (int j = 0; j < OPERATION_COUNT; j++) {
            const struct operation *other = &operations[j];
            if (other->kind == kind && other->group == o->group && has_operation(ops, other)) {
                FAIL(err, EABI, "ops.%s: is NULL, expected because ops.%s is there", o->name,
                     other->name);
            }
        }
    }
out:
    return rc;
}

static advntk_status check_attack(const struct advntk_attack_ops *ops, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (ops->goal != ADVNTK_GOAL_RADIUS && ops->goal != ADVNTK_GOAL_MIN_NORM &&
        ops->goal != ADVNTK_GOAL_NONE) {
        FAIL(err, EABI, "ops.goal: is %d, expected one of enum advntk_attack_goal", (int)ops->goal);
    }
    if (ops->stages && ops->step) {
        FAIL(err, EABI, "ops.stages: is there beside ops.step; a composite has stages alone");
    }
    if (!ops->stages && !ops->step && ops->goal != ADVNTK_GOAL_NONE) {
        FAIL(err, EABI, "ops.step: is NULL, an attack must have open, step and close, or stages");
    }
    if (ops->min_classes < 0) {
        FAIL(err, EABI, "ops.min_classes: is %td, expected at least 0", ops->min_classes);
    }
out:
    return rc;
}

static advntk_status check_activation(const struct advntk_activation_ops *ops,
                                      struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    bool any32 = false, any64 = false;

    for (int i = 0; i < ADVNTK_ISA_COUNT; i++) {
        any32 = any32 || ops->dual32[i];
        any64 = any64 || ops->dual64[i];
    }
    if ((any32 && !ops->dual32[ADVNTK_ISA_PORTABLE]) ||
        (any64 && !ops->dual64[ADVNTK_ISA_PORTABLE])) {
        FAIL(err, EABI, "ops.%s: has no portable variant; use ADVNTK_ISA_TABLE",
             any32 && !ops->dual32[ADVNTK_ISA_PORTABLE] ? "dual32" : "dual64");
    }
    if (any32 && !any64) {
        FAIL(err, EABI, "ops.dual64: is NULL, expected because ops.dual32 is there");
    }
    if (!(ops->variance_min >= 0 && ops->variance_max > ops->variance_min)) {
        FAIL(err, EABI,
             "ops.variance_max: the range is %g to %g, expected 0 <= variance_min < variance_max "
             "(INFINITY: everywhere)",
             ops->variance_min, ops->variance_max);
    }
    if (ops->kink_count < 0 ||
        (ops->kink_count > 0 &&
         !advntk__mapped(ops->kinks, (size_t)ops->kink_count * sizeof(*ops->kinks)))) {
        FAIL(err, EABI, "ops.kinks: is not static memory of kink_count = %td numbers",
             ops->kink_count);
    }
out:
    return rc;
}

static advntk_status check_norm(const struct advntk_norm_ops *ops, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(check_text("ops.unit", ops->unit, true, false, err));
    if (!(ops->radius_max > 0)) {
        FAIL(err, EABI, "ops.radius_max: is %g, expected a positive number (INFINITY: none)",
             ops->radius_max);
    }
out:
    return rc;
}

static advntk_status check_loss(const struct advntk_loss_ops *ops, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (ops->min_classes < 0) {
        FAIL(err, EABI, "ops.min_classes: is %td, expected at least 0", ops->min_classes);
    }
    TRY(check_text("ops.too_few_classes", ops->too_few_classes, false, false, err));
out:
    return rc;
}

advntk_status advntk__audit_ops(uint32_t kind, const void *ops, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(check_operations(kind, ops, err));
    switch (kind) {
    case ADVNTK_KIND_ATTACK:
        return check_attack(ops, err);
    case ADVNTK_KIND_ACTIVATION:
        return check_activation(ops, err);
    case ADVNTK_KIND_NORM:
        return check_norm(ops, err);
    case ADVNTK_KIND_LOSS:
        return check_loss(ops, err);
    default:
        break;
    }
out:
    return rc;
}

/* ---- one row of the parameter table ---- */

static const struct {
    const char *name;
    size_t bytes;
} types[] = {
    [ADVNTK_PARAM_TYPE_END] = {NULL, 0},
    [ADVNTK_PARAM_BOOL] = {"bool", sizeof(bool)},
    [ADVNTK_PARAM_INT] = {"int", sizeof(int64_t)},
    [ADVNTK_PARAM_REAL] = {"real", sizeof(double)},
    [ADVNTK_PARAM_STRING] = {"string", sizeof(char *)},
    [ADVNTK_PARAM_PATH] = {"path", sizeof(char *)},
    [ADVNTK_PARAM_CHOICE] = {"choice", sizeof(int)},
    [ADVNTK_PARAM_SLOT] = {"slot", sizeof(struct advntk_slot)},
    [ADVNTK_PARAM_LIST] = {"list", sizeof(struct advntk_list)},
    [ADVNTK_PARAM_PAIR] = {"pair", sizeof(struct advntk_pair)},
    [ADVNTK_PARAM_NODE] = {"node", sizeof(struct advntk_node *)},
};

static bool is_type(enum advntk_param_type type)
{
    return type > ADVNTK_PARAM_TYPE_END && (size_t)type < sizeof(types) / sizeof(types[0]);
}

size_t advntk__param_bytes(enum advntk_param_type type)
{
    return is_type(type) ? types[type].bytes : 0;
}

const char *advntk__param_type_name(enum advntk_param_type type)
{
    return is_type(type) ? types[type].name : "unknown";
}

/* Alignment of the member: that of a pointer or double, except for the two small types. */
static size_t param_alignment(enum advntk_param_type type)
{
    size_t bytes = advntk__param_bytes(type);
    return bytes < sizeof(void *) ? bytes : sizeof(void *);
}

static bool is_parameter_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length <= 63 && name[length] == '\0' && name[0] >= 'a' && name[0] <= 'z';
}

static advntk_status check_int(const struct advntk_param *row, bool with_default,
                               struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    int64_t low = row->min.i, high = row->max.i, x = row->def.i;
    bool low_open = row->flags & ADVNTK_P_MIN_OPEN, high_open = row->flags & ADVNTK_P_MAX_OPEN;

    if (low > high || (low == high && (low_open || high_open))) {
        FAIL(err, EABI, "parameter %s: min %lld is not below max %lld", row->name, (long long)low,
             (long long)high);
    }
    if (with_default && !(row->flags & ADVNTK_P_REQUIRED) &&
        !((low_open ? x > low : x >= low) && (high_open ? x < high : x <= high))) {
        FAIL(err, EABI, "parameter %s: default %lld, expected a value in %c%lld, %lld%c", row->name,
             (long long)x, low_open ? '(' : '[', (long long)low, (long long)high,
             high_open ? ')' : ']');
    }
out:
    return rc;
}

static advntk_status check_real(const struct advntk_param *row, bool with_default,
                                struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    double low = row->min.r, high = row->max.r, x = row->def.r;
    bool low_open = row->flags & ADVNTK_P_MIN_OPEN, high_open = row->flags & ADVNTK_P_MAX_OPEN;

    if (!(low < high || (low == high && !low_open && !high_open))) {
        FAIL(err, EABI, "parameter %s: min %g is not below max %g", row->name, low, high);
    }
    if (with_default && !(row->flags & ADVNTK_P_REQUIRED) &&
        !((low_open ? x > low : x >= low) && (high_open ? x < high : x <= high))) {
        FAIL(err, EABI, "parameter %s: default %g, expected a value in %c%g, %g%c", row->name, x,
             low_open ? '(' : '[', low, high, high_open ? ')' : ']');
    }
out:
    return rc;
}

static advntk_status check_choices(const struct advntk_param *row, bool with_default,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *const *c = row->choices;
    bool known = false;

    if (!c) {
        FAIL(err, EABI, "parameter %s: choices is NULL, expected a list of texts", row->name);
    }
    for (ptrdiff_t i = 0;; i++) {
        if (i > ADVNTK__ROWS_MAX || !advntk__mapped(&c[i], sizeof(c[i]))) {
            FAIL(err, EABI, "parameter %s: choices has no NULL at its end", row->name);
        }
        if (!c[i]) {
            break;
        }
        if (!advntk__mapped_text(c[i]) || !*c[i]) {
            FAIL(err, EABI, "parameter %s: choice number %td is not a static text", row->name, i);
        }
        for (ptrdiff_t j = 0; j < i; j++) {
            if (strcmp(c[i], c[j]) == 0) {
                FAIL(err, EABI, "parameter %s: choice '%s' is listed twice", row->name, c[i]);
            }
        }
        known = known || (row->def.s && strcmp(c[i], row->def.s) == 0);
    }
    if (with_default && !(row->flags & ADVNTK_P_REQUIRED) && !known) {
        FAIL(err, EABI, "parameter %s: default '%.80s', expected one of its choices", row->name,
             row->def.s ? row->def.s : "(none)");
    }
out:
    return rc;
}

static advntk_status check_slot_kind(const struct advntk_param *row, struct advntk_error *err)
{
    if (!advntk__kind_name(row->slot_kind)) {
        return ADVNTK_FAIL(err, EABI,
                           "parameter %s: slot_kind is %u, expected one of enum "
                           "advntk_kind",
                           row->name, (unsigned)row->slot_kind);
    }
    return ADVNTK_OK;
}

/* What a value of this type needs; for a list, of its elements, whose default is checked with it.
 */
static advntk_status check_value(const struct advntk_param *row, enum advntk_param_type type,
                                 bool with_default, struct advntk_error *err)
{
    switch (type) {
    case ADVNTK_PARAM_INT:
        return check_int(row, with_default, err);
    case ADVNTK_PARAM_REAL:
    case ADVNTK_PARAM_PAIR:
        return check_real(row, with_default, err);
    case ADVNTK_PARAM_CHOICE:
        return check_choices(row, with_default, err);
    case ADVNTK_PARAM_SLOT:
        return check_slot_kind(row, err);
    case ADVNTK_PARAM_BOOL:
    case ADVNTK_PARAM_STRING:
    case ADVNTK_PARAM_PATH:
    case ADVNTK_PARAM_NODE:
        return ADVNTK_OK;
    case ADVNTK_PARAM_LIST:
    case ADVNTK_PARAM_TYPE_END:
        break;
    }
    return ADVNTK_FAIL(err, EABI,
                       "parameter %s: type is %d, expected one of enum advntk_param_type",
                       row->name, (int)type);
}

static advntk_status check_row_texts(const struct advntk_param *row, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    bool text = row->type == ADVNTK_PARAM_STRING || row->type == ADVNTK_PARAM_PATH ||
                row->type == ADVNTK_PARAM_CHOICE || row->type == ADVNTK_PARAM_SLOT ||
                row->type == ADVNTK_PARAM_LIST;
    const struct {
        const char *field, *value;
        bool required;
    } fields[] = {
        {"help", row->help, true},      {"unit", row->unit, false},
        {"symbol", row->symbol, false}, {"source", row->source, false},
        {"since", row->since, false},   {"default", text ? row->def.s : NULL, false},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        rc = check_text(fields[i].field, fields[i].value, fields[i].required, false, err);
        if (rc != ADVNTK_OK) {
            return advntk_error_prefix(err, "parameter %s: ", row->name);
        }
    }
    return rc;
}

advntk_status advntk__audit_row(const struct advntk_param *row, ptrdiff_t number,
                                size_t config_bytes, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    enum {
        ALL_FLAGS = ADVNTK_P_REQUIRED | ADVNTK_P_MIN_OPEN | ADVNTK_P_MAX_OPEN | ADVNTK_P_NO_IDENTITY
    };
    size_t bytes = advntk__param_bytes(row->type);

    if (!advntk__mapped_text(row->name) || !is_parameter_name(row->name)) {
        FAIL(err, EABI,
             "params: row %td has no name of lower-case letters, digits and '_'; a table closes "
             "with ADVNTK_PARAM_END",
             number);
    }
    if (bytes == 0) {
        FAIL(err, EABI, "parameter %s: type is %d, expected one of enum advntk_param_type",
             row->name, (int)row->type);
    }
    if (row->flags & ~(unsigned)ALL_FLAGS) {
        FAIL(err, EABI, "parameter %s: flags are 0x%x, known are 0x%x", row->name, row->flags,
             (unsigned)ALL_FLAGS);
    }
    if (row->offset > config_bytes || bytes > config_bytes - row->offset) {
        FAIL(err, EABI, "parameter %s: lies at bytes %zu to %zu, config_bytes is %zu", row->name,
             row->offset, row->offset + bytes, config_bytes);
    }
    if (row->offset % param_alignment(row->type) != 0) {
        FAIL(err, EABI, "parameter %s: offset %zu is no multiple of %zu", row->name, row->offset,
             param_alignment(row->type));
    }
    TRY(check_row_texts(row, err));
    if (row->type == ADVNTK_PARAM_LIST && row->element == ADVNTK_PARAM_PAIR) {
        FAIL(err, EABI, "parameter %s: a list of pairs is not supported", row->name);
    }
    TRY(check_value(row, row->type == ADVNTK_PARAM_LIST ? row->element : row->type,
                    row->type != ADVNTK_PARAM_LIST, err));
out:
    return rc;
}

/* ---- rows against each other ---- */

/* Keys of a slot that are not the plugin's: "plugin" names it, "ref" points to another slot, and
 * the runner takes "select" of a method. */
static bool is_host_key(uint32_t kind, const char *name)
{
    const struct advntk_param *own = advntk__host_params(kind);
    if (strcmp(name, "plugin") == 0 || strcmp(name, "ref") == 0 ||
        (kind == ADVNTK_KIND_METHOD && strcmp(name, "select") == 0)) {
        return true;
    }
    for (; own && own->name; own++) {
        if (strcmp(own->name, name) == 0) {
            return true;
        }
    }
    return false;
}

advntk_status advntk__audit_table(uint32_t kind, ptrdiff_t count, const struct advntk_param *rows,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t i = 0; i < count; i++) {
        const struct advntk_param *a = &rows[i];
        if (is_host_key(kind, a->name)) {
            FAIL(err, EABI,
                 "parameter %s: the program itself has it for every plugin of kind %s; rename or "
                 "remove it",
                 a->name, advntk__kind_name(kind));
        }
        for (ptrdiff_t j = 0; j < i; j++) {
            const struct advntk_param *b = &rows[j];
            if (strcmp(a->name, b->name) == 0) {
                FAIL(err, EABI, "parameter %s: is there twice, in rows %td and %td", a->name, j, i);
            }
            if (a->offset < b->offset + advntk__param_bytes(b->type) &&
                b->offset < a->offset + advntk__param_bytes(a->type)) {
                FAIL(err, EABI, "parameter %s: overlaps %s in the config struct, at byte %zu",
                     a->name, b->name, a->offset);
            }
        }
    }
out:
    return rc;
}
