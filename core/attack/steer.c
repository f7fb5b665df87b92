/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What attack and method plugins call: steepest directions, streams, losses. */
#include "config.h"

#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>

struct steepest_job {
    const struct advntk_attack_view *view;
    const struct advntk_norm_ops *norm;
    const double *gradient;
    double *direction;
};

static advntk_status steepest_one(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                  struct advntk_error *err)
{
    const struct steepest_job *job = context;
    ptrdiff_t d = job->view->d;

    (void)arena;
    (void)err;
    if (job->view->active[i]) {
        /* sparsity 0: the steepest direction itself, not one that is spread over coordinates */
        job->norm->steepest(job->view->settings->norm.config, d, job->gradient + i * d, 0,
                            job->direction + i * d);
    }
    return ADVNTK_OK;
}

advntk_status advntk_attack_steepest(const struct advntk_attack_view *view, const double *gradient,
                                     double *direction, struct advntk_error *err)
{
    const struct advntk_plugin *plugin = view->settings->norm.plugin;
    struct steepest_job job = {view, plugin ? plugin->ops : NULL, gradient, direction};

    if (!job.norm || !job.norm->steepest) {
        return ADVNTK_FAIL(err, EUNSUPPORTED,
                           "norm %s offers no steepest direction, which the attack needs",
                           plugin ? plugin->name : "(none)");
    }
    return advntk_parallel_for(view->host, view->n, steepest_one, &job, err);
}

void advntk_attack_stream(const struct advntk_attack_view *view, ptrdiff_t i,
                          struct advntk_stream *s)
{
    /* 24 bits, so that a late training step does not run into the restart's number */
    uint32_t step = (view->first_step + (uint32_t)view->step) & 0xffffffu;
    advntk_stream_init(s, view->seed, view->purpose, view->index[i], (uint32_t)view->restart, step);
}

advntk_status advntk_loss_value(const struct advntk_slot *loss, ptrdiff_t n, ptrdiff_t c,
                                const double *f, const int32_t *labels, double *value, double *df,
                                struct advntk_error *err)
{
    const struct advntk_loss_ops *ops = NULL;
    advntk_status rc = ADVNTK_OK;

    if (!loss->plugin || loss->plugin->kind != ADVNTK_KIND_LOSS) {
        FAIL(err, EINVALID, "loss: the slot holds %s, expected a plugin of kind loss",
             loss->plugin ? loss->plugin->name : "nothing");
    }
    ops = loss->plugin->ops;
    if (c < ops->min_classes) {
        FAIL(err, EUNSUPPORTED, "loss %s: %td classes, needs at least %td%s%s", loss->plugin->name,
             c, ops->min_classes, ops->too_few_classes ? "; use " : "",
             ops->too_few_classes ? ops->too_few_classes : "");
    }
    if (ops->targeted) {
        FAIL(err, EUNSUPPORTED, "loss %s needs targets, so only a targeted attack can use it",
             loss->plugin->name);
    }
    ops->value(loss->config, n, c, f, labels, NULL, value, df);
    for (ptrdiff_t i = 0; i < n; i++) {
        if (!isfinite(value[i])) {
            FAIL(err, ENUMERIC, "loss %s: row %td is %g, expected a finite number",
                 loss->plugin->name, i, value[i]);
        }
    }
out:
    return rc;
}
