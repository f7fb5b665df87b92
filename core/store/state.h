/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The writer and reader of advntk/state.h: a state is an .npz file with a flat array a name. */
#ifndef ADVNTK_STORE_STATE_H
#define ADVNTK_STORE_STATE_H

#include "store/npz.h"

#include <advntk/state.h>

enum { ADVNTK__STATE_NAME = 128 }; /* longest name, prefix and final NUL included */

struct advntk_writer {
    struct advntk__npz_writer *npz; /* borrowed */
    const char *prefix;             /* borrowed; NULL: none */
};

struct advntk_reader {
    struct advntk__npz_reader *npz; /* borrowed */
    const char *prefix;
};

#endif
