/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tests of attacks, norms and losses need: shipped plugins by name, their defaults from their
 * own parameter tables, and small models whose answers are known, some of them broken on purpose.
 */
#ifndef TESTS_ATTACK_WORLD_H
#define TESTS_ATTACK_WORLD_H

#include "attack/evaluate.h"
#include "base/host.h"
#include "plugin.h"
#include "registry/registry.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((unused)) static const struct advntk_param *
param_find(const struct advntk_param *table, const char *name)
{
    while (table && table->name && strcmp(table->name, name) != 0) {
        table++;
    }
    if (!table || !table->name) {
        printf("Bail out! no parameter %s\n", name);
        exit(1);
    }
    return table;
}

/* Sets a number, a truth value or a choice, as a recipe would. */
__attribute__((unused)) static void param_set(const struct advntk_param *table, void *config,
                                              const char *name, double value, const char *text)
{
    const struct advntk_param *row = param_find(table, name);
    char *at = (char *)config + row->offset;

    switch (row->type) {
    case ADVNTK_PARAM_BOOL:
        *(bool *)(void *)at = value != 0;
        break;
    case ADVNTK_PARAM_INT:
        *(int64_t *)(void *)at = (int64_t)value;
        break;
    case ADVNTK_PARAM_REAL:
        *(double *)(void *)at = value;
        break;
    case ADVNTK_PARAM_CHOICE:
        for (int i = 0; text && row->choices[i]; i++) {
            if (strcmp(row->choices[i], text) == 0) {
                *(int *)(void *)at = i;
                return;
            }
        }
        printf("Bail out! %s has no choice %s\n", name, text ? text : "(none)");
        exit(1);
    case ADVNTK_PARAM_TYPE_END:
    case ADVNTK_PARAM_STRING:
    case ADVNTK_PARAM_PATH:
    case ADVNTK_PARAM_SLOT:
    case ADVNTK_PARAM_LIST:
    case ADVNTK_PARAM_PAIR:
    case ADVNTK_PARAM_NODE:
        break;
    }
}

__attribute__((unused)) static void param_defaults(const struct advntk_param *table, void *config)
{
    for (; table && table->name; table++) {
        double value = table->type == ADVNTK_PARAM_BOOL   ? table->def.b
                       : table->type == ADVNTK_PARAM_INT  ? (double)table->def.i
                       : table->type == ADVNTK_PARAM_REAL ? table->def.r
                                                          : 0;
        param_set(table, config, table->name, value,
                  table->type == ADVNTK_PARAM_CHOICE ? table->def.s : NULL);
    }
}

/* A slot with room for its config and settings; make with slot_init, never copy. */
struct world_slot {
    struct advntk_slot slot;
    union {
        double align;
        char bytes[512];
    } config;
    struct advntk_attack_settings settings;
};

__attribute__((unused)) static void slot_init(struct world_slot *s,
                                              const struct advntk_plugin *plugin)
{
    memset(s, 0, sizeof(*s));
    s->slot.plugin = plugin;
    s->slot.config = s->config.bytes;
    if (plugin->params) {
        param_defaults(plugin->params, s->config.bytes);
    }
    if (plugin->kind == ADVNTK_KIND_ATTACK) {
        param_defaults(advntk__host_params(ADVNTK_KIND_ATTACK), &s->settings);
        s->slot.host_config = &s->settings;
    }
}

__attribute__((unused)) static void slot_set(struct world_slot *s, const char *name, double value)
{
    param_set(s->slot.plugin->params, s->config.bytes, name, value, NULL);
}

__attribute__((unused)) static void slot_choose(struct world_slot *s, const char *name,
                                                const char *choice)
{
    param_set(s->slot.plugin->params, s->config.bytes, name, 0, choice);
}

/* Results of a panel, and room for them. */
enum { WORLD_ROWS = ADVNTK_PANEL, WORLD_VALUES = 192, WORLD_CLASSES = 10 };
struct world_result {
    struct advntk__attack_result r;
    bool clean_right[WORLD_ROWS], robust[WORLD_ROWS];
    double point[WORLD_ROWS * WORLD_VALUES], outputs[WORLD_ROWS * WORLD_CLASSES], loss[WORLD_ROWS],
        distance[WORLD_ROWS];
    int64_t outputs_spent[WORLD_ROWS], gradients_spent[WORLD_ROWS];
    int32_t first_success[WORLD_ROWS], fooled_by[WORLD_ROWS];
};

