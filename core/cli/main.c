/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include <errno.h>
#include <gsl/gsl_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct cli_command *const cli_commands[] = {
    &cli_list,    &cli_describe, &cli_check,      &cli_plan,    &cli_run,   &cli_eval,
    &cli_runs,    &cli_show,     &cli_compare,    &cli_report,  &cli_rerun, &cli_verify,
    &cli_predict, &cli_attack,   &cli_kernel,     &cli_tune,    &cli_rm,    &cli_cache,
    &cli_schema,  &cli_new,      &cli_completion, &cli_version, NULL,
};

volatile sig_atomic_t cli_cancel;

static void on_signal(int number)
{
    (void)number;
    if (__atomic_load_n(&cli_cancel, __ATOMIC_RELAXED)) {
        _exit(CLI_INTERRUPTED);
    }
    __atomic_store_n(&cli_cancel, 1, __ATOMIC_RELAXED);
}

void cli_catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/*
 * Threads that wait for others spin for milliseconds by default, and a machine that other programs
 * use too then loses most of its time to that (the quickstart on 2 cores with 14 busy processes:
 * 101 s, with short spinning 5 to 15 s). OpenMP reads its settings when it is loaded, so the
 * program starts itself once more with them, unless the user has set any.
 */
static void wait_briefly(char **argv)
{
    static const char *const settings[] = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"};

    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
        if (getenv(settings[i])) {
            return;
        }
    }
    if (setenv("GOMP_SPINCOUNT", "1000", 1) == 0 && setenv("KMP_BLOCKTIME", "1", 1) == 0) {
        execv("/proc/self/exe", argv); /* where that fails, all still works */
    }
}

static void overview(void)
{
    printf(
        "usage: advntk COMMAND ... [options]\n\nAdversarial training in the neural tangent kernel "
        "regime, from recipes.\n\ncommands:\n");
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        printf("  %-10s %s\n", (*c)->name, (*c)->summary);
    }
    printf("  %-10s %s\n", "help", "this text, or that of a command: advntk help run");
    printf("\n'advntk COMMAND --help' says what a command takes, with an example.\n'advntk "
           "describe recipe' "
           "is the language of recipes on a page.\n");
}

static const struct cli_command *find_command(const char *name)
{
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        if (strcmp((*c)->name, name) == 0) {
            return *c;
        }
    }
    return NULL;
}

static int unknown_command(const struct cli *cli, const char *name)
{
    const char *names[32] = {"help"}, *nearest;
    ptrdiff_t n = 1;

    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        names[n++] = (*c)->name;
    }
    nearest = advntk__text_nearest(name, n, names);
    if (nearest) {
        return cli_misuse(cli, "no command '%s'; did you mean '%s'?", name, nearest);
    }
    return cli_misuse(cli, "no command '%s'", name);
}

static int run_command(struct cli *cli, int argc, char **argv)
{
    int code = cli_parse(cli, argc, argv);

    if (code != CLI_DONE) {
        return code;
    }
    if (cli->help) {
        cli_help(cli->command);
        return CLI_DONE;
    }
    return cli->command->run(cli);
}

static int dispatch(struct cli *cli, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;

    if (!name) {
        return cli_misuse(cli, "expected a command");
    }
    if (strcmp(name, "help") == 0 && argc > 2) {
        cli->command = find_command(argv[2]);
        if (!cli->command) {
            return unknown_command(cli, argv[2]);
        }
        cli_help(cli->command);
        return CLI_DONE;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        overview();
        return CLI_DONE;
    }
    cli->command = strcmp(name, "--version") == 0 ? &cli_version : find_command(name);
    if (!cli->command) {
        return unknown_command(cli, name);
    }
    return run_command(cli, argc - 2, argv + 2);
}

int main(int argc, char **argv)
{
    const char *results = getenv("ADVNTK_RESULTS");
    struct cli cli = {.results = results && *results ? results : "results"};
    int code;

    wait_briefly(argv);
    /* without TZ the C library looks at /etc/localtime at each date that libzip decodes */
    setenv("TZ", ":/etc/localtime", 0);
    gsl_set_error_handler_off();
    signal(SIGXFSZ, SIG_IGN); /* a file size limit is a failed write, not a death */
    signal(SIGPIPE, SIG_IGN);
    code = dispatch(&cli, argc, argv);
    free(cli.words);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == CLI_DONE) {
        if (errno != EPIPE) {
            cli_fail("cannot write the results: %s", strerror(errno));
        }
        code = CLI_FAILED;
    }
    return code;
}
