/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks a finished run's model with something else; the results lie beside its first ones. */
#include "config.h"

#include "cli/cli.h"
#include "cli/summary.h"

#include "attack/evaluate.h"
#include "base/try.h"
#include "recipe/node.h"
#include "run/matrices.h"
#include "run/record.h"
#include "run/runner.h"

#include <advntk/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cli_words eval_attacks, eval_overrides;
static int eval_samples;

static const struct cli_option eval_options[] = {
    {CLI_WORDS, "attack", 'a', "ATTACK", &eval_attacks,
     "a name, or {plugin: NAME, ...}; norm and radius of the run's first attack unless given "
     "(repeatable)"},
    {CLI_COUNT, "samples", 'n', "N", &eval_samples,
     "the first N test images (default: as the run's first attack)"},
    {CLI_WORDS, "set", 's', "KEY=VALUE", &eval_overrides,
     "evaluate=[...], or another value below evaluate (repeatable)"},
    {CLI_END, NULL, 0, NULL, NULL, NULL},
};

/* The first evaluation with an attack in a ball, from which others take norm and radius. */
static const struct advntk__evaluation *model_evaluation(const struct advntk__run_config *config)
{
    for (ptrdiff_t i = 0; i < config->evaluation_count; i++) {
        const struct advntk_slot *attack = &config->evaluations[i].attack;
        if (attack->plugin && attack->host_config &&
            ((const struct advntk_attack_ops *)attack->plugin->ops)->goal != ADVNTK_GOAL_NONE) {
            return &config->evaluations[i];
        }
    }
    return NULL;
}

/* What an item of -a says at its top, "pgd" or "{plugin: pgd, steps: 3}". */
struct said {
    char plugin[64];
    bool map, norm, radius;
};

/* Reads an item of -a as YAML. Where it is none its mistake is told when it is read as part of the
 * recipe. */
static advntk_status read_attack(const char *text, struct said *said, struct advntk_error *err)
{
    struct advntk__study_memory *memory = NULL;
    const struct advntk_node *root = NULL;
    const char *plugin;
    advntk_status rc = ADVNTK_OK;

    TRY(advntk__node_parse(text, &memory, &root, err));
    said->map = advntk_node_kind(root) == ADVNTK_NODE_MAP;
    said->norm = advntk_node_get(root, "norm") != NULL;
    said->radius = advntk_node_get(root, "radius") != NULL;
    plugin = advntk_node_scalar(said->map ? advntk_node_get(root, "plugin") : root);
    snprintf(said->plugin, sizeof(said->plugin), "%s", plugin ? plugin : "attack");
out:
    advntk__pool_free(memory);
    return rc;
}

/* ", norm: {...}, radius: 0.03" as the run's attack has them, where the item has none. */
static void add_ball(struct advntk__text *out, const struct advntk__run_config *config,
                     const struct advntk__evaluation *like, const struct said *said)
{
    const struct advntk_attack_settings *s = like->attack.host_config;
    const struct advntk_node *list = advntk_node_get(config->tree, "evaluate");
    json_t *norm = NULL;
    char *dump = NULL;

    for (ptrdiff_t i = 0; i < advntk_node_count(list) && !norm; i++) {
        const struct advntk_node *entry = advntk_node_item(list, i);
        const char *name = advntk_node_scalar(advntk_node_get(entry, "name"));
        if (name && strcmp(name, like->name) == 0) {
            norm = advntk__node_json(advntk_node_get(advntk_node_get(entry, "attack"), "norm"));
        }
    }
    dump = norm ? json_dumps(norm, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17)) : NULL;
    if (dump && !said->norm) {
        advntk__text_printf(out, ", norm: %s", dump);
    }
    if (!said->radius) {
        advntk__text_puts(out, ", radius: ");
        advntk__text_real(out, s->radius);
    }
    free(dump);
    json_decref(norm);
}

