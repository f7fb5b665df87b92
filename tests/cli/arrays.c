/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The commands that read and write arrays. `kernel` against the values and gradients of
 * neural-tangents (tests/oracle/data/kernels), `predict` against k(x) alpha with the alpha of
 * predictor.npz and the values of `kernel`, and what they say to arrays that are wrong.
 */
#include "config.h"

#include "command.h"
#include "store/npz.h"

#include <unistd.h>

static const char kernels[] = TEST_DATA "/kernels";
static const char no_kernel[] = "advntk: 1\nmodel: {architecture: {plugin: mlp, depth: 3}}\n";

static const char model_only[] =
    "advntk: 1\nprecision: float64\nmodel: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}\n";
static const char small_run[] =
    "advntk: 1\nname: arrays\nseed: 3\nprecision: float64\n"
    "data: {dataset: digits, train: 150, validation: 60, test: 20, center: 0.5}\n"
    "model: {architecture: {plugin: mlp, depth: 3}, kernel: ntk}\n"
    "method: {plugin: advntk, steps: 2, batch: 30,\n"
    "         attack: {plugin: pgd, norm: linf, radius: 0.1, steps: 2}}\n";

/* A file that the program wrote against one of the oracle's. */
static void same_as_oracle(const char *got_name, const char *want_name, int rank,
                           const ptrdiff_t *shape, double tolerance)
{
    char path[1024];
    ptrdiff_t count = 1;
    double *got, *want;

    snprintf(path, sizeof(path), "%s/%s.npy", kernels, want_name);
    got = values_of(scratch(got_name), rank, shape);
    want = values_of(path, rank, shape);
    for (int i = 0; i < rank; i++) {
        count *= shape[i];
    }
    if (ok(got && want, "%s: has the shape of the oracle's", want_name)) {
        is_close(count, got, want, tolerance, want_name);
    }
    free(got);
    free(want);
}

/* 1e-9: what the oracle's own 64-bit arithmetic leaves of a value near 1 after three layers; the
 * gradient's factor 1/sqrt(1-c^2) makes it 1e-7. */
static void test_kernel(const char *kernel)
{
    const ptrdiff_t k_shape[2] = {6, 5}, self_shape[2] = {6, 6}, x_shape[4] = {6, 8, 8, 3};
    char name[64];

    ok(advntk("kernel model.yaml %s/x1.npy %s/x2.npy --kernel %s -o k.npy --gradient %s/g.npy -O "
              "d.npy",
              kernels, kernels, kernel, kernels) == 0,
       "kernel %s of two sets: %s", kernel, said);
    snprintf(name, sizeof(name), "mlp3-relu-%s", kernel);
    same_as_oracle("k.npy", name, 2, k_shape, 1e-9);
    snprintf(name, sizeof(name), "mlp3-relu-grad_%s", kernel);
    same_as_oracle("d.npy", name, 4, x_shape, 1e-7);
    ok(advntk("kernel model.yaml %s/x1.npy -o k.npy -s model.kernel=%s", kernels, kernel) == 0,
       "kernel %s of one set: %s", kernel, said);
    snprintf(name, sizeof(name), "mlp3-relu-%s_self", kernel);
    /* the oracle takes the diagonal from the product: an angle near 1e-8 that should be 0 */
    same_as_oracle("k.npy", name, 2, self_shape, 1e-7);
}

/* The same images as n x d: the network flattens them first, so the values stay; the gradient has
 * the input's shape. */
