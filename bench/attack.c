/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PGD-10 on 1,000 images of 32x32x3 pixels against the NTK of a relu MLP of depth 3, float32,
 * through the attack host: beside the matrix products that it contains, and what of its time is the
 * host's own: usage: attack [n [threads [images]]], n: training images. They are CIFAR-10's where
 * ADVNTK_DATA has its files, else waves of the same size. The model is wrapped by one that looks at
 * the clock and counts rows. Half of the products are measured before the attack and half after it;
 * with one thread all is in that thread's processor time.
 */
#include "config.h"

#include "tap.h"

#include "../bench/row.h"

#include "attack/evaluate.h"
#include "engine.h"
#include "infinite/predictor.h"
#include "plugin.h"

enum { D = 32 * 32 * 3, C = 10, COLUMNS = 512, RECORD = D + 1, MOST_IMAGES = 1024 };

static int threads;

static double now(void)
{
    return seconds_of(threads);
}

/* A model that says how long another one takes. */
struct clocked {
    struct advntk_predictor *model;
    double seconds;
    int forwards[ADVNTK_PANEL + 1], vjps[ADVNTK_PANEL + 1]; /* by rows */
    ptrdiff_t rows;                                         /* of the last forward pass */
};

static advntk_status clocked_forward(void *model, const struct advntk_images *x, double *f,
                                     struct advntk_tape **tape, struct advntk_error *err)
{
    struct clocked *c = model;
    double start = now();
    advntk_status rc = advntk_predictor_ops()->forward(c->model, x, f, tape, err);

    c->seconds += now() - start;
    c->rows = x->n;
    c->forwards[x->n]++;
    return rc;
}

static advntk_status clocked_vjp(void *model, const struct advntk_tape *tape, ptrdiff_t m,
                                 const double *g, double *dx, struct advntk_error *err)
{
    struct clocked *c = model;
    double start = now();
    advntk_status rc = advntk_predictor_ops()->vjp(c->model, tape, m, g, dx, err);

    c->seconds += now() - start;
    c->vjps[c->rows]++;
    return rc;
}

static void clocked_tape_free(void *model, struct advntk_tape *tape)
{
    struct clocked *c = model;
    advntk_predictor_ops()->tape_free(c->model, tape);
}

static const struct advntk_model_ops clocked_ops = {
    .forward = clocked_forward, .vjp = clocked_vjp, .tape_free = clocked_tape_free};

/* ---- the products alone ---- */

struct products {
    struct advntk_host *host;
    ptrdiff_t n;
    float *x, *k, *weights; /* n,D; 128,n; n,C */
    double *wide, *alpha;   /* 128,COLUMNS; n,C */
    ptrdiff_t rows;         /* of the panel */
};

/* One block of training images forward: kernel's product and outputs; or back: cotangents, then
 * (blocks of pixels) the gradient. Cut as the predictor and the engine cut them. */
static advntk_status forward_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                   struct advntk_error *err)
{
    struct products *p = context;
    const struct advntk_backend_ops *blas = p->host->backend;
    ptrdiff_t at = index * COLUMNS, n = p->n - at < COLUMNS ? p->n - at : COLUMNS;
    double *f = advntk_arena_get(arena, (ptrdiff_t)ADVNTK_PANEL * C, sizeof(*f));

    (void)err;
    blas->gemm32(p->host->backend_state, false, true, p->rows, n, D, 1, p->x, D, p->x + at * D, D,
                 0, p->k + at, p->n);
    blas->gemm64(p->host->backend_state, false, false, p->rows, C, n, 1, p->wide, COLUMNS,
                 p->alpha + at * C, C, 0, f, C);
    return ADVNTK_OK;
}

static advntk_status cotangent_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                     struct advntk_error *err)
{
    struct products *p = context;
    const struct advntk_backend_ops *blas = p->host->backend;
    ptrdiff_t at = index * COLUMNS, n = p->n - at < COLUMNS ? p->n - at : COLUMNS;

    (void)arena;
    (void)err;
    blas->gemm32(p->host->backend_state, false, true, p->rows, n, C, 1, p->weights, C,
                 p->weights + at * C, C, 0, p->k + at, p->n);
    return ADVNTK_OK;
}

static advntk_status gradient_block(void *context, ptrdiff_t index, struct advntk_arena *arena,
                                    struct advntk_error *err)
{
    struct products *p = context;
    const struct advntk_backend_ops *blas = p->host->backend;
    float *out = advntk_arena_get(arena, (ptrdiff_t)ADVNTK_PANEL * COLUMNS, sizeof(*out));

    (void)err;
    blas->gemm32(p->host->backend_state, false, false, p->rows, COLUMNS, p->n, 1, p->k, p->n,
                 p->x + index * COLUMNS, D, 0, out, COLUMNS);
    return ADVNTK_OK;
}

