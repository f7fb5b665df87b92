/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PGD on the program's own predictor against data/advntk; and the audit's tolerance, which must let
 * float32's rounding pass. */
#include "config.h"
#include "tap.h"

#include "attack/evaluate.h"
#include "engine.h"
#include "infinite/predictor.h"

enum { TRAIN = 60, TEST = 12, SIDE = 8, CHANNELS = 3, D = SIDE * SIDE * CHANNELS, CLASSES = 10 };

static double *x, *x_test, *alpha, *labels, *points;

/* A predictor whose gradients are a tenth too long. */
static advntk_status long_vjp(void *model, const struct advntk_tape *tape, ptrdiff_t m,
                              const double *g, double *dx, struct advntk_error *err)
{
    advntk_status rc = advntk_predictor_ops()->vjp(model, tape, m, g, dx, err);
    for (ptrdiff_t k = 0; k < TEST * m * D; k++) {
        dx[k] *= 1.1;
    }
    return rc;
}

/* 5 % are allowed, and what drowns in the rounding of float32 is no evidence: along the gradient
 * all show. */
static void attack(enum advntk_precision precision, double tolerance)
{
    static const double shift[CHANNELS] = {0, 0, 0}, scale[CHANNELS] = {1, 1, 1};
    static double lo[D], hi[D], point[TEST * D], outputs[TEST * CLASSES], loss[TEST],
        distance[TEST];
    bool clean_right[TEST], robust[TEST];
    int64_t spent[TEST], gradients[TEST], steps = 10;
    int32_t first[TEST], label[TEST];
    struct advntk_error err = {0};
    struct advntk_host *host = host_open(2, -1);
    struct advntk_slot relu = slot_open("activation/relu"), pgd = slot_open("attack/pgd");
    struct advntk_slot norm = slot_open("norm/linf"), mse = slot_open("loss/mse");
    struct advntk_graph *graph = mlp_graph(SIDE, SIDE, CHANNELS, 3, relu);
    const struct advntk_kernel_ops *kernel = plugin_open("kernel/ntk")->ops;
    struct advntk_kernel_setup kernel_setup = {graph, SIDE, SIDE, CHANNELS, precision};
    struct advntk__predictor_setup setup = {.host = host,
                                            .kernel = kernel,
                                            .train = TRAIN,
                                            .classes = CLASSES,
                                            .height = SIDE,
                                            .width = SIDE,
                                            .channels = CHANNELS,
                                            .precision = precision,
                                            .shift = shift,
                                            .scale = scale};
    struct advntk_attack_settings settings = {.norm = norm,
                                              .radius = 8.0 / 255,
                                              .restarts = 1,
                                              .loss = mse,
                                              .projection = ADVNTK_PROJECT_EXACT,
                                              .score = ADVNTK_SCORE_LAST};
    struct advntk__attack_result r = {.clean_right = clean_right,
                                      .robust = robust,
                                      .point = point,
                                      .outputs = outputs,
                                      .loss = loss,
                                      .distance = distance,
                                      .outputs_spent = spent,
                                      .gradients_spent = gradients,
                                      .first_success = first};
    struct advntk_images images = {TEST, SIDE, SIDE, CHANNELS, x_test, label, NULL};
    struct advntk__attack_target target = {.host = host,
                                           .ops = advntk_predictor_ops(),
                                           .classes = CLASSES,
                                           .box_lo = lo,
                                           .box_hi = hi};
    struct advntk__audit audit = {0};
    struct advntk_model_ops wrong;
    struct advntk_predictor *predictor = NULL;
    void *state, *train;
    double off = 0;

    for (int k = 0; k < D; k++) {
        lo[k] = -0.5;
        hi[k] = 0.5;
    }
    for (int i = 0; i < TEST; i++) {
        label[i] = (int32_t)labels[i];
    }
    must(kernel->open(NULL, host, &kernel_setup, &state, &err), &err);
    must(kernel->points_new(state, TRAIN, &train, &err), &err);
    must(kernel->points_put(state, train, 0, TRAIN, x, &err), &err);
    setup.kernel_state = state;
    setup.train_points = train;
    must(advntk__predictor_make(&setup, &predictor, &err), &err);
    advntk_predictor_set(predictor, alpha);
    target.model = predictor;
    slot_set(&pgd, "steps", &steps, sizeof(steps));
    slot_real(&pgd, "step", settings.radius / 5);
    pgd.host_config = &settings;
    must(advntk__attack_panel(&target, &pgd, &images, &r, &audit, &err), &err);
    /* float32 may take another sign where the gradient is near 0: count entries, not the largest
     * gap */
    for (int k = 0; k < TEST * D; k++) {
        off += fabs(point[k] - points[10 * TEST * D + k]) > 1e-9;
    }
    ok(off <= tolerance * TEST * D, "%s: share of pixels that end elsewhere: %.1e",
       precision == ADVNTK_PRECISION_FLOAT32 ? "float32" : "float64", off / (TEST * D));
    ok(audit.gradient_mismatch == 0 && audit.checked_gradients == 2 * TEST &&
           audit.worst_gradient_error < 0.02,
       "the audit finds its gradients right (worst error %.1e)", audit.worst_gradient_error);
    ok(audit.outside_ball == 0 && audit.outside_box == 0 && audit.zero_gradients == 0,
       "and nothing outside");
    wrong = *advntk_predictor_ops();
    wrong.vjp = long_vjp;
    target.ops = &wrong;
    audit = (struct advntk__audit){0};
    must(advntk__attack_panel(&target, &pgd, &images, &r, &audit, &err), &err);
    ok(audit.gradient_mismatch >= TEST,
       "gradients a tenth too long are found, in %d of %d directions", (int)audit.gradient_mismatch,
       2 * TEST);
    advntk_predictor_free(predictor);
    kernel->points_free(state, train);
    kernel->close(state);
    advntk__graph_free(graph);
    slot_close(&relu);
    slot_close(&pgd);
    slot_close(&norm);
    slot_close(&mse);
    host_close(host);
}

int main(void)
{
    ptrdiff_t count;
    x = array_read("advntk/x", &count);
    x_test = array_read("advntk/x_test", &count);
    alpha = array_read("advntk/attack_alpha", &count);
    labels = array_read("advntk/labels_test", &count);
    points = array_read("advntk/pgd_linf_points", &count);
    attack(ADVNTK_PRECISION_FLOAT64, 0);
    attack(ADVNTK_PRECISION_FLOAT32, 1e-2);
    free(x);
    free(x_test);
    free(alpha);
    free(labels);
    free(points);
    return done_testing();
}
