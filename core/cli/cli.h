/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the subcommands share. Each is one file that defines a struct cli_command. */
#ifndef ADVNTK_CLI_CLI_H
#define ADVNTK_CLI_CLI_H

#include "base/text.h"
#include "registry/registry.h"
#include "report/sheet.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_INTERRUPTED = 130 };

/* Words of the command line that were given several times (-s), in order. */
struct cli_words {
    ptrdiff_t count;
    const char **items; /* free() */
};

enum cli_option_kind {
    CLI_END,
    CLI_FLAG,  /* bool */
    CLI_TEXT,  /* const char * */
    CLI_COUNT, /* int, at least 1 */
    CLI_SIZE,  /* int64_t bytes: 8G, 512M, 1.5GiB */
    CLI_WORDS, /* struct cli_words */
    CLI_FORMAT /* struct cli: json, and sheet for commands that print tables */
};

struct cli_option {
    enum cli_option_kind kind;
    const char *name;     /* without "--" */
    char letter;          /* 0: none */
    const char *argument; /* as help shows it; NULL: CLI_FLAG */
    void *target;
    const char *help;
};

/* The common options, and what was left over. */
struct cli {
    const struct cli_command *command;
    const char *results, *plugin_path;
    int threads; /* 0: as many as there are */
    bool json, quiet, verbose, help, unsafe;
    enum advntk__sheet_format sheet; /* how tables are printed, unless json */
    ptrdiff_t count;                 /* words that are no options */
    const char **words;
};

struct cli_command {
    const char *name, *words;         /* words: "RECIPE..." */
    const char *summary;              /* one line */
    const char *text;                 /* more, for --help; may be NULL */
    const char *example;              /* a whole command that works */
    const struct cli_option *options; /* its own; NULL: none */
    ptrdiff_t least, most;            /* words wanted; most -1: any number */
    bool tables;                      /* --format also takes markdown, latex and csv */
    int (*run)(struct cli *cli);
};

extern const struct cli_command cli_list, cli_describe, cli_check, cli_plan, cli_run, cli_runs,
    cli_show, cli_compare, cli_report, cli_rerun, cli_verify, cli_predict, cli_kernel, cli_rm,
    cli_cache, cli_schema, cli_version, cli_eval, cli_attack, cli_new, cli_completion, cli_tune;
extern const struct cli_command *const cli_commands[]; /* ends with NULL */

enum { CLI_OPTIONS_MAX = 40 };
/* The command's own options, then the common ones. Returns how many. */
ptrdiff_t cli_options(struct cli *cli, struct cli_option all[CLI_OPTIONS_MAX]);

/* Reads options and words into *cli. Returns CLI_DONE, or CLI_USAGE after saying what is wrong. */
int cli_parse(struct cli *cli, int argc, char **argv);
void cli_help(const struct cli_command *command);

/* "advntk: ..." on stderr. cli_fail returns CLI_FAILED, cli_misuse CLI_USAGE with a pointer to
 * --help. */
int cli_fail(const char *format, ...) ADVNTK_PRINTF(1, 2);
int cli_misuse(const struct cli *cli, const char *format, ...) ADVNTK_PRINTF(2, 3);
/* The error's text; CLI_INTERRUPTED for ECANCELLED, else CLI_FAILED. */
int cli_error(const struct advntk_error *err);

/* A table on stdout; frees it. CLI_DONE, or says what is wrong. */
int cli_table_print(struct advntk__sheet *sheet, enum advntk__sheet_format format);
/* Lines on stderr; frees the text. */
void cli_warnings(struct advntk__text *warnings);

/* Ctrl-C and SIGTERM set this; the second one ends the program at once. */
extern volatile sig_atomic_t cli_cancel;
void cli_catch_signals(void);

/* Progress bars and log lines on stderr. */
struct advntk_host;
void cli_progress_start(const struct cli *cli, struct advntk_host *host);
void cli_progress_clear(void); /* takes the bar away before something else is printed */

/* Registry by the common options; says what is wrong itself. NULL: failed. */
struct advntk__registry *cli_registry(const struct cli *cli);

/* What a command that computes needs: host with progress and signals, plugins, a recipe's runs. */
struct cli_work {
    struct advntk_host *host;
    struct advntk__registry *registry;
    struct advntk__study *study;
};
/* Opens host and registry. Anything but CLI_DONE was said already; release in any case. */
int cli_work_open(const struct cli *cli, struct cli_work *work);
/* Loads a recipe into work->study; its mistakes are printed, a line each. */
struct advntk__recipe_options;
int cli_work_load(struct cli_work *work, const char *file,
                  const struct advntk__recipe_options *options);
void cli_work_release(struct cli_work *work);

/* Images from an .npy file: n x H x W x C, n x H x W or n x d. pixels (n,d): advntk_free. */
struct cli_images {
    ptrdiff_t n, height, width, channels, d;
    int rank; /* as in the file */
    double *pixels;
};
/* scale_bytes: uint8 values are divided by 255, others used as they are. Fails: EIO, EFORMAT,
 * ESHAPE, ENUMERIC (NaN or infinity, with its place). */
advntk_status cli_images_read(const char *path, bool scale_bytes, struct cli_images *images,
                              struct advntk_error *err);

/* Says that there is no such kind of plugin; CLI_FAILED. */
int cli_unknown_kind(const char *name);

#endif
