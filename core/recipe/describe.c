/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `describe recipe [KEY]`: the language, from the tables that recipes are checked with. */
#include "config.h"

#include "base/text.h"
#include "recipe/resolve.h"
#include "registry/registry.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_default(const struct advntk_param *row, struct advntk__text *out)
{
    if (row->flags & ADVNTK_P_REQUIRED) {
        advntk__text_puts(out, "; required");
        return;
    }
    switch ((int)row->type) {
    case ADVNTK_PARAM_BOOL:
        advntk__text_printf(out, "; default %s", row->def.b ? "true" : "false");
        break;
    case ADVNTK_PARAM_INT:
        advntk__text_printf(out, "; default %" PRId64, row->def.i);
        break;
    case ADVNTK_PARAM_REAL:
    case ADVNTK_PARAM_PAIR:
        if (!isnan(row->def.r)) {
            advntk__text_puts(out, "; default ");
            advntk__text_real(out, row->def.r);
        }
        break;
    default:
        if (row->def.s) {
            advntk__text_printf(out, "; default %s", row->def.s);
        }
        break;
    }
}

/* Below its row, in lines of at most 100 columns. */
static void print_help(const char *help, struct advntk__text *out)
{
    enum { INDENT = 6, COLUMNS = 100 - INDENT };
    while (*help) {
        size_t length = strlen(help);
        while (length > COLUMNS) {
            size_t end = length - 1;
            while (end > 0 && help[end] != ' ') {
                end--;
            }
            if (end == 0) {
                break; /* one long word */
            }
            length = end;
        }
        advntk__text_printf(out, "\n%*s%.*s", INDENT, "", (int)length, help);
        help += length + (help[length] == ' ');
    }
    advntk__text_puts(out, "\n");
}

static void print_row(const struct advntk_param *row, struct advntk__text *out)
{
    advntk__text_printf(out, "  %s: ", row->name);
    advntk__param_expected(row, out);
    print_default(row, out);
    print_help(row->help, out);
}

static void print_rows(const struct advntk_param *rows, struct advntk__text *out)
{
    for (const struct advntk_param *row = rows; row && row->name; row++) {
        print_row(row, out);
    }
}

static const char sweeps[] =
    "\nSweeps\n"
    "  sweep: is a node, a map of parts. Parts multiply; the first one written is the "
    "slowest.\n"
    "    product: {key: [values], ...}    every combination, the first key slowest\n"
    "    zip: {key: [values], ...}        lists of one length, taken together\n"
    "    list: [{key: value, ...}, ...]   one after the other; an item may be a node, too\n"
    "    ablate: {base: {key: value}, vary: {key: [values]}}\n"
    "                                     the base, then each value of each key by itself\n"
    "    when: [{if: {key: value}, then: NODE}]   the node for the runs that fulfil the "
    "condition\n"
    "    except: [{key: value, ...}]      takes out the runs that have all these values\n"
    "  Keys are dotted (model.architecture.depth, let.radius, seed); values may be plugins:\n"
    "  [mlp, {plugin: mlp, depth: 5}]; null removes the key. In a condition the name of a "
    "plugin\n"
    "  stands for any parameters, a map for those it has, a list for any of its items. A key "
    "is\n"
    "  swept once. Two spellings of one run are one run. For example three seeds of each "
    "method,\n"
    "  and radii for the one that attacks:\n"
    "    sweep:\n"
    "      product: {method: [ntk, advntk], seed: [1, 2, 3]}\n"
    "      when:\n"
    "        - if: {method: advntk}\n"
    "          then: {product: {method.attack.radius: [4/255, 8/255]}}\n";

