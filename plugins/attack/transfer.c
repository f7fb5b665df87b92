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
#include <stdlib.h>

struct transfer_config {
    const char *points, *index;
};

static const struct advntk_param transfer_params[] = {
    ADVNTK_PATH(struct transfer_config, points, NULL, .flags = ADVNTK_P_REQUIRED,
                .help = "npy file of points, one an entry of its first axis, pixels as in the data "
                        "set's box, channels last"),
    ADVNTK_PATH(struct transfer_config, index, NULL,
                .help =
                    "npy file that says which image each point belongs to, by its number in the "
                    "data set's test part; without it they are images 0, 1, ..."),
    ADVNTK_PARAM_END};

struct transfer_state {
    const char *path;
    struct advntk_npy points;
    ptrdiff_t count, n;
    int64_t *index; /* count: image of each point */
    int64_t *next;  /* n: first point that was not looked at yet */
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
        advntk_free(s->index);
        advntk_free(s->next);
        free(s);
    }
}

static advntk_status read_index(struct transfer_state *s, const char *path,
                                struct advntk_error *err)
{
    struct advntk_npy npy = {.descriptor = -1};
    advntk_status rc = ADVNTK_OK;

    for (ptrdiff_t k = 0; !path && k < s->count; k++) {
        s->index[k] = k;
    }
    if (!path) {
        return ADVNTK_OK;
    }
    rc = advntk_npy_open(&npy, path, err);
    if (rc == ADVNTK_OK && (npy.rank != 1 || npy.shape[0] != s->count)) {
        rc = ADVNTK_FAIL(err, ESHAPE,
                         "%s: has %td values on %d axes, expected one for each of %td points", path,
                         npy.rank > 0 ? npy.shape[0] : 1, npy.rank, s->count);
    }
    if (rc == ADVNTK_OK) {
        rc = advntk_npy_read_ints(&npy, 0, s->count, s->index, err);
    }
    advntk_npy_close(&npy);
    return rc;
}

static advntk_status open_points(struct transfer_state *s, const struct advntk_attack_view *view,
                                 const struct transfer_config *cfg, struct advntk_error *err)
{
    ptrdiff_t values = 1;
    advntk_status rc = advntk_npy_open(&s->points, cfg->points, err);

    if (rc != ADVNTK_OK) {
        return rc;
    }
    s->path = cfg->points;
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
    return read_index(s, cfg->index, err);
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
    rc = open_points(s, view, config, err);
    if (rc != ADVNTK_OK) {
        transfer_close(s);
        return rc;
    }
    *state = s;
    return ADVNTK_OK;
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
        return advntk_npy_read_reals(&s->points, (ptrdiff_t)at * view->d, view->d,
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
        "projected back. Every image must have a point.",
    .source = "Szegedy et al. 2014 (arXiv 1312.6199), section 4.2; Papernot, McDaniel, Goodfellow "
              "2016 (arXiv 1605.07277)",
    .params = transfer_params, .config_bytes = sizeof(struct transfer_config));
