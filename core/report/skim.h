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

/* Puts `null` and spaces in place of a value, so that a parser has nothing to do there. All else
 * keeps its place, and so the parser's messages stay right. false: there is none, or it is shorter.
 */
bool advntk__skim_out(char *text, const struct advntk__skimmed *member);

#endif
