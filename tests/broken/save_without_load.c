/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fault: a state that can be saved but not read back. */
#include "config.h"

#include "broken.h"

static advntk_status small_save(const void *state, struct advntk_writer *w,
                                struct advntk_error *err)
{
    (void)state, (void)w, (void)err;
    return ADVNTK_OK;
}

SPOIL(ops->save = small_save;)
