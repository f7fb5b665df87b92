/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share: an attack at work on one panel. */
#ifndef ADVNTK_ATTACK_PANEL_H
#define ADVNTK_ATTACK_PANEL_H

#include "attack/evaluate.h"

#include <advntk/loss.h>
#include <advntk/norm.h>

/* What a row went through; one byte each would do, but they are read and written by row, in
 * parallel. */
struct advntk__row {
    bool fell;       /* counts as not robust from now on */
    bool exhausted;  /* its budget or the time is over */
    bool late;       /* ... the time */
    bool attacked;   /* some point beyond the clean image was evaluated */
    bool in_restart; /* took part in this restart */
    bool recorded;   /* score last: the result holds a last point */
    bool counts; /* its last point is one of those that may count: within the radius asked for */
    bool zero_gradient, outside_ball, outside_box, rising;
    int64_t steps;                        /* spent, over all restarts */
    double distance;                      /* of the last point, from the clean image */
    double excess;                        /* largest distance over radius */
    double restart_loss;                  /* highest loss of this restart */
    double nearest;                       /* MIN_NORM: distance of the nearest success */
    int64_t outputs_left, gradients_left; /* INT64_MAX: no limit */
};

struct advntk__panel {
    const struct advntk__attack_target *target;
    const struct advntk_slot *slot;
    const struct advntk_attack_ops *attack;
    const char *name;
    struct advntk_attack_settings settings; /* after the preset */
    const struct advntk_norm_ops *norm;     /* NULL: goal NONE */
    const struct advntk_loss_ops *loss;     /* NULL: no loss slot */
    struct advntk_images images;            /* index never NULL */
    ptrdiff_t n, d, classes;
    ptrdiff_t restart, step;
    double deadline;                      /* 0: none */
    struct advntk__attack_result *result; /* the caller's */

    struct advntk_arena *arena; /* owns what follows */
    struct advntk__row *rows;   /* n */
    bool *active, *done;        /* n */
    int64_t *own_index;         /* n; 0..n-1, where the images have none */
    int32_t *targets;           /* n; NULL: untargeted */
    double *clean_outputs;      /* n,classes; NULL: not targets each */
    double reach;               /* of the last points: ask.reach */
    double *point;              /* n,d: as last evaluated */
    double *asked;              /* n,d: ask.point */
    const double *centre;       /* n,d; of the balls: the clean images, or own_centre */
    double *own_centre;         /* n,d; the start points; NULL: balls around the clean images */
    double *outputs, *raw; /* n,classes: of active rows as they were last; as the model gave them */
    double *loss_values, *loss_gradient; /* n; n,classes */
    double *cotangent;                   /* n,classes,classes */
    double *gradient;                    /* n,m,d */
    ptrdiff_t gradient_room;             /* the m there is room for */
    bool has_gradient;                   /* gradient belongs to the last points */
    struct advntk_tape *tape;
};

/* The class predicted from c outputs: the largest, the lowest index of equal ones. */
ptrdiff_t advntk__attack_predict(ptrdiff_t c, const double *outputs);

/* query.c: one round of evaluation. */
ADVNTK_MUST_CHECK advntk_status
advntk__panel_forward(struct advntk__panel *p, bool with_tape,
                      struct advntk_error *err); /* outputs of the active rows at point */
ADVNTK_MUST_CHECK advntk_status advntk__panel_losses(struct advntk__panel *p,
                                                     struct advntk_error *err);
ADVNTK_MUST_CHECK advntk_status
advntk__panel_gradients(struct advntk__panel *p, ptrdiff_t m,
                        struct advntk_error *err); /* m 0: of the loss; frees the tape */
ADVNTK_MUST_CHECK advntk_status
advntk__panel_project(struct advntk__panel *p, bool box_only,
                      struct advntk_error *err); /* point <- asked, active rows */
void advntk__panel_charge(struct advntk__panel *p, int64_t gradients,
                          bool is_step); /* active rows; ends those that can not pay */
void advntk__panel_keep(
    struct advntk__panel *p); /* after each evaluation: best points, falls, masks */
void advntk__panel_keep_last(struct advntk__panel *p); /* score last: after each restart */

/* start.c */
void advntk__panel_choose_targets(
    struct advntk__panel *p); /* first from the clean outputs; before each restart */
bool advntk__panel_is_success(const struct advntk__panel *p, ptrdiff_t i); /* by its outputs */
void advntk__panel_start(struct advntk__panel *p); /* asked <- start points of this restart */
bool advntk__panel_starts_clean(const struct advntk__panel *p);

/* audit.c */
void advntk__audit_judge(struct advntk__audit *audit); /* verdict <- the worst of the reasons */
ADVNTK_MUST_CHECK advntk_status advntk__panel_check_gradient(struct advntk__panel *p,
                                                             struct advntk__audit *audit,
                                                             struct advntk_error *err);
void advntk__panel_note(const struct advntk__panel *p, struct advntk__audit *audit);

/* What a composite has left for each image; NULL: no limit. */
struct advntk__attack_limits {
    const int64_t *outputs, *gradients; /* n */
};

/* stages.c: a composite attack. */
ADVNTK_MUST_CHECK advntk_status advntk__stages_run(
    const struct advntk__attack_target *target, const struct advntk_slot *attack,
    const struct advntk_attack_settings *settings, const struct advntk__attack_limits *limits,
    const struct advntk_images *images, struct advntk__attack_result *result,
    struct advntk__audit *audit, struct advntk_error *err);

/* panel.c: any attack, with settings that are complete but for the attack's own preset. */
ADVNTK_MUST_CHECK advntk_status advntk__attack_run(
    const struct advntk__attack_target *target, const struct advntk_slot *attack,
    const struct advntk_attack_settings *settings, const struct advntk__attack_limits *limits,
    const struct advntk_images *images, struct advntk__attack_result *result,
    struct advntk__audit *audit, struct advntk_error *err);

/* An address of its own for each use of randomness besides the attack's own steps. */
uint32_t advntk__attack_purpose(const struct advntk__attack_target *target, const char *use);

#endif
