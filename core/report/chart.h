/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Line charts as SVG inside an HTML page, which gives them their colours (classes s0 to s7, axis,
 * grid), so that one picture serves light and dark. Drawn here rather than by gnuplot, whose SVG
 * brings colours and fonts of its own and would be needed on every machine that writes a report.
 */
#ifndef ADVNTK_REPORT_CHART_H
#define ADVNTK_REPORT_CHART_H

#include "base/text.h"

#include <stddef.h>

enum { ADVNTK__CHART_SERIES = 8 }; /* more are not told apart by colour and mark */

struct advntk__chart_point {
    double x, y;      /* x may be infinity: at the right end */
    double low, high; /* a bar; NaN: none */
};
struct advntk__chart_series {
    char *label; /* owned */
    ptrdiff_t count, room;
    struct advntk__chart_point *points; /* by rising x */
    bool dense;                         /* a line without marks */
};
/* {0} is an empty chart. */
struct advntk__chart {
    char title[256], x_title[160], y_title[160];
    ptrdiff_t count;
    struct advntk__chart_series series[ADVNTK__CHART_SERIES];
    ptrdiff_t left_out; /* series that were one too many */
    bool failed;
};

/* The series of a label, which is made if need be; NULL: no memory, or there are too many. */
struct advntk__chart_series *advntk__chart_line(struct advntk__chart *chart, const char *label);
void advntk__chart_point(struct advntk__chart *chart, struct advntk__chart_series *series,
                         struct advntk__chart_point point);
/* Whether any series has two points. */
bool advntk__chart_worth(const struct advntk__chart *chart);
/* A figure: picture, legend, and all its numbers in a table that is folded away. */
void advntk__chart_write(struct advntk__chart *chart, struct advntk__text *out);
void advntk__chart_release(struct advntk__chart *chart);

#endif
