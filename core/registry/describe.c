/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "registry/describe.h"
#include "base/files.h"
#include "base/try.h"
#include "registry/internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 100, CELL_WIDTH_MAX = 36 };

/* ---- the pieces of a row ---- */

static enum advntk_param_type value_type(const struct advntk_param *row)
{
    return row->type == ADVNTK_PARAM_LIST ? row->element : row->type;
}

void advntk__param_type_text(const struct advntk_param *row, struct advntk__text *out)
{
    if (row->type == ADVNTK_PARAM_LIST) {
        advntk__text_puts(out, "list of ");
    }
    if (value_type(row) == ADVNTK_PARAM_SLOT) {
        advntk__text_printf(out, "%s plugin%s", advntk__kind_name(row->slot_kind),
                            row->type == ADVNTK_PARAM_LIST ? "s" : "");
        return;
    }
    advntk__text_puts(out, advntk__param_type_name(value_type(row)));
}

void advntk__param_default_text(const struct advntk_param *row, struct advntk__text *out)
{
    if (row->flags & ADVNTK_P_REQUIRED) {
        advntk__text_puts(out, "required");
        return;
    }
    switch (row->type) {
    case ADVNTK_PARAM_BOOL:
        advntk__text_puts(out, row->def.b ? "true" : "false");
        break;
    case ADVNTK_PARAM_INT:
        advntk__text_printf(out, "%" PRId64, row->def.i);
        break;
    case ADVNTK_PARAM_REAL:
    case ADVNTK_PARAM_PAIR:
        if (!isnan(row->def.r)) { /* NaN: not given */
            advntk__text_real(out, row->def.r);
        }
        break;
    case ADVNTK_PARAM_STRING:
    case ADVNTK_PARAM_PATH:
    case ADVNTK_PARAM_CHOICE:
    case ADVNTK_PARAM_SLOT:
    case ADVNTK_PARAM_LIST:
        if (row->def.s) {
            advntk__text_puts(out, *row->def.s ? row->def.s : "\"\"");
        }
        break;
    case ADVNTK_PARAM_NODE:
    case ADVNTK_PARAM_TYPE_END:
        break;
    }
}

static void range_of_reals(const struct advntk_param *row, struct advntk__text *out)
{
    bool low = !isinf(row->min.r), high = !isinf(row->max.r);
    if (low && high) {
        advntk__text_puts(out, row->flags & ADVNTK_P_MIN_OPEN ? "above " : "");
        advntk__text_real(out, row->min.r);
        advntk__text_puts(out, row->flags & ADVNTK_P_MAX_OPEN ? " to below " : " to ");
        advntk__text_real(out, row->max.r);
    } else if (low) {
        advntk__text_puts(out, row->flags & ADVNTK_P_MIN_OPEN ? "above " : "at least ");
        advntk__text_real(out, row->min.r);
    } else if (high) {
        advntk__text_puts(out, row->flags & ADVNTK_P_MAX_OPEN ? "below " : "at most ");
        advntk__text_real(out, row->max.r);
    }
}

static void range_of_ints(const struct advntk_param *row, struct advntk__text *out)
{
    int64_t low = row->min.i + (row->flags & ADVNTK_P_MIN_OPEN ? 1 : 0);
    int64_t high = row->max.i - (row->flags & ADVNTK_P_MAX_OPEN ? 1 : 0);
    if (low != INT64_MIN && high != INT64_MAX) {
        advntk__text_printf(out, "%" PRId64 " to %" PRId64, low, high);
    } else if (low != INT64_MIN) {
        advntk__text_printf(out, "at least %" PRId64, low);
    } else if (high != INT64_MAX) {
        advntk__text_printf(out, "at most %" PRId64, high);
    }
}

