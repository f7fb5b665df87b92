/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/sheet.h"

#include "base/try.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- building ---- */

/* malloc()ed; NULL: no memory */
__attribute__((format(printf, 1, 0))) static char *format_text(const char *format, va_list args)
{
    va_list again;
    char *text = NULL;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length >= 0) {
        text = malloc((size_t)length + 1);
    }
    if (text) {
        vsnprintf(text, (size_t)length + 1, format, args);
    }
    return text;
}

static struct advntk__sheet_column *add_column(struct advntk__sheet *sheet, char *title)
{
    struct advntk__sheet_column *grown =
        realloc(sheet->columns, (size_t)(sheet->column_count + 1) * sizeof(*grown));

    if (grown) {
        sheet->columns = grown;
    }
    if (!grown || !title) {
        sheet->failed = true;
        free(title);
        return NULL;
    }
    grown[sheet->column_count] = (struct advntk__sheet_column){.title = title, .align = 'l'};
    return &grown[sheet->column_count++];
}

void advntk__sheet_column(struct advntk__sheet *sheet, char align, const char *format, ...)
{
    struct advntk__sheet_column *column;
    va_list args;

    va_start(args, format);
    column = add_column(sheet, format_text(format, args));
    va_end(args);
    if (column) {
        column->align = align;
    }
}

void advntk__sheet_numbers(struct advntk__sheet *sheet, const char *title,
                           const char *const *suffixes)
{
    struct advntk__sheet_column *column = add_column(sheet, strdup(title));

    if (!column) {
        return;
    }
    column->align = 'r';
    column->count = 1;
    while (suffixes[column->count - 1] && column->count < ADVNTK__CELL_NUMBERS) {
        column->suffix[column->count] = suffixes[column->count - 1];
        column->count++;
    }
}

static void add_cell(struct advntk__sheet *sheet, const double *numbers, char *text)
{
    struct advntk__sheet_cell *grown = sheet->cells;
    ptrdiff_t room = sheet->cell_room;

    if (sheet->cell_count == room) {
        room = room ? 2 * room : 64;
        grown = realloc(sheet->cells, (size_t)room * sizeof(*grown));
    }
    if (grown) {
        sheet->cells = grown;
        sheet->cell_room = room;
    }
    if (!grown || !text) {
        sheet->failed = true;
        free(text);
        return;
    }
    grown += sheet->cell_count++;
    *grown = (struct advntk__sheet_cell){
        .text = text,
    };
    for (int i = 0; i < ADVNTK__CELL_NUMBERS; i++) {
        grown->numbers[i] = numbers ? numbers[i] : (double)NAN;
    }
}

void advntk__sheet_add(struct advntk__sheet *sheet, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_cell(sheet, NULL, format_text(format, args));
    va_end(args);
}

void advntk__sheet_add_numbers(struct advntk__sheet *sheet, const double *numbers,
                               const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_cell(sheet, numbers, format_text(format, args));
    va_end(args);
}

void advntk__sheet_release(struct advntk__sheet *sheet)
{
    for (ptrdiff_t i = 0; i < sheet->cell_count; i++) {
        free(sheet->cells[i].text);
    }
    for (ptrdiff_t i = 0; i < sheet->column_count; i++) {
        free(sheet->columns[i].title);
    }
    free(sheet->cells);
    free(sheet->columns);
    *sheet = (struct advntk__sheet){0};
}

/* ---- writing ---- */

static const char *escape_latex(char c)
{
    switch (c) {
    case '\\':
        return "\\textbackslash{}";
    case '~':
        return "\\textasciitilde{}";
    case '^':
        return "\\textasciicircum{}";
    case '&':
        return "\\&";
    case '%':
        return "\\%";
    case '$':
        return "\\$";
    case '#':
        return "\\#";
    case '_':
        return "\\_";
    case '{':
        return "\\{";
    case '}':
        return "\\}";
    case '<':
        return "$<$";
    case '>':
        return "$>$";
    case '[': /* behind a line's \\ it would begin an argument */
        return "{[}";
    default:
        return NULL;
    }
}

static const char *escape_html(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return NULL;
    }
}

