/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kernel regression, ensemble dynamics, adv-NTK coefficients, gradient and training against dense
 * float64 computations by jax and neural-tangents (data/advntk/README.md). Theta's condition number
 * is 228 and the exponential's argument, up to 1500, is squared some nine times: both sides lose
 * three digits of sixteen each. 1e-11 is asked. neural-tangents' ensemble means are further off, so
 * that 1e-8 is asked there (an eigendecomposition in numpy differs from them by up
 * to 1.1e-9, and from us by 1e-14).
 */
#include "config.h"
#include "tap.h"

#include "linalg/sym.h"
#include "plugin.h"

#include <advntk/linear.h>
#include <advntk/npy.h>

enum { N = 60, C = 10, V = 16, T = 12, D = 192, STEPS = 12 };

static const double tolerance = 1e-11, ensemble_tolerance = 1e-8;

static double *load(const char *name, ptrdiff_t count)
{
    char path[512];
    struct advntk_npy npy;
    struct advntk_error err;
    double *values = test_reals(count);
    snprintf(path, sizeof(path), TEST_DATA "/advntk/%s.npy", name);
    if (advntk_npy_open(&npy, path, &err) != ADVNTK_OK ||
        advntk_npy_read_reals(&npy, 0, count, values, &err) != ADVNTK_OK) {
        printf("Bail out! %s\n", err.text);
        exit(1);
    }
    advntk_npy_close(&npy);
    return values;
}

/* one-hot rows from labels */
static double *one_hot(const char *name, ptrdiff_t n)
{
    double *labels = load(name, n), *y = test_reals(n * C);
    for (ptrdiff_t i = 0; i < n; i++) {
        y[i * C + (ptrdiff_t)labels[i]] = 1;
    }
    advntk_free(labels);
    return y;
}

/* The NTK of the relu network of depth 3 (Jacot et al. 2018; Cho, Saul 2009): flat input, w 1.76, b
 * 0.18. */
static double ntk(const double *x, const double *z)
{
    const double w = 1.76 * 1.76, b = 0.18 * 0.18;
    double s = 0, q = 0, r = 0, theta;
    for (ptrdiff_t i = 0; i < D; i++) {
        s += x[i] * z[i] / D;
        q += x[i] * x[i] / D;
        r += z[i] * z[i] / D;
    }
    s = w * s + b;
    q = w * q + b;
    r = w * r + b;
    theta = s;
    for (int layer = 0; layer < 2; layer++) {
        double root = sqrt(q * r), cosine = s / root, angle = acos(cosine);
        double slope = (M_PI - angle) / (2 * M_PI);
        s = w * root * (sin(angle) + (M_PI - angle) * cosine) / (2 * M_PI) + b;
        theta = s + w * theta * slope;
        q = w * q / 2 + b;
        r = w * r / 2 + b;
    }
    return theta;
}

struct world {
    struct advntk_host *host;
    struct advntk_sym *theta;
    double *y, *yv, *kv, *kt; /* (N,C), (V,C), (V,N), (T,N) */
};

/* f (rows,C) <- k (rows,N) alpha */
static void predict(ptrdiff_t rows, const double *k, const double *alpha, double *f)
{
    for (ptrdiff_t i = 0; i < rows; i++) {
        for (ptrdiff_t c = 0; c < C; c++) {
            f[i * C + c] = 0;
            for (ptrdiff_t j = 0; j < N; j++) {
                f[i * C + c] += k[i * N + j] * alpha[j * C + c];
            }
        }
    }
}

