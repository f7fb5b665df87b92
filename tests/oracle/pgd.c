/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PGD paths and the released code's attack on a kernel predictor, as automatic differentiation
 * found them (data/advntk/README.md). The predictor here is written for this test, in plain loops:
 * f(x) = sum_j k(x, X_j) alpha_j, k the NTK of a relu MLP of depth 3, whose gradient by x goes
 * through s = <x,X_j>/d and q = |x|^2/d, by forward differentiation of both.
 */
#include "config.h"
#include "tap.h"

#include "attack_world.h"

#include <advntk/npy.h>

enum { TRAIN = 60, TEST = 12, D = 192, CLASSES = 10, STEPS = 10 };

static double train[TRAIN * D], alpha[TRAIN * CLASSES], test[TEST * D];
static int32_t labels[TEST];
static struct advntk_error error;

static void must(advntk_status rc)
{
    if (rc != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

static void load(const char *name, ptrdiff_t count, double *values)
{
    char path[1024];
    struct advntk_npy npy;
    snprintf(path, sizeof(path), "%s/advntk/%s.npy", TEST_DATA, name);
    must(advntk_npy_open(&npy, path, &error));
    must(advntk_npy_read_reals(&npy, 0, count, values, &error));
    advntk_npy_close(&npy);
}

/* A number with its derivatives by s and q. */
struct dual {
    double v, s, q;
};

static struct dual affine(struct dual a, double w2, double b2)
{
    return (struct dual){w2 * a.v + b2, w2 * a.s, w2 * a.q};
}

static struct dual sum(struct dual a, struct dual b)
{
    return (struct dual){a.v + b.v, a.s + b.s, a.q + b.q};
}

static struct dual product(struct dual a, struct dual b)
{
    return (struct dual){a.v * b.v, a.s * b.v + a.v * b.s, a.q * b.v + a.v * b.q};
}

/* E relu(u) relu(v) and E relu'(u) relu'(v) (Cho and Saul 2009), with derivatives by covariance k
 * and variance q: numerics as printed there, r is the other variance, a constant. */
static void relu_pair(struct dual k, struct dual q, double r, struct dual *value,
                      struct dual *slope)
{
    const double pi = 3.14159265358979323846;
    double c = k.v / sqrt(q.v * r), root = sqrt(1 - c * c), angle = pi - acos(c);
    double v = sqrt(q.v * r) * (root + angle * c) / (2 * pi), d = angle / (2 * pi);
    double v_q = sqrt(r / q.v) * root / (4 * pi), d_k = 1 / (2 * pi * sqrt(q.v * r) * root),
           d_q = -c / (4 * pi * q.v * root);

    *value = (struct dual){v, d * k.s + v_q * q.s, d * k.q + v_q * q.q};
    *slope = (struct dual){d, d_k * k.s + d_q * q.s, d_k * k.q + d_q * q.q};
}

static struct dual ntk(const double *x, const double *z)
{
    const double w2 = 1.76 * 1.76, b2 = 0.18 * 0.18;
    double dot = 0, square = 0, other = 0, r;
    struct dual k, q, theta;

    for (int i = 0; i < D; i++) {
        dot += x[i] * z[i];
        square += x[i] * x[i];
        other += z[i] * z[i];
    }
    k = affine((struct dual){dot / D, 1, 0}, w2, b2);
    q = affine((struct dual){square / D, 0, 1}, w2, b2);
    r = w2 * other / D + b2;
    theta = k;
    for (int layer = 0; layer < 2; layer++) {
        struct dual value, slope;
        relu_pair(k, q, r, &value, &slope);
        theta = product(theta, slope);
        k = affine(value, w2, b2);
        q = affine((struct dual){q.v / 2, q.s / 2, q.q / 2}, w2, b2); /* E relu(u)^2 = q/2 */
        r = w2 * r / 2 + b2;
        theta = sum(k, affine(theta, w2, 0));
    }
    return theta;
}

static advntk_status mlp_forward(void *model, const struct advntk_images *x, double *f,
                                 struct advntk_tape **tape, struct advntk_error *err)
{
    (void)model;
    for (ptrdiff_t i = 0; i < x->n; i++) {
        memset(f + i * CLASSES, 0, CLASSES * sizeof(double));
        for (int j = 0; j < TRAIN; j++) {
            double k = ntk(x->pixels + i * D, train + j * D).v;
            for (int c = 0; c < CLASSES; c++) {
                f[i * CLASSES + c] += k * alpha[j * CLASSES + c];
            }
        }
    }
    if (tape) {
        *tape = malloc(sizeof(**tape));
        if (!*tape) {
            return ADVNTK_FAIL(err, ENOMEM, "no memory");
        }
        (*tape)->n = x->n;
        memcpy((*tape)->x, x->pixels, (size_t)x->n * D * sizeof(double));
    }
    return ADVNTK_OK;
}

static advntk_status mlp_vjp(void *model, const struct advntk_tape *tape, ptrdiff_t m,
                             const double *g, double *dx, struct advntk_error *err)
{
    (void)model;
    (void)err;
    for (ptrdiff_t row = 0; row < tape->n * m; row++) {
        const double *x = tape->x + row / m * D;
        double *out = dx + row * D;
        memset(out, 0, D * sizeof(double));
        for (int j = 0; j < TRAIN; j++) {
            struct dual k = ntk(x, train + j * D);
            double weight = 0;
            for (int c = 0; c < CLASSES; c++) {
                weight += g[row * CLASSES + c] * alpha[j * CLASSES + c];
            }
            for (int p = 0; p < D; p++) {
                out[p] += weight * (k.s * train[j * D + p] + 2 * k.q * x[p]) / D;
            }
        }
    }
    return ADVNTK_OK;
}

static const struct advntk_model_ops mlp_ops = {
    .forward = mlp_forward, .vjp = mlp_vjp, .tape_free = toy_tape_free};

static void test_gradient(void)
{
    static double f[TEST * CLASSES], got[TEST * D], want[TEST * D];
    struct advntk_images x = {.n = TEST, .height = 8, .width = 8, .channels = 3, .pixels = test};
    struct advntk_tape *tape = NULL;

    must(mlp_forward(NULL, &x, f, &tape, &error));
    for (int i = 0; i < TEST; i++) {
        f[i * CLASSES + labels[i]] -= 1;
    }
    must(mlp_vjp(NULL, tape, 1, f, got, &error));
    toy_tape_free(NULL, tape);
    load("attack_input_gradient", TEST * D, want);
    is_close(TEST * D, got, want, 1e-11, "this test's model: the input gradient of the oracle");
}

/* The points after `steps` steps; score last keeps them. */
static void attack(struct world_slot *s, int64_t steps, const double *start, struct world_result *w,
                   struct advntk_host *host)
{
    static double lo[D], hi[D];
    struct advntk_images x = {
        .n = TEST, .height = 8, .width = 8, .channels = 3, .pixels = start, .labels = labels};
    struct advntk__attack_target target = {
        .host = host, .ops = &mlp_ops, .classes = CLASSES, .box_lo = lo, .box_hi = hi};
    struct advntk__audit audit = {0};

    for (int k = 0; k < D; k++) {
        lo[k] = -0.5;
        hi[k] = 0.5;
    }
    slot_set(s, "steps", (double)steps);
    slot_set(s, "step", s->settings.radius / 5);
    must(advntk__attack_panel(&target, &s->slot, &x, result_init(w), &audit, &error));
    ok(audit.gradient_mismatch == 0 && audit.outside_ball == 0 && audit.outside_box == 0,
       "steps %lld: nothing for the audit to find", (long long)steps);
}

static void test_paths(struct world_slot *s, const char *norm, struct advntk_host *host)
{
    static double want[(STEPS + 1) * TEST * D], outputs[TEST * CLASSES];
    static struct world_result w;
    char name[64];

    snprintf(name, sizeof(name), "pgd_%s_points", norm);
    load(name, (STEPS + 1) * TEST * D, want);
    for (int steps = 0; steps <= STEPS; steps++) {
        attack(s, steps, test, &w, host);
        snprintf(name, sizeof(name), "%s: points after %d steps", norm, steps);
        is_close(TEST * D, w.point, want + steps * TEST * D, 1e-10, name);
    }
    snprintf(name, sizeof(name), "pgd_%s_outputs", norm);
    load(name, TEST * CLASSES, outputs);
    is_close(TEST * CLASSES, w.outputs, outputs, 1e-10, name);
    ok(w.outputs_spent[0] == STEPS + 1 && w.gradients_spent[0] == STEPS,
       "%s: 11 outputs and 10 gradients an image", norm);
}

int main(void)
{
    static double start[TEST * D], end[TEST * D], numbers[TEST];
    static struct world_result w;
    struct world_slot s, loss, norms[2];
    struct advntk_host *host = NULL;

    must(advntk__host_new(2, &host, &error));
    load("x", TRAIN * D, train);
    load("attack_alpha", TRAIN * CLASSES, alpha);
    load("x_test", TEST * D, test);
    load("labels_test", TEST, numbers);
    for (int i = 0; i < TEST; i++) {
        labels[i] = (int32_t)numbers[i];
    }
    test_gradient();
    slot_init(&s, test_plugin(PLUGINS "/attack/pgd.so"));
    slot_init(&loss, test_plugin(PLUGINS "/loss/mse.so"));
    slot_init(&norms[0], test_plugin(PLUGINS "/norm/linf.so"));
    slot_init(&norms[1], test_plugin(PLUGINS "/norm/l2.so"));
    s.settings.loss = loss.slot;
    s.settings.random_start = false;
    s.settings.early_stop = false;
    s.settings.score = ADVNTK_SCORE_LAST;
    s.settings.projection = ADVNTK_PROJECT_SEQUENTIAL;
    s.settings.norm = norms[1].slot;
    s.settings.radius = 0.5;
    test_paths(&s, "l2", host);
    s.settings.norm = norms[0].slot;
    s.settings.radius = 8.0 / 255;
    test_paths(&s, "linf", host);

    /* the authors' attack from a given start: its start is the "clean" image here */
    load("released_code_start", TEST * D, start);
    load("released_code_end", TEST * D, end);
    slot_choose(&s, "variant", "released-code");
    attack(&s, STEPS, start, &w, host);
    is_close(TEST * D, w.point, end, 1e-10, "released code: one frozen gradient, ten steps");
    ok(w.gradients_spent[0] == 1, "released code: takes one gradient");
    advntk__host_free(host);
    return done_testing();
}
