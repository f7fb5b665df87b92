/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/chart.h"

#include "report/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The picture, in its own units; the page scales it. */
enum {
    WIDTH = 640,
    HEIGHT = 340,
    LEFT = 72,
    RIGHT = 18,
    TOP = 14,
    BOTTOM = 46,
    BEYOND = 34,
    PAD = 14
};

struct axis {
    double low, high, step; /* step: between ticks; of a log axis: none */
    bool log, beyond;       /* beyond: infinity has a place at the end */
    double pad;             /* on both sides, for marks and bars beside each other */
};

/* ---- building ---- */

struct advntk__chart_series *advntk__chart_line(struct advntk__chart *chart, const char *label,
                                                size_t facet)
{
    struct advntk__chart_series *grown = chart->series;
    ptrdiff_t room = chart->room;
    char *copy;

    for (ptrdiff_t i = 0; i < chart->count; i++) {
        if (strcmp(chart->series[i].label, label) == 0) {
            return &chart->series[i];
        }
    }
    if (chart->count == room) {
        room = room ? 2 * room : ADVNTK__CHART_SERIES;
        grown = realloc(chart->series, (size_t)room * sizeof(*grown));
    }
    copy = strdup(label);
    if (grown) {
        chart->series = grown;
        chart->room = room;
    }
    if (!grown || !copy) {
        chart->failed = true;
        free(copy);
        return NULL;
    }
    grown[chart->count] = (struct advntk__chart_series){.label = copy, .facet = facet};
    return &grown[chart->count++];
}

void advntk__chart_point(struct advntk__chart *chart, struct advntk__chart_series *s,
                         struct advntk__chart_point point)
{
    struct advntk__chart_point *grown = s->points;
    ptrdiff_t room = s->room;

    if (isnan(point.x) || isnan(point.y)) {
        return;
    }
    if (s->count == room) {
        room = room ? 2 * room : 16;
        grown = realloc(s->points, (size_t)room * sizeof(*grown));
        if (!grown) {
            chart->failed = true;
            return;
        }
    }
    s->points = grown;
    s->room = room;
    s->points[s->count++] = point;
}

bool advntk__chart_worth(const struct advntk__chart *chart)
{
    for (ptrdiff_t i = 0; i < chart->count; i++) {
        if (chart->series[i].count > 1) {
            return true;
        }
    }
    return false;
}

void advntk__chart_release(struct advntk__chart *chart)
{
    for (ptrdiff_t i = 0; i < chart->count; i++) {
        free(chart->series[i].label);
        free(chart->series[i].points);
    }
    free(chart->series);
    *chart = (struct advntk__chart){0};
}

static int by_x(const void *a, const void *b)
{
    const struct advntk__chart_point *p = a, *q = b;

    return (p->x > q->x) - (p->x < q->x);
}

/* ---- axes ---- */

/* 1, 2 or 5 times a power of ten, about `wanted` steps over the span. */
static double nice_step(double span, double wanted)
{
    double raw = span / wanted, power = pow(10, floor(log10(raw))), times = raw / power;

    return power * (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10);
}

static void fit_linear(struct axis *a, double wanted)
{
    if (!(a->high > a->low)) {
        a->low -= 0.05;
        a->high += 0.05;
    }
    a->step = nice_step(a->high - a->low, wanted);
    a->low = a->step * floor(a->low / a->step + 1e-9);
    a->high = a->step * ceil(a->high / a->step - 1e-9);
}

static struct axis x_axis(const struct advntk__chart *chart)
{
    struct axis a = {.low = (double)INFINITY, .high = -(double)INFINITY};
    bool whole = true;

    for (ptrdiff_t i = 0; i < chart->count; i++) {
        for (ptrdiff_t j = 0; j < chart->series[i].count; j++) {
            double x = chart->series[i].points[j].x;
            a.pad = chart->series[i].dense ? 0 : PAD; /* all are alike */
            a.beyond = a.beyond || isinf(x);
            whole = whole && (isinf(x) || x == floor(x));
            a.low = isinf(x) ? a.low : fmin(a.low, x);
            a.high = isinf(x) ? a.high : fmax(a.high, x);
        }
    }
    if (isinf(a.low)) { /* nothing but infinity */
        a.low = a.high = 0;
    }
    a.log = a.low > 0 && a.high / a.low >= 50;
    if (!a.log) {
        double low = a.low, high = a.high;
        fit_linear(&a, 6);
        a.step = whole ? fmax(1, a.step) : a.step;      /* no depth 2.5 */
        a.low = fmax(a.low, low - (high - low) * 0.04); /* the data may fill the width */
        a.high = fmin(a.high, high + (high - low) * 0.04);
    }
    return a;
}

static struct axis y_axis(const struct advntk__chart *chart)
{
    struct axis a = {.low = (double)INFINITY, .high = -(double)INFINITY};

