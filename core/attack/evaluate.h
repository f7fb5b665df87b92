/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The host of attacks: runs an attack slot on a group of images against a model. It alone
 * evaluates, projects, keeps the best points, counts and stops (advntk/attack.h).
 *
 * A group is worked off in units: the clean images panel by panel, then for each attack (a
 * composite has several) and each restart the images that are still to be attacked, packed in index
 * order into full panels; where each part is to be known alone (settings.each_alone) the parts
 * again on the images that had fallen before their turn; at last the audit. Between units
 * everything is in the group, so that it can be written down and taken up again
 * (advntk__group_save). Where an image lies, and so the last bits of a float32 model's outputs,
 * depends only on who fell before that restart.
 */
#ifndef ADVNTK_ATTACK_EVALUATE_H
#define ADVNTK_ATTACK_EVALUATE_H

#include <advntk/attack.h>
#include <advntk/model.h>

enum { ADVNTK__GROUP = 8 * ADVNTK_PANEL }; /* the most images that are attacked together */

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

/* What became of each image; arrays of n. Those that the caller leaves NULL are not handed out. */
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
    double *nearest; /* n: MIN_NORM: distance of the nearest success, 0: wrong at the clean image,
                        infinity: none found; other goals: infinity */
    /* n: what had been spent when the image was first fooled; 0: by the clean image; -1: never */
    int64_t *outputs_to_fool, *gradients_to_fool;
    int32_t *fooled_by; /* n: number of the attack (composites: the part) that fooled it; -1: none;
                           -2: the clean image */
    int64_t *fooled_alone; /* n: bit k: part k by itself fools it; 0 without settings.each_alone */
};

/* What was noticed on the way; sums and extremes over groups (start from zeros). */
enum advntk__verdict { ADVNTK__TRUSTED, ADVNTK__SUSPECT, ADVNTK__FAILED };
enum { ADVNTK__PARTS = 64 }; /* the most attacks that a composite may come to */

/* One attack of an evaluation; a composite has several, each on what the earlier ones left. */
struct advntk__part_count {
    int64_t attacked, fell; /* images; fell: was right and robust before this part */
    int64_t outputs, gradients;
    /* settings.each_alone: images that fall to this part by itself, and those that fall to no
       other; what it spends on all of them */
    int64_t fell_alone, only;
    int64_t outputs_alone, gradients_alone;
};
struct advntk__audit {
    int verdict; /* enum advntk__verdict, the worst of the reasons */
    int64_t images, robust;
    int64_t attacked, standing; /* images that were attacked, and those of them that stood to the
                                   end (a composite counts each part) */
    int64_t zero_gradients; /* images standing to the end with an all-zero gradient on the way */
    int64_t outside_ball,
        outside_box; /* images with a point outside, recomputed from the evaluated points */
    int64_t clean_outside_box; /* images that lie outside the box themselves */
    int64_t wrong_distance;    /* points whose distance, by the norm's plugin, is not what it is */
    int64_t still_rising; /* images standing whose loss rose in the last step by > 1 %, or by > 5 %
                             of all it rose by */
    int64_t never_rose;   /* images standing whose loss no step of a gradient attack raised above
                             that of the start */
    int64_t fell_late;    /* images that fell in the last of several restarts */
    int64_t doubtful;     /* images that stand and might not have with some steps more */
    int64_t pushed, pushed_over; /* those that were pushed on by the audit's own steps, and those of
                                    them that fell */
    int64_t verified, unverified; /* points evaluated again; those that gave other outputs */
    int64_t
        black_box_fell;  /* images that stood white-box attacks and fell to one without gradients */
    int64_t out_of_time; /* images that budget_seconds cut short */
    int64_t gradient_mismatch,
        checked_gradients; /* directional derivatives: those off by > 5 % (and rounding), and all */
    double box_used;       /* largest share of the box's width that a clean image spans */
    double worst_distance; /* over radius, from the clean image */
    double worst_gradient_error; /* relative, directional derivative against finite differences */
    bool outside_by_request;     /* ball_centre start */
    bool each_alone;             /* the parts' figures alone are there */
    int64_t second_outputs, second_gradients; /* spent on those, beyond the composite's own */
    ptrdiff_t part_count;
    struct advntk__part_count parts[ADVNTK__PARTS];
};

struct advntk__group; /* images under attack */

/*
 * A group of images->n <= ADVNTK__GROUP images with labels, borrowed, as are target and slot
 * (attack NULL: the clean images alone). Everything that can be wrong with the attack's settings is
 * said here. audit: added to; NULL: none, and nothing is spent on it. Memory: about 2 n d doubles.
 * Fails: EINVALID (settings), EUNSUPPORTED (norm, loss, classes or model lack what the attack
 * needs), ESHAPE, ENOMEM.
 */
ADVNTK_MUST_CHECK advntk_status advntk__group_new(const struct advntk__attack_target *target,
                                                  const struct advntk_slot *attack,
                                                  const struct advntk_images *images,
                                                  struct advntk__audit *audit,
                                                  struct advntk__group **group,
                                                  struct advntk_error *err);
void advntk__group_free(struct advntk__group *group); /* NULL allowed */