/* alpha at w, L = 1/2 sum |f - y|^2 / V on the validation images, and dL/dw */
static bool loss_and_gradient(const struct world *s, bool per_class, const double *w, double *alpha,
                              double *loss, double *gradient)
{
    static double speed[N * C], f[V * C], g[N * C];
    ptrdiff_t count = per_class ? N * C : N;
    struct advntk_flow *flow = NULL;
    struct advntk_error err = {.status = ADVNTK_OK};
    bool fine;

    for (ptrdiff_t i = 0; i < count; i++) {
        speed[i] = fabs(w[i]);
    }
    fine = advntk_flow_new(s->host, s->theta, C, per_class, 1e-13, 0, &flow, &err) == ADVNTK_OK &&
           advntk_flow_coefficients(flow, speed, s->y, alpha, NULL, &err) == ADVNTK_OK;
    predict(V, s->kv, alpha, f);
    *loss = 0;
    memset(g, 0, sizeof(g));
    for (ptrdiff_t i = 0; i < V; i++) {
        for (ptrdiff_t c = 0; c < C; c++) {
            double gap = f[i * C + c] - s->yv[i * C + c];
            *loss += 0.5 * gap * gap / V;
            for (ptrdiff_t j = 0; j < N; j++) {
                g[j * C + c] += s->kv[i * N + j] * gap / V;
            }
        }
    }
    fine = fine && advntk_flow_gradient(flow, g, gradient, NULL, &err) == ADVNTK_OK;
    for (ptrdiff_t i = 0; i < count; i++) {
        gradient[i] = w[i] >= 0 ? gradient[i] : -gradient[i];
    }
    advntk_flow_free(flow);
    return ok(fine, "coefficients and gradient%s: %s",
              per_class ? ", one weight a sample and class" : "", err.text);
}

static void test_gradients(const struct world *s)
{
    static const double zero[N];
    static double alpha[N * C], gradient[N * C];
    double loss, *w = load("advntk_w", N), *wc = load("advntk_per_class_w", N * C);
    double *want_alpha = load("advntk_alpha", N * C), *want_loss = load("advntk_loss", 1);
    double *want = load("advntk_gradient", N), *at_zero = load("advntk_gradient_at_zero", N);
    double *per_class = load("advntk_per_class_gradient", N * C);

    loss_and_gradient(s, false, w, alpha, &loss, gradient);
    is_close(N * C, alpha, want_alpha, tolerance, "coefficients");
    is_close(1, &loss, want_loss, tolerance, "loss");
    is_close(N, gradient, want, tolerance, "gradient");
    loss_and_gradient(s, false, zero, alpha, &loss, gradient);
    is_close(N, gradient, at_zero, tolerance, "gradient at weight 0");
    loss_and_gradient(s, true, wc, alpha, &loss, gradient);
    is_close(N * C, gradient, per_class, tolerance, "gradient, one weight a sample and class");
    advntk_free(w);
    advntk_free(wc);
    advntk_free(want_alpha);
    advntk_free(want_loss);
    advntk_free(want);
    advntk_free(at_zero);
    advntk_free(per_class);
}

struct gradnorm {
    double rate, weight_decay, decay_factor;
    int64_t decay_every;
};

static void test_training(const struct world *s)
{
    static const struct gradnorm config = {0.3, 1e-3, 0.1, 0};
    static double path[(STEPS + 1) * N], losses[STEPS], alpha[N * C], gradient[N], w[N];
    const struct advntk_optimizer_ops *ops = test_plugin(PLUGINS "/optimizer/gradnorm_sgd.so")->ops;
    struct advntk_error err;
    void *optimizer = NULL;
    double *want = load("advntk_training_w", (STEPS + 1) * N),
           *want_loss = load("advntk_training_loss", STEPS);

    ok(ops->open(&config, s->host, N, &optimizer, &err) == ADVNTK_OK, "optimizer gradnorm_sgd");
    for (ptrdiff_t step = 0; step < STEPS; step++) {
        loss_and_gradient(s, false, w, alpha, &losses[step], gradient);
        ok(ops->step(optimizer, gradient, w, &err) == ADVNTK_OK, "step %td", step);
        memcpy(path + (step + 1) * N, w, sizeof(w));
    }
    /* 12 steps, each dividing by the gradient's length */
    is_close((STEPS + 1) * N, path, want, 12 * tolerance, "weights along 12 steps");
    is_close(STEPS, losses, want_loss, 12 * tolerance, "losses along 12 steps");
    ops->close(optimizer);
    advntk_free(want);
    advntk_free(want_loss);
}