    for (ptrdiff_t i = 0; i < chart->count; i++) {
        for (ptrdiff_t j = 0; j < chart->series[i].count; j++) {
            const struct advntk__chart_point *p = &chart->series[i].points[j];
            a.low = fmin(a.low, fmin(p->y, p->low)); /* fmin and fmax pass NaN by */
            a.high = fmax(a.high, fmax(p->y, p->high));
        }
    }
    a.low = fmax(a.low, 0); /* they are all shares; a bar may reach beyond */
    a.high = fmin(a.high, 1);
    fit_linear(&a, 5);
    a.low = fmax(a.low, 0);
    a.high = fmin(a.high, 1);
    return a;
}

static double place_x(const struct axis *a, double x)
{
    double room = WIDTH - LEFT - RIGHT - 2 * a->pad - (a->beyond ? BEYOND : 0);

    if (isinf(x)) {
        return WIDTH - RIGHT - a->pad;
    }
    return LEFT + a->pad +
           room * (a->log ? log(x / a->low) / log(a->high / a->low)
                          : (x - a->low) / (a->high - a->low));
}

static double place_y(const struct axis *a, double y)
{
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (y - a->low) / (a->high - a->low);
}

/* ---- drawing ---- */

/* All ticks of a linear axis have as many decimals as its step. */
static void tick_text(const struct axis *a, double value, struct advntk__text *out)
{
    int decimals = (int)fmax(0, -floor(log10(a->step) + 1e-9));

    if (a->log || decimals > 6 || fabs(value) >= 1e6) {
        advntk__text_printf(out, "%.6g", fabs(value) < 1e-12 ? 0 : value);
    } else {
        advntk__text_printf(out, "%.*f", decimals, value);
    }
}

static void x_tick(const struct axis *a, double x, struct advntk__text *out)
{
    double at = place_x(a, x);

    advntk__text_printf(out, "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>",
                        at, TOP, at, HEIGHT - BOTTOM);
    advntk__text_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", at,
                        HEIGHT - BOTTOM + 20);
    if (isinf(x)) {
        advntk__text_puts(out, "&#8734;");
    } else {
        tick_text(a, x, out);
    }
    advntk__text_puts(out, "</text>\n");
}

/* The multiples of step within an axis; an end that rounding moved by 1e-9 of a step counts. */
static long first_tick(double low, double step)
{
    return (long)ceil(low / step - 1e-9);
}

static long last_tick(double high, double step)
{
    return (long)floor(high / step + 1e-9);
}

/* The powers of ten; where there are less than three, 2 and 5 times them too. */
static void log_ticks(const struct axis *a, struct advntk__text *out)
{
    static const double times[] = {1, 2, 5};
    long first = first_tick(log10(a->low), 1), last = last_tick(log10(a->high), 1);
    bool few = last - first < 2;

    for (long p = first - 1; p <= last; p++) {
        for (int i = 0; i < (few ? 3 : 1); i++) {
            double x = times[i] * pow(10, (double)p);
            if (x >= a->low * (1 - 1e-9) && x <= a->high * (1 + 1e-9)) {
                x_tick(a, x, out);
            }
        }
    }
}

static void draw_axes(const struct advntk__chart *chart, const struct axis *x, const struct axis *y,
                      struct advntk__text *out)
{
    for (long k = first_tick(y->low, y->step); k <= last_tick(y->high, y->step); k++) {
        double value = (double)k * y->step, at = place_y(y, value);
        advntk__text_printf(
            out,
            "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/><text x=\"%d\" "
            "y=\"%.1f\" text-anchor=\"end\">",
            LEFT, at, WIDTH - RIGHT, at, LEFT - 8, at + 4);
        tick_text(y, value, out);
        advntk__text_puts(out, "</text>\n");
    }
    if (x->log) {
        log_ticks(x, out);
    } else {
        for (long k = first_tick(x->low, x->step); k <= last_tick(x->high, x->step); k++) {
            x_tick(x, (double)k * x->step, out);
        }
    }
    if (x->beyond) {
        x_tick(x, (double)INFINITY, out);
    }
    advntk__text_printf(out, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP,
                        HEIGHT - BOTTOM, WIDTH - RIGHT);
    advntk__text_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">",
                        (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8);
    advntk__sheet_escape(ADVNTK__SHEET_HTML, chart->x_title, out);
    advntk__text_printf(out,
                        "</text>\n<text transform=\"translate(14 %d) rotate(-90)\" "
                        "text-anchor=\"middle\">",
                        (TOP + HEIGHT - BOTTOM) / 2);
    advntk__sheet_escape(ADVNTK__SHEET_HTML, chart->y_title, out);
    advntk__text_puts(out, "</text>\n");
}

