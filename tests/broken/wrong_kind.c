/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a loss in the folder of the attacks. */
#include "config.h"

#include "broken.h"

SPOIL(static const struct advntk_loss_ops none; plugin->kind = ADVNTK_KIND_LOSS;
      plugin->ops = &none;)
