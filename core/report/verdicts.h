/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which test images a stored evaluation found right at every point, and pairs of two such lists. */
#ifndef ADVNTK_REPORT_VERDICTS_H
#define ADVNTK_REPORT_VERDICTS_H

#include <advntk/status.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct advntk__verdicts {
    ptrdiff_t n;
    int64_t *index; /* numbers in the official file, rising */
    bool *robust;
};
/* Of a run's evaluation by its name. No such evaluation: n = 0. Fails: EIO, EFORMAT, ENOMEM. */
ADVNTK_MUST_CHECK advntk_status advntk__verdicts_read(const json_t *run, const char *name,
                                                      struct advntk__verdicts *verdicts,
                                                      struct advntk_error *err);
void advntk__verdicts_release(struct advntk__verdicts *verdicts);

/* The images that both have: how many, and how many one alone got right. */
struct advntk__image_pairs {
    int64_t n, only_a, only_b;
};
/* difference: NULL, or a->n values to which (b right) - (a right) is added, at a's places. */
struct advntk__image_pairs advntk__verdicts_pair(const struct advntk__verdicts *a,
                                                 const struct advntk__verdicts *b,
                                                 double *difference);

#endif
