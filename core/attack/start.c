/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a restart begins, which class a targeted attack aims at, and the streams of both. */
#include "config.h"

#include "attack/panel.h"

#include <advntk/plugin.h>
#include <string.h>

uint32_t advntk__attack_purpose(const struct advntk__attack_target *target, const char *use)
{
    return target->purpose + advntk_random_purpose(use);
}

static int32_t random_target(const struct advntk__panel *p, ptrdiff_t i)
{
    struct advntk_stream s;
    int32_t drawn, label = p->images.labels[i];

    advntk_stream_init(&s, p->target->seed, advntk__attack_purpose(p->target, "attack targets"),
                       p->images.index[i], 0, p->target->first_step);
    drawn = (int32_t)advntk_random_below(&s, (uint64_t)(p->classes - 1));
    return drawn + (drawn >= label);
}

/* The wrong class that `rank` others stand above on the clean image; of equal ones the lower index
 * stands above. */
static int32_t class_of_rank(const struct advntk__panel *p, ptrdiff_t i, int64_t rank)
{
    const double *f = p->clean_outputs + i * p->classes;
    int32_t label = p->images.labels[i], found = label;

    for (int32_t k = 0; k < p->classes; k++) {
        int64_t above = 0;
        for (int32_t j = 0; j < p->classes; j++) {
            above += j != label && j != k && (f[j] > f[k] || (f[j] == f[k] && j < k));
        }
        found = k != label && above == rank ? k : found;
    }
    return found;
}

static int64_t target_rank(const struct advntk__panel *p)
{
    int64_t wrong = p->classes - 1, count = p->settings.target_classes;
    return p->restart % (count < wrong ? count : wrong);
}

/* The wrong class of the highest or lowest output; the lowest index of equal ones. */
static int32_t ranked_target(const struct advntk__panel *p, ptrdiff_t i, bool highest)
{
    const double *f = p->outputs + i * p->classes;
    int32_t label = p->images.labels[i], best = label == 0 ? 1 : 0;

    for (int32_t k = best + 1; k < p->classes; k++) {
        if (k != label && (highest ? f[k] > f[best] : f[k] < f[best])) {
            best = k;
        }
    }
    return best;
}

void advntk__panel_choose_targets(struct advntk__panel *p)
{
    for (ptrdiff_t i = 0; p->targets && i < p->n; i++) {
        int how = p->settings.targets;
        p->targets[i] = how == ADVNTK_TARGET_EACH ? class_of_rank(p, i, target_rank(p))
                        : how == ADVNTK_TARGET_RANDOM
                            ? random_target(p, i)
                            : ranked_target(p, i, how == ADVNTK_TARGET_SECOND);
    }
}

bool advntk__panel_starts_clean(const struct advntk__panel *p)
{
    return !p->settings.random_start && !(p->settings.random_start_cube > 0);
}

void advntk__panel_start(struct advntk__panel *p)
{
    const struct advntk_attack_settings *s = &p->settings;
    uint32_t purpose = advntk__attack_purpose(p->target, "attack start");

    memcpy(p->asked, p->images.pixels, (size_t)(p->n * p->d) * sizeof(double));
    for (ptrdiff_t i = 0; i < p->n && !advntk__panel_starts_clean(p); i++) {
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
