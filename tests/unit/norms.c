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

#include <math.h>

enum { CASES = 3000, D_MAX = 40 };

struct problem {
    ptrdiff_t d;
    double centre[D_MAX], lo[D_MAX], hi[D_MAX], point[D_MAX], w[D_MAX], b, radius;
};

/* Every kind of place: points far outside, inside, centres on the box's faces, radius 0, equal
 * entries. */
static void problem_make(struct problem *p, int number)
{
    struct advntk_stream s;
    double spread = number % 5 == 0 ? 0.01 : number % 5 == 1 ? 10 : 1;

    advntk_stream_init(&s, 9, advntk_random_purpose("norms"), number, 0, 0);
    p->d = 1 + (ptrdiff_t)advntk_random_below(&s, D_MAX);
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

/* KKT of the nearest point of ball and box: z = clamp((q)/(1+lambda)), lambda by bisection. */
static void bisect_ball_box(const struct problem *p, double *z)
{
    double low = 0, high = 1;
    for (int round = 0; round < 200; round++) {
        double s = 0.5 * (low + high), square = 0;
        for (ptrdiff_t k = 0; k < p->d; k++) {
            double step = clamp(s * (p->point[k] - p->centre[k]), p->lo[k] - p->centre[k],
                                p->hi[k] - p->centre[k]);
            square += step * step;
        }
        *(square > p->radius * p->radius ? &high : &low) = s;
    }
    low = high == 1 ? 1 : low;
    for (ptrdiff_t k = 0; k < p->d; k++) {
        z[k] = p->centre[k] + clamp(low * (p->point[k] - p->centre[k]), p->lo[k] - p->centre[k],
                                    p->hi[k] - p->centre[k]);
    }
}

/* The smallest t such that steps bounded by t (l-infinity) or along t w (l2) reach the plane in the
 * box. */
static double bisect_plane(const struct problem *p, const double *x, bool is_linf, bool *reachable)
{
    double gap = p->b, low = 0, high = 1e9, side;
    for (ptrdiff_t k = 0; k < p->d; k++) {
        gap -= p->w[k] * x[k];
    }
    side = gap < 0 ? -1 : 1;
    for (int round = 0; round < 300; round++) {
        double t = 0.5 * (low + high), reached = 0;
        for (ptrdiff_t k = 0; k < p->d; k++) {
            double want = side * (is_linf ? (p->w[k] > 0) - (p->w[k] < 0) : p->w[k]) * t;
            reached += p->w[k] * (clamp(x[k] + want, p->lo[k], p->hi[k]) - x[k]);
        }
        *(fabs(reached) < fabs(gap) ? &low : &high) = t;
    }
    *reachable = high < 1e8;
    return high;
}

static void test_ball_box(const char *name, const struct advntk_norm_ops *norm, bool is_linf)
{
    double worst = 0, outside = 0, moved_again = 0, beaten = 0;

    for (int number = 0; number < CASES; number++) {
        struct problem p;
        struct advntk_stream s;
        double z[D_MAX], want[D_MAX], again[D_MAX], here;

        problem_make(&p, number);
        memcpy(z, p.point, sizeof(z));
        norm->project_ball_box(NULL, p.d, p.centre, p.radius, p.lo, p.hi, z);
        for (ptrdiff_t k = 0; k < p.d; k++) {
            want[k] = clamp(p.point[k], fmax(p.lo[k], p.centre[k] - p.radius),
                            fmin(p.hi[k], p.centre[k] + p.radius));
            outside = fmax(outside, fmax(z[k] - p.hi[k], p.lo[k] - z[k]));
        }
        if (!is_linf) {
            bisect_ball_box(&p, want);
        }
        outside = fmax(outside, norm->distance(NULL, p.d, z, p.centre) - p.radius);
        worst = fmax(worst, at_most(p.d, z, want));
        memcpy(again, z, sizeof(again));
        norm->project_ball_box(NULL, p.d, p.centre, p.radius, p.lo, p.hi, again);
        moved_again = fmax(moved_again, at_most(p.d, z, again));
        here = euclidean(p.d, z, p.point);
        advntk_stream_init(&s, 10, 1, number, 0, 0);
        for (int attempt = 0; attempt < 5; attempt++) {
            double other[D_MAX], mix = advntk_random_uniform(&s);
            norm->random(NULL, p.d, p.centre, p.radius, &s, other);
            for (ptrdiff_t k = 0; k < p.d; k++) { /* a feasible point, often near the answer */
                other[k] = mix * z[k] + (1 - mix) * clamp(other[k], p.lo[k], p.hi[k]);
            }
            beaten = fmax(beaten, here - euclidean(p.d, other, p.point));
        }
    }
    /* coordinates are of order 1 to 30: some tens of roundings of 2e-16 */
    ok(worst < 1e-13, "%s ball and box: the nearest point, as bisection finds it (%.1e)", name,
       worst);
    ok(outside < 1e-14, "%s ball and box: inside both (%.1e)", name, outside);
    ok(moved_again < 1e-14, "%s ball and box: a second projection moves nothing (%.1e)", name,
       moved_again);
    ok(beaten < 1e-13, "%s ball and box: no feasible point is nearer (%.1e)", name, beaten);
}

static void test_ball(const char *name, const struct advntk_norm_ops *norm)
{
    double outside = 0, moved = 0;
    for (int number = 0; number < CASES; number++) {
        struct problem p;
        double z[D_MAX], free_box[2][D_MAX];
        problem_make(&p, number);
        memcpy(z, p.point, sizeof(z));
        norm->project_ball(NULL, p.d, p.centre, p.radius, z);
        outside = fmax(outside, norm->distance(NULL, p.d, z, p.centre) - p.radius);
        for (ptrdiff_t k = 0; k < p.d; k++) {
            free_box[0][k] = -1e3;
            free_box[1][k] = 1e3;
        }
        norm->project_ball_box(NULL, p.d, p.centre, p.radius, free_box[0], free_box[1], p.point);
        moved = fmax(moved, at_most(p.d, z, p.point));
    }
    ok(outside < 1e-14, "%s ball: inside (%.1e)", name, outside);
    ok(moved < 1e-13, "%s ball: as ball and box where the box is far away (%.1e)", name, moved);
}

static void test_plane(const char *name, const struct advntk_norm_ops *norm, bool is_linf)
{
    double off_plane = 0, outside = 0, longer = 0;
    int unreachable = 0, corner_wrong = 0;

    for (int number = 0; number < CASES; number++) {
        struct problem p;
        double delta[D_MAX], size = 0, gap, want = 0, t;
        bool reachable, zero = true;

        problem_make(&p, number);
        p.b += number % 10 == 0 ? 50 : 0; /* beyond the box */
        norm->project_plane_box(NULL, p.d, p.centre, p.w, p.b, p.lo, p.hi, delta);
        t = bisect_plane(&p, p.centre, is_linf, &reachable);
        gap = -p.b;
        for (ptrdiff_t k = 0; k < p.d; k++) {
            double z = p.centre[k] + delta[k],
                   corner = p.b > 0 ? (p.w[k] > 0 ? p.hi[k] : p.lo[k]) : 0;
            zero = zero && p.w[k] == 0;
            gap += p.w[k] * z;
            size = is_linf ? fmax(size, fabs(delta[k])) : size + delta[k] * delta[k];
            outside = fmax(outside, fmax(z - p.hi[k], p.lo[k] - z));
            corner_wrong += !reachable && p.b > 40 && p.w[k] != 0 && fabs(z - corner) > 1e-15;
        }
        for (ptrdiff_t k = 0; k < p.d; k++) {
            double dir = is_linf ? (p.w[k] > 0) - (p.w[k] < 0) : p.w[k], side = 1, before = -p.b;
            for (ptrdiff_t j = 0; j < p.d; j++) {
                before += p.w[j] * p.centre[j];
            }
            side = before > 0 ? -1 : 1;
            dir = clamp(p.centre[k] + side * dir * t, p.lo[k], p.hi[k]) - p.centre[k];
            want = is_linf ? fmax(want, fabs(dir)) : want + dir * dir;
        }
        unreachable += !reachable;
        if (reachable && !zero) {
            off_plane = fmax(off_plane, fabs(gap));
            longer = fmax(longer, is_linf ? size - want : sqrt(size) - sqrt(want));
        }
    }
    ok(off_plane < 1e-13, "%s plane: the step ends on it (%.1e)", name, off_plane);
    ok(outside < 1e-15, "%s plane: inside the box (%.1e)", name, outside);
    ok(longer < 1e-12, "%s plane: no longer than the bisection's (%.1e)", name, longer);
    ok(unreachable > CASES / 20 && corner_wrong == 0,
       "%s plane: the nearest corner where the box does not reach it", name);
}

static void test_steepest(const char *name, const struct advntk_norm_ops *norm)
{
    double worst = 0, too_long = 0;
    double zero[3] = {0, 0, 0}, tiny[3] = {3e-200, -4e-200, 0}, u[3] = {9, 9, 9},
           origin[3] = {0, 0, 0};

    for (int number = 0; number < CASES; number++) {
        struct problem p;
        double direction[D_MAX], dot = 0, dual, nothing[D_MAX] = {0};
        problem_make(&p, number);
        norm->steepest(NULL, p.d, p.w, 0, direction);
        for (ptrdiff_t k = 0; k < p.d; k++) {
            dot += p.w[k] * direction[k];
        }
        dual = norm->dual_norm(NULL, p.d, p.w);
        worst = fmax(worst, fabs(dot - dual) / fmax(dual, 1e-300));
        too_long = fmax(too_long, norm->distance(NULL, p.d, direction, nothing) - 1);
    }
    /* <g, direction> = dual norm of g is what steepest means (Hoelder with equality) */
    ok(worst < 1e-14, "%s steepest: reaches the dual norm (%.1e)", name, worst);
    ok(too_long < 1e-14, "%s steepest: of length 1 (%.1e)", name, too_long);
    norm->steepest(NULL, 3, zero, 0, u);
    ok(u[0] == 0 && u[1] == 0 && u[2] == 0, "%s steepest: zero for a zero gradient", name);
    norm->steepest(NULL, 3, tiny, 0, u);
    ok(fabs(norm->distance(NULL, 3, u, origin) - 1) < 1e-15 && u[0] > 0 && u[1] < 0 && u[2] == 0,
       "%s steepest: keeps the direction of a gradient whose squares vanish", name);
}

/* Uniform in the ball: E x_k^2 = r^2/3 (cube), r^2/(d+2) (Euclidean ball); means 0; (|x|/r)^d
 * uniform. */
static void test_random(const char *name, const struct advntk_norm_ops *norm, bool is_linf)
{
    enum { DRAWS = 40000, D = 3 };
    const double centre[D] = {0.3, -1, 2}, r = 0.7,
                 variance = is_linf ? r * r / 3 : r * r / (D + 2);
    double mean[D] = {0}, square[D] = {0}, furthest = 0, volume = 0;

    for (int i = 0; i < DRAWS; i++) {
        struct advntk_stream s;
        double x[D], far;
        advntk_stream_init(&s, 4, 2, i, 0, 0);
        norm->random(NULL, D, centre, r, &s, x);
        far = norm->distance(NULL, D, x, centre);
        furthest = fmax(furthest, far);
        volume += pow(far / r, D);
        for (int k = 0; k < D; k++) {
            mean[k] += x[k] - centre[k];
            square[k] += (x[k] - centre[k]) * (x[k] - centre[k]);
        }
    }
    ok(furthest <= r * (1 + 1e-15) && furthest > 0.99 * r, "%s random: inside, and out to the rim",
       name);
    /* five standard errors; the fourth moment is below 3 variance^2 */
    ok(fabs(volume / DRAWS - 0.5) < 5 * sqrt(1.0 / 12 / DRAWS),
       "%s random: radii of a uniform ball", name);
    for (int k = 0; k < D; k++) {
        ok(fabs(mean[k] / DRAWS) < 5 * sqrt(variance / DRAWS), "%s random: mean of coordinate %d",
           name, k);
        ok(fabs(square[k] / DRAWS - variance) < 5 * variance * sqrt(2.0 / DRAWS),
           "%s random: variance of coordinate %d", name, k);
    }
}

int main(void)
{
    const char *const names[2] = {"linf", "l2"};
    for (int i = 0; i < 2; i++) {
        const struct advntk_plugin *plugin =
            test_plugin(i == 0 ? PLUGINS "/norm/linf.so" : PLUGINS "/norm/l2.so");
        const struct advntk_norm_ops *norm = plugin->ops;
        double a[2] = {3, 0}, b[2] = {0, -4};
        ok(norm->distance(NULL, 2, a, b) == (i == 0 ? 4 : 5) && norm->dual_norm(NULL, 2, b) == 4,
           "%s: distance and dual norm of small vectors", names[i]);
        ok(isinf(norm->radius_max) == (i == 1) && (i == 1 || norm->radius_max == 1),
           "%s: sensible radii", names[i]);
        test_ball(names[i], norm);
        test_ball_box(names[i], norm, i == 0);
        test_plane(names[i], norm, i == 0);
        test_steepest(names[i], norm);
        test_random(names[i], norm, i == 0);
    }
    return done_testing();
}
