/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a restart begins, which class a targeted attack aims at, and the streams of both. */
#include "config.h"

#include "attack/panel.h"

#include <advntk/plugin.h>
#include <string.h>

uint32_t advntk__attack_purpose(uint32_t purpose, const char *use)
{
    return purpose + advntk_random_purpose(use);
}

static int32_t random_target(const struct advntk__panel *p, ptrdiff_t i)
{
    struct advntk_stream s;
    int32_t drawn, label = p->images.labels[i];

    advntk_stream_init(&s, p->target->seed,
                       advntk__attack_purpose(p->part->purpose, "attack targets"),
                       p->images.index[i], 0, p->target->first_step);
    drawn = (int32_t)advntk_random_below(&s, (uint64_t)(p->classes - 1));
    return drawn + (drawn >= label);
}

/* Does wrong class a come before b by descending outputs? The lowest index of equal ones does. */
static bool comes_before(const double *f, int32_t a, int32_t b)
{
    return f[a] > f[b] || (f[a] == f[b] && a < b);
}

/* The wrong class with `rank` wrong ones of higher output; rank < classes - 1. */
static int32_t ranked_target(const struct advntk__panel *p, ptrdiff_t i, ptrdiff_t rank)
{
    const double *f = p->outputs + i * p->classes;
    int32_t label = p->images.labels[i], found = label == 0 ? 1 : 0;

    for (int32_t k = 0; k < p->classes; k++) {
        ptrdiff_t before = 0;
        for (int32_t j = 0; j < p->classes; j++) {
            before += j != label && comes_before(f, j, k);
        }
        found = k != label && before == rank ? k : found;
    }
    return found;
}

static ptrdiff_t target_rank(const struct advntk__panel *p)
{
    int64_t wrong = p->classes - 1, count = p->settings->target_classes;
    return p->restart % (ptrdiff_t)(count < wrong ? count : wrong);
}

void advntk__panel_choose_targets(struct advntk__panel *p)
{
    for (ptrdiff_t i = 0; p->targets && i < p->n; i++) {
        switch ((enum advntk_targets)p->settings->targets) {
        case ADVNTK_TARGET_RANDOM:
            p->targets[i] = random_target(p, i);
            break;
        case ADVNTK_TARGET_SECOND:
            p->targets[i] = ranked_target(p, i, 0);
            break;
        case ADVNTK_TARGET_LEAST_LIKELY:
            p->targets[i] = ranked_target(p, i, p->classes - 2);
            break;
        case ADVNTK_TARGET_EACH:
            p->targets[i] = ranked_target(p, i, target_rank(p));
            break;
        }
    }
}

bool advntk__starts_clean(const struct advntk_attack_settings *settings)
{
    return !settings->random_start && !(settings->random_start_cube > 0);
}

void advntk__panel_start(struct advntk__panel *p)
{
    const struct advntk_attack_settings *s = p->settings;
    uint32_t purpose = advntk__attack_purpose(p->part->purpose, "attack start");

    memcpy(p->asked, p->images.pixels, (size_t)(p->n * p->d) * sizeof(double));
    for (ptrdiff_t i = 0; i < p->n && !advntk__starts_clean(s); i++) {
        const double *clean = p->images.pixels + i * p->d;
        double *start = p->asked + i * p->d;
        struct advntk_stream stream;

        if (!p->active[i]) {
            continue;
        }
        advntk_stream_init(&stream, p->target->seed, purpose, p->images.index[i],
                           (uint32_t)p->restart, p->target->first_step);
        if (!(s->random_start_cube > 0)) {
            p->norm->random(s->norm.config, p->d, clean, s->radius, &stream, start);
            continue;
        }
        for (ptrdiff_t k = 0; k < p->d; k++) {
            start[k] += s->random_start_cube * (2 * advntk_random_uniform(&stream) - 1);
        }
    }
}
