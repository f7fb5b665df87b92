/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One's own images, in four .npy arrays. Images: n x height x width x channels, n x height x width
 * or n x values; uint8 0..255, or float32/float64 in [0,1]. Labels: n integers of any values.
 */
#include "config.h"

#include "images.h"

struct npy_config {
    const char *train_images, *train_labels, *test_images, *test_labels;
};

#define ROW(member, what)                                                                          \
    ADVNTK_PATH(struct npy_config, member, NULL, .flags = ADVNTK_P_REQUIRED, .help = what)

static const struct advntk_param npy_params[] = {
    ROW(train_images, "array of the training images: n x height x width x channels, n x height x "
                      "width or n x values; uint8 0..255 or float in [0,1]"),
    ROW(train_labels, "array of their labels: n integers"),
    ROW(test_images, "array of the test images, of the same size"),
    ROW(test_labels, "array of their labels, of values that training has too"), ADVNTK_PARAM_END};

enum { NAME_ROOM = 24, CLASSES_MAX = 100000, PIECE = 4096 };

struct npy_part {
    struct advntk_npy images;
    const char *path; /* of the images; borrowed from the config */
    ptrdiff_t count;
    int32_t *labels;
};

struct npy_state {
    struct advntk_host *host;
    ptrdiff_t height, width, channels, classes;
    struct npy_part parts[2];
    int64_t *values; /* the label of each class, increasing */
    char *text;      /* and its name, NAME_ROOM characters each */
    const char **names;
    bool bytes; /* every pixel is k/255 exactly */
};

static void npy_close(void *state)
{
    struct npy_state *s = state;

    for (int p = 0; p < 2; p++) {
        advntk_npy_close(&s->parts[p].images);
        free(s->parts[p].labels);
    }
    free(s->values);
    free(s->text);
    free(s->names);
    free(s);
}

static double divisor_of(const struct advntk_npy *a)
{
    return a->dtype == ADVNTK_UINT8 ? 255 : 1;
}

/* Shape and type of an image array, against those of the training images where they are known. */
static advntk_status check_images(struct npy_state *s, struct npy_part *part,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct advntk_npy *a = &part->images;
    ptrdiff_t size[3] = {1, 1, 1};

    if (a->dtype != ADVNTK_UINT8 && a->dtype != ADVNTK_FLOAT32 && a->dtype != ADVNTK_FLOAT64) {
        FAIL(err, EFORMAT, "%s: expected images of uint8, float32 or float64", part->path);
    }
    if (a->rank < 2 || a->rank > 4) {
        FAIL(err, EFORMAT,
             "%s: an array of rank %d, expected n x height x width x channels, n x height x width "
             "or n x values",
             part->path, a->rank);
    }
    for (int i = 1; i < a->rank; i++) {
        size[a->rank == 2 ? 1 : i - 1] = a->shape[i];
    }
    part->count = a->shape[0];
    if (part->count == 0 || size[0] == 0 || size[1] == 0 || size[2] == 0) {
        FAIL(err, EFORMAT, "%s: there are no images in it", part->path);
    }
    if (s->height != 0 && (size[0] != s->height || size[1] != s->width || size[2] != s->channels)) {
        FAIL(err, EFORMAT, "%s: images of %tdx%tdx%td, the training images have %tdx%tdx%td",
             part->path, size[0], size[1], size[2], s->height, s->width, s->channels);
    }
    s->height = size[0];
    s->width = size[1];
    s->channels = size[2];
out:
    return rc;
}

