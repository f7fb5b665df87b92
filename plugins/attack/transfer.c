/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Points found against another model: what fools one often fools others (Szegedy et al. 2014 (arXiv
 * 1312.6199), section 4.2; Papernot, McDaniel, Goodfellow 2016 (arXiv 1605.07277)). The points come
 * from a file, several an image if it has them, and are evaluated in the file's order after
 * projection on ball and box. They say whether a model that withstands gradients only hides them.
 */
#include "config.h"

#include "success.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct transfer_config {
    const char *points, *index;
};

static const struct advntk_param transfer_params[] = {
    ADVNTK_PATH(struct transfer_config, points, NULL, .flags = ADVNTK_P_REQUIRED,
                .help =
                    "points, one an entry of the first axis, pixels as in the data set's box, "
                    "channels last: an npy file, or an npz file with an array `adversarial`, as "
                    "keep: true and the command attack leave it"),
    ADVNTK_PATH(struct transfer_config, index, NULL,
                .help =
                    "npy file that says which image each point belongs to, by its number in the "
                    "data set's test part; without it that is what the npz file's array `index` "
                    "says, or they are images 0, 1, ..."),
    ADVNTK_PARAM_END};

/* How far a clean image in the file may be from the one that is attacked: float32 or bytes, once
 * rounded, are the same image. */
static const double same_pixel = 1e-6;

struct transfer_state {
    const char *path;
    struct advntk_npy points, clean; /* clean: the images that they came from; closed: not known */
    ptrdiff_t count, n, d;
    int64_t *index;  /* count: image of each point */
    int64_t *labels; /* count; NULL: not known */
    int64_t *next;   /* n: first point that was not looked at yet */
    double *image;   /* d */
};

static void transfer_preset(const void *config, struct advntk_attack_settings *settings)
{
    (void)config;
    settings->random_start = false;
    settings->random_start_cube = 0;
}

static void transfer_close(void *state)
{
    struct transfer_state *s = state;
    if (s) {
        advntk_npy_close(&s->points);
        advntk_npy_close(&s->clean);
        advntk_free(s->index);
        advntk_free(s->labels);
        advntk_free(s->next);
        advntk_free(s->image);
        free(s);
    }
}

static bool is_archive(const char *path)
{
    size_t length = strlen(path), end = strlen(".npz");
    return length > end && strcmp(path + length - end, ".npz") == 0;
}

/* A number for each point, from a file of its own or an array of the archive; *there: false where
 * the archive has none, which is no error. */
static advntk_status read_numbers(const struct transfer_state *s, const char *path,
                                  const char *array, int64_t *values, bool *there,
                                  struct advntk_error *err)
{
    struct advntk_npy npy = {.descriptor = -1};
    struct advntk_error missing = {.status = ADVNTK_OK};
    advntk_status rc = array ? advntk_npy_open_member(&npy, path, array, &missing)
                             : advntk_npy_open(&npy, path, err);

    *there = true;
    if (array && rc != ADVNTK_OK) {
        *there = false;
        if (rc != ADVNTK_ENOTFOUND && err) {
            *err = missing;
        }
        return rc == ADVNTK_ENOTFOUND ? ADVNTK_OK : rc;
    }
    if (rc == ADVNTK_OK && (npy.rank != 1 || npy.shape[0] != s->count)) {
        rc = ADVNTK_FAIL(err, ESHAPE,
                         "%s: has %td values on %d axes, expected one for each of %td points", path,
                         npy.rank > 0 ? npy.shape[0] : 1, npy.rank, s->count);
    }
    if (rc == ADVNTK_OK) {
        rc = advntk_npy_read_ints(&npy, 0, s->count, values, err);
    }
    advntk_npy_close(&npy);
    return rc;
}

static advntk_status read_index(struct transfer_state *s, const struct transfer_config *cfg,
                                struct advntk_error *err)
{
    bool there = false;
    advntk_status rc = ADVNTK_OK;

