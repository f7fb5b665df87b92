/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Projections on ball and box in awkward places, by the thousand: boxes of no width, centres in
 * corners, radii from 0 to larger than the box, points far away, all of it tiny or huge. The
 * nearest point is recognised by the Karush-Kuhn-Tucker conditions (l0: by trying all sets of
 * values), which need no other algorithm.
 *
 * Notation: c centre, p point, z its projection, s = z - c, r = p - z, w the metric's weights, and
 * lambda the multiplier of the ball.
 */
#include "config.h"
#include "tap.h"

#include "plugin.h"
#include "scratch.h"

#include <math.h>

enum { CASES = 4000, D_MAX = 12 };
enum shape { LINF, L2, L1, METRIC, L0 };

struct tested {
    const char *name;
    enum shape shape;
    const struct advntk_norm_ops *ops;
    const void *config;
    double w[D_MAX]; /* mahalanobis: infinite where nothing may change; others: 1 */
};

struct problem {
    ptrdiff_t d;
    double c[D_MAX], lo[D_MAX], hi[D_MAX], p[D_MAX], radius;
    double unit; /* about the box's width */
    double size; /* the largest of all these numbers, but for the radius */
};

/* Sizes from 1e-9 to 1e9; of the coordinates some have no room at all, others begin at a face. */
static void problem_make(struct problem *q, int number, const struct tested *t)
{
    static const double sizes[] = {1, 1e-9, 1e-3, 1e3, 1e9}, far[] = {1, 0.01, 1e6, 0};
    double unit = sizes[number % 5], room, width = 0;
    struct advntk_stream s;

    advntk_stream_init(&s, 17, advntk_random_purpose("projections"), number, 0, 0);
    q->d = t->shape == METRIC ? D_MAX : 1 + (ptrdiff_t)advntk_random_below(&s, D_MAX);
    q->size = 0;
    q->unit = unit;
    for (ptrdiff_t k = 0; k < q->d; k++) {
        uint64_t place = advntk_random_below(&s, 6);
        room = advntk_random_below(&s, 5) == 0 ? 0 : unit * advntk_random_uniform(&s);
        q->lo[k] = number % 2 ? 0 : -unit * advntk_random_uniform(&s);
        q->hi[k] = q->lo[k] + room;
        q->c[k] = place == 0   ? q->lo[k]
                  : place == 1 ? q->hi[k]
                               : fmin(q->hi[k], q->lo[k] + room * advntk_random_uniform(&s));
        q->p[k] = q->c[k] + unit * far[number / 5 % 4] * advntk_random_normal(&s);
        q->size = fmax(q->size, fmax(fabs(q->p[k]), fmax(fabs(q->lo[k]), fabs(q->hi[k]))));
        width += room;
    }
    switch (advntk_random_below(&s, 6)) {
    case 0:
        q->radius = 0;
        break;
    case 1: /* below the rounding of the numbers */
        q->radius = 1e-17 * unit;
        break;
    case 2: /* the whole box */
        q->radius = 1e3 * (double)D_MAX * unit;
        break;
    default:
        q->radius = advntk_random_uniform(&s) * width / (t->shape == L1 ? 1 : sqrt((double)q->d));
    }
    q->radius = t->shape == L0 ? (double)advntk_random_below(&s, (uint64_t)q->d + 2) : q->radius;
}

/* Coordinates that may move and lie at no face: there r = lambda * slope must hold. */
static bool is_free(const struct tested *t, const struct problem *q, const double *z, ptrdiff_t k)
{
    return !isinf(t->w[k]) && z[k] > q->lo[k] && z[k] < q->hi[k];
}

/* The multiplier that suits the free coordinates best; 0 where there are none, as a point held by
 * faces alone needs no ball. l1's slope is a sign, or anything between where s is 0. */
static double multiplier(const struct tested *t, const struct problem *q, const double *z)
{
    double rs = 0, ss = 0, most = 0;

    for (ptrdiff_t k = 0; k < q->d; k++) {
        double r = q->p[k] - z[k], s = z[k] - q->c[k];
        double slope = t->shape == L1 ? (double)((s > 0) - (s < 0)) : t->w[k] * s;
        if (is_free(t, q, z, k)) {
            rs += r * slope;
            ss += slope * slope;
            most = fmax(most, fabs(r));
        }
    }
    return ss > 0 ? fmax(0, rs / ss) : t->shape == L1 ? most : 0;
}

