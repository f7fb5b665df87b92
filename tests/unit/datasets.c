/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The data set plugins, loaded as the program does, on small files made here. */
#include "config.h"
#include "scratch.h"
#include "tap.h"

#include "base/host.h"
#include "registry/registry.h"

#include <matio.h>
#include <zlib.h>

static struct advntk_error err;
static struct advntk__registry *registry;
static struct advntk_host *host;

/* A data set opened with a config struct of the plugin's (the members in the order of its table).
 */
struct open_set {
    const struct advntk_dataset_ops *ops;
    void *state;
    struct advntk_dataset_info info;
};

static advntk_status open_set(struct open_set *s, const char *name, const void *config)
{
    const struct advntk__plugin_record *r =
        advntk__registry_find(registry, ADVNTK_KIND_DATASET, name);
    *s = (struct open_set){0};
    if (!r) {
        return ADVNTK_FAIL(&err, ENOTFOUND, "no plugin %s", name);
    }
    s->ops = r->plugin.ops;
    return s->ops->open(config, host, &s->state, &s->info, &err);
}

static void close_set(struct open_set *s)
{
    if (s->state) {
        s->ops->close(s->state);
    }
    s->state = NULL;
}

static bool refused(const char *name, const void *config, advntk_status want, const char *part)
{
    struct open_set s;
    advntk_status rc = open_set(&s, name, config);
    bool good = rc == want && strstr(err.text, part);
    if (!good) {
        printf("# %s: status %d, text %s, wanted %s\n", name, rc, rc ? err.text : "", part);
    }
    close_set(&s);
    return good;
}

static bool same_digest(struct open_set *a, struct open_set *b)
{
    uint8_t x[16], y[16];
    return a->ops->digest(a->state, x, &err) == ADVNTK_OK &&
           b->ops->digest(b->state, y, &err) == ADVNTK_OK && memcmp(x, y, 16) == 0;
}

static void digits(void)
{
    /* first and last row of scikit-learn's digits.csv, and its number of images a class */
    static const double first[8] = {0, 0, 5, 13, 9, 1, 0, 0}, last[8] = {0, 0, 10, 14, 8, 1, 0, 0};
    static const int counts[10] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
    struct open_set s, again;
    int64_t index[1297];
    int32_t labels[1297];
    int seen[10] = {0};
    double x[128];
    bool good;

    if (!ok(open_set(&s, "digits", NULL) == ADVNTK_OK, "digits: opened")) {
        printf("# %s\n", err.text);
        return;
    }
    ok(s.info.images[0] == 1297 && s.info.images[1] == 500 && s.info.height == 8 &&
           s.info.width == 8 && s.info.channels == 1 && s.info.classes == 10 &&
           s.info.box_low == 0 && s.info.box_high == 1,
       "digits: 1297 and 500 images of 8x8, 10 classes");
    for (int i = 0; i < 1297; i++) {
        index[i] = i;
    }
    good = s.ops->read(s.state, ADVNTK_TRAIN, 1297, index, NULL, labels, &err) == ADVNTK_OK;
    for (int i = 0; good && i < 1297; i++) {
        seen[labels[i]]++;
    }
    good = good && s.ops->read(s.state, ADVNTK_TEST, 500, index, NULL, labels, &err) == ADVNTK_OK;
    for (int i = 0; good && i < 500; i++) {
        seen[labels[i]]++;
    }
    ok(good && memcmp(seen, counts, sizeof(seen)) == 0,
       "digits: as many of each class as in the source");
    ok(s.ops->read(s.state, ADVNTK_TRAIN, 2, (int64_t[]){1296, 0}, x, labels, &err) == ADVNTK_OK &&
           labels[1] == 0,
       "digits: read in the order asked for");
    for (int i = 0; i < 8; i++) {
        good = good && x[64 + i] == first[i] / 16;
    }
    ok(good, "digits: the first row of the first image");
    good = s.ops->read(s.state, ADVNTK_TEST, 1, (int64_t[]){499}, x, labels, &err) == ADVNTK_OK &&
           labels[0] == 8;
    for (int i = 0; i < 8; i++) {
        good = good && x[i] == last[i] / 16;
    }
    ok(good, "digits: the first row of the last image");
    ok(s.ops->read(s.state, ADVNTK_TEST, 1, (int64_t[]){500}, x, labels, &err) == ADVNTK_EINVALID &&
           s.ops->read(s.state, ADVNTK_TEST, 1, (int64_t[]){-1}, x, labels, &err) ==
               ADVNTK_EINVALID,
       "digits: an image that is not there");
    ok(open_set(&again, "digits", NULL) == ADVNTK_OK && same_digest(&s, &again),
       "digits: a steady digest");
    close_set(&again);
    close_set(&s);
}