void advntk__param_range_text(const struct advntk_param *row, struct advntk__text *out)
{
    enum advntk_param_type type = value_type(row);
    if (type == ADVNTK_PARAM_INT) {
        range_of_ints(row, out);
    } else if (type == ADVNTK_PARAM_REAL || type == ADVNTK_PARAM_PAIR) {
        range_of_reals(row, out);
    } else if (type == ADVNTK_PARAM_CHOICE) {
        for (ptrdiff_t i = 0; row->choices[i]; i++) {
            advntk__text_printf(out, "%s%s", i ? ", " : "", row->choices[i]);
        }
    }
}

/* ---- a piece of recipe ---- */

/* A value that a required parameter may have. */
static void example_value(const struct advntk_param *row, struct advntk__text *out)
{
    double low = row->min.r, high = row->max.r;
    switch (row->type) {
    case ADVNTK_PARAM_BOOL:
        advntk__text_puts(out, "true");
        break;
    case ADVNTK_PARAM_INT:
        advntk__text_printf(out, "%" PRId64, row->min.i + (row->flags & ADVNTK_P_MIN_OPEN ? 1 : 0));
        break;
    case ADVNTK_PARAM_REAL:
    case ADVNTK_PARAM_PAIR:
        low = isinf(low) ? fmin(0, high - 1) : low;
        high = isinf(high) ? low + 2 : high;
        advntk__text_real(out, low + (high - low) / 2);
        break;
    case ADVNTK_PARAM_CHOICE:
        advntk__text_puts(out, row->choices[0]);
        break;
    case ADVNTK_PARAM_LIST:
        advntk__text_puts(out, row->slot_kind == ADVNTK_KIND_ATTACK ? "[pgd, fgsm]" : "[]");
        break;
    case ADVNTK_PARAM_NODE:
        advntk__text_puts(out, "[]");
        break;
    case ADVNTK_PARAM_SLOT:
        advntk__text_puts(out, "NAME");
        break;
    case ADVNTK_PARAM_STRING:
    case ADVNTK_PARAM_PATH:
    case ADVNTK_PARAM_TYPE_END:
        advntk__text_printf(out, "\"%s\"", row->type == ADVNTK_PARAM_PATH ? "FILE" : "TEXT");
        break;
    }
}

/* A text as a YAML scalar: as it is where that is safe, else in double quotes. */
static void yaml_text(const char *text, struct advntk__text *out)
{
    size_t length = strlen(text);
    bool plain = length > 0 &&
                 strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "0123456789_-./") == length &&
                 ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'));
    if (plain) {
        advntk__text_puts(out, text);
        return;
    }
    advntk__text_puts(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            advntk__text_add(out, "\\", 1);
        }
        advntk__text_add(out, text, 1);
    }
    advntk__text_puts(out, "\"");
}

/* Neither what has no default, nor a slot whose default is a whole map: the table shows that. */
static bool has_example(const struct advntk_param *row)
{
    struct advntk__text text = {0};
    bool has;
    advntk__param_default_text(row, &text);
    has = text.length > 0 && !(row->type == ADVNTK_PARAM_SLOT && text.bytes[0] == '{');
    advntk__text_release(&text);
    return has;
}

static void example_row(const struct advntk_param *row, const char *indent,
                        struct advntk__text *out)
{
    if (!has_example(row)) {
        return;
    }
    advntk__text_printf(out, "%s%s: ", indent, row->name);
    if (row->flags & ADVNTK_P_REQUIRED) {
        example_value(row, out);
        advntk__text_puts(out, "  # required");
    } else if (row->type == ADVNTK_PARAM_STRING || row->type == ADVNTK_PARAM_PATH) {
        yaml_text(row->def.s, out);
    } else if (row->type == ADVNTK_PARAM_SLOT && row->slot_kind == ADVNTK_KIND_ATTACK) {
        advntk__text_printf(out, "{plugin: %s, norm: linf, radius: 8/255}", row->def.s);
    } else {
        advntk__param_default_text(row, out);
    }
    advntk__text_puts(out, "\n");
}

