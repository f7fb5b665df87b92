/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an audit's counts come to, and how far a share of so many images can be trusted. */
#include "config.h"

#include "attack/evaluate.h"
#include "base/text.h"

#include <math.h>

/*
 * Chosen, not fitted; tests/unit/audit_limits.c has a model on each side of every one. The reasons:
 *
 * mismatch   Directions across a kink of relu disagree: 2 of 64 for the NTK of Fashion-MNIST
 *            (experiments/autoattack-fashion.yaml), fewer for smooth models. 5 % is more than
 *            kinks have shown; beyond half the gradient says less than a coin.
 * zero       An image with an all-zero gradient was not attacked there, so any is told. Where it
 *            is a tenth of those that stand, the robust accuracy may be a tenth too high, more than
 *            the interval of any test set worth the name.
 * rising, flat  The same tenth, of images that more steps might fool, and that no step moved up.
 * unverified Rows and panels change the last bits of float32 outputs only, so one point may be a
 *            fluke of size; a twentieth is a model that draws at random.
 * black_box  0.2 % of all images is the flag of the public AutoAttack for an attack without
 *            gradients that fools what those with gradients did not.
 * late       1 % of all images in the last restart alone: the next may bring as much again, which
 *            is half the width of an interval of 10,000 images.
 * box        Images that fill less than a tenth of the box: bytes in a box of [0,255] that were
 *            divided by 255 fill 0.4 %, photographs nearly all of it.
 */
const struct advntk__audit_limits advntk__audit_limits = {
    .suspect_mismatch = 0.05,
    .failed_mismatch = 0.5,
    .failed_zero = 0.1,
    .suspect_rising = 0.1,
    .suspect_flat = 0.1,
    .failed_flat = 0.5,
    .failed_unverified = 0.05,
    .suspect_black_box = 0.002,
    .suspect_late = 0.01,
    .suspect_box = 0.1,
};

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

struct judgement {
    const struct advntk__audit *audit;
    struct advntk__text *text; /* NULL: the verdict alone is wanted */
    int verdict;
};

#define REASON(j, level, ...)                                                                      \
    do {                                                                                           \
        (j)->verdict = (level) > (j)->verdict ? (level) : (j)->verdict;                            \
        if ((j)->text) {                                                                           \
            advntk__text_printf((j)->text, __VA_ARGS__);                                           \
        }                                                                                          \
    } while (0)

/* Was every point where it may be? */
static void judge_place(struct judgement *j)
{
    const struct advntk__audit *a = j->audit;

    if (a->outside_ball > 0) {
        REASON(j, ADVNTK__FAILED,
               "%lld images have points outside the ball: the norm's projection is wrong\n",
               (long long)a->outside_ball);
    }
    if (a->outside_box > 0) {
        REASON(j, ADVNTK__FAILED,
               "%lld images have points outside the pixel box: the norm's projection is wrong\n",
               (long long)a->outside_box);
    }
    if (a->wrong_distance > 0) {
        REASON(j, ADVNTK__FAILED,
               "%lld images have points whose distance is not what the norm's plugin says\n",
               (long long)a->wrong_distance);
    }
    if (a->clean_outside_box > 0) {
        REASON(j, ADVNTK__FAILED,
               "%lld clean images lie outside the pixel box: the box is not that of the data\n",
               (long long)a->clean_outside_box);
    } else if (a->attacked > 0 && a->box_used > 0 &&
               a->box_used < advntk__audit_limits.suspect_box) {
        REASON(j, ADVNTK__SUSPECT,
               "the clean images fill %.2g of the pixel box's width at most: the box or the radius "
               "may be in another unit\n",
               a->box_used);
    }
    if (a->outside_by_request) {
        REASON(j, ADVNTK__SUSPECT,
               "outside the radius by request (ball around the start point): up to %.3g times the "
               "radius\n",
               a->worst_distance);
    }
}

