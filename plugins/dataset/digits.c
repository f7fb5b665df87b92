/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The 8x8 digits, inside the plugin: data/digits.idx.gz turned into an array by the build. */
#include "config.h"

#include "images.h"

#define ZLIB_CONST
#include <zlib.h>

static const unsigned char digits_gz[] = {
#include "plugins/dataset/digits_data.h"
};

/* The array inside: an idx head of 12 bytes, then rows of 64 pixels and the label. */
enum { HEAD = 12, PIXELS = 64, ROW = PIXELS + 1, IMAGES = 1797, TRAIN = 1297, BRIGHTEST = 16 };

static advntk_status unpack(uint8_t *raw, struct advntk_error *err)
{
    static const uint8_t head[HEAD] = {0, 0, 8, 2, 0, 0, IMAGES >> 8, IMAGES & 255, 0, 0, 0, ROW};
    z_stream z = {.avail_in = sizeof(digits_gz), .next_out = raw, .avail_out = HEAD + IMAGES * ROW};
    int code;

    z.next_in = digits_gz;
    code = inflateInit2(&z, 16 + MAX_WBITS);
    if (code == Z_OK) {
        code = inflate(&z, Z_FINISH);
        inflateEnd(&z);
    }
    if (code == Z_MEM_ERROR) {
        return ADVNTK_FAIL(err, ENOMEM, "digits: no memory to unpack the images");
    }
    if (code != Z_STREAM_END || z.avail_out != 0 || memcmp(raw, head, HEAD) != 0) {
        return ADVNTK_FAIL(err, EFORMAT, "digits: the embedded images are damaged (zlib %d)", code);
    }
    return ADVNTK_OK;
}

static advntk_status digits_open(const void *config, struct advntk_host *host, void **state,
                                 struct advntk_dataset_info *info, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;
    struct image_set *s = calloc(1, sizeof(*s));
    uint8_t *raw = malloc(HEAD + IMAGES * ROW);

    (void)config;
    if (!s || !raw) {
        FAIL(err, ENOMEM, "digits: no memory for %d images", IMAGES);
    }
    TRY(unpack(raw, err));
    *s = (struct image_set){
        .host = host, .height = 8, .width = 8, .channels = 1, .classes = 10, .divisor = BRIGHTEST};
    for (int p = 0; p < 2; p++) {
        struct image_part *part = &s->parts[p];
        const uint8_t *row = raw + HEAD + (p == ADVNTK_TRAIN ? 0 : TRAIN * ROW);
        part->count = p == ADVNTK_TRAIN ? TRAIN : IMAGES - TRAIN;
        part->labels = malloc((size_t)part->count * sizeof(*part->labels));
        part->bytes = malloc((size_t)part->count * PIXELS);
        if (!part->labels || !part->bytes) {
            FAIL(err, ENOMEM, "digits: no memory for %d images", IMAGES);
        }
        for (ptrdiff_t i = 0; i < part->count; i++, row += ROW) {
            memcpy(part->bytes + i * PIXELS, row, PIXELS);
            part->labels[i] = row[PIXELS];
        }
    }
    TRY(image_set_info(s, "digits", NULL, info, err));
    *state = s;
    s = NULL;
out:
    image_set_close(s);
    free(raw);
    return rc;
}

static const struct advntk_dataset_ops digits_ops = {.open = digits_open,
                                                     .read = image_set_read,
                                                     .digest = image_set_digest,
                                                     .close = image_set_close};

ADVNTK_PLUGIN(
    DATASET, digits_ops, .name = "digits", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "1,797 handwritten digits of 8x8 pixels, inside the program",
    .doc =
        "Needs no files. The first 1,297 images of the source are the training part, the last 500 "
        "the test part. Pixels are the source's 0..16 divided by 16. The images are licensed under "
        "CC BY 4.0 "
        "(https://creativecommons.org/licenses/by/4.0/legalcode).",
    .source =
        "E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine "
        "Learning Repository, doi:10.24432/C50P49; its test part, as in scikit-learn");
