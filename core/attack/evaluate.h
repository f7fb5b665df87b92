/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host of attacks: runs an attack slot on a panel of images against a model. It alone evaluates,
 * projects, keeps the best points, counts and stops (advntk/attack.h).
 */
#ifndef ADVNTK_ATTACK_EVALUATE_H
#define ADVNTK_ATTACK_EVALUATE_H

#include <advntk/attack.h>
#include <advntk/model.h>

struct advntk__attack_target {
    struct advntk_host *host;
    void *model;
    const struct advntk_model_ops *ops;
    ptrdiff_t classes;
    const double *box_lo, *box_hi; /* d */
    uint64_t seed;
    uint32_t purpose;
    uint32_t first_step;           /* added to the step of random streams (training step * something) */
};

/* What became of each image of a panel; arrays of n, the caller's. */
struct advntk__attack_result {
    bool *clean_right, *robust;    /* robust: right at the clean image and at every point that was queried (score worst), or at the last (score last) */
    double *point;                 /* n,d: the point that fooled it (of highest loss), else of highest loss; score last: the last */
    double *outputs;               /* n,classes at that point */
    double *loss;                  /* n at that point */
    double *distance;              /* n: the norm's distance from the clean image */
    int64_t *outputs_spent, *gradients_spent; /* n */
    int32_t *first_success;        /* n: step of the first success; -1: none */
};

/* What was noticed on the way; sums and extremes over panels (start from zeros). */
enum advntk__verdict { ADVNTK__TRUSTED, ADVNTK__SUSPECT, ADVNTK__FAILED };
struct advntk__audit {
    int verdict;                   /* enum advntk__verdict, the worst of the reasons */
    int64_t images, zero_gradients, outside_ball, outside_box, still_rising, gradient_mismatch, checked_gradients;
    double worst_distance;         /* over radius */
    double worst_gradient_error;   /* relative, directional derivative against finite differences */
    bool outside_by_request;       /* ball_centre start */
};

ADVNTK_MUST_CHECK advntk_status advntk__attack_panel(const struct advntk__attack_target *target, const struct advntk_slot *attack, const struct advntk_images *images, struct advntk__attack_result *result, struct advntk__audit *audit, struct advntk_error *err);

/* One line a reason, into text; "" when trusted. */
struct advntk__text;
void advntk__audit_reasons(const struct advntk__audit *audit, struct advntk__text *text);

/* Wilson's interval for `right` of `count` at 95 %. */
void advntk__wilson(int64_t right, int64_t count, double *low, double *high);

/* Training: the last points evaluated, early_stop off (advntk_host_attack). */
ADVNTK_MUST_CHECK advntk_status advntk__attack_points(const struct advntk__attack_target *target, const struct advntk_slot *attack, const struct advntk_images *images, double *points, struct advntk_error *err);

#endif
