/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a goal that the program does not know. */
#include "config.h"

#include "broken.h"

SPOIL(ops->goal = (enum advntk_attack_goal)9;)
