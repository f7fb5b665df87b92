/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/expression.h"

#include "base/text.h"
#include "base/try.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH = 100, NAME_BYTES = 64, LONGEST = 4096 };
enum let_state { LET_NEW, LET_OPEN, LET_DONE };

struct expression {
    const char *text, *at;
    struct advntk__scope *scope;
    int depth;
    bool named; /* a let name was used */
    struct advntk_error *err;
};

static const char *const functions[] = {"min", "max", "sqrt", "exp", "log"};
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

static advntk_status read_sum(struct expression *e, double *value);

bool advntk__expression_reserved(const char *name)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        if (strcmp(functions[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void skip_space(struct expression *e)
{
    while (*e->at == ' ' || *e->at == '\n') {
        e->at++;
    }
}

static bool take(struct expression *e, char c)
{
    skip_space(e);
    if (*e->at != c) {
        return false;
    }
    e->at++;
    return true;
}

static advntk_status unexpected(struct expression *e, const char *wanted)
{
    if (*e->at == '\0') {
        return ADVNTK_FAIL(e->err, EINVALID, "it ends where %s should be", wanted);
    }
    return ADVNTK_FAIL(e->err, EINVALID, "'%.20s' stands where %s should be", e->at, wanted);
}

static advntk_status check_finite(struct expression *e, double value, const char *what)
{
    if (isnan(value)) {
        return ADVNTK_FAIL(e->err, EINVALID, "%s is not a number", what);
    }
    if (isinf(value)) {
        return ADVNTK_FAIL(e->err, EINVALID, "%s overflows", what);
    }
    return ADVNTK_OK;
}

/* Decimal digits only: strtod would also take 0x10, inf and nan. */
static advntk_status read_number(struct expression *e, double *value)
{
    char digits[NAME_BYTES * 2];
    const char *s = e->at;
    size_t n, seen = 0;
    while (isdigit((unsigned char)*s) || *s == '.') {
        seen += isdigit((unsigned char)*s) != 0;
        s++;
    }
    if (seen > 0 && (*s == 'e' || *s == 'E')) {
        const char *exponent = s + 1 + (s[1] == '+' || s[1] == '-');
        if (isdigit((unsigned char)*exponent)) {
            for (s = exponent; isdigit((unsigned char)*s); s++) {
            }
        }
    }
    n = (size_t)(s - e->at);
    if (seen == 0 || n >= sizeof(digits)) {
        return unexpected(e, "a number");
    }
    memcpy(digits, e->at, n);
    digits[n] = '\0';
    {
        char *end;
        *value = strtod(digits, &end);
        if (*end != '\0') {
            return unexpected(e, "a number");
        }
    }
    e->at = s;
    return check_finite(e, *value, digits);
}

/* ---- names ---- */

static advntk_status unknown_name(struct expression *e, const char *name)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_node *map = e->scope ? e->scope->map : NULL;
    ptrdiff_t count = advntk_node_count(map);
    const char **names = calloc((size_t)count + 1, sizeof(*names));
    const char *near = NULL;
    for (ptrdiff_t i = 0; names && map && i < count; i++) {
        names[i] = map->entries[i].key;
    }
    near = names ? advntk__text_nearest(name, count, names) : NULL;
    rc = advntk_error_set(e->err, __FILE__, __LINE__, __func__, ADVNTK_EINVALID,
                          "let has no '%s'%s%s%s", name, near ? "; did you mean '" : "",
                          near ? near : "", near ? "'?" : "");
    free(names);
    return rc;
}

static advntk_status let_value(struct expression *e, ptrdiff_t i, double *value)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__scope *scope = e->scope;
    const struct advntk__entry *let = &scope->map->entries[i];
    if (scope->states[i] == LET_OPEN) {
        FAIL(e->err, EINVALID, "let.%s is defined by itself", let->key);
    }
    if (scope->states[i] == LET_NEW) {
        const char *text = advntk_node_scalar(let->value);
        if (scope->depth >= DEPTH) {
            FAIL(e->err, EINVALID, "names of let: follow each other more than %d deep", DEPTH);
        }
        if (!text) {
            FAIL(e->err, EINVALID, "let.%s is not a number", let->key);
        }
        scope->states[i] = LET_OPEN;
        scope->depth++;
        rc = advntk__expression(text, scope, &scope->values[i], e->err);
        scope->depth--;
        scope->states[i] = rc == ADVNTK_OK ? LET_DONE : LET_NEW;
        TRY(rc);
    }
    *value = scope->values[i];
out:
    return rc;
}

static advntk_status call(struct expression *e, const char *name, double *value)
{
    advntk_status rc = ADVNTK_OK;
    double a = 0, b = 0;
    bool two = name[0] == 'm';
    TRY(read_sum(e, &a));
    if (two) {
        if (!take(e, ',')) {
            TRY(unexpected(e, "',' and a second value"));
        }
        TRY(read_sum(e, &b));
        *value = strcmp(name, "min") == 0 ? fmin(a, b) : fmax(a, b);
        while (take(e, ',')) {
            TRY(read_sum(e, &b));
            *value = strcmp(name, "min") == 0 ? fmin(*value, b) : fmax(*value, b);
        }
    } else {
        *value = strcmp(name, "sqrt") == 0 ? sqrt(a) : strcmp(name, "exp") == 0 ? exp(a) : log(a);
    }
    if (!take(e, ')')) {
        TRY(unexpected(e, "')'"));
    }
    TRY(check_finite(e, *value, name));
out:
    return rc;
}

static advntk_status read_name(struct expression *e, double *value)
{
    advntk_status rc = ADVNTK_OK;
    char name[NAME_BYTES];
    size_t n = 0;
    while (isalnum((unsigned char)e->at[n]) || e->at[n] == '_') {
        n++;
    }
    if (n >= sizeof(name)) {
        TRY(unexpected(e, "a name of fewer than 64 letters"));
    }
    memcpy(name, e->at, n);
    name[n] = '\0';
    if (advntk__expression_reserved(name)) {
        e->at += n;
        if (!take(e, '(')) {
            TRY(unexpected(e, "'('"));
        }
        TRY(call(e, name, value));
        goto out;
    }
    for (ptrdiff_t i = 0; e->scope && i < advntk_node_count(e->scope->map); i++) {
        if (strcmp(e->scope->map->entries[i].key, name) == 0) {
            e->at += n;
            e->named = true;
            TRY(let_value(e, i, value));
            goto out;
        }
    }
    TRY(unknown_name(e, name));
out:
    return rc;
}

/* ---- operators ---- */

static advntk_status read_primary(struct expression *e, double *value)
{
    advntk_status rc = ADVNTK_OK;
    if (take(e, '(')) {
        TRY(read_sum(e, value));
        if (!take(e, ')')) {
            TRY(unexpected(e, "')'"));
        }
    } else if (isalpha((unsigned char)*e->at) || *e->at == '_') {
        TRY(read_name(e, value));
    } else {
        TRY(read_number(e, value));
    }
out:
    return rc;
}

/* sign, then a power: -2^2 is -4, 2^-1 is 0.5 */
static advntk_status read_signed(struct expression *e, double *value)
{
    advntk_status rc = ADVNTK_OK;
    double exponent;
    if (++e->depth > DEPTH) {
        FAIL(e->err, EINVALID, "an expression nested deeper than %d", DEPTH);
    }
    if (take(e, '-')) {
        TRY(read_signed(e, value));
        *value = -*value;
    } else if (take(e, '+')) {
        TRY(read_signed(e, value));
    } else {
        TRY(read_primary(e, value));
        if (take(e, '^')) {
            TRY(read_signed(e, &exponent));
            *value = pow(*value, exponent);
            TRY(check_finite(e, *value, "a power"));
        }
    }
out:
    e->depth--;
    return rc;
}

static advntk_status read_product(struct expression *e, double *value)
{
    advntk_status rc = ADVNTK_OK;
    double right;
    TRY(read_signed(e, value));
    for (;;) {
        if (take(e, '*')) {
            TRY(read_signed(e, &right));
            *value *= right;
        } else if (take(e, '/')) {
            TRY(read_signed(e, &right));
            if (right == 0) {
                FAIL(e->err, EINVALID, "division by zero");
            }
            *value /= right;
        } else {
            break;
        }
        TRY(check_finite(e, *value, "a product"));
    }
out:
    return rc;
}

static advntk_status read_sum(struct expression *e, double *value)
{
    advntk_status rc = ADVNTK_OK;
    double right;
    TRY(read_product(e, value));
    for (;;) {
        if (take(e, '+')) {
            TRY(read_product(e, &right));
            *value += right;
        } else if (take(e, '-')) {
            TRY(read_product(e, &right));
            *value -= right;
        } else {
            break;
        }
        TRY(check_finite(e, *value, "a sum"));
    }
out:
    return rc;
}

/* `.inf`, `+.inf`, `-.inf` of YAML 1.2, alone */
static bool infinite(const char *text, double *value)
{
    const char *s = text + (*text == '-' || *text == '+');
    bool found = strcmp(s, ".inf") == 0 || strcmp(s, ".Inf") == 0 || strcmp(s, ".INF") == 0;
    if (found) {
        *value = *text == '-' ? -HUGE_VAL : HUGE_VAL;
    }
    return found;
}

static advntk_status evaluate(struct expression *e, double *value)
{
    advntk_status rc = ADVNTK_OK;
    if (strlen(e->text) > LONGEST) {
        FAIL(e->err, EINVALID, "an expression longer than %d characters", LONGEST);
    }
    if (infinite(e->text, value)) {
        goto out;
    }
    TRY(read_sum(e, value));
    skip_space(e);
    if (*e->at != '\0') {
        TRY(unexpected(e, "an operator or the end"));
    }
out:
    return rc;
}

advntk_status advntk__expression(const char *text, struct advntk__scope *scope, double *value,
                                 struct advntk_error *err)
{
    struct expression e = {.text = text, .at = text, .scope = scope, .err = err};
    return evaluate(&e, value);
}

bool advntk__expression_uses(const char *text, struct advntk__scope *scope)
{
    struct expression e = {.text = text, .at = text, .scope = scope};
    double value;
    return evaluate(&e, &value) == ADVNTK_OK && e.named;
}

advntk_status advntk__expression_int(const char *text, struct advntk__scope *scope, int64_t *value,
                                     struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const char *digits = text + (*text == '-' || *text == '+');
    double real;
    if (*digits != '\0' && strspn(digits, "0123456789") == strlen(digits)) {
        char *end;
        errno = 0;
        *value = strtoimax(text, &end, 10);
        if (errno != 0) {
            FAIL(err, EINVALID, "it does not fit in 64 bits");
        }
        goto out;
    }
    TRY(advntk__expression(text, scope, &real, err));
    /* 2^53: beyond it doubles skip integers */
    if (!(real >= -9007199254740992.0 && real <= 9007199254740992.0) || real != floor(real)) {
        FAIL(err, EINVALID, "%.17g is no whole number", real);
    }
    *value = (int64_t)real;
out:
    return rc;
}
