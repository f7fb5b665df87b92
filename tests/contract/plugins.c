/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What holds for every plugin of the build, whatever its kind. Loading audits the parameter table,
 * so that an accepted plugin has passed it (tests/broken shows that the audit finds what it must).
 */
#include "config.h"

#include "recipe/resolved.h"
#include "registry/describe.h"
#include "registry/registry.h"
#include "scratch.h"
#include "tap.h"

#include <jansson.h>
#include <stdlib.h>

/* SPDX identifiers that may be combined with GPL-3.0-or-later (FSF's list of licences). */
static const char *const compatible[] = {"GPL-3.0-or-later",
                                         "GPL-3.0-only",
                                         "GPL-2.0-or-later",
                                         "LGPL-3.0-or-later",
                                         "LGPL-3.0-only",
                                         "LGPL-2.1-or-later",
                                         "LGPL-2.1-only",
                                         "Apache-2.0",
                                         "MIT",
                                         "BSD-2-Clause",
                                         "BSD-3-Clause",
                                         "ISC",
                                         "Zlib",
                                         "MPL-2.0",
                                         "CC0-1.0",
                                         "0BSD"};

static bool is_compatible(const char *licence)
{
    for (size_t i = 0; i < sizeof(compatible) / sizeof(compatible[0]); i++) {
        if (strcmp(licence, compatible[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int longest_line(const char *text)
{
    int longest = 0, at = 0;
    for (; *text; text++) {
        at = *text == '\n' ? 0 : at + (((unsigned char)*text & 0xC0) != 0x80);
        longest = at > longest ? at : longest;
    }
    return longest;
}

/* Every row of the table appears in the JSON form under its own name and type. */
static bool rows_agree(const struct advntk_plugin *plugin, const json_t *parameters)
{
    size_t count = 0;
    for (const struct advntk_param *row = plugin->params; row && row->name; row++) {
        const json_t *item = json_array_get(parameters, count++);
        const char *name = json_string_value(json_object_get(item, "name"));
        const char *help = json_string_value(json_object_get(item, "help"));
        if (!name || !help || strcmp(name, row->name) != 0 || strcmp(help, row->help) != 0) {
            return false;
        }
    }
    return json_array_size(parameters) == count;
}

/* A whole recipe around the piece that `describe` shows. Norms stand in an attack, which stands in
 * the method; what must be given but has no value in general gets one. */
static void write_example(uint32_t kind, const char *example)
{
    static const char base[] = "advntk: 1\n"
                               "data: {dataset: digits, train: 100, validation: 20}\n"
                               "model: {architecture: mlp, kernel: ntk}\n"
                               "method: {plugin: advntk, attack: {plugin: pgd, radius: 0.1}}\n";
    struct advntk__text text = {0};
    advntk__text_puts(&text, "advntk: 1\nextends: base.yaml\n");
    advntk__text_puts(&text, kind == ADVNTK_KIND_NORM ? "method:\n" : "");
    for (const char *line = example; *line;) {
        size_t length = strcspn(line, "\n");
        advntk__text_puts(&text, kind == ADVNTK_KIND_NORM ? "  " : "");
        advntk__text_add(&text, line, length);
        advntk__text_puts(&text, "\n");
        line += length + (line[length] == '\n');
    }
    scratch_write("base.yaml", base, sizeof(base) - 1);
    scratch_write("example.yaml", advntk__text_get(&text), text.length);
    advntk__text_release(&text);
}

/* The example of `describe` is read by the recipes' reader. */
static void test_example(const struct advntk__registry *registry,
                         const struct advntk__plugin_record *record, const json_t *described,
                         const char *id)
{
    const char *example = json_string_value(json_object_get(described, "example"));
    struct advntk__study *study = NULL;
    struct advntk__text messages = {0};
    struct advntk_error err = {0};
    if (!ok(example != NULL, "%s: described with an example", id)) {
        return;
    }
    write_example(record->plugin.kind, example);
    if (!ok(advntk__study_load(registry, scratch("example.yaml"), NULL, &study, &messages, &err) ==
                ADVNTK_OK,
            "%s: its example is a piece of recipe", id)) {
        printf("# %s\n# %s\n", advntk__text_get(&messages), example);
    }
    advntk__text_release(&messages);
    advntk__study_free(study);
}

static void test_describe(const struct advntk__registry *registry,
                          const struct advntk__plugin_record *record, const char *id)
{
    struct advntk__text text = {0};
    struct advntk_error err;
    json_error_t where;
    json_t *json;

    ok(advntk__describe_plugin(record, ADVNTK__FORMAT_TEXT, &text, &err) == ADVNTK_OK &&
           strstr(advntk__text_get(&text), record->plugin.summary) != NULL &&
           longest_line(advntk__text_get(&text)) <= 100,
       "%s: described in text of at most 100 columns", id);
    advntk__text_release(&text);

    ok(advntk__describe_plugin(record, ADVNTK__FORMAT_MD, &text, &err) == ADVNTK_OK &&
           strstr(advntk__text_get(&text), record->plugin.summary) != NULL,
       "%s: described in Markdown", id);
    advntk__text_release(&text);

    ok(advntk__describe_plugin(record, ADVNTK__FORMAT_JSON, &text, &err) == ADVNTK_OK,
       "%s: described in JSON", id);
    json = json_loads(advntk__text_get(&text), 0, &where);
    if (!ok(json && rows_agree(&record->plugin, json_object_get(json, "parameters")),
            "%s: JSON that is valid and has the table's rows", id)) {
        printf("# line %d: %s\n", where.line, where.text);
    }
    test_example(registry, record, json, id);
    json_decref(json);
    advntk__text_release(&text);
}

int main(void)
{
    struct advntk__registry *registry = NULL;
    struct advntk_error err;
    ptrdiff_t ours = 0;

    unsetenv("ADVNTK_PLUGIN_PATH");
    scratch_make();
    if (advntk__registry_new(PLUGINS, true, &registry, &err) != ADVNTK_OK) {
        printf("Bail out! %s\n", err.text);
        return 1;
    }
    for (ptrdiff_t i = 0; i < advntk__registry_refusal_count(registry); i++) {
        const struct advntk__refusal *r = advntk__registry_refusal(registry, i);
        if (strncmp(r->file, PLUGINS "/", strlen(PLUGINS "/")) == 0) {
            printf("# %s\n", r->reason);
            ok(false, "%s is accepted", r->file);
        }
    }
    for (ptrdiff_t i = 0; i < advntk__registry_count(registry); i++) {
        const struct advntk__plugin_record *r = advntk__registry_get(registry, i);
        char id[160];
        if (strncmp(r->file, PLUGINS "/", strlen(PLUGINS "/")) != 0) {
            continue; /* an installed one */
        }
        ours++;
        snprintf(id, sizeof(id), "%s/%s", advntk__kind_name(r->plugin.kind), r->plugin.name);
        ok(is_compatible(r->plugin.licence), "%s: licence %s goes with the GPL", id,
           r->plugin.licence);
        test_describe(registry, r, id);
    }
    ok(ours > 0, "the build has plugins: %td", ours);
    advntk__registry_free(registry);
    scratch_remove();
    return done_testing();
}
