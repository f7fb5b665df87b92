/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Dual moments of all activations, and their partials, against integrals of the activation itself
 * in 45 digits (data/duals/make_moments.py, which also says where the tolerances come from):
 * variances from 1e-4 to 1e4, correlations from -1 to 1 and 1e-9 short of it, every instruction set
 * of this machine, both precisions. Activations without a closed form: their Hermite series.
 */
#include "config.h"
#include "tap.h"

#include "activation_kind.h"
#include "engine.h"
#include "isa.h"
#include "infinite/hermite.h"
#include "infinite/loops.h"

#include <advntk/isa.h>

#define REAL double
#define SQRT sqrt
#define NAME(name) name##64
#include "infinite/series.inc"
#undef REAL
#undef SQRT
#undef NAME
#define REAL float
#define SQRT sqrtf
#define NAME(name) name##32
#include "infinite/series.inc"
#undef REAL
#undef SQRT
#undef NAME

enum { VALUES = 7, S = 2, GOT = 5, WIDE = GOT + VALUES, NARROW = WIDE + VALUES };
enum { ROW = NARROW + VALUES, SERIES_ROW = 4 + 2 * VALUES };

static const char *const values[VALUES] = {"k", "kd", "k_q", "k_r", "kd_s", "kd_q", "kd_r"};
/* In the order of ACTIVATIONS in make_moments.py. */
static const struct kind kinds[] = {
    {.name = "relu"},
    {.name = "leaky_relu", .parameter = {"negative_slope"}, .value = {0.1}},
    {.name = "ab_relu", .parameter = {"a", "b"}, .value = {-0.5, 1.2}},
    {.name = "abs"},
    {.name = "identity"},
    {.name = "erf", .parameter = {"a", "b", "c"}, .value = {1.5, 0.6, 0.2}},
    {.name = "sigmoid_like"},
    {.name = "gelu"},
    {.name = "sin", .parameter = {"a", "b", "c"}, .value = {1.1, 0.7, 0.3}},
    {.name = "cos", .parameter = {"a", "b", "c"}, .value = {0.9, 0.8, -0.2}},
    {.name = "rbf", .parameter = {"gamma"}, .value = {0.4}},
    {.name = "gaussian", .parameter = {"a", "b"}, .value = {1.2, -0.3}},
    {.name = "exp", .parameter = {"a", "b"}, .value = {0.5, 0.3}},
    {.name = "gabor"},
    {.name = "sign"},
    {.name = "monomial", .degree = 5},
    {.name = "rectified_monomial", .degree = 1},
    {.name = "rectified_monomial", .degree = 2},
    {.name = "rectified_monomial", .degree = 3},
    {.name = "rectified_monomial", .degree = 4},
    {.name = "hermite", .degree = 4},
    {.name = "polynomial"},
    {.name = "exp_normalized", .parameter = {"gamma", "shift"}, .value = {0.6, -1}},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static void dual64(const struct advntk_slot *slot, int isa, const double *row, double out[VALUES])
{
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    double s = row[S], a = row[S + 1], b = row[S + 2], ia = 1 / a, ib = 1 / b;
    struct advntk_pairs64 p = {1, &s, &a, &b, &ia, &ib};
    struct advntk_duals64 d = {&out[0], &out[1], &out[2], &out[3], &out[4], &out[5], &out[6]};

    ops->dual64[isa](slot->config, &p, &d);
}

static void dual32(const struct advntk_slot *slot, int isa, const double *row, double out[VALUES])
{
    const struct advntk_activation_ops *ops = slot->plugin->ops;
    float s = (float)row[S], a = (float)row[S + 1], b = (float)row[S + 2], o[VALUES];
    float ia = 1 / a, ib = 1 / b;
    struct advntk_pairs32 p = {1, &s, &a, &b, &ia, &ib};
    struct advntk_duals32 d = {&o[0], &o[1], &o[2], &o[3], &o[4], &o[5], &o[6]};

    ops->dual32[isa](slot->config, &p, &d);
    for (int v = 0; v < VALUES; v++) {
        out[v] = (double)o[v];
    }
}

/* The worst error by tolerance so far; NaN stays. */
static double worse(double worst, double gap, double tolerance)
{
    double ratio = gap > 0 || isnan(gap) ? gap / tolerance : 0;

    return isnan(worst) || ratio <= worst ? worst : ratio;
}

/* One activation, instruction set and precision over its rows. */
static void compare(const struct kind *kind, const struct advntk_slot *slot, int isa, int bits,
                    ptrdiff_t n, const double *rows)
{
    double worst[VALUES] = {0};

    for (ptrdiff_t i = 0; i < n; i++) {
        const double *row = rows + i * ROW;
        double got[VALUES];
        if (row[1] > 0 && (int)row[1] != bits) {
            continue;
        }
        (bits == 32 ? dual32 : dual64)(slot, isa, row, got);
        for (int v = 0; v < VALUES; v++) {
            double before = worst[v], want = row[GOT + v];
            worst[v] = worse(before, fabs(got[v] - want), row[(bits == 32 ? NARROW : WIDE) + v]);
            if (!(worst[v] <= 1) && !(worst[v] <= before)) {
                printf("# s %.17g, a %.9g, b %.9g: %s %.17g, want %.17g, %.3g tolerances\n", row[S],
                       row[S + 1], row[S + 2], values[v], got[v], want, worst[v]);
            }
        }
    }
    for (int v = 0; v < VALUES; v++) {
        ok(worst[v] <= 1, "%s%s %d, %s, float%d, %s: %.2f of the tolerance", kind->name,
           kind->degree ? "" : ", no", (int)kind->degree, values[v], bits, advntk__isa_name(isa),
           worst[v]);
    }
}

static void test_closed_forms(int best)
{
    ptrdiff_t count, first = 0;
    double *rows = array_read("duals/moments", &count);

    count /= ROW;
    for (int k = 0; k < KINDS; k++) {
        struct advntk_slot slot = open_kind(&kinds[k]);
        ptrdiff_t n = 0;
        while (first + n < count && (int)rows[(first + n) * ROW] == k) {
            n++;
        }
        ok(n >= 48, "%s has %td points", kinds[k].name, n);
        for (int isa = test_first_isa(best); isa <= best; isa++) {
            compare(&kinds[k], &slot, isa, 32, n, rows + first * ROW);
            compare(&kinds[k], &slot, isa, 64, n, rows + first * ROW);
        }
        first += n;
        slot_close(&slot);
    }
    ok(first == count, "all %td points are used", count);
    free(rows);
}

/* The series of a pair, from the engine's table of them, in float64. */
static void series64(struct advntk__hermite_table *table, const double *row, double tail[2],
                     double out[VALUES])
{
    static double series[2][ADVNTK__SERIES];
    struct advntk__hermite_moments moments;
    struct advntk_error err = {0};
    double s = row[1], inverse[2] = {1 / row[2], 1 / row[3]}, c, power;

    for (int side = 0; side < 2; side++) {
        must(advntk__hermite_at(table, row[2 + side], series[side], &moments, &err), &err);
        tail[side] = fmax(moments.tail, moments.tail_second);
    }
    for (int swap = 0; swap < 2; swap++) { /* the partials of the second variance by symmetry */
        struct series_side64 a = {series[swap], &inverse[swap], 1, 0},
                             b = {series[1 - swap], &inverse[1 - swap], 1, 0};
        double k, kd, kd_s;
        struct advntk_duals64 d = {
            .k = &k, .kd = &kd, .k_q = &out[2 + swap], .kd_s = &kd_s, .kd_q = &out[5 + swap]};
        series_duals64(1, &s, a, b, &c, &power, &d);
        out[0] = k;
        out[1] = kd;
        out[4] = kd_s;
    }
}

/* The same rounded to float32. */
static void series32(struct advntk__hermite_table *table, const double *row, double out[VALUES])
{
    static double wide[ADVNTK__SERIES];
    static float series[2][ADVNTK__SERIES];
    struct advntk__hermite_moments moments;
    struct advntk_error err = {0};
    float s = (float)row[1], inverse[2] = {(float)(1 / row[2]), (float)(1 / row[3])}, c, power;

    for (int side = 0; side < 2; side++) {
        must(advntk__hermite_at(table, row[2 + side], wide, &moments, &err), &err);
        for (int t = 0; t < ADVNTK__SERIES; t++) {
            series[side][t] = (float)wide[t];
        }
    }
    for (int swap = 0; swap < 2; swap++) {
        struct series_side32 a = {series[swap], &inverse[swap], 1, 0},
                             b = {series[1 - swap], &inverse[1 - swap], 1, 0};
        float k, kd, k_q, kd_s, kd_q;
        struct advntk_duals32 d = {.k = &k, .kd = &kd, .k_q = &k_q, .kd_s = &kd_s, .kd_q = &kd_q};
        series_duals32(1, &s, a, b, &c, &power, &d);
        out[0] = (double)k;
        out[1] = (double)kd;
        out[2 + swap] = (double)k_q;
        out[4] = (double)kd_s;
        out[5 + swap] = (double)kd_q;
    }
}

/* Worst errors by tolerance of each value, and where (float64). */
static void add_row(const double got[VALUES], const double *row, double tolerance,
                    double worst[VALUES])
{
    for (int v = 0; v < VALUES; v++) {
        double before = worst[v];
        worst[v] = worse(before, fabs(got[v] - row[4 + v]), tolerance * row[4 + VALUES + v]);
        if (!(worst[v] <= 1) && !(worst[v] <= before)) {
            printf("# s %.9g, a %.9g, b %.9g: %s %.9g, want %.9g, scale %.3g\n", row[1], row[2],
                   row[3], values[v], got[v], row[4 + v], row[4 + VALUES + v]);
        }
    }
}

/*
 * The plugins' mixtures (logistic.h), at all variances. float64: twice the relative error of phi
 * and of its derivatives. float32: likewise, and the correlation to 4 eps times a condition of up
 * to 30.
 */
static void compare_mixture(const char *name, const struct advntk_slot *slot, int isa, ptrdiff_t n,
                            const double *rows)
{
    static const double wide[2] = {2e-7, 6e-7}, narrow[2] = {2e-5, 3e-5}; /* k, kd; partials */
    double worst[2][VALUES] = {{0}};

    for (ptrdiff_t i = 0; i < n; i++) {
        const double *row = rows + i * SERIES_ROW;
        double got[VALUES];
        dual64(slot, isa, row - 1, got);
        add_row(got, row, wide[1], worst[0]);
        dual32(slot, isa, row - 1, got);
        add_row(got, row, narrow[1], worst[1]);
    }
    for (int v = 0; v < VALUES; v++) {
        double limit = v < 2 ? wide[0] / wide[1] : 1, limit32 = v < 2 ? narrow[0] / narrow[1] : 1;
        ok(worst[0][v] <= limit, "%s, %s, float64, %s: %.1e of the scale", name, values[v],
           advntk__isa_name(isa), worst[0][v] * wide[1]);
        ok(worst[1][v] <= limit32, "%s, %s, float32, %s: %.1e of the scale", name, values[v],
           advntk__isa_name(isa), worst[1][v] * narrow[1]);
    }
}

static const char *const all_series[] = {"tanh", "softplus", "silu"};

/* float32: besides, 128 roundings of terms of one sign at c = 1, and c itself to 4 eps times a
 * condition of up to 30. */
static const double narrow_more = 2e-5;

/* The series of phi alone: they miss no more than they say, and say next to nothing up to
 * variance 2. kd_q, kd_r, with three derivatives, twice that. */
static void compare_series(const char *name, const struct advntk_slot *slot, ptrdiff_t n,
                           const double *rows)
{
    struct advntk__hermite_table *table =
        advntk__hermite_table_new(slot->plugin->ops, slot->config);
    double worst[2][VALUES] = {{0}}, small = 0;
    ptrdiff_t refused = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        const double *row = rows + i * SERIES_ROW;
        double got[VALUES], tail[2];
        series64(table, row, tail, got);
        if (fmax(row[2], row[3]) < 1.1) {
            small = fmax(small, fmax(tail[0], tail[1]));
        }
        refused += fmax(tail[0], tail[1]) > ADVNTK__SERIES_LIMIT_SECOND;
        add_row(got, row, 1e-8 + 2 * sqrt(tail[0] * tail[1]), worst[0]);
        series32(table, row, got);
        add_row(got, row, narrow_more + 2 * sqrt(tail[0] * tail[1]), worst[1]);
    }
    for (int v = 0; v < VALUES; v++) {
        ok(worst[0][v] <= 1, "%s, series, %s, float64: %.2f of what it says", name, values[v],
           worst[0][v]);
        ok(worst[1][v] <= 1, "%s, series, %s, float32: %.2f of what it says", name, values[v],
           worst[1][v]);
    }
    ok(small < 1e-8, "%s, series: %.1e left out up to variance 1", name, small);
    ok(refused >= 8 && refused < n, "%s, series: %td of %td pairs refused", name, refused, n);
    advntk__hermite_table_free(table);
}

static void test_series(int best)
{
    ptrdiff_t count, first = 0;
    double *rows = array_read("duals/series", &count);

    count /= SERIES_ROW;
    for (int k = 0; k < 3; k++) {
        char identity[64];
        struct advntk_slot slot;
        ptrdiff_t n = 0;
        while (first + n < count && (int)rows[(first + n) * SERIES_ROW] == k) {
            n++;
        }
        snprintf(identity, sizeof(identity), "activation/%s", all_series[k]);
        slot = slot_open(identity);
        for (int isa = 0; isa <= best; isa++) {
            compare_mixture(all_series[k], &slot, isa, n, rows + first * SERIES_ROW);
        }
        compare_series(all_series[k], &slot, n, rows + first * SERIES_ROW);
        first += n;
        slot_close(&slot);
    }
    ok(first == count && count >= 240, "all %td points are used", count);
    free(rows);
}

int main(void)
{
    struct advntk_host *host = host_open(1, -1);

    test_closed_forms(host->isa);
    test_series(host->isa);
    host_close(host);
    return done_testing();
}
