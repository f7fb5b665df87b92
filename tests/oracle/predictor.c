/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The infinite-width predictor as a model, against data/advntk (dense matrices, jax). */
#include "config.h"
#include "tap.h"

#include "engine.h"
#include "infinite/predictor.h"

enum { TRAIN = 60, TEST = 12, SIDE = 8, CHANNELS = 3, D = SIDE * SIDE * CHANNELS, CLASSES = 10 };

static const double shift[CHANNELS] = {0.5, 0.25, 0}, scale[CHANNELS] = {1, 2, 0.5};
static double *x, *x_test, *alpha, *labels, *gradient, *ntk_test, *points, *outputs;

/* A predictor over the training images, and what it stands on. */
struct world {
    struct advntk_host *host;
    struct advntk_graph *graph;
    struct advntk_slot relu;
    const struct advntk_kernel_ops *kernel;
    void *state, *train;
    struct advntk_predictor *predictor;
};

static void world_open(struct world *w, int threads, enum advntk_precision precision)
{
    struct advntk_error err = {0};
    struct advntk_kernel_setup kernel_setup = {NULL, SIDE, SIDE, CHANNELS, precision};
    struct advntk__predictor_setup setup = {.train = TRAIN,
                                            .classes = CLASSES,
                                            .height = SIDE,
                                            .width = SIDE,
                                            .channels = CHANNELS,
                                            .precision = precision,
                                            .shift = shift,
                                            .scale = scale};

    w->host = host_open(threads, -1);
    w->relu = slot_open("activation/relu");
    w->graph = mlp_graph(SIDE, SIDE, CHANNELS, 3, w->relu);
    w->kernel = plugin_open("kernel/ntk")->ops;
    kernel_setup.graph = w->graph;
    must(w->kernel->open(NULL, w->host, &kernel_setup, &w->state, &err), &err);
    must(w->kernel->points_new(w->state, TRAIN, &w->train, &err), &err);
    must(w->kernel->points_put(w->state, w->train, 0, TRAIN, x, &err), &err);
    setup.host = w->host;
    setup.kernel = w->kernel;
    setup.kernel_state = w->state;
    setup.train_points = w->train;
    must(advntk__predictor_make(&setup, &w->predictor, &err), &err);
    advntk_predictor_set(w->predictor, alpha);
}

static void world_close(struct world *w)
{
    advntk_predictor_free(w->predictor);
    w->kernel->points_free(w->state, w->train);
    w->kernel->close(w->state);
    advntk__graph_free(w->graph);
    slot_close(&w->relu);
    host_close(w->host);
}

/* Pixels that the model turns into `from`: from / scale + shift. */
static void to_pixels(ptrdiff_t n, const double *from, double *pixels)
{
    for (ptrdiff_t i = 0; i < n * D; i++) {
        pixels[i] = from[i] / scale[i % CHANNELS] + shift[i % CHANNELS];
    }
}

static struct advntk_images images(ptrdiff_t n, const double *pixels)
{
    return (struct advntk_images){n, SIDE, SIDE, CHANNELS, pixels, NULL, NULL};
}

/* Outputs, and the gradients of two cotangents (f - y and its double) at n images. */
static void run(struct world *w, ptrdiff_t n, const double *pixels, double *f, double *dx,
                double *pulled)
{
    const struct advntk_model_ops *ops = advntk_predictor_ops();
    struct advntk_error err = {0};
    struct advntk_images batch = images(n, pixels);
    struct advntk_tape *tape = NULL;
    double g[TEST * 2 * CLASSES], df[TEST * CLASSES];

    must(ops->forward(w->predictor, &batch, f, &tape, &err), &err);
    for (ptrdiff_t i = 0; i < n; i++) {
        for (ptrdiff_t c = 0; c < CLASSES; c++) {
            double r = f[i * CLASSES + c] - ((ptrdiff_t)labels[i] == c);
            g[(2 * i) * CLASSES + c] = df[i * CLASSES + c] = r;
            g[(2 * i + 1) * CLASSES + c] = 2 * r;
        }
    }
    must(ops->vjp(w->predictor, tape, 2, g, dx, &err), &err);
    must(advntk_predictor_pullback(w->predictor, tape, df, pulled, &err), &err);
    ops->tape_free(w->predictor, tape);
}

static void test_values(enum advntk_precision precision)
{
    /* float32: contracts.md: outputs right to about 5e-5; gradients lose the angle's root once more
     */
    bool narrow = precision == ADVNTK_PRECISION_FLOAT32;
    const char *in = narrow ? "float32" : "float64";
    struct world w;
    static double pixels[TEST * D], f[TEST * CLASSES], dx[TEST * 2 * D], pulled[TRAIN * CLASSES];
    static double one[TEST * D], two[TEST * D], want[TRAIN * CLASSES], scaled[TEST * D];
    char name[128];

    world_open(&w, 2, precision);
    to_pixels(TEST, points + 10 * TEST * D, pixels);
    run(&w, TEST, pixels, f, dx, pulled);
    snprintf(name, sizeof(name), "%s: outputs at the end of a PGD path", in);
    is_close(TEST * CLASSES, f, outputs, narrow ? 5e-5 : 1e-9, name);

    to_pixels(TEST, x_test, pixels);
    run(&w, TEST, pixels, f, dx, pulled);
    for (ptrdiff_t i = 0; i < TEST; i++) {
        for (ptrdiff_t c = 0; c < D; c++) {
            one[i * D + c] = dx[2 * i * D + c];
            two[i * D + c] = dx[(2 * i + 1) * D + c] / 2;
            scaled[i * D + c] = gradient[i * D + c] * scale[c % CHANNELS];
        }
    }
    snprintf(name, sizeof(name), "%s: input gradient of the squared loss", in);
    is_close(TEST * D, one, scaled, narrow ? 5e-4 : 1e-9, name);
    ok(memcmp(one, two, sizeof(one)) == 0, "%s: twice the cotangent, twice the gradient", in);

    memset(want, 0, sizeof(want));
    for (ptrdiff_t i = 0; i < TEST; i++) {
        for (ptrdiff_t j = 0; j < TRAIN; j++) {
            for (ptrdiff_t c = 0; c < CLASSES; c++) {
                want[j * CLASSES + c] +=
                    ntk_test[i * TRAIN + j] * (f[i * CLASSES + c] - ((ptrdiff_t)labels[i] == c));
            }
        }
    }
    snprintf(name, sizeof(name), "%s: gradient in the coefficients", in);
    is_close(TRAIN * CLASSES, pulled, want, narrow ? 2e-5 : 1e-9, name);
    world_close(&w);
}