/* Every parameter with its default, at the place of a recipe where such a plugin stands. */
static void example(const struct advntk_plugin *plugin, struct advntk__text *out)
{
    static const struct {
        const char *above, *key;
    } places[] = {
        [ADVNTK_KIND_DATASET] = {"data:\n  ", "dataset"},
        [ADVNTK_KIND_ARCHITECTURE] = {"model:\n  ", "architecture"},
        [ADVNTK_KIND_ACTIVATION] = {"model:\n  architecture:\n    plugin: mlp\n    ", "activation"},
        [ADVNTK_KIND_KERNEL] = {"model:\n  ", "kernel"},
        [ADVNTK_KIND_NORM] = {"attack:\n  ", "norm"},
        [ADVNTK_KIND_ATTACK] = {"evaluate:\n  - name: robust\n    ", "attack"},
        [ADVNTK_KIND_LOSS] = {"method:\n  ", "loss"},
        [ADVNTK_KIND_METHOD] = {"", "method"},
        [ADVNTK_KIND_OPTIMIZER] = {"method:\n  ", "optimizer"},
        [ADVNTK_KIND_BACKEND] = {"", "backend"},
    };
    const char *above = places[plugin->kind].above ? places[plugin->kind].above : "";
    const char *last = strrchr(above, '\n');
    const struct advntk_attack_ops *attack =
        plugin->kind == ADVNTK_KIND_ATTACK ? plugin->ops : NULL;
    char indent[16];

    snprintf(indent, sizeof(indent), "%*s", (int)(last ? strlen(last + 1) : 0) + 2, "");
    advntk__text_printf(out, "%s%s:\n%splugin: %s\n", above, places[plugin->kind].key, indent,
                        plugin->name);
    if (attack && attack->goal != ADVNTK_GOAL_NONE) {
        advntk__text_printf(out, "%snorm: linf\n%sradius: 8/255\n", indent, indent);
    }
    for (const struct advntk_param *row = plugin->params; row && row->name; row++) {
        example_row(row, indent, out);
    }
}

/* ---- text ---- */

