/* SPDX-License-Identifier: GPL-3.0-or-later */
/* architecture/custom: the graph that a recipe's layers become. What it refuses is in
 * tests/recipes-bad/custom-*. */
#include "config.h"

#include "recipes.h"

#include "graph/graph.h"

#define MODEL                                                                                      \
    "advntk: 1\n"                                                                                  \
    "data: {dataset: digits, train: 100, validation: 20}\n"                                        \
    "method: {plugin: fit, batch: 32, attack: {plugin: pgd, radius: 8/255}}\n"                     \
    "evaluate: [{name: clean}]\n"                                                                  \
    "model:\n"                                                                                     \
    "  kernel: ntk\n"                                                                              \
    "  architecture:\n"                                                                            \
    "    plugin: custom\n"                                                                         \
    "    layers:\n"

/* The graph as a table without its two lines of cost, or why there is none. */
static void is_graph(const char *layers, const char *want, const char *name)
{
    struct advntk_error err = {0};
    struct advntk__text table = {0};
    struct advntk_graph *graph = NULL;
    char text[4096];
    const char *got = "no study", *end;
    struct advntk__study *study;

    snprintf(text, sizeof(text), MODEL "%s", layers);
    study = load(text, NULL);
    if (study && advntk__graph_build(&study->runs[0].model.architecture, 8, 8, 1, 10, &graph,
                                     &err) == ADVNTK_OK) {
        advntk__graph_print(graph, &table);
        got = advntk__text_get(&table);
        end = strstr(got, "cost: ");
        snprintf(text, sizeof(text), "%.*s", end ? (int)(end - got) : 0, got);
        got = text;
    } else if (study) {
        got = err.text;
    }
    is_text(got, want, name);
    advntk__text_release(&table);
    advntk__graph_free(graph);
    advntk__study_free(study);
}

int main(void)
{
    if (!recipes_begin()) {
        return 1;
    }
    is_graph(
        "      - flatten\n"
        "      - dense: {w_std: 3/2, b_std: 0}\n"
        "      - residual:\n"
        "          main: [{activation: relu}, dense, {activation: {plugin: erf, b: 2}}, dense]\n"
        "      - activation: relu\n"
        "      - dense\n",
        "number  layer       from  shape      parameters              layout\n"
        "0       input             8 x 8 x 1                          pixel-diagonal\n"
        "1       flatten     0     64                                 one number a pair\n"
        "2       dense       1     inf        w_std 1.5, b_std 0      one number a pair\n"
        "3       activation  2     inf        relu                    one number a pair\n"
        "4       dense       3     inf        w_std 1.76, b_std 0.18  one number a pair\n"
        "5       activation  4     inf        erf                     one number a pair\n"
        "6       dense       5     inf        w_std 1.76, b_std 0.18  one number a pair\n"
        "7       sum         6, 2  inf                                one number a pair\n"
        "8       activation  7     inf        relu                    one number a pair\n"
        "9       dense       8     inf        w_std 1.76, b_std 0.18  one number a pair\n",
        "a residual branch beside an identity");
    is_graph("      - flatten\n"
             "      - dense\n"
             "      - residual:\n"
             "          main:\n"
             "            - activation: relu\n"
             "            - dense\n"
             "            - residual: {main: [{activation: abs}, dense], shortcut: [identity]}\n"
             "          shortcut: [{activation: erf}, dense]\n"
             "      - sum: [[{activation: relu}, dense], [{activation: relu}, dense]]\n"
             "      - activation: relu\n"
             "      - dense: {b_std: 0}\n",
             "number  layer       from    shape      parameters              layout\n"
             "0       input               8 x 8 x 1                          pixel-diagonal\n"
             "1       flatten     0       64                                 one number a pair\n"
             "2       dense       1       inf        w_std 1.76, b_std 0.18  one number a pair\n"
             "3       activation  2       inf        relu                    one number a pair\n"
             "4       dense       3       inf        w_std 1.76, b_std 0.18  one number a pair\n"
             "5       activation  4       inf        abs                     one number a pair\n"
             "6       dense       5       inf        w_std 1.76, b_std 0.18  one number a pair\n"
             "7       sum         6, 4    inf                                one number a pair\n"
             "8       activation  2       inf        erf                     one number a pair\n"
             "9       dense       8       inf        w_std 1.76, b_std 0.18  one number a pair\n"
             "10      sum         7, 9    inf                                one number a pair\n"
             "11      activation  10      inf        relu                    one number a pair\n"
             "12      dense       11      inf        w_std 1.76, b_std 0.18  one number a pair\n"
             "13      activation  10      inf        relu                    one number a pair\n"
             "14      dense       13      inf        w_std 1.76, b_std 0.18  one number a pair\n"
             "15      sum         12, 14  inf                                one number a pair\n"
             "16      activation  15      inf        relu                    one number a pair\n"
             "17      dense       16      inf        w_std 1.76, b_std 0     one number a pair\n",
             "nested residual branches and a sum");
    return recipes_end();
}
