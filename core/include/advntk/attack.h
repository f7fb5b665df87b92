/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Kind attack: ask and tell. The host owns everything that can go wrong: it evaluates the points that
 * an attack asks for, projects them onto the ball around the clean image and onto the box, keeps for
 * each image the best point so far, counts outputs and gradients, and stops at the budget. A plugin
 * only decides where to look next, so it cannot leave the ball.
 *
 *     open -> [step]* -> close          once a restart, on a panel of at most ADVNTK_PANEL images
 *
 * Rows keep their place throughout a restart: rows that fell or are done are masked (active[i] false),
 * never moved. Before each restart the images that are still attacked are packed in index order.
 */
#ifndef ADVNTK_ATTACK_H
#define ADVNTK_ATTACK_H

#include <advntk/host.h>
#include <advntk/param.h>
#include <advntk/random.h>
#include <advntk/state.h>
#include <advntk/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum advntk_attack_goal {
    ADVNTK_GOAL_RADIUS,   /* the host projects each point on ball and box */
    ADVNTK_GOAL_MIN_NORM, /* on the box only; the host keeps the smallest success; fallen: distance <= radius. Where an image
                           * goes must not depend on the radius: one run then serves a list of radii */
    ADVNTK_GOAL_NONE      /* evaluates the clean images; no norm, no radius */
};

enum {
    ADVNTK_NEEDS_OUTPUTS = 1u << 0,
    ADVNTK_NEEDS_GRADIENTS = 1u << 1
};

enum advntk_projection { ADVNTK_PROJECT_EXACT, ADVNTK_PROJECT_SEQUENTIAL };
enum advntk_ball_centre { ADVNTK_CENTRE_CLEAN, ADVNTK_CENTRE_START };
enum advntk_score { ADVNTK_SCORE_WORST, ADVNTK_SCORE_LAST };
enum advntk_targets {
    ADVNTK_TARGET_RANDOM,
    ADVNTK_TARGET_SECOND,
    ADVNTK_TARGET_LEAST_LIKELY,
    ADVNTK_TARGET_EACH /* restart r: the wrong class ranked r modulo target_classes on the clean image */
};
enum advntk_success { ADVNTK_SUCCESS_TARGET, ADVNTK_SUCCESS_ANY };

/* The host's own parameters, merged into every attack slot; plugins never declare these names. */
struct advntk_attack_settings {
    struct advntk_slot norm;
    double radius;               /* unit: the norm's; NaN: not given */
    int64_t restarts;            /* >= 1; the worst case per image counts */
    struct advntk_slot loss;     /* empty in a recipe: the attack's own, or the method's */
    bool targeted;
    int targets;                 /* enum advntk_targets */
    bool random_start;
    double random_start_cube;    /* > 0: start uniform in the cube of this half width, not in the ball */
    bool early_stop;             /* images that fell are not attacked further; score last: not restarted */
    int projection;              /* enum advntk_projection */
    double projection_guard;     /* sequential l2: scale by min(|d|, r) / (|d| + guard) */
    int ball_centre;             /* enum advntk_ball_centre */
    int score;                   /* enum advntk_score */
    /* An image, over all restarts; 0: no limit. The start point costs an output (and a gradient where
     * the attack needs them) but no step; the clean evaluation costs nothing. A point that can not be
     * paid in full is not evaluated and ends the image's attack. */
    int64_t budget_steps, budget_gradients, budget_outputs;
    double budget_seconds;       /* an evaluation; 0: no limit. Images cut short make the audit suspect */
    int64_t target_classes;      /* targets each: how many classes, from the most likely wrong one; at most classes - 1 */
    int success;                 /* enum advntk_success; what counts where the attack is targeted */
    bool record;                 /* keep what each step saw */
    bool keep;                   /* keep the points that were found */
    bool each_alone;             /* composites: each part on all images too, to know what it alone finds */
};

