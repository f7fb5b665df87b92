/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/build.h"

#include "base/files.h"
#include "base/host.h"
#include "base/text.h"
#include "base/try.h"
#include "registry/registry.h"
#include "run/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void add_name(struct advntk__text *names, const char *name)
{
    if (names && !strstr(advntk__text_get(names), name)) {
        advntk__text_printf(names, "%s%s", names->length ? ", " : "", name);
    }
}

static bool differs(const char *stored, const uint8_t digest[16])
{
    char hex[33];

    advntk__hash_hex(digest, hex);
    return stored && strcmp(stored, hex) != 0;
}

/* Whether a run's record names another content of anything than what is loaded. */
static bool is_of_other_build(const struct advntk__registry *registry, const uint8_t program[16],
                              const json_t *record, struct advntk__text *names)
{
    const json_t *identity = json_object_get(record, "identity");
    json_t *plugin;
    bool other = false;
    size_t i;

    if (differs(json_string_value(json_object_get(identity, "program_digest")), program)) {
        add_name(names, "program");
        other = true;
    }
    json_array_foreach(json_object_get(identity, "plugins"), i, plugin)
    {
        const char *kind = json_string_value(json_object_get(plugin, "kind"));
        const char *name = json_string_value(json_object_get(plugin, "name"));
        const struct advntk__plugin_record *now =
            kind && name ? advntk__registry_find(registry, advntk__kind_of(kind), name) : NULL;
        char both[128];
        if (now && differs(json_string_value(json_object_get(plugin, "digest")), now->digest)) {
            snprintf(both, sizeof(both), "%s/%s", kind, name);
            add_name(names, both);
            other = true;
        }
    }
    return other;
}

advntk_status advntk__other_builds(const struct advntk__registry *registry,
                                   const struct advntk__inventory *inventory, const char *results,
                                   ptrdiff_t *count, struct advntk__text *names,
                                   struct advntk_error *err)
{
    struct advntk__folder folder = {.lock = -1};
    uint8_t program[16];
    json_t *record = NULL;
    char *path = NULL;
    advntk_status rc = ADVNTK_OK;

    *count = 0;
    TRY(advntk__program_digest(program, err));
    for (ptrdiff_t i = 0; i < inventory->count; i++) {
        const struct advntk__item *item = &inventory->items[i];
        if (!*item->id || item->first_of_fit != i || item->stored != ADVNTK__RUN_FINISHED) {
            continue;
        }
        TRY(advntk__folder_init(&folder, results, item->id, err));
        path = advntk__folder_file(&folder, "run.json", NULL);
        if (path && advntk__json_read(path, &record, NULL) == ADVNTK_OK) {
            *count += is_of_other_build(registry, program, record, names);
            json_decref(record);
            record = NULL;
        }
        free(path);
        advntk__folder_close(&folder);
    }
out:
    return rc;
}
