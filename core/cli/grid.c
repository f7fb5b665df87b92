/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "cli/grid.h"

#include "base/files.h"
#include "base/try.h"
#include "report/png.h"

#include <advntk/host.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2, SMALLEST_SIDE = 96, LARGEST_ROWS = 4096 };

struct grid {
    ptrdiff_t count, height, width, channels, scale;
    const double *clean, *perturbed;
    double lo, hi, largest; /* largest: of the differences */
};

/* The value of cell 0 (clean), 1 (perturbed) or 2 (difference), 0 to 255. */
static unsigned char shade(const struct grid *g, ptrdiff_t image, int cell, ptrdiff_t at)
{
    ptrdiff_t k = image * g->height * g->width * g->channels + at;
    double value = cell == 0        ? (g->clean[k] - g->lo) / (g->hi - g->lo)
                   : cell == 1      ? (g->perturbed[k] - g->lo) / (g->hi - g->lo)
                   : g->largest > 0 ? 0.5 + 0.5 * (g->perturbed[k] - g->clean[k]) / g->largest
                                    : 0.5;

    return advntk__png_shade(value);
}

static void fill_line(const struct grid *g, ptrdiff_t image, ptrdiff_t y, unsigned char *line)
{
    ptrdiff_t shown = g->channels == 3 ? 3 : 1;

    for (int cell = 0; cell < 3; cell++) {
        for (ptrdiff_t x = 0; x < g->width * g->scale; x++) {
            unsigned char *pixel = line + (cell * (g->width * g->scale + GAP) + x) * shown;
            ptrdiff_t at = (y * g->width + x / g->scale) * g->channels;
            for (ptrdiff_t c = 0; c < shown; c++) {
                pixel[c] = shade(g, image, cell, at + c);
            }
        }
    }
}

/* All of it in memory: bytes (rows, line). */
static void fill(const struct grid *g, unsigned char *bytes, ptrdiff_t line)
{
    for (ptrdiff_t i = 0; i < g->count; i++) {
        for (ptrdiff_t y = 0; y < g->height * g->scale; y++) {
            fill_line(g, i, y / g->scale, bytes + (i * (g->height * g->scale + GAP) + y) * line);
        }
    }
}

advntk_status cli_grid_write(const char *path, ptrdiff_t count, ptrdiff_t height, ptrdiff_t width,
                             ptrdiff_t channels, const double *clean, const double *perturbed,
                             double lo, double hi, struct advntk_error *err)
{
    struct grid g = {count, height, width, channels, 1, clean, perturbed, lo, hi, 0};
    unsigned char *bytes = NULL, *file = NULL;
    ptrdiff_t line, rows, columns;
    size_t size = 0;
    advntk_status rc = ADVNTK_OK;

    if (count < 1 || height < 1 || width < 1 || channels < 1 || !(hi > lo)) {
        FAIL(err, ESHAPE, "%s: %td images of %td x %td x %td to show, expected at least one", path,
             count, height, width, channels);
    }
    g.scale = height >= SMALLEST_SIDE ? 1 : SMALLEST_SIDE / height;
    if (g.count > LARGEST_ROWS / (height * g.scale + GAP)) {
        g.count = LARGEST_ROWS / (height * g.scale + GAP);
        g.count = g.count > 0 ? g.count : 1;
    }
    for (ptrdiff_t k = 0; k < g.count * height * width * channels; k++) {
        g.largest = fmax(g.largest, fabs(perturbed[k] - clean[k]));
    }
    rows = g.count * (height * g.scale + GAP) - GAP;
    columns = 3 * (width * g.scale + GAP) - GAP;
    line = columns * (channels == 3 ? 3 : 1);
    bytes = advntk_alloc(rows, (size_t)line);
    if (!bytes) {
        FAIL(err, ENOMEM, "%s: no memory for a picture of %td rows", path, rows);
    }
    memset(bytes, 255, (size_t)(rows * line));
    fill(&g, bytes, line);
    TRY(advntk__png_make(rows, columns, channels == 3 ? 3 : 1, bytes, &file, &size, err));
    TRY(advntk__files_replace(path, (const char *)file, size, err));
out:
    advntk_free(bytes);
    free(file);
    return rc;
}
