/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Data sets of the MNIST family: four idx files, each gzip-compressed or not. Plain image files
 * stay on disk, compressed ones are unpacked into memory. Source of the format: Y. LeCun, C.
 * Cortes, C. Burges, The MNIST database; bytes 0 0 8 RANK, RANK big-endian 32-bit lengths, then
 * unsigned bytes.
 */
#include "config.h"

#include "images.h"

#define ZLIB_CONST
#include <zlib.h>

struct idx_config {
    const char *path;
    const char *name;
};

static const struct advntk_param idx_params[] = {
    ADVNTK_PATH(struct idx_config, path, NULL,
                .help =
                    "folder with train-images-idx3-ubyte and the three other files (.gz or not), "
                    "or its parent; absent: the environment's ADVNTK_DATA, then the system's data "
                    "sets"),
    ADVNTK_STRING(struct idx_config, name, "fashion-mnist",
                  .help = "name of the folder, where path is its parent: fashion-mnist, mnist, "
                          "kmnist, ..."),
    ADVNTK_PARAM_END};

static const char *const markers[] = {"train-images-idx3-ubyte", "train-images-idx3-ubyte.gz",
                                      "train-images.idx3-ubyte", "train-images.idx3-ubyte.gz",
                                      NULL};

static const char *const fashion_names[] = {"t-shirt", "trouser",   "pullover", "dress",
                                            "coat",    "sandal",    "shirt",    "sneaker",
                                            "bag",     "ankle boot"};

/* An open idx file: lengths, and what follows them. */
struct idx_file {
    char path[FOLDER_ROOM];
    gzFile gz;
    int rank;
    ptrdiff_t length[4], head;
    size_t bytes; /* of values */
    bool packed;
};

/* folder/part-what(-|.)idxN-ubyte[.gz], whichever is there */
static advntk_status find_file(const char *folder, const char *part, const char *what, int rank,
                               char path[FOLDER_ROOM], struct advntk_error *err)
{
    static const char *const ends[] = {"", ".gz"};
    char name[64];

    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof(name), "%s-%s%cidx%d-ubyte%s", part, what, i < 2 ? '-' : '.', rank,
                 ends[i % 2]);
        if (path_in(path, folder, NULL, name) && access(path, F_OK) == 0) {
            return ADVNTK_OK;
        }
    }
    return ADVNTK_FAIL(err, EIO, "idx: %.300s has no %s-%s-idx%d-ubyte nor one with .gz", folder,
                       part, what, rank);
}

static advntk_status gz_bytes(struct idx_file *f, void *buffer, size_t bytes,
                              struct advntk_error *err)
{
    uint8_t *p = buffer;

    while (bytes > 0) {
        unsigned piece = bytes < (1u << 24) ? (unsigned)bytes : 1u << 24;
        int got = gzread(f->gz, p, piece), code;
        const char *text = gzerror(f->gz, &code);
        if (got < 0 || (got == 0 && code != Z_OK && code != Z_BUF_ERROR)) {
            return ADVNTK_FAIL(err, EFORMAT, "%s: is damaged: %s", f->path, text);
        }
        if (got == 0) {
            return ADVNTK_FAIL(err, EFORMAT, "%s: ends %zu bytes too early", f->path, bytes);
        }
        p += got;
        bytes -= (size_t)got;
    }
    return ADVNTK_OK;
}

/* Opens a file and reads its lengths, which must have one of two ranks. */
static advntk_status idx_file_open(struct idx_file *f, int rank_low, int rank_high,
                                   struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    uint8_t head[20];
    struct stat st;
    size_t most;

    f->gz = gzopen(f->path, "rbe");
    if (!f->gz || stat(f->path, &st) != 0) {
        FAIL(err, EIO, "%s: %s", f->path, errno ? strerror(errno) : "cannot be opened");
    }
    TRY(gz_bytes(f, head, 4, err));
    f->packed = !gzdirect(f->gz);
    f->rank = head[3];
    if (head[0] != 0 || head[1] != 0 || head[2] != 8 || f->rank < rank_low || f->rank > rank_high) {
        FAIL(err, EFORMAT,
             "%s: begins with %02x %02x %02x %02x, expected 00 00 08 %02x (an idx file of bytes)",
             f->path, head[0], head[1], head[2], head[3], (unsigned)rank_low);
    }
    f->head = 4 + 4 * (ptrdiff_t)f->rank;
    TRY(gz_bytes(f, head, (size_t)f->head - 4, err));
    f->bytes = 1;
    /* deflate makes at most 1032 bytes of one: lengths beyond that are wrong, and not allocated */
    most = (size_t)st.st_size * (f->packed ? 1032 : 1);
    for (int i = 0; i < f->rank; i++) {
        const uint8_t *b = head + 4 * (ptrdiff_t)i;
        uint32_t n = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (n == 0) {
            FAIL(err, EFORMAT, "%s: length %d of its array is 0", f->path, i + 1);
        }
        if (f->bytes > most / n) {
            FAIL(err, EFORMAT, "%s: %jd bytes%s, too few for the lengths in its head", f->path,
                 (intmax_t)st.st_size, f->packed ? " compressed" : "");
        }
        f->length[i] = (ptrdiff_t)n;
        f->bytes *= n;
    }
out:
    return rc;
}

