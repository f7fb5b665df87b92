/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "registry/describe.h"

#include <stdio.h>

static bool list_all;

static const struct cli_option list_options[] = {
    {CLI_FLAG, "all", 'a', NULL, &list_all,
     "also files, shadowed plugins and refused files with the reason"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

int cli_unknown_kind(const char *name)
{
    const char *names[16], *nearest;
    struct advntk__text known = {0};
    ptrdiff_t n = 0;

    for (uint32_t k = 1; k < 16; k++) {
        if (advntk__kind_name(k)) {
            advntk__text_printf(&known, "%s%s", n ? ", " : "", advntk__kind_name(k));
            names[n++] = advntk__kind_name(k);
        }
    }
    nearest = advntk__text_nearest(name, n, names);
    if (nearest) {
        cli_fail("no kind '%s'; did you mean '%s'?", name, nearest);
    } else {
        cli_fail("no kind '%s'; there are %s", name, advntk__text_get(&known));
    }
    advntk__text_release(&known);
    return CLI_FAILED;
}

static int list_main(struct cli *cli)
{
    uint32_t kind = 0;
    struct advntk__registry *registry = NULL;
    struct advntk__text out = {0};
    struct advntk_error err;
    int code = CLI_DONE;

    if (cli->count) {
        kind = advntk__kind_of(cli->words[0]);
        if (!kind) {
            return cli_unknown_kind(cli->words[0]);
        }
    }
    registry = cli_registry(cli);
    if (!registry) {
        return CLI_FAILED;
    }
    if (advntk__registry_count(registry) == 0 && advntk__registry_refusal_count(registry) == 0) {
        const char *folders = advntk__registry_folders(registry);
        cli_fail("no plugins%s%s: those installed would be in " ADVNTK_PLUGIN_DIR
                 "; --plugin-path and ADVNTK_PLUGIN_PATH name further folders",
                 *folders ? " in " : "", folders);
        code = CLI_FAILED;
    } else if (advntk__list_plugins(registry, kind, list_all,
                                    cli->json ? ADVNTK__FORMAT_JSON : ADVNTK__FORMAT_TEXT, &out,
                                    &err)) {
        code = cli_error(&err);
    } else {
        fputs(advntk__text_get(&out), stdout);
    }
    advntk__text_release(&out);
    advntk__registry_free(registry);
    return code;
}

const struct cli_command cli_list = {
    .name = "list",
    .words = "[KIND]",
    .summary = "The plugins found, a line each: kind/name, version, summary",
    .example = "advntk list attack",
    .options = list_options,
    .most = 1,
    .run = list_main,
};
