/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ptrdiff_t cli_options(struct cli *cli, struct cli_option all[CLI_OPTIONS_MAX])
{
    const char *formats = cli->command->tables ? "text|markdown|latex|csv|json" : "text|json";
    const struct cli_option common[] = {
        {CLI_TEXT, "results", 0, "DIR", &cli->results,
         "where runs are kept (default: results, or ADVNTK_RESULTS)"},
        {CLI_TEXT, "plugin-path", 0, "DIR:...", &cli->plugin_path,
         "folders of more plugins, looked at first"},
        {CLI_FLAG, "allow-writable-plugins", 0, NULL, &cli->unsafe,
         "also load plugins that others may write to"},
        {CLI_COUNT, "threads", 0, "N", &cli->threads,
         "threads (default: all that the process may use)"},
        {CLI_FORMAT, "format", 0, formats, cli, "how results are printed (default: text)"},
        {CLI_FLAG, "quiet", 'q', NULL, &cli->quiet, "only results and errors"},
        {CLI_FLAG, "verbose", 'v', NULL, &cli->verbose, "say more"},
        {CLI_FLAG, "help", 'h', NULL, &cli->help, "this text"},
    };
    ptrdiff_t n = 0;

    for (const struct cli_option *o = cli->command->options; o && o->kind != CLI_END; o++) {
        all[n++] = *o;
    }
    for (size_t i = 0; i < sizeof(common) / sizeof(*common); i++) {
        all[n++] = common[i];
    }
    return n;
}

void cli_help(const struct cli_command *command)
{
    struct cli none = {.command = command};
    struct cli_option all[CLI_OPTIONS_MAX];
    ptrdiff_t n = cli_options(&none, all);

    printf("usage: advntk %s%s%s [options]\n\n%s.\n", command->name, *command->words ? " " : "",
           command->words, command->summary);
    if (command->text) {
        printf("\n%s\n", command->text);
    }
    printf("\noptions:\n");
    for (ptrdiff_t i = 0; i < n; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%c%c%s--%s%s%s", all[i].letter ? '-' : ' ',
                 all[i].letter ? all[i].letter : ' ', all[i].letter ? ", " : "  ", all[i].name,
                 all[i].argument ? " " : "", all[i].argument ? all[i].argument : "");
        printf("  %-32s %s\n", left, all[i].help);
    }
    printf("\nexample:\n  %s\n", command->example);
}

static bool parse_size(const char *text, int64_t *bytes)
{
    static const char units[] = "KMGT";
    char *end = NULL;
    double value = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;

    if (unit) {
        value = ldexp(value, 10 * (int)(unit - units + 1));
        end++;
        if (*end == 'i') {
            end++;
        }
    }
    if (*end == 'B') {
        end++;
    }
    if (end == text || *end || !(value >= 1 && value < 0x1p62)) {
        return false;
    }
    *bytes = (int64_t)value;
    return true;
}

static int add_word(struct cli_words *words, const char *word)
{
    const char **grown = realloc(words->items, (size_t)(words->count + 1) * sizeof(*grown));

    if (!grown) {
        return cli_fail("no memory for the command line");
    }
    words->items = grown;
    words->items[words->count++] = word;
    return CLI_DONE;
}

static int take_format(struct cli *cli, const char *value)
{
    static const char *const tables[] = {[ADVNTK__SHEET_TEXT] = "text",
                                         [ADVNTK__SHEET_MARKDOWN] = "markdown",
                                         [ADVNTK__SHEET_LATEX] = "latex",
                                         [ADVNTK__SHEET_CSV] = "csv"};
    int count = cli->command->tables ? (int)(sizeof(tables) / sizeof(*tables)) : 1;

    cli->json = strcmp(value, "json") == 0;
    for (int i = 0; i < count && !cli->json; i++) {
        if (strcmp(value, tables[i]) == 0) {
            cli->sheet = (enum advntk__sheet_format)i;
            return CLI_DONE;
        }
    }
    if (!cli->json) {
        return cli_misuse(cli, "--format %s: expected %s", value,
                          cli->command->tables ? "text, markdown, latex, csv or json"
                                               : "text or json");
    }
    return CLI_DONE;
}

