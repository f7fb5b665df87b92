/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Square Attack: Andriushchenko, Croce, Flammarion, Hein 2020 (arXiv 1912.00049), algorithm 1:
 * random search with square windows that shrink, from outputs alone. A proposal is kept where the
 * loss rose.
 *
 * l-infinity (algorithm 2): start from vertical stripes of +-rho; a proposal adds +-2 rho, one sign
 * a channel, on an s x s window and is clipped to the ball, so that it lies on its corners. l2
 * (algorithm 3): a window W1 gets rho eta + its own direction, eta a bump of two halves of opposite
 * sign, with the length that W1, a second window W2, which is cleared, and the unused budget have
 * together; the whole is scaled to the radius. l1: the same with lengths in l1, the bump falling
 * off with the fourth power and the projection instead of the scaling, as in the public code
 * (Croce, Hein 2021, section 5).
 *
 * Notation: s side of the window, p share of the pixels in it, rho +-1 or radius, n,d images and
 * values; delta = point - clean image.
 *
 * Windows, signs and bumps come from the image's own stream, so results do not depend on the batch.
 * In the public code a batch shares them, and windows never reach the last row and column: the
 * latter with reference autoattack.
 */
#include "config.h"

#include "arrays.h"

#include <advntk/plugin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { REFERENCE_OFF, REFERENCE_AUTOATTACK };
enum { SMALLEST_BUMP = 3, TILES = 5 };

struct square_config {
    int64_t queries;
    double p_init;
    bool rescale_schedule;
    int reference;
};

static const char *const references[] = {"off", "autoattack", NULL};

static const struct advntk_param square_params[] = {
    ADVNTK_INT(struct square_config, queries, 5000, 1, 16000000, .symbol = "N",
               .unit = "proposals an image", .help = "windows that are tried in a restart",
               .source = "Andriushchenko et al. 2020, algorithm 1"),
    ADVNTK_REAL(struct square_config, p_init, 0.8, 0, 1, .flags = ADVNTK_P_MIN_OPEN, .symbol = "p",
                .help = "share of the pixels in the first windows; halved nine times on the way",
                .source = "Andriushchenko et al. 2020, section 3.2 (0.8: AutoAttack)"),
    ADVNTK_BOOL(struct square_config, rescale_schedule, true,
                .help = "whether windows shrink in proportion to queries, instead of at the "
                        "queries given for 10,000 of them (AutoAttack: false)",
                .source = "Andriushchenko et al. 2020, section 3.2"),
    ADVNTK_CHOICE(struct square_config, reference, "off", references,
                  .help = "autoattack: windows never touch the last row and column, as in the "
                          "public code",
                  .source = "Croce, Hein 2020 (arXiv 2003.01690), released code"),
    ADVNTK_PARAM_END};

enum geometry { CORNERS, EUCLIDEAN, TAXICAB };

struct square_state {
    struct square_config config;
    enum geometry geometry;
    ptrdiff_t n, d;
    double *best_loss; /* n */
    double *best;      /* n,d: the point of the highest loss */
};

static const struct state_array square_arrays[] = {
    STATE_ARRAY(struct square_state, best_loss, false),
    STATE_ARRAY(struct square_state, best, true), STATE_ARRAY_END};

static void square_preset(const void *config, struct advntk_attack_settings *settings)
{
    (void)config;
    settings->random_start = false; /* the stripes are the start */
    settings->random_start_cube = 0;
}

static const char *square_unsupported(const void *config, const char *norm, ptrdiff_t classes)
{
    (void)config;
    (void)classes;
    return strcmp(norm, "linf") == 0 || strcmp(norm, "l2") == 0 || strcmp(norm, "l1") == 0
               ? NULL
               : "its windows are made for the norms linf, l2 and l1; use noise";
}

static void square_close(void *state)
{
    arrays_free(state, square_arrays);
    free(state);
}

static advntk_status square_open(const void *config, struct advntk_host *host,
                                 const struct advntk_attack_view *view, void **state,
                                 struct advntk_error *err)
{
    const char *norm = view->settings->norm.plugin->name;
    struct square_state *s = NULL;
    advntk_status rc = ADVNTK_OK;

