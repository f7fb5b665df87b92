/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No attack: the clean images are evaluated, and nothing else. */
#include "config.h"

#include <advntk/plugin.h>

static const struct advntk_attack_ops none_ops = {.goal = ADVNTK_GOAL_NONE};

ADVNTK_PLUGIN(ATTACK, none_ops, .name = "none", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "no attack: the clean images",
              .doc = "Needs no norm and no radius; robust accuracy is then the clean accuracy. In "
                     "training: training on clean images.");