struct path_config {
    const char *path;
};

enum { CIFAR = 3072 };

/* Byte b of image i of a made-up file: different in each plane, row and column. */
static uint8_t byte_of(int file, int i, int b)
{
    return (uint8_t)(file * 31 + i * 17 + b * 7 + b / 1024 * 3 + b / 32);
}

static void write_cifar(const char *name, int file, int images, int classes, int label_bytes)
{
    static uint8_t bytes[8 * (CIFAR + 2)];
    uint8_t *at = bytes;
    for (int i = 0; i < images; i++) {
        if (label_bytes == 2) {
            *at++ = (uint8_t)((file + i) % 20);
        }
        *at++ = (uint8_t)((file + i) % classes);
        for (int b = 0; b < CIFAR; b++) {
            *at++ = byte_of(file, i, b);
        }
    }
    scratch_write(name, bytes, (size_t)(at - bytes));
}

static void quiet(void *context, enum advntk_log_level level, const char *line)
{
    int *lines = context;
    (void)level;
    (void)line;
    ++*lines;
}

static void cifar10(void)
{
    const struct path_config here = {scratch_folder}, none = {NULL}, nowhere = {scratch("nowhere")};
    struct open_set s, again;
    int32_t labels[2];
    static double x[2 * CIFAR];
    char name[32];
    bool good = true;
    int warnings = 0;

    unsetenv("ADVNTK_DATA");
    ok(refused("cifar10", &none, ADVNTK_EIO, "Set data.dataset.path or ADVNTK_DATA") &&
           refused("cifar10", &nowhere, ADVNTK_EIO, "no data_batch_1.bin in"),
       "cifar10: without files it is said what to set");
    for (int f = 1; f <= 5; f++) {
        snprintf(name, sizeof(name), "data_batch_%d.bin", f);
        write_cifar(name, f, f, 10, 1); /* 15 images in all */
    }
    ok(refused("cifar10", &here, ADVNTK_EIO, "test_batch.bin: No such file"),
       "cifar10: a missing file");
    write_cifar("test_batch.bin", 9, 4, 10, 1);
    host->sink.log = quiet;
    host->sink.context = &warnings;
    if (!ok(open_set(&s, "cifar10", &here) == ADVNTK_OK && s.info.images[0] == 15 &&
                s.info.images[1] == 4 && s.info.classes == 10 && s.info.channels == 3,
            "cifar10: opened")) {
        printf("# %s\n", err.text);
        return;
    }
    ok(warnings == 6, "cifar10: files of another size than the official ones are pointed out");
    /* image 5 is the third of file 3, image 14 the last of file 5 */
    ok(s.ops->read(s.state, ADVNTK_TRAIN, 2, (int64_t[]){14, 5}, x, labels, &err) == ADVNTK_OK &&
           labels[0] == 9 && labels[1] == 5,
       "cifar10: images are numbered across the files");
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < 1024; i++) {
            good = good && x[i * 3 + c] == byte_of(5, 4, c * 1024 + i) / 255.0 &&
                   x[CIFAR + i * 3 + c] == byte_of(3, 2, c * 1024 + i) / 255.0;
        }
    }
    ok(good, "cifar10: planes become channels");
    ok(strcmp(s.info.class_names[9], "truck") == 0, "cifar10: class names");
    setenv("ADVNTK_DATA", scratch_folder, 1);
    ok(open_set(&again, "cifar10", &none) == ADVNTK_OK && same_digest(&s, &again),
       "cifar10: found by ADVNTK_DATA, same digest");
    close_set(&again);
    unsetenv("ADVNTK_DATA");
    write_cifar("test_batch.bin", 8, 4, 10, 1);
    ok(open_set(&again, "cifar10", &here) == ADVNTK_OK && !same_digest(&s, &again),
       "cifar10: another test file, another digest");
    close_set(&again);
    close_set(&s);
    write_cifar("data_batch_3.bin", 3, 2, 200, 1);
    truncate(scratch("data_batch_3.bin"), 2 * (CIFAR + 1) - 1);
    ok(refused("cifar10", &here, ADVNTK_EFORMAT,
               "data_batch_3.bin: 6145 bytes, expected 3073 times"),
       "cifar10: a file cut off");
    truncate(scratch("data_batch_3.bin"), 0);
    ok(refused("cifar10", &here, ADVNTK_EFORMAT, "data_batch_3.bin: 0 bytes"),
       "cifar10: an empty file");
    write_cifar("data_batch_3.bin", 9, 2, 200, 1);
    ok(refused("cifar10", &here, ADVNTK_EFORMAT,
               "data_batch_3.bin: image 1 has the label 10, expected 0 to 9"),
       "cifar10: a label out of range");
    for (int f = 1; f <= 5; f++) {
        snprintf(name, sizeof(name), "data_batch_%d.bin", f);
        write_cifar(name, f, 3, 1, 1);
    }
    ok(refused("cifar10", &here, ADVNTK_EFORMAT, "all 15 training images have the label 0"),
       "cifar10: one class only");
    host->sink.log = NULL;
}

