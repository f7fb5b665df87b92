/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: built against headers that know more than the program. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->abi.minor = ADVNTK_ABI_MINOR + 1;)
