/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/value.h"

#include "base/try.h"
#include "registry/registry.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void advntk__value_got(const struct advntk_node *node, struct advntk__text *out)
{
    switch (advntk_node_kind(node)) {
    case ADVNTK_NODE_SCALAR:
        advntk__text_printf(out, "'%.60s'%s", node->text, strlen(node->text) > 60 ? "..." : "");
        break;
    case ADVNTK_NODE_LIST:
        advntk__text_puts(out, "a list");
        break;
    case ADVNTK_NODE_MAP:
        advntk__text_puts(out, "a map");
        break;
    case ADVNTK_NODE_NULL:
        advntk__text_puts(out, "nothing");
        break;
    }
}

static void range_text(const struct advntk_param *row, bool whole, struct advntk__text *out)
{
    bool low = whole ? row->min.i > INT64_MIN : row->min.r > -(double)INFINITY;
    bool high = whole ? row->max.i < INT64_MAX : row->max.r < (double)INFINITY;
    if (low) {
        advntk__text_puts(out, row->flags & ADVNTK_P_MIN_OPEN ? " above " : " from ");
        if (whole) {
            advntk__text_printf(out, "%" PRId64, row->min.i);
        } else {
            advntk__text_real(out, row->min.r);
        }
    }
    if (high) {
        advntk__text_puts(out, row->flags & ADVNTK_P_MAX_OPEN ? " below "
                               : low                          ? " to "
                                                              : " up to ");
        if (whole) {
            advntk__text_printf(out, "%" PRId64, row->max.i);
        } else {
            advntk__text_real(out, row->max.r);
        }
    }
}

static const char *article(const char *word)
{
    return strchr("aeiou", word[0]) ? "an" : "a";
}

static void expected_type(const struct advntk_param *row, enum advntk_param_type type,
                          struct advntk__text *out)
{
    const char *kind = advntk__kind_name(row->slot_kind);
    kind = kind ? kind : "plugin";
    switch (type) {
    case ADVNTK_PARAM_BOOL:
        advntk__text_puts(out, "true or false");
        break;
    case ADVNTK_PARAM_INT:
        advntk__text_puts(out, "an integer");
        range_text(row, true, out);
        break;
    case ADVNTK_PARAM_REAL:
        advntk__text_puts(out, "a number");
        range_text(row, false, out);
        break;
    case ADVNTK_PARAM_STRING:
        advntk__text_puts(out, "text");
        break;
    case ADVNTK_PARAM_PATH:
        advntk__text_puts(out, "a path");
        break;
    case ADVNTK_PARAM_CHOICE:
        advntk__text_puts(out, "one of");
        for (const char *const *s = row->choices; *s; s++) {
            advntk__text_printf(out, "%s %s", s == row->choices ? "" : ",", *s);
        }
        break;
    case ADVNTK_PARAM_SLOT:
        advntk__text_printf(out, "the name of %s %s plugin or a map with plugin:", article(kind),
                            kind);
        break;
    case ADVNTK_PARAM_LIST:
        advntk__text_puts(out, "a list, each item ");
        expected_type(row, row->element == ADVNTK_PARAM_LIST ? ADVNTK_PARAM_NODE : row->element,
                      out);
        break;
    case ADVNTK_PARAM_PAIR:
        advntk__text_puts(out, "a number or [first, second],");
        range_text(row, false, out);
        break;
    case ADVNTK_PARAM_NODE:
        advntk__text_puts(out, "a list or a map");
        break;
    case ADVNTK_PARAM_TYPE_END:
        break;
    }
}

void advntk__param_expected(const struct advntk_param *row, struct advntk__text *out)
{
    struct advntk__text type = {0};
    size_t end;
    expected_type(row, row->type, &type);
    for (end = type.length; end > 0 && type.bytes[end - 1] == ','; end--) {
    }
    advntk__text_add(out, advntk__text_get(&type), end);
    if (row->unit) {
        advntk__text_printf(out, " (%s)", row->unit);
    }
    advntk__text_release(&type);
}