static int take_value(const struct cli *cli, const struct cli_option *option, const char *value)
{
    char *end = NULL;
    long number;

    switch (option->kind) {
    case CLI_TEXT:
        *(const char **)option->target = value;
        return CLI_DONE;
    case CLI_WORDS:
        return add_word(option->target, value);
    case CLI_COUNT:
        errno = 0;
        number = strtol(value, &end, 10);
        if (end == value || *end || errno || number < 1 || number > 4096) {
            return cli_misuse(cli, "--%s %s: expected a whole number from 1 to 4096", option->name,
                              value);
        }
        *(int *)option->target = (int)number;
        return CLI_DONE;
    case CLI_SIZE:
        return parse_size(value, option->target)
                   ? CLI_DONE
                   : cli_misuse(cli, "--%s %s: expected a size such as 8G or 512M", option->name,
                                value);
    case CLI_FORMAT:
        return take_format(option->target, value);
    case CLI_FLAG:
    case CLI_END:
        break;
    }
    return CLI_DONE;
}

static int unknown_option(const struct cli *cli, const char *word, ptrdiff_t n,
                          const struct cli_option *all)
{
    const char *names[CLI_OPTIONS_MAX], *nearest;
    char name[64];

    for (ptrdiff_t i = 0; i < n; i++) {
        names[i] = all[i].name;
    }
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
    nearest = word[1] == '-' ? advntk__text_nearest(name, n, names) : NULL;
    if (nearest) {
        return cli_misuse(cli, "no option '%s'; did you mean '--%s'?", word, nearest);
    }
    return cli_misuse(cli, "no option '%s'", word);
}

/* One option at argv[*at]; *at is moved to its last word. */
static int take_option(struct cli *cli, ptrdiff_t n, const struct cli_option *all, int argc,
                       char **argv, int *at)
{
    const char *word = argv[*at], *value = NULL;
    bool is_long = word[1] == '-';
    size_t length = is_long ? strcspn(word + 2, "=") : 1;

    for (ptrdiff_t i = 0; i < n; i++) {
        const struct cli_option *o = &all[i];
        bool same = is_long ? strlen(o->name) == length && strncmp(o->name, word + 2, length) == 0
                            : o->letter && o->letter == word[1];
        if (!same) {
            continue;
        }
        value = is_long ? (word[2 + length] == '=' ? word + 3 + length : NULL)
                        : (word[2] ? word + 2 : NULL);
        if (o->kind == CLI_FLAG) {
            if (value) {
                return cli_misuse(cli, "%s: --%s takes no value", word, o->name);
            }
            *(bool *)o->target = true;
            return CLI_DONE;
        }
        if (!value) {
            if (*at + 1 >= argc) {
                return cli_misuse(cli, "%s: expected %s behind it", word, o->argument);
            }
            value = argv[++*at];
        }
        return take_value(cli, o, value);
    }
    return unknown_option(cli, word, n, all);
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
    struct cli_option all[CLI_OPTIONS_MAX];
    struct cli_words words = {0};
    ptrdiff_t n = cli_options(cli, all);
    bool options = true;
    int code = CLI_DONE;

    for (int at = 0; at < argc && code == CLI_DONE; at++) {
        if (options && strcmp(argv[at], "--") == 0) {
            options = false;
        } else if (options && argv[at][0] == '-' && argv[at][1]) {
            code = take_option(cli, n, all, argc, argv, &at);
        } else {
            code = add_word(&words, argv[at]);
        }
    }
    cli->count = words.count;
    cli->words = words.items;
    if (code != CLI_DONE || cli->help) {
        return code;
    }
    if (cli->count < cli->command->least) {
        return cli_misuse(cli, "expected %s", cli->command->words);
    }
    if (cli->command->most >= 0 && cli->count > cli->command->most) {
        return cli_misuse(cli, "'%s' is one word too many", cli->words[cli->command->most]);
    }
    return CLI_DONE;
}