struct cifar100_config {
    const char *path;
    int labels;
};

static void cifar100(void)
{
    const struct cifar100_config fine = {scratch_folder, 0}, coarse = {scratch_folder, 1};
    struct open_set f, c;
    int32_t labels[2][3];
    static double x[CIFAR];
    int warnings = 0;
    int64_t index[3] = {2, 0, 1};

    host->sink.log = quiet;
    host->sink.context = &warnings;
    write_cifar("train.bin", 77, 5, 100, 2);
    write_cifar("test.bin", 12, 3, 100, 2);
    ok(open_set(&f, "cifar100", &fine) == ADVNTK_OK && f.info.classes == 100 &&
           f.info.images[0] == 5 && open_set(&c, "cifar100", &coarse) == ADVNTK_OK &&
           c.info.classes == 20,
       "cifar100: opened");
    if (f.state && c.state) {
        ok(f.ops->read(f.state, ADVNTK_TRAIN, 3, index, NULL, labels[0], &err) == ADVNTK_OK &&
               c.ops->read(c.state, ADVNTK_TRAIN, 3, index, NULL, labels[1], &err) == ADVNTK_OK &&
               labels[0][0] == 79 && labels[0][1] == 77 && labels[1][0] == 19 && labels[1][1] == 17,
           "cifar100: fine and coarse labels");
        ok(f.ops->read(f.state, ADVNTK_TEST, 1, index, x, labels[0], &err) == ADVNTK_OK &&
               x[4 * 3 + 2] == byte_of(12, 2, 2048 + 4) / 255.0,
           "cifar100: pixels begin behind both labels");
        ok(!same_digest(&f, &c), "cifar100: other labels, another digest");
        ok(strcmp(f.info.class_names[99], "worm") == 0 &&
               strcmp(f.info.class_names[50], "mouse") == 0 &&
               strcmp(c.info.class_names[14], "people") == 0,
           "cifar100: class names");
    }
    close_set(&f);
    close_set(&c);
    host->sink.log = NULL;
}

struct idx_config {
    const char *path, *name;
};

