/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: built for a BLAS of 64-bit integers. */
#include "config.h"

#include "broken.h"

SPOIL(plugin->abi.blasint_bytes = 8;)
