/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/slots.h"

#include "base/try.h"
#include "registry/registry.h"

#include <advntk/plugin.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static advntk_status visit_table(const struct advntk_param *rows, const void *config,
                                 advntk__slot_fn visit, void *context, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    for (const struct advntk_param *p = rows; p && config && p->type != ADVNTK_PARAM_TYPE_END;
         p++) {
        const void *member = (const char *)config + p->offset;
        if (p->type == ADVNTK_PARAM_SLOT) {
            TRY(advntk__slots_visit(member, visit, context, err));
        } else if (p->type == ADVNTK_PARAM_LIST && p->element == ADVNTK_PARAM_SLOT) {
            const struct advntk_list *list = member;
            const struct advntk_slot *items = list->items;
            for (ptrdiff_t i = 0; i < list->count; i++) {
                TRY(advntk__slots_visit(&items[i], visit, context, err));
            }
        }
    }
out:
    return rc;
}

advntk_status advntk__slots_visit(const struct advntk_slot *slot, advntk__slot_fn visit,
                                  void *context, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (!slot->plugin) {
        goto out;
    }
    TRY(visit(context, slot, err));
    TRY(visit_table(slot->plugin->params, slot->config, visit, context, err));
    TRY(visit_table(advntk__host_params(slot->plugin->kind), slot->host_config, visit, context,
                    err));
out:
    return rc;
}

/* All but the evaluations' attacks. */
static advntk_status visit_fixed(const struct advntk__run_config *config, advntk__slot_fn visit,
                                 void *context, struct advntk_error *err)
{
    const struct advntk_slot *slots[] = {&config->data.dataset, &config->model.architecture,
                                         &config->model.kernel, &config->method, &config->backend};
    advntk_status rc = ADVNTK_OK;

    for (size_t i = 0; i < sizeof(slots) / sizeof(*slots); i++) {
        TRY(advntk__slots_visit(slots[i], visit, context, err));
    }
out:
    return rc;
}

advntk_status advntk__run_slots_visit(const struct advntk__run_config *config,
                                      advntk__slot_fn visit, void *context,
                                      struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(visit_fixed(config, visit, context, err));
    for (ptrdiff_t i = 0; i < config->evaluation_count; i++) {
        TRY(advntk__slots_visit(&config->evaluations[i].attack, visit, context, err));
    }
out:
    return rc;
}

static advntk_status check_attack(const struct advntk_slot *slot, ptrdiff_t classes,
                                  struct advntk_error *err)
{
    const struct advntk_attack_ops *ops = slot->plugin->ops;
    const struct advntk_attack_settings *settings = slot->host_config;
    const struct advntk_plugin *norm = settings ? settings->norm.plugin : NULL;
    const char *reason = NULL;

    if (ops->min_classes > classes) {
        return ADVNTK_FAIL(err, EUNSUPPORTED, "attack %s needs %td classes, the data has %td",
                           slot->plugin->name, ops->min_classes, classes);
    }
    if (ops->unsupported && norm) {
        reason = ops->unsupported(slot->config, norm->name, classes);
    }
    if (reason) {
        return ADVNTK_FAIL(err, EUNSUPPORTED, "attack %s with norm %s and %td classes: %s",
                           slot->plugin->name, norm->name, classes, reason);
    }
    return ADVNTK_OK;
}

/* Files that an attack or its norm will read: better missed now than after the training. */
static advntk_status check_files(const struct advntk_slot *slot, struct advntk_error *err)
{
    const struct advntk_param *row = slot->plugin->params;

    for (; row && row->type != ADVNTK_PARAM_TYPE_END; row++) {
        const char *path = NULL;
        struct stat file;
        if (row->type != ADVNTK_PARAM_PATH) {
            continue;
        }
        memcpy(&path, (const char *)slot->config + row->offset, sizeof(path));
        if (path && *path && stat(path, &file) != 0) {
            return ADVNTK_FAIL(err, ENOTFOUND, "%s: %s: %s: %s", slot->plugin->name, row->name,
                               path, strerror(errno));
        }
        if (path && *path && !S_ISREG(file.st_mode)) {
            return ADVNTK_FAIL(err, EINVALID, "%s: %s: %s is not a file", slot->plugin->name,
                               row->name, path);
        }
    }
    return ADVNTK_OK;
}

static advntk_status check_slot(void *context, const struct advntk_slot *slot,
                                struct advntk_error *err)
{
    ptrdiff_t classes = *(const ptrdiff_t *)context;

    if (slot->plugin->kind == ADVNTK_KIND_ATTACK || slot->plugin->kind == ADVNTK_KIND_NORM) {
        advntk_status rc = check_files(slot, err);
        if (rc != ADVNTK_OK) {
            return rc;
        }
    }
    if (slot->plugin->kind == ADVNTK_KIND_ATTACK) {
        return check_attack(slot, classes, err);
    }
    if (slot->plugin->kind == ADVNTK_KIND_LOSS) {
        const struct advntk_loss_ops *ops = slot->plugin->ops;
        if (ops->min_classes > classes) {
            return ADVNTK_FAIL(err, EUNSUPPORTED, "loss %s needs %td classes, the data has %td%s%s",
                               slot->plugin->name, ops->min_classes, classes,
                               ops->too_few_classes ? ": " : "",
                               ops->too_few_classes ? ops->too_few_classes : "");
        }
    }
    return ADVNTK_OK;
}

/* An attack that is evaluated. Of a composite the attacks that it chooses for so many classes. */
static advntk_status check_evaluated(const struct advntk_slot *slot, ptrdiff_t classes, int depth,
                                     struct advntk_error *err)
{
    const struct advntk_attack_ops *ops = slot->plugin ? slot->plugin->ops : NULL;
    const struct advntk_attack_settings *settings = ops ? slot->host_config : NULL;
    const struct advntk_plugin *norm = settings ? settings->norm.plugin : NULL;
    const struct advntk_slot *child = NULL;
    advntk_status rc = ADVNTK_OK;

    if (settings && settings->each_alone && (depth > 0 || !ops->stages)) {
        FAIL(err, EINVALID, "attack %s: each_alone is for the outermost attack of several parts",
             slot->plugin->name);
    }
    if (settings && settings->each_alone && settings->budget_seconds > 0) {
        FAIL(err, EINVALID,
             "attack %s: each_alone with budget_seconds: limit steps, gradients or "
             "outputs instead",
             slot->plugin->name);
    }
    if (!ops || !ops->stages || depth > 8) {
        TRY(advntk__slots_visit(slot, check_slot, &classes, err));
        goto out;
    }
    TRY(check_attack(slot, classes, err));
    for (ptrdiff_t k = 0;; k++) {
        TRY(ops->stages(slot->config, classes, norm ? norm->name : "", k, &child, err));
        if (!child) {
            break;
        }
        TRY(check_evaluated(child, classes, depth + 1, err));
    }
out:
    return rc;
}

advntk_status advntk__slots_check(const struct advntk__run_config *config, ptrdiff_t classes,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    TRY(visit_fixed(config, check_slot, &classes, err));
    for (ptrdiff_t i = 0; i < config->evaluation_count; i++) {
        TRY(check_evaluated(&config->evaluations[i].attack, classes, 0, err));
    }
out:
    return rc;
}