/*
 * The next unit: at most one panel through one restart. Results do not depend on threads nor, for a
 * model whose rows do not depend on each other, on the other images (but for budget_seconds). Cost:
 * steps x (one forward, one vjp where gradients are asked for). Memory: 3 panels of n d doubles,
 * and n m d for m cotangents. Fails: ENUMERIC (NaN or infinity in a point asked for, in outputs,
 * loss or gradient, with attack, restart, step and image), ELIMIT (too many steps), ECANCELLED,
 * ENOMEM, and what model and plugin return; the group is then as it was before.
 */
ADVNTK_MUST_CHECK advntk_status advntk__group_step(struct advntk__group *group, bool *finished,
                                                   struct advntk_error *err);

/*
 * Outputs at clean images of one model, kept from evaluation to evaluation: panel by panel, as
 * panels of other images may give other last bits. Release also what failed to be made.
 */
struct advntk__clean_pass {
    ptrdiff_t images, classes;
    double *outputs;     /* images,classes */
    ptrdiff_t *rows;     /* a panel: how many images were evaluated together; 0: none */
    ptrdiff_t evaluated; /* images whose outputs were not there */
};
ADVNTK_MUST_CHECK advntk_status advntk__clean_pass_init(struct advntk__clean_pass *pass,
                                                        ptrdiff_t images, ptrdiff_t classes,
                                                        struct advntk_error *err);
void advntk__clean_pass_release(struct advntk__clean_pass *pass);
/* The group's images are those from `first` on of the pass, which is borrowed: their outputs are
 * taken from it where it has them, else put there. Before the first step. */
void advntk__group_share_clean(struct advntk__group *group, struct advntk__clean_pass *pass,
                               ptrdiff_t first);
/* Whether the next step looks at clean images alone. */
bool advntk__group_at_clean(const struct advntk__group *group);

/* How much of the work is done, from 0 to 1: units, not seconds. */
double advntk__group_share(const struct advntk__group *group);

/* Of all images, complete once finished; borrowed. */
const struct advntk__attack_result *advntk__group_result(const struct advntk__group *group);

/* What a group is between two units, as blocks of bytes to be written and read back on the same
 * machine by a group made from the same arguments (the audit is the caller's to keep). */
struct advntk__group_block {
    const char *name;
    void *bytes;
    ptrdiff_t count;
};
enum { ADVNTK__GROUP_BLOCKS = 40 };
ptrdiff_t advntk__group_save(struct advntk__group *group,
                             struct advntk__group_block blocks[ADVNTK__GROUP_BLOCKS]);

/*
 * The flight recorder (settings.record): a line for each point that was evaluated for an image, in
 * the order of the work. Grows in advntk_alloc()ed memory of the holder.
 */
struct advntk__record {
    ptrdiff_t count, room;
    int64_t *index; /* of the image */
    int32_t *part, *restart, *step;
    double *loss, *distance; /* from the clean image */
    double *moved;           /* distance from the point before; 0 at a start */
    double *turn; /* cosine of this gradient and the one before; NaN: there are not two */
};
void advntk__record_release(struct advntk__record *record);
/* Where the attacks ask for it the group's lines are added to `record`, borrowed. Before the first
 * step. */
void advntk__group_record(struct advntk__group *group, struct advntk__record *record);

/* The attacks that a slot comes to: "pgd", or for a composite the name of each part with its loss,
 * "apgd cross_entropy". */
ptrdiff_t advntk__group_parts(const struct advntk__group *group);
const char *advntk__group_part_name(const struct advntk__group *group, ptrdiff_t part);

/* All units at once. result: what its pointers have room for; audit: its verdict renewed. */
ADVNTK_MUST_CHECK advntk_status advntk__attack_panel(const struct advntk__attack_target *target,
                                                     const struct advntk_slot *attack,
                                                     const struct advntk_images *images,
                                                     struct advntk__attack_result *result,
                                                     struct advntk__audit *audit,
                                                     struct advntk_error *err);

/* Shares beyond which a finding changes the verdict; their reasons stand in verdict.c. Of the
 * directions checked (mismatch), of the images standing (zero, rising, flat), of the points looked
 * at again (unverified), of all images (black_box, late), of the box's width (box). */
struct advntk__audit_limits {
    double suspect_mismatch, failed_mismatch;
    double failed_zero, suspect_rising;
    double suspect_flat, failed_flat;
    double failed_unverified;
    double suspect_black_box, suspect_late, suspect_box;
};
extern const struct advntk__audit_limits advntk__audit_limits;

/* One line a reason, into text; "" when trusted. */
struct advntk__text;
void advntk__audit_judge(struct advntk__audit *audit); /* verdict <- the worst of the reasons */
void advntk__audit_reasons(const struct advntk__audit *audit, struct advntk__text *text);

/* The class predicted from c outputs: the largest, the lowest index of equal ones. */
ptrdiff_t advntk__attack_predict(ptrdiff_t c, const double *outputs);

/* Wilson's interval for `right` of `count` at 95 %; right: a mean over several models is no whole
 * number. */
void advntk__wilson(double right, int64_t count, double *low, double *high);

double advntk__attack_clock(void); /* monotonic seconds, > 0 */

/* Training: the last points evaluated, early_stop off (advntk_host_attack). With restarts, of their
 * last points one that fooled the model, else that of highest loss. At most ADVNTK__GROUP images.
 * Composites: EUNSUPPORTED. */
ADVNTK_MUST_CHECK advntk_status advntk__attack_points(const struct advntk__attack_target *target,
                                                      const struct advntk_slot *attack,
                                                      const struct advntk_images *images,
                                                      double *points, struct advntk_error *err);

#endif
