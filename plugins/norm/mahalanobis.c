/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A weighted Euclidean norm: sqrt(sum_k m_k (a_k - b_k)^2) with a diagonal metric m > 0 from a
 * file, and values that must not change (m infinite) from a mask. The example of a norm with data.
 *
 * Ball and box, with q = point - centre and room_k the box's room on the side that q_k points to:
 * the Lagrangian's minimiser is z_k = clamp(q_k / (1 + lambda m_k)); sum_k m_k z_k^2 falls with
 * lambda, and lambda is found by Newton's method inside a bracket that is also halved. Plane and
 * box: the step is clamp(mu w_k / m_k), and <w,step> is concave and piecewise linear in mu, so
 * Newton's method climbs to the root and never passes it.
 *
 * Files are read once, when the recipe is checked, and kept until the program ends.
 */
#include "config.h"

#include "plane.h"

#include <advntk/plugin.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct mahalanobis_config {
    const char *metric, *mask;
};

static const struct advntk_param mahalanobis_params[] = {
    ADVNTK_PATH(struct mahalanobis_config, metric, NULL, .symbol = "M",
                .help = "npy file of positive weights, one a value of an image or one a pixel for "
                        "all its channels; without it all are 1"),
    ADVNTK_PATH(struct mahalanobis_config, mask, NULL,
                .help = "npy file, shaped likewise: 0 where an image must not change, 1 where it "
                        "may; without it all may"),
    ADVNTK_PARAM_END};

struct weights {
    struct weights *next;
    char *path;
    ptrdiff_t count;
    double values[];
};

static struct weights *files; /* grows only; the lock is for its head */
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

static struct weights *find(const char *path)
{
    struct weights *w = files;
    while (w && strcmp(w->path, path) != 0) {
        w = w->next;
    }
    return w;
}

static advntk_status read_file(const char *path, struct weights **made, struct advntk_error *err)
{
    struct advntk_npy npy = {.descriptor = -1};
    ptrdiff_t count = 1;
    size_t length = strlen(path) + 1;
    advntk_status rc = advntk_npy_open(&npy, path, err);

    if (rc != ADVNTK_OK) {
        return rc;
    }
    for (int k = 0; k < npy.rank; k++) {
        count *= npy.shape[k]; /* the file holds as many: advntk_npy_open saw to it */
    }
    if (count < 1 || count > 1 << 26) {
        rc = ADVNTK_FAIL(err, ESHAPE,
                         "%s: holds %td values, expected one a value or pixel of an image", path,
                         count);
        goto out;
    }
    *made = calloc(1, sizeof(**made) + (size_t)count * sizeof(double));
    if (*made) {
        (*made)->count = count;
        (*made)->path = malloc(length);
    }
    if (!*made || !(*made)->path) {
        rc = ADVNTK_FAIL(err, ENOMEM, "%s: no memory for %td values", path, count);
        goto out;
    }
    memcpy((*made)->path, path, length);
    rc = advntk_npy_read_reals(&npy, 0, count, (*made)->values, err);
out:
    advntk_npy_close(&npy);
    return rc;
}

/* The values of a file; read at its first use. NULL: see err. */
static const struct weights *weights_of(const char *path, struct advntk_error *err)
{
    struct weights *w, *made = NULL;

    pthread_mutex_lock(&files_lock);
    w = find(path);
    if (!w && read_file(path, &made, err) == ADVNTK_OK && made) {
        made->next = files;
        files = made;
        w = made;
        made = NULL;
    }
    pthread_mutex_unlock(&files_lock);
    if (made) {
        free(made->path);
        free(made);
    }
    return w;
}