/* A mark a series, so that colour is not all that tells them apart. */
static void draw_mark(ptrdiff_t series, double x, double y, struct advntk__text *out)
{
    static const char *const shapes[] = {
        "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
        "M-3.5 -3.5h7v7h-7z",
        "M0 -4.8L4.5 3.5H-4.5z",
        "M0 -5L5 0L0 5L-5 0z",
        "M0 4.8L4.5 -3.5H-4.5z",
        "M-4 -1.3h2.7v-2.7h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7z",
        "M-4.5 -2h9v4h-9z",
        "M-2 -4.5h4v9h-4z",
    };

    advntk__text_printf(out,
                        "<path class=\"mark s%td\" transform=\"translate(%.1f %.1f)\" d=\"%s\"/>",
                        series, x, y, shapes[series]);
}

/* What one figure shows of a chart. */
struct picture {
    const struct advntk__chart *chart;
    const struct advntk__chart_series *head; /* the first of those that it has; NULL: it has all */
    struct axis x, y;
    ptrdiff_t count; /* of its series; ADVNTK__CHART_SERIES of them are drawn */
};

static bool same_facet(const struct advntk__chart_series *a, const struct advntk__chart_series *b)
{
    return a->facet == b->facet && strncmp(a->label, b->label, a->facet) == 0;
}

/* The picture's next series behind *i, which begins at -1; NULL: there is none. */
static const struct advntk__chart_series *next_series(const struct picture *p, ptrdiff_t *i)
{
    while (++*i < p->chart->count) {
        if (!p->head || same_facet(p->head, &p->chart->series[*i])) {
            return &p->chart->series[*i];
        }
    }
    return NULL;
}

/* The label without what the title has. */
static const char *label_in(const struct picture *p, const struct advntk__chart_series *s)
{
    return s->label + (p->head ? s->facet + strspn(s->label + s->facet, ", ") : 0);
}

static void draw_bars(const struct picture *p, const struct advntk__chart_series *s,
                      ptrdiff_t number, double aside, struct advntk__text *out)
{
    for (ptrdiff_t j = 0; j < s->count; j++) {
        const struct advntk__chart_point *point = &s->points[j];
        if (isfinite(point->low) && isfinite(point->high)) {
            double at = place_x(&p->x, point->x) + aside,
                   low = place_y(&p->y, fmax(point->low, p->y.low)),
                   high = place_y(&p->y, fmin(point->high, p->y.high));
            advntk__text_printf(
                out, "<path class=\"bar s%td\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh6M%.1f %.1fh6\"/>",
                number, at, low, high, at - 3, low, at - 3, high);
        }
    }
}

static void draw_series(const struct picture *p, const struct advntk__chart_series *s,
                        ptrdiff_t number, struct advntk__text *out)
{
    ptrdiff_t drawn = p->count < ADVNTK__CHART_SERIES ? p->count : ADVNTK__CHART_SERIES;
    /* bars at one place would hide each other */
    double aside = s->dense ? 0 : 4 * ((double)number - (double)(drawn - 1) / 2);
    ptrdiff_t every = s->dense ? 1 + s->count / 5 : 1;

    draw_bars(p, s, number, aside, out);
    advntk__text_printf(out, "<path class=\"line s%td\" d=\"", number);
    for (ptrdiff_t j = 0; j < s->count; j++) {
        /* no line to infinity */
        bool jump = j == 0 || isinf(s->points[j].x);
        advntk__text_printf(out, "%s%.1f %.1f", jump ? "M" : "L",
                            place_x(&p->x, s->points[j].x) + aside, place_y(&p->y, s->points[j].y));
    }
    advntk__text_puts(out, "\"/>\n");
    for (ptrdiff_t j = every * number / ADVNTK__CHART_SERIES; j < s->count; j += every) {
        draw_mark(number, place_x(&p->x, s->points[j].x) + aside, place_y(&p->y, s->points[j].y),
                  out);
    }
}

static void write_legend(const struct picture *p, struct advntk__text *out)
{
    const struct advntk__chart_series *s;
    ptrdiff_t number = 0;

    if (p->count < 2) {
        return; /* the title says it all */
    }
    advntk__text_puts(out, "<ul class=\"legend\">\n");
    for (ptrdiff_t i = -1; (s = next_series(p, &i)) && number < ADVNTK__CHART_SERIES; number++) {
        advntk__text_printf(out,
                            "<li><svg viewBox=\"0 0 28 12\" width=\"28\" height=\"12\" "
                            "aria-hidden=\"true\"><path class=\"line s%td\" d=\"M0 6H28\"/>",
                            number);
        draw_mark(number, 14, 6, out);
        advntk__text_puts(out, "</svg>");
        advntk__sheet_escape(ADVNTK__SHEET_HTML, label_in(p, s), out);
        advntk__text_puts(out, "</li>\n");
    }
    if (p->count > number) {
        advntk__text_printf(out, "<li>and %td more, among the numbers</li>\n", p->count - number);
    }
    advntk__text_puts(out, "</ul>\n");
}

