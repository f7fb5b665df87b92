/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: some other program's plugin with an entry of the same name. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->abi.magic = 0x21424143;)
