/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "run/share.h"

#include "base/hash.h"
#include "base/try.h"

#include <advntk/plugin.h>
#include <math.h>
#include <string.h>

/* The settings as the attack will have them; false: nothing of it can be shared. */
static bool settings_of(const struct advntk__evaluation *e, struct advntk_attack_settings *s)
{
    const struct advntk_attack_ops *ops = e->attack.plugin ? e->attack.plugin->ops : NULL;

    if (!ops || !e->attack.host_config || ops->stages || ops->goal != ADVNTK_GOAL_MIN_NORM) {
        return false;
    }
    *s = *(const struct advntk_attack_settings *)e->attack.host_config;
    if (ops->preset) {
        ops->preset(e->attack.config, s);
    }
    return s->restarts == 1 && !s->random_start && s->score == ADVNTK_SCORE_WORST && !s->keep &&
           !s->record && !(s->budget_seconds > 0) && isfinite(s->radius);
}

/* What the attack is but for its radius. */
static advntk_status digest_of(const struct advntk__evaluation *e, uint8_t digest[16],
                               struct advntk_error *err)
{
    struct advntk_attack_settings s = *(const struct advntk_attack_settings *)e->attack.host_config;
    struct advntk_slot slot = e->attack;
    struct advntk__hash *hash = advntk__hash_new();
    advntk_status rc = ADVNTK_OK;

    if (!hash) {
        FAIL(err, ENOMEM, "no memory for a hash");
    }
    s.radius = 0;
    slot.host_config = &s;
    advntk__hash_int(hash, e->samples);
    TRY(advntk__slot_identity(&slot, hash, err));
    advntk__hash_end(hash, digest);
out:
    advntk__hash_free(hash);
    return rc;
}

advntk_status advntk__evaluations_share(const struct advntk__evaluation *before,
                                        const struct advntk__evaluation *after, bool *share,
                                        struct advntk_error *err)
{
    struct advntk_attack_settings first, second;
    uint8_t one[16] = {0}, other[16] = {0};
    advntk_status rc = ADVNTK_OK;

    *share =
        settings_of(before, &first) && settings_of(after, &second) && first.radius <= second.radius;
    if (*share) {
        TRY(digest_of(before, one, err));
        TRY(digest_of(after, other, err));
        *share = memcmp(one, other, sizeof(one)) == 0;
    }
out:
    return rc;
}

void advntk__evaluation_rejudge(struct advntk__evaluation_result *r, double radius)
{
    struct advntk__audit *a = &r->audit;
    int64_t fell = 0, robust = 0;

    for (ptrdiff_t i = 0; i < r->images; i++) {
        bool stands = r->clean_right[i] && !(r->nearest[i] <= radius);
        fell += r->robust[i] && !stands;
        robust += stands;
        r->robust[i] = stands;
        r->outputs_spent[i] = r->gradients_spent[i] = 0;
    }
    a->robust = robust;
    a->standing -= fell < a->standing ? fell : a->standing;
    /* who these were is not known: as many as there may be */
    a->zero_gradients = a->zero_gradients < a->standing ? a->zero_gradients : a->standing;
    a->parts[0].fell += fell;
    a->parts[0].outputs = a->parts[0].gradients = 0;
    advntk__audit_judge(a);
}
