/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/cli.h"

#include <stdio.h>

static const char *const lines[] = {
    "A recipe is one YAML file that says everything about an experiment.",
    "",
    "advntk: 1                       # language version, required",
    "name: digits-advntk             # default: the file's name",
    "extends: [base.yaml]            # merged in order, this file last; lists are replaced",
    "seed: 1",
    "let: {radius: 8/255}            # names for numbers, used in expressions",
    "precision: float32              # or float64",
    "data:",
    "  dataset: digits               # a plugin slot: a name, or a map with plugin: and its "
    "parameters",
    "  train: 1000                   # images drawn from the training set by the seed",
    "  validation: 200               # drawn before them, disjoint",
    "  test: 500                     # the first of the test set; all if absent",
    "  center: 0.5                   # subtracted inside the model; attacks see [0,1]",
    "  # also: mean, std (a number a channel), classes, subset (random, first), balanced,",
    "  # label_noise, seed (default: the run's)",
    "model:",
    "  architecture: {plugin: mlp, depth: 3}",
    "  kernel: ntk",
    "method: {plugin: advntk, steps: 50, attack: {plugin: pgd, norm: linf, radius: radius}}",
    "  # select: last, or best_validation_robust",
    "evaluate_every: 25              # steps; the end always",
    "evaluate:",
    "  - {name: clean}",
    "  - {name: pgd10, attack: {ref: method.attack}, samples: 1000}",
    "sweep: {product: {seed: [1, 2, 3]}}",
    "",
    "Numbers may be expressions (8/255, radius/5, 2*depth+1; min, max, sqrt, exp, log).",
    "{ref: place} takes the resolved value of another place; ${NAME:-default} reads the "
    "environment in paths.",
    "On the command line -s key=value replaces a value (evaluate.pgd10.samples=200), --sweep "
    "key=[a,b] adds an axis.",
    "'advntk list' shows the plugins, 'advntk describe KIND/NAME' their parameters.",
};

void cli_describe_language(void)
{
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        puts(lines[i]);
    }
}