static void test_regression(const struct world *s, double ridge, const char *name)
{
    static double f[T * C];
    struct advntk_factor *factor = NULL;
    struct advntk_error err = {.status = ADVNTK_OK};
    double residual = 1, *want = load(name, T * C), *alpha = test_reals(N * C);

    memcpy(alpha, s->y, N * C * sizeof(*alpha));
    ok(advntk_factor_new(s->host, s->theta, ridge, &factor, &err) == ADVNTK_OK &&
           advntk_factor_solve(s->host, factor, s->theta, C, alpha, &residual, &err) == ADVNTK_OK,
       "regression, ridge %g: %s", ridge, err.text);
    predict(T, s->kt, alpha, f);
    is_close(T * C, f, want, tolerance, name);
    ok(residual < 1e-12, "residual %.2g", residual);
    advntk_factor_free(factor);
    advntk_free(want);
    advntk_free(alpha);
}

static void test_time(const struct world *s, double time, const char *name)
{
    static double speed[N], alpha[N * C], f[T * C];
    struct advntk_flow *flow = NULL;
    struct advntk_error err = {.status = ADVNTK_OK};
    double *want = load(name, T * C);

    for (ptrdiff_t i = 0; i < N; i++) {
        speed[i] = time / (N * C); /* neural-tangents divides by the number of outputs in all */
    }
    ok(advntk_flow_new(s->host, s->theta, C, false, 1e-13, 0, &flow, &err) == ADVNTK_OK &&
           advntk_flow_coefficients(flow, speed, s->y, alpha, NULL, &err) == ADVNTK_OK,
       "time %g", time);
    predict(T, s->kt, alpha, f);
    is_close(T * C, f, want, ensemble_tolerance, name);
    advntk_flow_free(flow);
    advntk_free(want);
}

int main(void)
{
    struct world s = {.host = test_host(2),
                      .y = one_hot("labels", N),
                      .yv = one_hot("labels_validation", V),
                      .kt = load("ntk_test", T * N),
                      .kv = test_reals(V * N)};
    double *k = load("ntk", N * N), *x = load("x", N * D), *xv = load("x_validation", V * D),
           worst = 0;
    struct advntk_error err;

    if (!ok(advntk__sym_new(N, ADVNTK_PRECISION_FLOAT64, &s.theta, &err) == ADVNTK_OK,
            "kernel matrix")) {
        return done_testing();
    }
    for (ptrdiff_t i = 0; i < N; i++) {
        for (ptrdiff_t j = 0; j <= i; j++) {
            advntk__sym_set(s.theta, i, j, k[i * N + j]);
            worst = fmax(worst, i == j ? 0 : fabs(ntk(x + i * D, x + j * D) / k[i * N + j] - 1));
        }
    }
    ok(worst < 1e-12, "this test's own kernel is neural-tangents' (%.2g)", worst);
    for (ptrdiff_t i = 0; i < V * N; i++) {
        s.kv[i] = ntk(xv + i / N * D, x + i % N * D);
    }
    test_gradients(&s);
    test_training(&s);
    test_regression(&s, 0, "ntk_regression_test");
    test_regression(&s, 0.01, "ntk_ridge_0.01_test");
    test_time(&s, 1, "ntk_ensemble_mean_t1_test");
    test_time(&s, 30, "ntk_ensemble_mean_t30_test");
    test_time(&s, 1000, "ntk_ensemble_mean_t1000_test");
    advntk__sym_free(s.theta);
    advntk_free(s.y);
    advntk_free(s.yv);
    advntk_free(s.kv);
    advntk_free(s.kt);
    advntk_free(k);
    advntk_free(x);
    advntk_free(xv);
    test_host_free(s.host);
    return done_testing();
}