static void write_idx(const char *name, int rank, const int *length, const uint8_t *values, bool gz)
{
    uint8_t bytes[4096] = {0, 0, 8, (uint8_t)rank};
    size_t n = 1, at = 4;
    for (int i = 0; i < rank; i++) {
        bytes[at + 2] = (uint8_t)(length[i] >> 8);
        bytes[at + 3] = (uint8_t)length[i];
        at += 4;
        n *= (size_t)length[i];
    }
    memcpy(bytes + at, values, n);
    if (gz) {
        gzFile f = gzopen(scratch(name), "wb");
        gzwrite(f, bytes, (unsigned)(at + n));
        gzclose(f);
    } else {
        scratch_write(name, bytes, at + n);
    }
}

static void idx(void)
{
    const struct idx_config here = {scratch_folder, "fashion-mnist"};
    const int images[3] = {6, 4, 5}, few[3] = {3, 4, 5}, other[3] = {3, 5, 5}, label[1] = {6};
    struct open_set s, packed;
    uint8_t values[120], labels[6] = {0, 2, 1, 2, 0, 1};
    int32_t got[2];
    double x[40];

    for (int i = 0; i < 120; i++) {
        values[i] = (uint8_t)(i * 2 + 1);
    }
    write_idx("train-images-idx3-ubyte", 3, images, values, false);
    write_idx("train-labels-idx1-ubyte", 1, label, labels, false);
    write_idx("t10k-images-idx3-ubyte", 3, few, values + 20, false);
    write_idx("t10k-labels-idx1-ubyte", 1, few, labels, false);
    if (!ok(open_set(&s, "idx", &here) == ADVNTK_OK && s.info.images[0] == 6 &&
                s.info.images[1] == 3 && s.info.height == 4 && s.info.width == 5 &&
                s.info.channels == 1 && s.info.classes == 3,
            "idx: opened")) {
        printf("# %s\n", err.text);
        return;
    }
    ok(s.ops->read(s.state, ADVNTK_TRAIN, 2, (int64_t[]){5, 1}, x, got, &err) == ADVNTK_OK &&
           got[0] == 1 && got[1] == 2 && x[0] == values[100] / 255.0 && x[39] == values[39] / 255.0,
       "idx: images and labels");
    ok(s.ops->read(s.state, ADVNTK_TEST, 1, (int64_t[]){0}, x, got, &err) == ADVNTK_OK &&
           x[0] == values[20] / 255.0,
       "idx: test images");
    write_idx("t10k-images-idx3-ubyte", 3, other, values, false);
    ok(refused("idx", &here, ADVNTK_EFORMAT, "images of 5x5x1, the training images have 4x5x1"),
       "idx: test images of another size");
    unlink(scratch("train-images-idx3-ubyte"));
    unlink(scratch("t10k-images-idx3-ubyte"));
    write_idx("train-images-idx3-ubyte.gz", 3, images, values, true);
    ok(refused("idx", &here, ADVNTK_EIO, "has no t10k-images-idx3-ubyte"), "idx: a missing file");
    write_idx("t10k-images-idx3-ubyte.gz", 3, few, values + 20, true);
    ok(open_set(&packed, "idx", &here) == ADVNTK_OK && same_digest(&s, &packed),
       "idx: the same digest, compressed or not");
    close_set(&packed);
    close_set(&s);
    truncate(scratch("t10k-images-idx3-ubyte.gz"), 40);
    ok(refused("idx", &here, ADVNTK_EFORMAT, "t10k-images-idx3-ubyte.gz: "),
       "idx: a compressed file cut off");
    write_idx("t10k-images-idx3-ubyte.gz", 3, few, values + 20, true);
    labels[1] = 3;
    write_idx("t10k-labels-idx1-ubyte", 1, few, labels, false);
    ok(refused("idx", &here, ADVNTK_EFORMAT,
               "image 1 has the label 3, the training labels are 0 to 2"),
       "idx: a test label that training has not");
    write_idx("t10k-labels-idx1-ubyte", 1, (int[]){2}, labels, false);
    ok(refused("idx", &here, ADVNTK_EFORMAT, "2 labels for 3 images"), "idx: too few labels");
    scratch_write("train-labels-idx1-ubyte", "\0\0\x0d\1\0\0\0\1\0\0\0\0", 12);
    ok(refused("idx", &here, ADVNTK_EFORMAT, "begins with 00 00 0d 01, expected 00 00 08 01"),
       "idx: values of another type");
    scratch_write("train-labels-idx1-ubyte", "\0\0\x08\1\xff\xff\xff\xff", 8);
    ok(refused("idx", &here, ADVNTK_EFORMAT, "too few for the lengths"),
       "idx: a length beyond the file");
}