void advntk__recipe_describe(struct advntk__text *out)
{
    advntk__text_puts(out, "A recipe is one YAML file that says everything about an experiment.\n"
                           "\n"
                           "Example\n"
                           "  advntk: 1\n"
                           "  let: {radius: 0.1}\n"
                           "  data: {dataset: digits, train: 800, validation: 200, center: 0.5}\n"
                           "  model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}\n"
                           "  method:\n"
                           "    plugin: advntk\n"
                           "    attack: {plugin: pgd, norm: linf, radius: radius, steps: 10}\n"
                           "  evaluate:\n"
                           "    - {name: clean}\n"
                           "    - {name: pgd10, attack: {ref: method.attack}, samples: 200}\n"
                           "  sweep: {product: {let.radius: [0.05, 0.1], seed: [1, 2, 3]}}\n");
    for (const struct advntk__section *s = advntk__recipe_sections(); s->name; s++) {
        advntk__text_printf(out, "\n%s%s%s\n", s->name, *s->name ? ": " : "The top: ", s->help);
        print_rows(s->rows, out);
    }
    advntk__text_puts(
        out,
        "\nSlots\n"
        "  A plugin is named (`kernel: ntk`) or a map of `plugin:` and its parameters; slots "
        "nest.\n"
        "  `advntk list` names the plugins, `advntk describe KIND/NAME` their parameters. Attacks\n"
        "  take the program's own keys too (norm, radius, restarts, loss, ...); an attack without\n"
        "  `loss` goes up its own or the method's.\n"
        "\nNumbers\n"
        "  Where a number is expected an expression may stand: + - * / ^ ( ), min, max, sqrt, "
        "exp,\n"
        "  log, and the names of `let`. `.inf` is infinity. Booleans are true and false.\n"
        "\nReferences\n"
        "  {ref: method.attack} is the value of another place, overrides included; keys beside\n"
        "  `ref` are merged over it. YAML anchors, aliases and `<<` copy before overrides.\n"
        "\nMerging\n"
        "  Maps merge, lists are replaced, a slot whose plugin changes is replaced whole, and\n"
        "  `key: null` removes; for `extends`, for -s key=value, and for the sweep. Entries of\n"
        "  `evaluate` are addressed by name: -s evaluate.pgd10.attack.radius=4/255. -s fixes a "
        "key\n"
        "  that the recipe sweeps, --sweep 'key=[a, b]' adds one, -s "
        "'sweep.product.let.radius=[a]'\n"
        "  replaces its values, and -s sweep.product.seed=null takes it out of the sweep.\n");
    advntk__text_puts(out, sweeps);
    advntk__text_puts(
        out,
        "\nPaths\n"
        "  Relative to the folder of the file they are written in. ${NAME} and ${NAME:-default}\n"
        "  read the environment, in paths only.\n");
}

/* ---- one key ---- */

/* Where a word of a key is looked up: a section's table; or what a slot takes, the program's own
 * keys and those of every plugin of the kind. */
struct scope {
    const struct advntk__registry *registry;
    const struct advntk_param *rows;
    uint32_t kind; /* 0: a section */
};

enum { WORD = 128, NAMES = 1024 };

/* Each table of a scope, number 0, 1, ...; false: there is none any more. plugin NULL: rows of the
 * program. rows NULL: this one counts for nothing. */
static bool table_at(const struct scope *scope, ptrdiff_t number, const struct advntk_param **rows,
                     const struct advntk_plugin **plugin)
{
    const struct advntk__plugin_record *record;

    *plugin = NULL;
    *rows = scope->rows;
    if (number == 0) {
        return true;
    }
    if (!scope->kind || number > advntk__registry_count(scope->registry)) {
        return false;
    }
    record = advntk__registry_get(scope->registry, number - 1);
    *plugin = &record->plugin;
    *rows = record->shadowed_by || record->plugin.kind != scope->kind ? NULL : (*plugin)->params;
    return true;
}

/* Prints all rows of a name, if out is given; one of them, a slot where there is one. NULL: none.
 */
static const struct advntk_param *rows_named(const struct scope *scope, const char *name,
                                             struct advntk__text *out)
{
    const struct advntk_param *found = NULL, *rows;
    const struct advntk_plugin *plugin;

    for (ptrdiff_t i = 0; table_at(scope, i, &rows, &plugin); i++) {
        for (const struct advntk_param *row = rows; row && row->name; row++) {
            if (strcmp(row->name, name) != 0) {
                continue;
            }
            found = found && found->slot_kind ? found : row;
            if (out && plugin) {
                advntk__text_printf(out, "of %s/%s\n", advntk__kind_name(plugin->kind),
                                    plugin->name);
            }
            if (out) {
                print_row(row, out);
            }
        }
    }
    return found;
}

/* first: the unknown word is the key's first, which may also be a section. */
static advntk_status no_such_key(const struct scope *scope, const char *key, const char *word,
                                 bool first, struct advntk_error *err)
{
    const char *names[NAMES], *nearest;
    const struct advntk_param *rows;
    const struct advntk_plugin *plugin;
    ptrdiff_t count = 0;

    for (ptrdiff_t i = 0; table_at(scope, i, &rows, &plugin); i++) {
        for (const struct advntk_param *row = rows; row && row->name && count < NAMES; row++) {
            names[count++] = row->name;
        }
    }
    for (const struct advntk__section *s = advntk__recipe_sections(); s->name && count < NAMES;
         s++) {
        names[count++] = first && *s->name ? s->name : NULL;
    }
    nearest = advntk__text_nearest(word, count, names);
    return ADVNTK_FAIL(err, ENOTFOUND, "no key '%s'%s%s%s%s%s%s", key, first ? "" : ": '",
                       first ? "" : word, first ? "" : "' is not known there",
                       nearest ? "; did you mean '" : "; 'advntk describe recipe' shows all",
                       nearest ? nearest : "", nearest ? "'?" : "");
}

