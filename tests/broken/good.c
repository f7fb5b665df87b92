/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No fault: what the others spoil is accepted as it stands. */
#include "config.h"

#include "broken.h"

SPOIL()
