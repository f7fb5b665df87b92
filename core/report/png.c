/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "report/png.h"

#include "base/try.h"

#include <math.h>
#include <png.h>
#include <stdint.h>
#include <stdlib.h>

enum { LARGEST_SIDE = 1 << 20 };

unsigned char advntk__png_shade(double value)
{
    return (unsigned char)lround(255 * fmin(1, fmax(0, value)));
}

advntk_status advntk__png_make(ptrdiff_t height, ptrdiff_t width, ptrdiff_t channels,
                               const unsigned char *bytes, unsigned char **file, size_t *size,
                               struct advntk_error *err)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY};
    png_alloc_size_t room = 0;
    advntk_status rc = ADVNTK_OK;

    *file = NULL;
    *size = 0;
    if (height < 1 || width < 1 || height > LARGEST_SIDE || width > LARGEST_SIDE) {
        FAIL(err, ESHAPE, "a picture of %td x %td pixels, expected sides of 1 to %d", height, width,
             LARGEST_SIDE);
    }
    image.width = (png_uint_32)width;
    image.height = (png_uint_32)height;
    room = PNG_IMAGE_PNG_SIZE_MAX(image);
    *file = malloc(room);
    if (!*file) {
        FAIL(err, ENOMEM, "no memory for a picture of %td x %td pixels", height, width);
    }
    if (!png_image_write_to_memory(&image, *file, &room, 0, bytes, 0, NULL)) {
        FAIL(err, ENOMEM, "libpng: %s", image.message);
    }
    *size = room;
out:
    if (rc != ADVNTK_OK) {
        free(*file);
        *file = NULL;
    }
    return rc;
}
