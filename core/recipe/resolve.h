/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One composed tree (no extends, sweep or overrides left) to one resolved run. */
#ifndef ADVNTK_RECIPE_RESOLVE_H
#define ADVNTK_RECIPE_RESOLVE_H

#include "recipe/configure.h"
#include "recipe/resolved.h"

enum { ADVNTK__LANGUAGE = 1 };

/* A run without mistakes, and the tree that it was resolved from. */
struct advntk__resolved {
    const struct advntk_node *root;
    const struct advntk__run_config *run;
};

/*
 * default_name: of the study. Mistakes are noted in c; then run is not to be used. before: another
 * run of the study, in the same memory, with which the run shares the sections that are the same;
 * NULL: none.
 */
ADVNTK_MUST_CHECK advntk_status advntk__resolve(struct advntk__configurer *c,
                                                struct advntk_node *root,
                                                const struct advntk__resolved *before,
                                                const char *default_name, bool model_only,
                                                struct advntk__run_config *run,
                                                struct advntk_error *err);

/* The sections of a recipe, as tables; for `describe recipe` and the schema. name NULL ends. */
struct advntk__section {
    const char *name, *help;
    const struct advntk_param *rows; /* NULL: see help */
};
const struct advntk__section *advntk__recipe_sections(void);

/* The language: sections, keys, defaults, expressions, sweep, an example. */
void advntk__recipe_describe(struct advntk__text *out);
/* One key of it, dotted: a section (data), a key (data.train), what a slot takes (evaluate.attack),
 * a key of plugins (evaluate.attack.steps: of each that has it). Fails: ENOTFOUND with the nearest.
 */
ADVNTK_MUST_CHECK advntk_status advntk__recipe_describe_key(const struct advntk__registry *registry,
                                                            const char *key,
                                                            struct advntk__text *out,
                                                            struct advntk_error *err);
/* The unit of a swept key (data.train: "images"; evaluate.pgd.attack.steps); NULL: none is known,
 * or plugins differ in it, or it follows another key (a radius has that of the norm). */
const char *advntk__recipe_unit(const struct advntk__registry *registry, const char *key);

#endif
