/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a summary of two lines. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->summary = "one\ntwo";)
