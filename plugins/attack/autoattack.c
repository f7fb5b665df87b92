/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * AutoAttack: Croce, Hein 2020 (arXiv 2003.01690), section 5; in l1 Croce, Hein 2021 (arXiv
 * 2103.01208), section 5. Attacks one after another, each on what the earlier ones left:
 *
 *   standard  apgd_ce, apgd_t, fab_t, square
 *   plus      apgd_ce and apgd_dlr with five restarts, fab with five, square, apgd_t, fab_t
 *   rand      apgd_ce and apgd_dlr with gradients averaged over 20 evaluations
 *
 * In l1 `standard` searches in shrinking radii, with five restarts and five targets, as the public
 * code does. The public code does not run with fewer than four classes: here apgd_dlr goes up the
 * margin with two of them, apgd_t with two or three, and there are no more targets than wrong
 * classes.
 */
#include "config.h"

#include <advntk/plugin.h>
#include <string.h>

enum version { STANDARD, PLUS, RAND };
enum { MOST_STAGES = 6, DLR_CLASSES = 3, DLR_TARGETED_CLASSES = 4 };

struct autoattack_config {
    int version;
    struct advntk_slot apgd_ce, apgd_t, apgd_t_few, fab_t, square;
    struct advntk_slot apgd_ce_l1, apgd_t_l1, apgd_t_few_l1;
    struct advntk_slot apgd_ce_plus, apgd_dlr_plus, apgd_margin_plus, fab_plus;
    struct advntk_slot apgd_ce_rand, apgd_dlr_rand, apgd_margin_rand;
};

static const char *const versions[] = {"standard", "plus", "rand", NULL};

#define AIMED "targeted: true, targets: each, success: any"
#define PART(member, text, ...)                                                                    \
    ADVNTK_SLOT(struct autoattack_config, member, ATTACK, text,                                    \
                .source = "Croce, Hein 2020, section 5", .help = __VA_ARGS__)

static const struct advntk_param autoattack_params[] = {
    ADVNTK_CHOICE(struct autoattack_config, version, "standard", versions,
                  .help = "which attacks: standard, plus (more restarts, untargeted too) or rand "
                          "(for models that draw at random)",
                  .source = "Croce, Hein 2020, section 5"),
    PART(apgd_ce, "{plugin: apgd, loss: cross_entropy}",
         "Auto-PGD up the cross-entropy; a map without plugin changes single values of it"),
    PART(apgd_t, "{plugin: apgd, loss: dlr_targeted, restarts: 9, " AIMED "}",
         "Auto-PGD towards nine classes in turn"),
    PART(apgd_t_few, "{plugin: apgd, loss: margin, restarts: 9, " AIMED "}",
         "... where there are two or three classes"),
    PART(fab_t, "{plugin: fab, restarts: 9, " AIMED "}",
         "the nearest boundary towards nine classes in turn"),
    PART(square, "{plugin: square, queries: 5000, rescale_schedule: false}",
         "random search from outputs alone"),
    PART(apgd_ce_l1, "{plugin: apgd, loss: cross_entropy, restarts: 5, shrinking_radius: true}",
         "standard in l1"),
    PART(apgd_t_l1,
         "{plugin: apgd, loss: dlr_targeted, restarts: 5, target_classes: 5, shrinking_radius: "
         "true, " AIMED "}",
         "standard in l1, towards five classes"),
    PART(apgd_t_few_l1,
         "{plugin: apgd, loss: margin, restarts: 5, target_classes: 5, shrinking_radius: true, "
         "" AIMED "}",
         "... where there are two or three classes"),
    PART(apgd_ce_plus, "{plugin: apgd, loss: cross_entropy, restarts: 5}", "of version plus"),
    PART(apgd_dlr_plus, "{plugin: apgd, loss: dlr, restarts: 5}", "of version plus"),
    PART(apgd_margin_plus, "{plugin: apgd, loss: margin, restarts: 5}",
         "... where there are two classes"),
    PART(fab_plus, "{plugin: fab, restarts: 5}", "of version plus"),
    PART(apgd_ce_rand, "{plugin: apgd, loss: cross_entropy, eot: 20}", "of version rand"),
    PART(apgd_dlr_rand, "{plugin: apgd, loss: dlr, eot: 20}", "of version rand"),
    PART(apgd_margin_rand, "{plugin: apgd, loss: margin, eot: 20}",
         "... where there are two classes"),
    ADVNTK_PARAM_END};

static advntk_status autoattack_stages(const void *config, ptrdiff_t classes, const char *norm,
                                       ptrdiff_t index, const struct advntk_slot **child,
                                       struct advntk_error *err)
{
    const struct autoattack_config *c = config;
    bool l1 = strcmp(norm, "l1") == 0, few = classes < DLR_TARGETED_CLASSES,
         two = classes < DLR_CLASSES;
    const struct advntk_slot *towards = few ? &c->apgd_t_few : &c->apgd_t;
    const struct advntk_slot *towards_l1 = few ? &c->apgd_t_few_l1 : &c->apgd_t_l1;
    const struct advntk_slot *const lists[][MOST_STAGES + 1] = {
        [STANDARD] = {l1 ? &c->apgd_ce_l1 : &c->apgd_ce, l1 ? towards_l1 : towards, &c->fab_t,
                      &c->square},
        [PLUS] = {&c->apgd_ce_plus, two ? &c->apgd_margin_plus : &c->apgd_dlr_plus, &c->fab_plus,
                  &c->square, towards, &c->fab_t},
        [RAND] = {&c->apgd_ce_rand, two ? &c->apgd_margin_rand : &c->apgd_dlr_rand},
    };

    (void)err;
    *child = index <= MOST_STAGES ? lists[c->version][index] : NULL;
    return ADVNTK_OK;
}

static const char *autoattack_unsupported(const void *config, const char *norm, ptrdiff_t classes)
{
    (void)config;
    if (strcmp(norm, "linf") != 0 && strcmp(norm, "l2") != 0 && strcmp(norm, "l1") != 0) {
        return "it is defined for linf, l2 and l1; take an ensemble";
    }
    return classes < 2 ? "there is only one class" : NULL;
}

static const struct advntk_attack_ops autoattack_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS | ADVNTK_NEEDS_GRADIENTS,
    .min_classes = 2,
    .unsupported = autoattack_unsupported,
    .stages = autoattack_stages,
};

ADVNTK_PLUGIN(ATTACK, autoattack_ops, .name = "autoattack", .version = "1.0.0",
              .licence = "GPL-3.0-or-later",
              .summary = "AutoAttack: Auto-PGD, FAB and Square, the worst of them counts",
              .doc = "The attacks of the public AutoAttack in its order, each on the images that "
                     "the earlier ones left standing. Every budget can be changed, as in "
                     "square: {queries: 1000} or apgd_ce: {steps: 50}. With fewer than four "
                     "classes it takes the margin where DLR is undefined; the result names what "
                     "was run.",
              .source = "Croce, Hein 2020 (arXiv 2003.01690); l1: Croce, Hein 2021 (arXiv "
                        "2103.01208)",
              .params = autoattack_params, .config_bytes = sizeof(struct autoattack_config));
