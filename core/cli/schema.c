/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "recipe/schema.h"

#include <stdio.h>

static int schema_main(struct cli *cli)
{
    struct advntk__registry *registry = cli_registry(cli);
    struct advntk__text out = {0};
    struct advntk_error err;
    int code = CLI_DONE;

    if (!registry) {
        return CLI_FAILED;
    }
    if (advntk__recipe_schema(registry, &out, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    } else {
        fputs(advntk__text_get(&out), stdout);
    }
    advntk__text_release(&out);
    advntk__registry_free(registry);
    return code;
}

const struct cli_command cli_schema = {
    .name = "schema",
    .words = "",
    .summary = "JSON Schema of the recipe language with all plugins found, for editors",
    .text = "An editor with a YAML language server completes and checks recipes with it. Begin a "
            "recipe with\n  # yaml-language-server: $schema=advntk.schema.json",
    .example = "advntk schema > advntk.schema.json",
    .least = 0,
    .most = 0,
    .run = schema_main,
};