    if (cfg->index) {
        rc = read_numbers(s, cfg->index, NULL, s->index, &there, err);
    } else if (is_archive(cfg->points)) {
        rc = read_numbers(s, cfg->points, "index", s->index, &there, err);
    }
    for (ptrdiff_t k = 0; !there && k < s->count; k++) {
        s->index[k] = k;
    }
    return rc;
}

/* What an archive says besides of the images: labels and the clean images, to know them again. */
static advntk_status open_rest(struct transfer_state *s, const struct transfer_config *cfg,
                               struct advntk_error *err)
{
    struct advntk_error missing = {.status = ADVNTK_OK};
    bool there = false;
    ptrdiff_t values = 1;
    advntk_status rc;

    s->labels = advntk_alloc(s->count, sizeof(int64_t));
    s->image = advntk_alloc(s->d, sizeof(double));
    if (!s->labels || !s->image) {
        return ADVNTK_FAIL(err, ENOMEM, "%s: no memory for %td labels", cfg->points, s->count);
    }
    rc = read_numbers(s, cfg->points, "labels", s->labels, &there, err);
    if (rc == ADVNTK_OK && !there) {
        advntk_free(s->labels);
        s->labels = NULL;
    }
    if (rc != ADVNTK_OK ||
        advntk_npy_open_member(&s->clean, cfg->points, "clean", &missing) != ADVNTK_OK) {
        return rc; /* without the clean images the labels have to do */
    }
    for (int k = 0; k < s->clean.rank; k++) {
        values *= s->clean.shape[k];
    }
    if (values != s->count * s->d) {
        return ADVNTK_FAIL(err, ESHAPE,
                           "%s: clean has %td values, expected %td for each of %td points",
                           cfg->points, values, s->d, s->count);
    }
    return ADVNTK_OK;
}

static advntk_status open_points(struct transfer_state *s, const struct advntk_attack_view *view,
                                 const struct transfer_config *cfg, struct advntk_error *err)
{
    bool archive = is_archive(cfg->points);
    ptrdiff_t values = 1;
    advntk_status rc = archive ? advntk_npy_open_member(&s->points, cfg->points, "adversarial", err)
                               : advntk_npy_open(&s->points, cfg->points, err);

    if (rc != ADVNTK_OK) {
        return rc;
    }
    s->path = cfg->points;
    s->d = view->d;
    s->count = s->points.rank > 0 ? s->points.shape[0] : 0;
    for (int k = 1; k < s->points.rank; k++) {
        values *= s->points.shape[k]; /* the file holds as many: advntk_npy_open saw to it */
    }
    if (s->points.rank < 2 || values != view->d) {
        return ADVNTK_FAIL(err, ESHAPE, "%s: a point has %td values, the images have %td",
                           cfg->points, values, view->d);
    }
    s->index = advntk_alloc(s->count, sizeof(int64_t));
    s->n = view->n;
    s->next = advntk_alloc_zero(view->n, sizeof(int64_t));
    if (!s->index || !s->next) {
        return ADVNTK_FAIL(err, ENOMEM, "%s: no memory for the numbers of %td points", cfg->points,
                           s->count);
    }
    rc = read_index(s, cfg, err);
    return rc == ADVNTK_OK && archive ? open_rest(s, cfg, err) : rc;
}

static advntk_status transfer_open(const void *config, struct advntk_host *host,
                                   const struct advntk_attack_view *view, void **state,
                                   struct advntk_error *err)
{
    struct transfer_state *s = calloc(1, sizeof(*s));
    advntk_status rc = ADVNTK_OK;

    (void)host;
    if (!s) {
        return ADVNTK_FAIL(err, ENOMEM, "no memory for the state of an attack");
    }
    s->points.descriptor = -1;
    s->clean.descriptor = -1;
    rc = open_points(s, view, config, err);
    if (rc != ADVNTK_OK) {
        transfer_close(s);
        return rc;
    }
    *state = s;
    return ADVNTK_OK;
}

/* Points of other images, or of images in another order, would try nothing: is point `at` one of
 * row i's image? */
