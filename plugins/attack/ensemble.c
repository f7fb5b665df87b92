/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any attacks one after another, each on the images that the earlier ones left standing. */
#include "config.h"

#include <advntk/plugin.h>

struct ensemble_config {
    struct advntk_list attacks; /* struct advntk_slot */
};

static const struct advntk_param ensemble_params[] = {
    ADVNTK_SLOT_LIST(struct ensemble_config, attacks, ATTACK, NULL, .flags = ADVNTK_P_REQUIRED,
                     .help = "attacks in the order in which they are run; those without norm, "
                             "radius or loss of their own have the ensemble's"),
    ADVNTK_PARAM_END};

static advntk_status ensemble_check(const void *config, struct advntk_error *err)
{
    const struct ensemble_config *cfg = config;

    if (cfg->attacks.count < 1) {
        return ADVNTK_FAIL(err, EINVALID, "attacks: is empty, expected at least one attack");
    }
    return ADVNTK_OK;
}

static advntk_status ensemble_stages(const void *config, ptrdiff_t classes, const char *norm,
                                     ptrdiff_t index, const struct advntk_slot **child,
                                     struct advntk_error *err)
{
    const struct ensemble_config *cfg = config;
    const struct advntk_slot *attacks = cfg->attacks.items;

    (void)classes;
    (void)norm;
    (void)err;
    *child = index < cfg->attacks.count ? &attacks[index] : NULL;
    return ADVNTK_OK;
}

static const struct advntk_attack_ops ensemble_ops = {
    .goal = ADVNTK_GOAL_RADIUS, .needs = ADVNTK_NEEDS_OUTPUTS, .stages = ensemble_stages};

ADVNTK_PLUGIN(ATTACK, ensemble_ops, .name = "ensemble", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "several attacks: the worst of them counts",
              .doc = "An image is robust if it withstands all of them; one that fell is not "
                     "attacked again. What each of them fooled is reported beside it.",
              .source = "Croce, Hein 2020 (arXiv 2003.01690), section 5", .params = ensemble_params,
              .config_bytes = sizeof(struct ensemble_config), .check = ensemble_check);
