/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/statistics.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdlib.h>

static const double half_tail = 0.975; /* of a 95 % interval */

struct advntk__moments advntk__moments(ptrdiff_t n, const double *x)
{
    struct advntk__moments m = {.n = n, .mean = (double)NAN, .sd = (double)NAN};
    double sum = 0, squares = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        sum += x[i];
    }
    if (n > 0) {
        m.mean = sum / (double)n;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        squares += (x[i] - m.mean) * (x[i] - m.mean);
    }
    if (n > 1) {
        m.sd = sqrt(squares / (double)(n - 1));
    }
    return m;
}

void advntk__moments_interval(const struct advntk__moments *m, double *low, double *high)
{
    double reach = (double)NAN;

    if (m->n > 1) {
        reach = gsl_cdf_tdist_Pinv(half_tail, (double)(m->n - 1)) * m->sd / sqrt((double)m->n);
    }
    *low = m->mean - reach;
    *high = m->mean + reach;
}

double advntk__mcnemar(int64_t only_a, int64_t only_b)
{
    unsigned less = (unsigned)(only_a < only_b ? only_a : only_b);
    unsigned all = (unsigned)(only_a + only_b);

    return all == 0 ? 1 : fmin(1, 2 * gsl_cdf_binomial_P(less, 0.5, all));
}

void advntk__paired_interval(int64_t n, int64_t only_a, int64_t only_b, double *low, double *high)
{
    const double added = 0.5;
    double total = (double)n + 4 * added;
    double gap = ((double)only_b - (double)only_a) / total;
    double discordant = ((double)only_a + (double)only_b + 2 * added) / total;
    double reach = gsl_cdf_ugaussian_Pinv(half_tail) * sqrt((discordant - gap * gap) / total);

    *low = n > 0 ? fmax(-1, gap - reach) : (double)NAN;
    *high = n > 0 ? fmin(1, gap + reach) : (double)NAN;
}

/*
 * Differences of shares are whole multiples of 1/images up to rounding, so equal ones may differ in
 * the last bits; a spread of that size is none.
 */
static bool has_spread(const struct advntk__moments *m)
{
    return m->sd > 1e-12 * fabs(m->mean) && m->sd > 0;
}

double advntk__paired_t(ptrdiff_t n, const double *d)
{
    struct advntk__moments m = advntk__moments(n, d);

    if (n < 2) {
        return (double)NAN;
    }
    if (!has_spread(&m)) {
        return m.mean == 0 ? 1 : (double)NAN;
    }
    return 2 * gsl_cdf_tdist_Q(fabs(m.mean) / (m.sd / sqrt((double)n)), (double)(n - 1));
}

double advntk__sign_flips(ptrdiff_t n, const double *d)
{
    double seen = 0, scale = 0, sum;
    uint32_t extreme = 0, all;

    if (n < 1 || n > 20) {
        return (double)NAN;
    }
    all = (uint32_t)1 << n;
    for (ptrdiff_t i = 0; i < n; i++) {
        seen += d[i];
        scale += fabs(d[i]);
    }
    for (uint32_t flips = 0; flips < all; flips++) {
        sum = 0;
        for (ptrdiff_t i = 0; i < n; i++) {
            sum += flips >> i & 1 ? -d[i] : d[i];
        }
        /* sums that are equal but for rounding count as equal */
        extreme += fabs(sum) >= fabs(seen) - 1e-12 * scale;
    }
    return (double)extreme / (double)all;
}

double advntk__welch(const struct advntk__moments *a, const struct advntk__moments *b, double *low,
                     double *high)
{
    double va, vb, error, degrees, gap = b->mean - a->mean, reach;

    *low = *high = (double)NAN;
    if (a->n < 2 || b->n < 2 || (!has_spread(a) && !has_spread(b))) {
        return (double)NAN;
    }
    va = a->sd * a->sd / (double)a->n;
    vb = b->sd * b->sd / (double)b->n;
    error = sqrt(va + vb);
    degrees = (va + vb) * (va + vb) / (va * va / (double)(a->n - 1) + vb * vb / (double)(b->n - 1));
    reach = gsl_cdf_tdist_Pinv(half_tail, degrees) * error;
    *low = gap - reach;
    *high = gap + reach;
    return 2 * gsl_cdf_tdist_Q(fabs(gap) / error, degrees);
}

static int by_value(const void *a, const void *b)
{
    double x = **(const double *const *)a, y = **(const double *const *)b;

    return (x > y) - (x < y);
}

bool advntk__holm(ptrdiff_t n, const double *p, double *adjusted)
{
    const double **order = calloc((size_t)n + 1, sizeof(*order));
    ptrdiff_t tests = 0;
    double most = 0;

    if (!order) {
        return false;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        adjusted[i] = p[i];
        if (!isnan(p[i])) {
            order[tests++] = &p[i];
        }
    }
    qsort(order, (size_t)tests, sizeof(*order), by_value);
    for (ptrdiff_t rank = 0; rank < tests; rank++) {
        most = fmax(most, fmin(1, (double)(tests - rank) * *order[rank]));
        adjusted[order[rank] - p] = most;
    }
    free(order);
    return true;
}