/* The products of the model's calls, every second one: the even ones or the odd ones. */
static double time_products(struct products *p, const struct clocked *model, int parity)
{
    struct advntk_error err = {0};
    ptrdiff_t blocks = (p->n + COLUMNS - 1) / COLUMNS;
    double start = now();

    for (ptrdiff_t rows = 1; rows <= ADVNTK_PANEL; rows++) {
        p->rows = rows;
        for (int i = parity; i < model->forwards[rows]; i += 2) {
            must(advntk_parallel_for(p->host, blocks, forward_block, p, &err), &err);
        }
        for (int i = parity; i < model->vjps[rows]; i += 2) {
            must(advntk_parallel_for(p->host, blocks, cotangent_block, p, &err), &err);
            must(advntk_parallel_for(p->host, D / COLUMNS, gradient_block, p, &err), &err);
        }
    }
    return now() - start;
}

/* ---- the attack ---- */

static double time_attack(struct advntk_host *host, struct clocked *model, ptrdiff_t count,
                          const double *pixels, const int32_t *labels,
                          const struct advntk_slot *attack)
{
    static double lo[D], hi[D];
    static bool robust[MOST_IMAGES];
    const struct advntk_images images = {
        .n = count, .height = 32, .width = 32, .channels = 3, .pixels = pixels, .labels = labels};
    struct advntk__attack_target target = {.host = host,
                                           .model = model,
                                           .ops = &clocked_ops,
                                           .classes = C,
                                           .box_lo = lo,
                                           .box_hi = hi};
    struct advntk__attack_result result = {.robust = robust};
    struct advntk_error err = {0};
    double start;

    for (int k = 0; k < D; k++) {
        hi[k] = 1;
    }
    start = now();
    must(advntk__attack_panel(&target, attack, &images, &result, NULL, &err), &err);
    return now() - start;
}

/* What the attack on so many images will call: the clean images, then the start and ten steps, of
 * which all but the last with gradients. */
static void expect_calls(struct clocked *model, ptrdiff_t count)
{
    for (ptrdiff_t at = 0; at < count; at += ADVNTK_PANEL) {
        ptrdiff_t rows = count - at < ADVNTK_PANEL ? count - at : ADVNTK_PANEL;
        model->forwards[rows] += 12;
        model->vjps[rows] += 10;
    }
}

static void run(struct advntk_host *host, struct products *p, struct advntk_predictor *predictor,
                ptrdiff_t count, const double *pixels, const int32_t *labels, const char *source)
{
    struct advntk_slot attack = slot_open("attack/pgd"), norm = slot_open("norm/linf"),
                       loss = slot_open("loss/mse");
    const struct advntk_attack_settings settings = {.norm = norm,
                                                    .radius = 8.0 / 255,
                                                    .restarts = 1,
                                                    .loss = loss,
                                                    .random_start = true,
                                                    .target_classes = 9};
    struct clocked model = {.model = predictor}, expected = {.model = predictor};
    int forwards = 0, vjps = 0;
    double took, products;
    char work[160];

    attack.host_config = &settings;
    expect_calls(&expected, count);
    products = time_products(p, &expected, 0);
    took = time_attack(host, &model, count, pixels, labels, &attack);
    products += time_products(p, &expected, 1);
    for (ptrdiff_t rows = 0; rows <= ADVNTK_PANEL; rows++) {
        if (model.forwards[rows] != expected.forwards[rows] ||
            model.vjps[rows] != expected.vjps[rows]) {
            fprintf(stderr, "attack: %d forward and %d back of %td rows, expected %d and %d\n",
                    model.forwards[rows], model.vjps[rows], rows, expected.forwards[rows],
                    expected.vjps[rows]);
            exit(1);
        }
        forwards += model.forwards[rows];
        vjps += model.vjps[rows];
    }
    snprintf(work, sizeof(work),
             "PGD-10 on %td images of %s, relu MLP-3, n %td (%d panels forward, %d back)", count,
             source, p->n, forwards, vjps);
    row("pgd10", work, "s", took, "its matrix products alone", products, "<= 1.3");
    row("pgd10-host", "... the attack host's own share", "s", took - model.seconds, "all of it",
        took, "<= 0.03");
    slot_close(&attack);
    slot_close(&norm);
    slot_close(&loss);
}

/* ---- images ---- */

