/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Kind dataset: images and labels, read on demand so that nothing need fit in memory at once. */
#ifndef ADVNTK_DATASET_H
#define ADVNTK_DATASET_H

#include <advntk/host.h>
#include <advntk/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum advntk_part { ADVNTK_TRAIN, ADVNTK_TEST };

struct advntk_dataset_info {
    ptrdiff_t images[2];                 /* by enum advntk_part */
    ptrdiff_t height, width, channels;   /* n x d arrays: 1, d, 1 */
    ptrdiff_t classes;
    double box_low, box_high;            /* every pixel lies within */
    const char *const *class_names;      /* `classes` of them; NULL: "0", "1", ... Valid until close. */
};

struct advntk_dataset_ops {
    /* Fails: EIO or EFORMAT, naming the file, what was found and what was expected. */
    advntk_status (*open)(const void *config, struct advntk_host *host, void **state,
                          struct advntk_dataset_info *info, struct advntk_error *err);
    /* Images index[0..count) of a part, in that order; pixels (count,d) channels last, scaled into the
     * box, or NULL: labels only. labels: 0..classes-1. Called by several threads at once. */
    advntk_status (*read)(void *state, enum advntk_part part, ptrdiff_t count, const int64_t *index,
                          double *pixels, int32_t *labels, struct advntk_error *err);
    /* Digest of the whole content, labels and order included, not of file names or compression:
     * the same data in another container gives the same digest where possible. */
    advntk_status (*digest)(void *state, uint8_t digest[16], struct advntk_error *err);
    void (*close)(void *state); /* NULL allowed */
};

#ifdef __cplusplus
}
#endif
#endif
