/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Norm plugins against definitions: projections are compared with dual bisection written here
 * (another algorithm than the plugins' own), which itself is checked by being inside and never
 * beaten by random feasible points; steepest directions by the dual norm; random points by moments
 * of the uniform ball.
 */
#include "config.h"
#include "tap.h"

#include "plugin.h"
#include "scratch.h"

#include <math.h>

enum { CASES = 3000, D_MAX = 40 };

/* A norm under test; metric: its weights, 1 but for mahalanobis, infinite where nothing may change.
 */
enum shape { LINF, L2, L1, METRIC };
struct tested {
    const char *name;
    enum shape shape;
    const struct advntk_norm_ops *ops;
    const void *config;
    double metric[D_MAX];
};

struct problem {
    ptrdiff_t d;
    double centre[D_MAX], lo[D_MAX], hi[D_MAX], point[D_MAX], w[D_MAX], b, radius;
};

/* Every kind of place: points far outside, inside, centres on the box's faces, radius 0, equal
 * entries. */
static void problem_make(struct problem *p, int number, const struct tested *t)
{
    struct advntk_stream s;
    double spread = number % 5 == 0 ? 0.01 : number % 5 == 1 ? 10 : 1;

    advntk_stream_init(&s, 9, advntk_random_purpose("norms"), number, 0, 0);
    p->d = 1 + (ptrdiff_t)advntk_random_below(&s, D_MAX);
    p->d = t->shape == METRIC ? D_MAX : p->d; /* its files are of that size */
    p->radius = number % 11 == 0
                    ? 0
                    : 0.6 * advntk_random_uniform(&s) * (number % 3 ? 1 : sqrt((double)p->d));
    p->b = 0;
    for (ptrdiff_t k = 0; k < p->d; k++) {
        p->lo[k] = number % 2 ? 0 : -advntk_random_uniform(&s);
        p->hi[k] = number % 2 ? 1 : advntk_random_uniform(&s);
        p->centre[k] = p->lo[k] + (p->hi[k] - p->lo[k]) * advntk_random_uniform(&s);
        if (advntk_random_below(&s, 6) == 0) {
            p->centre[k] = advntk_random_below(&s, 2) ? p->lo[k] : p->hi[k];
        }
        p->point[k] = p->centre[k] + spread * advntk_random_normal(&s);
        p->w[k] = advntk_random_below(&s, 8) == 0 ? 0
                  : number % 7 == 0               ? 1
                                                  : advntk_random_normal(&s);
        p->b += p->w[k] * (p->lo[k] + (p->hi[k] - p->lo[k]) * advntk_random_uniform(&s));
    }
}

static double clamp(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

static double euclidean(ptrdiff_t d, const double *a, const double *b)
{
    double sum = 0;
    for (ptrdiff_t k = 0; k < d; k++) {
        sum += (a[k] - b[k]) * (a[k] - b[k]);
    }
    return sqrt(sum);
}

static double at_most(ptrdiff_t d, const double *a, const double *b)
{
    double worst = 0;
    for (ptrdiff_t k = 0; k < d; k++) {
        worst = fmax(worst, fabs(a[k] - b[k]));
    }
    return worst;
}

/* The step from the centre that the Lagrangian's minimiser takes at a multiplier in [0,1):
 * lambda/(1-lambda). */
static double kkt_step(const struct tested *t, const struct problem *p, ptrdiff_t k, double share)
{
    double q = p->point[k] - p->centre[k], lambda = share / (1 - share), step = q;

    if (t->shape == L1) {
        step = copysign(fmax(fabs(q) - lambda, 0), q);
    } else if (isinf(t->metric[k])) {
        step = 0;
    } else {
        step = q / (1 + lambda * t->metric[k]);
    }
    return clamp(step, p->lo[k] - p->centre[k], p->hi[k] - p->centre[k]);
}

/* The nearest point of ball and box by bisection on the multiplier. */
static void bisect_ball_box(const struct tested *t, const struct problem *p, double *z)
{
    double low = 0, high = 1;
    bool inside = true;
    for (int round = 0; round < 200; round++) {
        double share = round == 0 ? 0 : 0.5 * (low + high), length = 0;
        for (ptrdiff_t k = 0; k < p->d; k++) {
            double step = share < 1 ? kkt_step(t, p, k, share) : 0;
            length += t->shape == L1 ? fabs(step) : step == 0 ? 0 : t->metric[k] * step * step;
        }
        length = t->shape == L1 ? length : sqrt(length);
        inside = round == 0 ? length <= p->radius : inside;
        *(length > p->radius ? &low : &high) = share;
    }
    for (ptrdiff_t k = 0; k < p->d; k++) {
        z[k] = p->centre[k] + (high < 1 ? kkt_step(t, p, k, inside ? 0 : high) : 0);
    }
}

/* How coordinate k moves towards the plane for a step of length or multiplier t. */
static double plane_step(const struct tested *n, const struct problem *p, ptrdiff_t k, double side,
                         double t)
{
    double w = side * p->w[k],
           step = n->shape == LINF ? (double)((w > 0) - (w < 0)) : w / n->metric[k];
    return clamp(p->centre[k] + step * t, p->lo[k], p->hi[k]) - p->centre[k];
}

/* l1: the coordinates of the largest |w| first, found one by one. */
static double greedy_plane(const struct problem *p, double side, double gap, bool *reachable)
{
    bool used[D_MAX] = {false};
    double length = 0;
    for (ptrdiff_t n = 0; n < p->d && gap > 0; n++) {
        ptrdiff_t best = -1;
        double room, w;
        for (ptrdiff_t k = 0; k < p->d; k++) {
            best = !used[k] && (best < 0 || fabs(p->w[k]) > fabs(p->w[best])) ? k : best;
        }
        used[best] = true;
        w = side * p->w[best];
        room = w > 0 ? p->hi[best] - p->centre[best] : w < 0 ? p->centre[best] - p->lo[best] : 0;
        room = room * fabs(w) > gap ? gap / fabs(w) : room;
        length += room;
        gap = room * fabs(w) == gap ? 0 : gap - room * fabs(w);
    }
    *reachable = gap < 1e-12;
    return length;
}

/* The length of the shortest step onto the plane inside the box. */
static double plane_distance(const struct tested *n, const struct problem *p, bool *reachable)
{
    double gap = p->b, low = 0, high = 1e9, side, size = 0;
    for (ptrdiff_t k = 0; k < p->d; k++) {
        gap -= p->w[k] * p->centre[k];
    }
    side = gap < 0 ? -1 : 1;
    if (n->shape == L1) {
        return greedy_plane(p, side, fabs(gap), reachable);
    }
    for (int round = 0; round < 300; round++) {
        double t = 0.5 * (low + high), reached = 0;
        for (ptrdiff_t k = 0; k < p->d; k++) {
            reached += p->w[k] * plane_step(n, p, k, side, t);
        }
        *(fabs(reached) < fabs(gap) ? &low : &high) = t;
    }
    *reachable = high < 1e8;
    for (ptrdiff_t k = 0; k < p->d; k++) {
        double step = plane_step(n, p, k, side, high);
        size = n->shape == LINF ? fmax(size, fabs(step))
                                : size + (step == 0 ? 0 : n->metric[k] * step * step);
    }
    return n->shape == LINF ? size : sqrt(size);
}

static void test_ball_box(const struct tested *t)
{
    const char *name = t->name;
    const struct advntk_norm_ops *norm = t->ops;
    double worst = 0, outside = 0, moved_again = 0, beaten = 0;

    for (int number = 0; number < CASES; number++) {
        struct problem p;
        struct advntk_stream s;
        double z[D_MAX], want[D_MAX], again[D_MAX], here;

        problem_make(&p, number, t);
        memcpy(z, p.point, sizeof(z));
        norm->project_ball_box(t->config, p.d, p.centre, p.radius, p.lo, p.hi, z);
        for (ptrdiff_t k = 0; k < p.d; k++) {
            want[k] = clamp(p.point[k], fmax(p.lo[k], p.centre[k] - p.radius),
                            fmin(p.hi[k], p.centre[k] + p.radius));
            outside = fmax(outside, fmax(z[k] - p.hi[k], p.lo[k] - z[k]));
        }
        if (t->shape != LINF) {
            bisect_ball_box(t, &p, want);
        }
        outside = fmax(outside, norm->distance(t->config, p.d, z, p.centre) - p.radius);
        worst = fmax(worst, at_most(p.d, z, want));
        memcpy(again, z, sizeof(again));
        norm->project_ball_box(t->config, p.d, p.centre, p.radius, p.lo, p.hi, again);
        moved_again = fmax(moved_again, at_most(p.d, z, again));
        here = euclidean(p.d, z, p.point);
        advntk_stream_init(&s, 10, 1, number, 0, 0);
        for (int attempt = 0; attempt < 5; attempt++) {
            double other[D_MAX], mix = advntk_random_uniform(&s);
            norm->random(t->config, p.d, p.centre, p.radius, &s, other);
            for (ptrdiff_t k = 0; k < p.d; k++) { /* a feasible point, often near the answer */
                other[k] = mix * z[k] + (1 - mix) * clamp(other[k], p.lo[k], p.hi[k]);
            }
            beaten = fmax(beaten, here - euclidean(p.d, other, p.point));
        }
    }
    /* coordinates are of order 1 to 30, and so is the multiplier, which bisection of
     * lambda/(1+lambda) finds to (1+lambda)^2 2e-16 */
    ok(worst < 1e-12, "%s ball and box: the nearest point, as bisection finds it (%.1e)", name,
       worst);
    ok(outside < 1e-14, "%s ball and box: inside both (%.1e)", name, outside);
    ok(moved_again < 1e-14, "%s ball and box: a second projection moves nothing (%.1e)", name,
       moved_again);
    ok(beaten < 1e-13, "%s ball and box: no feasible point is nearer (%.1e)", name, beaten);
}

static void test_ball(const struct tested *t)
{
    const char *name = t->name;
    const struct advntk_norm_ops *norm = t->ops;
    double outside = 0, moved = 0;
    for (int number = 0; number < CASES; number++) {
        struct problem p;
        double z[D_MAX], free_box[2][D_MAX];
        problem_make(&p, number, t);
        memcpy(z, p.point, sizeof(z));
        norm->project_ball(t->config, p.d, p.centre, p.radius, z);
        outside = fmax(outside, norm->distance(t->config, p.d, z, p.centre) - p.radius);
        for (ptrdiff_t k = 0; k < p.d; k++) {
            free_box[0][k] = -1e3;
            free_box[1][k] = 1e3;
        }
        norm->project_ball_box(t->config, p.d, p.centre, p.radius, free_box[0], free_box[1],
                               p.point);
        moved = fmax(moved, at_most(p.d, z, p.point));
    }
    ok(outside < 1e-14, "%s ball: inside (%.1e)", name, outside);
    ok(moved < 1e-13, "%s ball: as ball and box where the box is far away (%.1e)", name, moved);
}

static void test_plane(const struct tested *t)
{
    const char *name = t->name;
    double off_plane = 0, outside = 0, longer = 0;
    int unreachable = 0, corner_wrong = 0;

    for (int number = 0; number < CASES; number++) {
        struct problem p;
        double delta[D_MAX], gap, want, moved[D_MAX];
        bool reachable, zero = true;

        problem_make(&p, number, t);
        p.b += number % 10 == 0 ? 50 : 0; /* beyond the box */
        for (ptrdiff_t k = 0; k < p.d; k++) {
            p.w[k] = isinf(t->metric[k]) && number % 3 ? 0 : p.w[k];
        }
        t->ops->project_plane_box(t->config, p.d, p.centre, p.w, p.b, p.lo, p.hi, delta);
        want = plane_distance(t, &p, &reachable);
        gap = -p.b;
        for (ptrdiff_t k = 0; k < p.d; k++) {
            double corner = p.w[k] > 0 ? p.hi[k] : p.lo[k];
            moved[k] = p.centre[k] + delta[k];
            zero = zero && p.w[k] == 0;
            gap += p.w[k] * moved[k];
            outside = fmax(outside, fmax(moved[k] - p.hi[k], p.lo[k] - moved[k]));
            corner_wrong += !reachable && p.b > 40 && p.w[k] != 0 && !isinf(t->metric[k]) &&
                            fabs(moved[k] - corner) > 1e-15;
        }
        unreachable += !reachable;
        if (reachable && !zero) {
            off_plane = fmax(off_plane, fabs(gap));
            longer = fmax(longer, t->ops->distance(t->config, p.d, moved, p.centre) - want);
        }
    }
    ok(off_plane < 1e-13, "%s plane: the step ends on it (%.1e)", name, off_plane);
    ok(outside < 1e-15, "%s plane: inside the box (%.1e)", name, outside);
    ok(longer < 1e-12, "%s plane: no longer than another algorithm's (%.1e)", name, longer);
    ok(unreachable > CASES / 20 && corner_wrong == 0,
       "%s plane: the nearest corner where the box does not reach it", name);
}

static void test_steepest(const struct tested *t)
{
    const char *name = t->name;
    const struct advntk_norm_ops *norm = t->ops;
    double worst = 0, too_long = 0;
    double zero[3] = {0, 0, 0}, tiny[3] = {3e-200, -4e-200, 0}, u[3] = {9, 9, 9},
           origin[3] = {0, 0, 0};

    for (int number = 0; number < CASES; number++) {
        struct problem p;
        double direction[D_MAX], dot = 0, dual, nothing[D_MAX] = {0};
        problem_make(&p, number, t);
        norm->steepest(t->config, p.d, p.w, 0, direction);
        for (ptrdiff_t k = 0; k < p.d; k++) {
            dot += p.w[k] * direction[k];
        }
        dual = norm->dual_norm(t->config, p.d, p.w);
        worst = fmax(worst, fabs(dot - dual) / fmax(dual, 1e-300));
        too_long = fmax(too_long, norm->distance(t->config, p.d, direction, nothing) - 1);
    }
    /* <g, direction> = dual norm of g is what steepest means (Hoelder with equality) */
    ok(worst < 1e-14, "%s steepest: reaches the dual norm (%.1e)", name, worst);
    ok(too_long < 1e-14, "%s steepest: of length 1 (%.1e)", name, too_long);
    if (t->shape == METRIC) {
        return; /* what follows is of three values, and its files are not */
    }
    norm->steepest(t->config, 3, zero, 0, u);
    ok(u[0] == 0 && u[1] == 0 && u[2] == 0, "%s steepest: zero for a zero gradient", name);
    norm->steepest(t->config, 3, tiny, 0, u);
    ok(fabs(norm->distance(t->config, 3, u, origin) - 1) < 1e-15 && (t->shape == L1 || u[0] > 0) &&
           u[1] < 0 && u[2] == 0,
       "%s steepest: keeps the direction of a gradient whose squares vanish", name);
}

/* Uniform in the ball: E x_k^2 = r^2/3 (cube), r^2/(d+2) (Euclidean ball), 2 r^2/((d+1)(d+2)) (l1:
 * |x_k|/r is the first of a Dirichlet distribution of 1,...,1 in d+1 parts); means 0; (|x|/r)^d
 * uniform. */
static void test_random(const struct tested *t)
{
    enum { DRAWS = 40000 };
    const ptrdiff_t d = t->shape == METRIC ? D_MAX : 3;
    const double r = 0.7;
    double centre[D_MAX], mean[D_MAX] = {0}, square[D_MAX] = {0}, furthest = 0, volume = 0, share;
    double free_values = 0;
    int off = 0;

    for (ptrdiff_t k = 0; k < d; k++) {
        centre[k] = 0.3 * (double)k - 1;
        free_values += t->shape != METRIC || !isinf(t->metric[k]);
    }
    share = t->shape == LINF ? 1.0 / 3
            : t->shape == L1 ? 2 / ((free_values + 1) * (free_values + 2))
                             : 1 / (free_values + 2);
    for (int i = 0; i < DRAWS; i++) {
        struct advntk_stream s;
        double x[D_MAX], far;
        advntk_stream_init(&s, 4, 2, i, 0, 0);
        t->ops->random(t->config, d, centre, r, &s, x);
        far = t->ops->distance(t->config, d, x, centre);
        furthest = fmax(furthest, far);
        volume += pow(far / r, free_values);
        for (ptrdiff_t k = 0; k < d; k++) {
            mean[k] += x[k] - centre[k];
            square[k] += (x[k] - centre[k]) * (x[k] - centre[k]);
        }
    }
    ok(furthest <= r * (1 + 1e-14) && furthest > 0.99 * r, "%s random: inside, and out to the rim",
       t->name);
    /* five standard errors */
    ok(fabs(volume / DRAWS - 0.5) < 5 * sqrt(1.0 / 12 / DRAWS),
       "%s random: radii of a uniform ball", t->name);
    for (ptrdiff_t k = 0; k < d; k++) {
        double variance = isinf(t->metric[k]) ? 0 : r * r * share / t->metric[k];
        off += !(fabs(mean[k] / DRAWS) <= 5 * sqrt(variance / DRAWS));
        /* the fourth moment is below 7 variance^2 in all of these balls (l1 in 3 values: 6.0) */
        off += !(fabs(square[k] / DRAWS - variance) <= 5 * variance * sqrt(6.0 / DRAWS));
    }
    ok(off == 0, "%s random: means and variances of the coordinates", t->name);
}

/* l1: shares of the coordinates; equal ones move together. */
static void test_sparsity(const struct advntk_norm_ops *l1)
{
    const double g[5] = {1, -3, 2, -2, 0};
    double u[5];

    l1->steepest(NULL, 5, g, 0, u);
    ok(u[1] == -1 && u[0] == 0 && u[2] == 0 && u[3] == 0 && u[4] == 0,
       "l1 steepest: the largest alone");
    l1->steepest(NULL, 5, g, 0.4, u);
    ok(u[1] == -1.0 / 3 && u[2] == 1.0 / 3 && u[3] == -1.0 / 3 && u[0] == 0,
       "l1 steepest: two of five, and the equal of the second");
    l1->steepest(NULL, 5, g, 1, u);
    ok(u[0] == 0.25 && u[4] == 0, "l1 steepest: all that have a gradient");
}

/* l0 by trying every subset: the nearest point keeps at most `radius` groups of two values. */
static void test_l0(void)
{
    const struct advntk_plugin *plugin = test_plugin(PLUGINS "/norm/l0.so");
    const struct advntk_norm_ops *norm = plugin->ops;
    enum { GROUP = 2, D = 11, GROUPS = 6 };
    const int64_t config = GROUP; /* the config struct is its one row */
    struct tested any = {"l0", L2, norm, &config, {0}};
    double beaten = 0, again = 0;
    int far = 0, dual_off = 0, moved = 0;

    for (int number = 0; number < CASES; number++) {
        struct problem p;
        double z[D], z2[D], u[D], best = (double)INFINITY, here, dot = 0;
        int allowed = number % (GROUPS + 2), changed = 0;

        problem_make(&p, number, &any);
        for (ptrdiff_t k = 0; k < D; k++) { /* problems of few values repeat them */
            ptrdiff_t from = k % p.d;
            p.lo[k] = p.lo[from], p.hi[k] = p.hi[from], p.centre[k] = p.centre[from];
            p.point[k] = p.point[from] + 0.1 * (double)(k / p.d), p.w[k] = p.w[from];
        }
        memcpy(z, p.point, sizeof(z));
        norm->project_ball_box(&config, D, p.centre, allowed + 0.5, p.lo, p.hi, z);
        far += !(norm->distance(&config, D, z, p.centre) <= allowed);
        for (int subset = 0; subset < 1 << GROUPS; subset++) {
            double square = 0;
            int size = 0;
            for (int g = 0; g < GROUPS; g++) {
                size += subset >> g & 1;
            }
            for (int k = 0; k < D && size <= allowed; k++) {
                double at =
                    subset >> (k / GROUP) & 1 ? clamp(p.point[k], p.lo[k], p.hi[k]) : p.centre[k];
                square += (at - p.point[k]) * (at - p.point[k]);
            }
            best = size <= allowed ? fmin(best, square) : best;
        }
        here = euclidean(D, z, p.point);
        beaten = fmax(beaten, here - sqrt(best));
        memcpy(z2, z, sizeof(z2));
        norm->project_ball_box(&config, D, p.centre, allowed + 0.5, p.lo, p.hi, z2);
        again = fmax(again, at_most(D, z, z2));
        norm->steepest(&config, D, p.w, 0, u);
        for (int k = 0; k < D; k++) {
            dot += u[k] * p.w[k];
            changed += u[k] != 0;
        }
        dual_off += fabs(dot - norm->dual_norm(&config, D, p.w)) > 1e-14 * fabs(dot);
        moved += changed <= GROUP;
    }
    ok(beaten < 1e-13, "l0: no choice of groups is nearer (%.1e)", beaten);
    ok(far == 0 && again == 0, "l0: inside; a second projection moves nothing");
    ok(dual_off == 0 && moved == CASES, "l0 steepest: the best group, signs");
    ok(!norm->random, "l0: no uniform point");
}

/* A metric of three sizes and a mask of every seventh value. */
static const struct advntk_plugin *make_metric(struct tested *t, const char *paths[2])
{
    const struct advntk_plugin *plugin = test_plugin(PLUGINS "/norm/mahalanobis.so");
    const ptrdiff_t shape = D_MAX;
    double weight[D_MAX], may[D_MAX];
    struct advntk_error err = {.status = ADVNTK_OK};

    for (int k = 0; k < D_MAX; k++) {
        weight[k] = k % 3 == 0 ? 1 : k % 3 == 1 ? 30 : 0.02;
        may[k] = k % 7 != 0;
        t->metric[k] = may[k] > 0 ? weight[k] : (double)INFINITY;
    }
    ok(advntk_npy_write(paths[0], ADVNTK_FLOAT64, 1, &shape, weight, &err) == ADVNTK_OK &&
           advntk_npy_write(paths[1], ADVNTK_FLOAT64, 1, &shape, may, &err) == ADVNTK_OK &&
           plugin->check(paths, &err) == ADVNTK_OK,
       "mahalanobis: metric and mask from files");
    return plugin;
}

static void test_metric_files(const struct advntk_plugin *plugin, const char *paths[2])
{
    const struct advntk_norm_ops *norm = plugin->ops;
    const char *none[2] = {NULL, NULL}, *missing[2] = {"nowhere.npy", NULL},
               *swapped[2] = {paths[1], NULL}, *as_mask[2] = {NULL, paths[0]};
    double a[2 * D_MAX] = {0}, b[2 * D_MAX] = {0}, three[3] = {0, 0, 0};
    struct advntk_error err = {.status = ADVNTK_OK};

    b[3] = 0.5; /* values 2 and 3 share the entry 1: weight 30, may change */
    ok(fabs(norm->distance(paths, (ptrdiff_t)2 * D_MAX, a, b) - 0.5 * sqrt(30)) < 1e-15,
       "mahalanobis: a number a pixel counts for its channels");
    b[1] = 1e-9; /* pixel 0 is masked */
    ok(isinf(norm->distance(paths, (ptrdiff_t)2 * D_MAX, a, b)),
       "mahalanobis: masked: infinitely far");
    ok(isnan(norm->distance(paths, 3, three, three)), "mahalanobis: images of another size: NaN");
    ok(plugin->check(none, &err) == ADVNTK_OK, "mahalanobis: without files it is l2");
    ok(plugin->check(missing, &err) != ADVNTK_OK && strstr(err.text, "nowhere.npy"), "%s",
       err.text);
    ok(plugin->check(swapped, &err) == ADVNTK_EINVALID && strstr(err.text, "positive"), "%s",
       err.text);
    ok(plugin->check(as_mask, &err) == ADVNTK_EINVALID && strstr(err.text, "0 or 1"), "%s",
       err.text);
}

int main(void)
{
    static const char *const names[4] = {"linf", "l2", "l1", "mahalanobis"};
    const char *paths[2];

    scratch_make();
    paths[0] = scratch("metric.npy");
    paths[1] = scratch("mask.npy");
    for (int i = 0; i < 4; i++) {
        char path[512];
        struct tested t = {.name = names[i], .shape = (enum shape)i};
        const struct advntk_plugin *plugin;
        double a[2] = {3, 0}, b[2] = {0, -4};
        const double far[4] = {4, 5, 7, 0};

        for (int k = 0; k < D_MAX; k++) {
            t.metric[k] = 1;
        }
        snprintf(path, sizeof(path), "%s/norm/%s.so", PLUGINS, names[i]);
        plugin = i == METRIC ? make_metric(&t, paths) : test_plugin(path);
        t.config = i == METRIC ? paths : NULL;
        t.ops = plugin->ops;
        ok(i == METRIC ||
               (t.ops->distance(NULL, 2, a, b) == far[i] && t.ops->dual_norm(NULL, 2, b) == 4),
           "%s: distance and dual norm of small vectors", names[i]);
        ok(isinf(t.ops->radius_max) == (i != LINF) && (i != LINF || t.ops->radius_max == 1),
           "%s: sensible radii", names[i]);
        test_ball(&t);
        test_ball_box(&t);
        test_plane(&t);
        test_steepest(&t);
        test_random(&t);
        if (i == L1) {
            test_sparsity(t.ops);
        }
        if (i == METRIC) {
            test_metric_files(plugin, paths);
        }
    }
    test_l0();
    scratch_remove();
    return done_testing();
}
