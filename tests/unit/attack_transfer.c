/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Points found against one model and stored, tried on another: each image gets its own, in any
 * order. */
#include "config.h"
#include "tap.h"

#include "attack/panel.h"
#include "attack_world.h"
#include "scratch.h"
#include "store/npz.h"

enum { N = 30, D = 20, C = 4 };
static struct advntk_host *host;
static struct toy source, target_model;
static struct world_images images;
static struct world_slot attack, norm, loss;
static struct world_result result;
static struct advntk_error error;
static char points_path[300], index_path[300];

static advntk_status run(struct toy *model)
{
    struct advntk__attack_target target = world_target(host, model);
    return advntk__attack_panel(&target, &attack.slot, &images.x, result_init(&result), NULL,
                                &error);
}

static void must(advntk_status rc)
{
    if (rc != ADVNTK_OK) {
        printf("Bail out! %s\n", error.text);
        exit(1);
    }
}

static void set_attack(const char *path)
{
    slot_init(&attack, test_plugin(path));
    attack.settings.norm = norm.slot;
    attack.settings.loss = loss.slot;
    attack.settings.radius = 0.06;
    attack.settings.early_stop = false;
}

static void set_path(const char *name, const char *path)
{
    const struct advntk_param *row = param_find(attack.slot.plugin->params, name);
    *(const char **)(void *)(attack.config.bytes + row->offset) = path;
}

static void set_transfer(bool indexed)
{
    set_attack(PLUGINS "/attack/transfer.so");
    set_path("points", points_path);
    set_path("index", indexed ? index_path : NULL);
}

/* Two points an image, the second one useless; the file begins with the last image. */
static double stored[2 * N * D];
static int64_t stored_index[2 * N];

static void store(void)
{
    const ptrdiff_t shape[4] = {2 * N, 1, D, 1}, count = 2 * N;

    for (ptrdiff_t k = 0; k < N; k++) {
        ptrdiff_t i = N - 1 - k;
        memcpy(stored + 2 * k * D, result.point + i * D, D * sizeof(double));
        memcpy(stored + (2 * k + 1) * D, images.pixels + i * D, D * sizeof(double));
        stored_index[2 * k] = stored_index[2 * k + 1] = images.index[i];
    }
    must(advntk_npy_write(points_path, ADVNTK_FLOAT64, 4, shape, stored, &error));
    must(advntk_npy_write(index_path, ADVNTK_INT64, 1, &count, stored_index, &error));
}

static void test_points(void)
{
    static double f[N * C];
    struct advntk_images there = images.x;
    int wrong = 0, fell = 0, spent = 0;

    there.pixels = result.point;
    set_attack(PLUGINS "/attack/pgd.so");
    must(run(&source));
    store();
    (void)!toy_forward(&target_model, &there, f, NULL, &error);
    set_transfer(true);
    must(run(&target_model));
    for (ptrdiff_t i = 0; i < N; i++) {
        bool fools = advntk__attack_predict(C, f + i * C) != images.labels[i];
        wrong += result.robust[i] != (result.clean_right[i] && !fools);
        fell += result.clean_right[i] && fools;
        spent += result.outputs_spent[i] == 3 && result.gradients_spent[i] == 0;
        for (ptrdiff_t k = i * D; fools && result.clean_right[i] && k < (i + 1) * D; k++) {
            /* projected once more, to rounding */
            wrong += fabs(result.point[k] - stored[2 * (N - 1 - i) * D + k - i * D]) > 1e-15;
        }
    }
    ok(wrong == 0 && fell > 2,
       "who stands is as the second model says of the points (%d of %d fell)", fell, N);
    ok(spent == N, "the clean image and two points: three outputs, no gradient");
}