struct advntk_attack_view {
    ptrdiff_t n, d, classes, height, width, channels;
    ptrdiff_t step, restart;     /* step: 0 at the first call */
    const bool *active;          /* n */
    const int32_t *labels;       /* n */
    const int32_t *targets;      /* n; NULL: untargeted */
    const int64_t *index;        /* n: numbers in the official file, for streams */
    const double *clean;         /* n,d */
    const double *box_lo, *box_hi; /* d */
    double radius;
    const struct advntk_attack_settings *settings;
    uint64_t seed;
    uint32_t purpose;
    uint32_t first_step;         /* added to step in the streams (training: each batch has its own) */
    struct advntk_host *host;
};

/* What the last points gave. Rows that are not active hold what they gave when they last were, but for
 * their gradients, which are undefined. */
struct advntk_attack_seen {
    const double *point;     /* n,d: as evaluated, after projection */
    const double *outputs;   /* n,classes */
    const double *loss;      /* n */
    const double *gradient;  /* n,m,d for the cotangents asked for; NULL where none were asked for */
};

struct advntk_attack_ask {
    double *point;           /* n,d: where to evaluate next; holds the last points at entry */
    bool gradient;           /* whether gradients are wanted there */
    ptrdiff_t m;             /* cotangents an image; 0 at entry: the gradient of the loss slot, m = 1 */
    double *cotangent;       /* n,m,classes, filled by the plugin where m > 0; room for m = classes.
                              * m cotangents are charged as m gradients */
    bool *done;              /* n: true: this image needs no further point; its ask is not evaluated */
    /* RADIUS: the ball to search in, in radii, >= 1; 1 at entry. Where it is larger, points outside
     * the radius are evaluated and told, but neither count as successes nor are kept. */
    double reach;
    bool last;               /* these are the restart's last points; step is not called again. Spares
                              * training the evaluation, whose result nobody would see */
};

struct advntk_attack_ops {
    enum advntk_attack_goal goal;
    unsigned needs;              /* ADVNTK_NEEDS_... */
    ptrdiff_t min_classes;       /* 0: any */
    /* A preset over the host's own parameters (`variant: released-code`); may be NULL. */
    void (*preset)(const void *config, struct advntk_attack_settings *settings);
    /* NULL result: fine; else the reason, and what to use instead. May be NULL. */
    const char *(*unsupported)(const void *config, const char *norm, ptrdiff_t classes);
    advntk_status (*open)(const void *config, struct advntk_host *host, const struct advntk_attack_view *view, void **state, struct advntk_error *err);
    /* seen: at the first call the start points (the clean images, or random ones). Sets ask; when every
     * active row is done the restart ends and nothing more is evaluated. */
    advntk_status (*step)(void *state, const struct advntk_attack_view *view, const struct advntk_attack_seen *seen, struct advntk_attack_ask *ask, struct advntk_error *err);
    /* May both be NULL: then a panel that was interrupted begins again. */
    advntk_status (*save)(const void *state, struct advntk_writer *w, struct advntk_error *err);
    advntk_status (*load)(void *state, struct advntk_reader *r, struct advntk_error *err);
    void (*close)(void *state);
    /* Composites have this instead of open..close: child number `index`, which the host runs on what
     * still stands; *child NULL: no more. norm: the plugin's name. A child without norm, radius or loss of
     * its own has the composite's; one without host_config has all of the composite's settings. */
    advntk_status (*stages)(const void *config, ptrdiff_t classes, const char *norm, ptrdiff_t index, const struct advntk_slot **child, struct advntk_error *err);
    /* Name of the loss where the recipe gives the attack none; NULL: the method's. */
    const char *loss;
};

/* direction (n,d) <- the norm's steepest step for each active row of gradient (n,d); other rows are left
 * as they are. direction may be gradient. Fails: EUNSUPPORTED (the norm offers no steepest). */
ADVNTK_MUST_CHECK advntk_status advntk_attack_steepest(const struct advntk_attack_view *view, const double *gradient, double *direction, struct advntk_error *err);

/* The stream of row i at the view's restart and step. */
void advntk_attack_stream(const struct advntk_attack_view *view, ptrdiff_t i, struct advntk_stream *s);

#ifdef __cplusplus
}
#endif
#endif