static void write_numbers(const struct picture *p, struct advntk__text *out)
{
    const struct advntk__chart_series *s;
    struct advntk__sheet sheet = {0};
    struct advntk_error err;

    advntk__sheet_column(&sheet, 'l', "curve");
    advntk__sheet_column(&sheet, 'r', "%s", p->chart->x_title);
    advntk__sheet_column(&sheet, 'r', "%s", p->chart->y_title);
    advntk__sheet_column(&sheet, 'r', "from");
    advntk__sheet_column(&sheet, 'r', "to");
    for (ptrdiff_t i = -1; (s = next_series(p, &i));) {
        for (ptrdiff_t j = 0; j < s->count; j++) {
            const struct advntk__chart_point *point = &s->points[j];
            advntk__sheet_add(&sheet, "%s", s->label);
            advntk__sheet_add(&sheet, "%.6g", point->x);
            advntk__sheet_add(&sheet, "%.4f", point->y);
            if (isfinite(point->low)) {
                advntk__sheet_add(&sheet, "%.4f", point->low);
                advntk__sheet_add(&sheet, "%.4f", point->high);
            } else {
                advntk__sheet_add(&sheet, "-");
                advntk__sheet_add(&sheet, "-");
            }
        }
    }
    advntk__text_puts(
        out, "<details><summary>the numbers</summary>\n<div class=\"scroll\" tabindex=\"0\">");
    if (advntk__sheet_write(&sheet, ADVNTK__SHEET_HTML, out, &err) != ADVNTK_OK) {
        out->failed = true;
    }
    advntk__text_puts(out, "</div></details>\n");
    advntk__sheet_release(&sheet);
}

static void write_title(const struct picture *p, struct advntk__text *out)
{
    struct advntk__text title = {0};

    advntk__text_puts(&title, p->chart->title);
    if (p->head) {
        advntk__text_printf(&title, ", %.*s", (int)p->head->facet, p->head->label);
    }
    advntk__sheet_escape(ADVNTK__SHEET_HTML, advntk__text_get(&title), out);
    out->failed = out->failed || title.failed;
    advntk__text_release(&title);
}

static void write_picture(struct picture *p, struct advntk__text *out)
{
    const struct advntk__chart_series *s;
    ptrdiff_t number = 0;

    for (ptrdiff_t i = -1; next_series(p, &i);) {
        p->count++;
    }
    advntk__text_puts(out, "<figure>\n<figcaption>");
    write_title(p, out);
    advntk__text_printf(out,
                        "</figcaption>\n<svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" "
                        "aria-label=\"",
                        WIDTH, HEIGHT);
    write_title(p, out);
    advntk__text_puts(out, "\">\n");
    draw_axes(p->chart, &p->x, &p->y, out);
    for (ptrdiff_t i = -1; (s = next_series(p, &i)) && number < ADVNTK__CHART_SERIES; number++) {
        draw_series(p, s, number, out);
    }
    advntk__text_puts(out, "</svg>\n");
    write_legend(p, out);
    write_numbers(p, out);
    advntk__text_puts(out, "</figure>\n");
}

static bool is_first_of_facet(const struct advntk__chart *chart, ptrdiff_t i)
{
    for (ptrdiff_t j = 0; j < i; j++) {
        if (same_facet(&chart->series[j], &chart->series[i])) {
            return false;
        }
    }
    return true;
}

/* How many figures to make of a chart: one, or one a facet where they have several series each. */
static ptrdiff_t figures_of(const struct advntk__chart *chart)
{
    ptrdiff_t facets = 0;

    for (ptrdiff_t i = 0; i < chart->count; i++) {
        facets += is_first_of_facet(chart, i);
    }
    return chart->count > ADVNTK__CHART_SERIES && 2 * facets <= chart->count ? facets : 1;
}

void advntk__chart_write(struct advntk__chart *chart, struct advntk__text *out)
{
    bool split = figures_of(chart) > 1;

    for (ptrdiff_t i = 0; i < chart->count; i++) {
        qsort(chart->series[i].points, (size_t)chart->series[i].count,
              sizeof(*chart->series[i].points), by_x);
    }
    for (ptrdiff_t i = 0; i < (split ? chart->count : 1); i++) {
        struct picture picture = {.chart = chart, .x = x_axis(chart), .y = y_axis(chart)};
        if (split && !is_first_of_facet(chart, i)) {
            continue;
        }
        picture.head = split ? &chart->series[i] : NULL;
        write_picture(&picture, out);
    }
    out->failed = out->failed || chart->failed;
}