static advntk_status check_values(const struct weights *w, bool is_mask, struct advntk_error *err)
{
    bool any = false;

    for (ptrdiff_t k = 0; k < w->count; k++) {
        double value = w->values[k];
        if (is_mask ? value != 0 && value != 1 : !(value > 0 && isfinite(value))) {
            return ADVNTK_FAIL(err, EINVALID, "%s: value %td is %g, expected %s", w->path, k, value,
                               is_mask ? "0 or 1" : "a positive number");
        }
        any = any || value > 0;
    }
    if (!any) {
        return ADVNTK_FAIL(err, EINVALID, "%s: lets no value change", w->path);
    }
    return ADVNTK_OK;
}

static advntk_status mahalanobis_check(const void *config, struct advntk_error *err)
{
    const struct mahalanobis_config *cfg = config;
    const char *paths[2] = {cfg->metric, cfg->mask};

    for (int k = 0; k < 2; k++) {
        const struct weights *w = paths[k] ? weights_of(paths[k], err) : NULL;
        if (paths[k] && !w) {
            return err ? err->status : ADVNTK_EIO;
        }
        if (w && check_values(w, k == 1, err) != ADVNTK_OK) {
            return err ? err->status : ADVNTK_EINVALID;
        }
    }
    return ADVNTK_OK;
}

struct metric {
    const double *weight, *may;      /* NULL: 1 everywhere */
    ptrdiff_t weight_step, may_step; /* values that share an entry */
    bool fits;
};

static ptrdiff_t fit(const struct weights *w, ptrdiff_t d)
{
    return w && w->count <= d && d % w->count == 0 ? d / w->count : 0;
}

/* A file that does not fit the images gives NaN everywhere, which the host refuses by name. */
static struct metric metric_of(const void *config, ptrdiff_t d)
{
    const struct mahalanobis_config *cfg = config;
    const struct weights *weight = cfg->metric ? weights_of(cfg->metric, NULL) : NULL,
                         *may = cfg->mask ? weights_of(cfg->mask, NULL) : NULL;
    struct metric m = {.weight_step = fit(weight, d), .may_step = fit(may, d)};

    m.weight = weight ? weight->values : NULL;
    m.may = may ? may->values : NULL;
    m.fits = (!cfg->metric || m.weight_step > 0) && (!cfg->mask || m.may_step > 0);
    return m;
}

/* m_k; infinite where nothing may change */
static double at(const struct metric *m, ptrdiff_t k)
{
    if (!m->fits) {
        return (double)NAN;
    }
    if (m->may && m->may[k / m->may_step] == 0) {
        return (double)INFINITY;
    }
    return m->weight ? m->weight[k / m->weight_step] : 1;
}

static double mahalanobis_distance(const void *config, ptrdiff_t d, const double *a,
                                   const double *b)
{
    struct metric m = metric_of(config, d);
    double sum = 0;
    for (ptrdiff_t k = 0; k < d; k++) {
        double gap = a[k] - b[k], weight = at(&m, k);
        sum += gap == 0 && m.fits ? 0 : weight * gap * gap;
    }
    return sqrt(sum);
}

/* Scaled by the largest entry: gradients may be so small that their squares vanish. */
static double scaled_squares(const struct metric *m, ptrdiff_t d, const double *g, double *scale)
{
    double sum = 0;
    *scale = 0;
    for (ptrdiff_t k = 0; k < d; k++) {
        double size = fabs(g[k]);
        *scale = isinf(at(m, k)) || size <= *scale ? *scale : size;
    }
    for (ptrdiff_t k = 0; k<d && * scale> 0; k++) {
        double part = g[k] / *scale, weight = at(m, k);
        sum += isinf(weight) ? 0 : part * part / weight;
    }
    return sum;
}

static double mahalanobis_dual_norm(const void *config, ptrdiff_t d, const double *g)
{
    struct metric m = metric_of(config, d);
    double scale, sum = scaled_squares(&m, d, g, &scale);
    return scale * sqrt(sum);
}

