/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of this room share: a plan of attacks, and one of them at work on a panel. */
#ifndef ADVNTK_ATTACK_PANEL_H
#define ADVNTK_ATTACK_PANEL_H

#include "attack/evaluate.h"

#include <advntk/loss.h>
#include <advntk/norm.h>

/* ---- measure.c: distances by the program's own hand ---- */

enum advntk__measure_kind {
    ADVNTK__MEASURE_NONE, /* a norm whose definition is not known: NaN */
    ADVNTK__MEASURE_LINF,
    ADVNTK__MEASURE_L2,
    ADVNTK__MEASURE_L1,
    ADVNTK__MEASURE_L0,
    ADVNTK__MEASURE_METRIC
};
struct advntk__measure {
    enum advntk__measure_kind kind;
    ptrdiff_t group;                 /* l0: values that count as one */
    const double *weight, *may;      /* mahalanobis; NULL: 1 everywhere */
    ptrdiff_t weight_step, may_step; /* values of an image that share an entry */
};
/* Files that the norm names are read into the arena. Fails: what reading them does, ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__measure_make(const struct advntk_slot *norm, ptrdiff_t d,
                                                     struct advntk_arena *arena,
                                                     struct advntk__measure *measure,
                                                     struct advntk_error *err);
double advntk__measure(const struct advntk__measure *measure, ptrdiff_t d, const double *a,
                       const double *b);

/* ---- plan.c: what a slot comes to ---- */

/* An attack that is no composite. */
struct advntk__part {
    const struct advntk_slot *slot;
    const struct advntk_attack_ops *attack;
    const struct advntk_norm_ops *norm;     /* NULL: goal NONE */
    const struct advntk_loss_ops *loss;     /* NULL: no loss slot */
    struct advntk_attack_settings settings; /* after preset and inheritance */
    struct advntk__measure measure;         /* of the norm, for the audit; else NONE */
    uint32_t purpose;
    ptrdiff_t composite; /* the innermost that it belongs to; -1: none */
    ptrdiff_t restarts;  /* those that settings ask for, or a target each */
    char name[64];       /* plugin and, in a composite, loss */
    char where[200];     /* for messages: "attack autoattack, stage 2: attack apgd" */
};
/* What a composite may spend on an image, over all its parts; 0: no limit. */
struct advntk__composite {
    ptrdiff_t parent, first_part;
    int64_t budget_outputs, budget_gradients;
};
enum { ADVNTK__COMPOSITES = 16 };
struct advntk__attack_plan {
    bool each_alone; /* see advntk/attack.h */
    ptrdiff_t count, composites;
    struct advntk__part parts[ADVNTK__PARTS];
    struct advntk__composite composite[ADVNTK__COMPOSITES];
};

/* Flattens composites and checks each attack's settings against norm, loss, classes and model.
 * Fails: EINVALID, EUNSUPPORTED, ELIMIT. */
ADVNTK_MUST_CHECK advntk_status advntk__attack_plan_make(
    const struct advntk__attack_target *target, const struct advntk_slot *attack,
    const struct advntk_attack_settings *settings, struct advntk__attack_plan *plan,
    struct advntk_error *err);

/* ---- a panel ---- */

/* What an image went through in one part; one byte each would do, but they are read and written by
 * row, in parallel. */
struct advntk__row {
    bool in_part;    /* is attacked by this part */
    bool fell;       /* counts as not robust from now on */
    bool exhausted;  /* its budget or the time is over */
    bool late;       /* ... the time */
    bool attacked;   /* some point beyond the clean image was evaluated */
    bool in_restart; /* took part in this restart */
    bool recorded;   /* score last: the result holds a last point */
    bool counts; /* its last point is one of those that may count: within the radius asked for */
    bool zero_gradient, outside_ball, outside_box, wrong_distance, rising, rose, stepped;
    int64_t steps;                        /* spent, over all restarts */
    double distance;                      /* of the last point, from the clean image */
    double excess;                        /* largest distance over radius */
    double restart_loss;                  /* highest loss of this restart */
    double start_loss;                    /* ... and at its start */
    int32_t fell_in;                      /* the restart in which it fell; -1 */
    int64_t outputs_left, gradients_left; /* INT64_MAX: no limit */
    int64_t outputs, gradients;           /* spent in this part */
};