void advntk__sheet_escape(enum advntk__sheet_format format, const char *text,
                          struct advntk__text *out)
{
    static const char plus_minus[] = "\xc2\xb1";
    const char *instead;

    for (; *text; text++) {
        instead = NULL;
        if (format == ADVNTK__SHEET_LATEX && strncmp(text, plus_minus, 2) == 0) {
            advntk__text_puts(out, "$\\pm$");
            text++;
            continue;
        }
        if (format == ADVNTK__SHEET_LATEX) {
            instead = escape_latex(*text);
        } else if (format == ADVNTK__SHEET_HTML) {
            instead = escape_html(*text);
        } else if (format == ADVNTK__SHEET_MARKDOWN && *text == '|') {
            instead = "\\|";
        } else if (format == ADVNTK__SHEET_CSV && *text == '"') {
            instead = "\"\"";
        } else if (format != ADVNTK__SHEET_CSV && *text == '\n') {
            instead = " ";
        }
        if (instead) {
            advntk__text_puts(out, instead);
        } else {
            advntk__text_add(out, text, 1);
        }
    }
}

/* How many columns of a terminal it takes: its characters, not its bytes. */
static size_t width_of(const char *text)
{
    size_t width = 0;

    for (; *text; text++) {
        width += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return width;
}

static void write_padded(struct advntk__text *out, const char *text, char align, size_t width,
                         bool last)
{
    size_t room = width - width_of(text);

    if (align == 'r') {
        advntk__text_printf(out, "%*s%s", (int)room, "", text);
    } else {
        advntk__text_printf(out, "%s%*s", text, last ? 0 : (int)room, "");
    }
}

static const char *title_of(const struct advntk__sheet *t, ptrdiff_t row, ptrdiff_t column)
{
    return row < 0 ? t->columns[column].title : t->cells[row * t->column_count + column].text;
}

static void write_text(const struct advntk__sheet *t, const size_t *width, struct advntk__text *out)
{
    ptrdiff_t rows = t->cell_count / t->column_count;

    for (ptrdiff_t row = -1; row < rows; row++) {
        for (ptrdiff_t c = 0; c < t->column_count; c++) {
            advntk__text_puts(out, c ? "  " : "");
            write_padded(out, title_of(t, row, c), t->columns[c].align, width[c],
                         c + 1 == t->column_count);
        }
        advntk__text_puts(out, "\n");
    }
}

/* A row with something before, between and behind its escaped cells. */
static void write_row(const struct advntk__sheet *t, ptrdiff_t row,
                      enum advntk__sheet_format format, const char *const around[3],
                      struct advntk__text *out)
{
    for (ptrdiff_t c = 0; c < t->column_count; c++) {
        advntk__text_puts(out, around[c > 0]);
        advntk__sheet_escape(format, title_of(t, row, c), out);
    }
    advntk__text_puts(out, around[2]);
}

static void write_markdown(const struct advntk__sheet *t, struct advntk__text *out)
{
    static const char *const around[] = {"| ", " | ", " |\n"};
    ptrdiff_t rows = t->cell_count / t->column_count;

    write_row(t, -1, ADVNTK__SHEET_MARKDOWN, around, out);
    for (ptrdiff_t c = 0; c < t->column_count; c++) {
        advntk__text_puts(out, t->columns[c].align == 'r' ? "| ---: " : "| --- ");
    }
    advntk__text_puts(out, "|\n");
    for (ptrdiff_t row = 0; row < rows; row++) {
        write_row(t, row, ADVNTK__SHEET_MARKDOWN, around, out);
    }
}

static void write_latex(const struct advntk__sheet *t, struct advntk__text *out)
{
    static const char *const around[] = {"", " & ", " \\\\\n"};
    ptrdiff_t rows = t->cell_count / t->column_count;

    advntk__text_puts(out, "\\begin{tabular}{");
    for (ptrdiff_t c = 0; c < t->column_count; c++) {
        advntk__text_add(out, &t->columns[c].align, 1);
    }
    advntk__text_puts(out, "}\n\\toprule\n");
    write_row(t, -1, ADVNTK__SHEET_LATEX, around, out);
    advntk__text_puts(out, "\\midrule\n");
    for (ptrdiff_t row = 0; row < rows; row++) {
        write_row(t, row, ADVNTK__SHEET_LATEX, around, out);
    }
    advntk__text_puts(out, "\\bottomrule\n\\end{tabular}\n");
}

static void write_html(const struct advntk__sheet *t, struct advntk__text *out)
{
    ptrdiff_t rows = t->cell_count / t->column_count;

    advntk__text_puts(out, "<table>\n");
    for (ptrdiff_t row = -1; row < rows; row++) {
        const char *tag = row < 0 ? "th" : "td", *scope = row < 0 ? " scope=\"col\"" : "";
        advntk__text_puts(out, row < 0 ? "<thead><tr>" : "<tr>");
        for (ptrdiff_t c = 0; c < t->column_count; c++) {
            advntk__text_printf(out, "<%s%s%s>", tag, scope,
                                t->columns[c].align == 'r' ? " class=\"number\"" : "");
            advntk__sheet_escape(ADVNTK__SHEET_HTML, title_of(t, row, c), out);
            advntk__text_printf(out, "</%s>", tag);
        }
        advntk__text_puts(out, row < 0 ? "</tr></thead>\n<tbody>\n" : "</tr>\n");
    }
    advntk__text_puts(out, "</tbody>\n</table>\n");
}

static void write_field(const char *text, struct advntk__text *out)
{
    bool quoted = text[strcspn(text, "\",\r\n")] != '\0';

    advntk__text_puts(out, quoted ? "\"" : "");
    advntk__sheet_escape(ADVNTK__SHEET_CSV, text, out);
    advntk__text_puts(out, quoted ? "\"" : "");
}

static void write_numbers(const struct advntk__sheet *t, ptrdiff_t row, ptrdiff_t c,
                          struct advntk__text *out)
{
    const struct advntk__sheet_column *column = &t->columns[c];
    struct advntk__text name = {0};

    for (int i = 0; i < column->count; i++) {
        advntk__text_puts(out, i ? "," : "");
        if (row < 0) {
            advntk__text_printf(&name, "%s%s%s", column->title, i ? "_" : "",
                                i ? column->suffix[i] : "");
            write_field(advntk__text_get(&name), out);
            out->failed = out->failed || name.failed;
            advntk__text_release(&name);
        } else {
            double value = t->cells[row * t->column_count + c].numbers[i];
            if (!isnan(value)) {
                advntk__text_real(out, value);
            }
        }
    }
}

static void write_csv(const struct advntk__sheet *t, struct advntk__text *out)
{
    ptrdiff_t rows = t->cell_count / t->column_count;

    for (ptrdiff_t row = -1; row < rows; row++) {
        for (ptrdiff_t c = 0; c < t->column_count; c++) {
            advntk__text_puts(out, c ? "," : "");
            if (t->columns[c].count) {
                write_numbers(t, row, c, out);
            } else {
                write_field(title_of(t, row, c), out);
            }
        }
        advntk__text_puts(out, "\n");
    }
}

advntk_status advntk__sheet_write(const struct advntk__sheet *t, enum advntk__sheet_format format,
                                  struct advntk__text *out, struct advntk_error *err)
{
    size_t *width = calloc((size_t)t->column_count + 1, sizeof(*width));
    advntk_status rc = ADVNTK_OK;

    if (!width || t->failed) {
        FAIL(err, ENOMEM, "no memory for a table");
    }
    for (ptrdiff_t i = -t->column_count; i < t->cell_count; i++) {
        ptrdiff_t c = (i + t->column_count) % t->column_count;
        size_t length = width_of(i < 0 ? t->columns[c].title : t->cells[i].text);
        width[c] = length > width[c] ? length : width[c];
    }
    switch (format) {
    case ADVNTK__SHEET_TEXT:
        write_text(t, width, out);
        break;
    case ADVNTK__SHEET_MARKDOWN:
        write_markdown(t, out);
        break;
    case ADVNTK__SHEET_LATEX:
        write_latex(t, out);
        break;
    case ADVNTK__SHEET_CSV:
        write_csv(t, out);
        break;
    case ADVNTK__SHEET_HTML:
        write_html(t, out);
        break;
    }
    if (out->failed) {
        FAIL(err, ENOMEM, "no memory for a table");
    }
out:
    free(width);
    return rc;
}
