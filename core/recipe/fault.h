/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mistakes of a recipe, collected so that all are reported in one go, by place. */
#ifndef ADVNTK_RECIPE_FAULT_H
#define ADVNTK_RECIPE_FAULT_H

#include "base/text.h"
#include "recipe/node.h"

enum { ADVNTK__FAULTS_SHOWN = 100 };

struct advntk__fault_line {
    int order, line, column;
    char *text;
    size_t message; /* where it begins in text, the last name of the way before it */
};

/* {0} is an empty list. The same line is kept once, and so is the same
 * message at one place on two ways (a value and a reference to it); beyond ADVNTK__FAULTS_SHOWN
 * they are counted. */
struct advntk__faults {
    struct advntk__fault_line *lines;
    ptrdiff_t count, room, hidden;
    bool no_memory;
};

/* The way from the top of the recipe to where one is; on the stack. */
struct advntk__way {
    const struct advntk__way *up; /* NULL: the top */
    const char *name;             /* of a key, or of an evaluation; NULL: a list's item */
    ptrdiff_t index;
};

/* "place: error: way: message"; way NULL: without. */
void advntk__fault(struct advntk__faults *faults, const struct advntk__place *place,
                   const struct advntk__way *way, const char *format, ...) ADVNTK_PRINTF(4, 5);
bool advntk__faults_any(const struct advntk__faults *faults);
/* Sorted by place, a line each. */
void advntk__faults_print(struct advntk__faults *faults, struct advntk__text *out);
void advntk__faults_release(struct advntk__faults *faults);

/* "method.attack.radius" */
void advntk__way_text(const struct advntk__way *way, struct advntk__text *out);

/* Adds "; did you mean 'x'?" if a name is near, else "; known: a, b, c". */
void advntk__names_hint(const char *name, ptrdiff_t count, const char *const *names,
                        struct advntk__text *out);

#endif
