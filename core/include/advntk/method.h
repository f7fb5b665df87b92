/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kind method: fits a model, step by step. The runner owns the loop: progress, a checkpoint after each
 * step, evaluation every k steps, the end. What a method needs of the run (images, labels, kernel
 * matrix, predictor, attacks inside training) the host gives it through the functions here.
 */
#ifndef ADVNTK_METHOD_H
#define ADVNTK_METHOD_H

#include <advntk/dataset.h>
#include <advntk/host.h>
#include <advntk/kernel.h>
#include <advntk/linear.h>
#include <advntk/model.h>
#include <advntk/param.h>
#include <advntk/state.h>
#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct advntk_problem;
struct advntk_method_ops {
    bool needs_kernel, needs_validation; /* what the recipe must have */
    advntk_status (*open)(const void *config, struct advntk_host *host, void **state, struct advntk_error *err);
    /* One step, number 0, 1, ...; *finished: this was the last. Reports with advntk_metric. */
    advntk_status (*step)(void *state, ptrdiff_t step, bool *finished, struct advntk_error *err);
    /* Steps in all, for progress; -1: unknown. */
    ptrdiff_t (*steps)(const void *config);
    /* The model as it stands after the last step; borrowed, valid until the next step or close. */
    advntk_status (*model)(void *state, void **model, const struct advntk_model_ops **ops, struct advntk_error *err);
    /* Everything the next step depends on; after load the run goes on to the same bits. */
    advntk_status (*save)(const void *state, struct advntk_writer *w, struct advntk_error *err);
    advntk_status (*load)(void *state, struct advntk_reader *r, struct advntk_error *err);
    void (*close)(void *state);
    /* The finished model for predictor.npz, and back, without training. *model is freed with model_free. */
    advntk_status (*export_model)(void *state, struct advntk_writer *w, struct advntk_error *err);
    advntk_status (*import_model)(const void *config, struct advntk_host *host, struct advntk_reader *r, void **model, const struct advntk_model_ops **ops, struct advntk_error *err);
    void (*model_free)(void *model);
    /* Bytes that training takes beside kernel matrix, images and predictor, before anything is computed: a
     * factor, Krylov vectors. What is too much is refused with the numbers. NULL: nothing worth counting. */
    int64_t (*memory)(const void *config, const struct advntk_problem *problem);
    /* Since 1.1. Whether training asks for a Cholesky factor (advntk_factor_new) of the kernel matrix, and with which
     * ridge: plan sees then if it is kept from before. NULL: as if it were never kept. */
    bool (*factors)(const void *config, double *ridge);
    /* Since 1.1. What of the settings does not suit the images (a batch that is larger than the set it is drawn
     * from), asked of every run before anything is computed: check, plan and run say it then. NULL: all suits. */
    advntk_status (*suits)(const void *config, const struct advntk_problem *problem, struct advntk_error *err);
};

/* ---- what the host knows of the run ---- */
struct advntk_problem {
    ptrdiff_t train, validation, classes;
    ptrdiff_t height, width, channels, d;
    const int32_t *train_labels, *validation_labels;
    const int64_t *train_index, *validation_index;  /* numbers in the official training file */
    enum advntk_precision precision;
    uint64_t seed;
    const double *shift, *scale;                    /* channels: the model sees (pixel - shift) * scale */
};
const struct advntk_problem *advntk_host_problem(const struct advntk_host *host);

/* pixels (count,d) of training or validation images number which[0..count) (0-based within that set). */
enum advntk_set { ADVNTK_SET_TRAIN, ADVNTK_SET_VALIDATION };
ADVNTK_MUST_CHECK advntk_status advntk_host_images(struct advntk_host *host, enum advntk_set set, ptrdiff_t count, const ptrdiff_t *which, double *pixels, struct advntk_error *err);

/* A number for this step's line of metrics.jsonl and for the audit ("loss", "residual"); name: static.
 * "validation_robust" is what `select: best_validation_robust` looks at. NaN is an error of the run. */
ADVNTK_MUST_CHECK advntk_status advntk_metric(struct advntk_host *host, const char *name, double value, struct advntk_error *err);

/* The training images' kernel matrix, computed at the first call. Borrowed: lives as long as the run. */
ADVNTK_MUST_CHECK advntk_status advntk_host_gram(struct advntk_host *host, const struct advntk_sym **gram, struct advntk_error *err);

/* ---- f(x) = sum_j k(x, X_j) alpha_j over the training images: a model ---- */
struct advntk_predictor;
ADVNTK_MUST_CHECK advntk_status advntk_predictor_new(struct advntk_host *host, struct advntk_predictor **predictor, struct advntk_error *err); /* alpha = 0 */
void advntk_predictor_free(void *predictor); /* NULL allowed; also a method's model_free */
const struct advntk_model_ops *advntk_predictor_ops(void);                    /* model: the predictor */
void advntk_predictor_set(struct advntk_predictor *predictor, const double *alpha); /* alpha (train,classes), copied */
/* g (train,classes) <- sum_i k(x_i, X_j) df[i]: gradient with respect to alpha, from a forward's tape; df (n,classes). */
ADVNTK_MUST_CHECK advntk_status advntk_predictor_pullback(struct advntk_predictor *predictor, const struct advntk_tape *tape, const double *df, double *g, struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status advntk_predictor_export(const struct advntk_predictor *predictor, struct advntk_writer *w, struct advntk_error *err);
/* The operation import_model of methods whose model is a predictor. */
ADVNTK_MUST_CHECK advntk_status advntk_predictor_import(const void *config, struct advntk_host *host, struct advntk_reader *r, void **model, const struct advntk_model_ops **ops, struct advntk_error *err);

/*
 * Adversarial points (n,d) for a batch inside training, by the attack of a slot against any model. The
 * last points that the attack evaluated count; early_stop is off. step addresses the random streams.
 */
ADVNTK_MUST_CHECK advntk_status advntk_host_attack(struct advntk_host *host, const struct advntk_slot *attack, void *model, const struct advntk_model_ops *ops, const struct advntk_images *images, ptrdiff_t step, double *points, struct advntk_error *err);

/* Loss (n) and its gradient (n,c) through a slot of kind loss. */
ADVNTK_MUST_CHECK advntk_status advntk_loss_value(const struct advntk_slot *loss, ptrdiff_t n, ptrdiff_t c, const double *f, const int32_t *labels, double *value, double *df, struct advntk_error *err);

#ifdef __cplusplus
}
#endif
#endif