__attribute__((unused)) static struct advntk__attack_result *result_init(struct world_result *w)
{
    memset(w, 0, sizeof(*w));
    w->r = (struct advntk__attack_result){.clean_right = w->clean_right,
                                          .robust = w->robust,
                                          .point = w->point,
                                          .outputs = w->outputs,
                                          .loss = w->loss,
                                          .distance = w->distance,
                                          .outputs_spent = w->outputs_spent,
                                          .gradients_spent = w->gradients_spent,
                                          .first_success = w->first_success,
                                          .fooled_by = w->fooled_by};
    return &w->r;
}

/*
 * f(x) = A tanh(B x + s) + C x: smooth, with exact gradients; A = 0 makes it linear. Faults are
 * switched on by the tests. Counts its calls.
 */
enum toy_fault {
    TOY_SOUND,
    TOY_ZERO_GRADIENT,
    TOY_SHATTERED,
    TOY_HALF_GRADIENT,
    TOY_RANDOM,
    TOY_NAN_OUTPUT,
    TOY_NAN_GRADIENT
};
enum { TOY_HIDDEN = 16 };
struct toy {
    ptrdiff_t d, classes;
    enum toy_fault fault;
    int64_t bad_index;
    double a[WORLD_CLASSES * TOY_HIDDEN], b[TOY_HIDDEN * WORLD_VALUES], s[TOY_HIDDEN],
        c[WORLD_CLASSES * WORLD_VALUES];
    int64_t forwards, vjps, rows;
};
struct advntk_tape {
    ptrdiff_t n;
    const int64_t *index;
    double x[WORLD_ROWS * WORLD_VALUES];
};

__attribute__((unused)) static double toy_hidden(const struct toy *t, const double *x, ptrdiff_t h)
{
    double u = t->s[h];
    for (ptrdiff_t k = 0; k < t->d; k++) {
        u += t->b[h * t->d + k] * x[k];
    }
    return tanh(u);
}

static const double shatter_rate = 3000,
                    shatter_size = 0.2; /* a fine ripple: its slope is 600, and predicts nothing */

__attribute__((unused)) static advntk_status toy_forward(void *model, const struct advntk_images *x,
                                                         double *f, struct advntk_tape **tape,
                                                         struct advntk_error *err)
{
    struct toy *t = model;

    t->forwards++;
    t->rows += x->n;
    for (ptrdiff_t i = 0; i < x->n; i++) {
        const double *row = x->pixels + i * t->d;
        double ripple = t->fault == TOY_SHATTERED ? shatter_size * sin(shatter_rate * row[0]) : 0;
        if (t->fault == TOY_RANDOM) {
            ripple = 0.05 * sin(1.7 * (double)(t->forwards * WORLD_ROWS + i));
        }
        for (ptrdiff_t k = 0; k < t->classes; k++) {
            double sum = k % 2 ? ripple : -ripple;
            for (ptrdiff_t j = 0; j < t->d; j++) {
                sum += t->c[k * t->d + j] * row[j];
            }
            f[i * t->classes + k] = sum;
        }
        for (ptrdiff_t h = 0; h < TOY_HIDDEN; h++) {
            double y = toy_hidden(t, row, h);
            for (ptrdiff_t k = 0; k < t->classes; k++) {
                f[i * t->classes + k] += t->a[k * TOY_HIDDEN + h] * y;
            }
        }
        if (t->fault == TOY_NAN_OUTPUT && x->index[i] == t->bad_index) {
            f[i * t->classes] = (double)NAN;
        }
    }
    if (tape) {
        *tape = malloc(sizeof(**tape));
        if (!*tape) {
            return ADVNTK_FAIL(err, ENOMEM, "toy model: no memory");
        }
        (*tape)->n = x->n;
        (*tape)->index = x->index;
        memcpy((*tape)->x, x->pixels, (size_t)(x->n * t->d) * sizeof(double));
    }
    return ADVNTK_OK;
}

__attribute__((unused)) static advntk_status toy_vjp(void *model, const struct advntk_tape *tape,
                                                     ptrdiff_t m, const double *g, double *dx,
                                                     struct advntk_error *err)
{
    struct toy *t = model;

