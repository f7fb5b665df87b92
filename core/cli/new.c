/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"
#include "cli/examples.h"

#include "base/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { NAME_MAX_LENGTH = 40 };

/* Fails where the file is there already. */
static int write_new(const char *path, const char *bytes, size_t count)
{
    FILE *file = fopen(path, "wx");
    bool written;

    if (!file) {
        return errno == EEXIST ? cli_fail("%s is there already; nothing is overwritten", path)
                               : cli_fail("cannot create %s: %s", path, strerror(errno));
    }
    written = fwrite(bytes, 1, count, file) == count;
    if (fclose(file) != 0 || !written) {
        return cli_fail("cannot write %s: %s", path, strerror(errno));
    }
    return CLI_DONE;
}

static int new_recipe(const struct cli *cli)
{
    const struct embedded_file *start = cli_example_file("recipe.yaml");
    const char *path = cli->count > 1 ? cli->words[1] : NULL;
    struct advntk__text text = {0};
    int code = CLI_DONE;

    if (cli->count > 2) {
        return cli_misuse(cli, "'%s' is one word too many", cli->words[2]);
    }
    cli_example_rename((const char *)start->bytes, start->count, "FILE", path ? path : "FILE",
                       &text);
    if (text.failed) {
        code = cli_fail("no memory for a recipe");
    } else if (path) {
        code = write_new(path, advntk__text_get(&text), text.length);
    } else {
        fputs(advntk__text_get(&text), stdout);
    }
    if (path && code == CLI_DONE && !cli->quiet) {
        fprintf(stderr, "advntk: %s is written; 'advntk run %s' takes seconds\n", path, path);
    }
    advntk__text_release(&text);
    return code;
}

/* What is a file name, a plugin's name and the beginning of names in C, all at once. */
static int check_name(const struct cli *cli, uint32_t kind, const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    const struct advntk__plugin_record *known;
    struct advntk__registry *registry;
    int code = CLI_DONE;

    if (name[length] || length < 1 || length > NAME_MAX_LENGTH || !(name[0] >= 'a') ||
        strncmp(name, "advntk", strlen("advntk")) == 0) {
        return cli_fail("'%s' is no name for a plugin: expected a small letter, then at most %d "
                        "small letters, digits and '_', and not advntk...",
                        name, NAME_MAX_LENGTH - 1);
    }
    registry = cli_registry(cli);
    if (!registry) {
        return CLI_FAILED;
    }
    known = advntk__registry_find(registry, kind, name);
    if (known) {
        code = cli_fail("there is %s/%s already, in %s; choose another name",
                        advntk__kind_name(kind), name, known->file);
    }
    advntk__registry_free(registry);
    return code;
}

struct package {
    const char *kind, *example, *name; /* example: the name in the files of docs/examples */
};

/* One file of the folder NAME, with the example's name replaced. */
static int write_file(const struct package *p, const struct embedded_file *file)
{
    const char *base = strrchr(file->path, '/') + 1;
    struct advntk__text kind = {0}, text = {0}, path = {0}, renamed = {0};
    int code;

    cli_example_rename((const char *)file->bytes, file->count, "@KIND@", p->kind, &kind);
    cli_example_rename(advntk__text_get(&kind), kind.length, "@NAME@", p->name, &renamed);
    cli_example_rename(advntk__text_get(&renamed), renamed.length, p->example, p->name, &text);
    advntk__text_printf(&path, "%s/", p->name);
    cli_example_rename(base, strlen(base), p->example, p->name, &path);
    code = kind.failed || renamed.failed || text.failed || path.failed
               ? cli_fail("no memory for a file of %s", p->name)
               : write_new(advntk__text_get(&path), advntk__text_get(&text), text.length);
    advntk__text_release(&kind);
    advntk__text_release(&renamed);
    advntk__text_release(&text);
    advntk__text_release(&path);
    return code;
}

static int write_package(const struct package *p)
{
    const char *const folders[] = {p->kind, "package"};
    const struct embedded_file *file;
    int code = CLI_DONE;

    if (mkdir(p->name, 0777) != 0) {
        return errno == EEXIST ? cli_fail("%s is there already; nothing is overwritten", p->name)
                               : cli_fail("cannot create %s: %s", p->name, strerror(errno));
    }
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders) && code == CLI_DONE; i++) {
        for (size_t at = 0; code == CLI_DONE && (file = cli_example_next(folders[i], &at));) {
            code = write_file(p, file);
        }
    }
    return code;
}

static int new_plugin(const struct cli *cli)
{
    char example[NAME_MAX_LENGTH];
    struct package package = {.example = example};
    struct advntk__text kinds = {0};
    uint32_t kind;
    int code;

    if (cli->count != 3) {
        return cli_misuse(cli, "expected plugin KIND NAME");
    }
    package.kind = cli->words[1];
    package.name = cli->words[2];
    kind = advntk__kind_of(package.kind);
    if (!kind) {
        return cli_unknown_kind(package.kind);
    }
    if (!cli_example_name(package.kind, example, sizeof(example))) {
        cli_example_kinds(&kinds);
        code = cli_fail("no start for a %s: there are %s", package.kind, advntk__text_get(&kinds));
        advntk__text_release(&kinds);
        return code;
    }
    code = check_name(cli, kind, package.name);
    if (code == CLI_DONE) {
        code = write_package(&package);
    }
    if (code == CLI_DONE && !cli->quiet) {
        fprintf(stderr, "advntk: %s/ is written; 'make -C %s check' builds and tests it\n",
                package.name, package.name);
    }
    return code;
}

static int new_main(struct cli *cli)
{
    if (strcmp(cli->words[0], "recipe") == 0) {
        return new_recipe(cli);
    }
    if (strcmp(cli->words[0], "plugin") == 0) {
        return new_plugin(cli);
    }
    return cli_misuse(cli, "'%s': expected recipe or plugin", cli->words[0]);
}

const struct cli_command cli_new = {
    .name = "new",
    .words = "recipe [FILE] | plugin KIND NAME",
    .summary = "A start: a commented recipe, or a folder with a plugin that builds",
    .text = "The recipe runs on the digits within seconds; without FILE it is printed. The folder "
            "NAME gets a\nplugin, a recipe that uses it, a test, a makefile and a README. Nothing "
            "is asked and nothing is\noverwritten.",
    .example = "advntk new plugin attack zigzag && make -C zigzag check",
    .least = 1,
    .most = 3,
    .run = new_main,
};
