/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `describe recipe`: the language, from the tables that recipes are checked with. */
#include "config.h"

#include "base/text.h"
#include "recipe/resolve.h"

#include <inttypes.h>
#include <math.h>
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

static void print_rows(const struct advntk_param *rows, struct advntk__text *out)
{
    for (const struct advntk_param *row = rows; row && row->name; row++) {
        advntk__text_printf(out, "  %s: ", row->name);
        advntk__param_expected(row, out);
        print_default(row, out);
        print_help(row->help, out);
    }
}

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
        "  that the recipe sweeps; --sweep 'key=[a, b]' adds one.\n"
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
        "          then: {product: {method.attack.radius: [4/255, 8/255]}}\n"
        "\nPaths\n"
        "  Relative to the folder of the file they are written in. ${NAME} and ${NAME:-default}\n"
        "  read the environment, in paths only.\n");
}
