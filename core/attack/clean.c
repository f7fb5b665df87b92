/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outputs at clean images, kept for the next evaluation of the same model. */
#include "config.h"

#include "attack/panel.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <string.h>

advntk_status advntk__clean_pass_init(struct advntk__clean_pass *pass, ptrdiff_t images,
                                      ptrdiff_t classes, struct advntk_error *err)
{
    const ptrdiff_t panels = (images + ADVNTK_PANEL - 1) / ADVNTK_PANEL;
    advntk_status rc = ADVNTK_OK;

    *pass = (struct advntk__clean_pass){
        .images = images,
        .classes = classes,
        .outputs = advntk_alloc(images, (size_t)classes * sizeof(double)),
        .rows = advntk_alloc_zero(panels, sizeof(ptrdiff_t)),
    };
    if (images > 0 && (!pass->outputs || !pass->rows)) {
        advntk__clean_pass_release(pass);
        FAIL(err, ENOMEM, "no memory for the outputs at %td images", images);
    }
out:
    return rc;
}

void advntk__clean_pass_release(struct advntk__clean_pass *pass)
{
    advntk_free(pass->outputs);
    advntk_free(pass->rows);
    *pass = (struct advntk__clean_pass){0};
}

const double *advntk__clean_pass_get(const struct advntk__clean_pass *pass, ptrdiff_t first,
                                     ptrdiff_t n)
{
    /* a panel of other rows may give other last bits */
    bool known = pass && first % ADVNTK_PANEL == 0 && first + n <= pass->images &&
                 pass->rows[first / ADVNTK_PANEL] == n;

    return known ? pass->outputs + first * pass->classes : NULL;
}

void advntk__clean_pass_put(struct advntk__clean_pass *pass, ptrdiff_t first, ptrdiff_t n,
                            const double *outputs)
{
    if (pass) {
        pass->evaluated += n;
    }
    if (pass && first % ADVNTK_PANEL == 0 && first + n <= pass->images) {
        memcpy(pass->outputs + first * pass->classes, outputs,
               (size_t)(n * pass->classes) * sizeof(double));
        pass->rows[first / ADVNTK_PANEL] = n;
    }
}
