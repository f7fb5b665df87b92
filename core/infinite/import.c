/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stored predictors; apart from predictor.c, which knows no run. */
#include "config.h"

#include "base/try.h"

#include <advntk/method.h>

advntk_status advntk_predictor_import(const void *config, struct advntk_host *host,
                                      struct advntk_reader *r, void **model,
                                      const struct advntk_model_ops **ops, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_problem *problem = advntk_host_problem(host);
    ptrdiff_t count = problem->train * problem->classes;
    struct advntk_predictor *p = NULL;
    double *alpha = advntk_alloc(count, sizeof(*alpha));

    (void)config;
    if (!alpha) {
        FAIL(err, ENOMEM, "no memory for %td coefficients", count);
    }
    TRY(advntk_read_reals(r, "alpha", count, alpha, err));
    TRY(advntk_predictor_new(host, &p, err));
    advntk_predictor_set(p, alpha);
    *model = p;
    *ops = advntk_predictor_ops();
out:
    advntk_free(alpha);
    return rc;
}