/* Item i of -a as an evaluation; a plugin that came before gets a number. */
static void describe_attack(const struct advntk__run_config *config,
                            const struct advntk__evaluation *like, const struct said *all,
                            ptrdiff_t i, struct advntk__text *out)
{
    const char *text = eval_attacks.items[i];
    const struct said *said = &all[i];
    ptrdiff_t same = 1;

    advntk__text_printf(out, "{name: %s", said->plugin);
    for (ptrdiff_t k = 0; k < i; k++) {
        same += strcmp(all[k].plugin, said->plugin) == 0;
    }
    if (same > 1) {
        advntk__text_printf(out, "-%td", same);
    }
    if (eval_samples > 0 || like) {
        advntk__text_printf(out, ", samples: %lld",
                            eval_samples > 0 ? (long long)eval_samples : (long long)like->samples);
    }
    if (said->map) {
        const char *end = strrchr(text, '}'); /* norm and radius go before it */
        advntk__text_printf(out, ", attack: %.*s", (int)(end ? end - text : 0), text);
    } else {
        advntk__text_printf(out, ", attack: {plugin: %s", text);
    }
    if (like) {
        add_ball(out, config, like, said);
    }
    advntk__text_puts(out, "}}");
}

/* "evaluate=[{name: ..., samples: ..., attack: {...}}, ...]" of -a. */
static advntk_status describe_attacks(const struct advntk__run_config *config,
                                      struct advntk__text *out, struct advntk_error *err)
{
    const struct advntk__evaluation *like = model_evaluation(config);
    struct said *all = calloc((size_t)eval_attacks.count + 1, sizeof(*all));
    advntk_status rc = ADVNTK_OK;

    if (!all) {
        FAIL(err, ENOMEM, "no memory for %td attacks", eval_attacks.count);
    }
    for (ptrdiff_t i = 0; i < eval_attacks.count; i++) {
        TRY(read_attack(eval_attacks.items[i], &all[i], err));
    }
    advntk__text_puts(out, "evaluate=[");
    for (ptrdiff_t i = 0; i < eval_attacks.count; i++) {
        advntk__text_puts(out, i > 0 ? ", " : "");
        describe_attack(config, like, all, i, out);
    }
    advntk__text_puts(out, "]");
out:
    free(all);
    return rc;
}

/* RESULTS of RESULTS/runs/<id>; free(). */
static char *results_of(const struct advntk__folder *folder)
{
    char *copy = strdup(folder->path);

    for (int k = 0; copy && k < 2; k++) {
        char *slash = strrchr(copy, '/');
        if (slash) {
            *slash = '\0';
        }
    }
    return copy;
}

static advntk_status evaluate(struct cli_work *work, const struct advntk__folder *folder,
                              json_t **object, struct advntk_error *err)
{
    const struct advntk__run_config *config = &work->study->runs[0];
    struct advntk__runner_options options = {0};
    struct advntk__source source = {0};
    struct advntk__workplace place = {
        .host = work->host, .registry = work->registry, .options = &options, .source = &source};
    enum advntk__outcome_state state = ADVNTK__OUTCOME_FAILED;
    double started = advntk__attack_clock();
    char *results = results_of(folder);
    advntk_status rc = ADVNTK_OK;

    options.results = results;
    *object = advntk__outcome_object(config);
    if (!results || !*object) {
        FAIL(err, ENOMEM, "no memory for a run");
    }
    TRY(advntk__matrices_new(&place.memory.matrices, err));
    TRY(advntk__source_open(work->host, &config->data.dataset, &source, err));
    TRY(advntk__run_compute(&place, config, *object, &state, err));
    advntk__outcome_complete(*object, state, advntk__attack_clock() - started, NULL);
    json_object_set_new(*object, "method", json_string(config->method.plugin->name));
out:
    advntk__kernel_memory_clear(&place.memory);
    advntk__matrices_free(place.memory.matrices);
    advntk__source_close(&source);
    advntk__backend_close(work->host);
    free(results);
    return rc;
}

