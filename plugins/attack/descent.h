/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What attacks that walk to the boundary have in common (ddn, fmn): they begin at the clean image,
 * take one gradient a step, move each row by a rule of their own, and end after so many steps.
 */
#ifndef PLUGINS_ATTACK_DESCENT_H
#define PLUGINS_ATTACK_DESCENT_H

#include "success.h"

#include <advntk/plugin.h>

/* next (d) <- where row i looks next; holds its last point at entry. */
typedef void (*descent_move_fn)(void *state, const struct advntk_attack_view *view,
                                const struct advntk_attack_seen *seen, ptrdiff_t i, double *next);

/* A step of every active row; the last of `steps` points is looked at without a gradient. */
static inline advntk_status descent_step(void *state, descent_move_fn move, int64_t steps,
                                         const struct advntk_attack_view *view,
                                         const struct advntk_attack_seen *seen,
                                         struct advntk_attack_ask *ask)
{
    if (view->step >= steps) {
        success_all_done(view, ask);
        return ADVNTK_OK;
    }
    for (ptrdiff_t i = 0; i < view->n; i++) {
        if (view->active[i]) {
            move(state, view, seen, i, ask->point + i * view->d);
        }
    }
    ask->gradient = view->step + 1 < steps;
    return ADVNTK_OK;
}

#endif
