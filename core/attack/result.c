/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "attack/result.h"

#include <advntk/host.h>
#include <stddef.h>
#include <string.h>

enum length { ONE, VALUES, CLASSES };
struct member {
    const char *name, *second_name;
    size_t offset, size;
    enum length length;
};
#define MEMBER(m, each)                                                                            \
    {                                                                                              \
#m, "alone_" #m, offsetof(struct advntk__attack_result, m),                                \
            sizeof(*((struct advntk__attack_result *)NULL)->m), each                               \
    }
static const struct member members[] = {
    MEMBER(clean_right, ONE),
    MEMBER(robust, ONE),
    MEMBER(point, VALUES),
    MEMBER(outputs, CLASSES),
    MEMBER(loss, ONE),
    MEMBER(distance, ONE),
    MEMBER(outputs_spent, ONE),
    MEMBER(gradients_spent, ONE),
    MEMBER(first_success, ONE),
    MEMBER(nearest, ONE),
    MEMBER(outputs_to_fool, ONE),
    MEMBER(gradients_to_fool, ONE),
    MEMBER(fooled_by, ONE),
    MEMBER(fooled_alone, ONE),
};
_Static_assert(sizeof(members) / sizeof(members[0]) == ADVNTK__RESULT_MEMBERS, "members");

/* Pointers to objects share one representation here as on every POSIX system. */
static void *member_get(const struct advntk__attack_result *r, const struct member *m)
{
    void *array;
    memcpy(&array, (const char *)r + m->offset, sizeof(array));
    return array;
}

static void member_set(struct advntk__attack_result *r, const struct member *m, void *array)
{
    memcpy((char *)r + m->offset, &array, sizeof(array));
}

static ptrdiff_t member_count(const struct member *m, ptrdiff_t d, ptrdiff_t classes)
{
    return m->length == VALUES ? d : m->length == CLASSES ? classes : 1;
}

bool advntk__result_take(struct advntk__attack_result *r, struct advntk_arena *arena, ptrdiff_t n,
                         ptrdiff_t d, ptrdiff_t classes)
{
    bool all = true;

    for (int k = 0; k < ADVNTK__RESULT_MEMBERS; k++) {
        ptrdiff_t count = n * member_count(&members[k], d, classes);
        void *array = advntk_arena_get(arena, count, members[k].size);
        all = all && array;
        if (array) {
            memset(array, 0, (size_t)count * members[k].size);
        }
        member_set(r, &members[k], array);
    }
    return all;
}

void advntk__result_copy(struct advntk__attack_result *to, const struct advntk__attack_result *from,
                         ptrdiff_t n, const ptrdiff_t *place, bool back, ptrdiff_t d,
                         ptrdiff_t classes)
{
    for (int k = 0; k < ADVNTK__RESULT_MEMBERS; k++) {
        size_t bytes = (size_t)member_count(&members[k], d, classes) * members[k].size;
        char *out = member_get(to, &members[k]);
        const char *in = member_get(from, &members[k]);
        for (ptrdiff_t j = 0; out && j < n; j++) {
            ptrdiff_t i = place ? place[j] : j;
            memcpy(out + (size_t)(back ? i : j) * bytes, in + (size_t)(back ? j : i) * bytes,
                   bytes);
        }
    }
}

struct advntk__group_block advntk__result_block(const struct advntk__attack_result *r, int k,
                                                bool alone, ptrdiff_t n, ptrdiff_t d,
                                                ptrdiff_t classes)
{
    const struct member *m = &members[k];

    return (struct advntk__group_block){alone ? m->second_name : m->name, member_get(r, m),
                                        n * member_count(m, d, classes) * (ptrdiff_t)m->size};
}