static void test_shapes(void)
{
    const ptrdiff_t four[4] = {6, 8, 8, 3}, three[3] = {6, 8, 24}, two[2] = {6, 192};
    const ptrdiff_t k_shape[2] = {6, 5}, x2_four[4] = {5, 8, 8, 3}, x2_three[3] = {5, 8, 24},
                    x2_two[2] = {5, 192};
    char path[1024];
    double *x1, *x2, *want, *got;

    snprintf(path, sizeof(path), "%s/x1.npy", kernels);
    x1 = values_of(path, 4, four);
    snprintf(path, sizeof(path), "%s/x2.npy", kernels);
    x2 = values_of(path, 4, x2_four);
    snprintf(path, sizeof(path), "%s/mlp3-relu-ntk.npy", kernels);
    want = values_of(path, 2, k_shape);
    if (ok(x1 && x2 && want, "the oracle's arrays")) {
        write_reals("flat1.npy", 2, two, x1);
        write_reals("flat2.npy", 2, x2_two, x2);
        write_reals("grey1.npy", 3, three, x1);
        write_reals("grey2.npy", 3, x2_three, x2);
        ok(advntk("kernel model.yaml flat1.npy flat2.npy -o k.npy --gradient %s/g.npy -O d.npy",
                  kernels) == 0,
           "n x d: %s", said);
        got = values_of(scratch("k.npy"), 2, k_shape);
        ok(got && !same_bits(got, want, sizeof(*got)), "n x d: values");
        is_close(30, got, want, 1e-9, "n x d: the same values");
        free(got);
        got = values_of(scratch("d.npy"), 2, two);
        ok(got != NULL, "n x d: a gradient of that shape");
        free(got);
        ok(advntk("kernel model.yaml grey1.npy grey2.npy --gradient %s/g.npy -O d.npy", kernels) ==
               0,
           "n x H x W, the gradient alone: %s", said);
        got = values_of(scratch("d.npy"), 3, three);
        ok(got != NULL, "n x H x W: a gradient of that shape");
        free(got);
    }
    free(x1);
    free(x2);
    free(want);
}