/* Floats must lie in [0,1]; the first that does not is named with its place. */
static advntk_status check_pixels(struct npy_state *s, const struct npy_part *part,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t d = s->height * s->width * s->channels, total = part->count * d;
    double values[PIECE];

    for (ptrdiff_t first = 0; part->images.dtype != ADVNTK_UINT8 && first < total; first += PIECE) {
        ptrdiff_t n = total - first < PIECE ? total - first : PIECE;
        TRY(advntk_npy_read_reals(&part->images, first, n, values, err));
        for (ptrdiff_t i = 0; i < n; i++) {
            ptrdiff_t at = (first + i) % d;
            if (!(values[i] >= 0 && values[i] <= 1)) {
                FAIL(err, EFORMAT,
                     "%s: image %td, row %td, column %td, channel %td is %.9g, expected a value in "
                     "[0,1] (or uint8 0 to 255)",
                     part->path, (first + i) / d, at / s->channels / s->width,
                     at / s->channels % s->width, at % s->channels, values[i]);
            }
            s->bytes = s->bytes && nearbyint(values[i] * 255) / 255 == values[i];
        }
    }
out:
    return rc;
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The classes: the values that training labels take, in increasing order. */
static advntk_status find_classes(struct npy_state *s, const int64_t *labels, const char *path,
                                  struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    ptrdiff_t n = s->parts[ADVNTK_TRAIN].count;

    s->values = malloc((size_t)n * sizeof(*s->values));
    if (!s->values) {
        FAIL(err, ENOMEM, "%s: no memory for %td labels", path, n);
    }
    memcpy(s->values, labels, (size_t)n * sizeof(*labels));
    qsort(s->values, (size_t)n, sizeof(*s->values), by_value);
    for (ptrdiff_t i = 0; i < n; i++) {
        if (i == 0 || s->values[i] != s->values[s->classes - 1]) {
            s->values[s->classes++] = s->values[i];
        }
    }
    if (s->classes < 2 || s->classes > CLASSES_MAX) {
        FAIL(err, EFORMAT, "%s: %td different labels, expected 2 to %d classes", path, s->classes,
             CLASSES_MAX);
    }
    s->text = malloc((size_t)s->classes * NAME_ROOM);
    s->names = malloc((size_t)s->classes * sizeof(*s->names));
    if (!s->text || !s->names) {
        FAIL(err, ENOMEM, "%s: no memory for the names of %td classes", path, s->classes);
    }
    for (ptrdiff_t c = 0; c < s->classes; c++) {
        s->names[c] = s->text + c * NAME_ROOM;
        snprintf(s->text + c * NAME_ROOM, NAME_ROOM, "%jd", (intmax_t)s->values[c]);
    }
out:
    return rc;
}

static advntk_status load_labels(struct npy_state *s, int p, const char *path,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct npy_part *part = &s->parts[p];
    struct advntk_npy a = {.descriptor = -1};
    int64_t *labels = malloc((size_t)part->count * sizeof(*labels));

    TRY(advntk_npy_open(&a, path, err));
    if (a.dtype == ADVNTK_FLOAT32 || a.dtype == ADVNTK_FLOAT64) {
        FAIL(err, EFORMAT, "%s: labels of a float type, expected integers", path);
    }
    if ((a.rank != 1 && !(a.rank == 2 && a.shape[1] == 1)) || a.shape[0] != part->count) {
        FAIL(err, EFORMAT, "%s: an array of rank %d and length %td, expected %td labels", path,
             a.rank, a.rank > 0 ? a.shape[0] : 1, part->count);
    }
    part->labels = malloc((size_t)part->count * sizeof(*part->labels));
    if (!labels || !part->labels) {
        FAIL(err, ENOMEM, "%s: no memory for %td labels", path, part->count);
    }
    rc = advntk_npy_read_ints(&a, 0, part->count, labels, err);
    if (rc != ADVNTK_OK) {
        advntk_error_prefix(err, "%s: ", path);
        goto out;
    }
    if (p == ADVNTK_TRAIN) {
        TRY(find_classes(s, labels, path, err));
    }
    for (ptrdiff_t i = 0; i < part->count; i++) {
        const int64_t *class =
            bsearch(&labels[i], s->values, (size_t)s->classes, sizeof(*labels), by_value);
        if (!class) {
            FAIL(err, EFORMAT, "%s: image %td has the label %jd, which no training image has", path,
                 i, (intmax_t)labels[i]);
        }
        part->labels[i] = (int32_t)(class - s->values);
    }
out:
    advntk_npy_close(&a);
    free(labels);
    return rc;
}

static advntk_status npy_open(const void *config, struct advntk_host *host, void **state,
                              struct advntk_dataset_info *info, struct advntk_error *err)
{
    const struct npy_config *c = config;
    const char *const images[2] = {c->train_images, c->test_images};
    const char *const labels[2] = {c->train_labels, c->test_labels};
    advntk_status rc = ADVNTK_OK;
    struct npy_state *s = calloc(1, sizeof(*s));

    if (!s) {
        FAIL(err, ENOMEM, "npy: no memory");
    }
    s->host = host;
    s->bytes = true;
    s->parts[0].images.descriptor = s->parts[1].images.descriptor = -1;
    for (int p = 0; p < 2; p++) {
        s->parts[p].path = images[p];
        TRY(advntk_npy_open(&s->parts[p].images, images[p], err));
        TRY(check_images(s, &s->parts[p], err));
        TRY(load_labels(s, p, labels[p], err));
        rc = check_pixels(s, &s->parts[p], err);
        if (rc != ADVNTK_OK) {
            goto out;
        }
    }
    *info = (struct advntk_dataset_info){.images = {s->parts[0].count, s->parts[1].count},
                                         .height = s->height,
                                         .width = s->width,
                                         .channels = s->channels,
                                         .classes = s->classes,
                                         .box_low = 0,
                                         .box_high = 1,
                                         .class_names = s->names};
    *state = s;
    s = NULL;
out:
    if (s) {
        npy_close(s);
    }
    return rc;
}

static advntk_status npy_read(void *state, enum advntk_part part, ptrdiff_t count,
                              const int64_t *index, double *pixels, int32_t *labels,
                              struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct npy_state *s = state;
    const struct npy_part *p = &s->parts[part];
    ptrdiff_t d = s->height * s->width * s->channels;
    double divisor = divisor_of(&p->images);

    for (ptrdiff_t i = 0; i < count; i++) {
        if (index[i] < 0 || index[i] >= p->count) {
            FAIL(err, EINVALID, "image %jd asked of %td", (intmax_t)index[i], p->count);
        }
        if (labels) {
            labels[i] = p->labels[index[i]];
        }
        if (pixels) {
            rc = advntk_npy_read_reals(&p->images, index[i] * d, d, pixels + i * d, err);
            if (rc != ADVNTK_OK) {
                advntk_error_prefix(err, "%s: ", p->path);
                goto out;
            }
            for (ptrdiff_t j = 0; j < d && divisor != 1; j++) {
                pixels[i * d + j] /= divisor;
            }
        }
    }
out:
    return rc;
}

static advntk_status npy_fetch(void *context, int part, ptrdiff_t first, ptrdiff_t count,
                               void *values, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    const struct npy_state *s = context;
    const struct advntk_npy *a = &s->parts[part].images;
    ptrdiff_t d = s->height * s->width * s->channels, total = count * d;
    double scale = 255 / divisor_of(a), piece[PIECE];
    uint8_t *bytes = values;

    if (!s->bytes) {
        double *reals = values;
        TRY(advntk_npy_read_reals(a, first * d, total, reals, err));
        for (ptrdiff_t i = 0; i < total; i++) {
            reals[i] /= divisor_of(a);
        }
        goto out;
    }
    for (ptrdiff_t done = 0; done < total; done += PIECE) {
        ptrdiff_t n = total - done < PIECE ? total - done : PIECE;
        TRY(advntk_npy_read_reals(a, first * d + done, n, piece, err));
        for (ptrdiff_t i = 0; i < n; i++) {
            bytes[done + i] = (uint8_t)nearbyint(piece[i] * scale);
        }
    }
out:
    return rc;
}

static advntk_status npy_digest(void *state, uint8_t digest[16], struct advntk_error *err)
{
    struct npy_state *s = state;
    struct image_digest g = {.height = s->height,
                             .width = s->width,
                             .channels = s->channels,
                             .classes = s->classes,
                             .count = {s->parts[0].count, s->parts[1].count},
                             .divisor = s->bytes ? 255 : 0,
                             .labels = {s->parts[0].labels, s->parts[1].labels},
                             .fetch = npy_fetch,
                             .context = s};
    return image_digest(&g, s->host, digest, err);
}

static const struct advntk_dataset_ops npy_ops = {
    .open = npy_open, .read = npy_read, .digest = npy_digest, .close = npy_close};

ADVNTK_PLUGIN(DATASET, npy_ops, .name = "npy", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "one's own images and labels, in NumPy arrays",
              .doc =
                  "Four .npy files. Images n x height x width x channels, n x height x width, or "
                  "n x values (then height and channels are 1); uint8 0..255, which is divided by "
                  "255, or float32 and float64 in [0,1]. Labels are any integers; the classes are "
                  "the values in increasing order, named by them. Images stay on disk.",
              .params = npy_params, .config_bytes = sizeof(struct npy_config));
