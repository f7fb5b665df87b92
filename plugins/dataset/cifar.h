/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The binary version of CIFAR-10 and CIFAR-100: records of one or two label bytes and 3072 pixel
 * bytes, the red plane, the green and the blue, each row by row. Images stay in the files.
 * Source: A. Krizhevsky, https://www.cs.toronto.edu/~kriz/cifar.html.
 */
#ifndef PLUGINS_DATASET_CIFAR_H
#define PLUGINS_DATASET_CIFAR_H

#include "images.h"

enum { CIFAR_PIXELS = 3072 };

struct cifar_layout {
    const char *name;            /* of the plugin */
    const char *const *subs;     /* folders that the files are usually in; NULL-terminated */
    const char *const *files[2]; /* by part; NULL-terminated */
    ptrdiff_t official[2];       /* images a file in the official release */
    int label_bytes, label_at;   /* bytes before the pixels, and which of them is the label */
    ptrdiff_t classes;
    const char *const *class_names;
};

static advntk_status cifar_labels(const struct cifar_layout *l, struct image_part *part,
                                  struct advntk_error *err)
{
    enum { RECORDS = 64 };
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t record = l->label_bytes + CIFAR_PIXELS, at = 0;
    uint8_t *buffer = calloc(RECORDS, (size_t)record);

    part->labels = calloc((size_t)part->count, sizeof(*part->labels));
    if (!buffer || !part->labels) {
        FAIL(err, ENOMEM, "%s: no memory for %td labels", l->name, part->count);
    }
    for (int i = 0; i < part->file_count; i++) {
        const struct image_file *f = &part->files[i];
        for (ptrdiff_t k = 0; k < f->count; k++, at++) {
            ptrdiff_t left = f->count - k;
            uint8_t label;
            if (k % RECORDS == 0) {
                TRY(advntk_read_exactly(f->descriptor, f->path, buffer,
                                        (size_t)((left < RECORDS ? left : RECORDS) * record),
                                        k * record, err));
            }
            label = buffer[k % RECORDS * record + l->label_at];
            if (label >= l->classes) {
                FAIL(err, EFORMAT, "%s: image %td has the label %d, expected 0 to %td", f->path, k,
                     label, l->classes - 1);
            }
            part->labels[at] = label;
        }
    }
out:
    free(buffer);
    return rc;
}

static advntk_status cifar_open(const struct cifar_layout *l, const char *path,
                                struct advntk_host *host, void **state,
                                struct advntk_dataset_info *info, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct image_set *s = calloc(1, sizeof(*s));
    char folder[FOLDER_ROOM], file[FOLDER_ROOM];

    if (!s) {
        FAIL(err, ENOMEM, "%s: no memory", l->name);
    }
    *s = (struct image_set){.host = host,
                            .height = 32,
                            .width = 32,
                            .channels = 3,
                            .classes = l->classes,
                            .planar = true,
                            .divisor = 255};
    TRY(image_folder(l->name, path, l->subs, NULL, l->files[ADVNTK_TRAIN], folder, err));
    for (int p = 0; p < 2; p++) {
        struct image_part *part = &s->parts[p];
        for (int i = 0; l->files[p][i]; i++) {
            if (!path_in(file, folder, NULL, l->files[p][i])) {
                FAIL(err, EIO, "%s: the path of its folder is too long", l->name);
            }
            TRY(image_part_add(part, file, 0, l->label_bytes + CIFAR_PIXELS, l->label_bytes, err));
            if (part->files[i].count != l->official[p]) {
                advntk_log(host, ADVNTK_LOG_WARNING, "%s: %td images, the official file has %td",
                           file, part->files[i].count, l->official[p]);
            }
        }
        TRY(cifar_labels(l, part, err));
    }
    TRY(image_set_info(s, folder, l->class_names, info, err));
    *state = s;
    s = NULL;
out:
    image_set_close(s);
    return rc;
}

#endif
