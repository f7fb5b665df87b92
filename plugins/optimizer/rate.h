/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the optimizers share: a rate that falls by steps, and the count of steps in saved states. */
#ifndef PLUGINS_OPTIMIZER_RATE_H
#define PLUGINS_OPTIMIZER_RATE_H

#include <advntk/plugin.h>
#include <math.h>

struct rate_schedule {
    double rate, factor;
    int64_t every; /* steps; 0: never */
};

static inline double rate_at(const struct rate_schedule *s, int64_t step)
{
    int64_t falls = s->every > 0 ? step / s->every : 0;

    return falls > 0 ? s->rate * pow(s->factor, (double)falls) : s->rate;
}

/* Fails if a gradient's entry is no finite number, with its place. */
static inline advntk_status gradient_check(const char *optimizer, ptrdiff_t n,
                                           const double *gradient, struct advntk_error *err)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        if (!isfinite(gradient[i])) {
            return ADVNTK_FAIL(err, ENUMERIC, "optimizer %s: entry %td of the gradient is %g",
                               optimizer, i, gradient[i]);
        }
    }
    return ADVNTK_OK;
}

#endif
