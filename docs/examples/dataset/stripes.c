/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A data set of one's own: images of stripes, across or upright, under noise. It is drawn here; one
 * from files opens them in `open` and reads in `read` the images that are asked for, so that they
 * need not fit into memory. Every number comes from the address of the image, so any order gives
 * the same images.
 */
#include <advntk/plugin.h>
#include <math.h>

struct stripes_config {
    int64_t side, images;
    double noise;
};

static const struct advntk_param stripes_params[] = {
    ADVNTK_INT(struct stripes_config, side, 8, 2, 64, .unit = "pixels",
               .help = "height and width of an image"),
    ADVNTK_INT(struct stripes_config, images, 1000, 1, 1000000, .help = "images of each part"),
    ADVNTK_REAL(struct stripes_config, noise, 0.3, 0, 1, .unit = "pixel value",
                .help = "how far the noise goes"),
    ADVNTK_PARAM_END};

enum { CLASSES = 2 };

static const char *const class_names[CLASSES] = {"across", "upright"};

static advntk_status stripes_open(const void *config, struct advntk_host *host, void **state,
                                  struct advntk_dataset_info *info, struct advntk_error *err)
{
    const struct stripes_config *cfg = config;
    const struct stripes_config **s = advntk_alloc_zero(1, sizeof(*s));

    (void)host;
    if (!s) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for a data set");
    }
    *s = cfg;
    *info = (struct advntk_dataset_info){.images = {cfg->images, cfg->images},
                                         .height = cfg->side,
                                         .width = cfg->side,
                                         .channels = 1,
                                         .classes = CLASSES,
                                         .box_low = 0,
                                         .box_high = 1,
                                         .class_names = class_names};
    *state = s;
    return ADVNTK_OK;
}

static void draw(const struct stripes_config *cfg, enum advntk_part part, int64_t index,
                 double *pixels, int32_t *label)
{
    struct advntk_stream stream;
    uint64_t phase;

    advntk_stream_init(&stream, 0, advntk_random_purpose("stripes"), index, 0, (uint32_t)part);
    *label = (int32_t)advntk_random_below(&stream, CLASSES);
    phase = advntk_random_below(&stream, 2);
    for (int64_t k = 0; pixels && k < cfg->side * cfg->side; k++) {
        uint64_t along = (uint64_t)(*label ? k % cfg->side : k / cfg->side);
        double clean = (along / 2 + phase) % 2 ? 0.75 : 0.25;
        double value = clean + cfg->noise * (2 * advntk_random_uniform(&stream) - 1);
        pixels[k] = fmin(fmax(value, 0), 1);
    }
}

/* Several threads call it at once. pixels NULL: labels only. */
static advntk_status stripes_read(void *state, enum advntk_part part, ptrdiff_t count,
                                  const int64_t *index, double *pixels, int32_t *labels,
                                  struct advntk_error *err)
{
    const struct stripes_config *cfg = *(const struct stripes_config **)state;

    for (ptrdiff_t i = 0; i < count; i++) {
        if (index[i] < 0 || index[i] >= cfg->images) {
            return ADVNTK_FAIL(err, ESHAPE, "stripes: image %lld of %lld", (long long)index[i],
                               (long long)cfg->images);
        }
        draw(cfg, part, index[i], pixels ? pixels + i * cfg->side * cfg->side : NULL, &labels[i]);
    }
    return ADVNTK_OK;
}

/* Of what the images are, not of where they lie: here the config says all. */
static advntk_status stripes_digest(void *state, uint8_t digest[16], struct advntk_error *err)
{
    const struct stripes_config *cfg = *(const struct stripes_config **)state;
    const double all[] = {(double)cfg->side, (double)cfg->images, cfg->noise};

    (void)err;
    advntk_hash_bytes(all, sizeof(all), digest);
    return ADVNTK_OK;
}

static void stripes_close(void *state)
{
    advntk_free(state);
}

static const struct advntk_dataset_ops stripes_ops = {
    .open = stripes_open, .read = stripes_read, .digest = stripes_digest, .close = stripes_close};

ADVNTK_PLUGIN(DATASET, stripes_ops, .name = "stripes", .version = "1.0.0",
              .licence = "GPL-3.0-or-later", .summary = "stripes across or upright, under noise",
              .doc = "Two classes that no single pixel tells apart. Needs no files.",
              .params = stripes_params, .config_bytes = sizeof(struct stripes_config));
