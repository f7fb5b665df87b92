/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A recipe to start from, and how tests read one: with the plugins of the build and method `fit`.
 */
#ifndef TESTS_RECIPES_RECIPES_H
#define TESTS_RECIPES_RECIPES_H

#include "scratch.h"
#include "tap.h"

#include "base/hash.h"
#include "base/text.h"
#include "recipe/resolved.h"
#include "registry/registry.h"

#include <stdlib.h>
#include <unistd.h>

#define BASE                                                                                       \
    "advntk: 1\n"                                                                                  \
    "seed: 3\n"                                                                                    \
    "let: {r: 8/255, half: r/2}\n"                                                                 \
    "data: {dataset: digits, train: 100, validation: 20}\n"                                        \
    "model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}\n"                                \
    "method:\n"                                                                                    \
    "  plugin: fit\n"                                                                              \
    "  batch: 32\n"                                                                                \
    "  attack: {plugin: pgd, radius: r, step: r/5}\n"                                              \
    "evaluate:\n"                                                                                  \
    "  - {name: clean}\n"                                                                          \
    "  - {name: pgd10, attack: {ref: method.attack}}\n"                                            \
    "  - {name: l2, attack: {ref: method.attack, norm: l2, radius: half}, samples: 50}\n"

static struct advntk__registry *registry;

__attribute__((unused)) static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "wb");
    if (file) {
        fputs(text, file);
        fclose(file);
    }
}

static struct advntk__study *load_with(const char *file, const char *const *overrides,
                                       const char *const *sweeps)
{
    struct advntk__recipe_options options = {.overrides = overrides, .sweeps = sweeps};
    struct advntk__study *study = NULL;
    struct advntk__text messages = {0};
    struct advntk_error err = {0};
    while (overrides && overrides[options.override_count]) {
        options.override_count++;
    }
    while (sweeps && sweeps[options.sweep_count]) {
        options.sweep_count++;
    }
    if (advntk__study_load(registry, file, &options, &study, &messages, &err) != ADVNTK_OK) {
        printf("# %s: %s\n# %s\n", file, err.text, advntk__text_get(&messages));
    }
    advntk__text_release(&messages);
    return study;
}

__attribute__((unused)) static struct advntk__study *load(const char *text,
                                                          const char *const *overrides)
{
    write_file("recipe.yaml", text);
    return load_with("recipe.yaml", overrides, NULL);
}

/* The text at a dotted path of a run's tree; a number is the item of a list. */
__attribute__((unused)) static const char *at(const struct advntk__study *study, ptrdiff_t run,
                                              const char *path)
{
    const struct advntk_node *node = study && run < study->count ? study->runs[run].tree : NULL;
    char copy[200], *save = NULL;
    snprintf(copy, sizeof(copy), "%s", path);
    for (char *name = strtok_r(copy, ".", &save); name; name = strtok_r(NULL, ".", &save)) {
        node = advntk_node_kind(node) == ADVNTK_NODE_LIST
                   ? advntk_node_item(node, strtol(name, NULL, 10))
                   : advntk_node_get(node, name);
    }
    return advntk_node_scalar(node);
}

__attribute__((unused)) static void is_at(const struct advntk__study *study, ptrdiff_t run,
                                          const char *path, const char *want)
{
    is_text(at(study, run, path), want, path);
}

/* The identities of all that a run consists of. */
static bool run_digest(const struct advntk__run_config *run, uint8_t digest[16])
{
    const struct advntk_slot *slots[] = {&run->data.dataset, &run->model.architecture,
                                         &run->model.kernel, &run->method, &run->backend};
    struct advntk__hash *hash = advntk__hash_new();
    struct advntk_error err;
    bool fine = hash != NULL;
    for (size_t i = 0; fine && i < sizeof(slots) / sizeof(slots[0]); i++) {
        fine = advntk__slot_identity(slots[i], hash, &err) == ADVNTK_OK;
    }
    for (ptrdiff_t i = 0; fine && i < run->evaluation_count; i++) {
        advntk__hash_text(hash, run->evaluations[i].name);
        advntk__hash_int(hash, run->evaluations[i].samples);
        fine = advntk__slot_identity(&run->evaluations[i].attack, hash, &err) == ADVNTK_OK;
    }
    if (fine) {
        advntk__hash_real(hash, run->data.center);
        advntk__hash_int(hash, run->seed);
        advntk__hash_end(hash, digest);
    }
    advntk__hash_free(hash);
    return fine;
}

/* Printing a resolved run and reading it back must give the same text and the same identities. */
__attribute__((unused)) static void is_round(const char *name, const struct advntk__study *study)
{
    struct advntk__text first = {0}, second = {0};
    struct advntk__study *again;
    uint8_t digests[2][16] = {{0}, {1}};
    advntk__tree_print(study->runs[0].tree, &first);
    write_file("again.yaml", first.bytes);
    again = load_with("again.yaml", NULL, NULL);
    if (ok(again != NULL, "%s is read back", name)) {
        advntk__tree_print(again->runs[0].tree, &second);
        is_text(second.bytes, first.bytes, name);
        ok(run_digest(&study->runs[0], digests[0]) && run_digest(&again->runs[0], digests[1]) &&
               memcmp(digests[0], digests[1], 16) == 0,
           "%s has the same identities", name);
    }
    advntk__text_release(&first);
    advntk__text_release(&second);
    advntk__study_free(again);
    unlink("again.yaml");
}

/* Opens the plugins and goes into a folder of the test's own. */
__attribute__((unused)) static bool recipes_begin(void)
{
    struct advntk_error err = {0};
    scratch_make();
    if (advntk__registry_new(RECIPES ":" PLUGINS, true, &registry, &err) != ADVNTK_OK ||
        chdir(scratch_folder) != 0) {
        printf("Bail out! %s\n", err.text);
        return false;
    }
    return true;
}

__attribute__((unused)) static int recipes_end(void)
{
    advntk__registry_free(registry);
    ok(chdir("/") == 0, "out of the scratch folder");
    scratch_remove();
    return done_testing();
}

#endif
