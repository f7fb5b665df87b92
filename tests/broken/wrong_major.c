/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: built for a program whose interface is another. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->abi.major = ADVNTK_ABI_MAJOR + 1;)
