/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Variances of one image on its way through a network: what every engine asks of them. */
#ifndef ADVNTK_INFINITE_VARIANCE_H
#define ADVNTK_INFINITE_VARIANCE_H

#include "graph/graph.h"

#include "infinite/hermite.h"

#include <advntk/activation.h>
#include <advntk/kernel.h>

/* A variance that a layer takes: not NaN, in the activation's domain (ops NULL: any), 0 or large
 * enough that products with other variances and their inverses are numbers of the precision.
 * Fails: ENUMERIC, naming the layer. */
ADVNTK_MUST_CHECK advntk_status advntk__variance_check(const struct advntk_graph *graph,
                                                       ptrdiff_t layer,
                                                       const struct advntk_activation_ops *ops,
                                                       enum advntk_precision precision, double q,
                                                       struct advntk_error *err);

/* A variance whose Hermite series leave out more of the moments m than ADVNTK__SERIES_LIMIT
 * (hermite.h) is refused, unless the activation has kinks: such series are known to be short of it
 * (advntk/activation.h). Fails: ENUMERIC, naming the layer. */
ADVNTK_MUST_CHECK advntk_status advntk__variance_series(const struct advntk_graph *graph,
                                                        ptrdiff_t layer,
                                                        const struct advntk_activation_ops *ops,
                                                        enum advntk_precision precision, double q,
                                                        const struct advntk__hermite_moments *m,
                                                        struct advntk_error *err);

/* k and t, values of nngp and tangent kernel behind a layer, are finite numbers of the precision.
 * Fails: ENUMERIC, naming the layer. */
ADVNTK_MUST_CHECK advntk_status advntk__variance_finite(const struct advntk_graph *graph,
                                                        ptrdiff_t layer,
                                                        enum advntk_precision precision, double k,
                                                        double t, struct advntk_error *err);

/* A pixel as the precision rounds it is a finite number. Fails: ENUMERIC, naming image and pixel.
 */
ADVNTK_MUST_CHECK advntk_status advntk__value_check(ptrdiff_t image, ptrdiff_t index, double pixel,
                                                    double rounded, struct advntk_error *err);

#endif