/* CIFAR-10 as its binary files have it: a label, then three planes. false: not there. */
static bool read_cifar10(const char *name, ptrdiff_t count, double *pixels, int32_t *labels)
{
    const char *data = getenv("ADVNTK_DATA");
    unsigned char record[RECORD];
    char path[1000];
    FILE *file;
    ptrdiff_t read = 0;

    snprintf(path, sizeof(path), "%s/cifar10/%s", data ? data : "", name);
    file = data ? fopen(path, "rb") : NULL;
    while (file && read < count && fread(record, 1, RECORD, file) == RECORD) {
        for (int k = 0; k < D; k++) {
            const int plane = k % 3, place = k / 3;
            pixels[read * D + k] = record[1 + plane * 1024 + place] / 255.0;
        }
        labels[read++] = record[0];
    }
    if (file) {
        fclose(file);
    }
    return read == count;
}

/* Correlated, as images are. */
static void make_waves(ptrdiff_t count, double *pixels, int32_t *labels)
{
    for (ptrdiff_t i = 0; i < count * D; i++) {
        pixels[i] = 0.5 + 0.3 * sin(12.9898 * (double)i);
        labels[i / D] = (int32_t)(i / D % C);
    }
}

int main(int argc, char **argv)
{
    ptrdiff_t n = argc > 1 ? (ptrdiff_t)strtol(argv[1], NULL, 10) : 10000;
    const double shift[3] = {0.5, 0.5, 0.5}, scale[3] = {1, 1, 1};
    struct advntk_error err = {0};
    struct advntk_slot relu = slot_open("activation/relu");
    struct advntk_graph *graph = mlp_graph(32, 32, 3, 3, relu);
    const struct advntk_kernel_ops *ops = plugin_open("kernel/ntk")->ops;
    struct advntk_kernel_setup setup = {graph, 32, 32, 3, ADVNTK_PRECISION_FLOAT32};
    struct products p = {.n = n};
    struct advntk_predictor *predictor;
    struct advntk__predictor_setup made;
    const char *source = "CIFAR-10";
    int32_t *labels;
    double *pixels, *tested;
    ptrdiff_t count;
    void *state, *points;

    threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1;
    count = argc > 3 ? (ptrdiff_t)strtol(argv[3], NULL, 10) : 1000;
    if (n < ADVNTK_PANEL || threads < 1 || count < 1 || count > MOST_IMAGES) {
        fprintf(stderr, "usage: attack [n >= 128 [threads >= 1 [images <= %d]]]\n", MOST_IMAGES);
        return 2;
    }
    p.host = host_open(threads, -1);
    pixels = test_reals(n * D);
    tested = test_reals(count * D);
    labels = advntk_alloc_zero(n > count ? n : count, sizeof(int32_t));
    p.x = advntk_alloc_zero(n * D, sizeof(float));
    p.k = advntk_alloc_zero(ADVNTK_PANEL * n, sizeof(float));
    p.weights = advntk_alloc_zero(n * C, sizeof(float));
    p.wide = test_reals((ptrdiff_t)ADVNTK_PANEL * COLUMNS);
    p.alpha = test_reals(n * C);
    if (!read_cifar10("data_batch_1.bin", n, pixels, labels) ||
        !read_cifar10("test_batch.bin", count, tested, labels)) {
        source = "waves";
        make_waves(n, pixels, labels);
        make_waves(count, tested, labels);
    }
    for (ptrdiff_t i = 0; i < n * D; i++) {
        p.x[i] = (float)(pixels[i] - 0.5);
    }
    test_normal(3, n * C, p.alpha);
    for (ptrdiff_t i = 0; i < n * C; i++) {
        p.weights[i] = (float)p.alpha[i];
    }
    must(ops->open(NULL, p.host, &setup, &state, &err), &err);
    must(ops->points_new(state, n, &points, &err), &err);
    made = (struct advntk__predictor_setup){.host = p.host,
                                            .kernel = ops,
                                            .kernel_state = state,
                                            .train_points = points,
                                            .train = n,
                                            .classes = C,
                                            .height = 32,
                                            .width = 32,
                                            .channels = 3,
                                            .precision = ADVNTK_PRECISION_FLOAT32,
                                            .shift = shift,
                                            .scale = scale};
    must(advntk__predictor_make(&made, &predictor, &err), &err);
    {
        double *centred = test_reals(n * D);
        for (ptrdiff_t i = 0; i < n * D; i++) {
            centred[i] = pixels[i] - 0.5;
        }
        must(ops->points_put(state, points, 0, n, centred, &err), &err);
        advntk_free(centred);
    }
    advntk_predictor_set(predictor, p.alpha);
    run(p.host, &p, predictor, count, tested, labels, source);
    advntk_predictor_free(predictor);
    ops->points_free(state, points);
    ops->close(state);
    advntk__graph_free(graph);
    advntk_free(pixels);
    advntk_free(tested);
    advntk_free(labels);
    advntk_free(p.x);
    advntk_free(p.k);
    advntk_free(p.weights);
    advntk_free(p.wide);
    advntk_free(p.alpha);
    slot_close(&relu);
    host_close(p.host);
    return 0;
}
