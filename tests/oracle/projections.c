/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Projections against the public AutoAttack code and bisection (data/attacks/README.md): the l1
 * ball in the box, and steps onto a hyperplane in the box for linf, l2 and l1.
 */
#include "config.h"
#include "tap.h"

#include "oracle_data.h"
#include "plugin.h"

enum { D_MAX = 64 };
static const double zeros[D_MAX];
static double ones[D_MAX];

static void test_ball(int d, int number, double radius)
{
    const struct advntk_norm_ops *l1 = test_plugin(PLUGINS "/norm/l1.so")->ops;
    ptrdiff_t count;
    double *x = oracle_array(&count, "attacks/projections/l1ball_%d_x", d),
           *y = oracle_array(&count, "attacks/projections/l1ball_%d_y", d),
           *exact = oracle_array(&count, "attacks/projections/l1ball_%d_%d_exact", d, number);
    double *got = test_reals(count);
    char text[64];

    for (ptrdiff_t i = 0; i < count / d; i++) {
        for (int k = 0; k < d; k++) {
            got[i * d + k] = x[i * d + k] + y[i * d + k];
        }
        l1->project_ball_box(NULL, d, x + i * d, radius, zeros, ones, got + i * d);
        for (int k = 0; k < d; k++) { /* the correction, as the oracle has it */
            got[i * d + k] -= x[i * d + k] + y[i * d + k];
        }
    }
    snprintf(text, sizeof(text), "l1 ball and box, %d values, radius %g", d, radius);
    is_close(count, got, exact, 1e-10 / 100, text); /* displacements reach 100: 1e-10 absolute */
    advntk_free(x);
    advntk_free(y);
    advntk_free(exact);
    advntk_free(got);
}

static void test_plane(int d, const char *oracle, const char *name, bool unique)
{
    char path[512];
    const struct advntk_norm_ops *norm;
    ptrdiff_t count, points;
    double *t = oracle_array(&count, "attacks/projections/plane_%d_t", d),
           *w = oracle_array(&count, "attacks/projections/plane_%d_w", d),
           *b = oracle_array(&points, "attacks/projections/plane_%d_b", d),
           *far = oracle_array(&points, "attacks/projections/plane_%d_%s_distance", d, oracle),
           *want = oracle_array(&count, "attacks/projections/plane_%d_%s", d, oracle);
    double worst = 0, off_plane = 0, corner = 0, differs = 0;
    int reached = 0;

    snprintf(path, sizeof(path), "%s/norm/%s.so", PLUGINS, name);
    norm = test_plugin(path)->ops;
    for (ptrdiff_t i = 0; i < points; i++) {
        double delta[D_MAX], gap = -b[i], scale = 0;
        norm->project_plane_box(NULL, d, t + i * d, w + i * d, b[i], zeros, ones, delta);
        for (int k = 0; k < d; k++) {
            double apart = fabs(delta[k] - want[i * d + k]);
            gap += w[i * d + k] * (t[i * d + k] + delta[k]);
            scale += fabs(w[i * d + k]);
            differs = far[i] >= 0 && unique ? fmax(differs, apart) : differs;
            corner = far[i] < 0 ? fmax(corner, apart) : corner;
        }
        if (far[i] >= 0) {
            reached++;
            worst = fmax(worst, fabs(norm->distance(NULL, d, delta, zeros) - far[i]));
            off_plane = fmax(off_plane, fabs(gap) / scale);
        }
    }
    ok(worst < 1e-10 && off_plane < 1e-10 && reached > points / 2,
       "%s plane, %d values: the optimal distance (%.1e), on the plane (%.1e)", name, d, worst,
       off_plane);
    ok(differs < 1e-10 && corner < 1e-10,
       "%s plane, %d values: the oracle's step where there is only one (%.1e), its corner (%.1e)",
       name, d, differs, corner);
    advntk_free(t);
    advntk_free(w);
    advntk_free(b);
    advntk_free(far);
    advntk_free(want);
}

int main(void)
{
    static const double radius[3] = {0.05, 1, 4};
    for (int k = 0; k < D_MAX; k++) {
        ones[k] = 1;
    }
    for (int number = 0; number < 3; number++) {
        test_ball(64, number, radius[number]);
        test_ball(7, number, radius[number]);
    }
    for (int d = 7; d <= 64; d += 57) {
        test_plane(d, "Linf", "linf", false);
        test_plane(d, "L2", "l2", true);
        test_plane(d, "L1", "l1", false);
    }
    return done_testing();
}