/* Did the model answer as a model does? */
static void judge_model(struct judgement *j)
{
    const struct advntk__audit *a = j->audit;
    double mismatch = share(a->gradient_mismatch, a->checked_gradients);
    double zero = share(a->zero_gradients, a->standing);

    if (mismatch > advntk__audit_limits.suspect_mismatch) {
        REASON(j,
               mismatch > advntk__audit_limits.failed_mismatch ? ADVNTK__FAILED : ADVNTK__SUSPECT,
               "gradients disagree with finite differences in %lld of %lld directions (up to %.2g "
               "relative)\n",
               (long long)a->gradient_mismatch, (long long)a->checked_gradients,
               a->worst_gradient_error);
    }
    if (zero > 0) {
        REASON(
            j, zero > advntk__audit_limits.failed_zero ? ADVNTK__FAILED : ADVNTK__SUSPECT,
            "%lld of %lld images that stand had an all-zero gradient: the attack was blind there\n",
            (long long)a->zero_gradients, (long long)a->standing);
    }
    if (a->unverified > 0) {
        REASON(
            j,
            share(a->unverified, a->verified) > advntk__audit_limits.failed_unverified
                ? ADVNTK__FAILED
                : ADVNTK__SUSPECT,
            "%lld of %lld points gave other outputs when they were evaluated again: a model that "
            "draws at random needs eot\n",
            (long long)a->unverified, (long long)a->verified);
    }
}

/* Would more steps fool more? Asked of the images by pushing some on; where that was impossible the
 * loss's last rise has to do. */
static void judge_pushes(struct judgement *j)
{
    const struct advntk__audit *a = j->audit;
    double low, high, drop, half;

    if (a->pushed == 0) {
        if (share(a->still_rising, a->standing) > advntk__audit_limits.suspect_rising &&
            a->doubtful > 0) {
            REASON(j, ADVNTK__SUSPECT,
                   "the loss still rose in the last step for %lld of %lld images "
                   "that stand: more steps may fool them\n",
                   (long long)a->still_rising, (long long)a->standing);
        }
        return;
    }
    advntk__wilson((double)a->robust, a->images, &low, &high);
    half = 0.5 * (high - low);
    drop = share(a->pushed_over, a->pushed) * share(a->doubtful, a->images);
    if (drop > half) {
        REASON(j, ADVNTK__SUSPECT,
               "a few steps more fooled %lld of %lld images that stood: robust accuracy is about "
               "%.3g too high, its interval is +-%.3g; give the attack more steps\n",
               (long long)a->pushed_over, (long long)a->pushed, drop, half);
    }
}

/* Did the attack do what attacks do? */
static void judge_attack(struct judgement *j)
{
    const struct advntk__audit *a = j->audit;
    double flat = share(a->never_rose, a->standing);

    if (flat > advntk__audit_limits.suspect_flat) {
        REASON(j, flat > advntk__audit_limits.failed_flat ? ADVNTK__FAILED : ADVNTK__SUSPECT,
               "the loss never rose above that of the start for %lld of %lld images that stand\n",
               (long long)a->never_rose, (long long)a->standing);
    }
    judge_pushes(j);
    if (share(a->black_box_fell, a->images) > advntk__audit_limits.suspect_black_box) {
        REASON(
            j, ADVNTK__SUSPECT,
            "an attack without gradients fooled %lld images that attacks with gradients had not: "
            "gradients may be masked\n",
            (long long)a->black_box_fell);
    }
    if (share(a->fell_late, a->images) > advntk__audit_limits.suspect_late) {
        REASON(j, ADVNTK__SUSPECT,
               "%lld images fell in the last restart alone: more restarts may fool more\n",
               (long long)a->fell_late);
    }
    if (a->out_of_time > 0) {
        REASON(j, ADVNTK__SUSPECT, "the time budget cut the attack short for %lld images\n",
               (long long)a->out_of_time);
    }
}

static int judge(const struct advntk__audit *audit, struct advntk__text *text)
{
    struct judgement j = {audit, text, ADVNTK__TRUSTED};

    judge_place(&j);
    judge_model(&j);
    judge_attack(&j);
    return j.verdict;
}

void advntk__audit_judge(struct advntk__audit *audit)
{
    audit->verdict = judge(audit, NULL);
}

void advntk__audit_reasons(const struct advntk__audit *audit, struct advntk__text *text)
{
    (void)judge(audit, text);
}

/* Wilson 1927: the set of p whose normal test is not rejected at 95 %. */
void advntk__wilson(double right, int64_t count, double *low, double *high)
{
    const double z = 1.959963984540054; /* the normal distribution's 97.5 % point */
    double n = (double)count, middle, half, scale;

    if (count <= 0) {
        *low = 0;
        *high = 1;
        return;
    }
    scale = n + z * z;
    middle = (right + 0.5 * z * z) / scale;
    half = z / scale * sqrt(right * (n - right) / n + 0.25 * z * z);
    *low = right <= 0 ? 0 : fmax(0, middle - half);
    *high = right >= n ? 1 : fmin(1, middle + half);
}
