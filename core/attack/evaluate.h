/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host of attacks: runs an attack slot on a panel of images against a model. It alone
 * evaluates, projects, keeps the best points, counts and stops (advntk/attack.h).
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
    uint32_t first_step; /* added to the step of random streams (training step * something) */
    double started;   /* advntk__attack_clock() when the evaluation began, for budget_seconds; 0: at
                         this call */
    bool points_only; /* the clean images are not evaluated where the points do not depend on it;
                         clean_right and robust then mean nothing */
};

/* What became of each image of a panel; arrays of n, the caller's. */
struct advntk__attack_result {
    bool *clean_right;
    /*
     * Score worst: right at the clean image and at every point that was queried. Score last: right
     * at the last point of each restart, whatever the clean image's prediction (a clean image that
     * early_stop kept from being attacked counts by itself). Targeted: right at the clean image,
     * and the target was never predicted; another wrong class is no success, unless
     * settings.success is any. MIN_NORM: right at the
     * clean image and no success at a distance <= radius. NONE: clean_right.
     */
    bool *robust;
    double *point;   /* n,d: the point that fooled it (of highest loss; MIN_NORM: the nearest), else
                        of highest loss; score last: the last */
    double *outputs; /* n,classes at that point */
    double *loss;    /* n at that point; 0 without a loss slot */
    double *distance;                         /* n: the norm's distance from the clean image */
    int64_t *outputs_spent, *gradients_spent; /* n */
    int32_t *first_success; /* n: step, in its restart, of the first success; 0: the start or the
                               clean image; -1: none */
};

/* What was noticed on the way; sums and extremes over panels (start from zeros). */
enum advntk__verdict { ADVNTK__TRUSTED, ADVNTK__SUSPECT, ADVNTK__FAILED };
struct advntk__audit {
    int verdict; /* enum advntk__verdict, the worst of the reasons */
    int64_t images;
    int64_t attacked, standing; /* images that were attacked, and those of them that stood to the
                                   end (a composite counts each stage) */
    int64_t zero_gradients; /* images standing to the end with an all-zero gradient on the way */
    int64_t outside_ball,
        outside_box;      /* images with a point outside, recomputed from the evaluated points */
    int64_t still_rising; /* images standing whose highest loss came in the last step, > 1 % above
                             the one before */
    int64_t out_of_time;  /* images that budget_seconds cut short */
    int64_t gradient_mismatch,
        checked_gradients; /* directional derivatives: those off by > 5 % (and rounding), and all */
    double worst_distance; /* over radius, from the clean image */
    double worst_gradient_error; /* relative, directional derivative against finite differences */
    bool outside_by_request;     /* ball_centre start */
};

/*
 * Runs the attack of a slot on one panel. images: n <= ADVNTK_PANEL rows with labels. result:
 * filled. audit: added to, its verdict renewed; NULL: no audit, and no finite differences are spent
 * on it. The model is called on all n rows each time, rows that are masked at their last points.
 * Results do not depend on threads nor on the other rows (but for budget_seconds). Cost: steps x
 * (one forward, one vjp where gradients are asked for), and with an audit 5 forwards of 4 rows.
 * Memory: about 3 n d doubles, and n m d for m cotangents. Fails: EINVALID (settings), EUNSUPPORTED
 * (norm, loss or model lacks what the attack needs), ESHAPE, ENUMERIC (NaN or infinity in a point
 * asked for, in outputs, loss or gradient, with attack, restart, step and image), ELIMIT (too many
 * steps), ECANCELLED, ENOMEM, and what model and plugin return.
 */
ADVNTK_MUST_CHECK advntk_status advntk__attack_panel(const struct advntk__attack_target *target,
                                                     const struct advntk_slot *attack,
                                                     const struct advntk_images *images,
                                                     struct advntk__attack_result *result,
                                                     struct advntk__audit *audit,
                                                     struct advntk_error *err);

/* One line a reason, into text; "" when trusted. */
struct advntk__text;
void advntk__audit_reasons(const struct advntk__audit *audit, struct advntk__text *text);

/* Wilson's interval for `right` of `count` at 95 %. */
void advntk__wilson(int64_t right, int64_t count, double *low, double *high);

double advntk__attack_clock(void); /* monotonic seconds, > 0 */

/* Training: the last points evaluated, early_stop off (advntk_host_attack). With restarts, of their
 * last points one that fooled the model, else that of highest loss. Composites: EUNSUPPORTED. */
ADVNTK_MUST_CHECK advntk_status advntk__attack_points(const struct advntk__attack_target *target,
                                                      const struct advntk_slot *attack,
                                                      const struct advntk_images *images,
                                                      double *points, struct advntk_error *err);

#endif
