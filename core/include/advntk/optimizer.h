/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kind optimizer: updates one vector of parameters from its gradient. One caller at a time. */
#ifndef ADVNTK_OPTIMIZER_H
#define ADVNTK_OPTIMIZER_H

#include <advntk/host.h>
#include <advntk/state.h>
#include <advntk/status.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_optimizer_ops {
    advntk_status (*open)(const void *config, struct advntk_host *host, ptrdiff_t n, void **state, struct advntk_error *err);
    /* parameters (n) <- one step against gradient (n). A zero gradient moves by weight decay alone. */
    advntk_status (*step)(void *state, const double *gradient, double *parameters, struct advntk_error *err);
    advntk_status (*save)(const void *state, struct advntk_writer *w, struct advntk_error *err);
    advntk_status (*load)(void *state, struct advntk_reader *r, struct advntk_error *err);
    void (*close)(void *state);
};

#ifdef __cplusplus
}
#endif
#endif