/* By how much r misses lambda * slope, plus what a face may add: outwards, any force. */
static double kkt_gap(const struct tested *t, const struct problem *q, const double *z,
                      double lambda)
{
    double worst = 0;

    for (ptrdiff_t k = 0; k < q->d; k++) {
        double r = q->p[k] - z[k], s = z[k] - q->c[k], force = lambda * t->w[k] * s;
        double least = force, most = force;

        if (isinf(t->w[k])) {
            continue; /* cannot move */
        }
        if (t->shape == L1) {
            least = s > 0 ? lambda : -lambda;
            most = s < 0 ? -lambda : lambda;
        }
        worst = fmax(worst, z[k] < q->hi[k] ? r - most : 0);
        worst = fmax(worst, z[k] > q->lo[k] ? least - r : 0);
    }
    return worst;
}

/* The multiplier is 0 strictly inside the ball; within rounding of the sphere it is free. A ball
 * smaller than the numbers' rounding is its centre. s is right to eps of the box, and counts lambda
 * = r / s times: hence unit / radius. */
static double smooth_gap(const struct tested *t, const struct problem *q, const double *z)
{
    double far = t->ops->distance(t->config, q->d, z, q->c), step = 0;
    bool on_sphere = far >= q->radius - 1e-14 * (q->radius + q->size);

    if (q->radius <= 1e-13 * q->size) {
        for (ptrdiff_t k = 0; k < q->d; k++) {
            step = fmax(step, fabs(z[k] - q->c[k]));
        }
        return fmax(0, step - 10 * q->radius); /* weights of 0.02 let a value go 7 radii */
    }
    return kkt_gap(t, q, z, on_sphere ? multiplier(t, q, z) : 0) / (1 + q->unit / q->radius);
}

/* l-infinity: ball and box are a box, so each coordinate is on its own. */
static double linf_gap(const struct problem *q, const double *z)
{
    double worst = 0;

    for (ptrdiff_t k = 0; k < q->d; k++) {
        double lo = fmax(q->lo[k], q->c[k] - q->radius), hi = fmin(q->hi[k], q->c[k] + q->radius);
        worst = fmax(worst, fabs(z[k] - fmin(fmax(q->p[k], lo), hi)));
    }
    return worst;
}

/* l0: how much further than the best choice of values that move. */
static double l0_gap(const struct problem *q, const double *z)
{
    double best = (double)INFINITY, here = 0;

    for (int subset = 0; subset < 1 << q->d; subset++) {
        double square = 0;
        int count = 0;
        for (ptrdiff_t k = 0; k < q->d; k++) {
            bool moves = subset >> k & 1;
            double at = moves ? fmin(fmax(q->p[k], q->lo[k]), q->hi[k]) : q->c[k];
            count += moves;
            square += (at - q->p[k]) * (at - q->p[k]);
        }
        best = count <= q->radius ? fmin(best, square) : best;
    }
    for (ptrdiff_t k = 0; k < q->d; k++) {
        here += (z[k] - q->p[k]) * (z[k] - q->p[k]);
    }
    return sqrt(here) - sqrt(best);
}

static double gap_of(const struct tested *t, const struct problem *q, const double *z)
{
    if (t->shape == LINF) {
        return linf_gap(q, z);
    }
    if (t->shape == L0) {
        return l0_gap(q, z);
    }
    return smooth_gap(t, q, z);
}

