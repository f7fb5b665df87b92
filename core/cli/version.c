/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include "base/host.h"

#include <gsl/gsl_version.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>
#include <yaml.h>
#include <zip.h>
#include <zlib.h>

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* The default backend's own words, or why it cannot be asked. */
static void backend_text(const struct cli *cli, struct advntk__text *out)
{
    struct advntk__registry *registry = cli_registry(cli);
    const struct advntk__plugin_record *record =
        registry ? advntk__registry_find(registry, ADVNTK_KIND_BACKEND, "openblas") : NULL;
    const struct advntk_backend_ops *ops = record ? record->plugin.ops : NULL;
    struct advntk_error err;
    void *state = NULL;

    if (!ops || record->plugin.config_bytes) {
        advntk__text_puts(out, "not found");
    } else if (ops->open(NULL, &state, &err) != ADVNTK_OK) {
        advntk__text_puts(out, err.text);
    } else {
        advntk__text_puts(out, ops->describe(state));
        ops->close(state);
    }
    advntk__registry_free(registry);
}

static void line(json_t *all, const char *name, const char *value)
{
    json_object_set_new(all, name, json_string(value));
}

static json_t *facts(const struct cli *cli, const struct advntk_host *host)
{
    json_t *all = json_object();
    struct advntk__text text = {0};
    char number[32];

    line(all, "version", PACKAGE_VERSION);
    line(all, "compiler", COMPILER);
    line(all, "flags", ADVNTK_CFLAGS);
    backend_text(cli, &text);
    line(all, "blas", advntk__text_get(&text));
    advntk__text_release(&text);
    line(all, "instruction set", advntk__isa_name(host->isa));
    snprintf(number, sizeof(number), "%d", host->threads);
    line(all, "threads", number);
    snprintf(number, sizeof(number), "%d.%d", ADVNTK_ABI_MAJOR, ADVNTK_ABI_MINOR);
    line(all, "plugin interface", number);
    line(all, "libyaml", yaml_get_version_string());
    line(all, "gsl", gsl_version);
    line(all, "zlib", zlibVersion());
    line(all, "jansson", jansson_version_str());
    line(all, "libzip", zip_libzip_version());
    snprintf(number, sizeof(number), "%u.%u.%u", XXH_versionNumber() / 10000,
             XXH_versionNumber() / 100 % 100, XXH_versionNumber() % 100);
    line(all, "xxhash", number);
    return all;
}

static int version_main(struct cli *cli)
{
    struct advntk_host *host = NULL;
    struct advntk_error err;
    const char *key;
    json_t *all, *value;

    if (!cli->verbose && !cli->json) {
        printf("advntk %s\n", PACKAGE_VERSION);
        return CLI_DONE;
    }
    if (advntk__host_new(cli->threads, &host, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    all = facts(cli, host);
    if (cli->json) {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        json_object_foreach(all, key, value)
        {
            printf("%-18s %s\n", key, json_string_value(value));
        }
    }
    json_decref(all);
    advntk__host_free(host);
    return CLI_DONE;
}

const struct cli_command cli_version = {
    .name = "version",
    .words = "",
    .summary = "The version; with --verbose what the program was built with and runs on",
    .example = "advntk version --verbose",
    .run = version_main,
};