/* What a slot takes. */
static void print_slot(const struct scope *scope, struct advntk__text *out)
{
    const char *kind = advntk__kind_name(scope->kind);
    ptrdiff_t count = 0;

    if (scope->rows) {
        advntk__text_printf(out, "\nWith any plugin of kind %s\n", kind);
        print_rows(scope->rows, out);
    }
    advntk__text_printf(out, "\n'advntk describe %s/NAME' has the keys of each: ", kind);
    for (ptrdiff_t i = 0; i < advntk__registry_count(scope->registry); i++) {
        const struct advntk__plugin_record *record = advntk__registry_get(scope->registry, i);
        if (!record->shadowed_by && record->plugin.kind == scope->kind) {
            advntk__text_printf(out, "%s%s", count++ ? ", " : "", record->plugin.name);
        }
    }
    advntk__text_puts(out, "\n");
}

static void enter_slot(struct scope *scope, uint32_t kind)
{
    scope->kind = kind;
    scope->rows = advntk__slot_host_params(kind);
}

/* NULL: the word is none, but perhaps a key of the top. */
static const struct advntk__section *section_of(const char *word)
{
    const struct advntk__section *s = advntk__recipe_sections();

    while (s->name && strcmp(s->name, word) != 0) {
        s++;
    }
    return s->name && *word ? s : NULL;
}

/* The word of a dotted key that begins at `at`, and its end; *section: the one that the key's first
 * word names, else NULL. */
static const char *take_word(const char *key, const char *at, char word[WORD],
                             const struct advntk__section **section)
{
    const char *end = at + strcspn(at, ".");

    snprintf(word, WORD, "%.*s", (int)(end - at < WORD ? end - at : WORD - 1), at);
    *section = at == key ? section_of(word) : NULL;
    return end;
}

/* Goes to a section, and prints it where the key ends there. */
static void enter_section(struct scope *scope, const struct advntk__section *section, bool last,
                          struct advntk__text *out)
{
    const bool method = strcmp(section->name, "method") == 0;

    scope->rows = section->rows;
    if (method) {
        enter_slot(scope, ADVNTK_KIND_METHOD);
    }
    if (last) {
        advntk__text_printf(out, "%s: %s\n", section->name, section->help);
        if (method) {
            print_slot(scope, out);
        } else {
            print_rows(section->rows, out);
        }
        if (strcmp(section->name, "sweep") == 0) {
            advntk__text_puts(out, sweeps);
        }
    }
}

advntk_status advntk__recipe_describe_key(const struct advntk__registry *registry, const char *key,
                                          struct advntk__text *out, struct advntk_error *err)
{
    struct scope scope = {.registry = registry, .rows = advntk__recipe_sections()->rows};
    const struct advntk_param *row;
    char word[WORD];
    advntk_status rc = ADVNTK_OK;

    for (const char *at = key, *end; at; at = *end ? end + 1 : NULL) {
        const struct advntk__section *section;
        end = take_word(key, at, word, &section);
        if (section) {
            enter_section(&scope, section, !*end, out);
            continue;
        }
        row = rows_named(&scope, word, *end ? NULL : out);
        if (!row) {
            rc = no_such_key(&scope, key, word, at == key, err);
            break;
        }
        scope.rows = NULL; /* nothing is below a number */
        scope.kind = 0;
        if (row->slot_kind) {
            enter_slot(&scope, row->slot_kind);
        }
        if (!*end && row->slot_kind) {
            print_slot(&scope, out);
        }
    }
    return rc;
}

/* ---- the unit of a key ---- */

/* "the norm's", "as radius": what it is depends on another key. */
static bool is_relative(const char *unit)
{
    return strncmp(unit, "the ", 4) == 0 || strncmp(unit, "as ", 3) == 0;
}

/* Of all rows of a name; NULL: they have none, or not one and the same. */
static const char *unit_of(const struct scope *scope, const char *name)
{
    const struct advntk_param *rows;
    const struct advntk_plugin *plugin;
    const char *unit = NULL;

    for (ptrdiff_t i = 0; table_at(scope, i, &rows, &plugin); i++) {
        for (const struct advntk_param *row = rows; row && row->name; row++) {
            if (strcmp(row->name, name) != 0) {
                continue;
            }
            if (!row->unit || is_relative(row->unit) || (unit && strcmp(unit, row->unit) != 0)) {
                return NULL;
            }
            unit = row->unit;
        }
    }
    return unit;
}

const char *advntk__recipe_unit(const struct advntk__registry *registry, const char *key)
{
    struct scope scope = {.registry = registry, .rows = advntk__recipe_sections()->rows};
    const struct advntk_param *row;
    char word[WORD];

    for (const char *at = key, *end; at; at = *end ? end + 1 : NULL) {
        const struct advntk__section *section;
        end = take_word(key, at, word, &section);
        if (section) {
            enter_section(&scope, section, false, NULL);
            if (*end && strcmp(word, "evaluate") == 0) { /* the entry's name stands between */
                end += 1 + strcspn(end + 1, ".");
            }
            continue;
        }
        if (!*end) {
            return unit_of(&scope, word);
        }
        row = rows_named(&scope, word, NULL);
        if (!row || !row->slot_kind) {
            return NULL;
        }
        enter_slot(&scope, row->slot_kind);
    }
    return NULL;
}