static void test_refusals(void)
{
    const ptrdiff_t flat[2] = {N * D, 2}, few = 3;

    set_transfer(false);
    ok(run(&target_model) == ADVNTK_ENOTFOUND && strstr(error.text, "no point for image 1000"),
       "without index: %s", error.text);
    set_transfer(true);
    images.index[4] = 5;
    ok(run(&target_model) == ADVNTK_ENOTFOUND && strstr(error.text, "no point for image 5"),
       "an image without a point: %s", error.text);
    must(advntk_npy_write(index_path, ADVNTK_INT64, 1, &few, stored_index, &error));
    ok(run(&target_model) == ADVNTK_ESHAPE && strstr(error.text, "expected one for each of 60"),
       "a short index: %s", error.text);
    must(advntk_npy_write(points_path, ADVNTK_FLOAT64, 2, flat, stored, &error));
    ok(run(&target_model) == ADVNTK_ESHAPE && strstr(error.text, "a point has 2 values"),
       "points of another size: %s", error.text);
    set_path("points", "missing.npy");
    ok(run(&target_model) == ADVNTK_EIO && strstr(error.text, "missing.npy"), "no file: %s",
       error.text);
}

/* As keep: true and the command attack leave it; `clean` and `labels` where wanted. */
static const char *write_archive(const double *points, const int64_t *index, bool clean,
                                 const int32_t *labels)
{
    const ptrdiff_t shape[4] = {N, 1, D, 1}, count = N;
    struct advntk__npz_writer *w = NULL;
    static char path[300];

    snprintf(path, sizeof(path), "%s", scratch("adversarial.npz"));
    must(advntk__npz_create(path, &w, &error));
    must(advntk__npz_add(w, "adversarial", ADVNTK_FLOAT64, 4, shape, points, &error));
    if (index) {
        must(advntk__npz_add(w, "index", ADVNTK_INT64, 1, &count, index, &error));
    }
    if (labels) {
        must(advntk__npz_add(w, "labels", ADVNTK_INT32, 1, &count, labels, &error));
    }
    if (clean) {
        must(advntk__npz_add(w, "clean", ADVNTK_FLOAT64, 4, shape, images.pixels, &error));
    }
    must(advntk__npz_finish(w, &error));
    return path;
}

static bool same_bits(const void *a, const void *b, size_t bytes)
{
    return memcmp(a, b, bytes) == 0;
}

static void test_archive(void)
{
    static double points[N * D];
    static struct world_result by_hand;
    int64_t swapped[N];
    int32_t labels[N];

    set_attack(PLUGINS "/attack/pgd.so");
    must(run(&source));
    memcpy(points, result.point, sizeof(points));
    set_transfer(false);
    set_path("points", write_archive(points, images.index, true, images.labels));
    must(run(&target_model));
    by_hand = result;
    set_path("points", write_archive(points, images.index, false, NULL));
    must(run(&target_model));
    ok(same_bits(by_hand.point, result.point, sizeof(result.point)) &&
           same_bits(by_hand.robust, result.robust, sizeof(result.robust)),
       "points of an archive, with or without labels and clean images");
    for (ptrdiff_t i = 0; i < N; i++) {
        swapped[i] = images.index[i ^ 1];
        labels[i] = (images.labels[i] + 1) % C;
    }
    set_path("points", write_archive(points, swapped, true, NULL));
    ok(run(&target_model) == ADVNTK_EINVALID && strstr(error.text, "of other images"),
       "numbers of other images: %s", error.text);
    set_path("points", write_archive(points, images.index, false, labels));
    ok(run(&target_model) == ADVNTK_EINVALID && strstr(error.text, "of other images"),
       "other labels: %s", error.text);
    set_path("points", write_archive(points, NULL, false, NULL));
    ok(run(&target_model) == ADVNTK_ENOTFOUND, "no numbers: %s", error.text);
}

int main(void)
{
    must(advntk__host_new(1, &host, &error));
    scratch_make();
    snprintf(points_path, sizeof(points_path), "%s", scratch("points.npy"));
    snprintf(index_path, sizeof(index_path), "%s", scratch("index.npy"));
    box_reset();
    slot_init(&norm, test_plugin(PLUGINS "/norm/linf.so"));
    slot_init(&loss, test_plugin(PLUGINS "/loss/margin.so"));
    toy_make(&source, D, C, 0.3, 8);
    target_model = source; /* a like model: all weights a little off */
    for (ptrdiff_t k = 0; k < C * D; k++) {
        target_model.c[k] += 0.05 * sin((double)k);
    }
    images_make(&images, &source, N, 0, 2);
    test_points();
    test_archive();
    test_refusals();
    scratch_remove();
    advntk__host_free(host);
    return done_testing();
}
