/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The infinite-width engine's inside: a graph compiled to a program over registers, and blocks of
 * pairs that the program runs on (pass.c). advntk/infinite.h is the public part.
 *
 * Notation (numerics.md, section 1):
 *   s = <x,x'>/d, q = |x|^2/d, r = |x'|^2/d     the pair's input moments
 *   K, T        values of nngp and tangent kernel behind a layer      (K, Theta)
 *   K_s, K_q    their derivatives by s and by q: every value of a network of dense layers
 *   T_s, T_q    is a function of (s, q, r) alone, so these give the gradient in x
 *   slot        an activation layer; there each image has a standard deviation, its inverse, and
 *               the derivative of the variance by q
 */
#ifndef ADVNTK_INFINITE_ENGINE_H
#define ADVNTK_INFINITE_ENGINE_H

#include "infinite/hermite.h"

#include <advntk/activation.h>
#include <advntk/infinite.h>

enum {
    ADVNTK__BLOCK = 256,   /* pairs a pass works on at once: a few registers of them stay in L1 */
    ADVNTK__COLUMNS = 512, /* columns of a panel that one thread multiplies and passes at once */
    ADVNTK__SCRATCH = 9    /* block arrays that an activation needs: a, 1/a and seven moments */
};

enum advntk__step_kind {
    ADVNTK__STEP_INPUT,
    ADVNTK__STEP_DENSE,
    ADVNTK__STEP_ACTIVATION,
    ADVNTK__STEP_COPY,
    ADVNTK__STEP_ADD,   /* out += in */
    ADVNTK__STEP_OUTPUT /* the value of output `slot` is in */
};

/* One instruction. Registers may coincide: every step works entry by entry. */
struct advntk__step {
    enum advntk__step_kind kind;
    ptrdiff_t in, out, layer;
    double w2, b2;  /* DENSE */
    ptrdiff_t slot; /* ACTIVATION, OUTPUT */
    const struct advntk_activation_ops *ops;
    const void *config;
    advntk_dual32_fn dual32;
    advntk_dual64_fn dual64;
    ptrdiff_t series; /* its place among the activations with a Hermite series; -1: it has duals */
    const char *name; /* of the activation */
};

struct advntk__program {
    struct advntk__step *steps;
    ptrdiff_t count, registers, slots, series, outputs;
    bool tangent; /* T is wanted, not K alone */
    enum advntk_precision precision;
};

/* Graph to program. Fails: ENOMEM, EUNSUPPORTED. Release with advntk__program_release. */
ADVNTK_MUST_CHECK advntk_status advntk__program_compile(const struct advntk_graph *graph, int isa,
                                                        enum advntk_precision precision,
                                                        bool tangent,
                                                        struct advntk__program *program,
                                                        struct advntk_error *err);
void advntk__program_release(struct advntk__program *program);

/* One image's way through the program in float64: its kernel with itself. work: 3 doubles a
 * register; slots (out): variance and dvariance/dq, 2 doubles a slot; series (out): ADVNTK__SERIES
 * doubles for each Hermite series, *tail: the largest part that one leaves out, relative; values
 * (out): of the outputs.
 * Fails: ENUMERIC (a variance that is not finite or not the activation's to have, naming the
 * layer). */
ADVNTK_MUST_CHECK advntk_status advntk__program_variance(const struct advntk__program *program,
                                                         const struct advntk_graph *graph, double q,
                                                         double *work, double *slots,
                                                         double *series, double *tail,
                                                         double *values, struct advntk_error *err);

/* One row of pairs: an image against n <= ADVNTK__BLOCK others. */
struct advntk__block32 {
    ptrdiff_t n;
    const float *s;                   /* n */
    const float *a, *ia, *aq;         /* the row's, at slot v: a[v * a_stride] */
    const float *b, *ib;              /* the columns', at slot v: b + v * b_stride */
    const float *series_a, *series_b; /* alike: number t of series v at v * ADVNTK__SERIES + t */
    ptrdiff_t a_stride, b_stride;
    void *const *values; /* of each output: numbers at .. at+n-1; the first may be s */
    ptrdiff_t at;
    float *value_s, *value_q; /* n, of the only output; NULL: no derivatives */
    float *work;              /* advntk__pass_work() numbers */
};
struct advntk__block64 {
    ptrdiff_t n;
    const double *s;
    const double *a, *ia, *aq;
    const double *b, *ib;
    const double *series_a, *series_b;
    ptrdiff_t a_stride, b_stride;
    void *const *values;
    ptrdiff_t at;
    double *value_s, *value_q;
    double *work;
};
typedef void (*advntk__pass32_fn)(const struct advntk__program *program,
                                  const struct advntk__block32 *block);
typedef void (*advntk__pass64_fn)(const struct advntk__program *program,
                                  const struct advntk__block64 *block);
advntk__pass32_fn advntk__pass32(int isa);
advntk__pass64_fn advntk__pass64(int isa);
ptrdiff_t advntk__pass_work(const struct advntk__program *program);

#endif