/* A MATLAB file as SVHN's: images of bytes byte_of(file, i, row + 32 (column + 32 channel)). */
static void write_svhn(const char *name, int file, size_t images, double *labels, bool real,
                       enum mat_ft version)
{
    size_t x_size[4] = {32, 32, 3, images}, y_size[2] = {images, 1};
    static uint8_t x[4 * CIFAR], y[4];
    mat_t *m = Mat_CreateVer(scratch(name), NULL, version);
    for (size_t i = 0; i < images; i++) {
        for (int b = 0; b < CIFAR; b++) {
            x[i * CIFAR + (size_t)b] = byte_of(file, (int)i, b);
        }
        y[i] = (uint8_t)labels[i];
    }
    matvar_t *vx = Mat_VarCreate("X", MAT_C_UINT8, MAT_T_UINT8, 4, x_size, x, 0);
    matvar_t *vy = real ? Mat_VarCreate("y", MAT_C_DOUBLE, MAT_T_DOUBLE, 2, y_size, labels, 0)
                        : Mat_VarCreate("y", MAT_C_UINT8, MAT_T_UINT8, 2, y_size, y, 0);
    Mat_VarWrite(m, vx, MAT_COMPRESSION_ZLIB);
    Mat_VarWrite(m, vy, MAT_COMPRESSION_ZLIB);
    Mat_VarFree(vx);
    Mat_VarFree(vy);
    Mat_Close(m);
}

static void svhn(void)
{
    const struct path_config here = {scratch_folder};
    double labels[4] = {10, 1, 9, 2}, wrong[4] = {1, 11, 3, 4}, half[4] = {1, 1.5, 3, 4};
    struct open_set s;
    static double x[2 * CIFAR];
    int32_t got[2];
    bool good = true;

    ok(refused("svhn", &here, ADVNTK_EIO, "no train_32x32.mat in"),
       "svhn: without files it is said what to set");
    write_svhn("train_32x32.mat", 1, 4, labels, false, MAT_FT_MAT5);
    ok(refused("svhn", &here, ADVNTK_EIO, "test_32x32.mat: No such file"), "svhn: a missing file");
    write_svhn("test_32x32.mat", 2, 3, labels, true, MAT_FT_MAT5);
    if (!ok(open_set(&s, "svhn", &here) == ADVNTK_OK && s.info.images[0] == 4 &&
                s.info.images[1] == 3 && s.info.classes == 10 && s.info.height == 32 &&
                s.info.channels == 3,
            "svhn: opened")) {
        printf("# %s\n", err.text);
        return;
    }
    ok(s.ops->read(s.state, ADVNTK_TRAIN, 2, (int64_t[]){2, 0}, x, got, &err) == ADVNTK_OK &&
           got[0] == 9 && got[1] == 0,
       "svhn: the label 10 is the digit 0");
    for (int row = 0; row < 32; row++) {
        for (int column = 0; column < 32; column++) {
            for (int c = 0; c < 3; c++) {
                good = good && x[(row * 32 + column) * 3 + c] ==
                                   byte_of(1, 2, row + 32 * (column + 32 * c)) / 255.0;
            }
        }
    }
    ok(good, "svhn: columns first become rows first");
    close_set(&s);
    write_svhn("test_32x32.mat", 2, 3, wrong, false, MAT_FT_MAT5);
    ok(refused("svhn", &here, ADVNTK_EFORMAT, "image 1 has the label 11, expected 1 to 10"),
       "svhn: a label out of range");
    write_svhn("test_32x32.mat", 2, 3, half, true, MAT_FT_MAT5);
    ok(refused("svhn", &here, ADVNTK_EFORMAT, "image 1 has the label 1.5"),
       "svhn: a label that is no integer");
    truncate(scratch("train_32x32.mat"), 1000);
    ok(refused("svhn", &here, ADVNTK_EFORMAT, "train_32x32.mat"), "svhn: a file cut off");
    scratch_write("train_32x32.mat", "no MATLAB", 9);
    ok(refused("svhn", &here, ADVNTK_EFORMAT, "train_32x32.mat: is no MATLAB file"),
       "svhn: a text file");
}