/* Loads the stored recipe, then again with what is to be evaluated instead. */
static int load(struct cli_work *work, const char *recipe, struct advntk__text *attacks)
{
    const struct advntk__recipe_options plain = {0};
    struct advntk__recipe_options changed = {0};
    ptrdiff_t count = eval_overrides.count + (eval_attacks.count > 0);
    const char **words = calloc((size_t)count + 1, sizeof(*words));
    int code;

    if (!words) {
        return cli_fail("no memory for a recipe");
    }
    code = cli_work_load(work, recipe, &plain);
    if (code == CLI_DONE && work->study) {
        ptrdiff_t k = 0;
        if (eval_attacks.count > 0) {
            struct advntk_error err;
            if (describe_attacks(&work->study->runs[0], attacks, &err) != ADVNTK_OK) {
                free(words);
                return cli_error(&err);
            }
            words[k++] = advntk__text_get(attacks);
        }
        for (ptrdiff_t i = 0; i < eval_overrides.count; i++) {
            words[k++] = eval_overrides.items[i];
        }
        changed.override_count = k;
        changed.overrides = words;
        code = cli_work_load(work, recipe, &changed);
    }
    free(words);
    return code;
}

static int eval_one(const struct cli *cli, const char *word, json_t *list)
{
    struct advntk__folder folder = {.lock = -1};
    struct cli_work work = {0};
    struct advntk__text attacks = {0};
    struct advntk_error err = {0};
    json_t *object = NULL;
    char *recipe = NULL;
    int code = CLI_DONE;

    if (advntk__store_find(cli->results, word, &folder, &err) != ADVNTK_OK) {
        return cli_error(&err);
    }
    if (advntk__folder_state(&folder) != ADVNTK__RUN_FINISHED) {
        code = cli_fail("run %s is not finished; `advntk run` goes on with it", folder.id);
    }
    recipe = advntk__folder_file(&folder, "recipe.yaml", NULL);
    if (code == CLI_DONE) {
        code = recipe ? cli_work_open(cli, &work) : cli_fail("no memory for a path");
    }
    if (code == CLI_DONE) {
        code = load(&work, recipe, &attacks);
    }
    if (code == CLI_DONE && work.study && evaluate(&work, &folder, &object, &err) != ADVNTK_OK) {
        code = cli_error(&err);
    }
    cli_progress_clear();
    if (code == CLI_DONE && cli->json) {
        json_dumpf(object, stdout, JSON_REAL_PRECISION(17));
        putchar('\n');
    } else if (code == CLI_DONE) {
        json_array_append(list, object);
    }
    json_decref(object);
    cli_work_release(&work);
    advntk__folder_close(&folder);
    advntk__text_release(&attacks);
    free(recipe);
    return code;
}

static int eval_main(struct cli *cli)
{
    json_t *list;
    int code = CLI_DONE;

    if (eval_attacks.count == 0 && eval_overrides.count == 0) {
        return cli_misuse(cli, "expected -a ATTACK or -s 'evaluate=[...]'");
    }
    for (ptrdiff_t i = 0; i < eval_overrides.count; i++) {
        if (strncmp(eval_overrides.items[i], "evaluate", strlen("evaluate")) != 0) {
            return cli_misuse(cli, "-s %s: only what is evaluated can change in a finished run",
                              eval_overrides.items[i]);
        }
    }
    list = json_array();
    for (ptrdiff_t i = 0; code == CLI_DONE && i < cli->count; i++) {
        code = eval_one(cli, cli->words[i], list);
    }
    if (json_array_size(list)) {
        (void)cli_summary_table(list, ADVNTK__SHEET_TEXT);
        cli_summary_folders(list);
    }
    json_decref(list);
    return code;
}

const struct cli_command cli_eval = {
    .name = "eval",
    .words = "RUN...",
    .summary = "Attacks a finished run's model with something else",
    .text = "The results lie beside the run's first ones; what was evaluated before is not "
            "computed again.",
    .example = "advntk eval 3f2a -a autoattack -a '{plugin: pgd, steps: 100, restarts: 5}'",
    .options = eval_options,
    .least = 1,
    .most = -1,
    .run = eval_main,
};
