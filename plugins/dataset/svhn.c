/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SVHN, cropped digits: MATLAB files (version 5) with X, uint8 (32,32,3,n), and y, (n,1) of 1..10,
 * where 10 stands for the digit 0. MATLAB stores columns first: X[row + 32 (column + 32 (channel +
 * 3 image))].
 */
#include "config.h"

#include "images.h"

#include <matio.h>

struct svhn_config {
    const char *path;
};

static const struct advntk_param svhn_params[] = {
    ADVNTK_PATH(struct svhn_config, path, NULL,
                .help =
                    "folder with train_32x32.mat and test_32x32.mat, or its parent; absent: the "
                    "environment's ADVNTK_DATA"),
    ADVNTK_PARAM_END};

enum { SIDE = 32, CHANNELS = 3, VALUES = SIDE * SIDE * CHANNELS, CLASSES = 10 };

static const char *const svhn_subs[] = {"svhn", "SVHN", NULL};
static const char *const svhn_files[] = {"train_32x32.mat", "test_32x32.mat", NULL};

/* A variable of the file with its values; *v is to be freed by Mat_VarFree. */
static advntk_status read_variable(mat_t *mat, const char *path, const char *name, matvar_t **v,
                                   struct advntk_error *err)
{
    *v = Mat_VarRead(mat, name);
    if (!*v) {
        return ADVNTK_FAIL(err, EFORMAT, "%s: has no readable variable '%s'", path, name);
    }
    if (!(*v)->data || (*v)->isComplex) {
        return ADVNTK_FAIL(err, EFORMAT, "%s: variable '%s' holds no plain numbers", path, name);
    }
    return ADVNTK_OK;
}

/* X becomes part->bytes: the array is taken over from matio and turned image by image, in place. */
static advntk_status take_images(matvar_t *x, const char *path, struct image_part *part,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    uint8_t turned[VALUES];

    if (x->class_type != MAT_C_UINT8 || x->data_size != 1 || (x->rank != 4 && x->rank != 3) ||
        x->dims[0] != SIDE || x->dims[1] != SIDE || x->dims[2] != CHANNELS) {
        FAIL(err, EFORMAT, "%s: X is no uint8 array of 32x32x3xN", path);
    }
    part->count = x->rank == 4 ? (ptrdiff_t)x->dims[3] : 1;
    if (part->count == 0 || x->nbytes / VALUES != (size_t)part->count) {
        FAIL(err, EFORMAT, "%s: X has %zu bytes for %td images", path, x->nbytes, part->count);
    }
    part->bytes = x->data; /* from malloc */
    x->data = NULL;
    for (ptrdiff_t i = 0; i < part->count; i++) {
        uint8_t *image = part->bytes + i * VALUES;
        for (int c = 0; c < CHANNELS; c++) {
            for (int column = 0; column < SIDE; column++) {
                for (int row = 0; row < SIDE; row++) {
                    turned[(row * SIDE + column) * CHANNELS + c] =
                        image[row + SIDE * (column + SIDE * c)];
                }
            }
        }
        memcpy(image, turned, VALUES);
    }
out:
    return rc;
}

/* y is uint8 in the official files and double in some copies. */
static advntk_status take_labels(const matvar_t *y, const char *path, struct image_part *part,
                                 struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    size_t width = y->class_type == MAT_C_UINT8 ? 1 : sizeof(double);

    if ((y->class_type != MAT_C_UINT8 && y->class_type != MAT_C_DOUBLE) ||
        (size_t)y->data_size != width) {
        FAIL(err, EFORMAT, "%s: y is neither uint8 nor double", path);
    }
    if (y->nbytes / width != (size_t)part->count) {
        FAIL(err, EFORMAT, "%s: %zu labels for %td images", path, y->nbytes / width, part->count);
    }
    part->labels = calloc((size_t)part->count, sizeof(*part->labels));
    if (!part->labels) {
        FAIL(err, ENOMEM, "%s: no memory for %td labels", path, part->count);
    }
    for (ptrdiff_t i = 0; i < part->count; i++) {
        double label = width == 1 ? ((const uint8_t *)y->data)[i] : ((const double *)y->data)[i];
        if (!(label >= 1 && label <= CLASSES) || label != floor(label)) {
            FAIL(err, EFORMAT, "%s: image %td has the label %g, expected 1 to 10", path, i, label);
        }
        part->labels[i] = (int32_t)label % CLASSES;
    }
out:
    return rc;
}

static advntk_status load_part(const char *path, struct image_part *part, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    mat_t *mat = NULL;
    matvar_t *x = NULL, *y = NULL;

    if (access(path, R_OK) != 0) {
        FAIL(err, EIO, "%s: %s", path, strerror(errno));
    }
    mat = Mat_Open(path, MAT_ACC_RDONLY);
    if (!mat) {
        FAIL(err, EFORMAT, "%s: is no MATLAB file", path);
    }
    if (Mat_GetVersion(mat) != MAT_FT_MAT5) {
        FAIL(err, EFORMAT, "%s: is a MATLAB file of another version, expected 5", path);
    }
    TRY(read_variable(mat, path, "X", &x, err));
    TRY(take_images(x, path, part, err));
    TRY(read_variable(mat, path, "y", &y, err));
    TRY(take_labels(y, path, part, err));
out:
    Mat_VarFree(x);
    Mat_VarFree(y);
    if (mat) {
        Mat_Close(mat);
    }
    return rc;
}

static advntk_status svhn_open(const void *config, struct advntk_host *host, void **state,
                               struct advntk_dataset_info *info, struct advntk_error *err)
{
    const struct svhn_config *c = config;
    advntk_status rc = ADVNTK_OK;
    struct image_set *s = calloc(1, sizeof(*s));
    char folder[FOLDER_ROOM], file[FOLDER_ROOM];

    if (!s) {
        FAIL(err, ENOMEM, "svhn: no memory");
    }
    *s = (struct image_set){.host = host,
                            .height = SIDE,
                            .width = SIDE,
                            .channels = CHANNELS,
                            .classes = CLASSES,
                            .divisor = 255};
    TRY(image_folder("svhn", c->path, svhn_subs, NULL, svhn_files, folder, err));
    for (int p = 0; p < 2; p++) {
        if (!path_in(file, folder, NULL, svhn_files[p])) {
            FAIL(err, EIO, "svhn: the path of its folder is too long");
        }
        TRY(load_part(file, &s->parts[p], err));
    }
    TRY(image_set_info(s, folder, NULL, info, err));
    *state = s;
    s = NULL;
out:
    image_set_close(s);
    return rc;
}

static const struct advntk_dataset_ops svhn_ops = {.open = svhn_open,
                                                   .read = image_set_read,
                                                   .digest = image_set_digest,
                                                   .close = image_set_close};

ADVNTK_PLUGIN(
    DATASET, svhn_ops, .name = "svhn", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "Street View House Numbers: 99,289 colour images of 32x32 pixels, 10 digits",
    .doc = "Reads the cropped digits (format 2): 73,257 training and 26,032 test images in "
           "MATLAB files, into memory. The files' label 10 is the digit 0.",
    .source = "Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Y. Ng (2011), Reading "
              "Digits in Natural Images with Unsupervised Feature Learning; "
              "http://ufldl.stanford.edu/housenumbers",
    .params = svhn_params, .config_bytes = sizeof(struct svhn_config));
