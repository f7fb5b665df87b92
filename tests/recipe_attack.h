/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Attacks as a recipe says them: with every plugin of the build, composites and their parts too. */
#ifndef TESTS_RECIPE_ATTACK_H
#define TESTS_RECIPE_ATTACK_H

#include "scratch.h"

#include "base/text.h"
#include "recipe/resolved.h"
#include "registry/registry.h"

/* The attack that `text`, a flow map, resolves to; lives as long as *study, which the caller frees.
 * The recipe lies in the scratch folder. Ends the test where it is wrong. */
__attribute__((unused)) static const struct advntk_slot *
recipe_attack(struct advntk__registry *registry, const char *text, struct advntk__study **study)
{
    const struct advntk__recipe_options plain = {0};
    struct advntk__text recipe = {0}, messages = {0};
    struct advntk_error err = {.status = ADVNTK_OK};
    const char *all;

    advntk__text_printf(&recipe,
                        "advntk: 1\n"
                        "data: {dataset: digits, train: 100}\n"
                        "model: {architecture: mlp, kernel: ntk}\n"
                        "method: ntk\n"
                        "evaluate:\n"
                        "  - name: attack\n"
                        "    attack: %s\n",
                        text);
    all = advntk__text_get(&recipe);
    if (advntk__study_load(registry, scratch_write("attack.yaml", all, strlen(all)), &plain, study,
                           &messages, &err) != ADVNTK_OK) {
        printf("Bail out! %s\n# %s\n", err.text, advntk__text_get(&messages));
        exit(1);
    }
    advntk__text_release(&recipe);
    advntk__text_release(&messages);
    return &(*study)->runs[0].evaluations[0].attack;
}

#endif