/* The values, which must end where the file does. */
static advntk_status idx_file_values(struct idx_file *f, uint8_t **values, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    uint8_t more;

    *values = malloc(f->bytes);
    if (!*values) {
        FAIL(err, ENOMEM, "%s: no memory for %zu bytes", f->path, f->bytes);
    }
    TRY(gz_bytes(f, *values, f->bytes, err));
    if (gzread(f->gz, &more, 1) != 0) {
        int code;
        const char *text = gzerror(f->gz, &code);
        FAIL(err, EFORMAT, "%s: %s", f->path,
             code == Z_OK ? "is longer than the lengths in its head" : text);
    }
out:
    return rc;
}

static advntk_status load_labels(const char *folder, const char *name, struct image_part *part,
                                 ptrdiff_t *classes, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct idx_file f = {.gz = NULL};
    uint8_t *values = NULL;

    TRY(find_file(folder, name, "labels", 1, f.path, err));
    TRY(idx_file_open(&f, 1, 1, err));
    TRY(idx_file_values(&f, &values, err));
    if (f.length[0] != part->count) {
        FAIL(err, EFORMAT, "%s: %td labels for %td images", f.path, f.length[0], part->count);
    }
    part->labels = malloc((size_t)part->count * sizeof(*part->labels));
    if (!part->labels) {
        FAIL(err, ENOMEM, "%s: no memory for its labels", f.path);
    }
    for (ptrdiff_t i = 0; i < part->count; i++) {
        part->labels[i] = values[i];
        if (*classes != 0 && values[i] >= *classes) {
            FAIL(err, EFORMAT, "%s: image %td has the label %d, the training labels are 0 to %td",
                 f.path, i, values[i], *classes - 1);
        }
    }
    for (ptrdiff_t i = 0, known = *classes; known == 0 && i < part->count; i++) {
        *classes = values[i] >= *classes ? values[i] + 1 : *classes;
    }
out:
    if (f.gz) {
        gzclose(f.gz);
    }
    free(values);
    return rc;
}

static advntk_status load_images(const char *folder, const char *name, struct image_set *s,
                                 struct image_part *part, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct idx_file f = {.gz = NULL};

    TRY(find_file(folder, name, "images", 3, f.path, err));
    TRY(idx_file_open(&f, 3, 4, err));
    f.length[3] = f.rank == 4 ? f.length[3] : 1;
    if (s->height != 0 &&
        (f.length[1] != s->height || f.length[2] != s->width || f.length[3] != s->channels)) {
        FAIL(err, EFORMAT, "%s: images of %tdx%tdx%td, the training images have %tdx%tdx%td",
             f.path, f.length[1], f.length[2], f.length[3], s->height, s->width, s->channels);
    }
    s->height = f.length[1];
    s->width = f.length[2];
    s->channels = f.length[3];
    if (f.packed) {
        TRY(idx_file_values(&f, &part->bytes, err));
        part->count = f.length[0];
    } else {
        TRY(image_part_add(part, f.path, f.head, image_values(s), f.head, err));
        if (part->count != f.length[0]) {
            FAIL(err, EFORMAT, "%s: %td images, its head says %td", f.path, part->count,
                 f.length[0]);
        }
    }
out:
    if (f.gz) {
        gzclose(f.gz);
    }
    return rc;
}

static advntk_status idx_open(const void *config, struct advntk_host *host, void **state,
                              struct advntk_dataset_info *info, struct advntk_error *err)
{
    static const char *const parts[2] = {"train", "t10k"};
    const struct idx_config *c = config;
    const char *subs[2] = {c->name, NULL};
    advntk_status rc = ADVNTK_OK;
    struct image_set *s = calloc(1, sizeof(*s));
    char folder[FOLDER_ROOM], system[FOLDER_ROOM];
    size_t length;
    bool fashion;

    if (!s) {
        FAIL(err, ENOMEM, "idx: no memory");
    }
    *s = (struct image_set){.host = host, .divisor = 255};
    /* where Debian's packages dataset-* put them */
    snprintf(system, sizeof(system), "/usr/share/datasets/%.200s", c->name);
    TRY(image_folder("idx", c->path, subs, system, markers, folder, err));
    for (int p = 0; p < 2; p++) {
        TRY(load_images(folder, parts[p], s, &s->parts[p], err));
        TRY(load_labels(folder, parts[p], &s->parts[p], &s->classes, err));
    }
    length = strlen(folder);
    fashion =
        s->classes == 10 && length >= 13 && strcmp(folder + length - 13, "fashion-mnist") == 0;
    TRY(image_set_info(s, folder, fashion ? fashion_names : NULL, info, err));
    *state = s;
    s = NULL;
out:
    image_set_close(s);
    return rc;
}

static const struct advntk_dataset_ops idx_ops = {
    .open = idx_open, .read = image_set_read, .digest = image_set_digest, .close = image_set_close};

ADVNTK_PLUGIN(DATASET, idx_ops, .name = "idx", .version = "1.0.0", .licence = "GPL-3.0-or-later",
              .summary = "data sets in idx files: MNIST, Fashion-MNIST, KMNIST, EMNIST",
              .doc =
                  "Looks for train-images-idx3-ubyte, train-labels-idx1-ubyte, "
                  "t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with or without .gz. "
                  "Debian's package dataset-fashion-mnist is found without any setting. Pixels are "
                  "bytes divided by 255.",
              .source = "Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits; "
                        "H. Xiao, K. Rasul, R. Vollgraf (2017), Fashion-MNIST, arXiv:1708.07747",
              .params = idx_params, .config_bytes = sizeof(struct idx_config));
