/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finds, opens, checks and lists plugins. Search order: the folders of --plugin-path, of
 * ADVNTK_PLUGIN_PATH, $XDG_DATA_HOME/advntk/plugins (~/.local/share/advntk/plugins), the build tree
 * that the program runs from, the installed folder. In a folder DIR both DIR/KIND/NAME.so and
 * DIR/NAME.so are looked at. The earlier folder wins; a later plugin of the same kind and name is
 * listed as shadowed; two in one folder refuse each other.
 */
#ifndef ADVNTK_REGISTRY_REGISTRY_H
#define ADVNTK_REGISTRY_REGISTRY_H

#include <advntk/plugin.h>

struct advntk__registry;

/* An accepted plugin. `plugin` is the host's copy: appended fields and operations that the plugin
 * does not know are NULL, params has this program's stride. */
struct advntk__plugin_record {
    struct advntk_plugin plugin;
    const char *file;
    uint8_t digest[16];      /* of the file */
    const char *shadowed_by; /* file of the plugin that is used instead; NULL: this one is used */
};

struct advntk__refusal {
    const char *file, *reason; /* reason: one line */
};

/* plugin_path: colon-separated folders or NULL. allow_writable: also take files and folders that
 * others may write to. A folder of plugin_path that does not exist is an error; a plugin that is
 * refused is not. */
ADVNTK_MUST_CHECK advntk_status advntk__registry_new(const char *plugin_path, bool allow_writable,
                                                     struct advntk__registry **registry,
                                                     struct advntk_error *err);
void advntk__registry_free(struct advntk__registry *registry); /* plugins stay loaded */
/* The folders that were looked at, in their order, with commas; "" when none exists. */
const char *advntk__registry_folders(const struct advntk__registry *registry);

const char *advntk__kind_name(uint32_t kind); /* "attack"; NULL: no such kind */
uint32_t advntk__kind_of(const char *name);   /* 0: no such kind */

/* NULL: there is none (see advntk__registry_missing for the message). */
const struct advntk__plugin_record *advntk__registry_find(const struct advntk__registry *registry,
                                                          uint32_t kind, const char *name);
/* Fills err (ENOTFOUND): "no attack plugin 'pdg'; did you mean 'pgd'?" or the list of those there
 * are, or why a file of that name was refused. */
advntk_status advntk__registry_missing(const struct advntk__registry *registry, uint32_t kind,
                                       const char *name, struct advntk_error *err);

ptrdiff_t advntk__registry_count(
    const struct advntk__registry
        *registry); /* sorted by kind number, then name; shadowed ones after their namesake */
const struct advntk__plugin_record *advntk__registry_get(const struct advntk__registry *registry,
                                                         ptrdiff_t i);
ptrdiff_t advntk__registry_refusal_count(const struct advntk__registry *registry);
const struct advntk__refusal *advntk__registry_refusal(const struct advntk__registry *registry,
                                                       ptrdiff_t i);

/* Size of the member that a row of the type fills, and of a list's item; 0: no such type. */
size_t advntk__param_bytes(enum advntk_param_type type);

/* The host's own parameters of a kind, merged into every slot of it: attack has them, others NULL.
 */
const struct advntk_param *advntk__host_params(uint32_t kind);

#endif