static advntk_status check_image(struct transfer_state *s, const struct advntk_attack_view *view,
                                 ptrdiff_t i, int64_t at, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    if (s->labels && s->labels[at] != view->labels[i]) {
        return ADVNTK_FAIL(err, EINVALID,
                           "%s: point %lld is of image %lld with label %lld, here its label is %d: "
                           "the points are of other images",
                           s->path, (long long)at, (long long)view->index[i],
                           (long long)s->labels[at], (int)view->labels[i]);
    }
    if (s->clean.descriptor >= 0) {
        rc = advntk_npy_read_reals(&s->clean, (ptrdiff_t)at * s->d, s->d, s->image, err);
    }
    for (ptrdiff_t k = 0; rc == ADVNTK_OK && s->clean.descriptor >= 0 && k < s->d; k++) {
        double here = view->clean[i * s->d + k];
        if (!(fabs(s->image[k] - here) <= same_pixel)) {
            rc = ADVNTK_FAIL(err, EINVALID,
                             "%s: pixel %td of the clean image of point %lld is %g, of image %lld "
                             "it is %g: the points are of other images",
                             s->path, k, (long long)at, s->image[k], (long long)view->index[i],
                             here);
        }
    }
    return rc;
}

/* The next point of row i; an image that the file does not know would be taken for one that stands.
 */
static advntk_status next_point(struct transfer_state *s, const struct advntk_attack_view *view,
                                ptrdiff_t i, struct advntk_attack_ask *ask,
                                struct advntk_error *err)
{
    int64_t at = s->next[i];

    while (at < s->count && s->index[at] != view->index[i]) {
        at++;
    }
    s->next[i] = at + 1;
    if (at < s->count) {
        advntk_status rc = check_image(s, view, i, at, err);
        return rc != ADVNTK_OK ? rc
                               : advntk_npy_read_reals(&s->points, (ptrdiff_t)at * view->d, view->d,
                                                       ask->point + i * view->d, err);
    }
    if (view->step == 0) {
        return ADVNTK_FAIL(err, ENOTFOUND, "%s: has no point for image %lld", s->path,
                           (long long)view->index[i]);
    }
    s->next[i] = s->count;
    ask->done[i] = true;
    return ADVNTK_OK;
}

static advntk_status transfer_step(void *state, const struct advntk_attack_view *view,
                                   const struct advntk_attack_seen *seen,
                                   struct advntk_attack_ask *ask, struct advntk_error *err)
{
    advntk_status rc = ADVNTK_OK;

    (void)seen;
    for (ptrdiff_t i = 0; rc == ADVNTK_OK && i < view->n; i++) {
        if (view->active[i]) {
            rc = next_point(state, view, i, ask, err);
        }
    }
    return rc;
}

static advntk_status transfer_save(const void *state, struct advntk_writer *w,
                                   struct advntk_error *err)
{
    const struct transfer_state *s = state;
    return advntk_write_ints(w, "next", s->n, s->next, err);
}

static advntk_status transfer_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct transfer_state *s = state;
    return advntk_read_ints(r, "next", s->n, s->next, err);
}

static const struct advntk_attack_ops transfer_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS,
    .preset = transfer_preset,
    .open = transfer_open,
    .step = transfer_step,
    .save = transfer_save,
    .load = transfer_load,
    .close = transfer_close,
};

ADVNTK_PLUGIN(
    ATTACK, transfer_ops, .name = "transfer", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "points found against another model, from a file",
    .doc =
        "Takes the adversarial points that another run stored, or any others, and tries them here: "
        "black-box evidence that costs one output a point. Points beyond the radius are "
        "projected back. Every image must have a point. Of an npz file labels and, where it has "
        "them, clean images must be those that are attacked.",
    .source = "Szegedy et al. 2014 (arXiv 1312.6199), section 4.2; Papernot, McDaniel, Goodfellow "
              "2016 (arXiv 1605.07277)",
    .params = transfer_params, .config_bytes = sizeof(struct transfer_config));