static void mahalanobis_steepest(const void *config, ptrdiff_t d, const double *g, double sparsity,
                                 double *direction)
{
    struct metric m = metric_of(config, d);
    double scale, length = sqrt(scaled_squares(&m, d, g, &scale));

    (void)sparsity;
    for (ptrdiff_t k = 0; k < d; k++) {
        double weight = at(&m, k);
        direction[k] = !(scale > 0) || isinf(weight) ? 0 : g[k] / scale / weight / length;
    }
}

struct ball {
    ptrdiff_t d;
    struct metric m;
    const double *centre, *lo, *hi; /* lo NULL: no box */
    const double *point;
};

static double into_box(const struct ball *b, ptrdiff_t k, double step)
{
    return b->lo ? fmin(fmax(step, fmin(b->lo[k] - b->centre[k], 0)),
                        fmax(b->hi[k] - b->centre[k], 0))
                 : step;
}

/* The squared length at lambda, and minus half its derivative. */
static double length_at(const struct ball *b, double lambda, double *falling)
{
    double sum = 0;
    *falling = 0;
    for (ptrdiff_t k = 0; k < b->d; k++) {
        double q = b->point[k] - b->centre[k], weight = at(&b->m, k), step, kept;
        if (isinf(weight)) {
            continue;
        }
        step = q / (1 + lambda * weight);
        kept = into_box(b, k, step);
        sum += weight * kept * kept;
        *falling += kept == step ? weight * weight * step * step / (1 + lambda * weight) : 0;
    }
    return sum;
}

static double largest_lambda(const struct ball *b, double radius)
{
    double sum = 0;
    for (ptrdiff_t k = 0; k < b->d; k++) {
        double q = b->point[k] - b->centre[k], weight = at(&b->m, k);
        sum += isinf(weight) ? 0 : q * q / weight;
    }
    return sqrt(sum) / radius; /* sum m (q/(lambda m))^2 = radius^2, and 1 + lambda m > lambda m */
}

static double find_lambda(const struct ball *b, double radius)
{
    double falling, lambda = 0, low = 0, target = radius * radius;
    double length = length_at(b, 0, &falling), high;

    if (!(length > target)) {
        return 0;
    }
    high = largest_lambda(b, radius);
    for (int round = 0;; round++) {
        double next = lambda + 0.5 * (length - target) / falling;
        if (round % 4 == 3 || !(next > low && next < high)) {
            next = low + 0.5 * (high - low);
        }
        if (!(next > low && next < high)) {
            break;
        }
        lambda = next;
        length = length_at(b, lambda, &falling);
        if (fabs(length - target) <= 4 * DBL_EPSILON * target) {
            return lambda;
        }
        low = length > target ? lambda : low;
        high = length > target ? high : lambda;
    }
    return high;
}

static void project(const struct ball *b, double radius, double *point)
{
    double lambda = radius > 0 && b->m.fits ? find_lambda(b, radius) : 0;

    for (ptrdiff_t k = 0; k < b->d; k++) {
        double q = b->point[k] - b->centre[k], weight = at(&b->m, k);
        if (!b->m.fits) {
            point[k] = (double)NAN;
        } else if (isinf(weight) || !(radius > 0)) {
            point[k] = b->centre[k];
        } else if (lambda > 0) {
            point[k] = b->centre[k] + q / (1 + lambda * weight);
        }
        if (b->lo && b->m.fits) {
            point[k] = fmin(fmax(point[k], b->lo[k]), b->hi[k]);
        }
    }
}

static void mahalanobis_project_ball(const void *config, ptrdiff_t d, const double *centre,
                                     double radius, double *point)
{
    struct ball b = {.d = d, .m = metric_of(config, d), .centre = centre, .point = point};
    project(&b, radius, point);
}

static void mahalanobis_project_ball_box(const void *config, ptrdiff_t d, const double *centre,
                                         double radius, const double *lo, const double *hi,
                                         double *point)
{
    struct ball b = {
        .d = d, .m = metric_of(config, d), .centre = centre, .lo = lo, .hi = hi, .point = point};
    project(&b, radius, point);
}