    (void)host;
    if (!view->settings->loss.plugin) {
        return ADVNTK_FAIL(err, EINVALID, "no loss given; margin is the paper's");
    }
    if (strcmp(norm, "linf") != 0 && (view->height < TILES || view->width < TILES)) {
        return ADVNTK_FAIL(err, EUNSUPPORTED,
                           "images are %tdx%td, but in norm %s it needs at least %dx%d; use linf",
                           view->height, view->width, norm, TILES, TILES);
    }
    s = calloc(1, sizeof(*s));
    rc = arrays_new(s, square_arrays, view, err);
    if (rc != ADVNTK_OK) {
        square_close(s);
        return rc;
    }
    s->config = *(const struct square_config *)config;
    s->geometry = strcmp(norm, "linf") == 0 ? CORNERS
                  : strcmp(norm, "l2") == 0 ? EUCLIDEAN
                                            : TAXICAB;
    s->n = view->n;
    s->d = view->d;
    *state = s;
    return ADVNTK_OK;
}

/* p of a proposal: halved after each of these, counted in 10,000 queries. */
static double share_at(const struct square_config *cfg, int64_t proposal)
{
    static const int64_t halvings[] = {10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000};
    double p = cfg->p_init;

    if (cfg->rescale_schedule) {
        proposal = (int64_t)((double)proposal / (double)cfg->queries * 10000);
    }
    for (size_t k = 0; k < sizeof(halvings) / sizeof(*halvings); k++) {
        p *= proposal > halvings[k] ? 0.5 : 1;
    }
    return p;
}

/* Side of a proposal's window; bumps are odd and at least three wide, to have two halves and a
 * middle. */
static ptrdiff_t side_at(const struct square_state *s, const struct advntk_attack_view *v)
{
    ptrdiff_t least = v->height < v->width ? v->height : v->width;
    double p = share_at(&s->config, v->step - 1);
    ptrdiff_t side = (ptrdiff_t)round(sqrt(p * (double)(v->height * v->width)));

    if (s->geometry == CORNERS) {
        side = side > 1 ? side : 1;
        return side < least ? side : least;
    }
    side = side > SMALLEST_BUMP ? side : SMALLEST_BUMP;
    side += side % 2 == 0;
    return side <= least ? side : least - (least % 2 == 0);
}

static double random_sign(struct advntk_stream *stream)
{
    return advntk_random_below(stream, 2) ? 1 : -1;
}

struct window {
    ptrdiff_t top, left, side;
};

static struct window random_window(const struct square_state *s, const struct advntk_attack_view *v,
                                   ptrdiff_t side, struct advntk_stream *stream)
{
    bool all = s->config.reference != REFERENCE_AUTOATTACK;
    ptrdiff_t tops = v->height - side + all, lefts = v->width - side + all;
    struct window w = {0, 0, side};

    w.top = (ptrdiff_t)advntk_random_below(stream, (uint64_t)(tops > 0 ? tops : 1));
    w.left = (ptrdiff_t)advntk_random_below(stream, (uint64_t)(lefts > 0 ? lefts : 1));
    return w;
}

static ptrdiff_t value_at(const struct advntk_attack_view *v, ptrdiff_t row, ptrdiff_t column,
                          ptrdiff_t channel)
{
    return (row * v->width + column) * v->channels + channel;
}

static bool inside(const struct window *w, ptrdiff_t row, ptrdiff_t column)
{
    return row >= w->top && row < w->top + w->side && column >= w->left &&
           column < w->left + w->side;
}

static double length_of(const struct square_state *s, ptrdiff_t count, const double *x)
{
    double sum = 0;
    for (ptrdiff_t k = 0; k < count; k++) {
        sum += s->geometry == EUCLIDEAN ? x[k] * x[k] : fabs(x[k]);
    }
    return s->geometry == EUCLIDEAN ? sqrt(sum) : sum;
}

static void scale_to(const struct square_state *s, ptrdiff_t count, double *x, double length)
{
    double size = length_of(s, count, x);
    for (ptrdiff_t k = 0; size > 0 && k < count; k++) {
        x[k] *= length / size;
    }
}

/* Half of a bump: rings around its middle, the value on ring r being the sum over k >= r of
 * 1/(k+1)^power; rows x columns values of length 1. */
static void make_half(const struct square_state *s, ptrdiff_t rows, ptrdiff_t columns, double *half)
{
    ptrdiff_t rings = (rows > columns ? rows : columns) / 2 + 1;
    double power = s->geometry == EUCLIDEAN ? 2 : 4;

    for (ptrdiff_t i = 0; i < rows * columns; i++) {
        ptrdiff_t down = labs(i / columns - rows / 2), right = labs(i % columns - columns / 2);
        half[i] = 0;
        for (ptrdiff_t k = down > right ? down : right; k < rings; k++) {
            half[i] += pow((double)(k + 1), -power);
        }
    }
    scale_to(s, rows * columns, half, 1);
}

