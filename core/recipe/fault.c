/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void advntk__way_text(const struct advntk__way *way, struct advntk__text *out)
{
    const struct advntk__way *chain[ADVNTK__COPY_DEPTH];
    int depth = 0;
    for (; way && depth < ADVNTK__COPY_DEPTH; way = way->up) {
        chain[depth++] = way;
    }
    while (depth-- > 0) {
        if (out->length > 0 && (chain[depth]->name || chain[depth]->index >= 0)) {
            advntk__text_puts(out, ".");
        }
        if (chain[depth]->name) {
            advntk__text_puts(out, chain[depth]->name);
        } else {
            advntk__text_printf(out, "%td", chain[depth]->index);
        }
    }
}

/* Control characters would break the rule of one line a mistake. */
static void one_line(struct advntk__text *t)
{
    for (size_t i = 0; i < t->length; i++) {
        unsigned char c = (unsigned char)t->bytes[i];
        if (c < 0x20 || c == 0x7f) {
            t->bytes[i] = ' ';
        }
    }
}

/* The same message at the same place about a key of the same name: a reference, or another run. */
static bool known(const struct advntk__faults *faults, const struct advntk__place *place,
                  const char *message)
{
    for (ptrdiff_t i = 0; i < faults->count; i++) {
        const struct advntk__fault_line *line = &faults->lines[i];
        if (strcmp(line->text + line->message, message) == 0 &&
            strncmp(line->text, place->text, strlen(place->text)) == 0 &&
            line->text[strlen(place->text)] == ':') {
            return true;
        }
    }
    return false;
}

static bool make_room(struct advntk__faults *faults)
{
    struct advntk__fault_line *lines;
    ptrdiff_t room = faults->room ? 2 * faults->room : 8;
    if (faults->count < faults->room) {
        return true;
    }
    lines = realloc(faults->lines, (size_t)room * sizeof(*lines));
    if (!lines) {
        return false;
    }
    faults->lines = lines;
    faults->room = room;
    return true;
}

void advntk__fault(struct advntk__faults *faults, const struct advntk__place *place,
                   const struct advntk__way *way, const char *format, ...)
{
    struct advntk__text text = {0}, path = {0};
    char message[1024];
    const char *dot;
    size_t begins;
    va_list args;
    bool whole;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    advntk__way_text(way, &path);
    advntk__text_printf(&text, "%s: error: %s%s%s", place->text, advntk__text_get(&path),
                        path.length > 0 ? ": " : "", message);
    one_line(&text);
    dot = path.length > 0 ? strrchr(path.bytes, '.') : NULL;
    begins = strlen(place->text) + strlen(": error: ") + (dot ? (size_t)(dot - path.bytes) : 0);
    whole = !text.failed && !path.failed;
    if (whole && known(faults, place, text.bytes + begins)) {
        /* noted already */
    } else if (whole && faults->count >= ADVNTK__FAULTS_SHOWN) {
        faults->hidden++;
    } else if (!whole || !make_room(faults)) {
        faults->no_memory = true;
    } else {
        faults->lines[faults->count++] = (struct advntk__fault_line){
            place->order, place->line, place->column, text.bytes, begins};
        text = (struct advntk__text){0};
    }
    advntk__text_release(&text);
    advntk__text_release(&path);
}

bool advntk__faults_any(const struct advntk__faults *faults)
{
    return faults->count > 0 || faults->no_memory;
}

static int by_place(const void *left, const void *right)
{
    const struct advntk__fault_line *a = left, *b = right;
    if (a->order != b->order) {
        return a->order < b->order ? -1 : 1;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return strcmp(a->text, b->text);
}

void advntk__faults_print(struct advntk__faults *faults, struct advntk__text *out)
{
    if (faults->count > 0) {
        qsort(faults->lines, (size_t)faults->count, sizeof(*faults->lines), by_place);
    }
    for (ptrdiff_t i = 0; i < faults->count; i++) {
        advntk__text_puts(out, faults->lines[i].text);
        advntk__text_puts(out, "\n");
    }
    if (faults->hidden > 0) {
        advntk__text_printf(out, "and more mistakes beyond these %d\n", ADVNTK__FAULTS_SHOWN);
    }
}

void advntk__faults_release(struct advntk__faults *faults)
{
    for (ptrdiff_t i = 0; i < faults->count; i++) {
        free(faults->lines[i].text);
    }
    free(faults->lines);
    *faults = (struct advntk__faults){0};
}

void advntk__names_hint(const char *name, ptrdiff_t count, const char *const *names,
                        struct advntk__text *out)
{
    const char *near = advntk__text_nearest(name, count, names);
    const char *comma = "";
    if (near) {
        advntk__text_printf(out, "; did you mean '%s'?", near);
        return;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        if (names[i]) {
            advntk__text_printf(out, "%s%s", *comma ? comma : "; known: ", names[i]);
            comma = ", ";
        }
    }
}
