/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading part of a JSON file: of thousands of records, most members are never looked at. */
#ifndef ADVNTK_REPORT_SKIM_H
#define ADVNTK_REPORT_SKIM_H

#include <stdbool.h>
#include <stddef.h>

struct advntk__skimmed {
    const char *name;
    size_t from, to; /* where its value stands; both 0: there is no such member */
};

/*
 * Finds members of the object that stands in text[from, to), in one pass: count of them, each with
 * its name. text: ends with NUL somewhere behind. What is no JSON is left to a parser: the members
 * up to there are found.
 */
void advntk__skim(const char *text, size_t from, size_t to, size_t count,
                  struct advntk__skimmed *members);

/*
 * A copy of text[0, count), shorter to parse: `null` stands for the values of the members given,
 * and the space behind commas, colons and opening brackets is left out. What is no JSON stays none;
 * a parser's message about it has another place, so parse the text itself for that. cut: of any
 * order; those that were not found are nothing. *length: of the copy, which the caller frees; NULL:
 * no memory.
 */
char *advntk__skim_pack(const char *text, size_t count, size_t members,
                        const struct advntk__skimmed *cut, size_t *length);

#endif
