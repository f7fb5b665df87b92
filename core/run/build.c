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
    if (!strstr(advntk__text_get(names), name)) {
        advntk__text_printf(names, "%s%s", names->length ? ", " : "", name);
    }
}

static bool differs(const char *stored, const uint8_t digest[16])
{
    char hex[33];

    advntk__hash_hex(digest, hex);
    return stored && strcmp(stored, hex) != 0;
}

void advntk__builds_see(struct advntk__builds *builds, const json_t *record)
{
    const json_t *identity = json_object_get(record, "identity");
    json_t *plugin;
    bool other = false;
    size_t i;

    if (differs(json_string_value(json_object_get(identity, "program_digest")), builds->program)) {
        add_name(&builds->names, "program");
        other = true;
    }
    json_array_foreach(json_object_get(identity, "plugins"), i, plugin)
    {
        const char *kind = json_string_value(json_object_get(plugin, "kind"));
        const char *name = json_string_value(json_object_get(plugin, "name"));
        const struct advntk__plugin_record *now =
            kind && name ? advntk__registry_find(builds->registry, advntk__kind_of(kind), name)
                         : NULL;
        char both[128];
        if (now && differs(json_string_value(json_object_get(plugin, "digest")), now->digest)) {
            snprintf(both, sizeof(both), "%s/%s", kind, name);
            add_name(&builds->names, both);
            other = true;
        }
    }
    builds->others += other;
}

void advntk__builds_release(struct advntk__builds *builds)
{
    advntk__text_release(&builds->names);
}