/* eta, side x side: two halves of opposite sign, lying or standing by chance; of length 1. */
static void make_bump(const struct square_state *s, ptrdiff_t side, struct advntk_stream *stream,
                      double *bump)
{
    ptrdiff_t upper = side / 2 * side;

    make_half(s, side / 2, side, bump);
    make_half(s, side - side / 2, side, bump + upper);
    for (ptrdiff_t k = upper; k < side * side; k++) {
        bump[k] = -bump[k];
    }
    scale_to(s, side * side, bump, 1);
    if (advntk_random_below(stream, 2)) {
        for (ptrdiff_t i = 0; i < side; i++) {
            for (ptrdiff_t j = 0; j < i; j++) {
                double kept = bump[i * side + j];
                bump[i * side + j] = bump[j * side + i];
                bump[j * side + i] = kept;
            }
        }
    }
}

static void stripes(const struct advntk_attack_view *v, struct advntk_stream *stream, double *delta)
{
    for (ptrdiff_t column = 0; column < v->width; column++) {
        for (ptrdiff_t channel = 0; channel < v->channels; channel++) {
            double sign = random_sign(stream);
            for (ptrdiff_t row = 0; row < v->height; row++) {
                delta[value_at(v, row, column, channel)] = sign * v->radius;
            }
        }
    }
}

/* Bumps on tiles of a fifth of the image's side, as many as fit. */
static void tiles(const struct square_state *s, const struct advntk_attack_view *v,
                  struct advntk_stream *stream, double *bump, double *delta)
{
    ptrdiff_t side = (v->height < v->width ? v->height : v->width) / TILES;
    ptrdiff_t top = v->height % side / 2, first = v->width % side / 2;

    memset(delta, 0, (size_t)v->d * sizeof(double));
    for (; top + side <= v->height; top += side) {
        for (ptrdiff_t left = first; left + side <= v->width; left += side) {
            make_bump(s, side, stream, bump);
            for (ptrdiff_t channel = 0; channel < v->channels; channel++) {
                double sign = random_sign(stream);
                for (ptrdiff_t k = 0; k < side * side; k++) {
                    delta[value_at(v, top + k / side, left + k % side, channel)] = sign * bump[k];
                }
            }
        }
    }
}

static void corner_proposal(const struct square_state *s, const struct advntk_attack_view *v,
                            struct advntk_stream *stream, double *delta)
{
    struct window w = random_window(s, v, side_at(s, v), stream);

    for (ptrdiff_t channel = 0; channel < v->channels; channel++) {
        double sign = random_sign(stream);
        for (ptrdiff_t k = 0; k < w.side * w.side; k++) {
            /* +-2 rho and the clipping to the ball make it +-rho, whatever it was */
            delta[value_at(v, w.top + k / w.side, w.left + k % w.side, channel)] = sign * v->radius;
        }
    }
}

/* The length of channel's part of delta in both windows together; delta cleared in the second. */
static double take_windows(const struct square_state *s, const struct advntk_attack_view *v,
                           const struct window *first, const struct window *second,
                           ptrdiff_t channel, double *delta)
{
    double sum = 0;

    for (ptrdiff_t row = 0; row < v->height; row++) {
        for (ptrdiff_t column = 0; column < v->width; column++) {
            double *value = delta + value_at(v, row, column, channel);
            bool in_second = inside(second, row, column);
            if (in_second || inside(first, row, column)) {
                sum += s->geometry == EUCLIDEAN ? *value * *value : fabs(*value);
            }
            *value = in_second ? 0 : *value;
        }
    }
    return sum;
}

/* Algorithm 3; sums are squares of lengths in l2, lengths in l1. bump, part: side x side each. */
static void bump_proposal(const struct square_state *s, const struct advntk_attack_view *v,
                          struct advntk_stream *stream, double *bump, double *part, double *delta)
{
    ptrdiff_t side = side_at(s, v), count = side * side;
    struct window w = random_window(s, v, side, stream),
                  cleared = random_window(s, v, side, stream);
    double size = length_of(s, v->d, delta), unused;

    unused = s->geometry == EUCLIDEAN ? v->radius * v->radius - size * size : v->radius - size;
    make_bump(s, side, stream, bump);
    for (ptrdiff_t channel = 0; channel < v->channels; channel++) {
        double sign = random_sign(stream), own, sum;
        for (ptrdiff_t k = 0; k < count; k++) {
            part[k] = delta[value_at(v, w.top + k / side, w.left + k % side, channel)];
        }
        own = length_of(s, count, part);
        sum = take_windows(s, v, &w, &cleared, channel, delta) +
              fmax(unused, 0) / (double)v->channels;
        for (ptrdiff_t k = 0; k < count; k++) {
            part[k] = sign * bump[k] + (own > 0 ? part[k] / own : 0);
        }
        scale_to(s, count, part, s->geometry == EUCLIDEAN ? sqrt(sum) : sum);
        for (ptrdiff_t k = 0; k < count; k++) {
            delta[value_at(v, w.top + k / side, w.left + k % side, channel)] = part[k];
        }
    }
    if (s->geometry == EUCLIDEAN) {
        scale_to(s, v->d, delta, v->radius);
    }
}

