/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_fail(const char *format, ...)
{
    va_list args;

    cli_progress_clear();
    va_start(args, format);
    fputs("advntk: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_FAILED;
}

int cli_misuse(const struct cli *cli, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fputs("advntk: ", stderr);
    vfprintf(stderr, format, args);
    fprintf(stderr, " (advntk %s%s--help says more)\n", cli->command ? cli->command->name : "",
            cli->command ? " " : "");
    va_end(args);
    return CLI_USAGE;
}

int cli_error(const struct advntk_error *err)
{
    cli_fail("%s", err->text);
    return err->status == ADVNTK_ECANCELLED ? CLI_INTERRUPTED : CLI_FAILED;
}

void cli_table_add(struct cli_table *table, const char *format, ...)
{
    struct advntk__text cell = {0};
    char **grown;
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    advntk__text_puts(&cell, text);
    grown = realloc(table->items, (size_t)(table->cells + 1) * sizeof(*grown));
    if (!grown || cell.failed) {
        table->failed = true;
        advntk__text_release(&cell);
        if (grown) {
            table->items = grown;
        }
        return;
    }
    table->items = grown;
    table->items[table->cells++] = cell.bytes;
}

static void print_row(const struct cli_table *table, ptrdiff_t first, const char *align,
                      const size_t *width)
{
    for (ptrdiff_t c = 0; c < table->columns; c++) {
        const char *cell = table->items[first + c];
        int room = (int)width[c];
        if (align[c] == 'r') {
            printf("%s%*s", c ? "  " : "", room, cell);
        } else if (c + 1 < table->columns) {
            printf("%s%-*s", c ? "  " : "", room, cell);
        } else {
            printf("%s%s", c ? "  " : "", cell);
        }
    }
    putchar('\n');
}

bool cli_table_print(struct cli_table *table, const char *align)
{
    size_t *width = calloc((size_t)table->columns + 1, sizeof(*width));
    bool good = width && !table->failed && table->cells % table->columns == 0;

    for (ptrdiff_t i = 0; good && i < table->cells; i++) {
        size_t length = strlen(table->items[i]);
        ptrdiff_t c = i % table->columns;
        width[c] = length > width[c] ? length : width[c];
    }
    for (ptrdiff_t i = 0; good && i < table->cells; i += table->columns) {
        print_row(table, i, align, width);
    }
    for (ptrdiff_t i = 0; i < table->cells; i++) {
        free(table->items[i]);
    }
    free(table->items);
    free(width);
    *table = (struct cli_table){0};
    return good;
}

struct advntk__registry *cli_registry(const struct cli *cli)
{
    struct advntk__registry *registry = NULL;
    struct advntk_error err;

    if (advntk__registry_new(cli->plugin_path, cli->unsafe, &registry, &err) != ADVNTK_OK) {
        cli_error(&err);
        return NULL;
    }
    for (ptrdiff_t i = 0; cli->verbose && i < advntk__registry_refusal_count(registry); i++) {
        const struct advntk__refusal *r = advntk__registry_refusal(registry, i);
        cli_fail("refused %s: %s", r->file, r->reason);
    }
    return registry;
}
