/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The model that attacks see: anything that classifies. Infinite-width predictors, finite networks
 * and linearised networks all are models, and an attack never knows which it has.
 */
#ifndef ADVNTK_MODEL_H
#define ADVNTK_MODEL_H

#include <advntk/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* n rows of d = height*width*channels pixels, channels last, in the data set's box ([0,1] for images;
 * centring and scaling are part of the model). index: number of each image in the official file. */
struct advntk_images {
    ptrdiff_t n, height, width, channels;
    const double *pixels;   /* n,d */
    const int32_t *labels;  /* n, classes 0..classes-1; may be NULL where no label is needed */
    const int64_t *index;   /* n; may be NULL: then rows count as images 0..n-1 */
};

struct advntk_tape; /* what forward keeps for vjp; belongs to the model that made it */

/* A panel: the most rows the host ever passes at once. Image i is row i mod 128 of panel i div 128. */
#define ADVNTK_PANEL 128

/* One forward pass serves any number of cotangents; the host counts both and charges them to the images. */
struct advntk_model_ops {
    /*
     * f[i] = F(x_i).  Shapes: x (n,d), n <= ADVNTK_PANEL; f (n,classes).  tape: NULL if no vjp
     * follows; else the caller frees it with tape_free.  A row's result depends on that row alone
     * and on its place in the panel.  Fails: ESHAPE, ENUMERIC (a non-finite output, with the row).
     */
    advntk_status (*forward)(void *model, const struct advntk_images *x, double *f,
                             struct advntk_tape **tape, struct advntk_error *err);
    /* dx[i,k] = gradient of <g[i,k], F(x_i)> with respect to x_i.  g (n,m,classes), dx (n,m,d). */
    advntk_status (*vjp)(void *model, const struct advntk_tape *tape, ptrdiff_t m, const double *g,
                         double *dx, struct advntk_error *err);
    /* df[i] = F'(x_i) dx_i.  dx (n,d), df (n,classes).  May be NULL. */
    advntk_status (*jvp)(void *model, const struct advntk_tape *tape, const double *dx, double *df,
                         struct advntk_error *err);
    void (*tape_free)(void *model, struct advntk_tape *tape); /* NULL tape allowed */
};

#ifdef __cplusplus
}
#endif
#endif