void advntk__value_wrong(struct advntk__configurer *c, const struct advntk_param *row,
                         const struct advntk_node *node, const struct advntk__way *way)
{
    struct advntk__text got = {0}, expected = {0};
    advntk__value_got(node, &got);
    advntk__param_expected(row, &expected);
    advntk__mistake(c, node->place, way, "got %s, expected %s", advntk__text_get(&got),
                    advntk__text_get(&expected));
    advntk__text_release(&got);
    advntk__text_release(&expected);
}

/* ---- one type each ---- */

static bool one_of(const char *text, const char *a, const char *b, const char *c)
{
    return strcmp(text, a) == 0 || strcmp(text, b) == 0 || strcmp(text, c) == 0;
}

static void read_bool(struct advntk__configurer *c, const struct advntk_param *row,
                      const struct advntk_node *node, const struct advntk__way *way, bool *member)
{
    static const char *const other[] = {"yes", "no", "on", "off", "y", "n"};
    bool yes = node->plain && one_of(node->text, "true", "True", "TRUE");
    if (yes || (node->plain && one_of(node->text, "false", "False", "FALSE"))) {
        *member = yes;
        return;
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        if (strcmp(node->text, other[i]) == 0) {
            advntk__mistake(c, node->place, way,
                            "got '%s', expected true or false (YAML 1.2 has no yes, no, on, off)",
                            node->text);
            return;
        }
    }
    advntk__value_wrong(c, row, node, way);
}

/* A plain word was not meant as an expression, unless there are names it could have meant. */
static bool is_word(const struct advntk__configurer *c, const char *text)
{
    return advntk_node_count(c->scope.map) == 0 && isalpha((unsigned char)*text) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(text);
}

static void not_a_number(struct advntk__configurer *c, const struct advntk_param *row,
                         const struct advntk_node *node, const struct advntk__way *way,
                         const char *why)
{
    struct advntk__text expected = {0};
    if (is_word(c, node->text)) {
        advntk__value_wrong(c, row, node, way);
        return;
    }
    advntk__param_expected(row, &expected);
    advntk__mistake(c, node->place, way, "got '%.60s', expected %s: %s", node->text,
                    advntk__text_get(&expected), why);
    advntk__text_release(&expected);
}

static void read_int(struct advntk__configurer *c, const struct advntk_param *row,
                     const struct advntk_node *node, const struct advntk__way *way, int64_t *member)
{
    struct advntk_error why;
    int64_t value;
    if (advntk__expression_int(node->text, &c->scope, &value, &why) != ADVNTK_OK) {
        not_a_number(c, row, node, way, why.text);
    } else if (!(value >= row->min.i && value <= row->max.i) ||
               ((row->flags & ADVNTK_P_MIN_OPEN) && value == row->min.i) ||
               ((row->flags & ADVNTK_P_MAX_OPEN) && value == row->max.i)) {
        advntk__value_wrong(c, row, node, way);
    } else {
        *member = value;
    }
}

static void read_real(struct advntk__configurer *c, const struct advntk_param *row,
                      const struct advntk_node *node, const struct advntk__way *way, double *member)
{
    struct advntk_error why;
    double value;
    if (advntk__expression(node->text, &c->scope, &value, &why) != ADVNTK_OK) {
        not_a_number(c, row, node, way, why.text);
    } else if (!(value >= row->min.r && value <= row->max.r) ||
               ((row->flags & ADVNTK_P_MIN_OPEN) && !(value > row->min.r)) ||
               ((row->flags & ADVNTK_P_MAX_OPEN) && !(value < row->max.r))) {
        advntk__value_wrong(c, row, node, way);
    } else {
        *member = value;
    }
}

static void read_choice(struct advntk__configurer *c, const struct advntk_param *row,
                        const struct advntk_node *node, const struct advntk__way *way, int *member)
{
    ptrdiff_t count = 0;
    const char *near;
    for (; row->choices[count]; count++) {
        if (strcmp(row->choices[count], node->text) == 0) {
            *member = (int)count;
            return;
        }
    }
    near = advntk__text_nearest(node->text, count, row->choices);
    if (near) {
        struct advntk__text expected = {0};
        advntk__param_expected(row, &expected);
        advntk__mistake(c, node->place, way, "got '%.60s', expected %s; did you mean '%s'?",
                        node->text, advntk__text_get(&expected), near);
        advntk__text_release(&expected);
    } else {
        advntk__value_wrong(c, row, node, way);
    }
}