/* Columns that a UTF-8 text takes: its code points. */
static int columns(const char *text)
{
    int n = 0;
    for (; *text; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n;
}

static void pad(struct advntk__text *out, const char *text, int width)
{
    advntk__text_printf(out, "%s%*s", text, width > columns(text) ? width - columns(text) : 0, "");
}

/* Words of a text in lines of at most WIDTH columns; a newline in it stays one. */
static void wrap(struct advntk__text *out, const char *text, int indent)
{
    int at = 0;
    while (*text) {
        size_t length = strcspn(text, " \n");
        char word[WIDTH * 4 + 1];
        snprintf(word, sizeof(word), "%.*s", (int)length, text);
        if (at > 0 && at + 1 + columns(word) > WIDTH) {
            advntk__text_puts(out, "\n");
            at = 0;
        }
        if (length > 0) {
            advntk__text_printf(out, "%*s", at == 0 ? indent : 1, "");
            advntk__text_add(out, text, length);
            at += (at == 0 ? indent : 1) + columns(word);
        }
        text += length;
        if (*text == '\n') {
            advntk__text_puts(out, "\n");
            at = 0;
        }
        text += *text != '\0';
    }
    advntk__text_puts(out, at > 0 ? "\n" : "");
}

enum { CELL_NAME, CELL_TYPE, CELL_DEFAULT, CELL_RANGE, CELL_UNIT, CELL_COUNT };
static const char *const heads[CELL_COUNT] = {"name", "type", "default", "range", "unit"};

static void row_cells(const struct advntk_param *row, struct advntk__text cells[CELL_COUNT])
{
    for (int c = 0; c < CELL_COUNT; c++) {
        cells[c] = (struct advntk__text){0};
    }
    advntk__text_puts(&cells[CELL_NAME], row->name);
    advntk__param_type_text(row, &cells[CELL_TYPE]);
    advntk__param_default_text(row, &cells[CELL_DEFAULT]);
    advntk__param_range_text(row, &cells[CELL_RANGE]);
    advntk__text_puts(&cells[CELL_UNIT], row->unit ? row->unit : "");
}

static void release_cells(struct advntk__text cells[CELL_COUNT], struct advntk__text *out)
{
    for (int c = 0; c < CELL_COUNT; c++) {
        out->failed = out->failed || cells[c].failed;
        advntk__text_release(&cells[c]);
    }
}

/* What does not fit into its column goes to the lines below the row. */
static bool fits(const struct advntk__text cells[CELL_COUNT], int cell)
{
    return (cell != CELL_RANGE && cell != CELL_DEFAULT) ||
           columns(advntk__text_get(&cells[cell])) <= CELL_WIDTH_MAX;
}

static void text_row(const struct advntk_param *row, const int widths[CELL_COUNT],
                     struct advntk__text *out)
{
    struct advntk__text cells[CELL_COUNT], line = {0};
    row_cells(row, cells);
    for (int c = 0; c < CELL_COUNT; c++) {
        pad(&line, c == 0 ? "" : "  ", 2);
        pad(&line, fits(cells, c) ? advntk__text_get(&cells[c]) : "", widths[c]);
    }
    while (line.length > 0 && line.bytes[line.length - 1] == ' ') {
        line.bytes[--line.length] = '\0';
    }
    advntk__text_printf(out, "%s\n", advntk__text_get(&line));
    line.length = 0;
    advntk__text_puts(&line, row->help);
    if (!fits(cells, CELL_DEFAULT)) {
        advntk__text_printf(&line, "\nDefault: %s", advntk__text_get(&cells[CELL_DEFAULT]));
    }
    if (!fits(cells, CELL_RANGE)) {
        advntk__text_printf(&line, "\nOne of: %s.", advntk__text_get(&cells[CELL_RANGE]));
    }
    if (row->symbol || row->source) {
        advntk__text_printf(&line, "%s%s%s%s%s)", " (", row->symbol ? "in the paper: " : "",
                            row->symbol ? row->symbol : "", row->symbol && row->source ? "; " : "",
                            row->source ? row->source : "");
    }
    wrap(out, advntk__text_get(&line), 6);
    out->failed = out->failed || line.failed;
    advntk__text_release(&line);
    release_cells(cells, out);
}

static void text_table(const char *title, const struct advntk_param *rows, struct advntk__text *out)
{
    int widths[CELL_COUNT];

    if (!rows || !rows->name) {
        return;
    }
    for (int c = 0; c < CELL_COUNT; c++) {
        widths[c] = columns(heads[c]);
    }
    for (const struct advntk_param *row = rows; row->name; row++) {
        struct advntk__text cells[CELL_COUNT];
        row_cells(row, cells);
        for (int c = 0; c < CELL_COUNT; c++) {
            int width = columns(advntk__text_get(&cells[c]));
            if (fits(cells, c) && width > widths[c]) {
                widths[c] = width;
            }
        }
        release_cells(cells, out);
    }
    advntk__text_printf(out, "\n%s:\n", title);
    for (int c = 0; c < CELL_COUNT; c++) {
        advntk__text_puts(out, "  ");
        pad(out, heads[c], c + 1 < CELL_COUNT ? widths[c] : 0);
    }
    advntk__text_puts(out, "\n");
    for (const struct advntk_param *row = rows; row->name; row++) {
        text_row(row, widths, out);
    }
}

static void host_title(uint32_t kind, struct advntk__text *out)
{
    advntk__text_printf(out, "Parameters of every %s", advntk__kind_name(kind));
}

static void describe_text(const struct advntk_plugin *plugin, struct advntk__text *out)
{
    struct advntk__text piece = {0}, title = {0};

    advntk__text_printf(out, "%s/%s %s (%s)\n", advntk__kind_name(plugin->kind), plugin->name,
                        plugin->version, plugin->licence);
    wrap(out, plugin->summary, 2);
    if (plugin->doc && *plugin->doc) {
        advntk__text_puts(out, "\n");
        wrap(out, plugin->doc, 2);
    }
    if (plugin->source && *plugin->source) {
        advntk__text_puts(out, "\nSource:\n");
        wrap(out, plugin->source, 2);
    }
    text_table("Parameters", plugin->params, out);
    host_title(plugin->kind, &title);
    text_table(advntk__text_get(&title), advntk__host_params(plugin->kind), out);
    example(plugin, &piece);
    advntk__text_puts(out, "\nIn a recipe:\n");
    for (const char *line = advntk__text_get(&piece); *line;) {
        size_t length = strcspn(line, "\n") + 1;
        advntk__text_puts(out, "  ");
        advntk__text_add(out, line, length);
        line += length;
    }
    out->failed = out->failed || piece.failed || title.failed;
    advntk__text_release(&piece);
    advntk__text_release(&title);
}

/* ---- Markdown ---- */

/* A table cell: '|' would end it, a newline the row. */
static void md_cell(struct advntk__text *out, const char *text)
{
    advntk__text_puts(out, " ");
    for (; *text; text++) {
        advntk__text_puts(out, *text == '|' ? "\\" : "");
        advntk__text_add(out, *text == '\n' ? " " : text, 1);
    }
    advntk__text_puts(out, " |");
}

static void md_table(const char *title, const struct advntk_param *rows, struct advntk__text *out)
{
    if (!rows || !rows->name) {
        return;
    }
    advntk__text_printf(out, "\n### %s\n\n", title);
    advntk__text_puts(out, "| name | type | default | range | unit | symbol | meaning |\n"
                           "| --- | --- | --- | --- | --- | --- | --- |\n");
    for (const struct advntk_param *row = rows; row->name; row++) {
        struct advntk__text cells[CELL_COUNT], code = {0};
        row_cells(row, cells);
        advntk__text_printf(&code, "`%s`", row->name);
        advntk__text_puts(out, "|");
        md_cell(out, advntk__text_get(&code));
        for (int c = CELL_TYPE; c < CELL_COUNT; c++) {
            md_cell(out, advntk__text_get(&cells[c]));
        }
        md_cell(out, row->symbol ? row->symbol : "");
        md_cell(out, row->help);
        advntk__text_puts(out, "\n");
        out->failed = out->failed || code.failed;
        advntk__text_release(&code);
        release_cells(cells, out);
    }
}

static void describe_md(const struct advntk_plugin *plugin, struct advntk__text *out)
{
    struct advntk__text title = {0};

    advntk__text_printf(out, "## %s/%s\n\n%s\n\nVersion %s, licence %s.\n",
                        advntk__kind_name(plugin->kind), plugin->name, plugin->summary,
                        plugin->version, plugin->licence);
    if (plugin->doc && *plugin->doc) {
        advntk__text_printf(out, "\n%s\n", plugin->doc);
    }
    if (plugin->source && *plugin->source) {
        advntk__text_printf(out, "\nSource: %s\n", plugin->source);
    }
    md_table("Parameters", plugin->params, out);
    host_title(plugin->kind, &title);
    md_table(advntk__text_get(&title), advntk__host_params(plugin->kind), out);
    advntk__text_puts(out, "\n### In a recipe\n\n```yaml\n");
    example(plugin, out);
    advntk__text_puts(out, "```\n");
    out->failed = out->failed || title.failed;
    advntk__text_release(&title);
}

advntk_status advntk__describe_plugin(const struct advntk__plugin_record *record,
                                      enum advntk__format format, struct advntk__text *out,
                                      struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__text piece = {0};

    switch (format) {
    case ADVNTK__FORMAT_TEXT:
        describe_text(&record->plugin, out);
        break;
    case ADVNTK__FORMAT_MD:
        describe_md(&record->plugin, out);
        break;
    case ADVNTK__FORMAT_JSON:
        example(&record->plugin, &piece);
        advntk__describe_json(record, advntk__text_get(&piece), out);
        break;
    }
    if (out->failed || piece.failed) {
        FAIL(err, ENOMEM, "no memory for the description of a plugin");
    }
out:
    advntk__text_release(&piece);
    return rc;
}

/* ---- lists ---- */

static bool is_listed(const struct advntk__plugin_record *r, uint32_t kind, bool all)
{
    return (kind == 0 || r->plugin.kind == kind) && (all || !r->shadowed_by);
}

static void list_text(const struct advntk__registry *registry, uint32_t kind, bool all,
                      struct advntk__text *out)
{
    int widths[2] = {0, 0};

    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk__plugin_record *r = advntk__registry_get(registry, i);
        if (is_listed(r, kind, all)) {
            int name =
                (int)(strlen(advntk__kind_name(r->plugin.kind)) + strlen(r->plugin.name)) + 1;
            int version = (int)strlen(r->plugin.version);
            widths[0] = name > widths[0] ? name : widths[0];
            widths[1] = version > widths[1] ? version : widths[1];
        }
    }
    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk__plugin_record *r = advntk__registry_get(registry, i);
        const char *kind_name = advntk__kind_name(r->plugin.kind);
        if (!is_listed(r, kind, all)) {
            continue;
        }
        advntk__text_printf(out, "%s/%-*s  %-*s  %s\n", kind_name,
                            widths[0] - (int)strlen(kind_name) - 1, r->plugin.name, widths[1],
                            r->plugin.version, r->plugin.summary);
        if (all) {
            advntk__text_printf(out, "    %s%s%s\n", r->file,
                                r->shadowed_by ? ", shadowed by " : "",
                                r->shadowed_by ? r->shadowed_by : "");
        }
    }
    for (ptrdiff_t i = 0; all && i < advntk__registry_refusal_count(registry); i++) {
        const struct advntk__refusal *r = advntk__registry_refusal(registry, i);
        if (advntk__refusal_concerns(r, kind)) {
            advntk__text_printf(out, "refused: %s: %s\n", r->file, r->reason);
        }
    }
}

