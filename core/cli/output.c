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

int cli_table_print(struct advntk__sheet *sheet, enum advntk__sheet_format format)
{
    struct advntk__text out = {0};
    struct advntk_error err;
    int code = CLI_DONE;

    if (advntk__sheet_write(sheet, format, &out, &err) == ADVNTK_OK) {
        fputs(advntk__text_get(&out), stdout);
    } else {
        code = cli_error(&err);
    }
    advntk__text_release(&out);
    advntk__sheet_release(sheet);
    return code;
}

void cli_warnings(struct advntk__text *warnings)
{
    const char *at = advntk__text_get(warnings);

    for (; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        cli_fail("%.*s", (int)strcspn(at, "\n"), at);
    }
    advntk__text_release(warnings);
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