/* ---- paths ---- */

/* Appends what stands between ${ and }; false: a mistake was noted. */
static bool add_variable(struct advntk__configurer *c, const char *inside, size_t length,
                         const struct advntk__place *place, const struct advntk__way *way,
                         struct advntk__text *out)
{
    char name[128];
    const char *value;
    size_t n = 0;
    while (n < length && (isalnum((unsigned char)inside[n]) || inside[n] == '_')) {
        n++;
    }
    if (n == 0 || n >= sizeof(name) || (n < length && strncmp(inside + n, ":-", 2) != 0)) {
        advntk__mistake(c, place, way, "got '${%.*s}', expected ${NAME} or ${NAME:-default}",
                        (int)(length < 60 ? length : 60), inside);
        return false;
    }
    memcpy(name, inside, n);
    name[n] = '\0';
    value = getenv(name);
    if (value && *value) {
        advntk__text_puts(out, value);
    } else if (n < length) {
        advntk__text_add(out, inside + n + 2, length - n - 2);
    } else {
        advntk__mistake(c, place, way, "the environment has no %s; set it, or write ${%s:-default}",
                        name, name);
        return false;
    }
    return true;
}

advntk_status advntk__value_path(struct advntk__configurer *c, const char *text,
                                 const struct advntk__place *place, const struct advntk__way *way,
                                 const char **path, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__text value = {0}, whole = {0};
    const char *folder =
        strncmp(text, "${", 2) == 0 || !place->folder ? c->memory->folder : place->folder;
    for (const char *s = text; *s;) {
        const char *end = s[0] == '$' && s[1] == '{' ? strchr(s, '}') : NULL;
        if (s[0] == '$' && s[1] == '{' && !end) {
            advntk__mistake(c, place, way, "'%.60s' has '${' without '}'", text);
            goto out;
        }
        if (!end) {
            advntk__text_add(&value, s++, 1);
        } else if (add_variable(c, s + 2, (size_t)(end - s - 2), place, way, &value)) {
            s = end + 1;
        } else {
            goto out;
        }
    }
    if (value.length > 0 && value.bytes[0] != '/' && folder) {
        advntk__text_printf(&whole, "%s/", folder);
    }
    advntk__text_puts(&whole, advntk__text_get(&value));
    if (value.failed || whole.failed) {
        FAIL(err, ENOMEM, "no memory for a path");
    }
    TRY(advntk__pool_text(c->memory, advntk__text_get(&whole), whole.length, path, err));
out:
    advntk__text_release(&value);
    advntk__text_release(&whole);
    return rc;
}

advntk_status advntk__value_scalar(struct advntk__configurer *c, const struct advntk_param *row,
                                   const struct advntk_node *node, const struct advntk__way *way,
                                   void *member, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    if (node->kind != ADVNTK_NODE_SCALAR) {
        advntk__value_wrong(c, row, node, way);
        goto out;
    }
    if (row->type != ADVNTK_PARAM_PATH && strstr(node->text, "${")) {
        advntk__mistake(
            c, node->place, way,
            "got '%.60s', but only paths read the environment; use -s key=value or let:",
            node->text);
        goto out;
    }
    switch ((int)row->type) {
    case ADVNTK_PARAM_BOOL:
        read_bool(c, row, node, way, member);
        break;
    case ADVNTK_PARAM_INT:
        read_int(c, row, node, way, member);
        break;
    case ADVNTK_PARAM_REAL:
        read_real(c, row, node, way, member);
        break;
    case ADVNTK_PARAM_CHOICE:
        read_choice(c, row, node, way, member);
        break;
    case ADVNTK_PARAM_PATH:
        TRY(advntk__value_path(c, node->text, node->place, way, member, err));
        break;
    default:
        TRY(advntk__pool_text(c->memory, node->text, strlen(node->text), (const char **)member,
                              err));
        break;
    }
out:
    return rc;
}
