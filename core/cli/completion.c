/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Completion for shells, made from the same tables that read the command line. GNU argp and popt
 * have none, and bash-completion's own _longopt is not everywhere and knows no subcommands.
 */
#include "config.h"

#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* The words of a shell list, from choices with '|'. */
static void put_choices(const char *choices)
{
    for (; *choices; choices++) {
        putchar(*choices == '|' ? ' ' : *choices);
    }
}

/* What stands behind an option or for a word of a command, by its name in the help. */
static void put_values(const char *argument)
{
    if (strstr(argument, "recipe [FILE]")) {
        printf(
            "replies='recipe plugin'\n\t\t\t[[ $3 == plugin ]] && replies=$(_advntk_kinds \"$1\")");
    } else if (strstr(argument, "RECIPE")) {
        printf("pattern='*.y*ml'");
    } else if (strstr(argument, "KIND/NAME")) {
        printf("replies=\"recipe $(_advntk_plugins \"$1\")\"");
    } else if (strstr(argument, "KIND")) {
        printf("replies=$(_advntk_kinds \"$1\")");
    } else if (strstr(argument, "RUN")) {
        printf("replies=$(_advntk_runs) pattern='*'");
    } else if (strchr(argument, '|') && !strpbrk(argument, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
        printf("replies='");
        put_choices(argument);
        printf("'");
    } else if (strstr(argument, "DIR") || strstr(argument, "FILE") || strchr(argument, '.')) {
        printf("pattern='*'");
    } else {
        printf(":"); /* numbers and the like */
    }
}

static void put_command(const struct cli_command *command)
{
    struct cli cli = {.command = command};
    struct cli_option all[CLI_OPTIONS_MAX];
    ptrdiff_t n = cli_options(&cli, all);

    printf("\t%s)\n\t\toptions='", command->name);
    for (ptrdiff_t i = 0; i < n; i++) {
        printf("%s--%s", i ? " " : "", all[i].name);
    }
    printf("'\n\t\tcase $3 in\n");
    for (ptrdiff_t i = 0; i < n; i++) {
        if (all[i].kind == CLI_FLAG) {
            continue;
        }
        printf("\t\t--%s", all[i].name);
        if (all[i].letter) {
            printf(" | -%c", all[i].letter);
        }
        printf(") ");
        put_values(all[i].argument);
        printf(" ;;\n");
    }
    printf("\t\t*) ");
    put_values(command->words);
    printf(" ;;\n\t\tesac\n\t\t;;\n");
}

static const char head[] =
    "# Completion of advntk, made by 'advntk completion'. bash: source it. zsh: before it,\n"
    "#   autoload -U +X compinit && compinit && autoload -U +X bashcompinit && bashcompinit\n"
    "_advntk_kinds() { \"$1\" list 2>/dev/null | sed 's|/.*||' | sort -u; }\n"
    "_advntk_plugins() { \"$1\" list 2>/dev/null | sed 's/ .*//'; }\n"
    "_advntk_runs()\n"
    "{\n"
    "\tlocal results=${ADVNTK_RESULTS:-results}\n"
    "\tls \"$results/runs\" 2>/dev/null\n"
    "\tls \"$results/studies\" 2>/dev/null | sed -n 's/\\.json$//p'\n"
    "}\n"
    "_advntk()\n"
    "{\n"
    "\tlocal current=$2 options='' replies='' pattern='' name=''\n"
    "\tlocal commands='";

static const char tail[] = "\t*) replies=$commands ;;\n"
                           "\tesac\n"
                           "\tcase $current in\n"
                           "\t-*) replies=$options pattern= ;;\n"
                           "\tesac\n"
                           "\tCOMPREPLY=($(compgen -W \"$replies\" -- \"$current\"))\n"
                           "\tif [[ -n $pattern ]]; then\n"
                           "\t\tlocal IFS=$'\\n'\n"
                           "\t\tcompopt -o filenames 2>/dev/null\n"
                           "\t\tCOMPREPLY+=($(compgen -d -- \"$current\") $(compgen -f -X "
                           "\"!$pattern\" -- \"$current\"))\n"
                           "\tfi\n"
                           "}\n"
                           "complete -F _advntk advntk\n";

static int completion_main(struct cli *cli)
{
    if (strcmp(cli->words[0], "bash") != 0 && strcmp(cli->words[0], "zsh") != 0) {
        return cli_misuse(cli, "'%s': expected bash or zsh", cli->words[0]);
    }
    fputs(head, stdout);
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        printf("%s ", (*c)->name);
    }
    printf("help'\n"
           "\t[[ $COMP_CWORD -gt 1 ]] && name=${COMP_WORDS[1]}\n"
           "\tcase $name in\n");
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        put_command(*c);
    }
    fputs(tail, stdout);
    return CLI_DONE;
}

const struct cli_command cli_completion = {
    .name = "completion",
    .words = "bash|zsh",
    .summary = "Completion of commands, options, plugins and runs for a shell",
    .text = "In ~/.bashrc: source <(advntk completion bash). In ~/.zshrc the same with zsh, after\n"
            "  autoload -U +X compinit && compinit && autoload -U +X bashcompinit && bashcompinit",
    .example = "advntk completion bash > advntk.bash",
    .least = 1,
    .most = 1,
    .run = completion_main,
};