static void mahalanobis_project_plane_box(const void *config, ptrdiff_t d, const double *point,
                                          const double *w, double b, const double *lo,
                                          const double *hi, double *delta)
{
    struct metric m = metric_of(config, d);
    double gap = b, side, mu = 0, before = -1;

    for (ptrdiff_t k = 0; k < d; k++) {
        gap -= w[k] * point[k];
    }
    side = gap < 0 ? -1 : 1;
    gap = fabs(gap);
    while (mu > before) {
        double reached = 0, slope = 0;
        for (ptrdiff_t k = 0; k < d; k++) {
            double weight = at(&m, k), size = fabs(w[k]);
            double room = isinf(weight) ? 0 : plane_room(point[k], w[k], side, lo[k], hi[k]);
            bool capped = mu * size / weight >= room;
            reached += capped ? size * room : 0;
            slope += capped ? 0 : size * size / weight;
        }
        before = mu;
        if (slope > 0) {
            mu = fmax(mu, (gap - reached) / slope);
        } else if (reached < gap) {
            mu = (double)INFINITY; /* plane and box do not meet: the corner nearest to the plane */
            break;
        }
    }
    for (ptrdiff_t k = 0; k < d; k++) {
        double weight = at(&m, k), room = plane_room(point[k], w[k], side, lo[k], hi[k]);
        delta[k] = w[k] == 0 || isinf(weight)
                       ? 0
                       : copysign(fmin(mu * fabs(w[k]) / weight, room), side * w[k]);
        delta[k] = m.fits ? delta[k] : (double)NAN;
    }
}

/* Uniform in the Euclidean ball of the values that may change, stretched to the ellipsoid. */
static void mahalanobis_random(const void *config, ptrdiff_t d, const double *centre, double radius,
                               struct advntk_stream *stream, double *point)
{
    struct metric m = metric_of(config, d);
    double sum = 0, length;
    ptrdiff_t free_values = 0;

    for (ptrdiff_t k = 0; k < d; k++) {
        double z = isinf(at(&m, k)) ? 0 : advntk_random_normal(stream);
        free_values += !isinf(at(&m, k));
        point[k] = z;
        sum += z * z;
    }
    length =
        radius * pow(advntk_random_uniform(stream), 1.0 / (double)(free_values + !free_values));
    for (ptrdiff_t k = 0; k < d; k++) {
        double z = sum > 0 ? point[k] * (length / sqrt(sum)) : 0;
        point[k] = centre[k] + (z == 0 && m.fits ? 0 : z / sqrt(at(&m, k)));
    }
}

static const struct advntk_norm_ops mahalanobis_ops = {
    .unit = "weighted pixel value, Euclidean over the image",
    .radius_max = (double)INFINITY,
    .distance = mahalanobis_distance,
    .dual_norm = mahalanobis_dual_norm,
    .steepest = mahalanobis_steepest,
    .project_ball = mahalanobis_project_ball,
    .project_ball_box = mahalanobis_project_ball_box,
    .project_plane_box = mahalanobis_project_plane_box,
    .random = mahalanobis_random,
};

ADVNTK_PLUGIN(
    NORM, mahalanobis_ops, .name = "mahalanobis", .version = "1.0.0", .licence = "GPL-3.0-or-later",
    .summary = "Euclidean norm with weights, and values that must not change",
    .doc = "A diagonal metric from an npy file makes changes cheap here and dear there, a "
           "mask forbids them. A file holds one number a value, or one a pixel for all "
           "its channels; images of another size are refused. Without either it is l2. All "
           "projections are exact.",
    .source = "Mahalanobis 1936; projections: KKT conditions, solved exactly",
    .params = mahalanobis_params, .config_bytes = sizeof(struct mahalanobis_config),
    .check = mahalanobis_check);