static void test_kernel_faults(void)
{
    const ptrdiff_t shape[2] = {2, 3}, one[1] = {6}, wide[2] = {2, 4}, none[2] = {0, 3};
    double x[8] = {0, 1, 2, 3, (double)NAN, 5, 6, 7}, fine[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct advntk_error err = {0};

    write_reals("nan.npy", 2, shape, x);
    x[4] = (double)INFINITY;
    write_reals("infinite.npy", 2, shape, x);
    write_reals("fine.npy", 2, shape, fine);
    write_reals("vector.npy", 1, one, fine);
    write_reals("wide.npy", 2, wide, fine);
    must(advntk_npy_write(scratch("none.npy"), ADVNTK_FLOAT64, 2, none, fine, &err), &err);
    scratch_write("text.npy", "words", 5);
    scratch_write("none.yaml", no_kernel, sizeof(no_kernel) - 1);
    is_told(advntk("kernel none.yaml fine.npy -o k.npy"), 1, "model.kernel: missing");
    ok(advntk("kernel none.yaml fine.npy -o k.npy --kernel ntk") == 0, "--kernel says which: %s",
       said);
    is_told(advntk("kernel model.yaml nan.npy -o k.npy"), 1,
            "nan.npy: value 1 of image 1 is nan, expected finite numbers");
    is_told(advntk("kernel model.yaml infinite.npy -o k.npy"), 1, "image 1 is inf");
    is_told(advntk("kernel model.yaml fine.npy nan.npy -o k.npy"), 1, "nan.npy: value 1");
    is_told(advntk("kernel model.yaml fine.npy -o k.npy --gradient nan.npy -O d.npy"), 1,
            "nan.npy: value 1");
    is_told(advntk("kernel model.yaml vector.npy -o k.npy"), 1,
            "vector.npy: 1 dimensions, expected n x H x W x C, n x H x W or n x d");
    is_told(advntk("kernel model.yaml none.npy -o k.npy"), 1, "none.npy: 0 images");
    is_told(advntk("kernel model.yaml fine.npy wide.npy -o k.npy"), 1,
            "wide.npy: images of 1 x 4 x 1, fine.npy has 1 x 3 x 1");
    is_told(advntk("kernel model.yaml fine.npy --gradient fine.npy -O d.npy"), 1,
            "fine.npy: 2 x 3 weights, expected 2 x 2");
    is_told(advntk("kernel model.yaml absent.npy -o k.npy"), 1, "absent.npy: ");
    is_told(advntk("kernel model.yaml text.npy -o k.npy"), 1, "text.npy: ");
    is_mistake(advntk("kernel absent.yaml fine.npy -o k.npy"), "absent.yaml: error: ");
    is_told(advntk("kernel model.yaml"), 2, "expected RECIPE X1.npy [X2.npy]");
    is_told(advntk("kernel model.yaml fine.npy"), 2, "expected -o K.npy");
    is_told(advntk("kernel model.yaml fine.npy -o k.npy --gradient fine.npy"), 2, "-O D.npy");
    is_mistake(advntk("kernel model.yaml fine.npy -o k.npy --kernel ntkk"), "did you mean 'ntk'");
    is_told(advntk("kernel model.yaml fine.npy -o absent/k.npy"), 1, "absent/k.npy");
    is_told(advntk("kernel model.yaml fine.npy -o . --kernel nngp"), 1, "it is a folder");
    is_told(advntk("kernel model.yaml fine.npy -o k.npy --gradient g.npy -O k.npy"), 2,
            "-o and -O are the same file");
}

/* Weights and outputs are looked at before the values are computed. */
static void test_kernel_order(void)
{
    unlink(scratch("k.npy"));
    is_told(advntk("kernel model.yaml fine.npy -o k.npy --gradient wide.npy -O d.npy"), 1,
            "2 x 4 weights");
    ok(access(scratch("k.npy"), F_OK) != 0,
       "wrong weights are told before the values are computed");
    is_told(advntk("kernel model.yaml fine.npy -o k.npy --gradient g.npy -O absent/d.npy"), 1,
            "absent/d.npy: cannot write");
    ok(access(scratch("k.npy"), F_OK) != 0, "and so is a folder that is not there");
}

/* Numbers that end as infinity or NaN are no result. */
static void test_kernel_overflow(void)
{
    const ptrdiff_t square[2] = {2, 2}, shape[2] = {2, 3};
    double g[4] = {1, 1, 1, 1}, x[6] = {1e15, -2e15, 3e15, 1e15, 2e15, -1e15};

    write_reals("g.npy", 2, square, g);
    write_reals("far.npy", 2, shape, x);
    is_told(advntk("kernel model.yaml far.npy --gradient g.npy -O d.npy -s precision=float32 -s "
                   "model.architecture.activation=rbf"),
            1, "too large for float32 on the way; use precision: float64");
    for (int i = 0; i < 6; i++) {
        x[i] *= 1e35;
    }
    write_reals("far.npy", 2, shape, x);
    is_told(advntk("kernel model.yaml far.npy -o k.npy -s precision=float32"), 1,
            "image 0: value 0 is 1e+50, too large for float32; use precision: float64");
    for (int i = 0; i < 6; i++) {
        x[i] *= 1e95;
    }
    write_reals("far.npy", 2, shape, x);
    is_told(advntk("kernel model.yaml far.npy -o k.npy -s model.architecture.activation=gelu"), 1,
            "(activation gelu): variance ");
    g[1] = 1e300;
    write_reals("huge.npy", 2, square, g);
    is_told(advntk("kernel model.yaml fine.npy --gradient huge.npy -O d.npy -s precision=float32"),
            1, "gradient: value 0 of image 0 is ");
}

/* A network on the command line is a long place: the layer is named behind its beginning. */
static void test_long_place(void)
{
    is_told(advntk("kernel model.yaml fine.npy -o k.npy -s 'model.architecture={plugin: custom, "
                   "layers: [flatten, {dense: {w_std: 1.5, b_std: 0.25}}, {activation: relu}, "
                   "{dense: {w_std: 1.5, b_std: 0.25}}, {activation: relu}, {dense: {w_std: 1.5, "
                   "b_std: 0.25}}, {activation: relu}, {activation: relu}, {dense: {}}]}'"),
            1, "...: layer 8 (activation relu): its input is not Gaussian");
}

/* pixels (n,64) of a part of the data set. */
static double *digits(enum advntk_part part, ptrdiff_t n, const int64_t *index)
{
    const struct advntk_dataset_ops *ops = plugin_open("dataset/digits")->ops;
    struct advntk_slot slot = slot_open("dataset/digits");
    struct advntk_dataset_info info;
    struct advntk_error err = {0};
    double *pixels = calloc((size_t)n * 64, sizeof(*pixels));
    int32_t *labels = calloc((size_t)n, sizeof(*labels));
    void *state = NULL;

    must(ops->open(slot.config, NULL, &state, &info, &err), &err);
    must(ops->read(state, part, n, index, pixels, labels, &err), &err);
    ops->close(state);
    slot_close(&slot);
    free(labels);
    return pixels;
}

enum { TRAIN = 150, TEST = 20, CLASSES = 10, D = 64 };

/* f(x) = sum_j k(x, X_j) alpha_j with the stored alpha: 150 terms of both signs in float64, 1e-11
 * of the largest output. */
static void compare_predictions(const char *run)
{
    const ptrdiff_t train[4] = {TRAIN, 8, 8, 1}, test[4] = {TEST, 8, 8, 1},
                    k_shape[2] = {TEST, TRAIN}, f_shape[2] = {TEST, CLASSES};
    static double alpha[TRAIN * CLASSES], want[TEST * CLASSES];
    static int64_t index[TRAIN], first[TEST];
    char path[600];
    struct advntk__npz_reader *npz = NULL;
    struct advntk_error err = {0};
    double *x, *z, *k = NULL, *f = NULL;

    snprintf(path, sizeof(path), "%s/predictor.npz", run);
    must(advntk__npz_open(path, &npz, &err), &err);
    must(advntk__npz_read(npz, "alpha", ADVNTK_FLOAT64, TRAIN * CLASSES, alpha, &err), &err);
    must(advntk__npz_read(npz, "train_index", ADVNTK_INT64, TRAIN, index, &err), &err);
    advntk__npz_close(npz);
    for (int i = 0; i < TEST; i++) {
        first[i] = i;
    }
    x = digits(ADVNTK_TRAIN, TRAIN, index);
    z = digits(ADVNTK_TEST, TEST, first);
    write_reals("z.npy", 4, test, z);
    ok(advntk("predict %s z.npy -o f.npy", run) == 0, "predict: %s", said);
    for (int i = 0; i < TRAIN * D; i++) {
        x[i] -= 0.5;
    }
    for (int i = 0; i < TEST * D; i++) {
        z[i] -= 0.5;
    }
    write_reals("x.npy", 4, train, x);
    write_reals("centred.npy", 4, test, z);
    ok(advntk("kernel model.yaml centred.npy x.npy -o k.npy") == 0, "kernel of test with training");
    k = values_of(scratch("k.npy"), 2, k_shape);
    f = values_of(scratch("f.npy"), 2, f_shape);
    for (int i = 0; k && i < TEST; i++) {
        for (int j = 0; j < TRAIN; j++) {
            for (int c = 0; c < CLASSES; c++) {
                want[i * CLASSES + c] += k[i * TRAIN + j] * alpha[j * CLASSES + c];
            }
        }
    }
    if (ok(k && f, "both with their shapes")) {
        is_close(TEST * CLASSES, f, want, 1e-11, "predict is k(x) alpha");
    }
    free(x);
    free(z);
    free(k);
    free(f);
}

/* What a user needs to predict without this program. */
static void numpy_opens(const char *run)
{
    char program[2000];
    bool there;
    bool good;

    snprintf(program, sizeof(program),
             "import numpy\n"
             "z = numpy.load('%s/predictor.npz')\n"
             "assert z['alpha'].shape == (150, 10) and z['alpha'].dtype == numpy.float64\n"
             "assert z['train_index'].shape == (150,) and z['train_labels'].shape == (150,)\n"
             "images = z['train_index'].tolist() + z['validation_index'].tolist()\n"
             "assert len(set(images)) == len(images) > 150\n"
             "assert z['train_labels'].min() >= 0 and z['train_labels'].max() <= 9\n"
             "graph = z['graph'].tobytes().decode()\n"
             "assert graph.count('dense') == 3 and graph.count('relu') == 2\n"
             "assert 'w_std: 1.76' in z['model'].tobytes().decode()\n"
             "assert z['pixel_shift'].tolist() == [0.5] and z['pixel_scale'].tolist() == [1]\n"
             "assert z['pixel_box'].tolist() == [0, 1]\n"
             "assert z['height_width_channels_classes'].tolist() == [8, 8, 1, 10]\n"
             "assert z['data_digest'].shape == (16,) and z['graph_digest'].shape == (16,)\n"
             "assert z['weights'].shape == (150,)\n",
             run);
    good = scratch_numpy(program, &there);
    if (there) {
        ok(good, "numpy opens predictor.npz");
    } else {
        skip("numpy opens predictor.npz", "no numpy here");
    }
}

static void test_predict(void)
{
    const ptrdiff_t shape[4] = {20, 4, 16, 1}, flat[2] = {20, 64}, small[2] = {2, 3};
    const double few[6] = {0};
    double *other, *first;
    char run[512];

    ok(advntk("run run.yaml -q --results r") == 0, "a small run: %s", said);
    ok(advntk("runs --results r --format json") == 0, "is listed");
    if (!ok(only_run("r", sizeof(run), run), "and has a folder")) {
        return;
    }
    compare_predictions(run);
    numpy_opens(run);

    first = values_of(scratch("z.npy"), 4, (ptrdiff_t[4]){20, 8, 8, 1});
    write_reals("turned.npy", 4, shape, first);
    write_reals("flat.npy", 2, flat, first);
    write_reals("small.npy", 2, small, few);
    free(first);
    first = values_of(scratch("f.npy"), 2, (ptrdiff_t[2]){20, 10});
    ok(advntk("predict %s flat.npy -o f2.npy", run) == 0, "predict takes n x d: %s", said);
    other = values_of(scratch("f2.npy"), 2, (ptrdiff_t[2]){20, 10});
    ok(same_bits(first, other, 200 * sizeof(*first)), "and says the same");
    free(first);
    free(other);
    is_told(advntk("predict %s turned.npy -o f.npy", run), 1,
            "turned.npy: images of 4 x 16 x 1, expected 8 x 8 x 1");
    is_told(advntk("predict %s small.npy -o f.npy", run), 1, "small.npy: images of 3 values");
    is_told(advntk("predict %s nan.npy -o f.npy", run), 1, "nan.npy: value 1 of image 1 is nan");
    is_told(advntk("predict %s absent.npy -o f.npy", run), 1, "absent.npy");
    is_told(advntk("predict %s", run), 2, "expected RUN X.npy");
    is_told(advntk("predict 0000 z.npy -o f.npy --results r"), 1, "no run '0000' in r/runs");
    is_told(advntk("predict 0000 z.npy -o f.npy --results nowhere"), 1, "no run '0000'");
}

int main(void)
{
    scratch_make();
    scratch_write("model.yaml", model_only, sizeof(model_only) - 1);
    scratch_write("run.yaml", small_run, sizeof(small_run) - 1);
    test_kernel("ntk");
    test_kernel("nngp");
    test_shapes();
    test_kernel_faults();
    test_kernel_overflow();
    test_kernel_order();
    test_long_place();
    test_predict();
    ok(scratch_remove_folder(""), "tidied up");
    return done_testing();
}
