/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What each method leaves in predictor.npz, by the formulas with dense matrices: kernels from the
 * command `kernel`, eigenvectors from GSL, one class at a time. And batches larger than a panel,
 * or than the validation set.
 */
#include "config.h"

#include "command.h"
#include "store/npz.h"

#include <gsl/gsl_eigen.h>
#include <math.h>

enum { N = 40, V = 150, TEST = 10, D = 12, C = 3, POOL = N + V };

static double train_images[POOL * D];
static int64_t train_labels[POOL];

/* A run's stored arrays, and its kernel matrix. */
struct fitted {
    double alpha[N * C], weights[N * C];
    int64_t train[N], validation[V];
    double *gram; /* N,N */
};

static void make_images(void)
{
    const ptrdiff_t shape[2] = {POOL, D}, test_shape[2] = {TEST, D};
    const ptrdiff_t count = POOL, test_count = TEST;
    struct advntk_error err = {0};

    for (int i = 0; i < POOL * D; i++) {
        train_images[i] = 0.5 + 0.5 * sin(1.7 * i * i + 0.3 * i);
    }
    for (int i = 0; i < POOL; i++) {
        train_labels[i] = (i * 7 + i / 5) % C;
    }
    write_reals("x.npy", 2, shape, train_images);
    write_reals("t.npy", 2, test_shape, train_images);
    must(advntk_npy_write(scratch("y.npy"), ADVNTK_INT64, 1, &count, train_labels, &err), &err);
    must(advntk_npy_write(scratch("u.npy"), ADVNTK_INT64, 1, &test_count, train_labels, &err),
         &err);
}

static void write_recipe(const char *method)
{
    char text[1024];
    int length = snprintf(
        text, sizeof(text),
        "advntk: 1\nname: methods\nseed: 3\nprecision: float64\n"
        "data:\n"
        "  dataset: {plugin: npy, train_images: x.npy, train_labels: y.npy, test_images: t.npy, "
        "test_labels: u.npy}\n"
        "  train: %d\n  validation: %d\n  test: %d\n"
        "model: {architecture: {plugin: mlp, depth: 2}, kernel: ntk}\n"
        "method: %s\n",
        N, V, TEST, method);
    scratch_write("run.yaml", text, (size_t)length);
}

/* K(X[rows], X[columns]) as the command gives it; free(). */
static double *kernel_of(ptrdiff_t n1, const int64_t *rows, ptrdiff_t n2, const int64_t *columns)
{
    const ptrdiff_t one[2] = {n1, D}, two[2] = {n2, D}, shape[2] = {n1, n2};
    double *x = calloc((size_t)(n1 + n2) * D, sizeof(*x)), *z = x + n1 * D;

    for (ptrdiff_t i = 0; i < n1; i++) {
        memcpy(x + i * D, train_images + rows[i] * D, D * sizeof(*x));
    }
    for (ptrdiff_t i = 0; i < n2; i++) {
        memcpy(z + i * D, train_images + columns[i] * D, D * sizeof(*x));
    }
    write_reals("k1.npy", 2, one, x);
    write_reals("k2.npy", 2, two, z);
    free(x);
    if (advntk("kernel run.yaml k1.npy%s -o k.npy", rows == columns ? "" : " k2.npy") != 0) {
        printf("Bail out! %s\n", said);
        exit(1);
    }
    return values_of(scratch("k.npy"), 2, shape);
}

/* Runs the method; false if it failed. */
static bool fit(const char *method, ptrdiff_t weights, struct fitted *f)
{
    struct advntk__npz_reader *npz = NULL;
    struct advntk_error err = {0};
    char run[512], path[600];

    write_recipe(method);
    if (!ok(advntk("run run.yaml -q --results r") == 0, "%s: %s", method, said) ||
        !ok(only_run("r", sizeof(run), run), "and has a folder")) {
        return false;
    }
    snprintf(path, sizeof(path), "%s/predictor.npz", run);
    must(advntk__npz_open(path, &npz, &err), &err);
    must(advntk__npz_read(npz, "alpha", ADVNTK_FLOAT64, sizeof(f->alpha) / sizeof(double), f->alpha,
                          &err),
         &err);
    must(advntk__npz_read(npz, "train_index", ADVNTK_INT64, N, f->train, &err), &err);
    must(advntk__npz_read(npz, "validation_index", ADVNTK_INT64, V, f->validation, &err), &err);
    if (weights) {
        must(advntk__npz_read(npz, "weights", ADVNTK_FLOAT64, weights, f->weights, &err), &err);
    }
    advntk__npz_close(npz);
    f->gram = kernel_of(N, f->train, N, f->train);
    return f->gram && scratch_remove_folder("r");
}

static double target(const struct fitted *f, int i, int c)
{
    return train_labels[f->train[i]] == c;
}

/* a = K^-1 (1 - e^(-K Diag(speed))) y = h phi(h K h) h y with phi(x) = (1 - e^-x)/x, h =
 * speed^1/2. */
static void trained(const double *gram, const double *speed, const double *y, double *a)
{
    gsl_matrix *s = gsl_matrix_alloc(N, N), *u = gsl_matrix_alloc(N, N);
    gsl_vector *lambda = gsl_vector_alloc(N);
    gsl_eigen_symmv_workspace *work = gsl_eigen_symmv_alloc(N);

    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            gsl_matrix_set(s, (size_t)i, (size_t)j,
                           sqrt(speed[i]) * gram[i * N + j] * sqrt(speed[j]));
        }
        a[i] = 0;
    }
    gsl_eigen_symmv(s, lambda, u, work);
    for (size_t k = 0; k < N; k++) {
        double l = gsl_vector_get(lambda, k), along = 0;
        double factor = fabs(l) > 1e-12 ? -expm1(-l) / l : 1;
        for (size_t i = 0; i < N; i++) {
            along += gsl_matrix_get(u, i, k) * sqrt(speed[i]) * y[i];
        }
        for (size_t i = 0; i < N; i++) {
            a[i] += sqrt(speed[i]) * gsl_matrix_get(u, i, k) * factor * along;
        }
    }
    gsl_eigen_symmv_free(work);
    gsl_vector_free(lambda);
    gsl_matrix_free(s);
    gsl_matrix_free(u);
}

