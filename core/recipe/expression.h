/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic where a number is expected: 8/255, radius/5, min(2*depth+1, 9). */
#ifndef ADVNTK_RECIPE_EXPRESSION_H
#define ADVNTK_RECIPE_EXPRESSION_H

#include "recipe/node.h"

/*
 * The names of `let:`, evaluated when first used. A value that cannot be evaluated is reported
 * where it is used, with its own place. map NULL: no names.
 */
struct advntk__scope {
    const struct advntk_node *map;
    double *values; /* one an entry of map */
    int *states;    /* enum in expression.c; zero: not looked at yet */
    int depth;
};

/*
 * Grammar, tightest last: + -, * /, sign, ^ (right), then numbers, names, min max sqrt exp log, (
 * ). Also `.inf` with a sign, alone. Fails: EINVALID with what is wrong (no place): syntax, an
 * unknown name, division by zero, overflow, not a number.
 */
ADVNTK_MUST_CHECK advntk_status advntk__expression(const char *text, struct advntk__scope *scope,
                                                   double *value, struct advntk_error *err);
/* The same, and the value must be whole; plain digits are read exactly over all 64 bits. */
ADVNTK_MUST_CHECK advntk_status advntk__expression_int(const char *text,
                                                       struct advntk__scope *scope, int64_t *value,
                                                       struct advntk_error *err);
/* Whether text is an expression in which a name of the scope occurs, and nothing unknown. */
bool advntk__expression_uses(const char *text, struct advntk__scope *scope);
bool advntk__expression_reserved(const char *name); /* min, max, sqrt, exp, log */

#endif