struct npy_config {
    const char *train_images, *train_labels, *test_images, *test_labels;
};

static void write_npy(const char *name, enum advntk_dtype dtype, int rank, const ptrdiff_t *shape,
                      const void *values)
{
    if (advntk_npy_write(scratch(name), dtype, rank, shape, values, &err) != ADVNTK_OK) {
        printf("# %s\n", err.text);
    }
}

static void npy(void)
{
    char files[4][300];
    static const char *const names[4] = {"a.npy", "b.npy", "c.npy", "d.npy"};
    for (int i = 0; i < 4; i++) {
        snprintf(files[i], sizeof(files[i]), "%s/%s", scratch_folder, names[i]);
    }
    const struct npy_config config = {files[0], files[1], files[2], files[3]};
    const ptrdiff_t four[4] = {3, 2, 2, 2}, three[3] = {3, 2, 4}, two[2] = {3, 8}, one[1] = {3};
    const ptrdiff_t few[2] = {2, 8}, pair[1] = {2}, none[2] = {0, 8};
    const int16_t labels[3] = {-7, 400, -7}, test_labels[2] = {400, -7}, alien[2] = {400, 3};
    uint8_t bytes[24];
    double reals[24], x[8];
    float singles[24];
    struct open_set s, again;
    int32_t got[2];

    for (int i = 0; i < 24; i++) {
        bytes[i] = (uint8_t)(i * 11);
        reals[i] = bytes[i] / 255.0;
        singles[i] = (float)reals[i];
    }
    write_npy("a.npy", ADVNTK_UINT8, 4, four, bytes);
    write_npy("b.npy", ADVNTK_INT16, 1, one, labels);
    write_npy("c.npy", ADVNTK_UINT8, 4, (ptrdiff_t[]){2, 2, 2, 2}, bytes + 8);
    write_npy("d.npy", ADVNTK_INT16, 1, pair, test_labels);
    if (!ok(open_set(&s, "npy", &config) == ADVNTK_OK && s.info.images[0] == 3 &&
                s.info.images[1] == 2 && s.info.height == 2 && s.info.width == 2 &&
                s.info.channels == 2 && s.info.classes == 2,
            "npy: opened")) {
        printf("# %s\n", err.text);
        return;
    }
    ok(strcmp(s.info.class_names[0], "-7") == 0 && strcmp(s.info.class_names[1], "400") == 0,
       "npy: classes are the labels' values in increasing order");
    ok(s.ops->read(s.state, ADVNTK_TEST, 1, (int64_t[]){1}, x, got, &err) == ADVNTK_OK &&
           got[0] == 0 && memcmp(x, reals + 16, sizeof(x)) == 0,
       "npy: bytes are divided by 255");
    ok(s.ops->read(s.state, ADVNTK_TRAIN, 1, (int64_t[]){3}, x, got, &err) == ADVNTK_EINVALID,
       "npy: an image that is not there");
    write_npy("a.npy", ADVNTK_FLOAT64, 4, four, reals);
    ok(open_set(&again, "npy", &config) == ADVNTK_OK && same_digest(&s, &again),
       "npy: the same pixels as float64 have the same digest");
    close_set(&again);
    write_npy("a.npy", ADVNTK_FLOAT32, 4, four, singles);
    ok(open_set(&again, "npy", &config) == ADVNTK_OK && !same_digest(&s, &again),
       "npy: rounded to float32 they have another");
    ok(again.state &&
           again.ops->read(again.state, ADVNTK_TRAIN, 1, (int64_t[]){1}, x, got, &err) ==
               ADVNTK_OK &&
           got[0] == 1 && x[3] == (double)singles[11],
       "npy: floats are taken as they are");
    close_set(&again);
    close_set(&s);
    write_npy("a.npy", ADVNTK_UINT8, 3, three, bytes);
    ok(refused("npy", &config, ADVNTK_EFORMAT, "images of 2x2x2, the training images have 2x4x1"),
       "npy: n x height x width; test images of another size");
    write_npy("a.npy", ADVNTK_UINT8, 2, two, bytes);
    write_npy("c.npy", ADVNTK_UINT8, 2, few, bytes);
    ok(open_set(&s, "npy", &config) == ADVNTK_OK && s.info.height == 1 && s.info.width == 8 &&
           s.info.channels == 1,
       "npy: n x values");
    close_set(&s);
    reals[13] = 1.0000001;
    write_npy("c.npy", ADVNTK_FLOAT64, 2, few, reals);
    ok(refused("npy", &config, ADVNTK_EFORMAT,
               "c.npy: image 1, row 0, column 5, channel 0 is 1.0000001"),
       "npy: a value above 1 is named with its place");
    reals[13] = (double)NAN;
    write_npy("c.npy", ADVNTK_FLOAT64, 2, few, reals);
    ok(refused("npy", &config, ADVNTK_EFORMAT, "c.npy: image 1, row 0, column 5, channel 0 is"),
       "npy: NaN");
    write_npy("c.npy", ADVNTK_UINT8, 2, few, bytes);
    write_npy("d.npy", ADVNTK_INT16, 1, pair, alien);
    ok(refused("npy", &config, ADVNTK_EFORMAT,
               "image 1 has the label 3, which no training image has"),
       "npy: a test label that training has not");
    write_npy("d.npy", ADVNTK_INT16, 1, one, labels);
    ok(refused("npy", &config, ADVNTK_EFORMAT,
               "d.npy: an array of rank 1 and length 3, expected 2 labels"),
       "npy: too many labels");
    write_npy("d.npy", ADVNTK_FLOAT32, 1, pair, singles);
    ok(refused("npy", &config, ADVNTK_EFORMAT, "d.npy: labels of a float type"),
       "npy: labels of floats");
    write_npy("b.npy", ADVNTK_INT16, 1, one, (int16_t[]){5, 5, 5});
    ok(refused("npy", &config, ADVNTK_EFORMAT, "b.npy: 1 different labels"), "npy: one class only");
    write_npy("a.npy", ADVNTK_INT32, 2, few, reals);
    ok(refused("npy", &config, ADVNTK_EFORMAT, "a.npy: expected images of uint8"),
       "npy: images of int32");
    write_npy("a.npy", ADVNTK_UINT8, 2, none, bytes);
    ok(refused("npy", &config, ADVNTK_EFORMAT, "a.npy: there are no images"), "npy: no images");
    unlink(files[0]);
    ok(refused("npy", &config, ADVNTK_EIO, "a.npy: No such file"), "npy: a missing file");
}

int main(void)
{
    scratch_make();
    if (!ok(advntk__registry_new(PLUGINS, false, &registry, &err) == ADVNTK_OK &&
                advntk__host_new(2, &host, &err) == ADVNTK_OK,
            "registry and host")) {
        printf("# %s\n", err.text);
        return done_testing();
    }
    digits();
    cifar10();
    cifar100();
    idx();
    svhn();
    npy();
    advntk__host_free(host);
    advntk__registry_free(registry);
    scratch_remove();
    return done_testing();
}
