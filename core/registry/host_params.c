/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parameters that belong to the program and that every plugin of a kind takes. */
#include "config.h"

#include "registry/registry.h"

#include <math.h>

static const char *const targets[] = {"random", "second", "least_likely", "each", NULL};
static const char *const successes[] = {"target", "any", NULL};
static const char *const projections[] = {"exact", "sequential", NULL};
static const char *const centres[] = {"clean", "start", NULL};
static const char *const scores[] = {"worst", "last", NULL};

#define SETTINGS struct advntk_attack_settings

static const struct advntk_param attack_params[] = {
    ADVNTK_SLOT(SETTINGS, norm, NORM, "linf", .help = "norm that the perturbation is measured in"),
    ADVNTK_REAL(SETTINGS, radius, NAN, 0, INFINITY, .unit = "the norm's", .symbol = "rho",
                .help = "radius of the ball around the clean image; needed unless the attack makes "
                        "no perturbation"),
    ADVNTK_INT(SETTINGS, restarts, 1, 1, 255,
               .help = "independent runs; the worst of them counts for each image"),
    ADVNTK_SLOT(SETTINGS, loss, LOSS, NULL,
                .help =
                    "loss that the attack maximises; without it the attack's own or the method's"),
    ADVNTK_BOOL(SETTINGS, targeted, false,
                .help = "whether the attack aims at one wrong class instead of any"),
    ADVNTK_CHOICE(SETTINGS, targets, "random", targets,
                  .help = "the wrong class aimed at: drawn at random, the most or the least likely "
                          "one on the clean image, or each in turn, one a restart"),
    ADVNTK_INT(SETTINGS, target_classes, 9, 1, INT64_MAX, .unit = "classes",
               .help = "targets each: how many wrong classes, from the most likely one"),
    ADVNTK_CHOICE(SETTINGS, success, "target", successes,
                  .help = "what counts where the attack is targeted: the target, or any wrong "
                          "class as without targets"),
    ADVNTK_BOOL(SETTINGS, random_start, true,
                .help =
                    "whether to start at a random point of the ball instead of the clean image"),
    ADVNTK_BOOL(SETTINGS, early_stop, true,
                .help = "whether images that fell are left alone from then on"),
    ADVNTK_CHOICE(SETTINGS, projection, "exact", projections,
                  .help = "nearest point of ball and pixel box together, or ball first and box "
                          "after it"),
    ADVNTK_CHOICE(SETTINGS, ball_centre, "clean", centres,
                  .help = "centre of the ball: the clean image, or the point that was started from "
                          "(outside the radius by request)"),
    ADVNTK_CHOICE(SETTINGS, score, "worst", scores,
                  .help = "what counts: every point that was evaluated, or the last one alone"),
    ADVNTK_INT(SETTINGS, budget_steps, 0, 0, INT64_MAX, .unit = "steps an image",
               .help = "most steps of an attack; 0: no limit"),
    ADVNTK_INT(SETTINGS, budget_gradients, 0, 0, INT64_MAX, .unit = "gradients an image",
               .help = "most gradients evaluated; 0: no limit"),
    ADVNTK_INT(SETTINGS, budget_outputs, 0, 0, INT64_MAX, .unit = "outputs an image",
               .help = "most model outputs evaluated; 0: no limit"),
    ADVNTK_REAL(SETTINGS, budget_seconds, 0, 0, INFINITY, .unit = "seconds an evaluation",
                .help = "longest time; 0: no limit"),
    ADVNTK_BOOL(SETTINGS, record, false, .flags = ADVNTK_P_NO_IDENTITY,
                .help = "whether loss, distance, step length and turn of each step of each image "
                        "are stored, beside the evaluation as ID.record.npz"),
    ADVNTK_BOOL(SETTINGS, keep, false, .flags = ADVNTK_P_NO_IDENTITY,
                .help = "whether the points that were found are stored with the clean images' "
                        "numbers, beside the evaluation as ID.adversarial.npz"),
    ADVNTK_BOOL(SETTINGS, each_alone, false, .since = "0.1.0",
                .help = "attacks of several parts: whether each part attacks all images too, not "
                        "only those that the parts before it left, to know its accuracy alone and "
                        "what nobody else finds; costs what the parts cost on images that fell "
                        "before their turn"),
    ADVNTK_PARAM_END};

const struct advntk_param *advntk__host_params(uint32_t kind)
{
    return kind == ADVNTK_KIND_ATTACK ? attack_params : NULL;
}
