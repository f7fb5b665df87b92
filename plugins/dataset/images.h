/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the data set plugins share: two parts of byte images, in memory or read from files when they
 * are asked for; where the files are looked for; the digest of the content. Each plugin includes
 * it, so every function is static.
 */
#ifndef PLUGINS_DATASET_IMAGES_H
#define PLUGINS_DATASET_IMAGES_H

#include <advntk/plugin.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__GNUC__)
#define MAYBE_UNUSED __attribute__((unused))
#else
#define MAYBE_UNUSED
#endif

/* single exit, as in the core: `advntk_status rc = ADVNTK_OK;` and a label `out` */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        rc = (expr);                                                                               \
        if (rc != ADVNTK_OK) {                                                                     \
            goto out;                                                                              \
        }                                                                                          \
    } while (0)
#define FAIL(err, code, ...)                                                                       \
    do {                                                                                           \
        rc = advntk_error_set((err), __FILE__, __LINE__, __func__, ADVNTK_##code, __VA_ARGS__);    \
        goto out;                                                                                  \
    } while (0)

/* Records of one size in one open file: image i of the file begins at offset + i * stride. */
struct image_file {
    int descriptor;
    char *path;
    int64_t offset, stride;
    ptrdiff_t count;
};

enum { IMAGE_FILES_MAX = 8 };

struct image_part {
    ptrdiff_t count;
    int32_t *labels; /* owned */
    uint8_t *bytes;  /* count * d, channels last; owned; NULL: in files */
    struct image_file files[IMAGE_FILES_MAX];
    int file_count;
};

struct image_set {
    struct advntk_host *host; /* borrowed */
    ptrdiff_t height, width, channels, classes;
    bool planar;    /* files hold channel after channel, each row by row */
    double divisor; /* pixel = byte / divisor */
    struct image_part parts[2];
};

static ptrdiff_t image_values(const struct image_set *s)
{
    return s->height * s->width * s->channels;
}

/* The bytes of one image, channels last. scratch: d bytes. */
static advntk_status image_fetch(const struct image_set *s, int p, int64_t index, uint8_t *image,
                                 uint8_t *scratch, struct advntk_error *err)
{
    const struct image_part *part = &s->parts[p];
    const struct image_file *f = part->files;
    ptrdiff_t d = image_values(s), plane = s->height * s->width;
    bool turn = s->planar && s->channels > 1;
    advntk_status rc;

    if (index < 0 || index >= part->count) {
        return ADVNTK_FAIL(err, EINVALID, "image %jd asked of %td", (intmax_t)index, part->count);
    }
    if (part->bytes) {
        memcpy(image, part->bytes + index * d, (size_t)d);
        return ADVNTK_OK;
    }
    for (; index >= f->count; f++) {
        index -= f->count;
    }
    rc = advntk_read_exactly(f->descriptor, f->path, turn ? scratch : image, (size_t)d,
                             f->offset + index * f->stride, err);
    for (ptrdiff_t i = 0; turn && rc == ADVNTK_OK && i < plane; i++) {
        for (ptrdiff_t c = 0; c < s->channels; c++) {
            image[i * s->channels + c] = scratch[c * plane + i];
        }
    }
    return rc;
}

/* The operations `read`, `digest` and `close` of a data set whose state is an image_set. */
MAYBE_UNUSED static advntk_status image_set_read(void *state, enum advntk_part p, ptrdiff_t count,
                                                 const int64_t *index, double *pixels,
                                                 int32_t *labels, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct image_set *s = state;
    ptrdiff_t d = image_values(s);
    uint8_t *buffer = NULL;
    double table[256];

    for (ptrdiff_t i = 0; i < count; i++) {
        if (index[i] < 0 || index[i] >= s->parts[p].count) {
            FAIL(err, EINVALID, "image %jd asked of %td", (intmax_t)index[i], s->parts[p].count);
        }
        if (labels) {
            labels[i] = s->parts[p].labels[index[i]];
        }
    }
    if (!pixels) {
        goto out;
    }
    buffer = malloc(2 * (size_t)d);
    if (!buffer) {
        FAIL(err, ENOMEM, "no memory for an image of %td values", d);
    }
    for (int v = 0; v < 256; v++) {
        table[v] = v / s->divisor;
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        TRY(image_fetch(s, (int)p, index[i], buffer, buffer + d, err));
        for (ptrdiff_t j = 0; j < d; j++) {
            pixels[i * d + j] = table[buffer[j]];
        }
    }
out:
    free(buffer);
    return rc;
}

/*
 * The digest of a data set: of its sizes, and for each part of the labels (int32) and of blocks of
 * images, which are bytes with the divisor that makes pixels of them, or float64 pixels. It is the
 * same for any container that holds the same images in the same order.
 */
struct image_digest {
    ptrdiff_t height, width, channels, classes, count[2];
    double divisor; /* 0: the values are float64 pixels */
    const int32_t *labels[2];
    /* values of images [first, first+count), channels last */
    advntk_status (*fetch)(void *context, int part, ptrdiff_t first, ptrdiff_t count, void *values,
                           struct advntk_error *err);
    void *context;
};

enum { DIGEST_BLOCK = 256 };

struct digest_work {
    const struct image_digest *data;
    ptrdiff_t blocks[2];
    uint8_t *digests; /* 16 a block */
};

static advntk_status digest_block(void *context, ptrdiff_t i, struct advntk_arena *arena,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct digest_work *w = context;
    const struct image_digest *g = w->data;
    int p = i >= w->blocks[0];
    ptrdiff_t first = (i - (p ? w->blocks[0] : 0)) * DIGEST_BLOCK;
    ptrdiff_t count = g->count[p] - first < DIGEST_BLOCK ? g->count[p] - first : DIGEST_BLOCK;
    size_t image = (size_t)(g->height * g->width * g->channels) * (g->divisor == 0 ? 8 : 1);
    void *values = advntk_arena_get(arena, count, image);

    if (!values) {
        FAIL(err, ENOMEM, "no memory for %td images", count);
    }
    TRY(g->fetch(g->context, p, first, count, values, err));
    advntk_hash_bytes(values, (size_t)count * image, w->digests + 16 * i);
out:
    return rc;
}

static uint8_t *put_int(uint8_t *at, int64_t value)
{
    for (int i = 0; i < 8; i++) {
        at[i] = (uint8_t)((uint64_t)value >> (8 * i));
    }
    return at + 8;
}

MAYBE_UNUSED static advntk_status image_digest(const struct image_digest *g,
                                               struct advntk_host *host, uint8_t digest[16],
                                               struct advntk_error *err)
{
    enum { HEAD = 8 * 8, LABELS = 2 * 16 };
    advntk_status rc = ADVNTK_OK;
    struct digest_work w = {.data = g};
    ptrdiff_t total;
    uint8_t *all = NULL, *at;

    for (int p = 0; p < 2; p++) {
        w.blocks[p] = (g->count[p] + DIGEST_BLOCK - 1) / DIGEST_BLOCK;
    }
    total = w.blocks[0] + w.blocks[1];
    all = malloc(HEAD + LABELS + (size_t)total * 16);
    if (!all) {
        FAIL(err, ENOMEM, "no memory for the digest of %td blocks", total);
    }
    at = put_int(all, 1); /* version of this layout */
    at = put_int(at, g->height);
    at = put_int(at, g->width);
    at = put_int(at, g->channels);
    at = put_int(at, g->classes);
    at = put_int(at, g->count[0]);
    at = put_int(at, g->count[1]);
    at = put_int(at, (int64_t)g->divisor);
    advntk_hash_bytes(g->labels[0], (size_t)g->count[0] * sizeof(int32_t), at);
    advntk_hash_bytes(g->labels[1], (size_t)g->count[1] * sizeof(int32_t), at + 16);
    w.digests = at + LABELS;
    TRY(advntk_parallel_for(host, total, digest_block, &w, err));
    advntk_hash_bytes(all, HEAD + LABELS + (size_t)total * 16, digest);
out:
    free(all);
    return rc;
}

static advntk_status image_set_fetch(void *context, int part, ptrdiff_t first, ptrdiff_t count,
                                     void *values, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct image_set *s = context;
    ptrdiff_t d = image_values(s);
    uint8_t *scratch = malloc((size_t)d), *bytes = values;

    if (!scratch) {
        FAIL(err, ENOMEM, "no memory for an image of %td values", d);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        TRY(image_fetch(s, part, first + i, bytes + i * d, scratch, err));
    }
out:
    free(scratch);
    return rc;
}

MAYBE_UNUSED static advntk_status image_set_digest(void *state, uint8_t digest[16],
                                                   struct advntk_error *err)
{
    struct image_set *s = state;
    struct image_digest g = {.height = s->height,
                             .width = s->width,
                             .channels = s->channels,
                             .classes = s->classes,
                             .count = {s->parts[0].count, s->parts[1].count},
                             .divisor = s->divisor,
                             .labels = {s->parts[0].labels, s->parts[1].labels},
                             .fetch = image_set_fetch,
                             .context = s};
    return image_digest(&g, s->host, digest, err);
}

MAYBE_UNUSED static void image_set_close(void *state)
{
    struct image_set *s = state;

    if (!s) {
        return;
    }
    for (int p = 0; p < 2; p++) {
        struct image_part *part = &s->parts[p];
        for (int i = 0; i < part->file_count; i++) {
            close(part->files[i].descriptor);
            free(part->files[i].path);
        }
        free(part->labels);
        free(part->bytes);
    }
    free(s);
}

/* Opens a file of records for a part: its size must be head + a positive number of records. */
MAYBE_UNUSED static advntk_status image_part_add(struct image_part *part, const char *path,
                                                 int64_t head, int64_t record, int64_t offset,
                                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct image_file *f = &part->files[part->file_count];
    struct stat st;
    int fd = -1;

    if (part->file_count == IMAGE_FILES_MAX) {
        FAIL(err, EINTERNAL, "%s: more than %d files", path, IMAGE_FILES_MAX);
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        FAIL(err, EIO, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        FAIL(err, EFORMAT, "%s: is not a file", path);
    }
    if (st.st_size <= head || (st.st_size - head) % record != 0) {
        FAIL(err, EFORMAT, "%s: %jd bytes, expected %s%jd times the number of images", path,
             (intmax_t)st.st_size, head ? "a header and " : "", (intmax_t)record);
    }
    *f = (struct image_file){.descriptor = fd,
                             .path = strdup(path),
                             .offset = offset,
                             .stride = record,
                             .count = (ptrdiff_t)((st.st_size - head) / record)};
    if (!f->path) {
        FAIL(err, ENOMEM, "%s: no memory for its name", path);
    }
    part->file_count++;
    part->count += f->count;
    fd = -1;
out:
    if (fd >= 0) {
        close(fd);
    }
    return rc;
}

/* Fills info from the set. Fails: EFORMAT (a part is empty, or all labels are alike). */
MAYBE_UNUSED static advntk_status image_set_info(const struct image_set *s, const char *name,
                                                 const char *const *class_names,
                                                 struct advntk_dataset_info *info,
                                                 struct advntk_error *err)
{
    const struct image_part *train = &s->parts[ADVNTK_TRAIN];
    bool alike = true;

    for (int p = 0; p < 2; p++) {
        if (s->parts[p].count == 0) {
            return ADVNTK_FAIL(err, EFORMAT, "%s: there are no %s images", name,
                               p == ADVNTK_TRAIN ? "training" : "test");
        }
    }
    for (ptrdiff_t i = 1; i < train->count && alike; i++) {
        alike = train->labels[i] == train->labels[0];
    }
    if (alike) {
        return ADVNTK_FAIL(err, EFORMAT,
                           "%s: all %td training images have the label %d, expected at least two "
                           "classes",
                           name, train->count, (int)train->labels[0]);
    }
    *info = (struct advntk_dataset_info){.images = {s->parts[0].count, s->parts[1].count},
                                         .height = s->height,
                                         .width = s->width,
                                         .channels = s->channels,
                                         .classes = s->classes,
                                         .box_low = 0,
                                         .box_high = 1,
                                         .class_names = class_names};
    return ADVNTK_OK;
}

enum { FOLDER_ROOM = 1024 };

/* folder/[sub/]name; false where that is too long */
static bool path_in(char path[FOLDER_ROOM], const char *folder, const char *sub, const char *name)
{
    int n = snprintf(path, FOLDER_ROOM, "%s/%s%s%s", folder, sub ? sub : "", sub ? "/" : "", name);
    return n > 0 && n < FOLDER_ROOM;
}

/*
 * Finds the folder of a data set: `path` of the recipe (or ADVNTK_DATA where it has none) itself or
 * one of its `subs` (NULL-terminated), then `system`'s. A folder counts when it has one of
 * `markers` (NULL-terminated). Fails: EIO, saying what was looked for and what to set.
 */
MAYBE_UNUSED static advntk_status image_folder(const char *plugin, const char *path,
                                               const char *const *subs, const char *system,
                                               const char *const *markers, char folder[FOLDER_ROOM],
                                               struct advntk_error *err)
{
    const char *given = path && *path ? path : getenv("ADVNTK_DATA");
    const char *roots[2] = {given && *given ? given : NULL, system};
    char probe[FOLDER_ROOM];

    for (int r = 0; r < 2; r++) {
        if (!roots[r] || (r == 1 && path && *path)) {
            continue;
        }
        for (int s = -1; s < 0 || subs[s]; s++) {
            for (int m = 0; markers[m]; m++) {
                if (path_in(probe, roots[r], s < 0 ? NULL : subs[s], markers[m]) &&
                    access(probe, F_OK) == 0) {
                    probe[strlen(probe) - strlen(markers[m]) - 1] = '\0';
                    memcpy(folder, probe, FOLDER_ROOM);
                    return ADVNTK_OK;
                }
            }
        }
    }
    if (roots[0]) {
        return ADVNTK_FAIL(err, EIO,
                           "%s: no %s in %.200s nor in its folder %s: set data.dataset.path%s to "
                           "the folder with the files",
                           plugin, markers[0], roots[0], subs[0],
                           path && *path ? "" : " or ADVNTK_DATA");
    }
    return ADVNTK_FAIL(err, EIO,
                       "%s: where are the files? Set data.dataset.path or ADVNTK_DATA to the "
                       "folder with %s",
                       plugin, markers[0]);
}

#endif
