/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables: built cell by cell, then written as text, Markdown, LaTeX, CSV or HTML. */
#ifndef ADVNTK_REPORT_SHEET_H
#define ADVNTK_REPORT_SHEET_H

#include "base/text.h"

#include <stddef.h>

enum advntk__sheet_format {
    ADVNTK__SHEET_TEXT,
    ADVNTK__SHEET_MARKDOWN,
    ADVNTK__SHEET_LATEX, /* a tabular with booktabs' rules */
    ADVNTK__SHEET_CSV,   /* RFC 4180; numbers in full, each in a column of its own */
    ADVNTK__SHEET_HTML
};

enum { ADVNTK__CELL_NUMBERS = 5 };

struct advntk__sheet_column {
    char *title;
    char align; /* 'l' or 'r' */
    /* For programs (CSV), a cell is so many numbers: TITLE, then TITLE_<suffix>; 0: its text. */
    int count;
    const char *suffix[ADVNTK__CELL_NUMBERS]; /* static; of the first: NULL */
};

struct advntk__sheet_cell {
    char *text;
    double numbers[ADVNTK__CELL_NUMBERS]; /* NaN: none, an empty field */
};

/* {0} is an empty table: first all columns, then the cells row by row. */
struct advntk__sheet {
    ptrdiff_t column_count, cell_count, cell_room;
    struct advntk__sheet_column *columns;
    struct advntk__sheet_cell *cells;
    bool failed; /* no memory: what is added from then on is dropped, and write says so */
};

void advntk__sheet_column(struct advntk__sheet *sheet, char align, const char *format, ...)
    ADVNTK_PRINTF(3, 4);
/* The same for cells of numbers; suffixes: of the second and so on, ending with NULL; static. */
void advntk__sheet_numbers(struct advntk__sheet *sheet, const char *title,
                           const char *const *suffixes);
void advntk__sheet_add(struct advntk__sheet *sheet, const char *format, ...) ADVNTK_PRINTF(2, 3);
/* A cell of a numbers column, with the text for people. */
void advntk__sheet_add_numbers(struct advntk__sheet *sheet, const double *numbers,
                               const char *format, ...) ADVNTK_PRINTF(3, 4);
/* Fails: ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__sheet_write(const struct advntk__sheet *sheet,
                                                    enum advntk__sheet_format format,
                                                    struct advntk__text *out,
                                                    struct advntk_error *err);
void advntk__sheet_release(struct advntk__sheet *sheet);

/* Text as it must be written inside a file of a format. */
void advntk__sheet_escape(enum advntk__sheet_format format, const char *text,
                          struct advntk__text *out);

#endif