    (void)err;
    t->vjps++;
    for (ptrdiff_t r = 0; r < tape->n * m; r++) {
        const double *x = tape->x + r / m * t->d, *cot = g + r * t->classes;
        double *out = dx + r * t->d;
        for (ptrdiff_t j = 0; j < t->d; j++) {
            double ripple = t->fault == TOY_SHATTERED && j == 0
                                ? shatter_size * shatter_rate * cos(shatter_rate * x[0])
                                : 0;
            out[j] = 0;
            for (ptrdiff_t k = 0; k < t->classes; k++) {
                out[j] += cot[k] * (t->c[k * t->d + j] + (k % 2 ? ripple : -ripple));
            }
        }
        for (ptrdiff_t h = 0; h < TOY_HIDDEN; h++) {
            double y = toy_hidden(t, x, h), back = 0;
            for (ptrdiff_t k = 0; k < t->classes; k++) {
                back += cot[k] * t->a[k * TOY_HIDDEN + h] * (1 - y * y);
            }
            for (ptrdiff_t j = 0; j < t->d; j++) {
                out[j] += back * t->b[h * t->d + j];
            }
        }
        for (ptrdiff_t j = 0; j < t->d; j++) {
            bool drop = t->fault == TOY_ZERO_GRADIENT || (t->fault == TOY_HALF_GRADIENT && j % 2);
            out[j] = drop ? 0 : out[j];
        }
        if (t->fault == TOY_NAN_GRADIENT && tape->index[r / m] == t->bad_index) {
            out[0] = (double)NAN;
        }
    }
    return ADVNTK_OK;
}

__attribute__((unused)) static void toy_tape_free(void *model, struct advntk_tape *tape)
{
    (void)model;
    free(tape);
}

__attribute__((unused)) static const struct advntk_model_ops toy_ops = {
    .forward = toy_forward, .vjp = toy_vjp, .tape_free = toy_tape_free};

/* curvature 0: linear. The same seed gives the same model. */
__attribute__((unused)) static void toy_make(struct toy *t, ptrdiff_t d, ptrdiff_t classes,
                                             double curvature, uint64_t seed)
{
    struct advntk_stream s;
    memset(t, 0, sizeof(*t));
    t->d = d;
    t->classes = classes;
    advntk_stream_init(&s, seed, advntk_random_purpose("toy"), 0, 0, 0);
    for (ptrdiff_t i = 0; i < classes * d; i++) {
        t->c[i] = advntk_random_normal(&s) / sqrt((double)d);
    }
    for (ptrdiff_t i = 0; i < TOY_HIDDEN * d; i++) {
        t->b[i] = advntk_random_normal(&s) * 3 / sqrt((double)d);
    }
    for (ptrdiff_t i = 0; i < classes * TOY_HIDDEN; i++) {
        t->a[i] = curvature * advntk_random_normal(&s);
    }
}

/* The box of the tests' images, which they may change. */
__attribute__((unused)) static double box_lo[WORLD_VALUES], box_hi[WORLD_VALUES];

__attribute__((unused)) static void box_reset(void)
{
    for (int k = 0; k < WORLD_VALUES; k++) {
        box_lo[k] = 0;
        box_hi[k] = 1;
    }
}

/* What attacks aim at. */
__attribute__((unused)) static struct advntk__attack_target world_target(struct advntk_host *host,
                                                                         struct toy *toy)
{
    return (struct advntk__attack_target){.host = host,
                                          .model = toy,
                                          .ops = &toy_ops,
                                          .classes = toy->classes,
                                          .box_lo = box_lo,
                                          .box_hi = box_hi,
                                          .seed = 5};
}

/* n random images in [0.2,0.8] with the labels that the model gives them, every `wrong`-th one
 * another label. */
struct world_images {
    struct advntk_images x;
    double pixels[WORLD_ROWS * WORLD_VALUES];
    int32_t labels[WORLD_ROWS];
    int64_t index[WORLD_ROWS];
};
__attribute__((unused)) static void images_make(struct world_images *w, struct toy *t, ptrdiff_t n,
                                                int wrong, uint64_t seed)
{
    static double f[WORLD_ROWS * WORLD_CLASSES];
    w->x = (struct advntk_images){.n = n,
                                  .height = 1,
                                  .width = t->d,
                                  .channels = 1,
                                  .pixels = w->pixels,
                                  .labels = w->labels,
                                  .index = w->index};
    for (ptrdiff_t i = 0; i < n; i++) {
        struct advntk_stream s;
        w->index[i] = 1000 + 7 * i;
        advntk_stream_init(&s, seed, advntk_random_purpose("images"), w->index[i], 0, 0);
        for (ptrdiff_t k = 0; k < t->d; k++) {
            w->pixels[i * t->d + k] = 0.2 + 0.6 * advntk_random_uniform(&s);
        }
    }
    {
        struct toy plain = *t;
        plain.fault = TOY_SOUND;
        (void)!toy_forward(&plain, &w->x, f, NULL, NULL);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        int32_t best = 0;
        for (int32_t k = 1; k < t->classes; k++) {
            best = f[i * t->classes + k] > f[i * t->classes + best] ? k : best;
        }
        w->labels[i] =
            wrong > 0 && i % wrong == wrong - 1 ? (int32_t)((best + 1) % t->classes) : best;
    }
}

#endif