/* speed_of(i, c): how fast image i is trained in class c. 1e-9: the coefficients' own tolerance of
 * 1e-10, times what the largest of a class is above the whole's norm. */
static void is_trained(const struct fitted *f, const double *speed, bool per_class,
                       const char *what)
{
    static double want[N * C];
    double s[N], y[N], a[N];

    for (int c = 0; c < C; c++) {
        for (int i = 0; i < N; i++) {
            s[i] = per_class ? speed[i * C + c] : speed[i];
            y[i] = target(f, i, c);
        }
        trained(f->gram, s, y, a);
        for (int i = 0; i < N; i++) {
            want[i * C + c] = a[i];
        }
    }
    is_close(N * C, f->alpha, want, 1e-9, what);
}

static void test_ntk_ridge(void)
{
    static struct fitted f;
    double worst = 0;

    if (!fit("{plugin: ntk, ridge: 0.25}", 0, &f)) {
        return;
    }
    for (int i = 0; i < N; i++) {
        for (int c = 0; c < C; c++) {
            double sum = 0.25 * f.alpha[i * C + c] - target(&f, i, c);
            for (int j = 0; j < N; j++) {
                sum += f.gram[i * N + j] * f.alpha[j * C + c];
            }
            worst = fmax(worst, fabs(sum));
        }
    }
    /* rounding of a solve whose condition the ridge keeps below 1e4 */
    ok(worst < 1e-11, "(K + 0.25) alpha = Y, up to %.1e", worst);
    free(f.gram);
}

static void test_ntk_time(void)
{
    static struct fitted f;
    double speed[N];

    if (!fit("{plugin: ntk, time: 2.5}", 0, &f)) {
        return;
    }
    for (int i = 0; i < N; i++) {
        speed[i] = 2.5;
    }
    is_trained(&f, speed, false, "alpha at time 2.5");
    free(f.gram);
}

/* One step from w = 0 without an attack, all 150 validation images in one batch, two panels: f = 0
 * there, alpha' = Diag(w) Y, so that dL/dw_ic = -mean over the images of class c of K(x_i, v) where
 * i is of class c, and 0 elsewhere; per_sample sums over c. */
static void test_first_step(bool per_class)
{
    static struct fitted f;
    static double want[N * C];
    const int columns = per_class ? C : 1;
    double norm = 0, speed[N * C];
    double *k;

    if (!fit(per_class ? "{plugin: advntk, steps: 1, batch: 150, attack: none, weights: per_class, "
                         "optimizer: {plugin: gradnorm_sgd, rate: 0.3}}"
                       : "{plugin: advntk, steps: 1, batch: 150, attack: none, "
                         "optimizer: {plugin: gradnorm_sgd, rate: 0.3}}",
             N * columns, &f)) {
        return;
    }
    k = kernel_of(N, f.train, V, f.validation);
    memset(want, 0, sizeof(want));
    for (int i = 0; i < N; i++) {
        int64_t label = train_labels[f.train[i]];
        double *w = want + i * columns + (per_class ? label : 0);
        for (int v = 0; v < V; v++) {
            *w += train_labels[f.validation[v]] == label ? k[i * V + v] : 0;
        }
        norm = hypot(norm, *w);
    }
    for (int i = 0; i < N * columns; i++) {
        want[i] *= 0.3 / norm;
        speed[i] = fabs(f.weights[i]);
    }
    is_close((ptrdiff_t)N * columns, f.weights, want, 1e-12, "weights after a step from 0");
    is_trained(&f, speed, per_class, "alpha at these weights");
    free(k);
    free(f.gram);
}

/* Further steps, with an attack, from weights that are not 0: alpha belongs to the weights. */
static void test_steps(void)
{
    static struct fitted f;
    double speed[N * C];
    bool moved = false;

    if (!fit("{plugin: advntk, steps: 4, batch: 60, weights: per_class, initial: -0.2, "
             "optimizer: {plugin: adam, rate: 0.05}, "
             "attack: {plugin: pgd, norm: linf, radius: 0.1, steps: 3}}",
             N * C, &f)) {
        return;
    }
    for (int i = 0; i < N * C; i++) {
        speed[i] = fabs(f.weights[i]);
        moved = moved || fabs(speed[i] - 0.2) > 0.01;
    }
    ok(moved, "the weights moved");
    is_trained(&f, speed, true, "alpha after four steps, per class");
    free(f.gram);
}

static void test_batch(void)
{
    write_recipe("{plugin: advntk, steps: 1, batch: 151, attack: none}");
    ok(advntk("run run.yaml -q --results r") != 0 &&
           strstr(said, "method.batch is 151, but there are 150 validation images"),
       "a batch larger than the validation set: %s", said);
}

int main(void)
{
    scratch_make();
    make_images();
    test_ntk_ridge();
    test_ntk_time();
    test_first_step(false);
    test_first_step(true);
    test_steps();
    test_batch();
    ok(scratch_remove_folder(""), "tidied up");
    return done_testing();
}