static void test_norm(const struct tested *t)
{
    double gap = 0, outside = 0, beyond = 0, again = 0;
    int not_finite = 0, where = -1;

    for (int number = 0; number < CASES; number++) {
        struct problem q;
        double z[D_MAX], z2[D_MAX], here;

        problem_make(&q, number, t);
        memcpy(z, q.p, sizeof(z));
        t->ops->project_ball_box(t->config, q.d, q.c, q.radius, q.lo, q.hi, z);
        memcpy(z2, z, sizeof(z2));
        t->ops->project_ball_box(t->config, q.d, q.c, q.radius, q.lo, q.hi, z2);
        here = gap_of(t, &q, z) / q.size;
        where = here > gap ? number : where;
        gap = fmax(gap, here);
        beyond = fmax(beyond, (t->ops->distance(t->config, q.d, z, q.c) - q.radius) / q.size);
        for (ptrdiff_t k = 0; k < q.d; k++) {
            not_finite += !isfinite(z[k]);
            outside = fmax(outside, fmax(z[k] - q.hi[k], q.lo[k] - z[k]));
            again = fmax(again, fabs(z2[k] - z[k]) / q.size);
        }
    }
    /* relative to the largest number: some d eps for sums, times 30 for the metric's weights,
     * squared */
    ok(not_finite == 0 && gap < 1e-12, "%s: the nearest point (%.1e, case %d)", t->name, gap,
       where);
    ok(!(outside > 0), "%s: in the box exactly", t->name);
    ok(beyond < 1e-14, "%s: in the ball (%.1e)", t->name, beyond);
    ok(again < 1e-14, "%s: a second time moves nothing (%.1e)", t->name, again);
}

/* Ball, then box: inside both, but not the nearest point, which the conditions must see. */
static void test_sequential(const struct tested *t)
{
    int found = 0;

    for (int number = 0; number < CASES; number++) {
        struct problem q;
        double z[D_MAX];

        problem_make(&q, number, t);
        memcpy(z, q.p, sizeof(z));
        t->ops->project_ball(t->config, q.d, q.c, q.radius, z);
        for (ptrdiff_t k = 0; k < q.d; k++) {
            z[k] = fmin(fmax(z[k], q.lo[k]), q.hi[k]);
        }
        found += gap_of(t, &q, z) > 1e-6 * q.size;
    }
    ok(found > CASES / 10, "%s: ball, then box is not the nearest point in %d of %d cases", t->name,
       found, CASES);
}

/* A metric of three sizes and a mask of every fifth value, as files. */
static void make_metric(struct tested *t, const char *const paths[2])
{
    const ptrdiff_t shape = D_MAX;
    double weight[D_MAX], may[D_MAX];
    struct advntk_error err = {.status = ADVNTK_OK};
    const struct advntk_plugin *plugin = test_plugin(PLUGINS "/norm/mahalanobis.so");

    for (int k = 0; k < D_MAX; k++) {
        weight[k] = k % 3 == 0 ? 1 : k % 3 == 1 ? 30 : 0.02;
        may[k] = k % 5 != 0;
        t->w[k] = may[k] > 0 ? weight[k] : (double)INFINITY;
    }
    if (advntk_npy_write(paths[0], ADVNTK_FLOAT64, 1, &shape, weight, &err) != ADVNTK_OK ||
        advntk_npy_write(paths[1], ADVNTK_FLOAT64, 1, &shape, may, &err) != ADVNTK_OK ||
        plugin->check(paths, &err) != ADVNTK_OK) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
}

int main(void)
{
    static const char *const names[] = {"linf", "l2", "l1", "mahalanobis", "l0"};
    static const int64_t one_value = 1; /* the config of l0 is its one row: values a group */
    const char *paths[2];

    scratch_make();
    paths[0] = scratch("metric.npy");
    paths[1] = scratch("mask.npy");
    for (int i = 0; i <= L0; i++) {
        struct tested t = {.name = names[i], .shape = (enum shape)i};
        char path[512];

        for (int k = 0; k < D_MAX; k++) {
            t.w[k] = 1;
        }
        snprintf(path, sizeof(path), "%s/norm/%s.so", PLUGINS, names[i]);
        t.ops = test_plugin(path)->ops;
        if (i == METRIC) {
            make_metric(&t, paths);
            t.config = paths;
        }
        t.config = i == L0 ? &one_value : t.config;
        test_norm(&t);
        if (i != LINF && i != L0) {
            test_sequential(&t);
        }
    }
    scratch_remove();
    return done_testing();
}
