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

enum { ADVNTK__CHART_SERIES = 8 }; /* of a picture: more are not told apart by colour and mark */

struct advntk__chart_point {
    double x, y;      /* x may be infinity: at the right end */
    double low, high; /* a bar; NaN: none */
};
struct advntk__chart_series {
    char *label;  /* owned */
    size_t facet; /* bytes of the label's first part, "depth 3" of "depth 3, ntk"; 0: none */
    ptrdiff_t count, room;
    struct advntk__chart_point *points; /* by rising x */
    bool dense;                         /* a line with few marks */
};
/* {0} is an empty chart. */
struct advntk__chart {
    char title[256], x_title[160], y_title[160];
    ptrdiff_t count, room;
    struct advntk__chart_series *series;
    bool failed;
};

/* The series of a label, which is made if need be, until the next is made; NULL: no memory. */
struct advntk__chart_series *advntk__chart_line(struct advntk__chart *chart, const char *label,
                                                size_t facet);
void advntk__chart_point(struct advntk__chart *chart, struct advntk__chart_series *series,
                         struct advntk__chart_point point);
/* Whether any series has two points. */
bool advntk__chart_worth(const struct advntk__chart *chart);
/* A figure: picture, legend, and all its numbers in a table that is folded away. More series than
 * a picture takes have a figure for each first part of their labels, with axes in common. */
void advntk__chart_write(struct advntk__chart *chart, struct advntk__text *out);
void advntk__chart_release(struct advntk__chart *chart);

#endif
