/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "store/folder.h"

#include <stdio.h>

/* With its lock: a run that is being computed is not removed. */
static int remove_run(const struct cli *cli, const char *name)
{
    struct advntk__folder folder;
    struct advntk_error err;
    int code = CLI_DONE;

    if (advntk__store_find(cli->results, name, &folder, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    if (advntk__folder_lock(&folder, &err) != ADVNTK_OK ||
        advntk__folder_clear(&folder, &err) != ADVNTK_OK ||
        advntk__folder_remove(&folder, "evaluations", &err) != ADVNTK_OK ||
        advntk__folder_remove(&folder, "checkpoint", &err) != ADVNTK_OK) {
        code = cli_error(&err);
    } else if (!cli->quiet) {
        fprintf(stderr, "advntk: run %s removed\n", folder.id);
    }
    advntk__folder_close(&folder); /* removes the empty folder */
    return code;
}

static int rm_main(struct cli *cli)
{
    int code = CLI_DONE, one;

    for (ptrdiff_t i = 0; i < cli->count; i++) {
        one = remove_run(cli, cli->words[i]);
        code = code == CLI_DONE ? one : code;
    }
    return code;
}

const struct cli_command cli_rm = {
    .name = "rm",
    .words = "RUN...",
    .summary = "Removes stored runs",
    .text =
        "RUN is an id, the unique beginning of one, or a folder. A run that is being computed is\n"
        "refused. Studies keep the id: running the recipe computes the run again.",
    .example = "advntk rm 3f2a91",
    .least = 1,
    .most = -1,
    .run = rm_main,
};