static void test_bits(enum advntk_precision precision)
{
    const char *in = precision == ADVNTK_PRECISION_FLOAT32 ? "float32" : "float64";
    struct world one, two;
    static double pixels[TEST * D], f1[TEST * CLASSES], f2[TEST * CLASSES];
    static double dx1[TEST * 2 * D], dx2[TEST * 2 * D], p1[TRAIN * CLASSES], p2[TRAIN * CLASSES];

    world_open(&one, 1, precision);
    world_open(&two, 2, precision);
    to_pixels(TEST, x_test, pixels);
    run(&one, TEST, pixels, f1, dx1, p1);
    run(&two, TEST, pixels, f2, dx2, p2);
    ok(memcmp(f1, f2, sizeof(f1)) == 0, "%s: outputs: 1 and 2 threads, same bits", in);
    ok(memcmp(dx1, dx2, sizeof(dx1)) == 0, "%s: gradients: 1 and 2 threads, same bits", in);
    ok(memcmp(p1, p2, sizeof(p1)) == 0, "%s: pullback: 1 and 2 threads, same bits", in);
    run(&two, 5, pixels, f2, dx2, p2);
    ok(memcmp(f1, f2, 5 * CLASSES * sizeof(double)) == 0,
       "%s: outputs: same bits beside fewer rows", in);
    ok(memcmp(dx1, dx2, 5 * 2 * D * sizeof(double)) == 0,
       "%s: gradients: same bits beside fewer rows", in);
    for (ptrdiff_t i = 5 * D; i < TEST * D; i++) {
        pixels[i] = 0.1;
    }
    run(&two, TEST, pixels, f2, dx2, p2);
    ok(memcmp(f1, f2, 5 * CLASSES * sizeof(double)) == 0,
       "%s: outputs: same bits beside other rows", in);
    ok(memcmp(dx1, dx2, 5 * 2 * D * sizeof(double)) == 0,
       "%s: gradients: same bits beside other rows", in);
    world_close(&one);
    world_close(&two);
}

static void test_faults(void)
{
    struct world w;
    struct advntk_error err = {0};
    const struct advntk_model_ops *ops = advntk_predictor_ops();
    static double pixels[TEST * D], f[TEST * CLASSES], bad[TRAIN * CLASSES];
    struct advntk_images batch = images(2, pixels);

    world_open(&w, 2, ADVNTK_PRECISION_FLOAT64);
    batch.height = 4;
    ok(ops->forward(w.predictor, &batch, f, NULL, &err) == ADVNTK_ESHAPE,
       "other shapes are refused");
    is_text(err.text, "images are 4 x 8 x 3, the predictor's 8 x 8 x 3", "with both shapes");
    batch = images(2, pixels);
    pixels[D + 7] = (double)NAN;
    ok(ops->forward(w.predictor, &batch, f, NULL, &err) == ADVNTK_ENUMERIC,
       "a NaN pixel is refused");
    is_text(err.text, "image 1: value 7 is nan, expected a finite number", "with its place");
    pixels[D + 7] = 0;
    bad[3] = HUGE_VAL;
    advntk_predictor_set(w.predictor, bad);
    ok(ops->forward(w.predictor, &batch, f, NULL, &err) == ADVNTK_ENUMERIC,
       "an infinite output is refused");
    advntk_predictor_set(w.predictor, alpha);
    ok(ops->forward(w.predictor, &batch, f, NULL, &err) == ADVNTK_OK, "and then it goes on");
    batch.n = 0;
    ok(ops->forward(w.predictor, &batch, f, NULL, &err) == ADVNTK_OK, "no images at all");
    world_close(&w);
}

int main(void)
{
    ptrdiff_t count;

    x = array_read("advntk/x", &count);
    x_test = array_read("advntk/x_test", &count);
    alpha = array_read("advntk/attack_alpha", &count);
    labels = array_read("advntk/labels_test", &count);
    gradient = array_read("advntk/attack_input_gradient", &count);
    ntk_test = array_read("advntk/ntk_test", &count);
    points = array_read("advntk/pgd_linf_points", &count);
    outputs = array_read("advntk/pgd_linf_outputs", &count);
    for (int p = ADVNTK_PRECISION_FLOAT32; p <= ADVNTK_PRECISION_FLOAT64; p++) {
        test_values((enum advntk_precision)p);
        test_bits((enum advntk_precision)p);
    }
    test_faults();
    free(x);
    free(x_test);
    free(alpha);
    free(labels);
    free(gradient);
    free(ntk_test);
    free(points);
    free(outputs);
    return done_testing();
}
