/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "infinite/variance.h"

#include "base/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* Derivatives divide by variances times sqrt(1 - c^2), which is at least 1e-3 in float32 and 1e-7
 * in float64 (advntk/duals.h): below these the quotients would not be numbers of the precision. */
static double smallest(enum advntk_precision precision)
{
    return precision == ADVNTK_PRECISION_FLOAT32 ? 1e-34 : 1e-290;
}

static advntk_status fail(const struct advntk_graph *graph, ptrdiff_t layer, double q,
                          const char *why, enum advntk_precision precision,
                          struct advntk_error *err)
{
    struct advntk__text name = {0};

    advntk__graph_name(graph, layer, &name);
    (void)ADVNTK_FAIL(err, ENUMERIC, "%s: variance %g %s (%s)", advntk__text_get(&name), q, why,
                      precision == ADVNTK_PRECISION_FLOAT32 ? "float32" : "float64");
    advntk__text_release(&name);
    return ADVNTK_ENUMERIC;
}

advntk_status advntk__variance_check(const struct advntk_graph *graph, ptrdiff_t layer,
                                     const struct advntk_activation_ops *ops,
                                     enum advntk_precision precision, double q,
                                     struct advntk_error *err)
{
    double low = ops ? ops->variance_min : 0, high = ops ? ops->variance_max : DBL_MAX;
    char why[80];

    if (!(q >= low && q <= high)) {
        snprintf(why, sizeof(why), "is outside what the layer can have, %g to %g", low, high);
        return fail(graph, layer, q, why, precision, err);
    }
    if (q > 0 && q < smallest(precision)) {
        return fail(graph, layer, q, "is too small: scale the images or the weights", precision,
                    err);
    }
    return ADVNTK_OK;
}

advntk_status advntk__variance_series(const struct advntk_graph *graph, ptrdiff_t layer,
                                      const struct advntk_activation_ops *ops,
                                      enum advntk_precision precision, double q,
                                      const struct advntk__hermite_moments *m,
                                      struct advntk_error *err)
{
    char why[280];

    if ((m->tail <= ADVNTK__SERIES_LIMIT && m->tail_second <= ADVNTK__SERIES_LIMIT_SECOND) ||
        ops->kink_count > 0) {
        return ADVNTK_OK;
    }
    snprintf(
        why, sizeof(why),
        "is too large for its Hermite series, %d terms of which leave out %.1e of a moment and "
        "%.1e of a partial, more than %g and %g: scale the images or the weights, or give it "
        "dual moments",
        ADVNTK__TERMS, m->tail, m->tail_second, ADVNTK__SERIES_LIMIT, ADVNTK__SERIES_LIMIT_SECOND);
    return fail(graph, layer, q, why, precision, err);
}

advntk_status advntk__variance_finite(const struct advntk_graph *graph, ptrdiff_t layer,
                                      enum advntk_precision precision, double k, double t,
                                      struct advntk_error *err)
{
    double limit = precision == ADVNTK_PRECISION_FLOAT32 ? (double)FLT_MAX : DBL_MAX;

    if (!(k <= limit && t <= limit)) {
        return fail(graph, layer, k > t ? k : t, "is not a finite number here", precision, err);
    }
    return ADVNTK_OK;
}

advntk_status advntk__value_check(ptrdiff_t image, ptrdiff_t index, double pixel, double rounded,
                                  struct advntk_error *err)
{
    if (isfinite(rounded)) {
        return ADVNTK_OK;
    }
    return ADVNTK_FAIL(err, ENUMERIC, "image %td: value %td is %g, %s", image, index, pixel,
                       isfinite(pixel) ? "too large for float32; use precision: float64"
                                       : "expected a finite number");
}
