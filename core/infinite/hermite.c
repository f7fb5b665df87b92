/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "infinite/hermite.h"

#include "base/try.h"

#include <float.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* REACH: the normal density there is 1e-43; the scaled polynomials stay below e^(z^2/4). */
enum { NODES = 16, REACH = 14, GRADES = 64 };
#define PANEL_MAX 0.5

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Ends of panels around `centre`: at distances w, 2w, 4w, ... on both sides. */
static ptrdiff_t add_graded(double centre, double w, double *ends, ptrdiff_t count)
{
    if (!(fabs(centre) < REACH)) {
        return count;
    }
    ends[count++] = centre;
    for (int i = 0; i < GRADES && w < PANEL_MAX; i++) {
        for (int side = -1; side <= 1; side += 2) {
            if (fabs(centre + side * w) < REACH) {
                ends[count++] = centre + side * w;
            }
        }
        w *= 2;
    }
    return count;
}

/* Ends of all panels, ascending; returns how many. ends NULL: an upper bound of it. */
static ptrdiff_t panels(const struct advntk_activation_ops *ops, double std, double *ends)
{
    ptrdiff_t count = 0, grid = (ptrdiff_t)(2 * REACH / PANEL_MAX);

    if (!ends) {
        return grid + 1 + (ops->kink_count + 1) * (2 * GRADES + 1);
    }
    for (ptrdiff_t i = 0; i <= grid; i++) {
        ends[count++] = -REACH + (double)i * PANEL_MAX;
    }
    count = add_graded(0, 0.5 / std, ends, count);
    for (ptrdiff_t i = 0; i < ops->kink_count; i++) {
        count = add_graded(ops->kinks[i] / std, 0.5 / std, ends, count);
    }
    qsort(ends, (size_t)count, sizeof(*ends), ascending);
    return count;
}

/* One node: z, its weight times the density, phi and phi' at std z. */
static void add_node(double z, double w, double y, double dy, double *series,
                     struct advntk__hermite_moments *m)
{
    double h = w, before = 0, *c = series, *d = series + ADVNTK__TERMS; /* h: w h_n(z) */

    m->k += w * y * y;
    m->kd += w * dy * dy;
    m->slope += w * z * y * dy;
    for (int n = 0; n < ADVNTK__TERMS + 2; n++) {
        double next = (z * h - sqrt((double)n) * before) / sqrt((double)n + 1);
        if (n < ADVNTK__TERMS) {
            c[n] += h * y;
        }
        d[n] += h * dy;
        before = h;
        h = next;
    }
}

static void add_panel(const struct advntk_activation_ops *ops, const void *config, double std,
                      double low, double high, const gsl_integration_glfixed_table *table,
                      double *series, struct advntk__hermite_moments *m)
{
    double z[NODES], w[NODES], u[NODES], y[NODES], dy[NODES];

    for (size_t i = 0; i < NODES; i++) {
        gsl_integration_glfixed_point(low, high, i, &z[i], &w[i], table);
        u[i] = std * z[i];
    }
    ops->phi(config, NODES, u, y, dy);
    for (size_t i = 0; i < NODES; i++) {
        add_node(z[i], w[i] * exp(-z[i] * z[i] / 2) / sqrt(2 * acos(-1)), y[i], dy[i], series, m);
    }
}

void advntk__hermite_tell(struct advntk_host *host, double tail, ptrdiff_t image)
{
    advntk_log(host, tail > ADVNTK__SERIES_TOLERANCE ? ADVNTK_LOG_WARNING : ADVNTK_LOG_INFO,
               "Hermite series of %d terms leave out %.1e of a moment at most (image %td)",
               ADVNTK__TERMS, tail, image);
}

/* What terms beyond the last leave out of E phi''^2 = sum n d_n^2/q: the last two quarters' sums,
 * continued as a geometric series. */
static double second_tail(const double *d)
{
    enum { QUARTER = ADVNTK__TERMS / 4 };
    double part[4] = {0}, sum, left;

    for (int n = 0; n < ADVNTK__TERMS; n++) {
        part[n / QUARTER] += n * d[n] * d[n];
    }
    sum = part[0] + part[1] + part[2] + part[3];
    left = part[2] > part[3] ? part[3] * part[3] / (part[2] - part[3]) : part[3];
    if (part[2] <= part[3] && part[3] > DBL_EPSILON * sum) { /* above rounding */
        return 1;
    }
    return sum > 0 ? fmin(left / sum, 1) : 0;
}

advntk_status advntk__hermite(const struct advntk_activation_ops *ops, const void *config,
                              double std, double *series, struct advntk__hermite_moments *moments,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    double zero = 0, y = 0, dy = 0, sum = 0, sum_d = 0, own[ADVNTK__SERIES];
    double *c = series ? series : own, *d = c + ADVNTK__TERMS;
    double *ends = malloc((size_t)panels(ops, std, NULL) * sizeof(*ends));
    gsl_integration_glfixed_table *table = gsl_integration_glfixed_table_alloc(NODES);
    ptrdiff_t count;

    if (!ends || !table) {
        FAIL(err, ENOMEM, "no memory for the Hermite series of an activation");
    }
    memset(c, 0, ADVNTK__SERIES * sizeof(*c));
    *moments = (struct advntk__hermite_moments){0};
    if (!(std > 0)) {
        ops->phi(config, 1, &zero, &y, &dy);
        c[0] = y;
        d[0] = dy;
        moments->k = y * y;
        moments->kd = dy * dy;
        moments->slope = moments->kd;
        goto out;
    }
    count = panels(ops, std, ends);
    for (ptrdiff_t i = 0; i + 1 < count; i++) {
        if (ends[i] < ends[i + 1]) {
            add_panel(ops, config, std, ends[i], ends[i + 1], table, c, moments);
        }
    }
    moments->slope /= std;
    for (int n = 0; n < ADVNTK__TERMS; n++) {
        sum += c[n] * c[n];
        sum_d += d[n] * d[n];
    }
    moments->tail = fmax(moments->k > 0 ? 1 - sum / moments->k : 0,
                         moments->kd > 0 ? 1 - sum_d / moments->kd : 0);
    moments->tail_second = second_tail(d);
out:
    free(ends);
    gsl_integration_glfixed_table_free(table);
    return rc;
}