struct row_job {
    struct square_state *s;
    const struct advntk_attack_view *view;
    const struct advntk_attack_seen *seen;
    double *next; /* n,d */
};

static void keep_better(const struct row_job *job, ptrdiff_t i)
{
    struct square_state *s = job->s;
    if (job->view->step == 1 || job->seen->loss[i] > s->best_loss[i]) {
        s->best_loss[i] = job->seen->loss[i];
        memcpy(s->best + i * s->d, job->seen->point + i * s->d, (size_t)s->d * sizeof(double));
    }
}

static advntk_status propose(void *context, ptrdiff_t i, struct advntk_arena *arena,
                             struct advntk_error *err)
{
    struct row_job *job = context;
    const struct advntk_attack_view *v = job->view;
    struct square_state *s = job->s;
    const double *clean = v->clean + i * s->d;
    double *next = job->next + i * s->d, *bump = NULL, *part = NULL;
    struct advntk_stream stream;

    if (!v->active[i]) {
        return ADVNTK_OK;
    }
    if (s->geometry != CORNERS) {
        bump = advntk_arena_get(arena, v->height * v->width, sizeof(double));
        part = advntk_arena_get(arena, v->height * v->width, sizeof(double));
        if (!bump || !part) {
            return ADVNTK_FAIL(err, ENOMEM, "no memory for a window");
        }
    }
    advntk_attack_stream(v, i, &stream);
    if (v->step > 0) {
        keep_better(job, i);
        for (ptrdiff_t k = 0; k < s->d; k++) {
            next[k] = s->best[i * s->d + k] - clean[k];
        }
    }
    if (s->geometry == CORNERS && v->step == 0) {
        stripes(v, &stream, next);
    } else if (s->geometry == CORNERS) {
        corner_proposal(s, v, &stream, next);
    } else if (v->step == 0) {
        tiles(s, v, &stream, bump, next);
    } else {
        bump_proposal(s, v, &stream, bump, part, next);
    }
    if (s->geometry == EUCLIDEAN && v->step == 0) {
        scale_to(s, v->d, next, v->radius);
    }
    for (ptrdiff_t k = 0; k < s->d; k++) {
        next[k] += clean[k];
    }
    return ADVNTK_OK;
}

static advntk_status square_step(void *state, const struct advntk_attack_view *view,
                                 const struct advntk_attack_seen *seen,
                                 struct advntk_attack_ask *ask, struct advntk_error *err)
{
    struct square_state *s = state;
    struct row_job job = {s, view, seen, ask->point};

    if (view->step > s->config.queries) {
        for (ptrdiff_t i = 0; i < view->n; i++) {
            ask->done[i] = true;
        }
        return ADVNTK_OK;
    }
    return advntk_parallel_for(view->host, view->n, propose, &job, err);
}

static advntk_status square_save(const void *state, struct advntk_writer *w,
                                 struct advntk_error *err)
{
    const struct square_state *s = state;
    return arrays_save(s, square_arrays, s->n, s->d, w, err);
}

static advntk_status square_load(void *state, struct advntk_reader *r, struct advntk_error *err)
{
    struct square_state *s = state;
    return arrays_load(s, square_arrays, s->n, s->d, r, err);
}

static const struct advntk_attack_ops square_ops = {
    .goal = ADVNTK_GOAL_RADIUS,
    .needs = ADVNTK_NEEDS_OUTPUTS,
    .loss = "margin",
    .preset = square_preset,
    .unsupported = square_unsupported,
    .open = square_open,
    .step = square_step,
    .save = square_save,
    .load = square_load,
    .close = square_close,
};

ADVNTK_PLUGIN(
    ATTACK, square_ops, .name = "square", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "random search with square windows, from outputs alone",
    .doc = "A black-box attack: it never asks for a gradient, so it shows where gradients "
           "mislead. Without a loss of its own it takes margin. A restart costs queries + 2 "
           "outputs (the clean image, the stripes, the proposals). In l2 and l1 images must be "
           "at least 5x5.",
    .source = "Andriushchenko, Croce, Flammarion, Hein 2020 (arXiv 1912.00049), "
              "algorithms 1 to 3; l1: Croce, Hein 2021 (arXiv 2103.01208), section 5",
    .params = square_params, .config_bytes = sizeof(struct square_config));