/* One restart of one part on at most ADVNTK_PANEL images, packed. */
struct advntk__panel {
    const struct advntk__attack_target *target;
    const struct advntk__part *part;
    ptrdiff_t number; /* of the part */
    const struct advntk_attack_ops *attack;
    const char *name;
    const struct advntk_attack_settings *settings;
    const struct advntk_norm_ops *norm;
    const struct advntk_loss_ops *loss;
    struct advntk_images images; /* index never NULL */
    ptrdiff_t n, d, classes;
    ptrdiff_t restart, step;
    double deadline;                      /* 0: none */
    bool clean_known;                     /* `outputs` at entry are those of the clean images */
    struct advntk__attack_result *result; /* of these images, all members */
    struct advntk__row *rows;             /* n, the caller's */
    struct advntk__record *record;        /* NULL: not asked for */

    struct advntk_arena *arena; /* owns what follows */
    bool *active, *done;        /* n */
    int32_t *targets;           /* n; NULL: untargeted */
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
    double *point_before, *gradient_before; /* n,d; NULL: nothing is recorded */
    bool *had_gradient;                     /* n: gradient_before is one */
};

/* panel.c. Both take a panel whose upper part is filled and make the rest in its arena. */
/* The clean images: outputs (known, or NULL: they are evaluated), who is right, and the result
 * until something worse is found. */
ADVNTK_MUST_CHECK advntk_status advntk__panel_clean(struct advntk__panel *p, const double *known,
                                                    struct advntk_error *err);
/* One restart; clean_outputs (n,classes), NULL: not known. In restart 0 the result begins with the
 * clean images again. */
ADVNTK_MUST_CHECK advntk_status advntk__panel_restart(struct advntk__panel *p,
                                                      const double *clean_outputs,
                                                      struct advntk_error *err);

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

/* keep.c: what follows for each image. */
void advntk__panel_charge(struct advntk__panel *p, int64_t gradients,
                          bool is_step); /* active rows; ends those that can not pay */
void advntk__panel_keep(
    struct advntk__panel *p); /* after each evaluation: best points, falls, masks */
void advntk__panel_keep_last(struct advntk__panel *p);    /* score last: after each restart */
void advntk__panel_settle_clean(struct advntk__panel *p); /* result <- the clean images */

/* record.c: lines for the active rows, after losses and gradients. */
ADVNTK_MUST_CHECK advntk_status advntk__panel_record(struct advntk__panel *p, bool gradient,
                                                     struct advntk_error *err);

/* start.c */
void advntk__panel_choose_targets(struct advntk__panel *p); /* from the clean outputs */
void advntk__panel_start(struct advntk__panel *p); /* asked <- start points of this restart */
bool advntk__starts_clean(const struct advntk_attack_settings *settings);

/* clean.c; n images, a panel, from the first on. NULL: not known, or not evaluated together. */
const double *advntk__clean_pass_get(const struct advntk__clean_pass *pass, ptrdiff_t first,
                                     ptrdiff_t n);
/* pass NULL: nothing is kept. */
void advntk__clean_pass_put(struct advntk__clean_pass *pass, ptrdiff_t first, ptrdiff_t n,
                            const double *outputs);

/* audit.c */
struct advntk__audit_job {
    const struct advntk__attack_target *target;
    const struct advntk__part *part;    /* the last that needs gradients, else the last */
    const struct advntk_images *images; /* of the group */
    const struct advntk__attack_result *result;
    const bool *attacked; /* n */
    const bool *doubtful; /* n: stands, and a few steps more might tell */
};
/* The checks that spend evaluations of the model: gradients against finite differences, stored
 * points once more, further steps where the loss still rose. */
ADVNTK_MUST_CHECK advntk_status advntk__audit_spend(const struct advntk__audit_job *job,
                                                    struct advntk__audit *audit,
                                                    struct advntk_error *err);

/* An address of its own for each use of randomness besides the attack's own steps. */
uint32_t advntk__attack_purpose(uint32_t purpose, const char *use);

#endif