static void list_md(const struct advntk__registry *registry, uint32_t kind, bool all,
                    struct advntk__text *out)
{
    advntk__text_puts(out, "| plugin | version | summary |\n| --- | --- | --- |\n");
    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk__plugin_record *r = advntk__registry_get(registry, i);
        if (is_listed(r, kind, all)) {
            advntk__text_printf(out, "| %s/%s |", advntk__kind_name(r->plugin.kind),
                                r->plugin.name);
            md_cell(out, r->plugin.version);
            md_cell(out, r->plugin.summary);
            advntk__text_puts(out, "\n");
        }
    }
    for (ptrdiff_t i = 0; all && i < advntk__registry_refusal_count(registry); i++) {
        const struct advntk__refusal *r = advntk__registry_refusal(registry, i);
        if (advntk__refusal_concerns(r, kind)) {
            advntk__text_printf(out, "\nRefused: `%s`: %s\n", r->file, r->reason);
        }
    }
}

advntk_status advntk__list_plugins(const struct advntk__registry *registry, uint32_t kind, bool all,
                                   enum advntk__format format, struct advntk__text *out,
                                   struct advntk_error *err)
{
    switch (format) {
    case ADVNTK__FORMAT_TEXT:
        list_text(registry, kind, all, out);
        break;
    case ADVNTK__FORMAT_MD:
        list_md(registry, kind, all, out);
        break;
    case ADVNTK__FORMAT_JSON:
        advntk__list_json(registry, kind, all, out);
        break;
    }
    return out->failed ? ADVNTK_FAIL(err, ENOMEM, "no memory for the list of plugins") : ADVNTK_OK;
}
