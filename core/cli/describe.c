/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"
#include "cli/graph.h"

#include "recipe/resolve.h"
#include "registry/describe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool as_markdown;
static struct cli_graph_options graph;

static const struct cli_option describe_options[] = {
    {CLI_FLAG, "markdown", 0, NULL, &as_markdown, "as a page of the reference"},
    {CLI_TEXT, "graph", 0, "RECIPE", &graph.recipe,
     "the layer graph of a recipe's model, with shapes, cost and measured times"},
    {CLI_TEXT, "shape", 0, "HxWxC", &graph.shape, "of the images (default: of the recipe's data)"},
    {CLI_WORDS, "set", 's', "KEY=VALUE", &graph.overrides,
     "replaces a value of that recipe (repeatable)"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

/* NAME without a kind: fine if only one kind has it. */
static int find_anywhere(const struct advntk__registry *registry, const char *name,
                         const struct advntk__plugin_record **record)
{
    struct advntk__text found = {0};
    const char *names[256], *nearest;
    ptrdiff_t matches = 0, known = 0;

    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk__plugin_record *r = advntk__registry_get(registry, i);
        if (r->shadowed_by) {
            continue;
        }
        if (known < (ptrdiff_t)(sizeof(names) / sizeof(*names))) {
            names[known++] = r->plugin.name;
        }
        if (strcmp(r->plugin.name, name) == 0) {
            *record = r;
            advntk__text_printf(&found, "%s%s/%s", matches++ ? " and " : "",
                                advntk__kind_name(r->plugin.kind), name);
        }
    }
    if (matches > 1) {
        cli_fail("'%s' is the name of %s: say which", name, advntk__text_get(&found));
        *record = NULL;
    } else if (matches == 0) {
        nearest = advntk__text_nearest(name, known, names);
        cli_fail("no plugin '%s'%s%s%s", name,
                 nearest ? "; did you mean '" : "; 'advntk list' shows all", nearest ? nearest : "",
                 nearest ? "'?" : "");
    }
    advntk__text_release(&found);
    return *record ? CLI_DONE : CLI_FAILED;
}

static int find_plugin(const struct advntk__registry *registry, const char *word,
                       const struct advntk__plugin_record **record)
{
    const char *slash = strchr(word, '/');
    struct advntk_error err = {0};
    char kind_name[64];
    uint32_t kind;

    *record = NULL;
    if (!slash) {
        return find_anywhere(registry, word, record);
    }
    snprintf(kind_name, sizeof(kind_name), "%.*s", (int)(slash - word), word);
    kind = advntk__kind_of(kind_name);
    if (!kind) {
        return cli_unknown_kind(kind_name);
    }
    *record = advntk__registry_find(registry, kind, slash + 1);
    if (!*record) {
        advntk__registry_missing(registry, kind, slash + 1, &err);
        return cli_error(&err);
    }
    return CLI_DONE;
}

static int describe_plugin(const struct cli *cli, const struct advntk__registry *registry,
                           const char *word)
{
    const struct advntk__plugin_record *record = NULL;
    enum advntk__format format = cli->json     ? ADVNTK__FORMAT_JSON
                                 : as_markdown ? ADVNTK__FORMAT_MD
                                               : ADVNTK__FORMAT_TEXT;
    struct advntk__text out = {0};
    struct advntk_error err;
    int code = find_plugin(registry, word, &record);

    if (code != CLI_DONE) {
        return code;
    }
    if (advntk__describe_plugin(record, format, &out, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    } else {
        fputs(advntk__text_get(&out), stdout);
    }
    advntk__text_release(&out);
    return code;
}

/* From the sections' own parameter tables: all of it, or the keys that were named. */
static int describe_language(const struct cli *cli)
{
    struct advntk__registry *registry = NULL;
    struct advntk__text out = {0};
    struct advntk_error err;
    int code = CLI_DONE;

    if (cli->json || as_markdown) {
        return cli_misuse(cli,
                          "'describe recipe' is text; 'advntk schema' is the language as JSON");
    }
    if (cli->count == 1) {
        advntk__recipe_describe(&out);
    } else {
        registry = cli_registry(cli);
        code = registry ? CLI_DONE : CLI_FAILED;
    }
    for (ptrdiff_t i = 1; i < cli->count && code == CLI_DONE; i++) {
        if (advntk__recipe_describe_key(registry, cli->words[i], &out, &err) != ADVNTK_OK) {
            code = cli_error(&err);
        }
    }
    if (code == CLI_DONE && out.failed) {
        code = cli_fail("no memory for the description");
    } else if (code == CLI_DONE) {
        fputs(advntk__text_get(&out), stdout);
    }
    advntk__text_release(&out);
    advntk__registry_free(registry);
    return code;
}

static int describe_words(struct cli *cli)
{
    struct advntk__registry *registry = NULL;
    int code = CLI_DONE;

    if (graph.recipe) {
        return cli->count ? cli_misuse(cli, "'%s' is one word too many", cli->words[0])
                          : cli_graph_describe(cli, &graph);
    }
    if (cli->count == 0) {
        return cli_misuse(cli, "expected KIND/NAME, recipe, or --graph RECIPE");
    }
    if (graph.overrides.count > 0 || graph.shape) {
        return cli_misuse(cli, "--%s is for --graph RECIPE", graph.shape ? "shape" : "set");
    }
    if (strcmp(cli->words[0], "recipe") == 0) {
        return describe_language(cli);
    }
    registry = cli_registry(cli);
    if (!registry) {
        return CLI_FAILED;
    }
    for (ptrdiff_t i = 0; i < cli->count && code == CLI_DONE; i++) {
        code = describe_plugin(cli, registry, cli->words[i]);
    }
    advntk__registry_free(registry);
    return code;
}

static int describe_main(struct cli *cli)
{
    int code = describe_words(cli);

    free(graph.overrides.items);
    return code;
}

const struct cli_command cli_describe = {
    .name = "describe",
    .words = "KIND/NAME... | recipe [KEY...]",
    .summary = "What a plugin does and takes; the layer graph; the language of recipes",
    .text = "'recipe' alone is the whole language; KEY is dotted: data, evaluate.attack, "
            "method.attack.steps.",
    .example = "advntk describe attack/pgd",
    .options = describe_options,
    .most = -1,
    .run = describe_main,
};
