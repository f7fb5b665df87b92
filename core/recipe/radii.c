/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "recipe/radii.h"

#include "base/text.h"
#include "base/try.h"
#include "recipe/value.h"

#include <string.h>

/* The list of radii of an evaluation; NULL: it has none. */
static const struct advntk_node *radii_of(const struct advntk_node *item)
{
    const struct advntk_node *radius = advntk_node_get(advntk_node_get(item, "attack"), "radius");
    return radius && radius->kind == ADVNTK_NODE_LIST ? radius : NULL;
}

/* "4/255" as it is written; else the value. false: no number, and a mistake is noted. */
static bool radius_text(struct advntk__configurer *c, const struct advntk_node *radius,
                        const struct advntk__way *way, struct advntk__text *out)
{
    const char *text = advntk_node_scalar(radius);
    struct advntk_error why = {.text = ""};
    double value;
    if (!text || advntk__expression(text, &c->scope, &value, &why) != ADVNTK_OK) {
        struct advntk__text got = {0};
        advntk__value_got(radius, &got);
        advntk__mistake(c, radius->place, way, "got %s, expected a radius%s%s",
                        advntk__text_get(&got), why.text[0] ? ": " : "", why.text);
        advntk__text_release(&got);
        return false;
    }
    if (text[0] != '\0' && strspn(text, "0123456789./") == strlen(text)) {
        advntk__text_puts(out, text);
    } else {
        advntk__text_real(out, value);
    }
    return true;
}

/* A copy of the evaluation with one of its radii. */
static advntk_status with_radius(const struct advntk_node *item, const struct advntk_node *radius,
                                 const char *suffix, struct advntk_node **made,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct advntk__text name = {0};
    struct advntk__entry *entry;
    TRY(advntk__node_copy(item->memory, item, made, err));
    entry = advntk__node_find(*made, "attack"); /* radii_of found both */
    entry = advntk__node_find(entry->value, "radius");
    TRY(advntk__node_copy(item->memory, radius, &entry->value, err));
    entry = advntk__node_find(*made, "name");
    if (entry && advntk_node_scalar(entry->value)) {
        advntk__text_printf(&name, "%s@%s", entry->value->text, suffix);
        if (name.failed) {
            FAIL(err, ENOMEM, "no memory for a recipe");
        }
        TRY(advntk__pool_text(item->memory, name.bytes, name.length, &entry->value->text, err));
    }
out:
    advntk__text_release(&name);
    return rc;
}

static advntk_status expand_item(struct advntk__configurer *c, const struct advntk__entry *from,
                                 const struct advntk__way *way, struct advntk_node *list,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_node *radii = radii_of(from->value);
    struct advntk__way attack = {.up = way, .name = "attack"};
    struct advntk__way radius = {.up = &attack, .name = "radius"};
    struct advntk__text suffix = {0};
    struct advntk_node *made;
    if (!radii) {
        TRY(advntk__node_add(list, NULL, from->place, from->value, err));
    } else if (radii->count == 0) {
        advntk__mistake(c, radii->place, &radius, "an empty list: expected a radius or several");
    }
    for (ptrdiff_t i = 0; radii && i < radii->count; i++) {
        struct advntk__way at = {.up = &radius, .index = i};
        suffix.length = 0;
        if (radius_text(c, radii->entries[i].value, &at, &suffix)) {
            TRY(with_radius(from->value, radii->entries[i].value, advntk__text_get(&suffix), &made,
                            err));
            TRY(advntk__node_add(list, NULL, from->place, made, err));
        }
    }
out:
    advntk__text_release(&suffix);
    return rc;
}

advntk_status advntk__radii_expand(struct advntk__configurer *c, struct advntk_node *evaluate,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    static const struct advntk__way top = {.name = "evaluate"};
    struct advntk_node *list;
    bool any = false;
    if (!evaluate || evaluate->kind != ADVNTK_NODE_LIST) {
        goto out;
    }
    for (ptrdiff_t i = 0; i < evaluate->count; i++) {
        any = any || radii_of(evaluate->entries[i].value);
    }
    if (!any) {
        goto out;
    }
    TRY(advntk__node_new(evaluate->memory, ADVNTK_NODE_LIST, evaluate->place, &list, err));
    for (ptrdiff_t i = 0; i < evaluate->count; i++) {
        const struct advntk_node *item = evaluate->entries[i].value;
        struct advntk__way way = {
            .up = &top, .name = advntk_node_scalar(advntk_node_get(item, "name")), .index = i};
        TRY(expand_item(c, &evaluate->entries[i], &way, list, err));
    }
    *evaluate = *list;
out:
    return rc;
}
